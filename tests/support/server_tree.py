"""Servers whose Debian packages exclude each other: downloaded only, and unpacked side by side below build/servers
(or in the folder IMAPMUX_SERVERS).

    tree("cyrus")          the directory with its usr/ and etc/; Unavailable with the reason where it cannot be had
    library_path(tree)     where its shared libraries lie, as LD_LIBRARY_PATH takes it

Nothing is installed. apt resolves against a copy of dpkg's status that has no mail server in it; what is installed here
already is taken from the system. A tree is unpacked beside its place and renamed into it; one at a time, under a lock. One
that lacks a file is fetched again. As a program: fetches all of them ahead.
"""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = os.environ.get("IMAPMUX_SERVERS") or os.path.join(ROOT, "build", "servers")
LIBRARIES = os.path.join("lib", sysconfig.get_config_var("MULTIARCH"))  # below usr/, and below / for packages that do not know of usr/
# What must be there for a tree to be whole.
SERVERS = {
    "cyrus": ("cyrus-imapd", ["usr/lib/cyrus/bin/" + name for name in ("master", "imapd", "lmtpd", "idled", "ctl_cyrusdb")]
              + ["usr/" + LIBRARIES + "/libcyrus_imap.so.0"]),
    "courier": ("courier-imap", ["usr/bin/imapd", "usr/sbin/couriertcpd", "usr/lib/courier/courier/imaplogin",
                                 "usr/lib/courier/courier-authlib/authdaemond", "usr/lib/courier/courier-authlib/makedatprog",
                                 "usr/lib/courier-authlib/libauthuserdb.so", "etc/courier/imapd"]),
}
STAND_IN = """Package: imapmux-stand-in
Status: install ok installed
Maintainer: nobody <nobody@localhost>
Architecture: all
Version: 1
Provides: mail-transport-agent, gnutls-bin, db-util, gawk
Description: what the servers ask for and do not use here
"""
FORGET_AFTER = 600.0  # seconds for which a failure is not tried again


class Unavailable(Exception):
    """The server cannot be had or run on this machine; says why."""


def tree(name):
    place = os.path.join(PLACE, name)
    if _whole(place, name):
        return place
    if os.environ.get("IMAPMUX_NO_INSTALL"):
        raise Unavailable("%s is not there, and nothing is to be fetched" % name)
    os.makedirs(PLACE, exist_ok=True)
    with open(os.path.join(PLACE, name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _whole(place, name):
            _heed_failure(name)
            _make(place, name)
    return place


def mounts_privately(script="true"):
    """Whether a process here may have mounts of its own, and `script` succeeds among them."""
    try:
        return subprocess.run(["unshare", "-m", "sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    except OSError:
        return False


def library_path(place):
    return ":".join(os.path.join(place, top, LIBRARIES) for top in ("usr", ""))


def _whole(place, name):
    return all(os.path.exists(os.path.join(place, file)) for file in SERVERS[name][1])


def _heed_failure(name):
    path = os.path.join(PLACE, name + ".failed")
    try:
        if time.time() - os.stat(path).st_mtime < FORGET_AFTER:
            with open(path) as file:
                raise Unavailable(file.read())
    except FileNotFoundError:
        pass


def _make(place, name):
    work = tempfile.mkdtemp(prefix=name + ".", dir=PLACE)
    try:
        archives = _download(work, SERVERS[name][0])
        new = os.path.join(work, "tree")
        for archive in archives:
            _run("dpkg", "-x", archive, new)
        if not _whole(new, name):
            raise Unavailable("%s: its packages lack what is needed" % name)
        os.chmod(new, 0o755)
        shutil.rmtree(place, ignore_errors=True)
        os.rename(new, place)
    except (OSError, Unavailable) as error:
        with open(os.path.join(PLACE, name + ".failed"), "w") as file:
            file.write(str(error))
        raise Unavailable(str(error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(work, package):
    status, cache = os.path.join(work, "status"), os.path.join(work, "archives")
    os.makedirs(os.path.join(cache, "partial"))
    with open("/var/lib/dpkg/status", encoding="utf-8") as file:
        blocks = [block for block in file.read().split("\n\n") if block.strip()]
    with open(status, "w", encoding="utf-8") as file:
        file.write("\n\n".join([block for block in blocks if not re.match("Package: (dovecot|cyrus|courier)", block)] + [STAND_IN]))
    command = ["apt-get", "-y", "--no-install-recommends", "--download-only", "-o", "Dir::State::status=" + status,
               "-o", "Dir::Cache::archives=" + cache, "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
               "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "install", package]
    try:
        _run(*command)
    except Unavailable:
        _run(*([] if os.geteuid() == 0 else ["sudo", "-n"]), "apt-get", "update")
        _run(*command)
    return [archive for archive in sorted(glob.glob(os.path.join(cache, "*.deb"))) if "-dev_" not in archive]


def _run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise Unavailable("%s ended with %d: %s" % (" ".join(command[:2]), done.returncode, last))


def main():
    for name in SERVERS:
        try:
            tree(name)
        except Unavailable as reason:
            print("%s: %s" % (name, reason))


if __name__ == "__main__":
    sys.exit(main())
