"""One DNS question, asked as a resolver would ask it from here: does a nameserver answer, by UDP and by
TCP, through all firewalls on the way?"""
import os
import socket
import struct

DNS_PORT = 53
WITHIN_S = 3
TRIES = 2
SOA, IN = 6, 1
AUTHORITATIVE, RCODE = 0x0400, 0x000F


def question(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return os.urandom(2) + struct.pack("!5H", 0, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, SOA, IN)


def wrong_with(asked, reply):
    """None: @reply is an authoritative answer to @asked."""
    if len(reply) < 12 or reply[:2] != asked[:2]:
        return "sends no DNS reply"
    flags, _, answers = struct.unpack("!HHH", reply[2:8])
    if flags & RCODE:
        return f"answers with RCODE {flags & RCODE}"
    return None if flags & AUTHORITATIVE and answers else "does not answer for the zone"


def by_udp(address, asked):
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(WITHIN_S)
        client.connect((str(address), DNS_PORT))
        client.send(asked)
        return client.recv(65535)


def by_tcp(address, asked):
    with socket.create_connection((str(address), DNS_PORT), WITHIN_S) as client:
        client.sendall(struct.pack("!H", len(asked)) + asked)
        with client.makefile("rb") as replies:
            return replies.read(struct.unpack("!H", replies.read(2))[0])


def try_once(address, ask, asked):
    try:
        return wrong_with(asked, ask(address, asked))
    except TimeoutError:
        return f"does not answer within {WITHIN_S} s"
    except (OSError, struct.error) as wrong:
        return getattr(wrong, "strerror", None) or "closes the connection"


def problem(address, zone):
    """What is wrong with the answers of @address about @zone; None when all is well."""
    for how, ask in (("UDP", by_udp), ("TCP", by_tcp)):
        for _ in range(TRIES):
            wrong = try_once(address, ask, question(zone))
            if wrong is None:
                break
        if wrong:
            return f"{address} {wrong} by {how}, port {DNS_PORT}"
    return None
