/* node/control/metrics_requests.c: the node's figures in Prometheus' format: those of the cluster
 * here, then those of rooms that this one does not know. Labels come from bounded sets alone:
 * members, parts of a program, and zones as far as they have slots. Needs no quorum. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "base/process.h"
#include "cluster/backup.h"
#include "cluster/health_status.h"
#include "cluster/measures.h"
#include "control/call.h"
#include "control/internal.h"
#include "control/requests.h"
#include "policy/health.h"
#include "proto/control.pb-c.h"
#include "zone/image.h"

static void gauge(struct metrics *metrics, const char *name, const char *help, uint64_t value)
{
    metrics_one(metrics, METRICS_GAUGE, name, help, value);
}

static void counter(struct metrics *metrics, const char *name, const char *help, uint64_t value)
{
    metrics_one(metrics, METRICS_COUNTER, name, help, value);
}

static void histogram(struct metrics *metrics, const char *name, const char *help,
                      const struct histogram_reading *reading)
{
    metrics_family(metrics, METRICS_HISTOGRAM, name, help);
    metrics_add_histogram(metrics, NULL, 0, reading);
}

/* A sample with one label. */
static void add_one(struct metrics *metrics, const char *label, const char *value, uint64_t figure)
{
    const struct metrics_label labels[] = {{label, value}};

    metrics_add_count(metrics, labels, 1, figure);
}

/* ---- the node ---- */

static void write_about(struct metrics *metrics, const struct control *control)
{
    const struct metrics_label labels[] = {
        {"version", QUARTET_VERSION}, {"node", control->name}, {"region", control->region}};
    const uint64_t up_ms = clock_mono_ms() - control->started_mono_ms;

    metrics_family(metrics, METRICS_GAUGE, "quartet_node_info", "The node: always 1.");
    metrics_add_count(metrics, labels, 3, 1);
    metrics_family(metrics, METRICS_GAUGE, "quartet_node_start_time_seconds",
                   "When the node was started, since 1970.");
    metrics_add(metrics, NULL, 0, (double)(clock_wall_ms() - up_ms) / 1e3);
}

static void write_process(struct metrics *metrics)
{
    struct process_usage usage;

    if (process_usage_read(&usage) != 0)
        return;
    gauge(metrics, "quartet_node_resident_memory_bytes", "Memory of the process.",
          usage.resident_octets);
    gauge(metrics, "quartet_node_open_files", "Open files and sockets of the process.",
          usage.open_files);
    gauge(metrics, "quartet_node_open_files_max", "How many it may have.", usage.open_files_max);
    metrics_family(metrics, METRICS_COUNTER, "quartet_node_cpu_seconds_total",
                   "Processor time of all threads.");
    metrics_add(metrics, NULL, 0, usage.cpu_s);
}

static void write_memory(struct metrics *metrics, struct cluster *cluster)
{
    struct cluster_memory memory;

    cluster_memory(cluster, &memory);
    metrics_family(metrics, METRICS_GAUGE, "quartet_storage_memory_bytes",
                   "Memory of RocksDB, for the state and for the log, and of the log's entries.");
    add_one(metrics, "part", "state_block_cache", memory.state.block_cache);
    add_one(metrics, "part", "state_memtables", memory.state.memtables);
    add_one(metrics, "part", "state_table_readers", memory.state.table_readers);
    add_one(metrics, "part", "log_block_cache", memory.log.block_cache);
    add_one(metrics, "part", "log_memtables", memory.log.memtables);
    add_one(metrics, "part", "log_table_readers", memory.log.table_readers);
    add_one(metrics, "part", "log_entries", memory.log_entries);
}

static void write_disk(struct metrics *metrics, const struct cluster_measures *measures)
{
    gauge(metrics, "quartet_disk_free_bytes", "Room on the file system of the data folder.",
          measures->state_free);
    gauge(metrics, "quartet_disk_size_bytes", "The size of that file system.", measures->state_len);
    gauge(metrics, "quartet_disk_low", "1: too little room, the node takes no changes.",
          measures->is_low_on_space);
}

static void write_certificates(struct metrics *metrics, const struct cluster_measures *measures)
{
    metrics_family(metrics, METRICS_GAUGE, "quartet_certificate_expiry_timestamp_seconds",
                   "When a certificate ends, since 1970.");
    if (measures->certificate_wall_ms > 0)
        add_one(metrics, "certificate", "node", measures->certificate_wall_ms / 1000);
    if (measures->ca_wall_ms > 0)
        add_one(metrics, "certificate", "ca", measures->ca_wall_ms / 1000);
}

