"""Changes made while faults happen, and the proof that each counts once: tests/e2e/e2e_load.c writes
a line for every change, and this reads them and compares them with what the nodes hold."""
import collections
import dataclasses
import subprocess

from cluster import BUILD


@dataclasses.dataclass
class Outcome:
    """One change: monotonic seconds, its name, what the client was told."""
    started: float
    ended: float
    name: str
    word: str  # ok, refused, unknown
    code: int


class Load:
    """Clients that change a zone until stop(); use as a context manager."""

    def __init__(self, nodes, zone, folder, prefix="c", clients=8, pause_ms=10, names=0):
        self.zone = zone
        self.path = folder / f"load-{prefix}"
        self.process = subprocess.Popen(
            [BUILD / "tests/e2e_load", *(["--names", str(names)] if names else []), zone, prefix,
             self.path, str(clients), str(pause_ms), *(node.socket for node in nodes)],
            stdin=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """End after the requests under way; returns all outcomes, in order of their ends."""
        self.process.communicate(b"", timeout=60)
        assert self.process.returncode == 0, f"e2e_load ended with {self.process.returncode}"
        return self.outcomes()

    def outcomes(self):
        """What has been written so far (a line that is being written is left out)."""
        if not self.path.exists():
            return []
        lines = self.path.read_text().split("\n")[:-1]
        return sorted((parse(line) for line in lines), key=lambda o: o.ended)

    def first_success_after(self, moment):
        """When the first change that was begun after `moment` was acknowledged; None: not yet."""
        ended = [o.ended for o in self.outcomes() if o.word == "ok" and o.started > moment]
        return min(ended, default=None)


def parse(line):
    started, ended, name, word, code = line.split(" ")
    return Outcome(int(started) / 1e9, int(ended) / 1e9, name, word, int(code))


def counts(outcomes):
    """For comment lines: how many changes ended how."""
    by_word = collections.Counter(o.word for o in outcomes)
    return ", ".join(f"{by_word[word]} {word}" for word in ("ok", "refused", "unknown"))


def exported_names(text, zone):
    """Names of the TXT record sets in an exported zone that e2e_load made."""
    names = set()
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 4 and "TXT" in fields:
            names.add(fields[0].removesuffix("." + zone.rstrip(".") + "."))
    return names


def journal(node):
    """Of a stopped node: ({change id: comment}, applied index, state hash)."""
    text = subprocess.run([BUILD / "tests/e2e_journal", node.data], capture_output=True, text=True,
                          check=True).stdout.splitlines()
    _, index, state_hash = text[-1].split()
    changes = {}
    for line in text[:-1]:
        _, change_id, comment = line.split(" ", 2)
        changes[change_id] = comment
    return changes, int(index), state_hash


def wrongs_of_journal(outcomes, changes):
    """What the journal contradicts: acknowledged changes that are not there exactly once, refused
    ones that are there at all, unknown ones that are there more than once."""
    applied = collections.Counter(changes.values())
    wrongs = []
    for outcome in outcomes:
        times = applied[outcome.name]
        allowed = {"ok": (1,), "refused": (0,), "unknown": (0, 1)}[outcome.word]
        if times not in allowed:
            wrongs.append(f"{outcome.name} ({outcome.word}, code {outcome.code}) applied {times} x")
    return wrongs


def wrongs_of_zone(outcomes, names):
    """The same for what a zone holds."""
    wrongs = []
    for outcome in outcomes:
        if outcome.word != "unknown" and (outcome.name in names) != (outcome.word == "ok"):
            wrongs.append(f"{outcome.name} ({outcome.word}, code {outcome.code}) is "
                          f"{'there' if outcome.name in names else 'missing'}")
    return wrongs
