#!/usr/bin/python3
"""A seeded campaign of faults under load on five nodes: kill -9 and restart, pauses, partitions in
both or one direction, aimed at the leader half of the time. Afterwards every acknowledged change is
there exactly once, on every node.

QUARTET_FAULTS says how many (20), QUARTET_SEED repeats a campaign's choices (not its timing).
"""
import os
import pathlib
import random
import re
import signal
import sys
import time
import unittest

import dns.message
import dns.query
import dns.rcode

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import load  # noqa: E402
import netns  # noqa: E402
import tap  # noqa: E402
from cluster import DNS_PORT, wait_until  # noqa: E402
from prober import Prober, missed  # noqa: E402

FAULTS = int(os.environ.get("QUARTET_FAULTS", "20"))
SEED = int(os.environ.get("QUARTET_SEED", str(int(time.time()))))
ZONE = "faults.example"
CHECK_EVERY = 40  # faults between two looks at the journal, which keeps the newest changes only
ASKED_NAMES = 200  # of the acknowledged ones, by DNS on every node


class Campaign:
    """The faults; each leaves a cluster in which all nodes run and no link is cut."""

    def __init__(self, cluster, seed):
        self.cluster = cluster
        self.chance = random.Random(seed)
        self.excused = []  # (address, from, to) in which a node could not answer DNS
        self.told = []

    def leader(self):
        """The node that says it leads, or any when none does just now."""
        for node in self.cluster.nodes:
            done = node.run("node", "status", "--json", timeout_s=30)
            if '"leader"' in re.findall(r'"role": *("\w*")', done.stdout):
                return node
        return self.chance.choice(self.cluster.nodes)

    def victim(self):
        return self.leader() if self.chance.random() < .5 else self.chance.choice(self.cluster.nodes)

    def hold(self, least_s=0.5, most_s=2.5):
        time.sleep(self.chance.uniform(least_s, most_s))

    def step(self):
        fault = self.chance.choice([self.kill_one, self.kill_two, self.pause, self.isolate,
                                    self.split, self.one_way_out, self.one_way_in,
                                    self.cut_one_link, self.kill_within_partition])
        self.told.append(f"{fault.__name__} {fault()}")
        time.sleep(self.chance.uniform(0.3, 1.2))

    def kill_nodes(self, nodes):
        killed = time.monotonic()
        for node in nodes:
            node.kill()
        self.hold()
        for node in nodes:
            node.start()
        self.excused += [(node.address, killed, time.monotonic()) for node in nodes]
        return " ".join(node.name for node in nodes)

    def kill_one(self):
        return self.kill_nodes([self.victim()])

    def kill_two(self):
        return self.kill_nodes(self.chance.sample(self.cluster.nodes, 2))

    def pause(self):
        node = self.victim()
        paused = time.monotonic()
        node.process.send_signal(signal.SIGSTOP)
        self.hold(0.3, 3)
        node.process.send_signal(signal.SIGCONT)
        self.excused.append((node.address, paused, time.monotonic() + 0.2))
        return node.name

    def partition(self, some):
        self.cluster.split(some, [n for n in self.cluster.nodes if n not in some])
        self.hold(1, 3.5)
        self.cluster.heal()
        return " ".join(node.name for node in some) + " | others"

    def isolate(self):
        return self.partition([self.victim()])

    def split(self):
        return self.partition(self.chance.sample(self.cluster.nodes, 2))

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
        node = self.victim()
        other = self.chance.choice([n for n in self.cluster.nodes if n is not node])
        self.one_way([(node, other), (other, node)])
        return f"{node.name} - {other.name}"

    def kill_within_partition(self):
        some = self.chance.sample(self.cluster.nodes, 2)
        others = [n for n in self.cluster.nodes if n not in some]
        self.cluster.split(some, others)
        self.hold(0.5, 1.5)
        told = self.kill_nodes([self.chance.choice(others)])
        self.cluster.heal()
        return " ".join(node.name for node in some) + " | others, killed " + told


