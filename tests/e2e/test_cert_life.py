#!/usr/bin/python3
"""Certificates that live for seconds (tests/lib/next_version.c) are renewed at two thirds of their
lives, while writes go on."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import NEXT_PROGRAM, Cluster, wait_until  # noqa: E402
from test_cert import Writer  # noqa: E402

LIFE_S = 21


class TestCertLife(unittest.TestCase):
    def test_renewed_before_they_end_and_nobody_is_lost(self):
        with Cluster(3) as cluster:
            for node in cluster.nodes:
                node.program = NEXT_PROGRAM
            cluster.env = {"QUARTET_TEST_CERTIFICATE_MS": str(LIFE_S * 1000)}
            cluster.form()
            first = cluster.node(1)

            def members():
                return {m["name"]: m for m in first.json("cert", "status")["members"]}
            wait_until(lambda: all(m["ca"] > 0 for m in members().values()), 20,
                       "every member has told")
            before, begun = members(), time.monotonic()

            def are_renewed():
                return all(m["serial"] != before[name]["serial"] for name, m in members().items())
            first.quartet("zone", "create", "writes.test")
            with Writer(first) as writer:
                wait_until(are_renewed, 60, "each has another certificate")
                for name, member in members().items():
                    self.assertLess(member["made"], before[name]["until"])
                time.sleep(max(0, begun + LIFE_S - time.monotonic()))  # the first ones are over
                cluster.wait_equal()
            self.assertEqual(writer.failed, [])
            first.quartet("cluster", "wait", "--timeout", "30s")


if __name__ == "__main__":
    tap.main()
