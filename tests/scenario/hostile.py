"""Clients that mean harm: others are served all the same."""
import itertools
import os
import select
import socket
import ssl
import struct
import threading

from certificates import Authority
from imap_client import Closed
from mail_server import free_port, wait_until
from scenario import scenario

MEGA = 1 << 20


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
    assert s.log_text().count("the client did not close its side in time") == 4, "the leavers were not cut"


# --- slow ones


def trickle(connection, pieces, said):
    """Piece by piece until the other end closes; what that says goes to `said`."""
    connection.settimeout(0.05)
    for piece in pieces:
        try:
            connection.sendall(piece)
            answer = connection.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            return
        if not answer:
            return
        said.append(answer)


def client_hello():
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    octets = outgoing.read()
    assert len(octets) > 200
    return [octets[at:at + 1] for at in range(len(octets))]


def start_with_tls(s):
    """On s.mux_port with STARTTLS; returns a port with TLS from the first octet."""
    authority = Authority(os.path.join(s.directory, "ca"))
    certificate = authority.issue("proxy", "IP:127.0.0.1")
    files = ["cert = " + certificate.cert, "key = " + certificate.key]
    s.mux_port, secure = free_port(), free_port()
    path = s.write_settings(listener=[*files, "[listener secure]", "url = imaps://127.0.0.1:%d" % secure, *files])
    s.start_imapmux(["-c", path])
    return secure


@scenario(start=False, settings={"login_timeout": "1s"})
def trickling_clients_end_while_others_log_in(s):
    """In TLS's handshake, before it, in a line, in a literal: login_timeout counts from the beginning, whatever comes."""
    secure = start_with_tls(s)
    silence, noise = itertools.repeat(b""), itertools.repeat(b"x")
    plain, tls = ([(b"", noise), (b"a1 LOGIN {2000}\r\n", noise), (b"a1 LOGIN u1 {6+}\r\nsec", silence), (b"", silence)],
                  [(secure, b"", client_hello()), (secure, b"", silence), (s.mux_port, b"a1 STARTTLS\r\n", silence),
                   (s.mux_port, b"a1 STARTTLS\r\n", client_hello())])
    lorises = []
    for port, begun, pieces in [(s.mux_port, *pair) for pair in plain] + tls:
        connection, said = socket.create_connection(("127.0.0.1", port), 5), []
        connection.sendall(begun)
        while b"STARTTLS" in begun and b"a1 OK" not in b"".join(said):
            said.append(connection.recv(4096))  # what came before its answer would be dropped
        thread = threading.Thread(target=trickle, args=(connection, pieces, said))
        thread.start()
        lorises.append((thread, connection, said))
    for _ in range(5):
        s.client(select="INBOX").logout()
    for thread, connection, said in lorises:
        thread.join(20)
        assert not thread.is_alive(), "still open after login_timeout"
        connection.close()
    for _, _, said in lorises[:len(plain)]:
        assert b"* BYE" in b"".join(said), said
    assert s.log_text().count("TLS handshake: the client did not finish it in time") == len(tls)


@scenario(build="release", settings={"login_timeout": "1s"})
def who_is_in_may_be_slow(s):
    """A line and a literal that trickle in for longer than login_timeout are taken, and hold little memory."""
    s.fill(2)
    other = s.client(name="other", select="INBOX", learn=True)
    before = resident(s)
    slow = [s.client(name="slow%d" % number, select="INBOX") for number in range(20)]
    for client in slow:
        client.outstanding.append((b"x1", b"SEARCH"))
        client.send_raw(b"x1 SEARCH SUBJECT {30000+}\r\n")
    for _ in range(30):
        for client in slow:
            client.socket.sendall(b"y" * 1000)
        assert other.fetch_identity(2) == "m2"
    with socket.create_connection(("127.0.0.1", s.mux_port), 5) as stranger:
        stranger.settimeout(10)
        drain(stranger)  # login_timeout is over
    assert resident(s) - before < 20 * MEGA
    for client in slow:
        client.send_raw(b"\r\n")
        assert client.finish(b"x1").ok


# --- floods

def resident(s):
    """Resident octets of imapmux; 0 under a sanitizer, whose shadow memory says nothing."""
    with open("/proc/%d/status" % s.process.pid) as status:
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith(("VmRSS:", "VmSize:"))}
    return 0 if kilobytes["VmSize"] > MEGA else kilobytes["VmRSS"] * 1024


def send_as_far_as_it_goes(connection, octets):
    """Without reading anything; returns what is left once the other end has stopped taking more."""
    left = memoryview(octets)
    connection.setblocking(False)
    while left and select.select([], [connection], [], 1)[1]:
        left = left[connection.send(left):]
    return left


def answers(connection, left):
    """Sends the rest and reads; yields the lines."""
    rest = b""
    while True:
        readable, writable, _ = select.select([connection], [connection] if left else [], [], 20)
        assert readable or writable, "neither takes nor gives"
        if writable:
            left = left[connection.send(left):]
        if readable:
            piece = connection.recv(1 << 16)
            assert piece, "closed"
            *lines, rest = (rest + piece).split(b"\r\n")
            yield from lines


