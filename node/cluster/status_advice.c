#include "cluster/status_advice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cluster/autopilot.h"

struct tally {
    unsigned replicas_alive, dead, lagging, quarantined;
    const struct cluster_member_status *first_dead, *first_lagging, *first_quarantined;
};

static void count_member(struct cluster_status *status, struct tally *tally,
                         const struct cluster_member_status *member)
{
    bool is_voter = member->role == CLUSTER_ROLE_VOTER;

    status->voters += is_voter;
    status->voters_alive += is_voter && member->is_alive;
    tally->replicas_alive += !is_voter && member->is_alive;
    if (!member->is_alive && tally->dead++ == 0)
        tally->first_dead = member;
    if (member->is_quarantined && tally->quarantined++ == 0)
        tally->first_quarantined = member;
    if (member->is_alive && member->lag_entries > STATUS_LAG_ENTRIES && tally->lagging++ == 0)
        tally->first_lagging = member;
}

static void advise(struct cluster_status *status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void advise(struct cluster_status *status, const char *format, ...)
{
    size_t at = strlen(status->advice);
    va_list args;

    if (at > 0 && at + 1 < sizeof(status->advice)) {
        status->advice[at++] = ' ';
        status->advice[at] = '\0';
    }
    va_start(args, format);
    vsnprintf(status->advice + at, sizeof(status->advice) - at, format, args);
    va_end(args);
}

static void judge_outside(struct cluster_status *status)
{
    status->health = CLUSTER_NOT_MEMBER;
    if (status->phase == CLUSTER_REMOVED && status->is_superseded)
        advise(status,
               "The cluster had lost its quorum and was recovered without this node, which takes "
               "no part any more; it answers DNS from what it knew. To use it again, stop it, "
               "clear its data folder and join anew.");
    else if (status->phase == CLUSTER_REMOVED)
        advise(status, "The cluster has removed this node; it answers DNS from what it knew. To "
                       "use it again, stop it, clear its data folder and join anew.");
    else if (status->phase == CLUSTER_UNJOINED)
        advise(status, "This node is in no cluster. Make one with: quartet cluster init, or join "
                       "one with: quartet join.");
}

static void advise_size(struct cluster_status *status, const struct tally *tally)
{
    if (status->voters_alive >= status->voters && status->can_lose > 0)
        return;
    if (status->member_count < 3)
        advise(status, "Add nodes until there are three or more, so that one may be lost: quartet "
                       "token create.");
    else if (status->can_lose == 0 && tally->replicas_alive == 0)
        advise(status, "One more loss would stop changes.");
}

static void advise_members(struct cluster_status *status, const struct tally *tally)
{
    if (tally->quarantined > 0)
        advise(status,
               "The state of %s differed from the others'; it fetches a snapshot by "
               "itself.",
               tally->first_quarantined->name);
    if (tally->dead > 0)
        advise(status,
               "%s%s not answering: start %s again, or if it is gone for good: quartet "
               "member remove %s.",
               tally->first_dead->name, tally->dead > 1 ? " and others are" : " is",
               tally->dead > 1 ? "them" : "it", tally->first_dead->name);
    if (tally->lagging > 0)
        advise(status, "%s lags by %llu entries; it catches up by itself.",
               tally->first_lagging->name, (unsigned long long)tally->first_lagging->lag_entries);
}

void status_judge(struct cluster_status *status, bool has_leader)
{
    struct tally tally = {0};

    status->voters = status->voters_alive = status->can_lose = 0;
    status->advice[0] = '\0';
    for (uint32_t i = 0; i < status->member_count; i++)
        count_member(status, &tally, &status->members[i]);
    status->quorum = autopilot_quorum(status->voters);
    if (status->phase != CLUSTER_MEMBER) {
        judge_outside(status);
        return;
    }
    if (!has_leader || status->voters_alive < status->quorum) {
        status->health = CLUSTER_NO_QUORUM;
        advise(status,
               "No leader: %u of %u voters must answer. DNS is served as it was; changes "
               "wait. Start the voters that are down; look at their logs. If too many are gone for "
               "good: "
               "quartet cluster recover.",
               status->quorum, status->voters);
        return;
    }
    status->can_lose = status->voters_alive - status->quorum;
    status->health =
        tally.dead + tally.lagging + tally.quarantined > 0 ? CLUSTER_DEGRADED : CLUSTER_HEALTHY;
    advise_members(status, &tally);
    advise_size(status, &tally);
}
