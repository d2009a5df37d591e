/* links: query test_image test_route test_policy */
/* Shares of what goes by chance, over a million questions answered in batches, as the workers do:
 * within half a percent of what they should be, and chi-square. */
#include "dns/type.h"
#include "dns/wire.h"
#include "lib/test_image.h"
#include "lib/test_policy.h"
#include "lib/test_route.h"
#include "query.h"
#include "zone/image.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define QUESTIONS 200000u
#endif
#endif
#ifndef QUESTIONS
#define QUESTIONS 1000000u
#endif
enum { BATCH = 64, REPLY_SIZE = 512, SETS_MAX = 16, RECORD_LEN = 16 };

static struct zone_publisher *publisher;

struct counts {
    unsigned questions;
    unsigned first[SETS_MAX]; /* answers that begin with this record, by its last octet */
    unsigned there[SETS_MAX]; /* answers that have it */
};

static void count(const struct query_item *item, struct counts *counts)
{
    assert_int_equal(item->outcome, QUERY_ANSWERED);
    for (unsigned i = 0; i < item->reply.counts[DNS_SECTION_ANSWER]; i++) {
        const uint8_t last =
            item->reply.octets[item->reply.body_at + RECORD_LEN * i + RECORD_LEN - 1];
        assert_in_range(last, 0, SETS_MAX - 1);
        counts->first[last] += i == 0;
        counts->there[last]++;
    }
    counts->questions++;
}

/* "NAME.test. A", a million times. */
static void ask(uint8_t name, struct counts *counts)
{
    static uint8_t replies[BATCH][REPLY_SIZE];
    static struct query_item items[BATCH];
    uint8_t request[] = "\0\1\0\0\0\1\0\0\0\0\0\0\1?\4test\0\0\1\0\1";
    struct query_scratch *scratch = query_scratch_new();
    assert_non_null(scratch);
    request[13] = name;
    memset(counts, 0, sizeof *counts);
    for (uint64_t batch = 0; counts->questions < QUESTIONS; batch++) {
        const struct query_env env = {.image = zone_image_read_begin(publisher),
                                      .draw = test_policy_draw(name, batch)};
        for (unsigned i = 0; i < BATCH; i++)
            items[i] = (struct query_item){
                .request = request,
                .request_len = sizeof request - 1,
                .reply = {.octets = replies[i], .capacity = REPLY_SIZE},
            };
        query_answer_many(scratch, &env, items, BATCH);
        zone_image_read_end();
        for (unsigned i = 0; i < BATCH; i++)
            count(&items[i], counts);
    }
    query_scratch_free(scratch);
}

/* @counted of @questions against @weights; chi-square only where each question counts once. */
static void check(const char *what, const unsigned *counted, unsigned questions,
                  const double *weights, bool is_exclusive)
{
    double sum = 0, chi_square = 0, worst = 0;
    unsigned freedom = 0;
    for (unsigned i = 0; i < SETS_MAX; i++)
        sum += weights[i];
    if (!is_exclusive)
        sum = 1;
    for (unsigned i = 0; i < SETS_MAX; i++) {
        const double expected = questions * weights[i] / sum;
        const double off = fabs(counted[i] - expected) / questions;
        worst = off > worst ? off : worst;
        if (weights[i] == 0) {
            assert_int_equal(counted[i], 0);
            continue;
        }
        chi_square += (counted[i] - expected) * (counted[i] - expected) / expected;
        freedom++;
    }
    print_message("# %s: furthest off %.3f %%", what, 100 * worst);
    if (is_exclusive)
        print_message(", chi-square %.1f of %u degrees", chi_square, freedom - 1);
    print_message("\n");
    assert_true(worst < 0.005);
    if (is_exclusive)
        assert_true(chi_square < test_policy_chi_square_max(freedom - 1));
}

