"""Servers whose answers cannot be right, or that say things when nobody expects them: no client is shown the wrong
message for it, nothing is done that was not asked, and nobody loses his line without need."""
import re
import time

from imap_client import Closed, make_message
from scenario import scenario
from scripted_upstream import FULL, ScriptedUpstream, odd

NO_MOVE = FULL.replace(" MOVE", "")


def bodies(result):
    """The identities of the messages whose headers a FETCH brought."""
    return [re.search(rb"X-Id: (\S+)", line.fetch_items()[b"BODY[HEADER]"]).group(1).decode() for line in result.of("FETCH")]


# --- a UID that comes back while a command waits

class OneWrite(ScriptedUpstream):
    """A search and its tagged answer in one segment."""
    def do_uid_search(self, tag, rest):
        held, real = [], self.send
        self.send = held.append
        try:
            super().do_uid_search(tag, rest)
        finally:
            self.send = real
        self.send(b"".join(held))


def old_uid(s, command):
    client = s.client(select="INBOX", learn=True)
    mailbox = s.upstream.mailboxes["INBOX"]
    with s.upstream.lock:
        gone = mailbox.messages.pop(1)
    s.upstream.drop()
    client.until(lambda: len(client.messages) == 4)
    with s.upstream.lock:
        mailbox.messages.insert(1, gone)
    s.upstream.drop()
    client.begin(command)
    assert "UID" in client.wait_closed()
    assert s.running()


@scenario(upstream=lambda s: OneWrite())
def old_uid_comes_back_while_a_store_waits(s):
    old_uid(s, "STORE 1 +FLAGS (\\Flagged)")


@scenario(upstream=lambda s: OneWrite())
def old_uid_comes_back_while_a_search_waits(s):
    old_uid(s, "SEARCH 1:2 UNSEEN")


# --- COPYUID

class RoundedCopyuid(ScriptedUpstream):
    """Tells the sources of COPYUID as one range, from the first to the last."""
    def do_uid_copy(self, tag, rest):
        uids, target = rest.split(" ")[2:4]
        copied = self.uids(uids)
        first = self.mailboxes[target].next_uid
        for message in copied:
            self.mailboxes[target].add(message.identity, message.flags)
        count = copied[-1].uid - copied[0].uid
        self.ok(tag, "[COPYUID 1 %d:%d %d:%d] copied" % (copied[0].uid, copied[-1].uid, first, first + count))


@scenario(upstream=lambda s: RoundedCopyuid(capabilities=NO_MOVE))
def an_emulated_move_removes_only_what_was_asked(s):
    client = s.client(select="INBOX", learn=True)
    result = client.ok("MOVE 1,4 Work")
    assert [message.identity for message in s.upstream.mailboxes["INBOX"].messages] == ["m2", "m3", "m5"]
    assert client.identities() == ["m2", "m3", "m5"]
    assert "COPYUID" not in str(result), result


@scenario(upstream=lambda s: RoundedCopyuid())
def a_copyuid_of_messages_that_nobody_copied_is_not_handed_on(s):
    client = s.client(select="INBOX", learn=True)
    result = client.ok("COPY 1,4 Work")
    assert "COPYUID" not in str(result), result
    assert "COPYUID 1 2:3" in str(client.ok("COPY 2:3 Work"))


class RefusesExpunge(ScriptedUpstream):
    def do_uid_expunge(self, tag, rest):
        self.line(tag + " NO no right to expunge")


@scenario(upstream=lambda s: RefusesExpunge(capabilities=NO_MOVE))
def flags_of_a_move_that_failed_are_known(s):
    client = s.client(select="INBOX", learn=True)
    other = s.client(name="other", select="INBOX", learn=True)
    other.ok("FETCH 1:* FLAGS")
    client.ok("FETCH 1:* FLAGS")
    time.sleep(2.5)  # flag_interval: the flags are in step
    client.expect("NO", "MOVE 2 Work")
    result = other.ok("FETCH 2 FLAGS")
    assert "\\Deleted" in str(result.of("FETCH")[0].line.text), result


class LosesOne(ScriptedUpstream):
    """Another writer removes the last message after the first COPY."""
    copies = 0

    def do_uid_copy(self, tag, rest):
        self.copies += 1
        uids, target = rest.split(" ")[2:4]
        copied = self.uids(uids)
        first = self.mailboxes[target].next_uid
        for message in copied:
            self.mailboxes[target].add(message.identity)
        if self.copies == 1:
            self.remove(self.selected.messages[-1])
        sources = ",".join(str(message.uid) for message in copied)
        self.ok(tag, "[COPYUID 1 %s %d:%d] copied" % (sources, first, first + len(copied) - 1))


