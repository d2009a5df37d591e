/* links: base */
/* Figures in Prometheus' text format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "base/metrics.h"
#include "base/process.h"

/* Takes all that was written and compares it. */
static void expect(struct metrics *metrics, const char *expected)
{
    size_t len;
    char *text = metrics_take(metrics, &len);

    assert_non_null(text);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, len);
    free(text);
}

static void test_families_have_help_and_type_and_numbers_their_form(void **state)
{
    struct metrics metrics = {0};
    const struct metrics_label labels[] = {{"zone", "example.com."}, {"result", "noerror"}};

    (void)state;
    metrics_family(&metrics, METRICS_COUNTER, "a_total", "What a is.");
    metrics_add_count(&metrics, labels, 2, UINT64_MAX);
    metrics_family(&metrics, METRICS_GAUGE, "b_seconds", "What b is.");
    metrics_add(&metrics, NULL, 0, 0.25);
    metrics_one(&metrics, METRICS_GAUGE, "c", "C.", 7);
    expect(&metrics, "# HELP a_total What a is.\n# TYPE a_total counter\n"
                     "a_total{zone=\"example.com.\",result=\"noerror\"} 18446744073709551615\n"
                     "# HELP b_seconds What b is.\n# TYPE b_seconds gauge\nb_seconds 0.25\n"
                     "# HELP c C.\n# TYPE c gauge\nc 7\n");
}

static void test_label_values_are_escaped(void **state)
{
    struct metrics metrics = {0};
    const struct metrics_label label = {"name", "q\" b\\ n\n \xc3\xa4 \xff\xc3"};

    (void)state;
    metrics_family(&metrics, METRICS_GAUGE, "x", "X.");
    metrics_add_count(&metrics, &label, 1, 1);
    expect(&metrics, "# HELP x X.\n# TYPE x gauge\n"
                     "x{name=\"q\\\" b\\\\ n\\n \xc3\xa4 ??\"} 1\n");
}

static void test_histogram_buckets_add_up(void **state)
{
    struct metrics metrics = {0};
    static struct histogram histogram;
    struct histogram_reading reading = {{0}, 0};
    const struct metrics_label label = {"operation", "X"};
    size_t len;

    (void)state;
    histogram_add(&histogram, 5000);        /* the first bound holds what is as long as it */
    histogram_add(&histogram, 5001);        /* the second */
    histogram_add(&histogram, 60000000000); /* none */
    histogram_read(&histogram, &reading);
    metrics_family(&metrics, METRICS_HISTOGRAM, "took_seconds", "How long.");
    metrics_add_histogram(&metrics, &label, 1, &reading);
    char *text = metrics_take(&metrics, &len);
    assert_non_null(text);
    text = realloc(text, len + 1);
    assert_non_null(text);
    text[len] = '\0';
    assert_non_null(strstr(text, "# TYPE took_seconds histogram\n"
                                 "took_seconds_bucket{operation=\"X\",le=\"5e-06\"} 1\n"
                                 "took_seconds_bucket{operation=\"X\",le=\"1e-05\"} 2\n"
                                 "took_seconds_bucket{operation=\"X\",le=\"2.5e-05\"} 2\n"));
    assert_non_null(strstr(text, "took_seconds_bucket{operation=\"X\",le=\"10\"} 2\n"
                                 "took_seconds_bucket{operation=\"X\",le=\"+Inf\"} 3\n"
                                 "took_seconds_sum{operation=\"X\"} 60.000010001\n"
                                 "took_seconds_count{operation=\"X\"} 3\n"));
    free(text);
}

static void test_bounds_ascend(void **state)
{
    (void)state;
    for (unsigned i = 1; i < HISTOGRAM_BOUND_COUNT; i++)
        assert_true(histogram_bound_ns(i - 1) < histogram_bound_ns(i));
}

static void test_too_much_is_told(void **state)
{
    struct metrics metrics = {0};
    static char half[METRICS_LEN_MAX / 2];
    size_t len = 1;

    (void)state;
    memset(half, ' ', sizeof(half));
    metrics_append(&metrics, half, sizeof(half));
    metrics_append(&metrics, half, sizeof(half));
    metrics_append(&metrics, "x", 1);
    assert_null(metrics_take(&metrics, &len));
    assert_int_equal(len, 0);
    metrics_one(&metrics, METRICS_GAUGE, "c", "C.", 7); /* usable again */
    expect(&metrics, "# HELP c C.\n# TYPE c gauge\nc 7\n");
}

static void test_usage_is_that_of_this_process(void **state)
{
    struct process_usage usage;

    (void)state;
    assert_int_equal(process_usage_read(&usage), 0);
    assert_true(usage.resident_octets > 4096 && usage.resident_octets % 4096 == 0);
    assert_in_range(usage.open_files, 3, usage.open_files_max);
    assert_true(usage.cpu_s >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families_have_help_and_type_and_numbers_their_form),
        cmocka_unit_test(test_label_values_are_escaped),
        cmocka_unit_test(test_histogram_buckets_add_up),
        cmocka_unit_test(test_bounds_ascend),
        cmocka_unit_test(test_too_much_is_told),
        cmocka_unit_test(test_usage_is_that_of_this_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
