"""Questions at a steady rate to every host, from clients in its own region (tests/e2e/e2e_queries.c),
while something happens to the hosts."""
import json
import subprocess

from cluster import BUILD

LATE_S = 2.0  # of e2e_queries: an answer later than this is none


class Queries:
    """Asks all live hosts of @deployment, @rate times a second each. Use as a context manager."""

    def __init__(self, deployment, name, rate):
        self.processes = []
        for region, prefix in deployment.clients.items():
            addresses = [host.address for host in deployment.live(region)]
            if addresses:
                self.processes.append(subprocess.Popen(
                    [*prefix, BUILD / "tests/e2e_queries", name, str(rate), *addresses],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def stop(self):
        """What each address answered."""
        for process in self.processes:  # all at once: none is to ask alone
            process.stdin.close()
            process.stdin = None
        seen = {}
        for process in self.processes:
            text, _ = process.communicate(timeout=30)
            seen.update(json.loads(text))
        return seen


def unexcused(seen, excused):
    """Spans unanswered by hosts that were up: (address, from, to, how many). @excused are (address,
    from, to): an answer that was due in that time may be missing."""
    return [(address, since, until, count) for address, of_host in seen.items()
            for since, until, count in of_host["unanswered"]
            if not any(address == where and since + LATE_S >= begin and until <= end
                       for where, begin, end in excused)]


def away_s(of_host):
    """For how long a host did not answer, at the longest: the slowest answer had to wait so long, or
    the questions of a whole span got none."""
    return max([of_host["slowest_s"], *(until - since for since, until, _ in of_host["unanswered"])])


def report(seen, names):
    for address, of_host in sorted(seen.items()):
        missed = sum(count for _, _, count in of_host["unanswered"])
        print(f"#   {names[address]}: {of_host['sent']} asked, {of_host['answered']} answered, "
              f"{missed} not; away for {away_s(of_host):.2f} s at the longest", flush=True)
