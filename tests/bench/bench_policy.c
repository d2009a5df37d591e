/* links: test_policy policy geo base */
/* bench_policy: nanoseconds of one decision of each policy on one thread, in groups of 4, 200 and
 * 1,000 sets, for 4,096 clients in turn: the first candidate, the first two, the first eight. The
 * tables of places are not part of it (what they know is handed in). */
#include "lib/test_policy.h"

#include "geo/latency.h"
#include "geo/location.h"
#include "geo/region.h"
#include "policy/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CLIENTS 4096u
#define ROUNDS 5u /* the fastest counts */
#define ROUND_NS 20e6

struct world {
    struct geo_regions *regions;
    struct geo_latency *latency;
    struct geo_location locations[CLIENTS];
    uint64_t hashes[CLIENTS];
};

/* Of this thread alone, as other processes may run. */
static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void world_init(struct world *world)
{
    struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST];
    int ms[GEO_REGIONS_MAX];
    for (unsigned i = 0; i < GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST; i++) {
        const uint64_t draw = test_policy_draw(1, i);
        own[i] = (struct geo_region){.name = "region",
                                     .latitude_cdeg = (int16_t)((int)(draw % 14001) - 7000),
                                     .longitude_cdeg = (int16_t)((int)(draw >> 40) % 18001)};
    }
    for (unsigned i = 0; i < GEO_REGIONS_MAX; i++)
        ms[i] = 5 + (int)(test_policy_draw(2, i) % 300);
    if (geo_regions_new(own, &world->regions) != 0)
        exit(1);
    world->latency = test_policy_latency(ms);
    for (unsigned i = 0; i < CLIENTS; i++) {
        const uint64_t draw = test_policy_draw(3, i);
        world->hashes[i] = draw;
        world->locations[i] =
            (struct geo_location){.continent_key = (uint32_t)(1 + draw % 1200),
                                  .country_key = (uint32_t)(1 + (draw >> 16) % 1200),
                                  .subdivision_key = (uint32_t)(1 + (draw >> 32) % 1200),
                                  .latitude_cdeg = (int16_t)((int)(draw % 14001) - 7000),
                                  .longitude_cdeg = (int16_t)((int)(draw >> 40) % 18001)};
    }
}

struct bench {
    const char *name;
    enum policy_kind kind;
    bool is_sticky, has_table, has_bias;
};

static const struct bench benches[] = {
    {.name = "simple, failover", .kind = POLICY_FAILOVER},
    {.name = "weighted", .kind = POLICY_WEIGHTED},
    {.name = "weighted, sticky", .kind = POLICY_WEIGHTED, .is_sticky = true},
    {.name = "latency, measured", .kind = POLICY_LATENCY, .has_table = true},
    {.name = "latency, by distance", .kind = POLICY_LATENCY},
    {.name = "geolocation", .kind = POLICY_GEOLOCATION},
    {.name = "geoproximity", .kind = POLICY_GEOPROXIMITY},
    {.name = "geoproximity, biased", .kind = POLICY_GEOPROXIMITY, .has_bias = true},
    {.name = "multivalue", .kind = POLICY_MULTIVALUE},
    {.name = "IP-based", .kind = POLICY_IP_BASED},
};

static struct policy_group *group_new(const struct bench *bench, unsigned count)
{
    static struct test_policy_set sets[POLICY_SETS_MAX];
    for (unsigned i = 0; i < count; i++) {
        const uint64_t draw = test_policy_draw(4, i);
        sets[i] = (struct test_policy_set){.letter = (char)(i % 128)};
        sets[i].has_place = bench->kind == POLICY_GEOPROXIMITY;
        sets[i].latitude_deg = (int)(draw % 141) - 70;
        sets[i].longitude_deg = (int)(draw >> 40) % 180;
        sets[i].bias = bench->has_bias ? (int)(draw >> 20) % 99 : 0;
        if (bench->kind == POLICY_WEIGHTED)
            sets[i].key = 1 + (uint32_t)(draw % 255);
        else if (bench->kind == POLICY_LATENCY)
            sets[i].key = 128 + i % 128;
        else
            sets[i].key = i;
    }
    const struct test_policy_spec spec = {bench->kind, bench->is_sticky, sets, count};
    return test_policy_group(&spec);
}

/* So that the compiler keeps what made it. */
static void use(unsigned value)
{
    __asm__ volatile("" : : "r"(value));
}

/* One decision: @wanted candidates. */
static unsigned decide(const struct world *world, const struct bench *bench,
                       const struct policy_group *group, unsigned number, unsigned wanted)
{
    struct policy_ranking ranking;
    const unsigned i = number % CLIENTS;
    const struct policy_client client = {
        .hash = world->hashes[i],
        .location = &world->locations[i],
        .latency = bench->has_table ? test_policy_row(world->latency) : NULL,
        .regions = world->regions,
        .cidr_location = world->locations[i].country_key,
    };
    unsigned sum = 0;
    policy_rank_begin(&ranking, group, &client, world->hashes[i] * number);
    for (unsigned k = 0; k < wanted; k++)
        sum += policy_rank_next(&ranking);
    return sum;
}

static double measure(const struct world *world, const struct bench *bench,
                      const struct policy_group *group, unsigned wanted)
{
    double best_ns = 1e12;
    unsigned decisions = 64;
    for (unsigned round = 0; round < ROUNDS;) {
        const double start_ns = now_ns();
        for (unsigned i = 0; i < decisions; i++)
            use(decide(world, bench, group, i, wanted));
        const double spent_ns = now_ns() - start_ns;
        if (spent_ns < ROUND_NS / 2) {
            decisions *= 2;
            continue;
        }
        best_ns = spent_ns / decisions < best_ns ? spent_ns / decisions : best_ns;
        round++;
    }
    return best_ns;
}

static void measure_health(void)
{
    struct policy_health *health;
    const unsigned looks = 10000000;
    if (policy_health_new(&health) != 0)
        exit(1);
    for (uint32_t slot = 1; slot < 10000; slot++)
        if (policy_health_set(health, slot, POLICY_HEALTH_UNHEALTHY, slot) != 0)
            exit(1);
    const double start_ns = now_ns();
    for (uint32_t i = 0; i < looks; i++)
        use(policy_health_get(health, i * 7919u % 10000u));
    printf("health octet: %.1f ns\n", (now_ns() - start_ns) / looks);
    policy_health_free(health);
}

int main(void)
{
    static const unsigned counts[] = {4, 200, 1000}, wanted[] = {1, 2, 8};
    static struct world world;
    world_init(&world);
    printf("ns a decision%20s", "");
    for (unsigned i = 0; i < 3; i++)
        printf("  %4u sets: 1st      2    8", counts[i]);
    printf("\n");
    for (unsigned b = 0; b < sizeof benches / sizeof benches[0]; b++) {
        printf("%-33s", benches[b].name);
        for (unsigned i = 0; i < 3; i++) {
            struct policy_group *group = group_new(&benches[b], counts[i]);
            for (unsigned k = 0; k < 3; k++)
                printf(" %8.0f", measure(&world, &benches[b], group, wanted[k]));
            free(group);
        }
        printf("\n");
        fflush(stdout);
    }
    measure_health();
    geo_latency_unref(world.latency);
    geo_regions_unref(world.regions);
    return 0;
}
