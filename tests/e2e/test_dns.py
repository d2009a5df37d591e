#!/usr/bin/python3
"""The example zone asked by dig, kdig and unbound: every node answers alike, and rightly."""
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import DNS_PORT, ROOT, Cluster, wait_until  # noqa: E402

# question, type: rcode, AA, answer as "name type data" in any order
EXPECTED = [
    ("example.com", "A", "NOERROR", True, ["example.com. A 192.0.2.10"]),
    ("EXAMPLE.com", "AAAA", "NOERROR", True, ["EXAMPLE.com. AAAA 2001:db8::10"]),
    ("www.example.com", "A", "NOERROR", True,
     ["www.example.com. CNAME example.com.", "example.com. A 192.0.2.10"]),
    ("www.example.com", "CNAME", "NOERROR", True, ["www.example.com. CNAME example.com."]),
    ("example.com", "MX", "NOERROR", True,
     ["example.com. MX 10 mail1.example.com.", "example.com. MX 20 mail2.example.com."]),
    ("api.example.com", "A", "NOERROR", True,
     [f"api.example.com. A 192.0.2.{n}" for n in (31, 32, 33)]),
    ("anything.apps.example.com", "A", "NOERROR", True,
     ["anything.apps.example.com. A 192.0.2.40"]),
    ("a.b.apps.example.com", "A", "NOERROR", True, ["a.b.apps.example.com. A 192.0.2.40"]),
    ("status.apps.example.com", "A", "NOERROR", True, []),
    ("apps.example.com", "A", "NOERROR", True, []),   # empty non-terminal
    ("_tcp.example.com", "SRV", "NOERROR", True, []),  # the same
    ("_sip._tcp.example.com", "SRV", "NOERROR", True,
     ["_sip._tcp.example.com. SRV 10 60 5060 sip.example.com."]),
    ("nothing.example.com", "A", "NXDOMAIN", True, []),
    ("host.dept.example.com", "A", "NOERROR", False, []),  # referral
    ("dept.example.com", "DS", "NOERROR", True, []),        # the parent knows
    ("10.2.0.192.in-addr.arpa", "PTR", "NOERROR", True,
     ["10.2.0.192.in-addr.arpa. PTR example.com."]),
    ("example.org", "A", "REFUSED", False, []),
    ("com", "NS", "REFUSED", False, []),
]


def lines_of(section):
    return sorted(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()}"
                  for rrset in section for rdata in rrset)


