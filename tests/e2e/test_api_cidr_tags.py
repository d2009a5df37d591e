#!/usr/bin/python3
"""CIDR collections and tags by the Route 53 API, as boto3 asks for them: every operation, every
paginator, and the errors that can be provoked."""
import pathlib
import sys
import unittest

import boto3
import botocore.config
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

NONE = "00000000-0000-4000-8000-000000000000"
NO_ZONE = "Z00000000000000000000"
ALIKE = ("wdeefjl1", "mxyv7t3t")  # locations that answering could not tell from each other


def put(location, *blocks):
    return {"LocationName": location, "Action": "PUT", "CidrList": list(blocks)}


def delete(location, *blocks):
    return {"LocationName": location, "Action": "DELETE_IF_EXISTS", "CidrList": list(blocks)}


class ApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form(config={"health_checks": "off"})
        key = cls.cluster.credential()
        cls.api, cls.other = [
            boto3.client("route53", endpoint_url=cls.cluster.gateway(number).url,
                         region_name="us-east-1", aws_access_key_id=key[0],
                         aws_secret_access_key=key[1], config=botocore.config.Config(
                             parameter_validation=False, retries={"max_attempts": 1}))
            for number in (1, 2)]

    def fails(self, code, status, call, word="", **words):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**words)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]),
                         (code, status), answer["Error"])
        self.assertIn(word, answer["Error"]["Message"])
        return answer["Error"]["Message"]


