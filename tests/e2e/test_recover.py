#!/usr/bin/python3
"""Three of five voters are gone for good: quartet cluster recover, from the refusals to five voters again."""
import json
import pathlib
import shutil
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ADMIN_PORT, DNS_PORT, Cluster, wait_until  # noqa: E402
from prober import Prober, missed  # noqa: E402

ZONE = "recover.example"


def roles(node):
    return {m["name"]: m["role"] for m in node.json("member", "list")}


class TestRecover(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(5)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)
        wait_until(lambda: list(roles(cls.node).values()).count("voter") == 5, 20, "all five vote")
        cls.node.quartet("zone", "create", ZONE, "--wait")
        for number in range(20):
            cls.set(cls.node, f"n{number}")

    @staticmethod
    def set(node, name):
        node.quartet("record", "set", ZONE, name, "A", "192.0.2.1", "--wait")

    def refused(self, node, *words, status=1):
        done = node.run(*words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def answers(self, node, name="n1"):
        return node.dig("+short", f"{name}.{ZONE}").strip() == "192.0.2.1"

    def test_1_with_a_quorum_it_is_refused(self):
        words = self.refused(self.node, "cluster", "recover", "--yes")
        self.assertRegex(words, "has a quorum: ns. leads")
        self.assertEqual(len(self.node.run("cluster", "recover", "--yes").stdout.splitlines()), 7)

    def test_2_the_lost_majority_stops_changes_and_not_dns(self):
        # ns5 keeps its folder and comes back later; the others' are removed.
        type(self).survivors = [self.cluster.node(1), self.cluster.node(2)]
        type(self).lost = self.cluster.node(5)
        for node in self.cluster.nodes[2:]:
            node.kill()
        for node in self.cluster.nodes[2:4]:
            shutil.rmtree(node.data)
        type(self).prober = Prober(ZONE, "SOA", [f"{n.address}:{DNS_PORT}" for n in self.survivors])
        wait_until(lambda: self.node.run("cluster", "status").returncode == 1, 20, "nobody leads")
        done = self.node.run("record", "set", ZONE, "late", "A", "192.0.2.1", "--timeout", "2s")
        self.assertNotEqual(done.returncode, 0)
        done = self.node.run("cluster", "status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("quartet cluster recover", done.stdout)

    def test_3_it_shows_who_is_left_and_wants_to_be_sure(self):
        type(self).best = max(self.survivors, key=lambda n: (n.status()["last_term"],
                                                             n.status()["last_index"]))
        done = self.best.run("cluster", "recover", "--dry-run")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?s)ns3.*no: .*What was committed only on ns3, ns4, ns5 is "
                                      r"lost: changes behind entry \d+")
        self.assertIn("--yes", self.refused(self.best, "cluster", "recover", status=2))
        plan = json.loads(self.best.run("cluster", "recover", "--dry-run", "--json").stdout)
        self.assertEqual(sorted(m["name"] for m in plan["members"] if m["answers"]),
                         ["ns1", "ns2"])
        self.assertEqual(plan["generation"], 1)

    def test_3b_what_is_refused_leaves_nothing_behind(self):
        file = pathlib.Path(self.best.data) / "identity" / "ca.pem"
        kept = file.read_bytes()
        file.unlink()
        file.mkdir()  # so that the copy cannot be made
        try:
            words = self.refused(self.best, "cluster", "recover", "--yes")
        finally:
            file.rmdir()
            file.write_bytes(kept)
            file.chmod(0o600)
        self.assertIn("nothing was done", words)
        self.assertFalse((pathlib.Path(self.best.data) / "recovery").exists())

    def test_4_one_survivor_goes_on_and_the_other_follows(self):
        begun = time.monotonic()
        words = self.best.quartet("cluster", "recover", "--yes")
        recovered = time.monotonic() - begun
        self.set_soon(self.best, "first")
        print(f"# cluster recover took {recovered:.3f} s, the first change was made "
              f"{time.monotonic() - begun:.3f} s after its start")
        copy = pathlib.Path(words.split("what it had before is in ")[1].split()[0])
        self.assertTrue((copy / "identity" / "key.pem").exists() and (copy / "log").is_dir())
        self.assertEqual((copy / "state.current").read_text(), "state-1\n")
        other = next(node for node in self.survivors if node is not self.best)
        wait_until(lambda: self.answers(other, "first"), 20, "the other survivor follows")
        self.assertEqual(roles(self.best), {self.best.name: "voter", other.name: "replica"})
        for number in range(20):
            self.assertTrue(self.answers(self.best, f"n{number}"))
        self.cluster.wait_equal()
        self.assertIn("has a quorum", self.refused(self.best, "cluster", "recover", "--yes"))

    @staticmethod
    def set_soon(node, name):
        node.quartet("record", "set", ZONE, name, "A", "192.0.2.1")

    def test_5_a_lost_voter_that_returns_is_told_and_disturbs_nobody(self):
        term = self.best.status()["term"]
        self.lost.start()
        wait_until(lambda: self.lost.status()["phase"] == "removed", 30, "ns5 is told")
        self.assertIn("recovered without this node", self.lost.quartet("node", "status"))
        self.assertIn("recovered without this node", self.lost.run("cluster", "status").stdout)
        self.assertTrue(self.answers(self.lost))
        self.assertIn("no cluster", self.refused(self.lost, "cluster", "recover", "--yes", status=3))
        self.lost.stop()
        self.lost.start()
        self.assertTrue(self.lost.status()["is_superseded"])
        self.assertEqual(self.best.status()["term"], term)
        self.set(self.best, "undisturbed")

    def test_6_cleared_nodes_join_anew_and_the_voters_are_back(self):
        self.lost.stop()
        shutil.rmtree(self.lost.data)
        for node in (self.lost, self.cluster.node(3)):
            node.write_config()
            node.start()
            self.cluster.join(node, by=self.best)
        wait_until(lambda: list(roles(self.best).values()).count("voter") == 3, 40,
                   "three of four vote")
        self.best.quartet("cluster", "wait", "--timeout", "30s")
        self.cluster.wait_equal()
        self.best.kill()
        new = self.cluster.leader()
        self.set_soon(new, "last")
        self.assertGreaterEqual(new.status()["term"], 1 << 48)
        self.assertRegex(new.quartet("node", "status"), r"term \d+ of recovery 1")
        self.best.start()
        new.quartet("cluster", "wait", "--timeout", "30s")

    def test_7_dns_was_answered_all_the_while(self):
        other = next(node for node in self.survivors if node is not self.best)
        seen = self.prober.stop()
        print(f"# queries: {sum(s['sent'] for s in seen.values())}")
        only = {key: value for key, value in seen.items() if key.startswith(other.address)}
        self.assertTrue(only)
        self.assertEqual(missed(only, []), [])


if __name__ == "__main__":
    tap.main()
