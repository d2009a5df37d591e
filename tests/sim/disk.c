/* tests/sim/disk.c: atomic batches, group commit, and what a crash leaves of them. */
#include "sim/disk.h"

#include <inttypes.h>
#include <string.h>

#include "sim/alloc.h"
#include "sim/checks.h"
#include "sim/install.h"
#include "sim/lines.h"
#include "sim/node.h"

static void start_writing(struct node *node);

void disk_init(struct disk *disk, const struct raft_entry *first)
{
    *disk = (struct disk){0};
    if (first == NULL)
        return;
    SIM_ASSERT(log_put(&disk->synced, first) && log_put(&disk->view, first));
    disk->hard_state.term = first->term;
    disk->view_hard_state = disk->hard_state;
}

static void batch_fini(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->entry_count; i++)
        raft_buf_unref(batch->entries[i].data);
    sim_free(batch->entries);
    sim_free(batch->base);
}

void disk_fini(struct disk *disk)
{
    for (size_t i = 0; i < disk->queue_count; i++)
        batch_fini(&disk->queue[i]);
    sim_free(disk->queue);
    log_fini(&disk->synced);
    log_fini(&disk->view);
}

/* Does @log hold the entry that @base ends with? Then what follows it may stay. */
static bool continues(const struct log *log, const struct raft_snapshot *base)
{
    return log_term(log, base->index) == base->term;
}

static void make_durable(struct node *node, const struct batch *batch)
{
    struct disk *disk = &node->disk;
    if (batch->has_hard_state)
        disk->hard_state = batch->hard_state;
    for (uint32_t i = 0; i < batch->entry_count; i++)
        SIM_ASSERT(log_put(&disk->synced, &batch->entries[i]));
    if (batch->base != NULL) {
        log_reset(&disk->synced, batch->base->index, batch->base->term);
        disk->base_conf = batch->base->conf;
    }
    if (batch->has_hard_state) {
        checks_hard_state_durable(node, &batch->hard_state);
        lines_durable(node, batch->hard_state.term);
    }
}

static void shift_queue(struct disk *disk, size_t count)
{
    disk->queue_count -= count;
    memmove(disk->queue, disk->queue + count, disk->queue_count * sizeof *disk->queue);
}

static void on_written(struct world *world, const struct event *event)
{
    (void)world;
    struct node *node = event->node;
    struct disk *disk = &node->disk;
    size_t count = disk->writing_count;
    uint64_t seq = 0;
    bool is_reset = false;
    for (size_t i = 0; i < count; i++) {
        make_durable(node, &disk->queue[i]);
        seq = disk->queue[i].seq != 0 ? disk->queue[i].seq : seq;
        is_reset = is_reset || disk->queue[i].base != NULL;
        batch_fini(&disk->queue[i]);
    }
    shift_queue(disk, count);
    disk->writing_count = 0;
    start_writing(node);
    if (seq != 0)
        node_step(node, &(struct raft_event){.kind = RAFT_EVENT_PERSISTED, .seq = seq});
    if (is_reset && node_is_up(node))
        install_log_is_reset(node);
}

static uint64_t write_time_us(struct node *node)
{
    struct world *world = node->world;
    const struct profile *profile = &world->profile;
    uint64_t time_us = rng_between(&world->rng, profile->write_min_us, profile->write_max_us);
    if (world->now_us < node->disk.slow_until_us)
        time_us += rng_between(&world->rng, 1, profile->slow_ms) * SIM_MS;
    return time_us;
}

static void start_writing(struct node *node)
{
    struct disk *disk = &node->disk;
    if (disk->writing_count > 0 || disk->queue_count == 0)
        return;
    disk->writing_count = disk->queue_count;
    world_after(node->world,
                (struct event){.at_us = write_time_us(node), .run = on_written, .node = node});
}

static void enqueue(struct node *node, struct batch batch)
{
    struct disk *disk = &node->disk;
    sim_grow((void **)&disk->queue, &disk->queue_room, disk->queue_count + 1, sizeof *disk->queue);
    disk->queue[disk->queue_count++] = batch;
    start_writing(node);
}

