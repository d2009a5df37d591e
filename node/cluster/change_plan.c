#include "cluster/change_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

struct planner {
    const struct autopilot_member *members;
    unsigned count;
    const struct change_request *request;
    struct change_plan *plan;
};

static const struct autopilot_member *find(const struct planner *planner, uint64_t id)
{
    for (unsigned i = 0; i < planner->count; i++) {
        if (planner->members[i].id == id)
            return &planner->members[i];
    }
    return NULL;
}

static unsigned voters_of(const struct planner *planner)
{
    unsigned voters = 0;

    for (unsigned i = 0; i < planner->count; i++)
        voters += planner->members[i].is_voter;
    return voters;
}

static const char *name_of(const struct planner *planner, uint64_t id)
{
    return planner->request->name(planner->request->user, id);
}

static int say(struct planner *planner, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int say(struct planner *planner, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(planner->plan->message, sizeof(planner->plan->message), format, args);
    va_end(args);
    return code;
}

static void add_step(struct planner *planner, enum change_step_kind kind, uint64_t id)
{
    ASSERT(planner->plan->count < CHANGE_STEPS_MAX);
    planner->plan->steps[planner->plan->count++] = (struct change_step){kind, id};
}

/* "2 of 3 voters are alive": why a change of @id's vote cannot be. */
static int refuse_quorum(struct planner *planner, const char *what, uint64_t id)
{
    unsigned voters = 0, alive = 0;

    for (unsigned i = 0; i < planner->count; i++) {
        bool is_voter = planner->members[i].is_voter != (planner->members[i].id == id);
        voters += is_voter;
        alive += is_voter && autopilot_is_alive(&planner->members[i]);
    }
    return say(planner, ERR_CONFLICT,
               "%s %s would leave %u voters of which %u live, and a quorum is %u; bring dead nodes "
               "back, or remove those first that are gone for good",
               what, name_of(planner, id), voters, alive, autopilot_quorum(voters));
}

static int plan_lose_vote(struct planner *planner, const struct autopilot_member *member,
                          enum change_step_kind kind)
{
    unsigned voters = voters_of(planner);
    const char *verb = kind == CHANGE_STEP_REMOVE ? "Removing" : "Demoting";
    const char *done = kind == CHANGE_STEP_REMOVE ? "removed" : "a replica now";

    if (voters == 1)
        return say(planner, ERR_CONFLICT,
                   "%s is the only voter: without it there is no cluster; add nodes first",
                   name_of(planner, member->id));
    if (!autopilot_keeps_quorum(planner->members, planner->count, member->id))
        return refuse_quorum(planner, verb, member->id);
    if (member->is_leader)
        add_step(planner, CHANGE_STEP_TRANSFER, 0);
    add_step(planner, kind, member->id);
    return say(planner, 0, "%s is %s. Voters: %u, quorum: %u.", name_of(planner, member->id), done,
               voters - 1, autopilot_quorum(voters - 1));
}

static int plan_remove(struct planner *planner, const struct autopilot_member *member)
{
    unsigned voters = voters_of(planner);

    if (member->is_voter)
        return plan_lose_vote(planner, member, CHANGE_STEP_REMOVE);
    add_step(planner, CHANGE_STEP_REMOVE, member->id);
    return say(planner, 0, "%s is removed; it had no vote. Voters: %u, quorum: %u.",
               name_of(planner, member->id), voters, autopilot_quorum(voters));
}

static int refuse_not_ready(struct planner *planner, const struct autopilot_member *member)
{
    const char *name = name_of(planner, member->id);

    if (!autopilot_is_alive(member))
        return say(planner, ERR_CONFLICT, "%s does not answer", name);
    if (member->is_quarantined || member->is_snapshotting)
        return say(planner, ERR_CONFLICT, "%s is receiving a snapshot; try again later", name);
    return say(planner, ERR_CONFLICT, "%s lags by %llu entries; try again once it has caught up",
               name, (unsigned long long)member->lag_entries);
}

static int plan_promote(struct planner *planner, const struct autopilot_member *member)
{
    unsigned voters = voters_of(planner);

    if (member->is_voter)
        return say(planner, 0, "%s is a voter already.", name_of(planner, member->id));
    if (voters >= 5)
        return say(planner, ERR_CONFLICT, "There are five voters, which is the most; demote one");
    if (!autopilot_is_ready(member))
        return refuse_not_ready(planner, member);
    if (!autopilot_keeps_quorum(planner->members, planner->count, member->id))
        return refuse_quorum(planner, "Promoting", member->id);
    add_step(planner, CHANGE_STEP_PROMOTE, member->id);
    return say(planner, 0, "%s is a voter now. Voters: %u, quorum: %u.%s",
               name_of(planner, member->id), voters + 1, autopilot_quorum(voters + 1),
               voters % 2 ? " An even number tolerates no more losses than one less." : "");
}

static int plan_demote(struct planner *planner, const struct autopilot_member *member)
{
    if (!member->is_voter)
        return say(planner, 0, "%s is a replica already.", name_of(planner, member->id));
    return plan_lose_vote(planner, member, CHANGE_STEP_DEMOTE);
}

static int plan_replace(struct planner *planner, const struct autopilot_member *member)
{
    const struct autopilot_member *other = planner->request->other
                                               ? find(planner, planner->request->other)
                                               : autopilot_best(planner->members, planner->count);
    unsigned voters = voters_of(planner);

    if (!member->is_voter)
        return plan_remove(planner, member);
    if (!other)
        return say(planner, planner->request->other ? ERR_NOT_FOUND : ERR_CONFLICT,
                   "There is no replica that could take the place of %s; join one first",
                   name_of(planner, member->id));
    if (other->is_voter)
        return say(planner, ERR_CONFLICT, "%s is a voter already; name a replica",
                   name_of(planner, other->id));
    if (!autopilot_is_ready(other))
        return refuse_not_ready(planner, other);
    if (!autopilot_keeps_quorum(planner->members, planner->count, other->id))
        return refuse_quorum(planner, "Promoting", other->id);
    if (member->is_leader)
        add_step(planner, CHANGE_STEP_TRANSFER, 0);
    add_step(planner, CHANGE_STEP_PROMOTE, other->id);
    add_step(planner, CHANGE_STEP_REMOVE, member->id);
    char name[65];
    snprintf(name, sizeof(name), "%s", name_of(planner, other->id));
    return say(planner, 0, "%s took the place of %s, which is removed. Voters: %u, quorum: %u.",
               name, name_of(planner, member->id), voters, autopilot_quorum(voters));
}

static int plan_transfer(struct planner *planner)
{
    uint64_t id = planner->request->id;
    const struct autopilot_member *member = id ? find(planner, id) : NULL;

    if (id != 0 && !member)
        return say(planner, ERR_NOT_FOUND, "There is no such member");
    if (member && member->is_leader)
        return say(planner, 0, "%s leads already.", name_of(planner, id));
    if (member && !member->is_voter)
        return say(planner, ERR_CONFLICT, "%s is a replica: only voters lead",
                   name_of(planner, id));
    if (member && !autopilot_is_alive(member))
        return say(planner, ERR_CONFLICT, "%s does not answer", name_of(planner, id));
    if (voters_of(planner) == 1)
        return say(planner, ERR_CONFLICT, "There is no other voter to lead");
    add_step(planner, CHANGE_STEP_TRANSFER, id);
    return say(planner, 0, "The leadership was handed over. Voters: %u, quorum: %u.",
               voters_of(planner), autopilot_quorum(voters_of(planner)));
}

int change_plan(const struct autopilot_member *members, unsigned count,
                const struct change_request *request, struct change_plan *out)
{
    struct planner planner = {members, count, request, out};

    memset(out, 0, sizeof(*out));
    if (request->op == CLUSTER_TRANSFER)
        return plan_transfer(&planner);
    const struct autopilot_member *member = find(&planner, request->id);
    if (!member && request->op == CLUSTER_REMOVE) /* ids are not used again: asked once more */
        return say(&planner, 0, "It is no member any more.");
    if (!member)
        return say(&planner, ERR_NOT_FOUND, "There is no such member");
    switch (request->op) {
    case CLUSTER_REMOVE: return plan_remove(&planner, member);
    case CLUSTER_REPLACE: return plan_replace(&planner, member);
    case CLUSTER_PROMOTE: return plan_promote(&planner, member);
    case CLUSTER_DEMOTE: return plan_demote(&planner, member);
    case CLUSTER_TRANSFER: break;
    }
    return say(&planner, ERR_INVALID, "This program does not know that change");
}

const struct change_step *change_plan_next_vote(const struct change_plan *plan, unsigned at)
{
    while (at < plan->count && plan->steps[at].kind == CHANGE_STEP_TRANSFER)
        at++;
    return at < plan->count ? &plan->steps[at] : NULL;
}

int change_plan_judge(const struct autopilot_member *members, unsigned count,
                      const struct change_step *step, bool is_over, char *message, size_t size)
{
    unsigned voters = 0, alive = 0, answered = 0;
    bool is_silent = false; /* who is to get a vote */

    for (unsigned i = 0; i < count; i++) {
        const struct autopilot_member *m = &members[i];
        bool is_subject = m->id == step->id, has_answered = m->is_leader || m->has_answered;
        if (is_subject && step->kind == CHANGE_STEP_PROMOTE)
            is_silent = !has_answered;
        if (is_subject ? step->kind != CHANGE_STEP_PROMOTE : !m->is_voter)
            continue;
        voters++;
        alive += has_answered || autopilot_is_alive(m);
        answered += has_answered;
    }
    unsigned quorum = autopilot_quorum(voters);
    if (answered >= quorum && !is_silent)
        return 0;
    if (answered < quorum && (is_over || alive < quorum)) {
        snprintf(message, size,
                 "That would leave %u voters of which %u answer, and a quorum is %u; bring dead "
                 "nodes back, or remove those first that are gone for good",
                 voters, is_over ? answered : alive, quorum);
        return ERR_CONFLICT;
    }
    if (!is_over)
        return 1;
    snprintf(message, size, "It does not answer, so it gets no vote; try again once it is back");
    return ERR_CONFLICT;
}

int change_plan_hand_over(const struct autopilot_member *members, unsigned count,
                          struct change_plan *out)
{
    struct planner planner = {.members = members, .count = count, .plan = out};
    const struct autopilot_member *heir = NULL;

    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < count; i++) {
        const struct autopilot_member *m = &members[i];
        bool is_fit = m->is_voter && !m->is_leader && autopilot_is_alive(m) && !m->is_quarantined &&
                      !m->is_snapshotting;
        if (is_fit && (!heir || m->lag_entries < heir->lag_entries))
            heir = m;
    }
    if (!heir) {
        heir = voters_of(&planner) < 5 ? autopilot_best(members, count) : NULL;
        if (!heir || !autopilot_keeps_quorum(members, count, heir->id))
            return say(&planner, ERR_CONFLICT, "no member can take over now");
        add_step(&planner, CHANGE_STEP_PROMOTE, heir->id);
    }
    add_step(&planner, CHANGE_STEP_TRANSFER, heir->id);
    return say(&planner, 0, "the leadership was handed over");
}
