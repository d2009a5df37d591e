#!/usr/bin/python3
"""Disks that are full, that fail to sync, and that hold flipped bits: the node stops or refuses to
start and says what to do, the others go on, and a fresh join repairs it.

QUARTET_FLIPS says how many bits are flipped, each in a copy of its own (14); QUARTET_SEED where.
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import load  # noqa: E402
import mounts  # noqa: E402
import tap  # noqa: E402
from cluster import Cluster, CommandFailed, wait_until  # noqa: E402
from shim import Shim  # noqa: E402

FLIPS = int(os.environ.get("QUARTET_FLIPS", "14"))
SEED = int(os.environ.get("QUARTET_SEED", str(int(time.time()))))
ZONE = "storage.example"
ADVICE = r"(?i)make room|check the disk|remove|clear|join"  # what to do, in a node's last words


class StorageCase(unittest.TestCase):
    """Three voters and a zone; changes go on while a node's disk is spoiled."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.prepare()
        cls.cluster.form()
        cls.cluster.node(1).quartet("zone", "create", ZONE, "--wait")
        cls.outcomes = []

    @classmethod
    def prepare(cls):
        """Before the nodes start."""

    def others(self, node):
        return [n for n in self.cluster.alive() if n is not node]

    def start_load(self, nodes, prefix):
        changes = load.Load(nodes, ZONE, self.cluster.folder, prefix=prefix)
        self.addCleanup(changes.__exit__, None, None, None)
        wait_until(changes.outcomes, 10, "a first change is made")
        return changes

    def make_leader(self, node):
        """Asked again as the refusal says: on a busy machine it may not take over in its time."""
        def leads():
            return (self.cluster.leader() is node or
                    node.run("member", "transfer", node.name).returncode == 0 and
                    self.cluster.leader() is node)
        wait_until(leads, 30, f"{node.name} leads")

    def wait_stopped(self, node, since):
        """Until the process has ended by itself; returns what it logged from `since` on."""
        status = wait_until(lambda: node.process.poll() is not None and [node.process.returncode],
                            30, f"{node.name} stops")[0]
        node.process = None
        words = node.log()[since:]
        self.assertGreater(status, 0, f"not a clean refusal but status {status}:\n{words[-3000:]}")
        self.assertRegex(words, ADVICE)
        return words

    def last_words(self, words):
        lines = [line for line in words.splitlines() if line.startswith("error")]
        print("# " + " / ".join(line[:300] for line in lines[-3:]))

    def go_on(self, changes, what):
        moment = time.monotonic()
        resumed = wait_until(lambda: changes.first_success_after(moment), 20,
                             f"changes go on {what}")
        print(f"# {what} changes went on within {resumed - moment:.2f} s")

    def check_all(self, changes):
        self.outcomes.extend(changes.stop())
        self.cluster.wait_equal()
        exports = {node.quartet("zone", "export", ZONE) for node in self.cluster.alive()}
        self.assertEqual(len(exports), 1, "exports differ")
        names = load.exported_names(exports.pop(), ZONE)
        self.assertEqual(load.wrongs_of_zone(self.outcomes, names), [])


