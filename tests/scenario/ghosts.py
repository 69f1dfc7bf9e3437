"""A line that is lost and comes back while the server still counts the session, in two network namespaces. Needs root.

A variant is SERVER-plain-4 or SERVER-tls-6: with STARTTLS or without, over IPv4 or IPv6. "small" is a server of our own, which
tells each login and each refusal.
"""
import os
import signal
import subprocess
import sys
import time

from certificates import Authority
from courier import Courier
from cyrus import Cyrus
from dovecot import PROGRAM, Dovecot
from mail_server import end, free_port, wait_until
from namespaces import Line
from scenario import Skip, scenario
from scripted_upstream import odd
from server_tree import Unavailable

PROGRAM_OF_SMALL = os.path.join(os.path.dirname(__file__), "..", "support", "one_session_server.py")
SHORT = {"response_timeout": "1s", "idle_probe": "1s", "idle_delay": "0", "connect_timeout": "1s", "reconnect_ceiling": "1s",
         "login_wait": "20s", "linger": "0"}
# Two seconds after the line's return, and the pause that may just have begun then (reconnect_ceiling, with its jitter); and one
# for a busy machine.
SOON = 2 + 1.5 + 1
MATRIX = ("small-plain-4", "small-plain-6", "dovecot-plain-4", "dovecot-tls-6", "cyrus-plain-6", "cyrus-tls-4", "courier-plain-4",
          "courier-tls-6")
TAKEN_OVER = "connecting from its port"


class Small:
    """one_session_server.py, with the life of the others."""

    def __init__(self, directory, tls=None):
        assert not tls
        self.log, self.process, self.port = os.path.join(directory, "log"), None, None

    def beyond(self, line):
        self.line = line

    def start(self):
        self.port = free_port()
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([*self.line.inside, sys.executable, PROGRAM_OF_SMALL, self.line.far, str(self.port)],
                                            stdout=out, stderr=subprocess.STDOUT)
        wait_until(lambda: "listening" in self.words(), "the server listens")

    def words(self):
        with open(self.log) as log:
            return log.read().split()

    def stop(self):
        end(self.process)


def server_of(s, kind, tls):
    directory = s.make_directory(kind)
    try:
        if kind == "small":
            return Small(directory, tls)
        if kind == "dovecot":
            if not os.path.exists(PROGRAM):
                raise Skip("Dovecot is not installed")
            return Dovecot(directory, limit="account", tls=tls)
        return {"cyrus": Cyrus, "courier": Courier}[kind](directory, tls=tls)
    except Unavailable as reason:
        raise Skip(str(reason)) from reason


def let_all_read(path):
    os.chmod(os.path.dirname(path), 0o755)
    os.chmod(path, 0o644)


class Far:
    """The server of the variant at the far end of a line, and imapmux in front of it."""

    def __init__(self, s):
        kind, tls, family = s.variant.split("-")
        self.s, self.line = s, Line(family == "6")
        self.authority = Authority(os.path.join(s.directory, "ca")) if tls == "tls" else None
        certificate = self.authority.issue("far", "IP:" + self.line.far) if self.authority else None
        if certificate:
            let_all_read(certificate.cert)
            let_all_read(certificate.key)
        self.server = server_of(s, kind, certificate)
        self.outage = 5.5 if kind == "small" else 0  # a kernel that went on closing the connection would try again after 6 s

    def __enter__(self):
        self.line.__enter__()
        try:
            self.server.beyond(self.line)
            self.server.start()
            self.start_imapmux()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.server.stop()
        finally:
            self.line.__exit__()

    def start_imapmux(self):
        s = self.s
        s.mux_port = s.mux_port or free_port()
        s.settings["state_directory"] = s.directory
        path = s.write_settings(upstream=["starttls = yes", "tls_ca = " + self.authority.ca, "source = " + self.line.near]
                                if self.authority else ["starttls = no"])
        with open(path) as settings:
            text = settings.read()
        url = "url = imap://127.0.0.1:%d\n" % s.upstream_port
        assert url in text
        with open(path, "w") as settings:
            settings.write(text.replace(url, "url = imap://%s:%d\n" % (self.line.host, self.server.port), 1))
        s.start_imapmux(["-c", path])

    def cut(self):
        """In a quiet moment: what the server sends again after the line's return would show it that its session is dead."""
        time.sleep(0.3)
        self.line.cut()

    def judge(self, back):
        """It was served just now; the line has been there since `back`."""
        seconds = time.monotonic() - back
        self.s.log("served %.1f s after the line came back" % seconds)
        assert self.s.log_text().count(TAKEN_OVER) == 1, "not taken over, or more than once"
        assert seconds < SOON, "served %.1f s after the line came back" % seconds
        if isinstance(self.server, Small):
            assert self.server.words() == ["listening", "login", "refused", "over", "login"], self.server.words()


