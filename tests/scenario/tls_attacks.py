"""False servers and men in the middle, between imapmux and its server: no password leaves, nothing they say is believed,
the log says what is wrong, no client is told of a wrong password, and all comes up by itself once the server is a good one."""
import os
import ssl
import time

from certificates import Authority, self_signed
from mail_server import free_port
from scenario import scenario
from scripted_upstream import Gone
from tls_upstream import TlsUpstream

QUICK = {"login_wait": "500ms"}
BOTH = ("imaps", "starttls")


def upstream(s, **habits):
    """The scripted server with a good certificate; of the variant `imaps` it speaks TLS from the first octet."""
    s.authority = Authority(os.path.join(s.directory, "ca"))
    s.good = s.authority.issue("good")
    s.upstream = TlsUpstream(s.good, implicit=s.variant == "imaps", **habits)
    return s.upstream


def false(**habits):
    return lambda s: upstream(s, **habits)


def start(s, *lines, pieces=True, listener=()):
    s.relay.opaque = s.upstream.implicit
    s.relay.pieces = pieces
    s.mux_port = s.mux_port or free_port()
    path = s.write_settings(upstream=list(lines) or ["tls_ca = " + s.authority.ca], listener=listener)
    if s.upstream.implicit:
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("url = imap://127.0.0.1:%d" % s.upstream_port, "url = imaps://127.0.0.1:%d" % s.upstream_port))
    s.start_imapmux(["-c", path])


def refused(s, words):
    """A login ends as it must while the server is not to be trusted."""
    before = len(s.log_text())
    result = s.connect().command("LOGIN u1 secret", timeout=20)
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
    assert words in s.log_text()[before:], "the log does not say %r: %s" % (words, s.log_text()[before:][-1500:])
    s.upstream.assert_no_password()


def until_ok(s, client, command):
    """The proxy's next try may come later than login_wait."""
    deadline = time.monotonic() + 20
    while not client.command(command, timeout=20).ok:
        assert time.monotonic() < deadline, "it does not come up: %s" % s.log_text()[-1500:]


def comes_up(s):
    client = s.connect()
    until_ok(s, client, "LOGIN u1 secret")
    client.select("INBOX")
    client.learn()
    assert client.identities() == ["m1", "m2", "m3", "m4", "m5"]
    return client


# --- certificates

CERTIFICATES = {
    "expired": (lambda s: s.authority.issue("expired", years=(2001, 2020)), "certificate has expired; the server's administrator must renew it"),
    "not_yet_valid": (lambda s: s.authority.issue("early", years=(2080, 2090)), "certificate is not yet valid; check the clock of this machine"),
    "another_name": (lambda s: s.authority.issue("other", "DNS:mail.example.org"), "IP address mismatch; use the server's name in the url, or set tls_name"),
    "self_signed": (lambda s: self_signed(s.directory), "self-signed certificate; if you trust it, put it into a file and set tls_ca"),
    "unknown_authority": (lambda s: Authority(os.path.join(s.directory, "stranger"), "Another CA").issue("server"),
                          "its authority is not trusted here: set tls_ca if you trust it"),
}


def bad_certificate(kind):
    make, words = CERTIFICATES[kind]

    def body(s):
        bad = make(s)
        start(s)
        s.upstream.certificate = bad
        refused(s, words)
        s.upstream.certificate = s.good
        client = comes_up(s)
        before = len(s.log_text())
        s.upstream.logins, s.upstream.commands, s.upstream.certificate = 0, [], bad
        s.upstream.drop()
        s.until_logged(words, before)
        s.upstream.assert_no_password()
        s.upstream.certificate = s.good
        until_ok(s, client, "NOOP")
        assert client.fetch_identity(3) == "m3"
        assert s.upstream.logins == 1
    body.__name__ = "%s_certificate_is_refused_until_a_good_one_comes" % kind
    body.__module__ = __name__
    return scenario(variants=BOTH, upstream=upstream, start=False, settings=QUICK)(body)


for kind_ in CERTIFICATES:
    made = bad_certificate(kind_)
    globals()[made.__name__] = made
del made


@scenario(variants=BOTH, upstream=upstream, start=False, settings={**QUICK, "login_wait": "10s"})
def without_verification_every_certificate_is_taken(s):
    start(s, "tls_verify = no")
    client = comes_up(s)
    for number, (make, _) in enumerate(CERTIFICATES.values()):
        s.upstream.certificate = make(s)
        s.upstream.drop()
        client.ok("NOOP", timeout=20)
        assert client.fetch_identity(number + 1) == "m%d" % (number + 1)
        assert s.upstream.logins == number + 2


# --- plain text before TLS