/* ---- Raft and the cluster ---- */

/* One sample for each of the texts, 1 for that which holds. */
static void write_set(struct metrics *metrics, const char *label, const char *const *texts,
                      unsigned count, unsigned holds)
{
    for (unsigned i = 0; i < count; i++)
        add_one(metrics, label, texts[i], i == holds);
}

static void write_role(struct metrics *metrics, struct cluster *cluster,
                       const struct cluster_node *node)
{
    static const char *const phases[] = {[CLUSTER_UNJOINED] = "unjoined",
                                         [CLUSTER_JOINING] = "joining",
                                         [CLUSTER_MEMBER] = "member",
                                         [CLUSTER_REMOVED] = "removed"};
    static const char *const roles[] = {"follower", "candidate", "leader", "none"};
    const unsigned role = cluster_phase(cluster) != CLUSTER_MEMBER ? 3
                          : node->is_leader                        ? 2
                          : node->is_candidate                     ? 1
                                                                   : 0;

    metrics_family(metrics, METRICS_GAUGE, "quartet_node_phase",
                   "1 for the phase of its membership in which the node is.");
    write_set(metrics, "phase", phases, 4, cluster_phase(cluster));
    metrics_family(metrics, METRICS_GAUGE, "quartet_raft_role", "1 for the node's role.");
    write_set(metrics, "role", roles, 3, role);
    gauge(metrics, "quartet_raft_has_leader", "1: the node knows a leader.", node->leader != 0);
    gauge(metrics, "quartet_node_drained", "1: 'quartet node drain' was asked for.",
          node->drained_until_wall_ms != 0);
    gauge(metrics, "quartet_state_quarantined",
          "1: the node's state differs from the cluster's and waits for a snapshot.",
          node->is_quarantined);
}

static void write_raft(struct metrics *metrics, const struct cluster_node *node,
                       const struct cluster_measures *measures)
{
    gauge(metrics, "quartet_raft_term", "Raft's term.", node->term);
    gauge(metrics, "quartet_raft_first_index", "The oldest entry of the log.", node->first_index);
    gauge(metrics, "quartet_raft_last_index", "The newest entry of the log.", measures->last_index);
    gauge(metrics, "quartet_raft_persisted_index", "The newest entry that is on disk.",
          measures->persisted_index);
    gauge(metrics, "quartet_raft_commit_index", "The newest entry known to be committed.",
          node->commit_index);
    gauge(metrics, "quartet_raft_applied_index", "The newest entry in the state.",
          node->applied_index);
    gauge(metrics, "quartet_raft_log_bytes", "Entries in the log.", node->log_len);
    counter(metrics, "quartet_raft_elections_total", "Elections in which the node stood.",
            measures->elections);
    counter(metrics, "quartet_raft_leader_changes_total", "Leaders that the node has seen come.",
            measures->leader_changes);
    metrics_family(metrics, METRICS_COUNTER, "quartet_raft_snapshots_total",
                   "Snapshots sent to other nodes, and installed here.");
    add_one(metrics, "direction", "sent", measures->snapshots_sent);
    add_one(metrics, "direction", "installed", node->snapshots_installed);
    gauge(metrics, "quartet_raft_snapshot_installing", "1: a snapshot is on its way here.",
          measures->is_installing);
    metrics_family(metrics, METRICS_COUNTER, "quartet_raft_messages_total",
                   "Messages to and from other nodes; refused: what came on their ports and was "
                   "no message of a member.");
    add_one(metrics, "result", "sent", node->messages_sent);
    add_one(metrics, "result", "received", node->messages_received);
    add_one(metrics, "result", "dropped", node->messages_dropped);
    add_one(metrics, "result", "refused", node->frames_refused);
    metrics_family(metrics, METRICS_COUNTER, "quartet_raft_reconnects_total",
                   "Connections to silent or deaf peers that were dialled anew; openings of the "
                   "node's own port when it heard nobody.");
    add_one(metrics, "what", "connection", node->links_redialled);
    add_one(metrics, "what", "port", node->ports_reopened);
}

