"""The same script, to the server itself and through imapmux: the answers are the same, those of FETCH to the octet.

What may differ is left out of the comparison: the order of LIST answers, how FETCH items are spread over lines, texts, the
order of expunges, whether a string is quoted or a literal, and what belongs to one session or one mailbox (RECENT, UIDVALIDITY, modification sequences).
"""
from imap_client import Literal, Literal8
from messages import SHAPES
from scenario import MATRIX, Skip, scenario

VARIANTS = ("full", "no-condstore", "bare")
CODES = ("READ-ONLY", "READ-WRITE", "TRYCREATE", "NONEXISTENT", "ALREADYEXISTS", "BADCHARSET", "CANNOT", "BADURL", "UNKNOWN-CTE")
LOCAL = {b"UIDVALIDITY", b"HIGHESTMODSEQ", b"RECENT"}
# Not asked where the server itself answers wrongly: Courier finds nothing under * if it is above the last message, reads no range
# backwards, no list of flags without parentheses, knows no UNSELECT, and does not show what it was just given; Cyrus ends at a RENAME of INBOX.
ODD = {
    "courier": ["FETCH *:5 UID", "UID FETCH 100:* FLAGS", "UID FETCH 7:3 FLAGS", "STORE 2 +FLAGS \\Answered \\Draft", "UNSELECT",
                "FETCH 1:* (UID FLAGS RFC822.SIZE)"]
    + [kind + keys for kind in ("SEARCH ", "UID SEARCH ") for keys in ("*", "1,3:5,*", "UID 100:*", "UID *")],
    "cyrus": ["RENAME INBOX Old"],
}
# Courier tells EXISTS where it likes, without an arrival too.
EXISTS_ANYWHERE = ("courier",)


def plain(value):
    """Tokens as comparable values: atoms and strings alike, names in capitals left as they are."""
    if isinstance(value, list):
        return tuple(plain(part) for part in value)
    return None if value is None else bytes(value)


def answers(result):
    """The untagged data of a result in a form that can be compared."""
    fetched, others = {}, []
    removed = originals([response.number for response in result.of("EXPUNGE")])
    for response in result.untagged:
        if response.status is not None or response.name in (b"RECENT", b"CAPABILITY", b"FLAGS", b"EXPUNGE"):
            continue
        if response.name == b"FETCH":
            items, written = fetched.setdefault(response.number, {}), response.items_as_written()
            for name, value in response.fetch_items().items():
                if name == b"FLAGS":
                    written[name] = sorted(flag for flag in value if flag.upper() != b"\\RECENT")
                if name != b"MODSEQ":
                    items[name.replace(b'"', b"")] = written[name]
        elif response.name == b"STATUS":
            pairs = zip(response.data[1][::2], response.data[1][1::2])
            others.append((b"STATUS", plain(response.data[0]), tuple(sorted(
                (bytes(name).upper(), bytes(value)) for name, value in pairs if bytes(name).upper() not in LOCAL))))
        elif response.name in (b"LIST", b"LSUB"):
            marks = sorted({flag.upper() for flag in plain(response.data[0])} - {b"\\MARKED", b"\\UNMARKED"})
            others.append((response.name, tuple(marks), *plain(response.data[1:])))
        elif response.name == b"ESEARCH":
            others.append((response.name, *plain(response.data[1:])))
        else:
            others.append((response.name, response.number, *plain(response.data)))
    return fetched, removed, sorted(others, key=repr)


def originals(numbers):
    """EXPUNGE numbers, in whatever order they were told, as the numbers that the messages had before."""
    gone = []
    for number in numbers:
        for earlier in sorted(gone):
            if earlier <= number:
                number += 1
        gone.append(number)
    return sorted(gone)


def sensible(s, script):
    return [command for command in script if command not in ODD.get(s.variant, ())]


def play(client, script):
    played = []
    for command in script:
        parts = command if isinstance(command, tuple) else (command,)
        result = client.command(*parts)
        code = result.code_name if result.code_name in CODES else None
        played.append((result.status, code, *answers(result)))
    return played