@unittest.skipIf(netns.why_not(), netns.why_not())
class TestFaults(unittest.TestCase):
    def test_a_campaign_loses_nothing_and_applies_nothing_twice(self):
        print(f"# {FAULTS} faults, QUARTET_SEED={SEED}", flush=True)
        self.changes, self.excused = {}, []
        with netns.NamespaceCluster(5) as cluster:
            cluster.form()
            cluster.node(1).quartet("cluster", "settings", "--voters", "5")
            wait_until(lambda: all(m["role"] == "voter" for m in cluster.node(1).json(
                "member", "list")), 30, "all five are voters", step_s=0.5)
            cluster.node(1).quartet("zone", "create", ZONE, "--wait")
            prober = Prober(ZONE, "SOA", [f"{n.address}:{DNS_PORT}" for n in cluster.nodes],
                            period_ms=50, prefix=cluster.hub_prefix())
            campaign = Campaign(cluster, SEED)
            started = time.monotonic()
            try:
                outcomes = self.run_campaign(cluster, campaign)
            except BaseException:
                print("\n".join(f"# {at}: {told}" for at, told in enumerate(campaign.told)))
                raise
            seen = prober.stop()
            print(f"# {load.counts(outcomes)}; {len(campaign.told)} faults in "
                  f"{time.monotonic() - started:.0f} s; "
                  f"{sum(s['sent'] for s in seen.values())} queries")
            self.check_zone(cluster, outcomes)
            self.assertEqual(missed(seen, campaign.excused), [])
            self.check_journals(cluster, outcomes)

    def run_campaign(self, cluster, campaign):
        with load.Load(cluster.nodes, ZONE, cluster.folder, pause_ms=15) as changes:
            wait_until(changes.outcomes, 10, "a first change is made")
            for number in range(1, FAULTS + 1):
                campaign.step()
                if number % CHECK_EVERY == 0:
                    self.look_at_journal(cluster, campaign)
                    print(f"# {number} faults: {load.counts(changes.outcomes())}", flush=True)
            healed = time.monotonic()
            progress = wait_until(lambda: changes.first_success_after(healed), 30,
                                  "changes go through once all is healed")
            print(f"# after healing the first new change took {progress - healed:.2f} s")
            return changes.stop()

    def look_at_journal(self, cluster, campaign):
        """Collect what the journal has now: it forgets the oldest of many changes."""
        node = cluster.nodes[-1]
        stopped = time.monotonic()
        node.kill()
        self.changes.update(load.journal(node)[0])
        node.start()
        campaign.excused.append((node.address, stopped, time.monotonic()))

    def check_zone(self, cluster, outcomes):
        points = cluster.wait_equal()
        print(f"# all nodes: index and state hash {points}")
        exports = [node.quartet("zone", "export", ZONE) for node in cluster.nodes]
        self.assertEqual(len(set(exports)), 1, "exported zones differ")
        self.assertEqual(load.wrongs_of_zone(outcomes, load.exported_names(exports[0], ZONE)), [])
        for node in cluster.nodes:
            node.quartet("node", "verify")
        good = [o.name for o in outcomes if o.word == "ok"]
        asked = random.Random(SEED).sample(good, min(ASKED_NAMES, len(good)))
        words = [f"{name}.{ZONE}" for name in asked]
        for node in cluster.nodes:
            done = cluster.hub_run("dig", f"@{node.address}", "-p", str(DNS_PORT), "+short",
                                   *(w for name in words for w in (name, "TXT")))
            answers = {line.strip('"') for line in done.stdout.decode().splitlines()}
            self.assertEqual([n for n in asked if n not in answers], [], f"DNS of {node.name}")

    def check_journals(self, cluster, outcomes):
        points = set()
        for node in cluster.nodes:
            self.assertEqual(node.stop(), 0)
            changes, index, state_hash = load.journal(node)
            points.add(state_hash if not points else state_hash)
            self.assertEqual(load.wrongs_of_journal(outcomes, {**self.changes, **changes}), [],
                             node.name)
            print(f"# {node.name}: {len(changes)} changes in the journal, stopped at {index}")


if __name__ == "__main__":
    tap.main()
