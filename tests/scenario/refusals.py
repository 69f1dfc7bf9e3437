"""How servers refuse a session too many, in their own words, and what a client is told: never that its password is wrong unless
the server says so. tests/unit/mux/refusal.c has every line of the table; here are those that end differently."""
import time

from mail_server import wait_until
from scenario import scenario
from scripted_upstream import ScriptedUpstream, odd

SHORT = {"login_wait": "600ms"}


def refused(name, code, **habits):
    """A scenario: the login is answered NO with this code, and the connection stays open."""
    def body(s):
        client = s.connect()
        result = client.command("LOGIN u1 secret")
        assert result.status == "NO" and result.code_name == code, result
        client.ok("NOOP")
        assert s.upstream.open_now <= 1
    body.__name__ = name
    body.__module__ = __name__
    return scenario(upstream=odd(**habits), settings=SHORT)(body)


dovecot_limit = refused(
    "dovecot_limit", "LIMIT", login="TAG NO [LIMIT] Maximum number of connections from user+IP exceeded "
    "(mail_max_userip_connections=1)")
dovecot_limit_with_another_code = refused(
    "dovecot_limit_with_another_code", "LIMIT", login="TAG NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded")
a_limit_that_looks_like_a_wrong_password = refused(
    "a_limit_that_looks_like_a_wrong_password", "LIMIT", login="TAG NO [AUTHENTICATIONFAILED] Authentication failed: "
    "authentication failure (Too many simultaneous connections.)")
cyrus_limit = refused("cyrus_limit", "LIMIT", login="TAG NO Too many open connections (1 of 1 for user1)")
cyrus_wrong_password = refused("cyrus_wrong_password", "AUTHENTICATIONFAILED", login="TAG NO Login failed: authentication failure")
courier_closes_without_a_byte = refused("courier_closes_without_a_byte", "UNAVAILABLE", greeting=None)
gmail_limit = refused("gmail_limit", "LIMIT", login="TAG NO [ALERT] Too many simultaneous connections. (Failure)")
yahoo_rate_limit = refused("yahoo_rate_limit", "UNAVAILABLE", login="* BYE [LIMIT] LOGIN Rate limit hit.\r\nTAG NO [LIMIT] LOGIN Rate limit hit.")
gmail_closes_an_account_for_a_day = refused(
    "gmail_closes_an_account_for_a_day", "UNAVAILABLE", login="TAG NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)")
mailu_counts_logins = refused("mailu_counts_logins", "UNAVAILABLE", login="TAG NO Temporary authentication failure (rate-limit)")
icloud_bad = refused("icloud_bad", "UNAVAILABLE", login="TAG BAD [UNAVAILABLE] Service temporarily unavailable")
stalwart_bye = refused("stalwart_bye", "LIMIT", login="* BYE Too many concurrent IMAP connections.")
exchange_closes_with_a_number = refused("exchange_closes_with_a_number", "UNAVAILABLE", greeting=b"* BYE Connection is closed. 13")
a_bare_line = refused("a_bare_line", "UNAVAILABLE", login="Server Unavailable. 15")
a_refusal_that_explains_nothing = refused("a_refusal_that_explains_nothing", "UNAVAILABLE", login="TAG NO Go away")
preauth_is_refused = refused("preauth_is_refused", "UNAVAILABLE", greeting=b"* PREAUTH welcome, whoever you are")
logindisabled_gets_no_password = refused("logindisabled_gets_no_password", "UNAVAILABLE", capabilities="IMAP4rev1 LOGINDISABLED")


@scenario(upstream=odd(after_login="TAG BAD User is authenticated but not connected."))
def exchange_says_ok_and_then_is_not_connected(s):
    """No word about the command: the session is void, and a new one is made."""
    client = s.client(select="INBOX", learn=True)
    assert client.fetch_identity(3) == "m3"
    assert s.upstream.connections == 2


def _closed_at_first(upstream):
    return "TAG NO Login rate exceeded, try again in 3 seconds" if upstream.connections < 2 else None


@scenario(upstream=odd(login=_closed_at_first), settings={"login_wait": "10s"})
def a_time_that_the_server_names_is_waited_for(s):
    started = time.monotonic()
    client = s.client(select="INBOX")
    assert 2.9 < time.monotonic() - started < 6, time.monotonic() - started
    assert s.upstream.connections == 2, s.upstream.connections
    client.noop()


def _busy_at_first(upstream):
    return "TAG NO [LIMIT] Too many connections" if upstream.connections < 3 else None


@scenario(upstream=odd(login=_busy_at_first), settings={"login_wait": "10s"})
def a_slot_that_is_freed_soon_is_waited_for(s):
    started = time.monotonic()
    client = s.client(select="INBOX")
    assert time.monotonic() - started < 5
    assert s.upstream.connections == 3
    client.noop()


@scenario(upstream=odd(login="TAG NO [AUTHENTICATIONFAILED] wrong"))
def a_rejected_password_is_refused_here_the_second_time(s):
    client = s.connect()
    for _ in range(2):
        result = client.command("LOGIN u1 secret")
        assert result.status == "NO" and result.code_name == "AUTHENTICATIONFAILED", result
    assert s.upstream.connections == 1, s.upstream.connections


class NoLonger(ScriptedUpstream):
    """Accepts the password once."""

    def __init__(self):
        super().__init__(login=lambda upstream: "TAG NO [AUTHENTICATIONFAILED] changed" if upstream.connections > 1 else None)


@scenario(upstream=lambda s: NoLonger())
def a_password_that_is_no_longer_accepted_ends_the_sessions(s):
    client = s.client(select="INBOX")
    client.idle()
    s.upstream.drop()
    assert "password" in client.wait_closed()


# --- one text for every refusal

ONE_TEXT = ("Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy. "
            "More information at https://help.mail.qq.com/detail/0/1010")


class OneText(ScriptedUpstream):
    """`busy` refuses everybody; a wrong password gets the same text."""

    def __init__(self):
        super().__init__(login=self.judge)
        self.busy, self.judged = False, 0

    def judge(self, server):
        self.judged += 1
        if self.busy or "secret" not in self.commands[-1]:
            return "TAG NO " + ONE_TEXT
        return None


@scenario(upstream=lambda s: OneText(), settings={"login_wait": "6s", "reverify_interval": "0"}, timeout=90)
def one_text_for_every_refusal_proves_nothing(s):
    stranger = s.connect().command("LOGIN u1 wrong", timeout=20)
    assert stranger.code_name == "UNAVAILABLE" and b"password is incorrect" in stranger.tagged.words, stranger
    s.upstream.busy = True
    early = s.connect().command("LOGIN u1 secret", timeout=20)
    assert early.code_name == "UNAVAILABLE" and b"system is busy" in early.tagged.words, early
    s.upstream.busy = False
    client = s.client(name="in", select="INBOX", learn=True)
    s.upstream.busy = True
    s.upstream.drop()
    judged = s.upstream.judged
    wait_until(lambda: s.upstream.judged > judged + 2, "reconnects")
    late = s.connect().command("LOGIN u1 secret", timeout=20)
    assert late.status == "NO" and late.code_name == "UNAVAILABLE", late
    s.upstream.busy = False
    assert client.fetch_identity(3) == "m3", "its session has not ended"
    assert s.connect().command("LOGIN u1 wrong", timeout=30).code_name == "UNAVAILABLE"
    assert client.fetch_identity(2) == "m2"
    assert s.connect().command("LOGIN u1 secret", timeout=20).ok, "it is not remembered as refused"
