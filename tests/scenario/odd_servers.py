"""Servers with habits that Dovecot does not have. Whatever they do, every client gets the message that it means."""
from scenario import scenario
from scripted_upstream import FULL, ScriptedUpstream, odd

NO_IDLE = FULL.replace(" IDLE", "")
NO_UIDPLUS = FULL.replace(" UIDPLUS", "").replace(" MOVE", "")
BARE = "IMAP4rev1"


def everyday_work(s, size=0):
    """What must go well with every server: two clients, numbers that differ, flags, new mail, an expunge, a copy."""
    inbox = s.upstream.mailboxes["INBOX"]
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    assert first.identities() == ["m1", "m2", "m3", "m4", "m5"], first.messages
    for number in (5, 1, 3):
        assert second.fetch_identity(number) == "m%d" % number
    first.ok("STORE 2 +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    assert first.identities() == ["m1", "m3", "m4", "m5"]
    # The second has not been told: its 3 is still m3.
    assert second.fetch_identity(3) == "m3"
    second.noop()
    assert second.fetch_identity(3) == "m4"
    with s.upstream.lock:
        inbox.add("m6", size=size)
    second.until(lambda: len(second.messages) == 5)
    assert second.fetch_identity(5) == "m6"
    second.ok("STORE 5 +FLAGS (\\Flagged)")
    first.until(lambda: len(first.messages) == 5)
    assert first.fetch_identity(5) == "m6"
    first.ok("COPY 1 Work")
    assert [message.identity for message in s.upstream.mailboxes["Work"].messages] == ["m1"]
    assert {message.identity: "\\Flagged" in message.flags for message in inbox.messages}["m6"]
    third = s.client(name="third", select="Work", learn=True)
    assert third.identities() == ["m1"]
    assert first.fetch_identity(4) == "m5"


def works(name, relay=True, **habits):
    """A scenario `name` that does the everyday work in front of a server with these habits."""
    def body(s):
        everyday_work(s, habits.get("size", 0))
    body.__name__ = name
    body.__module__ = __name__
    return scenario(upstream=odd(**habits), timeout=120, relay=relay)(body)


uid_comes_behind_the_literal = works("uid_comes_behind_the_literal", uid_last=True)
uid_comes_behind_a_large_literal = works("uid_comes_behind_a_large_literal", uid_last=True, size=200_000)
uid_comes_twice = works("uid_comes_twice", uid_twice=True)
octet_by_octet = works("octet_by_octet", octets=1)
seven_octets_at_a_time_and_large_literals = works("seven_octets_at_a_time_and_large_literals", octets=1400, size=60_000)
unsolicited_data_inside_answers = works("unsolicited_data_inside_answers", unsolicited=True)
without_idle = works("without_idle", capabilities=NO_IDLE)
without_uidplus = works("without_uidplus", capabilities=NO_UIDPLUS)
nothing_but_imap4rev1 = works("nothing_but_imap4rev1", capabilities=BARE, no_uidnext=True)
nul_padded_lines = works("nul_padded_lines", relay=False, padding=b"\0\0")
bare_line_feeds = works("bare_line_feeds", bare_lf=True)
every_answer_twice = works("every_answer_twice", answers_twice=True)
more_items_than_asked = works("more_items_than_asked", extra_items=True)


@scenario(upstream=odd(drop_on=rb"^UID FETCH 1:5 \(UID BODY"))
def a_silent_drop_in_a_fetch_is_repeated(s):
    everyday_work(s)
    assert s.upstream.connections == 2, s.upstream.connections


@scenario(upstream=odd(silent_on=rb"^UID FETCH 1:5 \(UID BODY"), settings={"response_timeout": "1s"})
def a_server_that_falls_silent_is_given_up_and_asked_again(s):
    everyday_work(s)
    assert s.upstream.connections == 2, s.upstream.connections


class Liar(ScriptedUpstream):
    """Answers a FETCH with another message's number, once."""
    lies = 1

    def fetched(self, message, wanted):
        if "BODY" in wanted and "HEADER" not in wanted and self.lies > 0 and self.number(message) > 1:
            self.lies -= 1
            self.line("* %d FETCH (UID %d BODY[] {11}\r\nX-Id: lie\r\n)" % (self.number(message) - 1, message.uid))
            return
        super().fetched(message, wanted)


@scenario(upstream=lambda s: Liar())
def an_answer_about_another_message_reaches_nobody(s):
    client = s.client(select="INBOX", learn=True)
    for number in range(1, 6):
        assert client.fetch_identity(number) == "m%d" % number
    assert s.upstream.lies == 0


class Inventor(ScriptedUpstream):
    """Another writer expunges while a FETCH runs; the server invents content for the dead and tells of it later."""
    victim = 3

    def do_uid_fetch(self, tag, rest):
        if "BODY.PEEK[]" not in rest or self.victim is None:
            return super().do_uid_fetch(tag, rest)
        victim = next(m for m in self.selected.messages if m.uid == self.victim)
        self.victim = None
        for message in list(self.selected.messages):
            if message is victim:
                self.line("* %d FETCH (UID %d RFC822.SIZE 0 BODY[] NIL)" % (self.number(message), message.uid))
            else:
                self.fetched(message, "RFC822.SIZE BODY.PEEK[]")
        self.remove(victim)
        self.line(tag + " OK [EXPUNGEISSUED] some are gone")


@scenario(upstream=lambda s: Inventor())
def what_a_server_invents_for_a_dead_message_is_not_shown(s):
    client = s.client(select="INBOX", learn=True)
    result = client.ok("FETCH 1:5 (RFC822.SIZE BODY.PEEK[])")
    assert sorted(line.number for line in result.of("FETCH")) == [1, 2, 4, 5], result
    assert result.code_name == "EXPUNGEISSUED", result
    client.noop()
    assert client.identities() == ["m1", "m2", "m4", "m5"]


class Babbler(ScriptedUpstream):
    """Garbage of every kind between the lines."""
    garbage = [b"Server Unavailable. 15", b"* 99999999999 EXISTS", b"* FETCH", b"* 1 FETCH (UID", b"* 2 FETCH (FLAGS \\Seen)", b"* ()",
               b"x999 OK nobody asked", b"+ go on", b"* SEARCH one two", b"* 0 EXPUNGE", b"* 1 FETCH (UID 0)", b"*", b"\xff\xfe\xfd"]
    said = 0

    def do_uid_fetch(self, tag, rest):
        if "BODY" in rest and self.said < len(self.garbage):
            self.line(self.garbage[self.said])
            self.said += 1
        super().do_uid_fetch(tag, rest)


@scenario(upstream=lambda s: Babbler(), timeout=120)
def garbage_is_survived_and_reaches_nobody(s):
    client = s.client(select="INBOX", learn=False)
    for round_ in range(40):
        number = 1 + round_ % 5
        result = client.command("FETCH %d BODY.PEEK[]" % number)
        assert result.status in ("OK", "NO"), result
        if result.ok:
            assert b"X-Id: m%d\r\n" % number in result.of("FETCH")[0].fetch_items()[b"BODY[]"]
        else:
            assert result.code_name in ("SERVERBUG", "UNAVAILABLE"), result
    assert s.upstream.said == len(Babbler.garbage)
    assert client.fetch_identity(2) == "m2"


@scenario(upstream=odd())
def old_uid_comes_back(s):
    """A UID that is given again is another message: the numbers told before mean nothing any more."""
    client = s.client(select="INBOX", learn=True)
    mailbox = s.upstream.mailboxes["INBOX"]
    with s.upstream.lock:
        gone = mailbox.messages.pop(1)
    s.upstream.drop()
    client.until(lambda: len(client.messages) == 4)
    with s.upstream.lock:
        mailbox.messages.insert(1, gone)
    s.upstream.drop()
    client.begin("NOOP")
    assert "UID" in client.wait_closed()


@scenario(upstream=odd())
def a_changed_uidvalidity_ends_the_views_with_bye(s):
    client = s.client(select="INBOX", learn=True)
    other = s.client(select="Work")
    with s.upstream.lock:
        s.upstream.mailboxes["INBOX"].validity = 2
    s.upstream.drop()
    other.noop()
    again = s.client(select="INBOX", learn=True)
    assert again.fetch_identity(1) == "m1"
    assert "UIDVALIDITY" in client.wait_closed()
    other.noop()
