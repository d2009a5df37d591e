/* raft/core/tick.c: what the passing of time alone causes. */
#include "raft/core/state.h"

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Did voters enough answer? */
static bool heard_quorum(const struct raft *raft)
{
    uint32_t heard = 0;

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        const struct raft_peer *peer = &raft->peers[i];
        heard += raft__peer_votes(peer) && raft__is_heard(raft, peer);
    }
    return heard >= raft__quorum(raft);
}

static void tick_leader(struct raft *raft)
{
    if (raft->now_mono_ms >= raft->quorum_mono_ms) {
        if (RAFT_RULE(check_quorum) && !heard_quorum(raft)) { /* §6.2 */
            raft__become_follower(raft, raft->hard_state.term, 0);
            return;
        }
        raft->quorum_mono_ms = raft->now_mono_ms + raft->options.election_timeout_ms / 4;
    }
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        struct raft_peer *peer = &raft->peers[i];
        if (peer->id == raft->options.id)
            continue;
        raft__snapshot_tick(raft, peer);
        if (raft->now_mono_ms >= peer->heartbeat_mono_ms)
            raft__heartbeat(raft, peer);
    }
}

void raft__tick(struct raft *raft)
{
    uint64_t gap_ms = raft->now_mono_ms - raft->tick_mono_ms;
    bool has_stalled = gap_ms > raft->options.election_timeout_ms / 2;

    raft->tick_mono_ms = raft->now_mono_ms;
    if (has_stalled) {
        /* This process stood still, not the others: give what they sent a moment to arrive. */
        uint64_t grace = raft->now_mono_ms + 2 * (uint64_t)raft->options.heartbeat_ms;
        raft->election_mono_ms = later(raft->election_mono_ms, grace);
        raft->quorum_mono_ms = later(raft->quorum_mono_ms, grace);
    }
    raft__transfer_tick(raft);
    if (raft->role == RAFT_LEADER) {
        tick_leader(raft);
        return;
    }
    if (raft->now_mono_ms >= raft->election_mono_ms)
        raft__campaign(raft, false);
    else
        raft__retry_ask(raft);
}
