/* tests/sim/node.c: one process around the production core. */
#include "sim/node.h"

#include <inttypes.h>
#include <string.h>

#include "sim/alloc.h"
#include "sim/checks.h"
#include "sim/history.h"
#include "sim/lines.h"
#include "sim/members.h"
#include "sim/net.h"
#include "sim/workload.h"

struct node *node_new(struct world *world, const struct raft_entry *first)
{
    SIM_ASSERT(world->node_count < SIM_NODES_MAX);
    struct node *node = sim_new(sizeof *node);
    node->world = world;
    node->slot = world->node_count;
    node->clock_rate_pm = 1000;
    node->clock_local_us = rng_below(&world->rng, 1000 * SIM_S);
    node->machine = machine_new();
    node->history = world->history;
    disk_init(&node->disk, first);
    world->nodes[world->node_count++] = node;
    return node;
}

static void drop_apply_queue(struct node *node)
{
    for (size_t i = 0; i < node->apply_count; i++)
        raft_buf_unref(node->apply_queue[i].data);
    node->apply_count = 0;
}

void node_drop_applied(struct node *node)
{
    size_t kept = 0;
    for (size_t i = 0; i < node->apply_count; i++) {
        if (node->apply_queue[i].index > node->seen.applied)
            node->apply_queue[kept++] = node->apply_queue[i];
        else
            raft_buf_unref(node->apply_queue[i].data);
    }
    node->apply_count = kept;
}

void node_free(struct node *node)
{
    raft_free(node->raft);
    install_crash(node);
    drop_apply_queue(node);
    sim_free(node->apply_queue);
    disk_fini(&node->disk);
    machine_free(node->machine);
    sim_free(node);
}

bool node_is_up(const struct node *node)
{
    return node->is_up;
}

bool node_is_running(const struct node *node)
{
    return node->is_up && node->stalled_until_us <= node->world->now_us;
}

uint32_t node_incarnation(const struct node *node)
{
    return node->incarnation;
}

static uint64_t local_us(const struct node *node)
{
    uint64_t passed_us = node->world->now_us - node->clock_world_us;
    return node->clock_local_us + passed_us * node->clock_rate_pm / 1000;
}

uint64_t node_now_mono_ms(const struct node *node)
{
    return local_us(node) / SIM_MS;
}

void node_set_clock_rate(struct node *node, uint32_t rate_pm)
{
    node->clock_local_us = local_us(node);
    node->clock_world_us = node->world->now_us;
    node->clock_rate_pm = rate_pm;
}

/* One at a time, and only when the others can go on from their logs: somebody must have the state.
 */
static bool may_quarantine(const struct node *node)
{
    const struct world *world = node->world;
    const struct raft_conf *conf = members_committed(world);
    if (conf == NULL || raft_conf_voters(conf) < 3 || node->install.step != INSTALL_NONE)
        return false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct node *other = world->nodes[i];
        if (other->is_quarantined || (members_has_voter(world, other->id) &&
                                      log_last(&other->disk.synced) < node->disk.synced.base_index))
            return false;
    }
    return true;
}

void node_quarantine(struct node *node)
{
    if (!may_quarantine(node))
        return;
    TRACE(node->world, "n%u does not trust its state at %" PRIu64, node->slot, node->seen.applied);
    node->is_quarantined = true;
    (void)node_step(node, &(struct raft_event){.kind = RAFT_EVENT_NEED_SNAPSHOT});
}

const char *node_role_name(enum raft_role role)
{
    static const char *const names[] = {"follower", "pre-candidate", "candidate", "leader"};
    return names[role];
}

static void on_tick(struct world *world, const struct event *event)
{
    struct node *node = event->node;
    uint64_t tick_us = world->profile.tick_ms * SIM_MS;
    world_after(world, (struct event){.at_us = tick_us, .run = on_tick, .node = node});
    (void)node_step(node, &(struct raft_event){.kind = RAFT_EVENT_TICK});
    if (node_is_up(node))
        checks_on_tick(node);
}

/* From time to time the state is made durable, and the log that it no longer needs goes. */
static void on_flush(struct world *world, const struct event *event)
{
    struct node *node = event->node;
    uint64_t gap_us = rng_between(&world->rng, 1, 2 * world->profile.flush_ms) * SIM_MS;
    world_after(world, (struct event){.at_us = gap_us, .run = on_flush, .node = node});
    if (node->install.step != INSTALL_NONE || node->is_quarantined)
        return;
    machine_flush(node->machine);
    uint64_t flushed = machine_applied(node->machine);
    uint64_t keep = world->profile.keep_entries;
    if (flushed <= keep || flushed - keep <= node->disk.synced.base_index ||
        rng_chance(&world->rng, 300))
        return;
    disk_trim(node, flushed - keep);
    TRACE(world, "n%u trims its log up to %" PRIu64, node->slot, flushed - keep);
    (void)node_step(node,
                    &(struct raft_event){.kind = RAFT_EVENT_TRIMMED, .index = flushed - keep});
}

