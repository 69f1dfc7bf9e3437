"""What the process is to the system: root only until its ports are open, and no more memory than it is given."""
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess

from binary import binary
from certificates import Authority
from imap_client import Client, Closed
from mail_server import free_port, wait_until
from scenario import Skip, scenario

USER = "nobody"
MEGA = 1 << 20


def need_root():
    if os.geteuid() != 0:
        raise Skip("only root can become another user")


def let_others_pass(directory):
    """The user that imapmux becomes must reach the files of the scenario."""
    while not os.stat(directory).st_mode & 0o001:
        os.chmod(directory, os.stat(directory).st_mode | 0o011)
        directory = os.path.dirname(directory)


def low_port():
    while True:
        port = random.randrange(600, 1024)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def status(s):
    with open("/proc/%d/status" % s.process.pid) as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def start_as_root(s, log=None):
    need_root()
    let_others_pass(s.directory)
    os.chmod(s.scratch, 0o777)
    s.settings["user"] = USER
    s.mux_port = low_port()
    if log:
        s.settings["log_file"] = log
    s.start_imapmux()


@scenario(start=False)
def root_is_given_up_once_the_ports_are_open(s):
    need_root()
    logs = s.make_directory("logs")
    os.chown(logs, pwd.getpwnam(USER).pw_uid, -1)
    log = os.path.join(logs, "imapmux.log")
    start_as_root(s, log)
    user, now = pwd.getpwnam(USER), status(s)
    assert now["Uid"].split() == [str(user.pw_uid)] * 4, now["Uid"]
    assert now["Gid"].split() == [str(user.pw_gid)] * 4, now["Gid"]
    assert set(now["Groups"].split()) == {str(group) for group in os.getgrouplist(USER, user.pw_gid)}, now["Groups"]
    for capabilities in ("CapPrm", "CapEff", "CapAmb"):
        assert int(now[capabilities], 16) == 0, now[capabilities]
    assert now["NoNewPrivs"] == "1"
    s.fill(3, size=200_000)
    client = s.client(select="INBOX", learn=True)
    assert client.fetch_identity(3) == "m3"
    os.rename(log, log + ".1")
    s.process.send_signal(signal.SIGHUP)
    wait_until(lambda: os.path.exists(log) and "read again" in open(log).read(), "SIGHUP is not obeyed")
    assert os.stat(log).st_uid == user.pw_uid
    client.noop()
    s.client(name="later", select="INBOX").noop()


@scenario(start=False)
def the_state_directory_is_used_as_that_user(s):
    need_root()
    state = s.make_directory("state")
    os.chown(state, pwd.getpwnam(USER).pw_uid, -1)
    os.chmod(state, 0o700)
    s.settings["state_directory"] = state
    start_as_root(s)
    s.client(select="INBOX").noop()
    file = os.stat(os.path.join(state, "ghosts"))
    assert file.st_uid == pwd.getpwnam(USER).pw_uid and file.st_mode & 0o777 == 0o600, file


@scenario(start=False)
def a_state_directory_of_somebody_else_is_no_reason_not_to_serve(s):
    need_root()
    s.settings["state_directory"] = s.make_directory("state")
    os.chmod(s.settings["state_directory"], 0o700)
    start_as_root(s)
    assert "state_directory = %s: Permission denied" % s.settings["state_directory"] in s.log_text()
    s.client(select="INBOX").noop()
    os.chown(s.settings["state_directory"], pwd.getpwnam(USER).pw_uid, -1)
    os.chmod(os.path.join(s.directory, "imapmux.conf"), 0o644)
    s.reload()
    assert os.path.exists(os.path.join(s.settings["state_directory"], "ghosts"))


@scenario(start=False)
def what_the_user_cannot_read_is_warned_of(s):
    """The certificate's key is root's: it serves, SIGHUP says what is wrong, and nobody loses a connection."""
    need_root()
    authority = Authority(os.path.join(s.directory, "ca"))
    certificate = authority.issue("proxy", "IP:127.0.0.1")
    key = certificate.key
    let_others_pass(s.directory)
    let_others_pass(os.path.dirname(key))
    os.chmod(certificate.cert, 0o644)
    os.chmod(key, 0o600)
    os.chmod(s.scratch, 0o777)
    s.settings["user"] = USER
    s.mux_port = low_port()
    path = s.write_settings(listener=["cert = " + certificate.cert, "key = " + key])
    s.start_imapmux(["-c", path])
    assert "%s cannot be read by user %s" % (key, USER) in s.log_text()
    client = s.client(select="INBOX")
    s.reload("the old settings stay")
    assert "key %s cannot be read" % key in s.log_text()
    client.noop()
    s.client(name="later", select="INBOX").noop()


def refused_start(s, **options):
    """By a copy of the program that any user can reach: the source tree may lie where only its owner may go."""
    program, *words = binary("dev")
    copy = shutil.copy(program, os.path.join(s.directory, "imapmux"))
    done = subprocess.run([copy, *words, "-c", s.write_settings()], capture_output=True, text=True, timeout=20, cwd=s.directory,
                          env=s.environment(), **options)
    assert done.returncode == 1, done
    return done.stderr + done.stdout


@scenario(start=False)
def a_user_that_does_not_exist_ends_the_start(s):
    s.mux_port = free_port()
    s.settings["user"] = "no-such-user"
    assert "there is no such user" in refused_start(s)


@scenario(start=False)
def a_user_that_cannot_be_had_ends_the_start(s):
    need_root()
    let_others_pass(s.directory)
    os.chmod(s.scratch, 0o777)
    s.mux_port = free_port()
    s.settings["user"] = "daemon"
    assert "only root can become another user" in refused_start(s, user=USER)
    s.settings["user"] = USER
    os.chmod(s.scratch, 0o700)
    assert "user %s cannot create a file there" % USER in refused_start(s)


@scenario(build="release", settings={"memory_max": "48M", "output_memory": "1G", "sessions_per_account": "400"}, timeout=120)
def no_more_memory_than_it_is_given(s):
    """Clients that ask for much and read nothing fill it: they are cut or refused, the process lives, who rests stays, others are served."""
    if int(status(s)["VmSize"].split()[0]) > MEGA:
        raise Skip("a sanitizer's shadow memory is larger than any limit")
    s.fill(40, size=1_000_000)
    first = s.client(name="first", select="INBOX")
    greedy = []
    for i in range(12):
        try:
            client = s.client(name="greedy%d" % i, select="INBOX", tracked=False)
            client.send_raw(b"g FETCH 1:40 BODY.PEEK[]\r\n")
            greedy.append(client)
        except (Closed, OSError, AssertionError):
            break
    wait_until(lambda: "memory" in s.log_text(), "memory never runs out", 60)
    assert int(status(s)["VmData"].split()[0]) * 1024 <= 48 * MEGA, status(s)["VmData"]
    for client in greedy:
        client.close_socket()
    wait_until(lambda: serves(s), "nobody is served any more", 30)
    first.noop()


def serves(s):
    try:
        client = Client(s.mux_port, "probe", tracked=False, timeout=5)
        client.login("u1", s.password("u1"))
        client.ok("SELECT INBOX")
        client.ok("FETCH 1 BODY.PEEK[]")
        client.close_socket()
        return True
    except (Closed, OSError, AssertionError):
        return False
