#!/usr/bin/python3
"""Certificates: new ones while writes go on, another CA with a node away meanwhile, and what an old
admin.conf and an old token are told afterwards."""
import pathlib
import re
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ADMIN_PORT, Cluster, wait_until  # noqa: E402


class Writer:
    """Writes one record after the other at a node, and remembers those that were refused."""

    def __init__(self, node):
        self.node, self.made, self.failed = node, 0, []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        while not self.is_over.is_set():
            done = self.node.run("record", "set", "writes.test", f"w{self.made}", "A", "192.0.2.1")
            if done.returncode != 0:
                self.failed.append(done.stderr)
            self.made += 1
            self.is_over.wait(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


class TestCert(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(4)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.cluster.node(1).quartet("zone", "create", "writes.test")

    def certs(self, node=None):
        return (node or self.cluster.alive()[0]).json("cert", "status")

    def serials(self):
        return {m["name"]: m["serial"] for m in self.certs()["members"]}

    def told(self):
        return all(m["ca"] > 0 for m in self.certs()["members"])

    def are_good(self):
        return {m["condition"] for m in self.certs()["members"]} == {"good"}

    def admin(self, node, conf):
        return node.run("--node", f"{node.address}:{ADMIN_PORT}", "--admin-file", conf, "cluster",
                        "status")

    def test_1_status_shows_every_members_certificate(self):
        wait_until(self.told, 20, "every member has told of its certificate")
        status = self.certs(self.cluster.node(3))
        self.assertEqual((status["rotation"], [ca["generation"] for ca in status["cas"]]),
                         ("steady", [1]))
        self.assertEqual([m["name"] for m in status["members"]], ["ns1", "ns2", "ns3", "ns4"])
        self.assertEqual(len(set(self.serials().values())), 4)
        self.assertEqual({m["condition"] for m in status["members"]}, {"good"})
        text = self.cluster.node(2).quartet("cert", "status")
        self.assertRegex(text, r"CA 1 .*makes certificates")
        self.assertRegex(text, r"ns2\* +[0-9a-f]{32} +1 ")

    def test_2_refusals_say_what_to_do(self):
        node = self.cluster.node(1)
        for words, status, text in (((), 2, "name one member"), (("ns1", "--all"), 2, "name one"),
                                    (("--all", "--cancel"), 2, "--cancel goes with --ca"),
                                    (("ns9",), 1, "member list"),
                                    (("--ca", "--cancel"), 1, "no such rotation")):
            done = node.run("cert", "rotate", *words)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertRegex(done.stderr, text)

    def test_3_new_certificates_while_writes_go_on(self):
        before = self.serials()
        self.cluster.node(2).quartet("cert", "rotate", "ns3", "--wait", "--timeout", "60s")
        one = self.serials()
        self.assertEqual([n for n in before if before[n] != one[n]], ["ns3"])
        with Writer(self.cluster.node(1)) as writer:
            self.cluster.node(4).quartet("cert", "rotate", "--all", "--wait", "--timeout", "60s")
        self.assertEqual(writer.failed, [])
        after = self.serials()
        self.assertFalse(set(one.values()) & set(after.values()))
        self.cluster.wait_equal()

    def test_4_another_ca_with_a_node_away(self):
        node, away = self.cluster.node(1), self.cluster.node(4)
        old_conf = self.cluster.folder / "old.conf"
        old_conf.write_text((node.data / "admin.conf").read_text())
        old_token = node.quartet("token", "create", "--bare").strip()
        away.kill()
        with Writer(node) as writer:
            node.quartet("cert", "rotate", "--ca")
            self.assertRegex(node.run("cert", "rotate", "--ca").stderr, "under way")
            wait_until(lambda: [m["name"] for m in self.certs()["members"]
                                if m["is_waited_for"]] == ["ns4"], 30, "it waits for ns4 alone")
            self.assertEqual(self.certs()["rotation"], "trust")
            self.assertRegex(node.quartet("cert", "status"), "(?s)step 1 of 3.*waits for ns4")
            wait_until(lambda: self.admin(node, old_conf).returncode == 0, 20,
                       "the old admin.conf works as long as the old CA")
            away.start()
            wait_until(lambda: self.certs()["rotation"] == "steady", 60, "the new CA alone")
            wait_until(self.are_good, 30, "every node has forgotten the old CA")
        self.assertEqual(writer.failed, [])
        status = self.certs()
        self.assertEqual([ca["generation"] for ca in status["cas"]], [2])
        self.assertEqual({m["ca"] for m in status["members"]}, {2})
        for member in self.cluster.alive():
            text = (member.data / "identity" / "ca.pem").read_text()
            self.assertEqual(text.count("BEGIN CERTIFICATE"), 1)
        self.cluster.wait_equal()
        # The old file is refused with the way out; the new one works; the old token is void.
        done = wait_until(lambda: next((d for d in [self.admin(node, old_conf)]
                                        if "admin.conf" in d.stderr), None), 20,
                          "the old admin.conf is refused")
        self.assertEqual(done.returncode, 3)
        wait_until(lambda: self.admin(node, node.data / "admin.conf").returncode == 0, 20,
                   "the new admin.conf works")
        self.assertEqual(node.json("token", "list"), [])
        new = self.cluster.add_node()
        refusal = new.run("join", f"{node.address}:{ADMIN_PORT}", "--token", old_token)
        self.assertRegex(refusal.stderr, "(?s)rotated.*quartet token create")
        self.cluster.join(new, by=node)
        wait_until(lambda: all(m["ca"] == 2 for m in self.certs()["members"]) and
                   len(self.certs()["members"]) == 5, 30, "the joiner tells of the new CA")

    def test_5_a_node_restarted_after_it_all_is_a_member(self):
        node = self.cluster.node(2)
        self.assertEqual(node.stop(), 0)
        node.start()
        self.cluster.wait_equal()
        self.cluster.node(1).quartet("cluster", "wait", "--timeout", "60s")

    def test_6_a_rotation_is_given_up(self):
        node, away = self.cluster.node(1), self.cluster.node(5)
        away.kill()
        node.quartet("cert", "rotate", "--ca")
        node.quartet("cert", "rotate", "--ca", "--cancel")
        away.start()
        status = self.certs()
        self.assertEqual((status["rotation"], [ca["generation"] for ca in status["cas"]]),
                         ("steady", [2]))
        wait_until(self.are_good, 30, "nobody trusts what was given up")
        self.cluster.wait_equal()
        self.assertFalse(re.search("fatal", "".join(n.log() for n in self.cluster.nodes)))


if __name__ == "__main__":
    tap.main()
