/* What rankings promise beyond their tables: every set once, the same for the same arguments,
 * sticky choices that move as little as they can, and true logarithms.
 * links: test_policy policy geo base */
#include "lib/test_policy.h"
#include "policy/internal.h"

#include "geo/latency.h"
#include "geo/location.h"
#include "geo/region.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PREFIXES 100000u
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- sticky ---- */

static const struct test_policy_set five[] = {
    {'a', .key = 10}, {'b', .key = 20}, {'c', .key = 30}, {'d', .key = 40}, {'e', .key = 100}};

static struct policy_group *sticky_group(const struct test_policy_set *sets, unsigned count)
{
    const struct test_policy_spec spec = {POLICY_WEIGHTED, true, sets, count};
    return test_policy_group(&spec);
}

/* How the choices of all prefixes differ between two groups or healths. */
struct movement {
    unsigned before[128], after[128]; /* prefixes by their choice */
    unsigned moved, moved_from[128], moved_to[128];
};

static void move(const struct policy_group *old, const char *old_unhealthy,
                 const struct policy_group *new, const char *new_unhealthy, struct movement *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < PREFIXES; i++) {
        const struct policy_client client = {.hash = test_policy_draw(20, i)};
        /* Other draws, as each query has its own: they must not matter. */
        const unsigned from = (unsigned char)test_policy_letter(
            old, test_policy_choose(old, &client, test_policy_draw(21, i), old_unhealthy));
        const unsigned to = (unsigned char)test_policy_letter(
            new, test_policy_choose(new, &client, test_policy_draw(22, i), new_unhealthy));
        out->before[from]++;
        out->after[to]++;
        out->moved += from != to;
        out->moved_from[from] += from != to;
        out->moved_to[to] += from != to;
    }
}

static void test_sticky_set_that_fails_moves_its_own_clients_only(void **state)
{
    (void)state;
    struct policy_group *group = sticky_group(five, 5);
    for (unsigned i = 0; i < 5; i++) {
        const unsigned letter = 'a' + i;
        const char unhealthy[] = {(char)letter, '\0'};
        struct movement movement;
        move(group, "", group, unhealthy, &movement);
        const double share = five[i].key / 200.0;
        assert_true(fabs(movement.before[letter] / (double)PREFIXES - share) < 0.006);
        assert_int_equal(movement.moved, movement.before[letter]);
        assert_int_equal(movement.moved_from[letter], movement.moved);
        assert_int_equal(movement.after[letter], 0);
        print_message("%c, weight %u of 200: %u of %u prefixes moved\n", letter, five[i].key,
                      movement.moved, PREFIXES);
    }
    free(group);
}

static void test_sticky_set_that_is_removed_moves_its_own_clients_only(void **state)
{
    (void)state;
    struct policy_group *all = sticky_group(five, 5);
    for (unsigned gone = 0; gone < 5; gone++) {
        struct test_policy_set left[4];
        for (unsigned i = 0, count = 0; i < 5; i++)
            if (i != gone)
                left[count++] = five[i];
        struct policy_group *others = sticky_group(left, 4);
        struct movement away, back;
        move(all, "", others, "", &away);
        assert_int_equal(away.moved, away.before['a' + gone]);
        assert_int_equal(away.moved_from['a' + gone], away.moved);
        move(others, "", all, "", &back); /* and adding takes no more than its share */
        assert_int_equal(back.moved, back.moved_to['a' + gone]);
        assert_int_equal(back.moved, away.moved);
        free(others);
    }
    free(all);
}

static void test_sticky_change_of_weight_moves_to_or_from_that_set_only(void **state)
{
    (void)state;
    struct test_policy_set changed[5];
    struct movement movement;
    struct policy_group *old = sticky_group(five, 5);
    memcpy(changed, five, sizeof five);
    changed[2].key = 80; /* c: 30 of 200 to 80 of 250 */
    struct policy_group *new = sticky_group(changed, 5);
    move(old, "", new, "", &movement);
    assert_int_equal(movement.moved, movement.moved_to['c']);
    assert_true(fabs(movement.moved / (double)PREFIXES - (80 / 250.0 - 30 / 200.0)) < 0.006);
    move(new, "", old, "", &movement);
    assert_int_equal(movement.moved, movement.moved_from['c']);
    free(new);
    changed[2].key = 0;
    new = sticky_group(changed, 5);
    move(old, "", new, "", &movement);
    assert_int_equal(movement.moved, movement.before['c']);
    assert_int_equal(movement.moved, movement.moved_from['c']);
    free(new);
    free(old);
}

/* ---- races ---- */

