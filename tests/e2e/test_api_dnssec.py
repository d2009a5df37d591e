#!/usr/bin/python3
"""Query logging configurations and key-signing keys through the Route 53 API, by boto3: every
operation, parsed by botocore's own model; written through one gateway, read through another."""
import base64
import hashlib
import pathlib
import struct
import sys
import unittest

import boto3
import botocore.config
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster  # noqa: E402

ZONE = "keys.example"
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/route53/%s"
KMS = "arn:aws:kms:us-east-1:123456789012:key/%s"


HERE = {}


def setUpModule():
    cluster = HERE["cluster"] = unittest.enterModuleContext(Cluster(2))
    cluster.form()
    node = cluster.node(1)
    key = cluster.credential()
    HERE["apis"] = [boto3.client(
        "route53", endpoint_url=cluster.gateway(number).url, region_name="eu-west-1",
        aws_access_key_id=key[0], aws_secret_access_key=key[1],
        config=botocore.config.Config(retries={"total_max_attempts": 1},
                                      parameter_validation=False)) for number in (1, 2)]
    HERE["id"] = node.json("zone", "create", ZONE)["id"]
    HERE["others"] = [node.json("zone", "create", f"n{i}.example")["id"] for i in range(4)]


class ApiTest(unittest.TestCase):
    def setUp(self):
        self.api, self.other_api = HERE["apis"]
        self.zone, self.others = HERE["id"], HERE["others"]

    def refused(self, code, status, call, **words):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**words)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]),
                         (code, status), answer)
        return answer["Error"]["Message"]


