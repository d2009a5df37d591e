#!/usr/bin/python3
"""format: our C sources are as clang-format leaves them.

usage: format.py [--tap] [ROOT]     prints each file that is not and exits 1 if there is any
"""
import subprocess
import sys

from rooms import repository_root, verdict


def main():
    root = repository_root()
    names = sorted(str(p.relative_to(root)) for folder in ("node", "raft", "tests")
                   for p in root.glob(folder + "/**/*.[ch]"))
    if not names:
        print("found no source to check: the test itself is broken")
        return verdict("format", 1, "0 files")
    out = subprocess.run(["clang-format-14", "--dry-run", *names], cwd=root, check=True,
                         capture_output=True, text=True).stderr
    wrong = sorted({line.split(":")[0] for line in out.splitlines() if "warning:" in line})
    for name in wrong:
        print(f"{name}: run clang-format-14 -i on it")
    return verdict("format", len(wrong), f"{len(names)} files")


if __name__ == "__main__":
    sys.exit(main())
