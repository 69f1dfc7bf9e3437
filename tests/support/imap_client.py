"""A test client that keeps a replica of its mailbox, built only from what it was told, and asserts the rules by which a
server may tell it.

Every test message carries its identity in an X-Id header and in its body, so that a FETCH by number shows whether the
server and the client mean the same message.
"""
import base64
import re
import select
import socket
import ssl
import time
import zlib

import grammar
from wire import Atom, Framer, Line, items_as_written, parse, quote, sequence_set

CRLF = b"\r\n"
# While one of these is in progress no EXPUNGE may come (RFC 3501 section 7.4.1).
NO_EXPUNGE = re.compile(rb"(FETCH|STORE|SEARCH|SORT|THREAD)\b", re.IGNORECASE)


def make_message(identity, size=0, extra=""):
    """A message with its identity in header and body; padded to at least `size` octets."""
    text = (f"From: Sender <sender@example.org>\r\nTo: Receiver <receiver@example.org>\r\nSubject: about {identity}\r\n"
            f"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{identity}@example.org>\r\nX-Id: {identity}\r\n"
            f"{extra}\r\nthis is {identity}\r\n").encode()
    padding = b"The quick brown fox jumps over the lazy dog, again and again, line after line.\r\n"
    while len(text) < size:
        text += padding * min(10_000, 1 + (size - len(text)) // len(padding))
    return text


# The commands that switch CONDSTORE on (RFC 7162 section 3.1).
USES_CONDSTORE = re.compile(rb"CONDSTORE|QRESYNC|MODSEQ|CHANGEDSINCE")


class Literal(bytes):
    """Octets of a command to be sent as a literal; `plus`: without waiting for the go-ahead."""
    plus = False
    prefix = b""


class Literal8(Literal):
    """One that may hold NUL (RFC 3516)."""
    prefix = b"~"


class PlusLiteral(Literal):
    plus = True


class Message:
    """One message as the client knows it."""

    def __init__(self):
        self.uid = self.identity = self.flags = self.modseq = None

    def __repr__(self):
        return "<%s uid %s %s>" % (self.identity, self.uid, sorted(self.flags) if self.flags is not None else "?")


class Response:
    """One line of the server. kind: "untagged", "tagged", "go-ahead"."""

    def __init__(self, line: Line):
        self.line, self.text = line, line.text
        self.tag, _, rest = line.text.partition(b" ")
        self.kind = {b"*": "untagged", b"+": "go-ahead"}.get(self.tag, "tagged")
        self.number, self.status, self.code, self.words, self.data = None, None, None, b"", []
        numbered = re.match(rb"(\d+) (\S+) ?", rest)
        if numbered and self.kind == "untagged":
            self.number, self.name = int(numbered.group(1)), numbered.group(2).upper()
            self.data = parse(rest[numbered.end():], line.literals)
            return
        self.name = rest.split(b" ")[0].upper()
        if self.kind == "go-ahead":
            return
        if self.name in (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"):
            self.status = self.name.decode()
            self._read_status(rest.partition(b" ")[2])
        elif self.kind == "tagged":
            raise AssertionError("a tagged line without a status: %r" % line.text)
        else:
            self.data = parse(rest.partition(b" ")[2], line.literals)

    def _read_status(self, text):
        coded = re.match(rb"\[([^\] ]+) ?((?:\([^)]*\)|[^\]])*)\] ?", text)
        if coded:
            self.code = (coded.group(1).decode().upper(), coded.group(2).decode())
            text = text[coded.end():]
        self.words = text

    def fetch_items(self):
        """{name: value} of a FETCH response."""
        items = self.data[0]
        return {bytes(name).upper(): value for name, value in zip(items[::2], items[1::2])}

    def items_as_written(self):
        """{name: octets} of a FETCH response, to the octet but for the form of strings."""
        return items_as_written(self.text.partition(b" FETCH ")[2], self.line.literals)

    def __repr__(self):
        return repr(self.text[:300])


class Result:
    """The tagged answer and the untagged lines since the command was sent."""

    def __init__(self, tagged, untagged):
        self.tagged, self.untagged = tagged, untagged
        self.status, self.code = tagged.status, tagged.code

    @property
    def ok(self):
        return self.status == "OK"

    @property
    def code_name(self):
        return self.code[0] if self.code else None

    def of(self, name):
        return [response for response in self.untagged if response.name == name.encode() and response.status is None]

    def numbers(self):
        """The numbers of a SEARCH answer, sorted; None without one."""
        answers = self.of("SEARCH")
        return sorted(int(word) for word in answers[-1].data) if answers else None

    def __repr__(self):
        return "%r after %r" % (self.tagged, self.untagged)


class CompressedSocket:
    """A socket whose octets are compressed as RFC 4978 has it."""

    def __init__(self, inner):
        self.inner = inner
        self.deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.inflater = zlib.decompressobj(-15)
        self.octets_read = self.octets_inflated = 0

    def sendall(self, data):
        self.inner.sendall(self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, size):
        while True:
            data = self.inner.recv(size)
            plain = self.inflater.decompress(data)
            self.octets_read += len(data)
            self.octets_inflated += len(plain)
            if plain or not data:
                return plain

    def pending(self):
        return self.inner.pending() if hasattr(self.inner, "pending") else 0

    def fileno(self):
        return self.inner.fileno()

    def settimeout(self, seconds):
        self.inner.settimeout(seconds)

    def close(self):
        self.inner.close()


class Closed(Exception):
    """The server closed the connection; `bye` holds its words, if it said any."""

    def __init__(self, bye):
        super().__init__(bye)
        self.bye = bye


class Client:
    def __init__(self, port, name="client", host="127.0.0.1", tls=None, log=None, timeout=20.0, tracked=True,
                 source=None, preface=b"", strict=False):
        """strict: every line is read by the grammar of the RFC, for what imapmux writes."""
        self.strict = strict
        self.name, self.log, self.timeout, self.tracked = name, log, timeout, tracked
        self.host, self.port = host, port
        self.socket = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.framer = Framer(from_server=True)
        self.pending = []        # responses read and not taken
        self.outstanding = []    # (tag, command) sent and not answered, oldest first
        self.untagged = []       # since the oldest outstanding command was sent
        self.serial = 0
        self.bye = None
        self.selected = None
        self.read_only = False
        self.messages = []
        self.recent = 0
        self.code_values = {}
        self.idle_tag = None
        self.alerts = []
        self.vanished_earlier = []
        if preface:
            self.socket.sendall(preface)
        if tls:
            self.start_tls(tls)
        self.greeting = self._next(self.timeout)
        self._learn_code(self.greeting)

    def start_tls(self, context):
        self.socket = context.wrap_socket(self.socket, server_hostname=self.host)

    def compress(self):
        """COMPRESS DEFLATE; what follows it is compressed, both ways."""
        self.ok("COMPRESS DEFLATE")
        self.socket = CompressedSocket(self.socket)

    # --- sending

    def new_tag(self):
        self.serial += 1
        return b"%s%d" % (self.name[:1].encode(), self.serial)

    def send_raw(self, data):
        self._log(">", data)
        self.socket.sendall(data)

    def begin(self, *parts):
        """Sends a command made of str, bytes and Literal parts, waits for go-aheads; returns its tag."""
        if not self.outstanding:
            self._nothing_may_have_come()
        tag = self.new_tag()
        buffer = tag + b" "
        command = b"".join(_octets(part) for part in parts if not isinstance(part, Literal))
        self.outstanding.append((tag, command))
        for part in parts:
            if not isinstance(part, Literal):
                buffer += _octets(part)
                continue
            buffer += b"%s{%d%s}\r\n" % (part.prefix, len(part), b"+" if part.plus else b"")
            if not part.plus:
                self.send_raw(buffer)
                buffer = b""
                if not self._go_ahead(tag):
                    return tag
            buffer += part
        self.send_raw(buffer + CRLF)
        return tag

    def _go_ahead(self, tag):
        """Waits for +; False if the command was answered instead."""
        while True:
            response = self._next(self.timeout)
            if response.kind == "go-ahead":
                return True
            if response.kind == "tagged" and response.tag == tag:
                self.pending.insert(0, response)
                return False
            self._take(response)

    def finish(self, tag, timeout=None):
        """Reads up to the tagged answer of `tag`, which must be the oldest outstanding one."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            response = self._next(deadline - time.monotonic())
            self._take(response)
            if response.kind == "tagged":
                if response.tag != tag:
                    self._fault("answered %r while %r was the oldest" % (response.tag, tag))
                untagged, self.untagged = self.untagged, []
                return Result(response, untagged)

    def command(self, *parts, timeout=None):
        return self.finish(self.begin(*parts), timeout)

    def expect(self, status, *parts, timeout=None):
        result = self.command(*parts, timeout=timeout)
        if result.status != status:
            self._fault("%r answered %r, %s was expected" % (parts, result.tagged, status))
        return result

    def ok(self, *parts, timeout=None):
        return self.expect("OK", *parts, timeout=timeout)

    def pipeline(self, *commands):
        """Sends all in one write (no literals); returns their results in order."""
        self._nothing_may_have_come()
        tags, data = [], b""
        for command in commands:
            tag = self.new_tag()
            tags.append(tag)
            self.outstanding.append((tag, _octets(command)))
            data += tag + b" " + _octets(command) + CRLF
        self.send_raw(data)
        return [self.finish(tag) for tag in tags]

    # --- commands with a meaning for the replica

    def login(self, user, password):
        return self.ok("LOGIN ", quote(user), " ", quote(password))

    def authenticate_plain(self, user, password, initial=True, authorize=""):
        token = base64.b64encode(f"{authorize}\0{user}\0{password}".encode())
        if initial:
            return self.command("AUTHENTICATE PLAIN ", token)
        return self.sasl("PLAIN", token)

    def sasl(self, mechanism, *answers):
        """AUTHENTICATE without initial response; answers are sent one per go-ahead."""
        tag = self.begin("AUTHENTICATE ", mechanism)
        for answer in answers:
            if not self._go_ahead(tag):
                break
            self.send_raw(answer + CRLF)
        return self.finish(tag)

    def capabilities(self):
        return set(bytes(word).decode().upper() for word in self.ok("CAPABILITY").of("CAPABILITY")[0].data)

    def select(self, mailbox="INBOX", examine=False):
        """Opens a mailbox; asserts success."""
        return self.ok("EXAMINE " if examine else "SELECT ", quote(mailbox))

    def noop(self):
        return self.ok("NOOP")

    def logout(self):
        result = self.command("LOGOUT")
        self.socket.close()
        return result

    def close_socket(self):
        self.socket.close()

    def append(self, mailbox, message, flags="", plus=False):
        literal = (PlusLiteral if plus else Literal)(message)
        return self.ok("APPEND ", quote(mailbox), " ", flags + " " if flags else "", literal)

    def fetch_identity(self, number):
        """The identity of message `number` by BODY.PEEK[]; checked against the replica on the way."""
        result = self.ok("FETCH %d BODY.PEEK[]" % number)
        bodies = [response.fetch_items()[b"BODY[]"] for response in result.of("FETCH")
                  if response.number == number and b"BODY[]" in response.fetch_items()]
        return identity_of(bodies[-1]) if bodies else None

    def learn(self):
        """Fetches UID, FLAGS and identity of all messages, by number."""
        if self.messages:
            self.ok("FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-Id)])")

    def number_of(self, identity):
        """The client's own number for a message that it knows."""
        for index, message in enumerate(self.messages):
            if message.identity == identity:
                return index + 1
        raise AssertionError("%s: knows no message %s: %r" % (self.name, identity, self.messages))

    def identities(self):
        return [message.identity for message in self.messages]

    def flags_of(self, identity):
        return self.messages[self.number_of(identity) - 1].flags

    # --- IDLE

    def idle(self):
        self.idle_tag = self.begin("IDLE")
        if not self._go_ahead(self.idle_tag):
            raise AssertionError("IDLE refused: %r" % self._next(1))

    def idle_until(self, condition, timeout=10.0):
        """Takes what comes in IDLE until condition() holds; returns the seconds it took."""
        start = time.monotonic()
        while not condition():
            left = start + timeout - time.monotonic()
            if left <= 0:
                self._fault("in IDLE: not told within %g s; knows %r" % (timeout, self.messages))
            try:
                self._take(self._next(left))
            except TimeoutError:
                continue
        return time.monotonic() - start

    def done(self):
        tag, self.idle_tag = self.idle_tag, None
        self.send_raw(b"DONE\r\n")
        return self.finish(tag)

    def until(self, condition, timeout=10.0, pause=0.05):
        """Polls with NOOP until condition() holds."""
        deadline = time.monotonic() + timeout
        while True:
            self.noop()
            if condition():
                return
            if time.monotonic() > deadline:
                self._fault("not told within %g s; knows %r" % (timeout, self.messages))
            time.sleep(pause)

    # --- receiving

    def _next(self, timeout):
        """The next response; TimeoutError, or Closed at the end of the stream."""
        deadline = time.monotonic() + max(timeout, 0)
        while not self.pending:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("%s: no answer within %.1f s to %r" % (self.name, timeout, self.outstanding[:1]))
            self.socket.settimeout(left)
            try:
                self._read_some()
            except socket.timeout:
                continue
        response = self.pending.pop(0)
        if response.status == "BYE" and response.kind == "untagged":
            self.bye = response.words.decode("latin-1")
        return response

    def _read_some(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, OSError) as error:
            if isinstance(error, (TimeoutError, BlockingIOError, ssl.SSLWantReadError)):
                raise
            data = b""
        if not data:
            raise Closed(self.bye)
        for line in self.framer.feed(data):
            self._log("<", line.text)
            if self.strict:
                grammar.check(line)
            self.pending.append(Response(line))

    def wait_closed(self, timeout=10.0):
        """Reads to the end of the stream; returns the words of BYE, None without one."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                self._take(self._next(deadline - time.monotonic()))
        except Closed as closed:
            return closed.bye

    def _nothing_may_have_come(self):
        """With no command in progress nothing but BYE and ALERT may be written."""
        while self.socket.fileno() >= 0 and (self.pending or self._readable()):
            if not self.pending:
                self.socket.settimeout(0)
                try:
                    self._read_some()
                except (BlockingIOError, ssl.SSLWantReadError):
                    self.socket.settimeout(self.timeout)
                    return  # only TLS had something to say
                self.socket.settimeout(self.timeout)
            while self.pending:
                response = self._next(0.1)
                alert = response.status and response.code and response.code[0] == "ALERT"
                if response.status != "BYE" and not alert:
                    self._fault("told %r with no command in progress" % response)
                self._take(response)

    def _readable(self):
        if hasattr(self.socket, "pending") and self.socket.pending():
            return True
        return bool(select.select([self.socket], [], [], 0)[0])

    # --- the replica

    def _take(self, response):
        if response.kind == "go-ahead":
            self._fault("a + without a command that waits for it: %r" % response)
        if response.kind == "untagged":
            self.untagged.append(response)
            if response.status is not None:
                self._learn_code(response)
                if response.code and response.code[0] == "ALERT":
                    self.alerts.append(response.words)
            elif self.tracked:
                self._learn_data(response)
            return
        if not self.outstanding or response.tag != self.outstanding[0][0]:
            self._fault("a tagged answer out of turn: %r, outstanding %r" % (response, self.outstanding))
        _, command = self.outstanding.pop(0)
        self._learn_code(response)
        if self.tracked:
            self._after(command.upper(), response)

    def _current(self):
        return self.outstanding[0][1].upper() if self.outstanding else b""

    def _selecting(self):
        return self._current().startswith((b"SELECT", b"EXAMINE"))

    def _learn_code(self, response):
        if response.code:
            self.code_values[response.code[0]] = response.code[1]
            if response.code[0] == "CLOSED":
                self._forget()
            if response.code[0] == "HIGHESTMODSEQ":
                self.modseq_said = int(response.code[1])

    def _learn_data(self, response):
        if response.name == b"EXISTS":
            self._exists(response.number)
        elif response.name == b"EXPUNGE":
            self._expunge(response.number)
        elif response.name == b"FETCH":
            self._fetch(response)
        elif response.name == b"RECENT":
            self._recent(response.number)
        elif response.name == b"VANISHED":
            self._vanished(response)
        elif response.name == b"SEARCH" and not self._current().startswith(b"UID"):
            for word in response.data:
                if isinstance(word, Atom) and int(word) > len(self.messages):
                    self._fault("SEARCH names a message that there is not: %r" % response)

    def _exists(self, count):
        if self._selecting():
            if self.selecting_count is not None:
                self._fault("two EXISTS in one SELECT")
            self.selecting_count = count
            self.messages = [Message() for _ in range(count)]
            return
        if self.selected is None:
            self._fault("EXISTS without a mailbox")
        if count < len(self.messages):
            self._fault("EXISTS %d shrinks, %d were known" % (count, len(self.messages)))
        if count == len(self.messages):
            self._fault("EXISTS %d without an arrival" % count)
        self.messages += [Message() for _ in range(count - len(self.messages))]

    def _recent(self, count):
        if count > len(self.messages):
            self._fault("RECENT %d of %d" % (count, len(self.messages)))
        self.recent = count

    def _expunge(self, number):
        command = self._current()
        if NO_EXPUNGE.match(command):
            self._fault("EXPUNGE during %r" % command)
        if self._selecting() or self.selected is None:
            self._fault("EXPUNGE without a mailbox")
        if not 1 <= number <= len(self.messages):
            self._fault("EXPUNGE %d of %d" % (number, len(self.messages)))
        del self.messages[number - 1]

    def _vanished(self, response):
        """RFC 7162 section 3.2.10: (EARLIER) is about messages that nobody counts any more."""
        if not self.qresync:
            self._fault("VANISHED without QRESYNC: %r" % response)
        earlier = isinstance(response.data[0], list)
        uids = numbers_of(response.data[-1])
        if earlier:
            if not (self._selecting() or b"VANISHED" in self._current()):
                self._fault("VANISHED (EARLIER) during %r" % self._current())
            self.vanished_earlier += uids
            return
        for uid in uids:
            self._expunge(self._place_of(uid) + 1)

    def _place_of(self, uid):
        """Where the message stands. Of those that it could not name it may be any between its neighbours, and what was known
        of them may have been known of it."""
        first, last = 0, len(self.messages)
        for index, message in enumerate(self.messages):
            if message.uid == uid:
                return index
            if message.uid is not None and message.uid < uid:
                first = index + 1
            elif message.uid is not None:
                last = index
                break
        if first >= last:
            self._fault("VANISHED names UID %d, which the client does not count" % uid)
        self.messages[first:last] = [Message() for _ in range(last - first)]
        return first

    def _fetch(self, response):
        number = response.number
        if not 1 <= number <= len(self.messages):
            self._fault("FETCH %d of %d" % (number, len(self.messages)))
        message, items = self.messages[number - 1], response.fetch_items()
        if b"UID" in items:
            self._learn_uid(number, message, int(items[b"UID"]))
        if b"FLAGS" in items:
            message.flags = {bytes(flag).decode() for flag in items[b"FLAGS"]}
        if b"MODSEQ" in items:
            if not (self.condstore or USES_CONDSTORE.search(self._current())):
                self._fault("MODSEQ without CONDSTORE: %r" % response)
            message.modseq = int(items[b"MODSEQ"][0])
            self.modseq_seen = max(self.modseq_seen, message.modseq)
        for name, value in items.items():
            if name.startswith((b"BODY[", b"RFC822")) and isinstance(value, bytes) and not isinstance(value, Atom):
                self._learn_identity(number, message, identity_of(value))

    def _learn_uid(self, number, message, uid):
        if message.uid is not None and message.uid != uid:
            self._fault("message %d had UID %d and now has %d" % (number, message.uid, uid))
        message.uid = uid
        before = [other.uid for other in self.messages[: number - 1] if other.uid is not None]
        after = [other.uid for other in self.messages[number:] if other.uid is not None]
        if before and max(before) >= uid or after and min(after) <= uid:
            self._fault("UID %d of message %d does not ascend" % (uid, number))

    def _learn_identity(self, number, message, identity):
        if identity is None:
            return
        if message.identity is not None and message.identity != identity:
            self._fault("message %d is %s for this client, and it was given %s" % (number, message.identity, identity))
        message.identity = identity

    selecting_count = None
    # What a client with CONDSTORE keeps (RFC 7162): up to `highestmodseq` it knows everything of the selected mailbox.
    condstore = qresync = False
    highestmodseq = modseq_said = modseq_seen = 0

    def _after(self, command, response):
        """What a tagged answer changes by itself."""
        word = command.split(b" ")[0]
        self.condstore |= bool(USES_CONDSTORE.search(command))
        self.qresync |= word == b"ENABLE" and b"QRESYNC" in command and response.status == "OK"
        if not self.outstanding:
            self.highestmodseq = self.modseq_said or max(self.highestmodseq, self.modseq_seen)
            self.modseq_said = self.modseq_seen = 0
        if word in (b"SELECT", b"EXAMINE"):
            if response.status == "OK":
                if self.selecting_count is None:
                    self._fault("SELECT without EXISTS")
                self.selected = command.partition(b" ")[2]
                self.read_only = response.code is not None and response.code[0] == "READ-ONLY"
            elif response.status == "NO":
                self._forget()
            self.selecting_count = None
        elif word in (b"CLOSE", b"UNSELECT") and response.status == "OK":
            self._forget()

    def _forget(self):
        self.selected, self.messages, self.selecting_count = None, [], None
        self.highestmodseq = self.modseq_said = self.modseq_seen = 0

    # --- faults

    def _fault(self, why):
        raise AssertionError("%s: %s" % (self.name, why))

    def _log(self, direction, data):
        if self.log:
            text = data.rstrip(CRLF).decode("latin-1").replace("\r\n", "~")
            self.log("%s %s %s" % (self.name, direction, text if len(text) < 400 else text[:400] + "..."))


def numbers_of(text):
    """The numbers of a set such as b"1:3,5"."""
    numbers = []
    for part in bytes(text).split(b","):
        low, _, high = part.partition(b":")
        numbers += range(int(low), int(high or low) + 1)
    return numbers


def identity_of(section):
    """The identity in a message, a header or a body; None if the section shows none."""
    found = re.search(rb"(?im)^(?:X-Id: |this is )(\S+)", section)
    return found.group(1).decode() if found else None


def _octets(part):
    return part.encode() if isinstance(part, str) else bytes(part)


__all__ = ["Client", "Closed", "Literal", "PlusLiteral", "Message", "Response", "Result", "identity_of", "make_message",
           "quote", "sequence_set"]
