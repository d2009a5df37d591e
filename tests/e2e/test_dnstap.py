#!/usr/bin/python3
"""dnstap: what a reader gets is what clients sent and received, octet by octet; and readers that are
away, stall, come and go cost nobody an answer."""
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import netns  # noqa: E402
import tap  # noqa: E402
from cluster import DNS_PORT, Cluster, wait_until  # noqa: E402
from dnstap_reader import AUTH_QUERY, AUTH_RESPONSE, TCP, UDP, Reader  # noqa: E402
from serve import Server, zone_text  # noqa: E402
from veth import CLIENT4, CLIENT6, INTERFACE, SERVER4, SERVER6, Pair  # noqa: E402

EDNS = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
LIMIT_S = 15


def question(name="www.a.test", kind=1, number=7, edns=False):
    labels = b"".join(bytes([len(label)]) + label for label in name.encode().split(b"."))
    return (struct.pack(">6H", number, 0, 1, 0, 0, edns) + labels + b"\0" +
            struct.pack(">2H", kind, 1) + EDNS * edns)


def take(stream, size):
    octets = b""
    while len(octets) < size:
        more = stream.recv(size - len(octets))
        assert more, "the server closed the connection"
        octets += more
    return octets


class Asked:
    """A query as it was sent, its reply as it came, and between which addresses."""

    def __init__(self, server, query, over=socket.SOCK_DGRAM, answered=True):
        self.query, self.reply, self.protocol = query, None, UDP
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        with socket.socket(family, over) as client:
            client.settimeout(LIMIT_S)
            self.before = time.time()
            client.connect(server)
            self.client, self.server = client.getsockname()[:2], server
            if over == socket.SOCK_STREAM:
                self.protocol = TCP
                client.sendall(struct.pack(">H", len(query)) + query)
                self.reply = take(client, struct.unpack(">H", take(client, 2))[0])
            else:
                client.send(query)
                if answered:
                    self.reply = client.recv(65535)
            self.after = time.time()


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


class DnstapTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server())
        self.server.write("a.zone", zone_text(extra="".join(
            f"long TXT \"{i:03}{'x' * 250}\"\n" for i in range(60))))
        self.path = self.server.folder / "dnstap.sock"

    def start(self, *words, addresses=("127.0.0.1:0",), connected=True):
        listen = [word for address in addresses for word in ("--serve", address)]
        self.server.start(*listen, "--zone", "a.test=a.zone", "--dnstap", self.path, *words)
        if connected:
            self.connected()
        return self.server.addresses()

    def connected(self, times=1):
        wait_until(lambda: self.server.log().count("dnstap connected") >= times, LIMIT_S,
                   "it connects to the reader")

    def reader(self):
        return self.enterContext(Reader(self.path))

    def came(self, reader, count):
        wait_until(lambda: len(reader.frames) >= count, LIMIT_S, f"{count} frames come")
        self.assertEqual(len(reader.frames), count)
        return reader.frames

    def same(self, asked, query, response):
        """Two frames are of this exchange, in every field."""
        self.assertEqual((query["type"], response["type"]), (AUTH_QUERY, AUTH_RESPONSE))
        for frame in (query, response):
            self.assertEqual(frame["family"], 2 if ":" in asked.server[0] else 1)
            self.assertEqual(frame["protocol"], asked.protocol)
            self.assertEqual(frame["query_address"], packed(asked.client[0]))
            self.assertEqual(frame["response_address"], packed(asked.server[0]))
            self.assertEqual(frame["query_port"], asked.client[1])
            self.assertEqual(frame["response_port"], asked.server[1])
            self.assertNotIn("identity", frame)
            self.assertRegex(frame["version"], rb"^quartetd \d")
        self.assertEqual(query["query"], asked.query)
        self.assertEqual(response["response"], asked.reply)
        self.assertEqual({"query", "response"} & {*query, *response}, {"query", "response"})
        self.assertNotIn("response", query)
        self.assertNotIn("query", response)
        came, went = (frame["query_sec"] + frame["query_nsec"] / 1e9 if frame is query else
                      frame["response_sec"] + frame["response_nsec"] / 1e9
                      for frame in (query, response))
        self.assertEqual(response["query_sec"], query["query_sec"])
        self.assertEqual(response["query_nsec"], query["query_nsec"])
        self.assertTrue(asked.before - 0.001 <= came <= went <= asked.after + 0.001)

    def test_udp_tcp_and_ipv6_octet_by_octet(self):
        reader = self.reader()
        four, six = self.start(addresses=("127.0.0.1:0", "[::1]:0"))
        exchanges = []
        for server in (four, six):
            exchanges += [Asked(server, question(number=1)),
                          Asked(server, question("none.a.test", number=2)),
                          Asked(server, question("www.b.test", number=3, edns=True)),
                          Asked(server, question("long.a.test", 16, 4)),  # truncated
                          Asked(server, question("long.a.test", 16, 5), socket.SOCK_STREAM),
                          Asked(server, b"\0\x07\x10" + b"\0" * 9)]  # NOTIMP or FORMERR
        frames = self.came(reader, 2 * len(exchanges))
        self.assertTrue(exchanges[3].reply[2] & 2 and not exchanges[4].reply[2] & 2)
        self.assertGreater(len(exchanges[4].reply), 15000)
        pairs = {}  # by the message's id as well: two clients may get one port, one after the other
        for frame in frames:
            number = frame.get("query", frame.get("response"))[:2]
            key = frame["query_port"], frame["protocol"], frame["query_address"], number
            pairs.setdefault(key, []).append(frame)
        for asked in exchanges:
            self.same(asked, *pairs[asked.client[1], asked.protocol, packed(asked.client[0]),
                                    asked.query[:2]])

    def test_wildcard_socket_tells_the_address_that_was_asked(self):
        reader = self.reader()
        four, six = self.start(addresses=("0.0.0.0:0", "[::]:0"))
        servers = [("127.7.0.9", four[1]), ("::1", six[1])]
        for server in servers:
            for over in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                del reader.frames[:]
                self.same(Asked(server, question(), over), *self.came(reader, 2))

    def test_pipelined_messages_of_one_connection(self):
        reader = self.reader()
        server, = self.start()
        queries = [question(number=number) for number in range(300)]
        with socket.create_connection(server, LIMIT_S) as client:
            client.sendall(b"".join(struct.pack(">H", len(q)) + q for q in queries))
            replies = [take(client, struct.unpack(">H", take(client, 2))[0]) for _ in queries]
        frames = self.came(reader, 600)
        self.assertEqual([frame["query"] for frame in frames[::2]], queries)
        self.assertEqual([frame["response"] for frame in frames[1::2]], replies)

    def test_long_udp_query_is_marked_as_cut(self):
        reader = self.reader()
        server, = self.start()
        query = question() + b"\0" * 1500
        Asked(server, query)
        frames = self.came(reader, 2)
        self.assertEqual(frames[0]["extra"], b"query cut")
        self.assertEqual(frames[0]["query"], query[:1280])
        self.assertNotIn("extra", frames[1])

    def test_what_is_no_query_is_not_told(self):
        reader = self.reader()
        server, = self.start()
        for octets in (b"", b"x" * 11, question()[:2] + b"\x80" + question()[3:]):
            Asked(server, octets, answered=False)
        asked = Asked(server, question())
        self.same(asked, *self.came(reader, 2))

    def test_reader_away_killed_and_back(self):
        server, = self.start(connected=False)
        wait_until(lambda: "dnstap no_reader" in self.server.log(), LIMIT_S, "it says so")
        self.assertTrue(Asked(server, question()).reply)
        first = self.reader()
        self.connected()
        self.same(Asked(server, question()), *self.came(first, 2))
        first.leave()
        wait_until(lambda: "dnstap disconnected" in self.server.log(), LIMIT_S, "it says so")
        for _ in range(100):
            self.assertTrue(Asked(server, question()).reply)
        second = self.reader()
        self.connected(2)
        self.same(Asked(server, question()), *self.came(second, 2))
        self.assertEqual(self.server.stop(), 0)
        wait_until(lambda: second.ends == 1, LIMIT_S, "the stream has its end")

    def test_reader_that_stalls_holds_up_neither_answers_nor_the_end(self):
        reader = self.reader()
        server, = self.start("--threads", "1")
        reader.is_reading.clear()
        query = question("long.a.test", 16)
        with socket.create_connection(server, LIMIT_S) as client:
            client.sendall((struct.pack(">H", len(query)) + query) * 1000)
            for _ in range(1000):  # 15 MB: more than the ring and the socket hold
                take(client, struct.unpack(">H", take(client, 2))[0])
        started = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - started, 10)

    def test_what_tools_of_others_read(self):
        saved = self.server.folder / "frames"
        capture = subprocess.Popen(["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", self.path,
                                    "-w", saved], stderr=subprocess.DEVNULL)
        self.addCleanup(capture.wait, LIMIT_S)
        self.addCleanup(capture.kill)
        wait_until(self.path.exists, LIMIT_S, "fstrm_capture listens")
        server, = self.start()
        Asked(server, question())
        Asked(server, question("none.a.test", 28), socket.SOCK_STREAM)
        self.assertEqual(self.server.stop(), 0)
        capture.send_signal(signal.SIGTERM)
        capture.wait(LIMIT_S)
        shown = subprocess.run(["dnstap-read", saved], check=True, capture_output=True, text=True,
                               timeout=LIMIT_S).stdout.splitlines()
        lines = [re.sub(r"^.*?:\d\d\.\d+ |:\d+(?= )|\d+b ", "", line) for line in shown]
        self.assertEqual(sorted(lines),  # those of different threads come in any order
                         ["AQ 127.0.0.1 -> 127.0.0.1 TCP none.a.test/IN/AAAA",
                          "AQ 127.0.0.1 -> 127.0.0.1 UDP www.a.test/IN/A",
                          "AR 127.0.0.1 <- 127.0.0.1 TCP none.a.test/IN/AAAA",
                          "AR 127.0.0.1 <- 127.0.0.1 UDP www.a.test/IN/A"])

    def test_path_that_no_socket_can_have(self):
        done = self.server.run_to_end("--serve", "127.0.0.1:0", "--zone", "a.test=a.zone",
                                      "--dnstap", "/" + "x" * 108)
        self.assertEqual(done.returncode, 64)
        self.assertIn("a socket's path has 1 to 107 octets", done.stderr)


