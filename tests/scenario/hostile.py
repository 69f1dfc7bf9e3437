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


def send_for_ever(connection, octets):
    """And noise behind them, until it is closed."""
    noise = bytes(1 << 20)
    try:
        connection.sendall(octets)
        while True:
            connection.sendall(noise)
    except OSError:
        pass


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


@scenario(build="release")
def leavers_that_go_on_sending_hold_up_nobody(s):
    """What comes behind a LOGOUT is read away: however fast it comes, the others have their turns meanwhile."""
    s.deliver("m1")
    other = s.client(name="other", select="INBOX", learn=True)
    leavers = [s.connect(tracked=False).socket for _ in range(4)]
    for leaver in leavers:
        leaver.settimeout(30)
    senders = [threading.Thread(target=send_for_ever, args=(leaver, b"l LOGOUT\r\n")) for leaver in leavers]
    for sender in senders:
        sender.start()
    for _ in range(20):
        other.noop()
        assert other.fetch_identity(1) == "m1"
    for sender in senders:
        sender.join()
    assert s.log_text().count("without waiting for the client's end any longer") == 4, "the leavers were not cut"
