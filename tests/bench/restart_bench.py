#!/usr/bin/python3
"""How soon a node answers after it is started again, and what memory it then has.

usage: restart_bench.py [--build DIR] [--data DIR] [--rounds N] [names] [zones]    (both when none is named)

names  one zone of 1,000,000 names
zones  100,000 zones of SOA, four NS, and A at the apex, www and mail

Each makes a cluster of one node, imports, kills the node at once and starts it again; stops it cleanly
and starts it again N times (3); then the same with SIGKILL. Measured: from exec to the right answer for the last name (UDP, asked every
millisecond), then the PSS of the process and what `quartet node memory` says of it. One JSON line each,
medians. With --data the node's folder is kept there and used again by the next run of the bench.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import cluster as lib  # noqa: E402

NAMES = 1_000_000
ZONES = 100_000
START_TIMEOUT_S = 60
SETTLE_S = 2.0  # until memory is read: what a start leaves behind has been given back by then
SOA = "@ 3600 IN SOA ns1.{zone}. hostmaster.{zone}. 1 7200 3600 1209600 300\n"


def show(name, figures):
    print(json.dumps({"bench": name, **figures}), flush=True)


def address_of(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def write_names(folder):
    path = folder / "big.test.zone"
    with open(path, "w") as file:
        file.write("$TTL 3600\n" + SOA.format(zone="big.test") +
                   "@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n")
        file.writelines(f"n{n:07d} A {address_of(n)}\n" for n in range(NAMES))
    return path


def write_zones(folder):
    """A file for each zone, and the list of them."""
    (folder / "zones").mkdir()
    listing = folder / "list"
    with open(listing, "w") as lines:
        for number in range(ZONES):
            zone = f"z{number:06d}.test"
            path = folder / "zones" / zone
            path.write_text(
                "$TTL 3600\n" + SOA.format(zone="ns.test") +
                "".join(f"@ NS ns{k}.ns.test.\n" for k in range(1, 5)) +
                f"@ A {address_of(number)}\nwww A {address_of(number)}\nmail A {address_of(number)}\n")
            lines.write(f"{zone}\t{path}\n")
    return listing


def fill_names(node, folder):
    node.quartet("zone", "import", "big.test", write_names(folder), "--create", "--wait",
                 "--timeout", "300s", timeout_s=600)


def fill_zones(node, folder):
    node.quartet("zone", "import", "--list", write_zones(folder), "--create", "--wait",
                 "--timeout", "300s", timeout_s=1200)


WORKLOADS = {"names": (fill_names, f"n{NAMES - 1:07d}.big.test", NAMES - 1),
             "zones": (fill_zones, f"www.z{ZONES - 1:06d}.test", ZONES - 1)}


def query_of(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", 7, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)


def time_start(node, name, address):
    """Seconds from exec to the right answer. The asker waits 1 ms at a time: it must not compete."""
    query, wanted = query_of(name), socket.inet_aton(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.001)
        client.connect((node.address, lib.DNS_PORT))
        start = time.monotonic()
        node.start(wait=False)
        while time.monotonic() - start < START_TIMEOUT_S:
            try:
                client.send(query)
                reply = client.recv(4096)
            except ConnectionRefusedError:
                time.sleep(0.001)
                continue
            except TimeoutError:
                continue
            flags, answers = struct.unpack(">2xHxxH", reply[:8])
            if flags & 15 == 0 and answers == 1 and reply.endswith(wanted):
                return time.monotonic() - start
    raise AssertionError(f"no right answer within {START_TIMEOUT_S} s:\n{node.log()[-3000:]}")


def pss_octets(node):
    text = pathlib.Path(f"/proc/{node.process.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M).group(1)) * 1024


def memory_of(node):
    done = node.run("node", "memory", "--json")
    return json.loads(done.stdout) if done.returncode == 0 else None


def restart(node, name, address, end, rounds):
    seconds, pss, memory = [], [], None
    for _ in range(rounds):
        end(node)
        seconds.append(time_start(node, name, address))
        lib.wait_until(node.answers_control, 20, "the control socket answers")
        time.sleep(SETTLE_S)
        pss.append(pss_octets(node))
        memory = memory_of(node)
    return {"start_s": round(statistics.median(seconds), 3),
            "each_s": [round(s, 3) for s in seconds],
            "pss_mb": round(statistics.median(pss) / 1e6, 1), "memory": memory}


def run(workload, data, rounds):
    fill, name, number = WORKLOADS[workload]
    address = address_of(number)
    cluster = lib.Cluster(1, keep=data is not None)
    if data:
        shutil.rmtree(cluster.folder)
        cluster.folder = data / workload
        cluster.network = "127.117.3"
    with cluster:
        node = cluster.node(1)
        if (cluster.folder / "filled").exists():
            node.start()
        else:
            shutil.rmtree(cluster.folder, ignore_errors=True)
            cluster.folder.mkdir(parents=True)
            cluster.form({"dns_threads": 2})
            start = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="quartet-bench-") as folder:
                fill(node, pathlib.Path(folder))
            show(f"{workload}: import with files made", {"seconds": round(time.monotonic() - start, 1),
                                                         "pss_mb": round(pss_octets(node) / 1e6, 1)})
            (cluster.folder / "filled").touch()
            show(f"{workload}: started again after SIGKILL right after the import",
                 restart(node, name, address, lib.Node.kill, 1))
        show(f"{workload}: started again after a stop",
             restart(node, name, address, lib.Node.stop, rounds))
        show(f"{workload}: started again after SIGKILL",
             restart(node, name, address, lib.Node.kill, rounds))
        assert node.stop() == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="; ".join(WORKLOADS))
    parser.add_argument("--build", type=pathlib.Path, help="build folder (build/gcc)")
    parser.add_argument("--data", type=pathlib.Path, help="keep the node's folder there")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if args.build:
        lib.BUILD = args.build.resolve()
    for workload in args.workloads:
        if workload not in WORKLOADS:
            parser.error(f"no workload '{workload}'; there are {', '.join(WORKLOADS)}")
    for workload in args.workloads or WORKLOADS:
        run(workload, args.data.resolve() if args.data else None, args.rounds)


if __name__ == "__main__":
    main()
