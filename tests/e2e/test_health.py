#!/usr/bin/python3
"""Four nodes check a real nginx that is stopped and started: when each node's answer turns, and that
nothing else turns it: a leader that dies, a node that hangs, a checker that sees something else, an
endpoint that flaps. Interval 1 s, threshold 1."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

FLIPPED_WITHIN_S = 1.5   # of the failure, on a machine with time
TOGETHER_WITHIN_S = 0.02
FLIPPED_BOUND_S = 8      # on any machine; what is reached is printed
AGED_WITHIN_S = 15
NAME = "app.quartet-e2e.test"  # in a hosts file of each node


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Nginx:
    """A server of its own: configuration, pid and logs in a temporary folder."""

    def __init__(self, address):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quartet-nginx-"))
        self.address = address
        self.port = free_port(address)
        self.process = None
        (self.folder / "ready").write_text("all is well here\n")
        (self.folder / "nginx.conf").write_text(f"""
            daemon off;
            master_process off;
            pid {self.folder}/pid;
            error_log {self.folder}/error.log;
            events {{ worker_connections 256; }}
            http {{
                access_log off;
                client_body_temp_path {self.folder}/body;
                proxy_temp_path {self.folder}/proxy;
                fastcgi_temp_path {self.folder}/fastcgi;
                uwsgi_temp_path {self.folder}/uwsgi;
                scgi_temp_path {self.folder}/scgi;
                server {{ listen {address}:{self.port}; root {self.folder}; }}
            }}""")

    def start(self):
        self.process = subprocess.Popen(
            ["nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, 10, "nginx listens")

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex((self.address, self.port)) == 0

    def stop(self):
        """Kills it; returns when it had gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
        return time.monotonic()

    def close(self):
        if self.process:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Answers:
    """What each node answers for a name, asked again and again: when it turned last."""

    def __init__(self, nodes, name):
        self.name = name
        self.turned = {node.name: [] for node in nodes}  # (time, answer)
        self.ending = False
        self.threads = [threading.Thread(target=self.watch, args=(node,)) for node in nodes]
        for thread in self.threads:
            thread.start()

    def watch(self, node):
        question = b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"".join(
            bytes([len(label)]) + label.encode() for label in self.name.split(".")
        ) + b"\x00\x00\x01\x00\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            client.connect((node.address, 8053))
            while not self.ending:
                try:
                    client.send(question)
                    answer = client.recv(512)[-4:]
                except OSError:
                    continue
                turns = self.turned[node.name]
                if not turns or turns[-1][1] != answer:
                    turns.append((time.monotonic(), answer))
                time.sleep(0.001)

    def stop(self):
        self.ending = True
        for thread in self.threads:
            thread.join()


def other(node, cluster):
    return next(n for n in cluster.nodes if n is not node and n.process)


