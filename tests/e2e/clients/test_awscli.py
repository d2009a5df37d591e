#!/usr/bin/python3
"""Debian's aws cli, unmodified: writes by one node's gateway, and every node answers."""
import json
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import tap  # noqa: E402
from tools import ToolCluster  # noqa: E402

ZONE = "cli.example"


class TestAwsCli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tools = ToolCluster(4)
        cls.addClassCleanup(cls.tools.close)
        cls.zone = cls.aws("create-hosted-zone", "--name", ZONE, "--caller-reference", "first")
        cls.zone_id = cls.zone["HostedZone"]["Id"]
        cls.wait(cls.zone)

    @classmethod
    def run_aws(cls, *words, number=1):
        return subprocess.run(["aws", "route53", *words, "--output", "json"], text=True, check=False,
                              capture_output=True, env=cls.tools.environment(number), timeout=120)

    @classmethod
    def aws(cls, *words, number=1):
        done = cls.run_aws(*words, number=number)
        assert done.returncode == 0, f"aws route53 {' '.join(words)}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    @classmethod
    def wait(cls, answer, number=1):
        """The waiter looks at once, then each 30 s: a change in sync at once ends it at once."""
        before = time.monotonic()
        cls.aws("wait", "resource-record-sets-changed", "--id", answer["ChangeInfo"]["Id"],
                number=number)
        return time.monotonic() - before

    def change(self, *changes, number=1):
        batch = {"Comment": "by aws cli", "Changes": list(changes)}
        return self.aws("change-resource-record-sets", "--hosted-zone-id", self.zone_id,
                        "--change-batch", json.dumps(batch), number=number)

    @staticmethod
    def upsert(name, kind, *values, **more):
        record_set = {"Name": f"{name}.{ZONE}", "Type": kind, **more}
        if values:
            record_set |= {"TTL": 60, "ResourceRecords": [{"Value": value} for value in values]}
        return {"Action": "UPSERT", "ResourceRecordSet": record_set}

    def expect_everywhere(self, name, kind, *values):
        for node in self.tools.cluster.nodes:
            self.assertEqual(sorted(node.dig("+short", f"{name}.{ZONE}", kind).split("\n")),
                             sorted(["", *values]), node.name)

    def test_a_change_is_served_by_all_nodes_once_the_waiter_returns(self):
        for number in range(1, 5):
            answer = self.change(self.upsert("www", "A", f"192.0.2.{number}"), number=number)
            self.assertIn(answer["ChangeInfo"]["Status"], ("PENDING", "INSYNC"))
            self.wait(answer, number=5 - number)
            self.expect_everywhere("www", "A", f"192.0.2.{number}")

    def test_many_kinds_of_records_come_back_as_they_went(self):
        sets = [self.upsert("mx", "MX", "10 mail.example.", "20 other.example."),
                self.upsert("txt", "TXT", '"a b" "c;d"'), self.upsert("*.wild", "A", "192.0.2.7"),
                self.upsert("_sip._tcp", "SRV", "1 2 5060 sip.example."),
                self.upsert("caa", "CAA", '0 issue "ca.example"'),
                self.upsert("six", "AAAA", "2001:db8::1"), self.upsert("c", "CNAME", "a.example.")]
        self.wait(self.change(*sets))
        listed = self.aws("list-resource-record-sets", "--hosted-zone-id", self.zone_id, number=3)
        by_name = {one["Name"]: one for one in listed["ResourceRecordSets"]}
        for one in sets:
            one = one["ResourceRecordSet"]
            name = one["Name"].replace("*", "\\052") + "."
            self.assertEqual(by_name[name]["ResourceRecords"], one["ResourceRecords"], name)
        self.expect_everywhere("any.wild", "A", "192.0.2.7")

    def test_weights_aliases_and_health_checks(self):
        check = self.aws("create-health-check", "--caller-reference", "check", "--health-check-config",
                         "Type=TCP,IPAddress=127.0.0.1,Port=9,RequestInterval=30,FailureThreshold=3")
        check_id = check["HealthCheck"]["Id"]
        self.wait(self.change(
            self.upsert("w", "A", "192.0.2.1", SetIdentifier="a", Weight=1, HealthCheckId=check_id),
            self.upsert("w", "A", "192.0.2.2", SetIdentifier="b", Weight=0),
            self.upsert("alias", "A", AliasTarget={
                "HostedZoneId": self.zone_id.removeprefix("/hostedzone/"), "DNSName": f"w.{ZONE}",
                "EvaluateTargetHealth": True})))
        answer = self.tools.cluster.node(2).dig("+short", f"alias.{ZONE}", "A").split()
        self.assertIn(answer, (["192.0.2.1"], ["192.0.2.2"]))
        seen = self.aws("get-health-check", "--health-check-id", check_id, number=2)
        self.assertEqual(seen["HealthCheck"]["HealthCheckConfig"]["Port"], 9)

    def test_mistakes_are_told_in_route_53s_words(self):
        done = self.run_aws("get-hosted-zone", "--id", "Z0000000000000")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("(NoSuchHostedZone) when calling the GetHostedZone operation: No hosted zone "
                      "found with ID: Z0000000000000", done.stderr)
        batch = {"Changes": [{**self.upsert("none", "A", "192.0.2.1"), "Action": "DELETE"}]}
        done = self.run_aws("change-resource-record-sets", "--hosted-zone-id", self.zone_id,
                            "--change-batch", json.dumps(batch))
        self.assertIn(f"[Tried to delete resource record set [name='none.{ZONE}.', type='A'] but it "
                      "was not found]", done.stderr)
        env = self.tools.environment(1) | {"AWS_SECRET_ACCESS_KEY": "wrong"}
        done = subprocess.run(["aws", "route53", "list-hosted-zones"], env=env, text=True,
                              capture_output=True, check=False, timeout=120)
        self.assertIn("SignatureDoesNotMatch", done.stderr)

    def test_pages_of_zones_by_name(self):
        for number in range(5):
            self.aws("create-hosted-zone", "--name", f"page{number}.example", "--caller-reference",
                     f"page{number}")
        listed = self.aws("list-hosted-zones", "--page-size", "2")["HostedZones"]
        names = {zone["Name"] for zone in listed}
        self.assertLessEqual({f"page{number}.example." for number in range(5)}, names)
        named = self.aws("list-hosted-zones-by-name", "--dns-name", "page3.example", "--max-items", "1")
        self.assertEqual(named["HostedZones"][0]["Name"], "page3.example.")


if __name__ == "__main__":
    tap.main()
