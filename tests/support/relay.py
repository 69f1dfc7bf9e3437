"""The relay that stands between imapmux and every upstream of the scenarios.

It counts (connections open at once, in all and for each account; logins), cuts the stream into seeded pieces in both
directions, can cut, stall or refuse connections, keeps a transcript, and watches what imapmux asks of the server:
whatever was not announced, or what imapmux never sends, is noted in `violations`.
"""
import collections
import random
import re
import select
import selectors
import socket
import struct
import threading
import time

from upstream_rules import CUT, UpstreamRules
from wire import Framer

Event = collections.namedtuple("Event", "time link direction text sizes")
UP, DOWN = ">", "<"  # towards the server, towards imapmux


class Pipe:
    """One direction of one connection."""

    def __init__(self, link, direction, source, sink):
        self.link, self.direction, self.source, self.sink = link, direction, source, sink
        self.buffer = bytearray()
        self.total = 0
        self.not_before = 0.0
        self.source_ended = self.paused = False
        self.cut_after = None  # how to cut once the buffer is empty
        self.framer = Framer(from_server=direction == DOWN, keep_literals=False)


class Link:
    """One connection of imapmux and its counterpart to the server."""

    def __init__(self, number, near, far):
        self.number, self.near, self.far = number, near, far
        self.account = None
        self.logged_in = False
        self.closed = False
        self.swallowed = False
        self.pipes = [Pipe(self, UP, near, far), Pipe(self, DOWN, far, near)] if far else []
        self.rules = UpstreamRules()


class Cut:
    """Cut the connection where `pattern` (bytes regex) next matches in `direction`: after the match and `extra` more
    octets, or before it."""

    def __init__(self, direction, pattern, how, before, extra, keep_server):
        self.direction, self.pattern, self.how = direction, re.compile(pattern, re.DOTALL), how
        self.before, self.extra, self.keep_server = before, extra, keep_server
        self.happened = threading.Event()


