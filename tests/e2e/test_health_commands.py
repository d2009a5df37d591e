#!/usr/bin/python3
"""Health checks, overrides, CIDR collections and regions as an administrator handles them. No node
checks anything here: what is shown is what there is before any opinion, and what overrides do."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

HTTP = ("health", "create", "--type", "HTTP", "--ip", "192.0.2.1", "--disabled")


class TestHealthCommands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.cluster.form(config={"health_checks": "off"})
        cls.node = cls.cluster.node(1)
        cls.other = cls.cluster.node(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)

    def refused(self, *words, status=1):
        done = self.node.run(*words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def create(self, *words):
        return self.node.json(*HTTP, *words)

    def test_a_check_is_created_with_defaults(self):
        check = self.node.json("health", "create", "--type", "HTTPS", "--host", "www.example.com",
                               "--path", "ready", "--disabled")
        self.assertRegex(check["id"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]")
        config = check["config"]
        self.assertEqual((config["port"], config["request_interval_s"], config["failure_threshold"],
                          config["resource_path"], config["enable_sni"]),
                         (443, 30, 3, "/ready", True))
        self.assertEqual((check["version"], check["verdict"], check["healthy"], check["reason"]),
                         (1, "unknown", True, "disabled"))
        self.assertEqual(self.other.json("health", "show", check["id"][:13])["id"], check["id"])

    def test_the_same_reference_gives_the_same_check(self):
        first = self.create("--caller-reference", "terraform-1")
        again = self.create("--caller-reference", "terraform-1")
        self.assertEqual(first["id"], again["id"])
        text = self.refused(*HTTP, "--caller-reference", "terraform-1", "--port", "81")
        self.assertIn(first["id"], text)

    def test_mistakes_are_told(self):
        self.assertIn("--type is missing", self.refused("health", "create", status=2))
        self.assertIn("is no type", self.refused("health", "create", "--type", "ICMP"))
        self.assertIn("needs an IP address", self.refused("health", "create", "--type", "HTTP"))
        self.assertIn("the port", self.refused("health", "create", "--type", "TCP", "--ip",
                                               "192.0.2.1"))
        self.assertIn("no number", self.refused(*HTTP, "--port", "many", status=2))
        self.assertIn("yes or no", self.refused(*HTTP, "--inverted=maybe", status=2))
        self.assertIn("whole seconds", self.refused(*HTTP, "--interval", "1500ms", status=2))
        self.assertIn("quartet health list", self.refused("health", "show", "zz"))
        self.assertIn("say what", self.refused("health", "update", "zz", status=2))

    def test_update_changes_only_what_is_given(self):
        check = self.create("--threshold", "5")
        after = self.node.json("health", "update", check["id"], "--path", "/healthz", "--if-version",
                               "1")
        self.assertEqual(after["version"], 2)
        self.assertEqual(after["config"], {**check["config"], "resource_path": "/healthz"})
        text = self.refused("health", "update", check["id"], "--port", "81", "--if-version", "1")
        self.assertIn("version 2", text)
        self.assertIn("settled", self.refused("health", "update", check["id"], "--interval", "10s"))
        after = self.node.json("health", "update", check["id"], "--disabled=no", "--threshold", "")
        self.assertEqual((after["reason"], after["config"]["failure_threshold"]),
                         ("no opinion yet", 3))

    def test_a_calculated_check_follows_overrides_of_its_children(self):
        children = [self.create()["id"] for _ in range(3)]
        parent = self.node.json("health", "create", "--type", "CALCULATED", "--health-threshold",
                                "2", "--children", ",".join(children))
        self.assertEqual((parent["healthy"], parent["healthy_checkers"], parent["checkers"]),
                         (True, 3, 3))
        for child in children[:2]:
            self.node.run("health", "override", child, "down", "--reason", "test")
        parent = self.other.json("health", "show", parent["id"])
        self.assertEqual((parent["healthy"], parent["healthy_checkers"]), (False, 1))
        text = self.refused("health", "delete", children[0])
        self.assertIn(parent["id"], text)
        self.node.run("health", "delete", children[0], "--even-if-used")
        self.assertTrue(self.other.json("health", "show", parent["id"])["healthy"])

    def test_an_override_is_shown_everywhere_and_expires(self):
        check = self.create()["id"]
        text = self.node.quartet("health", "override", check, "down", "--reason", "moving racks",
                                 "--for", "2h")
        self.assertRegex(text, r"forced down by cli:\S+: moving racks; clears itself in 1 h 59 min")
        shown = self.other.json("health", "show", check)
        self.assertEqual((shown["healthy"], shown["reason"], shown["override"]["mode"]),
                         (False, "forced down", "down"))
        self.assertRegex(self.node.quartet("health", "list"), check + r".*unhealthy \(forced down\)")
        self.assertIn("moving racks", self.other.quartet("health", "overrides"))
        self.node.run("health", "override", check, "up", "--reason", "for a moment", "--for", "1s")
        wait_until(lambda: "override" not in self.other.json("health", "show", check), 10,
                   "the override to expire")
        self.assertIn("no override", self.refused("health", "override", check, "clear"))
        self.assertIn("--reason", self.refused("health", "override", check, "up", status=2))
        self.assertIn("not up, down", self.refused("health", "override", check, "left", status=2))

    def test_a_record_set_is_drained(self):
        self.node.quartet("zone", "create", "drain.example")
        self.node.quartet("record", "set", "drain.example", "www", "A", "192.0.2.1", "--ttl", "5m")
        words = ("health", "override", "--record", "drain.example", "www", "A")
        text = self.node.quartet(*words, "drain", "--reason", "deploy")
        self.assertIn("run out in 300 s", text)
        listed = [each for each in self.other.json("health", "overrides") if "record_set" in each]
        self.assertEqual([(each["record_set"]["name"], each["mode"]) for each in listed],
                         [("www.drain.example.", "drain")])
        self.assertIn("drained", listed[0])
        self.assertRegex(self.node.quartet("health", "overrides"),
                         r"www\.drain\.example\. A .*cached answers run out in 4 min 5")
        self.node.quartet(*words, "clear")
        self.assertIn("no such record set",
                      self.refused(*words[:4], "nope", "A", "down", "--reason", "x"))

    def test_the_list_is_paged_and_survives_a_restart(self):
        ids = {self.create()["id"] for _ in range(5)}
        listed = self.node.json("health", "list")
        self.assertTrue(ids <= {each["id"] for each in listed})
        self.assertEqual(len(self.node.json("health", "list", "--limit", "2")), 2)
        self.other.kill()
        self.other.start()
        wait_until(lambda: self.other.run("health", "list").returncode == 0, 20, "a leader")
        self.assertEqual([each["id"] for each in self.other.json("health", "list")],
                         [each["id"] for each in self.node.json("health", "list")])

    def test_cidr_collections(self):
        offices = self.node.json("cidr", "create", "offices")
        self.assertEqual((offices["version"], offices["block_count"]), (1, 0))
        self.assertIn("offices", self.refused("cidr", "create", "offices"))
        self.node.quartet("cidr", "change", "offices", "paris", "192.0.2.0/24", "2001:db8::/32")
        after = self.node.json("cidr", "change", offices["id"], "lab", "10.0.0.0/8")
        self.assertEqual((after["version"], after["block_count"], after["locations"]),
                         (3, 3, ["lab", "paris"]))
        self.assertEqual(self.other.json("cidr", "show", "offices"), [
            {"block": "10.0.0.0/8", "location": "lab"},
            {"block": "192.0.2.0/24", "location": "paris"},
            {"block": "2001:db8::/32", "location": "paris"}])
        self.assertEqual(len(self.node.json("cidr", "show", "offices", "--location", "paris")), 2)
        text = self.refused("cidr", "change", "offices", "lab", "192.0.2.0/24")
        self.assertIn("192.0.2.0/24 is in location paris", text)
        self.assertIn("/1 to /24", self.refused("cidr", "change", "offices", "lab", "10.0.0.1"))
        self.assertIn("bits", self.refused("cidr", "change", "offices", "lab", "10.0.0.1/8",
                                           status=2))
        many = [f"10.{i // 256}.{i % 256}.0/24" for i in range(1001)]
        self.assertIn("1000 CIDR blocks", self.refused("cidr", "change", "offices", "lab", *many))
        self.assertIn("3 blocks", self.refused("cidr", "delete", "offices"))
        self.node.quartet("cidr", "change", "offices", "paris", "192.0.2.0/24", "2001:db8::/32",
                          "--remove")
        self.node.quartet("cidr", "change", "offices", "lab", "10.0.0.0/8", "--remove")
        self.node.quartet("cidr", "delete", "offices")
        self.assertEqual(self.node.json("cidr", "list"), [])

    def test_regions(self):
        self.node.quartet("region", "set", "paris-dc", "48.86,2.35")
        self.node.quartet("region", "set", "--", "sydney-dc", "-33.87,151.21")
        regions = {each["name"]: each for each in self.other.json("region", "list")}
        self.assertEqual(regions["sydney-dc"],
                         {"name": "sydney-dc", "latitude": -33.87, "longitude": 151.21,
                          "own": True})
        self.assertFalse(regions["eu-west-1"]["own"])
        self.assertIn("Route 53", self.refused("region", "set", "eu-west-1", "0,0"))
        self.assertIn("LATITUDE,LONGITUDE", self.refused("region", "set", "x", "91,0", status=2))
        self.node.quartet("region", "delete", "paris-dc")
        self.assertIn("no region", self.refused("region", "delete", "paris-dc"))

    def test_help_tells_all(self):
        text = self.node.run("health", "create", "--help").stdout
        for word in ("--interval", "CALCULATED", "18 %", "--verify-certificate"):
            self.assertIn(word, text)
        self.assertTrue(re.search(r"health override .*drain", self.node.run("health", "--help").stdout))


if __name__ == "__main__":
    tap.main()
