#!/usr/bin/python3
"""Zones and records as an administrator handles them: files in and out, mistakes told."""
import concurrent.futures
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

HEAD = "$TTL 300\n@ SOA ns1 host 1 7200 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.1\n"


def odd_zone(seed):
    """A zone file with every kind of name and value that a file can hold."""
    chance = random.Random(seed)
    lines = [HEAD]
    for number in range(200):
        name = "".join(chance.choice("abcxyz09-_") for _ in range(chance.randint(1, 20))).strip("-")
        name = name or "x"
        octet = chance.choice([r"\000", r"\032", r"\046", r"\200", r"\;", r"\"", r"\\"])
        kind = chance.choice([
            f"A 192.0.2.{number}", f"AAAA 2001:db8::{number:x}", f"MX {number} mail",
            f'TXT "{name} \\"quoted\\" \\\\ \\007" "{"y" * chance.randint(0, 250)}"',
            f"SRV 1 2 {number} sip.example.net.", f"TYPE{65000 + number} \\# 4 deadbeef",
            f'CAA 0 issue "ca{number}.example"', f"PTR {name}.example.org.",
            "TLSA 3 1 1 " + "ab" * 32, "SSHFP 1 1 " + "cd" * 20,
            'NAPTR 1 2 "u" "sip+E2U" "!^.*$!sip:x@y!" .', "LOC 52 22 23.000 N 4 53 32.000 E -2.00m",
            'HTTPS 1 . alpn="h2,h3" port=8443', "SVCB 0 svc.example.net.", "DNAME elsewhere.example.",
            "HINFO \"a b\" \"c\"", "RP box.example. text.example.", "URI 1 1 \"https://x.example/\""])
        lines.append(f"{name}{octet}{number} {chance.randint(0, 86400)} {kind}\n")
    return "".join(lines)


