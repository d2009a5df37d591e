#!/usr/bin/python3
"""TCP clients that connect by the thousand, say nothing, send slowly or never read: DNS by UDP loses
no answer meanwhile, a well-behaved TCP client is served, memory stays within its bound, and all is
as before afterwards."""
import errno
import pathlib
import random
import resource
import select
import socket
import struct
import sys
import threading
import time
import unittest

import dns.message

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import DNS_PORT, Cluster, wait_until  # noqa: E402
from prober import Prober  # noqa: E402

ZONE = "tcp.example"
IDLE_MS = 2000
CONNECTIONS_MAX = 4096     # the default
PER_PREFIX = 256           # the default for it
CONNECTIONS = 10000
FILES_SPARE = 200
# node/net/tcp.h: 32 MiB and half a KiB a connection; twice that, as malloc keeps some of its own.
GROWTH_MAX_KIB = 2 * (32 << 10) + CONNECTIONS_MAX // 2


def frame(name, kind):
    wire = dns.message.make_query(name, kind).to_wire()
    return struct.pack("!H", len(wire)) + wire


SMALL, BIG = frame(f"www.{ZONE}", "A"), frame(f"big.{ZONE}", "TXT")


def ask(client):
    """A question over TCP; true when the answer comes."""
    client.sendall(SMALL)
    reply = client.makefile("rb")
    head = reply.read(2)
    return len(head) == 2 and len(reply.read(struct.unpack("!H", head)[0])) > len(SMALL)


class Polite(threading.Thread):
    """A well-behaved client: connects, asks, closes, several times a second."""

    def __init__(self, target, source):
        super().__init__(daemon=True)
        self.target, self.source = target, source
        self.over = threading.Event()
        self.asked, self.failures = 0, []
        self.start()

    def run(self):
        while not self.over.wait(0.1):
            self.asked += 1
            try:
                with socket.create_connection(self.target, 10, (self.source, 0)) as client:
                    if not ask(client):
                        self.failures.append("closed without an answer")
            except OSError as error:
                self.failures.append(str(error))

    def stop(self):
        self.over.set()
        self.join()