@scenario(upstream=lambda s: LosesOne(fill=999), settings={"upstream_command_max": "1024"})
def a_copy_in_parts_that_lacks_a_message_is_not_ok(s):
    client = s.client(select="INBOX")
    result = client.expect("NO", "COPY " + ",".join(str(number) for number in range(1, 1000, 2)) + " Work")
    assert s.upstream.copies > 1 and len(s.upstream.mailboxes["Work"].messages) == 499
    assert result.code_name == "EXPUNGEISSUED" and "499 of 500" in str(result), result


# --- arrivals

class TellsAtNoop(ScriptedUpstream):
    """Tells of arrivals at NOOP only."""
    def ok(self, tag, text="done"):
        self.line("%s OK %s" % (tag, text))

    def do_noop(self, tag, rest):
        self.tell_new()
        self.ok(tag)


@scenario(upstream=lambda s: TellsAtNoop(capabilities=FULL.replace(" IDLE", "")),
          settings={"freshness": "1s", "poll_interval": "30s"})
def an_append_into_the_own_mailbox_is_known_at_its_ok(s):
    client = s.client(select="INBOX", learn=True)
    client.noop()
    client.append("INBOX", make_message("new"))
    assert len(client.messages) == 6, "its own message is not known at the OK"


class ArrivalAtEveryAnswer(ScriptedUpstream):
    def ok(self, tag, text="done"):
        if self.selected:
            self.selected.add("more%d" % self.selected.next_uid)
        super().ok(tag, text)


@scenario(upstream=lambda s: ArrivalAtEveryAnswer())
def a_server_with_an_arrival_at_every_answer_can_be_selected(s):
    client = s.connect()
    client.login("u1", "secret")
    result = client.command("SELECT INBOX", timeout=15)
    assert result.ok and s.upstream.connections == 1, (result, s.upstream.connections)


# --- a wrong map

class ExpungesTheWrongNumber(ScriptedUpstream):
    lie = False

    def do_noop(self, tag, rest):
        if self.lie and self.selected:
            self.lie = False
            self.line("* 3 EXPUNGE")  # it was the fourth
            self.selected.messages.pop(3)
            self.told -= 1
        self.ok(tag)


@scenario(upstream=lambda s: ExpungesTheWrongNumber(), settings={"flag_interval": "200ms"})
def a_wrong_map_of_the_right_size_is_healed(s):
    """The fourth, taken for living, is gone; the third, taken for dead, comes back: that ends the views."""
    client = s.client(select="INBOX", learn=True)
    s.upstream.lie = True
    client.noop()
    time.sleep(2)
    try:
        client.command("UID FETCH 1:* BODY.PEEK[HEADER]")
        client.noop()
        client.command("UID FETCH 1:* BODY.PEEK[HEADER]")
    except Closed as closed:
        assert "UID" in closed.bye, closed.bye
    time.sleep(1)
    fresh = s.client(name="fresh", select="INBOX")
    assert sorted(bodies(fresh.ok("UID FETCH 1:* BODY.PEEK[HEADER]"))) == ["m1", "m2", "m3", "m5"]


class Renamer(ScriptedUpstream):
    def __init__(self):
        super().__init__()
        self.mailboxes["A/x"] = self.mailboxes.pop("Work")
        self.mailboxes["A"] = type(self.mailboxes["A/x"])()
        self.mailboxes["A/x"].add("ax1")

    def do_rename(self, tag, rest):
        source, target = rest.split(" ")[1:3]
        for name in list(self.mailboxes):
            if name == source or name.startswith(source + "/"):
                self.mailboxes[target + name[len(source):]] = self.mailboxes.pop(name)
        self.ok(tag)

    def do_create(self, tag, rest):
        self.mailboxes[rest.split(" ")[1]] = created = type(self.mailboxes["INBOX"])()
        created.validity = 77
        created.add("new1")
        self.ok(tag)


@scenario(upstream=lambda s: Renamer())
def rename_of_a_parent_without_a_list_before(s):
    s.client(name="reader", select="A/x", learn=True)
    other = s.client(name="other")
    other.ok("RENAME A B")
    other.ok("CREATE A/x")
    third = s.client(name="third", select="A/x", learn=True)
    assert third.identities() == ["new1"], "A/x shows what is B/x now: %s" % third.identities()


# --- flags

