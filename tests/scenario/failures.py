"""What docs/failure.md promises of each fault, where no other file shows it: long absences, silence, full disks, slow clients."""
import os
import socket
import statistics
import threading
import time

from certificates import Authority
from imap_client import Client, make_message
from mail_server import free_port, wait_until
from scenario import MATRIX, Skip, scenario

QUICK = {"reconnect_ceiling": "200ms", "response_timeout": "1s", "connect_timeout": "1s", "idle_reissue": "500ms", "login_wait": "2s"}
MEGA = 1 << 20


def let_it_try(s, times=4):
    """Waits until imapmux has tried in vain so often."""
    before = s.log_text().count("-> DISCONNECTED")
    wait_until(lambda: s.log_text().count("-> DISCONNECTED") >= before + times, "no further attempts to connect", 20)


def wait_given_up(s):
    wait_until(lambda: s.relay.open_now() == 0, "a dead line is not given up", 15)


@scenario(variants=MATRIX, settings=QUICK)
def the_server_is_gone_for_long_and_idle_clients_are_told_afterwards(s):
    s.fill(5)
    idlers = [s.client(name="idler%d" % number, select="INBOX", learn=True) for number in range(3)]
    for idler in idlers:
        idler.idle()
    s.relay.refuse("port")
    s.relay.cut()
    let_it_try(s)
    s.server.expunge("u1", "m2")
    s.server.add_flag("u1", "m4", "\\Flagged")
    s.deliver("m6", "m7")
    let_it_try(s)
    s.relay.refuse(None)
    for idler in idlers:
        idler.idle_until(lambda: idler.identities() == ["m1", "m3", "m4", "m5", None, None])
        idler.idle_until(lambda: "\\Flagged" in idler.flags_of("m4"))
        idler.done()
        assert idler.fetch_identity(6) == "m7"
    assert s.relay.logins == 2


@scenario(variants=MATRIX, settings=QUICK)
def a_mailbox_that_vanished_in_a_cut_ends_its_views_only(s):
    s.fill(2, prefix="w", mailbox="Work")
    s.fill(1)
    inbox = s.client(name="inbox", select="INBOX", learn=True)
    work = s.client(name="work", select="Work", learn=True)
    s.relay.refuse("port")
    s.relay.cut()
    s.server.delete_mailbox("u1", "Work")
    s.relay.refuse(None)
    result = work.command("FETCH 1 BODY.PEEK[]", timeout=20)
    assert result.status == "NO" and result.of("FETCH") == [], result
    inbox.noop()
    assert inbox.fetch_identity(1) == "m1"


@scenario(variants=("full", "no-idle"), settings=QUICK)
def a_line_that_dies_silently_under_idle_clients_is_found(s):
    s.fill(2)
    client = s.client(select="INBOX", learn=True)
    client.idle()
    s.relay.stall("<", ">")
    wait_given_up(s)
    s.deliver("m3")
    s.relay.stall()
    client.idle_until(lambda: len(client.messages) == 3)
    client.done()
    assert client.fetch_identity(3) == "m3"


@scenario(settings=QUICK, start=False)
def a_server_that_never_greets(s):
    s.fill(1)
    s.relay.refuse("silent")
    s.start_imapmux()
    client = s.connect()
    result = client.command("LOGIN u1 secret")
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
    assert s.relay.connections >= 1
    s.relay.refuse(None)
    assert client.command("LOGIN u1 secret").ok
    client.select("INBOX")
    assert client.fetch_identity(1) == "m1"


@scenario(settings=QUICK, start=False)
def a_server_that_falls_silent_in_the_tls_handshake(s):
    authority = Authority(os.path.join(s.directory, "authority"))
    s.relay.opaque = True
    s.relay.refuse("silent")
    s.mux_port = free_port()
    path = s.write_settings(upstream=["tls_ca = " + authority.ca])
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("url = imap://127.0.0.1:%d" % s.upstream_port, "url = imaps://127.0.0.1:%d" % s.upstream_port))
    s.start_imapmux(["-c", path])
    result = s.connect().command("LOGIN u1 secret")
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result


@scenario(variants=("full", "bare"), settings={**QUICK, "piece_size": "0"})
def a_client_inside_a_literal_is_closed_without_one_octet_more(s):
    """The server stays away; what the client got is a piece of the message and nothing else."""
    text = make_message("big", 2_000_000)
    s.server.deliver("u1", text)
    client = s.client(select="INBOX", tracked=False)
    other = s.client(name="other", select="INBOX")
    cut = s.relay.cut_when("<", rb"BODY\[\] \{\d+\}\r\n", "rst", extra=700_000)
    client.send_raw(b"x1 FETCH 1 BODY.PEEK[]\r\n")
    octets = b""
    try:
        while piece := client.socket.recv(1 << 20):
            octets += piece
    except ConnectionError:
        pass
    assert cut.happened.wait(5)
    body = octets.partition(b"}\r\n")[2]
    whole = other.ok("FETCH 1 BODY.PEEK[]").of("FETCH")[0].fetch_items()[b"BODY[]"]
    assert len(body) > 10_000 and whole.startswith(body), "%d octets, the last %r" % (len(body), body[-80:])
    assert len(body) < len(whole)


