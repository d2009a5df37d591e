#!/usr/bin/python3
"""Access keys: made, limited, disabled, deleted by command; what boto3 is told with each."""
import json
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

import boto3  # noqa: E402
import botocore.config  # noqa: E402
import botocore.exceptions  # noqa: E402

CONFIG = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5,
                                read_timeout=20)


def code_of(call, **arguments):
    """"" or the code and message that the API refuses the call with."""
    try:
        call(**arguments)
        return "", ""
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]


class TestCredentials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)
        cls.gateways = [cls.cluster.gateway(1), cls.cluster.gateway(2)]
        cls.node.quartet("zone", "create", "example.com")
        cls.zone_id = cls.node.json("zone", "show", "example.com")["id"]

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def client(self, service, key, gateway=0, region="eu-west-1"):
        return boto3.client(service, endpoint_url=self.gateways[gateway].url, region_name=region,
                            aws_access_key_id=key[0], aws_secret_access_key=key[1], config=CONFIG)

    def identity(self, key, **places):
        return code_of(self.client("sts", key, **places).get_caller_identity)

    def test_1_created_key_is_shown_once_and_works_at_every_node(self):
        text = self.node.quartet("credential", "create", "deploy")
        key = re.search(r"export AWS_ACCESS_KEY_ID=(AKIA[A-Z2-7]{16})\n"
                        r"export AWS_SECRET_ACCESS_KEY=([A-Za-z0-9+/]{40})\n"
                        r"export AWS_DEFAULT_REGION=us-east-1\n", text).groups()
        for gateway in (0, 1):
            who = self.client("sts", key, gateway).get_caller_identity()
            self.assertEqual(who["Arn"], "arn:aws:iam::000000000000:user/deploy")
        shown = self.node.quartet("credential", "show", key[0])
        self.assertIn("everything is allowed", shown)
        listed = self.node.json("credential", "list")
        self.assertIn(key[0], [one["access_key_id"] for one in listed])
        for text in (shown, json.dumps(listed), self.node.quartet("credential", "list"),
                     self.node.log(), self.gateways[0].log()):
            self.assertNotIn(key[1], text)
        for file in self.node.data.rglob("*"):  # sealed on disk, too
            if file.is_file():
                self.assertNotIn(key[1].encode(), file.read_bytes(), file)

    def test_2_wrong_keys_are_refused_as_aws_refuses_them(self):
        key = self.cluster.credential("wrong")
        self.assertEqual(self.identity(key)[0], "")
        error, message = self.identity((key[0], "x" * 40))
        self.assertEqual(error, "SignatureDoesNotMatch")
        self.assertIn("The Canonical String for this request should have been\n'POST\n/\n", message)
        self.assertEqual(self.identity(("AKIA" + "A" * 16, key[1])),
                         ("InvalidClientTokenId",
                          "The security token included in the request is invalid."))

    def test_3_disabled_and_deleted_keys_are_refused_within_two_seconds(self):
        key = self.cluster.credential("revoked")
        for words, expected in ((("disable", key[0]), "InvalidClientTokenId"),
                                (("enable", key[0]), ""),
                                (("delete", key[0]), "InvalidClientTokenId")):
            self.node.quartet("credential", *words)
            began = time.monotonic()
            while True:
                done = [self.identity(key, gateway=gateway)[0] for gateway in (0, 1)]
                if done == [expected, expected]:
                    break
                self.assertLess(time.monotonic() - began, 2.5, (words, done))
                time.sleep(0.05)
        self.assertIn("there is no access key", self.node.run("credential", "show", key[0]).stderr)

    def test_4_quota_answers_throttling(self):
        key = self.cluster.credential("slow", "--rate", "3")
        codes = [self.identity(key) for _ in range(12)]
        self.assertEqual(codes[0][0], "")
        self.assertIn(("Throttling", "Rate exceeded"), codes)
        self.assertLess(codes.count(("", "")), 8)
        self.node.quartet("credential", "update", key[0], "--rate", "0")
        wait_until(lambda: all(self.identity(key)[0] == "" for _ in range(12)), 10,
                   "the quota is gone")

    def test_5_policies_that_would_not_be_understood_are_refused(self):
        file = self.cluster.folder / "policy.json"
        for text, words in (
                ("{", "it is no JSON"),
                ('{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition":'
                 ' {"DateLessThan": {"aws:CurrentTime": "2027-01-01"}}}]}',
                 "statement 1: the operator 'DateLessThan' is not known here")):
            file.write_text(text)
            done = self.node.run("credential", "create", "--policy", file)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)
        done = self.node.run("credential", "create", "--preset", "root")
        self.assertIn("is not acme:ZONE, zone:ZONE or read-only", done.stderr)
        done = self.node.run("credential", "create", "--preset", "acme:missing.example")
        self.assertIn("there is no zone", done.stderr)

    def require(self, error):
        """Skip what asks for operations that this build's gateway does not serve."""
        if error == "UnknownOperationException":
            self.skipTest("the gateway does not serve the operation yet")

    def change(self, key, name, kind, value, zone_id=None):
        one = {"Name": name, "Type": kind, "TTL": 10, "ResourceRecords": [{"Value": value}]}
        return code_of(self.client("route53", key).change_resource_record_sets,
                       HostedZoneId=zone_id or self.zone_id,
                       ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": one}]})

    def test_6_acme_key_writes_challenges_alone(self):
        key = self.cluster.credential("certbot", "--preset", "acme:example.com")
        policy = self.node.json("credential", "show", key[0])["policy"]
        self.assertEqual(policy["Version"], "2012-10-17")
        self.require(self.change(key, "_acme-challenge.example.com", "TXT", '"token"')[0])
        for name in ("_acme-challenge.example.com", "_ACME-challenge.www.example.com."):
            self.assertEqual(self.change(key, name, "TXT", '"token"'), ("", ""))
        for name, kind, value in (("www.example.com", "TXT", '"token"'),
                                  ("_acme-challenge.example.com", "A", "192.0.2.1")):
            error, message = self.change(key, name, kind, value)
            self.assertEqual(error, "AccessDenied")
            self.assertIn("user/certbot is not authorized to perform: "
                          "route53:ChangeResourceRecordSets on resource: "
                          f"arn:aws:route53:::hostedzone/{self.zone_id} because", message)
        self.assertEqual(self.change(key, "_acme-challenge.example.com", "TXT", '"token"',
                                     "Z" + "0" * 20)[0], "AccessDenied")
        route53 = self.client("route53", key)
        self.assertEqual(code_of(route53.list_hosted_zones)[0], "")
        self.assertEqual(code_of(route53.create_hosted_zone, Name="a.example",
                                 CallerReference="a")[0], "AccessDenied")

    def test_7_read_only_key_reads(self):
        key = self.cluster.credential("audit", "--preset", "read-only")
        route53 = self.client("route53", key)
        self.require(code_of(route53.get_hosted_zone_count)[0])
        self.assertEqual(code_of(route53.get_hosted_zone_count)[0], "")
        self.assertEqual(code_of(route53.list_resource_record_sets, HostedZoneId=self.zone_id)[0],
                         "")
        self.assertEqual(code_of(route53.delete_hosted_zone, Id=self.zone_id)[0], "AccessDenied")
        self.assertEqual(self.change(key, "a.example.com", "A", "192.0.2.1")[0], "AccessDenied")

    def test_8_guard_against_mass_deletion_is_a_setting(self):
        self.assertIn("no guard", self.node.quartet("cluster", "settings"))
        file = self.cluster.folder / "guarded.zone"
        self.node.quartet("zone", "create", "guarded.example")
        apex = self.node.quartet("zone", "export", "guarded.example")
        file.write_text(apex + "".join(f"h{i}.guarded.example. 60 IN A 192.0.2.{i}\n"
                                       for i in range(60)))
        self.node.quartet("zone", "apply", "guarded.example", file)
        self.node.quartet("cluster", "settings", "--delete-percent", "20")
        self.assertEqual(self.cluster.node(2).json("cluster", "settings")["delete_percent"], 20)
        file.write_text(apex + "h0.guarded.example. 60 IN A 192.0.2.0\n")
        done = self.node.run("zone", "apply", "guarded.example", file)
        self.assertEqual(done.returncode, 1)
        self.assertIn("would remove 59 of the zone's 62 record sets, but at most 20 %", done.stderr)
        self.node.quartet("cluster", "settings", "--delete-percent", "0")
        self.node.quartet("zone", "apply", "guarded.example", file)


if __name__ == "__main__":
    tap.main()
