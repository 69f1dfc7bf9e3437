"""A private Cyrus IMAP server on loopback: one session per user by maxlogins_per_user, idled for prompt IDLE.

Cyrus refuses to work as root: as root it runs as the system user "mail", the tree of its packages bound into its own
directory (in its own mount namespace), so that this user can reach it. Passwords are checked by a saslauthd of our own.
A second imapd with its own table of processes is the door that the limit does not count; what is delivered into an INBOX goes by
LMTP.
"""
import os
import pwd
import smtplib
import socket
import struct
import subprocess
import threading

from mail_server import DoorServer, end, free_port, listens, listens_at, mail_ids, wait_until
from server_tree import Unavailable, library_path, mounts_privately, tree


class PasswordDaemon(threading.Thread):
    """saslauthd's protocol: login, password, service, realm, each with its length; the answer likewise, OK or NO."""

    def __init__(self, path, passwords):
        super().__init__(daemon=True, name="saslauthd")
        self.passwords, self.path = passwords, path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(16)

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                login, password, _, _ = [reader.read(struct.unpack(">H", reader.read(2))[0]).decode("latin-1") for _ in range(4)]
                answer = b"OK" if self.passwords.get(login) == password else b"NO"
                connection.sendall(struct.pack(">H", len(answer)) + answer)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(5)
        os.unlink(self.path)


class Cyrus(DoorServer):
    def __init__(self, directory, users=("u1",), tls=None):
        super().__init__(directory, users)
        self.tls = tls  # an object with .cert and .key, for STARTTLS, or None
        if os.geteuid() == 0 and not mounts_privately():
            raise Unavailable("Cyrus, as root, wants a mount namespace")
        self.tree = tree("cyrus")
        self.process = self.password_daemon = None
        self.programs = os.path.join(directory, "tree") if os.geteuid() == 0 else self.tree
        self.lmtp_socket = self._path("run", "lmtp")

    def _path(self, *names):
        return os.path.join(self.directory, *names)

    # --- life

    def start(self):
        uid, gid = mail_ids()
        os.chmod(self.directory, 0o755)
        os.makedirs(self._path("tree"), exist_ok=True)
        for name in ("conf", "conf/socket", "spool", "run", "doorproc"):
            os.makedirs(self._path(name), exist_ok=True)
            os.chown(self._path(name), uid, gid)
        self.port, self.door_port = free_port(), free_port()
        self._write("imapd.conf", self._settings() + ["maxlogins_per_user: 1"])
        self._write("door.conf", self._settings() + ["proc_path: " + self._path("doorproc")])
        self._write("cyrus.conf", self._services())
        self.password_daemon = PasswordDaemon(self._path("run", "saslauthd"), self.passwords)
        self.password_daemon.start()
        self._begin()
        for user in self.users:  # the first login makes the INBOX
            self.door(user).logout()
        return self

    def _begin(self):
        bin_ = os.path.join(self.programs, "usr/lib/cyrus/bin")
        check = self._as_owner(bin_ + "/ctl_cyrusdb", "-C", self._path("imapd.conf"), "-r")
        master = [bin_ + "/master", "-C", self._path("imapd.conf"), "-M", self._path("cyrus.conf"), "-p", self._path("run", "pid"),
                  "-D"]
        with open(self._path("cyrus.log"), "ab") as log:
            self.process = subprocess.Popen(
                self.inside + self._beside_the_tree("%s && exec %s" % (" ".join(check), " ".join(master))), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, process_group=self._group(), env={**os.environ, "LD_LIBRARY_PATH": library_path(self.programs)})
        wait_until(lambda: self.process.poll() is None and self._listens(self.port) and self._listens(self.door_port)
                   and listens_at(self.lmtp_socket, self.process.pid), "Cyrus does not listen")

    def _listens(self, port):
        return listens(port, self.process.pid)

    @staticmethod
    def _as_owner(*command):
        return ["setpriv", "--reuid", "mail", "--regid", "mail", "--init-groups", *command] if os.geteuid() == 0 else list(command)

    @staticmethod
    def _group():
        """The master ends its whole process group with itself. As another user than ours it cannot end us."""
        return None if os.geteuid() == 0 else 0

    def _beside_the_tree(self, script):
        if os.geteuid() != 0:
            return ["setpriv", "--pdeathsig", "TERM", "sh", "-c", script]
        return ["unshare", "-m", "sh", "-c", "mount --bind %s %s && %s" % (self.tree, self.programs, script)]

    def stop(self):
        process, self.process = self.process, None
        if process:
            end(process)
        if self.password_daemon:
            self.password_daemon.stop()
            self.password_daemon = None

    def restart(self):
        end(self.process)
        self._begin()

    # --- mail and users from outside of IMAP

    def set_password(self, user, password):
        self.passwords[user] = password

    def deliver_all(self, user, messages, mailbox=None):
        if mailbox not in (None, "INBOX"):
            super().deliver_all(user, messages, mailbox)
            return
        with smtplib.LMTP(self.lmtp_socket) as lmtp:
            for message in messages:
                lmtp.sendmail("sender@example.org", [user], message)

    # --- configuration

    def _write(self, name, lines):
        with open(self._path(name), "w") as out:
            out.write("\n".join(lines) + "\n")

    def _settings(self):
        owner = "mail" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        return ["configdirectory: " + self._path("conf"), "partition-default: " + self._path("spool"), "defaultpartition: default",
                "servername: localhost", "cyrus_user: " + owner, "sasl_pwcheck_method: saslauthd",
                "sasl_saslauthd_path: " + self._path("run", "saslauthd"), "sasl_mech_list: PLAIN", "allowplaintext: yes",
                "unixhierarchysep: yes", "altnamespace: yes", "virtdomains: off", "autocreate_quota: 0", "autocreate_post: yes",
                "idlesocket: " + self._path("run", "idle"), "failedloginpause: 0", "duplicatesuppression: no",
                *(["tls_server_cert: " + self.tls.cert, "tls_server_key: " + self.tls.key] if self.tls else [])]

    def _services(self):
        programs, settings, door = self.programs + "/usr/lib/cyrus/bin", self._path("imapd.conf"), self._path("door.conf")
        at, protocol = ("[%s]" % self.address, "tcp6") if ":" in self.address else (self.address, "tcp4")
        return [
            "START {", "}", "SERVICES {",
            f'  imap cmd="{programs}/imapd -C {settings}" listen="{at}:{self.port}" prefork=1 proto={protocol} maxforkrate=0',
            f'  door cmd="{programs}/imapd -C {door}" listen="{at}:{self.door_port}" prefork=0 proto={protocol} maxforkrate=0',
            f'  lmtp cmd="{programs}/lmtpd -a -C {settings}" listen="{self.lmtp_socket}" prefork=0', "}",
            "DAEMON {", f'  idled cmd="{programs}/idled -C {settings}"', "}", "EVENTS {", "}"]
