/* tests/sim/mutation.c: the table "rule, seeds needed, what was noticed". */
#include "sim/mutation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "raft/core/rule.h"
#include "sim/campaign.h"

#ifdef RAFT_MUTATIONS

bool mutation_is_built(void)
{
    return true;
}

int mutation_choose(const char *rule)
{
    for (unsigned i = 1; i < RAFT_RULE_COUNT; i++) {
        if (strcmp(raft_rule_names[i], rule) == 0) {
            raft_mutation = i;
            return 0;
        }
    }
    return -1;
}

/* Does the seed break a rule with the mutation, and none without it? */
static bool is_noticed(const struct campaign *campaign, uint64_t seed, struct seed_result *result)
{
    struct seed_result sound;
    unsigned mutation = raft_mutation;
    campaign_run_seed(campaign, seed, result);
    if (!result->has_failed)
        return false;
    raft_mutation = 0;
    campaign_run_seed(campaign, seed, &sound);
    raft_mutation = mutation;
    return !sound.has_failed;
}

/* Seeds that it took; 0: not found within @limit. */
static uint64_t seeds_needed(uint64_t limit, uint64_t first, struct seed_result *result)
{
    bool is_of_recovery = raft_mutation >= RAFT_RULE_recovery_apart;
    const struct campaign campaign = {.replay = "", .profile = is_of_recovery ? "recover" : NULL};
    double shown_s = campaign_now_s();
    for (uint64_t i = 0; i < limit; i++) {
        if (is_noticed(&campaign, first + i, result))
            return i + 1;
        if (campaign_now_s() - shown_s > 2) {
            shown_s = campaign_now_s();
            (void)fprintf(stderr, "sim: %s still unnoticed after %" PRIu64 " seeds\n",
                          raft_rule_names[raft_mutation], i + 1);
        }
    }
    return 0;
}

int mutation_table(uint64_t limit, uint64_t first, bool is_tap)
{
    unsigned caught = 0;
    (void)printf("%s%-27s %5s  %-10s %s\n", is_tap ? "# " : "", "rule taken out", "seeds",
                 "profile", "noticed as");
    for (unsigned i = 1; i < RAFT_RULE_COUNT; i++) {
        struct seed_result result;
        raft_mutation = i;
        uint64_t needed = seeds_needed(limit, first, &result);
        caught += needed > 0;
        if (is_tap)
            (void)printf("%s %u - rule %s\n# ", needed > 0 ? "ok" : "not ok", i,
                         raft_rule_names[i]);
        if (needed > 0)
            (void)printf("%-27s %5" PRIu64 "  %-10s %s\n", raft_rule_names[i], needed,
                         result.profile, result.invariant);
        else
            (void)printf("%-27s     -  NOT NOTICED within %" PRIu64 " seeds\n", raft_rule_names[i],
                         limit);
        (void)fflush(stdout);
    }
    raft_mutation = 0;
    if (is_tap)
        (void)printf("1..%u\n", RAFT_RULE_COUNT - 1);
    (void)printf("sim: %u rules noticed, %u not\n", caught, RAFT_RULE_COUNT - 1 - caught);
    return caught != RAFT_RULE_COUNT - 1;
}

#else

bool mutation_is_built(void)
{
    return false;
}

int mutation_choose(const char *rule)
{
    (void)rule;
    return -1;
}

int mutation_table(uint64_t limit, uint64_t first, bool is_tap)
{
    (void)limit;
    (void)first;
    (void)is_tap;
    return 1;
}

#endif
