/* node/cluster/recover_plan.h: may the cluster go on from this node alone, and what is lost by it?
 * A pure function of what the members that answer say of their logs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recover_member {
    uint64_t id;
    const char *name;
    const char *admin_address;
    bool is_self;
    bool is_voter; /* in the configuration of this node's log */
    bool answers;  /* and takes part in the cluster; what follows is of its answer */
    bool is_quarantined;
    uint64_t leader; /* that it hears; 0: none */
    uint64_t term, last_term, last_index, applied_index;
};

#define RECOVER_TEXT_MAX 1024
struct recover_plan {
    char refusal[RECOVER_TEXT_MAX]; /* why not, and what to do instead */
    char loss[RECOVER_TEXT_MAX];    /* what may be lost; where it is not refused */
    uint32_t generation;            /* the new one */
};
/* 0, or ERR_CONFLICT with @out->refusal: there is a quorum, or another survivor has more.
 *
 * The survivor must have the newest log of all that answer, by the rule of Raft's votes (§3.6.1:
 * the later term of the last entry, then the longer log). Whatever any of them has committed is
 * then in it: an entry that was committed in some term is in the log of every later leader
 * (§3.6.3), so in every log whose last entry is of a later term; and within one term the longer log
 * has it. */
int recover_plan(const struct recover_member *members, unsigned count, struct recover_plan *out);
