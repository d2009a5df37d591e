/* node/cluster/change_plan.h: an administrator's membership change as steps of Raft, or the reason
 * why not. Pure, so that the rules about quorum are tested by table. */
#pragma once

#include "cluster/autopilot.h"
#include "cluster/cluster.h"

#define CHANGE_STEPS_MAX 3
enum change_step_kind {
    CHANGE_STEP_TRANSFER, /* hand over; what remains is done by the next leader */
    CHANGE_STEP_PROMOTE,
    CHANGE_STEP_DEMOTE,
    CHANGE_STEP_REMOVE,
};
struct change_step {
    enum change_step_kind kind;
    uint64_t id; /* of TRANSFER: the next leader, 0: the best */
};
struct change_plan {
    struct change_step steps[CHANGE_STEPS_MAX];
    unsigned count;    /* 0: there is nothing to do, `message` says why */
    char message[512]; /* what will be, or why it is refused */
};

/* @members: what the leader knows (autopilot.h); @name gives a member's name for messages.
 * 0; ERR_NOT_FOUND (no such member), ERR_CONFLICT (would lose the quorum, or is not ready),
 * ERR_INVALID: with @out->message. */
typedef const char *(*change_name_cb)(void *user, uint64_t id);
struct change_request {
    enum cluster_member_op op;
    uint64_t id, other;
    change_name_cb name;
    void *user;
};
int change_plan(const struct autopilot_member *members, unsigned count,
                const struct change_request *request, struct change_plan *out);

/* The leader does not trust its own state: the best other voter takes over; where it is the only
 * one that can, a ready replica gets the vote first. 0, or ERR_CONFLICT: nobody can now. */
int change_plan_hand_over(const struct autopilot_member *members, unsigned count,
                          struct change_plan *out);
