"""A campaign of faults on five voters: cluster, clients, watchers, adversary, and in the end the
verdict. Report.wrongs is empty when all that was promised held."""
import contextlib
import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import load  # noqa: E402
import netns  # noqa: E402
import verdict  # noqa: E402
from adversary import Adversary  # noqa: E402
from cluster import BUILD, DNS_PORT, GATEWAY_PORT, Gateway, wait_until  # noqa: E402
from keeper import Keeper  # noqa: E402
from shim import Shim  # noqa: E402
from watcher import Watcher, unexcused  # noqa: E402

ZONE = "faults.example"
REGISTERS = [f"r{number}" for number in range(6)]
VOTERS = 5
DISK_MIB = 768          # of each node; in memory, taken as it is used
JOURNAL_EVERY = 100     # faults between two looks at the journal, which keeps the newest 100,000
PROGRESS_EVERY = 25
LONG_FAULTS = 200       # each kind has come so often that each way to spoil a disk has struck
PROGRESS_WITHIN_S = 60  # of a change once all is healed
API_CLIENTS, CLI_CLIENTS, UNIQUE_CLIENTS = 5, 1, 3
CLIENT_PAUSE_S, UNIQUE_PAUSE_MS = 0.08, 100


@dataclasses.dataclass
class Report:
    """What was done, and what is wrong."""
    seed: str
    lines: list = dataclasses.field(default_factory=list)
    wrongs: list = dataclasses.field(default_factory=list)

    def say(self, line):
        self.lines.append(line)
        print(f"# {line}", flush=True)

    def judge(self, what, wrongs):
        self.say(f"{what}: {'as promised' if not wrongs else f'{len(wrongs)} WRONG'}")
        self.wrongs += [f"{what}: {wrong}" for wrong in wrongs]


class SmallDisks:
    """A file system of its own for each node's data, so that one can be filled."""

    def __init__(self, cluster):
        self.cluster, self.mounted = cluster, []

    def mount(self):
        for node in self.cluster.nodes:
            node.data.mkdir(parents=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "quartet-faults",
                            node.data], check=True)
            self.mounted.append(node.data)

    def end(self):
        """Once the nodes have ended. The cluster could not remove its folder around them."""
        for path in self.mounted:
            subprocess.run(["umount", "--lazy", path], check=False)
        if not self.cluster.keep:
            shutil.rmtree(self.cluster.folder, ignore_errors=True)