def flood(s, connection, other):
    count = 200_000
    left = send_as_far_as_it_goes(connection, b"".join(b"n%06d NOOP\r\n" % number for number in range(count)))
    assert other.fetch_identity(1) == "m1"
    assert resident(s) < 48 * MEGA, "%d MB resident" % (resident(s) // MEGA)
    expected = 0
    for line in answers(connection, left):
        if line.startswith(b"*"):
            continue
        assert line.startswith(b"n%06d OK" % expected), line
        expected += 1
        if expected % 20_000 == 0:
            assert other.fetch_identity(1) == "m1"
        if expected == count:
            break
    assert resident(s) < 48 * MEGA, "%d MB resident" % (resident(s) // MEGA)
    print("%d answers, %d KB resident, %d octets unsent at first" % (count, resident(s) // 1024, len(left)))


@scenario(build="release", settings={"freshness": "1s"}, timeout=120)
def two_hundred_thousand_commands_unread_are_answered_in_order(s):
    s.deliver("m1")
    other = s.client(name="other", select="INBOX", learn=True)
    flood(s, s.client(name="flood", select="INBOX", tracked=False).socket, other)


@scenario(build="release", settings={"freshness": "1s"}, timeout=120)
def the_same_before_login(s):
    s.deliver("m1")
    other = s.client(name="other", select="INBOX", learn=True)
    flood(s, s.connect(tracked=False).socket, other)


DEEP = 100_000
MILLION = ",".join(str(number) for number in range(1, 1_000_001))


@scenario(build="release", settings={"client_line_max": "16M", "upstream_command_max": "8000"}, timeout=180)
def depth_and_width_where_lines_may_be_long(s):
    """With a client_line_max that lets them all in: the grammars and what goes upstream have limits of their own."""
    s.fill(3)
    other = s.client(name="other", select="INBOX", learn=True)
    keywords = " ".join("k%d" % number for number in range(1_000_000))
    commands = [text % ("(" * DEEP) for text in (
        "SEARCH %s", "FETCH 1 %s", "LIST %s", 'LIST "" %s', 'LIST "" * RETURN %s', "ID %s", "STORE 1 +FLAGS %s", "STATUS INBOX %s",
        "APPEND INBOX %s", "SELECT INBOX %s", "GETMETADATA %s", "SORT %s", "ENABLE %s", "FETCH 1 BODY[HEADER.FIELDS %s")]
    commands += ["SEARCH " + "(" * DEEP + "ALL" + ")" * DEEP, "SEARCH " + "NOT " * DEEP + "ALL", "SEARCH " + "OR ALL " * DEEP + "ALL"]
    commands += [text % numbers for numbers in ("1:4294967295", MILLION) for text in (
        "FETCH %s FLAGS", "UID FETCH %s FLAGS", "STORE %s +FLAGS (\\Seen)", "UID STORE %s +FLAGS (\\Seen)", "COPY %s INBOX",
        "SEARCH %s", "SEARCH UID %s", "UID SEARCH NOT UID %s", "UID EXPUNGE %s")]
    commands += ["STORE 1 +FLAGS (%s)" % keywords, "APPEND INBOX (%s) {5+}\r\nhello" % keywords]
    for command in commands:
        client = s.client(name="hostile", select="INBOX", tracked=False, timeout=30)
        try:
            status = client.command(command).status
        except Closed as closed:
            assert closed.bye, command[:40]
            status = "BYE"
        s.log("%-30s %4s %6d KB" % (command[:30], status, resident(s) // 1024))
        assert other.fetch_identity(3) == "m3"
        client.close_socket()
    assert resident(s) < 256 * MEGA, "%d MB resident" % (resident(s) // MEGA)
    longest = max(len(text) for text in s.relay.commands() if " k0 " not in text and "(k0 " not in text)
    assert longest <= 8000, "%d octets sent upstream in a line" % longest


@scenario()
def empty_lines_by_the_thousand(s):
    s.deliver("m1")
    other = s.client(name="other", select="INBOX", learn=True)
    for connection in (s.connect(tracked=False).socket, s.client(tracked=False).socket):
        thread = threading.Thread(target=drain, args=(connection,))
        thread.start()
        send(connection, b"\r\n" * 65_536)
        assert other.fetch_identity(1) == "m1"
        send(connection, b"l LOGOUT\r\n")
        thread.join()
        connection.close()
    other.noop()


@scenario(timeout=120)
def thousands_of_connections_that_are_reset_at_once(s):
    s.deliver("m1")
    other = s.client(name="other", select="INBOX", learn=True)
    for turn in range(3000):
        connection = socket.create_connection(("127.0.0.1", s.mux_port), 5)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        if turn % 500 == 0:
            assert other.fetch_identity(1) == "m1"
    descriptors = "/proc/%d/fd" % s.process.pid
    wait_until(lambda: len(os.listdir(descriptors)) < 40, "their descriptors are still held")
    s.client(name="later", select="INBOX").noop()
