#!/usr/bin/python3
"""Quartet on real hosts, as an operator has it: five bare Debian machines in three regions become a cluster
by deploy/regions over ssh; a resolver finds a web page through it; a host dies, a region is cut off, a
new version is rolled out under queries, a host is replaced, and all of it is taken away again.

The tests go on from each other, in order; 'tests/run' without a suite's name ends after the fourth.
QUARTET_HOSTS_RATE: queries a second to each host during the upgrade. QUARTET_HOSTS_PACKAGES=OLD,NEW takes
two packages that are there instead of building them."""
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import host_tree  # noqa: E402
import hosts  # noqa: E402
import queries  # noqa: E402
import tap  # noqa: E402
from cluster import ROOT, wait_until  # noqa: E402
from deployment import DOMAIN, REGIONS, Deployment  # noqa: E402
from internet import COM, PAGE, ROOT as ROOT_SERVER, WEB, Internet  # noqa: E402

# 20,000 is what five machines should stand; here they share two processors with those who ask.
RATE = int(os.environ.get("QUARTET_HOSTS_RATE", "2000"))
QUIET_RATE = 100
ZONE = "shop.com"
CUT_ROUND_TRIP_MS = 150
# Bounds for any machine; what is reached is printed.
RESUMED_WITHIN_S = 60
AWAY_WITHIN_S = 15
HEALED_WITHIN_S = 180
OLD, NEW = 0, 1  # packages


def note(text):
    print("# " + text, flush=True)


