#!/usr/bin/python3
"""quartet doctor: from nothing wrong to findings, and its exit status."""
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ROOT, Cluster  # noqa: E402

ZONE = "doctor.example"


class TestDoctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.node = cls.cluster.node(1)
        cls.cluster.form()
        cls.node.quartet("zone", "create", ZONE)

    def doctor(self, status):
        """What it prints, if it ends with that status, with --json too."""
        done = self.node.run("doctor", "--routing")
        self.assertEqual(done.returncode, status, done)
        as_json = self.node.run("doctor", "--routing", "--json")
        self.assertEqual(as_json.returncode, status, as_json)
        return done.stdout

    def set(self, name, *words):
        self.node.quartet("record", "set", ZONE, name, "A", "192.0.2.1", "--set-identifier", "x",
                          *words)

    def test_1_nothing_is_wrong(self):
        self.assertIn("nothing is wrong with routing", self.doctor(0))
        self.assertEqual(self.node.json("doctor", "--routing"),
                         {"errors": 0, "warnings": 0, "message": "", "findings": []})

    def test_2_warnings_alone_end_with_0(self):
        self.set("half", "--failover", "secondary")
        self.set("zero", "--weight", 0)
        text = self.doctor(0)
        self.assertIn(f"warning  half.{ZONE}. A\n", text)
        self.assertIn("no primary", text)
        self.assertIn("all weights are 0", text)
        self.assertIn("0 errors, 2 warnings", text)

    def test_3_errors_end_with_1(self):
        self.set("geo", "--geo", "*")
        check = self.node.json("health", "create", "--type", "TCP", "--ip", "127.0.0.1", "--port",
                               "1", "--regions", "nowhere")["id"]
        self.set("down", "--multivalue", "--health-check", check)
        self.node.quartet("health", "override", check, "down", "--reason", "moving")
        text = self.doctor(1)
        for words in ("none is loaded on this node, but where clients are counts for 1 name,",
                      f"error    health check {check}\n", "nobody checks",
                      f"error    down.{ZONE}. A\n", "unhealthy now", "overridden to down",
                      "3 errors, 3 warnings"):
            self.assertIn(words, text)
        self.assertLess(text.rindex("error    "), text.index("warning  "))

    def test_4_what_is_set_right_is_gone(self):
        subprocess.run(["perl", ROOT / "tests/lib/geo_databases.pl", self.cluster.folder],
                       check=True)
        self.node.run("geo", "load", self.cluster.folder / "garbage")
        self.assertIn("the last one that this node was to load failed", self.doctor(1))
        self.node.quartet("geo", "load", self.cluster.folder / "nested.mmdb")
        self.assertNotIn("this node", self.doctor(1))
        for one in self.node.json("health", "list"):
            self.node.quartet("health", "update", one["id"], "--regions=region-1")
            self.node.quartet("health", "override", one["id"], "clear")
        text = self.doctor(0)
        self.assertNotIn("nobody checks", text)
        self.assertNotIn("unhealthy now", text)

    def test_5_without_a_cluster_it_says_so(self):
        node = self.cluster.add_node()
        done = node.run("doctor")
        self.assertEqual(done.returncode, 3, done)
        done = node.run("explain", ZONE)
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("belongs to no cluster", done.stderr)


if __name__ == "__main__":
    tap.main()