class Condstore(ScriptedUpstream):
    def __init__(self, **habits):
        super().__init__(capabilities=FULL + " CONDSTORE", **habits)
        self.highest = 100
        self.modseq = {}

    def change(self, index, *flags):
        message = self.mailboxes["INBOX"].messages[index]
        message.flags |= set(flags)
        self.highest += 1
        self.modseq[message] = self.highest

    def do_enable(self, tag, rest):
        self.line("* ENABLED CONDSTORE")
        self.ok(tag)

    def do_select(self, tag, rest, read_only=False):
        self.line("* OK [HIGHESTMODSEQ %d] highest" % self.highest)
        super().do_select(tag, rest, read_only)

    def do_status(self, tag, rest):
        self.line("* STATUS %s (HIGHESTMODSEQ %d)" % (rest.split(" ")[1].strip('"'), self.highest))
        self.ok(tag)

    def items(self, message, wanted):
        found = super().items(message, re.sub(r"\bMODSEQ\b", "", wanted))
        if "FLAGS" in wanted:
            found.append(("MODSEQ", b"(%d)" % self.modseq.get(message, 1)))
        return found

    def do_uid_fetch(self, tag, rest):
        match = re.match(r"UID FETCH (\S+) \((.*)\) \(CHANGEDSINCE (\d+)\)$", rest, re.DOTALL)
        if not match:
            super().do_uid_fetch(tag, rest)
            return
        since = int(match.group(3))
        self.changed_since([m for m in self.uids(match.group(1)) if self.modseq.get(m, 1) > since], match.group(2))
        self.ok(tag)

    def changed_since(self, messages, wanted):
        for message in messages:
            self.fetched(message, wanted)


class GarbageAmongChanges(Condstore):
    """The change with the highest mod-sequence first, then a line that is none, once."""
    garble = False

    def changed_since(self, messages, wanted):
        garbled = self.garble
        for message in reversed(messages):
            self.fetched(message, wanted)
            if garbled:
                garbled = self.garble = False
                self.line("* 3 FETCH (UID")


@scenario(upstream=lambda s: GarbageAmongChanges(), settings={"flag_interval": "300ms"})
def garbage_among_flag_changes_loses_none(s):
    client = s.client(select="INBOX", learn=True)
    client.ok("FETCH 1:* FLAGS")
    time.sleep(1.5)
    client.noop()
    with s.upstream.lock:
        s.upstream.change(0, "\\Flagged")
        s.upstream.change(1, "\\Answered")
        s.upstream.garble = True
    s.upstream.drop()
    time.sleep(3)
    client.noop()
    assert not s.upstream.garble, "nothing was garbled"
    time.sleep(2)
    result = client.ok("FETCH 1:2 FLAGS")
    assert "Flagged" in str(result) and "Answered" in str(result), result


class ChangeInASwitch(Condstore):
    """Another session changes flags while the map is proved."""
    interrupt = False

    def _change_meanwhile(self):
        if self.interrupt:
            self.interrupt = False
            self.change(0, "\\Flagged")
            self.line("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (%d))" % self.highest)

    def do_uid_search(self, tag, rest):
        self._change_meanwhile()
        super().do_uid_search(tag, rest)

    def do_uid_fetch(self, tag, rest):
        self._change_meanwhile()
        super().do_uid_fetch(tag, rest)


@scenario(upstream=lambda s: ChangeInASwitch())
def flag_changes_told_in_a_switch_are_not_lost(s):
    client = s.client(select="INBOX", learn=True)
    client.ok("FETCH 1:* FLAGS")
    time.sleep(2.5)
    client.noop()
    s.upstream.interrupt = True
    s.upstream.drop()
    client.ok("FETCH 2 BODY.PEEK[HEADER]")
    assert not s.upstream.interrupt
    client.noop()
    time.sleep(2)
    client.noop()
    result = client.ok("FETCH 1 FLAGS")
    assert "Flagged" in str(result), result


class FlagsThatAreNone(Condstore):
    """One message's flags are no list of flags."""
    def items(self, message, wanted):
        found = super().items(message, wanted)
        if message.uid == 3:
            found = [(name, b'("quoted")' if name == "FLAGS" else value) for name, value in found]
        return found


@scenario(upstream=lambda s: FlagsThatAreNone())
def flags_that_are_none_make_no_storm(s):
    s.client(select="INBOX")
    time.sleep(1)
    before = len(s.upstream.commands)
    time.sleep(3)
    count = len(s.upstream.commands) - before
    assert count < 60, "%d commands in 3 s, nobody asked: %s" % (count, s.upstream.commands[-8:])


# --- STATUS of the selected mailbox

@scenario(upstream=odd(no_uidnext=True))
def status_uidnext_where_select_tells_none(s):
    client = s.client(select="INBOX")
    assert "UIDNEXT 6" in str(client.ok("STATUS INBOX (MESSAGES UIDNEXT)").of("STATUS"))


