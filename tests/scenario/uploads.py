"""Messages on their way up, in front of servers and clients that do not wait for their end."""
import re
import socket
import struct
import time

from imap_client import Literal, make_message
from scenario import scenario
from scripted_upstream import FULL, ScriptedUpstream


class Hasty(ScriptedUpstream):
    """Asks for the message of an APPEND and refuses it before any of it has come, then reads it and throws it away."""
    times, eaten = 1000, 0

    def read_line(self):
        line = super().read_line()
        announced = re.search(rb"APPEND .*\{(\d+)\}$", line)
        if not announced or self.times == 0:
            return line
        self.times -= 1
        self.line(b"+ go on")
        self.line(line.split(b" ")[0] + b" NO [OVERQUOTA] no room")
        time.sleep(1)
        self.eat(int(announced.group(1)) + 2)
        return self.read_line()

    def eat(self, left):
        while left > 0:
            if not self.buffer:
                self.read_more()
            taken = len(self.buffer[:left])
            self.buffer = self.buffer[taken:]
            left -= taken
            self.eaten += taken


@scenario(upstream=lambda s: Hasty(), timeout=90, settings={"response_timeout": "5s"})
def an_append_refused_in_its_literal_swallows_no_command(s):
    client = s.client(select="INBOX", learn=True)
    result = client.command("APPEND INBOX ", Literal(make_message("big", 12_000_000)))
    assert result.status == "NO", result
    s.client(name="other", select="Work")
    client.noop()
    assert client.fetch_identity(2) == "m2"
    assert s.upstream.eaten >= 12_000_000 and s.upstream.connections == 1, (s.upstream.eaten, s.upstream.connections)


class HastyOnce(Hasty):
    """Whatever comes behind the first literal is what a real server would run."""
    times = 1


@scenario(upstream=lambda s: HastyOnce(), timeout=90, settings={"response_timeout": "20s"})
def a_message_never_becomes_commands(s):
    first = s.client(name="first")
    second = s.client(name="second")
    first.begin("APPEND Work ", Literal(make_message("big", 12_000_000)))
    evil = make_message("evil") + b"x9 UID STORE 1:* +FLAGS (\\Deleted)\r\n" * 400_000
    time.sleep(0.2)
    second.begin("APPEND Work ", Literal(evil))
    time.sleep(6)
    stored = [command for command in s.upstream.commands if command.startswith("UID STORE")]
    assert not stored, "the server was made to run %d commands out of a message" % len(stored)


class SlowReader(ScriptedUpstream):
    """Takes an APPEND's literal only after a while: before it has asked for it, or behind that."""
    asks_first = True

    def read_line(self):
        line = super().read_line()
        if b"APPEND" in line and not self.asks_first:
            time.sleep(2)
        return line

    def line(self, text):
        super().line(text)
        if text == "+ go on" and self.asks_first:
            time.sleep(2)


def client_goes_in_an_append(s, size):
    other = s.client(name="other", select="INBOX", learn=True)
    client = s.client(name="gone")
    client.begin("APPEND Work ", Literal(make_message("big", size)))
    time.sleep(0.7)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()
    time.sleep(3)
    other.noop()
    assert other.fetch_identity(2) == "m2"
    assert s.running()


@scenario(upstream=lambda s: SlowReader(), timeout=60)
def a_client_goes_while_its_append_is_sent(s):
    client_goes_in_an_append(s, 14_000_000)


class LateReader(SlowReader):
    asks_first = False


@scenario(upstream=lambda s: LateReader(), timeout=60)
def a_client_goes_while_its_append_waits_for_leave(s):
    client_goes_in_an_append(s, 3_000_000)


class Replaces(ScriptedUpstream):
    """RFC 8508: no server of the suite has it."""

    def do_uid_replace(self, tag, rest):
        uid, name, identity = re.match(r"UID REPLACE (\d+) (\S+) .*X-Id: (\S+)", rest, re.DOTALL).groups()
        old = self.uids(uid)
        if not old:
            self.line(tag + " NO no such message")
            return
        new = self.mailboxes[name.strip('"')].add(identity)
        self.line("* OK [APPENDUID 1 %d] stored" % new.uid)
        self.remove(old[0])
        self.ok(tag)


@scenario(upstream=lambda s: Replaces(capabilities=FULL + " REPLACE"))
def a_replaced_message_is_the_clients_own(s):
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    other = s.client(name="other", select="Work")
    assert "REPLACE" in first.capabilities()
    second.ok("STORE 1 +FLAGS (\\Deleted)")
    second.ok("EXPUNGE")
    # The first client still counts the message that has gone: its 3 is the second's 2.
    tag = first.begin("REPLACE 3 INBOX (\\Seen) ", Literal(make_message("new")))
    result = first.finish(tag)
    assert result.status == "OK", result
    first.noop()
    first.learn()
    assert first.identities() == ["m2", "m4", "m5", "new"], first.identities()
    other.noop()
    result = second.command("REPLACE 2 Work ", Literal(make_message("other")))
    assert result.status == "NO" and result.code_name == "EXPUNGEISSUED" or result.status == "OK", result
    stored = [message.identity for message in s.upstream.mailboxes["INBOX"].messages]
    moved = [message.identity for message in s.upstream.mailboxes["Work"].messages]
    assert (stored, moved) == ((["m2", "m4", "m5", "new"], []) if result.status == "NO" else (["m2", "m5", "new"], ["other"])), stored
    other.noop()
    other.learn()
    assert other.identities() == moved


@scenario(upstream=lambda s: ScriptedUpstream())
def replace_is_unknown_where_the_server_has_not_said_so(s):
    client = s.client(select="INBOX")
    assert client.command("REPLACE 1 INBOX ", Literal(make_message("new"))).status == "BAD"
