"""File systems of tests: overlay mounts and their end, and one that is made full."""
import errno
import os
import pathlib
import shutil
import subprocess
import time

MIB = 1 << 20
UNMOUNT_WITHIN_S = 10
FILL_WITHIN_S = 10


def overlay(lower, folder):
    """Mount @lower under a writable layer in @folder; the merged tree."""
    upper, work, merged = (folder / name for name in ("upper", "work", "merged"))
    for made in (upper, work, merged):
        made.mkdir(parents=True)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir={lower},upperdir={upper},workdir={work}", merged], check=True)
    return merged


def below(folder):
    """Mount points at or below a folder, the innermost first."""
    root = str(folder)
    points = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    return sorted((p for p in points if p == root or p.startswith(root + "/")), key=len, reverse=True)


def unmount_below(folder):
    """Unmount all of them; one that is in use for a moment yet is waited for."""
    end = time.monotonic() + UNMOUNT_WITHIN_S
    while points := below(folder):
        for point in points:
            subprocess.run(["umount", point], check=False, capture_output=True)
        if below(folder):
            assert time.monotonic() < end, f"cannot unmount {below(folder)}"
            time.sleep(0.1)


def fill(filler, leave_mib):
    """Grow the file @filler until its file system has @leave_mib MiB left. Others may write and delete
    meanwhile: what was free may be taken when it is asked for, and is measured again."""
    end = time.monotonic() + FILL_WITHIN_S
    with open(filler, "wb") as file:
        while (more := shutil.disk_usage(filler.parent).free - leave_mib * MIB) > 0:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, more)
            except OSError as e:
                if e.errno != errno.ENOSPC or time.monotonic() > end:
                    raise
