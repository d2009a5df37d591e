#!/usr/bin/python3
"""Traffic policies by the Route 53 API, as boto3 asks for them: every operation, the answers of
what a policy becomes on every node, and a switch between versions that no client sees half done."""
import json
import pathlib
import socket
import sys
import threading
import unittest

import boto3
import botocore.config
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import DNS_PORT, Cluster, wait_until  # noqa: E402

NONE = "00000000-0000-4000-8000-000000000000"
UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def document(first, second, weights=("1", 1), kind="A", **more):
    """A weighted choice of two addresses behind a failover rule, as people write them."""
    return json.dumps({
        "AWSPolicyFormatVersion": "2015-10-01", "RecordType": kind, "StartRule": "top",
        "Endpoints": {"a": {"Type": "value", "Value": first},
                      "b": {"Type": "value", "Value": second}},
        "Rules": {"top": {"RuleType": "failover",
                          "Primary": {"RuleReference": "both", "EvaluateTargetHealth": "true"},
                          "Secondary": {"EndpointReference": "b"}},
                  "both": {"RuleType": "weighted",
                           "Items": [{"EndpointReference": "a", "Weight": weights[0]},
                                     {"EndpointReference": "b", "Weight": weights[1]}]}},
        **more}, indent=1)


class TestApiTraffic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        key = cls.cluster.credential()
        cls.api, cls.other = [cls.client(number, key) for number in (1, 2)]

    @classmethod
    def client(cls, number, key):
        config = botocore.config.Config(retries={"max_attempts": 1})
        return boto3.client("route53", endpoint_url=cls.cluster.gateway(number).url,
                            region_name="us-east-1", aws_access_key_id=key[0],
                            aws_secret_access_key=key[1], config=config)

    def fails(self, code, status, call, word="", **words):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**words)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]),
                         (code, status), answer["Error"])
        self.assertIn(word, answer["Error"]["Message"])

    def policy(self, name, *documents):
        first = self.api.create_traffic_policy(Name=name, Document=documents[0])["TrafficPolicy"]
        for text in documents[1:]:
            self.api.create_traffic_policy_version(Id=first["Id"], Document=text)
        return first["Id"]

    def zone(self, name):
        return self.cluster.node(1).json("zone", "create", name)["id"]

    def instance(self, zone, name, policy, version=1, ttl=60):
        return self.api.create_traffic_policy_instance(
            HostedZoneId=zone, Name=name, TTL=ttl, TrafficPolicyId=policy,
            TrafficPolicyVersion=version)["TrafficPolicyInstance"]

    def wait_applied(self, instance_id):
        def applied():
            answer = self.other.get_traffic_policy_instance(Id=instance_id)
            return answer["TrafficPolicyInstance"]["State"] == "Applied"
        wait_until(applied, 20, "the instance is applied")

    def addresses(self, name, number, count=20):
        return {line for _ in range(count)
                for line in self.cluster.node(number).dig("+short", name, "A").split()}

    def test_policy_and_versions_as_the_model_says(self):
        text = document("192.0.2.1", "192.0.2.2") + " "
        answer = self.api.create_traffic_policy(Name="model <&>", Document=text, Comment="ein Ü")
        policy = answer["TrafficPolicy"]
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertTrue(answer["Location"].endswith(f"/2013-04-01/trafficpolicy/{policy['Id']}/1"))
        self.assertRegex(policy["Id"], UUID)
        self.assertEqual(policy, {"Id": policy["Id"], "Version": 1, "Name": "model <&>",
                                  "Type": "A", "Document": text, "Comment": "ein Ü"})
        self.assertEqual(self.other.get_traffic_policy(Id=policy["Id"], Version=1)["TrafficPolicy"],
                         policy)
        answer = self.other.create_traffic_policy_version(
            Id=policy["Id"], Document=document("2001:db8::1", "2001:db8::2", kind="AAAA"))
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertTrue(answer["Location"].endswith(f"/trafficpolicy/{policy['Id']}/2"))
        self.assertEqual((answer["TrafficPolicy"]["Version"], answer["TrafficPolicy"]["Type"]),
                         (2, "AAAA"))
        self.assertNotIn("Comment", answer["TrafficPolicy"])
        answer = self.api.update_traffic_policy_comment(Id=policy["Id"], Version=2, Comment="two")
        self.assertEqual(answer["TrafficPolicy"]["Comment"], "two")
        page = self.api.list_traffic_policy_versions(Id=policy["Id"], MaxItems="1")
        self.assertEqual((page["IsTruncated"], page["TrafficPolicyVersionMarker"],
                          page["MaxItems"], page["TrafficPolicies"]), (True, "2", "1", [policy]))
        page = self.api.list_traffic_policy_versions(Id=policy["Id"], MaxItems="5",
                                                     TrafficPolicyVersionMarker="2")
        self.assertEqual((page["IsTruncated"], page["TrafficPolicyVersionMarker"],
                          [one["Comment"] for one in page["TrafficPolicies"]]), (False, "", ["two"]))
        self.api.delete_traffic_policy(Id=policy["Id"], Version=1)
        self.fails("NoSuchTrafficPolicy", 404, self.api.get_traffic_policy, Id=policy["Id"],
                   Version=1)
        answer = self.api.create_traffic_policy_version(Id=policy["Id"], Document=text)
        self.assertEqual(answer["TrafficPolicy"]["Version"], 3)
        for version in (2, 3):
            self.api.delete_traffic_policy(Id=policy["Id"], Version=version)
        self.fails("NoSuchTrafficPolicy", 404, self.api.list_traffic_policy_versions,
                   Id=policy["Id"])

    def test_policies_are_listed_in_order_of_creation(self):
        ids = [self.policy(f"list-{number}", document("192.0.2.1", "192.0.2.2"))
               for number in (3, 1, 2)]
        seen, marker = [], {}
        while True:
            page = self.other.list_traffic_policies(MaxItems="2", **marker)
            self.assertEqual(page["MaxItems"], "2")
            self.assertLessEqual(len(page["TrafficPolicySummaries"]), 2)
            seen += page["TrafficPolicySummaries"]
            if not page["IsTruncated"]:
                self.assertEqual(page["TrafficPolicyIdMarker"], "")
                break
            marker = {"TrafficPolicyIdMarker": page["TrafficPolicyIdMarker"]}
        self.assertEqual([one["Id"] for one in seen if one["Name"].startswith("list-")], ids)
        summary = next(one for one in seen if one["Id"] == ids[0])
        self.assertEqual(summary, {"Id": ids[0], "Name": "list-3", "Type": "A",
                                   "LatestVersion": 1, "TrafficPolicyCount": 1})
        self.fails("InvalidInput", 400, self.api.list_traffic_policies, TrafficPolicyIdMarker=NONE)

    def test_errors_of_policies(self):
        good = document("192.0.2.1", "192.0.2.2")
        policy = self.policy("errors", good)
        self.fails("TrafficPolicyAlreadyExists", 409, self.api.create_traffic_policy,
                   Name="errors", Document=good)
        for bad, word in (("{", "$: no JSON"),
                          (document("192.0.2", "192.0.2.2"), "$.Endpoints.a.Value: "),
                          (document("192.0.2.1", "192.0.2.2", (1, "heavy")),
                           "$.Rules.both.Items[1].Weight: expected a number"),
                          (document("192.0.2.1", "192.0.2.2", StartEndpoint="a"),
                           "expected one of StartEndpoint and StartRule")):
            self.fails("InvalidTrafficPolicyDocument", 400, self.api.create_traffic_policy, word,
                       Name="bad", Document=bad)
            self.fails("InvalidTrafficPolicyDocument", 400,
                       self.api.create_traffic_policy_version, word, Id=policy, Document=bad)
        self.fails("InvalidInput", 400, self.api.create_traffic_policy, "'name'",
                   Name="x" * 513, Document=good)
        self.fails("NoSuchTrafficPolicy", 404, self.api.create_traffic_policy_version, Id=NONE,
                   Document=good)
        self.fails("NoSuchTrafficPolicy", 404, self.api.update_traffic_policy_comment, Id=policy,
                   Version=2, Comment="")
        self.fails("NoSuchTrafficPolicy", 404, self.api.delete_traffic_policy, Id=NONE, Version=1)
        self.fails("InvalidInput", 400, self.api.get_traffic_policy, "1000", Id=policy,
                   Version=1001)

    def test_instance_answers_on_every_node_and_goes(self):
        zone = self.zone("one.test")
        policy = self.policy("one", document("192.0.2.1", "192.0.2.2"),
                             document("2001:db8::1", "2001:db8::2", kind="AAAA"))
        before = self.other.get_traffic_policy_instance_count()["TrafficPolicyInstanceCount"]
        answer = self.api.create_traffic_policy_instance(
            HostedZoneId="/hostedzone/" + zone, Name="WWW.one.test", TTL=30,
            TrafficPolicyId=policy, TrafficPolicyVersion=1)
        instance = answer["TrafficPolicyInstance"]
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertTrue(answer["Location"].endswith("/trafficpolicyinstance/" + instance["Id"]))
        self.assertRegex(instance["Id"], UUID)
        self.assertIn(instance["State"], ("Creating", "Applied"))
        self.wait_applied(instance["Id"])
        self.assertEqual(
            self.api.get_traffic_policy_instance(Id=instance["Id"])["TrafficPolicyInstance"],
            {"Id": instance["Id"], "HostedZoneId": zone, "Name": "www.one.test.", "TTL": 30,
             "State": "Applied", "Message": "", "TrafficPolicyId": policy,
             "TrafficPolicyVersion": 1, "TrafficPolicyType": "A"})
        self.assertEqual(self.api.get_traffic_policy_instance_count()["TrafficPolicyInstanceCount"],
                         before + 1)
        for number in (1, 2):
            self.assertEqual(self.addresses("www.one.test", number), {"192.0.2.1", "192.0.2.2"})
            self.assertIn("30\tIN\tA\t192.0.2.", self.cluster.node(number).dig("www.one.test"))
        self.hidden_sets_are_hidden(zone, instance["Id"])
        self.fails("TrafficPolicyInUse", 400, self.api.delete_traffic_policy, Id=policy, Version=1)
        self.fails("TrafficPolicyInstanceAlreadyExists", 409,
                   self.api.create_traffic_policy_instance, HostedZoneId=zone,
                   Name="www.one.test.", TTL=5, TrafficPolicyId=policy, TrafficPolicyVersion=1)
        self.fails("ConflictingTypes", 400, self.api.update_traffic_policy_instance,
                   Id=instance["Id"], TTL=5, TrafficPolicyId=policy, TrafficPolicyVersion=2)
        second = self.instance(zone, "www.one.test", policy, 2)  # the same name, another type
        self.assertEqual(second["TrafficPolicyType"], "AAAA")
        for one in (instance, second):
            self.api.delete_traffic_policy_instance(Id=one["Id"])
            self.fails("NoSuchTrafficPolicyInstance", 404, self.other.get_traffic_policy_instance,
                       Id=one["Id"])
        wait_until(lambda: "NXDOMAIN" in self.cluster.node(2).dig("www.one.test"), 10, "it is gone")
        sets = self.cluster.node(1).json("record", "list", "one.test", "--all")
        self.assertEqual({one["type"] for one in sets}, {"SOA", "NS"})
        self.api.delete_traffic_policy(Id=policy, Version=1)
        self.cluster.node(1).quartet("zone", "delete", "one.test")

    def hidden_sets_are_hidden(self, zone, instance_id):
        node = self.cluster.node(1)
        visible = node.json("record", "list", "one.test")
        everything = node.json("record", "list", "one.test", "--all")
        self.assertEqual([one["type"] for one in visible], ["NS", "SOA", "A"])
        hidden = {one["name"] for one in everything} - {one["name"] for one in visible}
        self.assertEqual(len(hidden), 2)
        self.assertEqual(node.json("zone", "show", zone)["record_sets"], 3)
        for name in hidden:
            self.assertIn(instance_id.replace("-", ""), name)
            for asked in (name, name.upper(), name.replace("_tp", "_TP")):
                self.assertIn("NXDOMAIN", node.dig(asked, "A"))
        for words in (["record", "delete", "one.test", "www", "A"],
                      ["record", "set", "one.test", "www", "A", "192.0.2.9"],
                      ["zone", "delete", "one.test", "--with-contents"]):
            self.assertNotEqual(node.run(*words).returncode, 0, words)

    def test_update_is_seen_whole(self):
        zone = self.zone("two.test")
        policy = self.policy("two", document("192.0.2.1", "192.0.2.2"),
                             document("198.51.100.1", "198.51.100.2", (5, 5)))
        instance = self.instance(zone, "two.test", policy)
        self.wait_applied(instance["Id"])
        done, seen, wrong = threading.Event(), set(), []

        def ask(number):
            question = bytes.fromhex("abcd01000001000000000000") + b"\3two\4test\0\0\1\0\1"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect((self.cluster.node(number).address, DNS_PORT))
                client.settimeout(2)
                while not done.is_set():
                    client.send(question)
                    reply = client.recv(512)
                    if reply[3] & 15 or reply[6:8] != b"\0\1":
                        wrong.append(reply.hex())
                    else:
                        seen.add(socket.inet_ntoa(reply[-4:]))

        threads = [threading.Thread(target=ask, args=(number,)) for number in (1, 2)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(4):
                answer = self.api.update_traffic_policy_instance(
                    Id=instance["Id"], TTL=60, TrafficPolicyId=policy,
                    TrafficPolicyVersion=2 - turn % 2)["TrafficPolicyInstance"]
                self.assertIn(answer["State"], ("Updating", "Applied"))
                self.wait_applied(instance["Id"])
                wanted = {"192.0.2.1", "192.0.2.2"} if turn % 2 else {"198.51.100.1",
                                                                      "198.51.100.2"}
                for number in (1, 2):
                    self.assertLessEqual(self.addresses("two.test", number, 3), wanted)
        finally:
            done.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(seen, {"192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.2"})

    def test_instances_are_listed_by_zone_name_and_type(self):
        zones = sorted(self.zone(name) for name in ("three.test", "four.test"))
        names = {zone: self.cluster.node(1).json("zone", "show", zone)["name"] for zone in zones}
        policy = self.policy("three", document("192.0.2.1", "192.0.2.2"),
                             document("2001:db8::1", "2001:db8::2", kind="AAAA"))
        made = [(zone, label + names[zone], version) for zone in zones
                for label, version in (("a.", 1), ("b.", 1), ("b.", 2))]
        for zone, name, version in reversed(made):
            self.instance(zone, name, policy, version)

        def walk(call, size, **words):
            seen, marker = [], {}
            while True:
                page = call(MaxItems=str(size), **words, **marker)
                self.assertLessEqual(len(page["TrafficPolicyInstances"]), size)
                seen += [(one["HostedZoneId"], one["Name"], one["TrafficPolicyVersion"])
                         for one in page["TrafficPolicyInstances"]]
                if not page["IsTruncated"]:
                    self.assertNotIn("TrafficPolicyInstanceNameMarker", page)
                    return seen
                marker = {key: page[key] for key in
                          ("HostedZoneIdMarker", "TrafficPolicyInstanceNameMarker",
                           "TrafficPolicyInstanceTypeMarker") if key in page}

        wanted = [(zone, name if name.endswith(".") else name + ".", version)
                  for zone, name, version in made]
        for size in (1, 2, 100):
            everything = walk(self.other.list_traffic_policy_instances, size)
            self.assertEqual([one for one in everything if one[0] in zones], wanted)
            self.assertEqual(walk(self.other.list_traffic_policy_instances_by_hosted_zone, size,
                                  HostedZoneId=zones[1]), wanted[3:])
            self.assertEqual(walk(self.other.list_traffic_policy_instances_by_policy, size,
                                  TrafficPolicyId=policy, TrafficPolicyVersion=2),
                             [one for one in wanted if one[2] == 2])
        self.fails("NoSuchHostedZone", 404, self.api.list_traffic_policy_instances_by_hosted_zone,
                   HostedZoneId="Z00000000000000000009")
        self.fails("NoSuchTrafficPolicy", 404, self.api.list_traffic_policy_instances_by_policy,
                   TrafficPolicyId=policy, TrafficPolicyVersion=9)

    def test_hidden_sets_are_passed_over_in_lists(self):
        zone = self.api.create_hosted_zone(Name="wide.example", CallerReference="wide")[
            "HostedZone"]["Id"]
        rules = {f"r{i}": {"RuleType": "weighted", "Items": [
            {"EndpointReference": "a", "Weight": 1}, {"EndpointReference": "b", "Weight": 1}]}
            for i in range(30)}
        rules["top"] = {"RuleType": "weighted", "Items": [
            {"RuleReference": name, "Weight": 1, "EvaluateTargetHealth": "true"} for name in rules]}
        policy = self.api.create_traffic_policy(Name="wide", Document=json.dumps({
            **json.loads(document("192.0.2.1", "192.0.2.2")), "Rules": rules}))["TrafficPolicy"]
        for name in ("one", "two"):
            self.api.create_traffic_policy_instance(
                HostedZoneId=zone, Name=name + ".wide.example", TTL=60,
                TrafficPolicyId=policy["Id"], TrafficPolicyVersion=1)
        self.api.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [
            {"Action": "CREATE", "ResourceRecordSet": {
                "Name": name + ".wide.example", "Type": "A", "TTL": 60,
                "ResourceRecords": [{"Value": "192.0.2.3"}]}} for name in ("0", "_tq", "zz")]})
        pages = self.other.get_paginator("list_resource_record_sets").paginate(
            HostedZoneId=zone, PaginationConfig={"PageSize": 3})
        names = [each["Name"].removesuffix(".wide.example.") for page in pages
                 for each in page["ResourceRecordSets"]]
        self.assertEqual(names[2:], ["0", "_tq", "one", "two", "zz"])

    def test_errors_of_instances(self):
        zone = self.zone("five.test")
        policy = self.policy("five", document("192.0.2.1", "192.0.2.2"))
        words = {"HostedZoneId": zone, "Name": "www.five.test", "TTL": 60,
                 "TrafficPolicyId": policy, "TrafficPolicyVersion": 1}
        create = self.api.create_traffic_policy_instance
        self.fails("NoSuchHostedZone", 404, create,
                   **{**words, "HostedZoneId": "Z00000000000000000009"})
        self.fails("NoSuchTrafficPolicy", 404, create, **{**words, "TrafficPolicyVersion": 2})
        self.fails("InvalidInput", 400, create, "within its zone", **{**words, "Name": "www.test"})
        self.fails("NoSuchTrafficPolicyInstance", 404, self.api.delete_traffic_policy_instance,
                   Id=NONE)
        self.fails("NoSuchTrafficPolicyInstance", 404, self.api.update_traffic_policy_instance,
                   Id=NONE, TTL=1, TrafficPolicyId=policy, TrafficPolicyVersion=1)
        node = self.cluster.node(1)
        node.quartet("record", "set", "five.test", "www", "A", "192.0.2.7")
        self.fails("InvalidInput", 400, create, "already exists", **words)


if __name__ == "__main__":
    tap.main()
