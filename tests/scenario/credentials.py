"""Who may attach: changed and revoked passwords, guesses, second connections, tokens, spellings of a name. Addresses
are told apart as the kernel tells them: clients bind to one of 127.0.0.0/8 each."""
import base64
import re
import threading
import time

from imap_client import PlusLiteral
from mail_server import free_port, wait_until
from scenario import scenario
from scripted_upstream import FULL, Gone, ScriptedUpstream

TWO_PERMITTED = dict(limit="account", connections=2, start=False,
                     dovecot_extra="protocol imap {\n  mail_max_userip_connections = 2\n}")


def start_with(s, line):
    """Starts imapmux with one more line in the upstream's section."""
    s.mux_port = free_port()
    s.start_imapmux(["-c", s.write_settings(upstream=[line])])


def logins(s):
    return len([text for text in s.relay.commands() if text.startswith(("LOGIN", "AUTHENTICATE"))])


def guess(s, source, password, timeout=60):
    client = s.connect("guess-" + source, source=source)
    try:
        return client.command("LOGIN u1 " + password, timeout=timeout)
    finally:
        client.close_socket()


# --- a second connection

@scenario(**TWO_PERMITTED)
def a_changed_password_is_checked_beside_the_session(s):
    start_with(s, "verify_connection = yes")
    s.fill(2)
    old = s.client(name="old", select="INBOX", learn=True)
    old.idle()
    s.relay.wait_for(">", r" IDLE$")
    s.dovecot.set_password("u1", "fresh")
    mark = s.relay.mark()
    new = s.connect("new")
    assert new.command("LOGIN u1 fresh").ok
    new.select("INBOX")
    assert new.fetch_identity(2) == "m2"
    assert s.relay.connections == 2, "%d connections: the session was not to be given up" % s.relay.connections
    s.relay.wait_for(">", r" LOGOUT$", since=mark)
    s.deliver("m3")
    old.idle_until(lambda: len(old.messages) == 3)
    old.done()
    # Both are known now, and cost nothing.
    for password in ("secret", "fresh"):
        assert s.connect().command("LOGIN u1 " + password).ok
    assert s.relay.connections == 2


@scenario(**TWO_PERMITTED)
def a_wrong_password_on_a_second_connection_disturbs_nobody(s):
    start_with(s, "verify_connection = yes")
    s.fill(2)
    owner = s.client(name="owner", select="INBOX", learn=True)
    owner.idle()
    s.relay.wait_for(">", r" IDLE$")
    mark = s.relay.mark()
    result = guess(s, "127.0.0.9", "wrong")
    assert result.code_name == "AUTHENTICATIONFAILED", result
    s.deliver("m3")
    owner.idle_until(lambda: len(owner.messages) == 3)
    owner.done()
    said = s.relay.commands(mark)
    assert not [text for text in said if text == "LOGOUT"], said
    assert s.relay.connections == 2


@scenario(limit="account", connections=2, start=False)
def where_no_second_session_is_permitted_it_is_checked_in_place(s):
    start_with(s, "verify_connection = yes")
    s.fill(2)
    old = s.client(name="old", select="INBOX", learn=True)
    s.dovecot.set_password("u1", "fresh")
    new = s.connect("new")
    assert new.command("LOGIN u1 fresh", timeout=30).ok
    new.select("INBOX")
    assert new.fetch_identity(1) == "m1" and old.fetch_identity(2) == "m2"


# --- in place

@scenario(settings={"reverify_interval": "3s", "verify_ttl": "4s"}, timeout=120)
def a_changed_password_gets_in_and_the_old_one_stops_attaching(s):
    s.fill(2)
    owner = s.client(name="owner", select="INBOX", learn=True)
    owner.idle()
    s.dovecot.set_password("u1", "fresh")
    assert s.connect("new").command("LOGIN u1 fresh").ok
    guess(s, "127.0.0.9", "wrong")
    assert s.connect("old").command("LOGIN u1 secret").ok, "accepted not longer than verify_ttl ago"
    s.deliver("m3")
    owner.idle_until(lambda: len(owner.messages) == 3)
    # What a stranger does, a moment after, is no reason to make the owner wait.
    s.dovecot.set_password("u1", "fresher")
    start = time.monotonic()
    assert s.connect("newer").command("LOGIN u1 fresher").ok
    assert time.monotonic() - start < 3.5, "reverify_interval, and a moment"
    time.sleep(4.2)  # verify_ttl
    assert s.connect("late").command("LOGIN u1 secret", timeout=30).code_name == "AUTHENTICATIONFAILED"
    s.deliver("m4")
    owner.idle_until(lambda: len(owner.messages) == 4)
    owner.done()
    assert owner.fetch_identity(4) == "m4"
    assert s.relay.most_open == 1


