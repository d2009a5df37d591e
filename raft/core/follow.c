/* raft/core/follow.c: the follower's side of the log (thesis §3.5, Figure 3.1 "AppendEntries"). */
#include "raft/core/state.h"

#define HINT_STEPS_MAX 1024 /* terms looked at for one rejection */

/* Acknowledge what is both the leader's and durable: never the tail that this leader has not
 * vouched for, and never what a crash could still take. */
void raft__acknowledge(struct raft *raft)
{
    uint64_t match = RAFT_RULE(ack_verified) ? raft->verified_index : raft->log.last_index;

    if (match > raft->log.persisted_index && RAFT_RULE(ack_durable))
        match = raft->log.persisted_index;
    struct raft_message reply = {.kind = RAFT_MSG_APPEND_REPLY,
                                 .to = raft->leader,
                                 .log_index = match,
                                 .round = raft->round_seen,
                                 .wants_snapshot = raft->wants_snapshot};
    if (raft->leader != 0)
        raft__send(raft, &reply);
}

/* Tell the sender of an old term which one it is now; a leader steps down by that. */
void raft__reject_stale(struct raft *raft, const struct raft_message *message)
{
    struct raft_message reply = {
        .to = message->from, .log_index = message->log_index, .rejected = true};

    switch (message->kind) {
    case RAFT_MSG_PRE_VOTE: reply.kind = RAFT_MSG_PRE_VOTE_REPLY; break;
    case RAFT_MSG_VOTE: reply.kind = RAFT_MSG_VOTE_REPLY; break;
    case RAFT_MSG_APPEND:
    case RAFT_MSG_SNAPSHOT: reply.kind = RAFT_MSG_APPEND_REPLY; break;
    default: return;
    }
    raft__send(raft, &reply);
}

/* This log differs at the message's previous entry: say where the leader should try. */
static void reject_append(struct raft *raft, const struct raft_message *message)
{
    uint64_t hint = message->log_index - 1;
    uint64_t term = 0;

    if (hint > raft->log.last_index)
        hint = raft->log.last_index;
    for (uint32_t step = 0; step < HINT_STEPS_MAX; step++) {
        int rc = raft_log_term(&raft->log, hint, &term);
        raft__check(raft, rc);
        if (rc != 0 || hint <= raft->commit_index || term <= message->log_term)
            break;
        hint--;
    }
    struct raft_message reply = {.kind = RAFT_MSG_APPEND_REPLY,
                                 .to = message->from,
                                 .log_index = message->log_index,
                                 .log_term = term,
                                 .hint = hint,
                                 .round = raft->round_seen,
                                 .rejected = true,
                                 .wants_snapshot = raft->wants_snapshot};
    raft__send(raft, &reply);
}

/* Does this log hold @index with @term? What is committed always agrees (§3.6.3), unless a recovery
 * took it back. */
static bool log_has(struct raft *raft, uint64_t index, uint64_t term)
{
    uint64_t own = 0;

    if (index <= raft->commit_index)
        return raft__agrees_with_commit(raft, index, term);
    if (index > raft->log.last_index)
        return false;
    raft__check(raft, raft_log_term(&raft->log, index, &own));
    return own == term;
}

/* How many of the message's entries are in this log already? */
static uint32_t count_known(struct raft *raft, const struct raft_message *message)
{
    uint32_t known = 0;

    while (known < message->entry_count) {
        const struct raft_entry *entry = &message->entries[known];
        bool is_known = RAFT_RULE(truncate_only_on_conflict)
                            ? log_has(raft, entry->index, entry->term)
                            : entry->index <= raft->commit_index;
        if (!is_known)
            break;
        known++;
    }
    return known;
}

static void cut_log(struct raft *raft, uint64_t first)
{
    raft__check(raft, raft_log_truncate(&raft->log, first));
    if (raft->failure == 0)
        raft__conf_truncated(raft, first);
    if (raft->verified_index > raft->log.last_index)
        raft->verified_index = raft->log.last_index;
}

/* Take the entries from the first unknown one on. False: the message contradicts what its sender
 * said before, or there is no room to wait for storage. */
static bool store_entries(struct raft *raft, const struct raft_message *message, uint32_t known)
{
    uint64_t first = message->log_index + known + 1;

    if (raft->log.unstored_len >= RAFT_UNSTORED_LEN_MAX)
        return false;
    if (first <= raft->log.last_index) {
        if (first <= raft->verified_index && RAFT_RULE(truncate_only_on_conflict)) {
            raft__malformed(raft);
            return false;
        }
        cut_log(raft, first);
    }
    for (uint32_t i = known; i < message->entry_count && raft->failure == 0; i++) {
        const struct raft_entry *entry = &message->entries[i];
        raft__check(raft, raft_log_append(&raft->log, entry, raft->seq + 1));
        if (raft->failure == 0 && entry->kind == RAFT_ENTRY_CONF)
            raft__conf_entered(raft, entry);
    }
    return true;
}

static void accept_append(struct raft *raft, const struct raft_message *message)
{
    uint64_t last = message->log_index + message->entry_count;
    uint32_t known = count_known(raft, message);

    if (raft->failure != 0)
        return;
    if (known < message->entry_count) {
        if (!store_entries(raft, message, known))
            return;
        raft->ack_due = true;
    }
    if (raft->failure != 0)
        return;
    if (last > raft->verified_index)
        raft->verified_index = last;
    uint64_t sure = RAFT_RULE(ack_verified) ? raft->verified_index : raft->log.last_index;
    raft__commit_to(raft, message->commit < sure ? message->commit : sure);
    if (known == message->entry_count || !RAFT_RULE(ack_durable))
        raft__acknowledge(
            raft); /* a heartbeat, or all of it is here: no need to wait for storage */
}

/* Within one term a log never gets shorter than what it has acknowledged. A leader that knows more
 * of it than is there tells that storage has lost durable entries, and then perhaps a vote, too:
 * such a member must not go on (§3.8, persisted state). */
static bool has_lost_entries(struct raft *raft, const struct raft_message *message)
{
    if (raft->is_installing || message->hint <= raft->log.last_index)
        return false;
    raft->failure = RAFT_ECORRUPT;
    return true;
}

void raft__receive_append(struct raft *raft, const struct raft_message *message)
{
    if (raft->role == RAFT_LEADER || (raft->leader != 0 && raft->leader != message->from)) {
        raft__malformed(raft); /* §3.4: a term has one leader */
        return;
    }
    raft__become_follower(raft, message->term, message->from);
    raft__reset_election_timer(raft);
    raft->leader_mono_ms = raft->now_mono_ms;
    if (message->round > raft->round_seen)
        raft->round_seen = message->round;
    if (has_lost_entries(raft, message))
        return;
    if (raft->is_installing)
        raft__acknowledge(raft); /* alive; the log stands still until the snapshot is in */
    else if (log_has(raft, message->log_index, message->log_term))
        accept_append(raft, message);
    else if (raft->failure == 0)
        reject_append(raft, message);
}
