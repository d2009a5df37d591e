#!/usr/bin/python3
"""Build and run Quartet's test suites, and count.

Every test program speaks TAP ("ok 1 - name"); this script runs them, shows one line a program and
ends with the totals. Build folders are build/<variant>; they are kept, so a second run is quick.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
VARIANTS = {  # name: (compiler, extra CMake options)
    "gcc": ("gcc", []),
    "clang": ("clang-14", []),
    "asan": ("clang-14", ["-DQUARTET_SANITIZE=address", "-DQUARTET_FUZZ=ON"]),
    "tsan": ("clang-14", ["-DQUARTET_SANITIZE=thread"]),
}
# Rooms with threads of their own: what ThreadSanitizer watches.
THREADED = re.compile(r"test_(disk|driver|transport|snapshot|net|zone_image|log)")
TAP_LINE = re.compile(r"^(not ok|ok)\b(.*)$")
OUTPUT_SHOWN_LINES = 60


class Totals:
    """What was run so far; `add` prints one line a program."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, label, outcome, seconds):
        passed, failed, skipped, output = outcome
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        counts = f"{passed} passed" + (f", {failed} FAILED" if failed else "")
        counts += f", {skipped} skipped" if skipped else ""
        print(f"  {label:<44} {counts} ({seconds:.1f} s)", flush=True)
        if failed:
            self.failures.append(label)
            print("\n".join("    | " + line for line in output.splitlines()[-OUTPUT_SHOWN_LINES:]),
                  flush=True)


def count_tap(output, returncode):
    """(passed, failed, skipped): a program that fails without a 'not ok' counts as one failure."""
    passed = failed = skipped = 0
    for line in output.splitlines():
        match = TAP_LINE.match(line)
        if not match:
            continue
        if "# SKIP" in match.group(2):
            skipped += 1
        elif match.group(1) == "ok":
            passed += 1
        else:
            failed += 1
    if returncode != 0 and failed == 0:
        failed = 1
    if returncode == 0 and passed + failed + skipped == 0:
        failed = 1  # ran nothing: a check that cannot fail is none
    return passed, failed, skipped


def run_program(command, env=None, timeout_s=1800):
    """Run one test program; returns its outcome and seconds."""
    start = time.monotonic()
    merged = {**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP", **(env or {})}
    try:
        done = subprocess.run(command, cwd=ROOT, env=merged, timeout=timeout_s, text=True,
                              errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace") if isinstance(
            late.stdout, bytes) else (late.stdout or "")
        output += f"\ntimed out after {timeout_s} s"
        code = -1
    if code < 0:
        output += f"\nended by signal {-code}" if code != -1 else ""
    return (*count_tap(output, code), output), time.monotonic() - start


def build(variant, targets=()):
    """Configure and build one variant; exits with the compiler's words when that fails."""
    compiler, options = VARIANTS[variant]
    folder = ROOT / "build" / variant
    print(f"building {variant} ({', '.join(targets) or 'all'})", flush=True)
    start = time.monotonic()
    if not (folder / "build.ninja").exists():
        run_or_exit(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja",
                     f"-DCMAKE_C_COMPILER={compiler}", *launcher(), *options])
    run_or_exit(["ninja", "-C", folder, *targets])
    print(f"  built in {time.monotonic() - start:.0f} s", flush=True)
    return folder


def launcher():
    return ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"]


