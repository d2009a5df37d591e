/* How often chance and hashing choose each set: chi-square against the weights. The draws are a
 * fixed sequence, so a result never changes by itself.
 * links: test_policy policy geo base */
#include "lib/test_policy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DRAWS 1000000u
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SETS_MAX 8u

struct shares_row {
    uint32_t weights[SETS_MAX]; /* of sets a, b, … */
    unsigned count;
    const char *unhealthy;
};

static const struct shares_row rows[] = {
    {{1, 1}, 2, ""},
    {{3, 1}, 2, ""},
    {{255, 1}, 2, ""},
    {{10, 20, 30, 40}, 4, ""},
    {{10, 20, 30, 40}, 4, "d"},
    {{10, 20, 30, 40}, 4, "bd"},
    {{10, 20, 30, 40}, 4, "abcd"}, /* as if all were healthy */
    {{255, 128, 64, 32, 16, 8, 4, 2}, 8, "a"},
    {{255, 128, 64, 32, 16, 8, 4, 2}, 8, "abce"},
    {{255, 255, 255, 1, 1}, 5, "abc"}, /* what is left after nearly all the weight is gone */
    {{7, 0, 5, 0, 0}, 5, ""},
    {{7, 0, 5, 0, 0}, 5, "ac"}, /* weights 0: each as likely as the other */
    {{7, 0, 5, 0, 0}, 5, "acd"},
    {{7, 0, 5, 0, 0}, 5, "abcde"},
    {{0, 0, 0, 0}, 4, ""},
    {{0, 0, 0, 0}, 4, "b"},
    {{0, 0, 0, 0}, 4, "abcd"},
};

static struct policy_group *group_new(const uint32_t *weights, unsigned count, bool is_sticky,
                                      enum policy_kind kind)
{
    struct test_policy_set sets[SETS_MAX] = {{0}};
    for (unsigned i = 0; i < count; i++)
        sets[i] = (struct test_policy_set){.letter = (char)('a' + i), .key = weights[i]};
    const struct test_policy_spec spec = {kind, is_sticky, sets, count};
    return test_policy_group(&spec);
}

/* The chances of a row, from the rule and not from the code: w over the sum of the healthy w; those
 * of weight 0 only when no other is healthy; unhealthy ones only when all are. */
static void expect(const struct shares_row *row, double shares[SETS_MAX])
{
    bool is_eligible[SETS_MAX];
    double sum = 0, eligible = 0;
    for (unsigned i = 0; i < row->count; i++)
        is_eligible[i] =
            strlen(row->unhealthy) == row->count || strchr(row->unhealthy, 'a' + (int)i) == NULL;
    for (unsigned i = 0; i < row->count; i++) {
        sum += is_eligible[i] ? row->weights[i] : 0;
        eligible += is_eligible[i];
    }
    for (unsigned i = 0; i < row->count; i++)
        shares[i] = !is_eligible[i] ? 0 : sum > 0 ? row->weights[i] / sum : 1 / eligible;
}

static double chi_square(const unsigned *seen, const double *shares, unsigned count, unsigned draws,
                         unsigned *freedom)
{
    double sum = 0;
    *freedom = 0;
    for (unsigned i = 0; i < count; i++) {
        const double expected = shares[i] * draws, off = seen[i] - expected;
        if (shares[i] <= 0) {
            assert_int_equal(seen[i], 0);
            continue;
        }
        assert_true(expected >= 5); /* or the statistic would not follow chi-square */
        sum += off * off / expected;
        (*freedom)++;
    }
    (*freedom)--;
    return sum;
}

static void check_chi_square(const char *what, const unsigned *seen, const double *shares,
                             unsigned count, unsigned draws)
{
    unsigned freedom;
    const double sum = chi_square(seen, shares, count, draws, &freedom);
    if (freedom == 0)
        return;
    const double max = test_policy_chi_square_max(freedom);
    print_message("%s: chi-square %.2f of %u degrees, limit %.2f\n", what, sum, freedom, max);
    assert_true(sum <= max);
}

static void check_row(unsigned number, bool is_sticky, unsigned draws)
{
    const struct shares_row *row = &rows[number];
    struct policy_group *group = group_new(row->weights, row->count, is_sticky, POLICY_WEIGHTED);
    unsigned seen[SETS_MAX] = {0};
    double shares[SETS_MAX];
    char what[80];
    for (unsigned i = 0; i < draws; i++) {
        const uint64_t draw = test_policy_draw(100 + number, i);
        const struct policy_client client = {.hash = is_sticky ? draw : 0};
        const unsigned index =
            test_policy_choose(group, &client, is_sticky ? 0 : draw, row->unhealthy);
        seen[test_policy_letter(group, index) - 'a']++;
    }
    expect(row, shares);
    for (unsigned i = 0; i < row->count && draws >= DRAWS; i++)
        assert_true(fabs((double)seen[i] / draws - shares[i]) < 0.005 * shares[i] + 0.0005);
    snprintf(what, sizeof what, "row %u%s", number, is_sticky ? ", sticky" : "");
    check_chi_square(what, seen, shares, row->count, draws);
    free(group);
}

