#!/usr/bin/python3
"""A node that stops, told to or for want of an address: whoever waits for it is told."""
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ADMIN_PORT, BUILD, PEER_PORT, Cluster, wait_until  # noqa: E402

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
