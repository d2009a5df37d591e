#include "cluster/measures.h"

#include <stdio.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "cluster/certificate.h"
#include "cluster/health_view.h"
#include "cluster/internal.h"
#include "cluster/leader_queue.h"
#include "cluster/members.h"
#include "cluster/proposer.h"
#include "cluster/publish.h"
#include "cluster/zone_counts.h"
#include "policy/health.h"
#include "raft/io/driver.h"
#include "zone/slots.h"

_Static_assert(POLICY_HEALTH_ASSUMED_DOWN < CLUSTER_HEALTH_REASONS, "all reasons fit");

static void measure_peer(struct cluster *cluster, const struct raft_driver_peer *from,
                         struct cluster_peer_measure *out)
{
    const struct member *member = members_find(cluster, from->id);

    members_name(cluster, from->id, out->name);
    out->is_voter = from->role == RAFT_VOTER;
    out->match_index = from->match_index;
    if (!member)
        return;
    out->is_alive = members_silent_ms(cluster, member, clock_mono_ms()) < CLUSTER_ALIVE_MS;
    out->image_index = member->report.image_index;
}

static void measure_driver(struct cluster *cluster, struct cluster_measures *out)
{
    struct raft_driver_status status;

    raft_driver_status(cluster->driver, &status);
    out->last_index = status.last_index;
    out->persisted_index = status.persisted_index;
    out->snapshots_sent = status.snapshots_sent;
    out->is_low_on_space = status.is_low_on_space;
    out->is_installing = status.is_installing;
    out->members = status.peer_count;
    for (uint32_t i = 0; i < status.peer_count; i++) {
        const struct raft_driver_peer *peer = &status.peers[i];
        out->voters += peer->role == RAFT_VOTER;
        if (!cluster__leads(cluster))
            continue;
        if (peer->id == cluster->identity.id) {
            out->voters_alive += peer->role == RAFT_VOTER;
            continue;
        }
        struct cluster_peer_measure *measure = &out->peers[out->peer_count++];
        measure_peer(cluster, peer, measure);
        out->voters_alive += measure->is_voter && measure->is_alive;
    }
}

static void measure_disk(const struct cluster *cluster, struct cluster_measures *out)
{
    struct statvfs info;

    if (statvfs(cluster->data_dir, &info) != 0)
        return;
    out->state_free = (uint64_t)info.f_bavail * info.f_frsize;
    out->state_len = (uint64_t)info.f_blocks * info.f_frsize;
}

void cluster_measure(struct cluster *cluster, struct cluster_measures *out)
{
    *out = (struct cluster_measures){.elections = cluster->measured.elections,
                                     .leader_changes = cluster->measured.leader_changes,
                                     .is_frozen = publish_is_frozen(cluster->publish),
                                     .is_filling = publish_is_filling(cluster->publish) &&
                                                   cluster->fill_again_mono_ms == 0};
    histogram_read(&cluster->measured.sync, &out->sync);
    histogram_read(&cluster->measured.apply, &out->apply);
    if (cluster->queue)
        histogram_read(leader_queue_times(cluster->queue), &out->commit);
    if (cluster->proposer) {
        const struct proposer_figures *figures = proposer_figures(cluster->proposer);
        histogram_read(&figures->times, &out->proposals);
        out->proposals_unknown = figures->unknown;
        out->proposals_pending = proposer_count(cluster->proposer);
    }
    if (cluster->driver)
        measure_driver(cluster, out);
    measure_disk(cluster, out);
    if (cluster->identity.cert_pem)
        (void)certificate_expiry(cluster->identity.cert_pem, &out->certificate_wall_ms);
    if (cluster->identity.ca_pem)
        (void)certificate_expiry(cluster->identity.ca_pem, &out->ca_wall_ms);
}

void cluster_health_measure(const struct cluster *cluster, uint64_t out[CLUSTER_HEALTH_REASONS])
{
    health_view_count(cluster->health_view, out);
}

void cluster_zone_counts(struct cluster *cluster, cluster_zone_count_cb cb, void *user)
{
    struct zone_counts *counts = publish_counts(cluster->publish);
    const struct kv *kv = cluster_state(cluster);
    struct state_zone zone;

    for (uint16_t slot = ZONE_COUNTS_FIRST; kv && slot < ZONE_COUNT_SLOTS; slot++) {
        uint32_t before;
        const char *id = zone_counts_get(counts, slot, &before);
        if (!id)
            continue;
        int rc = state_get_zone(kv, id, &zone);
        if (rc == ERR_NOT_FOUND)
            zone_counts_remove(counts, id); /* a snapshot came without it */
        if (rc != 0 || zone.is_not_served)
            continue;
        cb(user, &(struct cluster_zone_count){slot, before, zone.id, zone.name, zone.is_private});
    }
}
