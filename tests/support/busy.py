"""Random clients that do everything at once, and a ledger of what they were promised.

Each client checks its own replica as it goes (see imap_client); the ledger checks at the end that what was answered OK is
so, and that nothing has gone which nobody deleted.
"""
import random
import threading
import time
from collections import defaultdict

from imap_client import Literal, make_message
from resuming import kept, parameter, take_up

PATIENCE = 30


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.flags = defaultdict(set)     # identity -> flags whose setting was answered OK
        self.doomed = set()               # identities that somebody marked \Deleted or moved
        self.appended = defaultdict(set)  # mailbox -> identities whose APPEND was answered OK
        self.copied = set()               # identities whose COPY or MOVE to Archive was answered OK

    def check(self, truth, mailbox, before):
        """truth: {uid: (identity, flags)}; before: the identities that were there at the start."""
        present = {identity for identity, _ in truth.values()}
        lost = (set(before) | self.appended[mailbox]) - present - self.doomed
        assert not lost, "%s: gone, and nobody deleted them: %s" % (mailbox, sorted(lost))
        assert len(present) == len(truth), "%s holds a message twice: %s" % (mailbox, sorted(truth.values()))
        for identity, flags in truth.values():
            missing = self.flags[identity] - flags
            assert not missing, "%s: %s: answered OK and not stored: %s" % (mailbox, identity, missing)


