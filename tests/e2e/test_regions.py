#!/usr/bin/python3
"""deploy/regions without hosts: what it says about its arguments and inventory, and where it stops when
nothing can be reached. tests/e2e/hosts has the rest."""
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "lib"), str(ROOT / "deploy" / "lib")]
import inventory  # noqa: E402
import machine  # noqa: E402
import tap  # noqa: E402
import upkeep  # noqa: E402

GOOD = """# a comment
domain ns.example.net

ns1  root@192.0.2.1         eu-central-1  voter    192.0.2.1 2001:db8::1  # behind it
ns2  admin@192.0.2.2:2222   eu-central-1  replica  192.0.2.2
ns3  [2001:db8::3]          us-east-1     replica  192.0.2.3  peer=10.0.0.3
"""
CLOSED_PORT = 1  # of this machine: ssh is refused at once
WRONG = (  # a line in place of ns2's, and what is said about it
    ("ns2 192.0.2.2 eu voter", "line 5: 4 words; a host has at least five: NAME SSH REGION ROLE ADDRESS"),
    ("NS_2 192.0.2.2 eu voter 192.0.2.2", "line 5: the name 'NS_2' is not one DNS label in lower case"),
    ("ns2 -oProxyCommand=x eu voter 192.0.2.2", "line 5: '-oProxyCommand=x' is not an ssh address"),
    ("ns2 192.0.2.2:70000 eu voter 192.0.2.2", "line 5: '192.0.2.2:70000' is not an ssh address"),
    ("ns2 192.0.2.2 EU; voter 192.0.2.2", "line 5: the region 'EU;' is not made of a-z, 0-9 and -"),
    ("ns2 192.0.2.2 eu leader 192.0.2.2", "line 5: the role is voter or replica, not 'leader'"),
    ("ns2 192.0.2.2 eu replica 192.0.2.256", "line 5: '192.0.2.256' is not an IP address"),
    ("ns2 192.0.2.2 eu replica peer=10.0.0.2", "line 5: ns2 has no public address"),
    ("ns2 192.0.2.2 eu replica 192.0.2.2 peer=1.2.3.4 peer=1.2.3.5", "line 5: one peer= is enough"),
    ("ns1 192.0.2.2 eu replica 192.0.2.2", "line 5: there is a ns1 already"),
    ("ns2 root@192.0.2.1 eu replica 192.0.2.2", "line 5: ns2 is the same machine as ns1: root@192.0.2.1"),
    ("ns2 192.0.2.2 eu replica 2001:DB8:0::1", "line 5: ns2 has the address 2001:db8::1 of ns1"),
    ("domain ns.example.org", "line 5: there is a domain already"),
    ("ns2 192.0.2.2 eu voter 192.0.2.2", "2 voters; it takes 1, 3 or 5"),
)


class TestInventory(unittest.TestCase):
    def test_a_good_one_is_read(self):
        read = inventory.parse(GOOD, "hosts")
        self.assertEqual(read.domain, "ns.example.net")
        self.assertEqual([host.name for host in read.founding_order()], ["ns1", "ns2", "ns3"])
        first, second, third = read.hosts
        self.assertEqual((second.ssh, second.port), ("admin@192.0.2.2", "2222"))
        self.assertEqual((third.ssh, str(third.peer)), ("2001:db8::3", "10.0.0.3"))
        self.assertEqual((first.peer, len(first.addresses)), (first.addresses[0], 2))

    def test_what_is_wrong_is_told_with_its_line(self):
        lines = GOOD.splitlines()
        for line, said in WRONG:
            with self.subTest(line), self.assertRaises(inventory.InventoryError) as raised:
                inventory.parse("\n".join([*lines[:4], line, *lines[5:]]), "hosts")
            self.assertIn(said, str(raised.exception))
            self.assertTrue(str(raised.exception).startswith("hosts"))

    def test_no_domain_is_wrong(self):
        with self.assertRaises(inventory.InventoryError):
            inventory.parse(GOOD.replace("domain", "#"), "hosts")
        for name in ("example", "a..b", "-a.example", "a b"):
            with self.assertRaises(inventory.InventoryError):
                inventory.parse(GOOD.replace("ns.example.net", name), "hosts")