def package(which):
    """The package of a version before this one, or of this one."""
    given = os.environ.get("QUARTET_HOSTS_PACKAGES")
    if given:
        return given.split(",")[which]
    words = ["--version-suffix", "~before"] if which == OLD else []
    return subprocess.run([ROOT / "deploy/package", *words], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.splitlines()[0]


class TestHosts(unittest.TestCase):
    has_failed = False

    @classmethod
    def setUpClass(cls):
        reason = hosts.why_not()
        if reason:
            raise unittest.SkipTest(reason)
        began = time.monotonic()
        cls.old = package(OLD)
        note(f"a package after {time.monotonic() - began:.0f} s")
        try:
            lab = Deployment(cls.old, note)
        except (host_tree.CannotMake, hosts.CannotBoot) as wrong:
            raise unittest.SkipTest(str(wrong)) from wrong
        cls.lab = cls.enterClassContext(lab)
        note(f"{len(cls.lab.hosts)} bare hosts after {time.monotonic() - began:.0f} s")

    def setUp(self):
        if TestHosts.has_failed:
            self.skipTest("a step before this one failed")
        TestHosts.has_failed = True  # until tearDown knows better

    def succeed(self):
        TestHosts.has_failed = False

    def regions(self, *words):
        """deploy/regions, which must succeed."""
        done = self.lab.regions(*words)
        self.assertEqual(done.status, 0, done.text)
        return done

    def names(self):
        return {host.address: host.name for host in self.lab.hosts}

    def check_all_answer(self):
        for host in self.lab.live():
            self.assertEqual(self.lab.dig(host, f"www.{ZONE}", "A"), self.web, host.name)

    @property
    def web(self):
        return self.lab.net.address("office", WEB)

    def write(self, host, name):
        """A change by @host; is it agreed on?"""
        command = f"quartet --timeout 2s record set {ZONE} {name} TXT x"
        return host.ssh(command, check=False).returncode == 0

    def wait_well(self, within_s):
        """Until deploy/regions finds nothing wrong."""
        wait_until(lambda: "healthy" in self.lab.live()[0].ssh(
            "quartet --timeout 3s cluster wait --timeout 5s", check=False).stdout, within_s,
            "the cluster is healthy", step_s=0.5)
        wait_until(lambda: self.lab.regions("status").status == 0, within_s, "nothing is wrong", step_s=2)

    def test_1_from_bare_hosts_to_a_cluster(self):
        self.regions("up", "--package", self.old, "--dry-run")
        for host in self.lab.hosts:
            self.assertNotIn("ii  quartet", host.ssh("dpkg -l quartet", check=False).stdout)
        began = time.monotonic()
        done = self.regions("up", "--package", self.old)
        whole = time.monotonic() - began
        installing = sum(done.moments(name, "installed")[0] - done.moments(name, "install ")[0]
                         for name in self.lab.by_name)
        note(f"five hosts from bare Debian to in sync in {whole:.1f} s, {installing:.1f} s of it "
             "installation of packages")
        TestHosts.com_lines = com_lines(done.text)
        for host in self.lab.hosts:
            self.assertTrue(self.lab.dig(host, DOMAIN, "SOA"), host.name)
        again = self.regions("up", "--package", self.old)
        self.assertEqual({said for _, name, said in again.lines if name != "-"}, {"in sync, answers DNS"})
        self.regions("status")
        self.succeed()

    def test_2_a_resolver_finds_a_page_through_it(self):
        host = self.lab.named("ns2")
        host.ssh(f"quartet zone create {ZONE} --wait && "
                 f"quartet record set {ZONE} web A {self.web} --ttl 60 --wait && "
                 f"quartet record set {ZONE} www A --alias web.{ZONE} --wait")
        self.check_all_answer()
        folder = self.lab.folder / "internet"
        with Internet(folder, self.lab.office, lambda n: self.lab.net.address("office", n)) as internet:
            internet.open(TestHosts.com_lines)
            self.assertEqual(internet.curl(f"http://www.{ZONE}/").strip(), PAGE.strip())
            walk = internet.asked()
            zones = {internet.address(ROOT_SERVER): "the root", internet.address(COM): "com."}
        names = {**self.names(), **zones}
        for question, server in walk:
            note(f"  the resolver asks {names[server]} at {server}: {question}")
        # Without what was asked again because an answer was slow.
        way = list(dict.fromkeys(names[server] for question, server in walk
                                 if question == f"www.{ZONE}. A"))
        self.assertEqual(way[:2], ["the root", "com."])
        self.assertIn(way[2], ("ns1", "ns2", "ns3", "ns4"))
        self.succeed()

    def test_3_a_host_dies(self):
        victim = self.lab.named("ns3")
        with queries.Queries(self.lab, f"www.{ZONE}", QUIET_RATE) as asking:
            time.sleep(1)
            killed = time.monotonic()
            victim.power_off()
            writer = self.lab.named("ns2")
            wait_until(lambda: self.write(writer, "dead"), RESUMED_WITHIN_S, "a change is made")
            note(f"a host without power: a change is made after {time.monotonic() - killed:.1f} s")
            time.sleep(2)
            victim.boot()
            victim.wait_booted()
            self.wait_well(HEALED_WITHIN_S)
            seen = asking.stop()
        note(f"back and in sync by itself {time.monotonic() - killed:.1f} s after it died")
        self.assertEqual(queries.unexcused(seen, [(victim.address, killed, time.monotonic())]), [])
        self.check_all_answer()
        self.succeed()

    def test_4_the_leaders_region_is_cut_off(self):
        wan = self.lab.net.wan
        self.lab.set_distances({(a, b): CUT_ROUND_TRIP_MS for a in REGIONS for b in REGIONS if a < b})
        leader = self.lab.leader()
        others = [region for region in REGIONS if region != leader.region]
        with queries.Queries(self.lab, f"www.{ZONE}", QUIET_RATE) as asking:
            time.sleep(1)
            for region in others:
                wan.cut(leader.region, region)
            cut = time.monotonic()
            writer = self.lab.live(others[0])[0]
            wait_until(lambda: self.write(writer, "cut"), RESUMED_WITHIN_S, "a change is made")
            resumed = time.monotonic() - cut
            time.sleep(3)
            self.assertFalse(self.write(leader, "minority"), "a region without quorum made a change")
            wan.heal()
            healed = time.monotonic()
            self.wait_well(HEALED_WITHIN_S)
            seen = asking.stop()
        note(f"{leader.region} with the leader cut off, {CUT_ROUND_TRIP_MS} ms round trips: a change is "
             f"made after {resumed:.1f} s; all in sync {time.monotonic() - healed:.1f} s after the cut ends")
        self.assertEqual(queries.unexcused(seen, []), [], "the cut region goes on answering, as all do")
        for host in self.lab.live():
            self.assertEqual(self.lab.dig(host, f"cut.{ZONE}", "TXT"), '"x"', host.name)
            self.assertEqual(self.lab.dig(host, f"minority.{ZONE}", "TXT"), "", host.name)
        self.succeed()

    def test_5_a_new_version_is_rolled_out_under_queries(self):
        TestHosts.new = package(NEW)
        for host in self.lab.live():  # clients that ask so much of one node are exempt from its limits
            host.ssh("echo 'rrl: {exempt: [10.79.0.0/16, 127.0.0.0/8]}' >>/etc/quartet/quartet.yaml")
        self.regions("restart")
        before = {host.address: queries.sockets_full(host) for host in self.lab.live()}
        with queries.Queries(self.lab, f"www.{ZONE}", RATE) as asking:
            time.sleep(2)
            done = self.regions("upgrade", "--package", self.new)
            time.sleep(2)
            seen = asking.stop()
        full = {host.address: queries.sockets_full(host) - before[host.address] for host in self.lab.live()}
        self.assertRegex(done.text, r"The cluster runs at feature level \d+\.(.|\n)*\nnext: ")
        note(f"upgrade of five hosts under {RATE} queries a second to each:")
        queries.report(seen, self.names(), full)
        excused = []
        for host in self.lab.live():
            begin, = done.moments(host.name, "install version")
            excused.append((host.address, begin, done.moments(host.name, "in sync")[0]))
            self.assertLess(queries.away_s(seen[host.address]), AWAY_WITHIN_S, host.name)
            self.assertIn("rrl:", host.ssh("cat /etc/quartet/quartet.yaml").stdout)
        self.assertEqual(queries.unexcused(seen, excused), [])
        again = self.regions("upgrade", "--package", self.new)
        self.assertTrue(all("nothing to do" in said for _, name, said in again.lines if name != "-"))
        self.succeed()

    def test_6_a_host_is_removed_and_another_takes_its_place(self):
        self.lab.named("ns5").power_off()
        done = self.regions("remove", "ns5")
        self.assertIn("cannot be reached", done.text)
        self.lab.drop("ns5")
        fresh = self.lab.add("ns6", "ap-south-1", 6, "voter")
        fresh.boot()
        fresh.wait_booted()
        done = self.regions("up", "--package", self.new)
        self.assertTrue(done.moments("ns6", "in sync"), done.text)
        self.assertEqual(self.lab.dig(fresh, f"www.{ZONE}", "A"), self.web)
        self.wait_well(HEALED_WITHIN_S)
        self.succeed()

    def test_7_all_of_it_is_taken_away(self):
        self.assertEqual(self.lab.regions("destroy").status, 2, "not without --yes")
        self.check_all_answer()
        self.regions("destroy", "--yes")
        for host in self.lab.live():
            self.assertEqual(host.ssh("ls -d /var/lib/quartet /etc/quartet /usr/sbin/quartetd",
                                      check=False).stdout, "")
            self.assertEqual(self.lab.dig(host, f"www.{ZONE}", "A"), "")
        self.succeed()


def com_lines(text):
    """What deploy/regions printed for the zone above, and the delegation of a customer's zone."""
    _, _, glue = text.partition("\nand delegate ")
    lines = [line.strip() for line in glue.splitlines()[1:] if line.startswith("  ")]
    servers = [line.split()[3] for line in lines if line.split()[2] == "NS"]
    return "\n".join([*lines, *(f"{ZONE}. NS {server}" for server in servers)]) + "\n"


if __name__ == "__main__":
    tap.main()
