"""Who gets in, how, and what a refusal looks like."""
import base64
import threading

from imap_client import Closed, Literal, PlusLiteral
from scenario import MATRIX, scenario


def b64(text):
    return base64.b64encode(text.encode())


@scenario(variants=MATRIX)
def every_way_to_log_in(s):
    s.fill(1)
    ways = {
        "LOGIN, quoted": lambda c: c.command('LOGIN "u1" "secret"'),
        "LOGIN, atoms": lambda c: c.command("LOGIN u1 secret"),
        "LOGIN, literals": lambda c: c.command("LOGIN ", Literal(b"u1"), " ", Literal(b"secret")),
        "LOGIN, non-synchronising literals": lambda c: c.command("LOGIN ", PlusLiteral(b"u1"), " ", PlusLiteral(b"secret")),
        "PLAIN with initial response": lambda c: c.authenticate_plain("u1", "secret"),
        "PLAIN without": lambda c: c.authenticate_plain("u1", "secret", initial=False),
        "PLAIN with an authorization id": lambda c: c.authenticate_plain("u1", "secret", authorize="u1"),
        "AUTHENTICATE LOGIN": lambda c: c.sasl("LOGIN", b64("u1"), b64("secret")),
        "AUTHENTICATE LOGIN with initial response": lambda c: _login_initial(c),
        "lower case": lambda c: c.command("login u1 secret"),
    }
    for name, way in ways.items():
        client = s.connect(name="c")
        result = way(client)
        assert result.ok, "%s: %r" % (name, result)
        assert result.code_name == "CAPABILITY", "%s: no CAPABILITY in the tagged OK: %r" % (name, result)
        client.select("INBOX")
        client.logout()
    assert s.relay.logins == 1, "%d logins upstream for one credential" % s.relay.logins


def _login_initial(client):
    tag = client.begin("AUTHENTICATE LOGIN ", b64("u1"))
    assert client._go_ahead(tag)
    client.send_raw(b64("secret") + b"\r\n")
    return client.finish(tag)


@scenario(variants=MATRIX)
def a_wrong_password_is_refused_and_the_connection_stays(s):
    client = s.connect()
    for attempt in (lambda: client.command("LOGIN u1 wrong"), lambda: client.authenticate_plain("u1", "wrong"),
                    lambda: client.sasl("LOGIN", b64("u1"), b64("wrong"))):
        result = attempt()
        assert result.status == "NO" and result.code_name == "AUTHENTICATIONFAILED", result
    client.ok("NOOP")
    assert client.command("LOGIN u1 secret").ok
    client.select("INBOX")


@scenario()
def a_wrong_password_disturbs_nobody(s):
    s.fill(2)
    working = s.client(name="working", select="INBOX", learn=True)
    stranger = s.connect("stranger")
    # There may be one check in place; a second guess within reverify_interval is answered without asking.
    for guess in ("wrong1", "wrong1", "wrong2"):
        result = stranger.command("LOGIN u1 " + guess, timeout=15)
        assert result.status == "NO", result
    working.noop()
    assert working.fetch_identity(2) == "m2"
    assert s.relay.most_open == 1


@scenario()
def a_rejected_password_is_remembered(s):
    client = s.connect()
    assert client.command("LOGIN u1 wrong").code_name == "AUTHENTICATIONFAILED"
    mark = s.relay.mark()
    assert client.command("LOGIN u1 wrong").code_name == "AUTHENTICATIONFAILED"
    assert not [text for text in s.relay.commands(mark) if text.startswith(("LOGIN", "AUTHENTICATE"))]


@scenario()
def an_unknown_user_is_refused(s):
    client = s.connect()
    assert client.command("LOGIN nobody secret").code_name == "AUTHENTICATIONFAILED"
    assert client.command("LOGIN u1 secret").ok


@scenario()
def cancelled_and_broken_authentication(s):
    client = s.connect()
    assert client.sasl("PLAIN", b"*").status == "BAD"
    assert client.sasl("PLAIN", b"!!! not base64 !!!").status in ("BAD", "NO")
    client = s.connect()
    assert client.command("AUTHENTICATE NOSUCH").status in ("NO", "BAD")
    assert client.command("LOGIN u1").status == "BAD"
    assert client.command("LOGIN u1 secret").ok
    assert client.command("LOGIN u1 secret").status == "BAD", "LOGIN twice"


