"""The page by which tests/lib/fault_shim.c, loaded into a process, is told what to spoil: syncs and
writes that fail or take long, a wall clock that is off. What is set holds at once."""
import errno
import mmap
import struct

from cluster import BUILD

LIBRARY = BUILD / "tests" / "libfault_shim.so"
FIELDS = {  # as struct fault_page has them
    "sync_errno": ("i", 0), "write_errno": ("i", 4), "sync_delay_us": ("I", 8),
    "write_delay_us": ("I", 12), "wall_offset_s": ("q", 16), "syncs_failed": ("Q", 24),
    "writes_failed": ("Q", 32), "syncs_delayed": ("Q", 40), "writes_delayed": ("Q", 48)}
COUNTS = ("syncs_failed", "writes_failed", "syncs_delayed", "writes_delayed")
PAGE_LEN = 4096


class Shim:
    """One page; any number of processes may be started with env(), one after the other or at once."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(PAGE_LEN))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), PAGE_LEN)

    def env(self):
        return {"LD_PRELOAD": str(LIBRARY), "QUARTET_FAULT_PAGE": str(self.path)}

    def set(self, **fields):
        for name, value in fields.items():
            kind, at = FIELDS[name]
            struct.pack_into("=" + kind, self.page, at, value)

    def counts(self):
        """How often it has struck so far."""
        return {name: struct.unpack_from("=" + FIELDS[name][0], self.page, FIELDS[name][1])[0]
                for name in COUNTS}

    def fail_syncs(self):
        self.set(sync_errno=errno.EIO)

    def fill_disk(self):
        """Every write finds the disk full."""
        self.set(write_errno=errno.ENOSPC)

    def delay(self, sync_ms, write_ms):
        self.set(sync_delay_us=int(sync_ms * 1000), write_delay_us=int(write_ms * 1000))

    def heal(self):
        """All as without the shim."""
        self.set(sync_errno=0, write_errno=0, sync_delay_us=0, write_delay_us=0, wall_offset_s=0)
