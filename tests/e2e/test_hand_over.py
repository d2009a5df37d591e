#!/usr/bin/python3
"""A node that is restarted, or dies, while it is asked: the service manager keeps its sockets, and
not one query stays without an answer."""
import os
import pathlib
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import BUILD, DNS_PORT, Cluster, wait_until  # noqa: E402
from manager import Manager  # noqa: E402

SOCKETS = 16  # source ports: the kernel spreads them over the workers' sockets
# A busy machine is away for longer. Root's sockets hold some 10,000 each; those of others 270, and the
# test is of no use there.
QUERIES_S = 1000
LATE_S = 20  # how long an answer is waited for


class Asker(threading.Thread):
    """Asks one name at an even rate from several ports, each query once, until stop()."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.asked, self.answered = {}, {}
        self.sockets = []
        for _ in range(SOCKETS):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            one.setblocking(False)
            one.connect((address, DNS_PORT))
            self.sockets.append(one)
        self.is_ending = threading.Event()

    @staticmethod
    def query(number):
        name = b"\x03www\x07example\x03com\x00"
        return struct.pack(">HHHHHH", number, 0, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1)

    def ask(self, count):
        key = (count % SOCKETS, count // SOCKETS % 65536)
        assert key not in self.asked, "more queries than ids"
        self.asked[key] = time.monotonic()
        self.sockets[key[0]].send(self.query(key[1]))

    def take(self, selector, wait_s):
        for ready, _ in selector.select(wait_s):
            while True:
                try:
                    reply = ready.fileobj.recv(2048)
                except BlockingIOError:
                    break
                rcode, answers = reply[3] & 15, struct.unpack(">H", reply[6:8])[0]
                if rcode == 0 and answers == 1:
                    number = struct.unpack(">H", reply[:2])[0]
                    self.answered[(ready.data, number)] = time.monotonic()

    def run(self):
        with selectors.DefaultSelector() as selector:
            for index, one in enumerate(self.sockets):
                selector.register(one, selectors.EVENT_READ, index)
            start, count = time.monotonic(), 0
            while not self.is_ending.is_set():
                while count < (time.monotonic() - start) * QUERIES_S:
                    self.ask(count)
                    count += 1
                self.take(selector, 0.002)
            end = time.monotonic() + LATE_S
            while len(self.answered) < len(self.asked) and time.monotonic() < end:
                self.take(selector, 0.05)

    def stop(self):
        """The figures: asked, unanswered, and the longest time without any answer, in seconds."""
        self.is_ending.set()
        self.join()
        for one in self.sockets:
            one.close()
        times = sorted(self.answered.values())
        away = max((b - a for a, b in zip(times, times[1:])), default=0)
        return len(self.asked), len(self.asked) - len(self.answered), away


class TestHandOver(unittest.TestCase):
    def start(self, manager, node):
        with open(node.log_path, "ab") as log:
            node.process = manager.start([BUILD / "quartetd", "--config",
                                          node.folder / "quartet.yaml"], log)
        manager.wait("READY=1")

    def make(self, cluster, manager, **config):
        node = cluster.node(1)
        node.write_config(dns_threads=2, rrl="{enabled: false}", **config)
        self.start(manager, node)
        manager.wait("STATUS=ns1: answers REFUSED; waits for")
        node.quartet("cluster", "init", "--domain", cluster.domain)
        node.quartet("zone", "create", "example.com", "--wait")
        node.quartet("record", "set", "example.com", "www", "A", "192.0.2.1", "--wait")
        return node

    def ask_over(self, node, deed):
        asker = Asker(node.address)
        asker.start()
        wait_until(lambda: len(asker.answered) > QUERIES_S // 4, 20, "queries are answered")
        deed()
        before = len(asker.answered)
        wait_until(lambda: len(asker.answered) > before + QUERIES_S // 4, 20, "and are again")
        return asker.stop()

    @unittest.skipIf(os.geteuid() != 0, "only root may give sockets large buffers")
    def test_a_restart_and_a_crash_leave_no_query_unanswered(self):
        with Cluster(1) as cluster, Manager(cluster.folder) as manager:
            node = self.make(cluster, manager)
            self.assertEqual([name for name, _ in manager.store], ["dns"] * 3)  # TCP, two of UDP

            def restart():
                self.assertEqual(node.stop(), 0)
                self.start(manager, node)

            def crash():
                node.kill()
                self.start(manager, node)

            for what, deed in (("restart", restart), ("kill -9", crash)):
                asked, unanswered, away_s = self.ask_over(node, deed)
                print(f"# {what}: {asked} queries, {unanswered} unanswered, away {away_s:.3f} s")
                self.assertEqual(unanswered, 0)
                self.assertIn("sockets_taken_over count=3 closed=0", node.log())
                self.assertEqual(len(manager.store), 3)

    def test_tcp_clients_wait_in_the_queue(self):
        with Cluster(1) as cluster, Manager(cluster.folder) as manager:
            node = self.make(cluster, manager)
            self.assertEqual(node.stop(), 0)
            with socket.create_connection((node.address, DNS_PORT), LATE_S) as client:
                query = Asker.query(7)
                client.sendall(struct.pack(">H", len(query)) + query)
                self.start(manager, node)
                reply = client.recv(512)
            self.assertEqual(reply[2:4], b"\x00\x07")
            self.assertEqual(reply[5] & 15, 0)

    def test_what_is_no_longer_wanted_is_let_go(self):
        with Cluster(1) as cluster, Manager(cluster.folder) as manager:
            node = self.make(cluster, manager)
            self.assertEqual(node.stop(), 0)
            # One worker less, another address, and something that is no socket of DNS.
            manager.keep("other", socket.socket().detach())
            manager.keep("dns", socket.socket().detach())
            node.write_config(dns_threads=1, dns_listen=f'["{node.address}:{DNS_PORT}", '
                                                        f'"{node.address}:{DNS_PORT + 1}"]')
            self.start(manager, node)
            wait_until(lambda: [name for name, _ in manager.store] == ["other"] + ["dns"] * 4, 20,
                       "the manager keeps what is listened on")
            self.assertIn("sockets_taken_over count=2 closed=2", node.log())
            asked, unanswered, _ = self.ask_over(node, lambda: None)
            self.assertEqual((asked > 0, unanswered), (True, 0))

    def test_the_manager_hears_how_the_node_is(self):
        with Cluster(1) as cluster, Manager(cluster.folder, watchdog_ms=400) as manager:
            node = self.make(cluster, manager)
            manager.wait("STATUS=ns1: answers DNS; leads quartet.test.")
            manager.wait("WATCHDOG=1")
            node.process.send_signal(signal.SIGHUP)
            manager.wait("RELOADING=1")
            node.process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            count = manager.told.count("WATCHDOG=1")
            time.sleep(1)
            self.assertEqual(manager.told.count("WATCHDOG=1"), count)
            node.process.send_signal(signal.SIGCONT)
            self.assertEqual(node.stop(), 0)
            manager.wait("STOPPING=1")


if __name__ == "__main__":
    tap.main()
