#!/usr/bin/python3
"""Debian's certbot with its Route 53 plugin, unmodified: a certificate by DNS-01 from Pebble, an
ACME server, which asks one node while certbot writes by another's gateway."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import tap  # noqa: E402
from cluster import DNS_PORT, wait_until  # noqa: E402
from tools import ToolCluster, make_certificate  # noqa: E402

ZONE = "cert.example"
# What a certbot needs, and no more: its key may write _acme-challenge TXT records of one zone.
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["route53:ListHostedZones", "route53:GetChange"], "Resource": "*"},
    {"Effect": "Allow", "Action": "route53:ChangeResourceRecordSets",
     "Resource": "arn:aws:route53:::hostedzone/ZONE",
     "Condition": {
         "ForAllValues:StringLike": {
             "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_acme-challenge.*"]},
         "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]}}}]}


@unittest.skipUnless(shutil.which("pebble") and shutil.which("certbot"), "no pebble or certbot")
class TestCertbot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tools = ToolCluster(2)
        cls.addClassCleanup(cls.tools.close)
        cls.folder = cls.tools.cluster.folder
        zone = cls.tools.boto3(1).create_hosted_zone(Name=ZONE, CallerReference="cert")
        cls.zone_id = zone["HostedZone"]["Id"].removeprefix("/hostedzone/")
        cls.start_pebble()

    @classmethod
    def start_pebble(cls):
        address = cls.tools.cluster.address_of(9)
        certificate, key = make_certificate(cls.folder / "pebble", address)
        cls.certificate, cls.directory = certificate, f"https://{address}:14000/dir"
        config = cls.folder / "pebble.json"
        config.write_text(json.dumps({"pebble": {
            "listenAddress": f"{address}:14000", "managementListenAddress": f"{address}:15000",
            "certificate": str(certificate), "privateKey": str(key), "httpPort": 5002,
            "tlsPort": 5001, "ocspResponderURL": "", "externalAccountBindingRequired": False}}))
        node = cls.tools.cluster.node(2)
        with open(cls.folder / "pebble.log", "wb") as log:
            process = subprocess.Popen(
                ["pebble", "-config", config, "-dnsserver", f"{node.address}:{DNS_PORT}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.kill)
        wait_until(lambda: "Listening on" in (cls.folder / "pebble.log").read_text(), 20,
                   "pebble listens")

    def certbot(self, environment, *names, name="one"):
        folder = self.folder / name
        words = ["certbot", "certonly", "--non-interactive", "--agree-tos", "-m", "me@cert.example",
                 "--no-eff-email", "--server", self.directory, "--dns-route53", "--config-dir",
                 folder / "config", "--work-dir", folder / "work", "--logs-dir", folder / "logs"]
        for each in names:
            words += ["-d", each]
        return subprocess.run(words, env={**environment, "REQUESTS_CA_BUNDLE": str(self.certificate)},
                              text=True, capture_output=True, check=False, timeout=300)

    def test_a_certificate_is_issued_and_the_challenge_removed(self):
        policy = json.dumps(POLICY).replace("ZONE\"", f"{self.zone_id}\"")
        environment = self.tools.environment(1, self.tools.credential(policy, "certbot"))
        done = self.certbot(environment, ZONE, f"*.{ZONE}", f"www.{ZONE}")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        issued = self.folder / "one/config/live" / ZONE / "fullchain.pem"
        text = subprocess.run(["openssl", "x509", "-in", issued, "-noout", "-text"], text=True,
                              capture_output=True, check=True).stdout
        names = next(line for line in text.splitlines() if "DNS:" in line)
        self.assertEqual(sorted(names.strip().split(", ")),
                         [f"DNS:*.{ZONE}", f"DNS:{ZONE}", f"DNS:www.{ZONE}"])
        sets = self.tools.boto3(2).list_resource_record_sets(HostedZoneId=self.zone_id)
        self.assertEqual([one["Type"] for one in sets["ResourceRecordSets"]], ["NS", "SOA"])

    def test_a_key_of_another_zone_gets_no_certificate(self):
        policy = json.dumps(POLICY).replace("ZONE\"", "Z00000000000000000000\"")
        environment = self.tools.environment(1, self.tools.credential(policy, "stranger"))
        done = self.certbot(environment, f"x.{ZONE}", name="two")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("AccessDenied", done.stdout + done.stderr)


if __name__ == "__main__":
    tap.main()
