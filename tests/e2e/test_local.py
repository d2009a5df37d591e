#!/usr/bin/python3
"""deploy/local as the README tells it: up, the dig lines as printed, up again, kill, down, up."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import BUILD, ROOT, wait_until  # noqa: E402

DNS_PORT = 8153
# Beside a cluster that somebody may be running on 127.0.53.
NETWORK = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}"


class TestLocal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.state = pathlib.Path(tempfile.mkdtemp(prefix="quartet local-"))
        cls.env = {**os.environ, "QUARTET_LOCAL_STATE": str(cls.state),
                   "QUARTET_BUILD": str(BUILD), "QUARTET_LOCAL_NETWORK": NETWORK,
                   "QUARTET_LOCAL_GEO": str(cls.state / "flat.mmdb")}
        subprocess.run(["perl", ROOT / "tests/lib/geo_databases.pl", cls.state], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.local("down")
        shutil.rmtree(cls.state, ignore_errors=True)

    @classmethod
    def local(cls, *words, **env):
        return subprocess.run([ROOT / "deploy/local", *words], env={**cls.env, **env}, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=600,
                              check=False)

    def shell(self, line):
        return subprocess.run(["bash", "-c", line], cwd=ROOT, env=self.env, text=True,
                              capture_output=True, timeout=120, check=False)

    def pid(self, number):
        return int((self.state / f"ns{number}" / "pid").read_text())

    def test_1_up_prints_digs_that_work(self):
        done = self.local("up", "--dns-port", str(DNS_PORT))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("healthy", done.stdout)
        digs = re.findall(r"^  (dig .*)$", done.stdout, re.M)
        self.assertGreaterEqual(len(digs), 4)
        for dig in digs[:3]:
            answer = self.shell(dig)
            self.assertIn("status: NOERROR", answer.stdout, dig)
            self.assertNotIn("ANSWER: 0", answer.stdout, dig)
        routed = [self.shell(dig).stdout.strip() for dig in digs if "+subnet=" in dig]
        self.assertEqual(routed, ["192.0.2.161", "192.0.2.162", "192.0.2.122"])
        change = re.search(r"^  (quartet record set .*)$", done.stdout, re.M).group(1)
        changed = self.shell(f'eval "$(deploy/local env)" && {change} && {digs[-1]}')
        self.assertEqual(changed.returncode, 0, changed.stderr)
        self.assertIn("192.0.2.99", changed.stdout.splitlines())
        located = self.shell(f"{BUILD}/quartet --node '{self.state}/ns3/data/control.sock' "
                             "geo status 192.0.2.1")
        self.assertIn("US-NY (New York)", located.stdout, located.stderr)

    def test_1_up_starts_gateways_that_env_leads_to(self):
        listed = self.shell('eval "$(deploy/local env)" && python3 -c \'import boto3, os\n'
                            'print([zone["Name"] for zone in boto3.client("route53", endpoint_url='
                            'os.environ["AWS_ENDPOINT_URL_ROUTE_53"]).list_hosted_zones()'
                            '["HostedZones"]])\'')
        self.assertIn("'example.com.'", listed.stdout, listed.stderr)
        self.assertEqual((self.state / "credential").stat().st_mode & 0o777, 0o600)
        trust = ssl.create_default_context(cafile=str(self.state / "gateway.pem"))
        with urllib.request.urlopen(f"https://{NETWORK}.2:5343/ping", context=trust) as answer:
            self.assertEqual(answer.read(), b"ok\n")

    def gateway_pid(self, number):
        supervisor = int((self.state / f"ns{number}" / "gateway.pid").read_text())
        children = pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text()
        return int(children.split()[0])

    def test_4_a_killed_gateway_is_started_again(self):
        pid = self.gateway_pid(3)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: f"gateway of ns3: http://{NETWORK}.3:5380\n" in
                   self.local("status").stdout, 20, "the gateway of ns3 answers again")
        self.assertNotEqual(self.gateway_pid(3), pid)

    def quartet(self, *words):
        return subprocess.run([BUILD / "quartet", "--node", self.state / "ns1/data/control.sock",
                               *words], text=True, capture_output=True, timeout=60, check=True)

    def answers(self, name, *words):
        done = self.shell(f"dig @{NETWORK}.1 -p {DNS_PORT} +short {' '.join(words)} {name}")
        return sorted(int(line.split(".")[3]) for line in done.stdout.split())

    def test_2_every_policy_of_the_example_answers(self):
        for name, words, wanted in [
                ("weighted.example.com", (), ({101}, {102})),
                ("sticky.example.com", (), ({103}, {104})),
                ("latency.example.com", ("+subnet=192.0.2.0/24",), ({112},)),
                ("latency.example.com", ("+subnet=1.0.0.0/24",), ({111},)),
                ("geo.example.com", ("+subnet=192.0.4.0/24",), ({121},)),
                ("geo.example.com", ("+subnet=192.0.3.0/24",), ({123},)),
                ("geo.example.com", ("+subnet=192.0.6.0/24",), ({124},)),
                ("near.example.com", ("+subnet=192.0.2.0/24",), ({132},)),
                ("near.example.com", ("+subnet=192.0.4.0/24",), ({131},)),
                ("multi.example.com", (), ({151, 152, 153},)),
                ("office.example.com", ("+subnet=192.0.2.0/24",), ({163},)),
                ("alias.example.com", (), ({101}, {102})),
                ("tree.example.com", ("+subnet=192.0.2.0/24",), ({171}, {172})),
                ("pair.example.com", (), ({181, 182}, {181, 183}, {182, 183})),
                ("example.net", (), ({10},))]:
            got = self.answers(name, *words)
            self.assertIn(set(got), wanted, name)

    def test_3_health_moves_the_examples_answers(self):
        self.assertEqual(self.answers("failover.example.com"), [141])
        self.quartet("health", "override", "example-ns2", "down", "--reason", "test")
        wait_until(lambda: self.answers("failover.example.com") == [142], 5, "the secondary")
        self.assertEqual(self.answers("shop.example.com"), [192])
        self.assertEqual(self.answers("multi.example.com"), [151, 153])
        self.assertEqual(self.answers("tree.example.com", "+subnet=192.0.2.0/24"), [171])
        self.quartet("health", "override", "example-ns2", "clear")
        wait_until(lambda: self.answers("failover.example.com") == [141], 5, "the primary")

    def replicated(self):
        return [self.quartet(*words, "--json").stdout
                for words in (("zone", "list"), ("cidr", "list"), ("region", "list"))] + [
            [(check["id"], check["version"], check["config"])
             for check in json.loads(self.quartet("health", "list", "--json").stdout)]]

    def test_4_up_again_is_harmless(self):
        pids = [self.pid(n) for n in range(1, 5)]
        before = self.replicated()
        done = self.local("up", "--nodes", "2")  # the others are members all the same
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"-p {DNS_PORT} ", done.stdout)
        self.assertEqual(self.replicated(), before)
        self.assertEqual(pids, [self.pid(n) for n in range(1, 5)])
        done = self.local("up", "--dns-port", str(DNS_PORT + 1))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"answers DNS on port {DNS_PORT}", done.stderr)
        status = self.local("status")
        self.assertEqual(status.returncode, 0, status.stderr)
        self.assertEqual(len(re.findall(r"^ns\d", status.stdout, re.M)), 4, status.stdout)

    def test_5_a_killed_node_is_not_missed_and_comes_back(self):
        os.kill(self.pid(2), signal.SIGKILL)
        wait_until(lambda: not pathlib.Path(f"/proc/{self.pid(2)}").exists(), 10, "ns2 is dead")
        for number in (1, 3, 4):
            answer = self.shell(f"dig @{NETWORK}.{number} -p {DNS_PORT} +short api.example.com")
            self.assertEqual(sorted(answer.stdout.split()),
                             ["192.0.2.31", "192.0.2.32", "192.0.2.33"])
        done = self.local("up", "--dns-port", str(DNS_PORT))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("started ns2", done.stdout)

    def test_6_down_and_up_finds_the_old_data(self):
        done = self.local("down", QUARTET_BUILD=str(self.state / "another build"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("stopped ns"), 4)
        with self.assertRaises(OSError):
            urllib.request.urlopen(f"http://{NETWORK}.1:5380/ping", timeout=5)
        self.assertEqual(self.local("status").returncode, 1)
        done = self.local("up")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.test_1_up_starts_gateways_that_env_leads_to()  # with the key of the first time
        answer = self.shell(f"dig @{NETWORK}.3 -p {DNS_PORT} +short www2.example.com")
        self.assertEqual(answer.stdout.strip(), "192.0.2.99")

    def test_7_without_npm_or_network_it_goes_without_a_database(self):
        tools = self.state / "tools"
        tools.mkdir()
        (tools / "npm").write_text("#!/bin/sh\necho no network\nexit 1\n")
        (tools / "npm").chmod(0o755)
        done = self.local("up", QUARTET_LOCAL_GEO="", PATH=f"{tools}:{os.environ['PATH']}")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("no location database: npm could not fetch", done.stdout)
        self.assertIn("dig @", done.stdout)
        self.assertEqual((self.state / "geo/npm.log").read_text(), "no network\n")

    def test_8_wrong_arguments_are_told(self):
        for words in (["frobnicate"], ["up", "--nodes", "x"], ["up", "--nodes", "99"], []):
            done = self.local(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("usage:", done.stderr)


if __name__ == "__main__":
    tap.main()
