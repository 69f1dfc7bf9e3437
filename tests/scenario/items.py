"""FETCH items and SEARCH keys of extensions: offered where the server has them, and told of the right message."""
import base64
import random
import re
import threading

from imap_client import make_message
from scenario import scenario
from scripted_upstream import FULL, Mailbox, ScriptedUpstream


class Items(ScriptedUpstream):
    """Has every item that imapmux knows; each tells of its own message."""
    ITEM = re.compile(r"PREVIEW(?: \(LAZY\))?|[A-Z-]+")
    words = "OBJECTID PREVIEW SAVEDATE X-GM-EXT-1"

    def __init__(self, **habits):
        super().__init__(capabilities=FULL + " " + self.words, **habits)

    def value(self, message, item):
        return {"PREVIEW": b'"of %s"' % message.identity.encode(), "PREVIEW (LAZY)": b"NIL",
                "SAVEDATE": b'"%02d-Nov-2026 08:00:00 +0000"' % message.uid}.get(item)

    def items(self, message, wanted):
        found = super().items(message, wanted)
        for item in self.ITEM.findall(wanted):
            value = self.value(message, item)
            if value is not None:
                found.append((item.partition(" ")[0], value))
        return found


class Objects(Items):
    """Mailboxes, messages and threads have ids; SELECT and CREATE tell those of mailboxes."""

    def line(self, text):
        text = text if isinstance(text, str) else text.decode("latin-1")
        if "[UIDVALIDITY " in text:
            super().line("* OK [MAILBOXID (F%s)] its id" % self.opening)
        super().line(text)

    def do_select(self, tag, rest, read_only=False):
        self.opening = rest.split(" ")[1].strip('"')
        super().do_select(tag, rest, read_only)

    def do_create(self, tag, rest):
        name = rest.split(" ")[1].strip('"')
        self.mailboxes[name] = Mailbox()
        super().line("%s OK [MAILBOXID (F%s)] created" % (tag, name))

    def do_status(self, tag, rest):
        name = rest.split(" ")[1].strip('"')
        super().line("* STATUS %s (MAILBOXID (F%s) MESSAGES %d)" % (name, name, len(self.mailboxes[name].messages)))
        self.ok(tag)

    def value(self, message, item):
        return {"EMAILID": b"(M%s)" % message.identity.encode(), "THREADID": b"(T1)" if message.uid % 2 else b"NIL"}.get(item)

    def do_uid_search(self, tag, rest):
        wanted = re.search(r"EMAILID M(\w+)$", rest)
        if not wanted:
            super().do_uid_search(tag, rest)
            return
        found = [message.uid for message in self.selected.messages if message.identity == wanted.group(1)]
        if "RETURN" in rest:
            super().line('* ESEARCH (TAG "%s") UID%s' % (tag, "".join(" ALL %d" % uid for uid in found)))
        else:
            super().line("* SEARCH" + "".join(" %d" % uid for uid in found))
        self.ok(tag)


@scenario(upstream=lambda s: Objects())
def ids_of_mailboxes_messages_and_threads(s):
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second")
    assert "OBJECTID" in second.capabilities()
    assert [response.code for response in second.select("Work").untagged if response.code and response.code[0] == "MAILBOXID"] == [
        ("MAILBOXID", "(FWork)")]
    assert second.ok("CREATE New").code == ("MAILBOXID", "(FNew)")
    # Of the selected mailbox, and of others, whoever asks.
    for client in (first, second):
        for name in ("INBOX", "Work", "New"):
            status = client.ok("STATUS %s (MAILBOXID MESSAGES)" % name).of("STATUS")[0].data[1]
            assert bytes(status[1][0]).decode() == "F" + name and int(status[3]) == (5 if name == "INBOX" else 0), status
    third = s.client(name="third", select="INBOX", learn=True)
    third.ok("STORE 2 +FLAGS (\\Deleted)")
    third.ok("EXPUNGE")
    for client, number in ((first, 4), (third, 3)):
        items = told(client, "FETCH %d (EMAILID THREADID)" % number)[number]
        assert bytes(items[b"EMAILID"][0]) == b"Mm4" and items[b"THREADID"] is None, items
    assert third.ok("SEARCH EMAILID Mm4").numbers() == [3]
    assert third.ok("UID SEARCH EMAILID Mm2").numbers() == []