class TestZones(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)

    def file(self, text, name="zone"):
        path = self.cluster.folder / name
        path.write_text(text)
        return path

    def refused(self, *words, status=1):
        done = self.node.run(*words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def test_a_new_zone_names_the_cluster_and_is_answered(self):
        zone = self.node.json("zone", "create", "fresh.example", "--comment", "a remark", "--wait")
        self.assertRegex(zone["id"], r"^Z[A-Z0-9]{20}$")
        self.assertEqual(zone["name_servers"], ["ns1.quartet.test."])
        self.assertEqual(zone["record_sets"], 2)
        self.assertIn("ns1.quartet.test.", self.node.dig("+short", "fresh.example", "NS"))
        wait_until(lambda: self.cluster.address_of(1) in self.node.dig("+short", "ns1.quartet.test"),
                   10, "the cluster's own zone has the address of ns1")
        self.assertIn("is there", self.refused("zone", "create", "Fresh.Example."))

    def test_record_set_then_list_then_delete(self):
        self.node.quartet("zone", "create", "records.example")
        self.node.quartet("record", "set", "records.example", "www", "A", "192.0.2.1", "192.0.2.2",
                          "--ttl", "60", "--wait")
        self.assertEqual(sorted(self.node.dig("+short", "www.records.example").split()),
                         ["192.0.2.1", "192.0.2.2"])
        sets = self.node.json("record", "list", "records.example", "www")
        self.assertEqual(sets, [{"name": "www.records.example.", "type": "A", "ttl": 60,
                                 "values": ["192.0.2.1", "192.0.2.2"]}])
        self.refused("record", "set", "records.example", "www", "A", "192.0.2.9", "--add")
        self.assertIn("CNAME", self.refused("record", "set", "records.example", "www", "CNAME", "x"))
        self.refused("record", "set", "records.example", "www", "A", "300.0.2.9", status=2)
        self.refused("record", "set", "records.example", "www", "NONSENSE", "x", status=2)
        self.node.quartet("record", "delete", "records.example", "www", "A", "--wait")
        self.assertIn("NXDOMAIN", self.node.dig("www.records.example"))
        self.refused("record", "delete", "records.example", "www", "A")
        self.refused("record", "delete", "records.example", "@", "SOA")

    def test_export_then_import_gives_the_same_zone(self):
        for seed in range(5):
            name = f"odd{seed}.example"
            self.node.quartet("zone", "import", name, self.file(odd_zone(seed)), "--create")
            first = self.node.quartet("zone", "export", name)
            self.node.quartet("zone", "import", name, self.file(first, "exported"))
            self.assertEqual(first, self.node.quartet("zone", "export", name))
            self.assertGreater(first.count("\n"), 190)

    def test_a_bad_file_changes_nothing_and_every_error_has_its_line(self):
        self.node.quartet("zone", "import", "bad.example", self.file(HEAD), "--create", "--wait")
        before = self.node.quartet("zone", "export", "bad.example")
        path = self.file(HEAD + "good A 192.0.2.9\nbroken A 1.2.3\nx FROB 1\nwww CNAME a\nwww A 192.0.2.3\n")
        words = self.refused("zone", "import", "bad.example", path)
        self.assertIn(f"{path}:6:", words)
        self.assertIn(f"{path}:7:", words)
        self.assertIn("nothing was changed", words)
        path = self.file(HEAD + "www CNAME a\nwww A 192.0.2.3\n")
        self.assertIn("CNAME", self.refused("zone", "import", "bad.example", path))
        self.assertIn("SOA", self.refused("zone", "import", "bad.example", self.file("a A 192.0.2.1\n")))
        self.refused("zone", "import", "bad.example", self.cluster.folder / "absent")
        self.assertEqual(before, self.node.quartet("zone", "export", "bad.example"))

    def test_includes_origins_and_many_lines(self):
        self.file("$ORIGIN sub.more.example.\nhost A 192.0.2.77\n", "part")
        path = self.file(HEAD + "$INCLUDE part\n$ORIGIN deep.more.example.\n"
                         "a TXT ( \"one\"\n \"two\" ) ; over lines\n")
        self.node.quartet("zone", "import", "more.example", path, "--create", "--wait")
        self.assertIn("192.0.2.77", self.node.dig("+short", "host.sub.more.example"))
        self.assertIn('"one" "two"', self.node.dig("+short", "a.deep.more.example", "TXT"))
        loop = self.file(HEAD + "$INCLUDE loop\n", "loop")
        self.refused("zone", "import", "more.example", loop)

    def test_an_import_switches_at_once(self):
        big = HEAD + "".join(f"n{n} A 192.0.2.1\n" for n in range(3000))
        self.node.quartet("zone", "import", "switch.example", self.file(big), "--create", "--wait")
        second = HEAD + "".join(f"m{n} A 192.0.2.2\n" for n in range(3000))
        self.node.quartet("zone", "import", "switch.example", self.file(second), "--wait")
        self.assertIn("192.0.2.2", self.node.dig("+short", "m2999.switch.example"))
        self.assertIn("NXDOMAIN", self.node.dig("n0.switch.example"))
        self.assertEqual(self.node.json("zone", "show", "switch.example")["record_sets"], 3003)

    def test_many_zones_by_one_command(self):
        big = HEAD + "".join(f"n{n} A 192.0.2.1\n" for n in range(9000))  # three chunks
        paths = {f"many{n}.example": self.file(HEAD + f"www A 192.0.2.{n}\n", f"many{n}")
                 for n in range(40)}
        paths["many7.example"] = self.file(big, "many7")
        lines = "# what moves here\n\n" + "".join(f"{z} \t {p}\n" for z, p in paths.items())
        listing = self.file(lines, "list")
        done = self.node.run("zone", "import", "--list", listing)
        self.assertEqual(done.returncode, 1, done.stderr)  # none of them is there
        self.assertIn("40 refused", done.stdout)
        words = self.node.json("zone", "import", "--list", listing, "--create", "--wait")
        self.assertEqual((words["zones"], words["refused"], words["record_sets"]),
                         (40, 0, 39 * 4 + 9003))
        self.assertEqual(self.node.dig("+short", "www.many39.example").strip(), "192.0.2.39")
        self.assertEqual(self.node.dig("+short", "n8999.many7.example").strip(), "192.0.2.1")
        # One that is wrong is told by file and line and stays as it was; the others go on.
        self.file(HEAD + "www A 300.0.2.1\n", "many3")
        self.file(HEAD + "www A 192.0.2.200\n", "many39")
        self.file(lines + f"bad..name {paths['many1.example']}\n", "list")
        done = self.node.run("zone", "import", "--list", listing, "--wait")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"{paths['many3.example']}:5:", done.stderr)
        self.assertIn("39 zones imported, 2 refused", done.stdout)
        self.assertEqual(self.node.dig("+short", "www.many3.example").strip(), "192.0.2.3")
        self.assertEqual(self.node.dig("+short", "www.many39.example").strip(), "192.0.2.200")
        self.assertIn("39 zones right", self.node.run("zone", "import", "--list", listing,
                                                      "--check").stdout)
        path = self.file("www A 192.0.2.1\n", "bare")
        self.file(f"many1.example {path}\n", "list")
        self.assertIn(f"{path}: many1.example. SOA: a zone",
                      self.refused("zone", "import", "--list", listing))
        # A line without a file is one more; imports that began before it are not left open.
        good = [f"many{n}.example {paths[f'many{n}.example']}\n" for n in range(10, 20)]
        self.file("".join(good[:5] + ["many1.example\n"] + good[5:]), "list")
        for _ in range(4):
            done = self.node.run("zone", "import", "--list", listing)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("list:6: a zone's name without a file", done.stderr)
            self.assertIn("10 zones imported, 1 refused", done.stdout)
        self.refused("zone", "import", "--list", listing, "many1.example", status=2)
        self.refused("zone", "import", "many1.example", status=2)

    def test_many_zones_by_two_at_once(self):
        path, lists = self.file(HEAD, "both"), []
        for who in "ab":
            lists.append(self.file("".join(f"{who}{n}.both.example {path}\n" for n in range(100)),
                                   f"list-{who}"))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done in pool.map(lambda listing: self.node.run("zone", "import", "--create", "--list",
                                                               listing), lists):
                self.assertIn("100 zones imported, 0 refused", done.stdout, done.stderr)

    def test_memory_is_told(self):
        before = self.node.json("node", "memory")
        self.node.quartet("zone", "import", "memory.example", self.file(
            HEAD + "".join(f"n{n} A 192.0.2.1\n" for n in range(5000))), "--create", "--wait")
        after = self.node.json("node", "memory")
        self.assertEqual(after["image"]["zones"], before["image"]["zones"] + 1)
        self.assertEqual(after["image"]["names"], before["image"]["names"] + 5002)
        grown = after["image"]["used"] - before["image"]["used"]
        self.assertTrue(5000 * 30 < grown < 5000 * 150, grown)
        self.assertLessEqual(after["image"]["used"], after["image"]["reserved"])
        self.assertLess(after["image"]["reserved"], after["process"]["resident"])
        self.assertLess(after["process"]["anonymous"], after["process"]["resident"])
        self.assertGreater(after["log_entries"], before["log_entries"])
        self.assertGreater(after["state"]["memtables"], 0)
        self.assertGreater(after["sockets"]["count"], 3)
        self.assertIn("octets a zone", self.node.quartet("node", "memory"))

    def test_a_zone_with_records_is_not_deleted_by_mistake(self):
        self.node.quartet("zone", "import", "gone.example", self.file(HEAD), "--create")
        self.assertIn("with-contents", self.refused("zone", "delete", "gone.example"))
        self.node.quartet("zone", "delete", "gone.example", "--with-contents", "--wait")
        self.assertIn("REFUSED", self.node.dig("gone.example", "SOA"))
        self.assertIn("no zone", self.refused("zone", "show", "gone.example"))

    def test_changes_are_kept_and_in_sync(self):
        self.node.quartet("zone", "create", "journal.example")
        change = self.node.json("record", "set", "journal.example", "a", "A", "192.0.2.1",
                                "--comment", "why")["change_id"]
        shown = self.node.json("change", "show", change, "--wait")
        self.assertEqual((shown["status"], shown["comment"], shown["actions"]), ("INSYNC", "why", 1))
        listed = self.node.json("change", "list", "journal.example")
        self.assertEqual(listed[0]["id"], change)
        self.refused("change", "show", "C00000000000000000000")

    def test_listing_zones_pages_through_all(self):
        for number in range(30):
            self.node.quartet("zone", "create", f"z{number:02d}.list.example")
        names = [z["name"] for z in self.node.json("zone", "list")]
        listed = [n for n in names if n.endswith(".list.example.")]
        self.assertEqual(listed, [f"z{n:02d}.list.example." for n in range(30)])
        self.assertEqual(len(self.node.json("zone", "list", "--limit", "7")), 7)


if __name__ == "__main__":
    tap.main()
