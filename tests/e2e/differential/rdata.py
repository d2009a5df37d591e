"""Record data by type, as text of a zone file; what the comparison looks up also as octets."""
import ipaddress

import wire


def address(rng):
    return ipaddress.IPv4Address(0xC0000200 | rng.randrange(256))


def address6(rng):
    return ipaddress.IPv6Address(0x20010DB8 << 96 | rng.getrandbits(16))


def hex_octets(rng, count):
    return rng.randbytes(count).hex()


def a(rng):
    ip = address(rng)
    return (f"\\# 4 {ip.packed.hex()}" if rng.random() < 0.05 else str(ip)), ip.packed


def aaaa(rng):
    ip = address6(rng)
    return (f"\\# 16 {ip.packed.hex()}" if rng.random() < 0.05 else str(ip)), ip.packed


def txt(rng, octets_max=40):
    parts = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        octets = rng.randbytes(rng.randrange(octets_max))
        parts.append('"' + "".join(f"\\{o:03d}" for o in octets) + '"')
    return " ".join(parts)


def unknown(rng, octets_max=24):
    count = rng.randrange(octets_max)
    return f"\\# {count} {hex_octets(rng, count)}".rstrip()


# Types without names in their data: a function of a random source.
PLAIN = {
    "HINFO": lambda r: f'"cpu{r.randrange(9)}" "os{r.randrange(9)}"',
    "TXT": txt,
    "SPF": txt,
    "KEY": lambda r: "256 3 8 AwEAAQ==",
    "LOC": lambda r: f"{r.randrange(90)} {r.randrange(60)} 5.000 N 0 8 50.000 E 10.00m",
    "CERT": lambda r: f"{r.randrange(1, 4)} 0 0 AwEAAQ==",
    "APL": lambda r: f"1:10.{r.randrange(1, 255)}.0.0/16 !2:2001:db8::/32",
    "SSHFP": lambda r: f"4 2 {hex_octets(r, 32)}",
    "IPSECKEY": lambda r: f"10 1 2 192.0.2.{r.randrange(255)} AwEAAQ==",
    "DNSKEY": lambda r: f"25{r.randrange(6, 8)} 3 13 AwEAAQ==",
    "DHCID": lambda r: "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
    "TLSA": lambda r: f"3 1 1 {hex_octets(r, 32)}",
    "SMIMEA": lambda r: f"3 1 1 {hex_octets(r, 32)}",
    "CDS": lambda r: f"{r.randrange(65536)} 13 2 {hex_octets(r, 32)}",
    "CDNSKEY": lambda r: "257 3 13 AwEAAQ==",
    "OPENPGPKEY": lambda r: "AwEAAQ==",
    "CSYNC": lambda r: f"{r.randrange(1000)} 1 A NS AAAA",
    "ZONEMD": lambda r: f"{r.randrange(1000)} 1 1 {hex_octets(r, 48)}",
    "NID": lambda r: f"{r.randrange(99)} 0014:4fff:ff20:{r.randrange(65536):04x}",
    "L32": lambda r: f"{r.randrange(99)} 10.1.2.{r.randrange(255)}",
    "L64": lambda r: f"{r.randrange(99)} 2001:0db8:1140:{r.randrange(65536):04x}",
    "EUI48": lambda r: f"00-00-5e-00-53-{r.randrange(256):02x}",
    "EUI64": lambda r: f"00-00-5e-ef-10-00-00-{r.randrange(256):02x}",
    "URI": lambda r: f'{r.randrange(99)} 1 "ftp://ftp{r.randrange(9)}.example/"',
    "CAA": lambda r: f'0 issue "ca{r.randrange(9)}.example.net"',
}
# Types whose data hold names: a function of a random source and a name as text.
NAMED = {
    "NS": lambda r, n: n,
    "CNAME": lambda r, n: n,
    "DNAME": lambda r, n: n,
    "PTR": lambda r, n: n,
    "MX": lambda r, n: f"{r.randrange(100)} {n}",
    "MINFO": lambda r, n: f"{n} {n}",
    "RP": lambda r, n: f"{n} {n}",
    "AFSDB": lambda r, n: f"1 {n}",
    "RT": lambda r, n: f"{r.randrange(100)} {n}",
    "KX": lambda r, n: f"{r.randrange(100)} {n}",
    "LP": lambda r, n: f"{r.randrange(100)} {n}",
    "SRV": lambda r, n: f"{r.randrange(9)} {r.randrange(9)} {r.randrange(65536)} {n}",
    "NAPTR": lambda r, n: f'{r.randrange(100)} 10 "s" "SIP+D2U" "" {n}',
    "SVCB": lambda r, n: f"{r.randrange(1, 9)} {n} alpn=h2 port={r.randrange(1, 999)}",
    "HTTPS": lambda r, n: f"{r.randrange(1, 9)} {n} alpn=h2,h3 ipv4hint=192.0.2.{r.randrange(255)}",
}
# Types that not every zone parser has a text for, as octets (RFC 3597 5): a function of a random
# source and a name in wire form.
GENERIC = {
    "TYPE7": lambda r, w: w,
    "TYPE8": lambda r, w: w,
    "TYPE9": lambda r, w: w,
    "TYPE19": lambda r, w: b"\x05%05d" % r.randrange(99999),
    "TYPE20": lambda r, w: b"\x07%07d" % r.randrange(9999999),
    "TYPE26": lambda r, w: bytes([0, r.randrange(60)]) + w + w,  # no letter but in the names
    "TYPE258": lambda r, w: b"\x05avc%02d" % r.randrange(99),
}
# Types of which a set may hold several, and whose names are the same in any case (RFC 4034 6.2).
IN_ANY_CASE = (set(NAMED) - {"CNAME", "DNAME", "LP", "SVCB", "HTTPS"}
               | {"TYPE7", "TYPE8", "TYPE9", "TYPE26"})
ADDRESSES = {"A": a, "AAAA": aaaa}
UNKNOWN = ["TYPE103", "TYPE262", "TYPE32770", "TYPE65280", "TYPE65535"]
DATA_TYPES = (sorted(PLAIN) + sorted(set(NAMED) - {"NS", "CNAME", "DNAME"}) + sorted(GENERIC)
              + UNKNOWN)


def make(rng, kind, target):
    """(text, octets or None) of a record of @kind; @target is a name for the data that need one."""
    if kind in ADDRESSES:
        return ADDRESSES[kind](rng)
    if kind in NAMED:
        return NAMED[kind](rng, wire.name_text(target)), None
    if kind in GENERIC:
        octets = GENERIC[kind](rng, wire.name_wire(target))
        return f"\\# {len(octets)} {octets.hex()}", octets
    if kind in PLAIN:
        return PLAIN[kind](rng), None
    return unknown(rng), None


def file_key(kind, text, octets):
    """What two data of a type have in common that are not both put into a zone file. Those that
    differ in case alone are, where they are one record: the servers must see that."""
    if kind in IN_ANY_CASE:
        return text
    return text.lower() if octets is None else octets


def record_count(kind, datas):
    """How many records (text, octets) @datas are."""
    if kind not in IN_ANY_CASE:
        return len(datas)
    return len({text.lower() if octets is None else octets.lower() for text, octets in datas})


def type_number(kind):
    return int(kind[4:]) if kind.startswith("TYPE") else wire.TYPES[kind]
