"""Several mailboxes of one account over one upstream session."""
import time

from imap_client import make_message
from scenario import MATRIX, scenario


@scenario(variants=MATRIX)
def clients_in_three_mailboxes(s):
    names = ["INBOX", "Work", "Home"]
    clients = {}
    for name in names:
        s.fill(4, prefix=name.lower() + "-", mailbox=None if name == "INBOX" else name)
        clients[name] = s.client(name=name.lower(), select=name, learn=True)
    for turn in range(3):
        for name in names:
            clients[name].ok("STORE %d +FLAGS (\\Flagged)" % (turn + 1))
            assert clients[name].fetch_identity(turn + 2) == "%s-%d" % (name.lower(), turn + 2)
    for name in names:
        s.deliver(name.lower() + "-5", mailbox=None if name == "INBOX" else name)
        client = clients[name]
        client.until(lambda: len(client.messages) == 5)
        client.ok("STORE 1 +FLAGS (\\Deleted)")
        client.ok("EXPUNGE")
        client.learn()
        assert client.identities() == ["%s-%d" % (name.lower(), n) for n in (2, 3, 4, 5)]
        assert list(s.stored(name)) == client.identities()


@scenario(variants=MATRIX, timeout=90)
def idle_clients_in_three_mailboxes_are_all_told(s):
    names = ["INBOX", "Work", "Home"]
    clients = {}
    for name in names:
        s.fill(2, prefix=name.lower() + "-", mailbox=None if name == "INBOX" else name)
        clients[name] = s.client(name=name.lower(), select=name, learn=True)
        clients[name].idle()
    for name in names:
        s.deliver(name.lower() + "-3", mailbox=None if name == "INBOX" else name)
    for client in clients.values():
        client.idle_until(lambda: len(client.messages) == 3, 20)
        client.done()
    for name in names:
        assert clients[name].fetch_identity(3) == name.lower() + "-3"


@scenario(variants=MATRIX)
def changes_made_while_the_upstream_is_elsewhere(s):
    """Arrivals, expunges and flags in a mailbox that the upstream has left are told at the next NOOP there."""
    s.fill(6)
    s.fill(1, prefix="w", mailbox="Work")
    here = s.client(name="here", select="INBOX", learn=True)
    away = s.client(name="away", select="Work", learn=True)
    assert away.fetch_identity(1) == "w1"
    s.server.expunge("u1", "m2")
    s.server.add_flag("u1", "m5", "\\Flagged")
    s.deliver("m7")
    # The numbers hold until it is told.
    assert here.fetch_identity(3) == "m3"
    here.noop()
    here.learn()
    assert here.identities() == ["m1", "m3", "m4", "m5", "m6", "m7"]
    assert "\\Flagged" in here.flags_of("m5")
    assert away.fetch_identity(1) == "w1"


@scenario(variants=MATRIX)
def examine_beside_select_changes_nothing(s):
    s.fill(4)
    writer = s.client(name="writer", select="INBOX", learn=True)
    reader = s.client(name="reader", examine="INBOX", learn=True)
    assert reader.read_only and not writer.read_only
    for items in ("BODY[]", "RFC822", "RFC822.TEXT", "(BODY[TEXT] RFC822.TEXT)", "(FLAGS BODY[HEADER] RFC822.HEADER)"):
        assert reader.ok("FETCH 1:* " + items).of("FETCH")
    reader.ok("UID FETCH 1:* (BODY[1])")
    for command in ("STORE 1 +FLAGS (\\Seen)", "EXPUNGE"):
        reader.expect("NO", command)
    assert not any("\\Seen" in flags for flags in s.stored().values()), s.stored()
    # Beside it the writer's own FETCH does set \Seen, and the reader is told.
    writer.ok("FETCH 2 BODY[]")
    assert s.stored()["m2"] == {"\\Seen"}
    reader.noop()
    assert "\\Seen" in reader.flags_of("m2")