static void test_race_is_a_logarithm_by_weight(void **state)
{
    (void)state;
    double worst = 0;
    for (unsigned i = 0; i < 200000; i++) {
        /* All sizes, and many close to 1, where the winners of big groups are. */
        const uint64_t draw = test_policy_draw(30, i);
        const uint64_t hash = i % 2 != 0 ? draw >> (i / 2 % 60) : ~(draw >> (i / 2 % 60));
        const uint64_t race = policy__race(hash, 1);
        const double missing = 64 - (double)log2l((long double)(hash < 2 ? 2 : hash));
        const double off = fabs((double)race / 65536 / 2147483648.0 - missing);
        assert_true(off < 1.5e-8 && off < 5e-6 * missing + 2e-9);
        worst = off > worst ? off : worst;
        assert_int_equal(policy__race(hash, 255), race / 255);
        assert_int_equal(policy__race(hash, 7), race / 7);
    }
    print_message("log2: off by %.2g at most\n", worst);
}

static void test_race_is_monotonous_and_bounded(void **state)
{
    (void)state;
    const uint64_t zero = UINT64_C(1) << 53;
    for (unsigned bit = 2; bit < 64; bit++) /* at the octaves' and some cells' ends */
        for (unsigned cell = 0; cell < 256; cell++) {
            const uint64_t hash =
                (UINT64_C(1) << bit) + (uint64_t)((double)cell / 256 * pow(2, bit));
            assert_true(policy__race(hash, 1) <= policy__race(hash - 1, 1));
        }
    assert_int_equal(policy__race(0, 1), policy__race(2, 1));
    assert_in_range(policy__race(UINT64_MAX, 1) >> 16, 0, 1);
    assert_true(policy__race(0, 1) < zero); /* any weight is before none */
    assert_int_equal(policy__race(0, 0), zero);
    assert_int_equal(policy__race(UINT64_MAX, 0), 2 * zero - 1);
}

static void test_part_is_the_high_half_of_the_product(void **state)
{
    (void)state;
    assert_int_equal(policy__part(0, 7), 0);
    assert_int_equal(policy__part(UINT64_MAX, 7), 6);
    assert_int_equal(policy__part(UINT64_MAX, UINT32_MAX), UINT32_MAX - 1);
    assert_int_equal(policy__part(UINT64_C(1) << 63, 255000), 127500);
    assert_int_equal(policy__part((UINT64_C(1) << 63) - 1, 255000), 127499);
    for (unsigned i = 0; i < 1000; i++) {
        const uint64_t draw = test_policy_draw(31, i);
        const uint32_t count = (uint32_t)test_policy_draw(32, i);
        assert_int_equal(policy__part(draw, count),
                         (uint64_t)((unsigned __int128)draw * count >> 64));
    }
}

static void test_hash_is_splitmix64(void **state)
{
    (void)state;
    /* The first outputs of splitmix64 (Steele, Lea and Flood 2014) for the seed 1234567. */
    static const uint64_t outputs[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                       UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                       UINT64_C(16408922859458223821)};
    for (unsigned i = 0; i < COUNT_OF(outputs); i++)
        assert_true(policy__hash(1234567, i + 1) == outputs[i]);
}

/* ---- every policy ---- */

struct world {
    struct geo_regions *regions;
    struct geo_location locations[8];
    struct geo_latency *latency[4];
};

static void world_init(struct world *world)
{
    struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST];
    memset(own, 0, sizeof own);
    for (unsigned i = 0; i < 100; i++) {
        const uint64_t draw = test_policy_draw(40, i);
        own[i].name[0] = 'r';
        own[i].latitude_cdeg = (int16_t)((int)(draw % 18001) - 9000);
        own[i].longitude_cdeg = (int16_t)((int)(draw >> 32) % 18001);
    }
    assert_int_equal(geo_regions_new(own, &world->regions), 0);
    for (unsigned i = 0; i < 8; i++) {
        const uint64_t draw = test_policy_draw(41, i);
        world->locations[i] = (struct geo_location){
            .continent_key = (uint32_t)(1 + draw % 5),
            .country_key = (uint32_t)(10 + draw % 7),
            .subdivision_key = i % 2 != 0 ? (uint32_t)(20 + draw % 9) : GEO_KEY_NONE,
            .latitude_cdeg = (int16_t)((int)(draw % 18001) - 9000),
            .longitude_cdeg = (int16_t)((int)(draw >> 32 & 0xffff) % 36001 - 18000)};
    }
    for (unsigned i = 0; i < 4; i++) {
        int ms[GEO_REGIONS_MAX];
        for (unsigned k = 0; k < GEO_REGIONS_MAX; k++) {
            const uint64_t draw = test_policy_draw(42 + i, k);
            ms[k] = k == 0 || draw % 3 == 0 ? -1 : (int)(draw >> 40) % 400;
        }
        world->latency[i] = test_policy_latency(ms);
    }
}

static void world_fini(struct world *world)
{
    for (unsigned i = 0; i < 4; i++)
        geo_latency_unref(world->latency[i]);
    geo_regions_unref(world->regions);
}

static struct policy_client client_of(const struct world *world, uint64_t draw)
{
    return (struct policy_client){
        .hash = draw,
        .location = draw % 5 == 0 ? NULL : &world->locations[draw >> 8 & 7],
        .latency = draw % 3 == 0 ? NULL : test_policy_row(world->latency[draw >> 16 & 3]),
        .regions = draw % 7 == 0 ? NULL : world->regions,
        .cidr_location = (uint32_t)(draw >> 24 & 31),
    };
}

