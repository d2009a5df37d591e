#!/usr/bin/python3
"""A node that stops. Told to, or for want of an address: whoever waits for it is told. Killed: it takes
nothing back of what it has served."""
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

import dns.message
import dns.query

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ADMIN_PORT, BUILD, DNS_PORT, PEER_PORT, Cluster, wait_until  # noqa: E402

KILLS = 4     # of a node whose state is written down many times a second
ASKERS = 20  # they ask again every 100 ms at most: one is between two questions at any moment


class TestStop(unittest.TestCase):
    def test_askers_that_wait_for_a_laggard_are_told(self):
        with Cluster(3) as cluster:
            cluster.form()
            node, laggard = cluster.node(1), cluster.node(3)
            node.quartet("zone", "create", "example.com", "--wait")
            laggard.process.send_signal(signal.SIGSTOP)
            change = node.json("record", "set", "example.com", "www", "A", "192.0.2.1")
            command = [BUILD / "quartet", "--node", node.socket, "change", "show",
                       change["change_id"], "--wait"]
            askers = []
            for _ in range(ASKERS):
                askers.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                                               stdout=subprocess.PIPE, stderr=subprocess.PIPE))
                time.sleep(0.01)
            time.sleep(0.3)
            self.assertEqual([asker.poll() for asker in askers], [None] * ASKERS)
            self.assertEqual(node.stop(), 0)
            for asker in askers:
                _, errors = asker.communicate(timeout=20)
                self.assertIn("the node is shutting down", errors)
                self.assertEqual(asker.returncode, 4)
            laggard.process.send_signal(signal.SIGCONT)

    def address_served(self, node):
        question = dns.message.make_query("www.example.com", "A")
        answer = dns.query.udp(question, node.address, port=DNS_PORT, timeout=5).answer
        return answer[0][0].address if answer else None

    def test_a_killed_node_serves_no_older_data_than_before(self):
        """Not even without the others, which would tell it what has come since."""
        with Cluster(3) as cluster:
            cluster.form()
            first, *others = cluster.nodes
            first.quartet("zone", "create", "example.com", "--wait")
            for value in range(KILLS):
                address = f"192.0.2.{value}"
                change = subprocess.Popen([BUILD / "quartet", "--node", first.socket, "record", "set",
                                           "example.com", "www", "A", address])
                wait_until(lambda: self.address_served(first) == address, 20,
                           f"{address} is served", step_s=0)
                for node in (first, *others):
                    node.kill()
                change.wait(20)
                first.start()
                self.assertEqual(self.address_served(first), address)
                for node in others:
                    node.start()
                cluster.leader()

    def refused_for_an_address(self, node, port, *words):
        """Run a command that makes node a member while something has its port."""
        with socket.create_server((node.address, port)):
            node.start()
            done = node.run(*words)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(f"cannot listen on {node.address}:{port}", done.stderr)
            self.assertEqual(node.process.wait(20), 70)
            node.process = None
            with self.assertRaisesRegex(AssertionError, "status 69"):
                node.start()
        node.start()

    def test_a_taken_address_is_told_and_the_node_goes_on_from_there(self):
        with Cluster(3) as cluster:
            first, second, third = cluster.nodes
            self.refused_for_an_address(first, PEER_PORT, "cluster", "init", "--domain",
                                        cluster.domain)
            wait_until(lambda: first.run("zone", "show", cluster.domain).returncode == 0, 20,
                       "the cluster is made after all")
            for node, port in ((second, PEER_PORT), (third, ADMIN_PORT)):
                token = first.quartet("token", "create", "--bare").strip()
                self.refused_for_an_address(node, port, "join", f"{first.address}:{ADMIN_PORT}",
                                            "--token", token)
            first.quartet("cluster", "wait", "--timeout", "60s")


if __name__ == "__main__":
    tap.main()
