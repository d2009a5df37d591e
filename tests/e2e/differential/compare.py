"""What of two replies must be the same, and what each reply must be by itself.

A reply is cut into aspects. Optional things are in none of them: the NS set of the zone in the
authority section of an answer, additional records beyond a referral's glue, and which sets a reply
to ANY holds. Those are judged by themselves: every additional address must stand in a zone, and TC
must be set exactly when what is required does not fit.
"""
import wire
from wire import AA, TC

ADDRESS_TYPES = (wire.A, wire.AAAA)
ASPECTS = ("status", "rcode", "header", "aa", "question", "edns", "answer", "authority", "glue",
           "sibling glue")
UDP_SIZE_MIN, UDP_SIZE_MAX = 512, 1232
OPT_LEN = 11
YXDOMAIN = 6
# Sibling glue may be left out where there is no room for it (RFC 9471 3.2): two records' worth, for
# what is not as we reckon.
ROOM_FOR_GLUE = 2 * 60


def group(records):
    """Record sets in the order of their first records: (owner, type, class, sorted (ttl, data)). A
    record that is there twice counts once here; check_alone() sees it."""
    sets = {}
    for owner, kind, kind_class, ttl, data, _ in records:
        sets.setdefault((owner, kind, kind_class), set()).add((ttl, data))
    return [key + (tuple(sorted(datas)),) for key, datas in sets.items()]


def referral_servers(reply):
    """{server name: cut} of the NS records in the authority section."""
    return {data: owner for owner, kind, _, _, data, _ in reply.sections[1] if kind == wire.NS}


def is_referral(reply):
    """Whether it ends at a delegation: NS records, and no answer, or a chain without its end."""
    return (any(record[1] == wire.NS for record in reply.sections[1])
            and (not reply.sections[0] or reply.sections[0][-1][1] == wire.CNAME))


def _is_chain(reply):
    return any(record[1] in (wire.CNAME, wire.DNAME) for record in reply.sections[0])


def _glue(reply, is_inside):
    """Addresses of the servers of a referral: in the child zone, or not."""
    servers = referral_servers(reply)
    return frozenset(
        (owner, kind, ttl, data) for owner, kind, _, ttl, data, _ in reply.sections[2]
        if kind in ADDRESS_TYPES and owner in servers
        and wire.is_wire_within(owner, servers[owner]) == is_inside)


def _any_of(answer):
    """An answer to ANY: the chain as it is, and at its end "some set", for any will do (RFC 8482
    4.1)."""
    out = []
    for one, after in zip(answer, answer[1:] + [None]):
        is_link = one[1] == wire.CNAME or (
            one[1] == wire.DNAME and after is not None and after[1] == wire.CNAME
            and wire.is_wire_within(after[0], one[0]))
        link = one if is_link else (one[0], wire.ANY, wire.IN, ())
        if link not in out:
            out.append(link)
    return out


class Aspects(dict):
    """The aspects of one server's reply to one question."""

    def __init__(self, query, raw):
        super().__init__(dict.fromkeys(ASPECTS))
        self.reply = None
        if raw is None:
            self["status"] = "no reply"
            return
        try:
            self.reply = wire.parse_reply(raw)
        except (wire.Malformed, IndexError) as error:
            self["status"] = f"malformed: {error}"
            return
        self._fill(query, self.reply)

    def _fill(self, query, reply):
        answer = group(reply.sections[0])
        authority = group(reply.sections[1])
        if not is_referral(reply):
            authority = [s for s in authority if s[1] != wire.NS]
        self["status"] = "read"
        self["rcode"] = reply.rcode
        self["header"] = reply.flags & ~(AA | TC | 15)
        self["aa"] = reply.has(AA)
        self["question"] = reply.question
        self["edns"] = reply.opt and reply.opt[3] & 0xFFFF8000 & 0xFFFFFF
        self["answer"] = tuple(_any_of(answer) if query.qtype == wire.ANY else answer)
        self["authority"] = frozenset(authority)
        self["glue"] = _glue(reply, True)
        self["sibling glue"] = _glue(reply, False)


def differing(one, other):
    """Names of the aspects in which they are not the same."""
    return frozenset(name for name in ASPECTS if one[name] != other[name])


def udp_limit(query):
    if query.edns_size is None:
        return UDP_SIZE_MIN
    return min(max(query.edns_size, UDP_SIZE_MIN), UDP_SIZE_MAX)


def has_room_for_glue(query, all_aspects, scenario):
    """Whether optional glue had to be left out by nobody."""
    if query.is_tcp:
        return True
    replies = [aspects.reply for aspects in all_aspects if aspects.reply]
    servers = {name for reply in replies for name in referral_servers(reply)}
    with_all = (max((reply.authority_end for reply in replies), default=0) + OPT_LEN
                + sum(map(scenario.addresses_len, servers)))
    longest = max((len(reply.octets) for reply in replies), default=0)
    return max(with_all, longest) + ROOM_FOR_GLUE <= udp_limit(query)