void disk_write(struct node *node, const struct raft_update *update)
{
    struct disk *disk = &node->disk;
    checks_before_write(node, update);
    if (node->world->has_failed)
        return;
    struct batch batch = {.seq = update->seq, .entry_count = update->entry_count};
    if (update->hard_state != NULL) {
        batch.has_hard_state = true;
        batch.hard_state = *update->hard_state;
        disk->view_hard_state = *update->hard_state;
    }
    batch.entries = sim_copy(update->entries, update->entry_count * sizeof *batch.entries);
    for (uint32_t i = 0; i < batch.entry_count; i++) {
        (void)raft_buf_ref(batch.entries[i].data);
        if (!log_put(&disk->view, &batch.entries[i]))
            world_fail(node->world, "the log has no gaps",
                       "n%u writes index %" PRIu64 " behind %" PRIu64, node->slot,
                       batch.entries[i].index, log_last(&disk->view));
    }
    enqueue(node, batch);
}

void disk_reset(struct node *node, const struct raft_snapshot *snapshot)
{
    const struct log *view = &node->disk.view;
    if (snapshot->index < view->base_index ||
        (continues(view, snapshot) && log_last(view) > snapshot->index))
        world_fail(node->world, "an install takes no entries away",
                   "n%u installs %" PRIu64 ", its log goes on to %" PRIu64, node->slot,
                   snapshot->index, log_last(view));
    log_reset(&node->disk.view, snapshot->index, snapshot->term);
    enqueue(node, (struct batch){.base = sim_copy(snapshot, sizeof *snapshot)});
}

void disk_trim(struct node *node, uint64_t index)
{
    struct disk *disk = &node->disk;
    SIM_ASSERT(index <= log_last(&disk->synced));
    if (index <= disk->synced.base_index)
        return;
    node_conf_at(node, index, &disk->base_conf);
    log_trim(&disk->synced, index);
    log_trim(&disk->view, index);
}

void disk_crash(struct node *node)
{
    struct disk *disk = &node->disk;
    size_t kept = (size_t)rng_between(&node->world->rng, 0, disk->writing_count);
    for (size_t i = 0; i < disk->queue_count; i++) {
        if (i < kept)
            make_durable(node, &disk->queue[i]);
        batch_fini(&disk->queue[i]);
    }
    if (disk->queue_count > 0)
        TRACE(node->world, "n%u keeps %zu of %zu unsynced batches", node->slot, kept,
              disk->queue_count);
    disk->queue_count = 0;
    disk->writing_count = 0;
    log_copy(&disk->view, &disk->synced);
    disk->view_hard_state = disk->hard_state;
}

void disk_repair(struct node *node, const struct raft_snapshot *state)
{
    struct disk *disk = &node->disk;
    if (state->index <= disk->synced.base_index || continues(&disk->synced, state))
        return;
    TRACE(node->world, "n%u lets its log stand on the installed state %" PRIu64, node->slot,
          state->index);
    log_reset(&disk->synced, state->index, state->term);
    disk->base_conf = state->conf;
    log_copy(&disk->view, &disk->synced);
}

int disk_read(void *user, uint64_t first, size_t len_max, struct raft_entry *out, uint32_t *count)
{
    const struct node *node = user;
    const struct log *log = &node->disk.synced;
    if (first <= log->base_index)
        return RAFT_ECOMPACTED;
    uint32_t got = 0;
    size_t len = 0;
    while (got < *count) {
        const struct raft_entry *entry = log_find(log, first + got);
        if (entry == NULL)
            break;
        len += entry->data != NULL ? entry->data->len : 0;
        if (got > 0 && len > len_max)
            break;
        out[got] = *entry;
        (void)raft_buf_ref(entry->data);
        got++;
    }
    *count = got;
    return 0;
}

int disk_term(void *user, uint64_t index, uint64_t *out)
{
    const struct node *node = user;
    uint64_t term = log_term(&node->disk.synced, index);
    if (term == 0 && index != 0)
        return index < node->disk.synced.base_index ? RAFT_ECOMPACTED : RAFT_EIO;
    *out = term;
    return 0;
}
