"""COMPRESS=DEFLATE (RFC 4978) to clients and to the server: exactly from which octet on, with TLS, slow readers, cuts and bombs."""
import os
import socket
import time
import zlib

from certificates import Authority
from imap_client import make_message
from mail_server import free_port
from measure import memory
from scenario import scenario

MEGA = 1 << 20
ZLIB = "protocol imap {\n  mail_plugins = $mail_plugins imap_zlib\n}\n"


def start(s, upstream=(), listener=()):
    s.mux_port = free_port()
    s.start_imapmux(["-c", s.write_settings(list(upstream), list(listener))])


def deflated(data):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH)


@scenario()
def several_clients_with_and_without(s):
    """A change by each is told to all; what each of them hears is its own."""
    s.deliver("m1", "m2", "m3")
    clients = [s.client(select="INBOX", learn=False) for _ in range(4)]
    for client in clients[::2]:
        assert "COMPRESS=DEFLATE" in client.capabilities()
        client.compress()
        assert "COMPRESS=DEFLATE" not in client.capabilities()
    for client in clients:
        client.learn()
    for number, client in enumerate(clients):
        client.append("INBOX", make_message("by%d" % number))
    for client in clients:
        client.noop()
        client.learn()
        assert client.identities() == ["m1", "m2", "m3", "by0", "by1", "by2", "by3"], client.identities()
    clients[0].ok("STORE 2 +FLAGS (\\Deleted)")
    clients[0].ok("EXPUNGE")
    for client in clients:
        client.noop()
        assert client.fetch_identity(2) == "m3"
    for client in clients:
        client.idle()
    s.deliver("late")
    for client in clients:
        client.idle_until(lambda client=client: len(client.messages) == 7)
        client.done()


@scenario()
def twice_is_refused(s):
    client = s.client()
    assert client.command("COMPRESS LZMA").status == "BAD"
    client.compress()
    result = client.command("COMPRESS DEFLATE")
    assert result.status == "NO" and result.code_name == "COMPRESSIONACTIVE", result
    client.noop()


@scenario(start=False)
def with_tls(s):
    """TLS first, compression within it."""
    s.fill(30, size=20_000)
    authority = Authority(os.path.join(s.directory, "own"), "Own CA")
    own = authority.issue("listener", "IP:127.0.0.1")
    start(s, listener=["cert = " + own.cert, "key = " + own.key])
    client = s.connect()
    client.ok("STARTTLS")
    client.start_tls(authority.context())
    client.login("u1", "secret")
    client.compress()
    client.select("INBOX")
    client.ok("FETCH 1:* BODY.PEEK[]")
    client.learn()
    assert len(client.messages) == 30
    read, inflated = client.socket.octets_read, client.socket.octets_inflated
    assert read * 5 < inflated, "%d octets for %d" % (read, inflated)


@scenario(start=False)
def a_listener_may_leave_it_out(s):
    start(s, listener=["compress = no"])
    client = s.client()
    assert "COMPRESS=DEFLATE" not in client.capabilities()
    assert client.command("COMPRESS DEFLATE").status == "BAD"
    client.noop()


def log_in_raw(s):
    """A socket that has logged in, and whose answer to COMPRESS is awaited."""
    line = socket.create_connection(("127.0.0.1", s.mux_port), 10)
    line.sendall(b"a LOGIN u1 secret\r\n")
    read_to(line, b"a OK")
    return line


def read_to(line, wanted):
    data = b""
    while wanted not in data or not data.endswith(b"\r\n"):
        more = line.recv(4096)
        assert more, data
        data += more
    return data


@scenario()
def the_command_and_compressed_ones_in_one_packet(s):
    """A client that does not wait for the OK: what follows the line is taken for compressed, to the octet."""
    line = log_in_raw(s)
    line.sendall(b"b COMPRESS DEFLATE\r\n" + deflated(b"c NOOP\r\nd LOGOUT\r\n"))
    data = b""
    while True:
        more = line.recv(4096)
        if not more:
            break
        data += more
    head, _, rest = data.partition(b"b OK DEFLATE active\r\n")
    assert not head, data
    told = zlib.decompressobj(-15).decompress(rest)
    assert told.startswith(b"c OK") and b"* BYE" in told and b"d OK" in told, told
    line.close()


