"""An IMAP server of our own, small and wire-exact, for what Dovecot does not do.

Every habit is a keyword of ScriptedUpstream or a method to override; a scenario hands it in as its `upstream`:

    @scenario(upstream=odd(uid_last=True))
    def behaviour(s): ...            # s.upstream is the server, s.upstream.mailboxes its truth

It serves one session at a time (a second connection waits for no greeting and is counted), understands what imapmux
sends and nothing else: a FETCH by number, or a literal that was not permitted, is a fault of the scenario.
"""
import base64
import re
import socket
import threading
import time

from mail_server import PASSWORD, free_port
from imap_client import make_message

FULL = "IMAP4rev1 LITERAL+ IDLE UIDPLUS MOVE UNSELECT ENABLE ESEARCH CHILDREN NAMESPACE"


class Message:
    def __init__(self, uid, identity, flags=(), size=0):
        self.uid, self.identity, self.flags = uid, identity, set(flags)
        self.body = make_message(identity, size)


class Mailbox:
    def __init__(self):
        self.validity, self.next_uid, self.messages = 1, 1, []

    def add(self, identity, flags=(), size=0):
        message = Message(self.next_uid, identity, flags, size)
        self.next_uid += 1
        self.messages.append(message)
        return message


class Gone(Exception):
    """The connection has ended."""


