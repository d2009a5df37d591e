#!/usr/bin/python3
"""A short campaign of faults, each kind once, in an order by chance: see tests/e2e/faults/run, which
does the same at length. QUARTET_FAULTS says how many, QUARTET_SEED repeats a campaign's choices (not
its timing)."""
import os
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "faults"), str(HERE.parent / "lib")]
import campaign  # noqa: E402
import tap  # noqa: E402
from adversary import Adversary  # noqa: E402

FAULTS = int(os.environ.get("QUARTET_FAULTS", str(len(Adversary.KINDS))))
SEED = os.environ.get("QUARTET_SEED", str(int(time.time())))


@unittest.skipIf(campaign.why_not(), campaign.why_not())
class TestFaults(unittest.TestCase):
    def test_a_campaign_breaks_no_promise(self):
        print(f"# {FAULTS} faults, QUARTET_SEED={SEED}", flush=True)
        self.assertEqual(campaign.run(FAULTS, SEED).wrongs, [])


if __name__ == "__main__":
    tap.main()
