"""Trouble stays where it belongs: a command, a mailbox or a message that a server cannot bear costs its asker a NO, and
nobody else a mail."""
import re
import socket
import struct
import threading
import time

from mail_server import wait_until
from scenario import scenario
from scripted_upstream import FULL, Gone, ScriptedUpstream


def asked(s, pattern):
    """How often the server was sent a command like this."""
    return sum(re.search(pattern, command) is not None for command in s.upstream.commands)


# --- commands

class SlowSearch(ScriptedUpstream):
    """Never answers a SEARCH for a word, and is at it until it has found that the line is closed."""
    def do_uid_search(self, tag, rest):
        if "TEXT" in rest:
            while True:
                self.read_more()
        super().do_uid_search(tag, rest)


@scenario(upstream=lambda s: SlowSearch(), settings={"response_timeout": "300ms", "slow_timeout": "2s"})
def a_search_without_an_answer_is_sent_twice_and_holds_up_nobody_for_longer(s):
    seeker, reader = s.client(select="INBOX", learn=True), s.client(select="INBOX", learn=True)
    tag, began = seeker.begin("SEARCH TEXT word"), time.monotonic()
    assert reader.fetch_identity(2) == "m2"
    assert time.monotonic() - began > 1.5, "a search has its time"
    result = seeker.finish(tag, 20)
    assert result.status == "NO" and "did not answer in time" in repr(result), result
    assert reader.fetch_identity(3) == "m3"
    assert asked(s, "TEXT") == 2 and s.upstream.connections == 3, s.upstream.commands


# --- mailboxes

class Deadly(ScriptedUpstream):
    """The session does not survive a SELECT of Work. It says the same ALERT after each login."""
    def __init__(self, way):
        super().__init__()
        self.way = way

    def do_list(self, tag, rest):
        self.line("* OK [ALERT] Your mailbox is nearly full")
        super().do_list(tag, rest)

    def do_select(self, tag, rest, read_only=False):
        if "Work" not in rest:
            super().do_select(tag, rest, read_only)
            return
        self.line("* OK [ALERT] Your mailbox is damaged")
        if self.way == "bye":
            self.line("* BYE Internal error")
        elif self.way == "bad":
            self.line("* BAD Internal error")
        elif self.way == "literal":
            self.line('* LIST () "/" {500}\r\nshort')
            self.line(tag + " OK done")
        while self.way in ("bad", "literal", "silence"):
            self.read_more()
        raise Gone


def deadly(name, way):
    """A scenario `name` before such a server."""
    def body(s):
        reader = s.client(select="INBOX", learn=True)
        asker = s.client()
        tags = [asker.begin(command) for command in ("SELECT Work", "SELECT Work")]
        for number in (1, 2, 3, 4):
            assert reader.fetch_identity(number) == "m%d" % number
            reader.ok("STATUS INBOX (MESSAGES)")
        results = [asker.finish(tag, 30) for tag in tags]
        assert [result.status for result in results] == ["NO", "NO"], results
        reader.ok("NOOP")
        assert s.upstream.logins <= 3, s.upstream.commands
        assert asked(s, "(SELECT|EXAMINE) Work") == 2
        with open(s.log_file.name) as log:
            assert log.read().count("Your mailbox is damaged") <= 2, "once for each client"
        asker.ok("SELECT INBOX")
    body.__name__ = name
    body.__module__ = __name__
    return scenario(upstream=lambda s: Deadly(way), relay=False, timeout=60,
                    settings={"response_timeout": "500ms", "slow_timeout": "1s"})(body)


a_mailbox_that_ends_the_session_is_left_alone = deadly("a_mailbox_that_ends_the_session_is_left_alone", "bye")
a_mailbox_that_cuts_the_line_is_left_alone = deadly("a_mailbox_that_cuts_the_line_is_left_alone", "eof")
a_mailbox_that_silences_the_server_is_left_alone = deadly("a_mailbox_that_silences_the_server_is_left_alone", "silence")
a_mailbox_that_is_answered_by_an_untagged_bad_is_left_alone = deadly(
    "a_mailbox_that_is_answered_by_an_untagged_bad_is_left_alone", "bad")
a_mailbox_with_a_literal_that_is_too_short_is_left_alone = deadly(
    "a_mailbox_with_a_literal_that_is_too_short_is_left_alone", "literal")


# --- messages