class ScriptedUpstream(threading.Thread):
    def __init__(self, capabilities=FULL, uid_last=False, uid_twice=False, octets=0, unsolicited=False, greeting=b"* OK ready",
                 login=None, after_login=None, silent_on=None, drop_on=None, fill=5, size=0, padding=b"", bare_lf=False,
                 no_uidnext=False, answers_twice=False, extra_items=False):
        super().__init__(daemon=True, name="scripted")
        self.capabilities, self.uid_last, self.uid_twice, self.octets = capabilities, uid_last, uid_twice, octets
        self.unsolicited, self.greeting, self.login, self.after_login = unsolicited, greeting, login, after_login
        self.silent_on, self.drop_on = silent_on, drop_on
        self.padding, self.end = padding, b"\n" if bare_lf else b"\r\n"
        self.no_uidnext, self.answers_twice, self.extra_items = no_uidnext, answers_twice, extra_items
        self.mailboxes = {"INBOX": Mailbox(), "Work": Mailbox()}
        for number in range(fill):
            self.mailboxes["INBOX"].add("m%d" % (number + 1), size=size)
        self.lock = threading.RLock()
        self.port = free_port()
        self.connections, self.logins, self.open_now, self.most_open = 0, 0, 0, 0
        self.commands, self.faults = [], []
        self.stopping = False
        self.told = 0  # messages that the session knows of
        self.selected = None
        self.idle_tag = None
        self.socket = None

    # --- life

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        super().start()

    def stop(self):
        self.stopping = True
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            pass
        self.join(5)
        self.listener.close()
        assert not self.faults, "the scripted server: " + "; ".join(self.faults[:5])

    def run(self):
        while not self.stopping:
            connection, _ = self.listener.accept()
            if self.stopping:
                connection.close()
                return
            self.connections += 1
            connection.settimeout(60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.serve(connection)
            except (Gone, OSError):
                pass
            finally:
                connection.close()
                self.socket = None

    def drop(self):
        """Ends the connection now, from outside."""
        connection = self.socket
        if connection:
            connection.shutdown(socket.SHUT_RDWR)

    # --- writing

    def send(self, data):
        try:
            if not self.octets:
                self.socket.sendall(data)
                return
            for at in range(0, len(data), self.octets):
                self.socket.sendall(data[at:at + self.octets])
                if self.octets == 1 and at % 64 == 0:
                    time.sleep(0.0005)
        except OSError as error:
            raise Gone from error

    def line(self, text):
        self.send(self.padding + (text if isinstance(text, bytes) else text.encode()) + self.end)

    # --- reading

    def read_line(self):
        while b"\n" not in self.buffer:
            self.read_more()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def read_more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Gone
        self.buffer += data

    def read_command(self):
        """A command with its literals in place."""
        text = b""
        while True:
            line = self.read_line()
            announced = re.search(rb"\{(\d+)(\+?)\}$", line)
            text += line
            if not announced:
                return text
            if announced.group(2):
                self.faults.append("a literal was sent without leave: %r" % line[:80])
            else:
                self.line("+ go on")
            size = int(announced.group(1))
            while len(self.buffer) < size:
                self.read_more()
            text += b"\r\n" + self.buffer[:size]
            self.buffer = self.buffer[size:]

    # --- a session

    def serve(self, connection):
        self.socket, self.buffer, self.selected, self.idle_tag = connection, b"", None, None
        if self.greeting is None:
            return
        self.line(self.greeting)
        if not self.greeting.startswith(b"* OK"):
            return
        while True:
            command = self.read_command()
            tag, _, rest = command.partition(b" ")
            self.commands.append(rest.decode("latin-1"))
            word = rest.split(b" ")[0].upper().decode()
            if word == "UID":
                word = "UID " + rest.split(b" ")[1].upper().decode()
            if self.drop_on and re.search(self.drop_on, rest):
                self.drop_on = None
                return
            if self.silent_on and re.search(self.silent_on, rest):
                self.silent_on = None
                while True:  # until the other side has had enough
                    self.read_more()
            with self.lock:
                self.answer(tag.decode(), word, rest.decode("latin-1"))
            if word == "LOGOUT":
                return

    def answer(self, tag, word, rest):
        handler = getattr(self, "do_" + word.lower().replace(" ", "_"), None)
        if handler is None:
            self.faults.append("unexpected command %r" % rest[:100])
            self.line(tag + " BAD unknown command")
            return
        handler(tag, rest)

    def ok(self, tag, text="done"):
        if self.unsolicited:
            self.line("* OK still the same server {17}")
            if self.selected:
                self.line("* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)")
        self.tell_new()
        self.line("%s OK %s" % (tag, text))

    def tell_new(self):
        if self.selected and len(self.selected.messages) > self.told:
            self.told = len(self.selected.messages)
            self.line("* %d EXISTS" % self.told)

    # --- commands

    def do_capability(self, tag, rest):
        self.line("* CAPABILITY " + self.capabilities)
        self.line(tag + " OK done")

    def do_login(self, tag, rest):
        if self.login:
            answer = self.login(self) if callable(self.login) else self.login
            if answer is not None:
                self.line(answer.replace("TAG", tag))
                return
        if not rest.rstrip('"').endswith(PASSWORD):
            self.line(tag + " NO [AUTHENTICATIONFAILED] wrong")
            return
        self.logins += 1
        self.line(tag + " OK logged in")

    def do_authenticate(self, tag, rest):
        response = rest.split(" ")[2] if len(rest.split(" ")) > 2 else None
        if response is None:
            self.line("+ ")
            response = self.read_line().decode()
        good = base64.b64decode(response).split(b"\0")[2].decode() == PASSWORD
        self.line(tag + (" OK logged in" if good else " NO [AUTHENTICATIONFAILED] wrong"))

    def do_enable(self, tag, rest):
        self.line("* ENABLED")
        self.ok(tag)

    def do_noop(self, tag, rest):
        self.ok(tag)

    def do_logout(self, tag, rest):
        self.line("* BYE")
        self.line(tag + " OK")

    def do_list(self, tag, rest):
        if rest.endswith('""'):
            self.line('* LIST (\\Noselect) "/" ""')
        else:
            for name in self.mailboxes:
                self.line('* LIST () "/" %s' % name)
        self.ok(tag)

    def do_select(self, tag, rest, read_only=False):
        name = rest.split(" ")[1].strip('"')
        if self.after_login:
            answer, self.after_login = self.after_login, None
            self.line(answer.replace("TAG", tag))
            return
        self.selected = None
        if name not in self.mailboxes:
            self.line(tag + " NO no such mailbox: " + name + " {99}")
            return
        mailbox = self.mailboxes[name]
        self.line("* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)")
        self.line("* OK [PERMANENTFLAGS (%s)]" % ("" if read_only else "\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*"))
        self.line("* %d EXISTS" % len(mailbox.messages))
        self.line("* 0 RECENT")
        self.line("* OK [UIDVALIDITY %d]" % mailbox.validity)
        if not self.no_uidnext:
            self.line("* OK [UIDNEXT %d] next" % mailbox.next_uid)
        self.selected, self.told = mailbox, len(mailbox.messages)
        self.line("%s OK [%s] selected" % (tag, "READ-ONLY" if read_only else "READ-WRITE"))

    def do_examine(self, tag, rest):
        self.do_select(tag, rest, True)

    def do_unselect(self, tag, rest):
        self.selected = None
        self.ok(tag)

    def do_status(self, tag, rest):
        name = rest.split(" ")[1].strip('"')
        mailbox = self.mailboxes[name]
        values = {"MESSAGES": len(mailbox.messages), "UIDNEXT": mailbox.next_uid, "UIDVALIDITY": mailbox.validity, "RECENT": 0,
                  "UNSEEN": sum("\\Seen" not in message.flags for message in mailbox.messages)}
        items = re.search(r"\((.*)\)", rest).group(1).split()
        self.line("* STATUS %s (%s)" % (name, " ".join("%s %d" % (item, values[item]) for item in items if item in values)))
        self.ok(tag)

    def do_idle(self, tag, rest):
        if self.unsolicited:
            self.line("* OK about to idle")
        self.line("+ idling")
        self.socket.settimeout(0.02)
        try:
            while True:
                self.tell_new()
                try:
                    if self.read_line().upper() == b"DONE":
                        break
                except TimeoutError:
                    self.lock.release()
                    time.sleep(0.005)
                    self.lock.acquire()
        finally:
            self.socket.settimeout(60)
        self.line(tag + " OK idled")

    # --- messages

    def uids(self, text):
        wanted, last = [], self.selected.messages[-1].uid if self.selected.messages else 0
        for part in text.split(","):
            low, _, high = part.partition(":")
            low, high = [last if end == "*" else int(end) for end in (low, high or low)]
            wanted += [m for m in self.selected.messages[:self.told] if min(low, high) <= m.uid <= max(low, high) and m not in wanted]
        return wanted

    def number(self, message):
        return self.selected.messages.index(message) + 1

    def do_uid_fetch(self, tag, rest):
        match = re.match(r"UID FETCH (\S+) \((.*)\)$", rest, re.DOTALL)
        for message in self.uids(match.group(1)):
            self.fetched(message, match.group(2))
            if self.answers_twice:
                self.fetched(message, match.group(2))
        self.ok(tag)

    def items(self, message, wanted):
        """(name, octets) of what was asked, UID left out."""
        found = []
        for item in re.findall(r"BODY(?:\.PEEK)?\[[^\]]*\](?:<[\d.]+>)?|[A-Z0-9.]+", wanted):
            if item.startswith("BODY[") and "\\Seen" not in message.flags:
                message.flags.add("\\Seen")
            body = re.match(r"BODY(?:\.PEEK)?\[(.*)\]", item)
            if body:
                text = message.body
                if body.group(1).startswith("HEADER.FIELDS"):
                    text = b"X-Id: %s\r\n\r\n" % message.identity.encode()
                elif body.group(1) == "HEADER":
                    text = text.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                elif body.group(1) == "TEXT":
                    text = text.partition(b"\r\n\r\n")[2]
                found.append(("BODY[%s]" % body.group(1), b"{%d}\r\n%s" % (len(text), text)))
            elif item == "FLAGS":
                found.append(("FLAGS", b"(%s)" % " ".join(sorted(message.flags)).encode()))
            elif item == "RFC822.SIZE":
                found.append(("RFC822.SIZE", b"%d" % len(message.body)))
            elif item == "INTERNALDATE":
                found.append(("INTERNALDATE", b'"01-Nov-2026 10:00:00 +0000"'))
        return found

    def fetched(self, message, wanted):
        items = self.items(message, wanted)
        uid = ("UID", b"%d" % message.uid)
        items = items + [uid] if self.uid_last else [uid] + items
        if self.uid_twice:
            items = [uid] + items + [uid]
        if self.extra_items:
            items += [("X-ODD", b'("nobody asked" NIL 7)'), ("INTERNALDATE", b'"01-Nov-2026 10:00:00 +0000"')]
        if self.unsolicited:
            other = self.selected.messages[0]
            self.line("* %d FETCH (FLAGS (%s))" % (self.number(other), " ".join(sorted(other.flags))))
            self.line("* OK in the middle")
        self.send(self.padding + b"* %d FETCH (" % self.number(message)
                  + b" ".join(name.encode() + b" " + value for name, value in items) + b")" + self.end)

    def do_uid_store(self, tag, rest):
        uids, sign, flags = re.match(r"UID STORE (\S+) ([+-]?)FLAGS \((.*)\)$", rest).groups()
        flags = set(flags.split())
        for message in self.uids(uids):
            message.flags = message.flags | flags if sign == "+" else message.flags - flags if sign == "-" else flags
            self.fetched(message, "FLAGS")
        self.ok(tag)

    def do_uid_search(self, tag, rest):
        keys = re.sub(r"UID SEARCH (RETURN \(ALL\) )?", "", rest)
        found = self.selected.messages[:self.told]
        if keys.startswith("UID "):
            found = self.uids(keys[4:])
        elif keys == "RECENT":
            found = []
        elif keys == "DELETED":
            found = [m for m in found if "\\Deleted" in m.flags]
        elif keys == "UNSEEN":
            found = [m for m in found if "\\Seen" not in m.flags]
        if rest.startswith("UID SEARCH RETURN"):
            self.line('* ESEARCH (TAG "%s") UID%s' % (tag, " ALL " + ",".join(str(m.uid) for m in found) if found else ""))
        else:
            self.line("* SEARCH" + "".join(" %d" % m.uid for m in found))
        self.ok(tag)

    def remove(self, message):
        self.line("* %d EXPUNGE" % self.number(message))
        self.selected.messages.remove(message)
        self.told -= 1

    def do_expunge(self, tag, rest):
        for message in [m for m in self.selected.messages[:self.told] if "\\Deleted" in m.flags]:
            self.remove(message)
        self.ok(tag)

    def do_uid_expunge(self, tag, rest):
        for message in self.uids(rest.split(" ")[2]):
            if "\\Deleted" in message.flags:
                self.remove(message)
        self.ok(tag)

    def do_uid_copy(self, tag, rest):
        uids, target = rest.split(" ")[2:4]
        for message in self.uids(uids):
            self.mailboxes[target.strip('"')].add(message.identity, message.flags)
        self.ok(tag)

    def do_append(self, tag, rest):
        name = rest.split(" ")[1].strip('"')
        identity = re.search(r"X-Id: (\S+)", rest).group(1)
        self.mailboxes[name].add(identity)
        self.ok(tag)


def odd(**habits):
    """A factory for @scenario(upstream=...)."""
    return lambda scenario: ScriptedUpstream(**habits)
