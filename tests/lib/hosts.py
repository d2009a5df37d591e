"""Real hosts on one machine: each a Debian of its own (systemd, sshd, files, addresses) that
systemd-nspawn boots over an overlay of one tree (host_tree.py), in a region of regions_net.py. Needs
root. At the end, also after a failure or SIGTERM, all that was made is gone.
"""
import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import uuid

import host_tree
import mounts
import netns
from cluster import wait_until
from regions_net import RegionsNet

TOOLS = ("mmdebstrap", "systemd-nspawn", "ssh", "ssh-keygen", "dpkg-deb")
BOOT_TIMEOUT_S = 90
TRIAL_TIMEOUT_S = 30
# How a machine is run, whatever it does.
NSPAWN = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no",
          "--resolv-conf=off", "--timezone=off", "--console=pipe")
OFFICE = "office"  # where the operator, the resolver and the rest of the Internet sit


def why_not():
    """Why hosts cannot be booted here, as far as it shows before anything is made; None when they can."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"hosts need {', '.join(missing)} (deploy/install-deps test)"
    return netns.why_not() or _why_no_device() or _why_no_overlay()


def _why_no_device():
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as wrong:
        return f"hosts need /dev/net/tun for the ways between regions: {wrong.strerror}"
    return None


def _why_no_overlay():
    """Not every file system can be the upper one, such as a container's."""
    with tempfile.TemporaryDirectory(prefix="quartet-hosts-") as name:
        folder = pathlib.Path(name)
        (folder / "lower").mkdir()
        try:
            mounts.overlay(folder / "lower", folder / "host")
        except subprocess.CalledProcessError:
            return f"hosts need overlay mounts, and none can be made in {folder.parent}"
        finally:
            mounts.unmount_below(folder)
    return None


class CannotBoot(Exception):
    """systemd-nspawn refuses on this machine."""


def try_boot(tree):
    """Run one program in @tree as a machine would be run. Raises CannotBoot."""
    done = subprocess.run([*NSPAWN, "--read-only", "--private-network", f"--directory={tree}", "true"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=TRIAL_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise CannotBoot(f"systemd-nspawn refuses: {' '.join(done.stdout.split())[-300:]}")


@dataclasses.dataclass
class Host:
    """One machine: off, or running as the processes below `process`."""
    lab: "Lab"
    name: str
    region: str
    station: int
    space: str
    process: subprocess.Popen = None

    @property
    def address(self):
        return self.lab.net.address(self.region, self.station)

    @property
    def folder(self):
        return self.lab.folder / self.name

    @property
    def prefix(self):
        """Command words that run a program of this machine with the host's network."""
        return self.lab.net.prefix_of(self.space)

    def install(self):
        """An empty disk with Debian, the operator's key, and a name."""
        merged = mounts.overlay(self.lab.tree, self.folder)
        (merged / "etc/hostname").write_text(self.name + "\n")
        (merged / "etc/machine-id").write_text(uuid.uuid4().hex + "\n")
        (merged / "etc/resolv.conf").write_text("")
        key = merged / "etc/ssh/ssh_host_ed25519_key"
        make_key(key)
        keys = merged / "root/.ssh"
        keys.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(self.lab.key.with_suffix(".pub"), keys / "authorized_keys")
        self.lab.know(self.address, key.with_suffix(".pub").read_text())

    def boot(self):
        assert self.process is None, f"{self.name} runs already"
        with open(self.folder / "console", "ab") as console:
            self.process = subprocess.Popen(
                [*NSPAWN, "--boot", f"--directory={self.folder / 'merged'}", f"--machine={self.name}",
                 f"--network-namespace-path=/run/netns/{self.space}"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console)

    def wait_booted(self):
        wait_until(self._answers, BOOT_TIMEOUT_S, f"{self.name} answers ssh", step_s=0.3)

    def _answers(self):
        code = self.process.poll()
        assert code is None, f"{self.name} ended with status {code}:\n{self.console()[-2000:]}"
        return self.ssh("true", check=False).returncode == 0

    def console(self):
        return (self.folder / "console").read_text(errors="replace")

    def init(self):
        """The host's first process, as this machine sees it."""
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        children = path.read_text().split()
        return int(children[0]) if children else None

    def power_off(self):
        """At once, as if the plug was pulled: every process of the host is gone, its disk stays."""
        if self.process is None:
            return
        init = self.init() if self.process.poll() is None else None
        if init:
            subprocess.run(["kill", "-KILL", str(init)], check=False)
        else:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def ssh(self, command, check=True, timeout_s=60):
        """Run a shell command there, as root."""
        return subprocess.run([*self.lab.office, "ssh", "-F", self.lab.ssh_config, self.address,
                               command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout_s, check=check)


class Lab:
    """Regions with their hosts, and the office. Use as a context manager. Raises CannotMake (host_tree.py)
    and CannotBoot where this machine cannot."""

    def __init__(self, package, regions, say=print):
        self.tree = host_tree.ensure(package, say)
        try_boot(self.tree)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quartet-hosts-"))
        self.key, self.ssh_config = self.folder / "id", self.folder / "ssh_config"
        self.net = RegionsNet([*regions, OFFICE])
        self.hosts = []
        self.office = None  # command words of a program there

    def __enter__(self):
        try:
            self.net.__enter__()
            self.office = self.net.prefix_of(self.net.station(OFFICE, OFFICE, 1, 2, 3, 4, 5))
            make_key(self.key)
            self.ssh_config.write_text(
                f"User root\nIdentityFile {self.key}\nIdentitiesOnly yes\nBatchMode yes\n"
                f"UserKnownHostsFile {self.folder / 'known_hosts'}\nStrictHostKeyChecking yes\n"
                "ConnectTimeout 5\n")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.ExitStack() as stack:  # each, whatever becomes of the others; the last one first
            stack.callback(self._remove_disks)
            stack.callback(self.net.__exit__)
            for host in self.hosts:
                stack.callback(host.power_off)

    def _remove_disks(self):
        mounts.unmount_below(self.folder)
        shutil.rmtree(self.folder)

    def know(self, address, public_key):
        with open(self.folder / "known_hosts", "a", encoding="ascii") as known:
            known.write(f"{address} {public_key}")

    def host(self, name, region, station):
        """A new machine, installed, off."""
        made = Host(self, name, region, station, self.net.station(name, region, station))
        self.hosts.append(made)
        made.install()
        return made


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", path], check=True)
