"""Large amounts, slow clients, and who waits for whom."""
import os
import re
import socket
import threading
import time

from imap_client import make_message
from measure import memory
from scenario import scenario
from scripted_upstream import FULL, ScriptedUpstream, odd

MEGA = 1 << 20


def spooled(s):
    """Octets in nameless files of imapmux."""
    total = 0
    for name in os.listdir("/proc/%d/fd" % s.process.pid):
        try:
            path = "/proc/%d/fd/%s" % (s.process.pid, name)
            if os.readlink(path).startswith(s.scratch):
                total += os.stat(path).st_size
        except OSError:
            continue
    return total


def read_everything(client, tag):
    """The octets up to the tagged answer, without keeping them."""
    result = client.finish(tag, 50)
    assert result.ok, result
    return [(response.number, len(response.fetch_items()[b"BODY[]"])) for response in result.of("FETCH")
            if b"BODY[]" in response.fetch_items()]


@scenario(build="release", timeout=120)
def a_large_fetch_lets_others_in_between(s):
    """While A fetches 40 MB in one mailbox, B's NOOP in another waits for what is on its way and little more."""
    s.fill(200, size=200_000)
    s.fill(2, prefix="w", mailbox="Work")
    big = s.client(name="big", select="INBOX", tracked=False)
    small = s.client(name="small", select="Work", learn=True)
    mark = s.relay.mark()
    done = threading.Event()
    got = []

    def fetch():
        got.extend(read_everything(big, big.begin("FETCH 1:* BODY.PEEK[]")))
        done.set()

    thread = threading.Thread(target=fetch)
    thread.start()
    s.relay.wait_for(">", r"UID FETCH", mark)
    waits = []
    while not done.is_set():
        before = s.relay.mark()
        small.noop()
        fetches = [text for text in s.relay.commands(before) if text.startswith("UID FETCH")]
        waits.append(len(fetches))
        time.sleep(0.01)
    thread.join()
    assert len(got) == 200 and sum(length for _, length in got) > 40_000_000
    s.log("%d NOOPs, slices of the other while one waited: %s" % (len(waits), waits))
    assert len(waits) >= 5, "B was let in %d times only" % len(waits)
    assert max(waits) <= 2, "B waited for %d slices that were begun after its NOOP" % max(waits)


@scenario(build="release", timeout=90)
def a_chatterer_starves_nobody(s):
    s.fill(20)
    s.fill(2, prefix="w", mailbox="Work")
    chatterers = [s.client(name="chat%d" % number, select="INBOX") for number in range(3)]
    quiet = s.client(name="quiet", select="Work", learn=True)
    stop = threading.Event()
    faults = []

    def chat(client):
        try:
            while not stop.is_set():
                client.pipeline(*["FETCH 1:20 (BODY.PEEK[TEXT])"] * 30)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=chat, args=(client,)) for client in chatterers]
    for thread in threads:
        thread.start()
    longest = 0
    for _ in range(20):
        before = s.relay.mark()
        assert quiet.fetch_identity(2) == "w2"
        longest = max(longest, len([text for text in s.relay.commands(before) if text.startswith("UID FETCH")]))
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults, faults
    assert longest <= 30, "%d commands of the chatterers went first" % longest