@scenario(variants=MATRIX, relay=False, start=False, settings=SHORT, timeout=60, upstream=odd())
def the_session_of_a_lost_line_is_taken_over(s):
    with Far(s) as far:
        client = s.connect()
        assert client.command("LOGIN u1 secret", timeout=15).ok
        client.select("INBOX")
        far.cut()
        s.until_logged("cannot be reached")
        back = far.line.mend()
        assert client.command("NOOP", timeout=20).ok
        far.judge(back)
        client.close_socket()
        s.stop_imapmux()


def end_of_process(s, number):
    process, s.process = s.process, None
    process.send_signal(number)
    process.wait(8)


def handed_on(s, number):
    with Far(s) as far:
        client = s.connect()
        assert client.command("LOGIN u1 secret", timeout=15).ok
        client.select("INBOX")
        far.cut()
        end_of_process(s, number)
        client.close_socket()
        before = len(s.log_text())
        far.start_imapmux()
        assert "servers may still count 1 sessions of the former process" in s.log_text()
        client = s.connect()
        tag = client.begin("LOGIN u1 secret")
        s.until_logged("cannot be reached", before)
        time.sleep(far.outage)
        back = far.line.mend()
        assert client.finish(tag, timeout=20).ok
        far.judge(back)
        client.select("INBOX")
        client.logout()
        s.stop_imapmux()
        assert not os.path.exists(os.path.join(s.directory, "ghosts")), "all has ended in order"


# No kernel is to give up the connection after `response_timeout`.
PATIENT = {**SHORT, "response_timeout": "1m"}


@scenario(variants=("small-plain-4", "dovecot-tls-6", "cyrus-plain-4", "courier-tls-4"), relay=False, start=False, settings=PATIENT,
          timeout=60, upstream=odd())
def a_killed_process_leaves_its_session_to_the_next_one(s):
    handed_on(s, signal.SIGKILL)


@scenario(variants=("dovecot-plain-6",), relay=False, start=False, settings=PATIENT, timeout=60, upstream=odd())
def a_process_that_could_not_log_out_leaves_its_session_to_the_next_one(s):
    handed_on(s, signal.SIGTERM)


@scenario(start=False)
def on_a_line_that_is_up_a_killed_process_leaves_no_session(s):
    """Its connections are reset, so the server counts none; the file's entry gives way to that of the next session."""
    s.settings["state_directory"] = s.make_directory("state")
    file = os.path.join(s.settings["state_directory"], "ghosts")
    s.start_imapmux()
    s.client(select="INBOX").noop()
    assert os.stat(file).st_size == 64 + 68 and os.stat(file).st_mode & 0o777 == 0o600
    end_of_process(s, signal.SIGKILL)
    for client in s.clients:
        client.close_socket()
    s.start_imapmux()
    s.client(select="INBOX").noop()
    assert TAKEN_OVER not in s.log_text()
    s.process.send_signal(signal.SIGKILL)
    s.process.wait()
    s.start_imapmux()
    assert s.log_text().count("servers may still count 1 sessions of the former process") == 2, "the first one's is gone"
    s.client(select="INBOX").noop()


@scenario(start=False)
def a_damaged_file_is_told_and_the_process_serves(s):
    s.settings["state_directory"] = s.make_directory("state")
    file = os.path.join(s.settings["state_directory"], "ghosts")
    with open(file, "wb") as out:
        out.write(os.urandom(5000))
    s.start_imapmux()
    assert "the file ghosts was not written by imapmux, or is damaged; it is ignored" in s.log_text()
    s.client(select="INBOX").noop()
    assert os.stat(file).st_size == 64 + 68
