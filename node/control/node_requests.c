#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/process.h"
#include "cluster/backup.h"
#include "cluster/cluster.h"
#include "cluster/drain.h"
#include "cluster/feature.h"
#include "cluster/health_status.h"
#include "cluster/status.h"
#include "control/call.h"
#include "control/internal.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"
#include "store/state.h"
#include "zone/image.h"

#define COUNTERS_MAX 64
#define COUNTER_NAME_LEN 48

struct counter_list {
    Ctl__Counter items[COUNTERS_MAX];
    Ctl__Counter *pointers[COUNTERS_MAX];
    char names[COUNTERS_MAX][COUNTER_NAME_LEN];
    unsigned count;
};

static void add_counter(void *user, const char *name, uint64_t value)
{
    struct counter_list *list = user;

    if (list->count == COUNTERS_MAX)
        return;
    snprintf(list->names[list->count], COUNTER_NAME_LEN, "%s", name);
    Ctl__Counter *item = &list->items[list->count];
    *item = (Ctl__Counter)CTL__COUNTER__INIT;
    item->name = list->names[list->count];
    item->value = value;
    list->pointers[list->count++] = item;
}

static char *phase_text(enum cluster_phase phase)
{
    switch (phase) {
    case CLUSTER_UNJOINED: return "unjoined";
    case CLUSTER_JOINING: return "joining";
    case CLUSTER_MEMBER: return "member";
    case CLUSTER_REMOVED: return "removed";
    }
    return "unknown";
}

static char *role_text(const struct cluster *cluster, const struct cluster_node *figures)
{
    if (cluster_phase(cluster) != CLUSTER_MEMBER)
        return "";
    if (figures->is_leader)
        return "leader";
    return figures->is_candidate ? "candidate" : "follower";
}

static void fill_image(struct cluster *cluster, Ctl__ImageFigures *image)
{
    struct zone_memory memory;

    zone_image_memory(cluster_image(cluster), &memory);
    image->memory_octets = memory.used_octets;
    if (cluster_state(cluster)) {
        uint64_t zones = 0, generation = 0;
        if (state_get_zone_counts(cluster_state(cluster), &zones, &generation) == 0)
            image->zones = zones;
    }
}

/* false: there is no schedule. */
static bool fill_backup(struct cluster *cluster, Ctl__BackupSchedule *out)
{
    struct cluster_backup_status status;
    uint64_t now_wall_ms = clock_wall_ms();

    cluster_backup_status(cluster, &status);
    out->folder = (char *)(uintptr_t)status.folder;
    out->every_ms = status.every_ms;
    out->is_running = status.is_running;
    out->tried_wall_ms = status.tried_wall_ms;
    out->error = (char *)(uintptr_t)status.error;
    out->made_wall_ms = status.made_wall_ms;
    if (status.made_wall_ms != 0 && status.made_wall_ms < now_wall_ms)
        out->made_ago_ms = now_wall_ms - status.made_wall_ms;
    out->file = (char *)(uintptr_t)status.file;
    out->index = status.index;
    out->octets = status.len;
    out->took_ms = status.took_ms;
    return status.folder[0] != '\0';
}

