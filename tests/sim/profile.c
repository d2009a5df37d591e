/* tests/sim/profile.c: themes. Each draws around what makes one kind of fault likely; `mixed` draws
 * a little of everything. */
#include "sim/profile.h"

#include <stddef.h>
#include <string.h>

#include "sim/alloc.h"

typedef void (*theme_cb)(struct profile *profile, struct rng *rng);

static uint32_t between(struct rng *rng, uint32_t low, uint32_t high)
{
    return (uint32_t)rng_between(rng, low, high);
}

static void draw_cluster(struct profile *profile, struct rng *rng)
{
    static const uint32_t sizes[][2] = {{1, 0}, {3, 0}, {3, 0}, {3, 1}, {5, 0}, {5, 2}, {3, 2}};
    uint64_t size = rng_below(rng, sizeof sizes / sizeof sizes[0]);
    profile->voters = sizes[size][0];
    profile->learners = sizes[size][1];
    profile->grows = rng_chance(rng, 150);
    profile->election_ms = between(rng, 150, 400);
    profile->heartbeat_ms = profile->election_ms / between(rng, 4, 8);
    profile->tick_ms = profile->heartbeat_ms / 2;
}

/* The ground that all themes stand on. */
static void draw_common(struct profile *profile, struct rng *rng)
{
    draw_cluster(profile, rng);
    profile->delay_min_us = between(rng, 50, 500);
    profile->delay_max_us = profile->delay_min_us + between(rng, 100, 8000);
    profile->loss_pm = rng_chance(rng, 500) ? between(rng, 0, 50) : 0;
    profile->duplicate_pm = rng_chance(rng, 500) ? between(rng, 0, 80) : 0;
    profile->spike_pm = rng_chance(rng, 500) ? between(rng, 0, 20) : 0;
    profile->spike_ms = between(rng, 10, 1500);
    profile->keeps_order = rng_chance(rng, 500);
    profile->write_min_us = between(rng, 50, 300);
    profile->write_max_us = profile->write_min_us + between(rng, 100, 5000);
    profile->slow_ms = between(rng, 5, 300);
    profile->apply_max_us = rng_chance(rng, 500) ? between(rng, 0, 20000) : 0;
    profile->flush_ms = between(rng, 100, 2000);
    profile->keep_entries = between(rng, 0, 100);
    profile->transfer_ms = between(rng, 5, 800);
    profile->transfer_fail_pm = between(rng, 0, 400);
    profile->clients = between(rng, 1, 6);
    profile->think_ms = between(rng, 100, 600);
    profile->read_pm = between(rng, 50, 500);
    profile->gap_min_ms = 20;
    profile->gap_max_ms = between(rng, 200, 2500);
    profile->weights[FAULT_MEND] = between(rng, 5, 30);
}

static void theme_mixed(struct profile *profile, struct rng *rng)
{
    for (int fault = 0; fault < FAULT_QUIET; fault++)
        profile->weights[fault] = rng_chance(rng, 600) ? between(rng, 1, 15) : 0;
    profile->change_ms = rng_chance(rng, 500) ? between(rng, 200, 4000) : 0;
}

/* Leaders come and go while their entries are on a few logs only, and disks lag behind: Figure 3.7
 * of the thesis. */
static void theme_churn(struct profile *profile, struct rng *rng)
{
    profile->voters = rng_chance(rng, 600) ? 5 : 3;
    profile->grows = 0;
    profile->election_ms = between(rng, 60, 150);
    profile->heartbeat_ms = profile->election_ms / between(rng, 3, 6);
    profile->tick_ms = profile->heartbeat_ms / 2;
    profile->gap_min_ms = 5;
    profile->gap_max_ms = between(rng, 80, 400);
    profile->clients = between(rng, 3, 8);
    profile->think_ms = between(rng, 20, 120);
    profile->read_pm = 50;
    profile->write_max_us = between(rng, 1000, 40000);
    profile->delay_max_us = profile->delay_min_us + between(rng, 100, 20000);
    profile->weights[FAULT_SLOW_DISK] = between(rng, 0, 20);
    profile->weights[FAULT_CRASH_LEADER] = between(rng, 5, 30);
    profile->weights[FAULT_SPLIT] = between(rng, 20, 40);
    profile->weights[FAULT_ISOLATE_LEADER] = between(rng, 0, 20);
    profile->weights[FAULT_ONE_WAY] = between(rng, 0, 30);
    profile->weights[FAULT_CRASH] = between(rng, 0, 10);
}

