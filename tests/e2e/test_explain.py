#!/usr/bin/python3
"""quartet explain: what it tells is what DNS does, and why."""
import json
import os
import pathlib
import random
import subprocess
import sys
import unittest

import dns.edns
import dns.message
import dns.query

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import DNS_PORT, ROOT, Cluster  # noqa: E402

ZONE = "explain.example"
QUESTIONS = int(os.environ.get("QUARTET_QUESTIONS", "200"))
CLIENTS = ["192.0.2.0/24", "192.0.2.200/32", "198.51.100.0/24", "203.0.113.0/24", "203.0.113.77/32",
           "203.0.113.128/25", "10.9.0.0/16", "172.16.5.0/24", "2001:db8:55::/48",
           "2001:db8:0:7::/64", "2001:db9::/32", "0.0.0.0/0", None]
# The client asks not to be located, so there is nothing to choose by.
BY_CHANCE_WHEN_NOWHERE = ("fast", "near", "link", "sticky", "closed-rule", "last-good-rule")


def address_set(name, number, **routing):
    """A record set of Route 53's JSON with one address."""
    return {"Name": f"{name}.{ZONE}.", "Type": "A", "TTL": 60 + number,
            "ResourceRecords": [{"Value": f"192.0.2.{number}"}], **routing}


def alias_set(name, target, evaluates, **routing):
    return {"Name": f"{name}.{ZONE}.", "Type": "A", **routing, "AliasTarget": {
        "HostedZoneId": "Z1", "DNSName": f"{target}.{ZONE}.", "EvaluateTargetHealth": evaluates}}


