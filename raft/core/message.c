/* raft/core/message.c: which received messages could come from a correct member, and when sent
 * ones may leave. Other nodes' octets never reach an assertion. */
#include "raft/core/state.h"

#define INDEX_MAX (UINT64_MAX / 2) /* no log gets there: sums of two cannot wrap */

static bool entry_is_well_formed(const struct raft_entry *entry)
{
    size_t len = entry->data != NULL ? entry->data->len : 0;
    struct raft_conf conf;
    struct raft_conf_change change;
    const uint8_t *context;
    size_t context_len;

    switch (entry->kind) {
    case RAFT_ENTRY_NOOP: return len == 0;
    case RAFT_ENTRY_NORMAL: return len <= RAFT_ENTRY_LEN_MAX;
    case RAFT_ENTRY_CONF:
        return len <= RAFT_ENTRY_LEN_MAX &&
               raft_conf_entry_decode(entry->data, &conf, &change, &context, &context_len) == 0;
    }
    return false;
}

static bool append_is_well_formed(const struct raft_message *message)
{
    uint64_t term = message->log_term;
    size_t len = 0;

    if (message->entry_count > RAFT_APPEND_ENTRIES_MAX ||
        (message->entry_count > 0 && message->entries == NULL) || term > message->term ||
        (message->log_index == 0) != (term == 0) || message->hint > message->log_index)
        return false;
    for (uint32_t i = 0; i < message->entry_count; i++) {
        const struct raft_entry *entry = &message->entries[i];
        if (entry->index != message->log_index + 1 + i || entry->term < term || entry->term == 0 ||
            entry->term > message->term || !entry_is_well_formed(entry))
            return false;
        term = entry->term;
        len += entry->data != NULL ? entry->data->len : 0;
    }
    return len <= RAFT_APPEND_LEN_MAX || message->entry_count == 1;
}

static bool snapshot_is_well_formed(const struct raft_message *message)
{
    const struct raft_snapshot *snapshot = message->snapshot;

    return snapshot != NULL && snapshot->index > 0 && snapshot->index < INDEX_MAX &&
           snapshot->term > 0 && snapshot->term <= message->term &&
           snapshot->locator_len <= RAFT_SNAPSHOT_LOCATOR_MAX &&
           raft_conf_is_valid(&snapshot->conf);
}

bool raft__message_is_well_formed(const struct raft *raft, const struct raft_message *message)
{
    if (message->from == 0 || message->from == raft->options.id ||
        message->to != raft->options.id || message->term == 0 || message->term >= INDEX_MAX ||
        message->log_index >= INDEX_MAX || message->hint >= INDEX_MAX)
        return false;
    switch (message->kind) {
    case RAFT_MSG_APPEND: return append_is_well_formed(message);
    case RAFT_MSG_SNAPSHOT: return snapshot_is_well_formed(message);
    case RAFT_MSG_PRE_VOTE:
    case RAFT_MSG_PRE_VOTE_REPLY:
    case RAFT_MSG_VOTE:
    case RAFT_MSG_VOTE_REPLY:
    case RAFT_MSG_APPEND_REPLY:
    case RAFT_MSG_TIMEOUT_NOW:
    case RAFT_MSG_READ:
    case RAFT_MSG_READ_REPLY: return message->entry_count == 0;
    }
    return false;
}

bool raft__is_hard_durable(const struct raft *raft)
{
    return raft->hard_seq <= raft->persisted_seq || !RAFT_RULE(vote_durable);
}

/* Figure 3.1, "persistent state is updated before responding": nothing leaves under a term or vote
 * that a crash could take back. */
void raft__send(struct raft *raft, struct raft_message *message)
{
    message->from = raft->options.id;
    if (message->term == 0)
        message->term = raft->hard_state.term;
    if (raft__is_hard_durable(raft)) {
        raft__check(raft, raft_output_message(&raft->output, message));
        return;
    }
    RAFT_ASSERT(message->entry_count == 0 && message->snapshot == NULL);
    if (raft->held_count < RAFT_HELD_MAX)
        raft->held[raft->held_count++] = *message;
}

void raft__release_held(struct raft *raft)
{
    if (!raft__is_hard_durable(raft))
        return;
    for (uint32_t i = 0; i < raft->held_count; i++)
        raft__check(raft, raft_output_message(&raft->output, &raft->held[i]));
    raft->held_count = 0;
}
