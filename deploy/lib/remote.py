"""Commands on a host over ssh, as root. ssh's own configuration counts (keys, jump hosts, known hosts);
one connection a host is kept for all that is done there."""
import dataclasses
import shlex
import shutil
import subprocess
import tempfile

CONNECT_TIMEOUT_S = 10
COMMAND_TIMEOUT_S = 60
SSH_FAILED = 255  # ssh's own exit status; all others are the command's
# root as it is; others by sudo without a password.
AS_ROOT = 'if [ "$(id -u)" = 0 ]; then exec sh -c {0}; else exec sudo -n sh -c {0}; fi'


class RemoteError(Exception):
    """A command on a host did not work; the text has its words."""


class Unreachable(RemoteError):
    """ssh could not run it."""


@dataclasses.dataclass
class Done:
    status: int
    output: str
    errors: str


class Remote:
    """ssh to the hosts of an inventory. Use as a context manager: connections are closed at the end."""

    def __init__(self, ssh_config=None):
        self.sockets = tempfile.mkdtemp(prefix="quartet-regions-")
        self.options = ["-F", ssh_config] if ssh_config else []
        self.options += ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_TIMEOUT_S}",
                         "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3",
                         "-o", "ControlMaster=auto", "-o", f"ControlPath={self.sockets}/%C",
                         "-o", "ControlPersist=60"]
        self.used = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for host in self.used:
            subprocess.run([*self.words(host), "-O", "exit", host.ssh], stdin=subprocess.DEVNULL,
                           capture_output=True, check=False)
        shutil.rmtree(self.sockets, ignore_errors=True)

    def words(self, host):
        return ["ssh", *self.options, *(["-p", host.port] if host.port else [])]

    def try_run(self, host, command, data=b"", timeout_s=COMMAND_TIMEOUT_S):
        """Run a shell command as root, with @data as its input. Raises Unreachable only."""
        self.used.add(host)
        line = AS_ROOT.format(shlex.quote(command))
        try:
            done = subprocess.run([*self.words(host), host.ssh, line], input=data, capture_output=True,
                                  timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired:
            raise Unreachable(f"{host.name}: no end within {timeout_s} s: {command}") from None
        output, errors = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        if done.returncode == SSH_FAILED:
            raise Unreachable(f"{host.name}: ssh {host.ssh}: {errors.strip() or 'the connection ended'}")
        return Done(done.returncode, output, errors)

    def run(self, host, command, data=b"", timeout_s=COMMAND_TIMEOUT_S):
        """The same for what must succeed; its standard output. Raises RemoteError."""
        done = self.try_run(host, command, data, timeout_s)
        if done.status != 0:
            said = (done.errors.strip() or done.output.strip())[-2000:]
            raise RemoteError(f"{host.name}: '{command}' ended with status {done.status}:\n{said}")
        return done.output
