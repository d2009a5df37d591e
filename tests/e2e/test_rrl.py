#!/usr/bin/python3
"""Response rate limiting of a node, asked from another network namespace: what is limited, to how
much, and who is not."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import flood  # noqa: E402
import netns  # noqa: E402
import tap  # noqa: E402
from cluster import Cluster  # noqa: E402
from serve import Server, zone_text  # noqa: E402
from veth import CLIENT4, CLIENT6, INTERFACE, SERVER4, SERVER6, Pair  # noqa: E402

RATE = 20
COUNT = 400  # questions of one flood
NEIGHBOUR = "10.78.0.77"  # in the client's /24
STRANGER = "10.79.0.2"  # in another one
EXEMPT = "10.80.0.2"
SERVER_BESIDE = "10.78.0.55"  # the node does not listen there
NAMES = "".join(f"n{i} A 192.0.2.9\n" for i in range(COUNT))
ZONE = zone_text(extra=NAMES + "*.w A 192.0.2.8\nsub NS ns.elsewhere.test.\n")


HERE = {}  # what all tests share: pair, node


def setUpModule():
    reason = netns.why_not()
    if reason:
        raise unittest.SkipTest(reason)
    pair = HERE["pair"] = unittest.enterModuleContext(Pair())
    for address in (NEIGHBOUR, STRANGER, EXEMPT):
        pair.at_client("address", "add", f"{address}/32", "dev", "w0")
    pair.at_server("address", "add", f"{SERVER_BESIDE}/24", "dev", INTERFACE)
    for network in ("10.79.0.0/24", "10.80.0.0/24"):
        pair.at_server("route", "add", network, "dev", INTERFACE)
    cluster = unittest.enterModuleContext(Cluster(1))
    node = HERE["node"] = cluster.node(1)
    node.prefix = pair.server
    node.start()
    node.quartet("cluster", "init", "--domain", "quartet.test")
    zone = cluster.folder / "a.zone"
    zone.write_text(ZONE)
    node.quartet("zone", "import", "a.test", zone, "--create", "--wait")


class RrlTest(unittest.TestCase):
    """The node is started anew for each test, so that all buckets are empty and all counters 0."""
    rrl = f"{{rate: {RATE}, prefix_rate: 0, exempt: [10.80.0.0/24]}}"

    def setUp(self):
        self.pair, self.node = HERE["pair"], HERE["node"]
        self.assertEqual(self.node.stop(), 0)
        self.node.write_config(dns_listen=f'["{SERVER4}:53", "[{SERVER6}]:53"]', rrl=self.rrl)
        self.node.start()

    def flood(self, name, source=CLIENT4, count=COUNT, **options):
        address = SERVER6 if ":" in source else SERVER4
        return flood.run(self.pair.client, address, source, name, count, **options)

    def counters(self):
        return self.node.status()["counters"]

    @staticmethod
    def whole_max(seen, rate=RATE):
        """A burst of a second's worth, and the rate for as long as it took."""
        return rate * (1 + seen["seconds"] + 1) + 2

    def assert_limited(self, seen):
        """About RATE whole replies a second went out, half of the others truncated, half dropped."""
        self.assertTrue(RATE - 2 <= seen["whole"] <= self.whole_max(seen), seen)
        limited = COUNT - seen["whole"]
        self.assertAlmostEqual(seen["truncated"], limited / 2, delta=2, msg=seen)

    def assert_counted(self, *floods):
        counters = self.counters()
        replies = sum(seen["whole"] + seen["truncated"] for seen in floods)
        self.assertEqual(counters["rrl_slipped"], sum(seen["truncated"] for seen in floods))
        self.assertEqual(counters["rrl_dropped"], COUNT * len(floods) - replies)
        self.assertEqual(counters["udp_queries"], COUNT * len(floods))

    def assert_whole(self, seen):
        self.assertEqual((seen["whole"], seen["truncated"]), (COUNT, 0), seen)


