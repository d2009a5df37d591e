"""Where Quartet answers in its own way, and why it may. Each exception names the aspects that it
excuses and says exactly what Quartet's answer is then; all else in the same reply still counts. One
that no question of a run needed is reported: it has no reason to be here."""
import dataclasses
from typing import Callable

import compare
import wire


@dataclasses.dataclass
class Case:
    """One question and what came of it. Aspects by server; see compare.py."""
    query: object
    zone: object
    scenario: object
    nsd: dict
    knot: dict
    quartet: dict


@dataclasses.dataclass(frozen=True)
class Allowed:
    name: str
    reason: str
    aspects: frozenset
    applies: Callable[[Case], bool]


def only_ds_is_more(case):
    """Ours is theirs and the DS set at the cut."""
    if not case.query.is_do or case.quartet.reply is None:
        return False
    more = case.quartet["authority"] - case.nsd["authority"]
    return (not case.nsd["authority"] - case.quartet["authority"]
            and {kind for _, kind, *_ in more} == {wire.DS}
            and all(owner in compare.referral_servers(case.quartet.reply).values()
                    for owner, *_ in more))


CHAIN_MAX = 16
FORMERR, NXDOMAIN, YXDOMAIN = 1, 3, 6
NSEC3, NXNAME = 50, 128


def is_chain_cut_short(case):
    """Ours is the first sixteen links of a chain, and nothing on the name where they end."""
    ours = case.quartet["answer"] or ()
    links = [kind for _, kind, *_ in ours].count(wire.CNAME)
    theirs = [peer["answer"] or () for peer in (case.nsd, case.knot)]
    return (links == CHAIN_MAX and case.quartet["rcode"] == 0 and not case.quartet["authority"]
            and any(answer[:len(ours)] == ours for answer in theirs))


def is_dname_at_asterisk(case):
    """Up to there the same, then ours goes by a DNAME at "*.name", which Knot says is at the name
    that the chain has come to; where it leads on, the peers cannot be followed to one end."""
    name = wire.lower(case.query.name)
    for ours, theirs in zip(case.quartet["answer"] or (), case.knot["answer"] or ()):
        if ours != theirs:
            return (ours[1] == theirs[1] == wire.DNAME and ours[0].startswith(b"\1*")
                    and theirs[0] == name and ours[1:] == theirs[1:])
        if ours[1] == wire.CNAME:
            name = compare.chain_target([ours])
    return False


def is_all_of_class_any(case):
    """Ours is NSD's with AA and the SOA of a negative answer."""
    more = (case.quartet["authority"] or frozenset()) - case.nsd["authority"]
    return (case.query.qclass == wire.CLASS_ANY and case.quartet["aa"]
            and all(kind == wire.SOA for _, kind, *_ in more)
            and case.nsd["authority"] <= case.quartet["authority"])


def is_any_below_a_growing_dname(case):
    """All say YXDOMAIN with the DNAME first; how much of the way there is shown differs."""
    return (case.query.qtype == wire.ANY
            and all(side.reply is not None and side.reply.rcode == YXDOMAIN
                    and side.reply.sections[0]
                    and side.reply.sections[0][0][1] == wire.DNAME
                    for side in (case.quartet, case.nsd, case.knot)))


def is_yxdomain_for_nsec3(case):
    """Ours is Knot's answer with YXDOMAIN for NXDOMAIN, and so without SOA."""
    return (case.query.qtype == NSEC3 and case.quartet["rcode"] == YXDOMAIN
            and case.knot["rcode"] == NXDOMAIN and not case.quartet["authority"]
            and case.quartet["answer"] == case.knot["answer"])


def is_formerr(case):
    """No records, nothing of an answer."""
    reply = case.quartet.reply
    return (reply is not None and reply.rcode == FORMERR and not any(reply.sections)
            and not reply.has(wire.AA | wire.TC))


def is_nxname_refused(case):
    return case.query.qtype == NXNAME and is_formerr(case)


def is_type_0_refused(case):
    return case.query.qtype == 0 and is_formerr(case)


WHOLE_ANSWER = frozenset({"aa", "rcode", "answer", "authority", "glue", "sibling glue"})

TABLE = [
    Allowed("a DNAME at an asterisk has that owner",
            "RFC 6672 2.2: names below are renamed by the DNAME as it stands; as NSD",
            WHOLE_ANSWER, is_dname_at_asterisk),
    Allowed("ANY below a DNAME that grows until YXDOMAIN",
            "RFC 6672 3.1: CNAMEs for the way as for any other type; NSD shows the DNAME alone, "
            "Knot takes a label that is an asterisk for the DNAME's own",
            frozenset({"answer"}), is_any_below_a_growing_dname),
    Allowed("YXDOMAIN to NSEC3 asked at an alias",
            "RFC 6672 3.2 3c: as NSD to every other type, but it follows no CNAME for NSEC3; Knot says "
            "NXDOMAIN where a CNAME came before the DNAME",
            frozenset({"rcode", "authority"}), is_yxdomain_for_nsec3),
    Allowed("AA and SOA in answers of class ANY",
            "as Knot; RFC 1035 6.2 wants no AA unless all classes are known, but here is one only",
            frozenset({"aa", "authority"}), is_all_of_class_any),
    Allowed("FORMERR to questions for NXNAME", "RFC 9824 3.5", WHOLE_ANSWER, is_nxname_refused),
    Allowed("FORMERR to questions for type 0",
            "RFC 6895 3.1 reserves it; NSD takes it for any other, Knot says NOTIMP",
            WHOLE_ANSWER, is_type_0_refused),
    Allowed("chains of more than 16 links",
            "RFC 1034 3.6.2 leaves the limit open; a resolver asks on at the last target",
            frozenset({"answer", "rcode", "authority", "glue", "sibling glue"}),
            is_chain_cut_short),
    Allowed("DS in referrals of unsigned zones",
            "RFC 4035 3.1.4: a DS at the cut goes along for DO; the peers look whether the zone is "
            "signed first", frozenset({"authority"}), only_ds_is_more),
]