class TestXdp(unittest.TestCase):
    def test_frames_past_the_sockets_are_told_as_well(self):
        reason = netns.why_not()
        if reason:
            self.skipTest(reason)
        pair = self.enterContext(Pair())
        server = self.enterContext(Server(pair.server))
        server.write("a.zone", zone_text())
        reader = self.enterContext(Reader(server.folder / "dnstap.sock"))
        server.start("--serve", f"{SERVER4}:53", "--serve", f"[{SERVER6}]:53", "--zone",
                     "a.test=a.zone", "--xdp", INTERFACE, "--dnstap", reader.path)
        if "xdp_off" in server.log():
            self.skipTest("no AF_XDP here")
        wait_until(lambda: "dnstap connected" in server.log(), LIMIT_S, "it connects")
        before = pair.udp_received()
        for server_address, client_address in ((SERVER4, CLIENT4), (SERVER6, CLIENT6)):
            del reader.frames[:]
            self.assertEqual(pair.dig(server_address, "www.a.test", "A"), "192.0.2.1")
            wait_until(lambda: len(reader.frames) == 2, LIMIT_S, "two frames")
            for frame in reader.frames:
                self.assertEqual(frame["query_address"], packed(client_address))
                self.assertEqual(frame["response_address"], packed(server_address))
                self.assertEqual(frame["response_port"], 53)
        self.assertEqual(pair.udp_received(), before)


class TestNode(unittest.TestCase):
    """What a node's configuration says, and its counters."""

    def shown(self, gateway):
        """Those that Prometheus is told."""
        with urllib.request.urlopen(f"http://{gateway.metrics_address}/metrics",
                                    timeout=LIMIT_S) as answer:
            return {name: int(value) for name, value in
                    re.findall(r"^quartet_dnstap_(\w+) (\d+)$", answer.read().decode(), re.MULTILINE)}

    def test_sample_of_responses_with_the_names_of_the_node(self):
        cluster = self.enterContext(Cluster(1))
        node = cluster.node(1)
        reader = self.enterContext(Reader(cluster.folder / "dnstap.sock"))
        cluster.form(config={"dnstap": f"{{socket: {reader.path}, messages: responses, sample: 5}}",
                             "dns_identity": "one.example", "dns_version": "none of yours"})
        for _ in range(50):
            self.assertEqual(Asked((node.address, DNS_PORT), question()).reply[3] & 15, 5)
        wait_until(lambda: len(reader.frames) >= 10, LIMIT_S, "ten frames come")
        counters = node.status()["counters"]
        self.assertEqual((counters["dnstap.connected"], counters["dnstap.dropped"],
                          counters["dnstap.lost"]), (1, 0, 0))
        self.assertEqual(counters["dnstap.written"], len(reader.frames))
        for frame in reader.frames:
            self.assertEqual((frame["type"], frame["identity"], frame["version"]),
                             (AUTH_RESPONSE, b"one.example", b"none of yours"))
            self.assertEqual(frame["query"][:2], frame["response"][:2])
        self.assertEqual(self.shown(cluster.gateway(1)),
                         {"connected": 1, "written_total": len(reader.frames), "dropped_total": 0,
                          "lost_total": 0})
        reader.leave()
        wait_until(lambda: node.status()["counters"]["dnstap.connected"] == 0, LIMIT_S, "it notices")
        for _ in range(5):
            Asked((node.address, DNS_PORT), question())
        self.assertGreaterEqual(node.status()["counters"]["dnstap.dropped"], 1)
        node.stop()


if __name__ == "__main__":
    tap.main()
