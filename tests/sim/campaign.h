/* tests/sim/campaign.h: many seeds one after another, and what is said about them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct campaign {
    const char *profile; /* NULL: drawn by the seed */
    bool is_verbose;     /* a readable trace on standard output */
    const char *replay;  /* options to print in the command that replays */
};

struct seed_result {
    bool has_failed;
    uint64_t failed_us;
    uint64_t events_run;
    const char *profile; /* static */
    char invariant[96];
    char detail[256];
};

void campaign_run_seed(const struct campaign *campaign, uint64_t seed, struct seed_result *out);
/* In words, with the command that replays it, on standard error. */
void campaign_report(const struct campaign *campaign, uint64_t seed,
                     const struct seed_result *result);
/* Seconds on a clock that runs steadily, for progress lines only. */
double campaign_now_s(void);
