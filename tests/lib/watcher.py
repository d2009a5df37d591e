#!/usr/bin/python3
"""Asks nameservers over UDP for TXT records in turn and writes down each value that differs from the
one that the same server gave before. As a program (in a network namespace of its own if need be):

    watcher.py PERIOD_MS FILE NAME,NAME… ADDRESS:PORT…

until its standard input ends. A line of FILE is a JSON list:

    [monotonic seconds, address, name, value]     a value seen (its question was sent at that time)
    [monotonic seconds, address, null, why]       a question without a right answer
    [monotonic seconds, address, "", count]       the last line of each server: questions sent
"""
import dataclasses
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time

import dns.exception
import dns.message
import dns.rcode

ANSWER_WITHIN_S = 1.5


def value_of(reply):
    """(TXT value, None), or (None, what is wrong with the reply)."""
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        return None, f"a broken reply: {error}"
    if message.rcode() != dns.rcode.NOERROR or not message.answer:
        return None, f"{dns.rcode.to_text(message.rcode())}, {len(message.answer)} answers"
    return b"".join(message.answer[0][0].strings).decode(), None


@dataclasses.dataclass
class Watch:
    """What all servers' threads share."""
    names: list
    period_s: float
    file: object
    over: threading.Event
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def write(self, *line):
        with self.lock:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()


class Asker(threading.Thread):
    """One server's questions, one at a time."""

    def __init__(self, watch, address):
        super().__init__(daemon=True)
        self.watch, self.sent, self.seen = watch, 0, {}
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        self.wires = [dns.message.make_query(name, "TXT").to_wire() for name in watch.names]

    def exchange(self, query):
        """The reply to this query; OSError or TimeoutError."""
        end = time.monotonic() + ANSWER_WITHIN_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((self.host, self.port))
            client.send(query)
            while True:
                client.settimeout(max(0.001, end - time.monotonic()))
                reply = client.recv(65535)
                if reply[:2] == query[:2]:
                    return reply

    def ask(self, at):
        began = time.monotonic()
        name = self.watch.names[at]
        try:
            value, wrong = value_of(self.exchange((self.sent % 65536).to_bytes(2, "big") +
                                                  self.wires[at][2:]))
        except TimeoutError:
            value, wrong = None, f"no answer within {ANSWER_WITHIN_S} s"
        except OSError as error:
            value, wrong = None, error.strerror
        if wrong:
            self.watch.write(began, self.host, None, wrong)
        elif self.seen.get(name) != value:
            self.seen[name] = value
            self.watch.write(began, self.host, name, value)

    def run(self):
        while not self.watch.over.is_set():
            began = time.monotonic()
            self.ask(self.sent % len(self.wires))
            self.sent += 1
            self.watch.over.wait(max(0.0, began + self.watch.period_s - time.monotonic()))
        self.watch.write(time.monotonic(), self.host, "", self.sent)


def main():
    period_ms, path, names, *addresses = sys.argv[1:]
    with open(path, "w", encoding="utf-8") as file:
        watch = Watch(names.split(","), int(period_ms) / 1000, file, threading.Event())
        askers = [Asker(watch, address) for address in addresses]
        for asker in askers:
            asker.start()
        sys.stdin.read()
        watch.over.set()
        for asker in askers:
            asker.join()


@dataclasses.dataclass
class Seen:
    """What a watcher wrote: by address and name the values one after the other."""
    values: dict
    unanswered: list  # (address, sent at, why)
    sent: int


class Watcher:
    """The program above, started."""

    def __init__(self, path, names, addresses, period_ms=20, prefix=()):
        self.path = path
        self.process = subprocess.Popen(
            [*prefix, "/usr/bin/python3", pathlib.Path(__file__), str(period_ms), path,
             ",".join(names), *addresses], stdin=subprocess.PIPE)

    def stop(self):
        """End it; returns Seen."""
        self.process.communicate(b"", timeout=30)
        assert self.process.returncode == 0, f"the watcher ended with {self.process.returncode}"
        seen = Seen({}, [], 0)
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                when, address, name, value = json.loads(line)
                if name is None:
                    seen.unanswered.append((address, when, value))
                elif name == "":
                    seen.sent += value
                else:
                    seen.values.setdefault((address, name), []).append((when, value))
        return seen

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def unexcused(seen, excused):
    """The unanswered questions outside the excused times, which are (address, from, to): one counts as
    excused when any moment in which its answer was due lies within."""
    return [(address, sent, why) for address, sent, why in seen.unanswered
            if not any(address == where and sent + ANSWER_WITHIN_S >= since and sent <= until
                       for where, since, until in excused)]


if __name__ == "__main__":
    main()
