"""Behind another proxy: the PROXY protocol, versions 1 and 2, and who may speak it."""
import os
import socket
import struct
import time

from certificates import Authority
from imap_client import Closed
from mail_server import free_port
from scenario import scenario

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version_1(source, port=50000):
    family = "TCP6" if ":" in source else "TCP4"
    return ("PROXY %s %s %s %d 143\r\n" % (family, source, source, port)).encode()


def version_2(source, port=50000, extra=b""):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    address = socket.inet_pton(family, source)
    body = address + address + struct.pack(">HH", port, 143) + extra
    return SIGNATURE + b"\x21" + (b"\x21" if ":" in source else b"\x11") + struct.pack(">H", len(body)) + body


def start(s, senders="127.0.0.1", listener=(), scheme="imap"):
    s.mux_port = s.mux_port or free_port()
    path = s.write_settings(listener=["proxy_from = " + senders, *listener])
    if scheme == "imaps":
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("[listener clients]\nurl = imap:", "[listener clients]\nurl = imaps:"))
    s.start_imapmux(["-c", path], wait=False)
    s.wait_port()


def closed_without_a_word(connection, limit=5):
    """Whether the other end closes, and says nothing before."""
    connection.settimeout(limit)
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True


@scenario(start=False)
def version_1_and_2_tell_the_true_address(s):
    start(s, listener=["plaintext_login = yes"])
    s.deliver("m1")
    headers = {"192.0.2.7": version_1("192.0.2.7"), "192.0.2.8": version_2("192.0.2.8", extra=b"\x04\0\x03abc"),
               "[2001:db8::7]": version_1("2001:db8::7"), "[2001:db8::8]": version_2("2001:db8::8"),
               "127.0.0.1": b"PROXY UNKNOWN\r\n", "127.0.0.1:": SIGNATURE + b"\x20\0\0\0"}
    for source, header in headers.items():
        client = s.client(select="INBOX", preface=header)
        assert client.fetch_identity(1) == "m1"
        assert "client %s" % source in s.log_text(), source
        client.logout()


@scenario(start=False)
def a_header_octet_by_octet_and_a_command_behind_it(s):
    start(s, listener=["plaintext_login = yes"])
    for header in (version_1("192.0.2.7"), version_2("192.0.2.7")):
        with socket.create_connection(("127.0.0.1", s.mux_port), 5) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in header[:-1]:
                connection.sendall(bytes([octet]))
            connection.sendall(header[-1:] + b"a1 LOGOUT\r\n")
            text = b""
            while b"a1 OK" not in text:
                more = connection.recv(4096)
                assert more, "closed after %r" % text
                text += more
            assert text.startswith(b"* OK"), text


@scenario(start=False)
def tls_begins_behind_the_header(s):
    authority = Authority(os.path.join(s.directory, "own"), "Own CA")
    certificate = authority.issue("imapmux")
    start(s, scheme="imaps", listener=["cert = " + certificate.cert, "key = " + certificate.key])
    for header in (version_1("192.0.2.7"), version_2("192.0.2.7")):
        client = s.connect(tls=authority.context(), preface=header)
        client.login("u1", "secret")
        client.select("INBOX")
        client.logout()


@scenario(start=False)
def the_true_address_decides_about_plain_text(s):
    start(s)
    far = s.connect(preface=version_1("192.0.2.7"))
    assert "LOGINDISABLED" in far.capabilities()
    near = s.connect(preface=version_1("127.0.0.1"))
    assert "LOGINDISABLED" not in near.capabilities()


@scenario(start=False, settings={"sessions_per_address": "2"})
def limits_count_the_true_address(s):
    start(s, listener=["plaintext_login = yes"])
    kept = [s.connect(preface=version_2("192.0.2.7")) for _ in range(2)]
    try:
        more = s.connect(preface=version_1("192.0.2.7"))
        assert more.greeting.status == "BYE" and more.greeting.code[0] == "LIMIT", more.greeting
    except Closed as closed:
        assert closed.bye
    others = [s.client(preface=version_1("192.0.2.%d" % number)) for number in range(8, 14)]
    for client in kept + others:
        client.ok("NOOP")


@scenario(start=False)
def only_those_named_may_send_a_header(s):
    start(s, senders="192.0.2.0/24 2001:db8::1")
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", s.mux_port), 5) as connection:
            assert closed_without_a_word(connection)
    lines = [line for line in s.log_text().splitlines() if "PROXY protocol" in line]
    assert len(lines) <= 2 and "proxy_from does not name it" in lines[0], lines


@scenario(start=False)
def what_is_no_header_is_closed_without_a_word(s):
    start(s)
    for noise in (b"a1 LOGIN u1 secret\r\n", b"\x16\x03\x01\x02\0\x01\0", b"PROXY TCP4 1.2.3.4\r\n" + b" " * 20, b"P" + b"R" * 200,
                  SIGNATURE + b"\x31\x11\0\x0c" + bytes(12), b"\r\n\r\n\r\n\r\n\r\n", b"\0" * 5000):
        with socket.create_connection(("127.0.0.1", s.mux_port), 5) as connection:
            connection.sendall(noise)
            assert closed_without_a_word(connection), noise
    assert "secret" not in s.log_text()
    s.client(preface=version_1("127.0.0.1")).ok("NOOP")


@scenario(start=False, settings={"login_timeout": "1s"})
def a_header_that_does_not_end_is_not_waited_for(s):
    start(s)
    slow = []
    for begun in (b"", b"PROXY TCP4 192.0.2.7", SIGNATURE + b"\x21\x11\0\x0cabc"):
        connection = socket.create_connection(("127.0.0.1", s.mux_port), 5)
        connection.sendall(begun)
        slow.append(connection)
    begun = time.monotonic()
    s.client(select="INBOX", preface=version_1("127.0.0.1")).ok("NOOP")
    for connection in slow:
        assert closed_without_a_word(connection, 10)
        connection.close()
    assert time.monotonic() - begun > 0.5, "closed before login_timeout"


@scenario(start=False)
def senders_are_read_again_at_sighup(s):
    start(s)
    client = s.client(preface=version_1("127.0.0.1"))
    path = s.write_settings(listener=["proxy_from = 192.0.2.1"])
    s.reload()
    client.ok("NOOP")
    with socket.create_connection(("127.0.0.1", s.mux_port), 5) as connection:
        connection.sendall(version_1("127.0.0.1"))
        assert closed_without_a_word(connection)
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("proxy_from = 192.0.2.1", "proxy_from ="))
    s.reload()
    s.client(select="INBOX").ok("NOOP")