class TestApiCidr(ApiTest):
    def create(self, name):
        return self.api.create_cidr_collection(Name=name, CallerReference="r-" + name)["Collection"]

    def change(self, name, *changes, api=None, **words):
        return (api or self.api).change_cidr_collection(Id=name, Changes=list(changes), **words)

    def blocks(self, name, **words):
        return [(block["CidrBlock"], block["LocationName"])
                for page in self.other.get_paginator("list_cidr_blocks").paginate(
                    CollectionId=name, **words) for block in page["CidrBlocks"]]

    def test_a_collection_comes_and_goes(self):
        answer = self.api.create_cidr_collection(Name="Come_and-go", CallerReference="one")
        made = answer["Collection"]
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertTrue(answer["Location"].endswith("/2013-04-01/cidrcollection/" + made["Id"]))
        self.assertEqual(made, {"Arn": "arn:aws:route53:::cidrcollection/" + made["Id"],
                                "Id": made["Id"], "Name": "Come_and-go", "Version": 1})
        again = self.other.create_cidr_collection(Name="Come_and-go", CallerReference="one")
        self.assertEqual(again["Collection"], made)
        self.fails("CidrCollectionAlreadyExistsException", 400, self.other.create_cidr_collection,
                   made["Id"], Name="Come_and-go", CallerReference="two")
        self.other.delete_cidr_collection(Id=made["Id"])
        self.fails("NoSuchCidrCollectionException", 404, self.api.list_cidr_locations,
                   CollectionId=made["Id"])

    def test_changes_are_known_by_their_ids(self):
        name = self.create("changes")["Id"]
        change = self.change(name, put("paris", "192.0.2.0/24", "2001:db8::/32"),
                             put("lab", "10.0.0.0/8"), CollectionVersion=1)["Id"]
        shown = self.cluster.node(2).json("change", "show", change.rpartition("/")[2], "--wait")
        self.assertEqual((shown["status"], shown["comment"]), ("INSYNC", "CIDR collection changes"))
        wait_until(lambda: self.other.get_change(Id=change)["ChangeInfo"]["Status"] == "INSYNC", 20,
                   "both nodes serve the change")
        self.assertEqual(self.blocks(name), [("10.0.0.0/8", "lab"), ("192.0.2.0/24", "paris"),
                                             ("2001:db8::/32", "paris")])
        self.assertEqual(self.blocks(name, LocationName="lab"), [("10.0.0.0/8", "lab")])
        listed = {one["Name"]: one for one in self.other.list_cidr_collections()["CidrCollections"]}
        self.assertEqual(listed["changes"]["Version"], 2)
        with self.assertRaises(self.api.exceptions.CidrCollectionVersionMismatchException):
            self.change(name, put("lab", "11.0.0.0/8"), CollectionVersion=1)
        self.change(name, delete("paris", "2001:db8::/32", "198.51.100.0/24"))
        self.assertEqual(self.blocks(name, LocationName="paris"), [("192.0.2.0/24", "paris")])

    def test_what_is_used_stays(self):
        name = self.create("used")["Id"]
        self.change(name, put("paris", "192.0.2.0/24"), put("lab", "10.0.0.0/8"))
        node = self.cluster.node(1)
        node.quartet("zone", "create", "used.example")
        node.quartet("record", "set", "used.example", "www", "A", "192.0.2.1", "--cidr",
                     "used/paris", "--set-id", "paris")
        with self.assertRaises(self.api.exceptions.CidrBlockInUseException):
            self.change(name, delete("paris", "192.0.2.0/24"))
        with self.assertRaises(self.api.exceptions.CidrBlockInUseException):
            self.change(name, put("lab", "192.0.2.0/24"))
        self.fails("CidrCollectionInUseException", 400, self.api.delete_cidr_collection,
                   Id=name)
        self.change(name, delete("lab", "10.0.0.0/8"))
        self.fails("NoSuchCidrLocationException", 404, self.api.list_cidr_blocks,
                   CollectionId=name, LocationName="lab")

    def test_lists_go_in_pages(self):
        names = sorted(self.create(f"page-{i:03}")["Id"] for i in range(7))
        listed = [one["Id"] for page in
                  self.other.get_paginator("list_cidr_collections").paginate(
                      PaginationConfig={"PageSize": 2}) for one in page["CidrCollections"]]
        self.assertEqual(listed, sorted(listed))
        self.assertEqual(set(names) - set(listed), set())
        blocks = [f"10.{i}.{j}.0/24" for i in range(5) for j in range(50)]
        self.change(names[0], *(put(f"l{i}", *blocks[i * 50:i * 50 + 50]) for i in range(5)))
        self.assertEqual([block for block, _ in self.blocks(names[0])], blocks)
        self.assertEqual([block for block, _ in self.blocks(
            names[0], PaginationConfig={"PageSize": 7})], blocks)
        locations = [one["LocationName"] for page in
                     self.api.get_paginator("list_cidr_locations").paginate(
                         CollectionId=names[0], PaginationConfig={"PageSize": 2})
                     for one in page["CidrLocations"]]
        self.assertEqual(locations, ["l0", "l1", "l2", "l3", "l4"])
        self.assertNotIn("NextToken", self.api.list_cidr_locations(CollectionId=names[0]))
        token = self.api.list_cidr_blocks(CollectionId=names[0], MaxResults="5")["NextToken"]
        # It is good for this list at every gateway, and for no other.
        page = self.other.list_cidr_blocks(CollectionId=names[0], NextToken=token)
        self.assertEqual(page["CidrBlocks"][0]["CidrBlock"], blocks[5])
        for words in ({"CollectionId": names[1]}, {"CollectionId": names[0], "LocationName": "l0"}):
            self.fails("InvalidInput", 400, self.api.list_cidr_blocks, "NextToken",
                       NextToken=token, **words)
        self.fails("InvalidInput", 400, self.api.list_cidr_collections, NextToken=token)
        self.fails("InvalidInput", 400, self.api.list_cidr_locations, NextToken=token[:-2] + "00",
                   CollectionId=names[0])

    def test_mistakes_are_told(self):
        name = self.create("mistakes")["Id"]
        change = self.api.change_cidr_collection
        self.fails("InvalidInput", 400, self.api.create_cidr_collection, "regular expression",
                   Name="of fices", CallerReference="one")
        self.fails("InvalidInput", 400, self.api.create_cidr_collection, "callerReference",
                   Name="offices")
        text = self.fails("InvalidInput", 400, change, Id=name, Changes=[
            {"LocationName": "l" * 17, "Action": "POST", "CidrList": ["192.0.2.1/24", "x/y"]}])
        self.assertTrue(text.startswith("4 validation errors detected: "), text)
        self.assertIn("Member must satisfy enum value set: [PUT, DELETE_IF_EXISTS]", text)
        self.fails("InvalidInput", 400, change, "changes", Id=name, Changes=[])
        self.fails("InvalidInput", 400, change, "/1 to /24", Id=name,
                   Changes=[put("lab", "192.0.2.0/25")])
        self.fails("LimitsExceeded", 400, change, "1000", Id=name, Changes=[
            put("lab", *(f"10.{i}.{j}.0/24" for i in range(4) for j in range(250))),
            put("lab", "11.0.0.0/8")])
        self.fails("InvalidInput", 400, change, ALIKE[1], Id=name, Changes=[
            put(ALIKE[0], "10.0.0.0/8"), put(ALIKE[1], "11.0.0.0/8")])
        self.assertEqual(self.blocks(name), [])
        for call, words in ((change, {"Id": NONE, "Changes": [put("lab", "10.0.0.0/8")]}),
                            (self.api.delete_cidr_collection, {"Id": NONE}),
                            (self.api.list_cidr_locations, {"CollectionId": NONE}),
                            (self.api.list_cidr_blocks, {"CollectionId": NONE})):
            self.fails("NoSuchCidrCollectionException", 404, call, **words)
        self.fails("InvalidInput", 400, self.api.delete_cidr_collection, "[0-9a-f]{8}",
                   Id="mistakes")


