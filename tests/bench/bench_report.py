"""What tests/bench/dns prints: markdown tables of medians, and all figures as JSON."""
import json
import os
import pathlib
import platform
import statistics

from dns_servers import SERVERS

IDLE_MAX = 0.1


def thousands_per_cpu_s(one):
    return one["answered_in_secs"] / one["cpu_secs"] / 1e3 if one["cpu_secs"] > 0 else 0.0


def wrong_count(one):
    return sum(one[k] for k in ("wrong_rcode", "wrong_answers", "wrong_question", "unexpected"))


def complaint(one):
    text = f", {one['lost']} lost" if one["lost"] else ""
    return text + (f", {wrong_count(one)} WRONG" if wrong_count(one) else "")


def is_wrong(results):
    return any(wrong_count(one) for many in results.values() for one in many)


def median(many, figure):
    return statistics.median(figure(one) for one in many)


def spread(many, figure):
    values = [figure(one) for one in many]
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return "\n".join([row(head), row(["---"] * len(head)), *map(row, rows)])


def cpu_cell(many, echo):
    """Thousands of answers a CPU second, the share of echo, and what makes the figure doubtful."""
    if not many:
        return "–"
    value = median(many, thousands_per_cpu_s)
    text = f"{value:.0f}"
    if echo:
        text += f" ({value / median(echo, thousands_per_cpu_s):.2f})"
    if median(many, lambda one: one["idle"]) > IDLE_MAX:
        text += " †"
    if any(wrong_count(one) for one in many):
        text += " WRONG"
    return text


def answers(workloads, keys, results):
    rows = []
    for workload in workloads:
        echo = results.get((workload.key, "echo"))
        rows.append([f"{workload.key}: {workload.title}"] +
                    [cpu_cell(results.get((workload.key, key)), None if key == "echo" else echo)
                     for key in keys])
    return table(["answers per CPU second, thousands (share of echo)"] +
                 [SERVERS[key].title for key in keys], rows)


def rates(workloads, keys, results):
    rows = []
    for workload in workloads:
        cells = [f"{workload.key}: {workload.title}"]
        for key in keys:
            many = results.get((workload.key, key))
            cells.append(f"{median(many, lambda one: one['qps']) / 1e3:.0f} "
                         f"±{50 * spread(many, thousands_per_cpu_s):.0f} %, "
                         f"{sum(one['lost'] for one in many)}" if many else "–")
        rows.append(cells)
    return table(["answers a second, thousands; half the spread of the figure above; lost"] +
                 [SERVERS[key].title for key in keys], rows)


def latencies(keys, results):
    cells = ["p50 / p99, µs, at 50,000 queries a second"]
    for key in keys:
        many = results.get(("latency", key))
        cells.append(f"{median(many, lambda one: one['p50_us']):.0f} / "
                     f"{median(many, lambda one: one['p99_us']):.0f}" if many else "–")
    return table(["latency"] + [SERVERS[key].title for key in keys], [cells])


def flood(keys, results):
    """What a query for a random subdomain costs, in hits."""
    cells = ["random subdomain ÷ hit, processor time"]
    for key in keys:
        hits, misses = results.get(("W2", key)), results.get(("W2flood", key))
        cells.append(f"{median(hits, thousands_per_cpu_s) / median(misses, thousands_per_cpu_s):.2f}"
                     if hits and misses and SERVERS[key].is_dns else "–")
    return table(["flood"] + [SERVERS[key].title for key in keys], [cells])


def loading(keys, loads):
    titles = {"small": "10 names", "big": "1,000,000 names", "many": "100,000 zones"}
    keys = [key for key in keys if SERVERS[key].is_dns]
    rows = []
    for data in dict.fromkeys(data for data, _ in loads):
        cells = [titles[data]]
        for key in keys:
            one = loads.get((data, key), {"error": "not run"})
            cells.append("–" if "error" in one else
                         f"{one['seconds']:.2f} s, {one['pss_mb']:.0f} MB")
        rows.append(cells)
    return table(["start until all is answered; memory (PSS) then"] +
                 [SERVERS[key].title for key in keys], rows)


def updates(figures):
    """From bench_change: a change in a zone of so many names, and what a reader notices."""
    return table(["one change in a zone of " + f"{figures['names']:,} names", "median", "p99"],
                 [["writer, put and publish, µs", f"{figures['change_p50_us']:.1f}",
                   f"{figures['change_p99_us']:.1f}"],
                  ["writer, freeing what it replaced, µs", f"{figures['reclaim_p50_us']:.1f}",
                   f"{figures['reclaim_p99_us']:.1f}"],
                  ["reader, 32 lookups, no writer, µs", f"{figures['read_p50_us']:.1f}",
                   f"{figures['read_p99_us']:.1f}"],
                  ["reader, 32 lookups, writer at work, µs", f"{figures['read_busy_p50_us']:.1f}",
                   f"{figures['read_busy_p99_us']:.1f}"]])


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}"


def markdown(arguments, workloads, results, loads, update):
    keys = [key for key in SERVERS if key in arguments.servers]
    parts = [f"{machine()}; {arguments.rounds} rounds of {arguments.secs:g} s" +
             (f"; zones {arguments.shrink} times smaller" if arguments.shrink > 1 else "") +
             ("; queries with EDNS" if arguments.edns else "")]
    full = [w for w in workloads if w.key != "latency"]
    if full:
        parts += [answers(full, keys, results)]
        if any(median(many, lambda one: one["idle"]) > IDLE_MAX
               for (key, _), many in results.items() if key != "latency"):
            parts += ["† the server's processor was idle for more than a tenth of the time"]
        parts += [rates(full, keys, results)]
    chosen = {w.key for w in workloads}
    if {"W2", "W2flood"} <= chosen:
        parts += [flood(keys, results)]
    if "latency" in chosen:
        parts += [latencies(keys, results)]
    if loads:
        parts += [loading(keys, loads)]
    if update:
        parts += [updates(update)]
    return "\n\n".join(parts)


def as_json(results, loads, update):
    return json.dumps({"machine": machine(),
                       "rounds": [{"workload": w, "server": s, "figures": many}
                                  for (w, s), many in results.items()],
                       "loads": [{"data": d, "server": s, **one} for (d, s), one in loads.items()],
                       "update": update}, indent=1) + "\n"