@scenario()
def plain_text_behind_it_ends_the_connection(s):
    line = log_in_raw(s)
    line.sendall(b"b COMPRESS DEFLATE\r\n" + b"\xff" * 100)
    data = read_to(line, b"b OK")
    assert data == b"b OK DEFLATE active\r\n", data
    assert line.recv(4096) == b""
    line.close()
    s.client(select="INBOX").noop()


@scenario()
def a_cut_in_the_middle_of_a_block(s):
    s.deliver("m1")
    witness = s.client(select="INBOX")
    line = log_in_raw(s)
    line.sendall(b"b COMPRESS DEFLATE\r\n")
    read_to(line, b"b OK")
    whole = deflated(b"c SELECT INBOX\r\nd STORE 1 +FLAGS (\\Deleted)\r\ne EXPUNGE\r\n")
    line.sendall(whole[: len(whole) // 3])
    line.close()
    time.sleep(0.3)
    witness.noop()
    assert witness.fetch_identity(1) == "m1"


@scenario(build="release", settings={"output_memory": "256K"}, timeout=120)
def a_slow_reader(s):
    """40 MB for a client that does not read: they wait in the spool as they would without compression."""
    s.fill(200, size=200_000)
    client = s.client(select="INBOX", tracked=False)
    other = s.client(select="INBOX", learn=True)
    client.compress()
    tag = client.begin("FETCH 1:* BODY.PEEK[]")
    time.sleep(2)
    start_of_noop = time.monotonic()
    other.noop()
    assert time.monotonic() - start_of_noop < 5
    assert memory(s) < 80 * MEGA, memory(s)
    result = client.finish(tag, 60)
    assert result.ok and len([r for r in result.of("FETCH") if b"BODY[]" in r.fetch_items()]) == 200


@scenario(build="release", timeout=120)
def a_bomb(s):
    """A megabyte that inflates to a gigabyte: it is read as one endless command, refused, and costs no memory."""
    before = None
    line = log_in_raw(s)
    line.sendall(b"b COMPRESS DEFLATE\r\n")
    read_to(line, b"b OK")
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    other = s.client(select="INBOX")
    before = memory(s)
    most = 0
    block = b"x" * MEGA
    line.settimeout(20)
    try:
        for number in range(1000):
            line.sendall(squeeze.compress(block) + squeeze.flush(zlib.Z_SYNC_FLUSH))
            if number % 100 == 0:
                other.noop()
                most = max(most, memory(s) - before)
    except ConnectionError:
        pass
    other.noop()
    line.close()
    assert most < 8 * MEGA, most


@scenario(dovecot_extra=ZLIB, start=False)
def to_the_server(s):
    start(s, upstream=["compress = yes"])
    s.fill(20, size=50_000)
    clients = [s.client(select="INBOX", learn=True) for _ in range(3)]
    clients[0].compress()
    assert "COMPRESS DEFLATE" in s.relay.commands(), s.relay.commands()
    for client in clients:
        client.ok("FETCH 1:* BODY.PEEK[]")
    clients[1].append("INBOX", make_message("new", size=300_000))
    for client in clients:
        client.idle()
    s.deliver("late")
    for client in clients:
        client.idle_until(lambda client=client: len(client.messages) == 22)
        client.done()
        client.learn()
        assert client.identities()[-2:] == ["new", "late"]
    s.relay.cut()
    for client in clients:
        assert client.fetch_identity(1) == "m1"
    assert s.relay.commands().count("COMPRESS DEFLATE") == 2


@scenario(start=False)
def a_server_that_has_none(s):
    start(s, upstream=["compress = yes"])
    s.deliver("m1")
    assert s.client(select="INBOX").fetch_identity(1) == "m1"
    assert "COMPRESS DEFLATE" not in s.relay.commands()