class TestApiTags(ApiTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        node = cls.cluster.node(1)
        cls.zones = [cls.zone_of(node, f"tags-{i}.example") for i in range(2)]
        cls.check = node.json("health", "create", "--type", "TCP", "--ip", "192.0.2.1", "--port",
                              "80")["id"]

    @staticmethod
    def zone_of(node, name):
        node.quartet("zone", "create", name)
        return node.json("zone", "show", name)["id"]

    def tags(self, name, kind="hostedzone", api=None):
        found = (api or self.api).list_tags_for_resource(ResourceType=kind, ResourceId=name)
        found = found["ResourceTagSet"]
        self.assertEqual((found["ResourceType"], found["ResourceId"]),
                         (kind, name.rpartition("/")[2]))
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}

    def change(self, name, add=None, remove=None, kind="hostedzone", api=None):
        words = {"ResourceType": kind, "ResourceId": name}
        if add:
            words["AddTags"] = [{"Key": key, "Value": value} for key, value in add.items()]
        if remove:
            words["RemoveTagKeys"] = list(remove)
        return (api or self.api).change_tags_for_resource(**words)

    def test_tags_are_added_replaced_removed(self):
        zone = self.zones[0]
        self.assertEqual(self.tags(zone), {})
        self.change(zone, {"team": "web", "Größe": "", "a/b:c=d+e-f@g_h": " x . y "})
        self.assertEqual(self.tags(zone, api=self.other),
                         {"team": "web", "Größe": "", "a/b:c=d+e-f@g_h": " x . y "})
        self.change("/hostedzone/" + zone, {"team": "dns"}, ["Größe", "never"], api=self.other)
        self.assertEqual(self.tags("/hostedzone/" + zone),
                         {"team": "dns", "a/b:c=d+e-f@g_h": " x . y "})
        self.change(self.check, {"team": "lab"}, kind="healthcheck")
        self.assertEqual(self.tags(self.check, "healthcheck"), {"team": "lab"})
        node = self.cluster.node(2)
        self.assertEqual(node.json("tag", "list", "check", self.check)["tags"], {"team": "lab"})
        node.quartet("tag", "set", "zone", "tags-0.example", "stage=test=1")
        node.quartet("tag", "remove", "zone", "tags-0.example", "team")
        self.assertEqual(self.tags(zone), {"stage": "test=1", "a/b:c=d+e-f@g_h": " x . y "})

    def test_many_are_listed_at_once(self):
        zone = self.zones[1]
        self.change(zone, {"k": "v"})
        sets = self.other.list_tags_for_resources(
            ResourceType="hostedzone",
            ResourceIds=[zone, "/hostedzone/" + self.zones[0]])["ResourceTagSets"]
        self.assertEqual([one["ResourceId"] for one in sets], [zone, self.zones[0]])
        self.assertEqual(sets[0]["Tags"], [{"Key": "k", "Value": "v"}])
        many = self.api.list_tags_for_resources
        self.fails("NoSuchHostedZone", 404, many, NO_ZONE, ResourceType="hostedzone",
                   ResourceIds=[zone, NO_ZONE])
        self.fails("InvalidInput", 400, many, "less than or equal to 10",
                   ResourceType="hostedzone", ResourceIds=[zone] * 11)
        self.fails("InvalidInput", 400, many, ResourceType="hostedzone", ResourceIds=[])

    def test_tags_go_with_their_resource(self):
        node = self.cluster.node(1)
        check = node.json("health", "create", "--type", "TCP", "--ip", "192.0.2.1", "--port",
                          "80")["id"]
        self.change(check, {"k": "v"}, kind="healthcheck")
        self.api.delete_health_check(HealthCheckId=check)
        self.fails("NoSuchHealthCheck", 404, self.api.list_tags_for_resource,
                   ResourceType="healthcheck", ResourceId=check)

    def test_mistakes_are_told(self):
        zone = self.zones[1]
        change = self.api.change_tags_for_resource
        words = {"ResourceType": "hostedzone", "ResourceId": zone}
        self.fails("InvalidInput", 400, change, "greater than or equal to 1", AddTags=[], **words)
        self.fails("InvalidInput", 400, change, "'*'", AddTags=[{"Key": "a*", "Value": ""}], **words)
        self.fails("InvalidInput", 400, change, "reserved", AddTags=[{"Key": "aws:a", "Value": ""}],
                   **words)
        self.fails("InvalidInput", 400, change, "equal to 128",
                   AddTags=[{"Key": "a" * 129, "Value": ""}], **words)
        self.fails("InvalidInput", 400, change, "equal to 256",
                   AddTags=[{"Key": "a", "Value": "b" * 257}], **words)
        self.fails("InvalidInput", 400, change, "equal to 10",
                   AddTags=[{"Key": f"k{i}", "Value": ""} for i in range(11)], **words)
        for i in range(5):
            self.change(zone, {f"many-{i}{j}": "" for j in range(9)})
        self.fails("InvalidInput", 400, change, "at most 50 tags",
                   AddTags=[{"Key": f"more-{i}", "Value": ""} for i in range(6)], **words)
        self.fails("NoSuchHostedZone", 404, change, ResourceType="hostedzone", ResourceId=NO_ZONE,
                   RemoveTagKeys=["a"])
        self.fails("NoSuchHealthCheck", 404, change, ResourceType="healthcheck", ResourceId=NONE,
                   RemoveTagKeys=["a"])
        self.fails("InvalidInput", 400, change, "[healthcheck, hostedzone]",
                   ResourceType="zone", ResourceId=zone, RemoveTagKeys=["a"])


del ApiTest

if __name__ == "__main__":
    tap.main()
