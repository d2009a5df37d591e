#!/usr/bin/python3
"""Several public zones of one name, delegation sets and limits, by the command line."""
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster  # noqa: E402


LARGE_RECORDS = 200_000
LARGE_ROUNDS = 5  # a machine may be too busy to look in time


def large_file(path):
    lines = ["$TTL 300\n@ SOA ns1 host 1 7200 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.1\n"]
    lines += [f"host-{n} A 10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n"
              for n in range(LARGE_RECORDS)]
    path.write_text("".join(lines))
    return path


class TestZoneNames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.cluster.form()
        cls.first, cls.second = cls.cluster.node(1), cls.cluster.node(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)

    def refused(self, *words, status=1):
        done = self.first.run(*words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def create(self, name, *words):
        return self.first.json("zone", "create", name, *words)["id"]

    def answer(self, node, name):
        return node.dig("+short", name, "TXT").strip()

    def set_text(self, zone, name, text, node=None):
        (node or self.first).quartet("record", "set", zone, name, "TXT", f'"{text}"', "--wait")

    def test_a_name_is_repeated_only_when_asked_for(self):
        self.create("once.example")
        self.assertIn("of this name is there", self.refused("zone", "create", "once.example"))

    def test_activation_switches_all_nodes_without_a_gap(self):
        one = self.create("twice.example")
        two = self.create("twice.example", "--repeat-name", "--wait")
        self.set_text(one, "www", "one")
        self.set_text(two, "www", "two")
        self.set_text("twice.example", "name", "one")  # the name means the served one
        shown = {zone["id"]: zone["served"] for zone in self.first.json("zone", "list")
                 if zone["name"] == "twice.example."}
        self.assertEqual(shown, {one: True, two: False})
        self.assertIn("not served", self.first.quartet("zone", "list"))
        self.assertIn(f"zone activate {two}", self.first.quartet("zone", "show", two))
        self.assertIn(f"zone {two} is not served", self.first.run("doctor").stdout)
        self.assertEqual(self.answer(self.second, "www.twice.example"), '"one"')
        seen, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                seen.append(self.answer(self.second, "www.twice.example"))

        asker = threading.Thread(target=ask)
        asker.start()
        for _ in range(5):
            self.first.quartet("zone", "activate", two, "--wait")
            self.assertEqual(self.answer(self.second, "www.twice.example"), '"two"')
            self.first.quartet("zone", "activate", one, "--wait")
            self.assertEqual(self.answer(self.second, "www.twice.example"), '"one"')
        stop.set()
        asker.join()
        self.assertEqual(set(seen), {'"one"', '"two"'})

    def watch_activation(self, zone):
        """Activate a large zone. Did the nodes do all else meanwhile, under one leader?"""
        terms = {node.status()["term"] for node in self.cluster.nodes}
        seen = []
        done = threading.Thread(target=self.first.quartet, args=("zone", "activate", zone, "--wait"))
        done.start()
        while done.is_alive():
            seen += [node.status() for node in self.cluster.nodes]
            self.first.quartet("record", "set", "beside.example", "www", "TXT", f'"{len(seen)}"')
            for node in self.cluster.nodes:
                header = node.dig("host-7.large.example", "A")
                self.assertTrue("NXDOMAIN" in header or "10.0.0.7" in header, header)
        for node in self.cluster.nodes:  # it is in sync: all of it, everywhere
            self.assertEqual(node.dig("+short", "host-7.large.example").strip(), "10.0.0.7")
            self.assertEqual(node.dig("+short", f"host-{LARGE_RECORDS - 1}.large.example").strip(),
                             "10.3.13.63")
        between = [said for said in seen if said["image_index"] < said["applied_index"]]
        print(f"# {len(between)} of {len(seen)} looks came in between")
        return bool(between) and terms == {said["term"] for said in seen}

    def test_a_large_zone_is_activated_beside_everything_else(self):
        self.create("beside.example", "--wait")
        self.first.quartet("zone", "import", "large.example",
                           large_file(self.cluster.folder / "large.zone"), "--create", "--wait")
        large = next(zone["id"] for zone in self.first.json("zone", "list")
                     if zone["name"] == "large.example.")
        small = self.create("large.example", "--repeat-name")
        for _ in range(LARGE_ROUNDS):
            self.first.quartet("zone", "activate", small, "--wait")
            self.assertIn("NXDOMAIN", self.second.dig("host-7.large.example"))
            if self.watch_activation(large):
                return
        self.fail("the nodes were never seen at work while they read the zone, with one leader")

    def test_the_oldest_other_follows_one_that_is_deleted(self):
        ids = [self.create("thrice.example", *words)
               for words in ((), ("--repeat-name",), ("--repeat-name",))]
        for number, zone in enumerate(ids):
            self.set_text(zone, "www", str(number))
        self.first.quartet("zone", "activate", ids[2], "--wait")
        self.first.quartet("zone", "delete", ids[2], "--with-contents", "--wait")
        self.assertEqual(self.answer(self.second, "www.thrice.example"), '"0"')
        self.first.quartet("zone", "delete", ids[1], "--with-contents", "--wait")
        self.assertEqual(self.answer(self.second, "www.thrice.example"), '"0"')

    def test_a_restarted_node_serves_the_same_one(self):
        one = self.create("again.example")
        two = self.create("again.example", "--repeat-name", "--wait")
        self.set_text(one, "www", "one")
        self.set_text(two, "www", "two")
        self.first.quartet("zone", "activate", two, "--wait")
        self.second.stop()
        self.second.start()
        self.assertEqual(self.answer(self.second, "www.again.example"), '"two"')
        self.cluster.wait_equal()
        self.set_text(one, "www", "uno")
        self.set_text(two, "www", "due")
        self.assertEqual(self.answer(self.second, "www.again.example"), '"due"')

    def test_delegation_sets(self):
        made = self.first.json("delegation-set", "create", "--caller-reference", "a set")
        self.assertRegex(made["id"], r"^N[A-Z0-9]{20}$")
        self.assertEqual(made["name_servers"], ["ns1.quartet.test.", "ns2.quartet.test."])
        self.assertIn("already been created",
                      self.refused("delegation-set", "create", "--caller-reference", "a set"))
        zone = self.first.json("zone", "create", "set.example", "--delegation-set", made["id"])
        self.assertEqual(zone["delegation_set"], made["id"])
        self.assertEqual(zone["name_servers"], made["name_servers"])
        shown = self.second.json("delegation-set", "show", made["id"])
        self.assertEqual(shown["zones"], 1)
        self.assertIn("conflicts", self.refused("zone", "create", "set.example", "--repeat-name",
                                                "--delegation-set", made["id"]))
        self.assertIn("associated", self.refused("delegation-set", "delete", made["id"]))
        self.first.quartet("zone", "delete", zone["id"])
        self.first.quartet("delegation-set", "delete", made["id"])
        self.assertEqual(self.first.json("delegation-set", "list"), [])
        self.assertIn("No delegation set", self.refused("delegation-set", "show", made["id"]))

    def test_limits_and_comments(self):
        zone = self.create("limited.example", "--comment", "old")
        self.first.quartet("zone", "update", zone, "--comment", "new")
        self.assertEqual(self.second.json("zone", "show", zone)["comment"], "new")
        limits = {limit["type"]: limit for limit in self.first.json("limits")}
        count = limits["MAX_HOSTED_ZONES_BY_OWNER"]["count"]
        self.assertEqual(limits["MAX_HOSTED_ZONES_BY_OWNER"]["value"], 1000000)
        self.first.quartet("limits", "MAX_HOSTED_ZONES_BY_OWNER", str(count))
        self.assertIn("MAX_HOSTED_ZONES_BY_OWNER", self.refused("zone", "create", "more.example"))
        self.first.quartet("limits", "MAX_HOSTED_ZONES_BY_OWNER", "usual")
        self.create("more.example")
        self.assertIn("no limit", self.refused("limits", "MAX_NOTHING", "1"))
        self.assertEqual(self.first.json("limits", "--zone", zone)[0]["count"], 2)


if __name__ == "__main__":
    tap.main()