def without_exists(answer):
    status, code, fetched, removed, others = answer
    return status, code, fetched, removed, [other for other in others if other[0] != b"EXISTS"]


def compare(s, script, direct, through):
    faults = []
    if s.variant in EXISTS_ANYWHERE:
        direct, through = map(without_exists, direct), map(without_exists, through)
    for command, first, second in zip(script, direct, through):
        if first[0] != second[0] and {first[0], second[0]} != {"NO", "BAD"}:
            faults.append("%r: direct %s, through imapmux %s" % (command, first[0], second[0]))
        elif not same(command, first[1:], second[1:]) and first[0] == "OK":
            faults.append("%r:\n  direct  %r\n  through %r" % (command, first[1:], second[1:]))
    assert not faults, "%d of %d answers differ:\n%s" % (len(faults), len(script), "\n".join(faults[:6]))


def same(command, first, second):
    if ".SILENT" in command:  # Cyrus answers all the same
        return all(first[1].get(number) == items for number, items in second[1].items())
    if "STORE" in command:  # imapmux answers for every message, Dovecot for those that changed
        return all(second[1].get(number) == items for number, items in first[1].items())
    return first == second


def reading(s, script, mailbox="INBOX", prepare=None):
    """A script that changes nothing: first direct, then through imapmux, on the same mailbox."""
    script = sensible(s, script)
    client = s.direct(name="same", tracked=False)
    if prepare:
        prepare(client)
    client.select(mailbox)
    direct = play(client, script)
    client.logout()
    s.start_imapmux()
    client = s.client(name="same", select=mailbox)
    compare(s, script, direct, play(client, script))


def shapes(client):
    for number, message in enumerate(SHAPES):
        client.ok('APPEND INBOX %s "%02d-Nov-2026 08:30:00 +0200" ' % (
            ("()", "(\\Seen)", "(\\Flagged $Label1)", "(\\Answered \\Draft)", "(\\Deleted)", "(custom)", "()")[number],
            number + 1), Literal(message))


ITEMS = [
    "ALL", "FAST", "FULL", "BODY", "BODYSTRUCTURE", "ENVELOPE", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "UID",
    "RFC822.HEADER", "(RFC822.SIZE BODYSTRUCTURE ENVELOPE UID)", "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]",
    "BODY.PEEK[1]", "BODY.PEEK[1.MIME]", "BODY.PEEK[1.1]", "BODY.PEEK[1.2.MIME]", "BODY.PEEK[2]", "BODY.PEEK[2.MIME]",
    "BODY.PEEK[3]", "BODY.PEEK[3.HEADER]", "BODY.PEEK[3.TEXT]", "BODY.PEEK[3.1]", "BODY.PEEK[3.2.MIME]",
    "BODY.PEEK[3.HEADER.FIELDS (SUBJECT)]", "BODY.PEEK[9.9]", "BODY.PEEK[HEADER.FIELDS (Subject X-Long From)]",
    "BODY.PEEK[HEADER.FIELDS (NoSuch)]", "BODY.PEEK[HEADER.FIELDS.NOT (Subject From)]", "BODY.PEEK[]<0.10>",
    "BODY.PEEK[]<5.100000>", "BODY.PEEK[]<1000000.10>", "BODY.PEEK[TEXT]<3.7>", "BODY.PEEK[1.1]<0.4>",
    "(FLAGS BODY.PEEK[HEADER.FIELDS (DATE)] BODY.PEEK[TEXT]<0.20> UID)", "(UID UID FLAGS FLAGS)",
    "(BODY.PEEK[1] BODY.PEEK[2] BODY.PEEK[3])", "body.peek[header.fields (subject)]", "(flags uid)",
    'BODY.PEEK[HEADER.FIELDS ("Subject" "X-Id")]',
]
# By what the server must announce.
MORE_ITEMS = {
    "PREVIEW": ["PREVIEW", "(PREVIEW)", "PREVIEW (LAZY)", "(UID PREVIEW (LAZY) FLAGS)", "(PREVIEW UID RFC822.SIZE)"],
    "SAVEDATE": ["SAVEDATE", "(UID SAVEDATE INTERNALDATE)"],
    "BINARY": ["BINARY.PEEK[1]", "BINARY.PEEK[]", "BINARY.SIZE[1]", "BINARY.PEEK[1]<3.10>", "(UID BINARY.PEEK[2] BINARY.SIZE[2])",
               "BINARY.PEEK[1.1]", "(BINARY.SIZE[1] BODY.PEEK[1] BINARY.PEEK[1])", "BINARY.PEEK[9]", "binary.peek[3]<0.1000000>"],
}


