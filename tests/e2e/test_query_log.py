#!/usr/bin/python3
"""Query logging and key-signing keys of a cluster of three: each node writes what it answered, in
Route 53's line format; and keys are what other tools take them for."""
import base64
import hashlib
import os
import pathlib
import re
import signal
import socket
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import DNS_PORT, Cluster, wait_until  # noqa: E402

LINE = re.compile(r"1\.0 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (Z[0-9A-Z]{20}) (\S+) (\S+) (\S+) "
                  r"(UDP|TCP) (ns\d) (\S+) (\S+)\n")
ZONE = """$TTL 60
@ SOA ns1 host 1 7200 900 1209600 86400
@ NS ns1
www A 192.0.2.1
*.w TXT "x"
"""
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/route53/a.test:*"
HERE = {}


def setUpModule():
    cluster = HERE["cluster"] = unittest.enterModuleContext(Cluster(3))
    cluster.form()
    node = cluster.node(1)
    for zone in ("a.test", "b.test", "sub.a.test"):
        path = cluster.folder / f"{zone}.zone"
        path.write_text(ZONE)
        node.quartet("zone", "import", zone, path, "--create", "--wait")


def lines_of(node, name="a.test.log"):
    """The fields of each line of a file, which must all be whole."""
    path = node.data / "query-log" / name
    if not path.exists():
        return []
    return [LINE.fullmatch(line).groups() for line in path.open()]


def raw_query(name, count):
    question = b"".join(bytes([len(label)]) + label for label in name.encode().split(b"."))
    return [struct.pack(">6H", i, 0, 1, 0, 0, 0) + question + b"\0\0\1\0\1" for i in range(count)]


