"""A server at the other end of a line that can be cut: in a network namespace of its own. Needs root."""
import os
import subprocess
import time

from scenario import Skip


class Line:
    """Two addresses, `near` of this machine and `far` in the namespace; `inside`: words before a command that is to run there.
    Lines may be there at the same time: their addresses go by the process and `number` (0 to 3)."""

    def __init__(self, ipv6=False, number=0):
        serial = (os.getpid() * 4 + number) % 0x4000
        if ipv6:
            self.near, self.far = "fd5a:213:%x::1" % serial, "fd5a:213:%x::2" % serial
        else:
            net = "10.213.%d." % (serial // 64)
            self.near, self.far = net + str(serial % 64 * 4 + 1), net + str(serial % 64 * 4 + 2)
        end = "/64 dev %s nodad" if ipv6 else "/30 dev %s"
        self.name, self.device = "imapmux%d-%d" % (os.getpid(), number), "mux%d" % serial
        self.inside = ["nsenter", "--net=/run/netns/" + self.name]
        self.commands = [
            "ip netns add " + self.name,
            "ip link add %s type veth peer name far netns %s" % (self.device, self.name),
            "ip addr add " + self.near + end % self.device,
            "ip link set %s up" % self.device,
            "ip -n %s addr add " % self.name + self.far + end % "far",
            "ip -n %s link set far up" % self.name,
            "ip -n %s link set lo up" % self.name,
            "ip netns exec %s sysctl -qw net.ipv6.conf.far.keep_addr_on_down=1" % self.name]

    @property
    def host(self):
        """The far address as it stands in a URL."""
        return "[%s]" % self.far if ":" in self.far else self.far

    def __enter__(self):
        if os.getuid() != 0:
            raise Skip("network namespaces need root")
        try:
            for command in self.commands:
                subprocess.run(command.split(), check=True, capture_output=True)
            self._know_each_other()
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            raise Skip("no network namespaces here: %s" % getattr(error, "stderr", error))
        return self

    def _know_each_other(self):
        """Or what is sent while the line is cut waits for the other side's hardware address, and arrives all the same."""
        link = subprocess.run(["ip", "-n", self.name, "-o", "link", "show", "far"], check=True, capture_output=True, text=True).stdout
        subprocess.run(["ip", "neigh", "replace", self.far, "lladdr", link.split("link/ether ")[1].split()[0], "nud", "permanent",
                        "dev", self.device], check=True, capture_output=True)

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)
        subprocess.run(["ip", "link", "del", self.device], capture_output=True)

    def cut(self):
        subprocess.run(["ip", "-n", self.name, "link", "set", "far", "down"], check=True)

    def mend(self):
        """Returns when."""
        subprocess.run(["ip", "-n", self.name, "link", "set", "far", "up"], check=True)
        return time.monotonic()
