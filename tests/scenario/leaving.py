"""Clients that leave without a LOGOUT: an end of the line is noticed when it comes, and what was asked before is answered."""
import re
import socket
import struct
import threading
import time

from imap_client import Closed
from scenario import scenario
from scripted_upstream import Gone, ScriptedUpstream


def until(condition, limit=10):
    """Tries again until condition() holds; for what must come about by itself long before `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it has not come about within %g s" % limit
        time.sleep(0.05)


def last_words(client, commands):
    """Sends commands and then the end of the sending side, unless that has been done; returns all that is answered up to the end."""
    if commands:
        client.socket.sendall(commands)
        client.socket.shutdown(socket.SHUT_WR)
    client.socket.settimeout(20)
    answers = b"\r\n"
    while True:
        octets = client.socket.recv(65536)
        if not octets:
            return answers
        answers += octets


@scenario(settings={"sessions_per_account": "2"})
def those_who_close_in_idle_make_room(s):
    for _ in range(6):
        client = s.connect(tracked=False)
        until(lambda: client.command('LOGIN u1 "%s"' % s.password("u1")).ok)
        client.select("INBOX")
        client.idle()
        client.close_socket()


@scenario(settings={"sessions_per_address": "2"})
def those_who_close_before_their_password_make_room(s):
    def gets_in():
        try:
            client = s.connect(tracked=False)
        except (Closed, OSError):
            return False
        if client.greeting.status == "OK":
            client.begin("AUTHENTICATE PLAIN")
            assert client._next(5).kind == "go-ahead"
        client.close_socket()
        return client.greeting.status == "OK"
    for _ in range(6):
        until(gets_in)


@scenario(settings={"login_wait": "2m"})
def a_reset_is_noticed_while_a_login_waits(s):
    holder = s.direct()
    client = s.connect(tracked=False)
    client.begin('LOGIN u1 "%s"' % s.password("u1"))
    s.until_logged("too many sessions")
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close_socket()
    s.until_logged("reset by peer")
    assert "logged in" not in s.log_text()
    holder.logout()


@scenario(settings={"login_wait": "2m"})
def a_login_that_waits_is_answered_after_the_end(s):
    holder = s.direct()
    client = s.connect(tracked=False)
    client.socket.sendall(b"a LOGIN u1 %s\r\nb SELECT INBOX\r\n" % s.password("u1").encode())
    client.socket.shutdown(socket.SHUT_WR)
    s.until_logged("too many sessions")
    holder.logout()
    assert b"\r\nb OK " in last_words(client, b"")


@scenario()
def what_was_sent_before_the_end_is_answered(s):
    s.fill(3)
    word = s.password("u1").encode()
    answers = last_words(s.connect(tracked=False), b"a LOGIN u1 %s\r\nb SELECT INBOX\r\nc FETCH 1:3 BODY.PEEK[]\r\nd NOOP\r\n" % word)
    for tag in (b"a", b"b", b"c", b"d"):
        assert b"\r\n%s OK " % tag in answers, (tag, answers)
    assert answers.count(b"this is m") == 3, answers
    assert b"\r\na OK " in last_words(s.connect(tracked=False), b"a LOGIN u1 %s\r\n" % word)
    assert b"\r\na NO " in last_words(s.connect(tracked=False), b"a LOGIN u1 wrong\r\n")


@scenario()
def what_waits_for_more_ends_with_the_line(s):
    s.fill(1)
    for commands, good in ((b"x NOOP\r\ny IDLE\r\n", (b"x OK ", b"+ idling")), (b"x IDLE\r\nDONE\r\ny NOOP\r\n", (b"x OK ", b"y OK ")),
                           (b"x NOOP\r\ny NOO", (b"x OK ",)), (b"x APPEND INBOX {100+}\r\nabc", ())):
        answers = last_words(s.client(select="INBOX", tracked=False), commands)
        assert all(word in answers for word in good), (commands, answers)
        assert answers.count(b" OK ") == sum(b"OK" in word for word in good), (commands, answers)
    assert s.stored() == {"m1": set()}


# --- removals whose client does not wait for them

class Slow(ScriptedUpstream):
    """Waits once inside the command `waits_in`, until the test lets it go on. Then it may drop the line, and be away for a time."""
    def __init__(self, waits_in, drops):
        super().__init__()
        self.waits_in, self.drops = waits_in, drops
        self.reached, self.released = threading.Event(), threading.Event()

    def answer(self, tag, word, rest):
        if word == self.waits_in and not self.reached.is_set():
            self.reached.set()
            self.lock.release()
            self.released.wait(20)
            self.lock.acquire()
            if self.drops:
                self.greeting = b"* BYE out for a moment"
                raise Gone
        super().answer(tag, word, rest)


def removed_though_left(name, commands, waits_in, drops, resets):
    """A scenario `name` in which the only client sends these commands and closes its line while the server is at one of them."""
    def body(s):
        inbox = s.upstream.mailboxes["INBOX"]
        client = s.client(select="INBOX", tracked=False)
        if "STORE" not in commands:
            client.ok("STORE 2,3 +FLAGS (\\Deleted)")
        client.socket.sendall("".join("x %s\r\n" % command for command in commands.split("; ")).encode())
        assert s.upstream.reached.wait(10)
        if resets:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close_socket()
        if resets:
            until(lambda: re.search("its commands are carried out", s.log_text()))
        if resets:
            inbox.messages[3].flags.add("\\Deleted")  # by another program, so it is none of the messages that were meant
        s.upstream.released.set()
        if drops:
            time.sleep(2)
            s.upstream.greeting = b"* OK back"
        until(lambda: len(inbox.messages) <= 3)
        s.client(select="INBOX").ok("NOOP")
        assert [message.identity for message in inbox.messages] == ["m1", "m4", "m5"]
        assert s.upstream.most_open <= 1
    body.__name__ = name
    body.__module__ = __name__
    return scenario(upstream=lambda s: Slow(waits_in, drops), relay=False, settings={"login_wait": "1s", "freshness": "0"})(body)


for name, commands, waits_in in (
        ("close", "CLOSE; LOGOUT", "UID EXPUNGE"), ("expunge", "UID EXPUNGE 2:3; LOGOUT", "UID EXPUNGE"),
        ("close_behind_noop", "NOOP; CLOSE; LOGOUT", "NOOP"), ("expunge_behind_noop", "NOOP; EXPUNGE; UNSELECT; LOGOUT", "NOOP"),
        ("close_behind_store", "STORE 2:3 +FLAGS.SILENT (\\Deleted); CLOSE; LOGOUT", "UID STORE"),
        ("expunge_behind_store", "STORE 2:3 +FLAGS (\\Deleted); EXPUNGE; LOGOUT", "UID STORE")):
    for lost, resets in ((False, True), (True, True), (True, False)):
        full = "%s_is_carried_out_though_its_client_has_%s%s" % (
            name, "gone" if resets else "closed", "_and_the_line_is_lost" if lost else "")
        globals()[full] = removed_though_left(full, commands, waits_in, lost, resets)
