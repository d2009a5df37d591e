#!/usr/bin/python3
"""A wide-area network for tests: carries Ethernet frames between regions, each late by the way between
the two, and can cut regions from each other. The kernel's own delay (netem) is not needed. As a
program, in the network namespace that is to have the interfaces:

    wan.py REGION…

makes a TAP interface named after each region (for a bridge of that region's hosts), prints "ready",
and obeys lines of standard input, answering each with "ok" or with what is wrong, until it ends:

    delay REGION REGION MS    from now on, one way, each way
    cut REGION REGION         nothing passes between the two
    heal                      everything passes again
    counts                    frames carried, and dropped by cuts and because too many were on the way
"""
import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

FRAME_MAX = 65536
ON_THE_WAY_MAX = 20000  # frames of one way; what comes on top is dropped, as by a full router
READS_AT_ONCE = 64
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


class Way:
    """From one region to another: frames under way, oldest first, with the time they are due."""

    def __init__(self, target):
        self.target, self.delay_s, self.is_cut = target, 0.0, False
        self.frames = collections.deque()


class Switch:
    """Learns which region a station is in, and carries frames there late."""

    def __init__(self, regions):
        self.taps = {region: open_tap(region) for region in regions}
        self.ways = {(a, b): Way(b) for a in regions for b in regions if a != b}
        self.station_region = {}
        self.counts = {"carried": 0, "cut": 0, "full": 0}

    def receive(self, region):
        """Take what the region sends."""
        for _ in range(READS_AT_ONCE):
            try:
                frame = os.read(self.taps[region], FRAME_MAX)
            except BlockingIOError:
                return
            self.station_region[frame[6:12]] = region
            target = self.station_region.get(frame[:6])
            if target is None:  # to all, or to a station that has not spoken yet
                for other in self.taps:
                    self.send(region, other, frame)
            else:
                self.send(region, target, frame)

    def send(self, source, target, frame):
        if source == target:
            return
        way = self.ways[source, target]
        if len(way.frames) >= ON_THE_WAY_MAX:
            self.counts["full"] += 1
            return
        way.frames.append((time.monotonic() + way.delay_s, frame))

    def deliver(self):
        """Hand over what is due; returns the seconds until the next is (None: nothing is under way)."""
        now, wait_s = time.monotonic(), None
        for way in self.ways.values():
            while way.frames and way.frames[0][0] <= now:
                self.hand_over(way, way.frames.popleft()[1])
            if way.frames:
                due_s = way.frames[0][0] - now
                wait_s = due_s if wait_s is None else min(wait_s, due_s)
        return wait_s

    def hand_over(self, way, frame):
        if way.is_cut:
            self.counts["cut"] += 1
            return
        try:
            os.write(self.taps[way.target], frame)
            self.counts["carried"] += 1
        except OSError:  # the interface is down, or its queue is full
            self.counts["full"] += 1

    def pair(self, one, other):
        return self.ways[one, other], self.ways[other, one]

    def obey(self, words):
        if words[0] == "delay" and len(words) == 4:
            for way in self.pair(words[1], words[2]):
                way.delay_s = float(words[3]) / 1000
        elif words[0] == "cut" and len(words) == 3:
            for way in self.pair(words[1], words[2]):
                way.is_cut = True
        elif words == ["heal"]:
            for way in self.ways.values():
                way.is_cut = False
        elif words != ["counts"]:
            return f"what is '{' '.join(words)}'?"
        return "ok " + " ".join(f"{name}={count}" for name, count in self.counts.items())

    def run(self):
        regions = {tap: region for region, tap in self.taps.items()}
        poll = select.epoll()
        for tap in (*regions, sys.stdin.fileno()):
            poll.register(tap, select.EPOLLIN)
        while True:
            wait_s = self.deliver()
            for ready, _ in poll.poll(wait_s):
                if ready in regions:
                    self.receive(regions[ready])
                    continue
                line = sys.stdin.readline()
                if not line:
                    return
                try:
                    print(self.obey(line.split()), flush=True)
                except (KeyError, ValueError, IndexError) as wrong:
                    print(f"wrong: {wrong}", flush=True)


def main():
    switch = Switch(sys.argv[1:])
    print("ready", flush=True)
    switch.run()


class Wan:
    """The program above, started by the command words @prefix; use as a context manager."""

    def __init__(self, regions, prefix=()):
        self.process = subprocess.Popen([*prefix, "/usr/bin/python3", __file__, *regions],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "the wide-area network did not start"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer[:1] == ["ok"], f"{words}: {answer}"
        return {name: int(count) for name, count in (word.split("=") for word in answer[1:])}

    def delay(self, one, other, round_trip_ms):
        """So long from one region to the other and back."""
        self._tell("delay", one, other, round_trip_ms / 2)

    def cut(self, one, other):
        self._tell("cut", one, other)

    def heal(self):
        self._tell("heal")

    def counts(self):
        return self._tell("counts")


if __name__ == "__main__":
    main()