@scenario(variants=VARIANTS, start=False)
def every_fetch_item(s):
    script = []
    for number, items in enumerate(ITEMS):
        script += ["FETCH 1:* " + items, "UID FETCH %d:* %s" % (1 + number % 3, items), "FETCH %d %s" % (1 + number % 7, items)]
    script += ["FETCH 2:4,7 (FLAGS UID)", "FETCH *:5 UID", "FETCH *,1 UID", "UID FETCH 100:200 FLAGS", "UID FETCH * FLAGS",
               "UID FETCH 100:* FLAGS", "UID FETCH 7:3 FLAGS", "FETCH 1,1,1 UID", "UID FETCH 1,3,5,99 (FLAGS)"]
    reading(s, script, prepare=shapes)


@scenario(variants=MATRIX, start=False)
def items_of_extensions(s):
    asker = s.direct(name="asker", tracked=False)
    offered = asker.capabilities()
    asker.logout()
    items = [item for word, items in MORE_ITEMS.items() if word in offered for item in items]
    if not items:
        raise Skip("the server has none of " + ", ".join(MORE_ITEMS))
    reading(s, [kind + item for item in items for kind in ("FETCH 1:* ", "UID FETCH 2,5 ")], prepare=shapes)


SEARCHES = [
    "ALL", "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN", "UNANSWERED", "UNDELETED", "UNDRAFT", "UNFLAGGED", "UNSEEN",
    "RECENT", "NEW", "OLD", "KEYWORD $Label1", "KEYWORD custom", "KEYWORD NoSuch", "UNKEYWORD $Label1", "BEFORE 3-Nov-2026",
    "ON 3-Nov-2026", 'SINCE "03-Nov-2026"', "SENTBEFORE 3-Nov-2026", "SENTON 3-Nov-2026", "SENTSINCE 4-Nov-2026",
    "LARGER 300", "SMALLER 300", "FROM jane", 'FROM "Doe, Jane"', "TO receiver", "CC undisclosed", "BCC hidden",
    'SUBJECT "plain words"', "SUBJECT NIL", 'SUBJECT "NIL"', "BODY apple", "TEXT apple", 'TEXT "jane@"', "HEADER X-Id plain",
    'HEADER X-Id ""', 'HEADER "Message-ID" multi', "1", "2:4", "*", "1,3:5,*", "UID 2:3", "UID 100:*", "UID *", "NOT SEEN",
    "NOT 1:3", "NOT (SEEN 1:3)", "OR SEEN FLAGGED", "OR (1:2 SEEN) (3:* NOT FLAGGED)", "OR OR 1 2 3", "NOT NOT NOT 2",
    "(1:5 (2:4 (3)))", "UNSEEN UNDELETED SUBJECT a", "ALL ALL ALL", "CHARSET UTF-8 ALL", 'CHARSET US-ASCII SUBJECT "plain"',
    "CHARSET NOSUCH ALL", "seen", "or seen not 2:*", "OR UID 1 UID 2", "1:3 UID 2:9", "SENTSINCE 1-Jan-1990 BEFORE 1-Jan-2030",
]


@scenario(variants=VARIANTS, start=False)
def every_search_key(s):
    script = ["SEARCH " + keys for keys in SEARCHES] + ["UID SEARCH " + keys for keys in SEARCHES]
    script += [("SEARCH CHARSET UTF-8 SUBJECT ", Literal("ä".encode())), ("SEARCH CHARSET UTF-8 TEXT ", Literal("ä".encode())),
               ("UID SEARCH OR SUBJECT ", Literal(b"plain"), " FROM ", Literal(b"NIL"))]
    # One has gone and one has come, so that numbers and UIDs differ.
    def prepare(client):
        shapes(client)
        client.select("INBOX")
        client.ok("STORE 4 +FLAGS (\\Deleted)")
        client.ok("UID STORE 5 -FLAGS (\\Deleted)")
        client.ok("EXPUNGE")
        client.ok("APPEND INBOX ", Literal(SHAPES[0]))
    reading(s, script, prepare=prepare)