@scenario()
def nothing_is_served_before_login(s):
    for command in ("SELECT INBOX", 'LIST "" *', "STATUS INBOX (MESSAGES)", "FETCH 1 FLAGS", "IDLE", "CREATE x"):
        client = s.connect()
        assert client.command(command).status in ("BAD", "NO"), command
        client.close_socket()
    client = s.connect()
    assert client.ok("CAPABILITY").of("CAPABILITY")
    client.ok("NOOP")
    assert client.ok('ID ("name" "test")').of("ID")
    client.logout()
    assert s.relay.connections == 0, "an upstream connection without a login"


@scenario()
def capabilities_fit_the_state(s):
    client = s.connect()
    before = client.capabilities()
    assert {"IMAP4REV1", "LITERAL+", "SASL-IR", "ID", "IDLE", "AUTH=PLAIN", "AUTH=LOGIN"} <= before, before
    assert "STARTTLS" not in before, "STARTTLS without a certificate"
    client.login("u1", "secret")
    after = client.capabilities()
    assert {"IMAP4REV1", "IDLE", "UIDPLUS", "NAMESPACE", "UNSELECT", "MOVE", "LITERAL+", "ID"} <= after, after
    assert not [word for word in after if word.startswith("AUTH=") or word in ("STARTTLS", "LOGINDISABLED")], after
    assert not after & {"NOTIFY", "CONTEXT=SEARCH", "URL-PARTIAL", "IMAP4REV2"}, after