BEHIND_STARTTLS = [
    "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n", "* PREAUTH you are logged in\r\n", "x3 OK [CAPABILITY IMAP4rev1] done\r\n",
    "x2 OK again\r\n", "* OK [ALERT] call 555 and tell us your password\r\n", "* BYE [ALERT] call 555\r\n", "* 3 EXISTS\r\n",
    "+ go ahead\r\n", "* OK without an end", "* 1 FETCH (UID 1 BODY[] {500}\r\nno such", "\0", "\r\n", "x3 NO [AUTHENTICATIONFAILED] wrong\r\n",
]


@scenario(variants=("starttls",), upstream=upstream, start=False, settings={"login_wait": "100ms"})
def what_comes_behind_the_answer_to_starttls_ends_the_connection(s):
    start(s, pieces=False)
    for text in BEHIND_STARTTLS:
        s.upstream.starttls = "TAG OK begin\r\n" + text
        refused(s, "plain text followed the answer to STARTTLS")
        assert "call 555" not in s.log_text(), "it was looked at"
    s.upstream.starttls = "TAG OK begin\r\n"
    client = comes_up(s)
    assert "IDLE" in client.capabilities()


@scenario(variants=("starttls",), upstream=upstream, start=False, settings=QUICK)
def what_is_said_in_clear_is_not_believed(s):
    """Alerts, answers to questions that come later, extensions switched on, capabilities: all before TLS."""
    s.upstream.said_in_clear = [
        "* OK [ALERT] your mailbox is full, call 555", "* ENABLED CONDSTORE QRESYNC", "* 1 EXISTS", "* 2 EXPUNGE", "* FLAGS (\\Evil)",
        "* 1 FETCH (UID 1 FLAGS (\\Deleted) BODY[] {4}\r\nevil)", "* LIST () \"/\" Evil", "* CAPABILITY IMAP4rev1 STARTTLS QRESYNC X-EVIL",
        "* OK [CAPABILITY IMAP4rev1 CONDSTORE] evil", "* NO [ALERT] call 556", "* VANISHED 1:5"]
    start(s)
    client = comes_up(s)
    s.upstream.drop()
    client.noop()
    client.ok("FETCH 1:* FLAGS")
    assert client.identities() == ["m1", "m2", "m3", "m4", "m5"]
    assert not client.alerts, client.alerts
    assert s.upstream.logins == 2
    assert not [text for text in s.upstream.commands if "QRESYNC" in text or "CONDSTORE" in text], s.upstream.commands
    assert not {"QRESYNC", "X-EVIL"} & client.capabilities()


@scenario(variants=("starttls",), upstream=upstream, start=False, settings=QUICK)
def an_answer_ahead_of_its_question_is_of_no_use(s):
    """The OK of STARTTLS before it was asked for, and a login's behind it; the server's own OK follows in plain text."""
    s.upstream.said_in_clear = ["TAG+0 OK done", "TAG+1 OK begin", "TAG+2 OK logged in"]  # guessed from the one on the line
    start(s)
    refused(s, "STARTTLS")
    s.upstream.said_in_clear = []
    comes_up(s)


# --- downgrades

def downgrade(name, words, variants=BOTH, settings=None, also=None, **habits):
    """A scenario `name` in front of such a server: refused with these words in the log, and no password leaves."""
    def body(s):
        start(s)
        refused(s, words)
        if also:
            also(s)
    body.__name__ = name
    body.__module__ = __name__
    return scenario(variants=variants, upstream=false(**habits), start=False, settings={**QUICK, **(settings or {})})(body)


def garbage(server, connection):
    connection.recv(65536)  # the hello: sooner it would be text behind the answer to STARTTLS
    connection.sendall(b"\x16\x03\x03\x00\x10" + b"\xa5" * 300)
    connection.recv(65536)
    return True


def plain_text(server, connection):
    connection.recv(65536)
    connection.sendall(b"* OK IMAP4rev1 in plain text, come in\r\n")
    connection.recv(65536)
    return True


def silence(server, connection):
    while connection.recv(65536):
        pass
    return True


def goes_away(server, connection):
    """In the middle of its own answer to the hello."""
    connection.recv(65536)
    connection.sendall(b"\x16\x03\x03\x00\x7a\x02\x00")
    return True


def no_starttls_was_tried(s):
    assert b"STARTTLS" not in s.upstream.in_clear


PREAUTH = b"* PREAUTH you are logged in as root"
OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1)
OLDER = (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1)

