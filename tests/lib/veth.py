"""Two network namespaces with a veth pair between them, for tests of a server and its clients. Needs
root. Nothing of the host's own network is touched.
"""
import os
import random
import subprocess

INTERFACE = "v0"  # the server's; the client's is w0
SERVER4, SERVER6 = "10.78.0.1", "fd00:78::1"
CLIENT4, CLIENT6 = "10.78.0.2", "fd00:78::2"


class Pair:
    """Use as a context manager; `server` and `client` are command words that run a program there."""

    def __init__(self, queues=1):
        mark = f"quartet-{os.getpid()}-{random.randint(0, 9999)}"
        self.spaces = (f"{mark}-s", f"{mark}-c")
        self.server, self.client = (("ip", "netns", "exec", space) for space in self.spaces)
        self.queues = queues

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make(self):
        for space in self.spaces:
            subprocess.run(["ip", "netns", "add", space], check=True)
            self.ip(space, "link", "set", "lo", "up")
        count = str(self.queues)
        queues = ["numrxqueues", count, "numtxqueues", count]
        subprocess.run(["ip", "link", "add", INTERFACE, "netns", self.spaces[0], *queues, "type",
                        "veth", "peer", "name", "w0", *queues, "netns", self.spaces[1]], check=True)
        for space, device, addresses in ((self.spaces[0], INTERFACE, (SERVER4, SERVER6)),
                                         (self.spaces[1], "w0", (CLIENT4, CLIENT6))):
            self.ip(space, "address", "add", f"{addresses[0]}/24", "dev", device)
            self.ip(space, "address", "add", f"{addresses[1]}/64", "dev", device, "nodad")
            self.ip(space, "link", "set", device, "up")

    def __exit__(self, *_):
        for space in self.spaces:
            subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)

    def ip(self, space, *words):
        return subprocess.run(["ip", "-n", space, *words], check=True, capture_output=True,
                              text=True).stdout

    def at_server(self, *words):
        """ip's output there."""
        return self.ip(self.spaces[0], *words)

    def at_client(self, *words):
        return self.ip(self.spaces[1], *words)

    def has_program(self):
        """Is an XDP program attached to the server's interface?"""
        return "prog/xdp" in self.at_server("link", "show", "dev", INTERFACE)

    def udp_received(self):
        """Datagrams that the server's namespace has given to sockets, both families together."""
        def read(path):
            return subprocess.run([*self.server, "cat", path], check=True, capture_output=True,
                                  text=True).stdout.splitlines()
        names, values = [line.split() for line in read("/proc/net/snmp")
                         if line.startswith("Udp:")]
        six = dict(line.split() for line in read("/proc/net/snmp6"))
        return int(values[names.index("InDatagrams")]) + int(six["Udp6InDatagrams"])

    def dig(self, server, *words):
        """dig's short output at the client; "" when there was no answer."""
        done = subprocess.run([*self.client, "dig", f"@{server}", "+time=2", "+tries=1", "+short",
                               *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""
