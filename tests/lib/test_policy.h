/* tests/lib/test_policy.h: groups of record sets that tests write down as tables. Aborts on any
 * mistake in them. */
#pragma once

#include "geo/region.h"
#include "policy/policy.h"

struct geo_latency;
struct geo_latency_row;

struct test_policy_set {
    char letter; /* what the test calls it */
    uint32_t key;
    int latitude_deg, longitude_deg; /* with has_place */
    int bias;
    bool has_place;
};

struct test_policy_spec {
    enum policy_kind kind;
    bool is_sticky;
    const struct test_policy_set *sets;
    unsigned count; /* 0: those before the first without a letter */
};

/* A group of the sets, in the order that the room wants them; free() it. Identifiers' hashes come
 * from the letters. */
struct policy_group *test_policy_group(const struct test_policy_spec *spec);
/* The letter of a candidate. */
char test_policy_letter(const struct policy_group *group, unsigned index);
/* All candidates in the order of their ranking, as letters. */
void test_policy_order(const struct policy_group *group, const struct policy_client *client,
                       uint64_t draw, char out[POLICY_SETS_MAX + 1]);
/* The index of the first candidate whose letter is not in @unhealthy; when there is none, the first
 * of all: what a question's own group answers (route53.md 6.2). POLICY_INDEX_NONE: no candidate. */
unsigned test_policy_choose(const struct policy_group *group, const struct policy_client *client,
                            uint64_t draw, const char *unhealthy);
/* The n-th number of a fixed sequence that looks random: SipHash of @n, so not of the room's own
 * making. */
uint64_t test_policy_draw(uint64_t seed, uint64_t n);
/* The value that chi-square of @freedom degrees exceeds once in 10,000 times. */
double test_policy_chi_square_max(unsigned freedom);

/* A table of round-trip times, by region number, for one prefix; negative: not known. Give it back
 * with geo_latency_unref(). */
struct geo_latency *test_policy_latency(const int ms[GEO_REGIONS_MAX]);
/* The row of that prefix; NULL: nothing is known. */
const struct geo_latency_row *test_policy_row(const struct geo_latency *latency);
