#!/usr/bin/python3
"""The tools of tests/bench count what happens: bench_dns_load against a Quartet, against a server that
answers wrongly, and against nobody."""
import json
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "lib"), str(ROOT / "tests" / "bench")]
import bench_host  # noqa: E402
import bench_report  # noqa: E402
import dns_workloads  # noqa: E402
import netns  # noqa: E402
import tap  # noqa: E402
from cluster import BUILD, wait_until  # noqa: E402

LOAD = BUILD / "tests" / "bench_dns_load"
COUNT = 12000
WRONG = ("wrong_rcode", "wrong_answers", "wrong_question", "stray", "unexpected")


def command(words):
    return [str(word) for word in words]


class Responder(threading.Thread):
    """A DNS server gone wrong: replies are made by @respond, which gives a list of datagrams."""

    def __init__(self, address, respond):
        super().__init__(daemon=True)
        self.respond, self.address = respond, address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # All questions of a window may come before the first is read.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((address, 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        self.start()
        return self

    def run(self):
        while True:
            asked, peer = self.socket.recvfrom(4096)
            if asked == b"end":
                return
            for reply in self.respond(asked):
                self.socket.sendto(reply, peer)

    def __exit__(self, kind, value, trace):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"end", (self.address, self.port))
        self.join()
        self.socket.close()