@scenario(variants=MATRIX)
def examine_names_the_items_as_asked(s):
    s.fill(1)
    reader = s.client(examine="INBOX")
    items = reader.ok("FETCH 1 (BODY[TEXT] RFC822.TEXT BODY.PEEK[HEADER] RFC822)").of("FETCH")[0].fetch_items()
    assert {b"BODY[TEXT]", b"RFC822.TEXT", b"BODY[HEADER]", b"RFC822"} <= set(items), items
    assert items[b"BODY[TEXT]"] == items[b"RFC822.TEXT"] and items[b"RFC822"].endswith(items[b"BODY[TEXT]"])


@scenario(variants=MATRIX)
def close_by_one_while_others_look(s):
    s.fill(5)
    closer = s.client(name="closer", select="INBOX", learn=True)
    looker = s.client(name="looker", select="INBOX", learn=True)
    idler = s.client(name="idler", select="INBOX", learn=True)
    idler.idle()
    reader = s.client(name="reader", examine="INBOX", learn=True)
    closer.ok("STORE 2,4 +FLAGS (\\Deleted)")
    reader.ok("CLOSE")
    assert len(s.stored()) == 5, "the CLOSE of a client in EXAMINE removed something"
    result = closer.ok("CLOSE")
    assert result.of("EXPUNGE") == [], "CLOSE tells nothing"
    assert list(s.stored()) == ["m1", "m3", "m5"]
    assert looker.fetch_identity(5) == "m5"
    looker.noop()
    assert looker.identities() == ["m1", "m3", "m5"]
    idler.idle_until(lambda: idler.identities() == ["m1", "m3", "m5"])
    idler.done()
    closer.expect("BAD", "FETCH 1 FLAGS")


@scenario(variants=MATRIX)
def unselect_removes_nothing(s):
    s.fill(3)
    client = s.client(select="INBOX", learn=True)
    client.ok("STORE 1 +FLAGS (\\Deleted)")
    client.ok("UNSELECT")
    assert len(s.stored()) == 3
    client.select("INBOX")
    client.learn()
    assert "\\Deleted" in client.flags_of("m1")


@scenario(variants=MATRIX)
def a_mailbox_is_deleted_under_a_client(s):
    s.fill(2, mailbox="Work")
    s.fill(1)
    other = s.client(name="other", select="Work", learn=True)
    inbox = s.client(name="inbox", select="INBOX", learn=True)
    deleter = s.client(name="deleter", select="Work")
    deleter.ok("DELETE Work")
    bye = other.wait_closed()
    assert bye, "the client in the deleted mailbox was not sent away with * BYE"
    deleter.expect("BAD", "FETCH 1 FLAGS")
    deleter.select("INBOX")
    inbox.noop()
    assert inbox.fetch_identity(1) == "m1"
    assert b"Work" not in [response.data[2] for response in deleter.ok('LIST "" *').of("LIST")]


@scenario(variants=MATRIX)
def a_mailbox_is_renamed_under_a_client(s):
    s.fill(2, prefix="w", mailbox="Work")
    other = s.client(name="other", select="Work", learn=True)
    renamer = s.client(name="renamer", select="INBOX")
    renamer.ok("RENAME Work Done")
    assert other.wait_closed(), "the client in the renamed mailbox was not sent away with * BYE"
    again = s.client(name="again", select="Done", learn=True)
    assert again.identities() == ["w1", "w2"]
    renamer.noop()


@scenario(variants=MATRIX)
def a_refused_delete_ends_no_view(s):
    s.fill(2)
    client = s.client(select="INBOX", learn=True)
    other = s.client(name="other", select="INBOX", learn=True)
    other.expect("NO", "DELETE INBOX")
    other.expect("NO", "DELETE Nowhere")
    other.expect("NO", "RENAME Nowhere Somewhere")
    for viewer in (client, other):
        viewer.noop()
        assert viewer.fetch_identity(2) == "m2"


@scenario(variants=MATRIX)
def a_deleted_mailbox_made_again_is_another(s):
    s.fill(3, prefix="old", mailbox="Work")
    client = s.client()
    client.select("Work")
    client.ok("DELETE Work")
    client.ok("CREATE Work")
    client.append("Work", make_message("new1"))
    client.select("Work")
    client.learn()
    assert client.identities() == ["new1"]


