"""As a service: what systemd is told, and listeners and upstreams that change at SIGHUP while clients stay."""
import os
import re
import socket
import time

from dovecot import Dovecot
from mail_server import free_port, wait_until
from imap_client import Closed, make_message
from scenario import scenario


def notifications(s):
    """A socket as systemd offers it; the environment names it."""
    path = os.path.join(s.directory, "notify")
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(path)
    receiver.settimeout(5)
    os.environ["NOTIFY_SOCKET"] = path
    return receiver


@scenario(start=False)
def systemd_is_told(s):
    receiver = notifications(s)
    s.start_imapmux()
    assert "READY=1" in receiver.recv(1000).decode().split("\n")
    s.reload()
    reloading = receiver.recv(1000).decode().split("\n")
    assert "RELOADING=1" in reloading and any(re.match(r"MONOTONIC_USEC=\d+$", line) for line in reloading), reloading
    assert "READY=1" in receiver.recv(1000).decode()
    s.stop_imapmux()
    assert "STOPPING=1" in receiver.recv(1000).decode().split("\n")
    receiver.close()


def lines_for(port, name="clients"):
    return "[listener %s]\nurl = imap://127.0.0.1:%d\n" % (name, port)


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as probe:
            return probe.recv(100).startswith(b"* OK")
    except ConnectionRefusedError:
        return False


@scenario()
def listeners_come_and_go_at_sighup(s):
    client = s.client(select="INBOX")
    path, old, new = os.path.join(s.directory, "imapmux.conf"), s.mux_port, free_port()
    with open(path) as file:
        text = file.read()
    assert answers(old) and not answers(new)
    with open(path, "w") as file:
        file.write(text + lines_for(new, "more"))
    s.reload()
    assert answers(old) and answers(new)
    with open(path, "w") as file:
        file.write(text.replace(lines_for(old), lines_for(new)))
    s.reload()
    assert not answers(old) and answers(new)
    client.noop()
    another = s.client(select="INBOX", port=new)
    s.deliver("m1")
    another.noop()
    client.noop()
    assert client.fetch_identity(1) == another.fetch_identity(1) == "m1"


@scenario()
def a_listener_that_cannot_be_opened_at_sighup_leaves_the_others(s):
    client = s.client(select="INBOX")
    path = os.path.join(s.directory, "imapmux.conf")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with open(path, "a") as file:
            file.write(lines_for(taken.getsockname()[1], "more"))
        s.reload("in use")
    client.noop()
    assert answers(s.mux_port)


@scenario()
def an_upstream_moves_at_sighup(s):
    """The session that is up stays; the next connection goes to the new address."""
    directory = os.path.join(s.directory, "second")
    os.mkdir(directory)
    second = Dovecot(directory, ["u1"]).start()
    try:
        second.deliver("u1", make_message("of-the-second"))
        client = s.client(select="INBOX")
        path = os.path.join(s.directory, "imapmux.conf")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("url = imap://127.0.0.1:%d\n" % s.upstream_port, "url = imap://127.0.0.1:%d\n" % second.port))
        s.reload()
        client.noop()
        s.relay.cut()
        try:
            client.wait_closed(5)  # another UIDVALIDITY there
        except (Closed, TimeoutError):
            pass
        again = s.client(select="INBOX")
        assert again.fetch_identity(1) == "of-the-second"
        again.close_socket()
        client.close_socket()
        s.stop_imapmux()
    finally:
        second.stop()


@scenario(settings={"log_level": "info"})
def a_log_file_is_opened_again_at_sighup(s):
    log, path = os.path.join(s.directory, "own.log"), os.path.join(s.directory, "imapmux.conf")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("[logging]", "[logging]\nlog_file = " + log))
    s.process.send_signal(1)
    deadline = time.monotonic() + 5
    while not os.path.exists(log) or "read again" not in open(log).read():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.rename(log, log + ".1")
    s.process.send_signal(1)
    while not os.path.exists(log) or "read again" not in open(log).read():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@scenario()
def what_wants_a_restart_is_said_at_sighup(s):
    path = os.path.join(s.directory, "imapmux.conf")
    with open(path) as file:
        text = file.read()
    s.reload()
    assert "needs a restart" not in s.log_text()
    with open(path, "w") as file:
        file.write(text.replace("[program]", "[program]\nuser = nobody"))
    for times in (1, 2):
        s.reload()
        assert s.log_text().count("the change of user needs a restart") == times


@scenario(settings={"output_memory": "16K"})
def the_spool_directory_moves_at_sighup(s):
    """What is spooled stays where it is and is read to its end; new files are made in the new place."""
    s.fill(30, size=500_000)
    slow = s.client(name="slow", select="INBOX", tracked=False)
    tag = slow.begin("FETCH 1:30 BODY.PEEK[]")
    wait_until(lambda: s.scratch in spool_files(s), "nothing is spooled")
    moved = s.make_directory("elsewhere")
    s.settings["spool_directory"] = moved
    s.write_settings()
    s.reload()
    other = s.client(name="other", select="INBOX", tracked=False)
    other_tag = other.begin("FETCH 1:30 BODY.PEEK[]")
    wait_until(lambda: moved in spool_files(s), "nothing is spooled in the new place")
    for client, its_tag in ((slow, tag), (other, other_tag)):
        assert len(client.finish(its_tag, 30).of("FETCH")) == 30


def spool_files(s):
    """The directories of the nameless files that imapmux has open."""
    found = set()
    for descriptor in os.listdir("/proc/%d/fd" % s.process.pid):
        try:
            found.add(os.path.dirname(os.readlink("/proc/%d/fd/%s" % (s.process.pid, descriptor))))
        except FileNotFoundError:  # closed meanwhile
            pass
    return found


@scenario()
def idle_costs_nothing(s):
    """With clients in IDLE and nothing to do the process sleeps."""
    clients = [s.client(select="INBOX") for _ in range(20)]
    for client in clients:
        client.idle()
    time.sleep(0.5)
    before = ticks(s.process.pid)
    time.sleep(2)
    used = ticks(s.process.pid) - before
    assert used <= 0.05 * os.sysconf("SC_CLK_TCK") * 2, "%d ticks in two idle seconds" % used
    for client in clients:
        client.done()


def ticks(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
