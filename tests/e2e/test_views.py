#!/usr/bin/python3
"""Private zones: clients of different networks ask four nodes, which answer each what it may see."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

BLUE, GREEN, OUTSIDE = "127.77.1.9", "127.77.2.9", "127.88.0.9"


class TestViews(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(4)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.nodes = [cls.cluster.node(number) for number in range(1, 5)]
        cls.first = cls.nodes[0]
        cls.first.quartet("zone", "create", "corp.example")
        cls.first.quartet("record", "set", "corp.example", "www", "A", "192.0.2.1")
        cls.first.quartet("record", "set", "corp.example", "public", "A", "192.0.2.2")
        cls.blue = cls.create("corp.example", "vpc-blue", "10.0.0.1")
        cls.green = cls.create("corp.example", "vpc-green", "10.0.0.2")
        cls.first.quartet("view", "set", "vpc-blue", "127.77.0.0/16")
        cls.first.quartet("view", "set", "vpc-green", "127.77.2.0/24", "2001:db8::/32")
        cls.sync()

    @classmethod
    def create(cls, name, vpc, address):
        zone = cls.first.json("zone", "create", name, "--vpc", vpc, "--vpc-region", "eu-west-1")
        cls.first.quartet("record", "set", zone["id"], "www", "A", address)
        return zone["id"]

    @classmethod
    def sync(cls):
        """A change behind all others, and in the image of every node."""
        cls.first.quartet("record", "set", "corp.example", "sync", "TXT", '"now"', "--wait")

    def ask(self, client, name, *words, node=None):
        return (node or self.first).dig("+short", "-b", client, name, "A", *words).strip()

    def code(self, client, name):
        text = self.first.dig("-b", client, name, "A")
        return text.split("status: ")[1].split(",")[0]

    def refused(self, *words):
        done = self.first.run(*words)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done.stderr

    def test_every_node_answers_by_the_network_of_the_client(self):
        for node in self.nodes:
            for words in ((), ("+tcp",)):
                answers = [self.ask(client, "www.corp.example", *words, node=node)
                           for client in (BLUE, GREEN, OUTSIDE)]
                self.assertEqual(answers, ["10.0.0.1", "10.0.0.2", "192.0.2.1"])

    def test_a_private_zone_hides_the_public_one(self):
        self.assertEqual(self.ask(OUTSIDE, "public.corp.example"), "192.0.2.2")
        self.assertEqual(self.code(BLUE, "public.corp.example"), "NXDOMAIN")
        self.assertEqual(self.code(OUTSIDE, "nothing.example"), "REFUSED")

    def test_a_client_subnet_opens_nothing(self):
        self.assertEqual(self.ask(OUTSIDE, "www.corp.example", "+subnet=127.77.1.0/24"),
                         "192.0.2.1")
        self.assertEqual(self.ask(BLUE, "www.corp.example", "+subnet=192.0.2.0/24"), "10.0.0.1")

    def test_lists_and_shows_say_who_sees_a_zone(self):
        zones = {zone["id"]: zone["private"] for zone in self.first.json("zone", "list")}
        self.assertTrue(zones[self.blue] and zones[self.green])
        self.assertEqual(self.first.json("zone", "show", self.blue)["vpcs"],
                         [{"id": "vpc-blue", "region": "eu-west-1"}])
        self.assertIn("vpc-blue (eu-west-1)", self.first.quartet("zone", "show", self.blue))
        views = {view["vpc"]: view for view in self.first.json("view", "list")}
        self.assertEqual(views["vpc-green"]["networks"], ["127.77.2.0/24", "2001:db8::/32"])
        self.assertEqual(views["vpc-green"]["zones"], 1)
        self.assertIn("127.77.0.0/16", self.first.quartet("view", "list"))

    def test_explain_sees_what_the_resolver_sees(self):
        text = self.first.quartet("explain", "www.corp.example", "--resolver", BLUE)
        self.assertIn("in the private zone corp.example.", text)
        self.assertIn(self.blue, text)
        self.assertIn("10.0.0.1", text)
        self.assertIn("192.0.2.1", self.first.quartet("explain", "www.corp.example"))

    def test_associations_come_and_go(self):
        zone = self.create("moves.example", "vpc-none", "10.0.0.7")
        self.assertIn("vpc-none has no networks", self.first.run("doctor").stdout)
        self.assertEqual(self.code(BLUE, "www.moves.example"), "REFUSED")
        self.first.quartet("zone", "associate", zone, "vpc-blue", "--wait")
        for node in self.nodes:
            self.assertEqual(self.ask(BLUE, "www.moves.example", node=node), "10.0.0.7")
        self.assertEqual(self.code(GREEN, "www.moves.example"), "REFUSED")
        self.assertIn("already associated", self.refused("zone", "associate", zone, "vpc-blue"))
        self.first.quartet("zone", "disassociate", zone, "vpc-blue", "--wait")
        self.assertEqual(self.code(BLUE, "www.moves.example"), "REFUSED")
        self.assertIn("is the last VPC", self.refused("zone", "disassociate", zone, "vpc-none"))
        # the name stands for the only zone that has it
        self.first.quartet("zone", "delete", "moves.example", "--with-contents", "--wait")

    def test_authorizations(self):
        zone = self.create("shared.example", "vpc-owner", "10.0.0.9")
        self.assertEqual(self.first.json("zone", "authorizations", zone), [])
        names = [f"vpc-guest-{number:02}" for number in range(51)]  # more than a page
        for name in names:
            self.first.quartet("zone", "authorize", zone, name, "--vpc-region", "eu-west-1")
        self.assertEqual(self.first.json("zone", "authorizations", zone),
                         [{"id": name, "region": "eu-west-1"} for name in names])
        self.first.quartet("zone", "deauthorize", zone, names[0])
        self.assertNotIn(names[0], self.first.quartet("zone", "authorizations", zone))
        self.assertIn("is not authorized", self.refused("zone", "deauthorize", zone, names[0]))

    def test_networks_move_and_views_go(self):
        self.create("late.example", "vpc-late", "10.0.0.8")
        self.first.quartet("view", "set", "vpc-late", "127.99.0.0/16")
        self.sync()
        self.assertEqual(self.ask("127.99.0.1", "www.late.example"), "10.0.0.8")
        self.first.quartet("view", "set", "vpc-late", "127.98.0.0/16")
        self.sync()
        self.assertEqual(self.code("127.99.0.1", "www.late.example"), "REFUSED")
        self.assertEqual(self.ask("127.98.0.1", "www.late.example"), "10.0.0.8")
        self.assertIn("is in the view of VPC vpc-late",
                      self.refused("view", "set", "vpc-other", "127.98.0.0/16"))
        self.assertIn("disassociate or delete them first",
                      self.refused("view", "delete", "vpc-late"))
        self.first.quartet("zone", "delete", "late.example", "--with-contents")
        self.first.quartet("view", "delete", "vpc-late")

    def test_a_restarted_node_knows_who_sees_what(self):
        node = self.nodes[3]
        node.stop()
        node.start()
        wait_until(lambda: self.ask(BLUE, "www.corp.example", node=node) == "10.0.0.1", 20,
                   "the private zone on the node that was started again")
        self.assertEqual(self.ask(OUTSIDE, "www.corp.example", node=node), "192.0.2.1")


if __name__ == "__main__":
    tap.main()
