"""What the campaign does to the cluster. Each fault is a method that leaves all links whole, all disks
well and all clocks right; processes that ended are back, or come back by their keepers."""
import contextlib
import json
import random
import signal
import subprocess
import time

import mounts

AFTER_PAUSE_S = 0.3  # a process that was stopped, or a node just started, may still be slow
COMMAND_TIMEOUT_S = 30


class Adversary:
    """@keepers by node number, @gateway_keepers likewise, @shims by node number."""

    def __init__(self, cluster, keepers, gateway_keepers, shims, seed):
        self.cluster, self.keepers, self.shims = cluster, keepers, shims
        self.gateway_keepers = gateway_keepers
        self.nodes = list(cluster.nodes)  # the voters; a guest comes and goes
        self.chance = random.Random(f"adversary {seed}")
        self.excused = []  # (address, from, to) in which a node could not answer DNS
        self.disk_faults = []  # (node name, from, to) in which it may stop by itself
        self.told = []     # one line a fault
        self.counts = {}
        self.guest = None
        self.left = []     # kinds of faults of the present round

    KINDS = ("kill", "kill_two", "kill_in_a_row", "pause", "pause_two", "isolate", "split",
             "one_way_out", "one_way_in", "cut_one_link", "kill_within_partition", "fill_disk",
             "refuse_writes", "fail_syncs", "fail_two_syncs", "slow_disk", "kill_with_slow_disk",
             "jump_clock", "jump_all_clocks", "kill_gateway", "pause_gateway", "change_members",
             "move_leader", "move_leader_and_kill")

    # ---- choosing ----

    def step(self):
        """The next fault; each kind comes once in a round, in an order by chance."""
        if not self.left:
            self.left = self.chance.sample(self.KINDS, len(self.KINDS))
        kind = self.left.pop()
        began = time.monotonic()
        self.told.append(f"{kind} …")
        told = getattr(self, kind)()
        self.told[-1] = f"{kind} {told} ({time.monotonic() - began:.1f} s)"
        self.counts[kind] = self.counts.get(kind, 0) + 1
        time.sleep(self.chance.uniform(0.2, 0.8))

    def leader(self):
        """The node that says it leads, or any when none does just now."""
        for node in self.nodes:
            with contextlib.suppress(subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
                done = node.run("node", "status", "--json", timeout_s=5)
                if json.loads(done.stdout)["role"] == "leader":
                    return node
        return self.chance.choice(self.nodes)

    def victim(self):
        return self.leader() if self.chance.random() < .5 else self.chance.choice(self.nodes)

    def two(self):
        first = self.victim()
        return [first, self.chance.choice([n for n in self.nodes if n is not first])]

    def hold(self, least_s=0.5, most_s=2.5):
        time.sleep(self.chance.uniform(least_s, most_s))

    # ---- processes ----

    def kill_nodes(self, nodes):
        for node in nodes:
            self.keepers[node.number].kill(stays_down=True)
        self.hold(0.3, 2)
        for node in nodes:
            self.keepers[node.number].release()
        for node in nodes:
            self.keepers[node.number].wait_up()
        return " ".join(node.name for node in nodes)

    def kill(self):
        return self.kill_nodes([self.victim()])

    def kill_two(self):
        return self.kill_nodes(self.two())

    def kill_in_a_row(self):
        """Again as soon as it is back, perhaps while it starts."""
        keeper = self.keepers[self.victim().number]
        for _ in range(3):
            keeper.kill()
            self.hold(0.3, 1.2)
        keeper.wait_up()
        return keeper.service.name

    @contextlib.contextmanager
    def stopped(self, keepers):
        began = time.monotonic()
        stopped = [k for k in keepers if k.send_signal(signal.SIGSTOP)]
        try:
            yield
        finally:
            for keeper in stopped:
                keeper.send_signal(signal.SIGCONT)
            self.excused += [(address_of(k.service), began, time.monotonic() + AFTER_PAUSE_S)
                             for k in stopped]

    def pause(self):
        node = self.victim()
        with self.stopped([self.keepers[node.number]]):
            self.hold(0.3, 3)
        return node.name

    def pause_two(self):
        nodes = self.two()
        with self.stopped([self.keepers[node.number] for node in nodes]):
            self.hold(0.3, 3)
        return " ".join(node.name for node in nodes)

    def kill_gateway(self):
        keeper = self.chance.choice(list(self.gateway_keepers.values()))
        keeper.kill()
        keeper.wait_up()
        return keeper.service.name

    def pause_gateway(self):
        keeper = self.chance.choice(list(self.gateway_keepers.values()))
        with self.stopped([keeper]):
            self.hold()
        return keeper.service.name

    # ---- links ----

    def partition(self, some):
        self.cluster.split(some, [n for n in self.cluster.nodes if n not in some])
        self.hold(1, 3.5)
        self.cluster.heal()
        return " ".join(node.name for node in some) + " | others"

    def isolate(self):
        return self.partition([self.victim()])

    def split(self):
        return self.partition(self.two())

    def one_way(self, pairs):
        for source, target in pairs:
            self.cluster.cut(source, target)
        self.hold(1, 3.5)
        self.cluster.heal()

    def one_way_out(self):
        node = self.victim()
        self.one_way([(node, n) for n in self.cluster.nodes if n is not node])
        return f"{node.name} is not heard"

    def one_way_in(self):
        node = self.victim()
        self.one_way([(n, node) for n in self.cluster.nodes if n is not node])
        return f"{node.name} hears nothing"

    def cut_one_link(self):
        node, other = self.two()
        self.one_way([(node, other), (other, node)])
        return f"{node.name} - {other.name}"

    def kill_within_partition(self):
        some = self.two()
        others = [n for n in self.nodes if n not in some]
        self.cluster.split(some, others)
        self.hold(0.3, 1)
        told = self.kill_nodes([self.chance.choice(others)])
        self.cluster.heal()
        return " ".join(node.name for node in some) + " | others, killed " + told

    # ---- disks ----

    @contextlib.contextmanager
    def bad_disk(self, nodes):
        """Within, they may stop by themselves; afterwards they are back."""
        began = time.monotonic()
        try:
            yield
        finally:
            for node in nodes:
                self.shims[node.number].heal()
            for node in nodes:
                self.keepers[node.number].wait_up()
            self.disk_faults += [(node.name, began, time.monotonic()) for node in nodes]

    def fill_disk(self):
        """The file system itself is full, by a file of all free room, or has little room."""
        node = self.victim()
        leave = self.chance.choice([0, 0, 30])
        filler = node.data / "filler"
        with self.bad_disk([node]):
            mounts.fill(filler, leave)
            self.hold(1, 3)
            filler.unlink()
        return f"{node.name}, {leave} MiB left"

    def refuse_writes(self):
        node = self.victim()
        with self.bad_disk([node]):
            self.shims[node.number].fill_disk()
            self.hold(0.5, 2)
        return node.name

    def fail_syncs_of(self, nodes):
        with self.bad_disk(nodes):
            for node in nodes:
                self.shims[node.number].fail_syncs()
            self.hold(0.3, 2)
        return " ".join(node.name for node in nodes)

    def fail_syncs(self):
        return self.fail_syncs_of([self.victim()])

    def fail_two_syncs(self):
        return self.fail_syncs_of(self.two())

    def make_slow(self, nodes):
        sync_ms, write_ms = self.chance.choice([(20, 0), (100, 1), (500, 5)])
        for node in nodes:
            self.shims[node.number].delay(sync_ms, write_ms)
        return f"{' '.join(n.name for n in nodes)}, {sync_ms} ms a sync, {write_ms} ms a write"

    def slow_disk(self):
        nodes = self.chance.sample(self.nodes, self.chance.randint(1, len(self.nodes)))
        with self.bad_disk(nodes):
            told = self.make_slow(nodes)
            self.hold(1, 3)
        return told

    def kill_with_slow_disk(self):
        nodes = self.two()
        with self.bad_disk(nodes):
            told = self.make_slow(nodes)
            self.hold(0.3, 1)
            self.kill_nodes([self.chance.choice(nodes)])
        return told

    # ---- clocks ----

    def jump(self, nodes):
        offset_s = self.chance.choice([1, 60, 3600, 86400]) * self.chance.choice([-1, 1])
        for node in nodes:
            self.shims[node.number].set(wall_offset_s=offset_s)
        self.hold()
        for node in nodes:
            self.shims[node.number].heal()
        return f"{' '.join(n.name for n in nodes)} by {offset_s} s and back"

    def jump_clock(self):
        return self.jump([self.victim()])

    def jump_all_clocks(self):
        return self.jump(self.nodes)

    # ---- members ----

    def someone(self, but=()):
        return self.chance.choice([n for n in self.nodes if n not in but])

    def change_members(self):
        """A guest comes, or goes."""
        if self.guest:
            name = self.guest.name
            self.try_until_done(lambda: self.someone().run("member", "remove", name, timeout_s=60),
                                lambda: self.is_member(name) is False)
            self.cluster.drop_node()
            self.guest = None
            return f"{name} is removed"
        self.guest = self.cluster.add_node()
        self.try_until_done(self.join_guest, lambda: self.is_member(self.guest.name))
        return f"{self.guest.name} joins"

    def join_guest(self):
        with contextlib.suppress(AssertionError):
            self.cluster.join(self.guest, by=self.someone())

    def is_member(self, name):
        """None: nobody could tell."""
        done = self.someone().run("member", "list", "--json", timeout_s=COMMAND_TIMEOUT_S)
        if done.returncode != 0:
            return None
        return any(member["name"] == name for member in json.loads(done.stdout))

    @staticmethod
    def try_until_done(act, is_done):
        """An administrator repeats a command that was refused or whose outcome is unknown."""
        end = time.monotonic() + 60
        while True:
            act()
            if is_done():
                return
            assert time.monotonic() < end, "a change of members is not made within 60 s"
            time.sleep(0.5)

    def move_leader(self):
        target = self.someone()
        self.someone().run("member", "transfer", target.name, timeout_s=COMMAND_TIMEOUT_S)
        return f"to {target.name}"

    def move_leader_and_kill(self):
        target = self.someone()
        self.someone().run("member", "transfer", target.name, timeout_s=COMMAND_TIMEOUT_S)
        return "to " + self.kill_nodes([target])


def address_of(service):
    """Of a node, or of a gateway's node."""
    return getattr(service, "address", None) or service.node.address + " (gateway)"
