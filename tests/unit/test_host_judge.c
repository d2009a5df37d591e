/* What hosts report, and what is found in it: control/host_judge.c.
 * links: control cluster proto base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cluster/host_probe.h"
#include "control/host_judge.h"
#include "proto/control.pb-c.h"

#define NOW UINT64_C(1790000000000)
#define DAY_MS (UINT64_C(86400) * 1000)

static struct host_findings found;

static Ctl__HostReportReply sound(void)
{
    Ctl__HostReportReply report = CTL__HOST_REPORT_REPLY__INIT;

    report.version = "0.1.0";
    report.wall_ms = NOW;
    report.is_clock_synchronised = true;
    report.sync_count = 1000;
    report.sync_p99_us = 900;
    report.disk_free = UINT64_C(50) << 30;
    report.certificate_expires_wall_ms = NOW + 200 * DAY_MS;
    report.files_max = 65536;
    report.receive_buffer_max = 4u << 20;
    return report;
}

/* ns1, sound, has asked ns2, whose report is this. */
static void judge(const Ctl__HostReportReply *report)
{
    static Ctl__HostReportReply asker;
    asker = sound();
    const struct host_view views[] = {
        {"ns1", "192.0.2.1:5302", NULL, &asker, NOW, NOW},
        {"ns2", "192.0.2.2:5302", report ? NULL : "timed out", report, NOW - 100, NOW + 100}};
    host_judge(views, 2, &found);
}

static void assert_found(bool is_error, const char *words)
{
    assert_int_equal(found.count, 1);
    assert_string_equal(found.items[0].subject, "node ns2");
    if (!strstr(found.items[0].text, words))
        fail_msg("'%s' is not in '%s'", words, found.items[0].text);
    assert_int_equal(found.items[0].is_error, is_error);
    assert_true(found.items[0].advice[0] != '\0');
}

static void test_judge_sound_hosts_nothing(void **state)
{
    Ctl__HostReportReply report = sound();

    (void)state;
    judge(&report);
    assert_int_equal(found.count, 0);
}

static void test_judge_silent_host_is_named(void **state)
{
    (void)state;
    judge(NULL);
    assert_found(true, "192.0.2.2:5302): timed out");
}

/* Its clock was read at some moment within the exchange: only what lies outside is sure. */
static void test_judge_clock_table(void **state)
{
    static const struct {
        int64_t off_ms;
        unsigned count;
        bool is_error;
        const char *words;
    } rows[] = {
        {100, 0, false, NULL},
        {600, 0, false, NULL},
        {700, 1, false, "0.6 s ahead of that of ns1"},
        {-700, 1, false, "0.6 s behind that of ns1"},
        {20000, 1, true, "19.9 s ahead of"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Ctl__HostReportReply report = sound();
        report.wall_ms = (uint64_t)((int64_t)NOW + rows[i].off_ms);
        judge(&report);
        assert_int_equal(found.count, rows[i].count);
        if (rows[i].words)
            assert_found(rows[i].is_error, rows[i].words);
    }
}

static void test_judge_one_thing_wrong_one_finding(void **state)
{
    Ctl__HostReportReply report = sound();

    (void)state;
    report.is_clock_synchronised = false;
    judge(&report);
    assert_found(false, "not synchronised");
    report = sound();
    report.sync_p99_us = 80000;
    judge(&report);
    assert_found(false, "80 ms");
    report.sync_count = 3; /* says nothing */
    judge(&report);
    assert_int_equal(found.count, 0);
    report.disk_free = UINT64_C(500) << 20;
    judge(&report);
    assert_found(false, "500 MiB");
    report.disk_free = UINT64_C(100) << 20;
    judge(&report);
    assert_found(true, "100 MiB");
    report = sound();
    report.certificate_expires_wall_ms = NOW + 3 * DAY_MS;
    judge(&report);
    assert_found(false, "in 3 days");
    report.certificate_expires_wall_ms = NOW - 1;
    judge(&report);
    assert_found(true, "expired");
    report = sound();
    report.files_max = 1024;
    judge(&report);
    assert_found(false, "1024 files");
    report = sound();
    report.receive_buffer_max = 212992;
    judge(&report);
    assert_found(false, "208 KiB");
    report = sound();
    report.version = "0.2.0";
    judge(&report);
    assert_found(false, "runs 0.2.0, and ns1 runs 0.1.0");
    report = sound();
    report.is_drained = true;
    judge(&report);
    assert_found(false, "drained");
}

static void test_judge_reach_says_from_where(void **state)
{
    Ctl__HostReportReply report = sound();
    Ctl__HostProblem problem = CTL__HOST_PROBLEM__INIT, *problems[] = {&problem};

    (void)state;
    problem.kind = HOST_PROBE_TCP;
    problem.target = "ns1";
    problem.what = "peer";
    problem.address = "192.0.2.1:5301";
    problem.problem = "no answer within 2 s";
    report.problems = problems;
    report.n_problems = 1;
    judge(&report);
    assert_found(true, "from it, peer port of ns1 (192.0.2.1:5301): no answer");
    problem.kind = HOST_PROBE_MTU;
    judge(&report);
    assert_found(false, "192.0.2.1:5301");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_sound_hosts_nothing),
        cmocka_unit_test(test_judge_silent_host_is_named),
        cmocka_unit_test(test_judge_clock_table),
        cmocka_unit_test(test_judge_one_thing_wrong_one_finding),
        cmocka_unit_test(test_judge_reach_says_from_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
