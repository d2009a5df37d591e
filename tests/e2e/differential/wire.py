"""Names, questions and replies as octets. Replies become a form that can be compared: names without
compression and in lower case, also those in the data of the types whose names may be compressed or
whose case does not matter.

A name is a tuple of labels (bytes), leftmost first; () is the root.
"""
import struct

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13,
    "MINFO": 14, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18, "RT": 21,
    "KEY": 25, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "KX": 36, "CERT": 37,
    "DNAME": 39, "APL": 42, "DS": 43, "SSHFP": 44, "IPSECKEY": 45, "DNSKEY": 48, "DHCID": 49,
    "TLSA": 52, "SMIMEA": 53, "CDS": 59, "CDNSKEY": 60, "OPENPGPKEY": 61, "CSYNC": 62,
    "ZONEMD": 63, "SVCB": 64, "HTTPS": 65, "SPF": 99, "NID": 104, "L32": 105, "L64": 106,
    "LP": 107, "EUI48": 108, "EUI64": 109, "ANY": 255, "URI": 256, "CAA": 257,
}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
A, NS, CNAME, SOA, MX, AAAA, SRV = 1, 2, 5, 6, 15, 28, 33
DNAME, OPT, DS, SVCB, HTTPS, ANY = 39, 41, 43, 64, 65, 255
IN, CH, NONE, CLASS_ANY = 1, 3, 254, 255
CLASS_NAMES = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
          6: "YXDOMAIN", 9: "NOTAUTH", 16: "BADVERS"}
NAME_MAX, LABEL_MAX = 255, 63
HEADER_LEN = 12
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10

# Data with names in it: digits are octets to copy, n a name, s a character-string, * the rest.
LAYOUTS = {
    2: "n", 3: "n", 4: "n", 5: "n", 6: "nn*", 7: "n", 8: "n", 9: "n", 12: "n", 14: "nn", 15: "2n",
    17: "nn", 18: "2n", 21: "2n", 26: "2nn", 33: "6n", 35: "4sssn", 36: "2n", 39: "n", 64: "2n*",
    65: "2n*", 107: "2n",
}
# RFC 3597 4: no other type's data may hold compressed names.
COMPRESSIBLE = {2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 17, 18, 21, 26, 33, 35}

_LOWER = bytes(c + 32 if 65 <= c <= 90 else c for c in range(256))


class Malformed(Exception):
    """A reply that cannot be read."""


# ---- names ----

def lower(octets):
    """ASCII letters in lower case (RFC 4343), of a name's wire form or a label."""
    return octets.translate(_LOWER)


