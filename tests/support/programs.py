"""Real mail programs, each driven without a human, all files below one directory."""
import email
import os
import pty
import select
import shutil
import subprocess
import time

from scenario import Skip


def need(*names):
    """Skips the scenario where a program is not installed."""
    for name in names:
        if not shutil.which(name):
            raise Skip("%s is not installed" % name)


class Account:
    """How to reach the account: what every program needs."""

    def __init__(self, directory, port, user="u1", password="secret"):
        self.directory, self.port, self.user, self.password = directory, port, user, password
        os.makedirs(directory, exist_ok=True)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.directory, "TERM": "xterm", "LANG": "C.UTF-8", "USER": "tester",
                "FETCHMAILHOME": self.directory}

    def run(self, command, timeout=30):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, env=self.environment(), cwd=self.directory)
        if done.returncode != 0:
            raise AssertionError("%s ended with %d: %s" % (command[0], done.returncode,
                                                           (done.stdout + done.stderr).decode(errors="replace")[-1500:]))
        return done.stdout


class Curl:
    def __init__(self, account):
        self.account = account

    def _curl(self, path, *arguments):
        url = "imap://127.0.0.1:%d/%s" % (self.account.port, path)
        return self.account.run(["curl", "-sS", "-m", "20", "-u", "%s:%s" % (self.account.user, self.account.password), url,
                                 *arguments])

    def listing(self):
        return self._curl("").decode()

    def upload(self, mailbox, message):
        path = self.account.path("upload-%d" % time.time_ns())  # its size must be known
        with open(path, "wb") as out:
            out.write(message)
        self._curl(mailbox, "-T", path)
        os.unlink(path)

    def uid_of(self, mailbox, identity):
        text = self._curl(mailbox, "-X", 'UID SEARCH HEADER X-Id "%s"' % identity).decode()
        # Lines about what others do meanwhile are printed too.
        return int(next(line for line in text.splitlines() if line.startswith("* SEARCH")).split()[-1])

    def read(self, mailbox, identity):
        return self._curl("%s;UID=%d" % (mailbox, self.uid_of(mailbox, identity)))

    def flags(self, mailbox, identity):
        uid = self.uid_of(mailbox, identity)
        text = self._curl(mailbox, "-X", "UID FETCH %d FLAGS" % uid).decode()
        return next(line for line in text.splitlines() if "UID %d " % uid in line or "UID %d)" % uid in line)

    def store(self, mailbox, identity, change):
        self._curl(mailbox, "-X", "UID STORE %d %s" % (self.uid_of(mailbox, identity), change))

    def expunge(self, mailbox):
        self._curl(mailbox, "-X", "EXPUNGE")


class Interimap:
    """interimap, keeping the INBOX of two accounts in step, both ways, by QRESYNC."""

    SECTION = """[%s]
type = imap
host = 127.0.0.1
port = %d
STARTTLS = NO
auth = LOGIN
username = %s
password = %s

"""

    def __init__(self, local, remote):
        self.account = local
        sections = "".join(self.SECTION % (name, account.port, account.user, account.password)
                           for name, account in (("local", local), ("remote", remote)))
        self.config = local.write("interimap.conf", "database = %s\nlist-mailbox = \"INBOX\"\n\n%s" % (local.path("state.db"), sections))

    def sync(self):
        self.account.run(["interimap", "--config=" + self.config], timeout=60)


