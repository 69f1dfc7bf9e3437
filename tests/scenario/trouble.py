"""Trouble stays where it belongs: a command, a mailbox or a message that a server cannot bear costs its asker a NO, and
nobody else a mail."""
import re
import time

from scenario import scenario
from scripted_upstream import ScriptedUpstream


def asked(s, pattern):
    """How often the server was sent a command like this."""
    return sum(re.search(pattern, command) is not None for command in s.upstream.commands)


# --- commands

class SlowSearch(ScriptedUpstream):
    """Never answers a SEARCH for a word, and is at it until it has found that the line is closed."""
    def do_uid_search(self, tag, rest):
        if "TEXT" in rest:
            while True:
                self.read_more()
        super().do_uid_search(tag, rest)


@scenario(upstream=lambda s: SlowSearch(), settings={"response_timeout": "300ms", "slow_timeout": "2s"})
def a_search_without_an_answer_is_sent_twice_and_holds_up_nobody_for_longer(s):
    seeker, reader = s.client(select="INBOX", learn=True), s.client(select="INBOX", learn=True)
    tag, began = seeker.begin("SEARCH TEXT word"), time.monotonic()
    assert reader.fetch_identity(2) == "m2"
    assert time.monotonic() - began > 1.5, "a search has its time"
    result = seeker.finish(tag, 20)
    assert result.status == "NO" and "did not answer in time" in repr(result), result
    assert reader.fetch_identity(3) == "m3"
    assert asked(s, "TEXT") == 2 and s.upstream.connections == 3, s.upstream.commands
