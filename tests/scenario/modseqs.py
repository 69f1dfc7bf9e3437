"""CONDSTORE and QRESYNC for clients (RFC 7162): several at once, each with its own knowledge, beside clients that use neither."""
from imap_client import numbers_of
from resuming import kept, resume
from scenario import scenario

# The servers of the matrix that have mod-sequences, and one that has none.
WITH = ("full",)


def aware(s, name="aware", qresync=True, **options):
    """A client that has switched QRESYNC on, or CONDSTORE alone."""
    client = s.client(name=name)
    enabled = client.ok("ENABLE QRESYNC" if qresync else "ENABLE CONDSTORE").of("ENABLED")[0].data
    assert [bytes(word) for word in enabled] == [b"QRESYNC" if qresync else b"CONDSTORE"], enabled
    client.select("INBOX")
    client.learn()
    return client


def knows_all(client):
    """What it keeps over a lost connection, once it has looked at everything."""
    client.ok("UID FETCH 1:* (FLAGS)")
    return kept(client)


def spelt(uids):
    return ",".join(map(str, sorted(uids)))


def check_resumed(client, left):
    """What it has made of its cache is what the server has of these messages."""
    client.ok("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (X-Id)])")
    there = {message.uid: (message.identity, frozenset(message.flags - {"\\Recent"})) for message in client.messages}
    assert all(there.get(uid) == value for uid, value in left.items()), (left, there)
    new = set(there) - set(left)
    assert not new or not left or min(new) > max(left), (left, there)


@scenario(variants=WITH)
def who_does_not_enable_it_sees_no_trace(s):
    s.fill(4)
    plain = s.client(name="plain", select="INBOX", learn=True)
    phone = aware(s, "phone")
    assert phone.highestmodseq > 0 and "HIGHESTMODSEQ" not in plain.code_values
    phone.ok("STORE 2 +FLAGS (\\Flagged)")
    assert phone.messages[1].modseq is not None
    result = plain.noop()
    assert [sorted(map(bytes.decode, response.fetch_items())) for response in result.of("FETCH")] == [["FLAGS"]], result
    phone.ok("STORE 3 +FLAGS (\\Deleted)")
    result = phone.ok("EXPUNGE")
    assert [numbers_of(response.data[0]) for response in result.of("VANISHED")] == [[3]] and not result.of("EXPUNGE"), result
    assert result.code_name == "HIGHESTMODSEQ", result
    result = plain.noop()
    assert len(result.of("EXPUNGE")) == 1 and not result.of("VANISHED"), result
    assert plain.identities() == phone.identities() == ["m1", "m2", "m4"]


@scenario(variants=WITH)
def condstore_is_switched_on_by_its_use(s):
    s.fill(3)
    for use in ("FETCH 1 (MODSEQ)", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", "STORE 1 (UNCHANGEDSINCE 1000000) +FLAGS (\\Seen)",
                "STATUS INBOX (HIGHESTMODSEQ)", "ENABLE CONDSTORE"):
        client = s.client(name=use, select="INBOX", learn=True)
        result = client.ok(use)
        assert "HIGHESTMODSEQ" in client.code_values, (use, result)
        flag = "-FLAGS" if "\\Flagged" in client.messages[2].flags else "+FLAGS"
        result = client.ok("STORE 3 %s (\\Flagged)" % flag)
        assert b"MODSEQ" in result.of("FETCH")[0].fetch_items() and b"UID" in result.of("FETCH")[0].fetch_items(), result
    client = s.client(name="parameter")
    client.ok("SELECT INBOX (CONDSTORE)")
    assert client.highestmodseq > 0
    client.ok("EXAMINE INBOX (CONDSTORE)")
    assert client.code_values.pop("CLOSED", None) is not None
    for bad in ("SELECT INBOX (QRESYNC (1 1))", "SELECT INBOX (NONSENSE)", "SELECT INBOX ()", "UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
                "FETCH 1 FLAGS (CHANGEDSINCE 0)", "FETCH 1 FLAGS (NONSENSE 1)", "STORE 1 (UNCHANGEDSINCE x) FLAGS (\\Seen)"):
        assert client.command(bad).status == "BAD", bad