@unittest.skipIf(os.geteuid() != 0, "a small file system to fill needs root")
class TestFullDisk(StorageCase):
    SIZE_MIB = 300

    @classmethod
    def prepare(cls):
        cls.node = cls.cluster.node(2)
        cls.node.data.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={cls.SIZE_MIB}m", "quartet-test",
                        cls.node.data], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", "--lazy", cls.node.data], check=False)

    def fill(self, leave_mib):
        """Take what is free, except so much."""
        mounts.fill(self.node.data / f"filler-{time.monotonic_ns()}", leave_mib)

    def write_much(self):
        path = self.cluster.folder / "much.zone"
        path.write_text("$TTL 300\n@ SOA ns1 host 1 7200 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.1\n" +
                        "".join(f"host-{n} TXT {'x' * 250}\n" for n in range(50_000)))
        for _ in range(8):
            if self.node.process.poll() is None:
                self.others(self.node)[0].quartet("zone", "import", "much.example", path, "--create",
                                                  timeout_s=300)

    def test_1_with_little_room_it_leads_no_more(self):
        self.make_leader(self.node)
        changes = self.start_load(self.cluster.nodes, "low")
        since = len(self.node.log())
        self.fill(leave_mib=30)
        wait_until(lambda: self.cluster.leader() is not self.node, 20, "another node leads")
        self.assertIn("disk_space_low", self.node.log()[since:])
        self.go_on(changes, "with little room on the leader's disk")
        self.check_all(changes)

    def test_2_with_none_it_stops_and_comes_back(self):
        changes = self.start_load(self.others(self.node), "full")
        since = len(self.node.log())
        self.fill(leave_mib=0)
        self.write_much()  # until what RocksDB has set aside for its next writes is used up
        self.last_words(self.wait_stopped(self.node, since))
        self.go_on(changes, "without the full node")
        since = len(self.node.log())
        self.fill(leave_mib=0)
        self.node.start(wait=False)
        self.last_words(self.wait_stopped(self.node, since))
        for filler in self.node.data.glob("filler-*"):
            filler.unlink()
        self.node.start()
        self.check_all(changes)


class TestFailedSync(StorageCase):
    @classmethod
    def prepare(cls):
        cls.shim = Shim(cls.cluster.folder / "shim")

    def fail_on(self, node, prefix):
        node.stop()
        node.start(env=self.shim.env())
        self.cluster.node(1).quartet("cluster", "wait", "--timeout", "30s")
        if prefix == "leader":
            self.make_leader(node)
        changes = self.start_load(self.cluster.nodes, prefix)
        since = len(node.log())
        self.shim.fail_syncs()
        self.last_words(self.wait_stopped(node, since))
        self.shim.heal()
        self.go_on(changes, f"without the {prefix}")
        node.start()
        self.check_all(changes)

    def test_a_follower_stops(self):
        leader = self.cluster.leader()
        self.fail_on(next(n for n in self.cluster.nodes if n is not leader), "follower")

    def test_a_leader_stops(self):
        self.fail_on(self.cluster.node(2), "leader")


