"""Runs scenarios until so many pairs of zone and question were compared, and tells the outcome."""
import collections
import contextlib
import dataclasses
import itertools
import math
import os
import pathlib
import random
import tempfile
import time

import asker
import compare
import exceptions
import servers
import wire
from scenario import Scenario

PORT = 5453
FAMILIES = 60                # zones of one start: about twice as many
ROOT_FAMILIES = 6
QUERIES_PER_ZONE = 72
FAILURES_SHOWN = 2           # of a kind
CHAIN_ASPECTS = {"answer", "rcode", "authority", "glue", "sibling glue"}
CHAIN_ROUNDS_MAX = 30        # each follows at least one link
ROUND_PARTS = (False, False, True, True, True)  # has a zone "."?


@dataclasses.dataclass
class Failure:
    scenario: str
    what: str
    case: exceptions.Case

    def size(self):
        return len(self.case.zone.text()) if self.case.zone else 0

    def text(self):
        case = self.case
        parts = [f"---- {self.what}", f"scenario {self.scenario}, asked: {case.query.text()}"]
        for name in ("nsd", "knot", "quartet"):
            aspects = getattr(case, name)
            if aspects is not None:
                shown = aspects.reply if aspects.reply else aspects["status"]
                parts += [f";; ==== {name}", wire.reply_text(shown)]
        if case.quartet is not None:
            for name in ("nsd", "knot"):
                parts += [f"; ==== from {name} to quartet", *contrast(getattr(case, name),
                                                                      case.quartet)]
        name = wire.name_labels(wire.lower(case.query.name))
        shown = {id(z): z for z in (case.scenario.zone_of(name), case.zone) if z}
        for zone in shown.values():
            parts += [f"; ==== zone {wire.name_text(zone.apex)}", zone.text()]
        return "\n".join(parts)


def item_text(item):
    """A part of an aspect: a record set, or the address records of glue."""
    if not isinstance(item, tuple):
        return repr(item)
    owner, kind, third, fourth = item
    if kind == wire.ANY:
        return f"some set of {wire.name_text(wire.name_labels(owner))}"
    datas = fourth if isinstance(fourth, tuple) else [(third, fourth)]
    return "; ".join(wire.record_text((owner, kind, wire.IN, ttl, data, 0)) for ttl, data in datas)


def contrast(peer, ours):
    """Lines on what one has and the other has not."""
    lines = []
    for name in compare.ASPECTS:
        if peer[name] == ours[name]:
            continue
        if {type(peer[name]), type(ours[name])} not in ({tuple}, {frozenset}):
            lines.append(f";    {name}: {peer[name]!r}, ours {ours[name]!r}")
            continue
        parts = [f"- {item_text(item)}" for item in peer[name] if item not in ours[name]]
        parts += [f"+ {item_text(item)}" for item in ours[name] if item not in peer[name]]
        lines += [f";    {name}: {part}" for part in parts or ["in another order"]]
    return lines


@dataclasses.dataclass
class Report:
    pairs: int = 0
    zones: int = 0
    verdicts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    between_peers: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    excused: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    by_tcp: int = 0
    truncated: int = 0
    stalls: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    failures: list = dataclasses.field(default_factory=list)

    def kinds(self):
        return collections.Counter(failure.what for failure in self.failures)

    def unused(self):
        return [allowed.name for allowed in exceptions.TABLE if not self.excused[allowed.name]]

    def lines(self):
        out = [f"{self.pairs} pairs over {self.zones} zones, {self.by_tcp} by TCP, "
               f"{self.truncated} truncated"]
        out += [f"  {count:7} left out, as {name} hung and was started again"
                for name, count in self.stalls.items()]
        out += [f"  {count:7} {verdict}" for verdict, count in self.verdicts.most_common()]
        out += [f"  {count:7} NSD and Knot differ in: {aspects}"
                for aspects, count in self.between_peers.most_common()]
        out += [f"  {self.excused[allowed.name]:7} excused: {allowed.name} ({allowed.reason})"
                for allowed in exceptions.TABLE]
        out += [f"  never used: exception {name}" for name in self.unused()]
        return out + self.failure_lines()

    def failure_lines(self):
        """How many failures of each kind, and where: to be shown last, as logs lose what is long
        before."""
        out = [f"  {count:7} FAILED {what}" for what, count in self.kinds().most_common()]
        scenarios = dict.fromkeys(failure.scenario for failure in self.failures)
        return out + [f"  again: {again(name)}" for name in scenarios]

    def failures_shown(self, of_a_kind):
        """Texts of the first failures of each kind, the shortest zones first."""
        shown, out = collections.Counter(), []
        for failure in sorted(self.failures, key=Failure.size):
            shown[failure.what] += 1
            if shown[failure.what] <= of_a_kind:
                out.append(failure.text())
        return out