class TestLoad(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.data = dns_workloads.small(cls.folder / "data", 1)
        cls.hits = cls.data.folder / "hits"
        cls.address = f"127.{random.randint(64, 127)}.{random.randint(1, 254)}.1"
        cls.port = 8053
        server = cls.start(f"{cls.address}:{cls.port}")
        wait_until(lambda: cls.answers(server), 20, "quartetd answers")

    @classmethod
    def start(cls, where, prefix=()):
        server = subprocess.Popen(command(
            [*prefix, BUILD / "quartetd", "--serve", where, "--zone-list", cls.data.zone_list,
             "--log-level", "error"]), stdin=subprocess.DEVNULL)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.terminate)
        return server

    @classmethod
    def answers(cls, server):
        if server.poll() is not None:
            raise AssertionError(f"quartetd ended with status {server.returncode}")
        return cls.load("udp", cls.hits, "--count", 1)["answered"] == 1

    @classmethod
    def load(cls, transport, questions, *words, address=None, port=None, prefix=()):
        done = subprocess.run(command([*prefix, LOAD, *words, transport, address or cls.address,
                                       port or cls.port, questions]),
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        return json.loads(done.stdout)

    def questions(self, *lines):
        path = self.folder / f"questions-{self.id().rsplit('.', 1)[-1]}"
        path.write_text("".join(line + "\n" for line in lines))
        return path

    def assert_counts(self, figures, count, lost=0, **wrong):
        self.assertEqual(figures["sent"], count, figures)
        self.assertEqual(figures["answered"], count - lost, figures)
        self.assertEqual(figures["lost"], lost, figures)
        self.assertEqual({k: figures[k] for k in WRONG}, {k: wrong.get(k, 0) for k in WRONG})

    def test_all_that_is_sent_is_counted(self):
        for transport in ("udp", "tcp"):
            for words in ([], ["--edns", 1232]):
                figures = self.load(transport, self.hits, "--count", COUNT, *words)
                self.assert_counts(figures, COUNT)
                self.assertEqual(figures["checked"], COUNT)
                self.assertEqual(figures["rcodes"], {"0": COUNT})

    def test_by_time_rates_and_times_are_of_the_measured_part(self):
        figures = self.load("udp", self.hits, "--rate", 2000, "--warm", 0.2, "--secs", 0.5)
        self.assert_counts(figures, figures["sent"])
        self.assertLess(figures["answered_in_secs"], figures["answered"])
        self.assertAlmostEqual(figures["answered_in_secs"] / figures["secs"], figures["qps"],
                               delta=figures["qps"] / 100)
        self.assertLessEqual(figures["p50_us"], figures["p99_us"])
        self.assertGreater(figures["p50_us"], 0)

    def test_processor_time_of_the_server_is_told(self):
        server = self.start(f"{self.address}:8054")

        def is_loaded():
            return self.load("udp", self.hits, "--count", 1, port=8054)["answered"] == 1
        wait_until(is_loaded, 20, "the second quartetd answers")
        figures = self.load("udp", self.hits, "--count", COUNT, "--pids", server.pid, port=8054)
        self.assertGreater(figures["cpu_secs"], 0)
        self.assertAlmostEqual(figures["us_per_answer"], figures["cpu_secs"] * 1e6 / COUNT, 1)

    def test_a_wrong_rcode_is_noticed(self):
        path = self.questions("www.small.test A", "mail.small.test A NXDOMAIN",
                              "none.small.test A NXDOMAIN", "gone.small.test A")
        for transport in ("udp", "tcp"):
            figures = self.load(transport, path, "--count", COUNT)
            self.assert_counts(figures, COUNT, wrong_rcode=COUNT // 2)
            self.assertEqual(figures["rcodes"], {"0": COUNT // 2, "3": COUNT // 2})

    def test_more_of_a_kind_than_asked_for_is_unexpected(self):
        path = self.questions("www.small.test A", "mail.small.test A NXDOMAIN")
        figures = self.load("udp", path, "--count", COUNT)
        self.assert_counts(figures, COUNT, wrong_rcode=COUNT // 2, unexpected=COUNT // 2)

    def test_too_few_answers_are_noticed(self):
        path = self.questions("www.small.test A NOERROR 2", "mail.small.test A NOERROR 1")
        figures = self.load("udp", path, "--count", COUNT)
        self.assert_counts(figures, COUNT, wrong_answers=COUNT // 2)

    def test_random_subdomains_are_new_names_each(self):
        asked = set()

        def respond(query):
            asked.add(query[12:])
            return [query[:2] + b"\x80\x03" + query[4:]]
        path = self.questions("small.test A NXDOMAIN")
        figures = self.load("udp", path, "--count", COUNT, "--prefix", 12)
        self.assert_counts(figures, COUNT)
        self.assertEqual(figures["rcodes"], {"3": COUNT})
        with Responder(self.address, respond) as responder:
            figures = self.load("udp", path, "--count", 500, "--prefix", 12, port=responder.port)
        self.assert_counts(figures, 500)
        self.assertEqual(len(asked), 500)

    def test_loss_is_counted(self):
        def respond(query):
            return [query[:2] + b"\x80\x00" + query[4:]] if query[1] % 4 else []
        with Responder(self.address, respond) as responder:
            figures = self.load("udp", self.hits, "--count", 200, "--window", 200, "--unchecked",
                                port=responder.port)
            self.assert_counts(figures, 200, lost=50)
            port = responder.port
        self.assert_counts(self.load("udp", self.hits, "--count", 200, "--window", 200, port=port),
                           200, lost=200)

    def test_answers_to_something_else_are_noticed(self):
        def respond(query):
            good = query[:2] + b"\x80\x00" + query[4:6] + b"\0\1" + query[8:]
            if query[1] % 4 == 0:
                return [good[:12] + b"\1x" + good[14:]]  # another question
            if query[1] % 4 == 1:
                return [good, good]  # twice
            if query[1] % 4 == 2:
                return [good[:2] + b"\x82" + good[3:]]  # truncated
            return [good, b"\xff\xff" + good[2:], good[:7]]  # an id not asked, and a stump
        with Responder(self.address, respond) as responder:
            figures = self.load("udp", self.hits, "--count", 1024, port=responder.port)
        self.assert_counts(figures, 1024, wrong_question=256, wrong_rcode=256, stray=3 * 256,
                           unexpected=256)

    def test_echo_sends_all_back(self):
        with subprocess.Popen(command([BUILD / "tests" / "bench_dns_echo", self.address, 8055])) as echo:
            try:
                wait_until(lambda: self.load("udp", self.hits, "--count", 1, "--unchecked",
                                             port=8055)["answered"], 10, "echo answers")
                self.assert_counts(self.load("udp", self.hits, "--count", COUNT, "--unchecked",
                                             port=8055), COUNT)
                # Unless told, it does not pass for a nameserver.
                figures = self.load("udp", self.hits, "--count", 100, port=8055)
                self.assertEqual(figures["wrong_answers"], 100)
            finally:
                echo.terminate()

    def test_wrong_questions_files_are_refused(self):
        for text in ("", "www.small.test\n", "www.small.test NONSENSE\n", "a..b A\n",
                     "www.small.test A NONSENSE\n", "x" * 64 + " A\n"):
            path = self.folder / "wrong"
            path.write_text(text)
            done = subprocess.run(command([LOAD, "--count", 1, "udp", self.address, 53, path]),
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2, text)
            self.assertIn(str(path), done.stderr)

    def test_frames_are_counted_like_datagrams(self):
        why = netns.why_not()
        if why:
            self.skipTest(why)
        network = bench_host.Network()
        self.addCleanup(network.remove)
        link = network.add_link()
        self.start(f"{link.server_address}:53",
                   prefix=("ip", "netns", "exec", link.server_space))
        prefix = ("ip", "netns", "exec", link.asker_space)

        def raw(path, *words):
            return self.load("raw", path, *link.raw_words(), *words, address=link.server_address,
                             port=53, prefix=prefix)
        wait_until(lambda: self.load("udp", self.hits, "--count", 1, prefix=prefix, port=53,
                                     address=link.server_address)["answered"], 20, "an answer")
        figures = raw(self.hits, "--count", COUNT, "--sample", 1)
        self.assert_counts(figures, COUNT)
        self.assertEqual(figures["checked"], COUNT)
        path = self.questions("www.small.test A", "mail.small.test A NXDOMAIN")
        figures = raw(path, "--count", 64 * 128, "--sample", 1)
        self.assert_counts(figures, 64 * 128, wrong_rcode=32 * 128, unexpected=32 * 128)
        figures = raw(path, "--count", 64 * 128)  # every 64th is checked, but all are counted
        self.assert_counts(figures, 64 * 128, unexpected=32 * 128)
        self.assertEqual(figures["checked"], 128)


class TestReport(unittest.TestCase):
    ONE = {"answered_in_secs": 200000, "cpu_secs": 0.5, "qps": 200000, "idle": 0.0, "busy": 0.5,
           "lost": 0, "wrong_rcode": 0, "wrong_answers": 0, "wrong_question": 0, "unexpected": 0}

    def cell(self, **changes):
        return bench_report.cpu_cell([{**self.ONE, **changes}] * 3, [self.ONE])

    def test_a_cell_is_the_median_and_its_share_of_echo(self):
        self.assertEqual(self.cell(), "400 (1.00)")
        self.assertEqual(self.cell(cpu_secs=1.0), "200 (0.50)")
        ones = [{**self.ONE, "cpu_secs": cpu_s} for cpu_s in (0.5, 1.0, 0.1)]
        self.assertEqual(bench_report.cpu_cell(ones, None), "400")

    def test_doubtful_and_wrong_figures_are_marked(self):
        self.assertEqual(self.cell(idle=0.3), "400 (1.00) †")
        self.assertEqual(self.cell(wrong_rcode=1), "400 (1.00) WRONG")
        self.assertEqual(bench_report.cpu_cell([], [self.ONE]), "–")


if __name__ == "__main__":
    tap.main()
