"""Makes zones that every server loads and that are as odd as that allows. All of it comes
from one random source, so a seed makes the same again."""
import random

import rdata
import wire

LABELS = [b"a", b"b", b"c", b"d", b"www", b"ns1", b"ns2", b"mail", b"_tcp", b"x", b"xn--a"]
ODD_LABELS = [b"\0", b"\xff\xfe", b"a.b", b" ", b'"', b"\\", b"(;)", b"@", b"a*", b"**", b"065",
              b"\xc3\xa4", b"\x7f", b"l" * 63, b"\xc1", b"$ttl"]
WILD = b"*"
OUTSIDE = [(b"out", b"example"), (b"ns", b"elsewhere", b"invalid"), (b"com",), ()]
# How often each step of growing is taken, by the kind of zone.
PROFILES = {
    "mixed": dict(data=8, ent=3, wildcard=3, cut=4, cname=4, dname=2, chain=1, under_cut=3, odd=2),
    "wildcards": dict(data=3, ent=2, wildcard=8, cname=2, wild_ent=3, cut=1, dname=1),
    "cuts": dict(data=2, cut=8, under_cut=8, wildcard=1, ent=1, nested_cut=3, cname=2),
    "chains": dict(data=3, cname=8, chain=2, loop=2, wildcard=2, dname=2, cut=1),
    "dnames": dict(data=3, dname=8, cname=3, cut=1, wildcard=1, growing_dname=1),
    "deep": dict(data=2, deep=4, wildcard=1, dname=1, deep_cut=1, odd=2),
    "types": dict(data=1, types=8, wildcard=1),
    "big": dict(data=2, big=3, big_cut=2, wildcard=1, cname=2),
}
STEPS_MIN, STEPS_MAX = 3, 22
# KNOT_HANGS: Knot 3.2.6 never ends an answer made from a wildcard, or with an address from one,
# when an additional record does not fit. Large sets keep away from that; what still happens, the
# asker gets over.
TTLS = [0, 1, 60, 300, 3600, 86400, 2147483647]


class Zone:
    """Record sets by name and type. Names are kept in lower case and written in any."""

    def __init__(self, apex, profile, family):
        self.apex, self.profile, self.family = apex, profile, family
        self.sets = {}  # name: {type text: (ttl, [(text, octets)])}
        self.existing = {apex: None}  # names, also the empty ones between, in the order they came
        self.names = [apex]           # the same, to choose from

    def is_renamed(self, name):
        """Whether a DNAME of this zone is above @name."""
        return any("DNAME" in self.sets.get(name[depth:], ())
                   for depth in range(1, len(name) - len(self.apex) + 1))

    def has_below(self, name):
        return any(len(n) > len(name) and wire.is_within(n, name) for n in self.existing)

    def can_hold(self, name, kind):
        """What all three servers load. No data may be below a DNAME for NSD and Knot; for NSD not
        even when they are in different zones."""
        here = self.sets.get(name, {})
        if wire.name_len(name) > wire.NAME_MAX or not wire.is_within(name, self.apex):
            return False
        if "CNAME" in here or any(zone.is_renamed(name) for zone in self.family):
            return False
        if kind == "CNAME":
            return not here and name != self.apex
        if kind == "DNAME":
            return ("DNAME" not in here and ("NS" not in here or name == self.apex)
                    and not any(zone.has_below(name) for zone in self.family))
        if kind == "NS":
            return name[:1] != (WILD,) and "DNAME" not in here and name != self.apex
        return kind != "SOA" or name == self.apex

    def add(self, rng, name, kind, datas):
        """False when a rule forbids it. @datas: (text, octets) each; joins a set that is there."""
        if not self.can_hold(name, kind) and (name != self.apex or kind not in ("NS", "SOA")):
            return False
        here = self.sets.setdefault(name, {})
        ttl, present = here.get(kind, (rng.choice(TTLS), []))
        known = {rdata.file_key(kind, *data) for data in present}
        for data in datas:
            if rdata.file_key(kind, *data) not in known:
                present.append(data)
                known.add(rdata.file_key(kind, *data))
        here[kind] = (ttl, present)
        for depth in range(len(name) - len(self.apex)):
            if name[depth:] in self.existing:
                break
            self.existing[name[depth:]] = None
            self.names.append(name[depth:])
        return True

    def text(self):
        lines = []
        for name, sets in self.sets.items():
            for kind, (ttl, datas) in sets.items():
                lines += [f"{wire.name_text(name)} {ttl} IN {kind} {text}" for text, _ in datas]
        return "\n".join(lines) + "\n"


