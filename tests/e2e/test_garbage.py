#!/usr/bin/python3
"""Random octets, frames that are too large, half-open connections and wrong certificates on every
port of a node: nothing crashes, memory stays bounded, the cluster stays healthy, and what can be
counted is counted. QUARTET_SEED repeats the octets."""
import os
import pathlib
import random
import socket
import ssl
import struct
import subprocess
import sys
import time
import unittest

import dns.message

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import DNS_PORT, PEER_PORT, Cluster  # noqa: E402

SEED = int(os.environ.get("QUARTET_SEED", str(int(time.time()))))
CLUSTER_PORTS = {"peer": PEER_PORT, "admin": PEER_PORT + 1, "snapshot": PEER_PORT + 2}
# NNG's greeting (SP, version 0, protocol): what each port's own kind of asker would send.
GREETINGS = {"peer": b"\0SP\0\0\x50\0\0", "admin": b"\0SP\0\0\x30\0\0",
             "snapshot": b"\0SP\0\0\x30\0\0"}
ROUNDS = 200
GROWTH_MAX_KIB = 64 << 10
HALF_OPEN = 150


def rss_kib(node):
    for line in pathlib.Path(f"/proc/{node.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


class TestGarbage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"# QUARTET_SEED={SEED}", flush=True)
        cls.cluster = Cluster(3)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.cluster.node(1).quartet("zone", "create", "garbage.example", "--wait")
        leader = cls.cluster.leader()
        cls.node = next(n for n in cls.cluster.nodes if n is not leader)

    def setUp(self):
        self.chance = random.Random(f"{SEED} {self.id()}")
        self.pids = [n.process.pid for n in self.cluster.nodes]
        self.rss = rss_kib(self.node)
        self.counters = self.node.status()["counters"]

    def tearDown(self):
        for node, pid in zip(self.cluster.nodes, self.pids):
            self.assertIsNone(node.process.poll(), f"{node.name} ended:\n{node.log()[-3000:]}")
            self.assertEqual(node.process.pid, pid)
        status = self.cluster.node(1).json("cluster", "status")
        self.assertEqual(status["health"], "healthy")
        self.node.quartet("record", "set", "garbage.example", "after", "TXT", self.id()[-40:],
                          "--wait")
        self.assertIn(self.id()[-40:], self.node.dig("after.garbage.example", "TXT"))
        grown = rss_kib(self.node) - self.rss
        after = self.node.status()["counters"]
        counted = {name: after[name] - value for name, value in self.counters.items()
                   if after[name] != value and ("refused" in name or name.startswith(
                       ("dns.", "tcp_", "udp_")))}
        print(f"# {self.id().split('.')[-1]}: grew by {grown} KiB; counted {counted}")
        self.assertLess(grown, GROWTH_MAX_KIB)

    def octets(self, most):
        return self.chance.randbytes(self.chance.randint(1, most))

    def connect(self, port, timeout_s=2.0):
        return socket.create_connection((self.node.address, port), timeout_s)

    @staticmethod
    def drain(client):
        """Read until the node closes, or says nothing for a moment."""
        try:
            client.settimeout(0.05)
            while client.recv(65536):
                pass
        except OSError:
            pass

    def test_udp_questions(self):
        good = dns.message.make_query("garbage.example", "SOA").to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((self.node.address, DNS_PORT))
            for _ in range(ROUNDS * 20):
                client.send(self.octets(600))
                spoiled = bytearray(good)
                for _ in range(self.chance.randint(1, 4)):
                    spoiled[self.chance.randrange(len(spoiled))] = self.chance.randrange(256)
                client.send(spoiled)
            client.send(b"")
            client.send(self.chance.randbytes(60000))
        counted = self.node.status()["counters"]
        self.assertGreater(counted["dns.rejected"] + counted["dns.dropped"],
                           self.counters["dns.rejected"] + self.counters["dns.dropped"])

    def test_tcp_questions(self):
        for _ in range(ROUNDS):
            with self.connect(DNS_PORT) as client:
                frame = self.octets(3000)
                head = struct.pack("!H", self.chance.choice([len(frame), 65535, 0, 1, 12]))
                try:
                    client.sendall(head + frame)
                    if self.chance.random() < .3:
                        self.drain(client)
                except OSError:
                    pass  # it may hang up on us

    def test_octets_on_the_cluster_ports(self):
        for _ in range(ROUNDS // 4):
            for port in CLUSTER_PORTS.values():
                with self.connect(port) as client:
                    try:
                        client.sendall(self.octets(5000))
                    except OSError:
                        pass

    def test_half_open_connections(self):
        clients = []
        for port in [DNS_PORT, *CLUSTER_PORTS.values()]:
            for _ in range(HALF_OPEN):
                client = self.connect(port)
                if port != DNS_PORT and self.chance.random() < .5:
                    client.sendall(b"\x16\x03\x01\x02\x00")  # the head of a TLS greeting, no more
                clients.append(client)
        time.sleep(1)
        self.assertIn("NOERROR", self.node.dig("garbage.example", "SOA"))
        self.assertIn("NOERROR", self.node.dig("+tcp", "garbage.example", "SOA"))
        done = self.node.run("--node", f"{self.node.address}:{CLUSTER_PORTS['admin']}",
                             "--admin-file", self.node.data / "admin.conf", "cluster", "status")
        self.assertEqual(done.returncode, 0, done.stderr)
        for client in clients:
            client.close()

    def own_certificate(self):
        """A certificate by an authority of our own, in the name of a member."""
        folder = self.cluster.folder

        def run(*words):
            subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

        name = f"{self.cluster.leader().status()['id']}.quartet"
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-subj", "/CN=strange")
        run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", folder / "own.key", "-out", folder / "own.csr", "-subj", f"/CN={name}")
        run("x509", "-req", "-in", folder / "own.csr", "-CA", folder / "ca.pem", "-CAkey",
            folder / "ca.key", "-CAcreateserial", "-out", folder / "own.pem")
        return folder / "own.pem", folder / "own.key"

    def tls(self, port, certificate=None):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(*certificate)
        return context.wrap_socket(self.connect(port), server_hostname="x.quartet")

    def is_let_in(self, port, greeting, certificate=None):
        """Does the node go on to NNG's greeting after TLS?"""
        try:
            with self.tls(port, certificate) as client:
                client.sendall(greeting)
                return client.recv(8)[1:3] == b"SP"
        except OSError:
            return False

    def test_tls_without_and_with_a_wrong_certificate(self):
        wrong = self.own_certificate()
        for what in ("peer", "snapshot"):
            for certificate in (None, wrong):
                for _ in range(10):
                    self.assertFalse(self.is_let_in(CLUSTER_PORTS[what], GREETINGS[what],
                                                    certificate), what)
        self.assertTrue(self.is_let_in(CLUSTER_PORTS["admin"], GREETINGS["admin"]),
                        "the admin port asks for no certificate")

    def test_frames_of_one_who_has_a_members_certificate(self):
        identity = self.cluster.leader().data / "identity"
        right = (identity / "cert.pem", identity / "key.pem")
        for what, port in CLUSTER_PORTS.items():
            for round_number in range(ROUNDS // 4):
                with self.tls(port, right) as client:
                    client.sendall(GREETINGS[what])
                    self.assertEqual(client.recv(8)[1:3], b"SP")
                    frame = self.octets(4000)
                    length = len(frame)
                    if what != "peer":
                        frame = struct.pack("!I", 0x80000001) + frame
                        length = len(frame)
                    if round_number % 5 == 4:  # a frame that would take all memory
                        length = self.chance.choice([1 << 33, (1 << 63) - 1, (1 << 64) - 1, 1 << 28])
                    try:
                        client.sendall(struct.pack("!Q", length) + frame)
                        client.settimeout(0.1)
                        client.recv(100)
                    except OSError:
                        pass
        self.assertGreater(self.node.status()["counters"]["peer.refused"],
                           self.counters["peer.refused"] + ROUNDS // 5)

    def test_requests_on_the_control_socket(self):
        for round_number in range(ROUNDS):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(2)
                client.connect(self.node.socket)
                body = self.octets(2000)
                length = self.chance.choice([len(body)] * 6 + [0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 5000])
                try:
                    if round_number % 4 == 0:
                        client.sendall(self.octets(4000))  # no frame at all
                    else:
                        client.sendall(struct.pack("!II", length, round_number) + body)
                    self.drain(client)
                except OSError:
                    pass


if __name__ == "__main__":
    tap.main()
