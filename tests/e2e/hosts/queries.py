"""Questions at a steady rate to every host, from clients in its own region (tests/e2e/e2e_queries.c),
while something happens to the hosts."""
import json
import subprocess

from cluster import BUILD

LATE_S = 2.0  # of e2e_queries: an answer later than this is none
TALLY_S = 0.1  # what its tallies count


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


def slowest_second(of_host):
    """How many questions the host was asked in the second with the fewest; the last, incomplete one of
    the tallies does not count."""
    asked = [asked for asked, _ in of_host["tallies"][:-1]]
    tenths = round(1 / TALLY_S)
    return min((sum(asked[i:i + tenths]) for i in range(len(asked) - tenths + 1)), default=0)


def sockets_full(host):
    """How many datagrams the sockets of a machine had no room for since it was made."""
    text = subprocess.run([*host.prefix, "cat", "/proc/net/snmp"], capture_output=True, text=True,
                          check=True).stdout
    names, values = (line.split() for line in text.splitlines() if line.startswith("Udp:"))
    return int(values[names.index("RcvbufErrors")])


def report(seen, names, full):
    """One line for each host of @names, by address. @full: datagrams that found no room there."""
    for address, of_host in sorted(seen.items()):
        missed = sum(count for _, _, count in of_host["unanswered"])
        seconds = len(of_host["tallies"]) * TALLY_S
        print(f"#   {names[address]}: {of_host['sent']} asked, {of_host['sent'] / seconds:.0f} a second, at "
              f"least {slowest_second(of_host)}; {of_host['answered']} answered, {missed} not; away for "
              f"{away_s(of_host):.2f} s at the longest; lost in the host's full sockets {full[address]}, "
              f"where they were asked {of_host['unsent'] + of_host['overflowed']}", flush=True)