class Labels(Items):
    """What a mailbox of X-GM-EXT-1 tells."""

    def value(self, message, item):
        labels = getattr(message, "labels", [])
        return {"X-GM-MSGID": b"%d" % (2 ** 60 + message.uid), "X-GM-THRID": b"1278455344230334865",
                "X-GM-LABELS": b"(%s)" % " ".join(labels).encode()}.get(item)

    def do_uid_store(self, tag, rest):
        match = re.match(r"UID STORE (\S+) ([+-]?)X-GM-LABELS \((.*)\)$", rest)
        if not match:
            super().do_uid_store(tag, rest)
            return
        labels = re.findall(r'"[^"]*"|[^ ]+', match.group(3))
        for message in self.uids(match.group(1)):
            old = getattr(message, "labels", [])
            message.labels = labels if not match.group(2) else [label for label in old if label not in labels] + (
                labels if match.group(2) == "+" else [])
        self.ok(tag)


@scenario(upstream=lambda s: Labels())
def labels_are_of_the_clients_own_message(s):
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    second.ok("STORE 2 +FLAGS (\\Deleted)")
    second.ok("EXPUNGE")
    result = first.ok('STORE 3:4 +X-GM-LABELS (\\Inbox "two words")')
    assert {response.number: [bytes(label) for label in response.fetch_items()[b"X-GM-LABELS"]]
            for response in result.of("FETCH")} == {3: [b"\\Inbox", b"two words"], 4: [b"\\Inbox", b"two words"]}, result
    second.ok("STORE 2 -X-GM-LABELS.SILENT (\\Inbox)")
    answers = told(second, "FETCH 1:4 (X-GM-LABELS X-GM-MSGID X-GM-THRID)")
    assert [[bytes(label) for label in answers[number][b"X-GM-LABELS"]] for number in (1, 2, 3, 4)] == [
        [], [b"two words"], [b"\\Inbox", b"two words"], []], answers
    assert [int(answers[number][b"X-GM-MSGID"]) - 2 ** 60 for number in (1, 2, 3, 4)] == [1, 3, 4, 5], answers
    assert [message.identity for message in s.upstream.mailboxes["INBOX"].messages if getattr(message, "labels", [])] == ["m3", "m4"]


def told(client, command):
    """{number: {item: value}}"""
    answers = {}
    for response in client.ok(command).of("FETCH"):
        answers.setdefault(response.number, {}).update(response.fetch_items())
    return answers


@scenario(upstream=lambda s: Items())
def each_item_is_of_the_clients_own_message(s):
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    second.ok("STORE 2 +FLAGS (\\Deleted)")
    second.ok("EXPUNGE")
    # The first client still counts the message that has gone; its 4 is the second's 3.
    first.begin("FETCH 3:5 (PREVIEW SAVEDATE)")
    answers = told(second, "FETCH 2:4 (PREVIEW (LAZY) SAVEDATE)")
    assert [answers[number][b"SAVEDATE"][:2] for number in (2, 3, 4)] == [b"03", b"04", b"05"], answers
    assert all(items[b"PREVIEW"] is None for items in answers.values()), answers
    result = first.finish(first.outstanding[0][0])
    answers = {response.number: response.fetch_items() for response in result.of("FETCH") if b"PREVIEW" in response.fetch_items()}
    assert {number: items[b"PREVIEW"] for number, items in answers.items()} == {3: b"of m3", 4: b"of m4", 5: b"of m5"}, answers


class Plain(Items):
    words = ""


@scenario(upstream=lambda s: Plain())
def what_the_server_does_not_announce_is_unknown(s):
    client = s.client(select="INBOX", learn=True)
    for item in ("PREVIEW", "(PREVIEW (LAZY))", "SAVEDATE", "EMAILID", "THREADID", "X-GM-LABELS", "BINARY[1]", "BINARY.SIZE[1]"):
        assert client.command("FETCH 1 " + item).status == "BAD", item
    for key in ("SAVEDON 1-Jan-2026", "SAVEDATESUPPORTED", "EMAILID x", "X-GM-RAW x", "X-GM-MSGID 5"):
        assert client.command("SEARCH " + key).status == "BAD", key
    assert not [command for command in s.upstream.commands if re.search("PREVIEW|SAVE|ID x|X-GM|BINARY", command)]


class Malformed(Items):
    """Tells of the third message what nobody can read."""

    def value(self, message, item):
        good = super().value(message, item)
        return b"(what is this)" if good and message.identity == "m3" else good