# ---- what a reply must be by itself ----

def check_alone(query, aspects, scenario):
    """Texts of what is wrong with a reply whatever the others say."""
    reply, wrong = aspects.reply, []
    if reply is None:
        return wrong
    if reply.question and reply.question[:-4] != query.name:
        wrong.append("the question's name does not come back as it was sent")
    if not query.is_tcp and len(reply.octets) > udp_limit(query):
        wrong.append(f"{len(reply.octets)} octets, {udp_limit(query)} allowed")
    if query.is_tcp and reply.has(TC):
        wrong.append("TC over TCP")
    for section in reply.sections:
        keys = [r[:3] + (r[4],) for r in section]
        if len(set(keys)) != len(keys):
            wrong.append("a record is there twice")
    if _is_split(reply):
        wrong.append("records of one set are not together, or their TTLs differ")
    if query.qtype == wire.ANY:
        wrong += [f"a {wire.type_text(kind)} set that is not as in the zone"
                  for owner, kind, _, datas in group(reply.sections[0])
                  if not scenario.has_whole_set(owner, kind, len(datas))]
    for owner, kind, kind_class, _, data, _ in reply.sections[2]:
        if kind in ADDRESS_TYPES and not scenario.holds(owner, kind, data):
            wrong.append("an additional record that no zone has")
        if kind not in ADDRESS_TYPES or kind_class != wire.IN:
            wrong.append(f"an additional {wire.type_text(kind)} record")
    return wrong


def _is_split(reply):
    for section in reply.sections:
        seen, ttls, last = set(), {}, None
        for owner, kind, _, ttl, _, _ in section:
            key = (owner, kind)
            if key != last and key in seen:
                return True
            if ttls.setdefault(key, ttl) != ttl:
                return True
            seen.add(key)
            last = key
    return False


def _required_len(full):
    """Octets of a reply over TCP without what is optional: (at least, at most)."""
    servers = referral_servers(full)
    glue = sum(r[5] for r in full.sections[2] if r[1] in ADDRESS_TYPES and r[0] in servers
               and wire.is_wire_within(r[0], servers[r[0]])) if is_referral(full) else 0
    size = full.authority_end + glue
    return (size + OPT_LEN, size + full.opt[5]) if full.opt else (size, size)


def check_truncation(query, by_udp, by_tcp):
    """The reply to @query by UDP against the one by TCP, of the same server."""
    short, full = by_udp.reply, by_tcp.reply
    if short is None or full is None:
        return []
    least, most = _required_len(full)
    wrong = []
    if short.has(TC) and most <= udp_limit(query):
        wrong.append(f"TC, but {most} octets fit in {udp_limit(query)}")
    if not short.has(TC) and least > udp_limit(query):
        wrong.append(f"no TC, but {least} octets do not fit in {udp_limit(query)}")
    if not short.has(TC):
        wrong += [f"{name} is not the same by UDP and TCP" for name in differing(by_udp, by_tcp)
                  if name != "sibling glue"]
        return wrong
    for name in ("rcode", "aa", "header", "question"):
        if name == "rcode" and (_is_chain(full) or full.rcode == YXDOMAIN):
            continue  # that of the chain's end (RFC 6604 3), which was not reached
        if by_udp[name] != by_tcp[name]:
            wrong.append(f"{name} is not the same in the truncated reply")
    for number, section in enumerate(short.sections):
        if not set(group(section)) <= set(group(full.sections[number])):
            wrong.append("a set in the truncated reply is not whole")
    return wrong


# ---- chains that a peer does not follow ----

def chain_target(answer):
    """The name (wire form) at which a chain of sets ends; None where its end is no CNAME."""
    if not answer or answer[-1][1] != wire.CNAME:
        return None
    return answer[-1][3][0][1]


def extended(prefix, first, rest):
    """Aspects as of a peer that had gone on where its @first reply ended, after the sets @prefix:
    @rest is its reply to the same question at the name there. A chain that comes back to a name
    ends."""
    out = Aspects.__new__(Aspects)
    out.update(rest)
    out.reply = rest.reply
    for name in ("aa", "question", "header", "edns"):
        out[name] = first[name]
    answer = list(prefix)
    for one in rest["answer"] or ():
        if one not in answer:
            answer.append(one)
    out["answer"] = tuple(answer)
    return out


# ---- three replies ----

def judge(peers, ours, ignored=frozenset()):
    """How @ours stands against the two @peers: (verdict, sets of aspects, one of which would have
    to be excused). "same"; "one of two": the peers differ and ours is like one of them; "differs":
    in aspects on which the peers agree; "third": the peers differ, and ours is like neither."""
    between = differing(*peers) - ignored
    to_peers = [differing(peer, ours) - ignored for peer in peers]
    agreed = to_peers[0] & to_peers[1] - between
    if agreed:
        return "differs", [agreed]
    if not between:
        return "same", []
    if not all(to_peers):
        return "one of two", []
    return "third", sorted(to_peers, key=len)