class QueryLogTest(unittest.TestCase):
    def setUp(self):
        self.cluster = HERE["cluster"]
        self.node = self.cluster.node(1)

    def enable(self, zone, *words):
        config = self.node.json("query-log", "enable", zone, *words)
        self.addCleanup(self.node.run, "query-log", "disable", zone)
        return config

    def logged(self, node, question, name="a.test.log"):
        """Ask until the logging of the zone has reached the node; its lines from then on."""
        before = len(lines_of(node, name))
        wait_until(lambda: node.dig(*question) and len(lines_of(node, name)) > before, 10,
                   f"a line of {node.name}", step_s=0.2)
        self.settle(node, name)
        return len(lines_of(node, name))

    def settle(self, node, name="a.test.log"):
        """Until nothing more comes."""
        seen = []

        def is_quiet():
            seen.append(len(lines_of(node, name)))
            return len(seen) > 3 and seen[-1] == seen[-4]
        wait_until(is_quiet, 10, "the log to come to rest", step_s=0.2)

    def test_every_node_writes_its_own_lines(self):
        config = self.enable("a.test", GROUP)
        self.assertEqual(config["log_group_arn"], GROUP)
        for number in (1, 2, 3):
            node = self.cluster.node(number)
            start = self.logged(node, ("www.a.test", "A"))
            node.dig("WWW.a.test", "A", "+subnet=198.51.100.77/24")
            node.dig("missing.a.test", "AAAA", "+tcp")
            node.dig("x.w.a.test", "TXT", "+subnet=2001:db8:abcd::/48")
            node.dig("www.b.test", "A")  # is not logged
            node.dig("www.sub.a.test", "A")  # a zone of its own
            wait_until(lambda: len(lines_of(node)) >= start + 3, 5, "three lines")
            zone, client = config["zone_id"], "127.0.0.1"  # as the kernel chooses
            self.assertEqual([line[1:] for line in lines_of(node)[start:]], [
                ("www.a.test", "A", "NOERROR", "UDP", node.name, client, "198.51.100.0/24"),
                ("missing.a.test", "AAAA", "NXDOMAIN", "TCP", node.name, client, "-"),
                ("x.w.a.test", "TXT", "NOERROR", "UDP", node.name, client, "2001:db8:abcd::/48"),
            ])
            self.assertEqual({line[0] for line in lines_of(node)}, {zone})

    def test_one_configuration_a_zone(self):
        config = self.enable("a.test")
        self.assertTrue(config["log_group_arn"].endswith(":log-group:/aws/route53/a.test"))
        done = self.node.run("query-log", "enable", "a.test")
        self.assertEqual(done.returncode, 1)
        self.assertIn("already exists", done.stderr)
        for arn in ("arn:aws:logs:us-east-1:12345:log-group:x", "arn:aws:s3:::x",
                    "arn:aws:logs:us-east-1:123456789012:log-group:sp ace"):
            done = self.node.run("query-log", "enable", "b.test", arn)
            self.assertEqual(done.returncode, 1)
            self.assertIn("ARN for the CloudWatch Logs log group is invalid", done.stderr)
        self.assertEqual(self.node.json("query-log", "list"), [config])
        self.assertEqual(self.cluster.node(3).json("query-log", "list"), [config])

    def test_disabled_and_deleted_zones_write_no_more(self):
        path = self.cluster.folder / "a.test.zone"
        self.node.quartet("zone", "import", "c.test", path, "--create", "--wait")
        self.enable("c.test", "c")
        self.logged(self.node, ("www.c.test", "A"), "c.log")
        self.node.quartet("query-log", "disable", "c.test")
        self.node.dig("www.c.test", "A")
        self.settle(self.node, "c.log")
        count = len(lines_of(self.node, "c.log"))
        self.node.dig("www.c.test", "A")
        self.settle(self.node, "c.log")
        self.assertEqual(len(lines_of(self.node, "c.log")), count)
        self.enable("c.test", "c")
        self.node.quartet("zone", "delete", "c.test", "--with-contents")
        self.assertEqual(self.node.json("query-log", "list"), [])

    def test_logging_survives_imports_and_restarts(self):
        self.enable("b.test", "b")
        self.logged(self.node, ("www.b.test", "A"), "b.log")
        path = self.cluster.folder / "b.test.zone"
        self.node.quartet("zone", "import", "b.test", path, "--wait")
        self.logged(self.node, ("www.b.test", "A"), "b.log")
        self.assertEqual(self.node.stop(), 0)
        self.node.start()
        self.logged(self.node, ("www.b.test", "A"), "b.log")

    def test_sighup_opens_a_renamed_file_anew(self):
        self.enable("b.test", "rotated")
        self.logged(self.node, ("www.b.test", "A"), "rotated.log")
        folder = self.node.data / "query-log"
        (folder / "rotated.log").rename(folder / "older")
        os.kill(self.node.process.pid, signal.SIGHUP)
        wait_until(lambda: "signal number=1" in self.node.log(), 5, "the signal in the log")
        self.logged(self.node, ("www.b.test", "A"), "rotated.log")
        count = len(lines_of(self.node, "older"))
        self.logged(self.node, ("www.b.test", "A"), "rotated.log")
        self.assertEqual(len(lines_of(self.node, "older")), count)

    def test_every_query_is_a_line_or_counted(self):
        self.enable("b.test", "many")
        self.logged(self.node, ("www.b.test", "A"), "many.log")
        before = self.node.status()["counters"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            client.connect((self.node.address, DNS_PORT))
            for query in raw_query("www.b.test", 20000):
                client.send(query)
                client.recv(1500)
        self.settle(self.node, "many.log")
        after = self.node.status()["counters"]

        def grown(name):
            return after[name] - before[name]
        self.assertEqual(grown("query_log.lost"), 0)
        self.assertEqual(grown("query_log.written") + grown("query_log.dropped"), 20000)
        self.assertGreaterEqual(len(lines_of(self.node, "many.log")), grown("query_log.written"))

    def test_file_per_zone_and_bound(self):
        self.assertEqual(self.node.stop(), 0)
        self.node.write_config(query_log=f"{{folder: {self.cluster.folder}/own, per: zone, "
                                         "file_max: 1}")
        self.node.start()
        config = self.enable("b.test")
        path = self.cluster.folder / "own" / f"{config['zone_id']}.log"
        wait_until(lambda: self.node.dig("www.b.test", "A") and path.exists(), 10, "the file",
                   step_s=0.2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            client.connect((self.node.address, DNS_PORT))
            for query in raw_query("www.b.test", 14000):
                client.send(query)
                client.recv(1500)
        older = path.with_name(path.name + ".1")
        wait_until(older.exists, 10, "the file to be turned over")
        self.assertLessEqual(older.stat().st_size, 1 << 20)
        self.assertEqual(self.node.stop(), 0)
        self.node.write_config()
        self.node.start()


class KeyTest(unittest.TestCase):
    def setUp(self):
        self.cluster = HERE["cluster"]
        self.node = self.cluster.node(2)

    def test_ds_and_tag_are_those_of_the_dnskey(self):
        key = self.node.json("key", "create", "a.test", "first")
        self.addCleanup(self.node.run, "key", "delete", "a.test", "first")
        self.addCleanup(self.node.run, "key", "deactivate", "a.test", "first")
        flags, protocol, algorithm, public = key["dnskey"].split()
        self.assertEqual((flags, protocol, algorithm), ("257", "3", "13"))
        rdata = struct.pack(">HBB", 257, 3, 13) + base64.b64decode(public)
        self.assertEqual(len(rdata), 68)
        words = struct.unpack(">34H", rdata)
        total = sum(words)
        tag = (total + (total >> 16)) & 0xffff  # RFC 4034 appendix B
        digest = hashlib.sha256(b"\1a\4test\0" + rdata).hexdigest().upper()
        self.assertEqual(key["ds"], f"{tag} 13 2 {digest}")
        self.assertEqual(key["key_tag"], tag)
        self.assertEqual(self.cluster.node(3).json("key", "show", "a.test", "first"), key)

    def test_life_of_keys(self):
        self.node.json("key", "create", "b.test", "one")
        done = self.node.run("key", "create", "b.test", "one")
        self.assertIn("already created", done.stderr)
        self.node.json("key", "create", "b.test", "two")
        self.assertIn("at most 2", self.node.run("key", "create", "b.test", "three").stderr)
        self.assertIn("deactivate it first", self.node.run("key", "delete", "b.test", "one").stderr)
        self.assertEqual(self.node.json("key", "deactivate", "b.test", "one")["status"], "INACTIVE")
        self.node.quartet("key", "delete", "b.test", "one")
        self.assertEqual([key["name"] for key in self.node.json("key", "list", "b.test")], ["two"])
        self.assertEqual(self.node.json("key", "activate", "b.test", "two")["status"], "ACTIVE")
        for bad in ("ab", "a-b", "x" * 129):
            self.assertEqual(self.node.run("key", "create", "b.test", bad).returncode, 1)
        self.node.quartet("key", "deactivate", "b.test", "two")
        self.node.quartet("key", "delete", "b.test", "two")
        self.cluster.wait_equal()


if __name__ == "__main__":
    tap.main()
