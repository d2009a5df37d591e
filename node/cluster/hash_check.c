#include "cluster/hash_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cluster/change.h"
#include "cluster/members.h"
#include "cluster/proposer.h"
#include "proto/cluster.pb-c.h"
#include "proto/command.pb-c.h"
#include "store/store.h"

#define RETRY_MS 1000

struct hash_check {
    uint64_t index; /* of the last check applied here */
    struct state_hash hash;
    uint64_t proposed_mono_ms;
    uint64_t proposed_applied; /* applied index when it was proposed */
    uint64_t settled_index;    /* leader: everybody who had to be told about this one was */
};

struct hash_check *hash_check_new(void)
{
    return calloc(1, sizeof(struct hash_check));
}

void hash_check_free(struct hash_check *check)
{
    free(check);
}

void hash_check_applied(struct cluster *cluster, uint64_t index)
{
    struct state_hash hash;

    if (!apply_hash_at(cluster->apply, index, &hash))
        return;
    cluster->hash_check->index = index;
    cluster->hash_check->hash = hash;
    cluster->is_report_due = true;
}

void hash_check_last(struct cluster *cluster, uint64_t *index, uint64_t *high, uint64_t *low)
{
    *index = cluster->hash_check->index;
    *high = cluster->hash_check->hash.high;
    *low = cluster->hash_check->hash.low;
}

static bool is_equal(const struct state_hash *a, const struct state_hash *b)
{
    return a->high == b->high && a->low == b->low;
}

int hash_check_majority(const struct state_hash *hashes, unsigned count, unsigned own)
{
    int best = -1;
    unsigned best_count = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned same = 0;
        for (unsigned j = 0; j < count; j++)
            same += is_equal(&hashes[i], &hashes[j]);
        bool is_own = own < count && is_equal(&hashes[i], &hashes[own]);
        if (same > best_count || (same == best_count && is_own)) {
            best = (int)i;
            best_count = same;
        }
    }
    return count > 1 ? best : -1;
}

static void quarantine(struct cluster *cluster, uint64_t index)
{
    char reason[128];

    if (store_quarantine_reason(cluster->store))
        return;
    snprintf(reason, sizeof(reason), "state hash differs from the cluster's after entry %" PRIu64,
             index);
    log_error("cluster", "state_diverged index=%" PRIu64 " action=\"fetching a snapshot\"", index);
    if (store_quarantine(cluster->store, reason) != 0)
        cluster__fatal(cluster, "the state differs from the cluster's and cannot be marked so: "
                                "check the disk of the data folder");
    cluster->is_report_due = true;
}

static void tell(struct cluster *cluster, const struct member *member, uint64_t index,
                 const struct state_hash *hash)
{
    Clu__Quarantine order = CLU__QUARANTINE__INIT;
    Clu__Message message = CLU__MESSAGE__INIT;
    char name[65];

    log_error("cluster", "member_diverged name=%s index=%" PRIu64,
              members_name(cluster, member->id, name), index);
    if (member->id == cluster->identity.id) {
        quarantine(cluster, index);
        return;
    }
    order.index = index;
    order.hash_high = hash->high;
    order.hash_low = hash->low;
    message.kind_case = CLU__MESSAGE__KIND_QUARANTINE;
    message.quarantine = &order;
    (void)message_send(cluster, member->id, &message);
}

void hash_check_compare(struct cluster *cluster)
{
    struct hash_check *check = cluster->hash_check;
    struct state_hash hashes[CLUSTER_MEMBERS_MAX] = {0};
    const struct member *members[CLUSTER_MEMBERS_MAX];
    unsigned count = 0, own = CLUSTER_MEMBERS_MAX;

    if (check->index == 0 || check->settled_index == check->index)
        return;
    for (unsigned i = 0; i < cluster->members.count; i++) {
        const struct member *member = &cluster->members.list[i];
        if (member->report.check_index != check->index || member->report.is_quarantined)
            continue;
        if (member->id == cluster->identity.id)
            own = count;
        hashes[count] = member->report.check_hash;
        members[count++] = member;
    }
    int most = hash_check_majority(hashes, count, own);
    /* A majority of all members, so that early reports alone do not outvote the rest; but two that
     * differ are never left alone. */
    if (most < 0 || (count < cluster->members.count && count <= cluster->members.count / 2))
        return;
    for (unsigned i = 0; i < count; i++) {
        if (!is_equal(&hashes[i], &hashes[most]))
            tell(cluster, members[i], check->index, &hashes[most]);
    }
    if (count == cluster->members.count)
        check->settled_index = check->index;
}

void hash_check_told(struct cluster *cluster, uint64_t from, const Clu__Quarantine *order)
{
    struct state_hash own, theirs = {order->hash_high, order->hash_low};

    if (from != cluster->leader || !apply_hash_at(cluster->apply, order->index, &own))
        return;
    if (!is_equal(&own, &theirs))
        quarantine(cluster, order->index);
}

static void propose(struct cluster *cluster, uint64_t now_mono_ms)
{
    struct hash_check *check = cluster->hash_check;
    Cmd__HashCheck empty = CMD__HASH_CHECK__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    struct state_applied applied;

    apply_point(cluster->apply, &applied);
    if (now_mono_ms - check->proposed_mono_ms < HASH_CHECK_MS ||
        applied.index <= check->proposed_applied || applied.index == check->index)
        return;
    command.kind_case = CMD__COMMAND__KIND_HASH_CHECK;
    command.hash_check = &empty;
    command.actor = (char *)(uintptr_t) "hash check";
    if (proposer_submit(cluster->proposer, &command, now_mono_ms, 0, NULL, NULL) != 0)
        return;
    check->proposed_mono_ms = now_mono_ms;
    check->proposed_applied = applied.index + 1; /* the check itself is no change */
}

/* A leader whose own state is in doubt hands over; it can ask for a snapshot only then. */
static void recover(struct cluster *cluster, uint64_t now_mono_ms)
{
    if (now_mono_ms - cluster->quarantine_tried_mono_ms < RETRY_MS || cluster->install.is_running)
        return;
    cluster->quarantine_tried_mono_ms = now_mono_ms;
    if (cluster__leads(cluster))
        change_hand_over(cluster);
    else if (cluster->leader != 0)
        (void)raft_driver_need_snapshot(cluster->driver);
}

void hash_check_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    if (store_quarantine_reason(cluster->store))
        recover(cluster, now_mono_ms);
    else if (cluster__leads(cluster))
        propose(cluster, now_mono_ms);
}
