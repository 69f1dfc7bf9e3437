"""At the limits: who is in goes on, who comes too late is told so in words, and whoever leaves makes room."""
import os
import socket

from certificates import Authority
from imap_client import Client, Closed, make_message
from mail_server import free_port, wait_until
from scenario import Skip, scenario

DESCRIPTORS = 64
KEPT = 16  # of them, for upstreams and spools


def refusal_of(s, **options):
    """What is said to a client that is not let in; None: it was closed without a word."""
    try:
        client = s.connect(**options)
    except Closed as closed:
        return str(closed.bye)
    except OSError:
        return None
    assert client.greeting.status == "BYE", client.greeting
    client.close_socket()
    return str(client.greeting)


def gets_in(s, **options):
    try:
        client = s.connect(**options)
    except (Closed, OSError):
        return False
    if client.greeting.status != "OK":
        client.close_socket()
        return False
    return client


def ticks(s):
    """Clock ticks that the process has worked."""
    with open("/proc/%d/stat" % s.process.pid) as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def descriptors(s):
    return sorted(int(name) for name in os.listdir("/proc/%d/fd" % s.process.pid))


def start_short_of_descriptors(s):
    s.launcher = ["prlimit", "--nofile=%d:%d" % (DESCRIPTORS, DESCRIPTORS)]
    s.start_imapmux()


def come_in_until_refused(s):
    """As many clients as there is room for; returns them."""
    crowd = []
    while client := gets_in(s):
        crowd.append(client)
        assert len(crowd) <= DESCRIPTORS
    return crowd


@scenario(start=False, settings={"reconnect_ceiling": "200ms"})
def descriptors_run_out_for_new_clients_only(s):
    """Who is in goes on: messages, an upload that wants a file, a reconnect."""
    s.fill(3)
    start_short_of_descriptors(s)
    client = s.client(name="in", select="INBOX", learn=True)
    crowd = come_in_until_refused(s)
    assert len(crowd) > 15
    # Who was refused just now may not be closed yet.
    wait_until(lambda: max(descriptors(s)) < DESCRIPTORS - KEPT, "the descriptors that are kept are not free")
    assert "[UNAVAILABLE]" in refusal_of(s)
    for _ in range(20):
        assert not gets_in(s)
    assert s.log_text().count("cannot accept: Too many open files") == 1
    client.append("INBOX", make_message("large", 300_000))
    mark = s.relay.logins
    s.relay.cut()
    client.noop()
    assert client.fetch_identity(4) == "large" and s.relay.logins == mark + 1
    for other in crowd[:5]:
        other.login("u1", "secret")
        other.select("INBOX")
        assert other.fetch_identity(1) == "m1"
    for other in crowd:
        other.close_socket()
    wait_until(lambda: gets_in(s), "nobody is let in although the others have left")
    s.client(name="later", select="INBOX").noop()


@scenario(start=False)
def a_crowd_before_the_door_costs_nothing(s):
    """Refused again and again, the others silent: the process sleeps in between."""
    start_short_of_descriptors(s)
    client = s.client(name="in", select="INBOX")
    crowd = come_in_until_refused(s)
    before, refused = ticks(s), 0
    for _ in range(200):
        refused += not gets_in(s)
    used = ticks(s) - before
    assert refused == 200
    assert used <= os.sysconf("SC_CLK_TCK"), "%d ticks for 200 refusals" % used
    client.noop()
    for other in crowd:
        other.close_socket()


@scenario(start=False)
def uploads_that_find_no_descriptor_are_refused_alone(s):
    """Every descriptor that is left is taken by an upload: the next one gets NO, all others go on and are done in the end."""
    s.fill(1)
    start_short_of_descriptors(s)
    client = s.client(name="in", select="INBOX", learn=True)
    uploaders = [s.client(name="up%d" % number, tracked=False) for number in range(20)]
    crowd = come_in_until_refused(s)
    text, begun = make_message("upload", 200_000), []
    for uploader in uploaders:
        uploader.outstanding.append((b"x1", b"APPEND"))
        uploader.send_raw(b"x1 APPEND INBOX {%d}\r\n" % len(text))
        assert uploader._next(10).kind == "go-ahead"
        before = len(descriptors(s))
        uploader.socket.sendall(text[:150_000])
        wait_until(lambda: len(descriptors(s)) > before or s.log_text().count("spool directory"), "it goes nowhere")
        begun.append(uploader)
        if "spool directory" in s.log_text():
            break
    assert len(begun) > KEPT // 2, len(begun)
    assert client.fetch_identity(1) == "m1"
    last = begun.pop()
    last.socket.sendall(text[150_000:] + b"\r\n")
    result = last.finish(b"x1", 20)
    assert result.status == "NO" and result.code_name == "UNAVAILABLE", result
    for uploader in begun:
        uploader.socket.sendall(text[150_000:] + b"\r\n")
        assert uploader.finish(b"x1", 20).ok
    last.append("INBOX", make_message("again", 200_000))
    client.noop()
    assert len(client.messages) == len(begun) + 2
    for other in crowd:
        other.close_socket()