@scenario(settings={"failure_delay": "300ms", "rejected_ttl": "1m"})
def refusals_are_held_back_longer_and_longer(s):
    s.fill(1)
    s.client(select="INBOX")
    times = []
    for number in range(3):
        start = time.monotonic()
        assert guess(s, "127.0.0.9", "wrong").code_name == "AUTHENTICATIONFAILED"
        times.append(time.monotonic() - start)
    # The same one again is no new failure, and no word of it goes upstream.
    assert all(0.3 <= taken < 2 for taken in times[1:]), times
    assert logins(s) == 3, s.relay.commands()  # the owner's, the wrong one, the owner's again
    # Nobody else has to wait for it.
    start = time.monotonic()
    assert s.connect(source="127.0.0.1").command("LOGIN u1 secret").ok
    assert time.monotonic() - start < 0.3


@scenario(settings={"failure_delay": "2s"})
def a_guess_is_not_even_compared_while_a_refusal_is_held_back(s):
    """Else the right one among a thousand would stand out by being answered at once."""
    s.fill(1)
    s.client(select="INBOX")
    first = s.connect(source="127.0.0.9")
    tag = first.begin("LOGIN u1 wrong")
    time.sleep(0.1)
    second = s.connect(source="127.0.0.9")
    start = time.monotonic()
    assert second.command("LOGIN u1 secret").ok
    assert time.monotonic() - start > 1.5, "a right password was told from a wrong one at once"
    assert first.finish(tag).code_name == "AUTHENTICATIONFAILED"


@scenario(settings={"failure_delay": "300ms", "reverify_interval": "1h"}, timeout=120)
def guesses_that_are_not_even_tried_are_held_back_as_well(s):
    """They have been compared with what is accepted: answered at once, they would be tried at the speed of the network."""
    s.fill(1)
    s.client(select="INBOX")
    times = []
    for number in range(5):
        start = time.monotonic()
        assert guess(s, "127.0.0.9", "guess%d" % number).status == "NO"
        times.append(time.monotonic() - start)
    assert logins(s) <= 3, s.relay.commands()
    assert times[2] > 0.9 and times[3] > 1.8 and times[4] > 3.6, times


@scenario(settings={"reverify_interval": "1s", "login_wait": "5s", "sessions_per_address": "1000", "login_failures_per_minute": "20",
                    "sessions_total": "3000"}, timeout=180)
