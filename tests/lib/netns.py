"""A cluster whose nodes each live in a network namespace, with a bridge between, so that any link can
be cut in either direction. Needs root. Nothing of the host's own network is touched.
"""
import os
import random
import shutil
import subprocess

from cluster import Cluster, Node


def why_not():
    """Why namespaces cannot be made here; None when they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"quartet-try-{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"no network namespaces here: {done.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=False)
    return None


class NamespaceCluster(Cluster):
    """Node N has the address 10.77.0.N; the hub (the bridge's namespace) has 10.77.0.254."""

    def __init__(self, count=5, **options):
        super().__init__(count, **options)
        self.network = "10.77.0"
        self.mark = f"quartet-{os.getpid()}-{random.randint(0, 9999)}"
        self.hub = f"{self.mark}-hub"
        self.made = []
        self.cuts = set()
        try:
            self._build()
        except BaseException:
            self._unmake()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _build(self):
        self._make(self.hub)
        self.hub_run("ip", "link", "add", "hub", "type", "bridge")
        self.hub_run("ip", "address", "add", f"{self.network}.254/24", "dev", "hub")
        self.hub_run("ip", "link", "set", "hub", "up")
        for node in self.nodes:
            self._plug(node)

    def _make(self, name):
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.made.append(name)
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)

    def hub_prefix(self):
        return ("ip", "netns", "exec", self.hub)

    def hub_run(self, *words):
        return subprocess.run([*self.hub_prefix(), *words], check=True, capture_output=True)

    def space_of(self, node):
        return f"{self.mark}-{node.number}"

    def _plug(self, node):
        space = self.space_of(node)
        self._make(space)
        node.prefix = ("ip", "netns", "exec", space)
        port = f"port{node.number}"
        self.hub_run("ip", "link", "add", port, "type", "veth", "peer", "name", "up0", "netns",
                     space)
        self.hub_run("ip", "link", "set", port, "master", "hub", "up")
        # Own addresses are looked up after the rules of cut(), not before all others.
        for words in (["rule", "add", "pref", "1000", "lookup", "local"],
                      ["rule", "delete", "pref", "0"],
                      ["address", "add", f"{node.address}/24", "dev", "up0"],
                      ["link", "set", "up0", "up"]):
            subprocess.run(["ip", "-n", space, *words], check=True)

    def add_node(self):
        node = Node(self, len(self.nodes) + 1)
        self.nodes.append(node)
        self._plug(node)
        node.start()
        return node

    def drop_node(self):
        """Take the newest node and its namespace down; its files go, too."""
        node = self.nodes.pop()
        if node.process and node.process.poll() is None:
            node.kill()
        self.hub_run("ip", "link", "delete", f"port{node.number}")
        subprocess.run(["ip", "netns", "delete", self.space_of(node)], check=True)
        self.made.remove(self.space_of(node))
        shutil.rmtree(node.folder)

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
        finally:
            self._unmake()

    def _unmake(self):
        for name in self.made:
            subprocess.run(["ip", "netns", "delete", name], check=False)

    def _rule(self, verb, source, target):
        """At the target: what comes from the source is dropped without a word."""
        subprocess.run(["ip", "-n", self.space_of(self.node(target)), "rule", verb, "pref",
                        str(source), "from", f"{self.address_of(source)}/32", "blackhole"],
                       check=True)

    def cut(self, source, target):
        """Nothing that `source` sends reaches `target` any more (the other way still works)."""
        if (source.number, target.number) not in self.cuts:
            self._rule("add", source.number, target.number)
            self.cuts.add((source.number, target.number))

    def split(self, some, others):
        """No packet goes between the two groups, in either direction."""
        for one in some:
            for other in others:
                self.cut(one, other)
                self.cut(other, one)

    def heal(self):
        for source, target in sorted(self.cuts):
            self._rule("delete", source, target)
        self.cuts.clear()