@scenario(upstream=lambda s: Malformed())
def a_value_of_another_form_is_no_answer(s):
    client = s.client(select="INBOX", learn=True)
    result = client.command("FETCH 2:4 (PREVIEW)")
    assert result.status == "NO" and {response.number for response in result.of("FETCH")} == {2, 4}, result
    assert client.ok("FETCH 4 PREVIEW").of("FETCH")[0].fetch_items()[b"PREVIEW"] == b"of m4"


@scenario()
def real_servers_tell_of_the_clients_own_message(s):
    first = s.client(name="first")
    offered = first.capabilities()
    for number in range(1, 6):
        first.append("INBOX", make_message("m%d" % number))
    clients = [first] + [s.client(name="c%d" % number) for number in range(3)]
    for client in clients:
        client.select("INBOX")
        client.learn()
    clients[1].ok("STORE 2 +FLAGS (\\Deleted)")
    clients[1].ok("EXPUNGE")
    if "PREVIEW" in offered:
        for client in clients[2:]:
            answers = {response.number: response.fetch_items() for response in client.ok("FETCH 3:5 (PREVIEW)").of("FETCH")}
            texts = {number: bytes(items[b"PREVIEW"]) for number, items in answers.items() if b"PREVIEW" in items}
            assert texts == {number: b"this is m%d" % number for number in (3, 4, 5)}, answers
    if "SAVEDATE" in offered:
        assert clients[1].ok("UID SEARCH SAVEDSINCE 1-Jan-2000").numbers() == [1, 3, 4, 5]


def with_attachment(identity, octets, encoding="base64"):
    body = base64.encodebytes(octets).replace(b"\n", b"\r\n") if encoding == "base64" else octets
    return (b"From: a@example.org\r\nSubject: about %s\r\nX-Id: %s\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nthis is %s\r\n--x\r\n"
            b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: %s\r\n\r\n%s--x--\r\n"
            % (identity, identity, identity, encoding.encode(), body))


@scenario(limit=3, timeout=90)
def a_large_attachment_comes_decoded_and_whole(s):
    """Longer than a piece, and small ones; to several clients at once, octet for octet as from the server."""
    large = random.Random(1).randbytes(3_000_000)
    first = s.client(name="first")
    first.append("INBOX", with_attachment(b"m1", large))
    first.append("INBOX", with_attachment(b"m2", b"small \0 one"))
    first.append("INBOX", with_attachment(b"m3", b"plain text"))
    parts = ("BINARY.PEEK[2]", "(UID BINARY.SIZE[2] BINARY.PEEK[2])", "(BINARY.PEEK[2]<100.2000000> INTERNALDATE)",
             "(BODY.PEEK[2] BINARY.PEEK[2] BINARY.PEEK[1])", "(RFC822.SIZE BINARY.PEEK[2]<0.5>)")
    direct = s.direct(name="direct", tracked=False)
    direct.select("INBOX")
    expected = {item: [response.items_as_written() for response in direct.ok("FETCH 1:3 " + item).of("FETCH")] for item in parts}
    assert expected["BINARY.PEEK[2]"][0][b"BINARY[2]"], "the server knows BINARY"
    faults = []

    def read(client, item):
        client.select("INBOX")
        answers = {}
        for response in client.ok("FETCH 1:3 " + item, timeout=60).of("FETCH"):
            answers.setdefault(response.number, {}).update(response.items_as_written())
        if [answers.get(number) for number in (1, 2, 3)] != expected[item]:
            faults.append("%s: another answer" % item)

    readers = [threading.Thread(target=read, args=(s.client(name="c%d" % index), item)) for index, item in enumerate(parts)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert not faults, faults
    first.select("INBOX")
    assert first.ok("FETCH 1:3 BINARY.SIZE[2]").of("FETCH")[0].fetch_items()[b"BINARY.SIZE[2]"] == b"3000000"
    assert not first.ok("SEARCH SEEN").numbers()
    first.ok("FETCH 2 BINARY[2]")
    assert first.ok("SEARCH SEEN").numbers() == [2]


@scenario()
def an_unknown_encoding_is_told_by_its_code(s):
    client = s.client()
    for number in range(1, 4):
        client.append("INBOX", with_attachment(b"m%d" % number, b"what\r\n", "x-odd" if number == 2 else "base64"))
    client.select("INBOX")
    assert client.command("FETCH 2 BINARY.PEEK[2]").code_name == "UNKNOWN-CTE"
    assert client.command("FETCH 1:3 BINARY.PEEK[2]").code_name == "UNKNOWN-CTE"
    assert client.ok("FETCH 3 BINARY.PEEK[2]").of("FETCH")[0].fetch_items()[b"BINARY[2]"] == b"what\r\n"
