"""What a server may write, by the ABNF of RFC 3501 section 9 (with RFC 2342, 2971, 3516, 4315, 4731, 5161, 5256, 5258, 8438, 8474,
8514, 8970 and X-GM-EXT-1), to the octet: a space too many or too few, a literal where only a quoted string may stand, NIL, 0 or a large number where none may.

Nothing is forgiven. Two things are more than the RFC has: text for humans may be UTF-8 (RFC 9051 section 9), and extensions
that imapmux does not offer are faults, since it has no business to write of them.
"""
import re

NUMBER_MAX = 2**32 - 1
NUMBER64_MAX = 2**63 - 1
CONTROLS = bytes(range(0x20)) + b"\x7f"
HIGH = bytes(range(0x80, 0x100))
NOT_ATOM = frozenset(b'(){ %*"\\]' + CONTROLS + HIGH)
NOT_ASTRING = NOT_ATOM - frozenset(b"]")
NOT_QUOTED = frozenset(b"\0\r\n" + HIGH)
LITERAL = re.compile(rb"\{(\d+)\}")
MONTHS = b"Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
DATE_TIME = re.compile(rb'"( \d|\d\d)-(%s)-\d{4} \d\d:\d\d:\d\d [+-]\d{4}"' % MONTHS, re.IGNORECASE)
STATUS_WORD = re.compile(rb"(OK|NO|BAD|BYE|PREAUTH) ", re.IGNORECASE)
SECTION_PART = re.compile(rb"[1-9]\d*(\.[1-9]\d*)*")
OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}")
UID_SET = re.compile(rb"[1-9]\d*(:[1-9]\d*)?(,[1-9]\d*(:[1-9]\d*)?)*")
BASE64 = re.compile(rb"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")


class Ungrammatical(AssertionError):
    pass


def check(line):
    """`line`: a wire.Line. Raises Ungrammatical."""
    Reader(line).response()


