"""Real mail programs on one account at the same time, each judged by what it did."""
import contextlib
import imaplib
import os
import threading
import time

from imap_client import identity_of, make_message
from programs import Account, Curl, Fetchmail, Interimap, Mbsync, Mutt, need
from scenario import scenario


def library(s):
    """Python's imaplib on INBOX."""
    client = imaplib.IMAP4("127.0.0.1", s.mux_port, timeout=20)
    client.login("u1", "secret")
    client.select("INBOX")
    return client


def library_flags(client, identity):
    client.noop()
    status, found = client.uid("SEARCH", "HEADER", "X-Id", identity)
    assert status == "OK" and found[0], "imaplib does not find %s" % identity
    status, rows = client.uid("FETCH", found[0].split()[-1], "(FLAGS)")
    return imaplib.ParseFlags(rows[-1])


@scenario(variants=("full", "no-condstore", "bare"), timeout=120)
def five_programs_read_and_change_what_others_did(s):
    need("curl", "mbsync", "neomutt", "fetchmail")
    s.fill(3)
    account = Account(os.path.join(s.directory, "programs"), s.mux_port)
    curl, mutt = Curl(account), Mutt(account)
    watcher = s.client(name="watcher", select="INBOX", learn=True)
    watcher.idle()
    with contextlib.ExitStack() as stack:
        python = library(s)
        stack.callback(python.shutdown)
        fetchmail = Fetchmail(account).start()
        stack.callback(fetchmail.stop)
        fetchmail.wait("m3")

        # imaplib delivers, fetchmail reads it out of IDLE and marks it, curl sees the mark.
        assert python.append("INBOX", None, None, make_message("by-imaplib"))[0] == "OK"
        fetchmail.wait("by-imaplib")
        wait_for(lambda: "\\Seen" in curl.flags("INBOX", "by-imaplib"))

        # curl delivers, mbsync reads it and flags another's, curl and imaplib see what it did.
        curl.upload("INBOX", make_message("by-curl"))
        mbsync = Mbsync(account)
        mbsync.sync()
        assert set(mbsync.files()) == {"m1", "m2", "m3", "by-curl", "by-imaplib"}
        mbsync.flag("by-imaplib", "F")
        mbsync.add(make_message("by-mbsync"))
        mbsync.sync()
        assert identity_of(curl.read("INBOX", "by-mbsync")) == "by-mbsync"
        assert b"\\Flagged" in library_flags(python, "by-imaplib")

        # neomutt reads what mbsync delivered, answers for it, copies it; imaplib and curl see both.
        piped = account.path("read-by-mutt")
        mutt.go("INBOX", "<search>~hX-Id:.*by-mbsync<enter><pipe-message>cat >%s<enter><flag-message>"
                         "<copy-message>=Archive<enter><sync-mailbox>" % piped)
        with open(piped, "rb") as file:
            assert identity_of(file.read()) == "by-mbsync"
        assert b"\\Flagged" in library_flags(python, "by-mbsync")
        assert "Archive" in curl.listing()
        assert identity_of(curl.read("Archive", "by-mbsync")) == "by-mbsync"

        # neomutt deletes, mbsync and the watcher lose it; curl deletes, neomutt's screen lacks it.
        mutt.go("INBOX", "<delete-pattern>~hX-Id:.*m2<enter><sync-mailbox>")
        curl.store("INBOX", "m1", "+FLAGS.SILENT (\\Deleted)")
        curl.expunge("INBOX")
        mbsync.sync()
        assert identity_of(python_body(python, "by-curl")) == "by-curl"
        left = {"m3", "by-curl", "by-imaplib", "by-mbsync"}
        assert set(mbsync.files()) == left
        assert b"about m1" not in mutt.go("INBOX", "<refresh>")
        fetchmail.wait("by-mbsync")
        watcher.idle_until(lambda: len(watcher.messages) == 4)
        watcher.done()
        watcher.learn()
        assert set(watcher.identities()) == left == set(s.stored())
    assert s.relay.logins == 1


def python_body(client, identity):
    status, found = client.uid("SEARCH", "HEADER", "X-Id", identity)
    return client.uid("FETCH", found[0].split()[-1], "(BODY.PEEK[])")[1][0][1]


