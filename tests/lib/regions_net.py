"""The network of tests with hosts: a bridge for each region, all on one network 10.79.0.0/16, joined by
a wide-area network (wan.py) that makes the ways between them long and can cut them. Needs root.
Everything is in network namespaces of its own; nothing of the machine's network is touched.
"""
import os
import random
import subprocess

from wan import Wan

NETWORK, PREFIX_BITS = "10.79", 16


class RegionsNet:
    """Region number N, from 1, has the addresses 10.79.N.x. Use as a context manager."""

    def __init__(self, regions):
        self.regions = list(regions)
        self.mark = f"quartet-{os.getpid()}-{random.randint(0, 9999)}"
        self.hub = f"{self.mark}-hub"
        self.made, self.ports = [], 0
        self.wan = None

    def __enter__(self):
        try:
            self._make(self.hub)
            self.wan = Wan(self.regions, self.prefix_of(self.hub))
            for region in self.regions:
                bridge = f"br-{region}"
                self._hub_ip("link", "add", bridge, "type", "bridge", "forward_delay", "0")
                self._hub_ip("link", "set", region, "master", bridge, "up")
                self._hub_ip("link", "set", bridge, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.wan:
            self.wan.__exit__()
            self.wan = None
        while self.made:
            subprocess.run(["ip", "netns", "delete", self.made.pop()], check=False)

    def _make(self, space):
        subprocess.run(["ip", "netns", "add", space], check=True)
        self.made.append(space)
        subprocess.run(["ip", "-n", space, "link", "set", "lo", "up"], check=True)

    def _hub_ip(self, *words):
        subprocess.run(["ip", "-n", self.hub, *words], check=True)

    @staticmethod
    def prefix_of(space):
        """Command words that run a program in a namespace."""
        return ("ip", "netns", "exec", space)

    def address(self, region, station):
        return f"{NETWORK}.{self.regions.index(region) + 1}.{station}"

    def station(self, name, region, *stations):
        """A namespace with these addresses in a region; its name."""
        space = f"{self.mark}-{name}"
        self._make(space)
        self.ports += 1
        port = f"port{self.ports}"
        self._hub_ip("link", "add", port, "type", "veth", "peer", "name", "up0", "netns", space)
        self._hub_ip("link", "set", port, "master", f"br-{region}", "up")
        for number in stations:
            subprocess.run(["ip", "-n", space, "address", "add",
                            f"{self.address(region, number)}/{PREFIX_BITS}", "dev", "up0"], check=True)
        subprocess.run(["ip", "-n", space, "link", "set", "up0", "up"], check=True)
        return space
