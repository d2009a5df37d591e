/* raft/core/peer.h: what a leader knows of one member, and how fast it may send to it. */
#pragma once

#include "raft/core/raft.h"

enum raft_peer_state {
    RAFT_PEER_PROBE,     /* where the logs part is unknown: one empty append at a time */
    RAFT_PEER_REPLICATE, /* appends are pipelined ahead of the replies (§10.2.1) */
    RAFT_PEER_SNAPSHOT,  /* needs what the log no longer has (§5): heartbeats only */
};
enum raft_peer_vote { RAFT_VOTE_NONE, RAFT_VOTE_GRANTED, RAFT_VOTE_REJECTED };

struct raft_inflight {
    uint64_t last_index; /* of the message */
    size_t len;
};
struct raft_peer {
    raft_id id;
    enum raft_member_role role;
    enum raft_peer_vote vote; /* candidates */
    enum raft_peer_state state;
    uint64_t match;             /* known durable there, and the same as here */
    uint64_t next;              /* next entry to send; > match */
    uint64_t commit_sent;       /* the commit index that it can have learned */
    uint64_t round_acked;       /* newest read round that it confirmed (§6.4) */
    uint64_t contact_mono_ms;   /* last reply of this term; 0: none */
    uint64_t heartbeat_mono_ms; /* when the next message is due; 0: now */
    bool is_probing;            /* PROBE: a probe is under way */
    struct raft_inflight inflight[RAFT_INFLIGHT_MAX]; /* ring */
    uint32_t inflight_head, inflight_count;
    size_t inflight_len;
    struct raft_buf *snapshot; /* SNAPSHOT: a struct raft_snapshot to install; NULL: none yet */
    uint64_t snapshot_floor;   /* SNAPSHOT: an older one is of no use */
    uint64_t snapshot_mono_ms; /* SNAPSHOT: when to offer or want again; UINT64_MAX: never */
};

/* A new leader's first guess: the peer has all that came before its term. */
void raft_peer_reset(struct raft_peer *peer, uint64_t next);
void raft_peer_fini(struct raft_peer *peer);
void raft_peer_probe(struct raft_peer *peer, uint64_t next);
void raft_peer_replicate(struct raft_peer *peer);
void raft_peer_snapshot(struct raft_peer *peer, uint64_t floor);

/* How many octets may the next message bring? 0: none, the pipeline is full. */
size_t raft_peer_room(const struct raft_peer *peer);
void raft_peer_sent(struct raft_peer *peer, uint64_t last_index, size_t len);
/* Everything up to @match is durable at the peer. */
void raft_peer_acked(struct raft_peer *peer, uint64_t match);
