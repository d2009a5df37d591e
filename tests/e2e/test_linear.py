#!/usr/bin/python3
"""The judge of the fault campaign is judged: tests/lib/linear.py on histories known to be good and
bad, and on thousands of small random ones, of which trying all orders tells whether they are."""
import itertools
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from linear import FOREVER, Operation, wrongs  # noqa: E402

RANDOM_HISTORIES = 4000


def write(value, begin, end=FOREVER):
    return Operation("write", value, begin, end)


def read(value, begin, end):
    return Operation("read", value, begin, end)


def order_is_right(order):
    """Does each come after those that ended before it began, and each read see the last write?"""
    value = None
    for at, operation in enumerate(order):
        if any(later.end < operation.begin for later in order[at + 1:]):
            return False
        if operation.kind == "write":
            value = operation.value
        elif operation.value != value:
            return False
    return True


def some_order_is_right(history):
    """Tries all orders, and for each write of unknown outcome both that it was made and was not."""
    known = [o for o in history if o.end < FOREVER]
    unknown = [o for o in history if o.end == FOREVER]
    return any(order_is_right(order)
               for count in range(len(unknown) + 1)
               for made in itertools.combinations(unknown, count)
               for order in itertools.permutations([*known, *made]))


def random_history(chance):
    """Up to six operations; the first write is always there, so that reads find something."""
    ends = [chance.sample(range(20), 2) for _ in range(chance.randint(1, 5))]
    history = [write(0, -2, -1)]
    writes = chance.randint(0, len(ends))
    for number, pair in enumerate(ends):
        begin, end = sorted(pair)
        if number < writes:
            history.append(write(number + 1, begin, end if chance.random() < .7 else FOREVER))
        else:
            history.append(read(chance.randint(0, writes), begin, end))
    return history


class TestLinear(unittest.TestCase):
    def good(self, *history):
        self.assertEqual(wrongs(history), [])

    def bad(self, words, *history):
        found = wrongs(history)
        self.assertTrue(found, "it was taken for linearizable")
        self.assertIn(words, found[0])

    def test_one_after_the_other_is_good(self):
        self.good(write("a", 0, 1), read("a", 2, 3), write("b", 4, 5), read("b", 6, 7))

    def test_a_read_during_a_write_may_see_either(self):
        self.good(write("a", 0, 1), write("b", 2, 9), read("a", 3, 4), read("b", 5, 6))

    def test_once_the_new_one_was_seen_the_old_one_is_stale(self):
        self.bad("is there between", write("a", 0, 1), write("b", 2, 9), read("b", 3, 4),
                 read("a", 5, 6))

    def test_a_lost_write(self):
        self.bad("is there between", write("a", 0, 1), write("b", 2, 3), read("a", 4, 5))

    def test_a_value_of_nobody(self):
        self.bad("nobody wrote", write("a", 0, 1), read("b", 2, 3))

    def test_a_read_of_the_future(self):
        self.bad("before it was written", read("a", 0, 1), write("a", 2, 3))

    def test_an_unknown_write_may_be_seen_late_or_never(self):
        self.good(write("a", 0, 1), write("b", 2), read("a", 3, 4), read("b", 100, 101))
        self.good(write("a", 0, 1), write("b", 2), read("a", 100, 101))

    def test_an_unknown_write_does_not_come_and_go(self):
        self.bad("is there between", write("a", 0, 1), write("b", 2), read("b", 3, 4),
                 read("a", 5, 6))

    def test_a_value_that_comes_back(self):
        self.bad("must be there", write("a", 0, 1), read("a", 2, 3), write("b", 4, 5),
                 read("b", 6, 7), read("a", 8, 9))

    def test_a_value_written_twice_is_no_history(self):
        with self.assertRaises(ValueError):
            wrongs([write("a", 0, 1), write("a", 2, 3)])

    def test_random_histories_are_judged_as_by_trying_all_orders(self):
        chance = random.Random(1)
        good = bad = 0
        for _ in range(RANDOM_HISTORIES):
            history = random_history(chance)
            is_good = some_order_is_right(history)
            good += is_good
            bad += not is_good
            self.assertEqual(not wrongs(history), is_good, "\n".join(map(str, history)))
        print(f"# {good} good ones, {bad} bad ones")
        self.assertGreater(min(good, bad), RANDOM_HISTORIES // 20)


if __name__ == "__main__":
    tap.main()
