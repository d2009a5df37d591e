#!/usr/bin/python3
"""quartet node drain and undrain: leadership goes and stays away, nobody is replaced, it ends by itself."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402


def members(node):
    return {m["name"]: m for m in node.json("member", "list")}


class TestDrain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(4)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.cluster.node(1).quartet("cluster", "settings", "--dead-after", "3s")

    def voters(self):
        return [n for n in self.cluster.alive() if members(n)[n.name]["role"] == "voter"]

    def test_1_a_drained_leader_hands_over_and_does_not_lead_again(self):
        leader = self.cluster.leader()
        self.assertIn("safe to stop: yes", leader.quartet("node", "drain"))
        self.assertIsNot(self.cluster.leader(), leader)
        self.assertTrue(leader.status()["is_drained"])
        self.assertIn("until 'quartet node undrain'", leader.quartet("node", "status"))
        self.assertRegex(leader.quartet("cluster", "status"), rf"{leader.name}\*.*, drained")
        leader.quartet("member", "transfer", leader.name)  # by force: it gives it away at once
        wait_until(lambda: self.cluster.leader() is not leader, 20, "another one leads again")
        self.assertIn("NOERROR", leader.dig("quartet.test", "SOA"))
        type(self).drained = leader

    def test_2_it_is_not_replaced_while_it_is_away_and_stays_drained(self):
        before = members(self.cluster.leader())
        self.drained.stop()
        leader = self.cluster.leader()
        wait_until(lambda: members(leader)[self.drained.name]["heard_ago_ms"] > 6000, 30,
                   "it is silent for longer than dead-after")
        now = members(leader)
        self.assertEqual({n: m["role"] for n, m in now.items()},
                         {n: m["role"] for n, m in before.items()})
        self.drained.start()
        self.assertTrue(self.drained.status()["is_drained"])
        wait_until(lambda: members(leader)[self.drained.name]["is_alive"], 20, "it is back")
        self.drained.quartet("node", "undrain")
        self.assertFalse(self.drained.status()["is_drained"])

    def test_3_it_says_when_stopping_would_stop_changes(self):
        first, second = [n for n in self.voters() if n is not self.cluster.leader()]
        first.quartet("node", "drain")
        first.stop()
        wait_until(lambda: not members(second)[first.name]["is_alive"], 20, "it is seen silent")
        done = second.run("node", "drain", "--timeout", "2s")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, "safe to stop: no: without it 1 of 3 voters would answer")
        first.start()
        wait_until(lambda: members(second)[first.name]["is_alive"], 20, "it is back")
        self.assertEqual(second.json("node", "drain", "--timeout", "20s")["safe_to_stop"], True)
        for node in (first, second):
            second.quartet("node", "undrain", node.name)

    def test_4_it_ends_by_itself_and_nonsense_is_refused(self):
        node = self.cluster.node(4)
        self.assertRegex(node.quartet("node", "drain", "--for", "2s"), "drained until 20..-")
        self.assertTrue(node.status()["is_drained"])
        wait_until(lambda: not node.status()["is_drained"], 10, "the time is over")
        self.assertIn("no member 'nobody'", node.run("node", "drain", "nobody").stderr)
        self.assertEqual(node.run("node", "drain", "--for", "soon").returncode, 2)


if __name__ == "__main__":
    tap.main()
