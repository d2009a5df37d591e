/* raft/core/start.c: a member's life begins from what its storage holds. */
#include <stdlib.h>

#include "raft/core/state.h"

static bool options_are_valid(const struct raft_options *options)
{
    return options->id != 0 && options->heartbeat_ms > 0 &&
           options->election_timeout_ms > options->heartbeat_ms && options->reader.read != NULL &&
           options->reader.term != NULL;
}

/* No gap, no term that falls, nothing newer than the own term, nothing applied that is not here. */
static bool start_is_valid(const struct raft_start *start)
{
    uint64_t term = start->base.term;

    if ((start->base.index == 0) != (term == 0) || (start->entry_count > 0 && !start->entries) ||
        ((start->base.conf.count > 0 || start->base.index > 0) &&
         !raft_conf_is_valid(&start->base.conf)) ||
        start->applied < start->base.index ||
        start->applied > start->base.index + start->entry_count)
        return false;
    for (uint64_t i = 0; i < start->entry_count; i++) {
        const struct raft_entry *entry = &start->entries[i];
        if (entry->index != start->base.index + 1 + i || entry->term < term || entry->term == 0)
            return false;
        term = entry->term;
    }
    return term <= start->hard_state.term;
}

/* §4.1: the latest configuration in the log is in force, so look for all of them. */
static int find_confs(struct raft *raft, const struct raft_start *start)
{
    struct raft_conf conf;
    struct raft_conf_change change;
    const uint8_t *context;
    size_t context_len;

    int rc = raft_conf_history_push(&raft->confs, start->base.index, &start->base.conf);
    for (uint64_t i = 0; i < start->entry_count && rc == 0; i++) {
        const struct raft_entry *entry = &start->entries[i];
        if (entry->kind != RAFT_ENTRY_CONF)
            continue;
        if (raft_conf_entry_decode(entry->data, &conf, &change, &context, &context_len) != 0)
            return RAFT_EINVALID;
        rc = raft_conf_history_push(&raft->confs, entry->index, &conf);
        raft_conf_history_prune(&raft->confs, start->applied);
    }
    return rc;
}

static void start_indexes(struct raft *raft, const struct raft_start *start)
{
    raft->hard_state = start->hard_state;
    raft->commit_index = raft->applied_index = raft->handed_index = start->applied;
    raft->verified_index = raft__sure_index(raft);
    raft->now_mono_ms = raft->tick_mono_ms = raft->options.now_mono_ms;
    /* Ids of reads must not repeat after a restart, even if the seed does. */
    raft->random = raft->options.seed ^ raft->options.id;
    raft->reads.ask_last =
        (raft->options.seed ^ (raft->options.now_mono_ms << 20) ^ (raft->hard_state.term << 40)) *
        UINT64_C(0x9e3779b97f4a7c15);
    raft__reset_election_timer(raft);
    if (raft__quorum(raft) == 1 && raft__can_lead(raft))
        raft->election_mono_ms = raft->now_mono_ms; /* there is nobody to wait for */
}

int raft_new(const struct raft_options *options, const struct raft_start *start, struct raft **out)
{
    if (!options_are_valid(options) || !start_is_valid(start))
        return RAFT_EINVALID;
    struct raft *raft = calloc(1, sizeof(*raft));
    if (raft == NULL)
        return RAFT_ENOMEM;
    raft->options = *options;
    raft->reads.items = calloc(RAFT_READS_MAX, sizeof(raft->reads.items[0]));
    int rc = raft->reads.items != NULL ? 0 : RAFT_ENOMEM;
    if (rc == 0)
        rc = raft_log_init(&raft->log, &options->reader, start);
    if (rc == 0)
        rc = find_confs(raft, start);
    if (rc != 0) {
        raft_free(raft);
        return rc;
    }
    raft__rebuild_peers(raft);
    start_indexes(raft, start);
    *out = raft;
    return 0;
}

void raft_free(struct raft *raft)
{
    if (raft == NULL)
        return;
    for (uint32_t i = 0; i < raft->peer_count; i++)
        raft_peer_fini(&raft->peers[i]);
    raft_output_fini(&raft->output);
    if (raft->log.capacity > 0)
        raft_log_fini(&raft->log);
    raft_conf_history_fini(&raft->confs);
    free(raft->reads.items);
    free(raft);
}
