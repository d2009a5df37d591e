#!/usr/bin/python3
"""quartet-gateway under what the network sends: killed, flooded, kept waiting, without its node.
DNS answers throughout, the node's memory stays, and whoever asks properly is answered."""
import http.client
import os
import pathlib
import random
import resource
import signal
import socket
import struct
import sys
import threading
import time
import unittest
import xml.etree.ElementTree

import boto3
import botocore.config
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import GATEWAY_PORT, Cluster, wait_until  # noqa: E402

SEED = int(os.environ.get("QUARTET_SEED", str(int(time.time()))))
ZONE = "gateway.example"
CONNECTIONS = 10000
REQUEST_MS = 1500
IDLE_MS = 2500
GROWTH_MAX_KIB = 24 << 10
ERR_DENIED = -1011
SPACE = "{https://route53.amazonaws.com/doc/2013-04-01/}"


def rss_kib(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


class Questions(threading.Thread):
    """Asks a node's DNS without pause; every question must be answered."""

    def __init__(self, node):
        super().__init__()
        self.node = node
        self.is_over = threading.Event()
        self.asked = self.answered = 0

    def run(self):
        while not self.is_over.is_set():
            self.asked += 1
            self.answered += "NOERROR" in self.node.dig(ZONE, "SOA")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *args):
        self.is_over.set()
        self.join()


