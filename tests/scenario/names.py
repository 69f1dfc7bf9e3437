"""Names of mailboxes: a separator belongs to a name, one mailbox may have several spellings, and what was known of a name
ends when another mailbox gets it."""
from scenario import scenario
from scripted_upstream import FULL, Mailbox, ScriptedUpstream


class Folders(ScriptedUpstream):
    """Separates by "/", but by "." below Shared; `folds` takes names in any case. DELETE takes what is below with it."""

    def __init__(self, folds=False, names=(), capabilities=FULL):
        super().__init__(capabilities=capabilities, fill=2)
        self.folds = folds
        for name in names:
            self.make(name, "old")

    def make(self, name, word):
        mailbox = self.mailboxes[name] = Mailbox()
        for number in range(3):
            mailbox.add("%s-%s-%d" % (word, name.replace("/", "_"), number))

    def separator(self, name):
        return "." if name.startswith("Shared") else "/"

    def find(self, name):
        name = name.strip('"')
        alike = [own for own in self.mailboxes if own == name or (self.folds and own.lower() == name.lower())]
        return alike[0] if alike else name

    def tree(self, name):
        return [own for own in self.mailboxes if own == name or own.startswith(name + self.separator(name))]

    def do_list(self, tag, rest):
        pattern = rest.split(" ")[2].strip('"')
        names = self.mailboxes if pattern == "*" else [self.find(pattern)] if self.find(pattern) in self.mailboxes else []
        if pattern == "":
            self.line('* LIST (\\Noselect) "/" ""')
        for name in names:
            self.line('* LIST () "%s" %s' % (self.separator(name), name))
        self.ok(tag)

    def do_select(self, tag, rest, read_only=False):
        word, name = rest.split(" ")[:2]
        super().do_select(tag, "%s %s" % (word, self.find(name)), read_only)

    def do_create(self, tag, rest):
        self.make(rest.split(" ")[1].strip('"'), "new")
        self.ok(tag)

    def do_delete(self, tag, rest):
        for name in self.tree(self.find(rest.split(" ")[1])):
            del self.mailboxes[name]
        self.ok(tag)

    def do_rename(self, tag, rest):
        former, new = (self.find(word) for word in rest.split(" ")[1:3])
        for name in self.tree(former):
            self.mailboxes[new + name[len(former):]] = self.mailboxes.pop(name)
        self.ok(tag)


def folders(*names, **options):
    return lambda _: Folders(names=names, **options)


def ended(client):
    """It is told BYE; it never sees the new mailbox under the numbers of the old one."""
    return client.wait_closed(10)


@scenario(upstream=folders("Shared", "Shared.Sub", "Shared/Other"))
def a_rename_ends_what_is_below_by_the_separator_of_its_own_namespace(s):
    below, beside = s.client(select="Shared.Sub", learn=True), s.client(select="Shared/Other", learn=True)
    other = s.client()
    assert other.command("RENAME Shared Shared2").ok
    assert other.command("CREATE Shared.Sub").ok
    assert "renamed" in ended(below)
    assert beside.fetch_identity(1) == "old-Shared_Other-0", "not below it there"
    again = s.client(select="Shared.Sub", learn=True)
    assert again.fetch_identity(1) == "new-Shared.Sub-0"


@scenario(upstream=folders("Work", "Work/Sub"))
def a_delete_that_takes_more_with_it_ends_that_as_well(s):
    below, other = s.client(select="Work/Sub", learn=True), s.client()
    assert other.command("DELETE Work").ok
    assert other.command("CREATE Work/Sub").ok
    ended(below)
    assert s.client(select="Work/Sub", learn=True).fetch_identity(2) == "new-Work_Sub-1"


@scenario(upstream=folders("Work", "Plans", folds=True))
def another_spelling_is_the_same_mailbox_if_the_server_says_so(s):
    client, other = s.client(select="work", learn=True), s.client()
    bystander = s.client(select="plans", learn=True)
    assert other.command("RENAME WORK Old").ok
    assert other.command("CREATE Work").ok
    ended(client)
    assert bystander.fetch_identity(1) == "old-Plans-0"
    assert s.client(select="Work", learn=True).fetch_identity(1) == "new-Work-0"


@scenario(upstream=folders("Work", "work"))
def another_spelling_is_another_mailbox_if_the_server_says_so(s):
    client, other = s.client(select="work", learn=True), s.client()
    assert other.command("DELETE Work").ok
    assert client.fetch_identity(3) == "old-work-2"
    assert other.command("RENAME work Work").ok
    ended(client)


@scenario(upstream=folders("Work", "Work/Sub"))
def a_rename_counts_although_its_client_has_gone(s):
    client, below, other = s.client(select="Work", learn=True), s.client(select="Work/Sub", learn=True), s.client()
    with s.upstream.lock:
        other.send_raw(b"r1 RENAME Work Old\r\n")
        other.close_socket()
    ended(client)
    ended(below)
    assert s.client(select="Old/Sub", learn=True).fetch_identity(1) == "old-Work_Sub-0"


@scenario(upstream=folders("Work", "Work/Sub"))
def a_rename_whose_answer_is_lost_is_asked_for(s):
    client, below, other = s.client(select="Work", learn=True), s.client(select="Work/Sub", learn=True), s.client()
    stays = s.client(select="INBOX", learn=True)

    def lost(tag, rest):
        Folders.do_rename(s.upstream, "*", rest)
        s.upstream.socket.close()

    s.upstream.do_rename = lost
    assert other.command("RENAME Work Old", timeout=20).status == "NO"
    ended(client)
    ended(below)
    assert stays.fetch_identity(1) == "m1"
