#!/usr/bin/python3
"""Nodes that missed more than the log keeps catch up by snapshot, while the cluster takes changes."""
import pathlib
import random
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import load  # noqa: E402
import tap  # noqa: E402
from cluster import DNS_PORT, Cluster, wait_until  # noqa: E402
from prober import Prober, missed  # noqa: E402

KEPT = 200  # log entries; a follower that is away is left behind at four times as many
CONFIG = {"log_keep_entries": KEPT}
ZONE, BULK_ZONE = "snapshot.example", "bulk.example"
BULK_RECORDS = 150_000  # large enough that a snapshot takes a while
INTERRUPTIONS = 4


def bulk_file(path):
    lines = ["$TTL 300\n@ SOA ns1 host 1 7200 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.1\n"]
    lines += [f"host-{n} TXT \"{n} {'x' * 100}\"\n" for n in range(BULK_RECORDS)]
    path.write_text("".join(lines))
    return path


class TestSnapshot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(4)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form(CONFIG)
        first = cls.cluster.node(1)
        first.quartet("zone", "create", ZONE, "--wait")
        path = bulk_file(cls.cluster.folder / "bulk.zone")
        started = time.monotonic()
        first.quartet("zone", "import", BULK_ZONE, path, "--create", timeout_s=300)
        print(f"# imported {BULK_RECORDS} records in {time.monotonic() - started:.1f} s")
        cls.cluster.wait_equal()
        cls.outcomes = []

    def start_load(self, prefix):
        away = [n for n in self.cluster.alive()]
        changes = load.Load(away, ZONE, self.cluster.folder, prefix=prefix, pause_ms=2)
        self.addCleanup(changes.__exit__, None, None, None)
        return changes

    def wait_trimmed_past(self, index):
        """Until every live node's log begins behind `index`."""
        def is_trimmed():
            return all(n.status()["first_index"] > index + 1 for n in self.cluster.alive())
        wait_until(is_trimmed, 180, f"the logs are trimmed past {index}")

    def wait_installed(self, node, changes):
        """Until the node has its snapshot and has caught up with a cluster that goes on."""
        before = len(changes.outcomes())
        wait_until(lambda: node.status()["snapshots_installed"] >= 1, 60,
                   f"{node.name} has installed a snapshot", step_s=0.2)
        wait_until(lambda: len(changes.outcomes()) > before, 20, "changes go on meanwhile")
        leader = self.cluster.leader()
        goal = leader.status()["commit_index"]
        wait_until(lambda: node.status()["image_index"] >= goal, 30, f"{node.name} has caught up")

    def check_all(self, changes):
        type(self).outcomes += changes.stop()
        self.cluster.wait_equal()
        exports = {node.quartet("zone", "export", ZONE) for node in self.cluster.alive()}
        self.assertEqual(len(exports), 1, "exports differ")
        wrongs = load.wrongs_of_zone(self.outcomes, load.exported_names(exports.pop(), ZONE))
        self.assertEqual(wrongs, [])

    def leave_behind(self, node, prefix):
        """Stop the node; make more changes than the log keeps. Returns the load, which goes on."""
        index = node.status()["applied_index"]
        self.assertEqual(node.stop(), 0)
        changes = self.start_load(prefix)
        self.wait_trimmed_past(index)
        return changes

    def a_follower(self):
        leader = self.cluster.leader()
        return next(n for n in self.cluster.alive() if n is not leader)

    def test_1_a_node_that_was_away_for_long_installs_a_snapshot(self):
        node = self.a_follower()
        changes = self.leave_behind(node, "away")
        started = time.monotonic()
        node.start()
        prober = Prober(BULK_ZONE, "SOA", [f"{node.address}:{DNS_PORT}"])
        self.wait_installed(node, changes)
        took = time.monotonic() - started
        seen = prober.stop()
        print(f"# caught up {took:.1f} s after its start; {load.counts(changes.outcomes())}; "
              f"slowest answer {seen[node.address]['slowest_s'] * 1000:.0f} ms "
              f"of {seen[node.address]['sent']}")
        self.assertEqual(missed(seen, []), [], "queries unanswered while a snapshot is installed")
        self.check_all(changes)

    def test_2_a_fresh_node_joins_when_the_log_no_longer_begins_at_its_beginning(self):
        self.assertGreater(self.cluster.leader().status()["first_index"], 1)
        changes = self.start_load("join")
        node = self.cluster.add_node()
        started = time.monotonic()
        self.cluster.join(node, by=self.cluster.node(2))
        self.wait_installed(node, changes)
        print(f"# joined and caught up in {time.monotonic() - started:.1f} s")
        self.check_all(changes)

    def test_3_an_install_that_is_cut_off_is_done_again(self):
        chance = random.Random(3)
        node = self.a_follower()
        changes = self.leave_behind(node, "cut")
        cut = []
        for _ in range(INTERRUPTIONS):
            since = len(node.log())
            node.start(wait=False)
            if not self.wait_receiving(node, since):
                break  # it was quicker than we looked
            time.sleep(chance.uniform(0, 0.5))
            node.kill()
            cut.append(self.folders(node))
        print(f"# killed at: {'; '.join(cut) or 'no point: it was too quick'}")
        self.assertTrue(cut)
        if node.process is None:
            node.start()
        started = time.monotonic()
        prober = Prober(BULK_ZONE, "SOA", [f"{node.address}:{DNS_PORT}"])
        goal = self.cluster.leader().status()["commit_index"]
        wait_until(lambda: node.status()["image_index"] >= goal, 90, f"{node.name} has caught up")
        print(f"# caught up {time.monotonic() - started:.1f} s after its last start")
        self.assertEqual(missed(prober.stop(), []), [])
        self.check_all(changes)
        self.assertIn("host-7.", node.quartet("zone", "export", BULK_ZONE))

    @staticmethod
    def folders(node):
        return " ".join(sorted(p.name for p in node.data.iterdir() if p.is_dir()))

    @staticmethod
    def wait_receiving(node, since):
        """Until it has begun to receive a snapshot; False when it is through, or does not begin."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            words = node.log()[since:]
            if "snapshot_installed" in words:
                return False
            if "install_started" in words:
                return True
            time.sleep(0.002)
        return False

    def test_4_after_all_that_the_copies_are_equal(self):
        exports = {node.quartet("zone", "export", BULK_ZONE) for node in self.cluster.alive()}
        self.assertEqual(len(exports), 1)
        for node in self.cluster.alive():
            node.quartet("node", "verify")
        for node in self.cluster.alive():
            self.assertEqual(node.stop(), 0)
            changes, index, state_hash = load.journal(node)
            self.assertEqual(load.wrongs_of_journal(self.outcomes, changes), [], node.name)
            print(f"# {node.name}: state hash {state_hash} at {index}")


if __name__ == "__main__":
    tap.main()
