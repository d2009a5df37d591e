#!/usr/bin/python3
"""tidy: sizes, banned calls and form of our C sources.

usage: tidy.py [--tap] [ROOT]       prints each breach as file:line and exits 1 if there is any

Sizes: function ≤ 70 lines, .c ≤ 700, .h ≤ 200, line ≤ 100 columns, ≤ 6 parameters. Tests may have
longer files (tables), not longer lines.
"""
import pathlib
import re
import subprocess
import sys

from rooms import repository_root, verdict

FUNCTION_LINES_MAX = 70
SOURCE_LINES_MAX = 700
HEADER_LINES_MAX = 200
COLUMNS_MAX = 100
PARAMETERS_MAX = 6

BANNED = {
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca)\s*\(": "unbounded or stateful",
    r"\b(rand|srand|random|srandom|drand48)\s*\(": "use base/random.h",
    r"\b(atoi|atol|atof)\s*\(": "no error report: use strtol and friends",
}
# Calls that only node/base may make: time and chance come in as arguments elsewhere.
BASE_ONLY = r"(?<![\w.>])(time|gettimeofday|clock_gettime)\s*\("
PURE_ROOMS = ("raft/core/", "node/dns/", "node/zone/", "node/query.", "node/query_")
PURE_BANNED = r"\b(clock_gettime|getrandom|socket|log_event|log_(error|warn|info|debug))\s*\("
# Callbacks whose signature a library prescribes.
FOREIGN = {("node/gateway/http.c", "take_request")}
UNFINISHED = re.compile(r"\b(FIXME|XXX|HACK)\b|\bTODO\b(?!\s*\(#\d+\))")


def code_only(text):
    """@text with comments and string contents blanked; line numbers stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text, flags=re.S)


def check_text(name, text):
    lines = text.splitlines()
    limit = HEADER_LINES_MAX if name.endswith(".h") else SOURCE_LINES_MAX
    if len(lines) > limit and not name.startswith("tests/"):
        yield 1, f"{len(lines)} lines, {limit} allowed"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f"{len(line)} columns, {COLUMNS_MAX} allowed"
        if line != line.rstrip() or "\t" in line:
            yield number, "trailing blank or tab"
        if UNFINISHED.search(line):
            yield number, "unfinished by its own words (a TODO needs an issue number)"
    if name.endswith(".h") and "#pragma once" not in text:
        yield 1, "no #pragma once"


def check_calls(name, text):
    rules = dict(BANNED)
    if not name.startswith(("node/base/", "tests/")):
        rules[BASE_ONLY] = "only node/base reads clocks"
    if name.startswith(PURE_ROOMS):
        rules[PURE_BANNED] = "a pure room has no clock, chance, socket or log"
    for number, line in enumerate(code_only(text).splitlines(), 1):
        for pattern, why in rules.items():
            match = re.search(pattern, line)
            if match:
                yield number, f"{match.group(0).rstrip('( ')}: {why}"


def check_functions(root, names):
    """Spans and signatures by universal-ctags."""
    out = subprocess.run(
        ["ctags", "-x", "--kinds-C=f", "--language-force=C",
         "--_xformat=%{end}\t%n\t%F\t%N\t%{signature}", *names],
        cwd=root, capture_output=True, text=True, check=True).stdout
    count = 0
    for row in out.splitlines():
        end, start, name, function, signature = row.split("\t")
        count += 1
        length = int(end) - int(start) + 1 if end.isdigit() else 0
        if length > FUNCTION_LINES_MAX:
            yield name, int(start), f"{function}: {length} lines, {FUNCTION_LINES_MAX} allowed"
        parameters = signature.count(",") + 1
        # A stub has the signatures of the library it stands in for.
        is_foreign = name.endswith("_stub.c") or (name, function) in FOREIGN
        if parameters > PARAMETERS_MAX and "(*" not in signature and not is_foreign:
            yield name, int(start), f"{function}: {parameters} parameters, {PARAMETERS_MAX} allowed"
    if count == 0:
        yield "(none)", 0, "ctags found no function: the test itself is broken"


def main():
    root = repository_root()
    folders = ("node", "raft", "tests")
    paths = sorted(p for f in folders for p in root.glob(f + "/**/*.[ch]"))
    names = [str(p.relative_to(root)) for p in paths]
    found = 0
    for path, name in zip(paths, names):
        text = path.read_text()
        for check in (check_text, check_calls):
            for number, why in check(name, text):
                print(f"{name}:{number}: {why}")
                found += 1
    for name, number, why in check_functions(root, names):
        print(f"{name}:{number}: {why}")
        found += 1
    return verdict("tidy", found, f"{len(names)} files")


if __name__ == "__main__":
    sys.exit(main())
