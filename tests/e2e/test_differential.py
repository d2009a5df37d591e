#!/usr/bin/python3
"""The same questions about the same generated zones to NSD, Knot and Quartet: where those two
agree, so must we. Always the same scenarios, unless QUARTET_DIFFERENTIAL_SEED has a seed, or "clock" for a
new one; then QUARTET_DIFFERENTIAL_PAIRS says how many pairs. tests/e2e/differential/run does the same at
length."""
import dataclasses
import os
import pathlib
import random
import struct
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "differential"), str(HERE.parent / "lib")]
import campaign  # noqa: E402
import compare  # noqa: E402
import exceptions  # noqa: E402
import rdata  # noqa: E402
import tap  # noqa: E402
import wire  # noqa: E402
from questions import Query  # noqa: E402
from scenario import Scenario  # noqa: E402

PAIRS_LEAST = 20000
PAIRS = int(os.environ.get("QUARTET_DIFFERENTIAL_PAIRS", PAIRS_LEAST))
# Of some hundred, those that need every exception and show most ways in which the peers differ.
SCENARIOS = ("26113039.1", "26113028.1", "26113010.2", "26113004.2")
# More questions left out than this share, because a peer hung, would be no comparison any more.
LEFT_OUT_MAX = 0.05
FAILURES_SHOWN_OF_A_KIND = 1

QUERY = Query(wire.name_wire((b"www", b"Example")), wire.A, wire.IN, wire.RD, 1232, False, False)
SOA = b"\2ns\7example\0\4host\7example\0" + struct.pack("!5I", 1, 2, 3, 4, 5)
WWW, EXAMPLE, ALIAS = b"\3www\7example\0", b"\7example\0", b"\5alias\7example\0"
CUT, SERVER, SISTER = b"\3cut\7example\0", b"\2ns\3cut\7example\0", b"\2ns\3sis\7example\0"


class Zones:
    """Stands in for a scenario in which every address in 192.0.2.0/24 exists."""

    def holds(self, _owner, _kind, data):
        return data[:3] == b"\xc0\0\2"

    def has_whole_set(self, _owner, _kind, count):
        return count == 2

    def addresses_len(self, _owner):
        return 16


def a(owner, last, ttl=60):
    return (owner, wire.A, ttl, bytes([192, 0, 2, last]))


def record(owner, kind, ttl, data):
    return owner + struct.pack("!HHIH", kind, wire.IN, ttl, len(data)) + data


def reply(query=QUERY, flags=wire.AA | wire.RD, rcode=0, sections=((), (), ()), has_opt=True,
          question=None):
    counts = [len(section) for section in sections]
    counts[2] += has_opt
    out = struct.pack("!6H", 0, wire.QR | flags | rcode, 1, *counts)
    out += question or query.name + struct.pack("!HH", query.qtype, query.qclass)
    out += b"".join(record(*one) for section in sections for one in section)
    return out + (b"\0" + struct.pack("!HHIH", wire.OPT, 1232, 0, 0) if has_opt else b"")


def aspects(*args, **options):
    return compare.Aspects(QUERY, reply(*args, **options))


CHAIN = [(WWW, wire.CNAME, 60, ALIAS), a(ALIAS, 1), a(ALIAS, 2)]
ANSWER = (CHAIN, (), ())
NEGATIVE = ((), [(EXAMPLE, wire.SOA, 5, SOA)], ())
REFERRAL = ((), [(CUT, wire.NS, 60, SERVER), (CUT, wire.NS, 60, SISTER)],
            [a(SERVER, 1), a(SISTER, 2)])


