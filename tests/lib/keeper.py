"""Starts a node or gateway again whenever it has ended, as systemd would, and keeps account of it."""
import signal
import threading
import time

RESTART_S = 0.3
LOOK_S = 0.05
UP_WITHIN_S = 120  # a bound for any machine


class Keeper(threading.Thread):
    """Of one service: an object with process, name, start(wait=False, env=…). @is_up tells whether it
    does its work again; @env is that of the process."""

    def __init__(self, service, is_up, env=None):
        super().__init__(daemon=True)
        self.service, self.is_up, self.env = service, is_up, env
        self.lock = threading.RLock()  # held while the process is started, ended or looked at
        self.over = threading.Event()
        self.is_held = False
        self.down_since = None
        self.outages = []  # (from, to), monotonic seconds
        self.ends = []     # (when, status) of ends that were not kill()
        self.starts = 0
        self.failure = None  # it did not come back
        self.start()

    # ---- for the adversary ----

    def kill(self, stays_down=False):
        """SIGKILL. It comes back at once, or after release()."""
        with self.lock:
            self.is_held = stays_down
            process = self.service.process
            if process and process.poll() is None:
                self._is_down()
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.service.process = None

    def release(self):
        with self.lock:
            self.is_held = False

    def send_signal(self, number):
        """False: no process to send it to."""
        with self.lock:
            process = self.service.process
            if not process or process.poll() is not None:
                return False
            process.send_signal(number)
            return True

    def wait_up(self, timeout_s=UP_WITHIN_S):
        """Until it does its work; AssertionError after the time."""
        end = time.monotonic() + timeout_s
        while self.down_since is not None or not self.service.process:
            assert time.monotonic() < end and not self.failure, \
                self.failure or f"{self.service.name} is not back within {timeout_s} s"
            time.sleep(LOOK_S)

    def finish(self):
        """No restart any more; the process is left as it is."""
        self.over.set()
        self.join()

    # ---- its thread ----

    def _is_down(self):
        if self.down_since is None:
            self.down_since = time.monotonic()

    def _start_again(self):
        """True: it was not running and is started."""
        with self.lock:
            process = self.service.process
            if process and process.poll() is None:
                return False
            if process:
                self._is_down()
                self.ends.append((time.monotonic(), process.returncode))
                self.service.process = None
            if self.is_held or self.over.is_set():
                return False
            self.over.wait(RESTART_S)
            self.service.start(wait=False, env=self.env)
            self.starts += 1
            return True

    def _look(self):
        self._start_again()
        process = self.service.process
        if self.down_since is not None and process and process.poll() is None and self.is_up():
            self.outages.append((self.down_since, time.monotonic()))
            self.down_since = None

    def run(self):
        while not self.over.wait(LOOK_S):
            try:
                self._look()
            except Exception as error:  # pylint: disable=broad-except
                self.failure = f"{self.service.name} cannot be started: {error}"
                return
