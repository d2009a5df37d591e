"""Five hosts in three regions, an inventory of them, and deploy/regions run in the office as an operator
would run it."""
import dataclasses
import re
import subprocess
import time

from cluster import ROOT, wait_until
from hosts import OFFICE, Lab

DOMAIN = "ns.provider.com"
# Name, region, station in it, role.
HOSTS = (("ns1", "eu-central-1", 1, "voter"), ("ns2", "eu-central-1", 2, "replica"),
         ("ns3", "us-east-1", 1, "voter"), ("ns4", "us-east-1", 2, "replica"),
         ("ns5", "ap-south-1", 1, "voter"))
REGIONS = ("eu-central-1", "us-east-1", "ap-south-1")
ROUND_TRIP_MS = {("eu-central-1", "us-east-1"): 80, ("eu-central-1", "ap-south-1"): 110,
                 ("us-east-1", "ap-south-1"): 150}
OFFICE_ROUND_TRIP_MS = 10
COMMAND_TIMEOUT_S = 900
LINE = re.compile(r"\[ *([0-9.]+) s\] (\S+) +(.*)")
CLIENT_STATION = 200


@dataclasses.dataclass
class Outcome:
    """What deploy/regions printed, and when each line came (monotonic)."""
    status: int
    text: str
    lines: list  # (moment, host, what it said)

    def moments(self, host, begin):
        """When it said something that begins so about @host."""
        return [moment for moment, name, said in self.lines if name == host and said.startswith(begin)]

    def hosts(self):
        return {name for _, name, _ in self.lines if name != "-"}


class Deployment(Lab):
    """The lab with its five hosts, booted and bare."""

    def __init__(self, package, say):
        super().__init__(package, REGIONS, say)
        self.inventory = self.folder / "inventory"
        self.by_name, self.clients = {}, {}

    def __enter__(self):
        super().__enter__()
        try:
            self.set_distances(ROUND_TRIP_MS)
            for name, region, station, role in HOSTS:
                self.add(name, region, station, role)
            for host in self.hosts:
                host.boot()
            for host in self.hosts:
                host.wait_booted()
            for region in REGIONS:
                space = self.net.station(f"client-{region}", region, CLIENT_STATION)
                self.clients[region] = self.net.prefix_of(space)
        except BaseException:
            self.__exit__()
            raise
        return self

    def set_distances(self, round_trips_ms):
        for (one, other), ms in round_trips_ms.items():
            self.net.wan.delay(one, other, ms)
        for region in REGIONS:
            self.net.wan.delay(OFFICE, region, OFFICE_ROUND_TRIP_MS)

    def add(self, name, region, station, role):
        """A new bare machine, off, and its line in the inventory."""
        host = self.host(name, region, station)
        self.by_name[name] = (host, role)
        self.write_inventory()
        return host

    def drop(self, name):
        """Pull its plug for good, and take its line out."""
        self.by_name.pop(name)[0].power_off()
        self.write_inventory()

    def write_inventory(self):
        lines = [f"{host.name} root@{host.address} {host.region} {role} {host.address}\n"
                 for host, role in self.by_name.values()]
        self.inventory.write_text(f"domain {DOMAIN}\n" + "".join(lines))

    def live(self, region=None):
        """Hosts that run, of a region or of all."""
        return [host for host, _ in self.by_name.values()
                if host.process and region in (None, host.region)]

    def named(self, name):
        return self.by_name[name][0]

    def regions(self, *words):
        """Run deploy/regions with these words; its lines are shown as they come."""
        process = subprocess.Popen(
            [*self.office, ROOT / "deploy/regions", self.inventory, *map(str, words), "--ssh-config",
             self.ssh_config], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        text, lines, end = "", [], time.monotonic() + COMMAND_TIMEOUT_S
        try:
            for line in process.stdout:
                text += line
                print("#   " + line.rstrip(), flush=True)
                if match := LINE.match(line):
                    lines.append((time.monotonic(), match[2], match[3]))
                assert time.monotonic() < end, f"deploy/regions takes longer than {COMMAND_TIMEOUT_S} s"
        except BaseException:
            process.terminate()
            raise
        finally:
            process.stdout.close()
            process.wait()
        return Outcome(process.returncode, text, lines)

    def dig(self, host, *words):
        """The short answer of a host to a client in its region; "" when there is none."""
        done = subprocess.run([*self.clients[host.region], "dig", f"@{host.address}", "+time=2",
                               "+tries=1", "+short", *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def leader(self):
        """The host whose node leads; waits for one."""
        def find():
            for host in self.live():
                done = host.ssh("quartet --timeout 2s node status --json", check=False)
                if '"role": "leader"' in done.stdout:
                    return host
            return None
        return wait_until(find, 30, "some node leads", step_s=0.2)
