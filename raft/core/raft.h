/* raft/core/raft.h: consensus as a step function. An event goes in, an update comes out; there is
 * no clock, random source, I/O, thread or log in here. Time is a field of the event and chance a
 * seed in the options, so equal inputs give equal outputs and tests/sim runs this very code.
 *
 * Follows Ongaro's thesis ("Consensus: Bridging Theory and Practice", 2014; Figures 3.1 and 4.1,
 * §3.10, §4, §6.4, §9.6, §10.2.1). The caller's duties, in this order for every update:
 *   1. hand `hard_state` and `entries` to storage, which makes them durable in the order given;
 *   2. send `messages` at once: what needs durability first is held back by the core until
 *      RAFT_EVENT_PERSISTED, so a leader's appends travel while its own disk writes (§10.2.1);
 *   3. apply `apply` in order and report RAFT_EVENT_APPLIED.
 * One thread at a time per struct raft. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raft/core/error.h"

typedef uint64_t raft_id; /* random 64 bits, never reused; 0 is "nobody" */

#define RAFT_MEMBERS_MAX 64             /* voters and learners together */
#define RAFT_VOTERS_MAX 5               /* a cluster has 1, 3 or 5; 2 and 4 occur in passing */
#define RAFT_ENTRY_LEN_MAX (1u << 20)   /* octets of one entry's data */
#define RAFT_APPEND_LEN_MAX (1u << 20)  /* octets of entries in one message (one entry may pass) */
#define RAFT_APPEND_ENTRIES_MAX 1024    /* entries in one message */
#define RAFT_INFLIGHT_MAX 8             /* append messages in flight to one peer */
#define RAFT_READS_MAX 4096             /* reads waiting; more are answered RAFT_EBUSY */
#define RAFT_CACHE_LEN_MAX (64u << 20)  /* octets of entries kept in memory; older ones by reader */

/* Immutable octets shared by core, disk thread and codec; freed with the last reference. */
struct raft_buf {
    _Atomic uint32_t refs;
    uint32_t len;
    uint8_t data[];
};
struct raft_buf *raft_buf_new(const void *data, size_t len); /* @data NULL: zeroed. NULL: no memory */
struct raft_buf *raft_buf_ref(struct raft_buf *buf);         /* returns @buf; NULL stays NULL */
void raft_buf_unref(struct raft_buf *buf);                   /* accepts NULL; any thread */

enum raft_member_role { RAFT_VOTER = 1, RAFT_LEARNER = 2 };
struct raft_member {
    raft_id id;
    enum raft_member_role role;
};
/* The members at some index, ascending by id. */
struct raft_conf {
    struct raft_member members[RAFT_MEMBERS_MAX];
    uint32_t count;
};

enum raft_entry_kind {
    RAFT_ENTRY_NOOP = 1,   /* opens a term; no data */
    RAFT_ENTRY_NORMAL = 2, /* data is the application's */
    RAFT_ENTRY_CONF = 3,   /* data is an encoded configuration and the application's context */
};
struct raft_entry {
    uint64_t index; /* from 1 */
    uint64_t term;
    enum raft_entry_kind kind;
    struct raft_buf *data; /* NULL when empty */
};

/* A membership entry's data: the whole new configuration (it holds from the moment it is in a log,
 * thesis §4.1), which single change it is, and the application's own context (names, addresses). */
enum raft_conf_change_kind {
    RAFT_CONF_ADD_LEARNER = 1,
    RAFT_CONF_PROMOTE = 2, /* learner → voter */
    RAFT_CONF_DEMOTE = 3,  /* voter → learner */
    RAFT_CONF_REMOVE = 4,
    RAFT_CONF_UPDATE = 5, /* same members; the context changed (an address) */
};
struct raft_conf_change {
    enum raft_conf_change_kind kind;
    raft_id id;
    struct raft_buf *context; /* may be NULL; borrowed */
};
/* Decode a RAFT_ENTRY_CONF's data, hostile octets allowed. *@context points into @data.
 * 0; RAFT_ECORRUPT (outputs untouched). Any thread. */
int raft_conf_entry_decode(const struct raft_buf *data, struct raft_conf *conf,
                           struct raft_conf_change *change, const uint8_t **context,
                           size_t *context_len);