LISTINGS = [
    'LIST "" ""', 'LIST "" *', 'LIST "" %', 'LIST "" "%/%"', 'LIST "A" "*"', 'LIST "A/" "%"', 'LIST "" "A/B"', 'LIST "" NoSuch',
    'LIST "" INBOX', 'LIST "" inbox', 'LSUB "" *', 'LSUB "" %', 'LSUB "" "A/%"', 'LIST "" "NIL"', 'LIST "" "with space"', "NAMESPACE",
    "STATUS A (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)", "STATUS A/B (MESSAGES)", "STATUS NoSuch (MESSAGES)",
    'STATUS "with space" (UNSEEN MESSAGES)', "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)",
]
EXTENDED = [
    'LIST (SUBSCRIBED) "" *', 'LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"', 'LIST (REMOTE) "" *', 'LIST "" (INBOX A/% "NIL")',
    'LIST "" * RETURN (CHILDREN)', 'LIST "" * RETURN (SUBSCRIBED)', 'LIST "" % RETURN (SUBSCRIBED CHILDREN)',
    'LIST "" * RETURN (SPECIAL-USE)', 'LIST (SPECIAL-USE) "" *', 'LIST (SPECIAL-USE) "" * RETURN (SPECIAL-USE CHILDREN)',
    'LIST "" * RETURN (STATUS (MESSAGES UNSEEN))', 'LIST "" (A INBOX) RETURN (STATUS (MESSAGES UIDNEXT) CHILDREN)',
    'LIST (SUBSCRIBED) "" * RETURN (STATUS (MESSAGES) SPECIAL-USE)', 'LIST "" ()', 'LIST () "" *', 'LIST "" * RETURN ()',
]


@scenario(variants=MATRIX, start=False)
def listings(s):
    def prepare(client):
        for name in ("A", "A/B", "A/B/C", "Sent", "Trash", '"NIL"', '"with space"', "&AOQ-"):
            client.ok("CREATE " + name)
        for name in ("A/B", "Sent", '"with space"', "Gone"):
            client.command("SUBSCRIBE " + name)
        client.ok("APPEND A ", Literal(SHAPES[0]))
        client.ok("APPEND A (\\Seen) ", Literal(SHAPES[1]))
        client.ok("APPEND INBOX ", Literal(SHAPES[0]))
    reading(s, LISTINGS + EXTENDED, prepare=prepare)