class FlaglessServer(ScriptedUpstream):
    """Tells nobody the flags of the third message."""
    def items(self, message, wanted):
        return [(name, value) for name, value in super().items(message, wanted) if name != "FLAGS" or message.uid != 3]


@scenario(upstream=lambda s: FlaglessServer(answers_twice=True, capabilities=FULL + " STATUS=SIZE"))
def status_unseen_and_size_where_flags_cannot_be_had(s):
    s.upstream.mailboxes["INBOX"].messages[1].flags.add("\\Seen")
    client = s.client(select="INBOX")
    size = sum(len(message.body) for message in s.upstream.mailboxes["INBOX"].messages)
    told = str(client.ok("STATUS INBOX (UNSEEN SIZE MESSAGES)").of("STATUS"))
    assert "(UNSEEN 4 SIZE %d MESSAGES 5)" % size in told, told


class SizelessServer(ScriptedUpstream):
    """Tells nobody the size of the third message, and nothing else of it where only that was asked."""
    def fetched(self, message, wanted):
        if message.uid != 3 or "RFC822.SIZE" not in wanted:
            super().fetched(message, wanted)


@scenario(upstream=lambda s: SizelessServer(capabilities=FULL + " STATUS=SIZE"))
def status_size_without_one_message_is_no_answer(s):
    client = s.client(select="INBOX")
    result = client.expect("NO", "STATUS INBOX (SIZE MESSAGES)")
    assert result.of("STATUS") == [], result
    client.ok("STATUS INBOX (MESSAGES)")


# --- refusals and garbage that cost more than they must

class BadInManyWords(ScriptedUpstream):
    def do_create(self, tag, rest):
        self.line(tag + " BAD Too many characters in the mailbox name")


@scenario(upstream=lambda s: BadInManyWords())
def a_bad_about_a_command_costs_nobody_the_line(s):
    client = s.client(select="INBOX", learn=True)
    client.expect("BAD", "CREATE abc")
    created = [command for command in s.upstream.commands if command.startswith("CREATE")]
    assert len(created) == 1 and s.upstream.connections == 1, (len(created), s.upstream.connections)


class Mumbler(ScriptedUpstream):
    """Every second FETCH of a message has a line that is none."""
    said = 0

    def do_uid_fetch(self, tag, rest):
        if "BODY" in rest:
            self.said += 1
            if self.said % 2:
                self.line("*")
        super().do_uid_fetch(tag, rest)


@scenario(upstream=lambda s: Mumbler(), settings={"max_garbage": "4"})
def garbage_counts_in_a_row_only(s):
    client = s.client(select="INBOX")
    for _ in range(16):
        client.command("FETCH 1 BODY.PEEK[]")
    assert s.upstream.connections == 1, s.upstream.connections


class Garbler(ScriptedUpstream):
    """Answers what changes something with a line that is none before its tagged answer."""
    def do_uid_copy(self, tag, rest):
        self.line("* 99999999999 EXISTS")
        super().do_uid_copy(tag, rest)

    def do_uid_expunge(self, tag, rest):
        self.line("* 99999999999 EXISTS")
        super().do_uid_expunge(tag, rest)


@scenario(upstream=lambda s: Garbler())
def whether_it_was_done_is_not_known_where_the_answer_is_garbage(s):
    client = s.client(select="INBOX", learn=True)
    result = client.expect("NO", "COPY 1 Work")
    assert result.code_name == "SERVERBUG" and "may or may not" in str(result) and "again" not in str(result), result
    client.ok("STORE 2 +FLAGS (\\Deleted)")
    result = client.expect("NO", "CLOSE")
    assert result.code_name == "SERVERBUG" and "may or may not" in str(result), result
    client.expect("BAD", "FETCH 1 FLAGS")  # it is closed all the same


class ThreeMessagesASecond(ScriptedUpstream):
    def fetched(self, message, wanted):
        if "BODY.PEEK[]" in wanted:
            time.sleep(0.3)
        super().fetched(message, wanted)


@scenario(upstream=lambda s: ThreeMessagesASecond(fill=20, size=3_000_000), timeout=90)
def a_client_that_has_gone_is_not_read_for_to_the_end(s):
    other = s.client(name="other", select="INBOX")
    client = s.client(name="gone", select="INBOX")
    client.begin("FETCH 1:20 BODY.PEEK[]")
    time.sleep(0.8)
    client.close_socket()
    start = time.monotonic()
    other.ok("FETCH 20 RFC822.SIZE")
    took = time.monotonic() - start
    assert took < 2.5, "60 MB were read for a client that had gone, %.1f s" % took
