"""A bare Debian 12, made once by mmdebstrap and kept outside of the repository, for hosts that tests
boot. It holds what a rented host comes with and, as a mirror of its own (/srv/mirror, its only
package source), the packages that Quartet's depends on: hosts need no network to install it. The
folder's name goes by what is in it, so another list makes another tree.
"""
import contextlib
import email.utils
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import mounts

SUITE = "bookworm"
# What a minimal Debian host has besides what is required: systemd, a way in, and a way to look.
HOST_PACKAGES = ("systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2", "procps", "sudo")
FORMAT = 2  # changes when this file makes another tree of the same lists
CACHE = pathlib.Path(os.environ.get("QUARTET_TEST_CACHE", pathlib.Path.home() / ".cache/quartet-tests"))
MIRROR = "srv/mirror"
MAKING_TIMEOUT_S = 900
# Half of the files of a small system, which no host here reads.
UNREAD = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")
# Of no use to a host without hardware, and slow to boot.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
          "systemd-networkd-wait-online.service", "systemd-timesyncd.service", "getty.target",
          "console-getty.service")


class CannotMake(Exception):
    """No tree on this machine: no way to Debian's packages, or no right to unpack them."""


def depends_of(package):
    """The names that a .deb depends on, the first of alternatives each."""
    text = subprocess.run(["dpkg-deb", "--field", package, "Pre-Depends", "Depends"],
                          capture_output=True, text=True, check=True).stdout
    text = re.sub(r"^(Pre-)?Depends: ", ",", text, flags=re.MULTILINE)
    names = (part.strip().split(" ")[0].split("|")[0].split(":")[0] for part in text.split(","))
    return sorted({name for name in names if name})


def ensure(package, say):
    """The folder of a tree that can install @package; made now if there is none."""
    names = depends_of(package)
    key = hashlib.sha256(repr((FORMAT, SUITE, HOST_PACKAGES, MASKED, names)).encode()).hexdigest()[:12]
    tree = CACHE / f"debian-12-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in CACHE.glob("part-*"):  # of one that was killed
            _remove(left)
        if not tree.exists():
            say(f"making a Debian 12 tree, once: {tree}")
            _make(tree, names)
    return tree


def _make(tree, names):
    """In a folder beside it, renamed when it is whole: a tree that is there is complete."""
    part = pathlib.Path(tempfile.mkdtemp(prefix="part-", dir=CACHE))
    try:
        part.chmod(0o755)
        # Nothing here must outlive a power failure; dpkg takes a third of the time without fsync.
        options = ["--dpkgopt=force-unsafe-io", *(f"--dpkgopt=path-exclude={path}" for path in UNREAD)]
        _run(["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
              "--aptopt=APT::Sandbox::User \"root\"", *options, "--skip=cleanup",
              f"--include={','.join(HOST_PACKAGES)}", SUITE, part, *_mirror_in_use()])
        _fill_mirror(part, names)
        _configure(part)
        part.rename(tree)
    except BaseException:
        _remove(part)
        raise


def _remove(part):
    mounts.unmount_below(part)  # the tree's /proc, when it was interrupted
    shutil.rmtree(part, ignore_errors=True)


def _run(words):
    """Whatever becomes of it, nothing of it runs on: the folder can be removed."""
    process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                               env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, process_group=0)
    try:
        output, _ = process.communicate(timeout=MAKING_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise CannotMake(f"{words[0]} takes longer than {MAKING_TIMEOUT_S} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode != 0:
        raise CannotMake(f"{words[0]} fails: {' '.join(output.split())[-1000:]}")


def _mirror_in_use():
    """Where this machine's apt gets Debian 12 from; nothing: mmdebstrap has its own idea, as for what
    is of no use to it (mirror+file: of Debian's cloud images)."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                           "Created-By: Packages"], capture_output=True, text=True, check=False)
    found = (line.split() for line in done.stdout.splitlines())
    return next(([uri] for uri, *rest in found if rest == [SUITE, "main"]
                 and uri.startswith(("http:", "https:", "file:"))), [])


def _fill_mirror(tree, names):
    """Fetch @names and all that they need into the mirror, with the index that apt reads."""
    apt = ["chroot", tree, "apt-get", "-q", "-o", "APT::Sandbox::User=root"]
    # Needs no network: a name that Debian does not have is our package's fault, not this machine's.
    subprocess.run([*apt, "--simulate", "--no-install-recommends", "install", *names],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    _run([*apt, "clean"])  # of what is installed already
    _run([*apt, "-y", "--no-install-recommends", "--download-only", "install", *names])
    mirror = tree / MIRROR
    mirror.mkdir(parents=True)
    stanzas = []
    for archive in sorted((tree / "var/cache/apt/archives").glob("*.deb")):
        moved = archive.rename(mirror / archive.name.replace("%", "_"))
        control = subprocess.run(["dpkg-deb", "--field", moved], capture_output=True, text=True,
                                 check=True).stdout
        digest = hashlib.sha256(moved.read_bytes()).hexdigest()
        stanzas.append(f"{control}Filename: ./{moved.name}\nSize: {moved.stat().st_size}\n"
                       f"SHA256: {digest}\n")
    index = "\n".join(stanzas).encode()
    (mirror / "Packages").write_bytes(index)
    (mirror / "Release").write_text(f"Date: {email.utils.formatdate()}\nSHA256:\n "
                                    f"{hashlib.sha256(index).hexdigest()} {len(index)} Packages\n")


def _configure(tree):
    shutil.rmtree(tree / "var/lib/apt/lists")
    (tree / "var/lib/apt/lists/partial").mkdir(parents=True)
    (tree / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:/{MIRROR} ./\n")
    (tree / "etc/apt/apt.conf.d/lab").write_text('Acquire::Languages "none";\n')
    # How it was made; hosts install whole packages.
    (tree / "etc/apt/apt.conf.d/99mmdebstrap").unlink()
    (tree / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").write_text("force-unsafe-io\n")
    for name in ("machine-id", "hostname", "resolv.conf"):  # each host's own
        (tree / "etc" / name).unlink(missing_ok=True)
    shutil.rmtree(tree / "var/log/journal", ignore_errors=True)
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    units = tree / "etc/systemd/system"
    for unit in MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