CHANGES = [
    "CREATE Work", "CREATE Work", "CREATE Work/Sub", 'CREATE "Trailing/"', "CREATE INBOX", 'CREATE ""', "SUBSCRIBE Work",
    "UNSUBSCRIBE Work", "UNSUBSCRIBE Never", "SUBSCRIBE Work/Sub", "RENAME Work/Sub Work/Other", "RENAME NoSuch New",
    'LIST "" *', 'LSUB "" *', "SELECT INBOX",
    "STORE 1 +FLAGS (\\Seen)", "STORE 1:3 -FLAGS (\\Seen)", "STORE 2 FLAGS (\\Flagged $Label2)", "STORE 3 FLAGS ()",
    "STORE 2 +FLAGS \\Answered", "STORE 2 +FLAGS \\Answered \\Draft", "STORE 1:2 +FLAGS.SILENT (\\Seen)", "FETCH 1:* FLAGS",
    "UID STORE 4:5 +FLAGS (\\Deleted)", "UID STORE 99 +FLAGS (\\Deleted)", "UID STORE 1:* -FLAGS.SILENT (\\Draft)",
    "STORE 1 FLAGS.SILENT (\\Seen \\Seen)", "FETCH 1:* (UID FLAGS)", "COPY 1:2 Work", "UID COPY 3 Work", "COPY 1 NoSuch",
    "UID COPY 99 Work", "COPY 1 INBOX", "NOOP", "FETCH 1:* (UID FLAGS)", "EXPUNGE", "FETCH 1:* (UID FLAGS)", "CHECK",
    "FETCH 1 BODY[TEXT]", "FETCH 2 RFC822", "FETCH 2 RFC822.TEXT", "FETCH 3 BODY[1]", "UID FETCH 2 (BODY[] FLAGS)", "FETCH 1:* FLAGS",
    "STORE 1 +FLAGS (\\Deleted)", "CLOSE", "FETCH 1 FLAGS", "EXAMINE INBOX", "FETCH 1:* (UID FLAGS)", "FETCH 1 BODY[]", "FETCH 1:* FLAGS",
    "CLOSE", "SELECT Work", "FETCH 1:* (UID FLAGS)", "STORE 1:* +FLAGS.SILENT (\\Deleted)",
    "EXPUNGE", "SELECT NoSuch", "NOOP", "DELETE Work/Other", "DELETE NoSuch", "DELETE INBOX", "SELECT INBOX",
    ("APPEND INBOX (\\Seen custom) \" 1-Jan-2026 00:00:00 +0000\" ", Literal(SHAPES[1])), ("APPEND NoSuch ", Literal(SHAPES[1])),
    ("APPEND INBOX ", Literal(b"x")), "FETCH 1:* (UID FLAGS RFC822.SIZE)", "UNSELECT", "RENAME INBOX Old", "NOOP", "SELECT Old",
    "FETCH 1:* (UID FLAGS)", "SEARCH SEEN", "UNSELECT", 'LIST "" *',
]


@scenario(variants=VARIANTS, users=2)
def every_change(s):
    results, script = [], sensible(s, CHANGES)
    for user, make in (("u1", s.direct), ("u2", s.client)):
        client = make(user, name="same", tracked=make != s.direct)
        shapes(client)
        results.append(play(client, script))
        client.logout()
    compare(s, script, *results)


UPLOADS = {
    "MULTIAPPEND": [
        ("APPEND INBOX (\\Seen) ", Literal(SHAPES[0]), " (\\Flagged kept) \" 1-Jan-2026 00:00:00 +0000\" ", Literal(SHAPES[1])),
        ("APPEND Nowhere ", Literal(SHAPES[0]), " ", Literal(SHAPES[1])),
        "FETCH 8:* (UID FLAGS RFC822.SIZE BODY.PEEK[])"],
    "CATENATE": [
        ("APPEND INBOX CATENATE (URL ;UID=1/;SECTION=HEADER TEXT ", Literal(b"another text\r\n"), ")"),
        ('APPEND INBOX (\\Draft) CATENATE (URL "/INBOX/;UID=2" URL "/INBOX/;UID=3/;section=1" TEXT ', Literal(b"end\r\n"), ")"),
        'APPEND INBOX CATENATE (URL "/INBOX/;UID=1")', 'APPEND INBOX CATENATE (URL "/INBOX/;UID=999")',
        'APPEND INBOX CATENATE (URL "/Nowhere/;UID=1")', 'APPEND INBOX CATENATE (URL "http://example.org/")',
        ("APPEND INBOX CATENATE (TEXT ", Literal(b"From: a@b.c\r\n\r\n"), " TEXT ", Literal(b"x\r\n"), ")"),
        "FETCH 8:* (UID FLAGS RFC822.SIZE BODY.PEEK[])"],
    "BINARY": [
        ("APPEND INBOX ", Literal8(b"From: a@b.c\r\nContent-Type: application/octet-stream\r\n"
                                  b"Content-Transfer-Encoding: binary\r\nMIME-Version: 1.0\r\n\r\na\0b\xff\r\n")),
        "FETCH * (BINARY.PEEK[1] BINARY.SIZE[1])", "FETCH 1 BINARY[1]", "FETCH 1 FLAGS"],
}


@scenario(users=2)
def uploads(s):
    """Each kind where the server has it; UIDs are the same in both mailboxes."""
    results, script = [], []
    for user, make in (("u1", s.direct), ("u2", s.client)):
        client = make(user, name="same", tracked=make != s.direct)
        if not script:
            offered = client.capabilities()
            script = [command for word, commands in UPLOADS.items() if word in offered for command in commands]
        shapes(client)
        client.select("INBOX")
        results.append(play(client, script))
        client.logout()
    compare(s, script, *results)


