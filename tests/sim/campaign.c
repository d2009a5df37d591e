/* tests/sim/campaign.c: one seed from world_new() to world_free(). */
#include "sim/campaign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sim/world.h"

void campaign_run_seed(const struct campaign *campaign, uint64_t seed, struct seed_result *out)
{
    struct world *world = world_new(seed, campaign->profile, campaign->is_verbose ? stdout : NULL);
    world_run(world);
    *out = (struct seed_result){.has_failed = world->has_failed,
                                .failed_us = world->failed_us,
                                .events_run = world->events_run,
                                .profile = world->profile.name};
    memcpy(out->invariant, world->invariant, sizeof out->invariant);
    memcpy(out->detail, world->detail, sizeof out->detail);
    world_free(world);
}

void campaign_report(const struct campaign *campaign, uint64_t seed,
                     const struct seed_result *result)
{
    (void)fflush(stdout);
    (void)fprintf(
        stderr,
        "seed %" PRIu64 " (%s) breaks a rule after %" PRIu64 ".%03" PRIu64
        " virtual seconds\n  rule:   %s\n  seen:   %s\n  replay: sim --seed %" PRIu64 "%s%s%s -v\n",
        seed, result->profile, result->failed_us / SIM_S, result->failed_us % SIM_S / SIM_MS,
        result->invariant, result->detail, seed, campaign->profile != NULL ? " --profile " : "",
        campaign->profile != NULL ? campaign->profile : "", campaign->replay);
}

double campaign_now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