/* Encode one; used by the core, and by bootstrap for the first entry. NULL: no memory. */
struct raft_buf *raft_conf_entry_encode(const struct raft_conf *conf,
                                        const struct raft_conf_change *change);

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
    RAFT_MSG_PRE_VOTE = 1,        /* §9.6: would you vote for me at `term`? Nobody's term changes */
    RAFT_MSG_PRE_VOTE_REPLY = 2,
    RAFT_MSG_VOTE = 3,
    RAFT_MSG_VOTE_REPLY = 4,
    RAFT_MSG_APPEND = 5,          /* also the heartbeat, with no entries */
    RAFT_MSG_APPEND_REPLY = 6,
    RAFT_MSG_SNAPSHOT = 7,        /* install this; acknowledged by an APPEND_REPLY */
    RAFT_MSG_TIMEOUT_NOW = 8,     /* leader transfer, §3.10 */
    RAFT_MSG_READ = 9,            /* a follower asks for a read index, §6.4 */
    RAFT_MSG_READ_REPLY = 10,
};
struct raft_message {
    enum raft_message_kind kind;
    raft_id from, to;
    uint64_t term;
    uint64_t log_index;  /* APPEND: prev. VOTE: last. APPEND_REPLY: match, or rejected prev.
                          * READ_REPLY: the read index. */
    uint64_t log_term;   /* term of log_index; in a rejection the follower's term at hint */
    uint64_t commit;     /* APPEND: leader's commit index */
    uint64_t hint;       /* APPEND_REPLY rejected: where to try next */
    uint64_t round;      /* APPEND and its reply: read round, §6.4 step 3. READ: the asker's read id */
    bool rejected;
    bool transfer;       /* VOTE caused by TIMEOUT_NOW: passes the lease check of check-quorum */
    struct raft_entry *entries; /* APPEND */
    uint32_t entry_count;
    struct raft_snapshot *snapshot; /* SNAPSHOT */
};