@scenario(variants=("full",), users=2)
def moves(s):
    script = ["CREATE Work", "SELECT INBOX", "MOVE 2 Work", "UID MOVE 1,4 Work", "FETCH 1:* (UID FLAGS)", "MOVE 1 NoSuch",
              "UID MOVE 99 Work", "NOOP", "UID EXPUNGE 5", "FETCH 1:* (UID FLAGS)", "SELECT Work", "FETCH 1:* (UID FLAGS RFC822.SIZE)"]
    results = []
    for user, make in (("u1", s.direct), ("u2", s.client)):
        client = make(user, name="same", tracked=make != s.direct)
        shapes(client)
        results.append(play(client, script))
        client.logout()
    compare(s, script, *results)


# --- SORT and THREAD

SORTS = ["SORT (%s) UTF-8 %s" % (criteria, keys) for criteria in (
    "ARRIVAL", "DATE", "FROM", "SUBJECT", "SIZE", "TO", "CC", "REVERSE DATE", "reverse subject size", "REVERSE SIZE REVERSE ARRIVAL",
    "DISPLAYFROM", "REVERSE DISPLAYTO ARRIVAL") for keys in ("ALL", "2:4", "OR SEEN 1", "KEYWORD none", "UID 2:3")]
SORTS += ["SORT RETURN (%s) (REVERSE ARRIVAL) UTF-8 %s" % (options, keys) for options in (
    "MIN", "MAX", "MIN MAX COUNT", "COUNT", "") for keys in ("ALL", "3:*", "KEYWORD none")]
THREADS = ["THREAD %s UTF-8 %s" % (algorithm, keys) for algorithm in ("REFERENCES", "ORDEREDSUBJECT")
           for keys in ("ALL", "1,3:5", "UNSEEN", "KEYWORD none", "NOT 2")]
BAD = ["SORT (NOSUCH) UTF-8 ALL", "SORT () UTF-8 ALL", "SORT (DATE) ALL", "SORT (REVERSE) UTF-8 ALL", "THREAD NOSUCH UTF-8 ALL", "THREAD REFERENCES ALL",
       "SORT (DATE) NOSUCH TEXT x"]


def conversation(client):
    """A thread that branches, one without its first message, and one that has lost some in the middle."""
    for identity, subject, references in (
            ("a", "lunch", ""), ("b", "Re: lunch", "a"), ("c", "Re: lunch", "a b"), ("d", "Re: lunch", "a"), ("e", "dinner", "x"),
            ("f", "Re: dinner", "x"), ("g", "other", ""), ("h", "Re: lunch", "a b c"), ("i", "Re: lunch", "a b c")):
        message = "From: %s <%s@example.org>\r\nTo: z%s@example.org\r\nSubject: %s\r\nMessage-ID: <%s@x>\r\n" % (
            identity, identity, identity, subject, identity)
        message += "References: %s\r\n" % " ".join("<%s@x>" % name for name in references.split()) if references else ""
        client.ok('APPEND INBOX " 1-Nov-2026 08:%02d:00 +0000" ' % (59 - ord(identity) % 13),
                  Literal((message + "Date: Mon, 02 Nov 2026 10:%02d:00 +0000\r\n\r\n%s\r\n" % (ord(identity) % 20, identity * 9)).encode()))


@scenario(variants=("full",), start=False)
def sorted_and_threaded(s):
    def prepare(client):
        shapes(client)
        conversation(client)
        client.select("INBOX")
        client.ok("STORE 3,9 +FLAGS (\\Deleted)")
        client.ok("EXPUNGE")
    script = SORTS + THREADS + BAD
    reading(s, script + ["UID " + command for command in script], prepare=prepare)


# Cyrus answers MIN and MAX by number, not in the order asked for.
ODD.setdefault("cyrus", []).extend(uid + command for command in SORTS if "MIN" in command or "MAX" in command for uid in ("", "UID "))
