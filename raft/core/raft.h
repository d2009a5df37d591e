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

#include "raft/core/message.h"

enum raft_role { RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

/* Read-only access to entries that are durable and no longer in the core's cache. Called from
 * within raft_step(); must be quick (one read of local storage). */
struct raft_log_reader {
    void *user;
    /* Entries [first, first + *count), at most @len_max octets but at least one; writes references
     * that the caller owns to @out. 0 with *@count lowered; RAFT_ECOMPACTED; RAFT_EIO. */
    int (*read)(void *user, uint64_t first, size_t len_max, struct raft_entry *out,
                uint32_t *count);
    /* Also of the entry before the first one kept, which TRIMMED or a snapshot took away.
     * RAFT_ECOMPACTED, RAFT_EIO. */
    int (*term)(void *user, uint64_t index, uint64_t *out);
};

struct raft_options {
    raft_id id;
    uint64_t seed; /* for election time-outs and read ids: fresh at each start, also in tests */
    uint32_t election_timeout_ms; /* time-outs are drawn from [this, 2 × this) */
    uint32_t heartbeat_ms;
    uint64_t now_mono_ms;
    struct raft_log_reader reader; /* borrowed while the raft lives */
};

/* What storage and state machine hold at start. Entries (first_index … last) are borrowed for the
 * call; the newest are cached, older ones are left to the reader. */
struct raft_start {
    struct raft_hard_state hard_state;
    struct raft_snapshot base; /* what the log stands on: index, term and conf; index 0: nothing */
    const struct raft_entry *entries; /* contiguous from base.index + 1 */
    uint64_t entry_count;
    uint64_t applied; /* the state machine is durable up to here; ≥ base.index */
};

enum raft_event_kind {
    RAFT_EVENT_TICK = 1,     /* time passed; every few ms. The driver drains messages first */
    RAFT_EVENT_MESSAGE,      /* `message`, borrowed; entries are referenced if kept */
    RAFT_EVENT_PROPOSE,      /* `data`: references taken. RAFT_ENOTLEADER; RAFT_EBUSY (a bound, or a
                              * transfer); RAFT_ELIMIT (0 or over RAFT_APPEND_ENTRIES_MAX, or
                              * one over RAFT_ENTRY_LEN_MAX) */
    RAFT_EVENT_PROPOSE_CONF, /* `change`. RAFT_ENOTLEADER, RAFT_EBUSY (one at a time; or no entry of
                              * this term committed yet), RAFT_EINVALID, RAFT_ENOQUORUM (of the
                              * voters that there would be, no quorum has answered within an
                              * election time-out) */
    RAFT_EVENT_PERSISTED,    /* everything of updates up to `seq` is durable */
    RAFT_EVENT_APPLIED,      /* the state machine has applied up to `index` */
    RAFT_EVENT_READ,         /* `read_id` wants a linearizable read; answered in `reads` */
    RAFT_EVENT_TRANSFER, /* leader: hand over to `peer` (0: the best voter); outcome in `transfer`
                          */
    RAFT_EVENT_SNAPSHOT_READY,  /* leader: `snapshot` stands ready for `peer`, until it is
                                 * wanted again or the peer has caught up. Too old: wanted again */
    RAFT_EVENT_SNAPSHOT_FAILED, /* leader: none could be made for `peer`, or its fetch failed: retry
                                   later */
    RAFT_EVENT_INSTALLED,       /* follower: `snapshot` is the state now, durable; the log is
                                 * empty behind it (asked only where no entry is lost by that) */
    RAFT_EVENT_INSTALL_FAILED,  /* follower: it is not; go on as before */
    RAFT_EVENT_TRIMMED,         /* storage dropped entries up to `index` (≤ applied) */
    RAFT_EVENT_UNREACHABLE,     /* transport: messages to `peer` are being dropped */
    RAFT_EVENT_NEED_SNAPSHOT, /* own state is quarantined: ask the leader for a snapshot at or past
                               * the end of this log. A leader steps down first */
    RAFT_EVENT_RECOVER,       /* the quorum is gone for good: go on from this log in `term`, with
                               * `conf`, whose one voter is this node. RAFT_EBUSY (it leads,
                               * installs or is quarantined), RAFT_EINVALID (see recover.c) */
};
struct raft_event {
    enum raft_event_kind kind;
    uint64_t now_mono_ms; /* never smaller than in the event before */
    bool holds_commit;    /* leader: a commit index that no append carries may wait; the next event
                           * without this, at the latest the next tick, tells it */
    const struct raft_message *message;
    struct raft_buf *const *data;
    uint32_t data_count;
    struct raft_conf_change change;
    uint64_t seq;
    uint64_t index;
    uint64_t read_id;
    raft_id peer;
    const struct raft_snapshot *snapshot;
    uint64_t term;
    const struct raft_conf *conf;
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
    RAFT_TRANSFER_TIMEOUT, /* it did not take over within an election time-out; this node leads on
                            */
};

/* All pointers are owned by the core and hold until the next raft_step(); take references to keep
 * entries or buffers. */
struct raft_update {
    uint64_t seq; /* 0: nothing to persist; else report it by PERSISTED */
    const struct raft_hard_state *hard_state; /* NULL: unchanged */
    const struct raft_entry *entries;         /* replace the log from entries[0].index on */
    uint32_t entry_count;
    const struct raft_message *messages;
    uint32_t message_count;
    const struct raft_entry *apply; /* committed and durable here, in order, each once */
    uint32_t apply_count;
    const struct raft_read *reads;
    uint32_t read_count;
    const raft_id *snapshot_wanted; /* leader: make a snapshot for these peers, once each */
    uint32_t snapshot_wanted_count;
    const struct raft_snapshot
        *install;                 /* follower: fetch and install, then INSTALLED; NULL: none */
    const struct raft_conf *conf; /* the configuration in force changed; NULL: not */
    bool role_changed;            /* role, term or known leader changed: see the getters */
    enum raft_transfer_outcome transfer;
    uint64_t first_proposed; /* PROPOSE, PROPOSE_CONF: index of the first new entry */
    uint64_t proposed_term;
};

struct raft; /* opaque */

/* Build from what storage holds. On 0 the caller owns *@out. RAFT_ENOMEM; RAFT_EINVALID (a gap,
 * terms that fall, applied past the end, bad configuration). */
int raft_new(const struct raft_options *options, const struct raft_start *start, struct raft **out);
void raft_free(struct raft *raft); /* accepts NULL */

/* Take one event. On failure nothing changed and *@update is empty; RAFT_ENOMEM, RAFT_EIO and
 * RAFT_ECORRUPT (storage has lost what this member acknowledged: it must join anew) from any event
 * mean: stop the process. RAFT_ESUPERSEDED likewise means: take part in nothing any more. */
int raft_step(struct raft *raft, const struct raft_event *event, struct raft_update *update);

enum raft_role raft_role_of(const struct raft *raft);
uint64_t raft_term(const struct raft *raft);
raft_id raft_leader(const struct raft *raft); /* 0: unknown */
uint64_t raft_commit_index(const struct raft *raft);
uint64_t raft_applied_index(const struct raft *raft);
uint64_t raft_first_index(const struct raft *raft); /* of the log; last + 1 when empty */
uint64_t raft_last_index(const struct raft *raft);
uint64_t raft_last_term(const struct raft *raft); /* of the entry at the last index */
uint64_t raft_persisted_index(const struct raft *raft);
const struct raft_conf *raft_conf_of(const struct raft *raft); /* in force; borrowed */
/* Leader: may a membership change be proposed now (an entry of this term is committed and none is
 * under way)? */
bool raft_can_change_conf(const struct raft *raft);

/* Leader's view of one member, for status and autopilot. */
struct raft_progress {
    raft_id id;
    uint64_t match_index;          /* known durable there */
    uint64_t last_contact_mono_ms; /* last reply of this term; 0: none */
    uint64_t round_acked;          /* newest read round that it has a vote in */
    bool is_snapshotting;
};
/* 0; RAFT_ENOTLEADER; RAFT_ENOENT. */
int raft_progress_of(const struct raft *raft, raft_id id, struct raft_progress *out);

/* Leader: the newest read round that a quorum has a vote in, by an answer to a heartbeat or by the
 * ask that the round is of. Once a READ is released, this is its round or a later one: who has a
 * vote in that was alive since the READ, or when it sent an ask that came since. */
uint64_t raft_round_confirmed(const struct raft *raft);

/* The term that a recovery begins with: the generation, the upper bits of @chance (two recoveries
 * that do not know of each other must not use the same terms), and room to count elections. */
uint64_t raft_recovery_term(uint32_t generation, uint64_t chance);

/* Messages dropped because no correct member could have sent them. */
uint64_t raft_malformed_count(const struct raft *raft);
