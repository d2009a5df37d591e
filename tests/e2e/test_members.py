#!/usr/bin/python3
"""Making a cluster, joining it, and changing its members, with the mistakes that people make."""
import base64
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ADMIN_PORT, Cluster, wait_until  # noqa: E402


def roles(node):
    return {m["name"]: m["role"] for m in node.json("member", "list")}


class TestMembers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(4)
        cls.other = Cluster(1, domain="other.test")
        for cluster in (cls.cluster, cls.other):
            cls.addClassCleanup(cluster.__exit__, None, None, None)
            cluster.form()

    def admin(self, number=1):
        return f"{self.cluster.address_of(number)}:{ADMIN_PORT}"

    def setUp(self):
        self.killed = []

    def kill(self, *nodes):
        self.killed += nodes
        for node in nodes:
            node.kill()

    def tearDown(self):
        """What a failed test leaves behind must not fail those after it."""
        for node in self.killed:
            if not node.process:
                node.start()
        if self.killed:
            self.cluster.leader(60).quartet("cluster", "wait", "--timeout", "60s")

    def promote_again(self, name):
        wait_until(lambda: self.cluster.leader(60).run("member", "promote", name).returncode == 0,
                   60, f"{name} votes again")

    def refused(self, node, *words):
        done = node.run(*words)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def test_1_four_nodes_are_three_voters_and_a_replica(self):
        self.assertEqual(sorted(roles(self.cluster.node(3)).values()),
                         ["replica", "voter", "voter", "voter"])
        status = self.cluster.node(2).json("cluster", "status")
        self.assertEqual((status["health"], status["quorum"], status["can_lose"]),
                         ("healthy", 2, 1))

    def test_2_wrong_tokens_are_refused_with_the_reason(self):
        good = self.cluster.node(1).quartet("token", "create", "--bare").strip()
        self.assertRegex(good, r"^QT1\.[A-Za-z0-9_-]+$")
        new = self.cluster.add_node()
        raw = bytearray(base64.urlsafe_b64decode(good[4:] + "=" * (-len(good[4:]) % 4)))
        wrong_secret = raw[:-1] + bytes([raw[-1] ^ 1])
        wrong_ca = raw[:16] + bytes([raw[16] ^ 1]) + raw[17:]
        for octets, word in ((wrong_secret, "token"), (wrong_ca, "another cluster")):
            text = "QT1." + base64.urlsafe_b64encode(bytes(octets)).decode().rstrip("=")
            self.assertRegex(self.refused(new, "join", self.admin(), "--token", text), f"(?i){word}")
        self.assertRegex(self.refused(new, "join", self.admin(), "--token", "QT1.nonsense"),
                         "(?i)malformed")
        other = self.other.node(1).quartet("token", "create", "--bare").strip()
        self.assertRegex(self.refused(new, "join", self.admin(), "--token", other),
                         "another cluster")
        short = self.cluster.node(1).quartet("token", "create", "--bare", "--ttl", "1s").strip()
        time.sleep(1.2)
        self.assertRegex(self.refused(new, "join", self.admin(), "--token", short), "(?i)expired")
        self.assertEqual(new.status()["phase"], "unjoined")

    def test_3_a_fifth_node_joins_by_one_command_and_again_is_a_no_op(self):
        new = self.cluster.node(5)
        line = self.cluster.node(4).quartet("token", "create").split()
        self.assertEqual(line[:4], ["quartet", "join", self.admin(4), "--token"])
        token = line[4]
        new.quartet(*line[1:])
        wait_until(lambda: "ns5" in roles(self.cluster.node(1)), 10, "ns5 is a member")
        self.assertIn("already", new.quartet("join", self.admin(), "--token", token))
        self.cluster.node(1).quartet("cluster", "wait", "--timeout", "30s")
        used = self.cluster.add_node()
        self.assertRegex(self.refused(used, "join", self.admin(), "--token", token),
                         "(?i)used|token")
        wait_until(lambda: new.dig("+short", "ns5.quartet.test").strip() == new.address, 10,
                   "the cluster's own zone has the address of ns5")

    def test_4_a_member_of_another_cluster_is_refused(self):
        token = self.cluster.node(1).quartet("token", "create", "--bare").strip()
        self.assertRegex(self.refused(self.other.node(1), "join", self.admin(), "--token", token),
                         "(?i)another cluster")
        self.assertRegex(self.refused(self.other.node(1), "cluster", "init", "--domain", "x.test"),
                         "(?i)member")

    def test_5_revoked_tokens_are_worthless(self):
        node = self.cluster.node(2)
        token = node.quartet("token", "create", "--bare").strip()
        raw = base64.urlsafe_b64decode(token[4:] + "=" * (-len(token[4:]) % 4))
        token_id = raw[48:56].hex()
        self.assertIn(token_id, [t["id"] for t in node.json("token", "list")])
        node.quartet("token", "revoke", token_id)
        self.assertNotIn(token_id, [t["id"] for t in node.json("token", "list")])
        self.assertNotEqual(self.cluster.node(6).run("join", self.admin(), "--token",
                                                     token).returncode, 0)

    def test_6_roles_change_one_at_a_time_and_quorum_is_told(self):
        leader = self.cluster.leader()
        wait_until(lambda: list(roles(leader).values()).count("voter") == 5, 20, "all five vote")
        leader.quartet("cluster", "settings", "--autopilot", "off")
        voter = next(n for n, r in roles(leader).items() if r == "voter" and n != leader.name)
        self.assertRegex(leader.quartet("member", "demote", voter), r"(?i)quorum")
        self.assertEqual(roles(leader)[voter], "replica")
        self.assertRegex(self.refused(leader, "member", "transfer", voter), "(?i)voter|replica")
        wait_until(lambda: leader.run("member", "promote", voter).returncode == 0, 10,
                   f"{voter} has caught up and is promoted")
        self.assertEqual(roles(leader)[voter], "voter")
        self.assertRegex(self.refused(leader, "member", "promote", "nobody"), "no member")

    def test_7_leadership_is_handed_over(self):
        leader = self.cluster.leader()
        voter = next(n for n, r in roles(leader).items() if r == "voter" and n != leader.name)
        wait_until(lambda: leader.run("member", "transfer", voter).returncode == 0, 30,
                   f"{voter} takes over")
        wait_until(lambda: self.cluster.leader().name == voter, 10, f"{voter} leads")

    def test_8_what_would_lose_the_quorum_is_refused(self):
        leader = self.cluster.leader()
        others = [self.cluster.node(int(n[2:])) for n, r in roles(leader).items()
                  if r == "voter" and n != leader.name]
        dead, alive = others[:2], others[2]
        self.kill(*dead)
        # At once, when the leader has heard the dead ones but a moment ago …
        self.assertRegex(self.refused(leader, "member", "remove", alive.name), "(?i)quorum")
        names = {node.name for node in dead}
        wait_until(lambda: names == {m["name"] for m in leader.json("member", "list")
                                     if not m["is_alive"]}, 15, "the dead ones are seen")
        # … and when it knows.
        for operation in ("remove", "demote"):
            words = self.refused(leader, "member", operation, alive.name)
            self.assertRegex(words, "(?i)quorum")
        self.assertEqual(leader.json("cluster", "status")["can_lose"], 0)

    def test_8b_a_leader_that_has_heard_nobody_yet_refuses_it_too(self):
        leader = self.cluster.leader()
        others = [self.cluster.node(int(n[2:])) for n, r in roles(leader).items()
                  if r == "voter" and n != leader.name]
        self.addCleanup(self.promote_again, others[0].name)
        self.kill(leader, others[0])
        new = self.cluster.leader()
        alive = next(node for node in others[1:] if node is not new)
        self.assertRegex(self.refused(alive, "member", "remove", alive.name), "(?i)quorum")
        self.assertRegex(self.refused(new, "member", "demote", new.name), "(?i)quorum")
        self.assertRegex(new.quartet("member", "demote", others[0].name), "replica")

    def test_8c_without_a_quorum_the_outcome_is_told_as_unknown(self):
        leader = self.cluster.leader()
        others = [self.cluster.node(int(n[2:])) for n, r in roles(leader).items()
                  if r == "voter" and n != leader.name]
        self.kill(*others[1:])
        done = leader.run("member", "remove", others[0].name)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertRegex(done.stderr, "(?i)no leader.*may still.*member list")

    def test_9_a_removed_node_says_so_and_still_answers(self):
        node = self.cluster.node(1)
        removed = self.cluster.node(5)
        if self.cluster.leader() is removed:
            removed.quartet("member", "transfer", "ns1")
        self.assertRegex(node.quartet("member", "remove", "ns5"), "(?i)quorum|remove")
        self.assertNotIn("ns5", roles(node))
        wait_until(lambda: removed.status()["phase"] == "removed", 20, "ns5 knows")
        self.assertIn("NOERROR", removed.dig("quartet.test", "SOA"))
        self.assertNotEqual(removed.run("zone", "create", "x.example").returncode, 0)

    def test_a_any_node_takes_commands_over_tls_with_the_admin_file(self):
        node = self.cluster.node(3)
        admin_file = self.cluster.node(2).data / "admin.conf"
        self.assertEqual(admin_file.stat().st_mode & 0o777, 0o600)
        words = ("--node", f"{node.address}:{ADMIN_PORT}", "--admin-file", admin_file)
        self.assertIn("healthy", node.run(*words, "cluster", "status").stdout)
        wrong = self.other.node(1).data / "admin.conf"
        done = node.run("--node", f"{node.address}:{ADMIN_PORT}", "--admin-file", wrong,
                        "cluster", "status")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        text = re.sub(r"(?m)^secret .*$", "secret " + "0" * 64, admin_file.read_text())
        forged = self.cluster.folder / "forged.conf"
        forged.write_text(text)
        done = node.run("--node", f"{node.address}:{ADMIN_PORT}", "--admin-file", forged,
                        "cluster", "status")
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    tap.main()