static void build_core(struct node *node)
{
    struct world *world = node->world;
    const struct disk *disk = &node->disk;
    struct raft_start start = {
        .hard_state = disk->hard_state,
        .base = {.index = disk->synced.base_index, .term = disk->synced.base_term},
        .entries = disk->synced.count > 0 ? disk->synced.items + disk->synced.start : NULL,
        .entry_count = disk->synced.count,
        .applied = machine_applied(node->machine),
    };
    start.base.conf = disk->base_conf;
    struct raft_options options = {
        .id = node->id,
        .seed = rng_next(&world->rng),
        .election_timeout_ms = world->profile.election_ms,
        .heartbeat_ms = world->profile.heartbeat_ms,
        .now_mono_ms = node_now_mono_ms(node),
        .reader = {.user = node, .read = disk_read, .term = disk_term},
    };
    int code = raft_new(&options, &start, &node->raft);
    if (code != 0) {
        node->raft = NULL;
        world_fail(world, "a node starts from what its disk holds",
                   "n%u: %s (log %" PRIu64 "..%" PRIu64 ", applied %" PRIu64 ")", node->slot,
                   raft_error_text(code), start.base.index, log_last(&disk->synced), start.applied);
    }
}

void node_start(struct node *node)
{
    struct world *world = node->world;
    if (node->is_up || node->is_gone || node->is_lost)
        return;
    disk_repair(node, machine_installed(node->machine));
    build_core(node);
    if (node->raft == NULL)
        return;
    node->is_up = true;
    node->seen = (struct node_seen){.role = raft_role_of(node->raft),
                                    .term = raft_term(node->raft),
                                    .applied = machine_applied(node->machine)};
    TRACE(world,
          "n%u (%016" PRIx64 ") starts: term %" PRIu64 ", log %" PRIu64 "..%" PRIu64
          ", applied %" PRIu64,
          node->slot, node->id, raft_term(node->raft), raft_first_index(node->raft),
          raft_last_index(node->raft), node->seen.applied);
    checks_after_start(node);
    uint64_t first_us = rng_below(&world->rng, world->profile.tick_ms * SIM_MS);
    world_after(world, (struct event){.at_us = first_us, .run = on_tick, .node = node});
    world_after(world, (struct event){.at_us = first_us + world->profile.flush_ms * SIM_MS,
                                      .run = on_flush,
                                      .node = node});
    if (node->is_quarantined)
        (void)node_step(node, &(struct raft_event){.kind = RAFT_EVENT_NEED_SNAPSHOT});
}

void node_crash(struct node *node)
{
    if (!node->is_up)
        return;
    TRACE(node->world, "n%u crashes", node->slot);
    node->is_up = false;
    node->incarnation++;
    node->stalled_until_us = 0;
    node->is_applying = false;
    raft_free(node->raft);
    node->raft = NULL;
    drop_apply_queue(node);
    disk_crash(node);
    machine_crash(node->machine, &node->world->rng);
    install_crash(node);
    workload_node_crashed(node);
}

void node_stall(struct node *node, uint64_t time_us)
{
    TRACE(node->world, "n%u gets no CPU for %" PRIu64 " ms", node->slot, time_us / SIM_MS);
    uint64_t until_us = node->world->now_us + time_us;
    if (node->stalled_until_us < until_us) /* a stall within a longer one ends nothing */
        node->stalled_until_us = until_us;
}

static void apply_one(struct node *node, const struct raft_entry *entry)
{
    struct machine_result results[MACHINE_RESULTS_MAX];
    checks_before_apply(node, entry);
    if (node->world->has_failed)
        return;
    uint32_t count = machine_apply(node->machine, entry, results);
    node->seen.applied = entry->index;
    checks_after_apply(node, entry, results, count);
    for (uint32_t i = 0; i < count; i++)
        workload_applied(node, entry->index, &results[i]);
}

static void on_apply(struct world *world, const struct event *event)
{
    struct node *node = event->node;
    uint64_t last = 0;
    node->is_applying = false;
    if (node->is_quarantined)
        drop_apply_queue(node);
    for (size_t i = 0; i < node->apply_count && !world->has_failed; i++) {
        apply_one(node, &node->apply_queue[i]);
        last = node->apply_queue[i].index;
    }
    drop_apply_queue(node);
    if (last == 0 || world->has_failed)
        return;
    (void)node_step(node, &(struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = last});
    workload_node_applied(node);
}