class TestComparator(unittest.TestCase):
    """A comparison that cannot fail is none: each change to a reply must be seen."""

    def judged(self, good, bad):
        verdict, wrong = compare.judge((good, good), bad)
        return verdict, sorted(wrong[0]) if wrong else []

    def test_equal_replies_are_the_same(self):
        for sections in (ANSWER, NEGATIVE, REFERRAL):
            one = aspects(sections=sections)
            self.assertEqual(self.judged(one, aspects(sections=sections)), ("same", []))

    def test_what_may_differ_is_not_seen(self):
        one = aspects(sections=ANSWER)
        alike = [
            (CHAIN[:1] + CHAIN[:0:-1], (), ()),                   # order within a set
            (CHAIN, [(EXAMPLE, wire.NS, 60, SERVER)], ()),        # the zone's servers
            (CHAIN, (), [a(SERVER, 9)]),                          # more addresses
            ([(WWW.upper(), wire.CNAME, 60, ALIAS.title())] + CHAIN[1:], (), ()),
        ]
        for sections in alike:
            self.assertEqual(self.judged(one, aspects(sections=sections)), ("same", []), sections)

    def test_every_change_of_an_answer_is_seen(self):
        one = aspects(sections=ANSWER)
        changed = [
            (aspects(sections=ANSWER, rcode=3), ["rcode"]),
            (aspects(sections=ANSWER, flags=wire.RD), ["aa"]),
            (aspects(sections=ANSWER, flags=wire.AA), ["header"]),
            (aspects(sections=ANSWER, flags=wire.AA | wire.RD | wire.RA), ["header"]),
            (aspects(sections=ANSWER, has_opt=False), ["edns"]),
            (aspects(sections=ANSWER, question=WWW + b"\0\1\0\1"), ["question"]),
            (aspects(sections=(CHAIN[:2], (), ())), ["answer"]),              # a record less
            (aspects(sections=(CHAIN[:1], (), ())), ["answer"]),              # a set less
            (aspects(sections=(CHAIN + [a(ALIAS, 3)], (), ())), ["answer"]),  # a record more
            (aspects(sections=(CHAIN[1:] + CHAIN[:1], (), ())), ["answer"]),  # chain turned round
            (aspects(sections=(CHAIN[:2] + [a(ALIAS, 3)], (), ())), ["answer"]),
            (aspects(sections=(CHAIN[:2] + [a(ALIAS, 2, 61)], (), ())), ["answer"]),
            (aspects(sections=(CHAIN, NEGATIVE[1], ())), ["authority"]),
        ]
        for bad, names in changed:
            self.assertEqual(self.judged(one, bad), ("differs", names))
        self.assertEqual(self.judged(one, compare.Aspects(QUERY, None))[0], "differs")
        self.assertIn("status", compare.differing(one, compare.Aspects(QUERY, None)))
        for size in range(len(reply(sections=ANSWER))):
            cut = compare.Aspects(QUERY, reply(sections=ANSWER)[:size])
            self.assertTrue(cut["status"].startswith("malformed"), size)

    def test_every_change_of_a_negative_answer_or_referral_is_seen(self):
        for sections, bad, names in (
                (NEGATIVE, ((), (), ()), ["authority"]),
                (NEGATIVE, ((), [(EXAMPLE, wire.SOA, 6, SOA)], ()), ["authority"]),
                (REFERRAL, ((), REFERRAL[1], REFERRAL[2][1:]), ["glue"]),
                (REFERRAL, ((), REFERRAL[1], REFERRAL[2][:1]), ["sibling glue"]),
                (REFERRAL, ((), REFERRAL[1], [a(SERVER, 7)] + REFERRAL[2][1:]), ["glue"]),
                (REFERRAL, ((), REFERRAL[1][:1], REFERRAL[2][:1]), ["authority", "sibling glue"])):
            found = self.judged(aspects(sections=sections), aspects(sections=bad))
            self.assertEqual(found, ("differs", names))

    def test_of_an_answer_to_any_the_chain_and_the_name_count(self):
        query = dataclasses.replace(QUERY, qtype=wire.ANY)
        mx = (ALIAS, wire.MX, 60, b"\0\1" + WWW)

        def answer(*records):
            return compare.Aspects(query, reply(query, sections=(records, (), ())))
        one = answer(CHAIN[0], *CHAIN[1:])
        self.assertEqual(self.judged(one, answer(CHAIN[0], mx)), ("same", []))
        self.assertEqual(self.judged(one, answer(CHAIN[0])), ("differs", ["answer"]))
        self.assertEqual(self.judged(one, answer(mx)), ("differs", ["answer"]))
        self.assertEqual(self.judged(one, answer(CHAIN[0], a(WWW, 1))), ("differs", ["answer"]))

    def test_of_any_below_a_dname_the_way_counts(self):
        query = dataclasses.replace(QUERY, qtype=wire.ANY)
        dname, cname = (EXAMPLE, wire.DNAME, 60, ALIAS), (WWW, wire.CNAME, 60, CUT)

        def answer(*records):
            return compare.Aspects(query, reply(query, sections=(records, (), ())))
        one = answer(dname, cname, a(CUT, 1))
        self.assertEqual(self.judged(one, answer(dname, cname, (CUT, wire.NS, 60, SERVER))),
                         ("same", []))
        for changed in ((cname, a(CUT, 1)), ((WWW,) + dname[1:], cname, a(CUT, 1)),
                        (dname[:3] + (CUT,), cname, a(CUT, 1)), (dname, cname)):
            self.assertEqual(self.judged(one, answer(*changed)), ("differs", ["answer"]))

    def test_where_peers_differ_ours_is_one_of_them_or_seen(self):
        nsd, knot = aspects(sections=ANSWER), aspects(sections=ANSWER, rcode=3)
        self.assertEqual(compare.judge((nsd, knot), nsd)[0], "one of two")
        self.assertEqual(compare.judge((nsd, knot), knot)[0], "one of two")
        third = aspects(sections=ANSWER, rcode=2)
        self.assertEqual(compare.judge((nsd, knot), third), ("third", [{"rcode"}] * 2))
        # In what they agree on, being like one of them in the rest does not help.
        other = aspects(sections=NEGATIVE, rcode=3)
        self.assertEqual(compare.judge((nsd, knot), other), ("differs", [{"answer", "authority"}]))

    def test_sibling_glue_counts_where_all_of_it_fits(self):
        def has_room(limit, scenario):
            query = dataclasses.replace(QUERY, edns_size=limit)
            return compare.has_room_for_glue(query, [aspects(sections=REFERRAL)], scenario)
        zones = Zones()
        self.assertTrue(has_room(512, zones))
        zones.addresses_len = lambda owner: 280 if owner == SISTER else 0
        self.assertFalse(has_room(512, zones))
        self.assertTrue(has_room(700, zones))

    def test_a_reply_wrong_by_itself_is_seen(self):
        query = dataclasses.replace(QUERY, edns_size=None)
        many = [a(WWW, n) for n in range(40)]
        for asked, options, word in (
                (QUERY, dict(sections=(CHAIN, (), [(SERVER, wire.A, 1, b"\1\2\3\4")])), "no zone"),
                (QUERY, dict(sections=(CHAIN, (), [(SERVER, wire.MX, 1, b"\0\1\0")])), "MX"),
                (QUERY, dict(sections=(CHAIN + CHAIN[2:], (), ())), "twice"),
                (QUERY, dict(sections=([a(WWW, 1), a(WWW, 2, 61)], (), ())), "TTLs"),
                (QUERY, dict(sections=([CHAIN[1], CHAIN[0], CHAIN[2]], (), ())), "not together"),
                (QUERY, dict(question=WWW + b"\0\1\0\1"), "as it was sent"),
                (query, dict(sections=(many, (), ()), has_opt=False), "allowed"),
                (dataclasses.replace(QUERY, is_tcp=True), dict(flags=wire.TC), "TC over TCP"),
                (dataclasses.replace(QUERY, qtype=wire.ANY), dict(sections=([a(WWW, 1)], (), ())),
                 "not as in the zone")):
            if "question" not in options:
                options["query"] = asked
            wrong = compare.check_alone(asked, compare.Aspects(asked, reply(**options)), Zones())
            self.assertTrue([text for text in wrong if word in text], (word, wrong))
        self.assertEqual(compare.check_alone(QUERY, aspects(sections=ANSWER), Zones()), [])

    def test_wrong_truncation_is_seen(self):
        query = dataclasses.replace(QUERY, edns_size=512)
        many = [a(WWW, n) for n in range(30)]
        large = compare.Aspects(query, reply(query, sections=(many, (), ())))
        self.assertGreater(len(large.reply.octets), 512)
        tc = wire.AA | wire.RD | wire.TC

        def check(sections, flags=wire.AA | wire.RD, full=large):
            short = compare.Aspects(query, reply(query, flags=flags, sections=sections))
            return compare.check_truncation(query, short, full)
        self.assertEqual(check(((), (), ()), tc), [])
        self.assertTrue(check((many[:3], (), ()), tc))        # a part of a set
        self.assertTrue(check(((), (), ())))                  # no TC
        small = compare.Aspects(query, reply(query, sections=ANSWER))
        self.assertEqual(check(ANSWER, full=small), [])
        self.assertTrue(check(((), (), ()), tc, small))       # TC, and all would fit
        # What only helps, such as other addresses, makes no TC.
        helped = compare.Aspects(query, reply(query, sections=(CHAIN, (), many)))
        self.assertEqual(check(ANSWER, full=helped), [])
        self.assertTrue(check(((), (), ()), tc, helped))

    def test_names_may_not_be_compressed_in_newer_types(self):
        octets = reply(sections=([(WWW, wire.SVCB, 60, b"\0\1\xc0\x0c")], (), ()))
        self.assertIn("compressed", compare.Aspects(QUERY, octets)["status"])

    def test_a_dname_at_an_asterisk_is_excused_only_as_such(self):
        wild, below, target = b"\1*" + EXAMPLE, b"\1x\1*" + EXAMPLE, b"\1x" + ALIAS
        to_below = (WWW, wire.CNAME, 60, below)
        dname, cname = (wild, wire.DNAME, 60, ALIAS), (below, wire.CNAME, 60, target)
        knots = (below,) + dname[1:]

        def is_excused(ours, theirs, asked):
            query = dataclasses.replace(QUERY, name=asked)
            ours, theirs = (compare.Aspects(query, reply(query, sections=(records, (), ())))
                            for records in (ours, theirs))
            return exceptions.is_dname_at_asterisk(
                exceptions.Case(query, None, None, ours, theirs, ours))
        self.assertFalse(is_excused([cname], [cname, a(target, 1)], below))
        for before, asked in (([], below), ([to_below], WWW)):
            self.assertTrue(is_excused(before + [dname, cname, a(target, 1)],
                                       before + [knots, cname], asked))
            for bad in (dname, (wild, wire.DNAME, 60, CUT), (wild, wire.DNAME, 61, ALIAS),
                        (wild, wire.CNAME, 60, ALIAS), (EXAMPLE,) + dname[1:]):
                theirs = dname if bad == dname else knots
                self.assertFalse(is_excused(before + [bad, cname, a(target, 1)],
                                            before + [theirs, cname], asked))
        self.assertFalse(is_excused([to_below, dname, cname], [knots, cname], WWW))
        self.assertFalse(is_excused([dname, cname], [(target,) + knots[1:], cname], below))

    def test_yxdomain_to_nsec3_is_excused_only_as_such(self):
        def is_excused(qtype=50, ours=6, theirs=3, records=CHAIN, authority=()):
            query = dataclasses.replace(QUERY, qtype=qtype)
            ours = compare.Aspects(query, reply(query, rcode=ours, sections=(CHAIN, authority, ())))
            theirs = compare.Aspects(query, reply(query, rcode=theirs,
                                                  sections=(records, NEGATIVE[1], ())))
            return exceptions.is_yxdomain_for_nsec3(
                exceptions.Case(query, None, None, theirs, theirs, ours))
        self.assertTrue(is_excused())
        for bad in (dict(qtype=1), dict(ours=3), dict(theirs=0), dict(records=CHAIN[:2]),
                    dict(authority=NEGATIVE[1])):
            self.assertFalse(is_excused(**bad), bad)

    def test_records_in_another_case_count_once(self):
        self.assertEqual(rdata.record_count("MX", [("1 a.", None), ("1 A.", None)]), 1)
        self.assertEqual(rdata.record_count("MX", [("1 a.", None), ("2 a.", None)]), 2)
        self.assertEqual(rdata.record_count("TYPE8", [("", b"\1a\0"), ("", b"\1A\0")]), 1)
        self.assertEqual(rdata.record_count("TYPE65280", [("", b"\1a\0"), ("", b"\1A\0")]), 2)

    def test_ds_is_asked_of_the_zone_above(self):
        scenario = Scenario(random.Random("above"), 40, False, 1)
        child = next(zone for zone in scenario.zones if zone.apex[1:] in scenario.by_apex)
        parent = scenario.by_apex[child.apex[1:]]
        self.assertIs(scenario.zone_for(child.apex, wire.DS), parent)
        self.assertIs(scenario.zone_for(child.apex, wire.A), child)
        self.assertIs(scenario.zone_for((b"x",) + child.apex, wire.DS), child)
        top = scenario.zones[0]
        self.assertIs(scenario.zone_for(top.apex, wire.DS), top)

    def test_a_failure_says_how_to_run_it_again(self):
        report = campaign.Report()
        report.failures = [campaign.Failure(name, "quartet differs: aa", None)
                           for name in ("7.1", "7.1", "9.0")]
        self.assertEqual(report.lines()[-3:], ["        3 FAILED quartet differs: aa",
                                               f"  again: {campaign.again('7.1')}",
                                               f"  again: {campaign.again('9.0')}"])

    def test_a_seed_makes_the_same_again(self):
        code = ("import sys, random, zlib; from scenario import Scenario;"
                "s = Scenario(random.Random('7'), 4, True, 20);"
                "print(zlib.crc32(repr([(q.text(), z.text()) for q, z in s.pairs]).encode()))")
        seen = {subprocess.run([sys.executable, "-c", code], cwd=HERE / "differential", text=True,
                               capture_output=True, check=True,
                               env={**os.environ, "PYTHONHASHSEED": str(n)}).stdout
                for n in (1, 2)}
        self.assertEqual(len(seen), 1)

    def test_zones_hold_what_they_should(self):
        scenario = Scenario(random.Random("kinds"), 40, False, 30)
        again = [kind for zone in scenario.zones for sets in zone.sets.values()
                 for kind, (_, datas) in sets.items()
                 if rdata.record_count(kind, datas) < len(datas)]
        self.assertGreater(len(set(again)), 5)
        kinds = {kind for zone in scenario.zones for sets in zone.sets.values() for kind in sets}
        for kind in ("NS", "DS", "CNAME", "DNAME", "SRV", "HTTPS", "TYPE65280", "LOC", "TYPE26"):
            self.assertIn(kind, kinds)
        names = [name for zone in scenario.zones for name in zone.sets]
        self.assertEqual(max(map(wire.name_len, names)), wire.NAME_MAX)
        self.assertGreater(max(map(len, names)), 120)
        self.assertTrue(any(name[0] == b"*" for name in names if name))
        self.assertEqual({query.is_tcp for query, _ in scenario.pairs}, {False, True})
        root = Scenario(random.Random("root"), 4, True, 200)
        self.assertIn((), root.by_apex)
        self.assertIn(127, {len(wire.name_labels(query.name)) for query, _ in root.pairs})


class TestAnswers(unittest.TestCase):
    def test_answers_are_like_those_of_nsd_and_knot(self):
        def say(text):
            for line in text.splitlines():
                print("# " + line, flush=True)
        seed = campaign.seed_wanted()
        if seed:
            say(f"seed {seed}")
            report = campaign.run(PAIRS, seed, say=say)
        else:
            report = campaign.run_all(SCENARIOS, say=say)
        for text in report.failures_shown(FAILURES_SHOWN_OF_A_KIND) + report.lines():
            say(text)
        where = "\n".join(["", *report.failure_lines(), f"seed {seed or 'none: fixed scenarios'}"])
        self.assertLessEqual(sum(report.stalls.values()), LEFT_OUT_MAX * report.pairs, where)
        self.assertGreater(report.verdicts["same"], report.pairs / 2, where)
        self.assertGreaterEqual(report.pairs, PAIRS if seed else PAIRS_LEAST, where)
        self.assertEqual(dict(report.kinds()), {}, where)
        if not seed and not report.stalls:
            self.assertEqual(report.unused(), [], "exceptions that no question here needs")


if __name__ == "__main__":
    tap.main()