@contextlib.contextmanager
def running(scenario, with_quartet):
    """The servers, started on the scenario's zones and ended after."""
    host = f"127.54.{random.SystemRandom().randrange(1, 255)}."
    kinds = [servers.Nsd, servers.Knot] + [servers.Quartet] * with_quartet
    with tempfile.TemporaryDirectory(prefix="quartet-differential-") as folder:
        zone_folder = pathlib.Path(folder) / "zones"
        zone_folder.mkdir()
        zones = scenario.write(zone_folder)
        started = [kind(folder, host + str(n), PORT, zone_folder, zones)
                   for n, kind in enumerate(kinds, 1)]
        try:
            for server in started:
                server.start()
            for server in started:
                server.wait_ready()
            yield started
            for server in started:
                if server.process.poll() is not None:
                    raise servers.ServerFailed(f"{server.name} ended:\n{server.log[-3000:]}")
        finally:
            for server in started:
                server.stop()


class Comparison:
    """One scenario: ask, compare, and put down in the report."""

    def __init__(self, name, scenario, report):
        self.name, self.scenario, self.report = name, scenario, report
        self.chains = []  # (case, links): chains to be followed from that many sets on

    def run(self, with_quartet):
        with running(self.scenario, with_quartet) as started:
            for is_tcp in (False, True):
                pairs = [pair for pair in self.scenario.pairs if pair[0].is_tcp == is_tcp]
                self._ask_all(started, pairs, is_tcp)
            for _ in range(CHAIN_ROUNDS_MAX):
                chains, self.chains = self.chains, []
                self._follow(started, chains)
            assert not self.chains
        self.report.zones += len(self.scenario.zones)

    def _answers(self, started, queries, is_tcp):
        replies, stalls = asker.ask(started, queries, is_tcp)
        for name, batch in stalls:
            self.report.stalls[name] += len(batch)
            if name == "quartet":
                self.fail("quartet hangs on one of the questions from this on", batch[0])
        return replies

    def _ask_all(self, started, pairs, is_tcp):
        queries = [query for query, _ in pairs]
        truncated = []
        for (query, zone), raws in zip(pairs, self._answers(started, queries, is_tcp)):
            if raws is None:
                continue
            found = [compare.Aspects(query, raw) for raw in raws]
            if not is_tcp and any(a.reply and a.reply.has(wire.TC) for a in found):
                truncated.append((query, zone, found))
            else:
                self._compare(query, zone, found)
        self.report.by_tcp += len(pairs) if is_tcp else 0
        self._ask_again(started, truncated)

    def _ask_again(self, started, truncated):
        """What did not fit by UDP, by TCP."""
        self.report.truncated += len(truncated)
        again = [dataclasses.replace(query, is_tcp=True) for query, _, _ in truncated]
        raws_of = self._answers(started, again, True)
        for (query, zone, short), by_tcp, raws in zip(truncated, again, raws_of):
            if raws is None:
                continue
            found = [compare.Aspects(by_tcp, raw) for raw in raws]
            if len(found) > 2:
                case = exceptions.Case(query, zone, self.scenario, *short)
                for wrong in compare.check_alone(query, short[2], self.scenario):
                    self._fail(f"quartet: {wrong}", case)
                for wrong in compare.check_truncation(query, short[2], found[2]):
                    self._fail(f"quartet: {wrong}", case)
            self._compare(by_tcp, zone, found)

    def _compare(self, query, zone, found):
        report = self.report
        report.pairs += 1
        ignored = self._ignored(query, found)
        between = compare.differing(found[0], found[1]) - ignored
        case = exceptions.Case(query, zone, self.scenario, found[0], found[1],
                               found[2] if len(found) > 2 else None)
        if between:
            report.between_peers[", ".join(sorted(between))] += 1
        if case.quartet is None:
            if between:
                self._fail(f"NSD and Knot differ in {', '.join(sorted(between))}", case)
            return
        for wrong in compare.check_alone(query, found[2], self.scenario):
            self._fail(f"quartet: {wrong}", case)
        self._judge(case, ignored)

    def _ignored(self, query, found):
        has_room = compare.has_room_for_glue(query, found, self.scenario)
        return frozenset() if has_room else frozenset({"sibling glue"})

    def _judge(self, case, ignored, suffix="", links_followed=0):
        verdict, wrong = compare.judge((case.nsd, case.knot), case.quartet, ignored)
        is_of_chain = any(aspects & CHAIN_ASPECTS for aspects in wrong)
        links = self._links_to_follow(case, links_followed) if is_of_chain else 0
        if links > links_followed:
            self.chains.append((case, links))
            return
        if wrong and self._is_excused(case, wrong):
            verdict = "excused"
        elif wrong:
            self._fail(f"quartet {verdict}: {', '.join(sorted(wrong[0]))}", case)
        self.report.verdicts[verdict + suffix] += 1

    def _is_excused(self, case, wrong):
        used = [e for e in exceptions.TABLE if e.applies(case)]
        for aspects in wrong:
            needed = [e for e in used if e.aspects & aspects]
            if aspects <= frozenset().union(*(e.aspects for e in needed)):
                self.report.excused.update(e.name for e in needed)
                return True
        return False

    def _links_to_follow(self, case, links_followed):
        """How many sets of our answer are a chain on which Knot does not go on: up to where it
        enters another zone of this server, or where Knot stopped early. 0: none."""
        ours, theirs = case.quartet["answer"] or (), case.knot["answer"] or ()
        if case.query.qtype == wire.CNAME:
            return 0
        for count in range(links_followed + 1, min(len(ours), len(theirs)) + 1):
            target = compare.chain_target(ours[:count])
            if ours[:count] != theirs[:count]:
                return 0
            if target is None or target in [owner for owner, *_ in ours[:count]]:
                continue
            here, there = (self.scenario.zone_for(wire.name_labels(name), case.query.qtype)
                           for name in (ours[count - 1][0], target))
            if there and (there is not here or count == len(theirs)):
                return count
        return 0

    def _follow(self, started, chains):
        """RFC 1034 4.3.2 3a goes back to step 1, which looks through all zones. Knot stays in one
        and stops early, NSD at times too: ask them at the next name, and compare with what both
        answers make together."""
        prefixes = [case.quartet["answer"][:links] for case, links in chains]
        queries = [dataclasses.replace(case.query, name=compare.chain_target(prefix), is_tcp=True)
                   for (case, _), prefix in zip(chains, prefixes)]
        answers = self._answers(started[:2], queries, True)
        for (case, links), prefix, raws in zip(chains, prefixes, answers):
            if raws is None:
                continue
            rest = [compare.Aspects(case.query, raw) for raw in raws]
            further = dataclasses.replace(
                case, nsd=compare.extended(prefix, case.nsd, rest[0]),
                knot=compare.extended(prefix, case.knot, rest[1]))
            ignored = self._ignored(case.query, [case.quartet])
            self._judge(further, ignored, ", at the end of a chain", links)

    def fail(self, what, query):
        zone = self.scenario.zone_of(wire.name_labels(wire.lower(query.name)))
        self._fail(what, exceptions.Case(query, zone, self.scenario, None, None, None))

    def _fail(self, what, case):
        self.report.failures.append(Failure(self.name, what, case))


