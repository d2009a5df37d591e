#!/usr/bin/python3
"""quartet doctor --hosts: who does not answer is named, and ports that cannot be reached, by whom."""
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ADMIN_PORT, Cluster, wait_until  # noqa: E402


class TestDoctorHosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)

    def errors(self, status):
        """(subject, text) of each error, if it ends with that status."""
        done = self.node.run("doctor", "--hosts", "--json")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(found["errors"], sum(f["severity"] == "error" for f in found["findings"]))
        return [(f["subject"], f["text"]) for f in found["findings"] if f["severity"] == "error"]

    def test_1_hosts_that_reach_each_other_have_no_errors(self):
        self.assertEqual(self.errors(0), [])

    def test_2_a_drained_node_is_told(self):
        self.node.quartet("node", "drain", "ns3")
        done = self.node.run("doctor", "--hosts")
        self.assertRegex(done.stdout, r"(?s)warning  node ns3\n +it is drained\n +-> quartet node")
        self.node.quartet("node", "undrain", "ns3")

    def test_3_a_silent_node_is_named_by_all_in_bounded_time(self):
        self.cluster.node(3).kill()
        begun = time.monotonic()
        errors = self.errors(1)
        self.assertLess(time.monotonic() - begun, 60)
        address = f"{self.cluster.address_of(3)}:{ADMIN_PORT}"
        self.assertIn("node ns3", [subject for subject, _ in errors])
        self.assertTrue(any(address in text for s, text in errors if s == "node ns3"), errors)
        for name in ("node ns1", "node ns2"):
            texts = " ".join(text for subject, text in errors if subject == name)
            for what in ("peer port of ns3", "admin port of ns3", "snapshot port of ns3"):
                self.assertIn(what, texts)
        self.cluster.node(3).start()
        wait_until(lambda: self.errors_or_none() == [], 30, "all is well again")

    def errors_or_none(self):
        done = self.node.run("doctor", "--hosts", "--json")
        return [f for f in json.loads(done.stdout)["findings"] if f["severity"] == "error"]


if __name__ == "__main__":
    tap.main()
