/* raft/core/peer.c: one member as its leader sees it. */
#include "raft/core/peer.h"

#include "raft/core/assert.h"
#include "raft/core/rule.h"

static void peer_drop_inflight(struct raft_peer *peer)
{
    peer->inflight_head = peer->inflight_count = 0;
    peer->inflight_len = 0;
}

static void peer_leave_snapshot(struct raft_peer *peer)
{
    raft_buf_unref(peer->snapshot);
    peer->snapshot = NULL;
}

void raft_peer_fini(struct raft_peer *peer)
{
    peer_leave_snapshot(peer);
}

void raft_peer_reset(struct raft_peer *peer, uint64_t next)
{
    raft_id id = peer->id;
    enum raft_member_role role = peer->role;

    peer_leave_snapshot(peer);
    *peer = (struct raft_peer){.id = id, .role = role, .state = RAFT_PEER_REPLICATE, .next = next};
}

void raft_peer_probe(struct raft_peer *peer, uint64_t next)
{
    RAFT_ASSERT(next > peer->match);
    peer_leave_snapshot(peer);
    peer_drop_inflight(peer);
    peer->state = RAFT_PEER_PROBE;
    peer->next = next;
    peer->is_probing = false;
    peer->commit_sent = 0;
}

void raft_peer_replicate(struct raft_peer *peer)
{
    peer_leave_snapshot(peer);
    peer_drop_inflight(peer);
    peer->state = RAFT_PEER_REPLICATE;
    peer->next = peer->match + 1;
    peer->commit_sent = 0;
}

void raft_peer_snapshot(struct raft_peer *peer, uint64_t floor)
{
    peer_leave_snapshot(peer);
    peer_drop_inflight(peer);
    peer->state = RAFT_PEER_SNAPSHOT;
    peer->snapshot_floor = floor;
    peer->snapshot_mono_ms = UINT64_MAX;
}

size_t raft_peer_room(const struct raft_peer *peer)
{
    if (!RAFT_RULE(inflight_bounds))
        return RAFT_APPEND_LEN_MAX;
    if (peer->inflight_count == RAFT_INFLIGHT_MAX || peer->inflight_len >= RAFT_INFLIGHT_LEN_MAX)
        return 0;
    size_t room = RAFT_INFLIGHT_LEN_MAX - peer->inflight_len;
    return room < RAFT_APPEND_LEN_MAX ? room : RAFT_APPEND_LEN_MAX;
}

void raft_peer_sent(struct raft_peer *peer, uint64_t last_index, size_t len)
{
    RAFT_ASSERT(last_index >= peer->next);
    peer->next = last_index + 1;
    if (peer->inflight_count == RAFT_INFLIGHT_MAX) {
        RAFT_ASSERT(!RAFT_RULE(inflight_bounds));
        return;
    }
    uint32_t at = (peer->inflight_head + peer->inflight_count) % RAFT_INFLIGHT_MAX;
    peer->inflight[at] = (struct raft_inflight){.last_index = last_index, .len = len};
    peer->inflight_count++;
    peer->inflight_len += len;
}

void raft_peer_acked(struct raft_peer *peer, uint64_t match)
{
    if (match > peer->match)
        peer->match = match;
    if (peer->next <= peer->match)
        peer->next = peer->match + 1;
    while (peer->inflight_count > 0 &&
           peer->inflight[peer->inflight_head].last_index <= peer->match) {
        peer->inflight_len -= peer->inflight[peer->inflight_head].len;
        peer->inflight_head = (peer->inflight_head + 1) % RAFT_INFLIGHT_MAX;
        peer->inflight_count--;
    }
}