class TestConfig(unittest.TestCase):
    def setUp(self):
        self.host = inventory.parse(GOOD, "hosts").hosts[0]

    def test_lines_behind_the_mark_stay_and_the_rest_is_new(self):
        text = machine.wanted_config(self.host, "name: other\n")
        self.assertIn('public_addresses: ["192.0.2.1", "2001:db8::1"]', text)
        self.assertNotIn("other", text)
        self.assertEqual(machine.wanted_config(self.host, text), text)
        added = text + "rrl: {enabled: false}\n"
        self.assertEqual(machine.wanted_config(self.host, added), added)
        self.assertEqual(machine.wanted_config(self.host, added.replace("ns1", "ns9")), added)


class UpgradedFleet:
    """Stands in for a fleet whose hosts all run the new version."""

    def __init__(self, level, levels):
        self.status = {"feature_level": level, "members": [{"feature_level": known} for known in levels]}

    def quartet(self, _host, *words):
        return json.dumps(self.status) if "--json" in words else f"as 'quartet {' '.join(words)}' says\n"

    def command(self, *words):
        return " ".join(("deploy/regions hosts", *words))


class TestUpgraded(unittest.TestCase):
    def said(self, level, levels):
        host = inventory.parse(GOOD, "hosts").hosts[0]
        with contextlib.redirect_stdout(io.StringIO()) as output:
            upkeep.tell_what_is_left(UpgradedFleet(level, levels), host)
        return output.getvalue()

    def test_a_level_that_all_know_is_left_to_finalize(self):
        text = self.said(1, (2, 2))
        self.assertIn("as 'quartet upgrade status' says", text)
        self.assertIn("\nnext: ssh root@192.0.2.1 quartet upgrade finalize ", text)
        self.assertIn("\nback: deploy/regions hosts upgrade --package OLD", text)

    def test_a_level_that_some_know_or_that_is_in_use_is_not(self):
        for levels, then in (((2, 3), "ssh root@192.0.2.1 quartet upgrade plan "), ((2, 2), "nothing;")):
            text = self.said(2, levels)
            self.assertIn("\nnext: " + then, text)
            self.assertNotIn("quartet upgrade finalize", text)


class TestCommand(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "hosts"
        self.path.write_text(f"domain ns.example.net\n"
                             f"ns1 root@127.0.0.1:{CLOSED_PORT} eu voter 127.0.0.1\n")

    def regions(self, *words):
        return subprocess.run([ROOT / "deploy/regions", *map(str, words)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)

    def test_wrong_arguments_end_with_2_and_say_why(self):
        for words, said in ((("up",), "No such file"), ((self.path, "remove"), "wants a HOST"),
                            ((self.path, "up", "ns1"), "nothing else does"),
                            ((self.path, "remove", "ns2"), "there is no host ns2"),
                            ((self.path, "upgrade"), "wants --package"),
                            ((self.path, "destroy"), "say --yes"), ((self.path, "fly"), "invalid choice")):
            done = self.regions(*(words if len(words) > 1 else ("/none", *words)))
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(said, done.stderr)

    def test_help_tells_the_commands_and_the_inventory(self):
        done = self.regions("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("upgrade", "remove HOST", "domain  ns.example.net", "peer=ADDRESS", "--dry-run"):
            self.assertIn(word, done.stdout)

    def test_a_host_that_cannot_be_reached_stops_it_with_what_to_do(self):
        for command in ("up", "restart"):
            done = self.regions(self.path, command)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("stopped: ns1: ssh root@127.0.0.1", done.stderr)
            self.assertIn("next: ", done.stderr)
            self.assertRegex(done.stdout, r"ns1 +eu +voter")
        done = self.regions(self.path, "status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no node that can be reached", done.stdout)


if __name__ == "__main__":
    tap.main()
