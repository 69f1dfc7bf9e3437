"""proxy/quickstart, the first thing that anybody runs."""
import os
import subprocess
import sys

from binary import ROOT, binary
from scenario import scenario
from scripted_upstream import ScriptedUpstream

QUICKSTART = [sys.executable, os.path.join(ROOT, "tests/support/quickstart.py"), "--once"]


def quickstart(s, *arguments, **more):
    return subprocess.run([*QUICKSTART, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "TMPDIR": s.scratch, "PYTHONDONTWRITEBYTECODE": "1"}, **more)


@scenario(upstream=lambda s: ScriptedUpstream(), relay=False, start=False)
def a_server_that_cannot_be_reached_is_said(s):
    done = quickstart(s, "imaps://no-such-host.invalid")
    assert done.returncode == 1 and "no-such-host.invalid cannot be reached, port 993: " in done.stdout, done
    done = quickstart(s, "imap://127.0.0.1:1")
    assert done.returncode == 1 and "127.0.0.1 cannot be reached, port 1: " in done.stdout, done


@scenario(upstream=lambda s: ScriptedUpstream(), relay=False, start=False)
def a_server_that_greets_is_put_behind_imapmux(s):
    done = quickstart(s, "imap://127.0.0.1:%d" % s.upstream.port)
    assert done.returncode == 0 and "imapmux runs in front of imap://127.0.0.1" in done.stdout, done
    assert s.upstream.connections == 1, s.upstream.connections


@scenario(upstream=lambda s: ScriptedUpstream(greeting=b"* BYE not today"), relay=False, start=False)
def a_server_that_sends_everybody_away_is_said(s):
    done = quickstart(s, "imap://127.0.0.1:%d" % s.upstream.port)
    assert done.returncode == 1 and "does not greet as an IMAP server: b'* BYE not today" in done.stdout, done


@scenario(upstream=lambda s: ScriptedUpstream(), relay=False, start=False)
def a_program_may_be_named_by_a_relative_path(s):
    program, *words = binary("release")
    os.symlink(program, os.path.join(s.directory, "program"))
    os.environ["IMAPMUX_BINARY"] = " ".join(["./program", *words])
    done = quickstart(s, "imap://127.0.0.1:%d" % s.upstream.port, cwd=s.directory)
    assert done.returncode == 0, done
    os.environ["IMAPMUX_BINARY"] = "./no-such-program"
    done = quickstart(s, "imap://127.0.0.1:%d" % s.upstream.port, cwd=s.directory)
    assert done.returncode == 1 and "IMAPMUX_BINARY: there is no program ./no-such-program" in done.stdout + done.stderr, done


@scenario(upstream=lambda s: ScriptedUpstream(), relay=False, start=False)
def the_demonstration_succeeds(s):
    done = quickstart(s)
    assert done.returncode == 0 and "Sessions that the server counts: 1" in done.stdout, done


@scenario(upstream=lambda s: ScriptedUpstream(), relay=False, start=False)
def a_server_that_is_known_gets_its_profile(s):
    for url, profile in (("imaps://imap.gmail.com", "gmail"), ("imaps://IMAP.mailbox.org:993", "mailbox.org"),
                         ("imap://127.0.0.1:%d" % s.upstream.port, "None"), ("imaps://no host", "None")):
        done = subprocess.run([sys.executable, "-c", "import sys, quickstart; print(quickstart.known_profile(sys.argv[1]))", url],
                              capture_output=True, text=True, cwd=os.path.join(ROOT, "tests/support"), timeout=20,
                              env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        assert done.stdout.strip() == profile, (url, done)
