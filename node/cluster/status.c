#include "cluster/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cluster/ask.h"
#include "cluster/join.h"
#include "cluster/certificate.h"
#include "cluster/drain.h"
#include "cluster/feature.h"
#include "cluster/members.h"
#include "cluster/proposer.h"
#include "cluster/publish.h"
#include "cluster/restore.h"
#include "cluster/status_advice.h"
#include "proto/cluster.pb-c.h"
#include "raft/io/driver_net.h"
#include "raft/io/snapshot_server.h"
#include "raft/io/transport_nng.h"
#include "store/kv_rocks.h"
#include "store/store.h"

#define ASK_TIMEOUT_MS 1000

struct status_call {
    struct cluster *cluster;
    cluster_status_cb cb;
    void *user;
};

static uint64_t id_half(const uint8_t *octets)
{
    uint64_t half = 0;

    for (unsigned i = 0; i < 8; i++)
        half = half << 8 | octets[i];
    return half;
}

static void fill_member(struct cluster *cluster, const struct member *from,
                        struct cluster_member_status *out)
{
    out->id = from->id;
    snprintf(out->name, sizeof(out->name), "%.63s", from->about.name);
    snprintf(out->region, sizeof(out->region), "%.63s", from->about.region);
    snprintf(out->addresses.peer, CLUSTER_TEXT_MAX, "%.255s", from->about.peer_address);
    snprintf(out->addresses.admin, CLUSTER_TEXT_MAX, "%.255s", from->about.admin_address);
    snprintf(out->addresses.snapshot, CLUSTER_TEXT_MAX, "%.255s", from->about.snapshot_address);
    snprintf(out->version, sizeof(out->version), "%.31s", from->about.program_version);
    out->feature_level = feature_told(from->about.feature_level);
    out->role = from->role;
    out->is_self = from->id == cluster->identity.id;
    out->is_leader = from->id == cluster->leader;
    out->drained_until_wall_ms = cluster_drained_until(cluster, from->id);
    if (out->is_self) {
        out->is_alive = out->is_known = true;
        out->image_index = publish_index(cluster->publish);
        out->applied_index = cluster->commit_index;
        out->is_quarantined = cluster->store && store_quarantine_reason(cluster->store);
        snprintf(out->version, sizeof(out->version), "%s", feature_program_version);
    }
}

static void fill_own(struct cluster *cluster, struct cluster_status *out)
{
    struct cluster_node node;

    cluster_node(cluster, &node);
    out->phase = cluster->phase;
    out->is_superseded = cluster->identity.is_superseded;
    out->self = cluster->identity.id;
    out->leader = cluster->leader;
    out->cluster_id_high = id_half(cluster->identity.cluster_id);
    out->cluster_id_low = id_half(cluster->identity.cluster_id + 8);
    out->term = node.term;
    out->commit_index = node.commit_index;
    out->applied_index = node.applied_index;
    out->image_index = node.image_index;
    out->first_index = node.first_index;
    out->feature_level = cluster->feature_level;
    out->pending_commands = cluster->proposer ? proposer_count(cluster->proposer) : 0;
    snprintf(out->domain, sizeof(out->domain), "%s", cluster->domain);
    out->member_count = cluster->members.count;
    for (unsigned i = 0; i < cluster->members.count; i++)
        fill_member(cluster, &cluster->members.list[i], &out->members[i]);
}

static void merge_reports(struct cluster_status *status, const Clu__Answer *answer)
{
    status->term = answer->term;
    if (answer->commit_index > status->commit_index)
        status->commit_index = answer->commit_index;
    for (size_t r = 0; r < answer->n_reports; r++) {
        const Clu__Report *report = answer->reports[r];
        for (uint32_t i = 0; i < status->member_count; i++) {
            struct cluster_member_status *member = &status->members[i];
            if (member->id != report->member || member->is_self)
                continue;
            member->is_alive = report->is_alive;
            member->is_known = report->is_known;
            member->applied_index = report->applied_index;
            member->image_index = report->image_index;
            member->heard_ago_ms = report->heard_ago_ms;
            member->is_quarantined = report->is_quarantined;
            if (report->is_known)
                snprintf(member->version, sizeof(member->version), "%.31s", report->version);
        }
    }
    for (uint32_t i = 0; i < status->member_count; i++) {
        struct cluster_member_status *member = &status->members[i];
        if (member->is_known && member->image_index < status->commit_index)
            member->lag_entries = status->commit_index - member->image_index;
    }
}