def a_thousand_guesses_beside_a_working_owner(s):
    s.fill(5)
    owner = s.client(name="owner", select="INBOX", learn=True)
    idler = s.client(name="idler", select="INBOX", learn=True)
    idler.idle()
    stop, delays = threading.Event(), []

    def work():
        while not stop.is_set():
            start = time.monotonic()
            owner.ok("NOOP")
            assert owner.fetch_identity(3) == "m3"
            delays.append(time.monotonic() - start)
            time.sleep(0.02)

    worker = threading.Thread(target=work)
    worker.start()
    outcomes = []

    def attack(number):
        source = "127.0.%d.%d" % (1 + number // 250, 2 + number % 250)
        try:
            outcomes.append(guess(s, source, "guess%d" % number, timeout=90).code_name)
        except Exception as error:
            outcomes.append(repr(error))

    for batch in range(10):
        threads = [threading.Thread(target=attack, args=(batch * 100 + number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stop.set()
    worker.join()
    assert len(outcomes) == 1000 and set(outcomes) <= {"AUTHENTICATIONFAILED", "UNAVAILABLE"}, set(outcomes)
    s.log("owner: %d rounds, median %.4f s, longest %.3f s" % (len(delays), sorted(delays)[len(delays) // 2], max(delays)))
    tried = [text for text in s.relay.commands() if text.startswith("LOGIN")]
    s.log("logins upstream: %d" % len(tried))
    # The owner's own, and at most a handful while he works (each followed by his again).
    assert len(tried) <= 15, "%d logins upstream" % len(tried)
    assert sorted(delays)[len(delays) * 95 // 100] < 1, "the owner was held up"
    slow = [delay for delay in delays if delay > 0.5]
    assert len(slow) <= len(tried), "the owner waited %d times, for %d checks" % (len(slow), len(tried))
    s.deliver("m6")
    idler.idle_until(lambda: len(idler.messages) == 6)
    idler.done()
    assert s.connect("owner's phone").command("LOGIN u1 secret").ok
    assert s.relay.most_open == 1


@scenario(users=3, settings={"login_failures_per_minute": "4", "login_wait": "3s", "failure_delay": "0"})
def a_server_is_shown_few_guesses_over_all_accounts(s):
    outcomes = [s.connect(source="127.0.2.%d" % n).command("LOGIN u%d guess%d" % (n % 3 + 1, n), timeout=20).code_name
                for n in range(2, 12)]
    assert set(outcomes) == {"AUTHENTICATIONFAILED", "UNAVAILABLE"}, outcomes
    assert outcomes.count("AUTHENTICATIONFAILED") <= 4, outcomes
    assert logins(s) <= 4


@scenario(users=2)
def an_authorization_id_is_another_account(s):
    s.fill(2, prefix="one-", user="u1")
    s.fill(2, prefix="two-", user="u2")
    own = s.client("u1", select="INBOX", learn=True)
    # u1's right password does not open u2's mailbox here: the server alone says whether it does.
    client = s.connect()
    assert client.authenticate_plain("u1", "secret", authorize="u2").status == "NO"
    assert own.fetch_identity(1) == "one-1"


@scenario(start=False)
def spellings_of_a_name_are_one_account(s):
    start_with(s, "lower_case_users = yes")
    s.fill(1)
    first, second = s.connect(), s.connect()
    assert first.command("LOGIN U1 secret").ok and second.command("LOGIN u1 secret").ok
    first.select("INBOX")
    second.select("INBOX")
    assert s.relay.logins == 1


# --- tokens

class TokenServer(ScriptedUpstream):
    """Takes bearer tokens, as RFC 7628 and the vendors of XOAUTH2 have it."""

    def __init__(self, mechanisms, sasl_ir=True):
        super().__init__(capabilities=FULL + "".join(" AUTH=" + name for name in mechanisms) + (" SASL-IR" if sasl_ir else ""))
        self.tokens, self.messages, self.answers = {"good-token"}, [], []

    def do_authenticate(self, tag, rest):
        words = rest.split(" ")
        if len(words) == 2:
            self.line("+ ")
            words.append(self.read_line().decode())
        message = base64.b64decode(words[2])
        self.messages.append((words[1], message))
        token = message.split(b"auth=Bearer ")[1].split(b"\1")[0].decode()
        if token in self.tokens:
            self.logins += 1
            self.line(tag + " OK logged in")
            return
        self.line(b"+ " + base64.b64encode(b'{"status":"400","reason":"stale"}'))
        self.answers.append(self.read_line())
        self.line(tag + " NO [AUTHENTICATIONFAILED] no such token")


def token_server(*mechanisms, **options):
    def make(s):
        return TokenServer(mechanisms, **options)
    return make


def xoauth2(token, user="u1"):
    return base64.b64encode(("user=%s\1auth=Bearer %s\1\1" % (user, token)).encode())


def oauthbearer(token, user="u1"):
    return base64.b64encode(("n,a=%s,\1host=mail.example\1port=143\1auth=Bearer %s\1\1" % (user, token)).encode())


@scenario(upstream=token_server("XOAUTH2", "OAUTHBEARER"), start=False, relay=True)
def tokens_are_handed_through(s):
    start_with(s, "tokens = yes")
    before = s.connect().capabilities()
    assert {"AUTH=XOAUTH2", "AUTH=OAUTHBEARER"} <= before, before
    first, second, third = s.connect(), s.connect(), s.connect()
    assert first.command("AUTHENTICATE OAUTHBEARER ", oauthbearer("good-token")).ok
    assert second.command("AUTHENTICATE XOAUTH2 ", xoauth2("good-token")).ok, "one token, whatever it is wrapped in"
    assert third.sasl("XOAUTH2", xoauth2("good-token")).ok
    for client in (first, second, third):
        client.select("INBOX")
        assert client.fetch_identity(2) == "m2"
    assert s.upstream.messages == [("OAUTHBEARER", b"n,a=u1,\1auth=Bearer good-token\1\1")], s.upstream.messages


@scenario(upstream=token_server("XOAUTH2", sasl_ir=False), start=False)
def a_refused_token_is_refused_with_the_servers_words(s):
    start_with(s, "tokens = yes")
    client = s.connect()
    for turn in range(2):
        tag = client.begin("AUTHENTICATE XOAUTH2 ", xoauth2("stale"))
        challenge = client._next(20)
        assert challenge.kind == "go-ahead" and b"status" in base64.b64decode(challenge.text[2:]), challenge
        client.send_raw(b"\r\n")
        result = client.finish(tag)
        assert result.status == "NO" and result.code_name == "AUTHENTICATIONFAILED", result
    assert s.upstream.answers == [b""], "asked once, answered empty"
    assert client.command("AUTHENTICATE XOAUTH2 ", xoauth2("good-token")).ok
    client.select("INBOX")


class Expiring(TokenServer):
    """Refuses as Exchange does, without a code."""

    def do_authenticate(self, tag, rest):
        if b"good-token" in base64.b64decode(rest.split(" ")[2]) and "good-token" in self.tokens:
            super().do_authenticate(tag, rest)
        else:
            self.line(tag + " NO AUTHENTICATE failed.")


@scenario(upstream=lambda s: Expiring(["XOAUTH2"]), start=False)
def a_token_that_has_expired_ends_the_sessions_and_asks_for_a_new_one(s):
    start_with(s, "tokens = yes")
    client = s.connect()
    assert client.command("AUTHENTICATE XOAUTH2 ", xoauth2("good-token")).ok
    client.select("INBOX")
    client.idle()
    s.upstream.tokens = set()
    s.relay.cut()
    assert "no longer accepts" in client.wait_closed()
    again = s.connect()
    tag = again.begin("AUTHENTICATE XOAUTH2 ", xoauth2("good-token"))
    challenge = again._next(20)
    assert challenge.kind == "go-ahead" and b"401" in base64.b64decode(challenge.text[2:]), challenge
    again.send_raw(b"\r\n")
    assert again.finish(tag).code_name == "AUTHENTICATIONFAILED"


@scenario(upstream=token_server("OAUTHBEARER"), start=False)
def a_token_that_names_nobody_is_refused(s):
    start_with(s, "tokens = yes")
    for message in (b"n,,\1auth=Bearer good-token\1\1", b"n,a=,\1auth=Bearer good-token\1\1", b"user=\1auth=Bearer good-token\1\1"):
        mechanism = "XOAUTH2" if message.startswith(b"user") else "OAUTHBEARER"
        assert s.connect().command("AUTHENTICATE %s " % mechanism, base64.b64encode(message)).status == "BAD"
    assert s.relay.connections == 0


@scenario(upstream=token_server("OAUTHBEARER"), start=False)
def a_renewed_token_takes_over(s):
    start_with(s, "tokens = checked")
    old = s.connect()
    assert old.command("AUTHENTICATE OAUTHBEARER ", oauthbearer("good-token")).ok
    old.select("INBOX")
    s.upstream.tokens = {"renewed"}
    new = s.connect()
    assert new.command("AUTHENTICATE OAUTHBEARER ", oauthbearer("renewed"), timeout=30).ok
    s.relay.cut()
    old.learn()
    assert old.fetch_identity(3) == "m3", "the renewed one carries the session over a reconnect"


@scenario(upstream=token_server("XOAUTH2"))
def tokens_are_offered_once_the_server_has_been_seen_to_take_them(s):
    assert "AUTH=XOAUTH2" not in s.connect().capabilities()
    s.client(select="INBOX")
    assert "AUTH=XOAUTH2" in s.connect().capabilities()


def too_many_for_the_guess(server):
    """Lets the owner in, and has no room for anybody who guesses."""
    return None if "sesame" not in server.commands[-1] else "TAG NO [LIMIT] Too many sessions"


@scenario(upstream=lambda s: ScriptedUpstream(login=too_many_for_the_guess), settings={"login_wait": "30s"}, timeout=90)
def a_check_in_place_that_gets_no_answer_is_given_up_soon(s):
    """A server that does not say whether a password is right must not keep the owner waiting for as long as the stranger waits."""
    owner = s.client(name="owner", select="INBOX", learn=True)
    stranger = s.connect(source="127.0.0.9")
    tag = stranger.begin("LOGIN u1 sesame")
    s.relay.wait_for(">", r" LOGOUT$", timeout=10)
    start = time.monotonic()
    assert owner.fetch_identity(2) == "m2"
    assert time.monotonic() - start < 10, "the owner waited as long as the stranger"
    result = stranger.finish(tag, 40)
    assert result.status == "NO" and result.code_name in ("LIMIT", "UNAVAILABLE"), result


class OddWords(ScriptedUpstream):
    """Takes what is in `right`, and refuses the rest in words that nobody knows."""

    def __init__(self, words="TAG NO computer says no"):
        super().__init__(login=self.judge)
        self.right, self.words = {"secret"}, words

    def judge(self, server):
        password = server.commands[-1].rsplit(" ", 1)[1].strip('"')
        return "TAG OK in" if password in self.right else self.words


def odd_words(s):
    return OddWords()


@scenario(upstream=odd_words)
def a_new_password_gets_in_where_nobody_understands_how_the_old_one_is_refused(s):
    """At a reconnect the old one is refused in words that prove nothing: it must not be tried for ever in the new one's place."""
    owner = s.client(name="owner", select="INBOX", learn=True)
    s.upstream.right = {"fresh"}
    s.relay.cut()
    s.relay.wait_for("<", r"computer says no", timeout=10)
    new = s.connect("new")
    assert new.command("LOGIN u1 fresh", timeout=15).ok
    new.select("INBOX")
    assert owner.fetch_identity(2) == "m2", "the new one carries the session on"


@scenario(upstream=odd_words)
def another_accepted_password_takes_over_where_nobody_understands_how_one_is_refused(s):
    first = s.client(name="first", select="INBOX", learn=True)
    s.upstream.right = {"secret", "other"}
    assert s.connect("second").command("LOGIN u1 other").ok
    s.upstream.right = {"secret"}  # the one that was accepted last is refused
    s.relay.cut()
    assert first.fetch_identity(2) == "m2"


# --- what a server may answer to a check, in place and on a second connection

class Whimsical(ScriptedUpstream):
    """Lets the owner in, and answers whoever brings "sesame" as `whim` says: a line, or what is called with the server."""

    def __init__(self, whim):
        super().__init__(login=self.judge)
        self.whim, self.judged = whim, 0

    def judge(self, server):
        if "sesame" not in self.commands[-1]:
            return None
        self.judged += 1
        return self.whim(self) if callable(self.whim) else self.whim


def closes(server):
    raise Gone


def is_lost_once_it_has_said_ok(server):
    server.drop_on = b"CAPABILITY"
    return "TAG OK in"


WHIMS = {
    "NO [UNAVAILABLE]": ("TAG NO [UNAVAILABLE] Temporary authentication failure", {"UNAVAILABLE"}),
    "NO [LIMIT]": ("TAG NO [LIMIT] Too many sessions", {"LIMIT", "UNAVAILABLE"}),
    "NO [INUSE]": ("TAG NO [INUSE] Mailbox is locked", {"UNAVAILABLE", "LIMIT"}),
    "NO [ALERT]": ("TAG NO [ALERT] Please log in via your web browser", {"UNAVAILABLE"}),
    "NO [EXPIRED]": ("TAG NO [EXPIRED] That password is too old", {"UNAVAILABLE", "AUTHENTICATIONFAILED"}),
    "NO without words": ("TAG NO", {"UNAVAILABLE"}),
    "BAD": ("TAG BAD What?", {"UNAVAILABLE"}),
    "BYE": ("* BYE Go away", {"UNAVAILABLE"}),
    "the end": (closes, {"UNAVAILABLE"}),
    "OK and the end": (is_lost_once_it_has_said_ok, {"UNAVAILABLE"}),
    "NO [AUTHENTICATIONFAILED]": ("TAG NO [AUTHENTICATIONFAILED] Invalid credentials", {"AUTHENTICATIONFAILED"}),
}


def whim(name, answer, codes):
    def body(s):
        owner = s.client(name="owner", select="INBOX", learn=True)
        stranger = s.connect(source="127.0.0.9")
        tag = stranger.begin("LOGIN u1 sesame")
        wait_until(lambda: s.upstream.judged, "a check")
        longest = 0
        while not stranger._readable() and s.upstream.judged < 30:
            start = time.monotonic()
            assert owner.fetch_identity(2) == "m2"
            longest = max(longest, time.monotonic() - start)
            time.sleep(0.05)
        result = stranger.finish(tag, 40)
        assert result.status == "NO" and result.code_name in codes, result
        assert owner.fetch_identity(3) == "m3"
        assert longest < 5, "the owner waited %.1f s" % longest
        assert s.connect("phone").command("LOGIN u1 secret").ok
        s.log("checks: %d, the owner waited %.3f s at most" % (s.upstream.judged, longest))
    body.__name__, body.__module__ = name, __name__
    return scenario(upstream=lambda s: Whimsical(answer), settings={"login_wait": "12s"}, timeout=90)(body)


for _name, (_answer, _codes) in WHIMS.items():
    _function = "a_check_in_place_answered_" + re.sub(r"\W+", "_", _name).strip("_").lower()
    globals()[_function] = whim(_function, _answer, _codes)


# --- several passwords

class AppPasswords(ScriptedUpstream):
    """Takes every password that begins with "app", as long as it is in force."""

    def __init__(self):
        super().__init__(login=self.judge)
        self.revoked, self.seen, self.gate = set(), [], None

    def judge(self, server):
        password = server.commands[-1].split(" ", 2)[2]
        password = password.partition("\r\n")[2] if password.startswith("{") else password[1:-1]
        self.seen.append(password)
        if self.gate:
            self.gate.wait(20)
        good = password.startswith("app") and password not in self.revoked
        return "TAG OK in" if good else "TAG NO [AUTHENTICATIONFAILED] wrong"


def app_passwords(s):
    return AppPasswords()


@scenario(upstream=app_passwords, settings={"reverify_interval": "0"}, timeout=120)
def a_ninth_password_gets_in_and_nobody_is_thrown_out(s):
    clients = []
    for number in range(9):
        client = s.connect("c%d" % number)
        assert client.command("LOGIN u1 app%d" % number).ok
        client.select("INBOX")
        client.learn()
        clients.append(client)
    # The first one has made room: it is asked for again, and is right.
    assert s.connect("again").command("LOGIN u1 app0").ok
    assert s.upstream.seen.count("app0") == 2 and s.upstream.seen.count("app8") == 1, s.upstream.seen
    for client in clients:
        assert client.fetch_identity(2) == "m2"
    s.relay.cut()
    for client in clients:
        assert client.fetch_identity(3) == "m3"


@scenario(upstream=app_passwords, settings={"reverify_interval": "0", "rejected_ttl": "2s"}, timeout=120)
def a_password_that_is_changed_there_and_back(s):
    owner = s.connect("owner")
    assert owner.command("LOGIN u1 app-a").ok
    owner.select("INBOX")
    owner.learn()
    s.upstream.revoked = {"app-a"}
    assert s.connect("new").command("LOGIN u1 app-b").ok
    s.upstream.revoked = {"app-b"}
    s.relay.cut()
    # The new one is refused at the reconnect, the old one is still in the list, and right again.
    assert owner.fetch_identity(2) == "m2"
    assert s.connect("back").command("LOGIN u1 app-a").ok
    assert s.connect("forth").command("LOGIN u1 app-b").code_name == "AUTHENTICATIONFAILED"
    s.upstream.revoked = set()

    def is_let_in():
        client = s.connect()
        try:
            return client.command("LOGIN u1 app-b").ok
        finally:
            client.close_socket()

    wait_until(is_let_in, "a password that is right again, once rejected_ttl has passed")
    assert owner.fetch_identity(3) == "m3"


@scenario(upstream=app_passwords, settings={"reverify_interval": "1h", "login_wait": "15s"}, timeout=90)
def two_addresses_with_one_new_password_are_one_check(s):
    owner = s.connect("owner")
    assert owner.command("LOGIN u1 app-a").ok
    owner.select("INBOX")
    owner.learn()
    first, second = s.connect(source="127.0.0.8"), s.connect(source="127.0.0.9")
    tags = first.begin("LOGIN u1 app-b"), second.begin("LOGIN u1 app-b")
    assert first.finish(tags[0]).ok and second.finish(tags[1]).ok
    assert s.upstream.seen == ["app-a", "app-b"], s.upstream.seen
    assert owner.fetch_identity(2) == "m2"


@scenario(upstream=app_passwords, settings={"reverify_interval": "0"}, timeout=90)
def who_leaves_during_the_check_of_his_password_leaves_the_others_as_they_were(s):
    """His password is judged all the same: the server has it already. Then all go on."""
    owner = s.connect("owner")
    assert owner.command("LOGIN u1 app-a").ok
    owner.select("INBOX")
    owner.learn()
    for password in ("app-b", "wrong"):
        s.upstream.gate = threading.Event()
        before = len(s.upstream.seen)
        client = s.connect("hasty")
        client.begin("LOGIN u1 " + password)
        wait_until(lambda: len(s.upstream.seen) > before, "a check")
        client.close_socket()
        later = s.connect("later")
        tag = later.begin("LOGIN u1 app-a")
        s.upstream.gate.set()
        s.upstream.gate = None
        assert later.finish(tag).ok
        assert owner.fetch_identity(2) == "m2"
    assert s.upstream.seen.count("app-b") >= 1 and s.upstream.seen.count("wrong") == 1, s.upstream.seen


@scenario(upstream=app_passwords, settings={"verify_ttl": "1s", "reverify_interval": "0"}, timeout=90)
def verify_ttl_ends_while_logins_wait(s):
    """The reconnect asks for it anew: those who wait with it are let in by that."""
    owner = s.connect("owner")
    assert owner.command("LOGIN u1 app-a").ok
    owner.select("INBOX")
    owner.learn()
    s.upstream.gate = threading.Event()
    s.relay.cut()
    wait_until(lambda: len(s.upstream.seen) == 2, "a reconnect")
    waiting = [s.connect("w%d" % number) for number in range(5)]
    tags = [client.begin("LOGIN u1 app-a") for client in waiting]
    time.sleep(1.2)  # verify_ttl
    s.upstream.gate.set()
    s.upstream.gate = None
    for client, tag in zip(waiting, tags):
        assert client.finish(tag).ok
    assert len(s.upstream.seen) == 2, s.upstream.seen
    assert owner.fetch_identity(2) == "m2"


# --- odd passwords, odd names

@scenario(upstream=app_passwords, settings={"reverify_interval": "0", "failure_delay": "0"}, timeout=90)
def passwords_of_odd_octets(s):
    """What IMAP can carry comes to the server as it was sent; what it cannot is refused here, and nothing goes up."""
    for password in (b"app with spaces ", b'app"quoted\\', b"app\xc3\xa4\xff\x80", b"app(){%*]", b"app" + b"x" * 4090, b"app\x01\x7f", b"appNIL{3+}"):
        client = s.connect()
        assert client.command("LOGIN u1 ", PlusLiteral(password)).ok, password[:20]
        seen = s.upstream.seen[-1]
        assert seen == password.decode("latin-1"), (seen[:30], password[:30])
    before = len(s.upstream.seen)
    for attempt in (lambda c: c.command('LOGIN u1 ""'), lambda c: c.command("LOGIN u1 ", PlusLiteral(b"app\0x")),
                    lambda c: c.command("LOGIN u1 ", PlusLiteral(b"app\r\nx LOGOUT")), lambda c: c.authenticate_plain("u1", ""),
                    lambda c: c.sasl("PLAIN", base64.b64encode(b"\0u1\0app\nx")), lambda c: c.sasl("PLAIN", base64.b64encode(b"\0u1\0app\0x")),
                    lambda c: c.sasl("PLAIN", base64.b64encode(b"u1\nx\0u1\0app")), lambda c: c.sasl("LOGIN", base64.b64encode(b"u1"), b"="),
                    lambda c: c.command("LOGIN u1 ", PlusLiteral(b"app" + b"x" * 4094)), lambda c: c.command('LOGIN "" app'),
                    lambda c: c.command('LOGIN u1 "app' + "x" * 37_000 + '"')):
        result = attempt(s.connect())
        assert result.status in ("NO", "BAD"), result
    assert len(s.upstream.seen) == before, s.upstream.seen[before:]
    assert s.connect().authenticate_plain("u1", "app1", authorize="u1").ok
    assert s.relay.most_open == 1


@scenario(start=False, users=2, limit="account", settings={"login_wait": "2s"})
def names_are_spelt_as_the_settings_say(s):
    start_with(s, "lower_case_users = yes\ndefault_domain = example.org")
    assert s.connect().command("LOGIN u1 secret").status == "NO", "the server knows no u1@example.org"
    text = s.log_text()
    assert "u1@example.org@server" in text, text
    path = s.directory + "/imapmux.conf"
    with open(path) as file:
        settings = file.read()
    with open(path, "w") as file:
        file.write(settings.replace("default_domain = example.org\n", ""))
    s.reload()
    first = s.connect()
    assert first.command("LOGIN U1 secret").ok
    first.select("INBOX")
    with open(path, "w") as file:
        file.write(settings.replace("lower_case_users = yes\ndefault_domain = example.org\n", "verify_connection = no\n"))
    s.reload()
    first.noop()
    assert s.connect().command("LOGIN u1 secret").ok
    assert s.connect().command("LOGIN U1 secret", timeout=30).status in ("OK", "NO"), "another account now"
    first.noop()
    assert dict(s.relay.most_open_of).get("u1") == 1, s.relay.most_open_of


@scenario(upstream=app_passwords, settings={"verify_ttl": "0"}, timeout=90)
def verify_ttl_of_nothing_asks_at_every_login(s):
    owner = s.connect("owner")
    assert owner.command("LOGIN u1 app-a").ok
    owner.select("INBOX")
    owner.learn()
    for number in range(3):
        assert s.connect().command("LOGIN u1 app-a").ok
    assert s.upstream.seen == ["app-a"] * 4, s.upstream.seen
    assert owner.fetch_identity(2) == "m2"
    s.upstream.revoked = {"app-a"}
    assert s.connect().command("LOGIN u1 app-a").code_name == "AUTHENTICATIONFAILED"


@scenario(limit="account", connections=2, start=False, timeout=120, dovecot_extra=TWO_PERMITTED["dovecot_extra"],
          settings={"reverify_interval": "0", "failure_delay": "100ms", "login_failures_per_minute": "1000", "login_wait": "5s"})
def settings_change_while_passwords_are_checked(s):
    """Who waits meanwhile is answered, by the server's word or for want of it, and who is in stays."""
    s.fill(3)
    start_with(s, "verify_connection = yes")
    path = s.directory + "/imapmux.conf"
    with open(path) as file:
        settings = file.read()
    owner = s.client(name="owner", select="INBOX", learn=True)
    stop, outcomes = threading.Event(), []

    def knock(number):
        count = 0
        while not stop.is_set():
            count += 1
            password = "secret" if count % 3 == 0 else "wrong%d-%d" % (number, count)
            try:
                outcomes.append((password[:5], guess(s, "127.0.0.%d" % (10 + number), password).status))
            except Exception as error:
                outcomes.append((password[:5], repr(error)))

    threads = [threading.Thread(target=knock, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(12):
            with open(path, "w") as file:
                file.write(settings.replace("verify_connection = yes", ("verify_connection = no", "verify_connection = yes\nlower_case_users = yes",
                                                                        "verify_connection = yes\nid = never", "tokens = yes")[turn % 4]))
            s.reload()
            assert owner.fetch_identity(turn % 3 + 1) == "m%d" % (turn % 3 + 1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert {outcome for outcome in outcomes if outcome[0] == "wrong"} <= {("wrong", "NO")}, set(outcomes)
    assert {outcome for outcome in outcomes if outcome[0] == "secre"} <= {("secre", "OK"), ("secre", "NO")}, set(outcomes)
    assert s.connect("last").command("LOGIN u1 secret", timeout=30).ok
    assert owner.fetch_identity(2) == "m2"


@scenario(settings={"reverify_interval": "0", "failure_delay": "50ms", "failure_delay_max": "100ms", "login_failures_per_minute": "10000"},
          timeout=60)
def between_two_checks_in_place_a_command_has_its_turn(s):
    """However many come one after the other, from addresses that are known."""
    s.fill(3)
    owner = s.client(name="owner", select="INBOX", learn=True)
    stop = threading.Event()

    def knock(number):
        count = 0
        while not stop.is_set():
            count += 1
            guess(s, "127.0.0.%d" % (10 + number), "wrong%d-%d" % (number, count) if count % 4 else "secret")

    for number in range(10):
        assert guess(s, "127.0.0.%d" % (10 + number), "secret").ok
    threads = [threading.Thread(target=knock, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.5)
        for number in (1, 2, 3, 1, 2, 3):
            assert owner.fetch_identity(number) == "m%d" % number
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@scenario(upstream=app_passwords, settings={"reverify_interval": "0"}, timeout=60)
def the_program_ends_during_a_check(s):
    owner = s.connect("owner")
    assert owner.command("LOGIN u1 app-a").ok
    owner.select("INBOX")
    s.upstream.gate = threading.Event()
    late = s.connect("late")
    tag = late.begin("LOGIN u1 app-b")
    wait_until(lambda: len(s.upstream.seen) == 2, "a check")
    gone = s.connect("gone")
    gone.begin("LOGIN u1 app-c")
    gone.close_socket()
    s.stop_imapmux()
    s.upstream.gate.set()
    result = late.finish(tag)
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
