#!/usr/bin/python3
"""quartetd --serve: what it says about mistakes, which addresses it answers on and from, reading
files again, stopping."""
import contextlib
import pathlib
import random
import signal
import socket
import sys
import unittest

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import wait_until  # noqa: E402
from serve import Server, zone_text  # noqa: E402

LOOPBACK = "127.0.0.1:0"


def ask(address, name="www.a.test", kind="A", over=dns.query.udp):
    query = dns.message.make_query(name, kind)
    return over(query, address[0], port=address[1], timeout=5)


def data_of(reply):
    return sorted(rdata.to_text() for rrset in reply.answer for rdata in rrset)


class TestMistakes(unittest.TestCase):
    """Each is told with what and where, and has its exit status."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.write("a.zone", zone_text())

    def fails(self, status, *words, says=()):
        done = self.server.run_to_end(*words)
        self.assertEqual(done.returncode, status, done.stderr)
        for text in says:
            self.assertIn(text, done.stderr)
        return done.stderr

    def test_help_names_every_option_and_exit_status(self):
        done = self.server.run_to_end("--help")
        self.assertEqual(done.returncode, 0)
        for text in ("--serve=ADDR:PORT", "--zone=NAME=FILE", "--zone-list=FILE", "--xdp=IFACE",
                     "--threads=N", "--dnstap=SOCKET", "65 a zone file has errors", "66 a"):
            self.assertIn(text, done.stdout)

    def test_zone_without_name_or_file(self):
        for text in ("a.test", "=a.zone", "a.test=", "a..test=a.zone", "a" * 64 + "=a.zone"):
            self.fails(64, "--serve", LOOPBACK, "--zone", text,
                       says=[f"'{text}' is not NAME=FILE with a domain name"])

    def test_options_that_need_each_other(self):
        self.fails(64, "--zone", "a.test=a.zone", says=["go with --serve ADDR:PORT"])
        self.fails(64, "--threads", "2", says=["go with --serve ADDR:PORT"])
        self.fails(64, "--serve", LOOPBACK, says=["--serve needs a zone"])
        self.fails(64, "--serve", LOOPBACK, "--zone", "a.test=a.zone", "--check",
                   says=["goes without --config and --check"])
        self.fails(64, "--serve", LOOPBACK, "--zone", "a.test=a.zone", "--config", "x",
                   says=["goes without --config and --check"])

    def test_addresses_and_numbers(self):
        for text in ("here", "127.0.0.1:65536", "127.0.0.1:", "::1:53", "[::1", "localhost:53"):
            self.fails(64, "--serve", text, "--zone", "a.test=a.zone",
                       says=[f"'{text}' is not ADDR:PORT"])
        for text in ("0", "65", "-1", "2x", ""):
            self.fails(64, "--serve", LOOPBACK, "--zone", "a.test=a.zone", "--threads", text,
                       says=["is no number from 1 to 64"])
        many = [word for _ in range(17) for word in ("--serve", LOOPBACK)]
        self.fails(64, *many, "--zone", "a.test=a.zone", says=["over 16 of them"])

    def test_zone_named_twice(self):
        for second in ("a.test=a.zone", "A.Test.=other.zone"):
            self.fails(64, "--serve", LOOPBACK, "--zone", "a.test=a.zone", "--zone", second,
                       says=["zone a.test. has more than one file"])
        self.server.write("twice", "b.test a.zone\na.test a.zone\n")
        self.fails(64, "--serve", LOOPBACK, "--zone", "a.test=a.zone", "--zone-list", "twice",
                   says=["zone a.test. has more than one file"])

    def test_zone_file_that_is_missing(self):
        said = self.fails(65, "--serve", LOOPBACK, "--zone", "a.test=no.zone",
                          says=["no.zone: cannot read no.zone"])
        self.assertNotIn("SOA", said)

    def test_zone_file_without_soa_is_named(self):
        self.server.write("empty.zone", "")
        self.fails(65, "--serve", LOOPBACK, "--zone", "a.test=empty.zone",
                   says=["empty.zone: a.test. SOA: a zone needs its SOA record"])

    def test_zone_file_errors_have_file_and_line(self):
        self.server.write("bad.zone", zone_text("192.0.2.999", "x FOO y\n"))
        self.server.write("rules.zone", zone_text(extra="www CNAME ns\n"))
        self.fails(65, "--serve", LOOPBACK, "--zone", "a.test=bad.zone", "--zone",
                   "b.test=rules.zone", "--zone", "c.test=a.zone",
                   says=["bad.zone:5: ", "bad.zone:6: ", "rules.zone:5: www.b.test. CNAME", "failed=2"])

    def test_list_that_cannot_be_read(self):
        self.fails(66, "--serve", LOOPBACK, "--zone-list", "nowhere",
                   says=["--zone-list: nowhere: No such file or directory"])
        for line in ("b.test", "b.test ", "b..test a.zone", "\\999 a.zone"):
            self.server.write("list", f"# zones\n\na.test a.zone\n{line}\nc.test a.zone\n")
            self.fails(66, "--serve", LOOPBACK, "--zone-list", "list",
                       says=["list:4: not a domain name, blanks and a file"])
        self.server.write("list", "# nothing\n\n")
        self.fails(64, "--serve", LOOPBACK, "--zone-list", "list", says=["--serve needs a zone"])

    def test_address_that_is_taken_or_not_ours(self):
        with Server() as first:
            first.write("a.zone", zone_text())
            first.start("--serve", LOOPBACK, "--zone", "a.test=a.zone")
            host, port = first.addresses()[0]
            self.fails(69, "--serve", f"{host}:{port}", "--zone", "a.test=a.zone",
                       says=[f"cannot listen on {host}:{port} (TCP): Address already in use"])
            self.assertEqual(data_of(ask((host, port))), ["192.0.2.1"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            port = other.getsockname()[1]
            self.fails(69, "--serve", f"127.0.0.1:{port}", "--zone", "a.test=a.zone",
                       says=[f"cannot listen on 127.0.0.1:{port} (UDP): Address already in use"])
        self.fails(69, "--serve", "192.0.2.77:0", "--zone", "a.test=a.zone",
                   says=["cannot listen on 192.0.2.77:0", "Cannot assign requested address"])


def exchange(server, local, remote, family=socket.AF_INET):
    """One query from an unconnected socket; returns the address that the reply came from."""
    query = dns.message.make_query("www.a.test", "A").to_wire()
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.bind((local, 0))
        client.settimeout(5)
        client.sendto(query, remote)
        reply, source = client.recvfrom(65535)
    assert reply[:2] == query[:2], server.log()
    return source[:2]


def wildcard_port():
    """A port that is free for both protocols now, for tests that need the same one twice."""
    for _ in range(50):
        port = random.randint(20000, 30000)
        with contextlib.ExitStack() as stack:
            try:
                for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        probe = stack.enter_context(socket.socket(family, kind))
                        if family == socket.AF_INET6:
                            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                        probe.bind((host, port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


class TestAddresses(unittest.TestCase):
    def test_several_of_both_families_by_both_protocols(self):
        with Server() as server:
            server.write("a.zone", zone_text())
            server.start("--serve", "127.0.0.1:0", "--serve", "127.7.7.7:0", "--serve", "[::1]:0",
                         "--zone", "a.test=a.zone", "--threads", "2")
            addresses = server.addresses()
            self.assertEqual([host for host, _ in addresses], ["127.0.0.1", "127.7.7.7", "::1"])
            for address in addresses:
                for over in (dns.query.udp, dns.query.tcp):
                    self.assertEqual(data_of(ask(address, over=over)), ["192.0.2.1"])
            self.assertEqual(server.stop(), 0)

    def test_reply_comes_from_the_address_that_was_asked(self):
        port = wildcard_port()
        with Server() as server:
            server.write("a.zone", zone_text())
            server.start("--serve", f"0.0.0.0:{port}", "--serve", f"[::]:{port}", "--zone",
                         "a.test=a.zone")
            for host in ("127.0.0.1", "127.0.3.4", "127.200.1.9", "127.0.0.2"):
                for local in ("127.0.0.1", "127.0.9.9"):
                    self.assertEqual(exchange(server, local, (host, port)), (host, port))
                self.assertEqual(data_of(ask((host, port), over=dns.query.tcp)), ["192.0.2.1"])
            self.assertEqual(exchange(server, "::1", ("::1", port), socket.AF_INET6),
                             ("::1", port))
            self.assertEqual(server.stop(), 0)


class TestReload(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.__exit__)
        self.server.write("a.zone", zone_text())
        self.server.write("b.zone", zone_text("192.0.2.20"))
        self.server.start("--serve", LOOPBACK, "--zone", "a.test=a.zone", "--zone", "b.test=b.zone")
        self.address = self.server.addresses()[0]

    def served(self):
        return [data_of(ask(self.address, f"www.{zone}.test"))[0] for zone in "ab"]

    def test_changed_files_are_served(self):
        self.assertEqual(self.served(), ["192.0.2.1", "192.0.2.20"])
        self.server.write("a.zone", zone_text("192.0.2.2", "new A 192.0.2.3\n"))
        self.server.reload()
        self.assertEqual(self.served(), ["192.0.2.2", "192.0.2.20"])
        self.assertEqual(data_of(ask(self.address, "new.a.test")), ["192.0.2.3"])
        self.server.write("a.zone", zone_text("192.0.2.4"))
        self.server.reload()
        gone = ask(self.address, "new.a.test")
        self.assertEqual(gone.rcode(), dns.rcode.NXDOMAIN)
        self.assertEqual(self.server.stop(), 0)

    def test_broken_or_missing_file_leaves_its_zone_as_it_was(self):
        self.server.write("a.zone", zone_text("192.0.2.999"))
        self.server.write("b.zone", zone_text("192.0.2.21"))
        self.server.reload()
        self.assertIn("a.zone:5: ", self.server.log())
        self.assertIn("zones=1 record_sets=4 failed=1", self.server.log())
        self.assertEqual(self.served(), ["192.0.2.1", "192.0.2.21"])
        (self.server.folder / "a.zone").unlink()
        self.server.write("b.zone", zone_text("192.0.2.22"))
        self.server.reload()
        self.assertIn("a.zone: cannot read a.zone", self.server.log())
        self.assertEqual(self.served(), ["192.0.2.1", "192.0.2.22"])
        self.server.write("a.zone", zone_text("192.0.2.5"))
        self.server.reload()
        self.assertEqual(self.served(), ["192.0.2.5", "192.0.2.22"])
        self.assertEqual(self.server.stop(), 0)

    def test_queries_go_on_while_files_are_read_again(self):
        extra = "".join(f"n{i} A 192.0.2.3\n" for i in range(20000))
        for turn in range(3):
            self.server.write("a.zone", zone_text(f"192.0.2.{100 + turn}", extra))
            self.server.process.send_signal(signal.SIGHUP)
            for _ in range(200):
                self.assertEqual(len(data_of(ask(self.address))), 1)
        self.server.reload()
        wait_until(lambda: self.served() == ["192.0.2.102", "192.0.2.20"], 30,
                   "what was written last is served")

    def test_sigterm_and_sigint_end_it_with_0_and_free_the_port(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            self.assertEqual(self.server.stop(number), 0)
            self.assertIn(f"stopping signal={int(number)}", self.server.log())
            with self.assertRaises(OSError):
                socket.create_connection(self.address, timeout=5)
            self.server.start("--serve", f"{self.address[0]}:{self.address[1]}", "--zone",
                              "a.test=a.zone", "--zone", "b.test=b.zone")
            self.assertEqual(self.served(), ["192.0.2.1", "192.0.2.20"])


class TestLists(unittest.TestCase):
    def test_blanks_tabs_comments_and_two_lists(self):
        with Server() as server:
            server.write("with blank.zone", zone_text("192.0.2.7"))
            for zone in "ab":
                server.write(f"{zone}.zone", zone_text())
            server.write("list", "# first\n\n  a.test  a.zone\nB.TEST\tb.zone\r\n   \n"
                                 "c.test \t with blank.zone\n#d.test d.zone")
            server.write("more", "e.test. a.zone")  # no newline at its end
            server.start("--serve", LOOPBACK, "--zone-list", "list", "--zone-list", "more",
                         "--zone", "f.test=a.zone")
            address = server.addresses()[0]
            for zone, data in (("a", 1), ("b", 1), ("c", 7), ("e", 1), ("f", 1)):
                self.assertEqual(data_of(ask(address, f"www.{zone}.test")), [f"192.0.2.{data}"])
            self.assertEqual(ask(address, "www.d.test").rcode(), dns.rcode.REFUSED)

    def test_a_thousand_zones(self):
        with Server() as server:
            for i in range(1000):
                server.write(f"{i}.zone", zone_text(f"192.0.2.{i % 250}"))
            server.write("list", "".join(f"z{i}.test {i}.zone\n" for i in range(1000)))
            server.start("--serve", LOOPBACK, "--zone-list", "list")
            self.assertIn("zones=1000 record_sets=4000 failed=0", server.log())
            address = server.addresses()[0]
            for i in (0, 1, 499, 500, 998, 999):
                reply = ask(address, f"www.z{i}.test")
                self.assertEqual(data_of(reply), [f"192.0.2.{i % 250}"])
                self.assertTrue(reply.flags & dns.flags.AA)
            self.assertEqual(ask(address, "www.z1000.test").rcode(), dns.rcode.REFUSED)
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    tap.main()
