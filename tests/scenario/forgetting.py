"""What of a password or token is left in the process: nothing of one that was refused, or whose clients have gone, and of one
that is in use nothing outside of the locked memory for secrets. The whole writable memory of imapmux of the release build
is searched for pieces of each secret, plain and in base64, and so is the log. Under the address sanitizer (IMAPMUX_BINARY) what
was freed lies there longer: stricter still, and slow."""
import base64
import os
import random
import string

from certificates import Authority
from imap_client import Literal, PlusLiteral
from mail_server import free_port, wait_until
from scenario import scenario
from scripted_upstream import ScriptedUpstream
from tls_upstream import TlsUpstream

SETTINGS = {"core_dumps": "yes", "linger": "200ms", "failure_delay": "0", "reverify_interval": "0", "login_failures_per_minute": "10000",
            "max_bad_before_login": "1000"}
SECURE_HEAP = 4 << 20
SHADOW = 1 << 30  # larger maps are a sanitizer's own
MARK = 12
BASE = "IMAP4rev1 IDLE UIDPLUS UNSELECT "


# --- looking

class Place:
    def __init__(self, low, high, name):
        self.low, self.high, self.name, self.flags = low, high, name, []

    @property
    def locked_away(self):
        """OpenSSL's secure heap: of its size, and not dumped."""
        return self.high - self.low == SECURE_HEAP and "dd" in self.flags


def places(pid):
    found = []
    with open("/proc/%d/smaps" % pid) as file:
        for line in file:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                low, high = (int(end, 16) for end in words[0].split("-"))
                found.append((Place(low, high, words[5] if len(words) > 5 else "anonymous"), words[1]))
            elif words[0] == "VmFlags:":
                found[-1][0].flags = words[1:]
    return [place for place, rights in found if rights.startswith("rw") and place.high - place.low < SHADOW]


def needles(mark):
    """As it is, and in base64 at each of the three places where it can begin in a group of three octets."""
    return [mark] + [base64.b64encode(b"\0" * at + mark[:len(mark) - at])[4 if at else 0:] for at in range(3)]


def search(s, mark):
    """{name of the place: what stands there} for the places that hold the mark of a secret."""
    found = {}
    with open("/proc/%d/mem" % s.process.pid, "rb", 0) as memory:
        for place in places(s.process.pid):
            try:
                memory.seek(place.low)
                octets = memory.read(place.high - place.low)
            except (OSError, ValueError, OverflowError):
                continue
            for needle in needles(mark):
                at = octets.find(needle)
                if at >= 0:
                    found["locked" if place.locked_away else place.name] = octets[max(0, at - 60):at + 60]
    return found


def nothing_is_left(s, mark, when):
    """What was in use a moment ago may go at the end of a step."""
    assert not [needle for needle in needles(mark) if needle in s.log_text().encode()], when + ", and the log (debug) tells of it"
    left = {}

    def gone():
        left.clear()
        left.update(search(s, mark))
        return not left

    try:
        wait_until(gone, "", timeout=5)
    except RuntimeError:
        raise AssertionError("%s, and there is still: %s" % (when, left)) from None


# --- secrets

def some_letters(count):
    return "".join(random.SystemRandom().choice(string.ascii_letters + string.digits) for _ in range(count)).encode()


def secret_with(mark, special=b""):
    """The mark stands in it three times: a copy that was cut short, or overwritten at one end, holds it all the same."""
    return special + mark + some_letters(5) + mark + some_letters(4) + mark


def b64(octets):
    return base64.b64encode(octets)


def plain(secret, user=b"u1"):
    return b64(b"\0" + user + b"\0" + secret)


def xoauth2(secret):
    return b64(b"user=u1\1auth=Bearer " + secret + b"\1\1")


def oauthbearer(secret):
    return b64(b"n,a=u1,\1auth=Bearer " + secret + b"\1\1")


def token(client, mechanism, message, initial):
    """A refused token is answered with a challenge first."""
    tag = client.begin("AUTHENTICATE %s " % mechanism, message) if initial else client.begin("AUTHENTICATE %s" % mechanism)
    if not initial:
        assert client._go_ahead(tag)
        client.send_raw(message + b"\r\n")
    if client._go_ahead(tag):
        client.send_raw(b"\r\n")
    return client.finish(tag)


WAYS = {
    "LOGIN with an atom": lambda c, p: c.command("LOGIN u1 ", p),
    "LOGIN with a quoted string": lambda c, p: c.command('LOGIN "u1" "', p, '"'),
    "LOGIN with a literal": lambda c, p: c.command("LOGIN u1 ", Literal(p)),
    "LOGIN with a literal that waits for nothing": lambda c, p: c.command("LOGIN u1 ", PlusLiteral(p)),
    "PLAIN with an initial response": lambda c, p: c.command("AUTHENTICATE PLAIN ", plain(p)),
    "PLAIN without": lambda c, p: c.sasl("PLAIN", plain(p)),
    "AUTHENTICATE LOGIN": lambda c, p: c.sasl("LOGIN", b64(b"u1"), b64(p)),
    "XOAUTH2 with an initial response": lambda c, p: token(c, "XOAUTH2", xoauth2(p), True),
    "XOAUTH2 without": lambda c, p: token(c, "XOAUTH2", xoauth2(p), False),
    "OAUTHBEARER": lambda c, p: token(c, "OAUTHBEARER", oauthbearer(p), True),
}


