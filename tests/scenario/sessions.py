"""More than one upstream session of an account, where max_sessions permits it: who waits for whom, what is counted, and that the
promises to clients hold across the sessions."""
import threading
import time

from imap_client import make_message
from mail_server import free_port, wait_until
from runner import load
from scenario import MATRIX, scenario

work_under_cuts = load("stress").work_under_cuts

TWO = {"max_sessions": "2", "linger": "30s"}
# Servers count logins; here the second session is to come at once, as with the shipped settings.
BUDGET = {"login_budget": "3", "login_interval": "30s"}


def opened(s):
    return s.log_text().count("opening a further session")


def make_mailboxes(s, *names):
    client = s.client(name="maker")
    for name in names:
        client.ok("CREATE ", name)
    client.logout()


def in_background(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def told_of(s, phone, identity):
    """How long it takes until the client in IDLE is told of a new message."""
    known = len(phone.messages)
    s.deliver(identity)
    return phone.idle_until(lambda: len(phone.messages) > known, timeout=20)


@scenario(limit=2, connections=2, settings={**TWO, **BUDGET, "piece_size": "0"}, timeout=120)
def an_idler_in_inbox_is_told_at_once_during_a_download_elsewhere(s):
    make_mailboxes(s, "Archive")
    loader = s.client(name="loader")
    for number in range(4):
        loader.append("Archive", make_message("large%d" % number, 12_000_000))
    s.fill(3)
    phone = s.client(name="phone", select="INBOX", timeout=60)
    phone.idle()
    loader.select("Archive")
    wait_until(lambda: opened(s) == 1, "a second session for the idler", timeout=10)
    stop, rounds = [], []

    def load():
        while not stop:
            loader.ok("FETCH 1:* BODY.PEEK[]", timeout=60)
            rounds.append(1)

    thread = in_background(load)
    time.sleep(1)
    waits = [told_of(s, phone, "news%d" % number) for number in range(4)]
    stop.append(1)
    thread.join(60)
    phone.done()
    s.log("told after %s s, %d downloads" % (["%.2f" % wait for wait in waits], len(rounds)))
    assert max(waits) < 2, waits
    assert s.relay.most_open == 2 and s.relay.logins <= 3, (s.relay.most_open, s.relay.logins)


@scenario(limit=2, connections=2, settings=TWO, timeout=120)
def a_walk_through_thirty_folders_disturbs_no_idler(s):
    names = ["Folder%d" % number for number in range(30)]
    make_mailboxes(s, *names)
    phone, walker = s.client(name="phone", select="INBOX"), s.client(name="walker")
    phone.idle()
    walker.select(names[0])
    wait_until(lambda: opened(s) == 1, "a second session", timeout=10)
    thread = in_background(lambda: [walker.select(name) for _ in range(4) for name in names])
    waits = [told_of(s, phone, "news%d" % number) for number in range(3)]
    thread.join(60)
    phone.done()
    assert max(waits) < 2, waits
    selects = [event.text for event in s.relay.events if event.direction == ">" and " INBOX" in event.text and "SELECT" in event.text]
    assert len(selects) <= 4, "INBOX is left again and again: %s" % selects


@scenario(limit=3, connections=3, settings={**TWO, "max_sessions": "3", "linger": "200ms"}, timeout=120)
def never_more_sessions_than_permitted_and_none_that_is_not_needed(s):
    names = ["A", "B", "C", "D", "E"]
    make_mailboxes(s, *names)
    phones = [s.client(name=name, select=name) for name in names]
    for phone in phones:
        phone.idle()
    wait_until(lambda: s.relay.most_open == 3, "three sessions for five idlers", timeout=20)
    for name in names:
        s.deliver("to" + name, mailbox=name)
    for name, phone in zip(names, phones):
        phone.idle_until(lambda phone=phone: len(phone.messages) == 1, timeout=20)
        phone.done()
    for phone in phones:
        phone.learn()
        phone.logout()
    keeper = s.client(name="keeper", select="INBOX")
    wait_until(lambda: s.log_text().count("logging it out") >= 2, "the further ones are logged out", timeout=20)
    keeper.noop()
    assert s.relay.most_open == 3, s.relay.most_open


@scenario(limit="one", connections=2, settings={**TWO, "max_sessions": "2"}, timeout=60)
def a_server_that_refuses_the_second_is_asked_once(s):
    make_mailboxes(s, "Work")
    phone, other = s.client(name="phone", select="INBOX"), s.client(name="other", select="Work")
    phone.idle()
    until = time.monotonic() + 6
    while time.monotonic() < until:
        other.noop()
        other.ok('LIST "" *')
        time.sleep(0.05)
    assert opened(s) == 1, opened(s)
    assert s.log_text().count("the server permits no session beside the 1") == 1, s.log_text()[-2000:]
    s.deliver("late")
    phone.idle_until(lambda: len(phone.messages) == 1, timeout=20)
    phone.done()


@scenario(limit=2, connections=2, settings=TWO, timeout=90)
def what_one_session_puts_into_the_others_mailbox_is_seen_at_once(s):
    make_mailboxes(s, "Work")
    s.fill(5)
    phone, worker = s.client(name="phone", select="Work"), s.client(name="worker", select="INBOX", learn=True)
    phone.idle()
    wait_until(lambda: opened(s) == 1, "a second session", timeout=10)
    for number in range(1, 6):
        worker.ok("COPY %d Work" % number)
        result = worker.ok("STATUS Work (MESSAGES)")
        assert b"MESSAGES %d" % number in result.of("STATUS")[-1].line.text, result
    phone.idle_until(lambda: len(phone.messages) == 5, timeout=2)
    worker.append("Work", make_message("appended"))
    worker.select("Work")
    assert len(worker.messages) == 6, worker.messages
    worker.learn()
    worker.ok("STORE 1 +FLAGS (\\Deleted)")
    worker.ok("EXPUNGE")
    phone.idle_until(lambda: len(phone.messages) == 5, timeout=2)
    phone.done()
    phone.learn()
    assert sorted(phone.identities()) == sorted(worker.identities()), (phone.identities(), worker.identities())


@scenario(limit=2, connections=2, settings=TWO, timeout=90)
def a_mailbox_that_another_session_has_selected_is_left_before_it_goes(s):
    make_mailboxes(s, "Work", "Work/Old", "Play")
    phone, walker = s.client(name="phone", select="Work"), s.client(name="walker", select="INBOX")
    phone.idle()
    wait_until(lambda: opened(s) == 1, "a second session", timeout=10)
    old = s.client(name="old", select="Work/Old")
    walker.ok("RENAME Work Office")
    phone.wait_closed()
    old.wait_closed()
    again = s.client(name="again", select="Office")
    again.idle()
    walker.ok("DELETE Play")
    walker.ok("DELETE Office/Old")
    walker.ok("DELETE Office")
    again.wait_closed()
    assert walker.command("SELECT Office").status == "NO"
    walker.select("INBOX")


@scenario(limit=2, connections=2, settings=TWO, timeout=90)
def a_lost_session_costs_nobody_else_anything(s):
    make_mailboxes(s, "Work")
    s.fill(3)
    phone, worker = s.client(name="phone", select="INBOX", learn=True), s.client(name="worker", select="Work")
    phone.idle()
    wait_until(lambda: opened(s) == 1, "a second session", timeout=10)
    for number in range(6):
        s.relay.cut()
        worker.append("Work", make_message("w%d" % number)) if number % 2 else worker.noop()
        assert told_of(s, phone, "n%d" % number) < 8
    phone.done()
    phone.learn()
    assert len(phone.messages) == 9, phone.messages
    worker.until(lambda: len(worker.messages) == 3)


@scenario(variants=MATRIX, limit=3, connections=3, settings={"max_sessions": "3", "linger": "100ms", "idle_delay": "10ms"}, timeout=120)
def busy_clients_in_three_sessions_other_writers_and_cuts(s):
    work_under_cuts(s, ["INBOX", "Work", "Play"], 6)
    assert s.relay.most_open > 1, "one session did all the work"


@scenario(limit=2, connections=2, settings={**TWO, "reverify_interval": "1s"}, start=False, timeout=90)
def a_password_is_checked_within_the_measure(s):
    """Both sessions are taken, so that a second connection beside them would be one too many."""
    s.mux_port = free_port()
    s.start_imapmux(["-c", s.write_settings(upstream=["verify_connection = yes"])])
    make_mailboxes(s, "Work")
    phone, other = s.client(name="phone", select="INBOX"), s.client(name="other", select="Work")
    phone.idle()
    other.idle()
    wait_until(lambda: opened(s) == 1, "a second session", timeout=10)
    s.dovecot.set_password("u1", "fresh")
    new = s.connect("new")
    assert new.command("LOGIN u1 fresh", timeout=20).ok
    new.select("Work")
    assert s.connect("guess", source="127.0.0.9").command("LOGIN u1 wrong", timeout=40).code_name == "AUTHENTICATIONFAILED"
    new.noop()
    assert told_of(s, phone, "news") < 5
    new.append("Work", make_message("w"))
    other.idle_until(lambda: len(other.messages) == 1, timeout=5)
    phone.done()
    other.done()
