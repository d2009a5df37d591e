#!/usr/bin/python3
"""Signatures: what botocore signs is taken, and nothing else is. Requests are drawn from a seed."""
import datetime
import hashlib
import pathlib
import random
import subprocess
import sys
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import BUILD  # noqa: E402

import botocore.auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

SEED = 5
COUNT = 400
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = Credentials("AKIDEXAMPLEEXAMPLE", SECRET)
WORDS = ("hostedzone", "Z1", "rrset", "", ".", "..", "a b", "*", "x:y", "~-_.", "é", "%41", "c,d=e")
PLACES = ("us-east-1", "eu-west-1", "cn-northwest-1", "aws-global")
HOSTS = ("route53.amazonaws.com", "127.0.0.1:18053", "[::1]:8053", "dns.example.net:443")


def draw_target(draw):
    path = "/" + "/".join(urllib.parse.quote(draw.choice(WORDS), safe=draw.choice(("", "*:,=")))
                          for _ in range(draw.randrange(6)))
    if draw.random() < 0.3:
        path += "/"
    pairs = [(draw.choice(("name", "type", "maxitems", "a", "a-b", "A")),
              draw.choice(("", "*.a b.example.com", "1", "ü/?", "a=b&c", "\\052", "+")))
             for _ in range(draw.randrange(5))]
    query = urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote, safe="-_.~")
    return path + ("?" + query if query else "")


def draw_request(draw):
    """One request before it is signed, and whether it will be signed in the query."""
    method = draw.choice(("GET", "POST", "DELETE"))
    body = draw.randbytes(draw.choice((0, 1, 391, 5000))) if method == "POST" else b""
    request = AWSRequest(method, "http://" + draw.choice(HOSTS) + draw_target(draw), data=body)
    for name, value in (("X-Custom", "  two   blanks\t here "), ("Content-Type", "application/xml"),
                        ("Accept-Encoding", "identity"), ("X-Amz-Meta", "a,b;c")):
        if draw.random() < 0.4:
            request.headers[name] = value
    if draw.random() < 0.3:
        request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
    return request, method == "GET" and draw.random() < 0.25


class Clock(datetime.datetime):
    """botocore signs at this time."""
    @classmethod
    def utcnow(cls):
        return cls(2026, 1, 1, 12, 34, 56)


def sign(draw, request, is_presigned):
    kind = botocore.auth.SigV4QueryAuth if is_presigned else botocore.auth.SigV4Auth
    signer = kind(KEYS, "route53", draw.choice(PLACES))
    canonical = []
    make = signer.canonical_request
    signer.canonical_request = lambda r: canonical.append(make(r)) or canonical[-1]
    signer.add_auth(request)
    return hashlib.sha256(canonical[0].encode()).hexdigest()


def on_the_wire(request):
    """The request as e2e_sigv4 reads it: Host and the target as an HTTP client sends them."""
    place = urllib.parse.urlsplit(request.url)
    port = f":{place.port}" if place.port not in (None, 80) else ""
    host = f"[{place.hostname}]" if ":" in place.hostname else place.hostname
    headers = [("Host", host + port)] + list(request.headers.items())
    target = place.path + ("?" + place.query if place.query else "")
    body = request.data or b""
    return {"method": request.method, "target": target, "headers": headers, "body": body}


def to_lines(wire, now_ms):
    lines = [str(now_ms), wire["method"], wire["target"], str(len(wire["headers"]))]
    lines += [f"{name}:{value}" for name, value in wire["headers"]]
    return "\n".join(lines + [wire["body"].hex()]) + "\n"


def judge(wires):
    now_ms = int(Clock.utcnow().replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)
    done = subprocess.run([BUILD / "tests/e2e_sigv4", SECRET], check=True, capture_output=True,
                          input="".join(to_lines(wire, now_ms) for wire in wires).encode())
    return done.stdout.decode().splitlines()


def spoiled(draw, wire):
    """The same with one thing changed that was signed."""
    wire = dict(wire, headers=list(wire["headers"]))
    how = draw.randrange(4)
    if how == 0:
        wire["method"] = "PUT"
    elif how == 1:
        path, mark, query = wire["target"].partition("?")
        wire["target"] = path + "/more" + mark + query
    elif how == 2:
        wire["body"] += b"x"
    else:
        wire["headers"][0] = ("Host", "other.example.net")
    return wire


class TestSigv4(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.true_datetime = botocore.auth.datetime.datetime
        botocore.auth.datetime.datetime = Clock
        draw = random.Random(SEED)
        cls.wires, cls.hashes = [], []
        for _ in range(COUNT):
            request, is_presigned = draw_request(draw)
            cls.hashes.append(sign(draw, request, is_presigned))
            cls.wires.append(on_the_wire(request))
        botocore.auth.datetime.datetime = cls.true_datetime

    def test_1_what_botocore_signs_is_taken(self):
        verdicts = judge(self.wires)
        self.assertEqual(len(verdicts), COUNT)
        for wire, expected, verdict in zip(self.wires, self.hashes, verdicts):
            self.assertEqual(verdict, "match " + expected, wire)

    def test_2_one_change_and_it_is_not(self):
        draw = random.Random(SEED + 1)
        for wire, verdict in zip(self.wires, judge([spoiled(draw, w) for w in self.wires])):
            word = verdict.split()[0]
            self.assertIn(word, ("differ", "refused"), wire)
            if word == "refused":  # the hash that the client gave of its body
                self.assertIn("x-amz-content-sha256", verdict)


if __name__ == "__main__":
    tap.main()
