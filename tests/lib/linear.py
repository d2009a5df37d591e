"""Is the history of a register linearizable: can every operation be given one moment between its
begin and its end, so that each read returns what was written last?

Every written value is written once. That makes the question easy (P. B. Gibbons and E. Korach,
"Testing Shared Memories", SIAM J. Comput. 26:4, 1997, section 5): the operations of one value form a
cluster. The value must be the register's from the first end in the cluster to its last begin: a
forward zone, when the first end is the earlier. Else one moment between the two suffices: a
backward zone. The history is linearizable when

- no read returns a value that nobody wrote, or one whose write begins after the read has ended,
- no two forward zones overlap,
- no backward zone lies within a forward one.

A write with an unknown outcome has no end. If its value was read, then it was made before the first
of those reads ended; if not, then nothing contradicts that it never was made.
"""
import bisect
import collections
import dataclasses
import math

FOREVER = math.inf


@dataclasses.dataclass(frozen=True)
class Operation:
    """One read or write. @end of a write is FOREVER when its outcome is unknown; reads without an
    answer are left out of a history."""
    kind: str  # "read" or "write"
    value: object
    begin: float
    end: float
    who: str = ""

    def __str__(self):
        end = "unknown" if self.end == FOREVER else f"{self.end:.6f}"
        return f"{self.who} {self.kind} {self.value!r} {self.begin:.6f}..{end}"


@dataclasses.dataclass
class Zone:
    """What one value claims of the time line."""
    value: object
    first_end: float
    last_begin: float

    @property
    def is_forward(self):
        return self.first_end < self.last_begin


def clusters(history):
    """({value: write}, {value: [reads]}); a value written twice is a mistake of the caller."""
    writes, reads = {}, collections.defaultdict(list)
    for operation in history:
        if operation.kind == "read":
            reads[operation.value].append(operation)
        elif operation.value in writes:
            raise ValueError(f"{operation.value!r} is written twice")
        else:
            writes[operation.value] = operation
    return writes, reads


def zone_of(write, reads):
    operations = [write, *reads]
    return Zone(write.value, min(o.end for o in operations), max(o.begin for o in operations))


def wrongs_of_reads(writes, reads):
    for value, of_value in reads.items():
        if value not in writes:
            yield f"nobody wrote what was read: {of_value[0]}"
        else:
            for read in of_value:
                if read.end < writes[value].begin:
                    yield f"read before it was written: {read}; {writes[value]}"


def wrongs_of_zones(zones):
    """Forward zones are taken by their begin: if none overlaps the one before, they end in the same
    order, and only the last that begins before a backward zone can hold it."""
    forward = sorted((z for z in zones if z.is_forward), key=lambda z: z.first_end)
    for before, after in zip(forward, forward[1:]):
        if after.first_end < before.last_begin:
            yield (f"both {before.value!r} and {after.value!r} must be there from "
                   f"{after.first_end:.6f} to {min(before.last_begin, after.last_begin):.6f}")
    begins = [zone.first_end for zone in forward]
    for zone in zones:
        at = bisect.bisect_left(begins, zone.last_begin) - 1
        if not zone.is_forward and at >= 0 and zone.first_end < forward[at].last_begin:
            yield (f"{zone.value!r} is there between {zone.last_begin:.6f} and "
                   f"{zone.first_end:.6f} only, but {forward[at].value!r} from "
                   f"{forward[at].first_end:.6f} to {forward[at].last_begin:.6f}")


def wrongs(history):
    """What makes this history of one register impossible; empty when it is linearizable."""
    writes, reads = clusters(history)
    found = list(wrongs_of_reads(writes, reads))
    if found:
        return found
    zones = [zone_of(write, reads[value]) for value, write in writes.items()
             if write.end < FOREVER or reads[value]]
    return list(wrongs_of_zones(zones))
