#!/usr/bin/python3
"""The leader is killed under load, again and again: how long no change goes through, and whether the
other nodes leave a query unanswered. QUARTET_KILLS says how often (6)."""
import os
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

KILLS = int(os.environ.get("QUARTET_KILLS", "6"))
SEED = int(os.environ.get("QUARTET_SEED", str(int(time.time()))))
ZONE = "failover.example"
RESUMED_WITHIN_S = 10  # a bound for any machine; what is reached is printed


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class TestFailover(unittest.TestCase):
    def test_writes_resume_and_no_query_is_missed(self):
        chance = random.Random(SEED)
        print(f"# {KILLS} kills, QUARTET_SEED={SEED}", flush=True)
        with Cluster(4) as cluster:
            cluster.form()
            cluster.node(1).quartet("zone", "create", ZONE, "--wait")
            prober = Prober(ZONE, "SOA", [f"{n.address}:{DNS_PORT}" for n in cluster.nodes])
            excused, gaps = [], []
            with load.Load(cluster.nodes, ZONE, cluster.folder) as changes:
                wait_until(changes.outcomes, 10, "a first change is made")
                for _ in range(KILLS):
                    time.sleep(chance.uniform(0.2, 1.0))
                    gaps.append(self.kill_leader(cluster, changes, excused))
                time.sleep(0.5)
                outcomes = changes.stop()
            seen = prober.stop()
            self.report(gaps, outcomes, seen)
            self.assertLess(max(gaps), RESUMED_WITHIN_S)
            self.assertEqual(missed(seen, excused), [])
            self.check_changes(cluster, outcomes)

    @staticmethod
    def kill_leader(cluster, changes, excused):
        """Seconds from the kill to the first change that was begun after it and went through."""
        leader = cluster.leader()
        killed = time.monotonic()
        leader.kill()
        resumed = wait_until(lambda: changes.first_success_after(killed), 30,
                             "changes are made again", step_s=0.1)
        time.sleep(0.3)
        leader.start()
        excused.append((leader.address, killed, time.monotonic()))
        cluster.node(1).quartet("cluster", "wait", "--timeout", "30s")
        return resumed - killed

    @staticmethod
    def report(gaps, outcomes, seen):
        print(f"# changes went through again after: p50 {percentile(gaps, .5):.3f} s, "
              f"p99 {percentile(gaps, .99):.3f} s, max {max(gaps):.3f} s ({len(gaps)} kills)")
        print(f"# changes: {load.counts(outcomes)}")
        print(f"# queries: {sum(s['sent'] for s in seen.values())}, slowest answer "
              f"{max(s['slowest_s'] for s in seen.values()) * 1000:.0f} ms")

    def check_changes(self, cluster, outcomes):
        cluster.wait_equal()
        exports = [node.quartet("zone", "export", ZONE) for node in cluster.nodes]
        self.assertEqual(len(set(exports)), 1, "exports differ")
        self.assertEqual(load.wrongs_of_zone(outcomes, load.exported_names(exports[0], ZONE)), [])
        for node in cluster.nodes:
            self.assertEqual(node.stop(), 0)
            changes, _, _ = load.journal(node)
            self.assertEqual(load.wrongs_of_journal(outcomes, changes), [])


if __name__ == "__main__":
    tap.main()
