#!/usr/bin/python3
"""Aliases that lead outside the zones: resolved by the nodes, served, kept when nobody answers."""
import pathlib
import socket
import sys
import threading
import time
import unittest

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402


class Resolver(threading.Thread):
    """A recursive server on loopback that knows what it is told. A name without records of the type
    asked gets NXDOMAIN with the SOA of example."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(0.1)
        self.where = f"{address}:{self.socket.getsockname()[1]}"
        self.records = {}   # (name, type) to (TTL, values)
        self.rcode = None   # instead of any answer
        self.is_silent = False
        self.is_over = False
        self.asked = []
        self.start()

    def answer(self, query):
        reply = dns.message.make_response(query, recursion_available=True)
        name = query.question[0].name.to_text().lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append((name, kind))
        if self.rcode is not None:
            reply.set_rcode(self.rcode)
        elif (name, kind) in self.records:
            ttl, values = self.records[name, kind]
            reply.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, *values))
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.authority.append(dns.rrset.from_text(
                "example.", 2, "IN", "SOA", "ns.example. root.example. 1 2 3 4 2"))
        return reply

    def run(self):
        while not self.is_over:
            try:
                octets, client = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            if not self.is_silent:
                self.socket.sendto(self.answer(dns.message.from_wire(octets)).to_wire(), client)

    def stop(self):
        self.is_over = True
        self.join()
        self.socket.close()


class Alias(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.resolver = Resolver(cls.cluster.address_of(9))
        cls.cluster.form({"resolvers": f'["{cls.resolver.where}"]', "alias_ttl_floor": 1,
                          "alias_ttl_cap": 20})
        cls.node = cls.cluster.node(1)
        cls.node.quartet("zone", "create", "ours.example")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(*sys.exc_info())
        cls.resolver.stop()

    def setUp(self):
        self.resolver.rcode = None

    def answer(self, name, kind="A"):
        """Sorted values and the TTL."""
        lines = [line.split() for line in
                 self.node.dig(name, kind, "+noall", "+answer").splitlines()]
        return sorted(line[4] for line in lines), int(lines[0][1]) if lines else 0

    def target(self, name, kind="A"):
        return next((t for t in self.node.json("alias", "status")
                     if t["name"] == name and t["type"] == kind), None)

    def wait_answer(self, name, values, kind="A"):
        return wait_until(lambda: self.answer(name, kind)[0] == values, 10,
                          f"{name} {kind} is {values}")

    def test_outside_target_is_served_followed_and_let_go(self):
        self.resolver.records["www.outside.example.", "A"] = 3600, ["192.0.2.2", "192.0.2.1"]
        self.resolver.records["www.outside.example.", "AAAA"] = 7, ["2001:db8::1"]
        self.node.quartet("record", "set", "ours.example", "a", "A", "--alias",
                          "www.outside.example.")
        self.node.quartet("record", "set", "ours.example", "a", "AAAA", "--alias",
                          "www.outside.example.")
        self.wait_answer("a.ours.example", ["192.0.2.1", "192.0.2.2"])
        self.wait_answer("a.ours.example", ["2001:db8::1"], "AAAA")
        self.assertEqual(self.answer("a.ours.example")[1], 20)  # the cap
        self.assertEqual(self.answer("a.ours.example", "AAAA")[1], 7)
        seen = self.target("www.outside.example.")
        self.assertEqual((seen["state"], seen["addresses"], seen["ttl"], seen["used_by"]),
                         ("good", ["192.0.2.1", "192.0.2.2"], 20, 1))
        self.assertIn("www.outside.example.", self.node.quartet("alias", "status"))

        self.resolver.records["www.outside.example.", "AAAA"] = 2, ["2001:db8::2"]
        self.wait_answer("a.ours.example", ["2001:db8::2"], "AAAA")
        del self.resolver.records["www.outside.example.", "AAAA"]
        self.wait_answer("a.ours.example", [], "AAAA")
        self.assertEqual(self.target("www.outside.example.", "AAAA")["state"], "good")

        for kind in ("A", "AAAA"):
            self.node.quartet("record", "delete", "ours.example", "a", kind)
        wait_until(lambda: self.target("www.outside.example.") is None, 5, "it is let go")
        before = len(self.resolver.asked)
        time.sleep(2)
        self.assertNotIn("www.outside.example.", [name for name, _ in self.resolver.asked[before:]])

    def test_explain_and_doctor_tell_how_resolving_goes(self):
        def explained(name):
            return " ".join(self.node.quartet("explain", f"{name}.ours.example").split())
        self.resolver.records["known.outside.example.", "A"] = 60, ["192.0.2.3"]
        self.node.quartet("record", "set", "ours.example", "k", "A", "--alias",
                          "known.outside.example.")
        self.wait_answer("k.ours.example", ["192.0.2.3"])
        self.assertIn("not a name of ours, its resolving: good", explained("k"))
        self.assertIn("k.ours.example. 20 A 192.0.2.3", explained("k"))
        self.resolver.rcode = dns.rcode.SERVFAIL
        self.node.quartet("record", "set", "ours.example", "u", "A", "--alias",
                          "unknown.outside.example.")
        wait_until(lambda: (self.target("unknown.outside.example.") or {}).get("state") == "failed", 10,
                   "it has failed")
        self.assertIn("its resolving: failed: ", explained("u"))
        done = self.node.run("doctor")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("error    u.ours.example. A\n         its target unknown.outside.example. is "
                      "not a name of ours, and never was resolved", done.stdout)
        self.assertNotIn("known.outside.example. is not",
                         done.stdout.replace("unknown.outside.example.", ""))
        self.node.quartet("record", "delete", "ours.example", "u", "A")
        self.assertEqual(self.node.run("doctor").returncode, 0)

    def test_dead_resolver_leaves_the_answer_stale(self):
        self.resolver.records["stale.outside.example.", "A"] = 1, ["192.0.2.7"]
        self.node.quartet("record", "set", "ours.example", "s", "A", "--alias",
                          "stale.outside.example.")
        self.wait_answer("s.ours.example", ["192.0.2.7"])
        self.resolver.rcode = dns.rcode.SERVFAIL
        wait_until(lambda: self.target("stale.outside.example.")["state"] == "stale", 10,
                   "the answer is stale")
        self.assertEqual(self.answer("s.ours.example")[0], ["192.0.2.7"])
        self.assertTrue(self.target("stale.outside.example.")["problem"])
        self.resolver.records["stale.outside.example.", "A"] = 1, ["192.0.2.8"]
        self.resolver.rcode = None
        self.wait_answer("s.ours.example", ["192.0.2.8"])
        wait_until(lambda: self.target("stale.outside.example.")["state"] == "good", 5, "good")

    def test_resolver_that_never_answered_is_told(self):
        self.resolver.rcode = dns.rcode.REFUSED
        self.node.quartet("record", "set", "ours.example", "f", "A", "--alias",
                          "failed.outside.example.")
        wait_until(lambda: (self.target("failed.outside.example.") or {}).get("state") == "failed",
                   10, "it has failed")
        self.assertEqual(self.answer("f.ours.example")[0], [])

    def test_target_follows_zones_and_delegations(self):
        """In a zone of ours: ours. Below a delegation of it, or with the zone gone: outside."""
        self.resolver.records["in.second.example.", "A"] = 20, ["192.0.2.20"]
        self.node.quartet("record", "set", "ours.example", "z", "A", "--alias",
                          "in.second.example.")
        self.wait_answer("z.ours.example", ["192.0.2.20"])
        self.node.quartet("zone", "create", "second.example")
        self.node.quartet("record", "set", "second.example", "in", "A", "192.0.2.30")
        self.wait_answer("z.ours.example", ["192.0.2.30"])
        wait_until(lambda: self.target("in.second.example.") is None, 5, "not outside any more")
        self.node.quartet("record", "delete", "second.example", "in", "A")
        self.node.quartet("record", "set", "second.example", "in", "NS", "ns.other.example.")
        self.wait_answer("z.ours.example", ["192.0.2.20"])
        self.node.quartet("record", "delete", "second.example", "in", "NS")
        self.wait_answer("z.ours.example", [])
        self.node.quartet("zone", "delete", "second.example")
        self.wait_answer("z.ours.example", ["192.0.2.20"])

    def test_restart_resolves_anew(self):
        self.resolver.records["r.outside.example.", "A"] = 20, ["192.0.2.40"]
        self.node.quartet("record", "set", "ours.example", "r", "A", "--alias",
                          "r.outside.example.")
        self.wait_answer("r.ours.example", ["192.0.2.40"])
        self.resolver.records["r.outside.example.", "A"] = 20, ["192.0.2.41"]
        self.assertEqual(self.node.stop(), 0)
        self.node.start()
        self.wait_answer("r.ours.example", ["192.0.2.41"])


if __name__ == "__main__":
    tap.main()
