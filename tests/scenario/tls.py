"""TLS on both sides: STARTTLS and implicit, the server's certificate verified."""
import os
import shutil
import socket
import ssl

from certificates import Authority
from dovecot import Dovecot
from mail_server import free_port
from scenario import scenario

QUICK = {"login_wait": "2s"}


def secure_dovecot(s, alternative="IP:127.0.0.1,DNS:localhost", require_tls=True, tls=True):
    s.authority = Authority(os.path.join(s.directory, "ca"))
    directory = os.path.join(s.directory, "dovecot")
    os.mkdir(directory)
    certificate = s.authority.issue("server", alternative) if tls else None
    s.dovecot = Dovecot(directory, s.users, tls=certificate, require_tls=require_tls)
    return s.dovecot


def settings_file(s, scheme="imap", upstream=(), listener=(), listener_scheme="imap"):
    """A settings file whose upstream is the TLS port of the server, behind the relay, for imaps."""
    if scheme == "imaps":
        s.relay.upstream = ("127.0.0.1", s.dovecot.tls_port)
        s.relay.opaque = True
    s.mux_port = s.mux_port or free_port()
    path = s.write_settings()
    with open(path) as file:
        text = file.read()
    text = text.replace("[upstream server]\nurl = imap://", "[upstream server]\nurl = %s://" % scheme)
    text = text.replace("[listener clients]\nurl = imap://", "[listener clients]\nurl = %s://" % listener_scheme)
    text = text.replace("[listener clients]", "\n".join(upstream) + "\n[listener clients]")
    with open(path, "w") as file:
        file.write(text + "\n".join(listener) + "\n")
    return path


def start(s, **options):
    s.start_imapmux(["-c", settings_file(s, **options)], wait=options.get("listener_scheme", "imap") == "imap")
    if options.get("listener_scheme") == "imaps":
        s.wait_port()


@scenario(upstream=secure_dovecot, start=False)
def implicit_tls_upstream(s):
    start(s, scheme="imaps", upstream=["tls_ca = " + s.authority.ca])
    s.deliver("m1")
    client = s.client(select="INBOX")
    assert client.fetch_identity(1) == "m1"
    s.relay.cut()
    client.noop()
    assert client.fetch_identity(1) == "m1"


@scenario(upstream=secure_dovecot, start=False)
def starttls_upstream(s):
    start(s, upstream=["tls_ca = " + s.authority.ca])
    s.deliver("m1")
    client = s.client(select="INBOX")
    assert client.fetch_identity(1) == "m1"
    commands = s.relay.commands()
    assert "STARTTLS" in commands
    assert not [text for text in commands if text.startswith(("LOGIN", "AUTHENTICATE"))], "a password in plain text"


@scenario(upstream=lambda s: secure_dovecot(s, tls=False, require_tls=False), start=False, settings=QUICK)
def a_server_without_starttls_gets_no_password(s):
    start(s, upstream=["starttls = yes"])
    result = s.connect().command("LOGIN u1 secret", timeout=15)
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
    assert not [text for text in s.relay.commands() if text.startswith(("LOGIN", "AUTHENTICATE"))]
    assert "STARTTLS" in s.log_text()


def refused(s, words):
    result = s.connect().command("LOGIN u1 secret", timeout=15)
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
    text = s.log_text()
    assert any(word in text for word in words), "the log does not say why: %s" % text[-800:]
    assert not s.dovecot.sessions()


@scenario(upstream=secure_dovecot, start=False, settings=QUICK)
def a_certificate_of_an_unknown_authority_is_refused(s):
    stranger = Authority(os.path.join(s.directory, "stranger"), "Another CA")
    start(s, scheme="imaps", upstream=["tls_ca = " + stranger.ca])
    refused(s, ["unable to get local issuer", "certificate", "verify"])


@scenario(upstream=secure_dovecot, start=False, settings=QUICK)
def starttls_with_an_unknown_authority_is_refused(s):
    stranger = Authority(os.path.join(s.directory, "stranger"), "Another CA")
    start(s, upstream=["tls_ca = " + stranger.ca])
    refused(s, ["certificate", "verify"])
    assert not [text for text in s.relay.commands() if text.startswith(("LOGIN", "AUTHENTICATE"))]


@scenario(upstream=lambda s: secure_dovecot(s, "DNS:mail.example.org"), start=False, settings=QUICK)
def a_certificate_of_another_host_is_refused(s):
    start(s, scheme="imaps", upstream=["tls_ca = " + s.authority.ca])
    refused(s, ["mismatch", "name", "host"])


