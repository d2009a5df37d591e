"""The servers under comparison, each a process of its own on a loopback address of its own, with a
folder of its own; ended by pid."""
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("QUARTET_BUILD", ROOT / "build" / "gcc"))
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 2
# id 0, one question: ". SOA"; whatever the answer, the server is there.
PROBE = bytes.fromhex("000000000001000000000000" "00" "0006" "0001")

NSD_HEAD = """server:
  ip-address: {host}@{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{zones}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  minimal-responses: yes
  refuse-any: no
  round-robin: no
  tcp-count: 16
  tcp-timeout: 300
remote-control:
  control-enable: no
"""

KNOT_HEAD = """server:
  rundir: "{folder}"
  listen: {host}@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  udp-max-payload: 1232
  tcp-idle-timeout: 300
log:
- target: stderr
  any: warning
database:
  storage: "{folder}"
template:
- id: default
  storage: "{zones}"
  semantic-checks: off
  journal-content: none
  zonefile-load: whole
zone:
"""


class ServerFailed(AssertionError):
    """It did not start, or not with all zones; the text has its words."""


class Server:
    """One server over the zones in a folder; `zones` is a list of (name as text, file name)."""
    program = None

    def __init__(self, folder, host, port, zone_folder, zones):
        self.folder = pathlib.Path(folder) / self.name
        self.folder.mkdir()
        self.host, self.port = host, port
        self.zone_folder, self.zones = pathlib.Path(zone_folder), zones
        self.process = None

    @property
    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def restart(self):
        """For one that does not answer any more."""
        self.process.kill()
        self.process.wait()
        self.start()
        self.wait_ready()

    def start(self):
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command()], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.folder)

    def wait_ready(self):
        """Until it answers and has said nothing bad about a zone."""
        end = time.monotonic() + START_TIMEOUT_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((self.host, self.port))
            client.settimeout(0.05)
            while True:
                if self.process.poll() is not None:
                    raise ServerFailed(f"{self.name} ended with {self.process.returncode}:\n"
                                       + self.log[-3000:])
                if time.monotonic() > end:
                    raise ServerFailed(f"{self.name} does not answer:\n" + self.log[-3000:])
                try:
                    client.send(PROBE)
                    client.recv(65535)
                    break
                except (TimeoutError, ConnectionRefusedError):
                    time.sleep(0.02)
        wrong = [line for line in self.log.splitlines() if self.is_bad(line)]
        if wrong:
            raise ServerFailed(f"{self.name} refuses a zone:\n" + "\n".join(wrong[:20]))

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Nsd(Server):
    name = "nsd"

    @staticmethod
    def is_bad(line):
        return "error:" in line

    def command(self):
        path = self.folder / "nsd.conf"
        text = NSD_HEAD.format(host=self.host, port=self.port, folder=self.folder,
                               zones=self.zone_folder)
        for zone, file in self.zones:
            text += f'zone:\n  name: "{zone}"\n  zonefile: "{self.zone_folder / file}"\n'
        path.write_text(text)
        return ["/usr/sbin/nsd", "-d", "-c", path]


class Knot(Server):
    name = "knot"

    @staticmethod
    def is_bad(line):
        return "error:" in line and "control" not in line

    def command(self):
        path = self.folder / "knot.conf"
        text = KNOT_HEAD.format(host=self.host, port=self.port, folder=self.folder,
                                zones=self.zone_folder)
        text += "".join(f'- domain: "{zone}"\n  file: "{file}"\n' for zone, file in self.zones)
        path.write_text(text)
        return ["/usr/sbin/knotd", "-c", path]


class Quartet(Server):
    name = "quartet"

    @staticmethod
    def is_bad(line):
        return "error" in line.lower()

    def command(self):
        path = self.folder / "zones"
        path.write_text("".join(f"{zone} {self.zone_folder / file}\n" for zone, file in self.zones))
        return [BUILD / "quartetd", "--threads", "1", "--serve", f"{self.host}:{self.port}",
                "--zone-list", path]