class TestLimits(RrlTest):
    def test_one_name_is_limited_and_counted(self):
        seen = self.flood("www.a.test")
        self.assert_limited(seen)
        self.assert_counted(seen)
        text = self.node.quartet("node", "status")
        for name in ("rrl_dropped", "rrl_slipped"):
            self.assertRegex(text, rf"{name} +[1-9]")

    def test_case_of_letters_is_no_way_round(self):
        self.assert_limited(self.flood("wWw.A.tEsT"))
        seen = self.flood("WWW.a.TEST")
        self.assertLess(seen["whole"], self.whole_max(seen))

    def test_ipv6_network_is_limited(self):
        seen = self.flood("www.a.test", CLIENT6)
        self.assert_limited(seen)
        self.assert_counted(seen)

    def test_tcp_still_answers(self):
        self.flood("www.a.test")
        for address in (SERVER4, SERVER6):
            self.assertEqual(self.pair.dig(address, "www.a.test", "+tcp"), "192.0.2.1")
        self.assertEqual(self.pair.dig(SERVER4, "www.a.test", "+retry=20", "+tries=20", "+time=1"),
                         "192.0.2.1", "a truncated reply brings dig to TCP")

    def test_neighbours_share_strangers_do_not(self):
        first = self.flood("www.a.test")
        seen = self.flood("www.a.test", NEIGHBOUR)
        self.assertLess(seen["whole"], self.whole_max(seen))
        seen = self.flood("www.a.test", STRANGER)
        self.assert_limited(first)
        self.assert_limited(seen)

    def test_valid_cookie_is_not_limited(self):
        self.assert_whole(self.flood("www.a.test", has_cookie=True))
        counters = self.counters()
        self.assertEqual(counters["rrl_cookie"], COUNT)
        self.assertEqual((counters["rrl_dropped"], counters["rrl_slipped"]), (0, 0))

    def test_exempt_prefix_is_not_limited(self):
        self.assert_whole(self.flood("www.a.test", EXEMPT))
        self.assertEqual(self.counters()["rrl_exempt"], COUNT)

    def test_different_names_are_not_limited(self):
        self.assert_whole(self.flood("n{}.a.test"))

    def test_what_a_zone_does_not_hold_is_one(self):
        seen = self.flood("none{}.a.test")
        self.assert_limited(seen)
        self.assertEqual(seen["NXDOMAIN"], seen["whole"] + seen["truncated"])
        self.assert_counted(seen)

    def test_names_under_a_wildcard_are_one(self):
        self.assert_limited(self.flood("r{}.w.a.test"))

    def test_names_under_a_delegation_are_one(self):
        self.assert_limited(self.flood("r{}.sub.a.test"))

    def test_errors_are_one_and_slip_as_they_are(self):
        seen = self.flood("r{}.elsewhere.test")
        replies = seen["REFUSED"]
        self.assertEqual(seen["truncated"], 0)
        counters = self.counters()
        self.assertEqual(counters["rrl_dropped"], COUNT - replies)
        self.assertAlmostEqual(counters["rrl_slipped"], counters["rrl_dropped"], delta=2)


class TestPrefixRate(RrlTest):
    rrl = f"{{rate: 0, prefix_rate: {RATE}, exempt: [10.80.0.0/24]}}"

    def test_many_names_are_limited_together(self):
        seen = self.flood("n{}.a.test")
        self.assert_limited(seen)
        self.assert_counted(seen)


class TestSlip(RrlTest):
    rrl = f"{{rate: {RATE}, slip: 0, burst_ms: 500}}"

    def test_slip_0_truncates_nothing(self):
        seen = self.flood("www.a.test")
        self.assertEqual(seen["truncated"], 0)
        self.assertTrue(RATE / 2 - 2 <= seen["whole"] <= RATE * (2 + seen["seconds"]), seen)
        self.assertEqual(self.counters()["rrl_dropped"], COUNT - seen["whole"])


class TestLogOnly(RrlTest):
    rrl = f"{{rate: {RATE}, log_only: true}}"

    def test_all_is_sent_and_counted(self):
        self.assert_whole(self.flood("www.a.test"))
        counters = self.counters()
        self.assertGreater(counters["rrl_dropped"] + counters["rrl_slipped"], COUNT / 2)
        self.assertAlmostEqual(counters["rrl_dropped"], counters["rrl_slipped"], delta=2)


class TestOff(RrlTest):
    rrl = "{enabled: false}"

    def test_nothing_is_limited_nor_counted(self):
        self.assert_whole(self.flood("www.a.test"))
        counters = self.counters()
        self.assertEqual([counters[name] for name in counters if name.startswith("rrl_")],
                         [0, 0, 0, 0])


class TestDefault(RrlTest):
    rrl = "{}"

    def test_it_is_on(self):
        seen = self.flood("www.a.test", count=2000)
        self.assertLess(seen["whole"], self.whole_max(seen, 200))
        self.assertGreater(self.counters()["rrl_slipped"], 0)


class TestServe(unittest.TestCase):
    """Zone files alone: limited only when asked."""
    def flood(self, *words):
        pair = HERE["pair"]
        with Server(pair.server) as server:
            server.write("a.zone", zone_text())
            server.start("--serve", f"{SERVER_BESIDE}:53", "--zone", "a.test=a.zone", *words)
            return flood.run(pair.client, SERVER_BESIDE, CLIENT4, "www.a.test", 2000)

    def test_it_is_off_unless_asked_for(self):
        self.assertEqual(self.flood()["whole"], 2000)

    def test_rrl_limits_as_a_node_does(self):
        seen = self.flood("--rrl")
        self.assertLess(seen["whole"], RrlTest.whole_max(seen, 200))
        self.assertGreater(seen["truncated"], 0)


if __name__ == "__main__":
    tap.main()