@scenario(upstream=lambda s: secure_dovecot(s, "DNS:mail.example.org"), start=False)
def the_expected_name_can_be_set(s):
    start(s, scheme="imaps", upstream=["tls_ca = " + s.authority.ca, "tls_name = mail.example.org"])
    s.client(select="INBOX").noop()


@scenario(upstream=secure_dovecot, start=False)
def verification_can_be_switched_off_by_name(s):
    start(s, scheme="imaps", upstream=["tls_verify = no"])
    s.client(select="INBOX").noop()


def own_certificate(s):
    s.own = Authority(os.path.join(s.directory, "own"), "Own CA")
    certificate = s.own.issue("imapmux")
    return ["cert = " + certificate.cert, "key = " + certificate.key]


@scenario(start=False)
def implicit_tls_for_clients(s):
    start(s, listener_scheme="imaps", listener=own_certificate(s))
    s.deliver("m1")
    client = s.connect(tls=s.own.context())
    assert "STARTTLS" not in client.capabilities()
    client.login("u1", "secret")
    client.select("INBOX")
    assert client.fetch_identity(1) == "m1"
    client.idle()
    s.deliver("m2")
    client.idle_until(lambda: len(client.messages) == 2)
    client.done()
    assert client.logout().ok


@scenario(start=False)
def starttls_for_clients(s):
    start(s, listener=own_certificate(s))
    s.deliver("m1")
    client = s.connect()
    assert "STARTTLS" in client.capabilities()
    client.ok("STARTTLS")
    client.start_tls(s.own.context())
    after = client.capabilities()
    assert "STARTTLS" not in after and "AUTH=PLAIN" in after, after
    client.login("u1", "secret")
    client.select("INBOX")
    assert client.fetch_identity(1) == "m1"
    assert client.command("STARTTLS").status in ("BAD", "NO")


BEHIND_STARTTLS = (b"x2 NOOP\r\n", b"x2 LOGIN u1 secret\r\n", b"x2 LOGIN u1 sec", b"x2 LOGIN {2}\r\n", b"x2 LOGIN {2+}\r\nu1 {6+}\r\nsec",
                   b"x2 AUTHENTICATE PLAIN\r\nAHUxAHNlY3JldA==\r\n", b"x2 LOGIN {2+}\r\nu1 {6+}\r\nsecret\r\nx3 SELECT INBOX\r\n", b"\r\n", b"x2")


@scenario(start=False)
def commands_sent_before_the_handshake_are_dropped(s):
    """Whole ones, the beginning of one, the beginning of a literal: what comes over TLS starts afresh."""
    start(s, listener=own_certificate(s))
    for text in BEHIND_STARTTLS:
        client = s.connect(name="y")
        client.outstanding.append((b"x1", b"STARTTLS"))
        client.send_raw(b"x1 STARTTLS\r\n" + text)
        assert client.finish(b"x1").ok
        client.start_tls(s.own.context())
        client.noop()  # an answer to x2 first would be a fault
        assert client.command("SELECT INBOX").status in ("NO", "BAD"), "logged in by %r" % text
        assert s.relay.logins == 0
        client.logout()
    client = s.connect()
    client.ok("STARTTLS")
    client.start_tls(s.own.context())
    client.login("u1", "secret")
    client.select("INBOX")


@scenario(start=False)
def no_login_without_tls_where_it_is_forbidden(s):
    start(s, listener=own_certificate(s) + ["plaintext_login = no"])
    client = s.connect()
    before = client.capabilities()
    assert "LOGINDISABLED" in before and "AUTH=PLAIN" not in before, before
    assert client.command("LOGIN u1 secret").status in ("NO", "BAD")
    assert client.authenticate_plain("u1", "secret").status in ("NO", "BAD")
    client.ok("STARTTLS")
    client.start_tls(s.own.context())
    client.login("u1", "secret")
    assert s.relay.logins == 1


@scenario(start=False)
def starttls_without_a_certificate_is_refused(s):
    s.start_imapmux()
    client = s.connect()
    assert "STARTTLS" not in client.capabilities()
    assert client.command("STARTTLS").status in ("BAD", "NO")
    client.login("u1", "secret")


