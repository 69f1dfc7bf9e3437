"""A private Dovecot on loopback: own directory, own ports, one IMAP session.

Works with Dovecot 2.3 and 2.4, whose settings have different names. Nothing of the system's Dovecot is read or written. Works as
root (mail is kept by the system user "mail") and as an ordinary user (everything runs as that user). Stopped by process id; all
its files stay inside `directory`.
"""
import functools
import grp
import os
import pwd
import smtplib
import socket
import subprocess
import time

from mail_server import MailServer, end, free_port, listens_at, mail_ids

PROGRAM = "/usr/sbin/dovecot"
# What Dovecot 2.3.19 announces after login when nothing is configured; the variants leave words out of it.
FULL = (
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS "
    "THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED "
    "I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE "
    "SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE"
).split()


def _without(*words):
    return " ".join(word for word in FULL if word not in words)


VARIANTS = {
    "full": None,
    "no-condstore": _without("CONDSTORE", "QRESYNC", "ENABLE"),
    "bare": _without(
        "UIDPLUS", "MOVE", "LITERAL+", "ESEARCH", "SEARCHRES", "CONTEXT=SEARCH", "CONDSTORE", "QRESYNC", "ENABLE",
        "NOTIFY", "UNSELECT", "BINARY", "CATENATE", "MULTIAPPEND"),
    "no-idle": _without("IDLE", "NOTIFY"),
}

NAMESPACE = """
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \\Drafts
  }
  mailbox Sent {
    special_use = \\Sent
  }
  mailbox Trash {
    special_use = \\Trash
  }
}
"""

# What the settings are called, and how they are written, before 2.4 and since.
OLD = {
    "first": "",
    "cleartext": {False: "disable_plaintext_auth = no", True: "disable_plaintext_auth = yes"},
    "mail": "mail_location = %(storage)s:%(directory)s/mail/%%u",
    "passwords": "passdb {\n  driver = passwd-file\n  args = username_format=%%u %(directory)s/passwd\n}",
    "users": "userdb {\n  driver = static\n  args = uid=%(uid)d gid=%(gid)d home=%(directory)s/home/%%u\n}",
    "many connections": "service_count = 0",
    "certificate": "ssl = %s\nssl_cert = <%s\nssl_key = <%s",
}
NEW = {
    "first": "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0",
    "cleartext": {False: "auth_allow_cleartext = yes", True: "auth_allow_cleartext = no"},
    "mail": "mail_driver = %(storage)s\nmail_path = %(directory)s/mail/%%{user}",
    "passwords": "passdb passwd-file {\n  auth_username_format = %%{user}\n  passwd_file_path = %(directory)s/passwd\n}",
    "users": "userdb static {\n  fields {\n    uid = %(uid)d\n    gid = %(gid)d\n    home = %(directory)s/home/%%{user}\n  }\n}",
    "many connections": "restart_request_count = unlimited",
    "certificate": "ssl = %s\nssl_server_cert_file = %s\nssl_server_key_file = %s",
}


