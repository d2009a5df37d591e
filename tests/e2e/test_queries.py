#!/usr/bin/python3
"""tests/e2e/e2e_queries, by which the hosts suite judges: it asks at its rate whatever comes back, and
tells what was not answered, when, and whether that was its own fault."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "hosts"))
import netns  # noqa: E402
import queries  # noqa: E402
import tap  # noqa: E402
from cluster import BUILD  # noqa: E402

RATE = 400
SWALLOWED = 200
NETWORK = "127.1.7"  # of a loopback interface that this test alone has
# A server that answers all but some: ADDRESS FIRST END, the numbers of the questions that it swallows.
SERVER = """
import itertools, socket, sys
SO_RCVBUFFORCE = 33
address, first, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
server.bind((address, 53))
print("ready", flush=True)
for number in itertools.count():
    asked, client = server.recvfrom(512)
    if not first <= number < end:
        server.sendto(asked[:2] + b"\\x84\\x00" + asked[4:6] + b"\\x00\\x01" + asked[8:], client)
"""
# One that takes nothing out of its small buffer.
DEAF = """
import signal, socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
server.bind((sys.argv[1], 53))
print("ready", flush=True)
signal.pause()
"""


class TestQueries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        why = netns.why_not()
        if why:
            raise unittest.SkipTest(why)
        space = f"quartet-{os.getpid()}-queries"
        subprocess.run(["ip", "netns", "add", space], check=True)
        cls.addClassCleanup(subprocess.run, ["ip", "netns", "delete", space], check=True)
        subprocess.run(["ip", "-n", space, "link", "set", "lo", "up"], check=True)
        cls.prefix = ("ip", "netns", "exec", space)

    def serve(self, address, first=0, end=0, text=SERVER):
        server = subprocess.Popen([*self.prefix, sys.executable, "-c", text, address, str(first), str(end)],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertEqual(server.stdout.readline(), "ready\n")

    def ask(self, seconds, *addresses, meanwhile=lambda asking: None):
        asking = subprocess.Popen([*self.prefix, BUILD / "tests/e2e_queries", "www.example.com", str(RATE),
                                   *addresses], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        self.addCleanup(asking.kill)
        time.sleep(seconds / 2)
        meanwhile(asking)
        time.sleep(seconds / 2)
        return json.loads(asking.communicate(timeout=30)[0])

    def check_sums(self, of_host):
        """What is told in several ways is the same."""
        missed = sum(count for _, _, count in of_host["unanswered"])
        self.assertEqual(of_host["sent"], of_host["answered"] + missed)
        self.assertEqual(of_host["sent"], sum(asked for asked, _ in of_host["tallies"]))
        self.assertEqual(missed, sum(unanswered for _, unanswered in of_host["tallies"]))

    def test_who_is_silent_for_a_time_is_told_apart_from_who_answers(self):
        well, silent = NETWORK + ".1", NETWORK + ".2"
        self.serve(well)
        self.serve(silent, RATE, RATE + SWALLOWED)
        seen = self.ask(3, well, silent)
        for of_host in seen.values():
            self.check_sums(of_host)
            self.assertGreater(of_host["sent"], RATE + SWALLOWED)
            self.assertEqual((of_host["unsent"], of_host["overflowed"]), (0, 0))
        self.assertEqual(seen[well]["unanswered"], [])
        self.assertEqual(sum(count for _, _, count in seen[silent]["unanswered"]), SWALLOWED)
        missing = [seen[silent]["began_s"] + index * queries.TALLY_S
                   for index, (_, unanswered) in enumerate(seen[silent]["tallies"]) if unanswered]
        begin, end = min(missing), max(missing) + queries.TALLY_S
        self.assertEqual(queries.unexcused(seen, [(silent, begin, end)]), [])
        self.assertTrue(queries.unexcused(seen, [(well, begin, end)]), "the excuse of another")
        self.assertTrue(queries.unexcused(seen, [(silent, begin, begin)]), "it was due before")

    def test_nobody_there_is_nothing_answered(self):
        of_host = self.ask(0.5, NETWORK + ".3")[NETWORK + ".3"]
        self.check_sums(of_host)
        self.assertEqual(of_host["answered"], 0)
        self.assertGreater(of_host["sent"], 0)

    def test_a_pause_of_its_own_is_made_good_and_shows_in_the_rate(self):
        address = NETWORK + ".4"
        self.serve(address)

        def stop_for_a_while(asking):
            asking.send_signal(signal.SIGSTOP)
            time.sleep(1.2)
            asking.send_signal(signal.SIGCONT)
        of_host = self.ask(2, address, meanwhile=stop_for_a_while)[address]
        self.check_sums(of_host)
        self.assertEqual(of_host["unanswered"], [])
        self.assertGreater(of_host["sent"], 2 * RATE, "the questions of the pause were asked behind it")
        self.assertLess(queries.slowest_second(of_host), RATE / 2)

    def test_a_server_without_room_is_found_by_its_counter(self):
        address = NETWORK + ".5"
        self.serve(address, text=DEAF)
        before = queries.sockets_full(self)
        of_host = self.ask(0.5, address)[address]
        self.assertEqual(of_host["answered"], 0)
        self.assertGreater(queries.sockets_full(self) - before, of_host["sent"] // 2)


if __name__ == "__main__":
    tap.main()
