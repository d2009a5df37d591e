#!/usr/bin/python3
"""Debian's libcloud 3.4, unmodified: it signs by the older AWS3-HTTPS scheme, over TLS."""
import pathlib
import sys
import unittest

import libcloud.security
from libcloud.dns.drivers.route53 import Route53DNSDriver
from libcloud.dns.types import RecordType

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import tap  # noqa: E402
from tools import ToolCluster  # noqa: E402

ZONE = "libcloud.example"


class TestLibcloud(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tools = ToolCluster(2)
        cls.addClassCleanup(cls.tools.close)
        libcloud.security.CA_CERTS_PATH = str(cls.tools.certificate)
        cls.driver = cls.driver_with(cls.tools.secret)

    @classmethod
    def driver_with(cls, secret):
        address, port = cls.tools.tls_address(1)
        return Route53DNSDriver(cls.tools.access_key, secret, host=address, port=port)

    def test_zones_and_records_are_made_changed_and_deleted(self):
        zone = self.driver.create_zone(ZONE)
        self.assertIn(zone.domain, [one.domain for one in self.driver.list_zones()])
        record = self.driver.create_record("www", zone, RecordType.A, "192.0.2.1", {"ttl": 60})
        node = self.tools.cluster.node(2)
        self.tools.wait_answer(node, f"www.{ZONE}", "A", ["192.0.2.1"])
        record = self.driver.update_record(record, data="192.0.2.2")
        self.tools.wait_answer(node, f"www.{ZONE}", "A", ["192.0.2.2"])
        listed = {one.name: one.data for one in self.driver.list_records(zone)}
        self.assertEqual(listed["www"], "192.0.2.2")
        record = next(one for one in self.driver.list_records(zone) if one.name == "www")
        self.assertTrue(self.driver.delete_record(record))
        self.tools.wait_answer(node, f"www.{ZONE}", "A", [])
        self.assertTrue(self.driver.delete_zone(zone))

    def test_a_wrong_secret_is_refused(self):
        with self.assertRaisesRegex(Exception, "SignatureDoesNotMatch|signature"):
            self.driver_with("wrong").list_zones()


if __name__ == "__main__":
    tap.main()
