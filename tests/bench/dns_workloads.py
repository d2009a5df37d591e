"""What tests/bench/dns asks: zone files and questions, made anew for each run. Names look drawn by
lot but are the same in every run."""
import dataclasses
import pathlib
import random

HEAD = "$TTL 3600\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n"
TOPS = ("com", "net", "org", "info")
FLOOD_LABEL = 12


@dataclasses.dataclass
class Data:
    """Zones that servers load: several workloads may ask for the same."""
    folder: pathlib.Path
    names: list = dataclasses.field(default_factory=list)  # of zones; each file has its zone's name
    probes: list = dataclasses.field(default_factory=list)  # names that answer A once all is loaded

    @property
    def zones(self):
        return self.folder / "zones"

    @property
    def zone_list(self):
        return self.folder / "zone-list"

    def add(self, zone, text):
        (self.zones / zone).write_text(text)
        self.names.append(zone)

    def finish(self, probes):
        self.zone_list.write_text("".join(f"{n} {self.zones / n}\n" for n in self.names))
        self.probes = probes
        return self

    def questions(self, name, lines):
        path = self.folder / name
        path.write_text("".join(line + "\n" for line in lines))
        return path


def scramble(number):
    """A 32-bit number for a number, never the same for two."""
    for factor in (0x45D9F3B, 0x119DE1F3):
        number = (number ^ (number >> 16)) * factor & 0xFFFFFFFF
    return number ^ (number >> 16)


def label(number, kind):
    return f"{kind}{scramble(number):08x}"


def address(number):
    return f"192.0.{number >> 8 & 255}.{number & 255}"


def new_data(folder):
    (folder / "zones").mkdir(parents=True)
    return Data(folder)


def small(folder, _scale):
    data = new_data(folder)
    names = [f"{n}.small.test" for n in ("www", "mail", "api", "static", "db", "a", "b", "c", "d", "e")]
    data.add("small.test", HEAD + "".join(f"{n.split('.')[0]} A {address(i)}\n"
                                          for i, n in enumerate(names)))
    data.questions("hits", (f"{n} A" for n in names))
    return data.finish(names[:1])


def big(folder, scale):
    count = 1_000_000 // scale
    data = new_data(folder)
    data.add("big.test", HEAD + "".join(f"{label(i, 'h')} A {address(i)}\n" for i in range(count)))
    order = random.Random(1)
    numbers = list(range(count))
    order.shuffle(numbers)
    data.questions("hits", (f"{label(i, 'h')}.big.test A" for i in numbers))
    data.questions("misses", (f"{label(i, 'n')}.big.test A NXDOMAIN" if order.random() < 0.1
                              else f"{label(i, 'h')}.big.test A" for i in numbers))
    data.questions("flood", ["big.test A NXDOMAIN"])
    return data.finish([f"{label(count - 1, 'h')}.big.test"])


def many(folder, scale):
    count = 100_000 // scale
    data = new_data(folder)
    zones = [f"{label(i, 'z')}.{TOPS[i % len(TOPS)]}" for i in range(count)]
    for i, zone in enumerate(zones):
        data.add(zone, HEAD + f"@ A {address(i)}\nwww A {address(i)}\nmail A {address(i + 1)}\n")
    asked = list(zones)
    random.Random(2).shuffle(asked)
    data.questions("hits", (f"www.{zone} A" for zone in asked))
    return data.finish([f"www.{zones[i]}" for i in (0, count // 3, count // 2, -1)])


@dataclasses.dataclass
class Workload:
    key: str
    title: str
    data: str  # key of DATA
    questions: str  # file within the data's folder
    transport: str = "raw"
    words: tuple = ()  # more arguments of bench_dns_load


DATA = {"small": small, "big": big, "many": many}
WORKLOADS = {w.key: w for w in (
    Workload("W1", "10 names", "small", "hits"),
    Workload("W2", "1,000,000 names", "big", "hits"),
    Workload("W2nx", "1,000,000 names, 10 % NXDOMAIN", "big", "misses"),
    Workload("W2flood", "1,000,000 names, random subdomains (all NXDOMAIN)", "big", "flood",
             words=("--prefix", str(FLOOD_LABEL))),
    Workload("W3", "100,000 zones", "many", "hits"),
    Workload("tcp", "10 names, TCP, 32 connections × 16 in flight", "small", "hits", "tcp",
             ("--connections", "32", "--window", "512")),
    Workload("latency", "10 names, 50,000 queries a second", "small", "hits",
             words=("--rate", "50000", "--sample", "1")),
)}