static void answered(void *user, int rc, const Clu__Answer *answer)
{
    struct status_call *call = user;
    struct cluster_status *status = calloc(1, sizeof(*status));

    if (status) {
        fill_own(call->cluster, status);
        if (rc == 0 && answer->code == 0)
            merge_reports(status, answer);
        status_judge(status, rc == 0 && answer->code == 0);
        call->cb(call->user, status);
    }
    free(status);
    free(call);
}

int cluster_status(struct cluster *cluster, cluster_status_cb cb, void *user)
{
    Clu__Ask ask = CLU__ASK__INIT;
    Clu__AskMembers members = CLU__ASK_MEMBERS__INIT;

    struct status_call *call = malloc(sizeof(*call));
    if (!call)
        return ERR_NOMEM;
    *call = (struct status_call){.cluster = cluster, .cb = cb, .user = user};
    ask.kind_case = CLU__ASK__KIND_MEMBERS;
    ask.members = &members;
    /* With nobody to ask, what is known here, at once. */
    uint32_t timeout_ms = cluster->phase == CLUSTER_MEMBER ? ASK_TIMEOUT_MS : 0;
    int rc = ask_leader(cluster, &ask, timeout_ms, answered, call);
    if (rc != 0)
        free(call);
    return rc;
}

static void fill_net(const struct raft_net *net, struct cluster_node *out)
{
    struct transport_counters messages;
    struct snapshot_server_counters snapshots;

    raft_net_counters(net, &messages, &snapshots);
    out->frames_refused =
        messages.refused_stranger + messages.refused_kind + snapshots.refused_requests;
    for (unsigned i = 0; i < CODEC_REFUSAL_COUNT; i++)
        out->frames_refused += messages.refused[i] + snapshots.refused[i];
    out->links_redialled = messages.redials;
    out->ports_reopened = messages.relistens;
}

static void fill_driver(const struct cluster *cluster, struct cluster_node *out)
{
    struct raft_driver_status status;

    raft_driver_status(cluster->driver, &status);
    out->term = status.term;
    out->commit_index = status.commit_index;
    out->first_index = status.first_index;
    out->last_index = status.last_index;
    out->last_term = status.last_term;
    out->is_candidate = status.role == RAFT_CANDIDATE || status.role == RAFT_PRE_CANDIDATE;
    out->snapshots_installed = status.snapshots_installed;
    out->messages_sent = status.messages_sent;
    out->messages_received = status.messages_received;
    out->messages_dropped = status.messages_dropped;
    fill_net(cluster->net, out);
    out->sync_count = status.sync_count;
    out->sync_p50_us = status.sync_p50_us;
    out->sync_p99_us = status.sync_p99_us;
    out->disk_free = status.disk_free;
    out->log_len = status.log_len;
}

void cluster_node(struct cluster *cluster, struct cluster_node *out)
{
    struct state_applied applied = {0};

    *out = (struct cluster_node){.step = restore_step(cluster)};
    if (out->step[0] == '\0')
        out->step = join_step(cluster);
    out->leader = cluster->leader;
    out->is_leader = cluster__leads(cluster);
    out->image_index = publish_index(cluster->publish);
    if (cluster->apply)
        apply_point(cluster->apply, &applied);
    out->applied_index = applied.index;
    out->hash_high = applied.hash.high;
    out->hash_low = applied.hash.low;
    out->is_quarantined = cluster->store && store_quarantine_reason(cluster->store);
    out->is_superseded = cluster->identity.is_superseded;
    if (cluster->identity.cert_pem)
        (void)certificate_expiry(cluster->identity.cert_pem, &out->certificate_expires_wall_ms);
    out->drained_until_wall_ms = cluster_drained_until(cluster, cluster->identity.id);
    if (cluster->driver)
        fill_driver(cluster, out);
}

void cluster_memory(struct cluster *cluster, struct cluster_memory *out)
{
    *out = (struct cluster_memory){0};
    if (cluster->store) {
        struct kv_rocks_memory memory;
        kv_rocks_memory(store_kv(cluster->store), &memory);
        out->state.block_cache = memory.block_cache;
        out->state.memtables = memory.memtables;
        out->state.table_readers = memory.table_readers;
    }
    if (cluster->driver) {
        struct raft_driver_memory memory;
        raft_driver_memory(cluster->driver, &memory);
        out->log.block_cache = memory.block_cache;
        out->log.memtables = memory.memtables;
        out->log.table_readers = memory.table_readers;
        out->log_entries = memory.entries;
    }
}
