"""The addresses of this machine from which imapmux connects: each user has one of `source`, and always the same."""
from mail_server import free_port, wait_until
from scenario import scenario

USERS = 6
MISSING = "192.0.2.77"  # TEST-NET-1 (RFC 5737): no machine has it
# All of 127.0.0.0/8 is on the loopback interface.
PRESENT = ("127.0.0.21", "127.0.0.22")


def addresses(s):
    """{user: addresses of its sessions} as the server sees them."""
    rows = [line.split("\t") for line in s.dovecot.doveadm("-f", "tab", "who", "-1").splitlines()[1:]]
    seen = {}
    for row in rows:
        user = next(word for word in row if word in s.users)
        seen.setdefault(user, set()).add(next(word for word in row if word.startswith("127.")))
    return seen


def start(s, source, host="127.0.0.1"):
    s.mux_port = s.mux_port or free_port()
    path = s.write_settings(upstream=["source = " + source])
    with open(path) as settings:
        text = settings.read()
    with open(path, "w") as settings:
        settings.write(text.replace("imap://127.0.0.1:%d\n" % s.upstream_port, "imap://%s:%d\n" % (host, s.upstream_port), 1))
    s.start_imapmux(["-c", path])


@scenario(users=USERS, relay=False, start=False)
def each_user_has_an_address_of_its_own_and_keeps_it(s):
    start(s, ", ".join(PRESENT))
    clients = [s.client(user=user, select="INBOX") for user in s.users]
    first = addresses(s)
    assert set(first) == set(s.users) and set.union(*first.values()) == set(PRESENT), first
    assert all(len(seen) == 1 for seen in first.values()), first
    for client in clients:
        client.logout()
    s.stop_imapmux()
    start(s, "%s ::1 %s" % PRESENT[::-1])  # in another order, with one of another kind
    for user in s.users:
        s.client(user=user, select="INBOX").noop()
    assert addresses(s) == first


@scenario(users=USERS, relay=False, start=False, settings={"login_wait": "1s"})
def an_address_that_is_missing_is_the_trouble_of_its_users_only(s):
    start(s, "%s %s" % (PRESENT[0], MISSING))
    served, refused = [], []
    for user in s.users:
        client = s.connect(user)
        result = client.command("LOGIN %s secret" % user, timeout=15)
        (served if result.ok else refused).append(user)
        assert result.ok or (result.code_name == "UNAVAILABLE" and MISSING in str(result)), result
    assert served and refused, "all of them have the same address"
    assert set(addresses(s)) == set(served)
    assert "source = %s: this machine does not have that address; add it to an interface, or correct source" % MISSING in s.log_text()
    assert "one account tries it" not in s.log_text(), "the server can be reached"
    with open(s.write_settings(upstream=["source = %s %s" % PRESENT])):
        s.reload()
    for user in refused:
        wait_until(lambda: s.connect(user).command("LOGIN %s secret" % user, timeout=15).ok, "served after the correction", 15)


@scenario(relay=False, start=False, settings={"login_wait": "1s"})
def a_server_of_another_kind_is_not_reached_from_it(s):
    start(s, "::1", host="localhost")
    result = s.connect().command("LOGIN u1 secret", timeout=15)
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
    assert "127.0.0.1:%d: source has no IPv4 address" % s.upstream_port in s.log_text()