@scenario(build="release", timeout=90)
def a_slow_reader_holds_up_nobody(s):
    s.fill(60, size=500_000)
    s.fill(2, prefix="w", mailbox="Work")
    other = s.client(name="other", select="Work", learn=True)
    slow = s.client(name="slow", select="INBOX", tracked=False)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    tag = slow.begin("FETCH 1:* BODY.PEEK[]")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        assert other.fetch_identity(2) == "w2"
    begun = time.monotonic()
    other.select("INBOX")
    assert other.fetch_identity(30) == "m30"
    assert time.monotonic() - begun < 3, "waited for a client that does not read"
    assert memory(s) < 48 * MEGA, "%d MB resident for a client that does not read" % (memory(s) // MEGA)
    s.log("spooled %d, resident %d" % (spooled(s), memory(s)))
    got = read_everything(slow, tag)
    assert [number for number, _ in got] == list(range(1, 61))
    slow.ok("NOOP")


@scenario(build="release", settings={"write_timeout": "1s"}, timeout=60)
def a_client_that_takes_nothing_is_cut(s):
    s.fill(40, size=500_000)
    slow = s.client(name="slow", select="INBOX", tracked=False)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    slow.begin("FETCH 1:* BODY.PEEK[]")
    time.sleep(4)
    try:
        octets = 0
        while True:
            piece = slow.socket.recv(1 << 20)
            if not piece:
                break
            octets += len(piece)
    except ConnectionError:
        pass
    assert octets < 20_000_000, "it got everything after all"
    assert spooled(s) == 0, "its spool is still held"
    other = s.client(name="other", select="INBOX")
    assert other.fetch_identity(3) == "m3"


@scenario(build="release", settings={"spool_max": "4M", "output_memory": "64K"}, timeout=60)
def a_slow_readers_spool_is_bounded(s):
    s.fill(40, size=500_000)
    slow = s.client(name="slow", select="INBOX", tracked=False)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    slow.begin("FETCH 1:* BODY.PEEK[]")
    most, deadline = 0, time.monotonic() + 3
    while time.monotonic() < deadline:
        most = max(most, spooled(s))
        time.sleep(0.05)
    assert most <= 5 * MEGA, "spooled %d" % most
    other = s.client(name="other", select="INBOX")
    assert other.fetch_identity(3) == "m3"


@scenario(settings={"output_memory": "16K"}, timeout=60)
def output_through_the_spool_is_whole(s):
    """So little memory that every answer goes through the file, read now fast and now slowly."""
    s.fill(20, size=300_000)
    client = s.client(select="INBOX", tracked=False)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    for pause in (0, 0.5, 0):
        tag = client.begin("FETCH 1:* BODY.PEEK[]")
        time.sleep(pause)
        got = read_everything(client, tag)
        assert [number for number, _ in got] == list(range(1, 21)) and all(length > 300_000 for _, length in got)
    assert client.fetch_identity(7) == "m7"
    assert spooled(s) == 0, "the spool is kept after everything was read"


@scenario(build="release", timeout=90)
def a_large_message_streams_through(s):
    """Never held whole: the memory does not grow by its size, and not an octet differs."""
    text = make_message("big", 30_000_000)
    s.deliver("m1")
    s.server.deliver("u1", text)
    client = s.client(select="INBOX", tracked=False)
    client.ok("FETCH 1 BODY.PEEK[]")
    before = memory(s)
    body = client.ok("FETCH 2 BODY.PEEK[]", timeout=60).of("FETCH")[0].fetch_items()[b"BODY[]"]
    assert body.endswith(text[-29_999_000:]), "the octets differ"
    assert memory(s) - before < 16 * MEGA, "grew by %d MB" % ((memory(s) - before) // MEGA)
    part = client.ok("FETCH 2 BODY.PEEK[]<1000000.2000000>").of("FETCH")[0].fetch_items()[b"BODY[]<1000000>"]
    assert part == body[1000000:3000000]


@scenario(build="release", timeout=90)
def an_upload_takes_the_upstream_only_when_it_is_whole(s):
    s.fill(3)
    uploader = s.client(name="uploader", select="INBOX")
    other = s.client(name="other", select="INBOX", learn=True)
    text = make_message("upload", 8_000_000)
    uploader.outstanding.append((b"x1", b"APPEND INBOX"))
    uploader.send_raw(b"x1 APPEND INBOX (\\Seen) {%d}\r\n" % len(text))
    assert uploader._next(10).kind == "go-ahead"
    mark = s.relay.mark()
    for at in range(0, len(text) - 1_000_000, 1_000_000):
        uploader.socket.sendall(text[at:at + 1_000_000])
        begun = time.monotonic()
        assert other.fetch_identity(2) == "m2"
        assert time.monotonic() - begun < 2
        rest = at + 1_000_000
    assert not [text for text in s.relay.commands(mark) if text.startswith("APPEND")], "APPEND before the upload was whole"
    assert memory(s) < 48 * MEGA
    uploader.socket.sendall(text[rest:] + b"\r\n")
    assert uploader.finish(b"x1", 30).ok
    assert len([text for text in s.relay.commands(mark) if text.startswith("APPEND")]) == 1
    other.noop()
    body = other.ok("FETCH 4 BODY.PEEK[]", timeout=30).of("FETCH")[0].fetch_items()[b"BODY[]"]
    assert body == text


@scenario(build="release")
def an_upload_that_breaks_off_never_reaches_the_server(s):
    for size in (1000, 3_000_000):
        client = s.client()
        client.send_raw(b"x1 APPEND INBOX {%d+}\r\n" % size + b"a" * (size - 10))
        time.sleep(0.2)
        client.close_socket()
    other = s.client(select="INBOX")
    assert other.messages == []
    assert not [text for text in s.relay.commands() if text.startswith("APPEND")]
    deadline = time.monotonic() + 5
    while spooled(s) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert spooled(s) == 0, "the spool of a client that has gone is still held"


@scenario(build="release", settings={"drain_max": "1M"}, timeout=60)
def a_client_that_leaves_a_large_fetch_blocks_nobody(s):
    s.fill(40, size=500_000)
    for _ in range(3):
        leaver = s.client(name="leaver", select="INBOX", tracked=False)
        leaver.begin("FETCH 1:* BODY.PEEK[]")
        leaver.socket.recv(100_000)
        leaver.close_socket()
        other = s.client(name="other", select="INBOX")
        begun = time.monotonic()
        assert other.fetch_identity(7) == "m7"
        assert time.monotonic() - begun < 5
        other.logout()


@scenario(build="release", variants=("full", "no-condstore", "bare"), storage="maildir", timeout=120)
def a_large_mailbox(s):
    """20,000 messages: opened, listed, searched and changed by two clients."""
    count = 20_000
    s.dovecot.plant("u1", (make_message("m%d" % (number + 1)) for number in range(count)))
    first = s.client(name="first", select="INBOX", timeout=60)
    second = s.client(name="second", select="INBOX", timeout=60)
    assert len(first.messages) == count == len(second.messages)
    assert len(first.ok("FETCH 1:* (UID FLAGS)").of("FETCH")) == count
    assert len(second.ok("UID SEARCH ALL").numbers()) == count
    first.ok("STORE 1:* +FLAGS (\\Seen)", timeout=60)
    second.noop()
    assert all("\\Seen" in message.flags for message in second.messages if message.flags is not None)
    second.ok("STORE 2:19999 +FLAGS.SILENT (\\Deleted)", timeout=60)
    result = second.ok("EXPUNGE", timeout=60)
    assert len(result.of("EXPUNGE")) == count - 2 and len(second.messages) == 2
    assert first.fetch_identity(20_000) == first.fetch_identity(20_000) is not None
    first.noop()
    assert len(first.messages) == 2
    assert first.fetch_identity(2) == second.fetch_identity(2)


@scenario(upstream=odd(fill=60))
def slices_of_bodies_begin_small_and_grow_by_what_was_seen(s):
    client = s.client(select="INBOX")
    result = client.ok("FETCH 1:60 BODY.PEEK[]")
    assert len(result.of("FETCH")) == 60
    asked = [re.match(r"UID FETCH (\d+):(\d+) \(UID BODY.PEEK\[\]\)$", command) for command in s.upstream.commands]
    sizes = [int(match.group(2)) - int(match.group(1)) + 1 for match in asked if match]
    assert sizes == [2, 8, 32, 18], sizes


@scenario()
def an_answer_of_half_a_megabyte_in_one_line(s):
    """A message to thousands: its ENVELOPE is one line, larger than what is read ahead of an answer."""
    recipients = ["Recipient %05d <r%05d@example.org>" % (number, number) for number in range(7000)]
    s.deliver("m1", extra="Cc: %s\r\n" % ",\r\n ".join(recipients))
    client = s.client(select="INBOX", tracked=False)
    for _ in range(2):
        envelope = client.ok("FETCH 1 ENVELOPE").of("FETCH")[0].fetch_items()[b"ENVELOPE"]
        assert len(envelope[6]) == 7000 and envelope[6][6999][2] == b"r06999", envelope[6][-1]
    assert s.relay.connections == 1


@scenario(settings={"client_line_max": "4M"})
def a_command_of_a_megabyte_in_one_line(s):
    s.fill(3)
    client = s.client(select="INBOX", tracked=False)
    assert client.ok("SEARCH " + ",".join(str(number) for number in range(1, 160_000))).numbers() == [1, 2, 3]


class Slow(ScriptedUpstream):
    """Takes its time for a SEARCH."""

    def do_uid_search(self, tag, rest):
        if "SUBJECT" in rest:
            self.lock.release()
            time.sleep(12)
            self.lock.acquire()
            self.line("* SEARCH 1")
            self.ok(tag)
        else:
            super().do_uid_search(tag, rest)


@scenario(upstream=lambda s: Slow(capabilities=FULL.replace(" ESEARCH", "")), timeout=60, settings={"response_timeout": "30s"})
def who_waits_for_long_is_told_so_and_who_idles_is_not(s):
    searcher = s.client(name="searcher", select="INBOX")
    waiter = s.client(name="waiter")
    idler = s.client(name="idler", select="INBOX")
    idler.idle()
    slow = searcher.begin("SEARCH SUBJECT x")
    queued = waiter.begin("STATUS Work (MESSAGES)")
    for client, tag in ((searcher, slow), (waiter, queued)):
        result = client.finish(tag)
        words = [response.code for response in result.untagged if response.code and response.code[0] == "INPROGRESS"]
        assert result.status == "OK" and words == [("INPROGRESS", '("%s" NIL NIL)' % tag.decode())], result
    assert not idler.untagged, idler.untagged
    idler.done()