def exactly(s, count, word, **options):
    """`count` clients are let in, the next one is told `word`, and one that leaves lets one in."""
    crowd = [gets_in(s, **options) for _ in range(count)]
    assert all(crowd), "%d of %d are in" % (sum(map(bool, crowd)), count)
    for _ in range(3):
        said = refusal_of(s, **options)
        assert said and word in said, said
    crowd.pop().close_socket()
    wait_until(lambda: crowd.append(gets_in(s, **options)) or crowd[-1], "one has left and nobody is let in")
    assert word in refusal_of(s, **options)
    return [client for client in crowd if client]


@scenario(settings={"sessions_total": "5"})
def exactly_sessions_total_are_let_in(s):
    for client in exactly(s, 5, "sessions_total")[:2]:
        client.login("u1", "secret")
        client.noop()


@scenario(settings={"sessions_per_address": "5"})
def exactly_sessions_per_address_are_let_in(s):
    crowd = exactly(s, 5, "sessions_per_address")
    assert gets_in(s, source="127.0.0.9"), "another address is not let in"
    crowd[0].login("u1", "secret")
    crowd[0].noop()


@scenario(start=False, settings={"sessions_per_address": "4"})
def over_tls_the_words_come_inside_tls(s):
    authority = Authority(os.path.join(s.directory, "ca"))
    certificate = authority.issue("imapmux", "IP:127.0.0.1")
    files = ["cert = " + certificate.cert, "key = " + certificate.key]
    secure = free_port()
    s.mux_port = free_port()
    path = s.write_settings(listener=[*files, "[listener secure]", "url = imaps://127.0.0.1:%d" % secure, *files])
    s.start_imapmux(["-c", path])
    exactly(s, 4, "sessions_per_address", port=secure, tls=authority.context())


@scenario(start=False, settings={"sessions_per_address": "4"})
def of_ipv6_a_whole_64_is_one_address(s):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as reason:
        raise Skip("this machine has no ::1") from reason
    six = free_port()
    s.mux_port = free_port()
    path = s.write_settings(listener=["[listener six]", "url = imap://[::1]:%d" % six])
    s.start_imapmux(["-c", path])
    crowd = exactly(s, 4, "sessions_per_address", port=six, host="::1")
    assert gets_in(s), "another address is not let in"
    crowd[0].login("u1", "secret")
    crowd[0].noop()


@scenario(settings={"sessions_per_account": "3"}, users=2)
def exactly_sessions_per_account_log_in(s):
    """The others are told why, stay connected, and get in once somebody has left."""
    inside = [s.client(select="INBOX") for _ in range(3)]
    waiting = s.connect()
    for _ in range(2):
        result = waiting.command("LOGIN u1 secret")
        assert result.status == "NO" and result.code_name == "LIMIT" and "sessions_per_account" in str(result.tagged), result
    s.client(user="u2", select="INBOX").noop()
    inside.pop().logout()
    wait_until(lambda: waiting.command("LOGIN u1 secret").ok, "one has left and nobody gets in")
    assert s.connect().command("LOGIN u1 secret").status == "NO"
    for client in inside:
        client.noop()


@scenario(start=False, settings={"output_memory": "64K"}, timeout=90)
def after_a_full_disk_everything_works_again(s):
    """Readers that take nothing and uploads fill it, over and over: once they have gone each octet of it is free again."""
    if os.geteuid() != 0:
        raise Skip("a small disk wants root")
    s.fill(30, size=300_000)
    s.launcher = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=2M tmpfs "$0" && exec "$@"', s.scratch]
    s.start_imapmux()
    for turn in range(3):
        slow = s.client(name="slow", select="INBOX", tracked=False)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.begin("FETCH 1:* BODY.PEEK[]")
        wait_until(lambda: s.log_text().count("cannot be spooled") == turn + 1, "the slow reader is not cut")
        s.client(name="up").append("INBOX", make_message("m%d" % (31 + turn), 1_900_000))
        reader = s.client(name="reader", select="INBOX", tracked=False)
        assert len(reader.ok("FETCH 1:* BODY.PEEK[]", timeout=30).of("FETCH")) == 31 + turn
