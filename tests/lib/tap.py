"""unittest with TAP output, so that every suite is counted alike: tap.main() ends a test file."""
import signal
import sys
import time
import traceback
import unittest


class TapResult(unittest.TestResult):
    """One line a test, as it ends; what failed is told in comment lines."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.started = time.monotonic()

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def _line(self, word, test, suffix=""):
        self.count += 1
        seconds = time.monotonic() - self.started
        name = test.id().replace("__main__.", "")
        print(f"{word} {self.count} - {name} ({seconds:.1f} s){suffix}", flush=True)

    def addSuccess(self, test):
        self._line("ok", test)

    def addSkip(self, test, reason):
        self._line("ok", test, f" # SKIP {reason}")

    def _bad(self, test, err):
        self._line("not ok", test)
        for line in "".join(traceback.format_exception(*err)).splitlines():
            print("# " + line, flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:  # of the test itself nothing more is told then
            self._bad(subtest, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._bad(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._bad(test, err)


class Ended(Exception):
    """SIGTERM or SIGINT has come. No KeyboardInterrupt: by that unittest leaves without any tearDown or
    cleanup, of tests and of classes."""


def main():
    """Run the tests of __main__, or those whose names contain one of the arguments."""
    result = TapResult()

    # The runner's time-out: the test that runs fails, no other begins, and every "with", tearDown and
    # cleanup ends what was started. The runner says it twice; the second must not disturb that.
    def end(number, _frame):
        if not result.shouldStop:
            result.stop()
            raise Ended(signal.Signals(number).name)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    if len(sys.argv) > 1:
        chosen = [t for group in suite for t in group if any(a in t.id() for a in sys.argv[1:])]
        suite = unittest.TestSuite(chosen)
    suite.run(result)
    print(f"1..{result.count}", flush=True)
    sys.exit(0 if result.wasSuccessful() and result.count else 1)