# --- the server

class Keeping:
    """Knows which secrets are right, however they come."""

    right = frozenset()

    def judge(self, tag, secret, challenge=False):
        if secret in self.right:
            self.logins += 1
            self.line(tag + " OK logged in")
            return
        if challenge:
            self.line(b"+ " + b64(b'{"status":"400"}'))
            self.read_line()
        self.line(tag + " NO [AUTHENTICATIONFAILED] wrong")

    def do_login(self, tag, rest):
        secret = rest.split(" ", 2)[2]
        secret = secret.partition("\r\n")[2] if secret.startswith("{") else secret.strip('"')
        self.judge(tag, secret.encode("latin-1"))

    def do_authenticate(self, tag, rest):
        words = rest.split(" ")
        if len(words) == 2:
            self.line("+ ")
            words.append(self.read_line().decode())
        message = base64.b64decode(words[2])
        if words[1] == "PLAIN":
            self.judge(tag, message.split(b"\0")[2])
        else:
            self.judge(tag, message.split(b"auth=Bearer ")[1].split(b"\1")[0], challenge=True)


class PlainKeeper(Keeping, ScriptedUpstream):
    pass


class TlsKeeper(Keeping, TlsUpstream):
    pass


def plain_server(capabilities):
    return lambda s: PlainKeeper(capabilities=BASE + capabilities)


def tls_server(capabilities):
    def make(s):
        s.authority = Authority(os.path.join(s.directory, "ca"))
        return TlsKeeper(s.authority.issue("server"), capabilities=BASE + capabilities)
    return make


def start(s):
    """Clients speak TLS if the server does. A function that is bound at its first call has the loader put all registers on the
    stack, with what they hold of a copy; the release build binds all at its start."""
    s.mux_port = free_port()
    s.launcher = ["env", "LD_BIND_NOW=1"]
    if not hasattr(s, "authority"):
        s.start_imapmux(["-c", s.write_settings(upstream=["tokens = yes"])])
        return
    s.relay.opaque = True
    certificate = s.authority.issue("imapmux")
    path = s.write_settings(upstream=["tokens = yes", "tls_ca = " + s.authority.ca], listener=["cert = " + certificate.cert, "key = " + certificate.key])
    with open(path) as file:
        text = file.read().replace("url = imap://", "url = imaps://")
    with open(path, "w") as file:
        file.write(text)
    s.start_imapmux(["-c", path], wait=False)
    s.wait_port()


def connect(s, name=None):
    return s.connect(name, tls=s.authority.context() if hasattr(s, "authority") else None)


def forgets(name, upstream, ways=tuple(WAYS), special=b""):
    """A scenario: what was refused is nowhere, what is in use is in the locked memory alone, and nowhere once its client has gone."""
    def body(s):
        start(s)
        mark = some_letters(MARK)
        for way in ways:
            result = WAYS[way](connect(s), secret_with(mark, special))
            assert result.status == "NO" and result.code_name == "AUTHENTICATIONFAILED", (way, result)
        nothing_is_left(s, mark, "refused")
        for way in ways:
            mark = some_letters(MARK)
            secret = secret_with(mark, special)
            s.upstream.right = {secret}
            client = connect(s)
            result = WAYS[way](client, secret)
            assert result.ok, (way, result)
            client.select("INBOX")
            found = search(s, mark)
            assert list(found) == ["locked"], "%s, in use: %s" % (way, found)
            client.logout()
            nothing_is_left(s, mark, way + ", logged out")
    body.__name__, body.__module__ = name, __name__
    return scenario(upstream=upstream, settings=SETTINGS, start=False, build="release", timeout=180)(body)


over_plain_text = forgets("over_plain_text", plain_server("LITERAL+ SASL-IR AUTH=PLAIN AUTH=XOAUTH2"))
response_by_response = forgets("response_by_response", plain_server("LOGINDISABLED AUTH=PLAIN AUTH=OAUTHBEARER"))
over_tls = forgets("over_tls", tls_server("LITERAL+ SASL-IR AUTH=PLAIN AUTH=OAUTHBEARER"))
response_by_response_over_tls = forgets("response_by_response_over_tls", tls_server("LOGINDISABLED AUTH=PLAIN AUTH=XOAUTH2"))
passwords_that_must_be_literals = forgets("passwords_that_must_be_literals", plain_server("LITERAL+"), ("LOGIN with a literal", "PLAIN without"), b"\xc3\xa4")
literals_that_wait = forgets("literals_that_wait", tls_server("SASL-IR"), ("LOGIN with a literal", "PLAIN without"), b"\xc3\xa4")


# --- what comes to nothing

