"""What processes take, read from /proc, and whether that grows: a straight line through the samples."""
import dataclasses
import os
import pathlib

MIB = 1 << 20


def pss_octets(pid):
    """The process' share of the memory that it maps."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no Pss of process {pid}")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def disk_octets(folder):
    """What the files in a folder take; files may come and go meanwhile. Hard links count once."""
    seen, total = set(), 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                about = os.lstat(os.path.join(place, name))
            except FileNotFoundError:
                continue
            if about.st_ino not in seen:
                seen.add(about.st_ino)
                total += about.st_blocks * 512
    return total


@dataclasses.dataclass
class Growth:
    """Of one series after the warm-up."""
    mean: float
    slope_per_s: float
    seconds: float
    most: float

    @property
    def total(self):
        """What the line rises by over the measured time."""
        return self.slope_per_s * self.seconds


def growth(samples, since):
    """The least-squares line through [(seconds, value)] from @since on; None: too few samples."""
    kept = [(when, value) for when, value in samples if when >= since]
    if len(kept) < 3:
        return None
    mean_when = sum(when for when, _ in kept) / len(kept)
    mean = sum(value for _, value in kept) / len(kept)
    spread = sum((when - mean_when) ** 2 for when, _ in kept)
    slope = sum((when - mean_when) * (value - mean) for when, value in kept) / spread
    return Growth(mean, slope, kept[-1][0] - kept[0][0], max(value for _, value in kept))