class TestTcpAbuse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        cls.connections = min(CONNECTIONS, hard - FILES_SPARE)
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form({"tcp_idle_ms": IDLE_MS})
        cls.node = cls.cluster.node(1)
        cls.node.quartet("zone", "create", ZONE, "--wait")
        cls.node.quartet("record", "set", ZONE, "www", "A", "192.0.2.1", "--wait")
        values = [f'"{number:03d}{"x" * 100}"' for number in range(30)]
        cls.node.quartet("record", "set", ZONE, "big", "TXT", *values, "--wait")

    def setUp(self):
        self.clients = []
        self.network = random.randint(64, 250)
        self.before = self.counters()
        self.kib = self.most_kib = self.pss_kib()
        self.polite = Polite((self.node.address, DNS_PORT), "127.1.2.3")
        self.prober = Prober(f"www.{ZONE}", "A", [f"{self.node.address}:{DNS_PORT}"])

    def tearDown(self):
        self.look()
        self.polite.stop()
        seen = self.prober.stop()[self.node.address]
        for client in self.clients:
            client.close()
        wait_until(lambda: self.open_count() == 0, 20, "all connections are over")
        with socket.create_connection((self.node.address, DNS_PORT), 10) as client:
            self.assertTrue(ask(client) and ask(client))
        after = self.counters()
        counted = {name: after[name] - value for name, value in self.before.items()
                   if name.startswith("tcp_") and after[name] != value}
        print(f"# {self.id().split('.')[-1]}: {counted}; grew by {self.most_kib - self.kib} KiB, "
              f"then {self.pss_kib() - self.kib}; udp {seen['sent']}, slowest "
              f"{seen['slowest_s'] * 1000:.0f} ms; polite {self.polite.asked}")
        self.assertGreater(seen["sent"], 20)
        self.assertEqual(seen["unanswered"], [])
        self.assertGreater(self.polite.asked, 3)
        self.assertEqual(self.polite.failures, [])
        self.assertLess(self.most_kib - self.kib, GROWTH_MAX_KIB)

    def counters(self):
        return self.node.status()["counters"]

    def counted(self, *names):
        after = self.counters()
        return sum(after[f"tcp_{name}"] - self.before[f"tcp_{name}"] for name in names)

    def open_count(self):
        now = self.counters()
        return now["tcp_accepted"] - now["tcp_closed"]

    def pss_kib(self):
        for line in pathlib.Path(f"/proc/{self.node.process.pid}/smaps_rollup").open():
            if line.startswith("Pss:"):
                return int(line.split()[1])
        raise AssertionError("no Pss")

    def look(self):
        self.most_kib = max(self.most_kib, self.pss_kib())

    def connect(self, number, networks=200):
        """Begin a connection from one of so many networks of 127.0.0.0/8."""
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.clients.append(client)
        client.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        client.bind((f"127.{self.network}.{number % networks}.1", 0))
        code = client.connect_ex((self.node.address, DNS_PORT))
        self.assertIn(code, (0, errno.EINPROGRESS))
        return client

    def connect_many(self, count, networks=200):
        """In groups, each connected before the next: the queue of a listening socket is short."""
        made = []
        while len(made) < count:
            group = [self.connect(len(made) + i, networks) for i in range(min(100, count - len(made)))]
            waiting = select.poll()
            for client in group:
                waiting.register(client, select.POLLOUT)
            end = time.monotonic() + 10
            while group and time.monotonic() < end:
                ready = {fd for fd, _ in waiting.poll(1000)}
                for fd in ready:
                    waiting.unregister(fd)
                made += [client for client in group if client.fileno() in ready]
                group = [client for client in group if client.fileno() not in ready]
            self.assertEqual(group, [], "connections are not accepted")
        return made

    @staticmethod
    def is_ended(client):
        try:
            while True:
                if not client.recv(65536):
                    return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    def test_ten_thousand_silent_connections(self):
        self.connect_many(self.connections)
        self.look()
        wait_until(lambda: self.counted("accepted") >= self.connections, 20, "all were accepted")
        self.assertLessEqual(self.open_count(), CONNECTIONS_MAX)
        self.assertGreater(self.counted("evicted", "idle_closed"),
                           self.connections - CONNECTIONS_MAX - 1)
        self.assertEqual(self.counted("refused"), 0)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.look()
            time.sleep(0.1)

    def test_one_network_gets_its_share(self):
        made = self.connect_many(1000, networks=1)
        wait_until(lambda: self.counted("accepted", "refused") >= len(made), 20, "all were seen")
        self.assertGreaterEqual(self.counted("refused"), len(made) - 2 * PER_PREFIX)
        wait_until(lambda: sum(map(self.is_ended, made)) == len(made), 20, "all were closed")

    def test_slow_senders(self):
        made = self.connect_many(1000)
        end = time.monotonic() + 20
        while self.counted("slow_closed") < len(made):
            self.assertLess(time.monotonic(), end, "slow senders are let be")
            for client in made:
                try:
                    client.send(b"\x01")  # the first two announce a message of 257 octets
                except OSError:
                    pass
            self.look()
            time.sleep(0.2)

    def test_never_reading(self):
        made = self.connect_many(1000)
        questions = BIG * 1000
        for number, client in enumerate(made):
            try:
                client.send(questions)
            except OSError:
                pass
            if number % 100 == 0:
                self.look()
        wait_until(lambda: self.look() or self.counted("slow_closed", "memory_closed") >= len(made),
                   20, "who never reads is cut off")
        self.assertGreater(self.counted("paused"), 0)
        self.assertGreater(self.counted("memory_closed"), 0)
        self.assertLess(self.counted("broken"), len(made))


if __name__ == "__main__":
    tap.main()