class Reader:
    def __init__(self, line):
        self.text, self.literals, self.sizes, self.ending = line.text, line.literals, line.sizes, line.ending
        self.at, self.used = 0, 0

    # --- octets

    def fail(self, wanted):
        shown = self.text if len(self.text) < 2000 else self.text[max(0, self.at - 300):self.at + 300]
        raise Ungrammatical("against the grammar: %s at octet %d, before %r, of %r" % (
            wanted, self.at, self.text[self.at:self.at + 30], shown))

    def comes(self, octets):
        return self.text[self.at:self.at + len(octets)].upper() == octets.upper()

    def maybe(self, octets):
        if not self.comes(octets):
            return False
        self.at += len(octets)
        return True

    def take(self, octets):
        if not self.maybe(octets):
            self.fail("%r is missing" % octets)

    def space(self):
        self.take(b" ")

    def match(self, pattern, wanted):
        found = pattern.match(self.text, self.at)
        if not found:
            self.fail("no %s" % wanted)
        self.at = found.end()
        return found.group()

    def ended(self):
        return self.at >= len(self.text)

    def word(self, forbidden, wanted):
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in forbidden:
            self.at += 1
        if self.at == start:
            self.fail("no %s" % wanted)
        return self.text[start:self.at]

    # --- small things

    def number(self, least=0, most=NUMBER_MAX):
        digits = self.match(re.compile(rb"\d+"), "number")
        if not least <= int(digits) <= most:
            self.fail("the number %d is out of range" % int(digits))
        return int(digits)

    def nz_number(self):
        return self.number(1)

    def atom(self):
        return self.word(NOT_ATOM, "atom")

    def quoted(self):
        self.take(b'"')
        octets = bytearray()
        while not self.maybe(b'"'):
            if self.ended() or self.text[self.at] in NOT_QUOTED:
                self.fail("a quoted string holds what it may not")
            if self.maybe(b"\\") and not (self.comes(b'"') or self.comes(b"\\")):
                self.fail("a backslash before nothing special")
            octets.append(self.text[self.at])
            self.at += 1
        return bytes(octets)

    def string(self):
        if self.comes(b'"'):
            return self.quoted()
        announced = self.match(LITERAL, "string")
        if self.used >= len(self.sizes) or int(announced[1:-1]) != self.sizes[self.used]:
            self.fail("a literal that is none")
        literal = self.literals[self.used]
        self.used += 1
        if literal is not None and b"\0" in literal:
            self.fail("NUL in a literal")
        return literal

    def binary(self):
        """nstring or literal8 (RFC 3516)"""
        if not self.maybe(b"~"):
            self.nstring()
            return
        announced = self.match(LITERAL, "literal8")
        if self.used >= len(self.sizes) or int(announced[1:-1]) != self.sizes[self.used]:
            self.fail("a literal8 that is none")
        self.used += 1

    def nstring(self):
        if self.comes(b'"') or self.comes(b"{"):
            return self.string()
        self.take(b"NIL")
        return None

    def astring(self):
        if self.comes(b'"') or self.comes(b"{"):
            return self.string()
        return self.word(NOT_ASTRING, "astring")

    def mailbox(self):
        if self.comes(b"NIL ") or self.text[self.at:].upper() == b"NIL":
            self.fail("a mailbox that is NIL")
        self.astring()

    def several(self, element, least=0):
        """"(" [element *(SP element)] ")" """
        self.take(b"(")
        count = 0
        while not self.maybe(b")"):
            if count:
                self.space()
            element()
            count += 1
        if count < least:
            self.fail("an empty list")

    def adjacent(self, element):
        """"(" 1*element ")", without spaces"""
        self.take(b"(")
        element()
        while not self.maybe(b")"):
            element()

    def nil_or(self, element):
        if self.comes(b"("):
            element()
        else:
            self.take(b"NIL")

    # --- responses

    def response(self):
        if self.ending != b"\r\n":
            self.fail("the line ends with %r" % self.ending)
        if self.maybe(b"+ "):
            if BASE64.match(self.text, self.at):
                self.at = len(self.text)
            else:
                self.resp_text()
        elif self.maybe(b"* "):
            self.untagged()
        else:
            self.tag()
            self.space()
            if not (self.maybe(b"OK ") or self.maybe(b"NO ")):
                self.take(b"BAD ")
            self.resp_text()
        if not self.ended() or self.used != len(self.sizes):
            self.fail("more than the grammar has")

    def tag(self):
        if b"+" in self.word(NOT_ASTRING, "tag"):
            self.fail("a tag with +")

    def untagged(self):
        if STATUS_WORD.match(self.text, self.at):
            self.match(STATUS_WORD, "status")
            self.resp_text()
        elif self.text[self.at:self.at + 1].isdigit():
            self.numbered()
        else:
            name = self.match(re.compile(rb"[A-Z]+"), "response")
            kind = {b"CAPABILITY": self.capability_data, b"ENABLED": self.enabled, b"FLAGS": self.flags, b"LIST": self.list_data,
                    b"LSUB": self.list_data, b"XLIST": self.list_data, b"SEARCH": self.search, b"STATUS": self.status_data,
                    b"ID": self.id_data, b"NAMESPACE": self.namespaces, b"VANISHED": self.vanished,
                    b"ACL": self.acl, b"LISTRIGHTS": self.listrights, b"MYRIGHTS": self.myrights, b"QUOTA": self.quota,
                    b"QUOTAROOT": self.quotaroot, b"METADATA": self.metadata,
                    b"ESEARCH": self.esearch, b"SORT": self.search, b"THREAD": self.threads}.get(name)
            if not kind:
                self.fail("an unknown response %r" % name)
            kind()

    def numbered(self):
        number = self.number()
        self.space()
        if self.maybe(b"EXISTS") or self.maybe(b"RECENT"):
            return
        if number == 0:
            self.fail("message 0")
        if not self.maybe(b"EXPUNGE"):
            self.take(b"FETCH ")
            self.several(self.msg_att, least=1)

    # --- status responses

    def resp_text(self):
        if self.maybe(b"["):
            self.resp_code()
            self.take(b"] ")
        text = self.text[self.at:]
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            self.fail("text that is not UTF-8")
        if not text or text.startswith(b"[") or re.search(rb"[\0\r\n]", text):
            self.fail("no text")
        self.at = len(self.text)

    def resp_code(self):
        code = self.atom().upper()
        if code == b"CAPABILITY":
            self.capability_data()
        elif code == b"PERMANENTFLAGS":
            self.space()
            self.several(lambda: self.maybe(b"\\*") or self.flag())
        elif code in (b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN"):
            self.space()
            self.nz_number()
        elif code == b"APPENDUID":
            self.space()
            self.nz_number()
            self.space()
            self.uid_set()
        elif code == b"COPYUID":
            self.space()
            self.nz_number()
            counts = []
            for _ in range(2):
                self.space()
                counts.append(self.uid_set())
            if counts[0] != counts[1]:
                self.fail("%d sources and %d targets" % tuple(counts))
        elif code == b"HIGHESTMODSEQ":
            self.space()
            self.number(1, NUMBER64_MAX)
        elif code == b"MODIFIED":
            self.space()
            self.uid_set()
        elif code == b"MAILBOXID":
            self.space()
            self.object_id()
        elif code == b"INPROGRESS":
            self.take(b' ("')
            self.at -= 1
            self.quoted()
            self.take(b" NIL NIL)")
        elif code == b"BADURL":
            self.space()
            self.quoted()
        elif code == b"METADATA":
            if self.maybe(b" ") and not (self.maybe(b"TOOMANY") or self.maybe(b"NOPRIVATE")):
                self.maybe(b"LONGENTRIES ") or self.take(b"MAXSIZE ")
                self.number(0, NUMBER64_MAX)
        elif code == b"BADCHARSET":
            if self.maybe(b" "):
                self.several(self.astring, least=1)

    def vanished(self):
        self.space()
        self.maybe(b"(EARLIER) ")
        self.uid_set()

    def uid_set(self):
        count = 0
        for part in self.match(UID_SET, "set of UIDs").split(b","):
            low, _, high = part.partition(b":")
            if max(int(low), int(high or low)) > NUMBER_MAX:
                self.fail("a UID out of range")
            count += abs(int(high or low) - int(low)) + 1
        return count

    def capability_data(self):
        found = []
        while self.maybe(b" "):
            found.append(self.atom().upper())
        if b"IMAP4REV1" not in found:
            self.fail("capabilities without IMAP4rev1")

    def enabled(self):
        while self.maybe(b" "):
            self.atom()

    # --- data

    def acl(self):
        self.space()
        self.mailbox()
        while self.maybe(b" "):
            self.astring()
            self.space()
            self.astring()

    def listrights(self):
        self.space()
        self.mailbox()
        self.space()
        self.astring()
        while self.maybe(b" "):
            self.astring()

    def myrights(self):
        self.space()
        self.mailbox()
        self.space()
        self.astring()

    def quota(self):
        self.space()
        self.astring()
        self.space()
        self.several(self.quota_resource)

    def quota_resource(self):
        self.atom()
        for _ in range(2):
            self.space()
            self.number(0, NUMBER64_MAX)

    def quotaroot(self):
        self.space()
        self.mailbox()
        while self.maybe(b" "):
            self.astring()

    def metadata(self):
        self.space()
        self.mailbox()
        self.space()
        self.several(self.entry_and_value)

    def entry_and_value(self):
        self.astring()
        self.space()
        self.nstring()

    def flag(self):
        system = self.maybe(b"\\")
        name = self.atom().upper()
        if system and name == b"RECENT":
            self.fail("\\Recent is no flag here")

    def flags(self):
        self.space()
        self.several(self.flag)

    def flag_fetch(self):
        if not self.maybe(b"\\Recent"):
            self.flag()

    def search(self):
        while self.maybe(b" "):
            self.nz_number()

    def esearch(self):
        """RFC 4466 and 4731; the tag is always told."""
        self.take(b" (TAG ")
        self.string()
        self.take(b")")
        self.maybe(b" UID")
        kinds = {b"MIN": self.nz_number, b"MAX": self.nz_number, b"ALL": self.uid_set, b"COUNT": self.number,
                 b"PARTIAL": self.partial}
        while self.maybe(b" "):
            name = self.atom().upper()
            if name not in kinds:
                self.fail("an unknown item %r" % name)
            self.space()
            kinds[name]()

    def partial(self):
        """RFC 9394 "ret-data-partial", without its name"""
        self.take(b"(")
        self.match(re.compile(rb"[1-9]\d*:[1-9]\d*|-[1-9]\d*:-[1-9]\d*"), "range of places")
        self.space()
        if not self.maybe(b"NIL"):
            self.uid_set()
        self.take(b")")

    def threads(self):
        """RFC 5256 "thread-data" """
        if self.maybe(b" "):
            self.thread_list()
            while self.comes(b"("):
                self.thread_list()

    def thread_list(self):
        self.take(b"(")
        if not self.comes(b"("):
            self.nz_number()
            while self.maybe(b" ") and not self.comes(b"("):
                self.nz_number()
        branches = 0
        while self.comes(b"("):
            self.thread_list()
            branches += 1
        if branches == 1:
            self.fail("one branch alone")
        self.take(b")")

    def separator(self):
        if self.maybe(b"NIL"):
            return
        if not self.comes(b'"') or len(self.quoted()) != 1:
            self.fail("no separator")

    def list_data(self):
        self.space()
        self.several(self.list_flag)
        self.space()
        self.separator()
        self.space()
        self.mailbox()
        if self.maybe(b" "):
            self.several(self.extended_item, least=1)

    def list_flag(self):
        self.take(b"\\")
        self.atom()

    def extended_item(self):
        self.astring()
        self.space()
        if self.comes(b"("):
            self.several(self.extended_value)
        else:
            self.match(UID_SET, "value")

    def extended_value(self):
        if self.comes(b"("):
            self.several(self.extended_value, least=1)
        else:
            self.astring()

    def status_data(self):
        self.space()
        self.mailbox()
        self.space()
        self.several(self.status_item)

    def status_item(self):
        name = self.atom().upper()
        ranges = {b"MESSAGES": (0, NUMBER_MAX), b"RECENT": (0, NUMBER_MAX), b"UNSEEN": (0, NUMBER_MAX), b"UIDNEXT": (1, NUMBER_MAX),
                  b"UIDVALIDITY": (1, NUMBER_MAX), b"SIZE": (0, NUMBER64_MAX), b"HIGHESTMODSEQ": (0, NUMBER64_MAX)}
        if name == b"MAILBOXID":
            self.space()
            self.object_id()
            return
        if name not in ranges:
            self.fail("an unknown item %r" % name)
        self.space()
        self.number(*ranges[name])

    def id_data(self):
        self.space()
        self.nil_or(lambda: self.several(self.id_field))

    def id_field(self):
        self.string()
        self.space()
        self.nstring()

    def namespaces(self):
        for _ in range(3):
            self.space()
            self.nil_or(lambda: self.adjacent(self.namespace))

    def namespace(self):
        self.take(b"(")
        self.string()
        self.space()
        self.separator()
        while self.maybe(b" "):
            self.string()
            self.space()
            self.several(self.string, least=1)
        self.take(b")")

    # --- FETCH

    def msg_att(self):
        if self.maybe(b"UID "):
            self.nz_number()
        elif self.maybe(b"FLAGS "):
            self.several(self.flag_fetch)
        elif self.maybe(b"INTERNALDATE "):
            self.match(DATE_TIME, "date-time")
        elif self.maybe(b"RFC822.SIZE "):
            self.number()
        elif self.maybe(b"MODSEQ ("):
            self.number(1, NUMBER64_MAX)
            self.take(b")")
        elif self.maybe(b"ENVELOPE "):
            self.envelope()
        elif self.maybe(b"BODY "):
            self.body(extensible=False)
        elif self.maybe(b"BODYSTRUCTURE "):
            self.body(extensible=True)
        elif self.maybe(b"EMAILID "):
            self.object_id()
        elif self.maybe(b"THREADID "):
            self.nil_or(self.object_id)
        elif self.maybe(b"SAVEDATE "):
            if not self.maybe(b"NIL"):
                self.match(DATE_TIME, "date-time")
        elif self.maybe(b"PREVIEW "):
            self.nstring()
        elif self.maybe(b"X-GM-MSGID ") or self.maybe(b"X-GM-THRID "):
            self.number(0, 2 ** 64 - 1)
        elif self.maybe(b"X-GM-LABELS "):
            self.several(self.label)
        elif self.maybe(b"BINARY.SIZE["):
            self.part_in_brackets()
            self.space()
            self.number()
        elif self.maybe(b"BINARY["):
            self.part_in_brackets()
            if self.maybe(b"<"):
                self.number()
                self.take(b">")
            self.space()
            self.binary()
        elif self.maybe(b"BODY["):
            self.section()
            self.take(b"]")
            if self.maybe(b"<"):
                self.number()
                self.take(b">")
            self.space()
            self.nstring()
        else:
            if not (self.maybe(b"RFC822 ") or self.maybe(b"RFC822.HEADER ") or self.maybe(b"RFC822.TEXT ")):
                self.fail("an unknown item")
            self.nstring()

    def object_id(self):
        self.take(b"(")
        self.match(OBJECT_ID, "object's id")
        self.take(b")")

    def label(self):
        if self.maybe(b"\\"):
            self.atom()
        else:
            self.astring()

    def part_in_brackets(self):
        part = SECTION_PART.match(self.text, self.at)
        if part:
            self.at = part.end()
        self.take(b"]")

    def section(self):
        part = SECTION_PART.match(self.text, self.at)
        if part:
            self.at = part.end()
            if not self.maybe(b"."):
                return
        elif self.comes(b"]"):
            return
        if self.maybe(b"HEADER.FIELDS.NOT ") or self.maybe(b"HEADER.FIELDS "):
            self.several(self.astring, least=1)
        elif not (self.maybe(b"HEADER") or self.maybe(b"TEXT") or part and self.maybe(b"MIME")):
            self.fail("no section")

    def envelope(self):
        self.take(b"(")
        self.nstring()
        self.space()
        self.nstring()
        for _ in range(6):
            self.space()
            self.nil_or(lambda: self.adjacent(self.address))
        for _ in range(2):
            self.space()
            self.nstring()
        self.take(b")")

    def address(self):
        self.take(b"(")
        for index in range(4):
            if index:
                self.space()
            self.nstring()
        self.take(b")")

    def body(self, extensible):
        self.take(b"(")
        if self.comes(b"("):
            while self.comes(b"("):
                self.body(extensible)
            self.space()
            self.string()
            first = self.parameters
        else:
            self.one_part(extensible)
            first = self.nstring
        if extensible and self.maybe(b" "):
            first()
            self.extensions()
        self.take(b")")

    def one_part(self, extensible):
        kind = self.string().upper()
        self.space()
        subtype = self.string().upper()
        self.space()
        self.parameters()
        for element in (self.nstring, self.nstring, self.string, self.number):
            self.space()
            element()
        if kind == b"MESSAGE" and subtype in (b"RFC822", b"GLOBAL"):
            self.space()
            self.envelope()
            self.space()
            self.body(extensible)
        if kind == b"TEXT" or kind == b"MESSAGE" and subtype in (b"RFC822", b"GLOBAL"):
            self.space()
            self.number()

    def parameters(self):
        def parameter():
            self.string()
            self.space()
            self.string()
        self.nil_or(lambda: self.several(parameter, least=1))

    def extensions(self):
        """Behind body-fld-md5 or body-fld-param: disposition, language, location, and what is to come."""
        if self.maybe(b" "):
            self.nil_or(self.disposition)
            if self.maybe(b" "):
                if self.comes(b"("):
                    self.several(self.string, least=1)
                else:
                    self.nstring()
                if self.maybe(b" "):
                    self.nstring()
        while self.maybe(b" "):
            self.extension()

    def disposition(self):
        self.take(b"(")
        self.string()
        self.space()
        self.parameters()
        self.take(b")")

    def extension(self):
        if self.comes(b"("):
            self.several(self.extension, least=1)
        elif self.text[self.at:self.at + 1].isdigit():
            self.number()
        else:
            self.nstring()