def small_disk(s):
    if os.geteuid() != 0:
        raise Skip("a small disk wants root")
    s.launcher = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=512k tmpfs "$0" && exec "$@"', s.scratch]
    s.start_imapmux()


@scenario(start=False)
def a_full_disk_refuses_the_upload_and_harms_nobody(s):
    s.fill(2)
    small_disk(s)
    other = s.client(name="other", select="INBOX", learn=True)
    client = s.client(name="client")
    for _ in range(3):
        client.outstanding.append((b"x1", b"APPEND"))
        client.send_raw(b"x1 APPEND INBOX {3000000}\r\n")
        assert client._next(10).kind == "go-ahead"
        client.socket.sendall(b"a" * 3_000_000 + b"\r\n")
        result = client.finish(b"x1")
        assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
        assert other.fetch_identity(2) == "m2"
    client.append("INBOX", make_message("small"))
    assert list(s.stored()) == ["m1", "m2", "small"]
    assert not [text for text in s.relay.commands() if text.startswith("APPEND") and "{3000000" in text]


@scenario(start=False, settings={"output_memory": "64K"})
def a_full_disk_cuts_the_slow_reader_only(s):
    s.fill(30, size=300_000)
    small_disk(s)
    other = s.client(name="other", select="INBOX", learn=True)
    slow = s.client(name="slow", select="INBOX", tracked=False)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    slow.begin("FETCH 1:* BODY.PEEK[]")
    s.relay.wait_for(">", "UID FETCH")
    for number in range(1, 31):
        assert other.fetch_identity(number) == "m%d" % number
    wait_until(lambda: "cannot be spooled" in s.log_text(), "the slow reader is not cut")
    assert s.running()


def memory(s):
    """Resident kilobytes of imapmux; 0 under a sanitizer, whose shadow memory says nothing."""
    with open("/proc/%d/status" % s.process.pid) as status:
        values = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith(("VmRSS:", "VmSize:"))}
    return 0 if values["VmSize"] > 1 << 20 else values["VmRSS"]


def waits_of(client, count):
    """Milliseconds that a NOOP and a FETCH take, `count` times."""
    waits = []
    for _ in range(count):
        begun = time.monotonic()
        client.noop()
        assert client.fetch_identity(2) == "w2"
        waits.append((time.monotonic() - begun) * 1000)
    return "median %.1f ms, longest %.1f ms" % (statistics.median(waits), max(waits))


@scenario(build="release", timeout=120)
def a_client_that_reads_a_kilobyte_a_second(s):
    s.fill(100, size=300_000)
    s.fill(2, prefix="w", mailbox="Work")
    other = s.client(name="other", select="Work", learn=True)
    alone = waits_of(other, 50)
    slow = s.client(name="slow", select="INBOX", tracked=False)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.begin("FETCH 1:* BODY.PEEK[]")
    stop = threading.Event()

    def trickle():
        while not stop.wait(1) and slow.socket.recv(1024):
            pass

    thread = threading.Thread(target=trickle)
    thread.start()
    beside, resident = waits_of(other, 200), memory(s)
    stop.set()
    thread.join()
    print("alone: %s; beside it: %s; %d KB resident" % (alone, beside, resident))
    assert resident < 48 * 1024


@scenario(build="release", timeout=120)
def fifty_clients_trickle_an_upload_each(s):
    s.fill(2, prefix="w", mailbox="Work")
    other = s.client(name="other", select="Work", learn=True)
    alone = waits_of(other, 50)
    texts = [make_message("u%02d" % number, 200_000) for number in range(50)]
    uploaders = [Client(s.mux_port, "u%02d" % number, tracked=False) for number in range(50)]
    for number, uploader in enumerate(uploaders):
        uploader.login("u1", "secret")
        uploader.outstanding.append((b"x1", b"APPEND"))
        uploader.send_raw(b"x1 APPEND INBOX {%d}\r\n" % len(texts[number]))
        assert uploader._next(10).kind == "go-ahead"
    stop = threading.Event()
    sent = [0] * 50

    def trickle():
        while not stop.is_set():
            for number, uploader in enumerate(uploaders):
                uploader.socket.sendall(texts[number][sent[number]:sent[number] + 100])
                sent[number] += 100

    thread = threading.Thread(target=trickle)
    thread.start()
    beside, resident = waits_of(other, 200), memory(s)
    stop.set()
    thread.join()
    print("alone: %s; beside them: %s; %d KB resident" % (alone, beside, resident))
    assert resident < 48 * 1024
    for number, uploader in enumerate(uploaders):
        uploader.socket.sendall(texts[number][sent[number]:] + b"\r\n")
    assert all(uploader.finish(b"x1", 60).ok for uploader in uploaders)
    for uploader in uploaders:
        uploader.close_socket()
    assert sorted(s.stored()) == sorted("u%02d" % number for number in range(50))
