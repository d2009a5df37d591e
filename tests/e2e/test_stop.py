#!/usr/bin/python3
"""A node that is told to stop: whoever waits for it is told, and it ends by itself."""
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import BUILD, Cluster  # noqa: E402

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
                self.assertEqual(asker.returncode, 1)
            laggard.process.send_signal(signal.SIGCONT)


if __name__ == "__main__":
    tap.main()
