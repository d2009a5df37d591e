"""Run a program to its end: bounded in time, never silent for long, and leaving nothing behind.

Every program gets a process group of its own. When its time is over, or the run is interrupted, the
group is asked to end (SIGTERM, so that a test can remove what it made) and then killed.
"""
import dataclasses
import os
import signal
import subprocess
import threading
import time

PROGRESS_S = 20
GRACE_S = 20
LINE_SHOWN_MAX = 100

_running = set()
_lock = threading.Lock()


@dataclasses.dataclass
class Outcome:
    """What a program printed (standard output and error, as they came) and how it ended."""
    output: str
    returncode: int
    seconds: float


class _Reader(threading.Thread):
    """Collects the lines of a pipe; `live` is called with each as it comes."""

    def __init__(self, pipe, live):
        super().__init__(daemon=True)
        self.pipe, self.live, self.lines = pipe, live, []
        self.start()

    def run(self):
        for line in self.pipe:
            self.lines.append(line)
            if self.live:
                self.live(line.rstrip("\n"))

    def last(self):
        return self.lines[-1].strip()[:LINE_SHOWN_MAX] if self.lines else ""


def run(command, label, timeout_s, env=None, live=None, cwd=None):
    """Run @command; says every 20 s that @label is still at work, with its last line."""
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], cwd=cwd, text=True,
                               errors="replace", env={**os.environ, **(env or {})},
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, process_group=0)
    with _lock:
        _running.add(process)
    reader = _Reader(process.stdout, live)
    try:
        is_late = not _wait(process, reader, label, start, timeout_s)
        if is_late:
            _end(process)
    finally:
        with _lock:
            _running.discard(process)
        _signal(process, signal.SIGKILL)  # what it started and did not end
    reader.join(5)
    seconds = time.monotonic() - start
    output = "".join(list(reader.lines))
    if is_late:
        output += f"\ntimed out after {timeout_s} s"
    elif process.returncode < 0:
        output += f"\nended by {signal.Signals(-process.returncode).name}"
    return Outcome(output, process.returncode or (1 if is_late else 0), seconds)


def _wait(process, reader, label, start, timeout_s):
    """False: still running when its time was over."""
    shown = start
    while True:
        try:
            process.wait(1)
            return True
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if now - start > timeout_s:
            return False
        if now - shown > PROGRESS_S:
            shown = now
            print(f"  … {label}: {now - start:.0f} s, {reader.last()}", flush=True)


def _end(process):
    _signal(process, signal.SIGTERM)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def end_all():
    """End whatever still runs; for an interrupted run."""
    with _lock:
        left = list(_running)
    for process in left:
        _signal(process, signal.SIGTERM)
    for process in left:
        _end(process)
