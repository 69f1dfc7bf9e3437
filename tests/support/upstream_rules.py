"""What imapmux may say to a server: only what that server announced, and never what it promises not to say.

Fed with both directions of one plain-text connection by the relay.
"""
import base64
import binascii
import re

from wire import parse

# A command (without its tag) that matches needs one of these capabilities.
NEEDS = [(re.compile(pattern, re.IGNORECASE), words.split()) for pattern, words in [
    (r"^UID EXPUNGE\b", "UIDPLUS"),
    (r"^(UID )?MOVE\b", "MOVE"),
    (r"^(UID )?SEARCH RETURN\b", "ESEARCH"),
    (r"^LIST\b.* RETURN \(", "LIST-EXTENDED LIST-STATUS SPECIAL-USE"),
    (r"^LIST \(", "LIST-EXTENDED"),
    (r"^IDLE$", "IDLE"),
    (r"^ENABLE\b", "ENABLE"),
    (r"^UNSELECT\b", "UNSELECT"),
    (r"^NAMESPACE\b", "NAMESPACE"),
    (r"^NOTIFY\b", "NOTIFY"),
    (r"^XLIST\b", "XLIST"),
    (r"^ID\b", "ID"),
    (r"^STARTTLS\b", "STARTTLS"),
    (r"^COMPRESS\b", "COMPRESS=DEFLATE"),
    (r"^(SELECT|EXAMINE)\b.*\(QRESYNC\b", "QRESYNC"),
    (r"^(SELECT|EXAMINE)\b.*\(CONDSTORE\b", "CONDSTORE QRESYNC"),
    (r"^UID FETCH\b.*\b(MODSEQ|CHANGEDSINCE)\b", "CONDSTORE QRESYNC"),
    (r"^UID STORE\b.*\bUNCHANGEDSINCE\b", "CONDSTORE QRESYNC"),
    (r"^STATUS\b.*\bHIGHESTMODSEQ\b", "CONDSTORE QRESYNC"),
    (r"^AUTHENTICATE PLAIN .", "SASL-IR"),
    (r"^AUTHENTICATE PLAIN\b", "AUTH=PLAIN"),
    (r"^AUTHENTICATE LOGIN\b", "AUTH=LOGIN"),
]]

NEVER = [(re.compile(pattern, re.IGNORECASE), why) for pattern, why in [
    (r"^(FETCH|STORE|COPY|MOVE|SEARCH|SORT|THREAD)\b", "messages named by number"),
    (r"^CLOSE\b", "CLOSE"),
    (r"\{\d+\+\}(\r\n|$)", "a literal that was not asked for"),
    (r"^UID STORE\b.*\.SILENT\b", "a silent STORE"),
]]

# The arguments of a command, by their tokens: section, string, literal's announcement, atom (with what sets, patterns and flags have).
TOKEN = re.compile(r'''BODY(?:\.PEEK)?\[(?:[^]"]|"[^"]*")*\](?:<\d+\.\d+>)?|"(?:[^"\\\r\n\0\x80-\xff]|\\["\\])*"|~?\{\d+\+?\}|'''
                   r"\\?[!#-'*-\[\]-z|}~]+|\\\*", re.IGNORECASE)
LIST = re.compile(r"\((a( a)*)?\)")
ARGUMENTS = re.compile(r"a( a)*$")

CUT = 100_000  # characters of a longer line are not seen

CAPABILITY = re.compile(r"(?:^\* |\[)CAPABILITY ([^\]]*)", re.IGNORECASE)


