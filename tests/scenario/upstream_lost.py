"""The upstream connection breaks: clients stay, miss nothing, and nothing is done twice."""
import random
import threading
import time

from imap_client import Closed, Literal, make_message
from scenario import MATRIX, scenario

QUICK = {"response_timeout": "2s", "login_wait": "10s"}


@scenario(variants=MATRIX)
def clients_stay_and_miss_nothing(s):
    s.fill(4)
    idler = s.client(name="idler", select="INBOX", learn=True)
    idler.idle()
    worker = s.client(name="worker", select="INBOX", learn=True)
    for turn in range(3):
        s.relay.cut("rst" if turn % 2 else "fin")
        s.deliver("after%d" % turn)
        worker.until(lambda: len(worker.messages) == 5 + turn)
        idler.idle_until(lambda: len(idler.messages) == 5 + turn)
    idler.done()
    for client in (idler, worker):
        client.learn()
        assert client.identities() == ["m1", "m2", "m3", "m4", "after0", "after1", "after2"]
    assert s.relay.logins == 4


@scenario(variants=MATRIX)
def what_happened_during_the_cut_is_told(s):
    s.fill(5)
    client = s.client(select="INBOX", learn=True)
    s.relay.refuse("port")
    s.relay.cut()
    s.server.expunge("u1", "m2")
    s.server.add_flag("u1", "m4", "\\Flagged")
    s.deliver("m6")
    s.relay.refuse(None)
    client.until(lambda: client.identities() == ["m1", "m3", "m4", "m5", None])
    client.until(lambda: "\\Flagged" in client.flags_of("m4"))
    assert client.fetch_identity(5) == "m6"


@scenario(variants=MATRIX, timeout=90)
def a_fetch_is_completed_after_a_cut(s):
    s.fill(30, size=3000)
    client = s.client(select="INBOX")
    for how, extra in (("rst", 0), ("fin", 700), ("rst", 20_000)):
        cut = s.relay.cut_when("<", rb"\* \d+ FETCH \(", how, extra=extra)
        result = client.ok("FETCH 1:* (UID FLAGS BODY.PEEK[])", timeout=20)
        assert cut.happened.is_set()
        answered = [response.number for response in result.of("FETCH") if b"BODY[]" in response.fetch_items()]
        assert sorted(answered) == list(range(1, 31)), "answered %s" % answered
    assert client.identities() == ["m%d" % number for number in range(1, 31)]


@scenario(variants=MATRIX)
def a_cut_inside_a_literal_never_completes_it_wrongly(s):
    """A literal begun for the client is either completed with the right octets or the client is closed without one
    octet more."""
    s.fill(1)
    s.deliver("big", size=400_000)
    client = s.client(select="INBOX")
    s.relay.cut_when("<", rb"BODY\[\] \{\d+\}\r\n", "rst", extra=150_000)
    try:
        result = client.ok("FETCH 2 BODY.PEEK[]", timeout=20)
        body = result.of("FETCH")[0].fetch_items()[b"BODY[]"]
        assert body.endswith(make_message("big", 400_000)[-1000:]), "a literal of other octets"
    except Closed as closed:
        assert closed.bye is None, "a BYE inside a literal: %r" % closed.bye
    again = s.client(name="again", select="INBOX")
    assert again.fetch_identity(2) == "big"


@scenario(variants=MATRIX)
def adding_flags_is_repeated(s):
    s.fill(4)
    client = s.client(select="INBOX", learn=True)
    s.relay.cut_when(">", rb"UID STORE[^\n]*\n", "rst", before=True)
    client.ok("STORE 2 +FLAGS (\\Flagged)", timeout=20)
    s.relay.cut_when("<", rb"\S+ OK Store completed", "rst", before=True)
    client.ok("STORE 3 +FLAGS (\\Flagged)", timeout=20)
    assert [name for name, flags in s.stored().items() if "\\Flagged" in flags] == ["m2", "m3"]


@scenario(variants=MATRIX)
def absolute_flags_are_found_out(s):
    s.fill(3)
    client = s.client(select="INBOX", learn=True)
    s.relay.cut_when("<", rb"\S+ OK Store completed", "rst", before=True)
    result = client.command("STORE 2 FLAGS (\\Flagged)", timeout=20)
    assert result.ok or result.code_name == "UNAVAILABLE", result
    if result.ok:
        assert s.stored()["m2"] == {"\\Flagged"}
    s.relay.cut_when(">", rb"UID STORE[^\n]*\n", "rst", before=True)
    result = client.command("STORE 3 FLAGS (\\Answered)", timeout=20)
    assert result.ok or result.code_name == "UNAVAILABLE", result
    assert s.stored()["m3"] == ({"\\Answered"} if result.ok else set())


