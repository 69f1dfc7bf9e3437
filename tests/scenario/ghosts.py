"""A line that is lost and comes back while the server still counts the session, in two network namespaces. Needs root."""
import os
import subprocess
import sys
import time

from mail_server import free_port, wait_until
from scenario import Skip, scenario
from scripted_upstream import odd

SERVER = os.path.join(os.path.dirname(__file__), "..", "support", "one_session_server.py")
SHORT = {"response_timeout": "1s", "idle_probe": "1s", "idle_delay": "0", "connect_timeout": "1s", "reconnect_ceiling": "1s", "login_wait": "20s"}


class Line:
    """A network namespace with a server, at the other end of a line."""

    def __init__(self, number, server_address, own_address, prefix):
        self.name, self.near = "imapmux%d-%d" % (os.getpid(), number), "mux%d-%d" % (os.getpid() % 100000, number)
        self.commands = [
            "ip netns add %s" % self.name,
            "ip link add %s type veth peer name far netns %s" % (self.near, self.name),
            "ip addr add %s/%s dev %s nodad" % (own_address, prefix, self.near) if ":" in own_address else
            "ip addr add %s/%s dev %s" % (own_address, prefix, self.near),
            "ip link set %s up" % self.near,
            "ip -n %s addr add %s/%s dev far%s" % (self.name, server_address, prefix, " nodad" if ":" in server_address else ""),
            "ip -n %s link set far up" % self.name,
            "ip -n %s link set lo up" % self.name,
            "ip netns exec %s sysctl -qw net.ipv6.conf.far.keep_addr_on_down=1" % self.name]

    def __enter__(self):
        if os.getuid() != 0:
            raise Skip("network namespaces need root")
        try:
            for command in self.commands:
                subprocess.run(command.split(), check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            raise Skip("no network namespaces here: %s" % getattr(error, "stderr", error))
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)
        subprocess.run(["ip", "link", "del", self.near], capture_output=True)

    def run(self, *command, **options):
        return subprocess.Popen(["ip", "netns", "exec", self.name, *command], **options)

    def cut(self, seconds):
        subprocess.run(["ip", "-n", self.name, "link", "set", "far", "down"], check=True)
        time.sleep(seconds)
        subprocess.run(["ip", "-n", self.name, "link", "set", "far", "up"], check=True)


def lose_the_line(s, number, server_address, own_address, prefix):
    port = free_port()
    log = os.path.join(s.directory, "server.log")
    with Line(number, server_address, own_address, prefix) as line, open(log, "wb") as out:
        server = line.run(sys.executable, SERVER, server_address, str(port), stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: "listening" in open(log).read(), "the server listens")
            host = "[%s]" % server_address if ":" in server_address else server_address
            s.mux_port = s.mux_port or free_port()
            path = s.write_settings(upstream=["starttls = no"])
            text = open(path).read().replace("url = imap://127.0.0.1:%d\n" % s.upstream_port, "url = imap://%s:%d\n" % (host, port), 1)
            with open(path, "w") as settings:
                settings.write(text)
            s.start_imapmux(["-c", path])
            client = s.connect()
            assert client.command("LOGIN u1 secret", timeout=15).ok
            client.select("INBOX")
            line.cut(4)
            back = time.monotonic()
            assert client.command("NOOP", timeout=20).ok
            wait_until(lambda: open(log).read().count("login") == 2, "a second login", timeout=20)
            s.log("served %.1f s after the line came back" % (time.monotonic() - back))
            words = open(log).read().split()
            assert words == ["listening", "login", "refused", "over", "login"], words
            assert "connecting from its port" in s.log_text()
        finally:
            server.kill()
            server.wait()


@scenario(relay=False, start=False, settings=SHORT, timeout=60, upstream=odd())
def the_session_of_a_lost_line_is_taken_over(s):
    lose_the_line(s, 4, "10.213.7.2", "10.213.7.1", "24")


@scenario(relay=False, start=False, settings=SHORT, timeout=60, upstream=odd())
def the_session_of_a_lost_line_is_taken_over_by_ipv6(s):
    lose_the_line(s, 6, "fd5a:213:7::2", "fd5a:213:7::1", "64")
