/* raft/core/message.h: what members send each other, and what a snapshot and the hard state are. */
#pragma once

#include "raft/core/entry.h"

struct raft_hard_state {
    uint64_t term;
    raft_id voted_for; /* 0: nobody in this term */
};

/* What a snapshot is, without its data, which travels on a socket of its own. */
#define RAFT_SNAPSHOT_LOCATOR_MAX 256
struct raft_snapshot {
    uint64_t index; /* state includes everything up to here */
    uint64_t term;  /* of the entry at index */
    struct raft_conf conf;
    uint8_t locator[RAFT_SNAPSHOT_LOCATOR_MAX]; /* how to fetch it; opaque to the core */
    uint32_t locator_len;
};

enum raft_message_kind {
    RAFT_MSG_PRE_VOTE = 1, /* §9.6: would you vote for me at `term`? Nobody's term changes */
    RAFT_MSG_PRE_VOTE_REPLY = 2,
    RAFT_MSG_VOTE = 3,
    RAFT_MSG_VOTE_REPLY = 4,
    RAFT_MSG_APPEND = 5, /* also the heartbeat, with no entries */
    RAFT_MSG_APPEND_REPLY = 6,
    RAFT_MSG_SNAPSHOT = 7,    /* install this; acknowledged by an APPEND_REPLY */
    RAFT_MSG_TIMEOUT_NOW = 8, /* leader transfer, §3.10 */
    RAFT_MSG_READ = 9,        /* a follower asks for a read index, §6.4 */
    RAFT_MSG_READ_REPLY = 10,
};
struct raft_message {
    enum raft_message_kind kind;
    raft_id from, to;
    uint64_t term;
    uint64_t log_index; /* APPEND: prev. VOTE: last. APPEND_REPLY: match, or rejected prev.
                         * READ_REPLY: the read index. */
    uint64_t log_term;  /* term of log_index; in a rejection the follower's term at hint */
    uint64_t commit;    /* APPEND: leader's commit index */
    uint64_t hint;      /* APPEND_REPLY rejected: where to try next. APPEND: what the receiver has
                         * acknowledged in this term, as far as the leader knows */
    uint64_t round; /* APPEND and its reply: read round, §6.4 step 3. READ: the asker's read id */
    bool rejected;  /* replies only. READ_REPLY: the receiver of the READ does not lead */
    bool transfer;  /* VOTE caused by TIMEOUT_NOW: passes the lease check of check-quorum */
    bool wants_snapshot;        /* APPEND_REPLY: one, although the log matches (NEED_SNAPSHOT) */
    struct raft_entry *entries; /* APPEND */
    uint32_t entry_count;
    struct raft_snapshot *snapshot; /* SNAPSHOT */
};