class Envelopes(ScriptedUpstream):
    """ENVELOPE of every sixtieth message has a quote that is not escaped."""
    def items(self, message, wanted):
        found = super().items(message, wanted)
        if "ENVELOPE" in wanted:
            subject = b'"a "quoted" word"' if message.uid % 60 == 0 else b'"%d"' % message.uid
            found.append(("ENVELOPE", b"(NIL %s NIL NIL NIL NIL NIL NIL NIL NIL)" % subject))
        return found


@scenario(upstream=lambda s: Envelopes(fill=600), settings={"max_garbage": "5"}, timeout=60)
def a_malformed_envelope_costs_its_message_only(s):
    client = s.client(select="INBOX")
    for turn in range(2):
        result = client.command("FETCH 1:* (ENVELOPE)")
        assert result.status == "NO" and "did not answer for all" in repr(result.tagged), result.tagged
        assert len(result.of("FETCH")) == 590, len(result.of("FETCH"))
    assert client.command("FETCH 59 (ENVELOPE)").ok
    assert client.command("FETCH 60 (FLAGS)").ok
    assert client.command("FETCH 60 (ENVELOPE)").status == "NO"
    assert s.upstream.connections == 1


class Withheld(ScriptedUpstream):
    """Answers OK to a FETCH of bodies, with no line for the third message."""
    def fetched(self, message, wanted):
        if message.uid != 3 or "BODY" not in wanted:
            super().fetched(message, wanted)


@scenario(upstream=lambda s: Withheld())
def a_living_message_without_an_answer_is_not_passed_over_with_ok(s):
    client = s.client(select="INBOX")
    result = client.command("UID FETCH 1:5 (BODY.PEEK[HEADER])")
    assert result.status == "NO" and len(result.of("FETCH")) == 4, result
    assert client.command("UID FETCH 4 (BODY.PEEK[HEADER])").ok


class Refuser(ScriptedUpstream):
    """Says NO to every FETCH of a body that names the third message, after the others have been answered."""
    def do_uid_fetch(self, tag, rest):
        if "BODY" not in rest:
            super().do_uid_fetch(tag, rest)
            return
        wanted = self.uids(rest.split(" ")[2])
        for message in wanted:
            if message.uid != 3:
                self.fetched(message, rest)
        if any(message.uid == 3 for message in wanted):
            self.line(tag + " NO Some messages could not be FETCHed")
        else:
            self.ok(tag)


@scenario(upstream=lambda s: Refuser(fill=20), settings={"slice_messages": "3"})
def what_the_server_refuses_for_one_message_costs_the_others_nothing(s):
    client = s.client(select="INBOX")
    result = client.command("UID FETCH 1:20 (BODY.PEEK[HEADER])")
    assert result.status == "NO" and "could not be FETCHed" in repr(result.tagged), result
    assert len(result.of("FETCH")) == 19, result


class Nested(ScriptedUpstream):
    """BODYSTRUCTURE of the second message is nested deeper than most programs read."""
    STRUCTURE = b'("text" "plain" NIL NIL NIL "7bit" 12 1)'

    def items(self, message, wanted):
        found = super().items(message, wanted)
        if "BODYSTRUCTURE" in wanted:
            depth = 3000 if message.uid == 2 else 2
            found.append(("BODYSTRUCTURE", b"(" * depth + self.STRUCTURE + b' "mixed")' * depth))
        return found


@scenario(upstream=lambda s: Nested())
def a_message_nested_deeply_costs_nobody_anything(s):
    client = s.client(select="INBOX", tracked=False)
    client.socket.sendall(b"x UID FETCH 1:* (BODYSTRUCTURE)\r\n")
    seen = b""
    while b"\r\nx " not in seen:
        seen += client.socket.recv(65536)
    assert b"x OK" in seen and seen.count(b"FETCH (UID") == 5, seen[-300:]
    assert b"(" * 3001 + Nested.STRUCTURE[1:] + b' "mixed")' * 3000 in seen


class Speller(ScriptedUpstream):
    """Spells labels in its own way, quotes keywords, and tells no UID where one message was asked for."""
    def items(self, message, wanted):
        found = super().items(message, wanted)
        spelt = {"BODY[]": "RFC822", "BODY[HEADER.FIELDS (X-Id Subject)]": 'BODY[HEADER.FIELDS ("SUBJECT" "X-ID")]'}
        found = [(spelt.get(name, name), value) for name, value in found]
        return [(name, b'(\\Seen "$Mine")' if name == "FLAGS" else value) for name, value in found]

    def do_uid_fetch(self, tag, rest):
        match = re.match(r"UID FETCH (\d+) \((.*)\)$", rest)
        if not match:
            super().do_uid_fetch(tag, rest)
            return
        message = self.uids(match.group(1))[0]
        items = b" ".join(name.encode() + b" " + value for name, value in self.items(message, match.group(2)))
        self.send(b"* %d FETCH (%s)\r\n" % (self.number(message), items))
        self.ok(tag)


