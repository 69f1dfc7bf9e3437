"""A good neighbour: how often a server is asked to let somebody in. A minute of the shipped settings takes six seconds here."""
import threading
import time

from mail_server import wait_until
from scenario import MANNERS, scenario
from scripted_upstream import ScriptedUpstream, odd

FAST = {"login_budget": "3", "login_interval": "3s", "server_login_budget": "600", "login_pace": "100", "kick_pause": "30s",
        "reconnect_ceiling": "30s", "login_wait": "3s"}
assert set(MANNERS) < set(FAST)


def ask_for(s, seconds):
    """A client that wants to be let in all the time. Returns its last answer."""
    until, result = time.monotonic() + seconds, None
    while time.monotonic() < until:
        client = s.connect()
        result = client.command("LOGIN u1 secret", timeout=20)
        client.close_socket()
        time.sleep(0.05)
    return result


def logins(s):
    """Those that were sent, whatever came of them."""
    return sum(1 for command in s.upstream.commands if command.startswith(("LOGIN", "AUTHENTICATE")))


@scenario(upstream=odd(login="TAG NO [LIMIT] Too many connections"), settings=FAST)
def a_slot_held_by_another_program_costs_few_logins(s):
    result = ask_for(s, 4)
    assert result.status == "NO" and result.code_name == "LIMIT", result
    assert 2 <= logins(s) <= 5, logins(s)


@scenario(upstream=odd(login="* BYE Too busy for you"), settings=FAST)
def a_server_that_says_bye_to_each_login_sees_few(s):
    result = ask_for(s, 4)
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
    assert 2 <= logins(s) <= 6, logins(s)


class CutsTheOldest(ScriptedUpstream):
    """Another program logs in a moment after us, and ours is the oldest session."""

    def do_login(self, tag, rest):
        super().do_login(tag, rest)
        threading.Timer(0.2, self.end_session, (self.socket,)).start()

    def end_session(self, ours):
        try:
            with self.lock:
                ours.sendall(b"* BYE Logged in from another place\r\n")
            ours.shutdown(2)
        except OSError:
            pass


@scenario(upstream=lambda s: CutsTheOldest(), settings=FAST)
def a_server_that_cuts_the_oldest_session_is_left_alone(s):
    client = s.client(select="INBOX")
    wait_until(lambda: "leaving it alone for 30 s" in s.log_text(), "a word in the log that it is left alone", timeout=15)
    assert logins(s) <= 4, logins(s)
    result = client.command("NOOP", timeout=10)
    assert result.status == "NO" and "Another program uses the only session" in repr(result.tagged), result
    result = s.connect().command("LOGIN u1 secret", timeout=10)
    assert result.status == "NO" and result.code_name == "INUSE", result
    assert logins(s) <= 4, logins(s)


@scenario(users=40, settings={**FAST, "login_pace": "20", "login_wait": "20s"}, timeout=90)
def forty_accounts_come_back_one_after_the_other(s):
    clients = [s.client(user, name=user, select="INBOX") for user in s.users]
    for client in clients[:20]:
        client.idle()
    s.relay.refuse("port")
    s.relay.cut()
    time.sleep(1)
    tags = [client.begin("NOOP") for client in clients[20:]]
    mark = time.monotonic()
    s.relay.refuse(None)
    for client, tag in zip(clients[20:], tags):
        assert client.finish(tag, timeout=20).ok
    wait_until(lambda: set(s.relay.logins_of.values()) == {2}, "each account's second login", timeout=15)
    assert set(s.relay.most_open_of.values()) == {1}, s.relay.most_open_of
    times = sorted(event.time for event in s.relay.events if event.direction == ">" and event.time > mark and " LOGIN " in event.text)
    most = max(sum(1 for other in times if 0 <= other - at < 1) for at in times)
    assert most <= 21, "%d logins in one second" % most
    for client in clients[:20]:
        client.done()
    s.log("%d logins in %.1f s" % (len(times), times[-1] - times[0]))