@scenario(variants=MATRIX)
def append_copy_and_move_are_seen_by_others(s):
    s.fill(3)
    s.fill(1, prefix="w", mailbox="Work")
    actor = s.client(name="actor", select="INBOX", learn=True)
    work = s.client(name="work", select="Work", learn=True)
    idler = s.client(name="idler", select="Work", learn=True)
    inbox = s.client(name="inbox", select="INBOX", learn=True)
    idler.idle()
    actor.append("Work", make_message("appended"))
    work.noop()
    work.learn()
    assert work.identities() == ["w1", "appended"]
    actor.ok("COPY 2 Work")
    work.noop()
    work.learn()
    assert work.identities() == ["w1", "appended", "m2"]
    if "MOVE" in actor.capabilities():
        actor.ok("MOVE 1 Work")
        work.noop()
        work.learn()
        assert work.identities() == ["w1", "appended", "m2", "m1"]
        inbox.noop()
        assert inbox.identities() == ["m2", "m3"] == actor.identities()
        idler.idle_until(lambda: len(idler.messages) == 4)
    else:
        idler.idle_until(lambda: len(idler.messages) == 3)
    idler.done()
    idler.learn()
    assert idler.identities() == work.identities()


@scenario(variants=MATRIX)
def an_appended_message_is_told_before_its_ok(s):
    client = s.client(select="INBOX")
    for number in range(1, 4):
        result = client.append("INBOX", make_message("a%d" % number), "(\\Seen)")
        assert [response.number for response in result.of("EXISTS")] == [number], result
        if s.variant != "bare":
            assert result.code_name == "APPENDUID", result
        assert client.fetch_identity(number) == "a%d" % number
    other = s.client(name="other", select="INBOX", learn=True)
    assert other.identities() == ["a1", "a2", "a3"] and "\\Seen" in other.flags_of("a2")


@scenario(variants=("full", "no-condstore", "no-idle"))
def uidplus_codes_name_the_right_messages(s):
    s.fill(3)
    client = s.client(select="INBOX", learn=True)
    client.ok("CREATE Work")
    result = client.append("Work", make_message("w1"))
    name, value = result.code
    validity, uid = value.split()
    assert name == "APPENDUID", result
    result = client.ok("UID COPY %d:%d Work" % (client.messages[1].uid, client.messages[2].uid))
    assert result.code_name == "COPYUID", result
    copied = result.code[1].split()
    assert copied[0] == validity and copied[1].replace(":", ",") == "2,3", result
    rows = s.server.contents("u1", "Work")
    assert [rows[int(uid)][0] for uid in copied[2].replace(":", ",").split(",")] == ["m2", "m3"]
    assert rows[int(uid)][0] == "w1"


@scenario(variants=MATRIX)
def select_tells_what_a_client_needs(s):
    s.fill(3)
    client = s.client()
    result = client.select("INBOX")
    assert {b"FLAGS", b"EXISTS", b"RECENT"} <= {response.name for response in result.untagged}
    codes = {response.code[0] for response in result.untagged if response.code}
    assert {"UIDVALIDITY", "UIDNEXT", "PERMANENTFLAGS"} <= codes, result
    assert result.code_name == "READ-WRITE", result
    assert client.code_values["UIDNEXT"] == "4"
    again = s.client(name="again")
    again.select("INBOX")
    assert again.code_values["UIDVALIDITY"] == client.code_values["UIDVALIDITY"]
    again.expect("NO", "SELECT Nowhere")
    again.expect("BAD", "FETCH 1 FLAGS")
    client.noop()


@scenario(variants=MATRIX)
def recent_belongs_to_one_session(s):
    s.fill(2)
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    assert first.recent == 2 and second.recent == 0
    assert all("\\Recent" in message.flags for message in first.messages)
    assert not any("\\Recent" in message.flags for message in second.messages)
    assert first.ok("SEARCH RECENT").numbers() == [1, 2] and second.ok("SEARCH RECENT").numbers() == []
    assert first.ok("SEARCH NEW").numbers() == [1, 2] and second.ok("SEARCH OLD").numbers() == [1, 2]


