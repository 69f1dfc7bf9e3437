"""Cyrus and Courier, real ones, each limited to one session by its own means: what holds in front of Dovecot holds here.

Courier knows no LITERAL+, UNSELECT, MOVE, ESEARCH, CONDSTORE, and hides what others do from IDLE for up to a minute; Cyrus has
nearly everything, and its own order in everything. Where a server cannot be had or run, its scenarios are skipped.
"""
import re
import threading

from imap_client import Client, Closed, Literal, PlusLiteral, make_message
from runner import load
from scenario import of_variant, scenario

BOTH = ("cyrus", "courier")
# Courier's IDLE looks once a minute; ended and begun again it tells at once.
SETTINGS = {"idle_reissue": "1s"}
# How a session too many is refused, and what a client is told when its login has waited for long enough: Courier closes without
# a word, so nobody knows why.
REFUSED = {"cyrus": "LIMIT", "courier": "UNAVAILABLE"}
reading = load("same_as_direct").reading


class BelowInbox(Client):
    """Names mailboxes as Courier wants them, where a scenario names them as the others do."""
    NAMES = re.compile(r"(?<![\w./-])(Work|Archive|Empty|New|Done|Nowhere|Somewhere|Home|Box\d)\b(?!\.)")

    def begin(self, *parts):
        return super().begin(*[self._named(part) for part in parts])

    def pipeline(self, *commands):
        return super().pipeline(*[self._named(command) for command in commands])

    def _named(self, part):
        if isinstance(part, Literal):
            return part
        return self.NAMES.sub(r"INBOX.\1", part.decode("latin-1") if isinstance(part, bytes) else part)


def borrow(family, variants=BOTH, only=None, left_out=()):
    """The scenarios of another file, in front of these servers."""
    found = {name: function for name, function in vars(load(family)).items() if hasattr(function, "scenario")}
    return {name: _again(function, variants) for name, function in found.items()
            if name not in left_out and (only is None or name in only)}


def _again(function, variants):
    def body(s):
        if s.variant == "courier":
            s.client_class = BelowInbox
        function(s)
    body.__name__ = function.__name__
    options = function.scenario
    return scenario(variants=variants, users=len(options["users"]), settings={**options["settings"], **SETTINGS},
                    timeout=options["timeout"] + 30, upstream=of_variant, start=options["start"])(body)


for family_ in ("founding_case", "numbers", "telling", "upstream_lost", "stress"):
    globals().update(borrow(family_))
globals().update(borrow("pieces", only=("large_messages_are_octet_for_octet_those_of_the_server", "others_have_their_turn_between_two_pieces",
                                        "a_body_without_peek_sets_seen_and_the_client_hears_it", "a_message_that_goes_between_two_pieces_is_left_out")))
# Courier tells no UIDNEXT, renames what there is not, and has names of its own.
UNLIKE_COURIER = ("select_tells_what_a_client_needs", "a_refused_delete_ends_no_view", "equal_lists_that_wait_together_are_asked_once")
globals().update(borrow("mailboxes", left_out=UNLIKE_COURIER))
globals().update(borrow("mailboxes", ("cyrus",), only=UNLIKE_COURIER))
# Courier's names are not those of the listings, and it has no MOVE to compare with.
globals().update(borrow("same_as_direct", left_out=("listings", "moves", "sorted_and_threaded")))
globals().update(borrow("same_as_direct", ("cyrus",), only=("listings", "moves", "sorted_and_threaded")))


# --- Courier's own names

LISTINGS = [
    'LIST "" ""', 'LIST "" *', 'LIST "" %', 'LIST "" "INBOX.%"', 'LIST "INBOX." "%"', 'LIST "INBOX.A" "*"', 'LIST "" INBOX.A.B',
    'LIST "" INBOX.NoSuch', 'LIST "" INBOX', 'LIST "" inbox', 'LIST "" "%.%"', 'LSUB "" *', 'LSUB "" "INBOX.%"', "NAMESPACE",
    "STATUS INBOX.A (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)", "STATUS INBOX.A.B (MESSAGES)", "STATUS INBOX.NoSuch (MESSAGES)",
    'STATUS "INBOX.with space" (UNSEEN MESSAGES)', "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)",
]


