"""What proxy/quickstart shows: one session at the server, everybody in.

Everything it makes lies in one temporary directory; it and all processes are gone when this ends, however it ends.
"""
import argparse
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from binary import binary
from certificates import Authority
from dovecot import Dovecot
from mail_server import PASSWORD, free_port
from imap_client import Client, Closed, make_message

USER = "you"
CLIENTS = ("desktop", "phone", "push service")


class Failed(Exception):
    """Something did not go as it should; the text is for the user."""


def say(text=""):
    print(text, flush=True)


class Imapmux:
    """The program with two listeners: plain text and STARTTLS on one, TLS on the other."""

    def __init__(self, directory, upstream, profile=None):
        self.directory = directory
        self.port, self.tls_port = free_port(), free_port()
        certificate = Authority(os.path.join(directory, "tls"), "imapmux quickstart").issue("localhost")
        self.command = binary("release") + [
            "--upstream", upstream, "--listen", "imap://127.0.0.1:%d" % self.port, "--listen",
            "imaps://127.0.0.1:%d" % self.tls_port, "--cert", certificate.cert, "--key", certificate.key]
        self.command += ["--profile", profile] if profile else []
        self.log = os.path.join(directory, "imapmux.log")
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)  # Ctrl-C is ours to pass on
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Failed("imapmux does not start: " + self.last_words())
                time.sleep(0.02)

    def last_words(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-2000:].strip()

    def stop(self):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(6)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


def lockout(server):
    """Two direct logins; returns the server's words to the second."""
    first = Client(server.port, "first", tracked=False)
    first.login(USER, PASSWORD)
    second = Client(server.port, "second", tracked=False)
    try:
        result = second.command("LOGIN %s %s" % (USER, PASSWORD), timeout=10)
    except Closed as closed:
        raise Failed("the server closed the second login: %s" % closed.bye)
    second.close_socket()
    first.logout()
    if result.status != "NO":
        raise Failed("the server let two direct sessions in: its limit does not work")
    return result.tagged.text.partition(b" ")[2].decode("latin-1")


def enter(port, name):
    client = Client(port, name, timeout=15)
    try:
        client.login(USER, PASSWORD)
        client.select("INBOX")
        client.idle()
    except (AssertionError, Closed, TimeoutError) as error:
        raise Failed("the %s did not get in: %s" % (name, error))
    return client


def told(client, count, start, times):
    try:
        client.idle_until(lambda: len(client.messages) == count, 15)
        times[client.name] = time.monotonic() - start
    except (AssertionError, Closed, TimeoutError) as error:
        times[client.name] = error


def demonstrate(server, mux):
    say("A mail server that permits one session is running: 127.0.0.1, port %d." % server.port)
    say("The first program logs in directly and is served. The second one is told:")
    say("    %s" % lockout(server))
    mux.start()
    say("\nimapmux runs in front of it: 127.0.0.1, port %d. Three programs log in at once:" % mux.port)
    clients = [enter(mux.port, name) for name in CLIENTS]
    for client in clients:
        say("    %-13s logged in, INBOX open, waiting in IDLE" % client.name)
    times, count = {}, len(clients[0].messages) + 1
    start = time.monotonic()
    threads = [threading.Thread(target=told, args=(client, count, start, times)) for client in clients]
    for thread in threads:
        thread.start()
    server.deliver(USER, make_message("welcome"))
    for thread in threads:
        thread.join()
    say("\nA message is delivered. Told of it through IDLE:")
    for name in CLIENTS:
        if not isinstance(times[name], float):
            raise Failed("the %s was not told of the message: %s" % (name, times[name]))
        say("    %-13s after %.2f s" % (name, times[name]))
    sessions = server.sessions(USER)
    say("\nSessions that the server counts: %d" % sessions)
    if sessions != 1:
        raise Failed("the server should count one session")
    for client in clients:
        client.done()
        if client.fetch_identity(count) != "welcome":
            raise Failed("the %s was given another message" % client.name)
        client.logout()