static void queue_apply(struct node *node, const struct raft_update *update)
{
    if (update->apply_count == 0)
        return;
    for (uint32_t i = 0; i < update->apply_count; i++) {
        sim_grow((void **)&node->apply_queue, &node->apply_room, node->apply_count + 1,
                 sizeof *node->apply_queue);
        node->apply_queue[node->apply_count] = update->apply[i];
        (void)raft_buf_ref(update->apply[i].data);
        node->apply_count++;
    }
    if (node->is_applying)
        return;
    node->is_applying = true;
    uint64_t delay_us = rng_between(&node->world->rng, 0, node->world->profile.apply_max_us);
    world_after(node->world, (struct event){.at_us = delay_us, .run = on_apply, .node = node});
}

static void trace_role(struct node *node)
{
    const struct node_seen *seen = &node->seen;
    if (seen->role != raft_role_of(node->raft) || seen->term != raft_term(node->raft))
        TRACE(node->world, "n%u is %s in term %" PRIu64, node->slot,
              node_role_name(raft_role_of(node->raft)), raft_term(node->raft));
}

/* Persist, send, apply: the order of raft.h. Nothing here may step the same core again, for the
 * update is the core's until then; what does so is put into the heap. */
static void handle_update(struct node *node, const struct raft_update *update)
{
    struct world *world = node->world;
    if (update->seq != 0)
        disk_write(node, update);
    for (uint32_t i = 0; i < update->message_count && !world->has_failed; i++) {
        checks_before_send(node, &update->messages[i]);
        net_send(node, &update->messages[i]);
    }
    queue_apply(node, update);
    for (uint32_t i = 0; i < update->read_count; i++)
        workload_read_released(node, &update->reads[i]);
    for (uint32_t i = 0; i < update->snapshot_wanted_count; i++)
        install_make(node, update->snapshot_wanted[i]);
    if (update->conf != NULL)
        checks_conf_changed(node);
    if (update->install != NULL)
        install_begin(node, update->install);
    if (update->transfer != RAFT_TRANSFER_NONE)
        TRACE(world, "n%u transfer %s", node->slot,
              update->transfer == RAFT_TRANSFER_DONE ? "done" : "timed out");
    members_on_update(node, update);
}

static bool may_refuse(enum raft_event_kind kind)
{
    return kind == RAFT_EVENT_PROPOSE || kind == RAFT_EVENT_PROPOSE_CONF ||
           kind == RAFT_EVENT_TRANSFER || kind == RAFT_EVENT_READ ||
           kind == RAFT_EVENT_NEED_SNAPSHOT || kind == RAFT_EVENT_RECOVER;
}

/* A recovery took back what it had committed: it takes part no more, and must be replaced. */
static void end_superseded(struct node *node)
{
    TRACE(node->world, "n%u is superseded", node->slot);
    lines_superseded(node);
    node_crash(node);
    node->is_gone = true;
}

int node_step(struct node *node, struct raft_event *event)
{
    struct world *world = node->world;
    if (!node->is_up || world->has_failed)
        return RAFT_ECLOSED;
    struct raft_update update = {0};
    event->now_mono_ms = node_now_mono_ms(node);
    event->holds_commit = world->holds_commit && event->kind != RAFT_EVENT_TICK;
    int code = raft_step(node->raft, event, &update);
    if (code == RAFT_ESUPERSEDED) {
        end_superseded(node);
        return code;
    }
    if (code != 0 && (!may_refuse(event->kind) || code == RAFT_EIO || code == RAFT_ENOMEM)) {
        world_fail(world, "the core takes every event", "n%u: event %d: %s", node->slot,
                   (int)event->kind, raft_error_text(code));
        return code;
    }
    if (code != 0)
        return code;
    if (update.first_proposed != 0)
        event->index = update.first_proposed;
    trace_role(node);
    lines_follow(node, event);
    handle_update(node, &update);
    if (!world->has_failed)
        checks_after_step(node);
    return 0;
}

int node_propose(struct node *node, struct raft_buf *data, uint64_t *index)
{
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE, .data = &data, .data_count = 1};
    int code = node_step(node, &event);
    if (code == 0)
        *index = event.index;
    return code;
}

void node_conf_at(struct node *node, uint64_t index, struct raft_conf *out)
{
    const struct raft_conf *conf = history_conf_at(node->history, index);
    *out = conf != NULL ? *conf : (struct raft_conf){0};
}
