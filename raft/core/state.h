/* raft/core/state.h: the state of one member, and the handlers that change it, by topic.
 * Handlers return nothing where all they can meet is a lack of memory or a failed read: those are
 * kept in `failure`, end the step, and mean that the process must stop. */
#pragma once

#include "raft/core/assert.h"
#include "raft/core/conf.h"
#include "raft/core/log.h"
#include "raft/core/output.h"
#include "raft/core/peer.h"
#include "raft/core/raft.h"
#include "raft/core/rule.h"

#define RAFT_HELD_MAX                                                                              \
    128 /* messages that wait for a durable term; more are dropped, as if lost                     \
         */

struct raft_waiting_read {
    uint64_t read_id; /* local reads: the caller's. Others: the asker's */
    raft_id from;     /* 0: local */
    uint64_t index;
    uint64_t round; /* leader: heartbeat round that confirms it; follower: the ask; 0: none yet */
};
struct raft_reads {                  /* FIFO; those with a round come first */
    struct raft_waiting_read *items; /* ring of RAFT_READS_MAX */
    uint32_t head, count;
    uint64_t round_sent, round_confirmed; /* leader; both of this term */
    uint64_t ask, ask_mono_ms;            /* follower: the ask under way; its time. 0: none */
    uint64_t ask_last;                    /* last id used; random at start, so never used before */
};
struct raft_transfer {
    raft_id target; /* 0: none under way */
    uint64_t deadline_mono_ms;
    bool is_ordered;                    /* TIMEOUT_NOW is sent */
    enum raft_transfer_outcome outcome; /* to report with this step */
};

struct raft {
    struct raft_options options;
    uint64_t random;
    uint64_t now_mono_ms, tick_mono_ms;
    bool holds_commit; /* of the event at hand */
    int failure;
    uint64_t malformed_count;

    enum raft_role role;
    raft_id leader;
    struct raft_hard_state hard_state;
    bool hard_changed; /* in this step */
    uint64_t hard_seq; /* the update that makes it durable */
    uint64_t seq, persisted_seq;

    struct raft_log log;
    struct raft_conf_history confs;
    bool conf_changed; /* in this step */
    uint64_t commit_index, applied_index;
    uint64_t handed_index; /* last entry handed to apply */

    /* follower */
    uint64_t election_mono_ms; /* when to stand for election */
    uint64_t leader_mono_ms;   /* when the leader was last heard */
    uint64_t verified_index;   /* up to here the log is the leader's */
    uint64_t round_seen;       /* newest read round of this leader */
    bool ack_due;              /* entries wait for durability to be acknowledged */
    bool wants_snapshot;       /* own state is quarantined */
    bool is_installing;
    bool install_starts; /* in this step */
    struct raft_snapshot install;
    uint64_t install_term; /* of the leader that offered it */

    struct raft_peer peers[RAFT_MEMBERS_MAX]; /* as in the configuration in force, this node too */
    uint32_t peer_count;
    bool is_transfer_vote; /* candidate by TIMEOUT_NOW */

    /* leader */
    uint64_t term_first_index; /* its first entry of this term */
    uint64_t quorum_mono_ms;   /* when to look whether a quorum was heard */
    struct raft_transfer transfer;
    struct raft_reads reads;

    struct raft_message held[RAFT_HELD_MAX];
    uint32_t held_count;
    struct raft_output output;
};

/* step.c */
void raft__check(struct raft *raft, int rc); /* keeps a failure */
void raft__malformed(struct raft *raft);
const struct raft_conf *raft__conf(const struct raft *raft);
struct raft_peer *raft__peer(struct raft *raft, raft_id id); /* NULL: no member */
bool raft__peer_votes(const struct raft_peer *peer);
bool raft__is_heard(const struct raft *raft, const struct raft_peer *peer);
bool raft__can_lead(const struct raft *raft); /* a voter, or one until that is committed */
uint32_t raft__quorum(const struct raft *raft);
bool raft__has_committed_in_term(const struct raft *raft);

/* message.c */
bool raft__message_is_well_formed(const struct raft *raft, const struct raft_message *message);
void raft__send(struct raft *raft, struct raft_message *message); /* fills from, term if 0 */
bool raft__is_hard_durable(const struct raft *raft);              /* term and vote */
void raft__release_held(struct raft *raft);

