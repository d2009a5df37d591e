#include "cluster/autopilot.h"

#include <stddef.h>

bool autopilot_is_alive(const struct autopilot_member *member)
{
    return member->is_leader || member->silent_ms < AUTOPILOT_ALIVE_MS;
}

bool autopilot_is_ready(const struct autopilot_member *member)
{
    return !member->is_voter && autopilot_is_alive(member) && !member->is_quarantined &&
           !member->is_snapshotting && member->lag_entries <= AUTOPILOT_LAG_READY;
}

bool autopilot_keeps_quorum(const struct autopilot_member *members, unsigned count, uint64_t id)
{
    unsigned voters = 0, alive = 0;

    for (unsigned i = 0; i < count; i++) {
        bool is_voter = members[i].is_voter != (members[i].id == id);
        voters += is_voter;
        alive += is_voter && autopilot_is_alive(&members[i]);
    }
    return voters > 0 && alive >= autopilot_quorum(voters);
}

const struct autopilot_member *autopilot_best(const struct autopilot_member *members,
                                              unsigned count)
{
    const struct autopilot_member *best = NULL;

    for (unsigned i = 0; i < count; i++) {
        const struct autopilot_member *m = &members[i];
        if (!autopilot_is_ready(m))
            continue;
        if (!best || m->lag_entries < best->lag_entries ||
            (m->lag_entries == best->lag_entries && m->id < best->id))
            best = m;
    }
    return best;
}

/* What the decision is made from. */
struct view {
    const struct autopilot_member *members;
    unsigned count, voters, wanted, ready;
    bool is_replica_coming;                  /* alive, but not caught up yet */
    const struct autopilot_member *dead;     /* longest silent voter over the limit, or NULL */
    const struct autopilot_member *hindmost; /* voter other than the leader, or NULL */
};

static void look(struct view *view, const struct autopilot_settings *settings, uint64_t leading_ms)
{
    for (unsigned i = 0; i < view->count; i++) {
        const struct autopilot_member *m = &view->members[i];
        if (!m->is_voter) {
            view->ready += autopilot_is_ready(m);
            view->is_replica_coming |= autopilot_is_alive(m) && !autopilot_is_ready(m);
            continue;
        }
        view->voters++;
        if (m->is_leader)
            continue;
        if (!m->is_drained && leading_ms >= settings->dead_after_ms &&
            m->silent_ms >= settings->dead_after_ms &&
            (!view->dead || m->silent_ms > view->dead->silent_ms))
            view->dead = m;
        if (!view->hindmost || m->lag_entries > view->hindmost->lag_entries ||
            (m->lag_entries == view->hindmost->lag_entries && m->id > view->hindmost->id))
            view->hindmost = m;
    }
    unsigned most = view->count < settings->voters_max ? view->count : settings->voters_max;
    view->wanted = most >= 5 ? 5 : most >= 3 ? 3 : 1;
}

static void decide(struct autopilot_decision *out, enum autopilot_action action,
                   const struct autopilot_member *member, const char *why)
{
    if (!member)
        return;
    *out = (struct autopilot_decision){action, member->id, why};
}

static void decide_even(const struct view *view, struct autopilot_decision *out)
{
    if (view->dead)
        decide(out, AUTOPILOT_DEMOTE, view->dead, "a voter is dead");
    else if (view->voters < view->wanted && view->ready > 0)
        decide(out, AUTOPILOT_PROMOTE, autopilot_best(view->members, view->count),
               "an odd number of voters is wanted");
    else if (view->voters > view->wanted || !view->is_replica_coming)
        decide(out, AUTOPILOT_DEMOTE, view->hindmost, "an odd number of voters is wanted");
}

static void decide_odd(const struct view *view, struct autopilot_decision *out)
{
    const struct autopilot_member *best = autopilot_best(view->members, view->count);

    if (view->voters > view->wanted)
        decide(out, AUTOPILOT_DEMOTE, view->dead ? view->dead : view->hindmost,
               "there are more voters than wanted");
    else if (view->dead && best)
        decide(out, AUTOPILOT_PROMOTE, best, "it takes the place of a dead voter");
    else if (view->voters < view->wanted && view->ready >= 2)
        decide(out, AUTOPILOT_PROMOTE, best, "more voters are wanted");
}

void autopilot_decide(const struct autopilot_member *members, unsigned count,
                      const struct autopilot_settings *settings, uint64_t leading_ms,
                      struct autopilot_decision *out)
{
    struct view view = {.members = members, .count = count};

    *out = (struct autopilot_decision){AUTOPILOT_NOTHING, 0, ""};
    if (!settings->is_on)
        return;
    look(&view, settings, leading_ms);
    if (view.voters % 2 == 0)
        decide_even(&view, out);
    else
        decide_odd(&view, out);
    if (out->action != AUTOPILOT_NOTHING && !autopilot_keeps_quorum(members, count, out->id))
        *out = (struct autopilot_decision){AUTOPILOT_NOTHING, 0, ""};
}