@scenario(upstream=lambda s: Speller(size=40_000))
def an_answer_is_understood_by_its_meaning(s):
    client = s.client(select="INBOX")
    result = client.ok("FETCH 1:3 (FLAGS BODY.PEEK[HEADER.FIELDS (X-Id Subject)])")
    assert len(result.of("FETCH")) == 3 and all(b"$Mine" in line.text for line in result.of("FETCH")), result
    for number in (2, 4):
        line, = client.ok("UID FETCH %d (BODY.PEEK[])" % number).of("FETCH")
        assert b"X-Id: m%d\r" % number in line.fetch_items()[b"BODY[]"]


# --- commands that are made of several

class NoMove(ScriptedUpstream):
    """Cannot MOVE. Waits inside one command, by name, until the test lets it go on, and may drop the line after it."""
    def __init__(self, waits_in, drops=False):
        super().__init__(capabilities=FULL.replace(" MOVE", ""))
        self.waits_in, self.drops = waits_in, drops
        self.reached, self.released = threading.Event(), threading.Event()

    def answer(self, tag, word, rest):
        if word == self.waits_in and not self.reached.is_set():
            self.reached.set()
            self.lock.release()
            self.released.wait(20)
            self.lock.acquire()
            if self.drops:
                raise Gone
        super().answer(tag, word, rest)


def left(name, waits_in, drops=False):
    """A scenario `name` in which the only client leaves while the server is at this step of its MOVE."""
    def body(s):
        client = s.client(select="INBOX")
        client.begin("UID MOVE 2,3 Work")
        assert s.upstream.reached.wait(10)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close_socket()
        wait_until(lambda: re.search("client .*: closed", s.log_text()), "the client stays")
        s.upstream.released.set()
        boxes = s.upstream.mailboxes
        wait_until(lambda: len(boxes["INBOX"].messages) == 3, "the messages are not removed")
        assert [message.identity for message in boxes["Work"].messages] == ["m2", "m3"]
        assert [message.identity for message in boxes["INBOX"].messages] == ["m1", "m4", "m5"]
        assert asked(s, "UID COPY") == 1
    body.__name__ = name
    body.__module__ = __name__
    return scenario(upstream=lambda s: NoMove(waits_in, drops), relay=False)(body)


a_move_is_finished_though_its_client_leaves_in_copy = left("a_move_is_finished_though_its_client_leaves_in_copy", "UID COPY")
a_move_is_finished_though_its_client_leaves_in_store = left(
    "a_move_is_finished_though_its_client_leaves_in_store", "UID STORE")
a_move_is_finished_though_the_line_is_lost_in_store = left(
    "a_move_is_finished_though_the_line_is_lost_in_store", "UID STORE", drops=True)
a_move_is_finished_though_the_line_is_lost_in_expunge = left(
    "a_move_is_finished_though_the_line_is_lost_in_expunge", "UID EXPUNGE", drops=True)


def away(name, waits_in):
    """A scenario `name` in which the server is away from this step of a MOVE on, for longer than its client waits."""
    def body(s):
        client = s.client(select="INBOX")
        tag = client.begin("UID MOVE 2,3 Work")
        assert s.upstream.reached.wait(10)
        s.upstream.greeting = b"* BYE out for a moment"
        s.upstream.released.set()
        result = client.finish(tag, 10)
        assert result.status == "NO" and "were copied" in repr(result.tagged), result.tagged
        s.upstream.greeting = b"* OK back"
        boxes = s.upstream.mailboxes
        wait_until(lambda: len(boxes["INBOX"].messages) == 3, "the messages are not removed")
        assert [message.identity for message in boxes["INBOX"].messages] == ["m1", "m4", "m5"]
        client.ok("NOOP")
        assert client.fetch_identity(2) == "m4" and asked(s, "UID COPY") == 1
    body.__name__ = name
    body.__module__ = __name__
    return scenario(upstream=lambda s: NoMove(waits_in, True), relay=False, settings={"login_wait": "1s"})(body)


a_move_is_finished_after_its_client_has_been_told_no_in_store = away(
    "a_move_is_finished_after_its_client_has_been_told_no_in_store", "UID STORE")
a_move_is_finished_after_its_client_has_been_told_no_in_expunge = away(
    "a_move_is_finished_after_its_client_has_been_told_no_in_expunge", "UID EXPUNGE")