def run_or_exit(command):
    done = subprocess.run(command, cwd=ROOT, text=True, errors="replace", check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(done.stdout[-20000:])
        print(f"failed: {' '.join(map(str, command))}")
        print("0 passed, 1 failed")
        sys.exit(1)


def sanitizer_env():
    suppressions = ROOT / "tests/lib/tsan.supp"
    return {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1",
            "TSAN_OPTIONS": f"suppressions={suppressions}:halt_on_error=1",
            "LSAN_OPTIONS": f"suppressions={ROOT / 'tests/lib/lsan.supp'}:print_suppressions=0"}


def suite_tidy(totals, _args):
    for name in ("layers", "tidy", "format"):
        outcome, seconds = run_program(["tests/tidy/" + name + ".py", "--tap"])
        totals.add("tidy/" + name, outcome, seconds)


def suite_unit(totals, args):
    for variant in args.variants:
        folder = build(variant)
        programs = sorted(p for p in (folder / "tests").glob("test_*") if os.access(p, os.X_OK)
                          and p.is_file())
        if variant == "tsan":
            programs = [p for p in programs if THREADED.match(p.name)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = [(p, pool.submit(run_program, [p], sanitizer_env(), 600)) for p in programs]
            for program, job in jobs:
                outcome, seconds = job.result()
                totals.add(f"unit/{variant}/{program.name}", outcome, seconds)


def suite_sim(totals, args):
    first = args.first if args.first is not None else int(time.time())
    folder = build("gcc")
    sim = folder / "tests/sim/sim"
    runs = [("fixed seeds", [sim, "--tap", "--seed-file", "tests/sim/seeds.txt"]),
            (f"{args.seeds} fresh seeds from {first}",
             [sim, "--tap", "--seeds", str(args.seeds), "--first", str(first)]),
            ("mutations", [folder / "tests/sim/sim_mutation", "--tap"])]
    checked = build("asan") / "tests/sim/sim"
    few = max(1, args.seeds // 10)
    runs.append((f"{few} fresh seeds, sanitizers",
                 [checked, "--tap", "--seeds", str(few), "--first", str(first)]))
    for label, command in runs:
        outcome, seconds = run_program(command, sanitizer_env(), 3600)
        totals.add("sim/" + label, outcome, seconds)
        last = [line for line in outcome[3].splitlines() if line.startswith(("sim", "# "))]
        print("\n".join("      " + line for line in last[-24:]), flush=True)


def suite_fuzz(totals, args):
    folder = build("asan")
    for source in sorted((ROOT / "tests/fuzz").glob("fuzz_*.c")):
        program = folder / "tests" / source.stem
        seeds = ROOT / "tests/fuzz/corpus" / source.stem
        grown = folder / "corpus" / source.stem
        grown.mkdir(parents=True, exist_ok=True)
        command = [program, f"-max_total_time={args.fuzz_seconds}", "-rss_limit_mb=2048",
                   "-timeout=10", "-print_final_stats=1",
                   f"-artifact_prefix={folder}/corpus/{source.stem}-", grown]
        command += [seeds] if seeds.is_dir() else []
        start = time.monotonic()
        (_, _, _, output), _ = run_program(command, sanitizer_env(), args.fuzz_seconds + 300)
        runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
        good = runs is not None and int(runs.group(1)) > 0 and "SUMMARY:" not in output
        totals.add(f"fuzz/{source.stem} ({runs.group(1) if runs else 0} inputs)",
                   (int(good), int(not good), 0, output), time.monotonic() - start)


def suite_e2e(totals, _args):
    build("gcc")
    for source in sorted((ROOT / "tests/e2e").glob("test_*.py")):
        outcome, seconds = run_program(["/usr/bin/python3", source], None, 1800)
        totals.add("e2e/" + source.stem, outcome, seconds)


SUITES = {"tidy": suite_tidy, "unit": suite_unit, "sim": suite_sim, "fuzz": suite_fuzz,
          "e2e": suite_e2e}


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="tests/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Install what is missing, build, and run the test suites.",
        epilog="examples:\n  tests/run                         everything\n"
               "  tests/run unit e2e                two suites\n"
               "  tests/run sim --seeds 10000 --first 1\n"
               "  tests/run unit --variants asan    unit tests under ASan and UBSan only\n"
               "exit status: 0 all passed, 1 a test failed, 2 wrong arguments")
    parser.add_argument("suites", nargs="*", metavar="SUITE",
                        help="tidy, unit, sim, fuzz, e2e; all of them when none is named")
    parser.add_argument("--seeds", type=int, default=1000, help="fresh seeds of sim (1000)")
    parser.add_argument("--first", type=int, help="first fresh seed (from the clock; printed)")
    parser.add_argument("--fuzz-seconds", type=int, default=15, help="for each fuzz target (15)")
    parser.add_argument("--variants", default="gcc,clang,asan,tsan",
                        help="builds that the unit suite runs (gcc,clang,asan,tsan)")
    args = parser.parse_args()
    args.variants = args.variants.split(",")
    for name in args.suites:
        if name not in SUITES:
            parser.error(f"no suite '{name}'; there are {', '.join(SUITES)}")
    for name in args.variants:
        if name not in VARIANTS:
            parser.error(f"no variant '{name}'; there are {', '.join(VARIANTS)}")
    return args


def main():
    args = parse_arguments()
    totals = Totals()
    start = time.monotonic()
    for name in args.suites or SUITES:
        print(f"== {name}", flush=True)
        SUITES[name](totals, args)
    print(f"== all in {time.monotonic() - start:.0f} s")
    for label in totals.failures:
        print(f"failed: {label}")
    skipped = f", {totals.skipped} skipped" if totals.skipped else ""
    print(f"{totals.passed} passed, {totals.failed} failed{skipped}")
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
