"""A Quartet cluster of real processes for end-to-end tests and benches.

Every Cluster gets a folder of its own under the system's temporary folder and a loopback network of
its own (127.x.y.1, .2, …), so that several may run at once. Processes are ended by their pid.
"""
import dataclasses
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("QUARTET_BUILD", ROOT / "build" / "gcc"))
NEXT_PROGRAM = BUILD / "tests" / "quartetd-next"  # the next version: tests/lib/next_version.c
DNS_PORT = 8053
PEER_PORT = 5301
ADMIN_PORT = PEER_PORT + 1
GATEWAY_PORT = 5380
METRICS_PORT = 5381


class CommandFailed(AssertionError):
    """A quartet command that should have worked did not; the text has its words."""

    def __init__(self, words, done):
        super().__init__(f"quartet {' '.join(words)}: exit {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
        self.done = done


def wait_until(claim, timeout_s, what, step_s=0.05):
    """Call claim() until it is true; fails with `what` after timeout_s."""
    end = time.monotonic() + timeout_s
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(step_s)


@dataclasses.dataclass
class Node:
    """One quartetd: its files, its process, and its command line."""
    cluster: "Cluster"
    number: int
    process: subprocess.Popen = None
    prefix: tuple = ()  # command words in front of quartetd, such as ip netns exec NAME
    program: pathlib.Path = BUILD / "quartetd"  # or NEXT_PROGRAM

    @property
    def name(self):
        return f"ns{self.number}"

    @property
    def address(self):
        return self.cluster.address_of(self.number)

    @property
    def folder(self):
        return self.cluster.folder / self.name

    @property
    def data(self):
        return self.folder / "data"

    @property
    def socket(self):
        return str(self.data / "control.sock")

    @property
    def log_path(self):
        return self.folder / "log"

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def write_config(self, **extra):
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)
        lines = {"name": self.name, "region": f"region-{self.number}", "data_dir": self.data,
                 "dns_listen": f'["{self.address}:{DNS_PORT}"]', "dns_threads": 1,
                 "peer_listen": f"{self.address}:{PEER_PORT}",
                 "public_addresses": f"[{self.address}]", **extra}
        text = "".join(f"{key}: {value}\n" for key, value in lines.items())
        (self.folder / "quartet.yaml").write_text(text)

    def start(self, wait=True, env=None):
        assert self.process is None, f"{self.name} runs already"
        if not (self.folder / "quartet.yaml").exists():
            self.write_config()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.program, "--config", self.folder / "quartet.yaml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.cluster.env, **(env or {})})
        if wait:
            wait_until(self.answers_control, 20, f"{self.name} answers its control socket")

    def answers_control(self):
        code = self.process.poll()
        if code is not None:
            self.process = None
            raise AssertionError(f"{self.name} ended with status {code}:\n{self.log()[-3000:]}")
        return self.run("node", "status").returncode == 0

    def kill(self):
        """End it as a power failure of the process would: SIGKILL."""
        code = self.process.poll()
        assert code is None, f"{self.name} ended by itself, status {code}:\n{self.log()[-3000:]}"
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stacks(self):
        """What each of its threads is doing, for the report of a process that hangs."""
        try:
            done = subprocess.run(["gdb", "-batch", "-p", str(self.process.pid), "-ex",
                                   "thread apply all bt 12"], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"no stacks: {error}"
        return "\n".join(line for line in done.stdout.splitlines()
                         if line.startswith(("Thread ", "#")))

    def condition(self):
        """What it is doing, for the report of a test that failed; the stacks of one that hangs."""
        if self.process.poll() is not None:
            return f"{self.name}: ended with status {self.process.returncode}"
        try:
            done = self.run("node", "status", "--json", timeout_s=10)
            said = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            return f"{self.name}: does not answer its control socket\n{self.stacks()}"
        except json.JSONDecodeError:
            return f"{self.name}: {done.stderr.strip()}"
        return f"{self.name}: " + " ".join(f"{key}={said.get(key)}" for key in (
            "role", "term", "leader", "last_index", "commit_index", "applied_index", "image_index"))

    def stop(self, timeout_s=20):
        """End it cleanly; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            stacks = self.stacks()
            self.kill()
            raise AssertionError(f"{self.name} did not stop:\n{self.log()[-3000:]}\n"
                                 f"{stacks}") from None
        self.process = None
        return status

    def run(self, *words, timeout_s=120):
        """Run a quartet command at this node; returns the finished process."""
        return subprocess.run([BUILD / "quartet", "--node", self.socket, *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout_s, check=False)

    def quartet(self, *words, timeout_s=120):
        """The same for one that must succeed; returns its standard output."""
        done = self.run(*words, timeout_s=timeout_s)
        if done.returncode != 0:
            raise CommandFailed([str(w) for w in words], done)
        return done.stdout

    def json(self, *words, timeout_s=120):
        return json.loads(self.quartet(*words, "--json", timeout_s=timeout_s))

    def status(self):
        return self.json("node", "status")

    def dig(self, *words):
        """dig's answer section and header as text."""
        return subprocess.run(["dig", f"@{self.address}", "-p", str(DNS_PORT), "+time=2",
                               "+tries=1", *words], capture_output=True, text=True,
                              check=False).stdout


@dataclasses.dataclass
class Gateway:
    """A quartet-gateway beside a node."""
    node: Node
    process: subprocess.Popen = None
    words: tuple = ()  # options of its last start

    @property
    def name(self):
        return f"the gateway of {self.node.name}"

    @property
    def url(self):
        return f"http://{self.node.address}:{GATEWAY_PORT}"

    @property
    def metrics_address(self):
        return f"{self.node.address}:{METRICS_PORT}"

    @property
    def log_path(self):
        return self.node.folder / "gateway.log"

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self, *words, wait=True, env=None):
        """Start it with these options; without any, with those of the last time."""
        assert self.process is None, f"the gateway of {self.node.name} runs already"
        self.words = words or self.words
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.node.prefix, BUILD / "quartet-gateway", "--node",
                 self.node.data / "gateway.sock", "--listen",
                 f"{self.node.address}:{GATEWAY_PORT}", "--listen-metrics",
                 f"{self.node.address}:{METRICS_PORT}", *map(str, self.words)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(env or {})})
        if wait:
            wait_until(lambda: self.ping() == 200, 20, f"the gateway of {self.node.name} answers")
        return self

    def ping(self, timeout_s=2):
        """The status of GET /ping; 0: nothing answers."""
        code = self.process.poll() if self.process else None
        assert code is None, f"the gateway ended with status {code}:\n{self.log()[-3000:]}"
        try:
            with urllib.request.urlopen(self.url + "/ping", timeout=timeout_s) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self, timeout_s=30):
        """End it cleanly; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout_s)
        self.process = None
        return status


class Cluster:
    """Nodes ns1…nsN. Use as a context manager: processes and files are gone at the end."""

    def __init__(self, count=4, domain="quartet.test", keep=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quartet-e2e-"))
        self.network = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}"
        self.domain = domain
        self.keep = keep or bool(os.environ.get("QUARTET_KEEP"))
        self.nodes = [Node(self, number) for number in range(1, count + 1)]
        self.gateways = []
        self.env = {}  # more environment for every node

    def address_of(self, number):
        return f"{self.network}.{number}"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        crashed = [f"{node.name}, status {node.process.poll()}" for node in self.nodes
                   if node.process and node.process.poll() is not None]
        crashed += [f"the gateway of {gateway.node.name}, status {gateway.process.poll()}"
                    for gateway in self.gateways
                    if gateway.process and gateway.process.poll() is not None]
        told = [f"ended by itself: {one}" for one in crashed]
        if kind is not None:
            told += [line for node in self.alive() for line in node.condition().splitlines()]
        for gateway in self.gateways:
            if gateway.process and gateway.process.poll() is None:
                gateway.kill()
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.kill()
        if kind is not None or crashed:
            print("\n".join(f"# {line}" for line in told))
            for gateway in self.gateways:
                print("# gateway: " + "\n#   ".join(gateway.log().splitlines()[-15:]))
            for node in self.nodes:
                print(f"# {node.name}: " + "\n#   ".join(node.log().splitlines()[-15:]))
        if self.keep:
            print(f"# kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        assert kind is not None or not crashed, f"ended by themselves: {crashed}"

    def node(self, number):
        return self.nodes[number - 1]

    def gateway(self, number, *words):
        """The gateway of node @number, started with these options if it was not yet."""
        node = self.node(number)
        for gateway in self.gateways:
            if gateway.node is node:
                return gateway
        gateway = Gateway(node)
        self.gateways.append(gateway)
        return gateway.start(*words)

    def credential(self, name="tests", *words):
        """A new access key: its id and secret."""
        made = self.alive()[0].json("credential", "create", name, *words)
        return made["access_key_id"], made["secret_access_key"]

    def alive(self):
        return [node for node in self.nodes if node.process]

    def form(self, config=None):
        """Start all nodes and make one cluster of them; returns when it is healthy."""
        for node in self.nodes:
            node.write_config(**(config or {}))
            node.start()
        first = self.nodes[0]
        first.quartet("cluster", "init", "--domain", self.domain)
        for node in self.nodes[1:]:
            self.join(node)
        first.quartet("cluster", "wait", "--timeout", "60s")
        return self

    def join(self, node, by=None):
        by = by or next(n for n in self.alive() if n is not node)
        token = by.quartet("token", "create", "--bare", "--ttl", "1h").strip()
        return node.quartet("join", f"{by.address}:{ADMIN_PORT}", "--token", token)

    def add_node(self):
        """A new node, started, not joined."""
        node = Node(self, len(self.nodes) + 1)
        self.nodes.append(node)
        node.start()
        return node

    def leader(self, timeout_s=20):
        """The live node that leads; waits for one."""
        def find():
            for node in self.alive():
                done = node.run("node", "status", "--json")
                if done.returncode == 0 and json.loads(done.stdout)["role"] == "leader":
                    return node
            return None
        return wait_until(find, timeout_s, "some node leads")

    def wait_equal(self, timeout_s=60):
        """Until all live nodes have applied the same index with the same state hash and serve it."""
        states = []

        def are_equal():
            states[:] = [node.status() for node in self.alive()]
            points = {(s["applied_index"], s["state_hash"]) for s in states}
            served = all(s["image_index"] == s["applied_index"] for s in states)
            return len(points) == 1 and served and points
        try:
            return wait_until(are_equal, timeout_s, "all live nodes have equal state")
        except AssertionError as late:
            seen = [{key: state[key] for key in ("name", "role", "term", "commit_index",
                                                 "applied_index", "image_index", "state_hash")}
                    for state in states]
            raise AssertionError(f"{late}: {json.dumps(seen, indent=1)}") from None