def wait_for(condition, timeout=15):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "did not become true within %g s" % timeout
        time.sleep(0.1)


@scenario(variants=("full",), timeout=120)
def programs_at_the_same_time(s):
    """All of them at once, again and again, while mail comes in: nothing is lost and nothing is there twice."""
    need("curl", "mbsync", "neomutt")
    s.fill(10)
    faults = []

    def many(action, times):
        try:
            for turn in range(times):
                action(turn)
        except Exception as error:
            faults.append("%s: %s" % (type(error).__name__, error))

    accounts = [Account(os.path.join(s.directory, "p%d" % number), s.mux_port) for number in range(4)]
    curl, mbsync, mutt, second = Curl(accounts[0]), Mbsync(accounts[1]), Mutt(accounts[2]), Mbsync(accounts[3])

    def by_library(turn):
        client = library(s)
        client.append("INBOX", None, None, make_message("library-%d" % turn))
        client.noop()
        client.logout()

    actions = [(lambda turn: curl.upload("INBOX", make_message("curl-%d" % turn)), 5),
               (lambda turn: mbsync.sync(), 5), (lambda turn: second.sync(), 5), (by_library, 5),
               (lambda turn: mutt.go("INBOX", "<first-entry><next-entry><display-message><exit>"), 2),
               (lambda turn: s.deliver("lmtp-%d" % turn), 5)]
    threads = [threading.Thread(target=many, args=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
    expected = {"m%d" % (n + 1) for n in range(10)} | {"%s-%d" % (who, n) for who in ("curl", "library", "lmtp") for n in range(5)}
    assert set(s.stored()) == expected
    for each in (mbsync, second):
        each.sync()
        assert set(each.files()) == expected
    assert s.relay.logins == 1


@scenario(variants=("full", "bare"), timeout=60)
def two_mbsyncs_keep_two_maildirs_in_step(s):
    need("mbsync")
    s.fill(5)
    one = Mbsync(Account(os.path.join(s.directory, "one"), s.mux_port))
    two = Mbsync(Account(os.path.join(s.directory, "two"), s.mux_port))
    one.sync()
    two.sync()
    one.add(make_message("from-one"))
    one.flag("m2", "S")
    two.add(make_message("from-two"))
    os.unlink(two.files()["m4"])
    for side in (one, two, one, two):
        side.sync()
    expected = {"m1", "m2", "m3", "m5", "from-one", "from-two"}
    assert set(one.files()) == set(two.files()) == expected == set(s.stored())
    assert "S" in two.files()["m2"].rpartition(":2,")[2]


@scenario(variants=("full",), users=2, timeout=90)
def interimap_keeps_two_accounts_in_step(s):
    """By QRESYNC, while others change what it knows."""
    need("interimap")
    s.fill(6)
    program = Interimap(Account(os.path.join(s.directory, "interimap"), s.mux_port, user="u2"), Account(os.path.join(s.directory, "far"), s.mux_port))
    program.sync()
    near, far = s.client(user="u2", name="near", select="INBOX", learn=True), s.client(user="u1", name="far", select="INBOX", learn=True)
    assert near.identities() == far.identities() == ["m1", "m2", "m3", "m4", "m5", "m6"]
    far.ok("STORE 2 +FLAGS (\\Flagged)")
    far.ok("STORE 4 +FLAGS (\\Deleted)")
    far.ok("EXPUNGE")
    near.ok("STORE 1 +FLAGS (\\Answered)")
    near.append("INBOX", make_message("from-near"))
    far.append("INBOX", make_message("from-far"))
    program.sync()
    near.ok("STORE 5 +FLAGS (\\Deleted)")
    near.ok("EXPUNGE")
    program.sync()
    for client in (near, far):
        client.noop()
        client.learn()
    assert sorted(near.identities()) == sorted(far.identities()), (near.messages, far.messages)
    assert len(near.identities()) == 6
    for identity in near.identities():
        assert near.flags_of(identity) - {"\\Recent"} == far.flags_of(identity) - {"\\Recent"}, identity
