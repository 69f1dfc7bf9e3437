"""What a scenario stands on: upstream <- relay <- imapmux <- clients, started for it alone and torn down after it.

    @scenario(variants=MATRIX, users=2)
    def behaviour_that_must_hold(s):
        phone = s.client(select="INBOX")
        ...

At the end of every scenario it is asserted that imapmux held at most one upstream connection per account, said nothing
upstream that was not announced, exits 0 on SIGTERM within 5 s, left no process and no file, and that no sanitizer
spoke. `upstream` may be another factory than Dovecot's: called with the Scenario, it returns an object with start(),
stop() and `port`. What is a mail_server.MailServer is `s.server` too, and s.deliver, s.stored and s.direct work with it.
"""
import ctypes
import os
import signal
import socket
import subprocess
import time
import traceback

from binary import binary
from courier import Courier
from cyrus import Cyrus
from dovecot import PROGRAM, Dovecot
from imap_client import Client, Closed, make_message
from mail_server import PASSWORD, MailServer, children, free_port
from relay import Relay
from server_tree import Unavailable

MATRIX = ("full", "no-condstore", "bare", "no-idle")
# Tests deliver behind imapmux's back and look at once, so nothing may be answered from a look a moment ago.
SETTINGS = {"freshness": "0", "park_delay": "1s", "watch_interval": "1s", "poll_interval": "500ms", "login_wait": "10s",
            "flag_interval": "1s", "watch_full_interval": "2s"}
# Lines are cut by the dozen here, and accounts come and go within a minute.
MANNERS = {"login_budget": "0", "login_interval": "30s", "server_login_budget": "0", "login_pace": "0", "kick_pause": "0"}
# IMAPMUX_TEST_SESSIONS=2 runs scenarios that are about something else with so many sessions of an account. Some of them count
# logins or commands, which are others then.
SESSIONS = int(os.environ.get("IMAPMUX_TEST_SESSIONS", "1"))
# All settings of the upstream that a scenario may give.
TREATMENT = {**MANNERS, "piece_size": "1M", "max_sessions": str(SESSIONS), "max_sessions_for": ""}
# The rest are durations, in [timeouts].
SECTIONS = {"limits": """quantum slice_messages slice_size client_line_max client_line_max_before_login literal_max_before_login
    upstream_command_max upstream_answer_max append_max output_memory spool_max spool_total sessions_per_account
    sessions_per_address sessions_total queued_commands login_failures_per_minute drain_max max_garbage max_bad_before_login max_bad""".split(),
            "logging": ["log_level", "log_file"], "program": ["spool_directory", "state_directory", "core_dumps", "user", "memory_max"]}


class Skip(Exception):
    """Raised by a scenario that cannot run here, with the reason."""


def scenario(variants=("full",), users=1, settings=None, limit=None, timeout=60, build="dev", upstream=None, tls=None,
             relay=True, storage="sdbox", dovecot_extra="", start=True, connections=1):
    """Marks a function as a scenario. limit: "one" (the default with one user), "account", or so many sessions at the server.
    build: the preset whose binary is taken. start=False: the body starts imapmux itself by s.start_imapmux().
    connections: how many an account may have upstream at once (2 with verify_connection, else max_sessions)."""
    if SESSIONS > connections:
        connections, limit = SESSIONS, SESSIONS if limit is None else limit

    def mark(function):
        function.scenario = dict(
            variants=variants, users=["u%d" % (n + 1) for n in range(users)], settings={**SETTINGS, **(settings or {})},
            limit=limit or ("one" if users == 1 else "account"), timeout=timeout, build=build, upstream=upstream, tls=tls,
            relay=relay, storage=storage, dovecot_extra=dovecot_extra, start=start,
            connections=connections)
        return function
    return mark


