#!/usr/bin/python3
"""lego's sequence of calls for DNS-01 (its Debian build takes no endpoint): zone by name, the
record sets from a name on, UPSERT of merged values, GetChange, clean-up."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import tap  # noqa: E402
from cluster import wait_until  # noqa: E402
from tools import ToolCluster  # noqa: E402

ZONE = "lego.example"
NAME = f"_acme-challenge.www.{ZONE}."


class TestLego(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tools = ToolCluster(2)
        cls.addClassCleanup(cls.tools.close)
        cls.client = cls.tools.boto3(1)
        for name in (ZONE, f"a.{ZONE}", f"z{ZONE}"):
            cls.client.create_hosted_zone(Name=name, CallerReference=name)

    def find_zone(self):
        """lego takes the first zone of exactly the name that is not private."""
        zones = self.client.list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"]
        return next(one["Id"] for one in zones
                    if one["Name"] == f"{ZONE}." and one["Config"]["PrivateZone"] is False)

    def values(self, zone):
        """lego takes the values of all record sets of the name in the page."""
        page = self.client.list_resource_record_sets(
            HostedZoneId=zone, StartRecordName=NAME, StartRecordType="TXT")
        return [value for one in page["ResourceRecordSets"] if one["Name"] == NAME
                for value in one.get("ResourceRecords", [])]

    def change(self, zone, action, records):
        change = self.client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={
            "Comment": "Managed by Lego", "Changes": [{"Action": action, "ResourceRecordSet": {
                "Name": NAME, "Type": "TXT", "TTL": 10, "ResourceRecords": records}}]})
        wait_until(lambda: self.client.get_change(Id=change["ChangeInfo"]["Id"])["ChangeInfo"]["Status"]
                   == "INSYNC", 20, "the change is in sync", step_s=0.2)

    def test_two_challenges_of_one_name_are_merged_and_cleaned_up(self):
        zone = self.find_zone()
        self.assertEqual(self.values(zone), [])
        first, second = {"Value": '"token-one"'}, {"Value": '"token-two"'}
        self.change(zone, "UPSERT", [first])
        self.change(zone, "UPSERT", self.values(zone) + [second])
        self.assertEqual(self.values(zone), [first, second])
        for node in self.tools.cluster.nodes:
            self.assertEqual(sorted(node.dig("+short", NAME, "TXT").split()),
                             ['"token-one"', '"token-two"'])
        self.change(zone, "UPSERT", [second])
        self.change(zone, "DELETE", self.values(zone))
        self.assertEqual(self.values(zone), [])


if __name__ == "__main__":
    tap.main()