@scenario(start=False)
def noise_instead_of_a_handshake(s):
    start(s, listener_scheme="imaps", listener=own_certificate(s))
    for noise in (b"a1 LOGIN u1 secret\r\n", b"\x16\x03\x01\xff\xff" + b"\xff" * 300, b"\0" * 1000, b""):
        with socket.create_connection(("127.0.0.1", s.mux_port), 5) as stranger:
            stranger.sendall(noise)
            stranger.settimeout(5)
            if noise:
                try:
                    assert b"OK" not in stranger.recv(4096)
                except ConnectionError:
                    pass
    old = s.own.context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    client = s.connect(tls=old)
    client.login("u1", "secret")


@scenario(start=False)
def certificates_are_read_again_at_sighup(s):
    lines = own_certificate(s)
    start(s, listener=lines)
    client = s.connect()
    client.ok("STARTTLS")
    client.start_tls(s.own.context())
    client.login("u1", "secret")
    client.select("INBOX")
    newer = Authority(os.path.join(s.directory, "newer"), "Newer CA")
    certificate = newer.issue("imapmux")
    shutil.copy(certificate.key, lines[1].split(" = ")[1])
    shutil.copy(certificate.cert, lines[0].split(" = ")[1])
    s.reload()
    client.noop()
    again = s.connect()
    again.ok("STARTTLS")
    again.start_tls(newer.context())
    again.login("u1", "secret")
    client.noop()


def only(context, version):
    context.minimum_version = context.maximum_version = version
    return context


@scenario(start=False)
def versions_of_clients(s):
    start(s, listener_scheme="imaps", listener=own_certificate(s))
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        client = s.connect(tls=only(s.own.context(), version))
        assert client.socket.version() == name
        client.login("u1", "secret")
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        old = s.own.context()
        old.set_ciphers("ALL:@SECLEVEL=0")
        before = len(s.log_text())
        try:
            s.connect(tls=only(old, version))
        except ssl.SSLError as error:
            assert "PROTOCOL_VERSION" in str(error).upper(), error
        else:
            raise AssertionError("%s was agreed on" % version)
        s.until_logged("no common version of TLS; 1.2 is the minimum", before)


@scenario(start=False)
def alpn_names_imap_and_demands_nothing(s):
    start(s, listener_scheme="imaps", listener=own_certificate(s))
    for offered, chosen in ((["imap"], "imap"), (["h2", "imap", "http/1.1"], "imap"), (["h2", "http/1.1"], None), (None, None)):
        context = s.own.context()
        if offered:
            context.set_alpn_protocols(offered)
        client = s.connect(tls=context)
        assert client.socket.selected_alpn_protocol() == chosen, offered
        client.login("u1", "secret")


@scenario(start=False)
def plain_text_to_the_tls_port_ends_at_once_with_words_in_the_log(s):
    start(s, listener_scheme="imaps", listener=own_certificate(s))
    for text in (b"a1 LOGIN u1 secret\r\n", b"GET / HTTP/1.1\r\nAuthorization: secret\r\n\r\n"):
        before = len(s.log_text())
        with socket.create_connection(("127.0.0.1", s.mux_port), 5) as client:
            client.sendall(text)
            answer = b""
            try:
                while data := client.recv(4096):
                    answer += data
            except ConnectionError:
                pass
        assert b"OK" not in answer and b"secret" not in answer, answer
        s.until_logged("TLS handshake: the other side does not speak TLS here; is this the right port?", before)
    assert "secret" not in s.log_text() and "LOGIN" not in s.log_text()
    assert s.relay.connections == 0


@scenario(start=False)
def an_end_in_the_middle_of_a_command_does_nothing(s):
    """With close_notify and without: a command without its end is none, and a literal without its end no message."""
    start(s, listener_scheme="imaps", listener=own_certificate(s))
    context = s.own.context()
    for orderly in (True, False):
        stranger = s.connect(tls=context)
        client = s.connect(tls=context)
        client.login("u1", "secret")
        client.select("INBOX")
        logins = s.relay.logins
        for line, text in ((stranger, b"z1 LOGIN u1 secret"), (client, b"z1 APPEND INBOX {100+}\r\nX-Id: cut\r\n\r\nonly the first o")):
            before = len(s.log_text())
            line.send_raw(text)
            if orderly:
                line.socket.settimeout(5)
                try:
                    line.socket.unwrap()
                except ssl.SSLError:  # its last words come behind our close_notify
                    pass
            else:
                line.socket.shutdown(socket.SHUT_WR)
                try:
                    rest = line.socket.recv(4096)
                except (ssl.SSLError, ConnectionError):
                    rest = b""
                assert b"z1 OK" not in rest
            line.close_socket()
            s.until_logged("closed", before)
        other = s.connect(tls=context)
        other.login("u1", "secret")
        other.select("INBOX")
        assert other.messages == [] and s.relay.logins == logins
        other.logout()


