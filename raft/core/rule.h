/* raft/core/rule.h: names of the rules that the core must keep. Each rule is guarded where it acts
 * by RAFT_RULE(name), the constant 1 in production. A build with RAFT_MUTATIONS can break one rule
 * at a time (raft_mutation), and tests/sim must then find a violation. */
#pragma once

#define RAFT_RULES(X)                                                                              \
    X(pre_vote)     /* §9.6: ask before raising the term */                                       \
    X(check_quorum) /* §6.2, §4.2.3: step down unheard; ignore votes near a live leader */       \
    X(no_op)        /* §6.4 step 1: a no-op opens each term */                                    \
    X(commit_current_term) /* §3.6.2, Figure 3.7: count replicas of this term's entries only */   \
    X(ack_verified)        /* acknowledge min(last stored, prev + n), never an unverified tail */  \
    X(drop_old_acks)       /* replies of older terms say nothing about this term */                \
    X(vote_durable)        /* Figure 3.1: term and vote are durable before any message */          \
    X(ack_durable)     /* §10.2.1: an entry counts where it is durable, the leader included */    \
    X(learner_no_vote) /* §4.2.1: learners are not asked, not counted, and never campaign */      \
    X(one_change)      /* §4.1: one membership change at a time */                                \
    X(change_after_commit) /* only after an entry of the leader's own term is committed */         \
    X(change_heard)        /* only a change after which a quorum of the voters answers */          \
    X(transfer_catch_up)   /* §3.10: hand over only to a voter that has everything */             \
    X(read_round)          /* §6.4: a quorum confirms leadership before a read is answered */     \
    X(truncate_only_on_conflict) /* §3.5: an old append never removes matching entries */         \
    X(snapshot_not_behind) /* §5.3: a snapshot never takes committed or stored entries back */    \
    X(inflight_bounds)     /* §10.2.1: bounded messages and octets in flight to a peer */         \
    /* recover.c, from here on */                                                                  \
    X(recovery_apart)      /* messages of another recovery are not answered */                     \
    X(recovery_superseded) /* what was committed here is never contradicted */                     \
    X(recovery_members)    /* nobody comes in who was not a member */                              \
    X(recovery_new_term)   /* a generation later than all before */                                \
    X(recovery_idle)       /* not while it leads, installs or is quarantined */                    \
    X(recovery_chance)     /* two recoveries of one generation have terms of their own */

enum raft_rule {
    RAFT_RULE_none,
#define RAFT_RULE_ENUM(name) RAFT_RULE_##name,
    RAFT_RULES(RAFT_RULE_ENUM)
#undef RAFT_RULE_ENUM
        RAFT_RULE_COUNT
};

#ifdef RAFT_MUTATIONS
extern unsigned raft_mutation; /* an enum raft_rule; 0: all rules hold */
extern const char *const raft_rule_names[RAFT_RULE_COUNT]; /* [0] is "none" */
#define RAFT_RULE(name) (raft_mutation != RAFT_RULE_##name)
#else
#define RAFT_RULE(name) 1
#endif