class TestDns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(4)
        cls.cluster.form()
        first = cls.cluster.node(1)
        for file in sorted((ROOT / "deploy/example").glob("*.zone")):
            first.quartet("zone", "import", file.stem, file, "--create", "--wait")
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)

    def ask(self, node, name, kind, over=dns.query.udp, **options):
        query = dns.message.make_query(name, kind, **options)
        return over(query, node.address, port=DNS_PORT, timeout=3)

    def test_every_node_answers_rightly_over_udp_and_tcp(self):
        for name, kind, rcode, authoritative, answer in EXPECTED:
            for node in self.cluster.nodes:
                for over in (dns.query.udp, dns.query.tcp):
                    with self.subTest(name=name, kind=kind, node=node.name, over=over.__name__):
                        reply = self.ask(node, name, kind, over)
                        self.assertEqual(dns.rcode.to_text(reply.rcode()), rcode)
                        self.assertEqual(bool(reply.flags & dns.flags.AA), authoritative)
                        self.assertEqual(lines_of(reply.answer), sorted(answer))
                        self.assertFalse(reply.flags & dns.flags.RA)

    def test_every_node_sends_the_same(self):
        """The same octets but for the order of records, which begin at a drawn one."""
        for name, kind, *_ in EXPECTED:
            query = dns.message.make_query(name, kind)
            query.id = 4711
            replies = set()
            for node in self.cluster.nodes:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.settimeout(3)
                    client.sendto(query.to_wire(), (node.address, DNS_PORT))
                    octets = client.recv(65535)
                reply = dns.message.from_wire(octets)
                sections = (reply.answer, reply.authority, reply.additional)
                records = tuple(tuple(sorted(text for rrset in section
                                             for text in rrset.to_text().splitlines()))
                                for section in sections)
                replies.add((octets[:12], len(octets), records))
            self.assertEqual(len(replies), 1, f"{name} {kind}")

    def test_negative_answers_carry_the_soa_with_its_minimum(self):
        for name in ("nothing.example.com", "apps.example.com"):
            reply = self.ask(self.cluster.node(2), name, "A")
            self.assertEqual(len(reply.authority), 1)
            self.assertEqual(reply.authority[0].rdtype, dns.rdatatype.SOA)
            self.assertEqual(reply.authority[0].ttl, 60)

    def test_a_referral_has_ns_and_glue(self):
        reply = self.ask(self.cluster.node(3), "host.dept.example.com", "A")
        self.assertEqual(lines_of(reply.authority),
                         ["dept.example.com. NS ns1.dept.example.com.",
                          "dept.example.com. NS ns2.dept.example.com."])
        self.assertEqual(lines_of(reply.additional),
                         ["ns1.dept.example.com. A 192.0.2.61",
                          "ns2.dept.example.com. AAAA 2001:db8::62"])

    def test_an_answer_over_the_size_is_cut_and_whole_over_tcp(self):
        first = self.cluster.node(1)
        values = [f'"{n:03d}{"x" * 100}"' for n in range(30)]
        first.quartet("record", "set", "example.com", "big", "TXT", *values, "--wait")
        for node in self.cluster.nodes:
            cut = self.ask(node, "big.example.com", "TXT", use_edns=0, payload=4096)
            self.assertTrue(cut.flags & dns.flags.TC)
            self.assertEqual(len(cut.answer), 0)
            whole = self.ask(node, "big.example.com", "TXT", dns.query.tcp)
            self.assertEqual(len(whole.answer[0]), 30)

    def test_pipelined_tcp_queries_are_all_answered(self):
        node = self.cluster.node(1)
        wires = []
        for number in range(50):
            query = dns.message.make_query(f"n{number}.apps.example.com", "A")
            query.id = number
            wire = query.to_wire()
            wires.append(struct.pack("!H", len(wire)) + wire)
        with socket.create_connection((node.address, DNS_PORT), 5) as client:
            client.sendall(b"".join(wires))
            stream = client.makefile("rb")
            seen = set()
            for _ in range(50):
                length = struct.unpack("!H", stream.read(2))[0]
                reply = dns.message.from_wire(stream.read(length))
                self.assertEqual(len(reply.answer), 1)
                seen.add(reply.id)
        self.assertEqual(seen, set(range(50)))

    def test_dig_and_kdig_accept_the_answers(self):
        node = self.cluster.node(4)
        for words in (["www.example.com"], ["+tcp", "api.example.com"],
                      ["+noedns", "example.com", "MX"], ["example.com", "ANY"],
                      ["+dnssec", "nothing.example.com"]):
            text = node.dig("+norecurse", *words)
            self.assertRegex(text, r"status: (NOERROR|NXDOMAIN)")
            self.assertNotRegex(text, r"(?i)warning|malformed|mismatch|extra bytes")
        done = subprocess.run(["kdig", f"@{node.address}", "-p", str(DNS_PORT), "+tcp", "+keepopen",
                               "www.example.com", "example.com", "MX"], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("WARNING", done.stdout + done.stderr)

    def test_unbound_resolves_through_all_nodes(self):
        addresses = "".join(f"    stub-addr: {node.address}@{DNS_PORT}\n"
                            for node in self.cluster.nodes)
        resolver, port = self.cluster.address_of(200), 5353
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "unbound.conf"
            config.write_text(f"""server:
    interface: {resolver}@{port}
    chroot: ""
    username: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    module-config: "iterator"
stub-zone:
    name: "example.com"
{addresses}""")
            unbound = subprocess.Popen(["unbound", "-d", "-c", config], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            try:
                def resolve(name):
                    query = dns.message.make_query(name, "A")
                    try:
                        return dns.query.udp(query, resolver, port=port, timeout=2)
                    except OSError:
                        return None
                    except dns.exception.DNSException:
                        return None
                reply = wait_until(lambda: resolve("www.example.com"), 20, "unbound answers")
                self.assertEqual(lines_of(reply.answer),
                                 ["example.com. A 192.0.2.10",
                                  "www.example.com. CNAME example.com."])
                self.assertEqual(resolve("no.such.example.com").rcode(), dns.rcode.NXDOMAIN)
                self.assertEqual(len(resolve("x.y.apps.example.com").answer), 1)
            finally:
                unbound.terminate()
                unbound.wait()

    def test_nodes_count_what_they_answer(self):
        node = self.cluster.node(2)
        before = node.status()["counters"]["dns.answered"]
        for _ in range(5):
            self.ask(node, "example.com", "A")
        self.assertGreaterEqual(node.status()["counters"]["dns.answered"], before + 5)


if __name__ == "__main__":
    tap.main()