class Mbsync:
    """isync, keeping the account's INBOX in step with a Maildir, both ways."""

    def __init__(self, account):
        self.account = account
        self.maildir = account.path("mbsync", "INBOX")
        os.makedirs(account.path("mbsync"), exist_ok=True)
        self.rc = account.write("mbsyncrc", """IMAPStore remote
Host 127.0.0.1
Port %d
User %s
Pass %s
SSLType None
AuthMechs LOGIN

MaildirStore local
Path %s/
Inbox %s

Channel main
Far :remote:
Near :local:
Patterns INBOX
Create Both
Expunge Both
SyncState *
""" % (account.port, account.user, account.password, account.path("mbsync"), self.maildir))

    def sync(self):
        self.account.run(["mbsync", "-c", self.rc, "main"])

    def files(self):
        """{identity: path} of the local copies."""
        found = {}
        for folder in ("cur", "new"):
            top = os.path.join(self.maildir, folder)
            for name in os.listdir(top) if os.path.isdir(top) else []:
                with open(os.path.join(top, name), "rb") as file:
                    found[email.message_from_binary_file(file)["X-Id"]] = os.path.join(top, name)
        return found

    def add(self, message):
        with open(os.path.join(self.maildir, "new", "%d.local.test" % time.time_ns()), "wb") as out:
            out.write(message.replace(b"\r\n", b"\n"))

    def flag(self, identity, letters):
        path = self.files()[identity]
        base = os.path.basename(path).partition(":2,")[0]
        present = path.partition(":2,")[2]
        os.rename(path, os.path.join(self.maildir, "cur", "%s:2,%s" % (base, "".join(sorted(set(present + letters))))))


class Mutt:
    """neomutt or mutt under a pseudo-terminal, fed with function names."""

    def __init__(self, account, program="neomutt"):
        self.account, self.program = account, program
        self.rc = account.write("muttrc", """set folder="imap://%s@127.0.0.1:%d/"
set spoolfile="+INBOX"
set imap_user="%s"
set imap_pass="%s"
set ssl_starttls=no
set ssl_force_tls=no
set sleep_time=0
set confirmappend=no
set confirmcreate=no
set delete=yes
set move=no
set quit=yes
set wait_key=no
set mark_old=no
set record=""
set pager_stop=yes
set timeout=1
set mail_check=1
""" % (account.user, account.port, account.user, account.password))

    def go(self, mailbox, keys, timeout=30):
        """Opens a mailbox, presses `keys` (muttrc notation), leaves. Returns the screen's octets."""
        command = [self.program, "-n", "-F", self.rc, "-f", "imap://%s@127.0.0.1:%d/%s" % (self.account.user, self.account.port,
                                                                                            mailbox),
                   "-e", 'push "%s<quit>"' % keys]
        master, slave = pty.openpty()
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=self.account.environment(),
                                   cwd=self.account.directory, start_new_session=True)
        os.close(slave)
        screen, deadline = b"", time.monotonic() + timeout
        while process.poll() is None and time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    screen += os.read(master, 65536)
                except OSError:
                    break
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("%s does not come to an end; screen: %r" % (self.program, screen[-600:]))
        finally:
            os.close(master)
        return screen


class Fetchmail:
    """fetchmail in IDLE; each message goes to a file of its own."""

    def __init__(self, account, folder="INBOX"):
        self.account = account
        self.inbox = account.path("fetched")
        os.makedirs(self.inbox, exist_ok=True)
        deliver = account.write("deliver", "#!/bin/sh\nexec cat >%s/$(date +%%s%%N).$$\n" % self.inbox, 0o700)
        self.rc = account.write("fetchmailrc", """set no bouncemail
poll 127.0.0.1 service %d protocol IMAP auth password
  user "%s" password "%s" is root here
  folder %s
  idle keep sslproto ''
  mda "%s"
""" % (account.port, account.user, account.password, folder, deliver))

    def start(self):
        self.log = open(self.account.path("fetchmail.log"), "wb")
        self.process = subprocess.Popen(["fetchmail", "-v", "-N", "--nosyslog", "--pidfile", self.account.path("fetchmail.pid"),
                                         "-f", self.rc], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=self.account.environment(), cwd=self.account.directory)
        return self

    def identities(self):
        found = set()
        for name in os.listdir(self.inbox):
            with open(os.path.join(self.inbox, name), "rb") as file:
                found.add(email.message_from_binary_file(file)["X-Id"])
        return found

    def wait(self, identity, timeout=20):
        deadline = time.monotonic() + timeout
        while identity not in self.identities():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.account.path("fetchmail.log"), errors="replace") as log:
                    raise AssertionError("fetchmail did not fetch %s: %s" % (identity, log.read()[-1500:]))
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