def how_to_point(mux, user, password):
    say("\nPoint mail programs at it, as many as you like:")
    say("    server    127.0.0.1 (IMAP)")
    say("    port      %d without TLS or with STARTTLS, %d with TLS" % (mux.port, mux.tls_port))
    say("    user      %s" % user)
    say("    password  %s" % password)
    say("    (the certificate is made for this run: a program will ask whether to trust it)")
    say("\nCtrl-C ends it.")


def wait(processes):
    while True:
        for name, process in processes:
            if process.poll() is not None:
                raise Failed("%s has ended" % name)
        time.sleep(0.3)


def private_server(arguments, directory):
    server = Dovecot(os.path.join(directory, "server"), [USER])
    os.mkdir(server.directory)
    server.start()
    mux = Imapmux(directory, "imap://127.0.0.1:%d" % server.port)
    try:
        demonstrate(server, mux)
        if not arguments.once:
            how_to_point(mux, USER, PASSWORD)
            wait([("imapmux", mux.process), ("the mail server", server.process)])
    finally:
        try:
            status = mux.stop()
        finally:
            server.stop()
    if status:
        raise Failed("imapmux ended with %d: %s" % (status, mux.last_words()))


def reach(url):
    """Connects to the server once, as imapmux will at the first login, and reads its greeting. Nothing is said but LOGOUT."""
    try:
        place = urllib.parse.urlsplit(url)
        host, secure = place.hostname, place.scheme == "imaps"
        port = place.port or (993 if secure else 143)
        if not host:
            raise ValueError("it names no host")
    except ValueError as error:
        raise Failed("%s: %s" % (url, error))
    try:
        with socket.create_connection((host, port), 15) as plain:
            connection = ssl.create_default_context().wrap_socket(plain, server_hostname=host) if secure else plain
            with connection, connection.makefile("rb") as reader:
                greeting = reader.readline(8192)
                if greeting:
                    connection.sendall(b"q LOGOUT\r\n")
    except OSError as error:  # ssl.SSLError is one
        raise Failed("%s cannot be reached, port %d: %s" % (host, port, error.strerror or error))
    if not greeting.startswith((b"* OK", b"* PREAUTH")):
        raise Failed("%s, port %d, does not greet as an IMAP server: %r" % (host, port, greeting[:200]))


def known_profile(url):
    """The profile that imapmux has for the server; None: it has none."""
    done = subprocess.run(binary("release") + ["--explain", "--upstream", url, "--listen", "imap://127.0.0.1:0"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    found = re.search(r"^# There is a profile for .*: profile = (\S+)$", done.stdout, re.M)
    return found.group(1) if found else None


def real_server(arguments, directory):
    reach(arguments.server)
    profile = known_profile(arguments.server)
    mux = Imapmux(directory, arguments.server, profile)
    try:
        mux.start()
        say("imapmux runs in front of %s: 127.0.0.1, port %d." % (arguments.server, mux.port))
        if profile:
            say("It knows this server. In a settings file, [upstream NAME] should say: profile = %s" % profile)
        greeting = Client(mux.port, "look", tracked=False).greeting
        if greeting.status != "OK":
            raise Failed("no greeting: %r" % greeting)
        say("It takes the server's one session at the first login, and gives it to everybody.")
        if not arguments.once:
            how_to_point(mux, "yours at that server", "yours at that server")
            wait([("imapmux", mux.process)])
    finally:
        status = mux.stop()
    if status:
        raise Failed("imapmux ended with %d: %s" % (status, mux.last_words()))


def interrupted(_signal, _frame):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the taking down is not to be interrupted
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="quickstart")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("server", nargs="?")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    directory = tempfile.mkdtemp(prefix="imapmux-quickstart-")
    os.chmod(directory, 0o755)
    status = 0
    try:
        (real_server if arguments.server else private_server)(arguments, directory)
    except KeyboardInterrupt:
        say("\nEnding.")
        status = 0 if not arguments.once else 130
    except Exception as error:
        say("\nIt did not work: %s" % error)
        status = 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