class Campaign:
    """Made of parts that end in the order of the stack; run() returns the report."""

    def __init__(self, faults, seed, stack, is_enough):
        self.faults, self.stack, self.is_enough = faults, stack, is_enough
        self.report = Report(seed)
        self.journal = {}  # change id: (index, comment)
        self.cluster = netns.NamespaceCluster(VOTERS)
        disks = SmallDisks(self.cluster)
        stack.callback(disks.end)
        stack.enter_context(self.cluster)
        disks.mount()
        self.shims = {n.number: Shim(self.cluster.folder / f"shim{n.number}")
                      for n in self.cluster.nodes}
        self.keepers = {}
        self.gateway_keepers = {}
        self.history_path = self.cluster.folder / "history"

    # ---- before ----

    def start_nodes(self):
        for node in self.cluster.nodes:
            node.write_config()
            node.start(env=self.shims[node.number].env())
        first = self.cluster.node(1)
        first.quartet("cluster", "init", "--domain", self.cluster.domain)
        for node in self.cluster.nodes[1:]:
            self.cluster.join(node)
        first.quartet("cluster", "settings", "--voters", str(VOTERS), "--dead-after", "1h")
        wait_until(lambda: all(m["role"] == "voter" for m in first.json("member", "list")), 60,
                   "all are voters", step_s=0.5)
        first.quartet("zone", "create", ZONE, "--wait")
        for register in REGISTERS:
            value = f"first-{register}"
            first.quartet("record", "set", ZONE, register, "TXT", f'"{value}"', "--ttl", "1",
                          "--comment", value, "--wait")
            self.note_first(register, value)

    def note_first(self, register, value):
        now = time.monotonic()
        with open(self.history_path, "a", encoding="utf-8") as file:
            file.write(json.dumps(["write", register, value, now - 1, now, "ok", "first", 1]) + "\n")

    def start_keepers(self):
        for node in self.cluster.nodes:
            gateway = Gateway(node)  # it answers in its node's namespace, out of this process' reach
            self.cluster.gateways.append(gateway.start("--quiet", wait=False))
            self.keepers[node.number] = Keeper(
                node, lambda node=node: answers_control(node), self.shims[node.number].env())
            self.gateway_keepers[node.number] = Keeper(gateway, lambda: True)
        self.stack.callback(self.finish_keepers)

    def finish_keepers(self):
        for keeper in self.all_keepers():
            keeper.finish()

    def all_keepers(self):
        return [*self.keepers.values(), *self.gateway_keepers.values()]

    def start_clients(self):
        key, secret = self.cluster.credential("faults")
        zone_id = self.cluster.node(1).json("zone", "show", ZONE)["id"]
        settings = self.cluster.folder / "clients.json"
        settings.write_text(json.dumps({
            "zone": ZONE, "zone_id": zone_id, "registers": REGISTERS, "key": key, "secret": secret,
            "gateways": [f"{n.address}:{GATEWAY_PORT}" for n in self.cluster.nodes],
            "sockets": [n.socket for n in self.cluster.nodes], "quartet": str(BUILD / "quartet"),
            "api_clients": API_CLIENTS, "cli_clients": CLI_CLIENTS, "pause_s": CLIENT_PAUSE_S,
            "seed": self.report.seed}))
        clients = subprocess.Popen(
            [*self.cluster.hub_prefix(), "/usr/bin/python3",
             pathlib.Path(__file__).with_name("clients.py"), settings, self.history_path],
            stdin=subprocess.PIPE)
        self.stack.callback(end_process, clients)
        return clients

    # ---- during ----

    def look_at_journal(self):
        """Collect what the journal has now: it forgets the oldest of very many changes."""
        keeper = self.keepers[VOTERS]
        keeper.kill(stays_down=True)
        self.journal.update(read_journal(keeper.service))
        keeper.release()
        keeper.wait_up()

    def harass(self, adversary, unique):
        for number in range(1, self.faults + 1):
            if self.is_enough.is_set():
                self.faults = number - 1
                self.report.say(f"asked to end after {self.faults} faults")
                return
            adversary.step()
            if number % JOURNAL_EVERY == 0:
                self.look_at_journal()
            if number % PROGRESS_EVERY == 0:
                self.report.say(f"{number} faults: {load.counts(unique.outcomes())}")

    def wait_for_progress(self, unique):
        healed = time.monotonic()
        progress = wait_until(lambda: unique.first_success_after(healed), PROGRESS_WITHIN_S,
                              "changes go through once all is healed", step_s=0.2)
        self.report.say(f"after healing the first new change took {progress - healed:.2f} s")

    def run(self):
        self.start_nodes()
        self.start_keepers()
        watcher = Watcher(self.cluster.folder / "watch", [f"{r}.{ZONE}" for r in REGISTERS],
                          [f"{n.address}:{DNS_PORT}" for n in self.cluster.nodes], period_ms=40,
                          prefix=self.cluster.hub_prefix())
        self.stack.callback(watcher.kill)
        adversary = Adversary(self.cluster, self.keepers, self.gateway_keepers, self.shims,
                              self.report.seed)
        clients = self.start_clients()
        with load.Load(self.cluster.nodes[:VOTERS], ZONE, self.cluster.folder,
                       clients=UNIQUE_CLIENTS, pause_ms=UNIQUE_PAUSE_MS) as unique:
            wait_until(unique.outcomes, 10, "a first change is made")
            began = time.monotonic()
            try:
                self.harass(adversary, unique)
            except BaseException:
                print("\n".join(f"# {at}: {told}" for at, told in enumerate(adversary.told[-20:])))
                raise
            self.report.say(f"{len(adversary.told)} faults in {time.monotonic() - began:.0f} s")
            self.wait_for_progress(unique)
            clients.communicate(b"", timeout=60)
            outcomes = unique.stop()
        seen = watcher.stop()
        self.judge(adversary, outcomes, seen)
        return self.report

    # ---- after ----

    def judge(self, adversary, unique, seen):
        history = verdict.read_history(self.history_path)
        self.tell(adversary, history, unique, seen)
        self.judge_state(history, unique)
        self.finish_keepers()
        self.report.judge("processes", verdict.of_ends(self.all_keepers(), adversary.disk_faults))
        self.judge_journals(history, unique)
        self.report.judge("each register's history is linearizable", verdict.of_registers(history))
        self.report.judge("no node served older data than before",
                          verdict.of_watch(seen, self.journal))
        excused = adversary.excused + verdict.outages(self.keepers.values(),
                                                      adversary.disk_faults)
        self.report.judge("no query unanswered by a node that runs", verdict.few(
            f"{address} at {sent:.3f}: {why}" for address, sent, why in unexcused(seen, excused)))

    def judge_state(self, history, unique):
        points = self.cluster.wait_equal()
        self.report.say(f"all nodes: index and state hash {sorted(points)}")
        exports = [node.quartet("zone", "export", ZONE) for node in self.cluster.nodes]
        self.report.judge("all nodes export the same zone",
                          [] if len(set(exports)) == 1 else ["the exports differ"])
        self.report.judge("the zone holds what was acknowledged", verdict.few(
            load.wrongs_of_zone(unique, load.exported_names(exports[0], ZONE))))
        for node in self.cluster.nodes:
            node.quartet("node", "verify")
            self.report.judge(f"{node.name} serves the last values", verdict.of_final_values(
                history, {register: served(self.cluster, node, register)
                          for register in REGISTERS}))

    def judge_journals(self, history, unique):
        for node in self.cluster.nodes:
            status = node.stop()
            if status != 0:
                self.report.wrongs.append(f"{node.name} stopped with status {status}")
            journal = {**self.journal, **read_journal(node)}
            self.report.judge(f"{node.name} holds every acknowledged change once",
                              verdict.of_journal(history, unique, journal))
        self.journal = journal

    def tell(self, adversary, history, unique, seen):
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(adversary.counts.items()))
        self.report.say(f"faults: {kinds}")
        struck = {}
        for shim in self.shims.values():
            for name, count in shim.counts().items():
                struck[name] = struck.get(name, 0) + count
        self.report.judge("clients, watchers and the shim were at work", verdict.of_work(
            history, seen, struck, is_long=self.faults >= LONG_FAULTS))
        self.report.say("struck: " + ", ".join(f"{n} {name}" for name, n in struck.items()) +
                        f"; {sum(k.starts for k in self.all_keepers())} restarts by keepers, "
                        f"{sum(len(k.ends) for k in self.keepers.values())} of nodes that stopped")
        writes = [line for line in history if line["kind"] == "write"]
        self.report.say(
            f"registers: {len(history) - len(writes)} reads; writes " + ", ".join(
                f"{sum(w['outcome'] == word for w in writes)} {word}"
                for word in ("ok", "refused", "unknown")) +
            f", {sum(w['tries'] > 1 for w in writes)} of them tried more than once; "
            f"changes of unique names: {load.counts(unique)}")
        self.report.say(f"{seen.sent} DNS queries, {sum(map(len, seen.values.values()))} values seen")


def answers_control(node):
    try:
        return node.run("node", "status", timeout_s=20).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def served(cluster, node, register):
    """What DNS of the node says now."""
    done = cluster.hub_run("dig", f"@{node.address}", "-p", str(DNS_PORT), "+short",
                           f"{register}.{ZONE}", "TXT")
    return done.stdout.decode().strip().strip('"')


def read_journal(node):
    """Of a stopped node: {change id: (index, comment)}."""
    text = subprocess.run([BUILD / "tests/e2e_journal", node.data], capture_output=True, text=True,
                          check=True).stdout.splitlines()
    found = {}
    for line in text[:-1]:
        index, change, comment = line.split(" ", 2)
        found[change] = (int(index), comment)
    return found


def end_process(process):
    if process.poll() is None:
        process.kill()
        process.wait()


def why_not():
    """Why no campaign can run here; None when one can."""
    return netns.why_not()


def run(faults, seed, is_enough=None):
    """A whole campaign; returns its Report. @is_enough, an event, ends it after fewer faults."""
    with contextlib.ExitStack() as stack:
        return Campaign(faults, str(seed), stack, is_enough or threading.Event()).run()
