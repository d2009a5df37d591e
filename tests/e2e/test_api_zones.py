#!/usr/bin/python3
"""Hosted zones, reusable delegation sets and limits through the Route 53 API, by boto3: every
operation, pages, and the errors that the models tell; written through one node's gateway, read
through another's, and asked by DNS."""
import pathlib
import re
import sys
import unittest
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster  # noqa: E402

SERVERS = ["ns1.quartet.test", "ns2.quartet.test"]
SPACE = ' xmlns="https://route53.amazonaws.com/doc/2013-04-01/"'


class TestApiZones(unittest.TestCase):
    count = 0

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)
        cls.key = cls.cluster.credential()
        cls.api, cls.other = cls.client(1), cls.client(2)

    @classmethod
    def client(cls, number):
        return boto3.client(
            "route53", endpoint_url=cls.cluster.gateway(number).url, region_name="eu-west-1",
            aws_access_key_id=cls.key[0], aws_secret_access_key=cls.key[1],
            config=botocore.config.Config(retries={"total_max_attempts": 1},
                                          parameter_validation=False))

    @classmethod
    def reference(cls):
        cls.count += 1
        return f"reference-{cls.count}"

    def create(self, name, **words):
        return self.api.create_hosted_zone(Name=name, CallerReference=self.reference(), **words)

    def create_id(self, name, **words):
        return self.create(name, **words)["HostedZone"]["Id"].removeprefix("/hostedzone/")

    def refused(self, code, call, status=400, message=None, **words):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**words)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]),
                         (code, status), answer["Error"]["Message"])
        if message:
            self.assertEqual(answer["Error"]["Message"], message)
        return answer["Error"]["Message"]

    def raw(self, method, path, body=None):
        """The answer to a request that this botocore has no model for: status and text."""
        request = botocore.awsrequest.AWSRequest(
            method, self.cluster.gateway(1).url + "/2013-04-01" + path, data=body)
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(*self.key), "route53",
                                "eu-west-1").add_auth(request)
        try:
            with urllib.request.urlopen(urllib.request.Request(
                    request.url, data=body.encode() if body else None, method=method,
                    headers=dict(request.headers))) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait(self, made):
        self.other.get_waiter("resource_record_sets_changed").wait(
            Id=made["ChangeInfo"]["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    # --- one zone

    def test_a_zone_from_its_creation_to_its_end(self):
        made = self.api.create_hosted_zone(
            Name="Life.Example", CallerReference="life",
            HostedZoneConfig={"Comment": "a <remark> & more", "PrivateZone": False})
        zone = made["HostedZone"]
        self.assertRegex(zone["Id"], r"^/hostedzone/Z[A-Z0-9]{20}$")
        self.assertEqual((zone["Name"], zone["CallerReference"], zone["Config"],
                          zone["ResourceRecordSetCount"]),
                         ("life.example.", "life",
                          {"Comment": "a <remark> & more", "PrivateZone": False}, 2))
        self.assertEqual(made["DelegationSet"], {"NameServers": SERVERS})
        self.assertNotIn("VPC", made)
        self.assertRegex(made["ChangeInfo"]["Id"], r"^/change/C[A-Z0-9]{20}$")
        self.assertEqual(made["ChangeInfo"]["Status"], "PENDING")
        self.assertTrue(made["Location"].endswith("/2013-04-01" + zone["Id"]), made["Location"])
        self.assertEqual(made["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.wait(made)
        self.assertIn("ns1.quartet.test.", self.cluster.node(2).dig("+short", "life.example", "NS"))
        got = self.other.get_hosted_zone(Id=zone["Id"])
        self.assertEqual(got["HostedZone"], zone)
        self.assertEqual(got["DelegationSet"], made["DelegationSet"])
        changed = self.other.update_hosted_zone_comment(Id=zone["Id"], Comment="other")
        self.assertEqual(changed["HostedZone"]["Config"]["Comment"], "other")
        changed = self.api.update_hosted_zone_comment(Id=zone["Id"])
        self.assertEqual(changed["HostedZone"]["Config"], {"PrivateZone": False})
        gone = self.api.delete_hosted_zone(Id=zone["Id"])
        self.assertEqual(gone["ChangeInfo"]["Status"], "PENDING")
        self.assertGreater(gone["ChangeInfo"]["SubmittedAt"], made["ChangeInfo"]["SubmittedAt"])
        self.wait(gone)
        bare = zone["Id"].removeprefix("/hostedzone/")
        self.refused("NoSuchHostedZone", self.other.get_hosted_zone, 404,
                     f"No hosted zone found with ID: {bare}", Id=zone["Id"])
        self.refused("HostedZoneAlreadyExists", self.api.create_hosted_zone, 409,
                     "A hosted zone has already been created with the specified caller reference.",
                     Name="other.example", CallerReference="life")

    def test_zones_that_are_not_there(self):
        for call in (self.api.get_hosted_zone, self.api.delete_hosted_zone,
                     self.api.update_hosted_zone_comment):
            self.refused("NoSuchHostedZone", call, 404, Id="Z00000000000000000000")
            self.refused("NoSuchHostedZone", call, 404, Id="quartet.test.")  # Route 53 has ids
            self.refused("InvalidInput", call, Id="Z" * 33)

    def test_a_zone_with_records_is_not_deleted(self):
        zone = self.create_id("full.example")
        self.node.quartet("record", "set", zone, "www", "A", "192.0.2.1")
        self.refused("HostedZoneNotEmpty", self.api.delete_hosted_zone, 400,
                     "The specified hosted zone contains non-required resource record sets  and so "
                     "cannot be deleted.", Id=zone)

    def test_names_and_members_are_checked(self):
        create = self.api.create_hosted_zone
        for name in ("a..b", "*.example", "\\052.example", "x" * 64 + ".example", "a b.example",
                     "\u00fc.example", ".", ".".join(["x" * 60] * 5)):
            self.refused("InvalidDomainName", create, Name=name, CallerReference=self.reference())
        self.refused("InvalidInput", create, Name="x" * 1025, CallerReference=self.reference())
        self.refused("InvalidInput", create, Name="x.example", CallerReference="")
        self.refused("InvalidInput", create, Name="x.example", CallerReference="r" * 129)
        self.refused("InvalidInput", create, CallerReference=self.reference())
        self.refused("InvalidInput", create, Name="x.example", CallerReference=self.reference(),
                     HostedZoneConfig={"Comment": "c" * 257})
        self.refused("InvalidInput", create, Name="x.example", CallerReference=self.reference(),
                     HostedZoneConfig={"PrivateZone": True})
        zone = self.create("odd\\100\\052name.example")["HostedZone"]
        self.assertEqual(zone["Name"], "odd\\100\\052name.example.")
        self.refused("InvalidInput", self.api.update_hosted_zone_comment, Id=zone["Id"],
                     Comment="c" * 257)

    def test_features(self):
        zone = self.create_id("features.example")
        body = "<UpdateHostedZoneFeaturesRequest{}>{}</UpdateHostedZoneFeaturesRequest>"
        for flag, state in (("true", "ENABLED"), ("false", "DISABLED")):
            status, _ = self.raw("POST", f"/hostedzone/{zone}/features", body.format(
                SPACE, f"<EnableAcceleratedRecovery>{flag}</EnableAcceleratedRecovery>"))
            self.assertEqual(status, 200)
            self.assertIn(f"<AcceleratedRecoveryStatus>{state}</AcceleratedRecoveryStatus>",
                          self.raw("GET", f"/hostedzone/{zone}")[1])
        status, text = self.raw("POST", f"/hostedzone/{zone}/features", body.format(
            SPACE, "<EnableAcceleratedRecovery>perhaps</EnableAcceleratedRecovery>"))
        self.assertEqual(status, 400)
        self.assertIn("InvalidInput", text)

    # --- several of one name

    def test_zones_of_one_name(self):
        first = self.create_id("same.example")
        made = self.create("same.example")
        second = made["HostedZone"]["Id"].removeprefix("/hostedzone/")
        self.wait(made)
        for zone, value in ((first, "first"), (second, "second")):
            self.node.quartet("record", "set", zone, "www", "TXT", f'"{value}"', "--wait")
        ask = self.cluster.node(2).dig
        self.assertEqual(ask("+short", "www.same.example", "TXT").strip(), '"first"')
        self.node.quartet("zone", "activate", second, "--wait")
        self.assertEqual(ask("+short", "www.same.example", "TXT").strip(), '"second"')
        listed = self.other.list_hosted_zones_by_name(DNSName="same.example", MaxItems="2")
        self.assertEqual([zone["Id"] for zone in listed["HostedZones"]],
                         sorted(f"/hostedzone/{zone}" for zone in (first, second)))

    # --- lists

    def test_pages_by_id(self):
        made = sorted(self.create(f"page{number}.example")["HostedZone"]["Id"]
                      for number in range(5))
        pages = list(self.other.get_paginator("list_hosted_zones").paginate(
            PaginationConfig={"PageSize": 2}))
        listed = [zone["Id"] for page in pages for zone in page["HostedZones"]]
        self.assertEqual(listed, sorted(listed))
        self.assertLessEqual(set(made), set(listed))
        self.assertEqual(len(listed), self.api.get_hosted_zone_count()["HostedZoneCount"])
        for page in pages[:-1]:
            self.assertEqual((len(page["HostedZones"]), page["IsTruncated"], page["MaxItems"]),
                             (2, True, "2"))
            self.assertRegex(page["NextMarker"], r"^Z[A-Z0-9]{20}$")
        self.assertFalse(pages[-1]["IsTruncated"])
        self.assertNotIn("NextMarker", pages[-1])
        self.assertEqual(pages[1]["Marker"], pages[0]["NextMarker"])
        whole = self.api.list_hosted_zones()
        self.assertEqual((whole["Marker"], whole["MaxItems"], whole["IsTruncated"]),
                         ("", "100", False))
        self.assertEqual(self.api.list_hosted_zones(Marker="ZZZZZ")["HostedZones"], [])
        self.assertEqual(self.api.list_hosted_zones(Marker="Z" * 60)["HostedZones"], [])
        for words in ({"MaxItems": "0"}, {"MaxItems": "x"}, {"Marker": "m" * 65}):
            self.refused("InvalidInput", self.api.list_hosted_zones, **words)
        self.refused("NoSuchDelegationSet", self.api.list_hosted_zones,
                     DelegationSetId="N00000000000000000000")

    def test_pages_by_name(self):
        names = ["order.test.", "a-b.order.test.", "a.order.test.", "x.a.order.test.",
                 "\\052x.order.test.", "a_.order.test.", "0.order.test.", "b.order.test."]
        for name in names:
            self.create(name)

        def key(name):
            return "".join(label + "." for label in reversed(name.split(".")[:-1]))

        page = self.other.list_hosted_zones_by_name(DNSName="ORDER.test", MaxItems="3")
        self.assertEqual(page["DNSName"], "ORDER.test")
        listed = [zone["Name"] for zone in page["HostedZones"]]
        while page["IsTruncated"] and len(listed) < len(names):
            page = self.other.list_hosted_zones_by_name(
                DNSName=page["NextDNSName"], HostedZoneId=page["NextHostedZoneId"], MaxItems="3")
            self.assertEqual(page["HostedZoneId"], "/".join(page["HostedZoneId"].split("/")[-1:]))
            listed += [zone["Name"] for zone in page["HostedZones"]]
        self.assertEqual(listed[:len(names)], sorted(names, key=key))
        start = self.api.list_hosted_zones_by_name(DNSName="a.order.test.")  # it is no filter
        self.assertEqual(start["HostedZones"][0]["Name"], "a.order.test.")
        self.assertGreater(len(start["HostedZones"]), 1)
        self.assertNotIn("NextDNSName", start)
        self.assertNotIn("DNSName", self.api.list_hosted_zones_by_name())
        self.refused("InvalidInput", self.api.list_hosted_zones_by_name, HostedZoneId="Z1")
        self.refused("InvalidDomainName", self.api.list_hosted_zones_by_name, DNSName="a..b")

    # --- delegation sets

    def test_a_delegation_set_from_its_creation_to_its_end(self):
        made = self.api.create_reusable_delegation_set(CallerReference="set")
        found = made["DelegationSet"]
        self.assertRegex(found["Id"], r"^/delegationset/N[A-Z0-9]{20}$")
        self.assertEqual((found["CallerReference"], found["NameServers"]), ("set", SERVERS))
        self.assertTrue(made["Location"].endswith("/2013-04-01" + found["Id"]))
        self.assertEqual(made["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertEqual(self.other.get_reusable_delegation_set(Id=found["Id"])["DelegationSet"],
                         found)
        self.refused("DelegationSetAlreadyCreated", self.api.create_reusable_delegation_set,
                     CallerReference="set")
        zone = self.create("set.example", DelegationSetId=found["Id"])
        self.assertEqual(zone["DelegationSet"],
                         {"Id": found["Id"], "NameServers": found["NameServers"]})
        shown = self.other.get_hosted_zone(Id=zone["HostedZone"]["Id"])
        self.assertEqual(shown["DelegationSet"], zone["DelegationSet"])
        listed = self.api.list_hosted_zones(DelegationSetId=found["Id"])
        self.assertEqual([each["Name"] for each in listed["HostedZones"]], ["set.example."])
        limit = self.api.get_reusable_delegation_set_limit(
            Type="MAX_ZONES_BY_REUSABLE_DELEGATION_SET", DelegationSetId=found["Id"])
        self.assertEqual((limit["Limit"]["Value"], limit["Count"]), (1000000, 1))
        self.refused("ConflictingDomainExists", self.api.create_hosted_zone, Name="set.example",
                     CallerReference=self.reference(), DelegationSetId=found["Id"])
        self.refused("DelegationSetInUse", self.api.delete_reusable_delegation_set, Id=found["Id"])
        self.api.delete_hosted_zone(Id=zone["HostedZone"]["Id"])
        self.api.delete_reusable_delegation_set(Id=found["Id"])
        for call in (self.other.get_reusable_delegation_set,
                     self.other.delete_reusable_delegation_set):
            self.refused("NoSuchDelegationSet", call, Id=found["Id"])
        self.refused("NoSuchDelegationSet", self.api.create_hosted_zone, Name="set.example",
                     CallerReference=self.reference(), DelegationSetId=found["Id"])
        self.refused("NoSuchDelegationSet", self.api.get_reusable_delegation_set_limit,
                     Type="MAX_ZONES_BY_REUSABLE_DELEGATION_SET", DelegationSetId=found["Id"])

    def test_a_zones_servers_become_reusable(self):
        zone = self.create("reuse.example")
        made = self.api.create_reusable_delegation_set(
            CallerReference="of a zone", HostedZoneId=zone["HostedZone"]["Id"])["DelegationSet"]
        self.assertEqual(made["NameServers"], zone["DelegationSet"]["NameServers"])
        shown = self.api.get_hosted_zone(Id=zone["HostedZone"]["Id"])["DelegationSet"]
        self.assertEqual(shown["Id"], made["Id"])
        self.refused("DelegationSetAlreadyReusable", self.api.create_reusable_delegation_set,
                     CallerReference="again", HostedZoneId=zone["HostedZone"]["Id"])
        for missing in ("Z00000000000000000000", "reuse.example"):
            self.refused("HostedZoneNotFound", self.api.create_reusable_delegation_set,
                         CallerReference="none", HostedZoneId=missing)
        self.refused("InvalidInput", self.api.create_reusable_delegation_set, CallerReference="")

    def test_pages_of_delegation_sets(self):
        made = {self.api.create_reusable_delegation_set(
            CallerReference=self.reference())["DelegationSet"]["Id"] for _ in range(3)}
        listed, words = [], {}
        while True:
            page = self.other.list_reusable_delegation_sets(MaxItems="1", **words)
            self.assertEqual((page["MaxItems"], page["Marker"]), ("1", words.get("Marker", "")))
            listed += [each["Id"] for each in page["DelegationSets"]]
            if not page["IsTruncated"]:
                break
            words = {"Marker": page["NextMarker"]}
        self.assertNotIn("NextMarker", page)
        self.assertEqual(listed, sorted(listed))
        self.assertLessEqual(made, set(listed))

    # --- limits

    def test_limits(self):
        count = self.api.get_hosted_zone_count()["HostedZoneCount"]
        limit = self.other.get_account_limit(Type="MAX_HOSTED_ZONES_BY_OWNER")
        self.assertEqual((limit["Limit"], limit["Count"]),
                         ({"Type": "MAX_HOSTED_ZONES_BY_OWNER", "Value": 1000000}, count))
        for kind in ("MAX_HEALTH_CHECKS_BY_OWNER", "MAX_REUSABLE_DELEGATION_SETS_BY_OWNER",
                     "MAX_TRAFFIC_POLICIES_BY_OWNER", "MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER"):
            self.assertGreater(self.api.get_account_limit(Type=kind)["Limit"]["Value"], 0)
        self.refused("InvalidInput", self.api.get_account_limit, Type="MAX_NOTHING")
        self.node.quartet("limits", "MAX_HOSTED_ZONES_BY_OWNER", str(count))
        self.refused("TooManyHostedZones", self.api.create_hosted_zone, Name="many.example",
                     CallerReference=self.reference())
        self.node.quartet("limits", "MAX_HOSTED_ZONES_BY_OWNER", "usual")
        zone = self.create_id("many.example")
        got = self.api.get_hosted_zone_limit(Type="MAX_RRSETS_BY_ZONE", HostedZoneId=zone)
        self.assertEqual((got["Limit"]["Type"], got["Count"]), ("MAX_RRSETS_BY_ZONE", 2))
        self.refused("HostedZoneNotPrivate", self.api.get_hosted_zone_limit,
                     Type="MAX_VPCS_ASSOCIATED_BY_ZONE", HostedZoneId=zone)
        self.refused("NoSuchHostedZone", self.api.get_hosted_zone_limit, 404,
                     Type="MAX_RRSETS_BY_ZONE", HostedZoneId="Z00000000000000000000")
        self.refused("InvalidInput", self.api.get_hosted_zone_limit, Type="MAX_NOTHING",
                     HostedZoneId=zone)

    # --- private zones

    def test_a_private_zone(self):
        vpc = {"VPCRegion": "us-east-1", "VPCId": "vpc-1"}
        made = self.create("inside.example", VPC=vpc, HostedZoneConfig={"PrivateZone": True})
        zone = made["HostedZone"]
        self.assertEqual(zone["Config"], {"PrivateZone": True})
        self.assertEqual(made["VPC"], vpc)
        self.assertNotIn("DelegationSet", made)
        got = self.other.get_hosted_zone(Id=zone["Id"])
        self.assertEqual((got["VPCs"], "DelegationSet" in got), ([vpc], False))
        limit = self.api.get_hosted_zone_limit(
            Type="MAX_VPCS_ASSOCIATED_BY_ZONE",
            HostedZoneId=zone["Id"].removeprefix("/hostedzone/"))
        self.assertEqual(limit["Count"], 1)
        _, text = self.raw("GET", "/hostedzone?hostedzonetype=PrivateHostedZone")
        self.assertEqual(re.findall("<Name>(.*?)</Name>", text), ["inside.example."])
        self.assertEqual(self.raw("GET", "/hostedzone?hostedzonetype=Other")[0], 400)
        found = self.api.create_reusable_delegation_set(CallerReference="no private one")
        self.refused("InvalidInput", self.api.create_hosted_zone, Name="inner.example",
                     CallerReference=self.reference(), VPC=vpc,
                     DelegationSetId=found["DelegationSet"]["Id"])
        self.refused("InvalidArgument", self.api.create_reusable_delegation_set,
                     CallerReference="nor of one", HostedZoneId=zone["Id"])


if __name__ == "__main__":
    tap.main()
