"""Servers and the asker of tests/bench/dns on this machine: namespaces, processors, processes."""
import ctypes
import dataclasses
import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import time

SERVER_CPU, ASKER_CPU = 0, 1
PRIORITY = -15
PROBE_EVERY_S = 0.005
CLONE_NEWNET = 0x40000000


class Unusable(Exception):
    """A server that did not come to answer; the text says how it ended."""


def first():
    """In a child: ahead of what else runs here, also where sessions share processors evenly."""
    os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    try:
        pathlib.Path("/proc/self/autogroup").write_text(str(PRIORITY))
    except OSError:
        pass  # a kernel without


def words_of(command):
    return [str(word) for word in command]


def run_first(command):
    done = subprocess.run(words_of(command), preexec_fn=first, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout


@dataclasses.dataclass
class Link:
    """One server's namespace and its veth pair to the asker's."""
    number: int
    server_space: str
    asker_space: str

    @property
    def subnet(self):
        return f"10.99.{self.number}"

    @property
    def server_address(self):
        return f"{self.subnet}.2"

    @property
    def server_interface(self):
        return f"server{self.number}"

    @property
    def asker_interface(self):
        return f"asker{self.number}"

    def mac(self, last):
        return f"02:00:00:00:{self.number:02x}:{last:02x}"

    def raw_words(self):
        """Queries come from .3, which no interface has: its hardware address is just told."""
        return ["--interface", self.asker_interface, "--from", f"{self.subnet}.3", "--own-mac",
                self.mac(3), "--server-mac", self.mac(2)]


class Network:
    """The asker's namespace and, for each server, another one. remove() takes all of it down."""

    def __init__(self):
        self.mark = f"quartet-bench-{os.getpid()}-{random.randint(0, 9999)}"
        self.made = []
        self.asker_space = f"{self.mark}-asker"
        self.links = 0
        self._make(self.asker_space)

    def _make(self, name):
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.made.append(name)
        self._ip(name, "link", "set", "lo", "up")

    @staticmethod
    def _ip(space, *words):
        subprocess.run(["ip", "-n", space, *words], check=True, capture_output=True)

    def add_link(self):
        self.links += 1
        link = Link(self.links, f"{self.mark}-{self.links}", self.asker_space)
        self._make(link.server_space)
        self._ip(link.server_space, "link", "add", link.server_interface, "address", link.mac(2),
                 "type", "veth", "peer", "name", link.asker_interface, "address", link.mac(1),
                 "netns", self.asker_space)
        for space, interface, last in ((link.server_space, link.server_interface, 2),
                                       (self.asker_space, link.asker_interface, 1)):
            self._ip(space, "address", "add", f"{link.subnet}.{last}/24", "dev", interface)
            self._ip(space, "link", "set", interface, "up")
        for last in (1, 3):
            self._ip(link.server_space, "neighbour", "replace", f"{link.subnet}.{last}", "lladdr",
                     link.mac(last), "dev", link.server_interface, "nud", "permanent")
        self._ip(self.asker_space, "neighbour", "replace", link.server_address, "lladdr",
                 link.mac(2), "dev", link.asker_interface, "nud", "permanent")
        return link

    def ask(self, command):
        """Run bench_dns_load on its processor; what it measured."""
        return json.loads(run_first(["ip", "netns", "exec", self.asker_space, "taskset", "-c",
                                     ASKER_CPU, *command]))

    def remove(self):
        for name in self.made:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def socket_in(space):
    """A UDP socket of another namespace; it stays there."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{space}", os.O_RDONLY)
    try:
        if libc.setns(other, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        finally:
            if libc.setns(own, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns back")
    finally:
        os.close(own)
        os.close(other)


def query(name, number):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!6H", number, 0, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def descendants(pid):
    """@pid and all that it started, directly or not."""
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue  # just ended
        parent = int(text[text.rindex(")") + 1:].split()[1])
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


class Server:
    def __init__(self, kind, link, command, output):
        self.kind, self.link, self.output, self.process = kind, link, output, None
        self.command = words_of(command)
        self.started = 0.0

    def start(self):
        with open(self.output, "wb") as file:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.link.server_space, *self.command], preexec_fn=first,
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)

    def _ended(self):
        last = self.output.read_text(errors="replace").strip().splitlines()[-3:]
        return Unusable(f"ended with status {self.process.returncode}: {' | '.join(last)}")

    def wait_loaded(self, names, timeout_s):
        """Seconds from its start until it answered every one of @names."""
        with socket_in(self.link.asker_space) as client:
            client.settimeout(PROBE_EVERY_S)
            for number, name in enumerate(names):
                asked = query(name, number)
                while not self._answers(client, asked):
                    if self.process.poll() is not None:
                        raise self._ended()
                    if time.monotonic() - self.started > timeout_s:
                        raise Unusable(f"did not answer for {name} within {timeout_s} s")
        return time.monotonic() - self.started

    def _answers(self, client, asked):
        try:
            client.sendto(asked, (self.link.server_address, 53))
            reply = client.recv(4096)
        except OSError:  # nothing yet, or nobody listens
            return False
        if reply[:2] != asked[:2] or not reply[2] & 0x80:
            return False
        if not self.kind.is_dns or (reply[3] & 15 == 0 and reply[6:8] != b"\0\0"):
            return True
        time.sleep(PROBE_EVERY_S)
        return False

    def pids(self):
        return descendants(self.process.pid)

    def pin(self):
        """All threads of all its processes to the server's processor."""
        for pid in self.pids():
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                try:
                    os.sched_setaffinity(int(task.name), {SERVER_CPU})
                except ProcessLookupError:
                    pass  # a thread of the loading that has just ended

    def pss_mb(self):
        """Proportional set size of all its processes: shared pages count once."""
        total = 0
        for pid in self.pids():
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total / 1024

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