@scenario(variants=("courier",), upstream=of_variant, start=False, settings=SETTINGS)
def listings_below_inbox(s):
    def prepare(client):
        for name in ("A", "A.B", "A.B.C", "Sent", "NIL", "with space", "&AOQ-"):
            client.ok('CREATE "INBOX.%s"' % name)
        for name in ("A.B", "Sent", "with space"):
            client.ok('SUBSCRIBE "INBOX.%s"' % name)
        client.ok('UNSUBSCRIBE "INBOX.Sent"')
        client.append("INBOX.A", make_message("a1"))
        client.append("INBOX.A", make_message("a2"), "(\\Seen)")
        client.append("INBOX", make_message("m1"))
    reading(s, LISTINGS, prepare=prepare)


@scenario(variants=("courier",), upstream=of_variant, settings=SETTINGS)
def move_is_made_of_copy_and_expunge(s):
    """Offered because UIDPLUS makes it safe; others' deleted messages stay."""
    s.fill(5)
    mover = s.client(name="mover", select="INBOX", learn=True)
    other = s.client(name="other", select="INBOX", learn=True)
    assert "MOVE" in mover.capabilities()
    mover.ok("CREATE INBOX.Work")
    other.ok("STORE 1 +FLAGS (\\Deleted)")
    mover.ok("MOVE 2,4 INBOX.Work")
    assert list(s.stored("Work")) == ["m2", "m4"] and list(s.stored()) == ["m1", "m3", "m5"]
    assert mover.identities() == ["m1", "m3", "m5"]
    assert other.fetch_identity(3) == "m3"
    other.noop()
    assert other.identities() == ["m1", "m3", "m5"]


# --- uploads

@scenario(variants=BOTH, upstream=of_variant, settings=SETTINGS)
def uploads_of_every_size(s):
    """With and without waiting for the go-ahead; imapmux never says {n+} itself (the relay watches)."""
    client = s.client(select="INBOX")
    other = s.client(name="other", select="INBOX")
    other.idle()
    sizes = (0, 1000, 16_383, 16_385, 70_000, 1_500_000)
    for number, size in enumerate(sizes):
        client.append("INBOX", make_message("u%d" % number, size), "(\\Seen)", plus=number % 2 == 0)
        assert len(client.messages) == number + 1, "its OK came before its EXISTS"
    for number, size in enumerate(sizes):
        body = client.ok("FETCH %d BODY.PEEK[]" % (number + 1)).of("FETCH")[0].fetch_items()[b"BODY[]"]
        assert body == make_message("u%d" % number, size), "octets differ"
    other.idle_until(lambda: len(other.messages) == len(sizes))
    other.done()
    assert s.stored() == {"u%d" % number: {"\\Seen"} for number in range(len(sizes))}


@scenario(variants=BOTH, upstream=of_variant, settings=SETTINGS)
def refused_uploads_leave_the_line_in_order(s):
    s.fill(2)
    client = s.client(select="INBOX", learn=True)
    for literal in (Literal, PlusLiteral):
        for name in ("Nowhere", s.server.folder("Nowhere")):
            client.expect("NO", "APPEND ", name, " ", literal(make_message("lost", 30_000)))
            assert client.fetch_identity(2) == "m2"
    client.append("INBOX", make_message("kept"))
    assert list(s.stored()) == ["m1", "m2", "kept"] and s.relay.logins == 1


# --- who may come in

@scenario(variants=BOTH, upstream=of_variant, settings={**SETTINGS, "login_wait": "1s"})
def somebody_else_holds_the_session(s):
    """Told so, never that the password is wrong; served once the other has gone."""
    s.fill(2)
    holder = s.direct(name="holder")
    client = s.connect("client")
    result = client.command("LOGIN u1 secret")
    assert result.status == "NO" and result.code_name == REFUSED[s.variant], result
    holder.logout()
    assert client.command("LOGIN u1 secret").ok
    client.select("INBOX")
    client.learn()
    assert client.identities() == ["m1", "m2"]