class TestHealth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(4)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        for node in cls.cluster.nodes:
            own = node is cls.cluster.nodes[3]
            hosts = cls.cluster.folder / f"hosts-{node.name}"
            hosts.write_text(f"127.0.0.1 localhost\n"
                             f"{cls.cluster.address_of(201 if own else 200)} {NAME}\n")
            node.prefix = ["unshare", "--mount", "sh", "-c",
                           f'mount --bind {hosts} /etc/hosts && exec "$0" "$@"']
        cls.cluster.form(config={"rrl": "{enabled: false}"})
        cls.nginx = Nginx(cls.cluster.address_of(200))
        cls.addClassCleanup(cls.nginx.close)
        cls.nginx.start()

    @property
    def node(self):
        return self.cluster.node(1)

    def create(self, *words, port=None, node=None):
        return (node or self.node).json(
            "health", "create", "--type", "HTTP_STR_MATCH", "--search", "all is well", "--ip",
            self.nginx.address, "--port", str(port or self.nginx.port), "--path", "/ready",
            "--interval", "1s", "--threshold", "1", *words)["id"]

    def verdicts(self, check, nodes=None):
        return [node.json("health", "show", check)["verdict"]
                for node in nodes or self.cluster.alive()]

    def wait_for(self, check, verdict, timeout_s=FLIPPED_BOUND_S, nodes=None):
        wait_until(lambda: set(self.verdicts(check, nodes)) == {verdict}, timeout_s,
                   f"all nodes say {verdict}")

    def status(self, check, node=None):
        return (node or self.node).json("health", "status", check)

    def flips(self, check):
        """Verdicts that any leader gave, from the logs."""
        return sum(node.log().count(f"verdict check={check}") for node in self.cluster.nodes)

    def test_endpoint_stops_and_starts(self):
        check = self.create()
        self.wait_for(check, "healthy")
        seen = wait_until(lambda: len(self.status(check)["opinions"]) == 4 and self.status(check),
                          10, "all four have told what they found")
        for opinion in seen["opinions"]:
            self.assertEqual(opinion["status"], "Success: HTTP Status Code 200, OK")
        self.assertEqual([o["node"] for o in seen["opinions"]], ["ns1", "ns2", "ns3", "ns4"])
        counters = self.node.status()["counters"]
        self.assertGreater(counters["health.succeeded"], 0)
        self.assertGreater(counters["health.checks"], 0)
        self.nginx.stop()
        self.wait_for(check, "unhealthy")
        seen = self.status(check)
        self.assertFalse(seen["healthy"])
        self.assertIn("Failure: Connection refused", seen["opinions"][0]["last_failure"])
        self.nginx.start()
        self.wait_for(check, "healthy")
        self.assertEqual(self.flips(check), 3)

    def test_all_nodes_answer_otherwise_at_once(self):
        check = self.create()
        self.node.quartet("zone", "create", "health.example", "--wait")
        for identifier, address, more in (("up", "192.0.2.1", ["--health-check", check]),
                                          ("down", "192.0.2.2", [])):
            self.node.quartet("record", "set", "health.example", "www", "A", address,
                              "--set-identifier", identifier, "--failover",
                              "primary" if more else "secondary", "--ttl", "5", *more, "--wait")
        self.wait_for(check, "healthy")
        answers = Answers(self.cluster.nodes, "www.health.example")
        try:
            for goes in (True, False, True, False):
                time.sleep(1.3)  # let every checker see it as it is
                before = {name: len(turns) for name, turns in answers.turned.items()}
                if goes:
                    at = self.nginx.stop()
                else:
                    at = time.monotonic()
                    self.nginx.start()
                wait_until(lambda: all(len(turns) > before[name] for name, turns
                                       in answers.turned.items()), FLIPPED_BOUND_S,
                           "all nodes answer otherwise", step_s=0.02)
                times = [turns[-1][0] for turns in answers.turned.values()]
                if goes:
                    print(f"# nginx stopped: all four nodes changed {max(times) - at:.3f} s later "
                          f"(aim {FLIPPED_WITHIN_S}), within {(max(times) - min(times)) * 1000:.1f} "
                          f"ms of each other (aim {TOGETHER_WITHIN_S * 1000:.0f})", flush=True)
                self.assertLess(max(times) - min(times), 0.5)
        finally:
            answers.stop()
            if not self.nginx.process:
                self.nginx.start()
        for turns in answers.turned.values():
            self.assertEqual(len(turns), 5, turns)  # once for each time, and never between

    def test_leader_dies_and_verdicts_stay(self):
        check = self.create()
        self.wait_for(check, "healthy")
        before = self.flips(check)
        leader = self.cluster.leader()
        leader.kill()
        self.cluster.leader()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            self.assertEqual(set(self.verdicts(check)), {"healthy"})
            time.sleep(0.3)
        self.assertEqual(self.flips(check), before)
        self.nginx.stop()
        self.wait_for(check, "unhealthy", AGED_WITHIN_S)
        leader.start()
        self.nginx.start()
        self.wait_for(check, "healthy", AGED_WITHIN_S)
        self.assertEqual(self.flips(check), before + 2)

    def test_node_that_hangs_stops_to_count(self):
        check = self.create()
        self.wait_for(check, "healthy")
        hung = other(self.cluster.leader(), self.cluster)
        others = [node for node in self.cluster.nodes if node is not hung]
        os.kill(hung.process.pid, signal.SIGSTOP)
        try:
            self.nginx.stop()
            at = time.monotonic()
            self.wait_for(check, "unhealthy", AGED_WITHIN_S, others)
            print(f"# the opinion of a node that hangs was let go after "
                  f"{time.monotonic() - at:.1f} s", flush=True)
        finally:
            os.kill(hung.process.pid, signal.SIGCONT)
        self.wait_for(check, "unhealthy", AGED_WITHIN_S)
        self.nginx.start()
        self.wait_for(check, "healthy", AGED_WITHIN_S)

    def test_checker_that_is_wrong_turns_nothing(self):
        """ns4 takes the name for an address where nobody listens."""
        check = self.node.json(
            "health", "create", "--type", "HTTP", "--host", NAME, "--port", str(self.nginx.port),
            "--path", "/ready", "--interval", "1s", "--threshold", "1")["id"]
        self.wait_for(check, "healthy")
        seen = wait_until(lambda: len(self.status(check)["opinions"]) == 4 and self.status(check),
                          10, "all four have told what they found")
        self.assertEqual([o["healthy"] for o in seen["opinions"]], [True, True, True, False])
        self.assertIn(f"Resolved IP: {self.nginx.address}", seen["opinions"][0]["status"])
        before = self.flips(check)
        self.nginx.stop()
        self.wait_for(check, "unhealthy")
        self.nginx.start()
        self.wait_for(check, "healthy")
        time.sleep(3)
        self.assertEqual(set(self.verdicts(check)), {"healthy"})
        self.assertEqual(self.flips(check), before + 2)

    def test_only_the_regions_named_check(self):
        check = self.create("--regions", "region-1,region-3")
        self.wait_for(check, "healthy")
        wait_until(lambda: len(self.status(check)["opinions"]) == 2, 10, "two have told")
        self.assertEqual([o["region"] for o in self.status(check)["opinions"]],
                         ["region-1", "region-3"])
        elsewhere = self.create("--regions", "nowhere")  # no member there: all check
        wait_until(lambda: len(self.status(elsewhere)["opinions"]) == 4, 10, "all have told")

    def test_endpoint_that_flaps_turns_the_verdict_no_more_often(self):
        check = self.create("--threshold", "3")
        self.wait_for(check, "healthy")
        before = self.flips(check)
        for _ in range(4):  # shorter than three intervals
            self.nginx.stop()
            time.sleep(0.8)
            self.nginx.start()
            time.sleep(0.8)
        self.assertEqual(self.flips(check), before)
        self.assertEqual(set(self.verdicts(check)), {"healthy"})

    def test_disabled_check_is_not_run(self):
        check = self.create("--disabled", port=1)
        time.sleep(2)
        seen = self.status(check)
        self.assertEqual(seen["opinions"], [])
        self.assertTrue(seen["healthy"])


if __name__ == "__main__":
    tap.main()
