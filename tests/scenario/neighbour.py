"""A good neighbour: how often a server is asked to let somebody in. The settings that measure it are the shipped ones here."""
import threading
import time

from scenario import MANNERS, scenario, wait_until
from scripted_upstream import ScriptedUpstream, odd

SHIPPED = {"login_budget": "3", "login_interval": "30s", "server_login_budget": "60", "login_pace": "10", "kick_pause": "5m"}
assert set(SHIPPED) == set(MANNERS)
# The same measures ten times as fast, so that a minute takes six seconds.
FAST = {**SHIPPED, "login_interval": "3s", "server_login_budget": "600", "login_pace": "100", "kick_pause": "30s",
        "reconnect_ceiling": "30s", "login_wait": "3s"}


def ask_for(s, seconds):
    """A client that wants to be let in all the time. Returns its last answer."""
    until, result = time.monotonic() + seconds, None
    while time.monotonic() < until:
        client = s.connect()
        result = client.command("LOGIN u1 secret", timeout=20)
        client.close_socket()
    return result


@scenario(upstream=odd(login="TAG NO [LIMIT] Too many connections"), settings=FAST)
def a_slot_held_by_another_program_costs_few_logins(s):
    result = ask_for(s, 6)
    assert result.status == "NO" and result.code_name == "LIMIT", result
    assert s.upstream.logins <= 5, s.upstream.logins


@scenario(upstream=odd(login="* BYE Too busy for you"), settings=FAST)
def a_server_that_says_bye_to_each_login_sees_few(s):
    result = ask_for(s, 6)
    assert result.status == "NO" and result.code_name in ("UNAVAILABLE", "LIMIT"), result
    assert s.upstream.logins <= 6, s.upstream.logins
