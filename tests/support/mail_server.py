"""What every real server of the scenarios offers, whatever it is, and what they have in common.

A server is private: own directory, own loopback ports, own users, all with PASSWORD. It is limited to one IMAP session by
its own means. Stopped by process id; all its files stay inside `directory`.
"""
import abc
import os
import pwd
import random
import signal
import socket
import subprocess
import time

from imap_client import Client, Literal, identity_of, quote

PASSWORD = "secret"


def free_port():
    """A loopback port below the range that the kernel takes for outgoing connections."""
    chooser = random.SystemRandom()
    while True:
        port = chooser.randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def children(parent):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as stat:
                    if int(stat.read().rpartition(")")[2].split()[1]) == parent:
                        found.append(int(name))
            except OSError:
                continue
    return found


def name_of(pid):
    """The program's name; empty for a process that has gone."""
    try:
        with open("/proc/%d/comm" % pid) as name:
            return name.read().strip()
    except OSError:
        return ""


def listens(port, process="self"):
    """Whether somebody listens there, in the network of that process. Asked without a connection: with some servers that would
    count as a session."""
    for family in ("tcp", "tcp6"):
        with open("/proc/%s/net/%s" % (process, family)) as table:
            if any(words[1].endswith(":%04X" % port) and words[3] == "0A" for words in map(str.split, table)):
                return True
    return False


def listens_at(path, process="self"):
    """The same of a Unix socket. The file is there a moment before anybody listens."""
    with open("/proc/%s/net/unix" % process) as table:
        return any(words[-1] == path and words[3] == "00010000" for words in map(str.split, table))


def end(process, patience=10.0):
    """SIGTERM to a process and to what it has begun; waits for it. (Left alone, some take a second to collect their children.)"""
    if process.poll() is None:
        below = children(process.pid)
        process.send_signal(signal.SIGTERM)
        for child in below:
            try:
                os.kill(child, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def mail_ids():
    """Whom the mail belongs to: as root the system user "mail", else who runs this."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    entry = pwd.getpwnam("mail")
    return entry.pw_uid, entry.pw_gid


class MailServer(abc.ABC):
    """`port`: where imapmux connects. `passwords`: {user: password}. Mailboxes are named as with separator "/" and
    top level folders beside INBOX; folder() gives the name that this server knows."""

    def __init__(self, directory, users):
        self.directory = directory
        self.users = list(users)
        self.passwords = {user: PASSWORD for user in self.users}
        self.port = None
        self.address = "127.0.0.1"  # where it listens
        self.inside = []  # words before its command: in which network it runs

    def beyond(self, line):
        """It is to run at the far end of the line; before start()."""
        self.address, self.inside = line.far, line.inside

    @abc.abstractmethod
    def start(self):
        """Begins it on fresh ports and waits until it answers; returns it."""

    @abc.abstractmethod
    def stop(self):
        """Ends it. Harmless if it does not run."""

    @abc.abstractmethod
    def restart(self):
        """The same mail and ports, a new process: what a server's upgrade looks like from outside."""

    @abc.abstractmethod
    def set_password(self, user, password):
        """From now on the only right one."""

    @abc.abstractmethod
    def deliver_all(self, user, messages, mailbox=None):
        """Puts messages (octets) into the INBOX or another mailbox, made if need be, from outside of its sessions."""

    @abc.abstractmethod
    def contents(self, user, mailbox="INBOX"):
        """{uid: (identity, set of flags)} as the server stores it; no session's \\Recent is taken."""

    @abc.abstractmethod
    def add_flag(self, user, identity, flag, mailbox="INBOX"):
        """As another client would, without a session that counts; nothing happens if the message is not there."""

    @abc.abstractmethod
    def expunge(self, user, identity, mailbox="INBOX"):
        """Likewise."""

    @abc.abstractmethod
    def delete_mailbox(self, user, mailbox):
        """Likewise."""

    def deliver(self, user, message, mailbox=None):
        self.deliver_all(user, [message], mailbox)

    def folder(self, name):
        return name


class DoorServer(MailServer):
    """One that is looked into through a second IMAP port, `door_port`, whose sessions the limit does not count."""

    def __init__(self, directory, users):
        super().__init__(directory, users)
        self.door_port = None

    def door(self, user):
        client = Client(self.door_port, "door", host=self.address, tracked=False)
        client.login(user, self.passwords[user])
        return client

    def contents(self, user, mailbox="INBOX"):
        door = self.door(user)
        count = next(response.number for response in door.select(self.folder(mailbox), examine=True).of("EXISTS"))
        rows = {}
        result = door.ok("FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-Id)])") if count else None
        for response in result.of("FETCH") if result else []:
            items = response.fetch_items()
            flags = {bytes(flag).decode() for flag in items[b"FLAGS"]} - {"\\Recent"}
            header = next((value for name, value in items.items() if name.startswith(b"BODY[")), None)
            if header is not None:  # one that another session removes at this moment has none
                rows[int(items[b"UID"])] = (identity_of(header), flags)
        door.logout()
        return rows

    def deliver_all(self, user, messages, mailbox=None):
        door, name = self.door(user), quote(self.folder(mailbox or "INBOX"))
        for message in messages:
            result = door.command("APPEND ", name, " ", Literal(message))
            if result.status == "NO" and result.code_name == "TRYCREATE":
                door.ok("CREATE ", name)
                result = door.command("APPEND ", name, " ", Literal(message))
            assert result.ok, result
        door.logout()

    def add_flag(self, user, identity, flag, mailbox="INBOX"):
        self._change(user, identity, mailbox, "UID STORE %d +FLAGS (" + flag + ")")

    def expunge(self, user, identity, mailbox="INBOX"):
        self._change(user, identity, mailbox, "UID STORE %d +FLAGS (\\Deleted)", "UID EXPUNGE %d")

    def _change(self, user, identity, mailbox, *commands):
        found = [uid for uid, (other, _) in self.contents(user, mailbox).items() if other == identity]
        if found:
            door = self.door(user)
            door.select(self.folder(mailbox))
            for command in commands:
                door.ok(command % found[0])
            door.logout()

    def delete_mailbox(self, user, mailbox):
        door = self.door(user)
        door.ok("DELETE ", quote(self.folder(mailbox)))
        door.logout()


def wait_until(condition, what, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("%s within %g s" % (what, timeout))
        time.sleep(0.02)
