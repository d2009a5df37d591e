#include "cluster/recover_plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cluster/autopilot.h"
#include "raft/core/entry.h"

/* Is the log of @a newer than that of @b? Thesis §3.6.1. */
static bool is_newer(const struct recover_member *a, const struct recover_member *b)
{
    if (a->last_term != b->last_term)
        return a->last_term > b->last_term;
    return a->last_index > b->last_index;
}

static int refuse(struct recover_plan *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int refuse(struct recover_plan *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(out->refusal, sizeof(out->refusal), format, args);
    va_end(args);
    return ERR_CONFLICT;
}

static const struct recover_member *find_self(const struct recover_member *members, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (members[i].is_self)
            return &members[i];
    }
    return NULL;
}

static const char *name_of(const struct recover_member *members, unsigned count, uint64_t id)
{
    for (unsigned i = 0; i < count; i++) {
        if (members[i].id == id)
            return members[i].name;
    }
    return "another node";
}

/* Nothing may be forced while the cluster can decide for itself. */
static int check_quorum(const struct recover_member *members, unsigned count,
                        struct recover_plan *out)
{
    unsigned voters = 0, answering = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct recover_member *member = &members[i];
        voters += member->is_voter;
        answering += member->is_voter && member->answers;
        if (member->answers && member->leader != 0)
            return refuse(out,
                          "the cluster has a quorum: %s leads, as %s hears. Nothing needs to be "
                          "recovered; a voter that is gone for good is replaced by 'quartet member "
                          "replace'",
                          name_of(members, count, member->leader), member->name);
    }
    if (answering >= autopilot_quorum(voters))
        return refuse(out,
                      "%u of %u voters answer, and that is a quorum: they elect a leader by "
                      "themselves within seconds. If they do not, they do not reach each other's "
                      "peer ports: see 'quartet doctor' and their logs",
                      answering, voters);
    return 0;
}

static int check_best(const struct recover_member *members, unsigned count,
                      const struct recover_member *self, struct recover_plan *out)
{
    const struct recover_member *best = self;

    for (unsigned i = 0; i < count; i++) {
        const struct recover_member *member = &members[i];
        if (!member->answers)
            continue;
        if (raft_generation(member->term) > raft_generation(self->term))
            return refuse(out,
                          "the cluster was recovered by %s already, and this node is not part of "
                          "that: clear its data folder and join anew",
                          member->name);
        if (!member->is_quarantined && is_newer(member, best))
            best = member;
    }
    if (best != self)
        return refuse(out,
                      "%s has more of the log (entry %" PRIu64 ", here %" PRIu64
                      "): recover there, by 'quartet cluster recover' on that host or 'quartet "
                      "--node %s --admin-file FILE cluster recover'. To do without what only %s "
                      "has, stop it first",
                      best->name, best->last_index, self->last_index, best->admin_address,
                      best->name);
    return 0;
}

static void add_name(char *out, size_t size, const char *name)
{
    size_t at = strlen(out);
    snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "", name);
}

static void tell_loss(const struct recover_member *members, unsigned count,
                      const struct recover_member *self, struct recover_plan *out)
{
    char lost[400] = "";

    for (unsigned i = 0; i < count; i++) {
        /* One that is quarantined cannot be recovered from, whatever its log has more. */
        if (!members[i].answers || is_newer(&members[i], self))
            add_name(lost, sizeof(lost), members[i].name);
    }
    snprintf(
        out->loss, sizeof(out->loss),
        "What was committed only on %s is lost: changes behind entry %" PRIu64
        ", the last one here, although they were acknowledged. What stands here behind entry "
        "%" PRIu64 " (%" PRIu64 " entries), whose outcome is unknown by now, is made. %s cannot "
        "come back as they are: they are refused, and must be cleared and join anew. If they "
        "still run somewhere and hear each other, they still take changes there, and all of "
        "those are lost, too: make sure that they are off.",
        lost, self->last_index, self->applied_index, self->last_index - self->applied_index, lost);
}

int recover_plan(const struct recover_member *members, unsigned count, struct recover_plan *out)
{
    const struct recover_member *self = find_self(members, count);

    *out = (struct recover_plan){.generation = 0};
    if (!self || !self->answers)
        return refuse(out, "this node is a member of no cluster");
    if (self->is_quarantined)
        return refuse(out, "this node's state differed from the others' and is not to be trusted: "
                           "recover from another one");
    int rc = check_quorum(members, count, out);
    if (rc == 0)
        rc = check_best(members, count, self, out);
    if (rc != 0)
        return rc;
    out->generation = raft_generation(self->term) + 1;
    tell_loss(members, count, self, out);
    return 0;
}