enum raft_role { RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

/* Read-only access to entries that are durable and no longer in the core's cache. Called from
 * within raft_step(); must be quick (one read of local storage). */
struct raft_log_reader {
    void *user;
    /* Entries [first, first + *count), at most @len_max octets but at least one; writes references
     * that the caller owns to @out. 0 with *@count lowered; RAFT_ECOMPACTED; RAFT_EIO. */
    int (*read)(void *user, uint64_t first, size_t len_max, struct raft_entry *out,
                uint32_t *count);
    int (*term)(void *user, uint64_t index, uint64_t *out);
};

struct raft_options {
    raft_id id;
    uint64_t seed;                 /* for election time-outs */
    uint32_t election_timeout_ms;  /* time-outs are drawn from [this, 2 × this) */
    uint32_t heartbeat_ms;
    uint64_t now_mono_ms;
    struct raft_log_reader reader; /* borrowed while the raft lives */
};

/* What storage and state machine hold at start. Entries (first_index … last) are borrowed for the
 * call; the newest are cached, older ones are left to the reader. */
struct raft_start {
    struct raft_hard_state hard_state;
    struct raft_snapshot base;     /* what the log stands on: index, term and conf; index 0: nothing */
    const struct raft_entry *entries; /* contiguous from base.index + 1 */
    uint64_t entry_count;
    uint64_t applied;              /* the state machine is durable up to here; ≥ base.index */
};

enum raft_event_kind {
    RAFT_EVENT_TICK = 1,       /* time passed; every few ms. The driver drains messages first */
    RAFT_EVENT_MESSAGE,        /* `message`, borrowed; entries are referenced if kept */
    RAFT_EVENT_PROPOSE,        /* `data`: references taken. RAFT_ENOTLEADER, RAFT_EBUSY, RAFT_ELIMIT */
    RAFT_EVENT_PROPOSE_CONF,   /* `change`. RAFT_ENOTLEADER, RAFT_EBUSY (one at a time; or no entry of
                                * this term committed yet), RAFT_EINVALID */
    RAFT_EVENT_PERSISTED,      /* everything of updates up to `seq` is durable */
    RAFT_EVENT_APPLIED,        /* the state machine has applied up to `index` */
    RAFT_EVENT_READ,           /* `read_id` wants a linearizable read; answered in `reads` */
    RAFT_EVENT_TRANSFER,       /* leader: hand over to `peer` (0: the best voter); outcome in `transfer` */
    RAFT_EVENT_SNAPSHOT_READY, /* leader: `snapshot` stands ready for `peer` */
    RAFT_EVENT_SNAPSHOT_FAILED,/* leader: none could be made for `peer`, or its fetch failed: retry later */
    RAFT_EVENT_INSTALLED,      /* follower: `snapshot` is the state now, durable, log reset behind it */
    RAFT_EVENT_INSTALL_FAILED, /* follower: it is not; go on as before */
    RAFT_EVENT_TRIMMED,        /* storage dropped entries up to `index` (≤ applied) */
    RAFT_EVENT_UNREACHABLE,    /* transport: messages to `peer` are being dropped */
    RAFT_EVENT_NEED_SNAPSHOT,  /* follower: own state is quarantined; ask the leader for a snapshot */
};
struct raft_event {
    enum raft_event_kind kind;
    uint64_t now_mono_ms; /* never smaller than in the event before */
    const struct raft_message *message;
    struct raft_buf *const *data;
    uint32_t data_count;
    struct raft_conf_change change;
    uint64_t seq;
    uint64_t index;
    uint64_t read_id;
    raft_id peer;
    const struct raft_snapshot *snapshot;
};

enum raft_read_outcome { RAFT_READ_OK, RAFT_READ_NO_LEADER };
struct raft_read {
    uint64_t read_id;
    enum raft_read_outcome outcome;
    uint64_t index; /* serve the read once applied ≥ index */
};
enum raft_transfer_outcome {
    RAFT_TRANSFER_NONE,    /* nothing to report */
    RAFT_TRANSFER_DONE,    /* another node leads */
    RAFT_TRANSFER_TIMEOUT, /* it did not take over within an election time-out; this node leads on */
};

/* All pointers are owned by the core and hold until the next raft_step(); take references to keep
 * entries or buffers. */
struct raft_update {
    uint64_t seq;                       /* 0: nothing to persist; else report it by PERSISTED */
    const struct raft_hard_state *hard_state; /* NULL: unchanged */
    const struct raft_entry *entries;   /* replace the log from entries[0].index on */
    uint32_t entry_count;
    const struct raft_message *messages;
    uint32_t message_count;
    const struct raft_entry *apply;     /* committed and durable here, in order, each once */
    uint32_t apply_count;
    const struct raft_read *reads;
    uint32_t read_count;
    const raft_id *snapshot_wanted;     /* leader: make a snapshot for these peers, once each */
    uint32_t snapshot_wanted_count;
    const struct raft_snapshot *install; /* follower: fetch and install, then INSTALLED; NULL: none */
    const struct raft_conf *conf;       /* the configuration in force changed; NULL: not */
    bool role_changed;                  /* role, term or known leader changed: see the getters */
    enum raft_transfer_outcome transfer;
    uint64_t first_proposed;            /* PROPOSE, PROPOSE_CONF: index of the first new entry */
    uint64_t proposed_term;
};

struct raft; /* opaque */

/* Build from what storage holds. On 0 the caller owns *@out. RAFT_ENOMEM; RAFT_EINVALID (a gap,
 * terms that fall, applied past the end, bad configuration). */
int raft_new(const struct raft_options *options, const struct raft_start *start,
             struct raft **out);
void raft_free(struct raft *raft); /* accepts NULL */

/* Take one event. On failure nothing changed and *@update is empty; RAFT_ENOMEM and RAFT_EIO from
 * any event mean: stop the process. */
int raft_step(struct raft *raft, const struct raft_event *event, struct raft_update *update);

enum raft_role raft_role_of(const struct raft *raft);
uint64_t raft_term(const struct raft *raft);
raft_id raft_leader(const struct raft *raft); /* 0: unknown */
uint64_t raft_commit_index(const struct raft *raft);
uint64_t raft_applied_index(const struct raft *raft);
uint64_t raft_first_index(const struct raft *raft); /* of the log; last + 1 when empty */
uint64_t raft_last_index(const struct raft *raft);
uint64_t raft_persisted_index(const struct raft *raft);
const struct raft_conf *raft_conf_of(const struct raft *raft); /* in force; borrowed */
/* Leader: may a membership change be proposed now (an entry of this term is committed and none is
 * under way)? */
bool raft_can_change_conf(const struct raft *raft);

/* Leader's view of one member, for status and autopilot. */
struct raft_progress {
    raft_id id;
    uint64_t match_index;        /* known durable there */
    uint64_t last_contact_mono_ms; /* last reply of this term; 0: none */
    bool is_snapshotting;
};
/* 0; RAFT_ENOTLEADER; RAFT_ENOENT. */
int raft_progress_of(const struct raft *raft, raft_id id, struct raft_progress *out);

const struct raft_member *raft_conf_find(const struct raft_conf *conf, raft_id id); /* or NULL */
uint32_t raft_conf_voters(const struct raft_conf *conf);