class Relay(threading.Thread):
    def __init__(self, upstream, seed=0, log=None, port=0):
        super().__init__(daemon=True, name="relay")
        self.upstream = upstream
        self.random = random.Random(seed)
        self.pieces = True
        self.opaque = False  # True: TLS from the first octet, nothing can be read
        self.log = open(log, "w", buffering=1, encoding="utf-8") if log else None
        self.events, self.violations = [], []
        self.links = {}
        self.connections = self.logins = self.most_open = 0
        self.most_open_of = collections.Counter()
        self.logins_of = collections.Counter()
        self.changed = threading.Condition()
        self._cuts, self._orders = [], collections.deque()
        self._stalled, self._refusing, self._paused = set(), None, False
        self._kept_server_ends = []
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, "wake")
        self.port = port
        self._listen()

    # --- what a scenario asks for (any thread)

    def cut(self, how="rst", keep_server=False):
        """Cuts every open connection now. keep_server: the server does not learn of it until release_server."""
        self._order(lambda: [self._cut(link, how, keep_server) for link in list(self.links.values())])

    def cut_when(self, direction, pattern, how="rst", before=False, extra=0, keep_server=False):
        rule = Cut(direction, pattern, how, before, extra, keep_server)
        self._order(lambda: self._cuts.append(rule))
        return rule

    def release_server(self):
        def close():
            for end in self._kept_server_ends:
                end.close()
            self._kept_server_ends.clear()
        self._order(close)

    def stall(self, *directions):
        """Silence: octets are taken and held back until stall() is called without directions."""
        self._order(lambda: setattr(self, "_stalled", set(directions)))

    def refuse(self, how="port"):
        """New connections: "port" nobody listens, "rst" accepted and reset, "fin" accepted and closed, "silent" accepted
        and never answered, None as usual."""
        self._order(lambda: self._set_refusing(how))

    def open_now(self):
        return self._order(lambda: len(self._alive()))

    def commands(self, since=0, link=None):
        """The commands sent upstream, without tags."""
        return [event.text.partition(" ")[2] or event.text for event in self.events[since:]
                if event.direction == UP and (link is None or event.link == link)]

    def mark(self):
        return len(self.events)

    def wait_for(self, direction, pattern, since=0, timeout=10.0):
        """Waits for a line that matches; returns its event."""
        expression, deadline, position = re.compile(pattern), time.monotonic() + timeout, since
        with self.changed:
            while True:
                while position < len(self.events):
                    event = self.events[position]
                    if event.direction == direction and expression.search(event.text):
                        return event
                    position += 1
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError("no line %s %r within %g s" % (direction, pattern, timeout))
                self.changed.wait(left)

    def stop(self):
        self._stopping = True
        self._wake()
        self.join(5)

    # --- the loop

    def run(self):
        try:
            while not self._stopping:
                self._step()
        finally:
            for link in list(self.links.values()):
                self._close(link, "fin")
            for end in self._kept_server_ends:
                end.close()
            self._set_refusing("port")
            self._selector.close()
            self._wake_read.close()
            self._wake_write.close()
            if self.log:
                self.log.close()

    def _step(self):
        now = time.monotonic()
        timeout = 0.5
        for link in list(self.links.values()):
            for pipe in link.pipes:
                timeout = min(timeout, self._push(pipe, now))
        for key, mask in self._selector.select(max(timeout, 0)):
            if key.data == "wake":
                self._drain_wake()
            elif key.data == "listener":
                self._accept()
            elif not key.data.closed:
                self._read(key.data, key.fileobj)
        while self._orders:
            self._orders.popleft()()

    def _order(self, action):
        if not self.is_alive() or threading.current_thread() is self:
            return action()
        done, result = threading.Event(), []
        def run():
            result.append(action())
            done.set()
        self._orders.append(run)
        self._wake()
        if not done.wait(10):
            raise AssertionError("the relay is stuck")
        return result[0]

    def _wake(self):
        try:
            self._wake_write.send(b"x")
        except OSError:
            pass

    def _drain_wake(self):
        try:
            self._wake_read.recv(4096)
        except BlockingIOError:
            pass

    # --- connections

    def _listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self._selector.register(self.listener, selectors.EVENT_READ, "listener")

    def _set_refusing(self, how):
        self._refusing = how
        if how == "port" and self.listener:
            self._selector.unregister(self.listener)
            self.listener.close()
            self.listener = None
        elif how != "port" and not self.listener:
            self._listen()

    def _accept(self):
        try:
            near, _ = self.listener.accept()
        except (BlockingIOError, AttributeError):
            return
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._refusing in ("rst", "fin"):
            _close_socket(near, self._refusing)
            return
        self.connections += 1
        far = None if self._refusing == "silent" else self._dial()
        if far is None and self._refusing != "silent":
            near.close()
            return
        link = Link(self.connections, near, far)
        self.links[link.number] = link
        alive = self._alive()
        self.most_open = max(self.most_open, len(alive))
        self._note(link, "#", "connected, %d open" % len(alive))
        near.setblocking(False)
        self._selector.register(near, selectors.EVENT_READ, link)
        if far:
            far.setblocking(False)
            self._selector.register(far, selectors.EVENT_READ, link)

    def _dial(self):
        try:
            far = socket.create_connection(self.upstream, 5)
        except OSError:
            return None
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return far

    def _alive(self):
        """Links that imapmux has not closed. Its FIN may not have been read yet, since octets may stand before it."""
        return [link for link in self.links.values() if not link.closed and not _hung_up(link.near)]

    def _read(self, link, end):
        pipe = next((pipe for pipe in link.pipes if pipe.source is end), None)
        try:
            data = end.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            if pipe is None:
                self._close(link, "fin")
            else:
                pipe.source_ended = True
                self._selector.unregister(end)
            return
        if pipe is not None and pipe.cut_after is None:
            self._take(pipe, data)
            if len(pipe.buffer) > 512 * 1024:
                pipe.paused = True
                self._selector.unregister(end)

    def _take(self, pipe, data):
        start = len(pipe.buffer)
        pipe.buffer += data
        self._apply_cuts(pipe, start)
        if self.opaque or pipe.link.rules.encrypted:
            return
        for line in pipe.framer.feed(data):
            self._observe(pipe, line)
        if pipe.direction == UP and pipe.framer.waits_for_go_ahead():
            self._note(pipe.link, "~", pipe.framer.text.decode("latin-1"))

    def _apply_cuts(self, pipe, start):
        for rule in self._cuts:
            if rule.direction != pipe.direction:
                continue
            match = rule.pattern.search(pipe.buffer, max(0, start - 200))
            if match:
                end = match.start() if rule.before else match.end() + rule.extra
                del pipe.buffer[end:]
                pipe.cut_after = rule
                self._cuts.remove(rule)
                return

    def _push(self, pipe, now):
        """Writes what is due; returns the seconds until there is more to do."""
        if pipe.link.closed or pipe.direction in self._stalled:
            return 1.0
        while pipe.buffer and now >= pipe.not_before:
            piece = pipe.buffer[: self._piece_size(pipe)]
            try:
                sent = pipe.sink.send(piece)
            except BlockingIOError:
                return 0.005
            except OSError:
                self._close(pipe.link, "fin")
                return 1.0
            del pipe.buffer[:sent]
            pipe.total += sent
            if pipe.paused and len(pipe.buffer) < 64 * 1024:
                pipe.paused = False
                self._selector.register(pipe.source, selectors.EVENT_READ, pipe.link)
            if self.pieces and pipe.total < 200_000 and self.random.random() < 0.25:
                pipe.not_before = now + self.random.uniform(0.0002, 0.002)
        if pipe.buffer:
            return pipe.not_before - now
        if pipe.cut_after:
            rule = pipe.cut_after
            self._cut(pipe.link, rule.how, rule.keep_server)
            rule.happened.set()
        elif pipe.source_ended:
            self._close(pipe.link, "fin")
        return 1.0

    def _piece_size(self, pipe):
        if not self.pieces:
            return 65536
        # Long transfers in small pieces would only take long; the interesting borders are all among the first octets.
        largest = 65536 if pipe.total > 200_000 else self.random.choice((3, 60, 1500, 8000))
        return self.random.randint(1, largest)

    def _cut(self, link, how, keep_server=False):
        if link.closed:
            return
        self._note(link, "#", "cut by the relay (%s)" % how)
        self._close(link, how, keep_server)

    def _close(self, link, how, keep_server=False):
        if link.closed:
            return
        link.closed = True
        for end in (link.near, link.far):
            if end is None:
                continue
            try:
                self._selector.unregister(end)
            except (KeyError, ValueError):
                pass
        _close_socket(link.near, how)
        if link.far is not None and keep_server:
            self._kept_server_ends.append(link.far)
        elif link.far is not None:
            _close_socket(link.far, how)
        del self.links[link.number]
        self._note(link, "#", "closed")

    # --- what was said

    def _note(self, link, direction, text, sizes=()):
        event = Event(time.monotonic(), link.number, direction, text, sizes)
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()
        if self.log:
            self.log.write("%.3f %d %s %s\n" % (event.time, link.number, direction, text[:500]))

    def _observe(self, pipe, line):
        link = pipe.link
        text = line.printable(CUT)
        if pipe.direction == UP:
            found = link.rules.command(text)
            text = link.rules.without_secret(text)
            self._learn_account(link)
        else:
            found = link.rules.answer(text)
            self._learn_login(link)
            waiting = link.pipes[0].framer
            if waiting.waits_for_go_ahead() and waiting.text.split(b" ")[0] == line.text.split(b" ")[0]:
                waiting.reset()
        self._note(link, pipe.direction, text, line.sizes)
        for fault in found:
            self.violations.append("%s: %s" % (fault, text[:200]))

    def _learn_account(self, link):
        if link.account is None and link.rules.account is not None:
            link.account = link.rules.account
            same = [other for other in self._alive() if other.account == link.account]
            self.most_open_of[link.account] = max(self.most_open_of[link.account], len(same))

    def _learn_login(self, link):
        if link.rules.logged_in and not link.logged_in:
            link.logged_in = True
            self.logins += 1
            self.logins_of[link.account] += 1


def _hung_up(end):
    poller = select.poll()
    poller.register(end, select.POLLRDHUP)
    return bool(poller.poll(0))


def _close_socket(end, how):
    if how == "rst":
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
