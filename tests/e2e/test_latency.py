#!/usr/bin/python3
"""Round-trip times: imported from a file, measured by nodes, shown, and routed by."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

TABLE = """# prefix, region, milliseconds
198.51.100.0/24,us-east-1,20
198.51.100.0/24,eu-west-1,90

 203.0.113.0/24 , us-east-1 , 120
203.0.113.0/24,eu-west-1,15
2001:db8::/32,eu-west-1,40
2001:db8::/32,us-east-1,20
"""


class Latency(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.cluster.form({"region": "eu-west-1", "latency_window": 1, "latency_private": "true"})
        cls.node, cls.other = cls.cluster.node(1), cls.cluster.node(2)
        cls.node.quartet("zone", "create", "ours.example")
        for region, value in (("us-east-1", "192.0.2.1"), ("eu-west-1", "192.0.2.2")):
            cls.node.quartet("record", "set", "ours.example", "www", "A", value,
                             "--set-identifier", region, "--region", region)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(*sys.exc_info())

    def import_table(self, text):
        path = self.cluster.folder / "table.csv"
        path.write_text(text)
        return self.node.run("latency", "import", path)

    def answer(self, node, client):
        return node.dig("www.ours.example", "A", "+short", f"+subnet={client}").split()

    def test_import_is_routed_by_on_every_node_and_after_a_restart(self):
        done = self.import_table(TABLE)
        self.assertEqual((done.returncode, done.stdout), (0, "imported 6 figures\n"),
                         done.stderr)
        self.assertEqual(self.node.json("latency", "show")["imported"], 6)
        wanted = {"198.51.100.0/24": ["192.0.2.1"], "203.0.113.0/24": ["192.0.2.2"],
                  "2001:db8:7::/48": ["192.0.2.1"]}
        for node in (self.node, self.other):
            for client, values in wanted.items():
                wait_until(lambda n=node, c=client, v=values: self.answer(n, c) == v, 15,
                           f"{node.name} answers {client} by {values}")
        self.assertEqual(self.other.stop(), 0)
        self.other.start()
        for client, values in wanted.items():
            self.assertEqual(self.answer(self.other, client), values)  # at once

        shown = self.other.json("latency", "show", "198.51.100.9")
        self.assertEqual(shown["row"], "198.51.100.0/24")
        self.assertEqual([(f["region"], f["ms"], f["source"], f["best"]) for f in shown["figures"]],
                         [("us-east-1", 20, "imported", True), ("eu-west-1", 90, "imported", False)])
        self.assertIn("us-east-1", self.node.quartet("latency", "show", "2001:db8:7::/48"))
        self.assertIn("no figures", self.node.quartet("latency", "show", "9.9.9.9"))

        done = self.import_table("198.51.100.0/24,us-east-1,99\n198.51.100.0/24,eu-west-1,9\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        for node in (self.node, self.other):
            wait_until(lambda n=node: self.answer(n, "198.51.100.0/24") == ["192.0.2.2"], 15,
                       f"{node.name} answers by the new table")
        self.assertEqual(self.node.json("latency", "show")["imported"], 2)

    def test_mistakes_are_told_by_line_and_import_nothing(self):
        before = self.node.json("latency", "show")
        done = self.import_table("# all wrong\n198.51.100.0/24,us-east-1\n"
                                 "198.51.100.1/24,us-east-1,5\n198.51.100.0/24,us-east-1,-5\n"
                                 "198.51.100.0/24,us-east-1,60001\n198.51.100.0/24,,5\n"
                                 "198.51.100.0/24,us-east-1,5,6\n" + "x" * 400 + "\n"
                                 "198.51.100.0/24,us-east-1,5\n")
        self.assertEqual(done.returncode, 1)
        lines = [line.split("table.csv:")[1].split(":")[0] for line in done.stderr.splitlines()
                 if "table.csv:" in line]
        self.assertEqual(lines, ["2", "3", "4", "5", "6", "7", "8"], done.stderr)
        self.assertIn("7 lines", done.stderr)
        done = self.import_table("198.51.100.0/24,nowhere-1,5\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no region 'nowhere-1'", done.stderr)
        self.assertEqual(self.import_table("# nothing\n").returncode, 1)
        self.assertEqual(self.node.json("latency", "show")["imported"], before["imported"])

    def test_tcp_clients_are_measured_for_the_nodes_region(self):
        def measured():
            self.assertIn("192.0.2", self.node.dig("www.ours.example", "A", "+tcp", "+short"))
            return self.other.json("latency", "show", "127.0.0.1")["figures"]
        figure = wait_until(measured, 20, "a figure is measured", step_s=0.3)[0]
        self.assertEqual((figure["region"], figure["source"]), ("eu-west-1", "measured"))
        self.assertIn(figure["ms"], range(1, 200))
        self.assertTrue(figure["measured"])
        self.assertEqual(self.other.json("latency", "show", "127.0.0.1")["row"],
                         "127.0.0.0/24")
        self.cluster.wait_equal()


if __name__ == "__main__":
    tap.main()
