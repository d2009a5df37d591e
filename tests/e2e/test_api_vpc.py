#!/usr/bin/python3
"""Private zones through the Route 53 API, by boto3: the six operations about VPCs and the two that
show them, their errors in Route 53's words, and what clients are answered."""
import pathlib
import sys
import unittest

import boto3
import botocore.config
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

REGION = "eu-west-1"
INSIDE, OUTSIDE = "127.77.1.9", "127.88.0.9"


def vpc(name):
    return {"VPCRegion": REGION, "VPCId": name}


class TestApiVpc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.node, cls.other = cls.cluster.node(1), cls.cluster.node(2)
        key = cls.cluster.credential()
        cls.api, cls.second = [boto3.client(
            "route53", endpoint_url=cls.cluster.gateway(number).url, region_name=REGION,
            aws_access_key_id=key[0], aws_secret_access_key=key[1],
            config=botocore.config.Config(retries={"total_max_attempts": 1},
                                          parameter_validation=False)) for number in (1, 2)]
        cls.references = 0
        cls.node.quartet("view", "set", "vpc-inside", "127.77.0.0/16")

    def create(self, name, first=None):
        TestApiVpc.references += 1
        more = {"VPC": vpc(first)} if first else {}
        return self.api.create_hosted_zone(Name=name, CallerReference=f"r{self.references}",
                                           HostedZoneConfig={"PrivateZone": bool(first)}, **more)

    def fails(self, call, code, status, message=None, **words):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**words)
        error = caught.exception.response
        self.assertEqual((error["Error"]["Code"],
                          error["ResponseMetadata"]["HTTPStatusCode"]), (code, status),
                         error["Error"]["Message"])
        if message:
            self.assertEqual(error["Error"]["Message"], message)

    def ask(self, client, name, node=None):
        return (node or self.node).dig("+short", "-b", client, name, "A").strip()

    def test_a_private_zone_from_birth_to_death(self):
        made = self.create("born.example", "vpc-inside")
        self.assertNotIn("DelegationSet", made)
        self.assertEqual(made["VPC"], vpc("vpc-inside"))
        self.assertTrue(made["HostedZone"]["Config"]["PrivateZone"])
        zone = made["HostedZone"]["Id"]
        shown = self.second.get_hosted_zone(Id=zone)
        self.assertEqual(shown["VPCs"], [vpc("vpc-inside")])
        self.assertNotIn("DelegationSet", shown)
        change = self.api.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [
            {"Action": "CREATE", "ResourceRecordSet": {
                "Name": "www.born.example", "Type": "A", "TTL": 60,
                "ResourceRecords": [{"Value": "10.0.0.1"}]}}]})["ChangeInfo"]
        wait_until(lambda: self.api.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "INSYNC",
                   20, "the change in sync")
        for node in (self.node, self.other):
            self.assertEqual(self.ask(INSIDE, "www.born.example", node), "10.0.0.1")
            self.assertEqual(self.ask(OUTSIDE, "www.born.example", node), "")
        self.fails(self.api.delete_hosted_zone, "HostedZoneNotEmpty", 400, Id=zone)
        self.api.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [
            {"Action": "DELETE", "ResourceRecordSet": {
                "Name": "www.born.example", "Type": "A", "TTL": 60,
                "ResourceRecords": [{"Value": "10.0.0.1"}]}}]})
        self.api.delete_hosted_zone(Id=zone)
        self.fails(self.api.get_hosted_zone, "NoSuchHostedZone", 404, Id=zone)

    def test_associations(self):
        zone = self.create("moves.example", "vpc-1")["HostedZone"]["Id"]
        public = self.create("public.example")["HostedZone"]["Id"]
        same = self.create("moves.example", "vpc-2")["HostedZone"]["Id"]
        associate = self.api.associate_vpc_with_hosted_zone
        disassociate = self.api.disassociate_vpc_from_hosted_zone
        change = associate(HostedZoneId=zone, VPC=vpc("vpc-inside"), Comment="more")["ChangeInfo"]
        self.assertEqual(change["Comment"], "more")
        self.assertTrue(change["Id"].startswith("/change/C"))
        wait_until(lambda: self.second.get_change(Id=change["Id"])["ChangeInfo"]["Status"]
                   == "INSYNC", 20, "the association in sync")
        self.assertEqual([each["VPCId"] for each in self.second.get_hosted_zone(Id=zone)["VPCs"]],
                         ["vpc-1", "vpc-inside"])
        self.fails(associate, "PublicZoneVPCAssociation", 400, HostedZoneId=public,
                   VPC=vpc("vpc-1"))
        self.fails(associate, "ConflictingDomainExists", 400,
                   "The VPC that you chose, vpc-1 in region eu-west-1, is already associated with "
                   "another private hosted zone that has an overlapping name space, "
                   "moves.example..", HostedZoneId=same, VPC=vpc("vpc-1"))
        self.fails(associate, "InvalidVPCId", 400, "The VPC ID is invalid.", HostedZoneId=zone,
                   VPC=vpc("no vpc"))
        self.fails(associate, "InvalidInput", 400, HostedZoneId=zone, VPC={
            "VPCRegion": REGION, "VPCId": "v" * 1025})
        self.fails(associate, "InvalidInput", 400, "1 validation error detected: Value null at "
                   "'vPC' failed to satisfy constraint: Member must not be null",
                   HostedZoneId=zone, Comment="to none")
        self.fails(associate, "NoSuchHostedZone", 404, "No hosted zone found with ID: ZNONE",
                   HostedZoneId="ZNONE", VPC=vpc("vpc-1"))
        self.fails(disassociate, "VPCAssociationNotFound", 404, HostedZoneId=zone,
                   VPC=vpc("vpc-2"))
        disassociate(HostedZoneId=zone, VPC=vpc("vpc-inside"))
        self.fails(disassociate, "LastVPCAssociation", 400, HostedZoneId=zone, VPC=vpc("vpc-1"))

    def test_creation_is_refused_in_route53s_words(self):
        self.create("taken.example", "vpc-3")
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.create("taken.example", "vpc-3")
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], "ConflictingDomainExists")
        self.assertEqual(error["Message"], "A conflicting domain is already associated with the "
                                           "given VPC or Delegation Set.")
        self.fails(self.create, "InvalidVPCId", 400, name="other.example", first="no vpc")

    def test_authorizations(self):
        zone = self.create("shared.example", "vpc-4")["HostedZone"]["Id"]
        bare = zone.removeprefix("/hostedzone/")
        authorize = self.api.create_vpc_association_authorization
        names = [f"vpc-a{number:02}" for number in range(5)]
        for name in names:
            made = authorize(HostedZoneId=zone, VPC=vpc(name))
            self.assertEqual((made["HostedZoneId"], made["VPC"]), (bare, vpc(name)))
            self.assertEqual(made["ResponseMetadata"]["HTTPStatusCode"], 200)
        listed, token = [], {}
        while True:
            page = self.second.list_vpc_association_authorizations(HostedZoneId=zone,
                                                                   MaxResults="2", **token)
            self.assertEqual(page["HostedZoneId"], bare)
            listed += page["VPCs"]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        self.assertEqual(listed, [vpc(name) for name in names])
        delete = self.api.delete_vpc_association_authorization
        delete(HostedZoneId=zone, VPC=vpc(names[0]))
        self.fails(delete, "VPCAssociationAuthorizationNotFound", 404, HostedZoneId=zone,
                   VPC=vpc(names[0]))
        self.fails(self.api.list_vpc_association_authorizations, "InvalidPaginationToken", 400,
                   HostedZoneId=zone, NextToken="!")
        self.fails(self.api.list_vpc_association_authorizations, "NoSuchHostedZone", 404,
                   HostedZoneId="ZNONE")
        # associating needs none: all VPCs are of one account
        self.api.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=vpc("vpc-b"))

    def test_zones_of_a_vpc(self):
        made = {self.create(f"z{number}.example", "vpc-5")["HostedZone"]["Id"]
                .removeprefix("/hostedzone/"): f"z{number}.example." for number in range(5)}
        listed, token = {}, {}
        while True:
            page = self.second.list_hosted_zones_by_vpc(VPCId="vpc-5", VPCRegion=REGION,
                                                        MaxItems="2", **token)
            self.assertEqual(page["MaxItems"], "2")
            for each in page["HostedZoneSummaries"]:
                self.assertEqual(set(each["Owner"]), {"OwningAccount"})
                listed[each["HostedZoneId"]] = each["Name"]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        self.assertEqual(listed, made)
        none = self.api.list_hosted_zones_by_vpc(VPCId="vpc-none", VPCRegion=REGION)
        self.assertEqual((none["HostedZoneSummaries"], none["MaxItems"]), ([], "100"))
        self.fails(self.api.list_hosted_zones_by_vpc, "InvalidPaginationToken", 400,
                   VPCId="vpc-5", VPCRegion=REGION, NextToken="nothing")
        self.fails(self.api.list_hosted_zones_by_vpc, "InvalidInput", 400, VPCId="vpc-5")
        private = self.api.list_hosted_zones()["HostedZones"]
        self.assertTrue(all(zone["Config"]["PrivateZone"] for zone in private
                            if zone["Name"] in made.values()))


if __name__ == "__main__":
    tap.main()