static void test_weighted_first_healthy_follows_healthy_weights(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        check_row(i, false, 2 * DRAWS / COUNT_OF(rows));
}

static void test_sticky_first_healthy_follows_healthy_weights(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        check_row(i, true, 2 * DRAWS / COUNT_OF(rows));
}

/* Four weights, the same with two of them down, and what is left when nearly all the weight is. */
static void test_shares_of_a_million_are_within_half_a_percent(void **state)
{
    (void)state;
    static const unsigned numbers[] = {3, 5, 9};
    for (unsigned i = 0; i < COUNT_OF(numbers); i++)
        check_row(numbers[i], false, DRAWS);
}

/* All orders of four sets: the chance of each is the product of the shares of what is left. */
static void test_weighted_orders_are_those_of_draws_without_repetition(void **state)
{
    (void)state;
    static const uint32_t weights[4] = {1, 2, 4, 9};
    struct policy_group *group = group_new(weights, 4, false, POLICY_WEIGHTED);
    const struct policy_client client = {0};
    unsigned seen[256] = {0};
    double shares[256] = {0};
    char order[POLICY_SETS_MAX + 1];
    for (unsigned i = 0; i < DRAWS / 4; i++) {
        unsigned code = 0;
        test_policy_order(group, &client, test_policy_draw(7, i), order);
        for (unsigned k = 0; k < 4; k++)
            code = code << 2 | (unsigned)(order[k] - 'a');
        seen[code]++;
    }
    for (unsigned code = 0; code < 256; code++) {
        unsigned used = 0, left = 16;
        shares[code] = 1;
        for (unsigned k = 0; k < 4; k++) {
            const unsigned at = code >> (6 - 2 * k) & 3;
            shares[code] *= (used >> at & 1) != 0 ? 0 : (double)weights[at] / left;
            used |= 1u << at;
            left -= weights[at];
        }
    }
    check_chi_square("orders", seen, shares, 256, DRAWS / 4);
    free(group);
}

/* All pairs of places and sets, and all ordered triples that may come first. */
static void test_multivalue_orders_are_all_as_likely(void **state)
{
    (void)state;
    static const uint32_t weights[6] = {0};
    struct policy_group *group = group_new(weights, 6, false, POLICY_MULTIVALUE);
    const struct policy_client client = {0};
    unsigned triples[216] = {0}, lasts[6] = {0};
    double triple_shares[216], last_shares[6];
    char order[POLICY_SETS_MAX + 1];
    for (unsigned i = 0; i < DRAWS / 4; i++) {
        test_policy_order(group, &client, test_policy_draw(8, i), order);
        triples[(order[0] - 'a') * 36 + (order[1] - 'a') * 6 + (order[2] - 'a')]++;
        lasts[order[5] - 'a']++;
    }
    for (unsigned i = 0; i < 216; i++) {
        const unsigned a = i / 36, b = i / 6 % 6, c = i % 6;
        triple_shares[i] = a == b || b == c || a == c ? 0 : 1 / 120.0;
        last_shares[i % 6] = 1 / 6.0;
    }
    check_chi_square("triples", triples, triple_shares, 216, DRAWS / 4);
    check_chi_square("lasts", lasts, last_shares, 6, DRAWS / 4);
    free(group);
}

/* Eight answers of twelve: each set is in two thirds of them. */
static void test_multivalue_eight_of_twelve_share_alike(void **state)
{
    (void)state;
    struct test_policy_set sets[12] = {{0}};
    for (unsigned i = 0; i < 12; i++)
        sets[i].letter = (char)('a' + i);
    const struct test_policy_spec spec = {POLICY_MULTIVALUE, false, sets, 12};
    struct policy_group *group = test_policy_group(&spec);
    const struct policy_client client = {0};
    unsigned seen[12] = {0};
    static struct policy_ranking ranking;
    for (unsigned i = 0; i < 60000; i++) {
        policy_rank_begin(&ranking, group, &client, test_policy_draw(9, i));
        for (unsigned k = 0; k < POLICY_MULTIVALUE_MAX; k++)
            seen[test_policy_letter(group, policy_rank_next(&ranking)) - 'a']++;
    }
    for (unsigned i = 0; i < 12; i++) /* 40,000 each; a deviation is about 115 */
        assert_in_range(seen[i], 39500, 40500);
    free(group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weighted_first_healthy_follows_healthy_weights),
        cmocka_unit_test(test_sticky_first_healthy_follows_healthy_weights),
        cmocka_unit_test(test_shares_of_a_million_are_within_half_a_percent),
        cmocka_unit_test(test_weighted_orders_are_those_of_draws_without_repetition),
        cmocka_unit_test(test_multivalue_orders_are_all_as_likely),
        cmocka_unit_test(test_multivalue_eight_of_twelve_share_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