def name_wire(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def name_labels(wire):
    """The labels of an uncompressed name."""
    labels, at = [], 0
    while wire[at]:
        labels.append(wire[at + 1:at + 1 + wire[at]])
        at += 1 + wire[at]
    return tuple(labels)


def name_len(labels):
    return sum(map(len, labels)) + len(labels) + 1


def label_text(label):
    out = []
    for octet in label:
        char = chr(octet)
        if 33 <= octet <= 126 and char not in "\\.\"();@$":
            out.append(char)
        else:
            out.append(f"\\{octet:03d}")
    return "".join(out)


def name_text(labels):
    return ".".join(map(label_text, labels)) + "."


def is_within(name, above):
    """Whether @name is @above or below it; labels."""
    return len(name) >= len(above) and name[len(name) - len(above):] == above


def is_wire_within(name, above):
    """The same for names in wire form."""
    at = 0
    while len(name) - at > len(above):
        at += 1 + name[at]
    return name[at:] == above


def type_text(number):
    return TYPE_NAMES.get(number, f"TYPE{number}")


# ---- questions ----

def query_packet(query, ident=0):
    """@query is a questions.Query: name (wire, in its own case), qtype, qclass, flags, edns_size
    (None: no EDNS), is_do."""
    has_edns = query.edns_size is not None
    packet = struct.pack("!6H", ident, query.flags, 1, 0, 0, int(has_edns))
    packet += query.name + struct.pack("!HH", query.qtype, query.qclass)
    if has_edns:
        packet += struct.pack("!BHHIH", 0, OPT, query.edns_size, 0x8000 if query.is_do else 0, 0)
    return packet


# ---- replies ----

class Reply:
    """A reply that was read. Sections are lists of (owner, type, class, ttl, data, octets), the
    last being how many the record took; OPT stands apart."""
    __slots__ = ("octets", "flags", "rcode", "question", "sections", "opt", "records_at",
                 "authority_end")

    def has(self, flag):
        return bool(self.flags & flag)


def _read_name(octets, at, cache):
    """(name in lower case, where it ends); @cache holds the names of this message by place."""
    start, parts, end = at, [], None
    length = 0
    while True:
        try:
            size = octets[at]
            if size >= 0xC0:
                target = (size & 0x3F) << 8 | octets[at + 1]
                if target >= at:
                    raise Malformed(f"pointer at {at} does not point back")
                end = at + 2 if end is None else end
                if target in cache:
                    parts.append(cache[target])
                    break
                at = target
                continue
        except IndexError:
            raise Malformed("a name runs past the end") from None
        if size > LABEL_MAX:
            raise Malformed(f"label type {size >> 6} at {at}")
        parts.append(octets[at:at + 1 + size])
        length += 1 + size
        if at + 1 + size > len(octets) or length > NAME_MAX:
            raise Malformed("a name is too long")
        at += 1 + size
        if size == 0:
            break
    name = lower(b"".join(parts))
    if len(name) > NAME_MAX:
        raise Malformed("a name is too long")
    cache[start] = name
    return name, (at if end is None else end)


def _canonical_data(octets, kind, at, size, cache):
    layout = LAYOUTS.get(kind)
    data = octets[at:at + size]
    if layout is None:
        return data
    out, end = [], at + size
    for field in layout:
        if field == "n":
            name, after = _read_name(octets, at, cache)
            if kind not in COMPRESSIBLE and len(name) != after - at:
                raise Malformed(f"a compressed name in {type_text(kind)} data")
            out.append(name)
            at = after
        elif field == "*":
            out.append(octets[at:end])
            at = end
        else:
            step = 1 + octets[at] if field == "s" else int(field)
            out.append(octets[at:at + step])
            at += step
        if at > end:
            raise Malformed(f"{type_text(kind)} data runs past its end")
    if at != end:
        raise Malformed(f"{type_text(kind)} data ends early")
    return b"".join(out)


def _read_record(octets, at, cache):
    start = at
    owner, at = _read_name(octets, at, cache)
    if at + 10 > len(octets):
        raise Malformed("a record runs past the end")
    kind, kind_class, ttl, size = struct.unpack_from("!HHIH", octets, at)
    at += 10
    if at + size > len(octets):
        raise Malformed("record data runs past the end")
    data = _canonical_data(octets, kind, at, size, cache)
    return (owner, kind, kind_class, ttl, data, at + size - start), at + size


def _take_opt(reply, additional):
    reply.opt = None
    for record in [r for r in additional if r[1] == OPT]:
        if reply.opt is not None or record[0] != b"\0":
            raise Malformed("more than one OPT, or not at the root")
        reply.opt = record
        reply.rcode |= record[3] >> 24 << 4
    return [r for r in additional if r[1] != OPT]


def parse_reply(octets):
    """Reply, or Malformed is raised."""
    if len(octets) < HEADER_LEN:
        raise Malformed("shorter than a header")
    _, flags, question_count, *counts = struct.unpack_from("!6H", octets)
    reply, cache, at = Reply(), {}, HEADER_LEN
    reply.octets, reply.flags, reply.rcode = octets, flags, flags & 15
    for _ in range(question_count):
        _, at = _read_name(octets, at, cache)
        at += 4
    reply.question = octets[HEADER_LEN:at]
    reply.records_at = at
    reply.sections = []
    for number, count in enumerate(counts):
        section = []
        for _ in range(count):
            record, at = _read_record(octets, at, cache)
            section.append(record)
        reply.sections.append(section)
        if number == 1:
            reply.authority_end = at
    if at != len(octets):
        raise Malformed(f"{len(octets) - at} octets behind the end")
    reply.sections[2] = _take_opt(reply, reply.sections[2])
    return reply


# ---- for people ----

def data_text(kind, data):
    """Data in canonical form as text; what has no names in it as octets."""
    if kind == A and len(data) == 4:
        return ".".join(map(str, data))
    layout = LAYOUTS.get(kind)
    if layout is None:
        return f"\\# {len(data)} {data.hex()}"
    out, at = [], 0
    for field in layout:
        if field == "n":
            labels = name_labels(data[at:])
            out.append(name_text(labels))
            at += name_len(labels)
        elif field == "*":
            out.append(data[at:].hex())
        else:
            step = 1 + data[at] if field == "s" else int(field)
            out.append(data[at:at + step].hex())
            at += step
    return " ".join(out)


def record_text(record):
    owner, kind, kind_class, ttl, data, _ = record
    return (f"{name_text(name_labels(owner))} {ttl} {CLASS_NAMES.get(kind_class, kind_class)} "
            f"{type_text(kind)} {data_text(kind, data)}")


def reply_text(reply):
    """As dig would show it."""
    if not isinstance(reply, Reply):
        return f";; {reply}"
    names = [("qr", QR), ("aa", AA), ("tc", TC), ("rd", RD), ("ra", RA), ("ad", AD), ("cd", CD)]
    flags = " ".join(name for name, bit in names if reply.has(bit))
    lines = [f";; {RCODES.get(reply.rcode, reply.rcode)}, flags: {flags}, "
             f"{len(reply.octets)} octets{', EDNS' if reply.opt else ''}"]
    for title, section in zip(("ANSWER", "AUTHORITY", "ADDITIONAL"), reply.sections):
        if section:
            lines.append(f";; {title}")
            lines += [record_text(record) for record in section]
    return "\n".join(lines)