class Busy:
    """One client with its own random numbers. `refusals`: NO is no fault (the line is being cut)."""

    def __init__(self, client, ledger, mailbox, seed, refusals=False, removes=True):
        self.client, self.ledger, self.mailbox, self.refusals = client, ledger, mailbox, refusals
        self.choose = random.Random(seed)
        self.serial = 0
        self.own_flag = "k%s" % client.name.lstrip("abcdefghijklmnopqrstuvwxyz")
        self.actions = [(self.fetch, 6), (self.fetch_by_uid, 3), (self.fetch_flags, 2), (self.store, 4), (self.store_by_uid, 2),
                        (self.store_silently, 2), (self.search, 3), (self.append, 2), (self.copy, 1), (self.idle, 2),
                        (self.noop, 3), (self.pipelined, 2), (self.status, 1), (self.reopen, 1), (self.examine, 1)]
        if removes:
            self.actions += [(self.expunge, 2), (self.close, 1)]
        if removes and "MOVE" in client.capabilities():
            self.actions += [(self.move, 1)]

    def run(self, until):
        actions = [action for action, weight in self.actions for _ in range(weight)]
        while time.monotonic() < until:
            self.choose.choice(actions)()

    # --- helpers

    def command(self, *parts):
        result = self.client.command(*parts, timeout=PATIENCE)
        if result.status == "BAD" or result.status == "NO" and not self.refusals and result.code_name != "EXPUNGEISSUED":
            raise AssertionError("%s: %r answered %r" % (self.client.name, parts, result.tagged))
        return result

    def number(self):
        return self.choose.randint(1, len(self.client.messages))

    def some(self):
        """A set of numbers, and the messages behind them."""
        low = self.number()
        high = min(len(self.client.messages), low + self.choose.choice((0, 0, 1, 3)))
        return "%d:%d" % (low, high) if high > low else str(low), self.client.messages[low - 1:high]

    def empty(self):
        if self.client.messages:
            return False
        self.noop()
        return True

    def promise(self, result, messages, flag):
        """Flags of the living are promised; of one that was dead already the ledger hears that it was deleted."""
        if result.ok:
            with self.ledger.lock:
                for message in messages:
                    if message.identity:
                        self.ledger.flags[message.identity].add(flag)

    def doom(self, messages):
        with self.ledger.lock:
            self.ledger.doomed.update(message.identity for message in messages)

    # --- actions

    def fetch(self):
        if not self.empty():
            numbers, _ = self.some()
            self.command("FETCH %s (UID FLAGS BODY.PEEK[])" % numbers)

    def fetch_by_uid(self):
        uids = [message.uid for message in self.client.messages if message.uid]
        if uids:
            self.command("UID FETCH %d:%s (BODY.PEEK[HEADER.FIELDS (X-Id)])" % (self.choose.choice(uids), self.choose.choice(
                ["*", str(self.choose.choice(uids))])))

    def fetch_flags(self):
        if not self.empty():
            self.command("FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-Id)])")

    def store(self):
        if not self.empty():
            numbers, messages = self.some()
            self.promise(self.command("STORE %s +FLAGS (%s)" % (numbers, self.own_flag)), messages, self.own_flag)

    def store_by_uid(self):
        known = [message for message in self.client.messages if message.uid]
        if known:
            message = self.choose.choice(known)
            result = self.command("UID STORE %d +FLAGS (\\Flagged)" % message.uid)
            if message in self.client.messages:
                self.promise(result, [message], "\\Flagged")

    def store_silently(self):
        if not self.empty():
            numbers, messages = self.some()
            self.promise(self.command("STORE %s +FLAGS.SILENT (\\Answered)" % numbers), messages, "\\Answered")
            for message in messages:
                message.flags = None  # it has not read what they are now

    def search(self):
        if self.empty():
            return
        message = self.client.messages[self.number() - 1]
        if message.identity is None:
            self.command("SEARCH UNDELETED %s" % self.some()[0])
            return
        found = self.command("SEARCH HEADER X-Id %s" % message.identity).numbers() or []
        # Telling of an arrival first moves no number; a dead message is left out.
        now = {other.identity: at + 1 for at, other in enumerate(self.client.messages)}
        for number in found:
            if self.client.messages[number - 1].identity not in (message.identity, None) and message.identity in now:
                if not self.client.messages[number - 1].identity.startswith(message.identity):
                    raise AssertionError("%s: SEARCH for %s found %d, which is %s" % (
                        self.client.name, message.identity, number, self.client.messages[number - 1].identity))

    def append(self):
        self.serial += 1
        identity = "%s-%s-%d" % (self.mailbox.lower(), self.client.name, self.serial)
        result = self.command("APPEND ", self.mailbox, " ", Literal(make_message(identity)))
        if result.ok:
            with self.ledger.lock:
                self.ledger.appended[self.mailbox].add(identity)

    def copy(self):
        if not self.empty():
            numbers, messages = self.some()
            identities = {message.identity for message in messages} - {None}
            if self.command("COPY %s Archive" % numbers).ok:
                with self.ledger.lock:
                    self.ledger.copied |= identities

    def move(self):
        if len(self.client.messages) > 5 and not self.client.read_only:
            at = self.number()
            message = self.client.messages[at - 1]
            if message.identity:
                self.doom([message])
                if self.command("MOVE %d Archive" % at).ok:
                    with self.ledger.lock:
                        self.ledger.copied.add(message.identity)

    def expunge(self):
        if len(self.client.messages) > 5 and not self.client.read_only:
            numbers, messages = self.some()
            if all(message.identity for message in messages):
                self.doom(messages)
                self.command("STORE %s +FLAGS (\\Deleted)" % numbers)
                self.command("EXPUNGE")

    def idle(self):
        self.client.idle()
        time.sleep(self.choose.uniform(0, 0.2))
        self.client.done()

    def noop(self):
        self.command("NOOP")

    def pipelined(self):
        """Numbers sent ahead: each is the one that the client knew when it wrote it."""
        if not self.empty():
            self.command("NOOP")
            numbers = [self.number() for _ in range(4)] if self.client.messages else []
            self.client.pipeline(*["FETCH %d (BODY.PEEK[HEADER.FIELDS (X-Id)])" % number for number in numbers])

    def status(self):
        self.command("STATUS %s (MESSAGES UNSEEN UIDNEXT)" % self.choose.choice(("INBOX", self.mailbox, "Archive")))

    def reopen(self):
        cache = kept(self.client)
        if not cache:
            self.command("SELECT ", self.mailbox)
        else:
            self.client.vanished_earlier = []
            if self.command("SELECT %s %s" % (self.mailbox, parameter(cache))).ok:
                take_up(self.client, cache)
        if not cache or self.choose.random() < 0.5:
            self.learn()

    def close(self):
        self.command("CLOSE")
        self.reopen()

    def examine(self):
        self.command("EXAMINE ", self.mailbox)
        self.learn()
        self.command("SELECT ", self.mailbox)
        self.learn()

    def learn(self):
        if self.client.messages:
            self.command("FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-Id)])")


def run_all(busy, seconds, meanwhile=None):
    """Runs the clients in threads for so long, calling meanwhile() over and over; returns the faults."""
    until, faults = time.monotonic() + seconds, []

    def go(one):
        try:
            one.run(until)
        except Exception as error:
            faults.append("%s: %s: %s" % (one.client.name, type(error).__name__, error))

    threads = [threading.Thread(target=go, args=(one,)) for one in busy]
    for thread in threads:
        thread.start()
    while meanwhile and time.monotonic() < until:
        meanwhile()
    for thread in threads:
        thread.join()
    return faults


def agree(client, truth):
    """Waits until the client's replica is the truth: identities in order, and flags."""
    wanted = [(identity, flags) for _, (identity, flags) in sorted(truth.items())]

    def same():
        known = [(message.identity, None if message.flags is None else message.flags - {"\\Recent"}) for message in client.messages]
        return known == wanted

    client.command("NOOP", timeout=PATIENCE)
    for message in client.messages if client.qresync else []:  # it has been told of every change
        if message.uid in truth and message.flags is not None:
            assert message.flags - {"\\Recent"} == truth[message.uid][1], (client.name, message, truth[message.uid])
    client.learn()
    client.until(same, 15)