/* Many entries on bad links: windows, old replies, unverified tails. */
static void theme_flow(struct profile *profile, struct rng *rng)
{
    profile->clients = between(rng, 6, 12);
    profile->think_ms = between(rng, 20, 80);
    profile->delay_max_us = between(rng, 1000, 40000);
    profile->duplicate_pm = between(rng, 0, 200);
    profile->read_pm = 50;
    profile->gap_max_ms = between(rng, 300, 3000);
    profile->weights[FAULT_LOSS] = between(rng, 5, 30);
    profile->weights[FAULT_SLOW_DISK] = between(rng, 0, 20);
    profile->weights[FAULT_ISOLATE_LEADER] = between(rng, 0, 15);
    profile->weights[FAULT_SPLIT] = between(rng, 0, 15);
    profile->weights[FAULT_STALL] = between(rng, 0, 10);
}

static void theme_snapshots(struct profile *profile, struct rng *rng)
{
    profile->flush_ms = between(rng, 20, 300);
    profile->keep_entries = between(rng, 0, 15);
    profile->think_ms = between(rng, 50, 250);
    profile->change_ms = rng_chance(rng, 400) ? between(rng, 500, 4000) : 0;
    profile->weights[FAULT_LAG] = between(rng, 10, 40);
    profile->weights[FAULT_CRASH] = between(rng, 5, 30);
    profile->weights[FAULT_CRASH_LEADER] = between(rng, 0, 10);
    profile->weights[FAULT_POWER] = between(rng, 0, 5);
    profile->weights[FAULT_LOSS] = between(rng, 0, 10);
    profile->weights[FAULT_SPLIT] = between(rng, 0, 10);
    profile->weights[FAULT_QUARANTINE] = between(rng, 0, 10);
}

static void theme_members(struct profile *profile, struct rng *rng)
{
    profile->grows = rng_chance(rng, 300);
    profile->change_ms = between(rng, 50, 800);
    profile->election_ms = between(rng, 80, 200);
    profile->heartbeat_ms = profile->election_ms / 4;
    profile->tick_ms = profile->heartbeat_ms / 2;
    profile->gap_min_ms = 10;
    profile->gap_max_ms = between(rng, 100, 800);
    profile->weights[FAULT_SPLIT] = between(rng, 5, 20);
    profile->weights[FAULT_ISOLATE_LEADER] = between(rng, 5, 20);
    profile->weights[FAULT_CRASH_LEADER] = between(rng, 5, 20);
    profile->weights[FAULT_CRASH] = between(rng, 0, 10);
    profile->weights[FAULT_LAG] = between(rng, 0, 10);
    profile->weights[FAULT_TRANSFER] = between(rng, 0, 10);
}

/* Reads at leaders that are no longer: pauses, one-way links, clocks. */
static void theme_reads(struct profile *profile, struct rng *rng)
{
    profile->clients = between(rng, 4, 12);
    profile->think_ms = between(rng, 30, 120);
    profile->read_pm = between(rng, 500, 900);
    profile->weights[FAULT_STALL] = between(rng, 5, 30);
    profile->weights[FAULT_SKEW] = between(rng, 0, 10);
    profile->weights[FAULT_ISOLATE_LEADER] = between(rng, 10, 30);
    profile->weights[FAULT_ONE_WAY] = between(rng, 0, 20);
    profile->weights[FAULT_TRANSFER] = between(rng, 0, 20);
    profile->weights[FAULT_SPLIT] = between(rng, 0, 10);
}

/* Good links and disks, so that nothing but the one fault can move a term. */
static void theme_quiet(struct profile *profile, struct rng *rng)
{
    (void)rng;
    profile->grows = 0;
    profile->loss_pm = profile->spike_pm = 0;
    profile->delay_max_us = profile->delay_min_us + 1000;
    profile->write_max_us = profile->write_min_us + 1000;
    profile->weights[FAULT_QUIET] = 100;
    profile->weights[FAULT_CRASH_LEADER] = 10;
    profile->weights[FAULT_SPLIT] = 10;
}

