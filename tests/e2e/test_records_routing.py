#!/usr/bin/python3
"""Record sets with routing as an administrator handles them: set, list, apply, answer, delete."""
import json
import pathlib
import sys
import unittest

import dns.edns
import dns.message
import dns.query

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster  # noqa: E402
from serve import Server, zone_text  # noqa: E402

ZONE = "routing.example"


class TestRecordsRouting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)
        cls.node.quartet("zone", "create", ZONE)

    def refused(self, *words, status=1):
        done = self.node.run(*words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def set(self, name, *words, kind="A"):
        return self.node.quartet("record", "set", ZONE, name, kind, *words, "--wait")

    def ask(self, name, *words):
        return sorted(self.node.dig("+short", *words, f"{name}.{ZONE}", "A").split())

    def file(self, value, name="sets.json"):
        path = self.cluster.folder / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    def listed(self, name):
        return self.node.json("record", "list", ZONE, name)

    def test_weighted_sets_are_kept_apart_by_identifier(self):
        self.set("w", "192.0.2.1", "--set-identifier", "a", "--weight", "1", "--ttl", "60")
        self.set("w", "192.0.2.2", "--set-identifier", "b", "--weight", "0", "--ttl", "30")
        self.assertEqual([(one["set_identifier"], one["weight"], one["ttl"])
                          for one in self.listed("w")], [("a", 1, 30), ("b", 0, 30)])
        for _ in range(5):
            self.assertEqual(self.ask("w"), ["192.0.2.1"])
        text = self.node.quartet("record", "list", ZONE, "w")
        self.assertIn("; weighted 1, set 'a'", text)
        self.assertIn("say which", self.refused("record", "delete", ZONE, "w", "A"))
        self.assertIn("of identifier c", self.refused("record", "delete", ZONE, "w", "A",
                                                      "--set-identifier", "c"))
        self.node.quartet("record", "delete", ZONE, "w", "A", "--set-identifier", "a", "--wait")
        self.assertEqual(self.ask("w"), ["192.0.2.2"])
        self.assertIn("already exists", self.refused(
            "record", "set", ZONE, "w", "A", "192.0.2.9", "--set-identifier", "b", "--weight", "1",
            "--add"))
        self.assertIn("simple", self.refused("record", "set", ZONE, "w", "A", "192.0.2.9"))

    def test_a_collection_is_named_by_its_name_or_id(self):
        nets = self.node.json("cidr", "create", "nets")["id"]
        self.node.quartet("cidr", "change", "nets", "office", "192.0.2.0/24")
        self.set("c", "192.0.2.1", "--set-identifier", "o", "--cidr", "nets/office")
        self.set("c", "192.0.2.2", "--set-identifier", "*", "--cidr", f"{nets}/*")
        self.assertEqual([(one["cidr_collection_id"], one["cidr_location"])
                          for one in self.listed("c")], [(nets, "*"), (nets, "office")])
        self.assertEqual(self.ask("c", "+subnet=192.0.2.0/24"), ["192.0.2.1"])
        self.assertEqual(self.ask("c", "+subnet=198.51.100.0/24"), ["192.0.2.2"])
        self.assertIn("no CIDR collection", self.refused(
            "record", "set", ZONE, "d", "A", "192.0.2.9", "--set-identifier", "x", "--cidr", "no/a"))

    def test_files_name_checks_and_collections_by_names_of_ones_own(self):
        self.node.quartet("cidr", "create", "sites")
        self.node.quartet("cidr", "change", "sites", "here", "192.0.2.0/24")
        check = self.node.json("health", "create", "--type", "TCP", "--ip", "127.0.0.1", "--port",
                               "1", "--disabled", "--caller-reference", "Web 1")["id"]
        value = {"TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
        sets = [{"Name": f"n.{ZONE}.", "Type": "A", "SetIdentifier": place, "HealthCheckId": named,
                 "CidrRoutingConfig": {"CollectionId": "sites", "LocationName": place}, **value}
                for place, named in (("here", "Web 1"), ("*", check.upper()))]
        self.node.quartet("record", "apply", ZONE,
                          str(self.file({"ResourceRecordSets": sets})), "--wait")
        self.assertEqual({one["health_check_id"] for one in self.listed("n")}, {check})
        self.assertEqual(self.node.json("health", "show", "Web 1")["id"], check)
        self.set("h", "192.0.2.1", "--set-identifier", "x", "--weight", "1", "--health-check",
                 "Web 1")
        self.assertEqual(self.listed("h")[0]["health_check_id"], check)
        for member, named, what in (
                ("HealthCheckId", "web 1", "with id web 1 does not exist"),
                ("CidrRoutingConfig", {"CollectionId": "no", "LocationName": "*"},
                 "no CIDR collection 'no'")):
            path = self.file({"ResourceRecordSets": [{**sets[0], member: named}]})
            self.assertIn(what, self.refused("record", "apply", ZONE, str(path)))

    def test_aliases_answer_with_what_they_lead_to(self):
        self.set("t", "192.0.2.7")
        self.set("@", "--alias", "t", "--evaluate-target-health")
        self.assertEqual(self.node.dig("+short", ZONE, "A").split(), ["192.0.2.7"])
        self.assertEqual(self.node.json("record", "list", ZONE, "@", "A")[0]["alias"],
                         {"target": f"t.{ZONE}.", "evaluate_target_health": True})
        self.assertIn("not found", self.refused("record", "set", ZONE, "x", "A", "--alias", "none"))
        self.assertIn("back to itself", self.refused("record", "set", ZONE, "t", "A", "--alias", "@"))
        self.refused("record", "set", ZONE, "x", "A", "192.0.2.1", "--alias", "t", status=2)
        self.refused("record", "set", ZONE, "x", "A", "--alias", "t", "--ttl", "5", status=2)
        self.node.quartet("record", "delete", ZONE, "@", "A", "--wait")
        self.assertEqual(self.node.dig("+short", ZONE, "A").split(), [])

    def test_mistakes_on_the_command_line_are_told(self):
        for words, what in [
                (("--weight", "1"), "--set-identifier"),
                (("--set-identifier", "a"), "policy"),
                (("--set-identifier", "a", "--weight", "256"), "0 to 255"),
                (("--set-identifier", "a", "--weight", "1", "--geo", "EU"), "two policies"),
                (("--set-identifier", "a", "--geo", "NA"), "continent:NA"),
                (("--set-identifier", "a", "--geo", "Europe"), "continent"),
                (("--set-identifier", "a", "--coordinates", "91,0"), "LATITUDE"),
                (("--set-identifier", "a", "--failover", "third"), "primary or secondary"),
                (("--evaluate-target-health",), "--alias")]:
            done = self.refused("record", "set", ZONE, "m", "A", "192.0.2.1", *words, status=2)
            self.assertIn(what, done)
        self.refused("record", "set", ZONE, "m", "A", status=2)
        for words, what in [
                (("--region", "atlantis"), "no region"),
                (("--failover", "primary"), "health check"),
                (("--weight", "1", "--health-check", "0" * 36), "does not exist")]:
            done = self.refused("record", "set", ZONE, "m", "A", "192.0.2.1",
                                "--set-identifier", "a", *words)
            self.assertIn(what, done)
        self.assertEqual(self.listed("m"), [])

    def test_every_policy_by_its_option(self):
        self.node.quartet("region", "set", "cellar", "48.2,16.4")
        for number, (words, policy) in enumerate([
                (("--region", "cellar"), "latency"), (("--geo", "US-WA"), "geolocation"),
                (("--geo", "continent:NA"), "geolocation"), (("--geo", "*"), "geolocation"),
                (("--coordinates", "48.2,-16.37", "--bias", "-5"), "geoproximity"),
                (("--geoproximity", "--region", "us-east-1"), "geoproximity"),
                (("--failover", "secondary"), "failover"), (("--multivalue",), "multivalue"),
                (("--weight", "3", "--sticky", "--answers", "2", "--all-down", "closed"),
                 "weighted")]):
            self.node.quartet("record", "set", ZONE, f"p{number}", "A", "192.0.2.1",
                              "--set-identifier", "x", *words)
            one = self.listed(f"p{number}")[0]
            self.assertEqual(one["policy"], policy, one)
        self.assertEqual((one["sticky"], one["answers"], one["all_down"]), (True, 2, "closed"))
        self.assertEqual(self.listed("p4")[0]["longitude"], -16.37)

    def test_json_of_route53_goes_in_and_comes_out(self):
        self.node.quartet("zone", "create", "json.example")
        value = {"TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
        sets = [{"Name": "json.example.", "Type": "NS", "TTL": 5,
                 "ResourceRecords": [{"Value": "ns.awsdns.test."}]},
                {"Name": "\\052.json.example.", "Type": "A", "AliasTarget": {
                    "HostedZoneId": "Z1", "DNSName": "w.json.example.",
                    "EvaluateTargetHealth": True}},
                {"Name": "w.json.example.", "Type": "A", "SetIdentifier": "a", "Weight": 0, **value},
                {"Name": "w.json.example.", "Type": "A", "SetIdentifier": "b", "Weight": 9, **value}]
        done = self.node.quartet("record", "apply", "json.example",
                                 str(self.file({"ResourceRecordSets": sets})), "--wait")
        self.assertIn("3 changes", done)
        out = json.loads(self.node.quartet("record", "list", "json.example", "--route53"))
        self.assertEqual([one for one in out["ResourceRecordSets"]
                          if one["Type"] not in ("NS", "SOA")], sets[1:])
        self.node.quartet("zone", "create", "copy.example")
        text = json.dumps(out).replace("json.example", "copy.example")
        self.node.quartet("record", "apply", "copy.example", str(self.file(text)), "--wait")
        self.assertEqual(self.node.dig("+short", "any.copy.example", "A").split(), ["192.0.2.1"])
        changes = [{"Action": "DELETE", "ResourceRecordSet": one} for one in sets[1:]]
        self.node.quartet("record", "apply", "json.example", str(self.file({"Changes": changes})))
        self.assertEqual(self.node.json("zone", "show", "json.example")["record_sets"], 2)
        self.assertIn("was not found", self.refused(
            "record", "apply", "json.example", str(self.file({"Changes": changes}))))

    def test_json_with_mistakes_is_refused_by_path(self):
        one = {"Name": f"j.{ZONE}", "Type": "A", "TTL": "60",
               "ResourceRecords": [{"Value": "192.0.2.1"}]}
        path = self.file({"Changes": [{"Action": "UPSERT", "ResourceRecordSet": one}]})
        done = self.refused("record", "apply", ZONE, str(path))
        self.assertIn("$.Changes[0].ResourceRecordSet.TTL: expected a number", done)
        self.assertIn("not JSON", self.refused("record", "apply", ZONE, str(self.file("{"))))
        self.refused("record", "apply", ZONE, "/nonexistent")

    def test_a_long_list_takes_several_batches(self):
        self.node.quartet("zone", "create", "long.example")
        sets = [{"Name": f"a{i}.long.example.", "Type": "A", "AliasTarget": {
            "DNSName": f"a{i + 1}.long.example." if i % 10 else f"z{i}.long.example.",
            "EvaluateTargetHealth": True}} for i in range(1, 2200) if i % 10 != 9]
        sets += [{"Name": f"{c}{i}.long.example.", "Type": "A", "TTL": 1,
                  "ResourceRecords": [{"Value": "192.0.2.1"}]}
                 for i in range(0, 2200) for c in "az" if (c == "a") == (i % 10 == 9)
                 and (c == "a" or i % 10 == 0)]
        done = self.node.quartet("record", "apply", "long.example",
                                 str(self.file({"ResourceRecordSets": sets})), "--wait")
        self.assertIn(f"{len(sets)} changes in 3 batches", done)
        listed = self.node.json("record", "list", "long.example")
        self.assertEqual(len(listed), len(sets) + 2)

    def test_a_zone_file_does_not_hold_routing(self):
        self.node.quartet("zone", "create", "export.example")
        self.node.quartet("record", "set", "export.example", "w", "A", "192.0.2.1",
                          "--set-identifier", "a", "--weight", "1")
        self.assertIn("--route53", self.refused("zone", "export", "export.example"))

    def test_a_zone_file_takes_routing_away_only_when_told(self):
        file = self.file("$ORIGIN import.example.\n$TTL 60\n@ SOA a b 1 60 60 60 60\n@ NS a\n"
                         "a A 192.0.2.9\n")
        self.node.quartet("zone", "create", "import.example")
        self.node.quartet("record", "set", "import.example", "w", "A", "192.0.2.1",
                          "--set-identifier", "a", "--weight", "1")
        self.assertIn("--drop-routing", self.refused("zone", "import", "import.example", str(file)))
        self.assertEqual(self.node.dig("+short", "w.import.example", "A").split(), ["192.0.2.1"])
        self.node.quartet("zone", "import", "import.example", str(file), "--drop-routing", "--wait")
        self.assertEqual(self.node.dig("+short", "w.import.example", "A").split(), [])
        self.node.quartet("zone", "import", "import.example", str(file))

    def test_groups_are_there_after_a_restart(self):
        self.set("r", "192.0.2.1", "--set-identifier", "a", "--weight", "1")
        self.set("r", "192.0.2.2", "--set-identifier", "b", "--weight", "0")
        self.node.stop()
        self.node.start()
        self.assertEqual(self.ask("r"), ["192.0.2.1"])


def address_set(number, name="www.a.test.", **routing):
    return {"Name": name, "Type": "A", "SetIdentifier": str(number), **routing, "TTL": 60,
            "ResourceRecords": [{"Value": f"192.0.2.{number}"}]}


class TestServeRouting(unittest.TestCase):
    """One node on files: quartetd --serve --routing."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.__exit__, None, None, None)
        zone = self.server.write("zone", zone_text())
        self.words = ("--serve", "127.0.0.1:0", "--zone", f"a.test={zone}", "--threads", "1",
                      "--routing")

    def routing(self, sets, **more):
        return self.server.write("routing.json", json.dumps({"ResourceRecordSets": sets, **more}))

    def ask(self, subnet):
        host, port = self.server.addresses()[0]
        query = dns.message.make_query("www.a.test", "A")
        query.use_edns(options=[dns.edns.ECSOption.from_text(subnet)])
        reply = dns.query.udp(query, host, port=port, timeout=5)
        return [data.address for rrset in reply.answer for data in rrset]

    def test_clients_are_told_apart_and_files_read_again(self):
        sets = [address_set(n, CidrRoutingConfig={"CollectionId": "c", "LocationName": place})
                for n, place in [(7, "a"), (8, "*")]]
        blocks = [{"Id": "c", "Name": "c", "Locations": {"a": ["198.51.100.0/24"]}}]
        self.server.start(*self.words, self.routing(sets, CidrCollections=blocks))
        self.assertEqual(self.ask("198.51.100.0/24"), ["192.0.2.7"])
        self.assertEqual(self.ask("203.0.113.0/24"), ["192.0.2.8"])
        blocks[0]["Locations"]["a"] = ["203.0.113.0/24"]
        self.routing(sets, CidrCollections=blocks)
        self.server.reload()
        self.assertEqual(self.ask("203.0.113.0/24"), ["192.0.2.7"])
        self.routing(sets)  # there is no such collection: nothing changes
        self.server.reload()
        self.assertIn("there is no CIDR collection c", self.server.log())
        self.assertEqual(self.ask("203.0.113.0/24"), ["192.0.2.7"])

    def test_mistakes_in_routing_are_told(self):
        for sets, what in [
                ([address_set(1, "w.elsewhere.test.", Weight=1)], "lies in no zone"),
                ([address_set(1, Weight=1), address_set(2, MultiValueAnswer=True)], "policy"),
                ([address_set(1, Region="atlantis")], "no region atlantis"),
                ([address_set(1, Weight="x")], "$.ResourceRecordSets[0].Weight: expected")]:
            done = self.server.run_to_end(*self.words, self.routing(sets))
            self.assertEqual(done.returncode, 65, done.stderr)
            self.assertIn(what, done.stderr)
        other = self.routing([address_set(1, Weight=1)], HostedZone="b.test.")
        done = self.server.run_to_end(*self.words, other)
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn("not lie in the zone that HostedZone names", done.stderr)
        done = self.server.run_to_end(*self.words, self.routing([]), "--geo", "/nonexistent")
        self.assertEqual(done.returncode, 65, done.stderr)


if __name__ == "__main__":
    tap.main()
