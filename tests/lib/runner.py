#!/usr/bin/python3
"""Build and run Quartet's test suites, and count.

Every test program speaks TAP ("ok 1 - name"); this script runs them, shows one line a program and
ends with the totals. Build folders are build/<variant>; they are kept, so a second run is quick.
"""
import argparse
import concurrent.futures
import dataclasses
import itertools
import os
import pathlib
import re
import signal
import sys
import time

import process

ROOT = pathlib.Path(__file__).resolve().parents[2]
VARIANTS = {  # name: (compiler, extra CMake options)
    "gcc": ("gcc", []),
    "clang": ("clang-14", []),
    "asan": ("clang-14", ["-DQUARTET_SANITIZE=address", "-DQUARTET_FUZZ=ON"]),
    "tsan": ("clang-14", ["-DQUARTET_SANITIZE=thread"]),
}
# Tests of rooms with threads of their own: what ThreadSanitizer watches.
THREADED = re.compile(
    r"test_(disk|driver|transport|snapshot|net|ring|dnstap|rrl|zone_readers|policy_health|"
    r"health_checker)")
TAP_LINE = re.compile(r"^(not ok|ok)\b(.*)$")
# End-to-end tests that count what a node does under load, or within a time, have the machine alone.
ALONE = re.compile(r"test_(bench_tools|cert_life|failover|faults|garbage|gateway|hand_over|health|local|"
                   r"recover|rrl|snapshot|stop|storage|tcp_abuse|xdp)$")
OUTPUT_SHOWN_LINES = 60
REASONS_SHOWN, REASON_LINES, REASON_LETTERS = 4, 6, 300  # at the end, of each program that failed
PROCESSORS = max(1, min(4, os.cpu_count() or 1))
UNITS_AT_ONCE = PROCESSORS + 1  # many of them wait
BUILD_TIMEOUT_S = 1800
UNIT_TIMEOUT_S = 600
SIM_TIMEOUT_S = 3600
E2E_TIMEOUT_S = 1800
HOSTS_TIMEOUT_S = 2400
# Of the hosts suite, what runs unless it is named: about five minutes on a new machine, half of them
# for a Debian tree.
HOSTS_PART = ("test_1", "test_2", "test_3", "test_4")
# What one build folder has compiled, others and deploy/package find in ccache.
CCACHE = {"CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"}
# A simulated seed takes 0.1 s of a processor, six times that under the sanitizers.
SIM_SEED_TIMEOUT_S = 5


class BuildFailed(Exception):
    """A variant could not be configured or built; already counted."""


