#!/usr/bin/python3
"""Answers past the kernel's network stack: what goes that way and what does not, who may have the
interface, and what is left when the server is gone."""
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import netns  # noqa: E402
import tap  # noqa: E402
from cluster import BUILD, Cluster, wait_until  # noqa: E402
from serve import Server, zone_text  # noqa: E402
from veth import CLIENT4, INTERFACE, SERVER4, SERVER6, Pair  # noqa: E402

ZONE = ("--zone", "a.test=a.zone")
BOTH = ("--serve", f"{SERVER4}:53", "--serve", f"[{SERVER6}]:53", *ZONE)
XDP = (*BOTH, "--xdp", INTERFACE)
QUESTION = ("www.a.test", "A")
NOT_PRIVILEGED = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                  "--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service")


def why_not():
    """Why AF_XDP cannot be tested here; None when it can. That a server can use it is a test."""
    reason = netns.why_not()
    if reason:
        return reason
    try:
        socket.socket(44, socket.SOCK_RAW).close()  # AF_XDP
    except OSError as error:
        return f"no AF_XDP in this kernel: {error.strerror}"
    return None


class XdpTest(unittest.TestCase):
    """Two namespaces, a server in one."""
    queues = 1

    def setUp(self):
        reason = why_not()
        if reason:
            self.skipTest(reason)
        self.pair = self.enterContext(Pair(self.queues))
        self.server = self.serving(self.pair.server)

    def serving(self, prefix):
        server = self.enterContext(Server(prefix))
        server.write("a.zone", zone_text())
        server.folder.chmod(0o755)
        return server

    def start(self, *words):
        self.server.start(*(words or XDP))
        self.assertIn(f"answering xdp={INTERFACE}", self.server.log())

    def answers(self, server=SERVER4, *words):
        return self.pair.dig(server, *QUESTION, *words) == "192.0.2.1"

    def answers_by(self, *words):
        """How many datagrams sockets got while the server answered by UDP."""
        before = self.pair.udp_received()
        self.assertTrue(self.answers(*words), self.server.log())
        return self.pair.udp_received() - before


