"""quartetd --serve as a process of its own: zone files alone, in a folder that goes away at the end."""
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from cluster import BUILD, wait_until

START_WITHIN_S = 30


def zone_text(address="192.0.2.1", extra=""):
    """A small zone whose www has one address."""
    return ("$TTL 60\n@ SOA ns host 1 7200 900 1209600 60\n@ NS ns\nns A 192.0.2.53\n"
            f"www A {address}\n{extra}")


class Server:
    """Files and one process; a context manager."""

    def __init__(self, prefix=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quartet-serve-"))
        self.prefix = prefix  # command words in front of quartetd, such as ip netns exec NAME
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text):
        """A file in the folder, whole at once; returns its path."""
        path = self.folder / name
        part = self.folder / f"{name}.part"
        part.write_text(text)
        return part.replace(path)

    @property
    def log_path(self):
        return self.folder / "log"

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self, *words, wait=True):
        """Start it with these arguments, and a fresh log; wait until all addresses answer."""
        assert self.process is None
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*self.prefix, BUILD / "quartetd", *map(str, words)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd=self.folder)
        count = words.count("--serve")
        if wait:
            wait_until(lambda: self._is_ready(count), START_WITHIN_S, "quartetd answers")

    def _is_ready(self, count):
        code = self.process.poll()
        assert code is None, f"quartetd ended with status {code}:\n{self.log()}"
        if self.log().count("answering address=") < count:
            return False
        return "xdp_off" in self.log() or "answering xdp=" in self.log() or not self._wants_xdp()

    def _wants_xdp(self):
        return "--xdp" in self.process.args

    def addresses(self):
        """What it says it answers on, as (host, port)."""
        found = re.findall(r"answering address=\[?([^\]\s]+?)\]?:(\d+)$", self.log(), re.MULTILINE)
        return [(host, int(port)) for host, port in found]

    def reload(self):
        """SIGHUP; returns when the files were read again."""
        before = self.log().count("serve loaded") + self.log().count("load_failed")
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log().count("serve loaded") + self.log().count("load_failed")
                   > before, START_WITHIN_S, "the files are read again")

    def stop(self, number=signal.SIGTERM, timeout_s=20):
        """End it cleanly; returns its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(timeout_s)
        self.process = None
        return status

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def run_to_end(self, *words, timeout_s=30):
        """Run it where it must end by itself; returns the finished process."""
        return subprocess.run([*self.prefix, BUILD / "quartetd", *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.folder, timeout=timeout_s, check=False)
