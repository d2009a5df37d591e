#!/usr/bin/python3
"""The AWS SDK for JavaScript (npm: @aws-sdk/client-route-53), unmodified, by environment alone."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import tap  # noqa: E402
from tools import ToolCluster  # noqa: E402

PACKAGE = "@aws-sdk/client-route-53@3.600.0"  # runs on Debian 12's Node.js 18 and later
SCRIPT = """
const route53 = require("@aws-sdk/client-route-53");
const client = new route53.Route53Client({});
(async () => {
  const zone = await client.send(new route53.CreateHostedZoneCommand(
      {Name: "js.example", CallerReference: "js"}));
  const change = await client.send(new route53.ChangeResourceRecordSetsCommand({
      HostedZoneId: zone.HostedZone.Id, ChangeBatch: {Changes: [{Action: "UPSERT",
          ResourceRecordSet: {Name: "*.js.example", Type: "A", TTL: 60,
              ResourceRecords: [{Value: "192.0.2.1"}]}}]}}));
  await route53.waitUntilResourceRecordSetsChanged({client, maxWaitTime: 30, minDelay: 1},
                                                   {Id: change.ChangeInfo.Id});
  const names = [];
  for await (const page of route53.paginateListHostedZones({client, pageSize: 1}, {}))
      names.push(...page.HostedZones.map(one => one.Name));
  const sets = await client.send(new route53.ListResourceRecordSetsCommand(
      {HostedZoneId: zone.HostedZone.Id}));
  let error = "";
  try {
      await client.send(new route53.GetHostedZoneCommand({Id: "Z000000000000"}));
  } catch (e) {
      error = e.name;
  }
  console.log(JSON.stringify({names, sets: sets.ResourceRecordSets.map(one => one.Name), error}));
})();
"""


@unittest.skipUnless(shutil.which("npm"), "no npm")
class TestSdkJs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="quartet-sdk-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        done = subprocess.run(["npm", "install", "--prefix", cls.folder, "--no-audit", "--no-fund",
                               "--ignore-scripts", PACKAGE], text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, check=False, timeout=300)
        if done.returncode != 0:
            raise unittest.SkipTest(f"npm could not fetch {PACKAGE}: {done.stderr[-300:]}")
        cls.tools = ToolCluster(2)
        cls.addClassCleanup(cls.tools.close)

    def test_zones_records_pages_waiter_and_errors(self):
        script = self.folder / "script.js"
        script.write_text(SCRIPT)
        done = subprocess.run(["node", script], cwd=self.folder, text=True, capture_output=True,
                              check=False, timeout=120,
                              env={**os.environ, **self.tools.environment(1)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        seen = json.loads(done.stdout)
        self.assertIn("js.example.", seen["names"])
        self.assertEqual(seen["sets"], ["js.example.", "js.example.", "\\052.js.example."])
        self.assertEqual(seen["error"], "NoSuchHostedZone")
        self.assertEqual(self.tools.cluster.node(2).dig("+short", "x.js.example", "A"), "192.0.2.1\n")


if __name__ == "__main__":
    tap.main()