@scenario(variants=BOTH, upstream=of_variant, settings={**SETTINGS, "login_wait": "20s"})
def a_login_waits_for_the_session(s):
    s.fill(2)
    holder = s.direct(name="holder")
    clients = [s.connect("waits%d" % number) for number in range(3)]
    tags = [client.begin("LOGIN u1 secret") for client in clients]
    s.relay.wait_for("#", "^closed$")  # refused once
    holder.logout()
    assert all(client.finish(tag).ok for client, tag in zip(clients, tags))
    for client in clients:
        client.select("INBOX")
        assert client.fetch_identity(2) == "m2"
    assert s.relay.logins == 1


@scenario(variants=BOTH, upstream=of_variant, settings=SETTINGS)
def the_session_is_taken_in_a_cut(s):
    """Somebody else gets in between; the clients stay and miss nothing."""
    s.fill(3)
    idler = s.client(name="idler", select="INBOX", learn=True)
    idler.idle()
    client = s.client(name="client", select="INBOX", learn=True)
    s.relay.refuse("port")
    s.relay.cut()
    holder = s.direct(name="holder", select="INBOX", tracked=False)
    mark = s.relay.mark()
    s.relay.refuse(None)
    s.relay.wait_for("#", "^closed$", mark)
    holder.ok("STORE 2 +FLAGS (\\Deleted)")
    holder.ok("EXPUNGE")
    holder.logout()
    client.until(lambda: client.identities() == ["m1", "m3"], 20)
    idler.idle_until(lambda: idler.identities() == ["m1", "m3"], 20)
    idler.done()
    assert client.fetch_identity(2) == idler.fetch_identity(2) == "m3"


@scenario(variants=BOTH, upstream=of_variant, settings={**SETTINGS, "reverify_interval": "100ms"})
def a_wrong_password(s):
    """The server's own word, and those who are in stay."""
    s.fill(2)
    client = s.client(select="INBOX", learn=True)
    stranger = s.connect("stranger")
    for _ in range(2):
        result = stranger.command("LOGIN u1 wrong")
        assert result.status == "NO" and result.code_name == "AUTHENTICATIONFAILED", result
    client.until(lambda: s.relay.logins >= 2)
    assert client.fetch_identity(2) == "m2"
    assert stranger.command("LOGIN u1 secret").ok


@scenario(variants=BOTH, upstream=of_variant)
def a_wrong_password_before_all_others(s):
    client = s.connect()
    result = client.command("LOGIN u1 wrong")
    assert result.status == "NO" and result.code_name == "AUTHENTICATIONFAILED", result
    assert client.command("LOGIN u1 secret").ok


@scenario(variants=BOTH, upstream=of_variant, settings={**SETTINGS, "reverify_interval": "100ms"})
def a_changed_password_is_taken(s):
    s.fill(1)
    before = s.client(name="before", select="INBOX", learn=True)
    s.server.set_password("u1", "fresh")
    after = s.connect("after")
    assert after.command("LOGIN u1 fresh").ok
    after.select("INBOX")
    assert after.fetch_identity(1) == "m1"
    before.noop()


@scenario(variants=BOTH, upstream=of_variant, settings=SETTINGS)
def a_password_changed_in_a_cut_ends_the_sessions(s):
    client = s.client(select="INBOX")
    client.idle()
    s.server.set_password("u1", "fresh")
    s.relay.cut()
    try:
        assert "password" in client.wait_closed(20)
    except Closed as closed:
        raise AssertionError("closed without * BYE") from closed
    assert s.connect().command("LOGIN u1 fresh").ok


# --- one session

@scenario(variants=BOTH, upstream=of_variant, settings=SETTINGS)
def thirty_logins_at_once_make_one_session(s):
    s.fill(1)
    results = []

    def come(number):
        client = Client(s.mux_port, "c%d" % number)
        client.login("u1", "secret")
        client.select("INBOX")
        results.append(client.fetch_identity(1))
        client.logout()

    threads = [threading.Thread(target=come, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["m1"] * 30
    assert s.relay.connections == s.relay.logins == 1