class TestQueryLogging(ApiTest):
    def create(self, zone, group="a"):
        answer = self.api.create_query_logging_config(HostedZoneId=zone,
                                                      CloudWatchLogsLogGroupArn=GROUP % group)
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 201)
        config = answer["QueryLoggingConfig"]
        self.addCleanup(self.delete_if_there, config["Id"])
        self.assertTrue(answer["Location"].endswith("/queryloggingconfig/" + config["Id"]))
        return config

    def delete_if_there(self, config_id):
        try:
            self.api.delete_query_logging_config(Id=config_id)
        except self.api.exceptions.NoSuchQueryLoggingConfig:
            pass

    def test_life_of_a_configuration(self):
        config = self.create("/hostedzone/" + self.zone)
        self.assertEqual((config["HostedZoneId"], config["CloudWatchLogsLogGroupArn"]),
                         (self.zone, GROUP % "a"))
        self.assertRegex(config["Id"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        got = self.other_api.get_query_logging_config(Id=config["Id"])["QueryLoggingConfig"]
        self.assertEqual(got, config)
        self.refused("QueryLoggingConfigAlreadyExists", 409, self.api.create_query_logging_config,
                     HostedZoneId=self.zone, CloudWatchLogsLogGroupArn=GROUP % "b")
        self.api.delete_query_logging_config(Id=config["Id"])
        for call in (self.other_api.get_query_logging_config, self.api.delete_query_logging_config):
            self.refused("NoSuchQueryLoggingConfig", 404, call, Id=config["Id"])

    def test_errors(self):
        create = self.api.create_query_logging_config
        self.refused("NoSuchHostedZone", 404, create, HostedZoneId="Z00000000000000000009",
                     CloudWatchLogsLogGroupArn=GROUP % "a")
        message = self.refused("InvalidInput", 400, create, HostedZoneId=self.zone,
                               CloudWatchLogsLogGroupArn="arn:aws:logs:us-east-1:1:log-group:x")
        self.assertEqual(message, "The ARN for the CloudWatch Logs log group is invalid")
        self.refused("InvalidInput", 400, create, HostedZoneId=self.zone)
        self.refused("InvalidPaginationToken", 400, self.api.list_query_logging_configs,
                     NextToken="x" * 40)
        self.refused("NoSuchHostedZone", 404, self.api.list_query_logging_configs,
                     HostedZoneId="Z00000000000000000009")

    def test_pages(self):
        made = sorted((self.create(zone, str(i)) for i, zone in enumerate(self.others)),
                      key=lambda config: config["Id"])
        pages = list(self.other_api.get_paginator("list_query_logging_configs").paginate(
            PaginationConfig={"PageSize": 2}))
        self.assertEqual([len(page["QueryLoggingConfigs"]) for page in pages], [2, 2])
        self.assertNotIn("NextToken", pages[-1])
        self.assertEqual([each for page in pages for each in page["QueryLoggingConfigs"]], made)
        one = self.other_api.list_query_logging_configs(HostedZoneId=self.others[0])
        self.assertEqual([each["HostedZoneId"] for each in one["QueryLoggingConfigs"]],
                         [self.others[0]])
        self.assertEqual(self.api.list_query_logging_configs(HostedZoneId=self.zone)[
            "QueryLoggingConfigs"], [])


class TestKeys(ApiTest):
    def create(self, name, status="ACTIVE", zone=None, arn=None):
        answer = self.api.create_key_signing_key(
            CallerReference="r-" + name, HostedZoneId=zone or self.zone, Name=name, Status=status,
            KeyManagementServiceArn=arn or KMS % name)
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertTrue(answer["Location"].endswith(f"/keysigningkey/{zone or self.zone}/{name}"))
        self.addCleanup(self.delete_if_there, name)
        self.wait(answer)
        return answer["KeySigningKey"]

    def delete_if_there(self, name):
        try:
            self.api.deactivate_key_signing_key(HostedZoneId=self.zone, Name=name)
            self.api.delete_key_signing_key(HostedZoneId=self.zone, Name=name)
        except self.api.exceptions.NoSuchKeySigningKey:
            pass

    def wait(self, answer):
        info = answer["ChangeInfo"]
        self.assertRegex(info["Id"], r"^/change/C[0-9A-Z]+$")
        self.assertEqual(info["Status"], "PENDING")
        self.api.get_waiter("resource_record_sets_changed").wait(
            Id=info["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    def keys(self):
        answer = self.other_api.get_dnssec(HostedZoneId=self.zone)
        self.assertEqual(answer["Status"]["ServeSignature"], "NOT_SIGNING")
        return answer["KeySigningKeys"]

    def test_key_is_what_its_records_say(self):
        self.assertEqual(self.keys(), [])
        key = self.create("first")
        self.assertEqual(self.keys(), [key])
        self.assertEqual(
            {field: key[field] for field in ("Name", "KmsArn", "Flag", "SigningAlgorithmMnemonic",
                                             "SigningAlgorithmType", "DigestAlgorithmMnemonic",
                                             "DigestAlgorithmType", "Status")},
            {"Name": "first", "KmsArn": KMS % "first", "Flag": 257,
             "SigningAlgorithmMnemonic": "ECDSAP256SHA256", "SigningAlgorithmType": 13,
             "DigestAlgorithmMnemonic": "SHA-256", "DigestAlgorithmType": 2, "Status": "ACTIVE"})
        rdata = struct.pack(">HBB", 257, 3, 13) + base64.b64decode(key["PublicKey"])
        total = sum(struct.unpack(">34H", rdata))
        digest = hashlib.sha256(b"\4keys\7example\0" + rdata).hexdigest().upper()
        self.assertEqual(key["KeyTag"], (total + (total >> 16)) & 0xffff)  # RFC 4034 appendix B
        self.assertEqual(key["DigestValue"], digest)
        self.assertEqual(key["DSRecord"], f"{key['KeyTag']} 13 2 {digest}")
        self.assertEqual(key["DNSKEYRecord"], "257 3 13 " + key["PublicKey"])

    def test_life_of_a_key(self):
        self.create("one", "INACTIVE")
        self.wait(self.api.activate_key_signing_key(HostedZoneId=self.zone, Name="one"))
        self.assertEqual(self.keys()[0]["Status"], "ACTIVE")
        self.refused("InvalidKeySigningKeyStatus", 400, self.api.delete_key_signing_key,
                     HostedZoneId=self.zone, Name="one")
        self.wait(self.api.deactivate_key_signing_key(HostedZoneId=self.zone, Name="one"))
        self.wait(self.api.delete_key_signing_key(HostedZoneId=self.zone, Name="one"))
        for call in (self.api.activate_key_signing_key, self.api.deactivate_key_signing_key,
                     self.api.delete_key_signing_key):
            self.refused("NoSuchKeySigningKey", 404, call, HostedZoneId=self.zone, Name="one")

    def test_errors_of_creation(self):
        def create(**words):
            given = {"CallerReference": "r", "HostedZoneId": self.zone, "Name": "new",
                     "KeyManagementServiceArn": KMS % "new", "Status": "ACTIVE", **words}
            return self.api.create_key_signing_key(**given)
        self.create("one")
        self.refused("KeySigningKeyAlreadyExists", 409, create, Name="one")
        self.refused("KeySigningKeyAlreadyExists", 409, create,
                     KeyManagementServiceArn=KMS % "one")
        self.refused("InvalidKMSArn", 400, create, KeyManagementServiceArn="mine")
        self.refused("InvalidKeySigningKeyName", 400, create, Name="a.b")
        self.refused("InvalidKeySigningKeyStatus", 400, create, Status="DELETING")
        self.refused("InvalidInput", 400, create, Name="ab")
        self.refused("NoSuchHostedZone", 404, create, HostedZoneId="Z00000000000000000009")
        self.create("two")
        self.refused("TooManyKeySigningKeys", 400, create)

    def test_signing_cannot_be_enabled_yet(self):
        enable, disable = self.api.enable_hosted_zone_dnssec, self.api.disable_hosted_zone_dnssec
        self.refused("KeySigningKeyWithActiveStatusNotFound", 400, enable, HostedZoneId=self.zone)
        self.create("one")
        message = self.refused("InvalidArgument", 400, enable, HostedZoneId=self.zone)
        self.assertIn("signing of answers is not available in this version", message)
        self.refused("DNSSECNotFound", 400, disable, HostedZoneId=self.zone)
        for call in (enable, disable, self.api.get_dnssec):
            self.refused("NoSuchHostedZone", 404, call, HostedZoneId="Z00000000000000000009")


if __name__ == "__main__":
    tap.main()
