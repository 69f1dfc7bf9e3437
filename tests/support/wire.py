"""IMAP lines and tokens, as the test client and the relay read them (RFC 3501 section 9)."""
import re

LITERAL_END = re.compile(rb"\{(\d+)([+-]?)\}\r?\n$")
# A status or continuation line never announces a literal, whatever its text ends with.
SERVER_TEXT = re.compile(rb"(\+|\S+ (OK|NO|BAD|BYE|PREAUTH)\b)", re.IGNORECASE)


class Atom(bytes):
    """A bare word, so that the atom X and the string "X" can be told apart."""


class Line:
    """One command or response: `text` has every literal's announcement in place, `literals` their octets (or, where
    they are not kept, None), `ending` what the line ends with."""

    def __init__(self, text, literals, sizes, ending=b"\r\n"):
        self.text, self.literals, self.sizes, self.ending = text, literals, sizes, ending

    def printable(self, limit=400):
        text = self.text.decode("latin-1")
        return text if len(text) <= limit else text[:limit] + "..."


class Framer:
    """Octets in any pieces in, Lines out."""

    def __init__(self, from_server, keep_literals=True):
        self.from_server, self.keep = from_server, keep_literals
        self.buffer = bytearray()
        self.reset()

    def reset(self):
        self.text, self.literals, self.sizes = b"", [], []
        self.odd_ending = None  # of the announcement of a literal
        self.wanted = 0
        self.literal = bytearray()
        self.synchronising = False

    def feed(self, data):
        self.buffer += data
        lines = []
        while self.buffer:
            if self.wanted:
                self._take_literal()
                continue
            end = self.buffer.find(b"\n")
            if end < 0:
                break
            piece = bytes(self.buffer[: end + 1])
            del self.buffer[: end + 1]
            announced = LITERAL_END.search(piece)
            if announced and self.from_server and not self.text and SERVER_TEXT.match(piece):
                announced = None
            if announced:
                self._begin_literal(piece, announced)
            else:
                rest = piece.rstrip(b"\r\n")
                lines.append(Line(self.text + rest, self.literals, self.sizes, self.odd_ending or piece[len(rest):]))
                self.reset()
        return lines

    def _begin_literal(self, piece, announced):
        self.text += piece[: announced.end(2) + 1]
        if not piece.endswith(b"}\r\n"):
            self.odd_ending = piece[announced.end(2) + 1:] if self.from_server else None
        self.wanted = int(announced.group(1))
        self.sizes.append(self.wanted)
        self.synchronising = not announced.group(2) and not self.from_server
        self.literal = bytearray()
        if self.wanted == 0:
            self.literals.append(b"")

    def _take_literal(self):
        piece = self.buffer[: self.wanted]
        del self.buffer[: self.wanted]
        self.wanted -= len(piece)
        self.synchronising = False
        if self.keep:
            self.literal += piece
        if self.wanted == 0:
            self.literals.append(bytes(self.literal) if self.keep else None)

    def waits_for_go_ahead(self):
        """A synchronising literal has been announced and none of it has come."""
        return self.synchronising and self.wanted > 0


def parse(text, literals=()):
    """Tokens: Atom, bytes (a string), None (NIL), list."""
    literals = iter(literals)
    stack, position = [[]], 0
    while position < len(text):
        byte = text[position : position + 1]
        if byte == b" ":
            position += 1
        elif byte == b"(":
            stack.append([])
            position += 1
        elif byte == b")":
            if len(stack) == 1:
                raise ValueError("a ) too many in %r" % text)
            done = stack.pop()
            stack[-1].append(done)
            position += 1
        elif byte == b'"':
            value, position = _quoted(text, position)
            stack[-1].append(value)
        else:
            position = _atom_or_literal(text, position, literals, stack[-1])
    if len(stack) != 1:
        raise ValueError("a ( too many in %r" % text)
    return stack[0]


def _quoted(text, position):
    value, position = bytearray(), position + 1
    while text[position : position + 1] != b'"':
        if position >= len(text):
            raise ValueError("open quote in %r" % text)
        if text[position : position + 1] == b"\\":
            position += 1
        value += text[position : position + 1]
        position += 1
    return bytes(value), position + 1


LITERAL = re.compile(rb"~?\{(\d+)[+-]?\}")
# BODY[HEADER.FIELDS ("A b" C)]<0> is one word; so is \Seen and [UIDVALIDITY.
ATOM = re.compile(rb'[^\s()\[\]"{]+(\[[^\]]*\](<\d+>)?)?|\[|\]')


def _atom_or_literal(text, position, literals, out):
    literal = LITERAL.match(text, position)
    if literal:
        out.append(next(literals))
        return literal.end()
    atom = ATOM.match(text, position)
    if not atom:
        raise ValueError("cannot read %r at %d" % (text, position))
    word = atom.group()
    out.append(None if word.upper() == b"NIL" else Atom(word))
    return atom.end()


TOKEN = re.compile(rb'"|~?\{(\d+)\}|[()]| +|[^\s()\[\]"{]+(\[[^\]]*\](<\d+>)?)?')


def items_as_written(text, literals):
    """{name: octets} of the list at the front of `text` (a FETCH's), with everything as it stands there; only strings, which
    may be quoted or literals as one likes, are put in one form: their length, then their octets."""
    literals, pieces, depth, position = iter(literals), [], 0, 0
    items, name = {}, None
    while True:
        token = TOKEN.match(text, position)
        written, position = token.group(), token.end()
        if written == b'"':
            value, position = _quoted(text, token.start())
            written = b"<%d>%s" % (len(value), value)
        elif token.group(1):
            value = next(literals)
            written = b"<%d>%s" % (len(value), value)
        depth += (written == b"(") - (written == b")")
        if depth == 0 or depth == 1 and written.isspace():
            if name is None:
                name = b"".join(pieces)
            else:
                items[name.upper()], name = b"".join(pieces), None
            pieces = []
            if depth == 0:
                return items
        elif not (depth == 1 and written == b"(" and not pieces and position == 1):
            pieces.append(written)


def sequence_set(text):
    """b"1:3,7" -> [1, 2, 3, 7] (no *)"""
    numbers = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        low, high = int(low), int(high or low)
        numbers.extend(range(min(low, high), max(low, high) + 1))
    return numbers


def quote(value):
    """A string argument of a command: quoted where that can hold it."""
    if isinstance(value, str):
        value = value.encode()
    if re.search(rb'[\r\n\x00\x80-\xff]', value):
        raise ValueError("needs a literal: %r" % value)
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