@scenario(variants=("no-condstore",))
def without_mod_sequences_nothing_of_it_is_offered(s):
    s.fill(2)
    client = s.client(select="INBOX", learn=True)
    assert not {"CONDSTORE", "QRESYNC"} & client.capabilities()
    for bad in ("SELECT INBOX (CONDSTORE)", "FETCH 1 (MODSEQ)", "FETCH 1 FLAGS (CHANGEDSINCE 1)", "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()",
                "STATUS INBOX (HIGHESTMODSEQ)"):
        assert client.command(bad).status == "BAD", bad
    assert not client.ok("ENABLE CONDSTORE QRESYNC").of("ENABLED")[0].data


@scenario(variants=WITH)
def changes_since_are_told_to_each_by_its_own_numbers(s):
    s.fill(6)
    first, second = aware(s, "first"), aware(s, "second", qresync=False)
    since = second.highestmodseq
    first.ok("STORE 2 +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    first.ok("STORE 4 +FLAGS (\\Flagged)")  # m5
    result = second.ok("FETCH 1:* (UID) (CHANGEDSINCE %d)" % since)  # m2 still counts for it
    assert [(response.number, sorted(response.fetch_items())) for response in result.of("FETCH")
            if b"FLAGS" not in response.fetch_items()] == [(5, [b"MODSEQ", b"UID"])], result
    second.noop()
    assert second.identities() == ["m1", "m3", "m4", "m5", "m6"] and "\\Flagged" in second.flags_of("m5")
    result = first.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)" % since)
    assert 2 in first.vanished_earlier and [response.number for response in result.of("FETCH")] == [4], result
    assert not second.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % second.highestmodseq).of("FETCH")


