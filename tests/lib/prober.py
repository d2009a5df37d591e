#!/usr/bin/python3
"""Asks nameservers one DNS question after the other, without retrying, and records what was not
answered. As a program (a process of its own, in a network namespace of its own if need be):

    prober.py NAME TYPE PERIOD_MS ADDRESS:PORT…

asks each server every PERIOD_MS until its standard input ends, then prints one JSON object. A query
is unanswered when no right answer came within a second. Times are of the monotonic clock.
"""
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time

import dns.message
import dns.rcode

ANSWER_WITHIN_S = 1.0


class Asker(threading.Thread):
    """One server's questions, one at a time."""

    def __init__(self, wire, period_s, address, stop):
        super().__init__(daemon=True)
        self.wire, self.period_s, self.address, self.stop = wire, period_s, address, stop
        self.sent = 0
        self.unanswered = []  # (sent at, why)
        self.slowest_s = 0.0

    def ask(self, number):
        """None when all is well, else what is wrong."""
        started = time.monotonic()
        query_id = number.to_bytes(2, "big")
        host, port = self.address.rsplit(":", 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            try:
                client.connect((host, int(port)))
                client.send(query_id + self.wire[2:])
                while True:
                    left_s = started + ANSWER_WITHIN_S - time.monotonic()
                    if left_s <= 0:
                        return "no answer within a second"
                    client.settimeout(left_s)
                    reply = client.recv(65535)
                    if reply[:2] == query_id:
                        break
            except TimeoutError:
                return "no answer within a second"
            except OSError as error:
                return error.strerror
        self.slowest_s = max(self.slowest_s, time.monotonic() - started)
        if len(reply) < 12 or reply[3] & 15 or reply[6:8] == b"\0\0":
            return f"rcode {dns.rcode.to_text(reply[3] & 15)}, {reply[7]} answers"
        return None

    def run(self):
        while not self.stop.is_set():
            began = time.monotonic()
            self.sent += 1
            wrong = self.ask(self.sent % 65536)
            if wrong:
                self.unanswered.append((began, wrong))
            self.stop.wait(max(0.0, began + self.period_s - time.monotonic()))


def main():
    name, kind, period_ms, *addresses = sys.argv[1:]
    wire = dns.message.make_query(name, kind).to_wire()
    stop = threading.Event()
    askers = [Asker(wire, int(period_ms) / 1000, address, stop) for address in addresses]
    for asker in askers:
        asker.start()
    sys.stdin.read()
    stop.set()
    for asker in askers:
        asker.join()
    json.dump({a.address: {"sent": a.sent, "unanswered": a.unanswered, "slowest_s": a.slowest_s}
               for a in askers}, sys.stdout)


class Prober:
    """The program above, started; stop() returns what it saw, by address without the port."""

    def __init__(self, name, kind, addresses, period_ms=10, prefix=()):
        self.process = subprocess.Popen(
            [*prefix, "/usr/bin/python3", pathlib.Path(__file__), name, kind, str(period_ms),
             *addresses], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self):
        text, _ = self.process.communicate("", timeout=30)
        return {address.rsplit(":", 1)[0]: seen for address, seen in json.loads(text).items()}


def missed(seen, excused):
    """Queries unanswered outside the excused times. `excused` is a list of (address, from, to):
    a query counts as excused when any moment in which its answer was due lies within."""
    out = []
    for address, of_node in seen.items():
        for sent, wrong in of_node["unanswered"]:
            if not any(address == where and sent + ANSWER_WITHIN_S >= since and sent <= until
                       for where, since, until in excused):
                out.append((address, sent, wrong))
    return out


if __name__ == "__main__":
    main()
