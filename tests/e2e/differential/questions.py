"""Makes questions about a zone: names that are there, above, below and beside them; in any case, of
every type, with and without EDNS, by UDP and TCP."""
import dataclasses

import generator
import rdata
import wire

COMMON = [wire.A] * 6 + [wire.AAAA, wire.NS, wire.NS, wire.SOA, wire.CNAME, wire.DS, wire.DS,
                         wire.DNAME, wire.MX, wire.TYPES["TXT"], wire.ANY]
# Numbers that name no data (RFC 6895 3.1), and NULL and others that no zone here holds. RRSIG and
# NSEC are left out: they may stand beside a CNAME (RFC 4035 2.5), and no zone here is signed.
ODD_TYPES = [0, 10, 24, 30, 50, 51, 128, 200, 249, 253, 254]
EDNS_SIZES = [0, 100, 511, 512, 513, 600, 900, 1231, 1232, 1232, 1232, 1233, 4096, 65535]


@dataclasses.dataclass(frozen=True)
class Query:
    """One question; `name` is its wire form in the case in which it is asked."""
    name: bytes
    qtype: int
    qclass: int
    flags: int
    edns_size: int | None
    is_do: bool
    is_tcp: bool

    def text(self):
        edns = "" if self.edns_size is None else f" +bufsize={self.edns_size}"
        edns += " +dnssec" if self.is_do else ""
        kind = wire.CLASS_NAMES.get(self.qclass, f"CLASS{self.qclass}")
        return (f"{wire.name_text(wire.name_labels(self.name))} {kind} "
                f"{wire.type_text(self.qtype)}{edns}{' +tcp' if self.is_tcp else ''}"
                f" flags={self.flags:04x}")



def types_at(zone, name):
    """Numbers of the types that @zone holds at @name, or at a wildcard beside it."""
    kinds = set(zone.sets.get(name, ())) | set(zone.sets.get((generator.WILD,) + name[1:], ()))
    return sorted(rdata.type_number(kind) for kind in kinds)


class Asker:
    """A source of questions about one zone."""

    def __init__(self, rng, zone):
        self.rng, self.zone = rng, zone
        self.names = zone.names + [zone.apex[1:]]
        self.grower = generator.ZoneGrower(rng, zone)

    def name(self):
        rng = self.rng
        name = rng.choice(self.names)
        roll = rng.random()
        if roll < 0.5:
            pass
        elif roll < 0.7:
            name = (self.grower.label(),) + name
        elif roll < 0.78:
            name = (self.grower.label(), self.grower.label()) + name
        elif roll < 0.84:
            name = (generator.WILD,) + name
        elif roll < 0.9:
            name = (self.grower.label(),) + name[1:]
        elif roll < 0.93:
            name = (self.grower.label(), generator.WILD) + name
        elif roll < 0.97:
            name = self.grower.deep_name(name)
        else:
            name = name[1:]
        return name if wire.name_len(name) <= wire.NAME_MAX else name[2:]

    def qtype(self, name):
        rng, roll = self.rng, self.rng.random()
        present = types_at(self.zone, name)
        if roll < 0.3 and present:
            return rng.choice(present)
        if roll < 0.9:
            return rng.choice(COMMON)
        if roll < 0.97:
            return rdata.type_number(rng.choice(rdata.DATA_TYPES))
        return rng.choice(ODD_TYPES)

    def query(self):
        rng = self.rng
        name = self.name()
        while wire.name_len(name) > wire.NAME_MAX:
            name = name[1:]
        qtype = self.qtype(name)
        if rng.random() < 0.3:
            name = generator.mixed_case(rng, name)
        has_edns = rng.random() < 0.6
        return Query(
            name=wire.name_wire(name), qtype=qtype,
            qclass=wire.IN if rng.random() < 0.98 else rng.choice(
                (wire.CLASS_ANY, wire.CLASS_ANY, wire.CH, wire.NONE, 4, 0, 777)),
            flags=(wire.RD if rng.random() < 0.5 else 0) | (wire.CD if rng.random() < 0.05 else 0),
            edns_size=rng.choice(EDNS_SIZES) if has_edns else None,
            is_do=has_edns and rng.random() < 0.5, is_tcp=rng.random() < 0.1)


def make(rng, zone, count):
    """Up to @count different questions about @zone."""
    asker, queries = Asker(rng, zone), {}
    for _ in range(3 * count):
        queries[asker.query()] = None
        if len(queries) == count:
            break
    return list(queries)
