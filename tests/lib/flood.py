#!/usr/bin/python3
"""Sends many DNS questions from one address, as fast as it goes, and counts what comes back. As a
program (in a network namespace if need be):

    flood.py ADDRESS SOURCE NAME COUNT [cookie]

NAME may hold {}, which becomes a number. With "cookie" every question has a valid server cookie.
Prints one JSON object: whole and truncated replies, their codes, and the seconds that sending
took.
"""
import collections
import json
import pathlib
import select
import socket
import subprocess
import sys
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode

AT_ONCE = 25  # questions before replies are taken
LAST_REPLY_S = 0.5  # how long to wait for one
COOKIE = 10
CLIENT_COOKIE = b"12345678"


def question(name, cookie):
    options = [dns.edns.GenericOption(COOKIE, cookie)] if cookie else []
    return dns.message.make_query(name, "A", use_edns=0, options=options).to_wire()


def server_cookie(client):
    """What the server gives to who has none yet."""
    client.settimeout(5)
    client.send(question("version.bind", CLIENT_COOKIE))
    reply = dns.message.from_wire(client.recv(65535))
    return next(option.to_wire() for option in reply.options if option.otype == COOKIE)


def take(client, seen, wait_s):
    """Take replies until none is there for @wait_s."""
    while select.select([client], [], [], wait_s)[0]:
        reply = client.recv(65535)
        is_cut = bool(reply[2] & 0x02)
        seen["truncated" if is_cut else "whole"] += 1
        seen[dns.rcode.to_text(reply[3] & 15)] += 1


def flood(address, source, name, count, has_cookie):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    seen = collections.Counter()
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        client.bind((source, 0))
        client.connect((address, 53))
        cookie = server_cookie(client) if has_cookie else b""
        different = [question(name.format(n), cookie) for n in range(count if "{" in name else 1)]
        started = time.monotonic()
        for number in range(count):
            client.send(different[number % len(different)])
            if number % AT_ONCE == AT_ONCE - 1:
                take(client, seen, 0)
        seconds = time.monotonic() - started
        take(client, seen, LAST_REPLY_S)
    return {"whole": 0, "truncated": 0, **seen, "seconds": seconds}


def run(prefix, address, source, name, count, has_cookie=False):
    """The program above, run by these command words; what it saw."""
    done = subprocess.run([*prefix, "/usr/bin/python3", pathlib.Path(__file__), address, source,
                           name, str(count), *(["cookie"] if has_cookie else [])],
                          capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def main():
    address, source, name, count, *more = sys.argv[1:]
    json.dump(flood(address, source, name, int(count), more == ["cookie"]), sys.stdout)


if __name__ == "__main__":
    main()
