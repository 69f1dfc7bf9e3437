"""Everything at once, with a seed: busy clients, other writers, several mailboxes, cuts."""
import random
import threading
import time

from busy import Busy, Ledger, agree, run_all
from imap_client import Closed
from scenario import MATRIX, scenario

SECONDS = 8


def prepare(s, mailboxes, count=15):
    before = {}
    for mailbox in mailboxes:
        before[mailbox] = s.fill(count, prefix=mailbox.lower(), mailbox=None if mailbox == "INBOX" else mailbox)
    s.fill(1, prefix="archived", mailbox="Archive")
    return before


def crowd(s, mailboxes, each, ledger, **options):
    busy = []
    for mailbox in mailboxes:
        for _ in range(each):
            client = s.client(name="c%d" % len(busy))
            if len(busy) % 2 and "QRESYNC" in client.capabilities():
                client.ok("ENABLE QRESYNC")
            client.select(mailbox)
            client.learn()
            busy.append(Busy(client, ledger, mailbox, s.seed * 1000 + len(busy), **options))
    return busy


def settle(s, busy, ledger, before):
    """After the storm: the server's truth, every client's replica and the ledger agree."""
    for mailbox, identities in before.items():
        truth = s.server.contents("u1", mailbox)
        ledger.check(truth, mailbox, identities)
        for one in busy:
            if one.mailbox == mailbox:
                agree(one.client, truth)
    archived = {identity for identity, _ in s.server.contents("u1", "Archive").values()}
    assert ledger.copied <= archived, "answered OK and not copied: %s" % (ledger.copied - archived)
    assert 1 <= s.relay.most_open <= s.options["connections"], s.relay.most_open


class OtherWriter:
    """Somebody at the server itself: delivers, flags, expunges."""

    def __init__(self, s, ledger, mailboxes, before, pause=0.3):
        self.s, self.ledger, self.mailboxes, self.before, self.pause = s, ledger, mailboxes, before, pause
        self.choose, self.serial = random.Random(s.seed), 0

    def __call__(self):
        mailbox = self.choose.choice(self.mailboxes)
        what = self.choose.random()
        if what < 0.5:
            self.serial += 1
            identity = "%s-lmtp-%d" % (mailbox.lower(), self.serial)
            self.s.deliver(identity, mailbox=None if mailbox == "INBOX" else mailbox)
            self.before[mailbox].append(identity)
        else:
            identity = self.choose.choice(self.before[mailbox])
            if what < 0.8:
                self.s.server.add_flag("u1", identity, "$Outside", mailbox)
            else:
                self.ledger.doomed.add(identity)
                self.s.server.expunge("u1", identity, mailbox)
        time.sleep(self.choose.uniform(0, self.pause))


@scenario(variants=MATRIX, timeout=120)
def ten_busy_clients_in_one_mailbox(s):
    before, ledger = prepare(s, ["INBOX"]), Ledger()
    busy = crowd(s, ["INBOX"], 10, ledger)
    faults = run_all(busy, SECONDS)
    assert not faults, faults
    settle(s, busy, ledger, before)
    assert s.relay.logins == 1


@scenario(variants=MATRIX, timeout=120)
def busy_clients_in_two_mailboxes_and_other_writers(s):
    mailboxes = ["INBOX", "Work"]
    before, ledger = prepare(s, mailboxes), Ledger()
    busy = crowd(s, mailboxes, 4, ledger)
    faults = run_all(busy, SECONDS, OtherWriter(s, ledger, mailboxes, before))
    assert not faults, faults
    settle(s, busy, ledger, before)
    assert s.relay.logins == 1


def work_under_cuts(s, mailboxes, each):
    """Four busy clients and another writer in each mailbox; the line is cut each time that the writers have had `each` turns."""
    before, ledger = prepare(s, mailboxes), Ledger()
    busy = crowd(s, mailboxes, 4, ledger, refusals=True)
    writer = OtherWriter(s, ledger, mailboxes, before)
    turn = [0]

    def meanwhile():
        writer()
        turn[0] += 1
        if turn[0] % each == 0:
            s.relay.cut("rst" if turn[0] % (2 * each) else "fin")

    faults = run_all(busy, SECONDS, meanwhile)
    assert not faults, faults
    settle(s, busy, ledger, before)


@scenario(variants=MATRIX, timeout=120)
def busy_clients_other_writers_and_cuts(s):
    work_under_cuts(s, ["INBOX", "Work"], 4)
    assert s.relay.logins > 3


@scenario(variants=("full", "bare"), timeout=120)
def restarts_in_the_middle_of_work(s):
    """Four times SIGTERM and a successor while ten clients work: what was answered OK is done, nothing is done twice, nobody is
    cut without * BYE, and the successor finds the session free each time."""
    before, ledger = prepare(s, ["INBOX"]), Ledger()
    for life in range(5):
        busy = [Busy(s.client(name="c%d" % (10 * life + i), select="INBOX", learn=True), ledger, "INBOX",
                     s.seed * 1000 + 10 * life + i, refusals=True) for i in range(10)]
        if life == 4:
            break
        cut = []
        workers = [threading.Thread(target=work_until_bye, args=(one, cut)) for one in busy]
        for worker in workers:
            worker.start()
        time.sleep(2)
        s.stop_imapmux()
        for worker in workers:
            worker.join()
        assert not cut, cut
        s.start_imapmux()
    assert not run_all(busy, 2)
    settle(s, busy, ledger, before)
    assert s.relay.logins == 5, "%d logins upstream" % s.relay.logins


def work_until_bye(one, cut):
    try:
        one.run(time.monotonic() + 30)
        cut.append("%s: still served" % one.client.name)
    except Closed as closed:
        if not closed.bye:
            cut.append("%s: closed without * BYE" % one.client.name)
    except Exception as error:
        cut.append("%s: %s" % (one.client.name, error))
    one.client.close_socket()
