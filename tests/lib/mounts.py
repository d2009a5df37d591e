"""Overlay mounts of tests, and their end."""
import pathlib
import subprocess
import time

UNMOUNT_WITHIN_S = 10


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