static void write_times(struct metrics *metrics, const struct cluster_measures *measures)
{
    histogram(metrics, "quartet_raft_fsync_duration_seconds", "Synced writes of the log.",
              &measures->sync);
    histogram(metrics, "quartet_raft_commit_duration_seconds",
              "Entries of this leader, from being proposed to being applied here.",
              &measures->commit);
    histogram(metrics, "quartet_raft_apply_duration_seconds",
              "Committed entries that came at once, into state and image.", &measures->apply);
    histogram(metrics, "quartet_proposal_duration_seconds",
              "Changes asked of this node, to their result here.", &measures->proposals);
    counter(metrics, "quartet_proposals_unknown_total",
            "Changes whose result was not known in time.", measures->proposals_unknown);
    gauge(metrics, "quartet_proposals_pending", "Changes that wait for their result.",
          measures->proposals_pending);
}

static void write_members(struct metrics *metrics, const struct cluster_measures *measures,
                          bool is_leader)
{
    const uint32_t quorum = measures->voters / 2 + 1;

    gauge(metrics, "quartet_cluster_members", "Nodes of the cluster.", measures->members);
    gauge(metrics, "quartet_cluster_voters", "Of these, voters.", measures->voters);
    if (!is_leader)
        return;
    gauge(metrics, "quartet_cluster_voters_alive", "Voters heard of lately; from the leader.",
          measures->voters_alive);
    gauge(metrics, "quartet_cluster_failures_tolerated",
          "Voters that may still fail with changes going on; from the leader.",
          measures->voters_alive > quorum ? measures->voters_alive - quorum : 0);
}

static uint64_t lag(uint64_t ahead, uint64_t behind)
{
    return ahead > behind ? ahead - behind : 0;
}

static void write_peers(struct metrics *metrics, const struct cluster_node *node,
                        const struct cluster_measures *measures)
{
    metrics_family(metrics, METRICS_GAUGE, "quartet_cluster_peer_alive",
                   "1: the leader has heard of the node lately; from the leader.");
    for (uint32_t i = 0; i < measures->peer_count; i++)
        add_one(metrics, "peer", measures->peers[i].name, measures->peers[i].is_alive);
    metrics_family(metrics, METRICS_GAUGE, "quartet_raft_peer_lag_entries",
                   "Entries of the leader's log that the node has not acknowledged; from the "
                   "leader.");
    for (uint32_t i = 0; i < measures->peer_count; i++)
        add_one(metrics, "peer", measures->peers[i].name,
                lag(measures->last_index, measures->peers[i].match_index));
    metrics_family(metrics, METRICS_GAUGE, "quartet_image_peer_lag_entries",
                   "Committed entries that the node does not answer from yet, by its last report; "
                   "from the leader.");
    for (uint32_t i = 0; i < measures->peer_count; i++)
        add_one(metrics, "peer", measures->peers[i].name,
                lag(node->commit_index, measures->peers[i].image_index));
}

static void write_image(struct metrics *metrics, struct cluster *cluster,
                        const struct cluster_node *node, const struct cluster_measures *measures)
{
    struct zone_memory memory;

    zone_image_memory(cluster_image(cluster), &memory);
    gauge(metrics, "quartet_image_index", "The entry up to which DNS answers know all changes.",
          node->image_index);
    gauge(metrics, "quartet_image_lag_entries", "Committed entries that they do not know yet.",
          lag(node->commit_index, node->image_index));
    gauge(metrics, "quartet_image_frozen", "1: out of memory, answers stay as they are.",
          measures->is_frozen);
    gauge(metrics, "quartet_image_zones", "Zones that are served.", memory.zones);
    gauge(metrics, "quartet_image_names", "Names in them.", memory.names);
    gauge(metrics, "quartet_image_memory_bytes", "Memory of what DNS answers from.",
          memory.reserved_octets);
}

/* ---- health ---- */

static void write_health_states(struct metrics *metrics, const struct cluster *cluster)
{
    uint64_t counts[CLUSTER_HEALTH_REASONS] = {0};

    cluster_health_measure(cluster, counts);
    metrics_family(metrics, METRICS_GAUGE, "quartet_health_checks",
                   "Health checks by the cluster's verdict; overridden: those, and record sets, "
                   "that somebody has forced up or down, or drains.");
    add_one(metrics, "state", "healthy", counts[POLICY_HEALTH_HEALTHY]);
    add_one(metrics, "state", "unhealthy", counts[POLICY_HEALTH_UNHEALTHY]);
    add_one(metrics, "state", "unknown", counts[POLICY_HEALTH_UNKNOWN]);
    add_one(metrics, "state", "disabled", counts[POLICY_HEALTH_DISABLED]);
    add_one(metrics, "state", "overridden",
            counts[POLICY_HEALTH_FORCED_UP] + counts[POLICY_HEALTH_FORCED_DOWN] +
                counts[POLICY_HEALTH_DRAINING]);
}

