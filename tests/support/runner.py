"""Runs the scenarios: each in a process of its own, some at a time, each with a time limit.

    runner.py [--only PATTERN] [--jobs N] [--seed N] [--keep] [--list] [--summary FILE]

A test is named file.function[variant]; PATTERN is a regular expression looked for in that name.
"""
import argparse
import concurrent.futures
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

SUPPORT = os.path.dirname(os.path.abspath(__file__))
SCENARIOS = os.path.join(os.path.dirname(SUPPORT), "scenario")
sys.path.insert(0, SUPPORT)
SKIPPED = 77
output = threading.Lock()


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


# --- all of them

class Run:
    def __init__(self, arguments):
        self.arguments = arguments
        self.base = tempfile.mkdtemp(prefix="imapmux-")
        os.chmod(self.base, 0o755)
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failed = []
        self.processes = set()
        self.stopping = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, _signal, _frame):
        """Ends what runs in order; what waits is not begun."""
        self.stopping = True
        for process in list(self.processes):
            process.terminate()

    def test(self, number, test):
        if self.stopping:
            return
        name, family, function, variant, options = test
        directory = os.path.join(self.base, str(number))
        os.mkdir(directory)
        start = time.monotonic()
        status, text = self._process(directory, family, function, variant, options["timeout"])
        self._report(name, status, text, time.monotonic() - start, directory)
        if not self.arguments.keep:
            shutil.rmtree(directory, ignore_errors=True)

    def _process(self, directory, family, function, variant, timeout):
        command = [sys.executable, os.path.abspath(__file__), "--one", family, function, variant, directory,
                   "--seed", str(self.arguments.seed)]
        with open(os.path.join(directory, "test.log"), "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.processes.add(process)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                status = process.wait(15)
            except subprocess.TimeoutExpired:
                status = -9
        try:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: nothing of anybody else
        except ProcessLookupError:
            pass
        self.processes.discard(process)
        with open(os.path.join(directory, "test.log"), errors="replace") as log:
            return status, log.read()

    def _report(self, name, status, text, seconds, directory):
        kind = {0: "passed", SKIPPED: "skipped"}.get(status, "failed")
        reason = "; ".join(line[7:] for line in text.splitlines() if line.startswith("REASON "))
        with output:
            self.counts[kind] += 1
            if kind == "passed" and self.arguments.quiet:
                return
            print("%-7s %6.1fs  %s%s" % (kind, seconds, name, "  (%s)" % reason[:600] if reason else ""), flush=True)
            if kind == "failed":
                self.failed.append(name)
                self._show(text, directory)

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
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        sys.exit(run_one(*arguments.one, arguments.seed))
    tests = [test for test in discover() if re.search(arguments.only, test[0])]
    if arguments.list:
        print("\n".join(test[0] for test in tests))
        return
    run = Run(arguments)
    try:
        for turn in range(arguments.repeat):
            with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
                numbers = range(turn * len(tests), (turn + 1) * len(tests))
                list(pool.map(run.test, numbers, sorted(tests, key=lambda test: -test[4]["timeout"])))
            arguments.seed += 1
    finally:
        run.finish()
    counts = run.counts
    if arguments.summary and not run.stopping:
        with open(arguments.summary, "w") as out:
            out.write("%(passed)d %(failed)d %(skipped)d\n" % counts)
    for name in sorted(run.failed):
        print("FAILED %s" % name)
    print("scenarios: %(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
    sys.exit(1 if counts["failed"] or run.stopping else 0)


if __name__ == "__main__":
    main()