@scenario(variants=MATRIX)
def status_sees_what_others_did(s):
    s.fill(3)
    s.fill(2, prefix="w", mailbox="Work")
    client = s.client(select="INBOX", learn=True)
    other = s.client(name="other", select="Work")

    def status(viewer, mailbox):
        data = viewer.ok("STATUS %s (MESSAGES UIDNEXT UNSEEN UIDVALIDITY RECENT)" % mailbox).of("STATUS")[0].data
        return {bytes(name).decode(): int(value) for name, value in zip(data[1][::2], data[1][1::2])}

    client.ok("STORE 1 +FLAGS (\\Seen)")
    for viewer in (client, other):
        assert status(viewer, "INBOX")["MESSAGES"] == 3 and status(viewer, "INBOX")["UNSEEN"] == 2
        assert status(viewer, "Work")["MESSAGES"] == 2 and status(viewer, "Work")["UIDNEXT"] == 3
    s.deliver("m4")
    assert status(other, "INBOX")["MESSAGES"] == 4
    assert status(client, "INBOX")["UNSEEN"] == 3
    client.noop()
    assert len(client.messages) == 4


@scenario(variants=("full", "no-condstore"), timeout=90)
def fifty_clients_on_one_account(s):
    s.fill(5)
    clients = [s.client(name="c%02d" % number, select="INBOX") for number in range(50)]
    for client in clients:
        client.idle()
    for number in (6, 7):
        s.deliver("m%d" % number)
        for client in clients:
            client.idle_until(lambda: len(client.messages) == number)
    for client in clients:
        client.done()
    clients[0].ok("STORE 3 +FLAGS (\\Deleted)")
    clients[0].ok("EXPUNGE")
    for number, client in enumerate(clients):
        assert client.fetch_identity(7 if client.messages[6:] else 6) == "m7"
        client.noop()
        assert len(client.messages) == 6
    assert s.relay.open_now() == 1 and s.relay.logins == 1


@scenario(variants=("full", "no-condstore"))
def many_mailboxes_in_quick_turns(s):
    """One client walks over ten mailboxes, as mail programs do, while another stays in its own."""
    for number in range(10):
        s.fill(3, prefix="b%d-" % number, mailbox="Box%d" % number)
    s.fill(3)
    stays = s.client(name="stays", select="INBOX", learn=True)
    walks = s.client(name="walks")
    for number in list(range(10)) * 2:
        walks.select("Box%d" % number)
        walks.learn()
        assert walks.identities() == ["b%d-%d" % (number, n) for n in (1, 2, 3)]
        assert stays.fetch_identity(2) == "m2"
        stays.noop()


@scenario(timeout=90)
def equal_lists_that_wait_together_are_asked_once(s):
    """Ten programs that start at the same time, with LIST and STATUS; each gets the whole answer."""
    asker = s.client(name="asker")
    for name in ("Work", "Home"):
        asker.ok("CREATE %s" % name)
    s.deliver("m1", mailbox="Work")
    clients = [s.client(name="c%d" % i) for i in range(10)]
    s.relay.stall("<")
    mark = s.relay.mark()
    held = asker.begin("CREATE Late")
    s.relay.wait_for(">", r" CREATE", mark)
    lists = [client.begin('LIST "" *') for client in clients]
    time.sleep(0.2)
    s.relay.stall()
    assert asker.finish(held).ok
    answers = [sorted(r.data[2] for r in client.finish(tag).of("LIST")) for client, tag in zip(clients, lists)]
    assert {b"INBOX", b"Work", b"Home", b"Late"} <= set(answers[0]) and all(answer == answers[0] for answer in answers), answers
    assert s.relay.commands(mark).count('LIST "" "*"') + s.relay.commands(mark).count('LIST "" *') == 1, s.relay.commands(mark)
    s.relay.stall("<")
    held = asker.begin("CREATE Later")
    s.relay.wait_for(">", r" CREATE Later", mark)
    polls = [client.begin("STATUS Work (MESSAGES UNSEEN)") for client in clients]
    time.sleep(0.2)
    s.relay.stall()
    assert asker.finish(held).ok
    for client, tag in zip(clients, polls):
        assert len(client.finish(tag).of("STATUS")) == 1
    assert len([text for text in s.relay.commands(mark) if text.startswith("STATUS Work (MESSAGES UNSEEN")]) == 1