preauth_is_refused = downgrade("preauth_is_refused", "the server greeted with PREAUTH", greeting=PREAUTH, also=no_starttls_was_tried)
a_bye_for_a_greeting = downgrade("a_bye_for_a_greeting", "closed for today", greeting=b"* BYE closed for today")
starttls_is_not_offered = downgrade("starttls_is_not_offered", "offers no STARTTLS", ("starttls",), in_clear="IMAP4rev1 AUTH=PLAIN",
                                    also=no_starttls_was_tried)
starttls_is_answered_no = downgrade("starttls_is_answered_no", "not today", ("starttls",), starttls="TAG NO not today\r\n")
starttls_is_answered_bad = downgrade("starttls_is_answered_bad", "what is that", ("starttls",), starttls="TAG BAD what is that\r\n")
starttls_is_answered_with_a_bye = downgrade("starttls_is_answered_with_a_bye", "not with you", ("starttls",),
                                            starttls="* BYE not with you\r\n")
garbage_for_a_handshake = downgrade("garbage_for_a_handshake", "TLS handshake: ", before_tls=garbage)
plain_text_for_a_handshake = downgrade("plain_text_for_a_handshake", "the other side does not speak TLS here", before_tls=plain_text)
nothing_but_tls_1_0 = downgrade("nothing_but_tls_1_0", "no common version of TLS; 1.2 is the minimum", versions=OLD)
nothing_but_tls_1_1 = downgrade("nothing_but_tls_1_1", "no common version of TLS; 1.2 is the minimum", versions=OLDER)
STALLING = {"before_tls": silence, "settings": {"connect_timeout": "300ms", "login_wait": "1s"}}
a_handshake_that_stalls = downgrade("a_handshake_that_stalls", "connecting to the server, with TLS, took too long", ("imaps",), **STALLING)
a_handshake_that_stalls_behind_starttls = downgrade("a_handshake_that_stalls_behind_starttls", "did not finish STARTTLS in time",
                                                    ("starttls",), **STALLING)
a_handshake_that_is_cut = downgrade("a_handshake_that_is_cut", "TLS handshake: the other side closed the connection", before_tls=goes_away)


# --- a truncated stream

class Truncating(TlsUpstream):
    """Ends in the middle of a message's literal: `ends` says how, once each."""
    ends = ()

    def fetched(self, message, wanted):
        if not self.ends or "BODY.PEEK[]" not in wanted:
            super().fetched(message, wanted)
            return
        how, self.ends = self.ends[0], self.ends[1:]
        size = len(message.body)
        self.send(b"* %d FETCH (UID %d BODY[] {%d}\r\n" % (self.number(message), message.uid, size) + message.body[:size - 100])
        if how == "close_notify":
            try:
                self.socket.unwrap()
            except OSError:
                pass
        raise Gone


def truncating(size):
    def make(s):
        s.authority = Authority(os.path.join(s.directory, "ca"))
        s.upstream = Truncating(s.authority.issue("good"), implicit=True, size=size)
        return s.upstream
    return make


def client_over_tls(s, context):
    """It is told of an end without close_notify."""
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # which Python sets, so that some of them look like orderly ones
    client = s.connect()
    client.ok("STARTTLS")
    client.socket = context.wrap_socket(client.socket, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
    client.login("u1", "secret")
    client.select("INBOX")
    return client


@scenario(upstream=truncating(300_000), start=False)
def a_message_cut_by_a_truncation_never_looks_whole(s):
    start(s, listener=["cert = " + s.upstream.certificate.cert, "key = " + s.upstream.certificate.key])
    context = s.authority.context()
    for how in ("truncation", "close_notify"):
        s.upstream.ends = (how,)
        client = client_over_tls(s, context)
        client.send_raw(b"f1 FETCH 3 BODY.PEEK[]\r\n")
        got = b""
        try:
            while data := client.socket.recv(65536):
                got += data
            raise AssertionError("close_notify after %d octets of a cut message: %r" % (len(got), got[-100:]))
        except ssl.SSLError as error:
            assert "EOF" in str(error).upper(), error
        assert len(got) < 300_000 and b"f1 " not in got and b"BYE" not in got, got[-200:]
        assert client_over_tls(s, context).fetch_identity(3) == "m3"


@scenario(upstream=truncating(0), start=False)
def a_message_cut_before_its_client_has_seen_any_of_it_is_fetched_again(s):
    start(s, listener=["cert = " + s.upstream.certificate.cert, "key = " + s.upstream.certificate.key])
    client = client_over_tls(s, s.authority.context())
    for number, how in ((3, "truncation"), (4, "close_notify")):  # twice under one command would be too often
        s.upstream.ends = (how,)
        assert client.fetch_identity(number) == "m%d" % number
        assert s.upstream.ends == ()
    assert s.upstream.logins == 3
