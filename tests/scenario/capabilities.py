"""A server that can do less, or more, after a reconnect: clients keep the list that they were told."""
from scenario import scenario
from scripted_upstream import FULL, odd

LESS = FULL.replace(" UIDPLUS", "").replace(" MOVE", "").replace(" IDLE", "").replace(" ESEARCH", "")


def changed(s, client, capabilities):
    """Has the server come back with another list."""
    with s.upstream.lock:
        s.upstream.capabilities = capabilities
    s.upstream.drop()
    client.until(lambda: s.upstream.logins == 2)


@scenario(upstream=odd())
def what_is_gone_fails_with_cannot_and_the_rest_goes_on(s):
    old = s.client(name="old", select="INBOX", learn=True)
    told = old.capabilities()
    assert {"UIDPLUS", "MOVE"} <= told
    changed(s, old, LESS)
    assert old.capabilities() == told, "a client keeps its list"
    old.ok("STORE 1 +FLAGS (\\Deleted)")
    for command in ("UID EXPUNGE 1", "MOVE 2 Work", "UID MOVE 2 Work"):
        result = old.command(command)
        assert result.status == "NO" and result.code_name == "CANNOT", result
    assert old.fetch_identity(2) == "m2" and not s.upstream.mailboxes["Work"].messages
    assert old.ok("SEARCH ALL").numbers() == [1, 2, 3, 4, 5]
    # Who comes now is told what there is.
    new = s.client(name="new", select="INBOX", learn=True)
    assert not {"UIDPLUS", "MOVE"} & new.capabilities()
    assert new.command("UID EXPUNGE 1").status == "BAD"
    old.idle()
    with s.upstream.lock:
        s.upstream.mailboxes["INBOX"].add("m6")
    old.idle_until(lambda: len(old.messages) == 6)
    old.done()
    assert "no longer has UIDPLUS" in s.log_text()


@scenario(upstream=odd(capabilities=LESS))
def what_has_come_is_for_those_who_come_after_it(s):
    old = s.client(name="old", select="INBOX", learn=True)
    told = old.capabilities()
    changed(s, old, FULL)
    assert old.capabilities() == told
    assert {"UIDPLUS", "MOVE"} <= s.client(name="new").capabilities()
    old.ok("STORE 1 +FLAGS (\\Deleted)")
    old.ok("EXPUNGE")
    assert old.identities() == ["m2", "m3", "m4", "m5"]
