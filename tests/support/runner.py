#!/usr/bin/python3
"""Runs the scenarios: each in a process of its own, some at a time, each with a time limit.

    tests/support/runner.py [--only PATTERN] [--jobs N] [--seed N] [--keep] [--list] [--summary FILE] [--times FILE]

A test is named file.function[variant]; PATTERN is a regular expression looked for in that name.
"""
import argparse
import functools
import importlib.util
import os
import random
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
SUPPORT = os.path.dirname(os.path.abspath(__file__))
SCENARIOS = os.path.join(os.path.dirname(SUPPORT), "scenario")
sys.path.insert(0, SUPPORT)
SKIPPED = 77


@functools.lru_cache(maxsize=None)
def load(name):
    specification = importlib.util.spec_from_file_location("scenario_" + name, os.path.join(SCENARIOS, name + ".py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def discover():
    """[(name, file, function name, variant, options)]"""
    tests = []
    for entry in sorted(os.listdir(SCENARIOS)):
        if not entry.endswith(".py"):
            continue
        family = entry[:-3]
        for function in vars(load(family)).values():
            options = getattr(function, "scenario", None)
            if options is None:
                continue
            for variant in options["variants"]:
                name = "%s.%s[%s]" % (family, function.__name__, variant)
                tests.append((name, family, function.__name__, variant, options))
    return tests


# --- one test, in its own process

def run_one(family, function, variant, directory, seed):
    import scenario
    signal.signal(signal.SIGTERM, _too_late)
    try:
        faults = scenario.run(getattr(load(family), function), variant, directory, seed)
    except scenario.Skip as reason:
        print("REASON %s" % reason)
        return SKIPPED
    for fault in faults:
        print("REASON %s" % fault.strip().replace("\n", "\nREASON "))
    return 1 if faults else 0


def _too_late(_signal, _frame):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise TimeoutError("the scenario's time limit")


def _become(test, directory, seed):
    """The forked child: a session of its own, nothing on standard input, all words into test.log; never returns."""
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        null, log = os.open(os.devnull, os.O_RDONLY), os.open(os.path.join(directory, "test.log"), os.O_WRONLY | os.O_CREAT, 0o644)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.close(null)
        os.close(log)
        random.seed()
        status = run_one(test.family, test.function, test.variant, directory, seed)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


# --- all of them

class Test:
    """One test of a run, in its turn; while it runs, its process and when it must have ended."""

    def __init__(self, number, name, family, function, variant, options):
        self.number, self.name, self.family, self.function, self.variant = number, name, family, function, variant
        self.timeout = options["timeout"]

    def start(self, base, seed):
        self.directory = os.path.join(base, str(self.number))
        os.mkdir(self.directory)
        self.began = time.monotonic()
        self.deadline, self.kind_of_end = self.began + self.timeout, signal.SIGTERM
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(self, self.directory, seed)
        self.ended = os.pidfd_open(self.pid)

    def hurry(self, now):
        """SIGTERM at the time limit, SIGKILL a while later."""
        if now < self.deadline:
            return
        os.kill(self.pid, self.kind_of_end)
        self.deadline, self.kind_of_end = now + 15, signal.SIGKILL

    def collect(self):
        """Its exit status. Its session goes with it: nothing of anybody else."""
        os.close(self.ended)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.seconds = time.monotonic() - self.began
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Run:
    """One thread, or it could not fork."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.base = tempfile.mkdtemp(prefix="imapmux-")
        os.chmod(self.base, 0o755)
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failed, self.times = [], []
        self.running = {}
        self.stopping = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, _signal, _frame):
        """Ends what runs in order; what waits is not begun."""
        self.stopping = True
        for test in list(self.running.values()):
            os.kill(test.pid, signal.SIGTERM)

    def play(self, tests):
        """Those with the longest time limits first, so that none of them is left for the end alone."""
        waiting = sorted(tests, key=lambda test: -test.timeout)[::-1]
        while (waiting and not self.stopping) or self.running:
            while waiting and not self.stopping and len(self.running) < self.arguments.jobs:
                test = waiting.pop()
                test.start(self.base, self.arguments.seed)
                self.running[test.ended] = test
            self._wait()

    def _wait(self):
        ready = select.select(list(self.running), [], [], 1)[0]
        for test in [self.running.pop(ended) for ended in ready]:
            self._finished(test, test.collect())
        now = time.monotonic()
        for test in self.running.values():
            test.hurry(now)

    def _finished(self, test, status):
        with open(os.path.join(test.directory, "test.log"), errors="replace") as log:
            self._report(test.name, status, log.read(), test.seconds, test.directory)
        if not self.arguments.keep:
            shutil.rmtree(test.directory, ignore_errors=True)

    def _report(self, name, status, text, seconds, directory):
        kind = {0: "passed", SKIPPED: "skipped"}.get(status, "failed")
        reason = "; ".join(line[7:] for line in text.splitlines() if line.startswith("REASON "))
        self.counts[kind] += 1
        self.times.append((seconds, name))
        if kind == "passed" and self.arguments.quiet:
            return
        print("%-7s %6.1fs  %s%s" % (kind, seconds, name, "  (%s)" % reason[:600] if reason else ""), flush=True)
        if kind == "failed":
            self.failed.append(name)
            self._show(text, directory)
            sys.stdout.flush()

    def _show(self, text, directory):
        lines = [line for line in text.splitlines() if not line.startswith("REASON ")]
        _tail("trace", lines, 25)
        for file in ("clients.log", "relay.log", "imapmux.log", "dovecot/dovecot.log", "courier/courier.log"):
            _tail(file, _lines(os.path.join(directory, file)), self.arguments.tail)
        for file in sorted(os.listdir(directory)):
            if file.startswith("sanitizer-"):
                _tail(file, _lines(os.path.join(directory, file))[:60], 60)

    def finish(self):
        if self.arguments.keep:
            print("kept: %s" % self.base)
        else:
            shutil.rmtree(self.base, ignore_errors=True)


def _lines(path):
    try:
        with open(path, errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _tail(title, lines, count):
    if lines and count:
        print("        --- %s" % title)
        for line in lines[-count:]:
            print("        | %s" % line[:240])


def main():
    parser = argparse.ArgumentParser(description="Runs the scenarios.")
    parser.add_argument("--only", default="", help="regular expression looked for in file.function[variant]")
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1, help="runs everything so often, each time with another seed")
    parser.add_argument("--keep", action="store_true", help="leave the directories of the tests for a look")
    parser.add_argument("--quiet", action="store_true", help="no line for a test that passed")
    parser.add_argument("--tail", type=int, default=25, help="lines shown of each log of a failed test")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--summary", help="file that gets the counts: passed failed skipped")
    parser.add_argument("--times", help="file to which a line for each test is added: its seconds, its name")
    arguments = parser.parse_args()
    tests = [test for test in discover() if re.search(arguments.only, test[0])]
    if arguments.list:
        print("\n".join(test[0] for test in tests))
        return
    run = Run(arguments)
    try:
        for turn in range(arguments.repeat):
            run.play([Test(turn * len(tests) + number, *test) for number, test in enumerate(tests)])
            arguments.seed += 1
    finally:
        run.finish()
    counts = run.counts
    if arguments.summary and not run.stopping:
        with open(arguments.summary, "w") as out:
            out.write("%(passed)d %(failed)d %(skipped)d\n" % counts)
    if arguments.times:
        with open(arguments.times, "a") as out:
            out.writelines("%.1f %s\n" % time for time in run.times)
    for name in sorted(run.failed):
        print("FAILED %s" % name)
    print("scenarios: %(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
    sys.exit(1 if counts["failed"] or run.stopping else 0)


if __name__ == "__main__":
    main()
