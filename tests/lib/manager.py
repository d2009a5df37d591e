"""A stand-in for systemd: starts one program, hears what it notifies, and keeps its sockets.

It does what sd_notify(3) promises: messages come as datagrams, FDSTORE=1 brings descriptors with them,
and the next process gets those as its descriptors 3 and up, named in its environment.
"""
import array
import fcntl
import os
import socket
import subprocess
import threading

FIRST_FD = 3
HIGH_FD = 200  # where kept descriptors are not in the way of FIRST_FD and up
DESCRIPTORS_MAX = 253


class Manager:
    """Use as a context manager; `store` holds (name, descriptor), `told` all lines in their order."""

    def __init__(self, folder, watchdog_ms=0):
        self.path = str(folder / "notify.sock")
        self.watchdog_ms = watchdog_ms
        self.store, self.told = [], []
        self.changed = threading.Condition()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.thread = threading.Thread(target=self._hear, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
        for _, fd in self.store:
            os.close(fd)

    def _hear(self):
        room = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
        while True:
            text, ancillary, _, _ = self.socket.recvmsg(4096, room, socket.MSG_CMSG_CLOEXEC)
            if not text:
                return
            fds = array.array("i")
            for level, kind, octets in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(octets[:len(octets) - len(octets) % fds.itemsize])
            with self.changed:
                self._take(text.decode().splitlines(), fds)
                self.changed.notify_all()

    def _take(self, lines, fds):
        names = [line[len("FDNAME="):] for line in lines if line.startswith("FDNAME=")]
        self.told += lines
        if "FDSTOREREMOVE=1" in lines:
            for name, fd in self.store:
                if name in names:
                    os.close(fd)
            self.store = [(name, fd) for name, fd in self.store if name not in names]
        for fd in fds:
            self.keep(names[0], fd)

    def keep(self, name, fd_take):
        self.store.append((name, fcntl.fcntl(fd_take, fcntl.F_DUPFD_CLOEXEC, HIGH_FD)))
        os.close(fd_take)

    def wait(self, line, timeout_s=30):
        """Until a line that begins so has been told since the last start."""
        with self.changed:
            heard = self.changed.wait_for(lambda: any(t.startswith(line) for t in self.told),
                                          timeout_s)
        assert heard, f"not told within {timeout_s} s: {line}; told: {self.told}"

    def start(self, command, log):
        """Start it with what is kept, and return its process."""
        self.told = []
        env = {**os.environ, "NOTIFY_SOCKET": self.path, "LISTEN_FDS": str(len(self.store)),
               "LISTEN_FDNAMES": ":".join(name for name, _ in self.store)}
        if self.watchdog_ms:
            env["WATCHDOG_USEC"] = str(self.watchdog_ms * 1000)
        kept = [fd for _, fd in self.store]

        def hand_over():
            for index, fd in enumerate(kept):
                os.dup2(fd, FIRST_FD + index)

        # The shell knows its own process id, and is replaced.
        return subprocess.Popen(["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *map(str, command)],
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                                close_fds=False, preexec_fn=hand_over)