def run(pairs, seed, with_quartet=True, say=print):
    """Report over at least @pairs. The scenarios are called "@seed.number"."""
    names = (f"{seed}.{number}" for number in itertools.count())
    return run_all(names, with_quartet, say, pairs)


def run_all(names, with_quartet=True, say=print, pairs=math.inf):
    """Report over the scenarios @names, or the first of them that make @pairs."""
    report = Report()
    for name in names:
        started = time.monotonic()
        run_one(name, report, with_quartet)
        say(f"{name}: {report.pairs} pairs, {len(report.failures)} failures, "
            f"{time.monotonic() - started:.1f} s")
        if report.pairs >= pairs:
            break
    return report


def run_one(name, report, with_quartet=True):
    """The scenario called @name into @report; the number after its last dot says of which kind."""
    has_root = ROUND_PARTS[int(name.rpartition(".")[2]) % len(ROUND_PARTS)]
    families = ROOT_FAMILIES if has_root else FAMILIES
    try:
        scenario = Scenario(random.Random(name), families, has_root, QUERIES_PER_ZONE)
        Comparison(name, scenario, report).run(with_quartet)
    except Exception as error:
        error.add_note(f"in scenario {name}: {again(name)}")
        raise


def again(name):
    """How to run a scenario again."""
    return f"tests/e2e/differential/run --scenario {name}"


def seed_wanted():
    """QUARTET_DIFFERENTIAL_SEED, where "clock" means a new one; None: not set."""
    seed = os.environ.get("QUARTET_DIFFERENTIAL_SEED")
    return clock_seed() if seed == "clock" else seed or None


def clock_seed():
    return str(int(time.time()))
