"""What must hold once all is healed. Each function returns what is wrong, as text lines; none: good."""
import collections
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import linear  # noqa: E402
import load  # noqa: E402

CRASHES = (-4, -6, -7, -8, -11)  # SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV
SHOWN_MAX = 10
STOP_WITHIN_S = 20  # after its disk is well again: a node that stops does so in good order


def read_history(path):
    """Lines of clients.py as dicts."""
    keys = ("kind", "register", "value", "begin", "end", "outcome", "who", "tries")
    with open(path, encoding="utf-8") as file:
        return [dict(zip(keys, json.loads(line))) for line in file]


def few(wrongs):
    """The first of many, and how many there are."""
    wrongs = list(wrongs)
    more = len(wrongs) - SHOWN_MAX
    return wrongs[:SHOWN_MAX] + ([f"… and {more} more"] if more > 0 else [])


def of_work(history, seen, struck, is_long):
    """What was held against promises is something: @struck is {name: count} of all shims."""
    done = {(line["kind"], line["outcome"]) for line in history if line["who"] != "first"}
    wrongs = [f"no {kind} of a register succeeded" for kind in ("read", "write")
              if (kind, "ok") not in done]
    if seen.sent == 0 or not seen.values:
        wrongs.append("the watcher saw nothing")
    if not any(struck.values()):
        wrongs.append("the shim spoiled no disk")
    if is_long:
        wrongs += [f"{name}: never" for name, count in struck.items() if count == 0]
    return wrongs


def of_registers(history):
    """Is the history of each record linearizable?"""
    by_register = collections.defaultdict(list)
    for line in history:
        if line["outcome"] == "refused":
            continue
        end = linear.FOREVER if line["outcome"] == "unknown" else line["end"]
        by_register[line["register"]].append(
            linear.Operation(line["kind"], line["value"], line["begin"], end, line["who"]))
    return few(f"{register}: {wrong}" for register, operations in sorted(by_register.items())
               for wrong in linear.wrongs(operations))


def of_final_values(history, values):
    """A read of every register at the very end belongs to the history: one by one node of @values,
    {register: value}."""
    last = max(line["end"] for line in history) + 1
    return of_registers(history + [
        {"kind": "read", "register": register, "value": value, "begin": last, "end": last + 1,
         "outcome": "ok", "who": "the end"} for register, value in values.items()])


def of_journal(history, unique, journal):
    """Every acknowledged change is there once. @unique: outcomes of e2e_load; @journal: {change id:
    (index, comment)}."""
    outcomes = unique + [load.Outcome(line["begin"], line["end"], line["value"], line["outcome"], 0)
                         for line in history if line["kind"] == "write"]
    comments = {change: comment for change, (_, comment) in journal.items()}
    return few(load.wrongs_of_journal(outcomes, comments))


def of_watch(seen, journal):
    """No node served a value older than one that it had served before."""
    index_of = {comment: index for index, comment in journal.values()}
    wrongs = []
    for (address, name), values in sorted(seen.values.items()):
        newest = (0, None)
        for when, value in values:
            index = index_of.get(value)
            if index is None:
                wrongs.append(f"{address} served {value!r} for {name}, which is in no journal")
            elif index < newest[0]:
                wrongs.append(f"{address} served {value!r} (entry {index}) for {name} at {when:.3f}, "
                              f"but {newest[1]!r} (entry {newest[0]}) before")
            else:
                newest = (index, value)
    return few(wrongs)


def disk_fault_of(name, when, disk_faults):
    """The fault, (name, from, to), for which this node may have ended then; None."""
    for fault in disk_faults:
        if fault[0] == name and fault[1] <= when <= fault[2] + STOP_WITHIN_S:
            return fault
    return None


def outages(keepers, disk_faults):
    """[(address, from, to)] in which a node was not running. One that stops for its disk answers no
    more before it has ended."""
    found = []
    for keeper in keepers:
        for since, until in keeper.outages:
            fault = disk_fault_of(keeper.service.name, since, disk_faults)
            found.append((keeper.service.address, fault[1] if fault else since, until))
    return found


def of_ends(keepers, disk_faults):
    """No process ended by itself, except for a disk that failed: then with a plain status, and it came
    back without a hand."""
    wrongs = []
    for keeper in keepers:
        if keeper.failure:
            wrongs.append(keeper.failure)
        for when, status in keeper.ends:
            if status in CRASHES or not disk_fault_of(keeper.service.name, when, disk_faults):
                wrongs.append(f"{keeper.service.name} ended by itself with status {status}"
                              f" at {when:.3f}")
    return wrongs
