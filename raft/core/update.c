/* raft/core/update.c: the end of a step: what to store, send, apply and answer. */
#include "raft/core/state.h"

#define APPLY_LEN_MAX (4u << 20) /* octets handed to apply in one update */

void raft__begin(struct raft *raft)
{
    raft_output_clear(&raft->output);
    raft->hard_changed = raft->conf_changed = raft->install_starts = false;
    raft->transfer.outcome = RAFT_TRANSFER_NONE;
}

/* Entries [first, first + *count) to the end of the output; returns where they are. */
static uint32_t put_entries(struct raft *raft, uint64_t first, size_t len_max, uint32_t *count)
{
    struct raft_entry *entries;
    uint32_t at = raft->output.entries.count;

    int rc = raft_output_reserve(&raft->output, *count, &entries);
    if (rc == 0)
        rc = raft_log_read(&raft->log, first, len_max, entries, count);
    raft__check(raft, rc);
    if (rc != 0)
        *count = 0;
    raft_output_commit(&raft->output, *count);
    return at;
}

/* What this step changed of the log and of term and vote; returns where the entries are. */
static uint32_t put_unstored(struct raft *raft, struct raft_update *update)
{
    uint32_t at = 0;

    if (raft->log.unsent_first != 0) {
        update->entry_count = (uint32_t)(raft->log.last_index - raft->log.unsent_first + 1);
        at = put_entries(raft, raft->log.unsent_first, SIZE_MAX, &update->entry_count);
        raft->log.unsent_first = 0;
    }
    if (raft->hard_changed)
        update->hard_state = &raft->hard_state;
    if (raft->hard_changed || update->entry_count > 0)
        update->seq = ++raft->seq;
    return at;
}

/* Committed and durable here, each once. Entries that only storage still has are handed over only
 * when nothing else is waiting, which bounds the memory of a slow state machine. */
static uint32_t put_apply(struct raft *raft, struct raft_update *update)
{
    uint64_t end = raft->commit_index < raft->log.persisted_index ? raft->commit_index
                                                                  : raft->log.persisted_index;
    uint64_t waiting = raft->handed_index - raft->applied_index;
    uint64_t first = raft->handed_index + 1;

    if (first > end || raft->is_installing || waiting >= RAFT_APPLY_MAX ||
        (waiting > 0 && !raft_log_is_cached(&raft->log, first)))
        return 0;
    uint64_t count = end - first + 1;
    if (count > RAFT_APPLY_MAX - waiting)
        count = RAFT_APPLY_MAX - waiting;
    update->apply_count = (uint32_t)count;
    uint32_t at = put_entries(raft, first, APPLY_LEN_MAX, &update->apply_count);
    raft->handed_index += update->apply_count;
    return at;
}

void raft__finish(struct raft *raft, struct raft_update *update)
{
    struct raft_output *output = &raft->output;

    raft__start_round(raft);
    if (raft->role == RAFT_LEADER) {
        raft__flush(raft);
        raft__leave_if_removed(raft);
    }
    uint32_t unstored_at = put_unstored(raft, update);
    uint32_t apply_at = put_apply(raft, update);
    raft_output_seal(output);
    if (update->entry_count > 0)
        update->entries = (struct raft_entry *)output->entries.items + unstored_at;
    if (update->apply_count > 0)
        update->apply = (struct raft_entry *)output->entries.items + apply_at;
    update->messages = output->messages.items;
    update->message_count = output->messages.count;
    update->reads = output->reads.items;
    update->read_count = output->reads.count;
    update->snapshot_wanted = output->wanted;
    update->snapshot_wanted_count = output->wanted_count;
    update->install = raft->install_starts ? &raft->install : NULL;
    update->conf = raft->conf_changed ? raft__conf(raft) : NULL;
    update->transfer = raft->transfer.outcome;
}
