#!/usr/bin/python3
"""Clients that write and read TXT records ("registers") while faults happen, and keep the history:

    clients.py SETTINGS HISTORY < /dev/stdin      until standard input ends

SETTINGS is a JSON file: zone, zone_id, registers, gateways (HOST:PORT), sockets (of nodes), key,
secret, quartet (the command), api_clients, cli_clients, pause_s, seed. A value is written once,
and is the comment of its change, so that the journal tells how often it was applied. A line of
HISTORY is a JSON list, written before the client goes on:

    [kind, register, value, begin, end, outcome, who, tries]

kind: read, write. outcome: ok, refused (a write that was certainly not made), unknown. Clients of the
API send a write without an answer again, to any gateway, with the same token, as SDKs do.
"""
import http.client
import json
import pathlib
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import route53  # noqa: E402

WRITE_SHARE = .6
RETRY_FOR_S = 12
RETRY_PAUSE_S = 0.1
COMMAND_TIMEOUT_S = 8
EXIT_DONE, EXIT_REFUSED = 0, 1


class History:
    """The file; threads write whole lines."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()

    def write(self, *line):
        with self.lock:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()


class Client(threading.Thread):
    """One operation after the other; the subclass says how."""

    def __init__(self, settings, number, kind, history, over):
        super().__init__(daemon=True)
        self.settings, self.history, self.over = settings, history, over
        self.who = f"{kind}{number}"
        self.chance = random.Random(f"{settings['seed']} {self.who}")
        self.count = 0

    def write(self, register, value):
        """(outcome, tries)"""
        raise NotImplementedError

    def read(self, register):
        """The value; None: no answer."""
        raise NotImplementedError

    def step(self):
        register = self.chance.choice(self.settings["registers"])
        is_write = self.chance.random() < WRITE_SHARE
        begin = time.monotonic()
        if is_write:
            value = f"{self.who}-{self.count}"
            self.count += 1
            outcome, tries = self.write(register, value)
            self.history.write("write", register, value, begin, time.monotonic(), outcome, self.who,
                               tries)
        else:
            value = self.read(register)
            if value is not None:
                self.history.write("read", register, value, begin, time.monotonic(), "ok", self.who, 1)

    def run(self):
        while not self.over.is_set():
            self.step()
            self.over.wait(self.settings["pause_s"])


class ApiClient(Client):
    """By Route 53's API, of a gateway chosen anew for each try."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.api = route53.Client(self.settings["key"], self.settings["secret"])

    def gateway(self):
        return self.chance.choice(self.settings["gateways"])

    def try_to_write(self, register, value):
        """The status; 0: no answer."""
        try:
            status, _ = self.api.upsert_txt(self.gateway(), self.settings["zone_id"],
                                            f"{register}.{self.settings['zone']}", value, value)
            return status
        except (OSError, http.client.HTTPException):
            return 0

    def write(self, register, value):
        end = time.monotonic() + RETRY_FOR_S
        for tries in range(1, 1000):
            status = self.try_to_write(register, value)
            if status == 200:
                return "ok", tries
            if 400 <= status < 500 and tries == 1:
                return "refused", tries
            if time.monotonic() > end:
                break
            time.sleep(RETRY_PAUSE_S)
        return "unknown", tries

    def read(self, register):
        try:
            return self.api.read_txt(self.gateway(), self.settings["zone_id"],
                                     f"{register}.{self.settings['zone']}")
        except (OSError, http.client.HTTPException):
            return None


class CommandClient(Client):
    """By the command line, at a node chosen anew each time. It has no token, so no second try."""

    def quartet(self, *words):
        """The finished command; None: it took too long."""
        socket = self.chance.choice(self.settings["sockets"])
        try:
            return subprocess.run(
                [self.settings["quartet"], "--node", socket, *words, "--timeout", "6s"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                timeout=COMMAND_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None

    def write(self, register, value):
        done = self.quartet("record", "set", self.settings["zone"], register, "TXT", f'"{value}"',
                            "--ttl", "1", "--comment", value)
        if done and done.returncode == EXIT_DONE:
            return "ok", 1
        return ("refused" if done and done.returncode == EXIT_REFUSED else "unknown"), 1

    def read(self, register):
        done = self.quartet("record", "list", self.settings["zone"], register, "TXT")
        if not done or done.returncode != EXIT_DONE or '"' not in done.stdout:
            return None
        return done.stdout.split('"')[1]


def main():
    settings = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    history, over = History(sys.argv[2]), threading.Event()
    clients = [ApiClient(settings, n, "api", history, over)
               for n in range(settings["api_clients"])]
    clients += [CommandClient(settings, n, "cli", history, over)
                for n in range(settings["cli_clients"])]
    for client in clients:
        client.start()
    sys.stdin.read()
    over.set()
    for client in clients:
        client.join()


if __name__ == "__main__":
    main()