static const struct {
    const char *counter, *name, *help;
    enum metrics_kind kind;
} health_families[] = {
    {"health.checks", "quartet_health_checker_checks", "Checks that this node runs.",
     METRICS_GAUGE},
    {"health.running", "quartet_health_checker_running", "Of these, under way.", METRICS_GAUGE},
    {"health.waiting", "quartet_health_checker_waiting", "Due, but without a free connection.",
     METRICS_GAUGE},
    {"health.started", "quartet_health_checker_started_total", "Checks started by this node.",
     METRICS_COUNTER},
    {"health.succeeded", "quartet_health_checker_succeeded_total", "Those that succeeded.",
     METRICS_COUNTER},
    {"health.failed", "quartet_health_checker_failed_total", "Those that failed.", METRICS_COUNTER},
    {"health.late", "quartet_health_checker_late_total", "Started 100 ms or more after their time.",
     METRICS_COUNTER},
    {"health.skipped", "quartet_health_checker_skipped_total",
     "Not made, for the one before was not over.", METRICS_COUNTER},
};

static void add_health_counter(void *user, const char *name, uint64_t value)
{
    for (size_t i = 0; i < sizeof(health_families) / sizeof(health_families[0]); i++) {
        if (strcmp(health_families[i].counter, name) == 0)
            metrics_one(user, health_families[i].kind, health_families[i].name,
                        health_families[i].help, value);
    }
}

/* ---- backups by the clock ---- */

/* Also without a schedule, so that an alert can tell one from a node that is not heard. */
static void write_backups(struct metrics *metrics, struct cluster *cluster)
{
    struct cluster_backup_status status;

    cluster_backup_status(cluster, &status);
    metrics_family(metrics, METRICS_GAUGE, "quartet_backup_interval_seconds",
                   "How often the node backs the cluster up by itself; 0: never.");
    metrics_add(metrics, NULL, 0, status.folder[0] ? (double)status.every_ms / 1e3 : 0);
    metrics_family(metrics, METRICS_GAUGE, "quartet_backup_last_success_timestamp_seconds",
                   "When the newest of these backups was taken, since 1970; 0: none is known.");
    metrics_add(metrics, NULL, 0, (double)status.made_wall_ms / 1e3);
    gauge(metrics, "quartet_backup_failing", "1: the last try failed; see 'quartet node status'.",
          status.error[0] != '\0');
    counter(metrics, "quartet_backup_failures_total", "Tries that failed since the start.",
            status.failures);
}

/* ---- all ---- */

static void write_cluster(struct metrics *metrics, struct cluster *cluster)
{
    struct cluster_node node;
    struct cluster_measures measures;

    cluster_node(cluster, &node);
    cluster_measure(cluster, &measures);
    write_role(metrics, cluster, &node);
    write_raft(metrics, &node, &measures);
    write_times(metrics, &measures);
    write_members(metrics, &measures, node.is_leader);
    write_peers(metrics, &node, &measures);
    write_image(metrics, cluster, &node, &measures);
    write_disk(metrics, &measures);
    write_certificates(metrics, &measures);
}

void request_metrics(struct call *call)
{
    const struct control *control = call->control;
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__MetricsReply figures = CTL__METRICS_REPLY__INIT;
    struct metrics metrics = {0};
    size_t len;

    write_about(&metrics, control);
    write_process(&metrics);
    write_cluster(&metrics, call->cluster);
    write_memory(&metrics, call->cluster);
    write_health_states(&metrics, call->cluster);
    write_backups(&metrics, call->cluster);
    cluster_health_counters(call->cluster, add_health_counter, &metrics);
    if (control->metrics)
        control->metrics(control->counters_user, &metrics);
    char *text = metrics_take(&metrics, &len);
    if (!text) {
        call_fail(call, ERR_NOMEM, "out of memory");
        return;
    }
    figures.text = (ProtobufCBinaryData){len, (uint8_t *)text};
    reply.kind_case = CTL__REPLY__KIND_METRICS;
    reply.metrics = &figures;
    call_reply(call, &reply);
    free(text);
}
