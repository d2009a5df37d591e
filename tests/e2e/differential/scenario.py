"""The zones of one start of the servers, their files, and what the comparison looks up in them."""
import generator
import questions
import rdata
import wire

TOPS = [(b"test",), (b"Example".lower(), b"net"), (b"e",)]


class Scenario:
    """Zones and (query, zone) pairs. `has_root`: one of the zones is "."."""

    def __init__(self, rng, families, has_root, queries_per_zone):
        self.has_root = has_root
        self.zones = []
        for number in range(families):
            base = () if has_root and number == 0 else (b"f%d" % number,) + rng.choice(TOPS)
            self.zones += generator.make_family(rng, base)
        self.pairs = [(query, zone) for zone in self.zones
                      for query in questions.make(rng, zone, queries_per_zone)]
        self.by_apex = {zone.apex: zone for zone in self.zones}
        self._octets = {}
        for zone in self.zones:
            self._learn(zone)

    def _learn(self, zone):
        for name, sets in zone.sets.items():
            for kind, (_, datas) in sets.items():
                known = {octets for _, octets in datas if octets is not None}
                if known:
                    key = (wire.name_wire(name), rdata.type_number(kind))
                    self._octets.setdefault(key, set()).update(known)

    def _known(self, owner, kind):
        """Data of @kind that zones have for the owner and for the wildcards above it."""
        sources, rest = [owner], owner
        while rest != b"\0":
            rest = rest[1 + rest[0]:]
            sources.append(b"\1*" + rest)
        return set().union(*(self._octets.get((source, kind), ()) for source in sources))

    def holds(self, owner, kind, data):
        """Whether some zone has this address record, for the owner or for a wildcard above it."""
        return data in self._known(owner, kind)

    def addresses_len(self, owner):
        """Octets that the owner's addresses take at most in a reply that has its name already."""
        return (16 * len(self._known(owner, wire.A)) + 28 * len(self._known(owner, wire.AAAA)))

    def has_whole_set(self, owner, kind, count):
        """Whether @owner (wire form) has a set of @kind with so many records in the zone that
        answers for it: its own, a wildcard's, or the CNAME that a DNAME makes."""
        name = wire.name_labels(owner)
        zone = self.zone_of(name)
        if zone is None:
            return False
        sources = [name] + [(generator.WILD,) + name[n:] for n in range(1, len(name) + 1)]
        for sets in (zone.sets.get(source, {}) for source in sources):
            for text, (_, datas) in sets.items():
                if rdata.type_number(text) == kind and rdata.record_count(text, datas) == count:
                    return True
        return kind == wire.CNAME and zone.is_renamed(name)

    def zone_of(self, name):
        """The deepest zone at or above @name (labels in lower case), or None."""
        for depth in range(len(name) + 1):
            if name[depth:] in self.by_apex:
                return self.by_apex[name[depth:]]
        return None

    def zone_for(self, name, qtype):
        """The zone that answers for @qtype at @name: for DS at a zone's top the one above, where
        that is here (RFC 4035 3.1.4.1)."""
        zone = self.zone_of(name)
        if qtype == wire.DS and zone and zone.apex == name and name:
            return self.zone_of(name[1:]) or zone
        return zone

    def write(self, folder):
        """One file a zone; list of (name as text, file name)."""
        out = []
        for number, zone in enumerate(self.zones):
            file = f"{number}.zone"
            (folder / file).write_text(zone.text())
            out.append((wire.name_text(zone.apex), file))
        return out
