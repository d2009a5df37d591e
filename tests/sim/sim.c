/* tests/sim/sim.c: the program `sim`: runs seeds of the simulation. Built twice: `sim` around the
 * core as it is in production, `sim_mutation` around one whose rules can be broken one at a time.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raft/core/rule.h"
#include "sim/campaign.h"
#include "sim/mutation.h"
#include "sim/profile.h"

#define FAILURES_SHOWN_MAX 10

enum option_key {
    KEY_SEEDS = 256,
    KEY_FIRST,
    KEY_SEED,
    KEY_FILE,
    KEY_RULE,
    KEY_LIST,
    KEY_PROFILE,
    KEY_TAP
};

struct options {
    struct campaign campaign;
    uint64_t first, count;
    const char *file; /* of seeds to run, or NULL */
    const char *rule; /* to break, or NULL */
    bool has_count;
    bool is_tap;
};

static const struct argp_option option_table[] = {
    {"seeds", KEY_SEEDS, "N", 0,
     "Run N seeds (default 1000; for sim_mutation: at most N a rule, "
     "default 3000)",
     0},
    {"first", KEY_FIRST, "N", 0, "Begin with seed N (default 1)", 0},
    {"seed", KEY_SEED, "N", 0, "Run seed N only", 0},
    {"seed-file", KEY_FILE, "FILE", 0,
     "Run the seeds in FILE: one a line, then a profile or -, "
     "then a comment",
     0},
    {"profile", KEY_PROFILE, "NAME", 0,
     "Use this profile instead of the one that a seed draws: "
     "mixed, churn, flow, snapshots, members, reads, quiet, "
     "power, recover",
     0},
    {"mutation", KEY_RULE, "RULE", 0, "Break this rule of the core (sim_mutation only)", 0},
    {"list-rules", KEY_LIST, NULL, 0, "Print the rules of the core", 0},
    {"tap", KEY_TAP, NULL, 0, "Print a line for each seed, or rule, in the Test Anything Protocol",
     0},
    {"verbose", 'v', NULL, 0, "Print a readable trace", 0},
    {0},
};

static void list_rules(void)
{
#define PRINT_RULE(name) (void)puts(#name);
    RAFT_RULES(PRINT_RULE)
#undef PRINT_RULE
}

static uint64_t parse_number(const char *text, struct argp_state *state)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-')
        argp_error(state, "%s: not a number", text);
    return number;
}

static const char *parse_profile(const char *name, struct argp_state *state)
{
    for (uint32_t i = 0; profile_name(i) != NULL; i++) {
        if (strcmp(profile_name(i), name) == 0)
            return profile_name(i);
    }
    argp_error(state, "%s: no such profile", name);
    return NULL;
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case KEY_SEEDS:
        options->count = parse_number(arg, state);
        options->has_count = true;
        return 0;
    case KEY_SEED:
        options->count = 1;
        options->has_count = true;
        options->first = parse_number(arg, state);
        return 0;
    case KEY_FIRST: options->first = parse_number(arg, state); return 0;
    case KEY_FILE: options->file = arg; return 0;
    case KEY_PROFILE: options->campaign.profile = parse_profile(arg, state); return 0;
    case KEY_RULE: options->rule = arg; return 0;
    case KEY_LIST: list_rules(); exit(0);
    case KEY_TAP: options->is_tap = true; return 0;
    case 'v': options->campaign.is_verbose = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

struct tally {
    bool is_tap;
    uint64_t passed, failed;
    double started_s, shown_s;
};

static void show_progress(struct tally *tally, uint64_t total)
{
    double now_s = campaign_now_s();
    if (now_s - tally->shown_s < 2)
        return;
    tally->shown_s = now_s;
    uint64_t done = tally->passed + tally->failed;
    (void)fprintf(stderr,
                  "sim: %" PRIu64 " of %" PRIu64 " seeds, %.0f a minute, %" PRIu64 " failed\n",
                  done, total, (double)done * 60 / (now_s - tally->started_s), tally->failed);
}

static void run_one(const struct campaign *campaign, uint64_t seed, struct tally *tally)
{
    struct seed_result result;
    campaign_run_seed(campaign, seed, &result);
    if (tally->is_tap)
        (void)printf("%s %" PRIu64 " - seed %" PRIu64 " %s\n", result.has_failed ? "not ok" : "ok",
                     tally->passed + tally->failed + 1, seed, result.profile);
    if (!result.has_failed) {
        tally->passed++;
        return;
    }
    if (tally->failed++ < FAILURES_SHOWN_MAX)
        campaign_report(campaign, seed, &result);
}

static int run_file(const struct options *options, struct tally *tally)
{
    FILE *file = fopen(options->file, "re");
    if (file == NULL) {
        (void)fprintf(stderr, "sim: %s: %s\n", options->file, strerror(errno));
        return 2;
    }
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        uint64_t seed;
        char profile[32];
        struct campaign campaign = options->campaign;
        if (sscanf(line, "%" SCNu64 " %31s", &seed, profile) != 2)
            continue; /* a comment or an empty line */
        campaign.profile = strcmp(profile, "-") == 0 ? NULL : profile;
        run_one(&campaign, seed, tally);
    }
    (void)fclose(file);
    return 0;
}

static int run(const struct options *options)
{
    struct tally tally = {.is_tap = options->is_tap, .started_s = campaign_now_s()};
    tally.shown_s = tally.started_s;
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines among those of standard error */
    if (options->file != NULL) {
        int code = run_file(options, &tally);
        if (code != 0)
            return code;
    } else {
        if (options->count > 1 && !options->is_tap)
            (void)printf("sim: seeds %" PRIu64 " to %" PRIu64 "\n", options->first,
                         options->first + options->count - 1);
        for (uint64_t i = 0; i < options->count; i++) {
            run_one(&options->campaign, options->first + i, &tally);
            show_progress(&tally, options->count);
        }
    }
    if (tally.is_tap)
        (void)printf("1..%" PRIu64 "\n", tally.passed + tally.failed);
    (void)printf("sim: %" PRIu64 " seeds passed, %" PRIu64 " failed\n", tally.passed, tally.failed);
    return tally.failed > 0;
}

int main(int argc, char **argv)
{
    const struct argp argp = {
        option_table,
        on_option,
        NULL,
        "Run Quartet's consensus and state machine under a seeded adversary, on virtual time.\v"
        "Equal seeds give equal runs. Exit status: 0 when all rules held; 1 when one was broken, "
        "with the seed and the command that replays it; 64 for wrong usage.\n\n"
        "Examples:\n  sim --seeds 10000 --first 42\n  sim --seed 4711 -v\n"
        "  sim_mutation --mutation ack_durable --seed 3 -v",
        NULL,
        NULL,
        NULL};
    struct options options = {.campaign.replay = "", .first = 1, .count = 1000};
    (void)argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (mutation_is_built() && options.rule == NULL)
        return mutation_table(options.has_count ? options.count : 3000, options.first,
                              options.is_tap);
    if (options.rule != NULL && mutation_choose(options.rule) != 0) {
        (void)fprintf(stderr, "sim: cannot break rule %s: see --list-rules; sim_mutation can\n",
                      options.rule);
        return 64;
    }
    return run(&options);
}
