#!/usr/bin/python3
"""Record sets through the Route 53 API, by boto3: every policy, every type, errors in Route 53's
words, pages, the waiter; written through one node's gateway, read through another's, and asked by
DNS. A request that is sent again after its reply was lost is made once."""
import itertools
import pathlib
import random
import sys
import time
import unittest
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

ZONE = "records.example"
OTHER = "other.example"


def plain(name, kind="A", *values, ttl=60, **fields):
    return {"Name": name, "Type": kind, "TTL": ttl,
            "ResourceRecords": [{"Value": value} for value in values or ("192.0.2.1",)], **fields}


def alias(name, target, zone, kind="A", health=False, **fields):
    return {"Name": name, "Type": kind, "AliasTarget": {
        "HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": health}, **fields}


class TestApiRecords(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        cls.node = cls.cluster.node(1)
        cls.key = cls.cluster.credential()
        cls.apis = [cls.client(number) for number in (1, 2)]
        cls.zone = cls.node.json("zone", "create", ZONE)["id"]
        cls.elsewhere = cls.node.json("zone", "create", OTHER)["id"]

    @classmethod
    def client(cls, number):
        return boto3.client(
            "route53", endpoint_url=cls.cluster.gateway(number).url, region_name="eu-west-1",
            aws_access_key_id=cls.key[0], aws_secret_access_key=cls.key[1],
            config=botocore.config.Config(retries={"total_max_attempts": 1},
                                          parameter_validation=False))

    def tearDown(self):
        """What a test made can be deleted as it is listed."""
        sets = [each for each in self.all_sets() if each["Type"] not in ("SOA", "NS")
                or each["Name"] != ZONE + "."]
        if sets:
            self.change(*[("DELETE", each) for each in sets])
        self.assertEqual(len(self.all_sets()), 2)

    def change(self, *changes, zone=None, comment=None, api=0):
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": each}
                             for action, each in changes]}
        if comment:
            batch["Comment"] = comment
        return self.apis[api].change_resource_record_sets(
            HostedZoneId=zone or self.zone, ChangeBatch=batch)["ChangeInfo"]

    def all_sets(self, api=1):
        pages = self.apis[api].get_paginator("list_resource_record_sets")
        return [each for page in pages.paginate(HostedZoneId=self.zone)
                for each in page["ResourceRecordSets"]]

    def listed(self, name):
        return [each for each in self.all_sets() if each["Name"] == name]

    def refused(self, code, message, *changes, status=400, **words):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.change(*changes, **words)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["Error"]["Message"]), (code, message))
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], status)

    # --- changes

    def test_change_is_in_sync_and_answered(self):
        made = self.change(("CREATE", plain("WWW." + ZONE)), comment="first")
        self.assertRegex(made["Id"], r"^/change/C[A-Z0-9]{20}$")
        self.assertEqual((made["Status"], made["Comment"]), ("PENDING", "first"))
        self.apis[1].get_waiter("resource_record_sets_changed").wait(
            Id=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        shown = self.apis[1].get_change(Id=made["Id"])["ChangeInfo"]
        self.assertEqual((shown["Id"], shown["Status"], shown["Comment"], shown["SubmittedAt"]),
                         (made["Id"], "INSYNC", "first", made["SubmittedAt"]))
        for number in (1, 2):
            self.assertIn("192.0.2.1", self.cluster.node(number).dig("www." + ZONE, "A", "+short"))
        self.assertEqual(self.listed(f"www.{ZONE}."), [plain(f"www.{ZONE}.")])

    def test_unknown_change(self):
        with self.assertRaises(self.apis[0].exceptions.NoSuchChange):
            self.apis[0].get_change(Id="C00000000000000000000")

    def test_every_type_is_listed_as_it_was_given(self):
        sets = [
            plain(f"t.{ZONE}.", "A", "192.0.2.1", "192.0.2.2"),
            plain(f"t.{ZONE}.", "AAAA", "2001:db8::1"),
            plain(f"t.{ZONE}.", "CAA", '0 issue "ca.example.net; policy=ev"'),
            plain(f"t.{ZONE}.", "HTTPS", "1 . alpn=h2,h3 port=8443"),
            plain(f"t.{ZONE}.", "MX", "10 Mail.example.net.", "20 mail2.example.net."),
            plain(f"t.{ZONE}.", "NAPTR", '100 50 "u" "E2U+sip" "!^.*$!sip:a@example.com!" .'),
            plain(f"t.{ZONE}.", "PTR", "a.example.net."),
            plain(f"t.{ZONE}.", "SPF", '"v=spf1 -all"'),
            plain(f"t.{ZONE}.", "SRV", "1 2 443 a.example.net."),
            plain(f"t.{ZONE}.", "SSHFP", "4 2 AB12"),
            plain(f"t.{ZONE}.", "SVCB", "1 a.example.net."),
            plain(f"t.{ZONE}.", "TLSA", "3 1 1 0C72AC70"),
            plain(f"t.{ZONE}.", "TXT", '"a\\"b\\\\c\\344" "two"'),
            plain(f"sub.{ZONE}.", "DS", "123 13 2 49FD46E6C4B45C55D4AC"),
            plain(f"sub.{ZONE}.", "NS", "ns1.example.net."),
            plain(f"\\052.{ZONE}.", "CNAME", "Target.example.net."),
        ]
        self.change(*[("CREATE", each) for each in sets])
        kept = [each for each in self.all_sets() if each["Name"] != ZONE + "."]
        def key(each):
            return each["Name"], each["Type"]
        self.assertEqual(sorted(kept, key=key), sorted(sets, key=key))
        self.assertIn("E2U+sip", self.node.dig("t." + ZONE, "NAPTR", "+short"))

    def test_values_are_listed_as_they_were_written(self):
        sets = [plain(f"v.{ZONE}.", "AAAA", "2001:DB8::1", "2001:db8:0::2"),
                plain(f"v.{ZONE}.", "MX", "10  Mail.example.net"),
                plain(f"v.{ZONE}.", "TXT", '"a""b"')]
        self.change(*[("CREATE", each) for each in sets])
        self.assertEqual(self.listed(f"v.{ZONE}."), sets)
        self.change(("DELETE", plain(f"v.{ZONE}.", "MX", "10 mail.example.net.")))  # the same
        self.assertEqual(self.node.dig("v." + ZONE, "AAAA", "+short").count("2001:db8::"), 2)

    def test_every_policy_is_listed_as_it_was_given(self):
        check = self.node.json("health", "create", "--type", "TCP", "--ip", "127.0.0.1", "--port",
                               "9", "--disabled")["id"]
        collection = self.node.json("cidr", "create", "offices")["id"]
        self.node.quartet("cidr", "change", "offices", "berlin", "198.51.100.0/24")
        name = f"p.{ZONE}."
        fields = [
            [{"Weight": 0}, {"Weight": 255, "HealthCheckId": check}],
            [{"Region": "eu-west-1"}, {"Region": "us-east-1"}],
            [{"Failover": "PRIMARY", "HealthCheckId": check}, {"Failover": "SECONDARY"}],
            [{"GeoLocation": {"ContinentCode": "EU"}}, {"GeoLocation": {"CountryCode": "*"}},
             {"GeoLocation": {"CountryCode": "US", "SubdivisionCode": "WA"}}],
            [{"MultiValueAnswer": True}, {"MultiValueAnswer": True, "HealthCheckId": check}],
            [{"CidrRoutingConfig": {"CollectionId": collection, "LocationName": "berlin"}},
             {"CidrRoutingConfig": {"CollectionId": collection, "LocationName": "*"}}],
        ]
        for group in fields:
            with self.subTest(group=group):
                sets = [plain(name, "A", f"192.0.2.{number}", SetIdentifier=f"s{number}", **each)
                        for number, each in enumerate(group)]
                self.change(*[("CREATE", each) for each in sets])
                self.assertEqual(self.listed(name), sets)
                self.assertTrue(self.node.dig("p." + ZONE, "A"))
                self.change(*[("DELETE", each) for each in self.listed(name)])
        self.node.quartet("health", "delete", check)

    def test_aliases(self):
        target = plain(f"t.{ZONE}.")
        sets = [alias(f"a.{ZONE}.", f"t.{ZONE}.", self.zone, health=True),
                alias(f"b.{ZONE}.", "lb-1.elb.amazonaws.com.", "Z35SXDOTRQ7X7K")]
        self.change(*[("CREATE", each) for each in [*sets, target]])  # targets may come later
        self.assertEqual(self.listed(f"a.{ZONE}."), sets[:1])
        self.assertEqual(self.listed(f"b.{ZONE}."), sets[1:])
        self.assertIn("192.0.2.1", self.node.dig("a." + ZONE, "A", "+short"))
        self.refused("InvalidChangeBatch",
                     f"[Tried to create an alias that targets x.{OTHER}., type A in zone {self.zone}, "
                     "but the alias target name does not lie within the target zone, "
                     f"Tried to create an alias that targets x.{OTHER}., type A in zone {self.zone}, "
                     "but that target was not found]",
                     ("CREATE", alias(f"c.{ZONE}.", f"x.{OTHER}", self.zone)))
        self.change(*[("DELETE", each) for each in sets])

    # --- refusals

    def test_all_problems_are_told(self):
        self.change(("CREATE", plain("a." + ZONE)), ("CREATE", plain("c." + ZONE, "CNAME", "t.")))
        self.refused(
            "InvalidChangeBatch",
            f"[Tried to create resource record set [name='a.{ZONE}.', type='A'] but it already "
            "exists, "
            f"RRSet with DNS name x.org. is not permitted in zone {ZONE}., "
            f"Tried to delete resource record set [name='none.{ZONE}.', type='A'] but it was not "
            "found, "
            f"RRSet of type A with DNS name c.{ZONE}. is not permitted because a conflicting RRSet "
            f"of type CNAME with the same DNS name already exists in zone {ZONE}.]",
            ("CREATE", plain("a." + ZONE)), ("CREATE", plain("x.org")),
            ("DELETE", plain("none." + ZONE)), ("CREATE", plain("c." + ZONE)))
        self.refused(
            "InvalidChangeBatch",
            "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a "
            "valid IPv4 address) encountered with 'foo'', Duplicate Resource Record: '192.0.2.1']",
            ("UPSERT", plain("a." + ZONE, "A", "foo", "192.0.2.1", "192.0.2.1")))

    def test_apex_is_kept(self):
        soa, = [each for each in self.all_sets() if each["Type"] == "SOA"]
        ns, = [each for each in self.all_sets() if each["Type"] == "NS"]
        self.refused("InvalidChangeBatch", "[A HostedZone must contain exactly one SOA record., "
                     "A HostedZone must contain exactly one SOA record.]",
                     ("DELETE", soa), ("DELETE", ns))
        self.refused("InvalidChangeBatch",
                     "[A HostedZone must contain at least one NS record for the zone itself.]",
                     ("DELETE", ns))
        self.change(("UPSERT", {**ns, "TTL": 3600}))
        self.change(("UPSERT", ns))

    def test_what_is_not_there(self):
        gone = "Z00000000000000000000"
        self.refused("NoSuchHostedZone", f"No hosted zone found with ID: {gone}",
                     ("CREATE", plain("a." + ZONE)), zone=gone, status=404)
        check = "00000000-0000-0000-0000-000000000000"
        self.refused("NoSuchHealthCheck", f"A health check with id {check} does not exist.",
                     ("CREATE", plain("a." + ZONE, HealthCheckId=check)), status=404)
        with self.assertRaises(self.apis[0].exceptions.NoSuchHostedZone):
            self.apis[0].list_resource_record_sets(HostedZoneId=gone)

    def test_shapes(self):
        self.refused("InvalidInput",
                     "Invalid request: Missing field 'SetIdentifier' in Change with "
                     f"[Action=UPSERT, Name=a.{ZONE}., Type=A, SetIdentifier=null]",
                     ("UPSERT", plain("a." + ZONE, Weight=1)))
        self.refused("InvalidInput",
                     "1 validation error detected: Value 'A6' at "
                     "'changeBatch.changes.1.member.resourceRecordSet.type' failed to satisfy "
                     "constraint: Member must satisfy enum value set: [SOA, A, TXT, NS, CNAME, MX, "
                     "NAPTR, PTR, SRV, SPF, AAAA, CAA, DS, TLSA, SSHFP, SVCB, HTTPS]",
                     ("UPSERT", plain("a." + ZONE, "A6")))
        self.refused("InvalidChangeBatch", "[Number of records limit of 1000 exceeded.]",
                     *[("UPSERT", plain(f"n{number}.{ZONE}")) for number in range(501)])

    def test_replacing_in_one_batch(self):
        self.change(("CREATE", plain("r." + ZONE)))
        self.change(("DELETE", plain("r." + ZONE)), ("CREATE", plain("r." + ZONE, "CNAME", "t.")))
        self.assertEqual([each["Type"] for each in self.listed(f"r.{ZONE}.")], ["CNAME"])
        self.refused("InvalidChangeBatch",
                     "[The request contains an invalid set of changes for a resource record set "
                     f"'CNAME r.{ZONE}.']",
                     ("UPSERT", plain("r." + ZONE, "CNAME", "t.")),
                     ("UPSERT", plain("R." + ZONE, "CNAME", "u.")))

    def test_what_only_the_command_line_says_stays(self):
        self.node.quartet("record", "set", ZONE, "s", "A", "192.0.2.1", "--weight", "1", "--set-id",
                          "a", "--sticky", "--wait")
        self.change(("UPSERT", plain("s." + ZONE, SetIdentifier="a", Weight=9)),
                    ("CREATE", plain("s." + ZONE, "A", "192.0.2.2", SetIdentifier="b", Weight=1)))
        self.assertEqual([each["Weight"] for each in self.listed(f"s.{ZONE}.")], [9, 1])

    # --- lists

    def test_pages_in_order(self):
        names = [f"{'.'.join(labels)}.{ZONE}." for count in (1, 2)
                 for labels in itertools.product(("a", "a-b", "b", "_x"), repeat=count)]
        random.Random(7).shuffle(names)
        self.change(*[("CREATE", plain(name, kind, value)) for name in names
                      for kind, value in (("TXT", '"x"'), ("AAAA", "::1"), ("A", "192.0.2.1"))])
        self.change(*[("CREATE", plain(f"w.{ZONE}.", SetIdentifier=f"{number:03}", Weight=1))
                      for number in range(10)])
        seen = []
        start = {}
        while True:
            page = self.apis[1].list_resource_record_sets(HostedZoneId=self.zone, MaxItems="7",
                                                          **start)
            seen += page["ResourceRecordSets"]
            self.assertEqual(page["MaxItems"], "7")
            if not page["IsTruncated"]:
                self.assertNotIn("NextRecordName", page)
                break
            self.assertEqual(len(page["ResourceRecordSets"]), 7)
            start = {"StartRecordName": page["NextRecordName"],
                     "StartRecordType": page["NextRecordType"]}
            if "NextRecordIdentifier" in page:
                start["StartRecordIdentifier"] = page["NextRecordIdentifier"]
        def key(each):
            labels = each["Name"].rstrip(".").split(".")
            return ".".join(reversed(labels)) + ".", each["Type"], each.get("SetIdentifier", "")
        self.assertEqual([key(each) for each in seen], sorted(key(each) for each in seen))
        self.assertEqual(len(seen), 2 + 3 * len(names) + 10)
        first = self.apis[0].list_resource_record_sets(
            HostedZoneId=self.zone, StartRecordName="W." + ZONE, StartRecordType="A",
            StartRecordIdentifier="0041", MaxItems="1")["ResourceRecordSets"][0]
        self.assertEqual(first["SetIdentifier"], "005")
        with self.assertRaises(self.apis[0].exceptions.InvalidInput):
            self.apis[0].list_resource_record_sets(HostedZoneId=self.zone, StartRecordType="A")

    # --- once and only once

    def send(self, invocation, body, attempt, api):
        """One signed request as an SDK sends it, and again."""
        url = f"{self.cluster.gateway(api + 1).url}/2013-04-01/hostedzone/{self.zone}/rrset/"
        request = botocore.awsrequest.AWSRequest("POST", url, data=body, headers={
            "amz-sdk-invocation-id": invocation, "amz-sdk-request": f"attempt={attempt}"})
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(*self.key), "route53",
                                "us-east-1").add_auth(request)
        prepared = request.prepare()
        with urllib.request.urlopen(urllib.request.Request(
                url, data=body, headers=dict(prepared.headers.items()), method="POST")) as answer:
            text = answer.read().decode()
        return (text.split("<Id>")[1].split("</Id>")[0],
                text.split("<SubmittedAt>")[1].split("</SubmittedAt>")[0])

    def test_request_again_is_made_once(self):
        body = (f"<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE"
                f"</Action><ResourceRecordSet><Name>once.{ZONE}</Name><Type>A</Type><TTL>1</TTL>"
                f"<ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord>"
                f"</ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>"
                f"</ChangeResourceRecordSetsRequest>").encode()
        first = self.send("11111111-2222-4333-8444-555555555555", body, 1, 0)
        time.sleep(1.1)  # the signature is another one
        self.assertEqual(self.send("11111111-2222-4333-8444-555555555555", body, 2, 1), first)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.send("22222222-2222-4333-8444-555555555555", body, 1, 1)
        with caught.exception as answer:
            self.assertIn("but it already exists", answer.read().decode())

    # --- answers and places

    def test_dns_answer(self):
        self.change(("CREATE", plain("a." + ZONE, "A", "192.0.2.1")),
                    ("CREATE", plain("g." + ZONE, "A", "192.0.2.7", SetIdentifier="x",
                                     GeoLocation={"CountryCode": "*"})))
        answer = self.apis[0].test_dns_answer(HostedZoneId=self.zone, RecordName="a." + ZONE,
                                              RecordType="A")
        self.assertEqual((answer["RecordData"], answer["ResponseCode"], answer["Protocol"],
                          answer["RecordName"], answer["RecordType"]),
                         (["192.0.2.1"], "NOERROR", "UDP", "a." + ZONE, "A"))
        self.assertTrue(answer["Nameserver"])
        answer = self.apis[0].test_dns_answer(
            HostedZoneId=self.zone, RecordName="g." + ZONE, RecordType="A", ResolverIP="192.0.2.53",
            EDNS0ClientSubnetIP="198.51.100.7", EDNS0ClientSubnetMask="20")
        self.assertEqual(answer["RecordData"], ["192.0.2.7"])
        answer = self.apis[0].test_dns_answer(HostedZoneId=self.zone, RecordName="no." + ZONE,
                                              RecordType="TXT")
        self.assertEqual((answer["RecordData"], answer["ResponseCode"]), ([], "NXDOMAIN"))

    def test_geo_locations(self):
        api = self.apis[0]
        places, start = [], {}
        while True:
            page = api.list_geo_locations(MaxItems="100", **start)
            places += page["GeoLocationDetailsList"]
            if not page["IsTruncated"]:
                break
            start = {f"Start{kind}Code": page[f"Next{kind}Code"]
                     for kind in ("Continent", "Country", "Subdivision")
                     if f"Next{kind}Code" in page}
        self.assertEqual(len(places), len({tuple(sorted(each.items())) for each in places}))
        self.assertEqual(places[0], {"CountryCode": "*", "CountryName": "Default"})
        self.assertEqual(places[-1], {"ContinentCode": "SA", "ContinentName": "South America"})
        for place in places:
            codes = {key: value for key, value in place.items() if key.endswith("Code")}
            self.assertEqual(api.get_geo_location(**codes)["GeoLocationDetails"], place)
        with self.assertRaises(api.exceptions.NoSuchGeoLocation):
            api.get_geo_location(CountryCode="QQ")


if __name__ == "__main__":
    tap.main()