class Scenario:
    def __init__(self, directory, variant, seed, options):
        self.directory, self.variant, self.seed, self.options = directory, variant, seed, options
        self.users = options["users"]
        self.upstream = self.server = self.dovecot = self.relay = self.process = self.mux_port = None
        self.clients, self.faults = [], []
        self.log_file = open(os.path.join(directory, "clients.log"), "w", buffering=1)
        self.start_time = time.monotonic()
        self.settings = dict(options["settings"])
        self.expected_exit = 0
        self.client_class = Client
        self.launcher = []  # words before the command that is imapmux
        self.scratch = os.path.join(directory, "tmp")
        os.mkdir(self.scratch)

    # --- life

    def start(self):
        factory = self.options["upstream"] or Scenario._dovecot
        self.upstream = factory(self)
        if isinstance(self.upstream, MailServer):
            self.server = self.upstream
        self.upstream.start()
        port = self.upstream.port
        if self.options["relay"]:
            self.relay = Relay(("127.0.0.1", port), self.seed, os.path.join(self.directory, "relay.log"))
            self.relay.start()
            port = self.relay.port
        self.upstream_port = port
        if self.options["start"]:
            self.start_imapmux()

    def make_directory(self, name):
        directory = os.path.join(self.directory, name)
        os.mkdir(directory)
        return directory

    def _dovecot(self):
        if not os.path.exists(PROGRAM):
            raise Skip("Dovecot is not installed")
        self.dovecot = Dovecot(self.make_directory("dovecot"), self.users, self.variant, self.options["limit"], self.options["tls"],
                               self.options["storage"], extra=self.options["dovecot_extra"])
        return self.dovecot

    def write_settings(self, upstream=None, listener=None):
        """Writes the settings file; the arguments are more lines for the two sections."""
        settings = {"log_level": "debug", "spool_directory": self.scratch, **self.settings}
        lines = []
        for section in ("timeouts", *SECTIONS):
            lines += ["[%s]" % section]
            lines += ["%s = %s" % pair for pair in settings.items() if pair[0] not in TREATMENT and section_of(pair[0]) == section]
        lines += ["[upstream server]", "url = imap://127.0.0.1:%d" % self.upstream_port, *(upstream or [])]
        lines += ["%s = %s" % (name, settings.get(name, value)) for name, value in TREATMENT.items()]
        lines += ["[listener clients]", "url = imap://127.0.0.1:%d" % self.mux_port, *(listener or [])]
        path = os.path.join(self.directory, "imapmux.conf")
        with open(path, "w") as out:
            out.write("\n".join(lines) + "\n")
        return path

    def environment(self):
        logs = "log_path=%s/" % self.directory
        return {**os.environ, "TMPDIR": self.scratch, "ASAN_OPTIONS": logs + "sanitizer-address:detect_stack_use_after_return=1",
                "UBSAN_OPTIONS": logs + "sanitizer-undefined:print_stacktrace=1",
                "TSAN_OPTIONS": logs + "sanitizer-thread", "LSAN_OPTIONS": "report_objects=0"}

    def start_imapmux(self, arguments=None, wait=True):
        self.mux_port = self.mux_port or free_port()
        command = self.launcher + binary(self.options["build"]) + (arguments or ["-c", self.write_settings()])
        with open(os.path.join(self.directory, "imapmux.log"), "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                                            env=self.environment())
        if wait:
            self._wait_listening()

    def _wait_listening(self):
        deadline = time.monotonic() + 10
        while True:
            if self.process.poll() is not None:
                raise AssertionError("imapmux ended with %d at its start" % self.process.returncode)
            try:
                Client(self.mux_port, "probe", tracked=False, timeout=5).close_socket()
                return
            except (OSError, Closed):
                if time.monotonic() > deadline:
                    raise AssertionError("imapmux does not answer on its port")
                time.sleep(0.02)

    def wait_port(self):
        """Waits until the listener's port is open (where a greeting would need TLS)."""
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.mux_port), 5).close()
                return
            except OSError:
                assert self.running() and time.monotonic() < deadline, "imapmux does not open its port"
                time.sleep(0.02)

    def log_text(self):
        with open(os.path.join(self.directory, "imapmux.log"), errors="replace") as log:
            return log.read()

    def reload(self, words="read again"):
        """SIGHUP, and waits for the log to say `words`."""
        before = len(self.log_text())
        self.process.send_signal(signal.SIGHUP)
        self.until_logged(words, before)

    def until_logged(self, words, before=0):
        """Waits for the log to say `words` behind its first `before` characters."""
        deadline = time.monotonic() + 10
        while words not in self.log_text()[before:]:
            assert time.monotonic() < deadline, "the log says nothing of %r: %s" % (words, self.log_text()[before:][-1500:])
            time.sleep(0.02)

    def stop_imapmux(self, limit=8.0):
        """SIGTERM; asserts the exit status and the time. Safe to call twice."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("imapmux still ran %g s after SIGTERM" % limit)
        if status != self.expected_exit:
            raise AssertionError("imapmux ended with %d" % status)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def finish(self):
        """Tears all down and makes the assertions that hold for every scenario; returns the faults."""
        for client in self.clients:
            client.close_socket()
        if self.relay:
            self._check(self._check_connections)
        self._check(self.stop_imapmux)
        self._check(self._check_files)
        if self.relay:
            self.relay.stop()
        if self.upstream:
            self._check(self.upstream.stop)
        self._check(self._check_processes)
        self.log_file.close()
        return self.faults

    def _check(self, action):
        try:
            action()
        except Exception as error:  # everything is torn down whatever fails
            self.faults.append("%s" % error if isinstance(error, AssertionError) else traceback.format_exc())

    def _check_connections(self):
        permitted = self.options["connections"]
        if len(self.users) == 1:
            assert self.relay.most_open <= permitted, "%d upstream connections at once" % self.relay.most_open
        for account, most in self.relay.most_open_of.items():
            assert most <= permitted, "%d upstream connections at once for %s" % (most, account)
        assert not self.relay.violations, "said upstream: " + "; ".join(self.relay.violations[:5])

    def _check_files(self):
        left = os.listdir(self.scratch)
        assert not left, "files left behind: %s" % left
        reports = [name for name in os.listdir(self.directory) if name.startswith("sanitizer-")]
        assert not reports, "sanitizer reports: %s" % reports

    @staticmethod
    def _check_processes():
        deadline = time.monotonic() + 2
        while True:
            left = [pid for pid in children(os.getpid()) if not _reap(pid)]
            if not left:
                return
            if time.monotonic() > deadline:
                raise AssertionError("processes left behind: %s" % [_name_of(pid) for pid in left])
            time.sleep(0.02)

    # --- clients

    def log(self, text):
        self.log_file.write("%.3f %s\n" % (time.monotonic() - self.start_time, text))

    def connect(self, name=None, **options):
        """A client that has not logged in; one of imapmux reads by the grammar."""
        options.setdefault("strict", "port" not in options)
        client = self.client_class(options.pop("port", self.mux_port), name or "c%d" % (len(self.clients) + 1), log=self.log, **options)
        self.clients.append(client)
        return client

    def client(self, user="u1", name=None, select=None, examine=None, learn=False, **options):
        client = self.connect(name, **options)
        client.login(user, self.password(user))
        if select or examine:
            client.select(select or examine, examine=bool(examine))
        if learn:
            client.learn()
        return client

    def direct(self, user="u1", name="direct", select=None, **options):
        """A client of the server itself: only where imapmux does not hold its one session."""
        deadline = time.monotonic() + 2
        while True:
            try:
                client = self.connect(name, port=self.upstream.port, **options)
                client.login(user, self.password(user))
                break
            except (AssertionError, Closed):
                # The slot of a session that has just ended is free a moment later.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        if select:
            client.select(select)
        return client

    def password(self, user):
        return self.server.passwords[user] if self.server else PASSWORD

    # --- mail

    def deliver(self, *identities, user="u1", mailbox=None, size=0, extra=""):
        self.server.deliver_all(user, [make_message(identity, size, extra) for identity in identities], mailbox)

    def fill(self, count, prefix="m", **options):
        """Delivers `count` messages; returns their identities."""
        identities = ["%s%d" % (prefix, number + 1) for number in range(count)]
        self.deliver(*identities, **options)
        return identities

    def stored(self, mailbox="INBOX", user="u1"):
        """{identity: flags} as the server stores it."""
        rows = list(self.server.contents(user, mailbox).values())
        assert len(rows) == len(dict(rows)), "the server holds a message twice: %s" % rows
        return dict(rows)


def of_variant(s):
    """An upstream factory: the variant is the name of a server, which keeps to one session by its own means."""
    kind = {"cyrus": Cyrus, "courier": Courier}[s.variant]
    try:
        return kind(s.make_directory(s.variant), s.users)
    except Unavailable as reason:
        raise Skip(str(reason)) from reason


def section_of(setting):
    return next((section for section, names in SECTIONS.items() if setting in names), "timeouts")


def _reap(pid):
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _name_of(pid):
    try:
        with open("/proc/%d/cmdline" % pid) as cmdline:
            return cmdline.read().replace("\0", " ").strip()
    except OSError:
        return str(pid)


def adopt_orphans():
    """Makes this process the parent of everything below it whose own parent has gone (PR_SET_CHILD_SUBREAPER)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _source_of(error):
    """The line that failed, for an assert without words."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return "%s (%s:%d)" % (frame.line, os.path.basename(frame.filename), frame.lineno)


def run(function, variant, directory, seed):
    """Runs one scenario in this process; returns the faults, printing traces. Raises Skip."""
    adopt_orphans()
    body = Scenario(directory, variant, seed, function.scenario)
    faults = []
    try:
        body.start()
        function(body)
    except Skip:
        body.finish()
        raise
    except BaseException as error:
        traceback.print_exc()
        faults.append("%s: %s" % (type(error).__name__, error if str(error) else _source_of(error)))
    return faults + body.finish()