class TestWays(XdpTest):
    def test_udp_of_both_families_passes_by_the_sockets(self):
        self.start()
        self.assertTrue(self.pair.has_program())
        for address in (SERVER4, SERVER6):
            self.assertEqual(self.answers_by(address), 0)

    def test_tcp_is_the_kernels(self):
        self.start()
        for address in (SERVER4, SERVER6):
            self.assertTrue(self.answers(address, "+tcp"))

    def test_large_and_odd_questions(self):
        self.start()
        self.assertIn("status: NXDOMAIN", self.pair.dig(SERVER4, "none.a.test", "A", "+noshort",
                                                        "+comments"))
        self.assertTrue(self.answers(SERVER6, "+cookie", "+nsid", "+padding=468"))
        self.assertTrue(self.answers(SERVER4, "+noedns"))

    def test_other_ports_and_protocols_go_to_the_kernel(self):
        self.start()
        other = self.serving(self.pair.server)
        other.start("--serve", f"{SERVER4}:5353", "--serve", f"[{SERVER6}]:5353", *ZONE)
        for address in (SERVER4, SERVER6):
            self.assertEqual(self.answers_by(address, "-p", "5353"), 1)
        script = ("import socket, sys\n"
                  "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)\n"
                  "s.settimeout(5)\n"
                  f"s.connect(('{SERVER4}', 0))\n"
                  "s.send(bytes.fromhex('0800f7fd00010001'))\n"
                  "sys.exit(s.recv(100)[20])\n")
        done = subprocess.run([*self.pair.client, "/usr/bin/python3", "-c", script], check=False,
                              timeout=30)
        self.assertEqual(done.returncode, 0, "an echo request is answered")

    def test_addresses_of_others_are_not_answered(self):
        self.pair.at_server("address", "add", "10.78.0.9/32", "dev", INTERFACE)
        self.pair.at_client("route", "add", "10.99.0.0/24", "via", SERVER4)
        self.start()
        for address in ("10.78.0.9", "10.99.0.1"):
            self.assertFalse(self.answers(address))
        self.assertTrue(self.answers())

    def test_a_wildcard_is_the_addresses_that_the_machine_has(self):
        self.pair.at_client("route", "add", "10.99.0.0/24", "via", SERVER4)
        self.start("--serve", "0.0.0.0:53", "--serve", "[::]:53", *ZONE, "--xdp", INTERFACE)
        for address in (SERVER4, SERVER6):
            self.assertEqual(self.answers_by(address), 0)
        self.assertFalse(self.answers("10.99.0.1"), "it is routed to us, but not ours")
        self.assertFalse(self.broadcast_is_answered())
        self.pair.at_server("address", "add", "10.99.0.1/32", "dev", INTERFACE)
        self.assertEqual(self.answers_by("10.99.0.1"), 0)

    def test_an_address_that_could_not_be_read_is_read_later(self):
        self.pair.at_client("route", "add", "10.99.0.0/24", "via", SERVER4)
        self.start("--serve", "0.0.0.0:53", *ZONE, "--xdp", INTERFACE)
        wait_until(lambda: "tentative" not in self.pair.at_server("address", "show"), 10,
                   "no address changes by itself")
        pid = self.server.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))  # no file more
        self.pair.at_server("address", "add", "10.99.0.1/32", "dev", INTERFACE)
        self.assertFalse(self.answers("10.99.0.1"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual(self.answers_by("10.99.0.1"), 0)

    def broadcast_is_answered(self):
        script = ("import dns.message, socket, sys\n"
                  "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                  "s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)\n"
                  "s.settimeout(1)\n"
                  "query = dns.message.make_query('www.a.test', 'A').to_wire()\n"
                  "s.sendto(query, ('10.78.0.255', 53))\n"
                  "try:\n"
                  "    s.recv(1500)\n"
                  "except TimeoutError:\n"
                  "    sys.exit(3)\n")
        return subprocess.run([*self.pair.client, "/usr/bin/python3", "-c", script],
                              check=False, timeout=30).returncode != 3

    def test_loopback_goes_by_sockets_at_the_same_time(self):
        self.start("--serve", f"{SERVER4}:53", "--serve", "127.0.0.1:53", *ZONE, "--xdp",
                   INTERFACE)
        done = subprocess.run([*self.pair.server, "dig", "@127.0.0.1", "+short", "+tries=1",
                               *QUESTION], capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout.strip(), "192.0.2.1")
        self.assertEqual(self.answers_by(), 0)


FRAMES = """
import errno, socket, struct, sys, time
target = bytes.fromhex(sys.argv[1].replace(":", ""))
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("w0", 0))
query = bytes.fromhex("00070000000100000000000003777777016104746573740000010001")

def total(data):
    data += bytes(len(data) % 2)
    value = sum(struct.unpack(f">{len(data) // 2}H", data))
    return (value & 0xffff) + (value >> 16)

def ipv4(payload, options=b"", fragment=0, length=None, source="10.78.0.2"):
    words = 5 + len(options) // 4
    length = 4 * words + len(payload) if length is None else length
    header = struct.pack(">BBHHHBBH4s4s", 0x40 | words, 0, length, 1, fragment, 64, 17, 0,
                         socket.inet_aton(source), socket.inet_aton("10.78.0.1")) + options
    check = 0xffff - total(header) % 0xffff
    return b"\\x08\\0" + header[:10] + struct.pack(">H", check) + header[12:] + payload

def ipv6(payload, length=None, source="fd00:78::2"):
    length = len(payload) if length is None else length
    return b"\\x86\\xdd" + struct.pack(">IHBB", 6 << 28, length, 17, 64) + socket.inet_pton(
        socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, "fd00:78::1") + payload

def udp(length=None, source=4711, octets=query):
    return struct.pack(">HHHH", source, 53, 8 + len(octets) if length is None else length, 0) + octets

mine = raw.getsockname()[4]
"""
LIES = FRAMES + """
bodies = [udp(n) for n in (0, 1, 7, 8, 9, 19, 20, 35, 37, 40, 200, 4096, 60000, 65535)]
bodies += [udp()[:n] for n in range(0, 36, 3)]
bodies += [udp(octets=bytes([255]) * n) for n in (0, 1, 11, 12, 13, 600, 1400)]
bodies += [udp(source=0), udp(source=53)]
packets = [make(body) for make in (ipv4, ipv6) for body in bodies]
packets += [ipv4(udp(), length=n) for n in (0, 19, 20, 28, 30, 60, 65535)]
packets += [ipv6(udp(), length=n) for n in (0, 7, 8, 20, 65535)]
packets += [ipv4(udp(), options=bytes(40)), ipv4(udp(), fragment=0x2000), ipv4(udp(), fragment=3)]
packets += [b"\\x81\\0\\0\\x05" + ipv4(udp()), b"\\x81\\0", b"\\x08\\0", b"\\x86\\xdd\\x60"]
for packet in packets * 50:
    while True:
        try:
            raw.send(target + mine + packet)
            break
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # the server's queue is full just now
                raise
            time.sleep(0.001)
print(len(packets))
"""
SOURCES = FRAMES + """
seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
seen.bind(("w0", 3))

def is_answered(source):
    raw.send(target + mine + (ipv6 if ":" in source else ipv4)(udp(), source=source))
    seen.settimeout(0.2 if source not in ("10.78.0.2", "fd00:78::2") else 5)
    try:
        while True:
            frame = seen.recv(2000)
            if frame[:6] == mine and query[12:] in frame:
                return True
    except TimeoutError:
        return False

print(*(source for source in sys.argv[2:] if is_answered(source)))
"""


class TestMalformed(XdpTest):
    def send(self, script, *words):
        """What a script at the client prints that sends frames to the server."""
        shown = self.pair.at_server("link", "show", "dev", INTERFACE)
        target = shown.split("link/ether ")[1].split()[0]
        done = subprocess.run([*self.pair.client, "/usr/bin/python3", "-c", script, target, *words],
                              capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_sources_that_the_kernel_drops_are_not_answered(self):
        self.start()
        self.assertEqual(self.send(SOURCES, "10.78.0.2", "0.0.0.1", "127.0.0.1", "224.0.0.1",
                                   "255.255.255.255", "fd00:78::2", "::", "::1", "ff02::1",
                                   "::ffff:127.0.0.1").split(), ["10.78.0.2", "fd00:78::2"])

    def test_frames_that_lie_or_have_a_tag_do_no_harm(self):
        self.start()
        self.assertGreater(int(self.send(LIES)), 80)
        for address in (SERVER4, SERVER6):
            self.assertEqual(self.answers_by(address), 0)
        self.assertEqual(self.server.stop(), 0)


class TestQueues(XdpTest):
    queues = 2

    def test_all_queues_answer(self):
        self.start()
        before = self.pair.udp_received()
        for port in range(40000, 40016):  # veth chooses a queue by the flow
            self.assertTrue(self.answers(SERVER4, "-b", f"{CLIENT4}#{port}"))
        self.assertEqual(self.pair.udp_received() - before, 0)
        self.assertEqual(self.server.stop(), 0)


class TestEnds(XdpTest):
    """What is left of it: nothing, however the server ends."""

    def test_sigterm_takes_the_program_along(self):
        self.start()
        self.assertEqual(self.server.stop(), 0)
        self.assertFalse(self.pair.has_program())

    def test_a_killed_server_leaves_no_program_and_another_needs_no_xdp(self):
        self.start()
        self.server.kill()
        wait_until(lambda: not self.pair.has_program(), 5, "the program is gone")
        self.server.start(*BOTH)
        self.assertEqual(self.answers_by(), 1)

    def test_the_next_server_takes_over(self):
        for _ in range(8):
            self.start()
            self.assertEqual(self.answers_by(), 0)
            self.server.kill()
        self.start()
        self.assertEqual(self.answers_by(SERVER6), 0)

    def test_an_interface_that_goes_away_does_no_harm(self):
        self.start("--serve", f"{SERVER4}:53", "--serve", "127.0.0.1:53", *ZONE, "--xdp",
                   INTERFACE)
        self.pair.at_server("link", "delete", "dev", INTERFACE)
        done = subprocess.run([*self.pair.server, "dig", "@127.0.0.1", "+short", "+tries=1",
                               *QUESTION], capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout.strip(), "192.0.2.1")
        self.assertEqual(self.server.stop(), 0)


FIREWALL = """
import ctypes, socket, struct
bpf = ctypes.CDLL("libbpf.so.1")
words = struct.pack("<BBhi", 0xb7, 0, 0, 2) + struct.pack("<BBhi", 0x95, 0, 0, 0)  # return XDP_PASS
program = bpf.bpf_prog_load(6, b"firewall", b"GPL", words, ctypes.c_size_t(2), None)
assert program >= 0 and bpf.bpf_xdp_attach(socket.if_nametoindex("v0"), program, 0, None) == 0
"""


class TestFallback(XdpTest):
    """Sockets answer where AF_XDP cannot, and the log says why."""

    def falls_back(self, server, reason, *words):
        server.start(*words)
        self.assertIn(f'xdp_off reason="cannot use AF_XDP on {words[-1]}: {reason}', server.log())
        self.assertNotIn("libbpf", server.log())
        self.assertEqual(self.answers_by(), 1)
        self.assertEqual(server.stop(), 0)
        self.assertFalse(self.pair.has_program())

    def test_no_such_interface(self):
        for name in ("v1", "an-interface-with-a-long-name"):
            self.falls_back(self.server, "No such device", *BOTH, "--xdp", name)

    def test_no_privilege(self):
        poor = self.serving((*self.pair.server, *NOT_PRIVILEGED))
        self.falls_back(poor, "its program was not loaded (needs root", *XDP)

    def test_interface_that_another_server_has(self):
        self.start()
        second = self.serving(self.pair.server)
        second.start("--serve", "127.0.0.1:53", *ZONE, "--xdp", INTERFACE)
        self.assertIn("its program was not attached; maybe another one is", second.log())
        self.assertEqual(self.answers_by(), 0)
        self.assertEqual(second.stop(), 0, second.log())
        self.assertEqual(self.answers_by(), 0)

    def test_interface_that_has_another_kind_of_program(self):
        subprocess.run([*self.pair.server, "/usr/bin/python3", "-c", FIREWALL], check=True)
        self.server.start(*XDP)
        self.assertIn("its program was not attached; maybe another one is", self.server.log())
        self.assertEqual(self.answers_by(), 1)
        self.assertEqual(self.server.stop(), 0)
        self.assertIn("name firewall", self.pair.at_server("link", "show", "dev", INTERFACE))

    def test_addresses_of_several_ports(self):
        for first, second in ((53, 54), (0, 0)):  # 0: a free one each
            done = self.server.run_to_end("--serve", f"{SERVER4}:{first}", "--serve",
                                          f"127.0.0.1:{second}", *ZONE, "--xdp", INTERFACE)
            self.assertEqual(done.returncode, 69)
            self.assertIn("with AF_XDP all addresses must have one port", done.stderr)


class TestNode(XdpTest):
    """A node of a cluster by `dns_xdp`."""

    def test_node_answers_and_counts(self):
        with Cluster(1) as cluster:
            node = cluster.node(1)
            node.prefix = self.pair.server
            listen = f'["{SERVER4}:53", "[{SERVER6}]:53"]'
            node.write_config(dns_listen=listen, dns_xdp=f"[{INTERFACE}]")
            config = node.folder / "quartet.yaml"
            done = subprocess.run([BUILD / "quartetd", "--check", "--config", config],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            node.start()
            node.quartet("cluster", "init", "--domain", "quartet.test")
            node.quartet("zone", "import", "a.test", self.server.folder / "a.zone", "--create",
                         "--wait")
            self.assertIn(f"answering xdp={INTERFACE}", node.log())
            for address in (SERVER4, SERVER6):
                self.assertEqual(self.answers_by(address), 0)
            counters = node.status()["counters"]
            self.assertEqual((counters["xdp_queries"], counters["udp_queries"]), (2, 2))
            self.assertEqual(counters["dns.answered"], 2)
            self.assertEqual(node.stop(), 0)
            self.assertFalse(self.pair.has_program())

    def test_check_refuses_addresses_of_several_ports(self):
        with Cluster(1) as cluster:
            node = cluster.node(1)
            node.write_config(dns_listen=f'["{SERVER4}:53", "127.0.0.1:54"]',
                              dns_xdp=f"[{INTERFACE}]")
            done = subprocess.run([BUILD / "quartetd", "--check", "--config",
                                   node.folder / "quartet.yaml"], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn("dns_xdp: all of dns_listen must have one port", done.stderr)


if __name__ == "__main__":
    tap.main()
