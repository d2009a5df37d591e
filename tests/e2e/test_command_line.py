#!/usr/bin/python3
"""The quartet command by itself: wrong words, nodes that do not answer, exit statuses."""
import pathlib
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ADMIN_PORT, Cluster  # noqa: E402

REFUSED, USAGE, UNREACHABLE, UNKNOWN = 1, 2, 3, 4
CLOSED = -1015  # ERR_CLOSED


class FakeNode(threading.Thread):
    """A control socket that takes one request and answers with the code, or not at all (None)."""

    def __init__(self, path, code):
        super().__init__(daemon=True)
        self.path, self.code = str(path), code
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.start()

    def run(self):
        client, _ = self.listener.accept()
        header = client.recv(8, socket.MSG_WAITALL)
        client.recv(struct.unpack("!I", header[:4])[0], socket.MSG_WAITALL)
        if self.code is not None:
            coded = -2 * self.code - 1  # sint32, two groups of seven bits
            reply = bytes([0x08, 1, 0x10, coded & 127 | 128, coded >> 7])
            client.sendall(struct.pack("!I", len(reply)) + header[4:] + reply)
        client.close()
        self.listener.close()


class TestCommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.node = cls.cluster.node(1)
        cls.node.start()
        cls.unjoined = cls.node.quartet("node", "status")
        cls.node.quartet("cluster", "init", "--domain", cls.cluster.domain)

    def refused(self, *words, status):
        done = self.node.run(*words, timeout_s=30)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def at(self, node, *words, status):
        return self.refused("--node", node, "--admin-file", self.node.data / "admin.conf", *words,
                            status=status)

    def test_a_node_without_data_says_what_to_do(self):
        self.assertRegex(self.unjoined, r"quartet cluster init --domain NAME\n")
        self.assertIn("quartet join HOST:PORT --token TOKEN\n", self.unjoined)

    def test_times_that_cannot_be_are_wrong_arguments(self):
        for words in (["cluster", "settings", "--dead-after", "50d"],
                      ["cluster", "settings", "--dead-after", "0"],
                      ["--timeout", "60d", "zone", "list"], ["zone", "list", "--timeout", "0"],
                      ["record", "set", "a.example", "www", "A", "192.0.2.1", "--ttl", "-5"]):
            self.refused(*words, status=USAGE)
        text = self.refused("cluster", "settings", "--dead-after", "1s", status=REFUSED)
        self.assertIn("3s to 24h", text)
        self.assertIn("30 s", self.node.quartet("cluster", "settings"))

    def test_a_node_is_a_path_or_host_and_port(self):
        for node in ("elsewhere", self.node.address):
            self.assertIn("neither HOST:PORT", self.at(node, "zone", "list", status=USAGE))

    def test_a_silent_admin_port_is_given_up(self):
        address = self.cluster.address_of(9)
        with socket.create_server((address, ADMIN_PORT)):
            started = time.monotonic()
            text = self.at(f"{address}:{ADMIN_PORT}", "--timeout", "1s", "zone", "list",
                           status=UNREACHABLE)
            self.assertLess(time.monotonic() - started, 5)
            self.assertIn("Timed out", text)

    def test_of_a_node_that_goes_away_the_outcome_is_unknown(self):
        for number, code in enumerate((None, CLOSED)):
            path = self.cluster.folder / f"gone{number}.sock"
            node = FakeNode(path, code)
            self.refused("--node", path, "record", "set", "a.example", "www", "A", "192.0.2.1",
                         status=UNKNOWN)
            node.join(10)

    def test_a_set_of_thousands_is_shown_and_exported(self):
        count = 4300  # more than 4,096, and it fits a message
        path = self.cluster.folder / "many.zone"
        path.write_text("@ 300 SOA ns1 host 1 7200 900 1209600 60\n@ 300 NS ns1\n" + "".join(
            f"many 300 TYPE65280 \\# 2 {number:04x}\n" for number in range(count)))
        self.node.quartet("zone", "import", "many.example", path, "--create")
        shown = self.node.quartet("record", "list", "many.example", "many")
        self.assertEqual(len(shown.splitlines()), count)
        exported = self.node.quartet("zone", "export", "many.example")
        self.assertEqual(exported.count("TYPE65280"), count)


if __name__ == "__main__":
    tap.main()