class TestFlippedBits(StorageCase):
    """Each bit is flipped in the data of a stopped node, as it was when that stopped: going back to
    an older copy would be a damage of its own, and has a test of its own."""

    def files(self, node):
        """What RocksDB holds, so that small kinds of file are met as often as large ones."""
        kinds = {}
        for place in [node.data / "log", *node.data.glob("state-*")]:
            for path in place.iterdir():
                kind = path.suffix or path.name.split("-")[0]
                if path.is_file() and path.stat().st_size and (
                        kind in (".sst", ".log", "MANIFEST", "CURRENT")):
                    kinds.setdefault((place.name.split("-")[0], kind), []).append(path)
        return kinds

    def change_a_little(self, seconds):
        changes = self.start_load(self.cluster.nodes, f"flip{time.monotonic_ns()}")
        time.sleep(seconds)
        self.check_all(changes)

    def fill_files(self, node):
        """Changes and restarts, so that there are files of all kinds."""
        for _ in range(2):
            self.change_a_little(1)
            node.stop()
            node.start()

    def flip(self, path, chance):
        octets = bytearray(path.read_bytes())
        at = chance.randrange(len(octets))
        octets[at] ^= 1 << chance.randrange(8)
        path.write_bytes(octets)
        return at

    def restore(self, node, copy):
        shutil.rmtree(node.data)
        shutil.copytree(copy, node.data)

    def outcome(self, node, since):
        """"refused" (at the start, or when the damage is met), or "equal" once the node has the same
        state as the others, or "told by verify" when that finds what nobody has read yet."""
        try:
            return self.outcome_of_running(node, since)
        except (CommandFailed, AssertionError):
            if node.process is None or node.process.poll() is None:
                raise
        self.wait_stopped(node, since)
        return "refused"

    def outcome_of_running(self, node, since):
        end = time.monotonic() + 60
        goal = self.others(node)[0].status()["commit_index"]
        while time.monotonic() < end:
            if node.process.poll() is not None:
                self.wait_stopped(node, since)
                return "refused"
            done = node.run("node", "status", "--json")
            if done.returncode == 0 and json.loads(done.stdout)["applied_index"] >= goal:
                break
            time.sleep(0.1)
        self.cluster.wait_equal()
        if node.run("node", "verify").returncode != 0:
            self.assertRegex(node.run("node", "verify").stderr, ADVICE)
            return "told by verify"
        exports = [n.quartet("zone", "export", ZONE).splitlines() for n in self.cluster.alive()]
        for other in exports[1:]:
            self.assertEqual(sorted(set(exports[0]) ^ set(other)), [], "silent divergence")
        return "equal"

    def test_1_a_flipped_bit_is_refused_or_harmless(self):
        print(f"# {FLIPS} bits, QUARTET_SEED={SEED}", flush=True)
        chance = random.Random(SEED)
        leader = self.cluster.leader()
        node = next(n for n in self.cluster.nodes if n is not leader)
        copy = self.cluster.folder / "copy"
        self.fill_files(node)
        for number in range(FLIPS):
            self.change_a_little(0.3)
            node.kill()
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(node.data, copy, ignore=shutil.ignore_patterns("*.sock"))
            kinds = self.files(node)
            kind = sorted(kinds)[number % len(kinds)]
            path = chance.choice(sorted(kinds[kind]))
            size = path.stat().st_size
            at = self.flip(path, chance)
            since = len(node.log())
            node.start(wait=False)
            print(f"# {path.parent.name}/{path.name} octet {at} of {size}: ", end="", flush=True)
            told = self.outcome(node, since)
            print(told, flush=True)
            words = node.log()[since:]
            if told == "refused":
                self.last_words(words)
            if told == "refused" and "main started" not in words:
                self.restore(node, copy)  # it has acknowledged nothing since
                node.start()
            elif told != "equal":
                if node.process:
                    node.stop()
                self.join_anew(node)
            self.cluster.wait_equal()

    def join_anew(self, node):
        """What the message says: clear the folder, and join again as a new member."""
        alive = [n for n in self.cluster.nodes if n is not node]
        old_id = next(m["id"] for m in alive[0].json("member", "list") if m["name"] == node.name)
        shutil.rmtree(node.data)
        node.write_config()
        node.start()
        alive[0].quartet("member", "remove", old_id)
        self.cluster.join(node, by=alive[0])
        alive[0].quartet("cluster", "wait", "--timeout", "60s")
        self.assertNotEqual(node.status()["id"], old_id)

    def test_2_a_fresh_join_repairs_a_damaged_node(self):
        leader = self.cluster.leader()
        node = next(n for n in self.cluster.nodes if n is not leader)
        node.stop()
        for path in (node.data / "log").iterdir():
            if path.is_file() and path.stat().st_size:
                path.write_bytes(os.urandom(path.stat().st_size))
        changes = self.start_load(self.cluster.alive(), "repair")
        since = len(node.log())
        node.start(wait=False)
        self.last_words(self.wait_stopped(node, since))
        self.join_anew(node)
        self.check_all(changes)

    def test_3_an_older_copy_of_the_folder_is_refused(self):
        """The node has acknowledged more, and perhaps voted, since the copy was made."""
        leader = self.cluster.leader()
        node = next(n for n in self.cluster.nodes if n is not leader)
        copy = self.cluster.folder / "older"
        self.assertEqual(node.stop(), 0)
        shutil.copytree(node.data, copy)
        node.start()
        self.change_a_little(1)
        node.stop()
        self.restore(node, copy)
        since = len(node.log())
        node.start(wait=False)
        words = self.wait_stopped(node, since)
        self.assertIn("lost entries", words)
        self.last_words(words)
        self.join_anew(node)
        self.change_a_little(0.5)


del StorageCase  # has no tests of its own

if __name__ == "__main__":
    tap.main()