# --- coming back

def resumed(s, context, session=None, port=None):
    """A connection of its own over TLS that looks at the greeting and leaves; returns (was it resumed, the next session)."""
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port or s.mux_port), 5), server_hostname="127.0.0.1",
                             session=session) as line:
        assert line.recv(4096).startswith(b"* OK"), "no greeting"
        line.sendall(b"a1 LOGOUT\r\n")
        while line.recv(4096):  # the tickets of TLS 1.3 come with the first data
            pass
        return line.session_reused, line.session


VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@scenario(start=False)
def clients_come_back_without_a_full_handshake(s):
    start(s, listener_scheme="imaps", listener=own_certificate(s))
    for version in VERSIONS:
        context = only(s.own.context(), version)
        again, session = resumed(s, context)
        assert not again and session.has_ticket, version
        assert 0 < session.ticket_lifetime_hint <= 7 * 86400, session.ticket_lifetime_hint
        for _ in range(5):  # each of a mail program's connections
            again, _ = resumed(s, context, session)
            assert again, version
        s.reload()
        again, session = resumed(s, context, session)
        assert again, "a reload of the same certificate ends %s's sessions" % version
        again, session = resumed(s, context, session)
        assert again, version


@scenario(start=False)
def starttls_comes_back_too(s):
    start(s, listener=own_certificate(s))
    context = s.own.context()
    session = None
    for turn in range(3):
        client = s.connect()
        client.ok("STARTTLS")
        client.socket = context.wrap_socket(client.socket, server_hostname="127.0.0.1", session=session)
        client.login("u1", "secret")
        client.select("INBOX")
        assert client.socket.session_reused == (turn > 0)
        session = client.socket.session
        client.logout()


@scenario(start=False)
def a_ticket_that_nobody_can_open_means_a_full_handshake(s):
    """After a restart there are other keys, after a reload with another certificate too."""
    lines = own_certificate(s)
    start(s, listener_scheme="imaps", listener=lines)
    contexts = [only(s.own.context(), version) for version in VERSIONS]
    sessions = [resumed(s, context)[1] for context in contexts]
    s.stop_imapmux()
    s.start_imapmux(["-c", os.path.join(s.directory, "imapmux.conf")], wait=False)
    s.wait_port()
    for number, context in enumerate(contexts):
        again, sessions[number] = resumed(s, context, sessions[number])
        assert not again, "a ticket of another process was opened"
        assert resumed(s, context, sessions[number])[0]
    certificate = s.own.issue("another")
    shutil.copy(certificate.key, lines[1].split(" = ")[1])
    shutil.copy(certificate.cert, lines[0].split(" = ")[1])
    s.reload()
    for context, session in zip(contexts, sessions):
        again, session = resumed(s, context, session)
        assert not again, "a ticket of the former certificate was taken"
        assert resumed(s, context, session)[0]


@scenario(start=False)
def a_ticket_of_one_listener_opens_no_other(s):
    lines = own_certificate(s)
    other, port = s.own.issue("other"), free_port()
    lines += ["[listener other]", "url = imaps://127.0.0.1:%d" % port, "cert = " + other.cert, "key = " + other.key]
    start(s, listener_scheme="imaps", listener=lines)
    for version in VERSIONS:
        context = only(s.own.context(), version)
        _, session = resumed(s, context)
        again, others = resumed(s, context, session, port)
        assert not again, "the other listener took it"
        assert resumed(s, context, others, port)[0]
        assert resumed(s, context, session)[0]


@scenario(upstream=secure_dovecot, start=False)
def tls_on_both_sides(s):
    start(s, scheme="imaps", upstream=["tls_ca = " + s.authority.ca], listener_scheme="imaps", listener=own_certificate(s))
    s.deliver("m1")
    s.deliver("m2", size=2_000_000)
    client = s.connect(tls=s.own.context())
    client.login("u1", "secret")
    client.select("INBOX")
    assert client.fetch_identity(2) == "m2"
    client.idle()
    s.deliver("m3")
    client.idle_until(lambda: len(client.messages) == 3)
    client.done()
