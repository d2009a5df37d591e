#!/usr/bin/python3
"""Log, diff, revert and apply of a zone, by the command line."""
import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster  # noqa: E402

ZONE = "history.example"


def blanks(text):
    return re.sub(r" +", " ", text)


class TestZoneHistory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)

    def setUp(self):
        self.node.quartet("zone", "create", ZONE)
        self.addCleanup(self.node.quartet, "zone", "delete", ZONE, "--with-contents")

    def refused(self, *words, status=1):
        done = self.node.run(*words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def set(self, name, *words, kind="A"):
        self.node.quartet("record", "set", ZONE, name, kind, *words)

    def records(self):
        return self.node.quartet("record", "list", ZONE)

    def newest(self):
        return self.node.json("zone", "diff", ZONE)["id"]

    def write(self, text, name="a.zone"):
        path = self.cluster.folder / name
        path.write_text(text)
        return path

    def test_log_tells_each_change_newest_first(self):
        self.set("a", "192.0.2.1", "--comment", "the first")
        self.set("a", "192.0.2.2", "192.0.2.3", "--ttl", "60")
        log = self.node.json("zone", "log", ZONE)
        self.assertEqual([one["kind"] for one in log],
                         ["record sets", "record sets", "zone created"])
        self.assertEqual(log[1]["comment"], "the first")
        self.assertNotEqual(log[0]["actor"], "")
        step, = log[0]["steps"]
        self.assertEqual((step["before"]["values"], step["before"]["ttl"]), (["192.0.2.1"], 300))
        self.assertEqual(step["after"]["values"], ["192.0.2.2", "192.0.2.3"])
        self.assertIsNone(log[1]["steps"][0]["before"])
        text = blanks(self.node.quartet("zone", "log", ZONE, "--limit", "1"))
        self.assertIn(f"- a.{ZONE}. 300 IN A 192.0.2.1\n", text)
        self.assertIn(f"+ a.{ZONE}. 60 IN A 192.0.2.2\n+ a.{ZONE}. 60 IN A 192.0.2.3\n", text)
        self.assertEqual(text.count("change "), 1)

    def test_revert_takes_back_one_change(self):
        self.set("a", "192.0.2.1")
        self.set("w", "192.0.2.1", "--set-identifier", "x", "--weight", "7")
        before = self.records()
        batch = {"Changes": [
            {"Action": "UPSERT", "ResourceRecordSet": {
                "Name": f"a.{ZONE}", "Type": "A", "TTL": 5,
                "ResourceRecords": [{"Value": "192.0.2.9"}]}},
            {"Action": "DELETE", "ResourceRecordSet": {
                "Name": f"w.{ZONE}", "Type": "A", "TTL": 300, "SetIdentifier": "x", "Weight": 7,
                "ResourceRecords": [{"Value": "192.0.2.1"}]}},
            {"Action": "CREATE", "ResourceRecordSet": {
                "Name": f"w.{ZONE}", "Type": "CNAME", "TTL": 5,
                "ResourceRecords": [{"Value": "a.example."}]}}]}
        self.node.quartet("record", "apply", ZONE, self.write(json.dumps(batch), "batch.json"))
        change = self.newest()
        self.assertNotEqual(self.records(), before)
        self.node.quartet("zone", "revert", ZONE, change, "--wait")
        self.assertEqual(self.records(), before)
        self.assertEqual(self.node.json("zone", "diff", ZONE)["comment"], f"reverts {change}")
        self.node.quartet("zone", "revert", ZONE)  # the revert itself
        self.assertNotEqual(self.records(), before)

    def test_revert_of_what_was_changed_since_is_refused(self):
        self.set("a", "192.0.2.1")
        self.set("a", "192.0.2.2")
        change = self.newest()
        self.set("a", "192.0.2.3")
        self.assertIn("do not match", self.refused("zone", "revert", ZONE, change))
        self.node.quartet("zone", "revert", ZONE, change, "--force")
        self.assertIn("192.0.2.1", self.records())

    def test_revert_of_the_soa_and_of_what_is_none(self):
        soa = f"ns1.{ZONE}. admin.{ZONE}. 7 7200 900 1209600 300"
        before = self.records()
        self.set("@", soa, kind="SOA")
        self.node.quartet("zone", "revert", ZONE)
        self.assertEqual(self.records(), before)
        log = self.node.json("zone", "log", ZONE)
        self.assertIn("cannot be taken back", self.refused("zone", "revert", ZONE, log[-1]["id"]))
        self.assertIn("there is no change", self.refused("zone", "diff", ZONE, "C" + "0" * 20))

    def test_apply_makes_the_zone_equal_to_a_zone_file(self):
        self.set("a", "192.0.2.1")
        self.set("gone", "192.0.2.1")
        path = self.write(self.node.quartet("zone", "export", ZONE))
        text = path.read_text()
        self.assertIn("nothing to change", self.node.quartet("zone", "apply", path))
        lines = [line for line in text.splitlines() if not line.startswith("gone.")]
        lines = [line.replace("192.0.2.1", "192.0.2.8") for line in lines]
        path = self.write("\n".join([*lines, f"new.{ZONE}. 60 IN TXT \"x y\"", ""]))
        before = self.records()
        shown = blanks(self.node.quartet("zone", "apply", path, "--dry-run"))
        self.assertEqual(shown, f"- a.{ZONE}. 300 IN A 192.0.2.1\n+ a.{ZONE}. 300 IN A 192.0.2.8\n"
                                f"- gone.{ZONE}. 300 IN A 192.0.2.1\n+ new.{ZONE}. 60 IN TXT \"x y\"\n")
        self.assertEqual(self.records(), before)
        self.assertIn("changed 3 record sets in 1 batch",
                      self.node.quartet("zone", "apply", ZONE, path, "--wait"))
        self.assertIn("nothing to change", self.node.quartet("zone", "apply", path))
        self.assertEqual(self.node.dig("+short", f"new.{ZONE}", "TXT"), '"x y"\n')

    def test_apply_of_a_file_that_is_wrong_changes_nothing(self):
        before = self.records()
        path = self.write(f"$ORIGIN {ZONE}.\na 60 IN A 192.0.2.300\n")
        self.assertIn("name the ZONE", self.refused("zone", "apply", path, status=2))
        self.assertIn(":2:", self.refused("zone", "apply", ZONE, path))
        self.refused("zone", "apply", ZONE, self.cluster.folder / "none")
        self.assertEqual(self.records(), before)

    def test_apply_of_a_list_keeps_routing(self):
        self.set("w", "192.0.2.1", "--set-identifier", "x", "--weight", "7")
        self.set("l", "--alias", f"w.{ZONE}")
        path = self.write(self.node.quartet("record", "list", ZONE, "--route53"), "list.json")
        self.assertIn("nothing to change", self.node.quartet("zone", "apply", ZONE, path))
        zone_file = self.write(f"$ORIGIN {ZONE}.\n@ 60 IN SOA n.x. a.x. 1 2 3 4 5\n@ 60 IN NS n.x.\n")
        self.assertIn("--drop-routing", self.refused("zone", "apply", zone_file))
        sets = json.loads(path.read_text())
        for one in sets["ResourceRecordSets"]:
            if "Weight" in one:
                one["Weight"] = 9
        self.node.quartet("zone", "apply", ZONE, self.write(json.dumps(sets), "list.json"))
        self.assertIn("weighted 9", self.records())
        self.node.quartet("zone", "apply", zone_file, "--drop-routing")
        self.assertEqual(len(self.records().splitlines()), 2)

    def test_apply_of_thousands_takes_several_batches(self):
        lines = [f"$ORIGIN {ZONE}.", "@ 60 IN SOA n.x. a.x. 1 2 3 4 5", "@ 60 IN NS n.x."]
        path = self.write("\n".join([*lines, *(f"n{i} 60 IN A 192.0.2.1" for i in range(2500)), ""]))
        self.assertIn("in 3 batches", self.node.quartet("zone", "apply", path, "--wait"))
        path = self.write("\n".join([*lines, *(f"n{i} 60 IN A 192.0.2.2" for i in range(2500)), ""]))
        self.assertRegex(self.node.quartet("zone", "apply", path), r"changed 2500 record sets in \d+ batches")
        self.assertIn("nothing to change", self.node.quartet("zone", "apply", path))


if __name__ == "__main__":
    tap.main()