@scenario(variants=MATRIX)
def nothing_is_done_twice(s):
    """APPEND, COPY, MOVE, EXPUNGE, CREATE whose answer is lost: NO with words, and never a second time."""
    s.fill(6)
    client = s.client(select="INBOX", learn=True)
    client.ok("CREATE Work")
    done = rb"(?i)(\* OK \[COPYUID|[^\r\n* ]+ OK [^\r\n]*(\[(APPENDUID|COPYUID|MAILBOXID)|(append|copy|move|create) completed|created))"
    attempts = [(b"APPEND", lambda: client.command("APPEND Work ", Literal(make_message("appended")), timeout=20)),
                (b"UID COPY", lambda: client.command("COPY 1 Work", timeout=20)),
                (b"CREATE", lambda: client.command("CREATE New", timeout=20))]
    if "MOVE" in client.capabilities():
        attempts.append((rb"UID (MOVE|COPY)", lambda: client.command("MOVE 2 Work", timeout=20)))
    for pattern, attempt in attempts:
        # The answer is lost: the server did it.
        s.relay.cut_when("<", done, "rst", before=True)
        result = attempt()
        assert result.status == "NO" and result.code_name == "UNAVAILABLE", (pattern, result)
        client.noop()
    s.stored("Work")  # asserts that nothing is there twice
    names = list(s.stored("Work"))
    assert names.count("appended") == 1 and names.count("m1") == 1, names


@scenario(variants=MATRIX)
def an_append_that_never_arrived_is_not_acknowledged(s):
    client = s.client(select="INBOX")
    s.relay.cut_when(">", rb"APPEND [^\r\n]*\{\d+\+?\}\r\n", "rst", extra=20)
    result = client.command("APPEND INBOX ", Literal(make_message("lost", 2000)), timeout=20)
    if result.ok:  # the server's + had not come: nothing of the message was sent, and it was sent again
        assert list(s.stored()) == ["lost"]
    else:
        assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
        assert s.stored() == {}
    client.append("INBOX", make_message("kept"))
    assert sorted(s.stored()) == (["kept", "lost"] if result.ok else ["kept"])