@functools.lru_cache
def version():
    """Of the Dovecot that is installed: (2, 3) or (2, 4)."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    major, minor = done.stdout.split(".")[:2]
    return int(major), int(minor)


class Dovecot(MailServer):
    """`limit` says how the one-session rule is kept: "one" (a single session in all, the strict form), "account" (one
    per account, for several accounts at once), a number (so many per account) or None."""

    def __init__(self, directory, users=("u1",), variant="full", limit="one", tls=None, storage="sdbox", require_tls=False,
                 extra=""):
        super().__init__(directory, users)
        self.variant = variant
        self.limit = limit
        self.tls = tls  # an object with .cert and .key, or None
        self.require_tls = require_tls
        self.storage = storage
        self.extra = extra
        self.tls_port = None
        self.process = None
        self.config = os.path.join(directory, "dovecot.conf")
        self.log = os.path.join(directory, "dovecot.log")
        self.lmtp_socket = os.path.join(directory, "run", "lmtp")

    # --- life

    def start(self):
        for name in ("run", "state", "mail", "home"):
            os.makedirs(os.path.join(self.directory, name), exist_ok=True)
        os.chmod(self.directory, 0o755)
        uid, gid = mail_ids()
        for name in ("mail", "home"):
            os.chown(os.path.join(self.directory, name), uid, gid)
        self._write_passwords()
        for attempt in range(5):
            self.port, self.tls_port = free_port(), free_port()
            with open(self.config, "w") as out:
                out.write(self._config_text())
            self.process = subprocess.Popen([*self.inside, PROGRAM, "-F", "-c", self.config], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if self._wait_until_up():
                return self
        raise RuntimeError("dovecot does not start: " + self.last_words)

    def _wait_until_up(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.last_words = self.process.stderr.read().decode(errors="replace") + self._log_tail()
                return False
            try:
                socket.create_connection((self.address, self.port), 1).close()
                if listens_at(self.lmtp_socket, self.process.pid):
                    return True
            except OSError:
                pass
            time.sleep(0.02)
        self.stop()
        self.last_words = "no answer after 10 s; " + self._log_tail()
        return False

    def stop(self):
        process, self.process = self.process, None
        if process is None:
            return
        end(process)
        process.stderr.close()

    def restart(self):
        self.stop()
        self.process = subprocess.Popen([*self.inside, PROGRAM, "-F", "-c", self.config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if not self._wait_until_up():
            raise RuntimeError("dovecot does not start again: " + self.last_words)

    # --- mail and users from outside of IMAP

    def deliver_all(self, user, messages, mailbox=None):
        """By LMTP, as a mail server would."""
        recipient = user if mailbox is None else "%s+%s" % (user, mailbox)
        with smtplib.LMTP(self.lmtp_socket) as lmtp:
            for message in messages:
                lmtp.sendmail("sender@example.org", [recipient], message)

    def plant(self, user, messages):
        """Puts messages straight into an INBOX in Maildir format: for many."""
        uid, gid = mail_ids()
        top = os.path.join(self.directory, "mail", user)
        for name in ("", "cur", "new", "tmp"):
            os.makedirs(os.path.join(top, name), exist_ok=True)
            os.chown(os.path.join(top, name), uid, gid)
        for number, message in enumerate(messages):
            path = os.path.join(top, "cur", "%d.planted:2," % (1_000_000_000 + number))
            with open(path, "wb") as out:
                out.write(message)
            os.chown(path, uid, gid)

    def set_password(self, user, password):
        self.passwords[user] = password
        self._write_passwords()
        # Dovecot looks at the file once a second at most.
        deadline = time.monotonic() + 5
        while "auth succeeded" not in self.doveadm("auth", "test", user, password, check=False):
            if time.monotonic() > deadline:
                raise RuntimeError("dovecot does not take the new password")
            time.sleep(0.1)

    def doveadm(self, *arguments, check=True, data=None):
        done = subprocess.run(["/usr/bin/doveadm", "-c", self.config, *arguments], input=data, capture_output=True)
        if check and done.returncode != 0:
            raise RuntimeError("doveadm %s: %s" % (" ".join(arguments), done.stderr.decode(errors="replace")))
        return done.stdout.decode(errors="replace")

    def contents(self, user, mailbox="INBOX"):
        text = self.doveadm("-f", "tab", "fetch", "-u", user, "uid flags hdr.x-id", "mailbox", mailbox, "all")
        rows = [line.split("\t") for line in text.splitlines()[1:] if line]
        return {int(uid): (identity, set(flags.split()) - {"\\Recent"}) for uid, flags, identity in rows}

    def add_flag(self, user, identity, flag, mailbox="INBOX"):
        self.doveadm("flags", "add", "-u", user, flag, *self._query(identity, mailbox))

    def expunge(self, user, identity, mailbox="INBOX"):
        self.doveadm("expunge", "-u", user, *self._query(identity, mailbox))

    def delete_mailbox(self, user, mailbox):
        self.doveadm("mailbox", "delete", "-u", user, mailbox)

    @staticmethod
    def _query(identity, mailbox):
        # The server looks for parts of words: "m1" alone would find m10 too.
        return ("mailbox", mailbox, "header", "message-id", "<%s@" % identity)

    def sessions(self, user=None):
        """How many IMAP sessions the server itself counts now."""
        count = 0
        for line in self.doveadm("-f", "tab", "who", "-1").splitlines()[1:]:
            words = line.split("\t")
            if "imap" in words[:3] and (user is None or user in words):
                count += 1
        return count

    # --- configuration

    def _write_passwords(self):
        path = os.path.join(self.directory, "passwd")
        with open(path + ".new", "w") as out:
            for user, password in self.passwords.items():
                out.write("%s:{PLAIN}%s\n" % (user, password))
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def _config_text(self):
        d, names = self.directory, NEW if version() >= (2, 4) else OLD
        uid, gid = mail_ids()
        lines = [
            names["first"], "protocols = imap lmtp", "listen = " + self.address,
            f"base_dir = {d}/run", f"state_dir = {d}/state", f"log_path = {self.log}", "instance_name = imapmux-test",
            names["cleartext"][self.require_tls],
            "auth_mechanisms = plain login", "auth_failure_delay = 0",
            names["mail"] % {"storage": self.storage, "directory": d}, "first_valid_uid = 1", "first_valid_gid = 1",
            "mailbox_list_index = yes", "recipient_delimiter = +", "lmtp_save_to_detail_mailbox = yes",
            "lda_mailbox_autocreate = yes", "postmaster_address = postmaster@localhost", "hostname = localhost",
            names["passwords"] % {"directory": d}, names["users"] % {"uid": uid, "gid": gid, "directory": d},
            NAMESPACE,
            "service imap-login {\n  inet_listener imap {\n    port = %d\n  }\n  inet_listener imaps {\n    port = %d\n"
            "    ssl = yes\n  }\n  %s\n  process_min_avail = 1\n%s}"
            % (self.port, self.tls_port if self.tls else 0, names["many connections"], self._chroot()),
            "service lmtp {\n  unix_listener lmtp {\n    mode = 0666\n  }\n}",
            # Without this a few wrong passwords make every later login slow.
            "service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n%s}" % self._chroot(),
        ]
        lines.append(self._limits())
        lines.append(names["certificate"] % (self._wants_tls(), self.tls.cert, self.tls.key) if self.tls else "ssl = no")
        if os.geteuid() != 0:
            lines.append(self._rootless())
        lines.append(self.extra)
        return "\n".join(lines) + "\n"

    def _limits(self):
        capability = VARIANTS[self.variant]
        inside = [] if capability is None else ["imap_capability = " + capability]
        inside.append("mail_max_userip_connections = %d" % (self.limit if isinstance(self.limit, int) else 1 if self.limit else 1000))
        text = "protocol imap {\n  %s\n}" % "\n  ".join(inside)
        if self.limit == "one":
            text += "\nservice imap {\n  process_limit = 1\n  client_limit = 1\n}"
        return text

    def _wants_tls(self):
        return "required" if self.require_tls else "yes"

    @staticmethod
    def _chroot():
        return "" if os.geteuid() == 0 else "  chroot =\n"

    @staticmethod
    def _rootless():
        user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
        return f"default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {group}\n"

    def _log_tail(self):
        try:
            with open(self.log, errors="replace") as log:
                return log.read()[-2000:]
        except OSError:
            return ""
