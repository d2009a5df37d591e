/* raft/core/commit.c: what is durable, committed, applied and trimmed (thesis §3.5, §3.6.2). */
#include "raft/core/state.h"

void raft__commit_to(struct raft *raft, uint64_t index)
{
    RAFT_ASSERT(index <= raft->log.last_index);
    if (index <= raft->commit_index)
        return;
    raft->commit_index = index;
    raft_conf_history_prune(&raft->confs, index);
}

/* What a member is known to have durably; its own disk counts like any other (§10.2.1). */
static uint64_t stored_index(const struct raft *raft, const struct raft_peer *peer)
{
    if (peer->id != raft->options.id)
        return peer->match;
    return RAFT_RULE(ack_durable) ? raft->log.persisted_index : raft->log.last_index;
}

/* Voters' indexes, highest first; how many. */
static uint32_t sort_stored(const struct raft *raft, uint64_t *sorted)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        if (!raft__peer_votes(&raft->peers[i]))
            continue;
        uint64_t index = stored_index(raft, &raft->peers[i]);
        uint32_t at = count++;
        for (; at > 0 && sorted[at - 1] < index; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = index;
    }
    return count;
}

void raft__advance_commit(struct raft *raft)
{
    uint64_t sorted[RAFT_MEMBERS_MAX];
    uint32_t quorum = raft__quorum(raft);

    if (raft->role != RAFT_LEADER || sort_stored(raft, sorted) < quorum)
        return;
    uint64_t index = sorted[quorum - 1];
    /* Figure 3.7: an older term's entry on a majority can still be overwritten. */
    if (index < raft->term_first_index && RAFT_RULE(commit_current_term))
        return;
    raft__commit_to(raft, index);
}

void raft__persisted(struct raft *raft, uint64_t seq)
{
    RAFT_ASSERT(seq <= raft->seq);
    if (seq <= raft->persisted_seq)
        return;
    raft->persisted_seq = seq;
    raft_log_persisted(&raft->log, seq);
    raft__release_held(raft);
    if (raft->role == RAFT_CANDIDATE)
        raft__count_votes(raft);
    if (raft->role == RAFT_LEADER)
        raft__advance_commit(raft);
    if (raft->ack_due && raft__is_hard_durable(raft)) {
        raft__acknowledge(raft);
        raft->ack_due = raft->log.persisted_index < raft->verified_index;
    }
}

int raft__applied(struct raft *raft, uint64_t index)
{
    if (index > raft->handed_index)
        return RAFT_EINVALID;
    if (index > raft->applied_index)
        raft->applied_index = index;
    return 0;
}

int raft__trimmed(struct raft *raft, uint64_t index)
{
    uint64_t term;

    if (index > raft->applied_index)
        return RAFT_EINVALID;
    if (index <= raft->log.base_index)
        return 0;
    int rc = raft_log_term(&raft->log, index, &term);
    if (rc == RAFT_ECOMPACTED) /* trimmed further meanwhile: that is reported next */
        return 0;
    raft__check(raft, rc);
    if (rc == 0)
        raft_log_trim(&raft->log, index, term);
    return 0;
}
