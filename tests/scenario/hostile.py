"""Clients that mean harm: others are served all the same."""
import socket
import threading

from scenario import scenario


def drain(connection):
    """Reads until the other end closes; returns the octets' number."""
    octets = 0
    try:
        while True:
            piece = connection.recv(1 << 16)
            if not piece:
                break
            octets += len(piece)
    except OSError:
        pass
    return octets


def send(connection, octets):
    try:
        connection.sendall(octets)
    except OSError:
        pass  # it was closed meanwhile


@scenario(settings={"login_timeout": "2s"})
def slow_lorises_end_while_others_log_in(s):
    lorises = []
    for begun in (b"", b"a", b"a1 LOGIN u1 {6}\r\nsec", b"a1 AUTHENTICATE PLAIN\r\n"):
        for _ in range(10):
            connection = socket.create_connection(("127.0.0.1", s.mux_port), 5)
            connection.sendall(begun)
            connection.settimeout(15)
            lorises.append(connection)
    for _ in range(5):
        s.client(select="INBOX").logout()
    for connection in lorises:
        drain(connection)  # ends, or the time is up
        connection.settimeout(0.2)
        assert connection.recv(1) == b"", "still open after login_timeout"
        connection.close()


@scenario(timeout=120)
def a_flood_of_tiny_commands_holds_up_nobody(s):
    s.deliver("m1")
    flood = s.client(name="flood", select="INBOX", tracked=False)
    count = 20_000
    sender = threading.Thread(target=send, args=(flood.socket, b"f NOOP\r\n" * count))
    reader = threading.Thread(target=drain, args=(flood.socket,))
    flood.socket.settimeout(60)
    reader.start()
    sender.start()
    other = s.client(name="other", select="INBOX")
    for _ in range(5):
        assert other.fetch_identity(1) == "m1"
    flood.socket.shutdown(socket.SHUT_RDWR)
    sender.join()
    reader.join()
    other.noop()


@scenario()
def depth_and_width_are_refused_or_served(s):
    s.fill(3)
    other = s.client(name="other", select="INBOX", learn=True)
    for command in ("SEARCH " + "(" * 60_000, "SEARCH " + "(" * 30_000 + "ALL" + ")" * 30_000, "SEARCH " + "NOT " * 15_000 + "ALL",
                    "FETCH " + ",".join(["1"] * 30_000) + " FLAGS", "UID FETCH 1:4294967295 FLAGS",
                    "UID FETCH " + ",".join(str(number) for number in range(1, 9_000)) + " FLAGS", "FETCH 1 " + "(" * 60_000):
        client = s.client(name="hostile", select="INBOX", tracked=False)
        assert client.command(command).status in ("OK", "NO", "BAD"), command[:40]
        assert other.fetch_identity(3) == "m3"
        client.close_socket()


@scenario()
def a_line_that_does_not_end_holds_up_nobody(s):
    with socket.create_connection(("127.0.0.1", s.mux_port), 5) as connection:
        connection.settimeout(10)
        send(connection, b"x" * 100_000)
        s.client(select="INBOX").noop()
        send(connection, b"y" * 10_000_000)
        s.client(select="INBOX").noop()