class TestGateway(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"# QUARTET_SEED={SEED}", flush=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (
            resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)
        cls.node.quartet("zone", "create", ZONE, "--wait")
        cls.key = cls.cluster.credential()
        cls.gateway = cls.cluster.gateway(
            1, "--request-ms", REQUEST_MS, "--idle-ms", IDLE_MS, "--connections", CONNECTIONS + 500,
            "--connections-per-address", CONNECTIONS + 500)

    def setUp(self):
        self.chance = random.Random(f"{SEED} {self.id()}")
        self.pid = self.node.process.pid
        self.rss = rss_kib(self.node.process)
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.close()
        self.assertIsNone(self.node.process.poll())
        self.assertEqual(self.gateway.ping(), 200)
        self.assertIn("SOA", self.node.dig(ZONE, "SOA"))
        if self.node.process.pid == self.pid:
            grown = rss_kib(self.node.process) - self.rss
            print(f"# node grew by {grown} KiB; gateway {rss_kib(self.gateway.process)} KiB")
            self.assertLess(grown, GROWTH_MAX_KIB)

    def api(self, **config):
        return boto3.client(
            "route53", endpoint_url=self.gateway.url, region_name="eu-west-1",
            aws_access_key_id=self.key[0], aws_secret_access_key=self.key[1],
            config=botocore.config.Config(retries={"total_max_attempts": 1}, **config))

    def zones(self):
        return [zone["Name"] for zone in self.api().list_hosted_zones()["HostedZones"]]

    def connect(self):
        client = socket.create_connection((self.node.address, GATEWAY_PORT), 5)
        self.clients.append(client)
        return client

    def seconds_until_closed(self, client, piece, limit_s):
        """Send a piece now and then; how long until the gateway has had enough?"""
        start = time.monotonic()
        client.settimeout(0.2)
        while time.monotonic() < start + limit_s:
            try:
                if piece:
                    client.sendall(piece)
                if not client.recv(4096):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        return time.monotonic() - start

    # --- what it says

    def test_it_says_what_it_is(self):
        connection = http.client.HTTPConnection(self.node.address, GATEWAY_PORT, timeout=5)
        for _ in range(3):  # over one connection
            connection.request("GET", "/")
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertIn(b"Route 53", answer.read())
        connection.request("GET", "/2013-04-01/nothing")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (404, "text/xml"))
        root = xml.etree.ElementTree.fromstring(answer.read())
        self.assertEqual(root.tag, SPACE + "ErrorResponse")
        self.assertEqual(root.find(SPACE + "RequestId").text, answer.headers["x-amzn-RequestId"])
        self.assertIsNotNone(answer.headers["Date"])
        connection.close()

    def test_an_unsigned_request_learns_nothing(self):
        connection = http.client.HTTPConnection(self.node.address, GATEWAY_PORT, timeout=5)
        for method, path in [("GET", "/2013-04-01/hostedzone"), ("POST", "/"),
                             ("DELETE", "/2013-04-01/hostedzone/Z1")]:
            connection.request(method, path)
            answer = connection.getresponse()
            text = answer.read()
            self.assertEqual(answer.status, 403, text)
            self.assertNotIn(ZONE.encode(), text)
        connection.close()

    def test_who_am_i(self):
        sts = boto3.client("sts", endpoint_url=self.gateway.url, region_name="us-east-1",
                           aws_access_key_id=self.key[0], aws_secret_access_key=self.key[1])
        who = sts.get_caller_identity()
        self.assertEqual(who["Account"], "000000000000")
        self.assertTrue(who["Arn"].startswith("arn:aws:iam::000000000000:user/"), who)

    # --- what it may not

    def test_its_socket_is_no_administrators(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            client.connect(str(self.node.data / "gateway.sock"))
            for field in (18, 21, 22, 25, 96):  # join, settings, token, member, credential
                request = b"\x08\x01" + bytes([(field << 3 | 2) & 0x7F | 0x80, field >> 4, 0])
                client.sendall(struct.pack("!II", len(request), field) + request)
                head = client.recv(8, socket.MSG_WAITALL)
                reply = client.recv(struct.unpack("!I", head[:4])[0], socket.MSG_WAITALL)
                denied = ERR_DENIED * -2 - 1  # zigzag
                self.assertEqual(reply[:5], bytes([8, 1, 0x10, denied & 0x7F | 0x80, denied >> 7]))
        self.assertEqual(os.stat(self.node.data / "gateway.sock").st_mode & 0o777, 0o600)

    # --- what may happen to it

    def test_killed_it_is_not_missed_by_dns_and_comes_back(self):
        with Questions(self.node) as questions:
            self.gateway.kill()
            with self.assertRaises(botocore.exceptions.EndpointConnectionError):
                self.zones()
            wait_until(lambda: questions.answered > 3, 10, "DNS answers without the gateway")
            self.gateway.start()
            self.assertIn(ZONE + ".", self.zones())
        self.assertEqual(questions.answered, questions.asked)

    def test_without_its_node_it_says_so_at_once(self):
        api = self.api()
        self.node.stop()
        start = time.monotonic()
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            api.list_hosted_zones()
        self.assertEqual(caught.exception.response["Error"]["Code"], "ServiceUnavailable")
        metadata = caught.exception.response["ResponseMetadata"]
        self.assertEqual(metadata["HTTPStatusCode"], 503)
        self.assertEqual(metadata["HTTPHeaders"]["retry-after"], "1")
        self.assertLess(time.monotonic() - start, 5)
        self.assertEqual(self.gateway.ping(), 503)
        self.node.start()
        wait_until(lambda: self.gateway.ping() == 200, 20, "the gateway has found its node")

        def is_listed():
            try:
                return ZONE + "." in self.zones()
            except botocore.exceptions.ClientError:
                return False  # no leader yet
        wait_until(is_listed, 20, "the zone is listed again")

    def test_told_to_stop_it_answers_what_it_has_begun(self):
        answers = []
        os.kill(self.node.process.pid, signal.SIGSTOP)
        try:
            asker = threading.Thread(target=lambda: answers.append(self.zones()))
            asker.start()
            wait_until(lambda: "accepted" in self.sockets(), 5, "the request has come in")
            time.sleep(0.5)
            stopper = threading.Thread(target=lambda: answers.append(self.gateway.stop()))
            stopper.start()
            time.sleep(0.5)
        finally:
            os.kill(self.node.process.pid, signal.SIGCONT)
        asker.join()
        stopper.join()
        self.assertEqual(len(answers), 2, answers)
        self.assertIn(0, answers)
        self.assertIn(ZONE + ".", next(a for a in answers if a != 0))
        self.gateway.start()

    def sockets(self):
        """"accepted" once a client is connected to the gateway."""
        port = f":{GATEWAY_PORT:04X} "
        rows = pathlib.Path(f"/proc/{self.gateway.process.pid}/net/tcp").read_text().splitlines()
        return ["accepted" for row in rows if port in row.split()[1] + " " and
                row.split()[3] == "01"]

    # --- what may come in

    def test_garbage_of_every_kind(self):
        lines = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
                 b"POST /2013-04-01/hostedzone HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n",
                 b"GET /2013-04-01/hostedzone/%00%zz%/rrset?%&=&&a HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\nx"]
        with Questions(self.node) as questions:
            for number in range(1500):
                client = socket.create_connection((self.node.address, GATEWAY_PORT), 5)
                spoiled = bytearray(self.chance.choice(lines))
                for _ in range(self.chance.randint(0, 4)):
                    spoiled[self.chance.randrange(len(spoiled))] = self.chance.randrange(256)
                octets = self.chance.randbytes(self.chance.randint(1, 3000))
                try:
                    client.sendall(octets if number % 3 == 0 else bytes(spoiled) + octets[:40])
                    if number % 10 == 0:
                        client.settimeout(0.05)
                        client.recv(4096)
                except OSError:
                    pass  # it may hang up
                client.close()
        self.assertEqual(questions.answered, questions.asked)

    def test_heads_and_bodies_have_a_limit(self):
        api = self.api()
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            api.change_tags_for_resource(ResourceType="hostedzone", ResourceId="Z1", AddTags=[
                {"Key": "k", "Value": "v" * 1200000}])
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 413)
        client = self.connect()
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 60000)
        self.assertLess(self.seconds_until_closed(client, b"", 5), 5)
        client = self.connect()
        client.sendall(b"GET /?" + b"a=b&" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertRegex(client.recv(100), b"^(HTTP/1.1 4.*)?")
        self.assertLess(self.seconds_until_closed(client, b"", 5), 5)

    def test_slow_clients_are_cut_off(self):
        margin_s = 3
        with Questions(self.node) as questions:
            client = self.connect()
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
            took = self.seconds_until_closed(client, b"y", 20)
            self.assertLess(took, REQUEST_MS / 1000 + margin_s, "a head without an end")
            self.assertGreater(took, REQUEST_MS / 1000 - 0.1)
            client = self.connect()
            client.sendall(b"POST /2013-04-01/hostedzone HTTP/1.1\r\nHost: x\r\n"
                           b"Content-Length: 100000\r\n\r\n")
            took = self.seconds_until_closed(client, b"<", 20)
            self.assertLess(took, REQUEST_MS / 1000 + margin_s, "a body without an end")
            client = self.connect()
            client.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b" 200 ", client.recv(1000))
            took = self.seconds_until_closed(client, b"", 20)
            self.assertLess(took, IDLE_MS / 1000 + margin_s, "a connection without a request")
            self.assertEqual(self.gateway.ping(), 200)
        self.assertEqual(questions.answered, questions.asked)

    def test_ten_thousand_connections(self):
        spare = 200
        count = min(CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - spare)
        with Questions(self.node) as questions:
            for number in range(count):
                client = self.connect()
                if number % 2:
                    client.sendall(b"GET /2013-04-01/hostedzone HTTP/1.1\r\nHost: x\r\n")
            self.assertEqual(self.gateway.ping(timeout_s=10), 200)
            self.assertIn(ZONE + ".", self.zones())
            held = rss_kib(self.gateway.process)
        print(f"# {count} connections: the gateway has {held} KiB")
        self.assertLess(held, 256 << 10)
        self.assertEqual(questions.answered, questions.asked)
        for client in self.clients:
            client.close()
        wait_until(lambda: len(self.sockets()) < 50, 10, "the gateway has let them go")
        wait_until(lambda: rss_kib(self.gateway.process) < 32 << 10, 10, "and their memory")

    def test_requests_leave_no_memory_behind(self):
        connection = http.client.HTTPConnection(self.node.address, GATEWAY_PORT, timeout=5)

        def ask(times):
            for _ in range(times):
                connection.request("POST", "/2013-04-01/hostedzone", b"x" * 2000)
                connection.getresponse().read()
            return rss_kib(self.gateway.process)
        before = ask(2000)
        self.assertLess(ask(10000) - before, 2048)
        connection.close()


if __name__ == "__main__":
    tap.main()
