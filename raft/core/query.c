/* raft/core/query.c: what others may ask of a member's state. */
#include "raft/core/state.h"

enum raft_role raft_role_of(const struct raft *raft)
{
    return raft->role;
}

uint64_t raft_term(const struct raft *raft)
{
    return raft->hard_state.term;
}

raft_id raft_leader(const struct raft *raft)
{
    return raft->leader;
}

uint64_t raft_commit_index(const struct raft *raft)
{
    return raft->commit_index;
}

uint64_t raft_applied_index(const struct raft *raft)
{
    return raft->applied_index;
}

uint64_t raft_first_index(const struct raft *raft)
{
    return raft->log.base_index + 1;
}

uint64_t raft_last_index(const struct raft *raft)
{
    return raft->log.last_index;
}

uint64_t raft_last_term(const struct raft *raft)
{
    return raft->log.last_term;
}

uint64_t raft_persisted_index(const struct raft *raft)
{
    return raft->log.persisted_index;
}

const struct raft_conf *raft_conf_of(const struct raft *raft)
{
    return raft__conf(raft);
}

uint64_t raft_malformed_count(const struct raft *raft)
{
    return raft->malformed_count;
}

int raft_progress_of(const struct raft *raft, raft_id id, struct raft_progress *out)
{
    if (raft->role != RAFT_LEADER)
        return RAFT_ENOTLEADER;
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        const struct raft_peer *peer = &raft->peers[i];
        if (peer->id != id)
            continue;
        bool is_self = id == raft->options.id;
        *out = (struct raft_progress){
            .id = id,
            .match_index = is_self ? raft->log.persisted_index : peer->match,
            .last_contact_mono_ms = is_self ? raft->now_mono_ms : peer->contact_mono_ms,
            .round_acked = is_self ? UINT64_MAX : peer->round_acked,
            .is_snapshotting = peer->state == RAFT_PEER_SNAPSHOT};
        return 0;
    }
    return RAFT_ENOENT;
}

uint64_t raft_round_confirmed(const struct raft *raft)
{
    return raft->reads.round_confirmed;
}