/* election.c */
void raft__set_hard_state(struct raft *raft, uint64_t term, raft_id voted_for);
void raft__become_follower(struct raft *raft, uint64_t term, raft_id leader);
void raft__reset_election_timer(struct raft *raft);
void raft__campaign(struct raft *raft, bool is_transfer);
void raft__stand(struct raft *raft); /* for election, in its term, with its own vote */
void raft__count_votes(struct raft *raft);
bool raft__ignores_vote(const struct raft *raft, const struct raft_message *message);
void raft__receive_vote(struct raft *raft, const struct raft_message *message);
void raft__receive_vote_reply(struct raft *raft, const struct raft_message *message);

/* recover.c */
int raft__recover(struct raft *raft, const struct raft_event *event);
bool raft__is_of_this_recovery(const struct raft *raft, const struct raft_message *message);
/* Does the log hold an entry of the recovery that the own term is of? Then it is that of a leader
 * of this recovery, up to there (§3.5). */
bool raft__has_recovered(const struct raft *raft);
/* Up to where is it certain, without asking, that a leader of this term has what is committed here?
 * Everything (§3.6), if this recovery has committed it; else nothing. */
uint64_t raft__sure_index(struct raft *raft);
bool raft__agrees_with_commit(struct raft *raft, uint64_t index, uint64_t term);

/* tick.c */
void raft__tick(struct raft *raft);

/* replicate.c: the leader's side of the log; follow.c: the follower's */
void raft__append_own(struct raft *raft, enum raft_entry_kind kind, struct raft_buf *data);
int raft__propose(struct raft *raft, const struct raft_event *event);
void raft__heartbeat(struct raft *raft, struct raft_peer *peer);
void raft__flush(struct raft *raft); /* send to every peer what it may have */
void raft__receive_append_reply(struct raft *raft, const struct raft_message *message);
void raft__receive_append(struct raft *raft, const struct raft_message *message);
void raft__acknowledge(struct raft *raft);
void raft__reject_stale(struct raft *raft, const struct raft_message *message);

/* commit.c */
void raft__commit_to(struct raft *raft, uint64_t index);
void raft__advance_commit(struct raft *raft);
void raft__persisted(struct raft *raft, uint64_t seq);
int raft__applied(struct raft *raft, uint64_t index);
int raft__trimmed(struct raft *raft, uint64_t index);

/* membership.c */
void raft__conf_entered(struct raft *raft, const struct raft_entry *entry);
void raft__conf_truncated(struct raft *raft, uint64_t first);
void raft__rebuild_peers(struct raft *raft);
int raft__propose_conf(struct raft *raft, const struct raft_conf_change *change, uint64_t *index);
void raft__leave_if_removed(struct raft *raft);

/* read.c */
int raft__read(struct raft *raft, uint64_t read_id);
void raft__fail_reads(struct raft *raft);
void raft__start_round(struct raft *raft);
void raft__confirm_round(struct raft *raft);
void raft__retry_ask(struct raft *raft);
void raft__receive_read(struct raft *raft, const struct raft_message *message);
void raft__receive_read_reply(struct raft *raft, const struct raft_message *message);

/* transfer.c */
int raft__transfer(struct raft *raft, raft_id target);
struct raft_peer *raft__best_voter(struct raft *raft);
void raft__transfer_try(struct raft *raft);
void raft__transfer_tick(struct raft *raft);
void raft__transfer_led(struct raft *raft, raft_id leader); /* a leader became known */
void raft__receive_timeout_now(struct raft *raft, const struct raft_message *message);

/* snapshot.c */
void raft__want_snapshot(struct raft *raft, struct raft_peer *peer, uint64_t floor);
int raft__snapshot_ready(struct raft *raft, raft_id id, const struct raft_snapshot *snapshot);
void raft__snapshot_failed(struct raft *raft, raft_id id);
void raft__snapshot_tick(struct raft *raft, struct raft_peer *peer);
void raft__receive_snapshot(struct raft *raft, const struct raft_message *message);
int raft__installed(struct raft *raft, const struct raft_snapshot *snapshot);
int raft__install_failed(struct raft *raft);
void raft__need_snapshot(struct raft *raft);

/* update.c */
void raft__begin(struct raft *raft);
void raft__finish(struct raft *raft, struct raft_update *update);