@scenario(variants=MATRIX, timeout=120)
def cut_again_and_again(s):
    """Ten busy clients in two mailboxes while the line is cut every half second: replicas stay true, one connection."""
    for mailbox in ("INBOX", "Work"):
        s.fill(15, prefix=mailbox[0].lower(), mailbox=None if mailbox == "INBOX" else mailbox)
    clients = [s.client(name="c%d" % number, select="INBOX" if number % 2 else "Work", learn=True) for number in range(8)]
    stop, faults = time.monotonic() + 8, []
    acknowledged = {}

    def go(number, client):
        choose = random.Random(s.seed * 100 + number)
        try:
            while time.monotonic() < stop:
                at = choose.randint(1, max(1, len(client.messages)))
                what = choose.random()
                if what < 0.35:
                    client.fetch_identity(at)
                elif what < 0.6:
                    result = client.command("STORE %d +FLAGS (k%d)" % (at, number), timeout=30)
                    if result.ok and client.messages[at - 1].identity:
                        acknowledged.setdefault(client.messages[at - 1].identity, set()).add("k%d" % number)
                elif what < 0.7:
                    client.command("NOOP", timeout=30)
                    client.learn()
                elif what < 0.8:
                    client.command("UID SEARCH ALL", timeout=30)
                elif what < 0.85 and len(client.messages) > 8:
                    client.command("STORE %d +FLAGS (\\Deleted)" % at, timeout=30)
                    client.command("EXPUNGE", timeout=30)
                elif what < 0.9:
                    mailbox = "INBOX" if number % 2 else "Work"
                    client.command("APPEND ", mailbox, " ", Literal(make_message("a%d-%d" % (number, choose.getrandbits(40)))),
                                   timeout=30)
                else:
                    client.idle()
                    time.sleep(choose.uniform(0.01, 0.3))
                    client.done()
        except Exception as error:
            faults.append("%s: %s: %s" % (client.name, type(error).__name__, error))

    threads = [threading.Thread(target=go, args=pair) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    turn = 0
    while time.monotonic() < stop:
        time.sleep(0.5)
        s.relay.cut("rst" if turn % 2 else "fin")
        turn += 1
    for thread in threads:
        thread.join()
    assert not faults, faults
    assert turn > 5 and s.relay.logins > 5
    for mailbox, some in (("INBOX", clients[1::2]), ("Work", clients[0::2])):
        truth = s.server.contents("u1", mailbox)
        for client in some:
            client.command("NOOP", timeout=30)
            client.learn()
            assert client.identities() == [identity for identity, _ in truth.values()], client.name
        for identity, flags in truth.values():
            missing = acknowledged.get(identity, set()) - flags
            assert not missing, "%s: %s was answered OK and is not stored" % (identity, missing)


@scenario(variants=("full", "no-condstore"), settings=QUICK)
def a_silent_line_is_given_up(s):
    s.fill(3)
    client = s.client(select="INBOX", learn=True)
    s.relay.stall("<")
    started = time.monotonic()
    tag = client.begin("FETCH 2 BODY.PEEK[]")
    # Held back octets must not reach the new connection's time: the stall ends when the old line has been given up.
    deadline = time.monotonic() + 10
    while s.relay.open_now() and s.relay.connections < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    s.relay.stall()
    result = client.finish(tag, 20)
    assert result.ok and time.monotonic() - started < 15, result
    assert client.messages[1].identity == "m2"
    assert s.relay.logins == 2


@scenario(variants=("full",))
def the_server_still_counts_the_dead_session(s):
    """The line is cut on imapmux's side only: the server refuses the new login until it notices."""
    s.fill(2)
    client = s.client(select="INBOX", learn=True)
    s.relay.cut("rst", keep_server=True)
    timer = threading.Timer(1.0, s.relay.release_server)
    timer.start()
    client.until(lambda: s.relay.logins == 2, timeout=20)
    timer.join()
    assert client.fetch_identity(2) == "m2"


@scenario(variants=("full", "no-condstore"))
def the_server_restarts(s):
    s.fill(3)
    idler = s.client(name="idler", select="INBOX", learn=True)
    idler.idle()
    worker = s.client(name="worker", select="INBOX", learn=True)
    s.server.restart()
    s.deliver("m4")
    idler.idle_until(lambda: len(idler.messages) == 4, 20)
    worker.until(lambda: len(worker.messages) == 4, 20)
    idler.done()
    assert worker.fetch_identity(4) == "m4" and idler.fetch_identity(4) == "m4"


@scenario(variants=("full",))
def a_mailbox_replaced_during_the_cut_ends_its_views(s):
    s.fill(2, prefix="old", mailbox="Work")
    s.fill(1)
    inbox = s.client(name="inbox", select="INBOX", learn=True)
    work = s.client(name="work", select="Work", learn=True)
    assert work.fetch_identity(1) == "old1"
    s.relay.refuse("port")
    s.relay.cut()
    s.server.delete_mailbox("u1", "Work")
    time.sleep(1.1)  # UIDVALIDITY is a time in seconds
    s.fill(2, prefix="new", mailbox="Work")
    s.relay.refuse(None)
    try:
        result = work.command("FETCH 1 BODY.PEEK[]", timeout=20)
        assert result.of("FETCH") == [], "a message of the new mailbox under an old number: %r" % result
        bye = work.wait_closed()
    except Closed as closed:
        bye = closed.bye
    assert bye, "closed without * BYE"
    inbox.noop()
    assert inbox.fetch_identity(1) == "m1"


@scenario(variants=("full",))
def clients_that_vanish_in_the_middle_of_things(s):
    """In IDLE, in a command, inside a literal: the others and the next ones are served."""
    s.fill(3, size=5000)
    stays = s.client(name="stays", select="INBOX", learn=True)
    for turn in range(3):
        idling = s.client(name="idling", select="INBOX")
        idling.idle()
        idling.close_socket()
        inside = s.client(name="inside", select="INBOX")
        inside.send_raw(b"x1 APPEND INBOX {1000}\r\nhalf of it")
        inside.close_socket()
        asking = s.client(name="asking", select="INBOX")
        asking.send_raw(b"x1 FETCH 1:* BODY.PEEK[]\r\nx2 NOOP\r\n")
        asking.close_socket()
        stays.noop()
        assert stays.fetch_identity(turn + 1) == "m%d" % (turn + 1)
    assert list(s.stored()) == ["m1", "m2", "m3"]
    assert s.relay.logins == 1


@scenario(settings={"park_delay": "1h", "watch_interval": "1h"})
def idle_clients_wait_for_no_delay_behind_a_cut(s):
    """The upstream has nothing to leave: it goes at once where clients wait."""
    s.fill(2)
    idler = s.client(name="idler", select="INBOX", learn=True)
    idler.idle()
    for number in (3, 4):
        mark = s.relay.mark()
        s.relay.cut()
        s.relay.wait_for(">", r" (LOGIN|AUTHENTICATE)", mark)
        s.deliver("m%d" % number)
        idler.idle_until(lambda: len(idler.messages) == number)
    idler.done()
