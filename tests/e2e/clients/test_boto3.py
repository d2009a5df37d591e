#!/usr/bin/python3
"""Every operation of the Route 53 API by Debian's boto3, unmodified: each answer is parsed by
botocore's own model, and each paginator and waiter runs once."""
import json
import pathlib
import sys
import unittest

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
import urllib3

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import tap  # noqa: E402
from tools import ToolCluster  # noqa: E402

# Newer than Debian's model: asked by a request that botocore signs.
NEWER = {"UpdateHostedZoneFeatures"}
DOCUMENT = {"AWSPolicyFormatVersion": "2015-10-01", "RecordType": "A", "StartRule": "r",
            "Endpoints": {"a": {"Type": "value", "Value": "192.0.2.1"},
                          "b": {"Type": "value", "Value": "192.0.2.2"}},
            "Rules": {"r": {"RuleType": "weighted", "Items": [
                {"EndpointReference": "a", "Weight": "1"}, {"EndpointReference": "b", "Weight": 0}]}}}
LOG_GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/quartet/queries:*"
VPC = {"VPCRegion": "us-east-1", "VPCId": "vpc-0123456789abcdef0"}
OTHER_VPC = {"VPCRegion": "eu-west-1", "VPCId": "vpc-0fedcba9876543210"}


class TestBoto3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tools = ToolCluster(3)
        cls.addClassCleanup(cls.tools.close)
        cls.clients = [cls.tools.boto3(number) for number in (1, 2, 3)]
        cls.called = set()
        for client in cls.clients:
            client.meta.events.register("after-call.route53", cls.note)

    @classmethod
    def note(cls, model, parsed, **_more):
        if parsed["ResponseMetadata"]["HTTPStatusCode"] < 300:
            cls.called.add(model.name)

    def __getattr__(self, name):
        """A call by the nodes in turn: what one acknowledged the next one knows."""
        if name.startswith("_") or not hasattr(self.clients[0], name):
            raise AttributeError(name)
        self.clients.append(self.clients.pop(0))
        return getattr(self.clients[0], name)

    def status(self, answer, wanted):
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], wanted)
        return answer

    def zone(self, name, **more):
        answer = self.status(self.create_hosted_zone(Name=name, CallerReference=name, **more), 201)
        self.assertTrue(answer["Location"].endswith(f"/2013-04-01{answer['HostedZone']['Id']}"))
        return answer["HostedZone"]["Id"].removeprefix("/hostedzone/")

    def upsert(self, zone, name, *values, **more):
        record_set = {"Name": name, "Type": "A", **more}
        if values:
            record_set |= {"TTL": 60, "ResourceRecords": [{"Value": value} for value in values]}
        return self.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={
            "Changes": [{"Action": "UPSERT", "ResourceRecordSet": record_set}]})["ChangeInfo"]["Id"]

    def test_1_hosted_zones_records_and_changes(self):
        zone = self.zone("one.example", HostedZoneConfig={"Comment": "first"})
        change = self.upsert(zone, "www.one.example", "192.0.2.1")
        self.clients[0].get_waiter("resource_record_sets_changed").wait(
            Id=change, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        self.assertEqual(self.get_change(Id=change)["ChangeInfo"]["Status"], "INSYNC")
        for node in self.tools.cluster.nodes:
            self.assertEqual(node.dig("+short", "www.one.example", "A"), "192.0.2.1\n")
        got = self.get_hosted_zone(Id=zone)
        self.assertEqual(got["HostedZone"]["ResourceRecordSetCount"], 3)
        self.assertTrue(got["DelegationSet"]["NameServers"])
        self.update_hosted_zone_comment(Id=zone, Comment="second")
        self.assertEqual(self.get_hosted_zone(Id=zone)["HostedZone"]["Config"]["Comment"], "second")
        self.assertEqual(self.list_hosted_zones_by_name(DNSName="one.example")["HostedZones"][0]["Name"],
                         "one.example.")
        self.assertIn(f"/hostedzone/{zone}", [one["Id"] for page in self.get_paginator(
            "list_hosted_zones").paginate(PaginationConfig={"PageSize": 1}) for one in page["HostedZones"]])
        sets = [one["Name"] for page in self.get_paginator("list_resource_record_sets").paginate(
            HostedZoneId=zone, PaginationConfig={"PageSize": 1}) for one in page["ResourceRecordSets"]]
        self.assertEqual(sets, ["one.example.", "one.example.", "www.one.example."])
        self.assertGreaterEqual(self.get_hosted_zone_count()["HostedZoneCount"], 1)
        self.assertEqual(self.get_hosted_zone_limit(Type="MAX_RRSETS_BY_ZONE", HostedZoneId=zone)["Count"], 3)
        self.assertGreaterEqual(self.get_account_limit(Type="MAX_HOSTED_ZONES_BY_OWNER")["Count"], 1)
        answer = self.test_dns_answer(HostedZoneId=zone, RecordName="www.one.example", RecordType="A")
        self.assertEqual((answer["RecordData"], answer["ResponseCode"]), (["192.0.2.1"], "NOERROR"))
        self.assertEqual(self.get_geo_location(CountryCode="FR")["GeoLocationDetails"]["CountryName"],
                         "France")
        self.assertEqual(self.list_geo_locations(MaxItems="2")["GeoLocationDetailsList"][1]["CountryCode"],
                         "AD")  # behind "*", countries come first

    def test_2_delegation_sets(self):
        made = self.status(self.create_reusable_delegation_set(CallerReference="set"), 201)
        identifier = made["DelegationSet"]["Id"]
        zone = self.zone("two.example", DelegationSetId=identifier)
        self.assertEqual(self.get_reusable_delegation_set(Id=identifier)["DelegationSet"]["Id"], identifier)
        self.assertEqual([one["Id"] for one in self.list_reusable_delegation_sets()["DelegationSets"]],
                         [identifier])
        self.assertEqual(self.get_reusable_delegation_set_limit(
            Type="MAX_ZONES_BY_REUSABLE_DELEGATION_SET", DelegationSetId=identifier)["Count"], 1)
        self.delete_hosted_zone(Id=zone)
        self.delete_reusable_delegation_set(Id=identifier)

    def test_3_health_checks_and_tags(self):
        made = self.status(self.create_health_check(CallerReference="check", HealthCheckConfig={
            "Type": "TCP", "IPAddress": "127.0.0.1", "Port": 9, "RequestInterval": 10}), 201)
        check = made["HealthCheck"]["Id"]
        self.assertEqual(made["HealthCheck"]["HealthCheckVersion"], 1)
        updated = self.update_health_check(HealthCheckId=check, Port=19)["HealthCheck"]
        self.assertEqual((updated["HealthCheckVersion"], updated["HealthCheckConfig"]["Port"]), (2, 19))
        self.assertEqual(self.get_health_check(HealthCheckId=check)["HealthCheck"], updated)
        self.assertEqual([one["Id"] for page in self.get_paginator("list_health_checks").paginate()
                          for one in page["HealthChecks"]], [check])
        self.assertEqual(self.get_health_check_count()["HealthCheckCount"], 1)
        self.assertIn("HealthCheckObservations", self.get_health_check_status(HealthCheckId=check))
        self.assertIn("HealthCheckObservations",
                      self.get_health_check_last_failure_reason(HealthCheckId=check))
        self.assertTrue(self.get_checker_ip_ranges()["CheckerIpRanges"])
        self.change_tags_for_resource(ResourceType="healthcheck", ResourceId=check,
                                      AddTags=[{"Key": "Name", "Value": "mine"}])
        tags = self.list_tags_for_resource(ResourceType="healthcheck", ResourceId=check)
        self.assertEqual(tags["ResourceTagSet"]["Tags"], [{"Key": "Name", "Value": "mine"}])
        sets = self.list_tags_for_resources(ResourceType="healthcheck", ResourceIds=[check])
        self.assertEqual(sets["ResourceTagSets"][0]["ResourceId"], check)
        self.delete_health_check(HealthCheckId=check)

    def test_4_cidr_collections(self):
        made = self.status(self.create_cidr_collection(Name="nets", CallerReference="nets"), 201)
        identifier = made["Collection"]["Id"]
        put = {"LocationName": "office", "Action": "PUT", "CidrList": ["192.0.2.0/24", "2001:db8::/48"]}
        self.change_cidr_collection(Id=identifier, CollectionVersion=1, Changes=[put])
        self.assertEqual([one["Id"] for page in self.get_paginator("list_cidr_collections").paginate()
                          for one in page["CidrCollections"]], [identifier])
        self.assertEqual([one["LocationName"] for page in self.get_paginator("list_cidr_locations").paginate(
            CollectionId=identifier) for one in page["CidrLocations"]], ["office"])
        self.assertEqual({one["CidrBlock"] for page in self.get_paginator("list_cidr_blocks").paginate(
            CollectionId=identifier, PaginationConfig={"PageSize": 1}) for one in page["CidrBlocks"]},
                         {"192.0.2.0/24", "2001:db8::/48"})
        self.change_cidr_collection(Id=identifier, Changes=[{**put, "Action": "DELETE_IF_EXISTS"}])
        self.delete_cidr_collection(Id=identifier)

    def test_5_traffic_policies(self):
        zone = self.zone("five.example")
        document = json.dumps(DOCUMENT)
        policy = self.status(self.create_traffic_policy(Name="p", Document=document), 201)["TrafficPolicy"]
        second = json.dumps({**DOCUMENT, "Endpoints": {
            **DOCUMENT["Endpoints"], "a": {"Type": "value", "Value": "192.0.2.9"}}})
        version = self.status(self.create_traffic_policy_version(Id=policy["Id"], Document=second), 201)
        self.assertEqual(version["TrafficPolicy"]["Version"], 2)
        self.assertEqual(self.get_traffic_policy(Id=policy["Id"], Version=1)["TrafficPolicy"]["Document"],
                         document)
        self.update_traffic_policy_comment(Id=policy["Id"], Version=1, Comment="old")
        self.assertEqual(self.list_traffic_policies()["TrafficPolicySummaries"][0]["LatestVersion"], 2)
        self.assertEqual(len(self.list_traffic_policy_versions(Id=policy["Id"])["TrafficPolicies"]), 2)
        made = self.status(self.create_traffic_policy_instance(
            HostedZoneId=zone, Name="t.five.example", TTL=60, TrafficPolicyId=policy["Id"],
            TrafficPolicyVersion=1), 201)["TrafficPolicyInstance"]
        self.tools.wait_answer(self.tools.cluster.node(2), "t.five.example", "A", ["192.0.2.1"])
        self.update_traffic_policy_instance(Id=made["Id"], TTL=60, TrafficPolicyId=policy["Id"],
                                            TrafficPolicyVersion=2)
        self.tools.wait_answer(self.tools.cluster.node(3), "t.five.example", "A", ["192.0.2.9"])
        self.assertEqual(self.get_traffic_policy_instance(Id=made["Id"])["TrafficPolicyInstance"]
                         ["TrafficPolicyVersion"], 2)
        self.assertEqual(self.get_traffic_policy_instance_count()["TrafficPolicyInstanceCount"], 1)
        for listed in (self.list_traffic_policy_instances(),
                       self.list_traffic_policy_instances_by_hosted_zone(HostedZoneId=zone),
                       self.list_traffic_policy_instances_by_policy(
                           TrafficPolicyId=policy["Id"], TrafficPolicyVersion=2)):
            self.assertEqual([one["Id"] for one in listed["TrafficPolicyInstances"]], [made["Id"]])
        self.delete_traffic_policy_instance(Id=made["Id"])
        self.tools.wait_answer(self.tools.cluster.node(2), "t.five.example", "A", [])
        for number in (1, 2):
            self.delete_traffic_policy(Id=policy["Id"], Version=number)

    def test_6_private_zones(self):
        zone = self.zone("six.example", VPC=VPC)
        self.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=OTHER_VPC)
        self.assertEqual(len(self.get_hosted_zone(Id=zone)["VPCs"]), 2)
        self.assertEqual([one["HostedZoneId"] for one in self.list_hosted_zones_by_vpc(
            VPCId=OTHER_VPC["VPCId"], VPCRegion=OTHER_VPC["VPCRegion"])["HostedZoneSummaries"]], [zone])
        self.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC=OTHER_VPC)
        self.create_vpc_association_authorization(HostedZoneId=zone, VPC=OTHER_VPC)
        self.assertEqual([one for page in self.get_paginator("list_vpc_association_authorizations").paginate(
            HostedZoneId=zone) for one in page["VPCs"]], [OTHER_VPC])
        self.delete_vpc_association_authorization(HostedZoneId=zone, VPC=OTHER_VPC)
        self.delete_hosted_zone(Id=zone)

    def test_7_query_logging(self):
        zone = self.zone("seven.example")
        made = self.status(self.create_query_logging_config(
            HostedZoneId=zone, CloudWatchLogsLogGroupArn=LOG_GROUP), 201)["QueryLoggingConfig"]
        self.assertEqual(self.get_query_logging_config(Id=made["Id"])["QueryLoggingConfig"], made)
        self.assertEqual([one for page in self.get_paginator("list_query_logging_configs").paginate(
            HostedZoneId=zone) for one in page["QueryLoggingConfigs"]], [made])
        self.delete_query_logging_config(Id=made["Id"])

    def test_8_key_signing_keys(self):
        zone = self.zone("eight.example")
        made = self.status(self.create_key_signing_key(
            CallerReference="k", HostedZoneId=zone, Name="ksk1", Status="INACTIVE",
            KeyManagementServiceArn="arn:aws:kms:us-east-1:111122223333:key/one"), 201)
        self.assertEqual(made["KeySigningKey"]["SigningAlgorithmMnemonic"], "ECDSAP256SHA256")
        self.activate_key_signing_key(HostedZoneId=zone, Name="ksk1")
        status = self.get_dnssec(HostedZoneId=zone)
        self.assertEqual(status["KeySigningKeys"][0]["Status"], "ACTIVE")
        self.assertEqual(status["Status"]["ServeSignature"], "NOT_SIGNING")
        with self.assertRaises(self.clients[0].exceptions.ClientError) as refused:
            self.enable_hosted_zone_dnssec(HostedZoneId=zone)
        self.assertIn("sign", str(refused.exception))
        with self.assertRaises(self.clients[0].exceptions.DNSSECNotFound):
            self.disable_hosted_zone_dnssec(HostedZoneId=zone)
        self.deactivate_key_signing_key(HostedZoneId=zone, Name="ksk1")
        self.delete_key_signing_key(HostedZoneId=zone, Name="ksk1")

    def post(self, path, body):
        request = botocore.awsrequest.AWSRequest("POST", self.tools.url(1) + path, data=body)
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(
            self.tools.access_key, self.tools.secret), "route53", "us-east-1").add_auth(request)
        return urllib3.PoolManager().request("POST", request.url, body=body,
                                             headers=dict(request.headers.items()))

    def test_9_features_of_a_zone(self):
        zone = self.zone("nine.example")
        answer = self.post(
            f"/2013-04-01/hostedzone/{zone}/features",
            b'<UpdateHostedZoneFeaturesRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
            b"<EnableAcceleratedRecovery>true</EnableAcceleratedRecovery>"
            b"</UpdateHostedZoneFeaturesRequest>")
        self.assertEqual(answer.status, 200, answer.data)
        self.assertIn(b"UpdateHostedZoneFeaturesResponse", answer.data)
        self.called.add("UpdateHostedZoneFeatures")

    def test_z_every_operation_has_answered(self):
        model = set(self.clients[0].meta.service_model.operation_names) | NEWER
        # Until answers are signed these two can only be refused (test_8).
        refused = {"EnableHostedZoneDNSSEC", "DisableHostedZoneDNSSEC"}
        self.assertEqual(len(model), 71)
        self.assertEqual(model - self.called, refused)


if __name__ == "__main__":
    tap.main()
