#!/usr/bin/python3
"""layers: every #include against the room table; third-party headers behind their fences.

usage: layers.py [--tap] [ROOT]     prints each breach as file:line and exits 1 if there is any
"""
import re
import sys

from rooms import FENCES, ROOMS, repository_root, room_of, verdict

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def fence_of(included):
    return next((f for f in FENCES if included.startswith(f) or
                 (f.startswith(".") and included.endswith(f))), None)


def breaches(root):
    checked = 0
    for path in sorted([*root.glob("node/**/*.[ch]"), *root.glob("raft/**/*.[ch]")]):
        name = str(path.relative_to(root))
        room = room_of(name)
        if room is None:
            yield name, 0, "is in no room of the table"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            checked += 1
            yield from breach_of(name, number, room, match.group(1), match.group(2))
    if checked == 0:
        yield "(none)", 0, "found no include to check: the test itself is broken"


def breach_of(name, number, room, quote, included):
    fence = fence_of(included)
    if fence is not None:
        if name.endswith(".h"):
            yield name, number, f"header includes third-party or generated {included}"
        elif room not in FENCES[fence]:
            yield name, number, f"{included} is fenced off from {room}"
        return
    if quote == "<":
        return
    used = room_of(included)
    if used is None:
        yield name, number, f"{included} is in no room (write includes from node/ or the top)"
    elif used != room and "*" not in ROOMS[room] and used not in ROOMS[room]:
        yield name, number, f"{room} must not use {used}"


def main():
    root = repository_root()
    found = list(breaches(root))
    for name, number, text in found:
        print(f"{name}:{number}: {text}")
    return verdict("layers", len(found), f"{len(ROOMS)} rooms")


if __name__ == "__main__":
    sys.exit(main())