def cut_short(s, secret):
    client = connect(s)
    client.send_raw(b"a LOGIN u1 {%d}\r\n" % len(secret))
    client._go_ahead(b"a")
    client.send_raw(secret[:-3])
    client.close_socket()


def cut_short_in_a_line(s, secret):
    client = connect(s)
    client.send_raw(b"a LOGIN u1 " + secret)
    client.close_socket()


def bad(*parts):
    def attempt(s, secret):
        client = connect(s)
        result = client.command(*[secret if part is None else part for part in parts])
        assert result.status in ("BAD", "NO"), result
    return attempt


def too_long(s, secret):
    client = connect(s)
    assert client.command("LOGIN u1 ", PlusLiteral(secret + b"x" * 5000)).status in ("BAD", "NO")


def cancelled(s, secret):
    client = connect(s)
    tag = client.begin("AUTHENTICATE LOGIN ", b64(b"u1"))
    assert client._go_ahead(tag)
    client.send_raw(b64(secret) + b"!\r\n")
    assert client.finish(tag).status == "BAD"


def the_line_breaks(s, secret):
    """The server ends the connection when it has read the password."""
    s.upstream.drop_on = b"LOGIN"
    client = connect(s)
    assert client.command("LOGIN u1 ", secret).code_name == "AUTHENTICATIONFAILED"


def the_client_goes(s, secret):
    s.upstream.silent_on = b"LOGIN"
    client = connect(s)
    client.begin("LOGIN u1 ", secret)
    wait_until(lambda: s.upstream.silent_on is None, "LOGIN upstream")
    client.close_socket()
    s.upstream.drop()


NOTHING = {
    "a literal cut short": cut_short,
    "a line cut short": cut_short_in_a_line,
    "a word too many": bad("LOGIN u1 ", None, " superfluous"),
    "an open quote": bad('LOGIN u1 "', None),
    "the password alone": bad("LOGIN ", None),
    "the password in place of a command": bad(None, " u1"),
    "no base64": bad("AUTHENTICATE PLAIN ", None, "="),
    "a literal too long": too_long,
    "a response that is no base64": cancelled,
    "a line that breaks": the_line_breaks,
    "a client that goes": the_client_goes,
}


def comes_to_nothing(name, upstream):
    def body(s):
        start(s)
        for what, attempt in NOTHING.items():
            mark = some_letters(MARK)
            attempt(s, secret_with(mark))
            nothing_is_left(s, mark, what)
    body.__name__, body.__module__ = name, __name__
    return scenario(upstream=upstream, settings=SETTINGS, start=False, build="release", timeout=180)(body)


what_comes_to_nothing = comes_to_nothing("what_comes_to_nothing", plain_server("LITERAL+ SASL-IR AUTH=PLAIN"))
what_comes_to_nothing_over_tls = comes_to_nothing("what_comes_to_nothing_over_tls", tls_server("LITERAL+ SASL-IR AUTH=PLAIN"))
long_passwords = forgets("long_passwords", plain_server("LITERAL+"), ("LOGIN with a literal", "PLAIN without"), b"l" * 2500)
long_passwords_in_responses = forgets("long_passwords_in_responses", tls_server("LOGINDISABLED AUTH=PLAIN"), ("LOGIN with a literal", "PLAIN without"), b"l" * 2500)


# --- the locked memory

@scenario(start=False)
def memory_that_cannot_be_locked_is_warned_of(s):
    """Root may lock what it likes, so that is taken away first."""
    limit = ["prlimit", "--memlock=65536:65536"]
    s.launcher = limit if os.geteuid() else ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"] + limit
    s.start_imapmux()
    assert "the memory for passwords cannot be locked" in s.log_text(), s.log_text()
    s.fill(2)
    owner = s.client(select="INBOX", learn=True)
    assert owner.fetch_identity(2) == "m2"
    assert s.connect().command("LOGIN u1 wrong").code_name == "AUTHENTICATIONFAILED"
    s.relay.cut()
    assert owner.fetch_identity(1) == "m1"


@scenario(upstream=lambda s: ScriptedUpstream(), settings={"sessions_per_address": "1000", "log_level": "info"}, timeout=90)
def long_passwords_of_those_who_wait_leave_room_for_the_others(s):
    owner = s.client(select="INBOX", learn=True)
    waiting = [s.connect(source="127.0.0.9") for _ in range(150)]
    for size in (30_000, 900):
        for number, client in enumerate(waiting[:75] if size == 900 else waiting[75:]):
            client.send_raw(b'a LOGIN "u1" "%d%s"\r\n' % (number, b"x" * size))
    for number in range(75):
        # Of those who come last some are told so; none is let in or forgotten.
        last = waiting[149 - number]._next(30)
        if b"memory is short" in last.text:
            break
    assert b"memory is short" in last.text, last
    s.relay.cut()
    assert owner.fetch_identity(2) == "m2"
    assert s.connect("phone").command("LOGIN u1 secret").ok
    assert "cannot open a connection" not in s.log_text()
