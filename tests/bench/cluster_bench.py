#!/usr/bin/python3
"""What the cluster promises, measured on this machine; each bench prints one JSON line.

usage: cluster_bench.py [--build DIR] [propagation] [changes] [import] [etcd]    (all when none is named)

propagation  from sending a change to the leader until all four nodes answer with it, 1,000 changes
changes      single changes from 64 clients at once, three voters, fsync on, 20 s
etcd         the same machine and disk: three etcd members under etcd's own 'check perf' (1 minute)
import       1,000,000 records through the log to four nodes, asked for DNS meanwhile

Run alone on a quiet machine; compare only figures of one run.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import cluster as lib  # noqa: E402

RECORDS = 1_000_000
CLIENTS = 64


def show(name, figures):
    print(json.dumps({"bench": name, **figures}), flush=True)


def bench_control(*words):
    done = subprocess.run([lib.BUILD / "tests" / "bench_control", *map(str, words)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return json.loads(done.stdout)


def propagation():
    with lib.Cluster(4) as cluster:
        cluster.form()
        leader = cluster.leader()
        leader.quartet("zone", "create", "bench.test", "--wait")
        addresses = [f"{node.address}:{lib.DNS_PORT}" for node in cluster.nodes]
        show("propagation",
             bench_control("propagate", leader.socket, "bench.test", 1000, *addresses))


def changes():
    with lib.Cluster(3) as cluster:
        cluster.form()
        leader = cluster.leader()
        leader.quartet("zone", "create", "bench.test", "--wait")
        bench_control("changes", leader.socket, "bench.test", CLIENTS, 3)
        show("changes at the leader",
             bench_control("changes", leader.socket, "bench.test", CLIENTS, 20))
        sockets = ",".join(node.socket for node in cluster.nodes)
        show("changes at all three nodes",
             bench_control("changes", sockets, "bench.test", CLIENTS, 20))
        cluster.wait_equal()


def etcd():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quartet-etcd-"))
    hosts = [f"127.0.99.{n}" for n in (1, 2, 3)]
    members = ",".join(f"m{h}=http://{h}:2380" for h in hosts)
    processes = []
    try:
        for host in hosts:
            processes.append(subprocess.Popen(
                ["etcd", "--name", f"m{host}", "--data-dir", folder / host,
                 "--listen-peer-urls", f"http://{host}:2380",
                 "--initial-advertise-peer-urls", f"http://{host}:2380",
                 "--listen-client-urls", f"http://{host}:2379",
                 "--advertise-client-urls", f"http://{host}:2379",
                 "--initial-cluster", members, "--initial-cluster-state", "new"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        time.sleep(4)
        done = subprocess.run(
            ["etcdctl", "--endpoints", ",".join(f"http://{h}:2379" for h in hosts), "check",
             "perf", "--load=l"], capture_output=True, text=True, check=False,
            env={**os.environ, "ETCDCTL_API": "3"})
        rate = re.search(r"[Tt]hroughput (?:is|too low:) (\d+) writes/s", done.stdout)
        show("etcd check perf", {"per_second": int(rate.group(1)) if rate else None,
                                 "words": done.stdout.splitlines()[-3:]})
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        shutil.rmtree(folder)


class Prober(threading.Thread):
    """Asks one node over and over; the answer must come within a second."""

    QUERY = b"\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03ns1\x07quartet\x04test\x00\x00\x01\x00\x01"

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.asked, self.missed, self.worst_ms = node, 0, 0, 0.0
        self.stopping = False

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(1)
            client.connect((self.node.address, lib.DNS_PORT))
            while not self.stopping:
                start = time.monotonic()
                client.send(self.QUERY)
                self.asked += 1
                try:
                    client.recv(4096)
                except OSError:
                    self.missed += 1
                self.worst_ms = max(self.worst_ms, (time.monotonic() - start) * 1000)
                time.sleep(0.01)


def resident_mib(node):
    text = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) // 1024


def bulk_import():
    with lib.Cluster(4) as cluster:
        cluster.form()
        path = cluster.folder / "big.zone"
        with open(path, "w") as file:
            file.write("$TTL 300\n@ SOA ns1 host 1 7200 900 1209600 60\n@ NS ns1\n")
            for number in range(RECORDS):
                file.write(f"n{number} A 192.0.{number >> 8 & 255}.{number & 255}\n")
        probers = [Prober(node) for node in cluster.nodes]
        for prober in probers:
            prober.start()
        leader = cluster.leader()
        start = time.monotonic()
        done = leader.json("zone", "import", "big.test", path, "--create", timeout_s=600)
        committed = time.monotonic() - start
        leader.quartet("change", "show", done["change_id"], "--wait", "--timeout", "300s",
                       timeout_s=400)
        served = time.monotonic() - start
        for prober in probers:
            prober.stopping = True
            prober.join()
        log_s = done["elapsed_ms"] / 1000
        show("import", {
            "records": RECORDS, "from_file_to_committed_s": round(committed, 2),
            "through_the_log_s": round(log_s, 2), "until_all_nodes_serve_it_s": round(served, 2),
            "records_per_second_committed": round(RECORDS / log_s),
            "records_per_second_served": round(RECORDS / (served - (committed - log_s))),
            "peak_resident_mib": {node.name: resident_mib(node) for node in cluster.nodes},
            "dns_queries": sum(p.asked for p in probers),
            "dns_unanswered": sum(p.missed for p in probers),
            "dns_worst_ms": round(max(p.worst_ms for p in probers), 1)})
        cluster.wait_equal()


BENCHES = {"propagation": propagation, "changes": changes, "etcd": etcd, "import": bulk_import}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benches", nargs="*", metavar="BENCH", help="; ".join(BENCHES))
    parser.add_argument("--build", type=pathlib.Path, help="build folder (build/gcc)")
    args = parser.parse_args()
    if args.build:
        lib.BUILD = args.build.resolve()
    for name in args.benches:
        if name not in BENCHES:
            parser.error(f"no bench '{name}'; there are {', '.join(BENCHES)}")
    for name in args.benches or BENCHES:
        BENCHES[name]()


if __name__ == "__main__":
    main()