@scenario(variants=WITH)
def a_store_that_is_too_late_is_not_done(s):
    s.fill(5)
    first, second = aware(s, "first"), aware(s, "second")
    since = second.highestmodseq
    first.ok("STORE 3 +FLAGS (\\Flagged)")
    result = second.ok("STORE 2:4 (UNCHANGEDSINCE %d) +FLAGS (\\Answered)" % since)
    assert result.code_name == "MODIFIED" and result.tagged.code[1] == "3", result
    assert [name for name, flags in s.stored().items() if "\\Answered" in flags] == ["m2", "m4"]
    assert second.flags_of("m3") >= {"\\Flagged"} and second.messages[1].modseq > since
    result = second.ok("UID STORE 3 (UNCHANGEDSINCE %d) +FLAGS.SILENT (\\Answered)" % second.messages[2].modseq)
    assert result.code is None if hasattr(result, "code") else result.code_name is None, result
    assert [sorted(response.fetch_items()) for response in result.of("FETCH")] == [[b"MODSEQ", b"UID"]], result
    assert s.stored()["m3"] == {"\\Flagged", "\\Answered"}
    # By number, with one that is gone for the others only.
    first.ok("STORE 1 +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    since = first.highestmodseq
    first.ok("STORE 4 +FLAGS (\\Seen)")  # m5
    result = second.ok("STORE 5,3 (UNCHANGEDSINCE %d) FLAGS (\\Draft)" % since)
    assert result.code_name == "MODIFIED" and result.tagged.code[1] == "5", result
    assert s.stored()["m5"] == {"\\Seen"} and s.stored()["m3"] == {"\\Draft"}


@scenario(variants=WITH)
def a_client_comes_back_by_qresync(s):
    s.fill(8)
    phone, laptop = aware(s, "phone"), s.client(name="laptop", select="INBOX", learn=True)
    cache = knows_all(phone)
    phone.close_socket()
    laptop.ok("STORE 2,5 +FLAGS (\\Deleted)")
    laptop.ok("EXPUNGE")
    laptop.ok("STORE 1 +FLAGS (\\Flagged $Label)")
    s.deliver("m9")
    phone = s.client(name="phone again")
    phone.ok("ENABLE QRESYNC")
    left = resume(phone, cache)
    assert sorted(uid for uid in cache[2] if uid not in left) == [2, 5], left
    check_resumed(phone, left)
    assert left[1][1] == {"\\Flagged", "$Label"}, left
    # Nothing has changed: nothing is told.
    cache = knows_all(phone)
    phone.ok("UNSELECT")
    phone.vanished_earlier = []
    result = phone.ok("SELECT INBOX (QRESYNC (%d %d %s))" % (cache[0], cache[1], spelt(cache[2])))
    assert not result.of("FETCH") and not result.of("VANISHED"), result
    # Another UIDVALIDITY: as if it had not been asked.
    result = phone.ok("SELECT INBOX (QRESYNC (%d 1 1:100))" % (cache[0] + 1))
    assert not result.of("FETCH") and not result.of("VANISHED"), result
    # A mod-sequence that the server has not reached yet: its numbers have begun again.
    left = resume(phone, (cache[0], cache[1] + 100000, {**cache[2], 2: ("m2", frozenset())}))
    assert 2 not in left
    check_resumed(phone, left)


@scenario(variants=WITH)
def one_that_comes_back_while_others_work(s):
    s.fill(10)
    others = [s.client(name="plain", select="INBOX", learn=True), aware(s, "aware"), aware(s, "condstore", qresync=False)]
    phone = aware(s, "phone")
    phone.ok("CREATE Other")
    for round_ in range(12):
        cache = knows_all(phone)
        phone.ok("SELECT Other" if round_ % 2 else "UNSELECT")
        worker = others[round_ % 3]
        worker.noop()
        worker.ok("STORE %d %sFLAGS (\\Flagged)" % (1 + round_ % len(worker.messages), "-+"[round_ % 2]))
        if round_ % 3 == 1:
            worker.ok("STORE %d +FLAGS.SILENT (\\Deleted)" % (1 + (round_ * 5) % len(worker.messages)))
            worker.ok("EXPUNGE")
        if round_ % 4 == 2:
            s.deliver("n%d" % round_)
        check_resumed(phone, resume(phone, cache))
    for client in others:
        client.noop()
        client.learn()
    assert len({tuple(client.identities()) for client in others}) == 1


@scenario(variants=WITH)
def highestmodseq_is_never_above_what_has_been_told(s):
    """FETCH by number holds an expunge back while it tells a higher mod-sequence: RFC 7162 section 3.2."""
    s.fill(5)
    phone, other = aware(s, "phone"), aware(s, "other")
    cache = knows_all(phone)
    other.ok("STORE 2 +FLAGS (\\Deleted)")
    other.ok("EXPUNGE")
    other.ok("STORE 4 +FLAGS (\\Flagged)")  # m5
    phone.ok("FETCH 5 (FLAGS MODSEQ)")
    assert len(phone.messages) == 5 and "\\Flagged" in phone.flags_of("m5")
    lost = (cache[0], phone.highestmodseq, {**cache[2], 5: ("m5", frozenset(phone.flags_of("m5") - {"\\Recent"}))})
    phone.close_socket()
    again = s.client(name="again")
    again.ok("ENABLE QRESYNC")
    left = resume(again, lost)
    assert 2 not in left, "it was not told of the message that has gone"
    check_resumed(again, left)


@scenario(variants=WITH)
def idle_tells_them_as_well(s):
    s.fill(4)
    phone, other = aware(s, "phone"), s.client(name="other", select="INBOX", learn=True)
    phone.idle()
    other.ok("STORE 2 +FLAGS (\\Flagged)")
    phone.idle_until(lambda: "\\Flagged" in phone.flags_of("m2"))
    assert phone.messages[1].modseq is not None
    other.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    phone.idle_until(lambda: phone.identities() == ["m2", "m4"])
    phone.done()
    check_resumed(phone, resume(phone, knows_all(phone)))


@scenario(variants=WITH)
def status_tells_highestmodseq(s):
    s.fill(3)
    phone = aware(s, "phone")
    def told(mailbox):
        data = phone.ok("STATUS %s (HIGHESTMODSEQ MESSAGES)" % mailbox).of("STATUS")[0].data[1]
        return int(data[data.index(b"HIGHESTMODSEQ") + 1])
    before = told("INBOX")
    phone.ok("STORE 1 +FLAGS (\\Flagged)")
    assert told("INBOX") > before
    phone.ok("CREATE Other")
    s.client(name="other").append("Other", b"Subject: x\r\n\r\nx")
    assert told("Other") > 0
