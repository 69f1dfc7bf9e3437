"""Large messages are fetched in pieces: one literal for the client, and the others have their turn between."""
import re
import threading

from imap_client import make_message
from scenario import scenario
from scripted_upstream import ScriptedUpstream

PIECE = 16 * 1024


class Parts(ScriptedUpstream):
    """Gives parts of messages, but: counts `extra` octets too many, gives at most `most` octets of a part, `refuses` parts,
    ignores what part is asked for or where it is to begin, or ends the connection in the middle of the `cut`th part."""
    def __init__(self, extra=0, most=1 << 30, refuses=False, ignores=False, stays=False, cut=0, size=200_000, **habits):
        super().__init__(fill=2, size=size, **habits)
        self.extra, self.most, self.refuses, self.ignores, self.stays, self.cut = extra, most, refuses, ignores, stays, cut
        self.parts = []  # (offset, octets) as they were asked for
        self.given = 0

    def do_uid_fetch(self, tag, rest):
        if self.refuses and re.search(r"\]<", rest):
            self.line("%s NO no parts here" % tag)
        else:
            super().do_uid_fetch(tag, rest)

    def items(self, message, wanted):
        part = re.search(r"\]<(\d+)\.(\d+)>", wanted)
        found = []
        for name, value in super().items(message, wanted):
            if name == "RFC822.SIZE":
                value = b"%d" % (int(value) + self.extra)
            elif name.startswith("BODY[") and part:
                name, value = self.part(name, value.partition(b"\r\n")[2], int(part.group(1)), int(part.group(2)))
            self.given += len(value)
            found.append((name, value))
        return found

    def part(self, name, text, offset, count):
        self.parts.append((offset, count))
        if not self.ignores:
            begin = 0 if self.stays else offset
            text, name = text[begin:begin + min(count, self.most)], "%s<%d>" % (name, offset)
        if self.cut and len(self.parts) == self.cut:
            message = self.selected.messages[-1]
            self.send(b"* %d FETCH (UID %d %s {%d}\r\n%s" % (self.number(message), message.uid, name.encode(), len(text),
                                                            text[:len(text) // 2]))
            self.drop()
        return name, b"{%d}\r\n%s" % (len(text), text)


def parts(**habits):
    return lambda scenario: Parts(**habits)


def body(client, what="BODY.PEEK[]", number=2):
    """The octets of the one FETCH line that has them."""
    name = what.replace(".PEEK", "").encode()
    lines = [response for response in client.ok("FETCH %d (UID %s)" % (number, what)).of("FETCH") if name in response.fetch_items()]
    assert len(lines) == 1 and b"UID" in lines[0].fetch_items(), lines
    return lines[0].fetch_items()[name]


def whole(s):
    return s.upstream.mailboxes["INBOX"].messages[1].body


@scenario(upstream=parts(), settings={"piece_size": "16K"})
def a_server_is_asked_for_each_octet_once(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)
    assert s.upstream.parts == [(offset, PIECE) for offset in range(0, len(whole(s)), PIECE)], s.upstream.parts
    assert s.upstream.given < len(whole(s)) + 500, s.upstream.given


@scenario(upstream=parts(extra=1000), settings={"piece_size": "16K"})
def a_size_that_is_too_large_adds_nothing(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)
    assert s.upstream.parts[-1][0] == len(whole(s)), "no piece behind the end was asked for"


@scenario(upstream=parts(extra=-150_000), settings={"piece_size": "16K"})
def a_size_that_is_too_small_cuts_nothing(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)
    assert body(client, "BODY.PEEK[TEXT]") == whole(s).partition(b"\r\n\r\n")[2]


@scenario(upstream=parts(most=5000), settings={"piece_size": "16K"})
def short_pieces_are_not_the_end(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)
    assert body(client, "BODY.PEEK[TEXT]") == whole(s).partition(b"\r\n\r\n")[2]


@scenario(upstream=parts(refuses=True), settings={"piece_size": "16K"})
def a_server_without_parts_is_asked_for_the_whole(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)


@scenario(upstream=parts(ignores=True), settings={"piece_size": "16K"})
def a_server_that_ignores_parts_is_asked_for_the_whole(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)
    assert len(s.upstream.parts) == 1, s.upstream.parts


@scenario(upstream=parts(stays=True), settings={"piece_size": "16K"})
def a_server_that_gives_the_beginning_for_ever_is_asked_for_the_whole(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)


@scenario(upstream=parts(cut=3), settings={"piece_size": "40K"})
def after_a_lost_line_only_the_rest_is_asked_for(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)
    offsets = [offset for offset, _ in s.upstream.parts]
    assert offsets.count(0) == 1 and offsets[2] == 2 * 40960 and 0 < offsets[3] - offsets[2] <= 20480, offsets


@scenario(upstream=parts(uid_last=True, answers_twice=True), settings={"piece_size": "16K"})
def a_uid_behind_the_piece_and_a_second_answer_do_no_harm(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)


@scenario(upstream=parts(), settings={"piece_size": "0"})
def without_pieces_nothing_is_asked_in_parts_and_no_size(s):
    client = s.client(select="INBOX")
    assert body(client) == whole(s)
    assert not s.upstream.parts
    assert not [text for text in s.relay.commands() if "RFC822.SIZE" in text]


@scenario(upstream=parts(size=1000), settings={"piece_size": "16K"})
def small_messages_cost_no_round_trip_each(s):
    for number in range(60):
        s.upstream.mailboxes["INBOX"].add("n%d" % number, size=1000)
    client = s.client(select="INBOX")
    for number in range(1, 51):
        client.ok("FETCH %d BODY.PEEK[]" % number)
    asked = [text for text in s.relay.commands() if "RFC822.SIZE" in text]
    assert len(asked) == 1, asked


@scenario(variants=("full", "bare"), settings={"piece_size": "16K", "output_memory": "64K"})
def large_messages_are_octet_for_octet_those_of_the_server(s):
    s.deliver("a", "b", "c", size=200_000)
    s.deliver("small")
    asked = ["BODY.PEEK[]", "BODY.PEEK[TEXT]", "BODY.PEEK[1]", "BODY.PEEK[]<1000.50000>", "BODY.PEEK[]<150000.900000>",
             "(FLAGS RFC822.SIZE ENVELOPE BODY.PEEK[HEADER] BODY.PEEK[])", "(BODY.PEEK[]<900000.100000> RFC822.SIZE)",
             "(BODY.PEEK[] BODY.PEEK[9])", "(RFC822 UID)", "RFC822.TEXT", "BODY[]"]
    direct = s.direct(select="INBOX")
    expected = [told(direct.ok("FETCH 1:4 " + what)) for what in asked]
    direct.ok("STORE 1:4 -FLAGS (\\Seen)")
    direct.logout()
    client = s.client(select="INBOX")
    assert [told(client.ok("FETCH 1:4 " + what)) for what in asked] == expected
    assert all("\\Seen" in flags for flags in s.stored().values())
    assert [text for text in s.relay.commands() if "<16384.16384>" in text], "nothing went in pieces"


def told(result):
    """{number: {item: value}} without flags, which a server may tell when it likes."""
    items = {}
    for response in result.of("FETCH"):
        items.setdefault(response.number, {}).update(response.fetch_items())
    return {number: {name: value for name, value in found.items() if name != b"FLAGS"} for number, found in items.items()}


@scenario(settings={"piece_size": "16K"})
def a_body_without_peek_sets_seen_and_the_client_hears_it(s):
    s.deliver("a", "b", size=200_000)
    client, other = s.client(select="INBOX"), s.client(select="INBOX", learn=True)
    client.ok("FETCH 1 BODY[TEXT]")
    assert "\\Seen" in s.stored()["a"] and "\\Seen" not in s.stored()["b"], s.stored()
    other.noop()
    assert "\\Seen" in other.flags_of("a")
    client.ok("FETCH 2 BODY.PEEK[]")
    assert "\\Seen" not in s.stored()["b"], s.stored()
    reader = s.client(examine="INBOX")
    reader.ok("FETCH 2 RFC822")
    assert "\\Seen" not in s.stored()["b"], s.stored()


@scenario(settings={"piece_size": "16K"}, build="release")
def others_have_their_turn_between_two_pieces(s):
    s.deliver("large", size=8_000_000)
    s.fill(2, prefix="w", mailbox="Work")
    big = s.client(name="big", select="INBOX", tracked=False)
    noop, fetch = s.client(name="noop", select="INBOX"), s.client(name="fetch", select="Work")
    answer = []
    thread = threading.Thread(target=lambda: answer.append(big.ok("FETCH 1 BODY.PEEK[]", timeout=50)))
    mark = s.relay.mark()
    thread.start()
    s.relay.wait_for(">", r"BODY.PEEK\[\]<", mark)
    before = s.relay.mark()
    noop.noop()
    assert fetch.fetch_identity(2) == "w2"
    pieces = [text for text in s.relay.commands(before) if "BODY.PEEK[]<" in text]
    assert not answer, "the large message was there before the others were asked"
    thread.join()
    assert len(pieces) < 20, "%d pieces came first" % len(pieces)
    assert is_message(octets(answer[0]), "large", 8_000_000)


def octets(result):
    return [response.fetch_items()[b"BODY[]"] for response in result.of("FETCH") if b"BODY[]" in response.fetch_items()][0]


def is_message(text, name, size):
    """The server puts lines of its own before what was delivered."""
    return text.endswith(make_message(name, size)) and len(text) < size + 2000


@scenario(settings={"piece_size": "16K"}, connections=1)
def a_message_that_goes_between_two_pieces_is_left_out(s):
    s.deliver("large", "other", size=8_000_000)
    big, other = s.client(name="big", select="INBOX", tracked=False), s.client(name="other", select="INBOX", tracked=False)
    mark = s.relay.mark()
    tag = big.begin("FETCH 1:2 BODY.PEEK[]")
    s.relay.wait_for(">", r"BODY.PEEK\[\]<", mark)
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    result = big.finish(tag, 50)
    assert [response.number for response in result.of("FETCH") if b"BODY[]" in response.fetch_items()] == [2], "which"
    assert result.ok and result.code_name == "EXPUNGEISSUED", result
    assert is_message(octets(result), "other", 8_000_000)


@scenario(settings={"piece_size": "16K", "spool_max": "250K", "spool_total": "300K"})
def without_room_a_large_message_is_fetched_whole(s):
    s.deliver("large", size=200_000)
    client = s.client(select="INBOX")
    assert is_message(octets(client.ok("FETCH 1 (BODY.PEEK[] BODY.PEEK[TEXT])")), "large", 200_000)
    s.until_logged("fetched whole")
