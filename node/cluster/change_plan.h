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
 * ERR_INVALID: with @out->message. To remove who is no member is to do nothing: it may have been
 * removed by the leader before, whose answer was lost. */
typedef const char *(*change_name_cb)(void *user, uint64_t id);
struct change_request {
    enum cluster_member_op op;
    uint64_t id, other;
    change_name_cb name;
    void *user;
};
int change_plan(const struct autopilot_member *members, unsigned count,
                const struct change_request *request, struct change_plan *out);

/* The next step from @at on that gives or takes a vote, or may; NULL: none. */
const struct change_step *change_plan_next_vote(const struct change_plan *plan, unsigned at);
/* May @step be proposed now that all members have been asked whether they live? 0: yes; 1: wait for
 * answers, unless @is_over; ERR_CONFLICT with @message: no, it would lose the quorum. */
int change_plan_judge(const struct autopilot_member *members, unsigned count,
                      const struct change_step *step, bool is_over, char *message, size_t size);

/* The leader does not trust its own state: the best other voter takes over; where it is the only
 * one that can, a ready replica gets the vote first. 0, or ERR_CONFLICT: nobody can now. */
int change_plan_hand_over(const struct autopilot_member *members, unsigned count,
                          struct change_plan *out);