static struct policy_group *random_group(enum policy_kind kind, unsigned count, uint64_t seed)
{
    struct test_policy_set *sets = calloc(count, sizeof *sets);
    assert_non_null(sets);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t draw = test_policy_draw(seed, i);
        sets[i] = (struct test_policy_set){
            .letter = (char)(1 + i % 100),
            .key = kind == POLICY_WEIGHTED ? (uint32_t)(draw % 4 == 0 ? 0 : draw >> 8 & 255)
                   : kind == POLICY_LATENCY || kind == POLICY_GEOPROXIMITY
                       ? (uint32_t)(120 + draw % 120)
                       : i,
            .latitude_deg = (int)(draw >> 16 & 127) - 63,
            .longitude_deg = (int)(draw >> 24 & 255) - 127,
            .bias = (int)(draw >> 32) % 100,
            .has_place = kind == POLICY_GEOPROXIMITY && draw >> 40 % 2 != 0,
        };
    }
    const struct test_policy_spec spec = {kind, seed % 2 != 0, sets, count};
    struct policy_group *group = test_policy_group(&spec);
    free(sets);
    return group;
}

/* Each candidate once; all of them unless sets are looked up. Returns the number. */
static unsigned check_each_once(const struct policy_group *group,
                                const struct policy_client *client, uint64_t draw)
{
    static struct policy_ranking ranking, other;
    bool is_seen[POLICY_SETS_MAX] = {false};
    unsigned count = 0, index;
    policy_rank_begin(&ranking, group, client, draw);
    memset(&other, 0x5a, sizeof other);
    policy_rank_begin(&other, group, client, draw);
    while ((index = policy_rank_next(&ranking)) != POLICY_INDEX_NONE) {
        assert_in_range(index, 0, group->count - 1u);
        assert_false(is_seen[index]);
        is_seen[index] = true;
        assert_int_equal(policy_rank_next(&other), index);
        count++;
    }
    assert_int_equal(policy_rank_next(&ranking), POLICY_INDEX_NONE);
    assert_int_equal(policy_rank_next(&other), POLICY_INDEX_NONE);
    return count;
}

static void test_rank_gives_each_candidate_once_whatever_the_storage_held(void **state)
{
    (void)state;
    static const unsigned counts[] = {1, 2, 3, 7, 8, 9, 64, 200, POLICY_SETS_MAX};
    struct world world;
    world_init(&world);
    for (unsigned kind = 0; kind < POLICY_KIND_COUNT; kind++)
        for (unsigned i = 0; i < 2 * COUNT_OF(counts); i++) {
            struct policy_group *group =
                random_group((enum policy_kind)kind, counts[i / 2], 50 + i);
            for (unsigned k = 0; k < 20; k++) {
                const uint64_t draw = test_policy_draw(51, k);
                const struct policy_client client = client_of(&world, test_policy_draw(52, k));
                const unsigned given = check_each_once(group, &client, draw);
                if (kind == POLICY_GEOLOCATION || kind == POLICY_IP_BASED)
                    assert_in_range(given, 0, kind == POLICY_IP_BASED ? 2 : 4);
                else
                    assert_int_equal(given, group->count);
            }
            free(group);
        }
    world_fini(&world);
}

/* Binary search against looking at each. */
static void test_geolocation_finds_what_a_scan_finds(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 40; count++) {
        struct test_policy_set sets[40] = {{0}};
        for (unsigned i = 0; i < count; i++)
            sets[i] = (struct test_policy_set){.letter = (char)(1 + i), .key = 3 * i + 2};
        const struct test_policy_spec spec = {POLICY_GEOLOCATION, false, sets, count};
        struct policy_group *group = test_policy_group(&spec);
        for (uint32_t key = 1; key < 125; key++) {
            const struct geo_location location = {.country_key = key};
            const struct policy_client client = {.location = &location};
            char order[POLICY_SETS_MAX + 1];
            test_policy_order(group, &client, 0, order);
            const bool is_there = key % 3 == 2 && key < 3 * count + 2;
            assert_int_equal(strlen(order), is_there);
            assert_int_equal(order[0], is_there ? (int)(1 + (key - 2) / 3) : 0);
        }
        free(group);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sticky_set_that_fails_moves_its_own_clients_only),
        cmocka_unit_test(test_sticky_set_that_is_removed_moves_its_own_clients_only),
        cmocka_unit_test(test_sticky_change_of_weight_moves_to_or_from_that_set_only),
        cmocka_unit_test(test_race_is_a_logarithm_by_weight),
        cmocka_unit_test(test_race_is_monotonous_and_bounded),
        cmocka_unit_test(test_part_is_the_high_half_of_the_product),
        cmocka_unit_test(test_hash_is_splitmix64),
        cmocka_unit_test(test_rank_gives_each_candidate_once_whatever_the_storage_held),
        cmocka_unit_test(test_geolocation_finds_what_a_scan_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