class TestExplain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        subprocess.run(["perl", ROOT / "tests/lib/geo_databases.pl", cls.cluster.folder],
                       check=True)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)
        cls.seed = random.randrange(1 << 32)
        print(f"# seed {cls.seed}")
        cls.random = random.Random(cls.seed)
        cls.node.quartet("zone", "create", ZONE)
        cls.up, cls.down, cls.drained = (cls.check(f"--reason={mode} for a test", mode)
                                         for mode in ("up", "down", "drain"))
        cls.node.quartet("cidr", "create", "nets")
        cls.node.quartet("cidr", "change", "nets", "office", "198.51.100.0/24", "2001:db8::/32")
        cls.node.quartet("cidr", "change", "nets", "lab", "172.16.0.0/12")
        cls.fill()
        cls.fill_extensions()

    @classmethod
    def check(cls, reason, mode):
        one = cls.node.json("health", "create", "--type", "TCP", "--ip", "192.0.2.1", "--port", "1",
                            "--disabled")["id"]
        cls.node.quartet("health", "override", one, mode, reason)
        return one

    @classmethod
    def fill(cls):
        up, down = {"HealthCheckId": cls.up}, {"HealthCheckId": cls.down}
        nets = cls.node.json("cidr", "list")[0]["id"]
        sets = [
            address_set("plain", 1), address_set("*.wild", 2),
            address_set("simple", 3, **down),
            address_set("weight", 4, SetIdentifier="light", Weight=1, **up),
            address_set("weight", 5, SetIdentifier="heavy", Weight=200, **down),
            address_set("weight", 6, SetIdentifier="zero", Weight=0),
            address_set("fail", 7, SetIdentifier="first", Failover="PRIMARY", **down),
            address_set("fail", 8, SetIdentifier="second", Failover="SECONDARY", **up),
            address_set("alldown", 9, SetIdentifier="first", Failover="PRIMARY", **down),
            address_set("alldown", 10, SetIdentifier="second", Failover="SECONDARY", **down),
        ]
        for number, region in enumerate(["eu-west-3", "us-west-2", "ap-northeast-1"], 20):
            sets.append(address_set("fast", number, SetIdentifier=region, Region=region,
                                    **(down if region == "eu-west-3" else up)))
        for number, (name, place) in enumerate({
                "us-wa": {"CountryCode": "US", "SubdivisionCode": "WA"},
                "fr": {"CountryCode": "FR"}, "eu": {"ContinentCode": "EU"},
                "as": {"ContinentCode": "AS"}, "rest": {"CountryCode": "*"}}.items(), 30):
            sets.append(address_set("geo", number, SetIdentifier=name, GeoLocation=place,
                                    **(down if name in ("fr", "as") else {})))
        for number, (name, place) in enumerate({
                "paris": {"Coordinates": {"Latitude": "48.86", "Longitude": "2.35"}, "Bias": -50},
                "seattle": {"Coordinates": {"Latitude": "47.60", "Longitude": "-122.33"}},
                "tokyo": {"AWSRegion": "ap-northeast-1", "Bias": 20}}.items(), 40):
            sets.append(address_set("near", number, SetIdentifier=name, GeoProximityLocation=place))
        for number, location in enumerate(["office", "lab", "*"], 50):
            sets.append(address_set("block", number, SetIdentifier=f"at-{location}",
                                    CidrRoutingConfig={"CollectionId": nets,
                                                       "LocationName": location}))
        for number in range(60, 70):
            sets.append(address_set("many", number, SetIdentifier=f"m{number}",
                                    MultiValueAnswer=True, **(down if number == 64 else up)))
        sets += [
            alias_set("tree", "alldown", True, SetIdentifier="dead", Failover="PRIMARY"),
            alias_set("tree", "geo", True, SetIdentifier="live", Failover="SECONDARY"),
            alias_set("top", "tree", True, SetIdentifier="fr", GeoLocation={"CountryCode": "FR"}),
            alias_set("top", "block", False, SetIdentifier="rest",
                      GeoLocation={"CountryCode": "*"}),
            alias_set("to-plain", "plain", False),
            {"Name": f"link.{ZONE}.", "Type": "CNAME", "TTL": 5,
             "ResourceRecords": [{"Value": f"fast.{ZONE}."}]},
        ]
        path = cls.cluster.folder / "sets.json"
        path.write_text(json.dumps({"ResourceRecordSets": sets}))
        cls.node.quartet("record", "apply", ZONE, path, "--wait")

    @classmethod
    def set(cls, name, number, identifier, *words):
        cls.node.quartet("record", "set", ZONE, name, "A", f"192.0.2.{number}", "--set-identifier",
                         identifier, *words, "--wait")

    @classmethod
    def fill_extensions(cls):
        for rule in ("closed", "last-good", f"plain.{ZONE}."):
            name = rule.split(".", maxsplit=1)[0] + "-rule"
            for number, identifier in enumerate("ab", 80):
                cls.set(name, number, identifier, "--weight", 1, "--sticky", "--health-check", cls.down,
                        "--all-down", rule)
        for number in range(90, 95):
            cls.set("sticky", number, f"s{number}", "--weight", number, "--sticky")
        cls.set("forced", 100, "first", "--failover", "primary", "--health-check", cls.up)
        cls.set("forced", 101, "second", "--failover", "secondary")
        cls.node.quartet("health", "override", "--record", ZONE, "forced", "A", "down",
                         "--set-identifier", "first", "--reason", "moving house")
        cls.node.quartet("geo", "load", cls.cluster.folder / "nested.mmdb")

    # ---- asking both ways ----

    def explain(self, name, client=None, *words):
        if client:
            words += ("--client", client)
        return self.node.json("explain", f"{name}.{ZONE}", "A", *words)

    def text(self, name, client=None, *words):
        if client:
            words += ("--client", client)
        text = self.node.quartet("explain", f"{name}.{ZONE}", *words)
        self.assertLessEqual(max(map(len, text.splitlines())), 100, text)
        return text

    @staticmethod
    def step(explained, kind, **fields):
        """The steps of a kind whose fields are so."""
        return [one for one in explained["steps"] if one["kind"] == kind
                and fields.items() <= one["fields"].items()]

    def told(self, explained):
        """The answer as explained: code, scope, records."""
        answer = self.step(explained, "answer")[0]["fields"]
        return (answer["rcode"], answer.get("scope_bits"),
                sorted((f["name"], f["ttl"], f["type"], f["data"]) for f in
                       (one["fields"] for one in self.step(explained, "record", section="answer"))))

    def asked(self, name, client):
        """The same by DNS."""
        query = dns.message.make_query(f"{name}.{ZONE}", "A")
        options = []
        if client:
            address, bits = client.split("/")
            options = [dns.edns.ECSOption(address, int(bits))]
        query.use_edns(0, payload=1232, options=options)
        reply = dns.query.tcp(query, self.node.address, 2, DNS_PORT)
        scopes = [str(one.scopelen) for one in reply.options if one.otype == dns.edns.ECS]
        records = sorted((str(rrset.name), str(rrset.ttl), dns.rdatatype.to_text(rrset.rdtype),
                          str(rdata)) for rrset in reply.answer for rdata in rrset)
        return dns.rcode.to_text(reply.rcode()), scopes[0] if scopes else None, records

    def test_1_what_is_told_is_what_dns_answers(self):
        names = ["plain", "any.wild", "simple", "weight", "fail", "fast", "geo", "near",
                 "block", "tree", "top", "to-plain", "link", "closed-rule", "last-good-rule",
                 "plain-rule", "sticky", "forced", "none", "alldown"]
        for _ in range(QUESTIONS):
            name, client = self.random.choice(names), self.random.choice(CLIENTS)
            if client == "0.0.0.0/0" and name in BY_CHANCE_WHEN_NOWHERE:
                continue
            explained = self.explain(name, client)
            self.assertEqual(self.told(explained), self.asked(name, client), (name, client))
            taken = self.step(explained, "candidate", verdict="taken")
            if name in ("fast", "geo", "near", "block", "sticky", "fail", "forced"):
                self.assertEqual(len(taken), 1, explained)

    def test_2_a_draw_repeats_a_choice(self):
        cases = set()
        for _ in range(20):
            first = self.explain("many")
            again = self.explain("many", None, "--draw", first["draw"])
            for explained in (first, again):
                explained.pop("image_index")  # the cluster may have written something of its own between
            self.assertEqual(first, again)
            self.assertEqual(self.told(first)[0], "NOERROR")
            self.assertEqual(len(self.told(first)[2]), 8)
            self.assertNotIn("192.0.2.64", str(self.told(first)))
            cases.add(str(self.told(first)))
        self.assertGreater(len(cases), 5)

    def test_3_who_was_passed_over_and_why(self):
        text = self.text("fail", "198.51.100.7")
        for words in ("passed over, as its check is unhealthy: first, primary",
                      f"check {self.down[:8]} unhealthy, forced down by ", '"down for a test"',
                      "taken: second, secondary", "answer: NOERROR, 1 record",
                      "192.0.2.8"):
            self.assertIn(words, " ".join(text.split()))
        text = " ".join(self.text("forced").split())
        self.assertIn("passed over, as an override keeps it down: first, primary", text)
        self.assertIn('"moving house"', text)
        text = " ".join(self.text("tree", "192.0.2.1").split())
        self.assertIn("passed over, as nothing healthy is where it leads: dead, primary, alias to "
                      f"alldown.{ZONE}. (its health counts)", text)
        self.assertIn("passed over, as its check is unhealthy: fr, for country FR", text)
        self.assertIn("taken: eu, for continent EU", text)
        self.assertIn("other clients: us-wa, for US-WA", text)
        self.assertIn("not needed: rest, for everywhere else", text)

    def test_4_what_ranked_them(self):
        fields = {one["fields"]["set_identifier"]: one["fields"]
                  for one in self.step(self.explain("near", "192.0.2.1"), "candidate")}
        self.assertEqual(fields["seattle"]["verdict"], "not-needed")
        self.assertLess(float(fields["paris"]["km"]), 10)
        self.assertAlmostEqual(float(fields["paris"]["biased_km"]),
                               2 * float(fields["paris"]["km"]), delta=0.01)
        text = " ".join(self.text("fast", "198.51.100.1").split())
        self.assertIn("place: US-WA (Washington)", text)
        self.assertIn("nested.mmdb", text)
        self.assertIn("taken: us-west-2, region us-west-2:", text)
        self.assertIn("round-trip times: none are known", text)
        text = self.text("block", "172.16.9.9")
        self.assertIn("block: of location lab in collection nets", text)
        self.assertIn("taken: at-lab, for CIDR location lab", text)
        self.assertIn("block: in none of collection nets", self.text("block", "10.0.0.1"))
        self.assertRegex(self.text("weight"), "weight 200 of 201")

    def test_5_when_all_are_down(self):
        self.assertIn("so all count as healthy", self.text("alldown"))
        self.assertIn("taken, as if it were healthy: first", self.text("alldown"))
        self.assertIn("the group is closed then", self.text("closed-rule"))
        self.assertIn("the one that went down last", self.text("last-good-rule"))
        text = self.text("plain-rule")
        self.assertIn(f"fallback: what plain.{ZONE}. has", text)
        self.assertIn("192.0.2.1", text)

    def test_6_assumptions(self):
        explained = self.explain("fail", None, "--assume", f"{self.down}=up")
        self.assertEqual(self.told(explained)[2][0][3], "192.0.2.7")
        explained = self.explain("fail", None, "--assume", f"{self.down}=up", "--assume",
                                 f"{self.down[:12]}=down", "--assume", f"{self.up}=down")
        self.assertEqual(self.told(explained)[2][0][3], "192.0.2.7")
        text = self.text("fail", None, "--assume", f"{self.down}=up")
        self.assertIn("(assumed up)", text)
        self.assertEqual(self.told(self.explain("fail"))[2][0][3], "192.0.2.8")

    def test_7_mistakes_are_told(self):
        for words, status, what in [
                (("a..b",), 2, "a..b"), ((ZONE, "TYPO"), 2, "no record type"),
                ((ZONE, "A", "--client", "10.0.0.300"), 2, "no address or prefix"),
                ((ZONE, "A", "--client", "10.0.0.1/8"), 2, "no address or prefix"),
                ((ZONE, "A", "--resolver", "10.0.0.0/8"), 2, "no IPv4 or IPv6"),
                ((ZONE, "A", "--assume", "x"), 2, "CHECK=up"),
                ((ZONE, "A", "--assume", "=up"), 2, "CHECK=up"),
                ((ZONE, "A", "--draw", "12x"), 2, "hex"),
                ((ZONE, "A", "--assume", "ffff0000=up"), 1, "does not exist")]:
            done = self.node.run("explain", *words)
            self.assertEqual(done.returncode, status, done)
            self.assertIn(what, done.stderr)
        self.assertIn("in no zone", self.node.quartet("explain", "elsewhere.example"))
        self.assertIn("REFUSED", self.node.quartet("explain", "elsewhere.example"))
        self.assertIn("REFUSED", self.node.quartet("explain", ZONE, "AXFR"))

    def test_8_who_asks(self):
        self.assertIn("client: 127.0.0.1, who asks without", self.text("geo"))
        text = self.text("geo", None, "--resolver", "::ffff:198.51.100.8")
        self.assertIn("taken: us-wa", text)
        self.assertIn("asks not to be located", self.text("geo", "0.0.0.0/0"))

    def test_9_without_a_database_it_says_so(self):
        data = self.node.data
        self.assertEqual(self.node.stop(), 0)
        (self.cluster.folder / "nested.mmdb").unlink()
        self.node.start()
        self.node.quartet("cluster", "wait", "--timeout", "60s")
        self.assertTrue(data.exists())
        self.assertIn("this node has no location database", " ".join(self.text("geo").split()))


if __name__ == "__main__":
    tap.main()