class Totals:
    """What was run so far; `add` prints one line a program."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []  # (label, why: lines)

    def add(self, label, counts, outcome):
        passed, failed, skipped = counts
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        text = f"{passed} passed" + (f", {failed} FAILED" if failed else "")
        text += f", {skipped} skipped" if skipped else ""
        print(f"  {label:<44} {text} ({outcome.seconds:.1f} s)", flush=True)
        if failed:
            self.failures.append((label, reasons(outcome.output)))
            shown = outcome.output.splitlines()[-OUTPUT_SHOWN_LINES:]
            print("\n".join("    | " + line for line in shown), flush=True)


def reasons(output):
    """What failed, short: each "not ok" and the end of the comment after it; the last lines where
    there is none."""
    lines = [line[:REASON_LETTERS] for line in output.splitlines() if line.strip()]
    found = []
    for at, line in enumerate(lines):
        if line.startswith("not ok"):
            told = itertools.takewhile(lambda after: after.startswith("#"), lines[at + 1:])
            found.append([line, *list(told)[-REASON_LINES:]])
    return sum(found[:REASONS_SHOWN], []) or lines[-REASON_LINES:]


def count_tap(outcome):
    """(passed, failed, skipped): a program that fails without a 'not ok' counts as one failure."""
    passed = failed = skipped = 0
    for line in outcome.output.splitlines():
        match = TAP_LINE.match(line)
        if not match:
            continue
        if "# SKIP" in match.group(2):
            skipped += 1
        elif match.group(1) == "ok":
            passed += 1
        else:
            failed += 1
    if outcome.returncode != 0 and failed == 0:
        failed = 1
    if outcome.returncode == 0 and passed + failed + skipped == 0:
        failed = 1  # ran nothing: a check that cannot fail is none
    return passed, failed, skipped


def count_fuzz(outcome):
    """A fuzz target passes when it ran inputs and found nothing."""
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", outcome.output)
    is_good = (executed is not None and int(executed.group(1)) > 0 and outcome.returncode == 0
               and "SUMMARY:" not in outcome.output)
    return (1, 0, 0) if is_good else (0, 1, 0)


@dataclasses.dataclass
class Job:
    """One test program and how to judge it."""
    label: str
    command: list
    timeout_s: int
    env: dict = None
    count: callable = count_tap
    live: callable = None  # called with each line of output as it comes


def run_jobs(totals, jobs, at_once=PROCESSORS):
    """Run them, some at once; the lines come in the order of @jobs."""
    def run(job):
        env = {"CMOCKA_MESSAGE_OUTPUT": "TAP", **(job.env or {})}
        return process.run(job.command, job.label, job.timeout_s, env, job.live, ROOT)
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        pending = [(job, pool.submit(run, job)) for job in jobs]
        try:
            for job, future in pending:
                outcome = future.result()
                totals.add(job.label, job.count(outcome), outcome)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            process.end_all()
            raise


def build(totals, variant, targets=()):
    """Configure and build one variant; a failure is counted and raised."""
    compiler, options = VARIANTS[variant]
    folder = ROOT / "build" / variant
    label = f"build/{variant}"
    commands = [["ninja", "-C", folder, *targets]]
    if not (folder / "build.ninja").exists():
        commands.insert(0, ["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja",
                            f"-DCMAKE_C_COMPILER={compiler}",
                            "-DCMAKE_C_COMPILER_LAUNCHER=ccache", *options])
    start = time.monotonic()
    for command in commands:
        outcome = process.run(command, label, BUILD_TIMEOUT_S, cwd=ROOT)
        if outcome.returncode != 0:
            totals.add(label, (0, 1, 0), outcome)
            raise BuildFailed(variant)
    print(f"  {label:<44} built ({time.monotonic() - start:.0f} s)", flush=True)
    return folder


def sanitizer_env():
    supp = ROOT / "tests/lib"
    return {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1",
            "TSAN_OPTIONS": f"suppressions={supp}/tsan.supp:halt_on_error=1",
            "LSAN_OPTIONS": f"suppressions={supp}/lsan.supp:print_suppressions=0"}


def suite_tidy(totals, _args):
    run_jobs(totals, [Job(f"tidy/{name}", [f"tests/tidy/{name}.py", "--tap"], 300)
                      for name in ("layers", "tidy", "format")])


def suite_unit(totals, args):
    names = sorted(source.stem for source in (ROOT / "tests/unit").glob("test_*.c"))
    for variant in args.variants:
        chosen = [n for n in names if variant != "tsan" or THREADED.match(n)]
        try:
            folder = build(totals, variant, chosen if variant == "tsan" else ())
        except BuildFailed:
            continue
        run_jobs(totals, [Job(f"unit/{variant}/{name}", [folder / "tests" / name], UNIT_TIMEOUT_S,
                              sanitizer_env()) for name in chosen], UNITS_AT_ONCE)


def suite_sim(totals, args):
    first = args.first if args.first is not None else int(time.time())
    few = max(1, args.seeds // 10)
    plain, checked = build(totals, "gcc") / "tests/sim", build(totals, "asan") / "tests/sim"
    timeout_s = SIM_TIMEOUT_S + args.seeds * SIM_SEED_TIMEOUT_S

    def table(line):
        if line.startswith("# "):
            print("      " + line[2:], flush=True)
    fresh = ["--tap", "--first", first, "--seeds"]
    jobs = [("fixed seeds", [plain / "sim", "--tap", "--seed-file", "tests/sim/seeds.txt"], None),
            ("mutations", [plain / "sim_mutation", "--tap"], table),
            (f"{args.seeds} fresh seeds from {first}", [plain / "sim", *fresh, args.seeds], None),
            (f"{few} of them, sanitizers", [checked / "sim", *fresh, few], None),
            ("determinism", ["tests/sim/determinism", plain / "sim"], None)]
    run_jobs(totals, [Job("sim/" + label, command, timeout_s, sanitizer_env(), live=live)
                      for label, command, live in jobs])


def suite_fuzz(totals, args):
    folder = build(totals, "asan")
    jobs = []
    for source in sorted((ROOT / "tests/fuzz").glob("fuzz_*.c")):
        grown = folder / "corpus" / source.stem
        grown.mkdir(parents=True, exist_ok=True)
        seeds = ROOT / "tests/fuzz/corpus" / source.stem
        command = [folder / "tests" / source.stem, f"-max_total_time={args.fuzz_seconds}",
                   "-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1",
                   f"-artifact_prefix={folder}/corpus/{source.stem}-", grown]
        command += [seeds] if seeds.is_dir() else []
        jobs.append(Job("fuzz/" + source.stem, command, args.fuzz_seconds + 300, sanitizer_env(),
                        count_fuzz))
    run_jobs(totals, jobs)


def suite_e2e(totals, _args):
    build(totals, "gcc")
    folder = ROOT / "tests/e2e"
    sources = [*sorted(folder.glob("test_*.py")), *sorted(folder.glob("clients/test_*.py"))]

    def jobs(is_alone):
        return [Job(f"e2e/{source.relative_to(folder).with_suffix('')}", ["/usr/bin/python3", source],
                    E2E_TIMEOUT_S) for source in sources if bool(ALONE.match(source.stem)) == is_alone]
    run_jobs(totals, jobs(is_alone=False))
    run_jobs(totals, jobs(is_alone=True), at_once=1)


def suite_hosts(totals, args):
    """Hosts of their own, booted here: see tests/lib/hosts.py. What it measures, and why it cannot, is
    shown as it comes."""
    build(totals, "gcc", ["e2e_queries"])
    chosen = () if "hosts" in args.suites else HOSTS_PART

    def figures(line):
        if line.startswith("# ") or "# SKIP" in line:
            print("      " + line.partition("# ")[2], flush=True)
    run_jobs(totals, [Job("hosts/test_hosts", ["/usr/bin/python3", ROOT / "tests/e2e/hosts/test_hosts.py",
                                               *chosen], HOSTS_TIMEOUT_S, live=figures)])


SUITES = {"tidy": suite_tidy, "unit": suite_unit, "sim": suite_sim, "fuzz": suite_fuzz,
          "e2e": suite_e2e, "hosts": suite_hosts}


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="tests/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Install what is missing, build, and run the test suites.",
        epilog="examples:\n  tests/run                         everything\n"
               "  tests/run unit e2e                two suites\n"
               "  tests/run sim --seeds 10000 --first 1\n"
               "  tests/run unit --variants asan    unit tests under ASan and UBSan only\n"
               "exit status: 0 all passed, 1 a test failed, 2 wrong arguments, 130 interrupted")
    parser.add_argument("suites", nargs="*", metavar="SUITE",
                        help="tidy, unit, sim, fuzz, e2e, hosts; all of these when none is named. hosts:\n"
                             "five Debian hosts booted here, as root; skipped where that cannot be. Only\n"
                             "when it is named an upgrade, a replacement and the end belong to it")
    parser.add_argument("--seeds", type=int, default=1000, help="fresh seeds of sim (1000)")
    parser.add_argument("--first", type=int, help="first fresh seed (from the clock; printed)")
    parser.add_argument("--fuzz-seconds", type=int, default=10, help="for each fuzz target (10)")
    parser.add_argument("--variants", default="gcc,asan,tsan",
                        help="builds that the unit suite runs, of gcc, clang, asan and tsan; the\n"
                             "sanitizers' are clang's (gcc,asan,tsan)")
    args = parser.parse_args()
    args.variants = args.variants.split(",")
    for name in args.suites:
        if name not in SUITES:
            parser.error(f"no suite '{name}'; there are {', '.join(SUITES)}")
    for name in args.variants:
        if name not in VARIANTS:
            parser.error(f"no variant '{name}'; there are {', '.join(VARIANTS)}")
    return args


def run_suites(args, totals):
    start = time.monotonic()
    times = []
    for name in args.suites or SUITES:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        try:
            SUITES[name](totals, args)
        except BuildFailed:
            print(f"  {name}: not run, the build failed", flush=True)
        times.append(f"{name} {time.monotonic() - began:.0f} s")
    print(f"== all in {time.monotonic() - start:.0f} s: {', '.join(times)}")


def main():
    args = parse_arguments()
    for name, value in CCACHE.items():
        os.environ.setdefault(name, value)
    totals = Totals()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    is_interrupted = False
    try:
        run_suites(args, totals)
    except KeyboardInterrupt:
        process.end_all()
        is_interrupted = True
        print("interrupted")
    for label, why in totals.failures:
        print("\n".join([f"failed: {label}", *("    | " + line for line in why)]))
    skipped = f", {totals.skipped} skipped" if totals.skipped else ""
    print(f"{totals.passed} passed, {totals.failed} failed{skipped}", flush=True)
    return 130 if is_interrupted else int(totals.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
