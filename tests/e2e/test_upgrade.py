#!/usr/bin/python3
"""A cluster goes from this version to the next (tests/lib/next_version.c, which has one kind of
command more) and back, node by node; then for good."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ADMIN_PORT, BUILD, NEXT_PROGRAM, Cluster, wait_until  # noqa: E402

NOW, NEXT = "0.1.0", "99.0.0"


class TestUpgrade(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()

    def run_with(self, node, program):
        """As an operator does it: stop, another program, start, wait until it is back."""
        self.assertEqual(node.stop(), 0)
        node.program = program
        node.start()
        self.cluster.leader().quartet("cluster", "wait", "--timeout", "60s")

    def upgrade_status(self):
        return self.cluster.alive()[0].json("upgrade", "status")

    def versions(self):
        return {m["name"]: (m["version"], m["feature_level"])
                for m in self.upgrade_status()["members"]}

    def wait_versions(self, **wanted):
        wait_until(lambda: self.versions() == wanted, 20, f"versions are {wanted}")

    def new_kind(self, node, percent):
        """The next version sets this by its new kind of command."""
        return node.run("cluster", "settings", "--delete-percent", percent)

    def test_1_of_one_version_nothing_is_to_be_finalized(self):
        self.wait_versions(ns1=(NOW, 1), ns2=(NOW, 1), ns3=(NOW, 1))
        done = self.cluster.node(2).run("upgrade", "finalize")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "nothing is to be raised.*level 1")

    def test_2_the_plan_has_the_leader_last(self):
        leader = self.cluster.leader()
        plan = leader.json("upgrade", "plan")
        self.assertEqual((plan["is_ready"], len(plan["steps"])), (True, 3))
        self.assertEqual(plan["steps"][-1]["name"], leader.name)
        text = leader.quartet("upgrade", "plan")
        self.assertRegex(text, f"(?s)3. {leader.name}, leader.*member transfer.*upgrade finalize")
        away = next(n for n in self.cluster.nodes if n is not leader)
        away.kill()

        def is_refused():
            done = leader.run("upgrade", "plan")
            return done.returncode == 1 and f"Do not begin: {away.name} is silent" in done.stdout
        wait_until(is_refused, 20, "the plan says who is silent")
        away.start()
        leader.quartet("cluster", "wait", "--timeout", "60s")

    def test_3_mixed_versions_work_and_the_new_kind_waits(self):
        new, old = self.cluster.node(1), self.cluster.node(2)
        self.run_with(new, NEXT_PROGRAM)
        self.wait_versions(ns1=(NEXT, 2), ns2=(NOW, 1), ns3=(NOW, 1))
        self.cluster.leader().run("member", "transfer", "ns1")
        wait_until(lambda: self.cluster.leader() is new, 20, "the new version leads")
        old.quartet("zone", "create", "mixed.test")
        new.quartet("record", "set", "mixed.test", "www", "A", "192.0.2.1")
        done = self.new_kind(new, 20)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "feature level 1 until 'quartet upgrade finalize'")
        done = new.run("upgrade", "finalize")
        self.assertRegex(done.stderr, "level 2 is not known to the programs of ns2, ns3")
        plan = new.json("upgrade", "plan")
        self.assertEqual([step["name"] for step in plan["steps"]], ["ns2", "ns3"])
        self.cluster.wait_equal()

    def test_4_back_and_forth_before_it_is_final(self):
        self.run_with(self.cluster.node(1), BUILD / "quartetd")
        self.wait_versions(ns1=(NOW, 1), ns2=(NOW, 1), ns3=(NOW, 1))
        for node in self.cluster.nodes:
            self.run_with(node, NEXT_PROGRAM)
        self.wait_versions(ns1=(NEXT, 2), ns2=(NEXT, 2), ns3=(NEXT, 2))
        self.run_with(self.cluster.node(3), BUILD / "quartetd")
        self.wait_versions(ns1=(NEXT, 2), ns2=(NEXT, 2), ns3=(NOW, 1))
        self.assertNotEqual(self.new_kind(self.cluster.node(1), 20).returncode, 0)
        self.run_with(self.cluster.node(3), NEXT_PROGRAM)
        self.wait_versions(ns1=(NEXT, 2), ns2=(NEXT, 2), ns3=(NEXT, 2))
        self.cluster.wait_equal()

    def test_5_not_final_while_a_node_is_away(self):
        leader = self.cluster.leader()
        away = next(n for n in self.cluster.nodes if n is not leader)
        away.kill()

        def is_refused():
            done = leader.run("upgrade", "finalize")
            return done.returncode == 1 and f"older program: {away.name}" in done.stderr
        try:
            wait_until(lambda: not next(m for m in leader.json("member", "list")
                                        if m["name"] == away.name)["is_alive"], 20, "it is silent")
            self.assertTrue(is_refused())
        finally:
            away.start()
            leader.quartet("cluster", "wait", "--timeout", "60s")

    def test_6_final(self):
        node = self.cluster.node(2)
        self.assertRegex(node.quartet("upgrade", "finalize"), "feature level 2 now")
        self.assertEqual(self.upgrade_status()["feature_level"], 2)
        wait_until(lambda: self.new_kind(node, 20).returncode == 0, 10, "the new kind is applied")
        self.cluster.wait_equal()
        for member in self.cluster.nodes:
            self.assertEqual(member.json("cluster", "settings")["delete_percent"], 20)

    def test_7_an_old_program_neither_starts_nor_joins_afterwards(self):
        node = self.cluster.node(3)
        self.assertEqual(node.stop(), 0)
        node.program = BUILD / "quartetd"
        node.start(wait=False)
        self.assertNotEqual(node.process.wait(20), 0)
        node.process = None
        self.assertRegex(node.log()[-3000:], r"feature level 2 since .*this program \(0\.1\.0\)")
        node.program = NEXT_PROGRAM
        node.start()
        self.cluster.leader().quartet("cluster", "wait", "--timeout", "60s")
        new = self.cluster.add_node()
        first = self.cluster.node(1)
        token = first.quartet("token", "create", "--bare").strip()
        done = new.run("join", f"{first.address}:{ADMIN_PORT}", "--token", token)
        self.assertRegex(done.stderr, r"feature level 2, and this node's program \(0\.1\.0\)")
        self.assertEqual(json.loads(new.run("node", "status", "--json").stdout)["phase"],
                         "unjoined")
        self.assertEqual(new.stop(), 0)
        new.program = NEXT_PROGRAM
        new.start()
        self.assertIn("member", new.quartet("join", f"{first.address}:{ADMIN_PORT}", "--token",
                                            token))
        self.cluster.wait_equal()


if __name__ == "__main__":
    tap.main()
