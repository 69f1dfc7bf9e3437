"""Lines of the server that cannot be read: each costs that line only, and what can mean one thing only is understood."""
from scenario import scenario
from scripted_upstream import FULL, ScriptedUpstream


class Odd(ScriptedUpstream):
    """`lists`, `lsubs`, `statuses` and `namespaces` are the octets of its answers."""

    def __init__(self, capabilities=FULL + " LIST-EXTENDED LIST-STATUS"):
        super().__init__(capabilities=capabilities)
        self.lists, self.lsubs, self.statuses, self.namespaces, self.others = [], [], [], [], []

    def do_list(self, tag, rest):
        if rest == 'LIST "" ""':
            super().do_list(tag, rest)
            return
        for line in self.lists + (self.statuses if "STATUS" in rest else []):
            self.line(line)
        self.ok(tag)

    def do_lsub(self, tag, rest):
        for line in self.lsubs:
            self.line(line)
        self.ok(tag)

    def do_namespace(self, tag, rest):
        for line in self.namespaces:
            self.line(line)
        self.ok(tag)

    def do_noop(self, tag, rest):
        for line in self.others:
            self.line(line)
        self.ok(tag)

    def do_status(self, tag, rest):
        if not self.statuses:
            super().do_status(tag, rest)
            return
        for line in self.statuses:
            self.line(line)
        self.ok(tag)


def odd(_):
    return Odd()


def told(client, command):
    """The untagged lines behind an OK, as they stand on the wire."""
    result = client.command(command)
    assert result.ok, (command, result)
    return [response.text for response in result.untagged]


@scenario(upstream=odd)
def a_line_of_list_that_cannot_be_read_costs_that_line(s):
    client, other = s.client(select="INBOX", learn=True), s.client(select="Work")
    bad = [b'* LIST (\\HasNoChildren) "/" "a"b"', b'* LIST () "/" (', b'* LIST () "/" "open', b"* LIST ) x"]
    for turn in range(3):
        s.upstream.lists = [b'* LIST () "/" one'] + bad * 12 + [b'* LIST () "/" two']
        s.upstream.lsubs = [line.replace(b"LIST", b"LSUB") for line in s.upstream.lists]
        assert told(client, 'LIST "" *') == [b'* LIST () "/" one', b'* LIST () "/" two']
        assert told(client, 'LSUB "" *') == [b'* LSUB () "/" one', b'* LSUB () "/" two']
    assert client.fetch_identity(3) == "m3"
    other.noop()
    assert s.upstream.connections == 1, "no lines in a row end the connection"
    assert s.log_text().count("cannot be understood; it is left out") > 50


@scenario(upstream=odd)
def a_name_with_odd_octets_is_a_name(s):
    client = s.client()
    s.upstream.lists = [b'* LIST () "/" Projects\t2024', b'* LIST () "/" "caf\xe9"', b'* LIST () "/" b\xfccher', b"* LIST NIL . plain"]
    names = [response.data[-1] for response in client.command('LIST "" *').untagged]
    assert [name if isinstance(name, bytes) else name.encode() for name in names] == [b"Projects\t2024", b"caf\xe9", b"b\xfccher", b"plain"], names


@scenario(upstream=odd)
def a_backslash_that_separates_is_told_as_one(s):
    client = s.client()
    s.upstream.lists = [b'* LIST () "\\\\" plain', b'* LIST () "\\" plain', b"* LIST () {1}\r\n\\ plain", b"* LIST () NIL plain",
                        b'* LIST () "\\"" plain', b'* LIST () """ plain', b'* LIST () "ab" plain', b'* LIST ("\\\\Marked" (x)) "/" plain']
    assert told(client, 'LIST "" *') == [b'* LIST () "\\\\" plain'] * 3 + [b"* LIST () NIL plain"] + [b'* LIST () "\\"" plain'] * 2 + [
        b"* LIST () NIL plain", b'* LIST (\\Marked) "/" plain']
    s.upstream.lists = [b'* LIST () "\\\\" "a\\\\b"', b'* LIST () "\\" "c\\d"', b'* LIST () "\\\\" {5}\r\ne"\\"f']
    assert told(client, 'LIST "" *') == [b'* LIST () "\\\\" "a\\\\b"', b'* LIST () "\\\\" "c\\\\d"', b'* LIST () "\\\\" "e\\"\\\\\\"f"']
    s.upstream.namespaces = [b'* NAMESPACE ((INBOX. "\\")) ((\'\' NIL)', b'* NAMESPACE (("" "\\")(Other "\\")) () NIL']
    assert told(client, "NAMESPACE") == [b'* NAMESPACE (("" "\\\\")("Other" "\\\\")) NIL NIL']


@scenario(upstream=odd)
def a_line_of_status_that_cannot_be_read_costs_that_line(s):
    client = s.client()
    s.upstream.lists = [b'* LIST () "/" Work', b'* LIST () "/" Plans']
    s.upstream.statuses = [b'* STATUS "W"ork" (MESSAGES 1)', b"* STATUS Plans (MESSAGES 7)"]
    assert told(client, 'LIST "" % RETURN (STATUS (MESSAGES))') == [b'* LIST () "/" Work', b'* LIST () "/" Plans', b"* STATUS Plans (MESSAGES 7)"]
    s.upstream.statuses = [b'* STATUS "W"ork" (MESSAGES 1)']
    assert client.command("STATUS Work (MESSAGES)").code_name == "SERVERBUG", "nothing was told"
    assert s.upstream.connections == 1


@scenario(upstream=odd)
def what_is_known_stays_until_the_new_has_been_read_whole(s):
    client = s.client(select="INBOX", learn=True)
    s.upstream.others = [b'* CAPABILITY IMAP4rev1 "a"b" IDLE', b"* CAPABILITY IMAP4rev1 (", b"* CAPABILITY IMAP4rev1 (UIDPLUS)", b'* QUOTA "x (', b"* X-ODD ("]
    client.noop()
    assert "MOVE" in client.capabilities() and "MOVE" in s.client().capabilities()
    s.upstream.others = [b"* CAPABILITY IMAP4rev1\tIDLE \"UIDPLUS\""]
    client.noop()
    newer = s.client().capabilities()
    assert client.fetch_identity(1) == "m1" and s.upstream.connections == 1
    assert "UIDPLUS" in newer and "UNSELECT" in newer, newer