static void test_shares_of_weighted_sets_are_their_weights(void **state)
{
    static const double all[SETS_MAX] = {1, 2, 3, 4, 90, 0}, healthy[SETS_MAX] = {1, 2, 3, 4};
    struct counts counts;
    (void)state;
    test_route_set_health(publisher, 1, true, 1);
    ask('w', &counts);
    check("weighted", counts.first, counts.questions, all, true);
    test_route_set_health(publisher, 1, false, 2); /* the others keep their proportions */
    ask('w', &counts);
    check("weighted, one unhealthy", counts.first, counts.questions, healthy, true);
}

static void test_shares_of_all_zero_weights_are_equal(void **state)
{
    static const double equal[SETS_MAX] = {1, 1, 1};
    struct counts counts;
    (void)state;
    ask('z', &counts);
    check("all weights 0", counts.first, counts.questions, equal, true);
}

static void test_shares_of_nested_groups_are_independent(void **state)
{
    static const double quarters[SETS_MAX] = {1, 1, 1, 1};
    struct counts counts;
    (void)state;
    ask('n', &counts);
    check("two levels", counts.first, counts.questions, quarters, true);
}

static void test_shares_of_multivalue_sets_are_equal(void **state)
{
    double equal[SETS_MAX] = {0}, eight_of_twelve[SETS_MAX] = {0};
    struct counts counts;
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        equal[i] = 1;
        eight_of_twelve[i] = 8.0 / 12;
    }
    ask('m', &counts);
    check("multivalue, first", counts.first, counts.questions, equal, true);
    check("multivalue, 8 of 12", counts.there, counts.questions, eight_of_twelve, false);
}

static void test_shares_of_plain_values_in_front_are_equal(void **state)
{
    static const double equal[SETS_MAX] = {1, 1, 1, 1, 1, 1, 1};
    double always[SETS_MAX] = {1, 1, 1, 1, 1, 1, 1};
    struct counts counts;
    (void)state;
    ask('p', &counts);
    check("plain, first", counts.first, counts.questions, equal, true);
    check("plain, there", counts.there, counts.questions, always, false);
}

static int set_up(void **state)
{
    char text[1024] = "";
    (void)state;
    publisher = test_image_new();
    zone_reader_register();
    test_image_serve(publisher, "test.", "@ 60 SOA ns h 1 7200 900 1209600 60\n@ 60 NS ns\n");
    test_route_put(
        publisher, "test.",
        "w 60 A a weighted weight=1 = 192.0.2.0\nw 60 A b weighted weight=2 = 192.0.2.1\n"
        "w 60 A c weighted weight=3 = 192.0.2.2\nw 60 A d weighted weight=4 = 192.0.2.3\n"
        "w 60 A e weighted weight=90 check=1 = 192.0.2.4\n"
        "w 60 A f weighted weight=0 = 192.0.2.5\n"
        "z 60 A a weighted weight=0 = 192.0.2.0\nz 60 A b weighted weight=0 = 192.0.2.1\n"
        "z 60 A c weighted weight=0 = 192.0.2.2\n"
        "n 0 A a weighted weight=5 => na\nn 0 A b weighted weight=5 => nb\n"
        "na 60 A a weighted weight=7 = 192.0.2.0\nna 60 A b weighted weight=7 = 192.0.2.1\n"
        "nb 60 A a weighted weight=9 = 192.0.2.2\nnb 60 A b weighted weight=9 = 192.0.2.3\n"
        "p 60 A - simple = 192.0.2.0; 192.0.2.1; 192.0.2.2; 192.0.2.3; 192.0.2.4; "
        "192.0.2.5; 192.0.2.6\n");
    for (unsigned i = 0; i < 12; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "m 60 A %u multi = 192.0.2.%u\n",
                 i, i);
    test_route_put(publisher, "test.", text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zone_reader_unregister();
    test_image_free(publisher);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares_of_weighted_sets_are_their_weights),
        cmocka_unit_test(test_shares_of_all_zero_weights_are_equal),
        cmocka_unit_test(test_shares_of_nested_groups_are_independent),
        cmocka_unit_test(test_shares_of_multivalue_sets_are_equal),
        cmocka_unit_test(test_shares_of_plain_values_in_front_are_equal),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