def mixed_case(rng, labels):
    """The labels with the case of letters by chance."""
    return tuple(bytes(o ^ 32 if chr(o).isalpha() and o < 128 and rng.random() < 0.5 else o
                       for o in label) for label in labels)


class ZoneGrower:
    """Fills one zone by steps of chance."""

    def __init__(self, rng, zone):
        self.rng, self.zone, self.family = rng, zone, zone.family

    def label(self):
        roll = self.rng.random()
        if roll < 0.08:
            return self.rng.choice(ODD_LABELS)
        return self.rng.choice(LABELS)

    def fresh(self, above=None, depth=None):
        """A name some labels below one that is there."""
        if above is None:
            above = self.rng.choice(self.zone.names)
        for _ in range(depth or self.rng.choice((1, 1, 1, 2, 3))):
            above = (self.label(),) + above
        return above if wire.name_len(above) <= wire.NAME_MAX else self.fresh(self.zone.apex, 1)

    def cuts(self):
        return [n for n, sets in self.zone.sets.items()
                if "NS" in sets and n != self.zone.apex]

    def target(self):
        """A name for data: one that is there, one that is not, in other zones, outside."""
        roll = self.rng.random()
        if roll < 0.45:
            return self.rng.choice(self.zone.names)
        if roll < 0.65:
            return self.fresh()
        if roll < 0.85 and self.family:
            zone = self.rng.choice(self.family)
            name = self.rng.choice(zone.names)
            return name if self.rng.random() < 0.6 else (self.label(),) + name
        return self.rng.choice(OUTSIDE)

    def in_some_case(self, name):
        if wire.name_len(name) > wire.NAME_MAX:
            name = self.zone.apex
        return mixed_case(self.rng, name) if self.rng.random() < 0.2 else name

    def text_of(self, name):
        return wire.name_text(self.in_some_case(name))

    def put(self, name, kind, count=1):
        datas = []
        for _ in range(count):
            target = self.in_some_case(self.target())
            chance = self.rng.getstate()
            datas.append(rdata.make(self.rng, kind, target))
            if kind in rdata.IN_ANY_CASE and self.rng.random() < 0.1:
                again = random.Random()
                again.setstate(chance)
                datas.append(rdata.make(again, kind, mixed_case(self.rng, target)))
        return self.zone.add(self.rng, name, kind, datas)

    def put_name(self, name, kind, target):
        return self.zone.add(self.rng, name, kind, [(self.text_of(target), None)])

    # ---- steps ----

    def data(self, name=None):
        name = name or self.fresh()
        for kind in self.rng.sample(["A", "AAAA", "TXT", "MX", "SRV", "HTTPS", "TYPE65280"],
                                    self.rng.choice((1, 1, 2, 3))):
            self.put(name, kind, self.rng.choice((1, 1, 2)))

    def odd(self):
        self.data((self.rng.choice(ODD_LABELS),) + self.rng.choice(self.zone.names))

    def ent(self):
        self.data(self.fresh(depth=self.rng.choice((2, 3, 4))))

    def wildcard(self):
        name = (WILD,) + self.rng.choice(self.zone.names)
        roll = self.rng.random()
        if roll < 0.25:
            self.put(name, "CNAME")
        elif roll < 0.3:
            self.put(name, "DNAME")
        else:
            self.data(name)

    def wild_ent(self):
        """A wildcard that exists only by what is below it."""
        self.data((self.label(), WILD) + self.rng.choice(self.zone.names))

    def server_names(self, cut):
        """Of a delegation: inside, in a sibling, above, outside."""
        rng, names = self.rng, []
        for _ in range(rng.choice((1, 1, 2, 3))):
            roll = rng.random()
            cuts = self.cuts()
            if roll < 0.4:
                names.append(self.fresh(cut, 1))
            elif roll < 0.5:
                names.append(cut)
            elif roll < 0.65 and cuts:
                names.append(self.fresh(rng.choice(cuts), 1))
            elif roll < 0.8:
                names.append(self.fresh(self.zone.apex, 1))
            else:
                names.append(self.target())
        return names

    def cut(self, name=None):
        rng, name = self.rng, name or self.fresh()
        for server in self.server_names(name):
            if not self.put_name(name, "NS", server):
                return
            if rng.random() < 0.75 and wire.is_within(server, self.zone.apex):
                for kind in rng.choice((("A",), ("AAAA",), ("A", "AAAA"))):
                    self.put(server, kind, rng.choice((1, 1, 2)))
        if rng.random() < 0.35:
            text = f"{rng.randrange(65536)} 13 2 {rdata.hex_octets(rng, 32)}"
            self.zone.add(rng, name, "DS", [(text, None)])

    def under_cut(self):
        """What a delegation hides: any data, aliases, wildcards, at the cut or below."""
        cuts = self.cuts()
        if not cuts:
            return self.cut()
        cut = self.rng.choice(cuts)
        name = self.rng.choice((cut, self.fresh(cut), self.fresh(cut), (WILD,) + cut))
        roll = self.rng.random()
        if roll < 0.2:
            self.put(name, "CNAME")
        elif roll < 0.3:
            self.put(name, "DNAME")
        else:
            self.data(name)

    def nested_cut(self):
        cuts = self.cuts()
        self.cut(self.fresh(self.rng.choice(cuts)) if cuts else None)

    def cname(self):
        self.put(self.fresh(), "CNAME")

    def dname(self):
        self.put(self.fresh(), "DNAME")

    def growing_dname(self):
        """Each step makes the name longer, until it is too long."""
        name = self.fresh()
        self.put_name(name, "DNAME", (self.label(),) * self.rng.choice((1, 20)) + name)

    def chain(self):
        """Aliases one after the other, at times longer than any server follows."""
        base = self.fresh(depth=1)
        count = self.rng.choice((2, 3, 4, 6, 8, 9, 10, 11, 12, 15, 16, 17, 18, 20, 24))
        names = [(b"c%d" % n,) + base for n in range(count)]
        for name, target in zip(names, names[1:]):
            self.put_name(name, "CNAME", target)
        if self.rng.random() < 0.7:
            self.put(names[-1], self.rng.choice(("A", "CNAME", "DNAME", "TXT")))

    def loop(self):
        base = self.fresh(depth=1)
        names = [(b"l%d" % n,) + base for n in range(self.rng.choice((1, 2, 3, 5)))]
        kind = "CNAME" if self.rng.random() < 0.7 else "DNAME"
        for name, target in zip(names, names[1:] + names[:1]):
            self.put_name(name, kind, target)

    def deep_name(self, above):
        """As long as a name may be: of 127 labels, or of few long ones, or nearly so."""
        size = self.rng.choice((1, 1, 7, 63))
        limit = self.rng.choice((wire.NAME_MAX, wire.NAME_MAX, wire.NAME_MAX - 1, 200, 130))
        labels, left = [], limit - wire.name_len(above) - 1
        while left > 0:
            labels.append(self.rng.choice((b"a", b"b", b"\xfe", b"z")) * min(size, left))
            left -= len(labels[-1]) + 1
        return tuple(labels[::-1]) + above

    def deep(self):
        name = self.deep_name(self.rng.choice(self.zone.names))
        roll = self.rng.random()
        if roll < 0.15:
            self.put(name, "CNAME")
        elif roll < 0.3:
            self.put_name(self.fresh(depth=1), "DNAME", self.deep_name(())[-120:])
        elif roll < 0.4:
            self.put_name(self.fresh(depth=1), "CNAME", name)
        else:
            self.data(name)

    def deep_cut(self):
        name = self.deep_name(self.zone.apex)
        self.cut(name[self.rng.randrange(len(name) - len(self.zone.apex)):])

    def types(self):
        name = self.fresh()
        for kind in self.rng.sample(rdata.DATA_TYPES, self.rng.choice((1, 3, 8))):
            self.put(name, kind, self.rng.choice((1, 2)))

    def big(self):
        """Sets around the usual limits of UDP."""
        name = self.fresh(depth=1)
        kind = self.rng.choice(("A", "AAAA", "TXT", "MX", "TYPE65280", "SRV"))
        if self.rng.random() < 0.3 and kind in ("TXT", "TYPE65280"):  # KNOT_HANGS
            name = (WILD,) + name
        self.put(name, kind, self.rng.choice((10, 25, 28, 29, 30, 31, 40, 44, 60, 75, 120)))

    def big_cut(self):
        """Referrals whose NS or glue alone is near a limit."""
        cut = self.fresh(depth=1)
        for number in range(self.rng.choice((5, 8, 10, 13, 20, 30))):
            above = cut if self.rng.random() < 0.7 else self.zone.apex
            server = (b"server-%d" % number,) + above
            if not self.put_name(cut, "NS", server):
                return
            # All have addresses of their own: KNOT_HANGS.
            for kind in self.rng.choice((("A",), ("A", "AAAA"), ("AAAA",))):
                self.put(server, kind, self.rng.choice((1, 1, 2)))

    # ---- the whole ----

    def top(self):
        rng, zone = self.rng, self.zone
        server = self.text_of(self.fresh(zone.apex, 1))
        soa = f"{server} {self.text_of(self.fresh(zone.apex, 1))} {rng.randrange(1, 1 << 31)} "
        zone.add(rng, zone.apex, "SOA", [(soa + f"7200 900 1209600 {rng.choice(TTLS)}", None)])
        for _ in range(rng.choice((1, 2, 2, 3))):
            name = self.fresh(zone.apex, 1) if rng.random() < 0.6 else self.target()
            self.put_name(zone.apex, "NS", name)
            if rng.random() < 0.8 and wire.is_within(name, zone.apex):
                self.put(name, rng.choice(("A", "AAAA")))

    def renamed_top(self):
        """An apex that is a DNAME: nothing may be below it."""
        zone = self.zone
        zone.add(self.rng, zone.apex, "SOA", [(". . 1 7200 900 1209600 5", None)])
        self.put_name(zone.apex, "NS", self.rng.choice(OUTSIDE[:3]))
        self.put(zone.apex, "DNAME")

    def delegate(self, child):
        """The cut above a child zone that is served too, more or less right."""
        names = [child.apex] if self.rng.random() < 0.9 else [self.fresh(child.apex[1:], 1)]
        self.cut(names[0])

    def grow(self):
        rng, zone = self.rng, self.zone
        if rng.random() < 0.04 and zone.apex:  # with ".", the zones of all families would be below
            self.renamed_top()
            return
        self.top()
        if rng.random() < 0.5:
            self.data(zone.apex)
        weights = PROFILES[zone.profile]
        steps = rng.choices(list(weights), list(weights.values()),
                            k=rng.randrange(STEPS_MIN, STEPS_MAX))
        for step in steps:
            getattr(self, step)()


def make_family(rng, base, number_of_zones=None):
    """One to four zones: alone, with children (delegated or not), grandchildren, sisters."""
    shape = rng.choice((["."], ["."], ["."], [".", "x"], [".", "x"], [".", "x", "y.x"],
                        [".", "y.x"], [".", "x", "w"], [".", "x", "w", "y.x"]))
    zones = []
    for place in shape[:number_of_zones]:
        labels = tuple(part.encode() for part in place.split(".") if part)
        zones.append(Zone(labels + base, rng.choice(list(PROFILES)), zones))
    growers = [ZoneGrower(rng, zone) for zone in zones]
    for grower in growers:
        grower.grow()
    for grower in growers:
        below = [z for z in zones if z is not grower.zone
                 and wire.is_within(z.apex, grower.zone.apex)]
        for child in below:
            if rng.random() < 0.8:
                grower.delegate(child)
    return zones