/* Needs no quorum, so that a node can always be asked how it is. */
void request_node_status(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__NodeStatusReply node = CTL__NODE_STATUS_REPLY__INIT;
    Ctl__ImageFigures image = CTL__IMAGE_FIGURES__INIT;
    Ctl__BackupSchedule backup = CTL__BACKUP_SCHEDULE__INIT;
    struct counter_list counters = {.count = 0};
    struct cluster_node figures;
    uint8_t hash[16];

    cluster_node(call->cluster, &figures);
    node.version = (char *)(uintptr_t)feature_program_version;
    node.phase = phase_text(cluster_phase(call->cluster));
    node.step = (char *)figures.step;
    node.id = cluster_self(call->cluster);
    node.name = call->control->name;
    node.region = call->control->region;
    node.role = role_text(call->cluster, &figures);
    node.leader = cluster_leader(call->cluster);
    node.term = figures.term;
    node.commit_index = figures.commit_index;
    node.applied_index = figures.applied_index;
    node.image_index = figures.image_index;
    node.first_index = figures.first_index;
    node.last_index = figures.last_index;
    node.last_term = figures.last_term;
    node.is_quarantined = figures.is_quarantined;
    node.is_superseded = figures.is_superseded;
    node.is_drained = figures.drained_until_wall_ms != 0;
    if (figures.drained_until_wall_ms != CLUSTER_DRAIN_ENDLESS)
        node.drained_until_wall_ms = figures.drained_until_wall_ms;
    node.snapshots_installed = figures.snapshots_installed;
    node.uptime_s = (clock_mono_ms() - call->control->started_mono_ms) / 1000;
    node.domain = (char *)cluster_domain(call->cluster);
    memcpy(hash, &figures.hash_high, 8);
    memcpy(hash + 8, &figures.hash_low, 8);
    node.state_hash = (ProtobufCBinaryData){sizeof(hash), hash};
    fill_image(call->cluster, &image);
    node.image = &image;
    if (fill_backup(call->cluster, &backup))
        node.backup = &backup;
    if (call->control->counters)
        call->control->counters(call->control->counters_user, add_counter, &counters);
    cluster_health_counters(call->cluster, add_counter, &counters);
    add_counter(&counters, "peer.sent", figures.messages_sent);
    add_counter(&counters, "peer.received", figures.messages_received);
    add_counter(&counters, "peer.dropped", figures.messages_dropped);
    add_counter(&counters, "peer.refused", figures.frames_refused);
    add_counter(&counters, "peer.redials", figures.links_redialled);
    add_counter(&counters, "peer.port_reopened", figures.ports_reopened);
    add_counter(&counters, "log.syncs", figures.sync_count);
    add_counter(&counters, "log.sync_p50_us", figures.sync_p50_us);
    add_counter(&counters, "log.sync_p99_us", figures.sync_p99_us);
    add_counter(&counters, "log.octets", figures.log_len);
    add_counter(&counters, "disk.free_octets", figures.disk_free);
    node.n_counters = counters.count;
    node.counters = counters.pointers;
    reply.kind_case = CTL__REPLY__KIND_NODE_STATUS;
    reply.node_status = &node;
    call_reply(call, &reply);
}

static void fill_image_memory(struct cluster *cluster, Ctl__ImageMemory *out)
{
    struct zone_memory memory;

    zone_image_memory(cluster_image(cluster), &memory);
    out->used = memory.used_octets;
    out->reserved = memory.reserved_octets;
    out->retired_blocks = memory.retired_blocks;
    out->zones = memory.zones;
    out->names = memory.names;
}

/* Needs no quorum either. */
void request_node_memory(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__NodeMemoryReply node = CTL__NODE_MEMORY_REPLY__INIT;
    Ctl__ImageMemory image = CTL__IMAGE_MEMORY__INIT;
    Ctl__StorageMemory state = CTL__STORAGE_MEMORY__INIT, log = CTL__STORAGE_MEMORY__INIT;
    struct cluster_memory storage;
    struct process_memory process;

    if (process_memory_read(&process) != 0) {
        call_fail(call, ERR_IO, "/proc does not tell what memory this process has");
        return;
    }
    cluster_memory(call->cluster, &storage);
    state.block_cache = storage.state.block_cache;
    state.memtables = storage.state.memtables;
    state.table_readers = storage.state.table_readers;
    log.block_cache = storage.log.block_cache;
    log.memtables = storage.log.memtables;
    log.table_readers = storage.log.table_readers;
    fill_image_memory(call->cluster, &image);
    node.image = &image;
    node.state = &state;
    node.log = &log;
    node.log_entries = storage.log_entries;
    node.socket_count = process.socket_count;
    node.sockets = process.socket_octets;
    node.process_resident = process.resident_octets;
    node.process_proportional = process.proportional_octets;
    node.process_anonymous = process.anonymous_octets;
    reply.kind_case = CTL__REPLY__KIND_NODE_MEMORY;
    reply.node_memory = &node;
    call_reply(call, &reply);
}

static void on_verified(void *user, int rc, const char *message)
{
    struct call *call = user;

    if (rc != 0)
        call_fail(call, rc, "%s", message);
    else
        call_done(call, "%s", message);
}

void request_state_verify(struct call *call)
{
    int rc = cluster_verify(call->cluster, on_verified, call);
    if (rc != 0)
        call_fail_code(call, rc, "verify the state");
}