@scenario(variants=("full", "no-condstore"), timeout=90)
def ten_clients_log_in_at_the_same_instant(s):
    s.fill(3)
    for turn in range(3):
        clients = [s.connect("t%d-%d" % (turn, number)) for number in range(10)]
        barrier, faults = threading.Barrier(10), []

        def go(client):
            try:
                barrier.wait()
                client.login("u1", "secret")
                client.select("INBOX")
                assert client.fetch_identity(2) == "m2"
            except Exception as error:
                faults.append(error)

        threads = [threading.Thread(target=go, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults, faults
        for client in clients:
            client.close_socket()
    assert s.relay.most_open == 1 and s.relay.logins == 1, (s.relay.most_open, s.relay.logins)


@scenario(users=3, timeout=90)
def accounts_are_kept_apart(s):
    for user in s.users:
        s.fill(3, prefix=user + "-", user=user)
    clients = {user: [s.client(user, name="%s%d" % (user, n), select="INBOX") for n in range(3)] for user in s.users}
    for user, own in clients.items():
        for client in own:
            client.learn()
            assert client.identities() == ["%s-%d" % (user, n) for n in (1, 2, 3)]
            client.idle()
    s.deliver("u2-4", user="u2")
    for client in clients["u2"]:
        client.idle_until(lambda: len(client.messages) == 4)
    for user, own in clients.items():
        for client in own:
            client.done()
            assert len(client.messages) == (4 if user == "u2" else 3)
    assert client.command("LOGIN u1 secret").status == "BAD"
    assert dict(s.relay.most_open_of) == {"u1": 1, "u2": 1, "u3": 1}
    assert dict(s.relay.logins_of) == {"u1": 1, "u2": 1, "u3": 1}


@scenario(users=2)
def another_accounts_password_opens_nothing(s):
    s.server.set_password("u2", "other")
    s.client("u1", select="INBOX")
    client = s.connect()
    assert client.command("LOGIN u1 other").code_name == "AUTHENTICATIONFAILED"
    assert client.command("LOGIN u2 secret").code_name == "AUTHENTICATIONFAILED"
    assert client.command("LOGIN u2 other").ok


@scenario(settings={"reverify_interval": "0", "verify_ttl": "4h"})
def a_changed_password_is_picked_up(s):
    s.fill(2)
    old = s.client(name="old", select="INBOX", learn=True)
    s.server.set_password("u1", "fresh")
    new = s.connect("new")
    assert new.command("LOGIN u1 fresh", timeout=15).ok
    new.select("INBOX")
    assert new.fetch_identity(2) == "m2"
    old.noop()
    assert old.fetch_identity(1) == "m1"
    assert s.relay.most_open == 1


@scenario()
def a_changed_password_survives_a_reconnect(s):
    s.fill(2)
    client = s.client(select="INBOX", learn=True)
    s.server.set_password("u1", "fresh")
    s.relay.cut()
    # The only credential that was accepted is refused now: the sessions end, with a reason.
    try:
        client.command("NOOP", timeout=15)
        client.command("NOOP", timeout=15)
        bye = client.wait_closed()
    except Closed as closed:
        bye = closed.bye
    assert bye, "closed without * BYE"
    assert s.connect("old").command("LOGIN u1 secret", timeout=15).status == "NO"
    new = s.connect("new")
    assert new.command("LOGIN u1 fresh", timeout=15).ok
    new.select("INBOX")
    assert new.fetch_identity(1) == "m1"


@scenario(settings={"login_wait": "2s"})
def a_taken_slot_never_looks_like_a_wrong_password(s):
    """Somebody else holds the server's one session."""
    other = s.direct()
    client = s.connect()
    result = client.command("LOGIN u1 secret", timeout=15)
    assert result.status == "NO" and result.code_name in ("LIMIT", "UNAVAILABLE"), result
    other.logout()
    assert client.command("LOGIN u1 secret", timeout=15).ok


@scenario(settings={"login_wait": "2s", "login_timeout": "3s"})
def the_time_that_a_login_is_kept_waiting_is_not_the_clients(s):
    other = s.direct()
    client = s.connect()
    for attempt in range(2):
        result = client.command("AUTHENTICATE PLAIN ", b64("\0u1\0secret"), timeout=15)
        assert result.status == "NO" and result.code_name in ("LIMIT", "UNAVAILABLE"), result
    other.logout()
    assert client.command("LOGIN u1 secret", timeout=15).ok


# Ten at a time may be tried at a server where nobody is known yet.
@scenario(users=60, settings={"login_wait": "10s"}, timeout=90)
def sixty_accounts_arrive_at_once(s):
    clients = [s.connect(user) for user in s.users]
    tags = [client.begin("LOGIN %s secret" % user) for client, user in zip(clients, s.users)]
    for client, tag in zip(clients, tags):
        result = client.finish(tag, timeout=15)
        assert result.ok, "%s: %r" % (client.name, result)
    assert set(s.relay.most_open_of.values()) == {1}, s.relay.most_open_of
    assert set(s.relay.logins_of.values()) == {1}, s.relay.logins_of


@scenario(settings={"login_wait": "10s"})
def a_login_waits_for_the_slot(s):
    other = s.direct()
    client = s.connect()
    timer = threading.Timer(0.7, other.close_socket)
    timer.start()
    assert client.command("LOGIN u1 secret", timeout=15).ok
    timer.join()
    client.select("INBOX")


@scenario(settings={"login_wait": "1s"})
def an_absent_server_is_unavailable(s):
    s.relay.refuse("port")
    client = s.connect()
    result = client.command("LOGIN u1 secret", timeout=15)
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
    s.relay.refuse(None)
    assert client.command("LOGIN u1 secret", timeout=15).ok


@scenario(settings={"linger": "300ms"})
def the_slot_is_given_back_after_linger(s):
    s.client(select="INBOX").logout()
    s.relay.wait_for(">", r" LOGOUT$", timeout=5)
    s.direct(select="INBOX").logout()
    again = s.client(select="INBOX")
    again.noop()
    assert s.relay.logins == 2


@scenario()
def the_upstream_is_kept_between_clients(s):
    for _ in range(5):
        s.client(select="INBOX").logout()
    assert s.relay.logins == 1


@scenario()
def no_secret_is_logged(s):
    s.server.set_password("u1", "Very-Secret-91")
    client = s.connect()
    client.command("LOGIN u1 Wrong-Secret-92", timeout=15)
    client.command("LOGIN u1 ", Literal(b"Very-Secret-91"), timeout=15)
    s.connect().authenticate_plain("u1", "Very-Secret-91")
    s.connect().sasl("LOGIN", b64("u1"), b64("Very-Secret-91"))
    s.connect().command("LOGIN u1 Very-Secret-91 superfluous")
    s.stop_imapmux()
    with open(s.directory + "/imapmux.log") as log:
        text = log.read()
    for secret in ("Secret-91", "Secret-92", b64("Very-Secret-91").decode(), b64("\0u1\0Very-Secret-91").decode()):
        assert secret not in text, "the log holds %r" % secret
