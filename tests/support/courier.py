"""A private Courier IMAP server on loopback: one TCP connection per client address by couriertcpd's -maxperip.

Its paths are compiled in, so each of its daemons runs in a mount namespace where the tree of its packages lies over /usr,
our settings over /etc, and our own directory on /run: as root only. Mail is delivered by files into Maildir/new, as an MTA
does it. A second couriertcpd without the limit is the door. IDLE tells of others' changes on a grid of 60 s. Its sessions start a
gam_server, which watches their locks and would outlive them: one for each server of ours, ended with it.
"""
import os
import signal
import socket
import subprocess
import time

from mail_server import DoorServer, children, end, free_port, listens, mail_ids, name_of, wait_until
from server_tree import Unavailable, mounts_privately, tree

OVER = ("mount -t overlay overlay -o lowerdir={tree}/usr:/usr /usr && mount -t overlay overlay -o lowerdir={own}/etc:/etc /etc && "
        "mount --bind {own}/etc/courier /etc/courier && mount --bind {own}/run /run")
SETTINGS = "set -a; . /etc/courier/imapd; GAM_CLIENT_ID={own}; IMAP_STARTTLS={starttls}; IMAP_EMPTYTRASH=; IMAP_TRASHFOLDERNAME=; "


class Courier(DoorServer):
    def __init__(self, directory, users=("u1",), tls=None):
        super().__init__(directory, users)
        self.tls = tls  # an object with .cert and .key, for STARTTLS, or None
        if os.geteuid() != 0:
            raise Unavailable("Courier wants root: its paths are compiled in")
        self.tree = tree("courier")
        self.processes = []
        self.delivered = 0
        if not mounts_privately(self._over_the_system()):
            raise Unavailable("Courier wants a mount namespace with overlays")

    def _path(self, *names):
        return os.path.join(self.directory, *names)

    def folder(self, name):
        return name if name.upper() == "INBOX" else "INBOX." + name.replace("/", ".")

    # --- life

    def start(self):
        os.chmod(self.directory, 0o755)
        uid, gid = mail_ids()
        for name in ("mail", "run/courier/authdaemon"):
            os.makedirs(self._path(name), exist_ok=True)
            os.chown(self._path(name), uid, gid)
        for user in self.users:
            self._maildir(self._path("mail", user, "Maildir"))
            os.chown(self._path("mail", user), uid, gid)
        self._write_settings()
        self._write_users()
        self.port, self.door_port = free_port(), free_port()
        self._begin()
        return self

    def _begin(self):
        self._spawn("set -a; . /etc/courier/authdaemonrc; set +a; exec /usr/lib/courier/courier-authlib/authdaemond")
        for port, limit in ((self.port, 1), (self.door_port, 100)):
            self._spawn(self._settings() + "exec /usr/sbin/couriertcpd $TCPDOPTS -address=%s "
                        "-maxprocs=100 -maxperip=%d %d /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir" % (self.address, limit, port))
        wait_until(lambda: self._listens(self.port) and self._listens(self.door_port), "Courier does not listen")
        wait_until(self._authenticates, "Courier's authdaemond does not answer")

    def _listens(self, port):
        return listens(port, self.processes[-1].pid)

    def _settings(self):
        settings = SETTINGS.format(own=self.directory, starttls="YES" if self.tls else "NO")
        if self.tls:
            settings += "COURIERTLS=/usr/bin/couriertls; TLS_VERIFYPEER=NONE; TLS_CERTFILE=%s; " % self._path("tls.pem")
        return settings + "set +a; "

    def _authenticates(self):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self._path("run/courier/authdaemon/socket"))
                return True
            except OSError:
                return False

    def _over_the_system(self):
        for name in ("etc/courier", "run"):
            os.makedirs(self._path(name), exist_ok=True)
        return OVER.format(tree=self.tree, own=self.directory)

    def _inside(self, script):
        return ["unshare", "-m", "sh", "-c", self._over_the_system() + " && " + script]

    def _spawn(self, script):
        """couriertcpd ends its whole process group with itself, so that has to be its own; it ends with us all the same."""
        with open(self._path("courier.log"), "ab") as log:
            self.processes.append(subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self.inside, *self._inside(script)], process_group=0,
                                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def stop(self):
        while self.processes:
            end(self.processes.pop())
        for pid in children(os.getpid()):  # an orphan comes to the scenario's process
            if name_of(pid) == "gam_server":
                os.kill(pid, signal.SIGKILL)

    def restart(self):
        self.stop()
        self._begin()

    # --- mail and users from outside of IMAP

    def set_password(self, user, password):
        self.passwords[user] = password
        self._write_users()

    def deliver_all(self, user, messages, mailbox=None):
        place = self._path("mail", user, "Maildir")
        if mailbox not in (None, "INBOX"):
            place = os.path.join(place, "." + mailbox.replace("/", "."))
            self._maildir(place)
        uid, gid = mail_ids()
        for message in messages:
            self.delivered += 1
            name = "%d.M%06dP%d.localhost" % (time.time(), self.delivered, os.getpid())
            path = os.path.join(place, "tmp", name)
            with open(path, "wb") as out:
                out.write(message.replace(b"\r\n", b"\n"))
            os.chown(path, uid, gid)
            os.rename(path, os.path.join(place, "new", name))

    @staticmethod
    def _maildir(place):
        uid, gid = mail_ids()
        for name in ("", "cur", "new", "tmp"):
            os.makedirs(os.path.join(place, name), exist_ok=True)
            os.chown(os.path.join(place, name), uid, gid)
        if os.path.basename(place).startswith("."):
            with open(os.path.join(place, "maildirfolder"), "w"):
                pass

    # --- configuration

    def _write_settings(self):
        with open(os.path.join(self.tree, "etc/courier/imapd")) as shipped, open(self._path("etc/courier/imapd"), "w") as out:
            out.write(shipped.read())
        if self.tls:
            with open(self._path("tls.pem"), "w") as out, open(self.tls.cert) as cert, open(self.tls.key) as key:
                out.write(key.read() + cert.read())
            os.chmod(self._path("tls.pem"), 0o600)
            os.chown(self._path("tls.pem"), *mail_ids())
            self._write_account()
        with open(self._path("etc/courier/authdaemonrc"), "w") as out:
            out.write('authmodulelist="authuserdb"\nauthmodulelistorig="authuserdb"\ndaemons=2\nauthdaemonvar=/run/courier/authdaemon\n'
                      'DEBUG_LOGIN=0\nDEFAULTOPTIONS=""\nLOGGEROPTS=""\n')

    def _write_account(self):
        """The user that TLS is done as: its packages would have made it, and its name is compiled in."""
        for name, line in (("passwd", "courier:x:%d:%d::/nonexistent:/usr/sbin/nologin"), ("group", "courier:x:%.0s%d:")):
            with open("/etc/" + name) as shipped, open(self._path("etc", name), "w") as out:
                out.write(shipped.read() + line % mail_ids() + "\n")

    def _write_users(self):
        uid, gid = mail_ids()
        path = self._path("etc/courier/userdb")
        with open(path, "w") as out:
            os.chmod(path, 0o600)
            for user, password in self.passwords.items():
                crypted = subprocess.run(["openssl", "passwd", "-1", password], capture_output=True, text=True, check=True)
                home = self._path("mail", user)
                out.write(f"{user}\tuid={uid}|gid={gid}|home={home}|mail={home}/Maildir|systempw={crypted.stdout.strip()}\n")
        subprocess.run(self._inside("/usr/sbin/makeuserdb -f %s" % path), stdin=subprocess.DEVNULL, capture_output=True, check=True)