/* Disks: slow ones, and power that goes while they write. */
static void theme_power(struct profile *profile, struct rng *rng)
{
    profile->write_max_us = between(rng, 2000, 30000);
    profile->gap_max_ms = between(rng, 100, 1000);
    profile->think_ms = between(rng, 50, 200);
    profile->weights[FAULT_POWER] = between(rng, 5, 30);
    profile->weights[FAULT_SLOW_DISK] = between(rng, 5, 30);
    profile->weights[FAULT_CRASH] = between(rng, 5, 30);
    profile->weights[FAULT_CRASH_LEADER] = between(rng, 0, 20);
    profile->weights[FAULT_SPLIT] = between(rng, 0, 10);
    profile->weights[FAULT_TRANSFER] = between(rng, 0, 5);
}

/* The quorum is gone for good: `quartet cluster recover`. */
static void theme_recover(struct profile *profile, struct rng *rng)
{
    profile->disaster_ms = between(rng, 2000, 12000);
    profile->grows = 0;
    profile->election_ms = between(rng, 80, 250);
    profile->heartbeat_ms = profile->election_ms / between(rng, 3, 6);
    profile->tick_ms = profile->heartbeat_ms / 2;
    profile->change_ms = rng_chance(rng, 700) ? between(rng, 200, 3000) : 0;
    profile->clients = between(rng, 2, 8);
    profile->think_ms = between(rng, 30, 300);
    profile->flush_ms = between(rng, 50, 1500);
    profile->keep_entries = between(rng, 0, 60);
    profile->gap_max_ms = between(rng, 200, 2500);
    profile->weights[FAULT_CRASH] = between(rng, 0, 15);
    profile->weights[FAULT_CRASH_LEADER] = between(rng, 0, 15);
    profile->weights[FAULT_POWER] = rng_chance(rng, 300) ? between(rng, 0, 5) : 0;
    profile->weights[FAULT_SPLIT] = between(rng, 0, 15);
    profile->weights[FAULT_ISOLATE_LEADER] = between(rng, 0, 10);
    profile->weights[FAULT_ONE_WAY] = between(rng, 0, 10);
    profile->weights[FAULT_LOSS] = between(rng, 0, 10);
    profile->weights[FAULT_SLOW_DISK] = between(rng, 0, 10);
    profile->weights[FAULT_STALL] = between(rng, 0, 5);
    profile->weights[FAULT_TRANSFER] = between(rng, 0, 10);
}

static const struct {
    const char *name;
    theme_cb draw;
} themes[] = {
    {"mixed", theme_mixed},         {"churn", theme_churn},     {"flow", theme_flow},
    {"snapshots", theme_snapshots}, {"members", theme_members}, {"reads", theme_reads},
    {"quiet", theme_quiet},         {"power", theme_power},     {"recover", theme_recover},
};
#define THEMES (sizeof themes / sizeof themes[0])
#define THEMES_DRAWN (THEMES - 1) /* `recover` is drawn by world.c, so that old seeds stay */

const char *profile_name(uint32_t index)
{
    return index < THEMES ? themes[index].name : NULL;
}

/* Every third seed is mixed. */
static size_t draw_theme(struct rng *rng)
{
    return rng_chance(rng, 330) ? 0 : (size_t)rng_below(rng, THEMES_DRAWN);
}

int profile_draw(struct profile *out, const char *name, struct rng *rng)
{
    size_t theme = draw_theme(rng);
    if (name != NULL) {
        for (theme = 0; theme < THEMES && strcmp(themes[theme].name, name) != 0;)
            theme++;
        if (theme == THEMES)
            return -1;
    }
    *out = (struct profile){.name = themes[theme].name};
    draw_common(out, rng);
    themes[theme].draw(out, rng);
    SIM_ASSERT(out->tick_ms > 0 && out->heartbeat_ms > 1);
    return 0;
}
