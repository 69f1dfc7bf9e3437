"""A small IMAP server with one session at a time, which counts a session for as long as its TCP connection lives. A program of
its own, to be run in another network namespace: one_session_server.py ADDRESS PORT. Prints a line for each login."""
import socket
import sys
import threading

LOCK = threading.Lock()
HOLDER = []


def answer(connection, tag, word):
    if word in (b"LOGIN", b"AUTHENTICATE"):
        with LOCK:
            if HOLDER and connection not in HOLDER:
                print("refused", flush=True)
                return tag + b" NO [LIMIT] Too many sessions\r\n"
            HOLDER.append(connection)
        print("login", flush=True)
        return tag + b" OK in\r\n"
    if word == b"CAPABILITY":
        return b"* CAPABILITY IMAP4rev1 IDLE\r\n" + tag + b" OK\r\n"
    if word in (b"SELECT", b"EXAMINE"):
        return b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [UIDNEXT 1] n\r\n" + tag + b" OK [READ-WRITE] selected\r\n"
    if word == b"STATUS":
        return b"* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1)\r\n" + tag + b" OK\r\n"
    if word == b"LIST":
        return b'* LIST () "/" ""\r\n' + tag + b" OK\r\n"
    return tag + b" OK done\r\n"


def serve(connection):
    try:
        connection.sendall(b"* OK hello\r\n")
        idle = b""
        for line in connection.makefile("rb"):
            tag, _, rest = line.strip().partition(b" ")
            word = rest.split(b" ")[0].upper()
            if tag.upper() == b"DONE":
                connection.sendall(idle + b" OK idle is over\r\n")
            elif word == b"IDLE":
                idle = tag
                connection.sendall(b"+ idling\r\n")
            elif word == b"LOGOUT":
                connection.sendall(b"* BYE\r\n" + tag + b" OK\r\n")
                return
            else:
                connection.sendall(answer(connection, tag, word))
    except OSError:
        pass
    finally:
        with LOCK:
            if connection in HOLDER:
                HOLDER.remove(connection)
                print("over", flush=True)
        connection.close()


def main():
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    with socket.create_server((sys.argv[1], int(sys.argv[2])), family=family) as listener:
        print("listening", flush=True)
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


main()