class UpstreamRules:
    def __init__(self):
        self.announced = set()
        self.account = None
        self.logged_in = False
        self.encrypted = False  # after STARTTLS or COMPRESS there is nothing to read any more
        self.selected = None
        self._login_tag = self._auth = None
        self._announced_since_login = False
        self._open = {}  # tag -> command
        self._idle_tag = None
        self._idle_confirmed = False

    # --- towards the server

    def command(self, text):
        """Returns the faults of a command."""
        if self._auth is not None:
            self._auth_line(text)
            return []
        if self._idle_tag is not None:
            return self._inside_idle(text)
        tag, _, rest = text.partition(" ")
        self._open[tag] = rest
        faults = ["not announced: " + "/".join(words) for pattern, words in NEEDS
                  if pattern.search(rest) and not self.announced.intersection(words)]
        faults += ["must never be sent: " + why for pattern, why in NEVER if pattern.search(rest)]
        if rest and len(text) < CUT and not well_formed(rest):  # without `rest`: a line of AUTHENTICATE
            faults.append("malformed")
        word = rest.split(" ")[0].upper()
        if word == "LOGIN" and "LOGINDISABLED" in self.announced:
            faults.append("LOGIN under LOGINDISABLED")
        if word == "STATUS" and self.selected is not None and _mailbox(rest) == self.selected:
            faults.append("STATUS of the selected mailbox")
        if word == "IDLE":
            self._idle_tag, self._idle_confirmed = tag, False
        if word in ("LOGIN", "AUTHENTICATE"):
            self._login(tag, rest, word)
        return faults

    def _inside_idle(self, text):
        if text.upper() != "DONE":
            return ["a command inside IDLE"]
        confirmed, self._idle_tag = self._idle_confirmed, None
        return [] if confirmed else ["DONE before the server's +"]

    def _login(self, tag, rest, word):
        self._login_tag, self._announced_since_login = tag, False
        arguments = rest.split(" ")
        if word == "LOGIN":
            try:
                self.account = parse(rest.encode("latin-1"))[1].decode("latin-1")
            except (ValueError, StopIteration):
                self.account = "?"
        elif len(arguments) > 2:
            self._auth_mechanism = arguments[1].upper()
            self._auth_line(arguments[2])
        else:
            self._auth_mechanism = arguments[1].upper()
            self._auth = tag

    def _auth_line(self, text):
        if self.account is None:
            try:
                decoded = base64.b64decode(text).decode("latin-1")
            except (binascii.Error, ValueError):
                decoded = "?"
            self.account = _account_of(decoded)
        if self._auth_mechanism == "PLAIN":
            self._auth = None

    def without_secret(self, text):
        return re.sub(r"(?i)^(\S+ LOGIN \S+) .*", r"\1 ...", text)

    # --- from the server

    def answer(self, text):
        found = CAPABILITY.search(text)
        if found:
            self.announced = set(found.group(1).upper().split())
            self._announced_since_login = True
        if text.startswith("+"):
            self._idle_confirmed = True
            return []
        tag, _, rest = text.partition(" ")
        if tag in self._open:
            self._answered(tag, self._open.pop(tag), rest[:2].upper() == "OK")
        return []

    def _answered(self, tag, command, ok):
        if tag == self._login_tag:
            self._auth, self.logged_in = None, ok
            if ok and not self._announced_since_login:
                self.announced = set()
            if not ok:
                self.account = None
        if tag == self._idle_tag:
            self._idle_tag = None
        word = command.split(" ")[0].upper()
        if word in ("STARTTLS", "COMPRESS") and ok:
            self.encrypted = True
        if word in ("SELECT", "EXAMINE"):
            self.selected = _mailbox(command) if ok else None
        elif word in ("UNSELECT", "RENAME"):
            self.selected = None


def well_formed(command):
    """One space between two arguments or elements of a list, none elsewhere, and no octet where it may not stand."""
    text, before = TOKEN.sub("a", command), None
    while text != before:
        text, before = LIST.sub("a", text), text
    return ARGUMENTS.match(text) is not None


def _mailbox(command):
    """The first argument, if it is not a literal."""
    try:
        name = parse(command.encode("latin-1"))[1]
    except (ValueError, IndexError, StopIteration, RuntimeError):
        return None
    return b"INBOX" if name and name.upper() == b"INBOX" else name


def _account_of(message):
    """Whose account a SASL message opens: PLAIN's, where somebody may act as another, or a user name alone."""
    parts = message.split("\0")
    if len(parts) < 3:
        return message
    return parts[1] if parts[0] in ("", parts[1]) else "%s as %s" % (parts[1], parts[0])
