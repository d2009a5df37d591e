/* tests/sim/install.c: snapshots from checkpoint to installed state. */
#include "sim/install.h"

#include <inttypes.h>
#include <string.h>

#include "sim/alloc.h"
#include "sim/checks.h"
#include "sim/history.h"
#include "sim/lines.h"
#include "sim/net.h"
#include "sim/node.h"
#include "sim/workload.h"

#define CHUNKS 4

static void report_failed(struct world *world, const struct event *event)
{
    (void)world;
    (void)node_step(event->node, &(struct raft_event){.kind = RAFT_EVENT_SNAPSHOT_FAILED,
                                                      .peer = event->number});
}

/* The locator is where the simulator finds the checkpoint: its number and the disk it is on. */
static void locator_write(struct raft_snapshot *snapshot, uint32_t slot, uint64_t image)
{
    uint64_t words[2] = {slot, image};
    memcpy(snapshot->locator, words, sizeof words);
    snapshot->locator_len = sizeof words;
}

static void locator_read(const struct raft_snapshot *snapshot, uint32_t *slot, uint64_t *image)
{
    uint64_t words[2];
    SIM_ASSERT(snapshot->locator_len == sizeof words);
    memcpy(words, snapshot->locator, sizeof words);
    *slot = (uint32_t)words[0];
    *image = words[1];
}

static void on_made(struct world *world, const struct event *event)
{
    struct node *node = event->node;
    struct raft_snapshot snapshot = {0};
    if (machine_applied(node->machine) == 0 || node->is_quarantined ||
        rng_chance(&world->rng, world_is_healing(world) ? 0 : world->profile.transfer_fail_pm)) {
        report_failed(world, event);
        return;
    }
    struct image *image = machine_image(node->machine, &snapshot);
    snapshot.term = history_term(node->history, snapshot.index);
    node_conf_at(node, snapshot.index, &snapshot.conf);
    locator_write(&snapshot, node->slot, history_keep_image(lines_images(world), image));
    TRACE(world, "n%u has a snapshot of %" PRIu64 " for %016" PRIx64, node->slot, snapshot.index,
          event->number);
    (void)node_step(node, &(struct raft_event){.kind = RAFT_EVENT_SNAPSHOT_READY,
                                               .peer = event->number,
                                               .snapshot = &snapshot});
}

void install_make(struct node *leader, raft_id peer)
{
    struct world *world = leader->world;
    uint64_t time_us = rng_between(&world->rng, 1, 1 + world->profile.transfer_ms / 4) * SIM_MS;
    world_after(world,
                (struct event){.at_us = time_us, .run = on_made, .node = leader, .number = peer});
}

static void forget(struct install *install)
{
    image_unref(install->image);
    *install = (struct install){.ticket = install->ticket + 1};
}

static void fail(struct node *node, uint32_t source)
{
    struct world *world = node->world;
    struct node *leader = world->nodes[source];
    TRACE(world, "n%u gives up fetching snapshot %" PRIu64, node->slot,
          node->install.snapshot.index);
    forget(&node->install);
    (void)node_step(node, &(struct raft_event){.kind = RAFT_EVENT_INSTALL_FAILED});
    if (node_is_up(leader) && rng_chance(&world->rng, 500))
        world_after(world,
                    (struct event){.run = report_failed, .node = leader, .number = node->id});
}

/* The step of no return: one rename. Then the log follows. */
static void swap(struct node *node)
{
    struct install *install = &node->install;
    if (machine_applied(node->machine) >= install->snapshot.index && !node->is_quarantined) {
        forget(install); /* the log was faster: an old state must not take the place of a newer */
        (void)node_step(node, &(struct raft_event){.kind = RAFT_EVENT_INSTALL_FAILED});
        return;
    }
    machine_install(node->machine, install->image, &install->snapshot);
    lines_installed(node, &install->snapshot);
    node->seen.applied = install->snapshot.index;
    node->is_quarantined = false;
    node_drop_applied(node);
    install->step = INSTALL_SWAPPED;
    TRACE(node->world, "n%u stands on snapshot %" PRIu64, node->slot, install->snapshot.index);
    checks_after_install(node);
    workload_node_applied(node);
}

static void on_swapped(struct world *world, const struct event *event)
{
    (void)world;
    struct node *node = event->node;
    if (node->install.step == INSTALL_SWAPPED && event->number == node->install.ticket)
        disk_reset(node, &node->install.snapshot);
}

static void on_chunk(struct world *world, const struct event *event)
{
    struct node *node = event->node;
    struct install *install = &node->install;
    if (install->step != INSTALL_FETCHING || event->number / CHUNKS != install->ticket)
        return;
    uint32_t source;
    uint64_t image;
    locator_read(&install->snapshot, &source, &image);
    bool fails = !world_is_healing(world) &&
                 rng_chance(&world->rng, world->profile.transfer_fail_pm / CHUNKS);
    if (fails || !node_is_up(world->nodes[source]) || net_is_cut(world, source, node->slot) ||
        net_is_cut(world, node->slot, source)) {
        fail(node, source);
        return;
    }
    uint64_t time_us =
        rng_between(&world->rng, 1, 1 + world->profile.transfer_ms / CHUNKS) * SIM_MS;
    struct event next = {
        .at_us = time_us, .run = on_chunk, .node = node, .number = event->number + 1};
    if (event->number % CHUNKS == CHUNKS - 1) {
        install->image = image_ref(history_image(lines_images(world), image));
        swap(node);
        if (install->step != INSTALL_SWAPPED)
            return;
        next.run = on_swapped;
        next.number = install->ticket;
        next.at_us = rng_between(&world->rng, 0, 20 * SIM_MS);
    }
    world_after(world, next);
}

void install_begin(struct node *node, const struct raft_snapshot *snapshot)
{
    struct world *world = node->world;
    struct install *install = &node->install;
    if (install->step == INSTALL_SWAPPED) {
        world_fail(world, "one snapshot is installed at a time",
                   "n%u is told to install %" PRIu64 " while %" PRIu64 " is in place", node->slot,
                   snapshot->index, install->snapshot.index);
        return;
    }
    forget(install);
    install->step = INSTALL_FETCHING;
    install->snapshot = *snapshot;
    TRACE(world, "n%u fetches snapshot %" PRIu64, node->slot, snapshot->index);
    world_after(world, (struct event){.at_us = SIM_MS,
                                      .run = on_chunk,
                                      .node = node,
                                      .number = install->ticket * CHUNKS});
}

void install_log_is_reset(struct node *node)
{
    struct raft_snapshot snapshot = node->install.snapshot;
    forget(&node->install);
    TRACE(node->world, "n%u has installed snapshot %" PRIu64, node->slot, snapshot.index);
    (void)node_step(node,
                    &(struct raft_event){.kind = RAFT_EVENT_INSTALLED, .snapshot = &snapshot});
}

void install_crash(struct node *node)
{
    forget(&node->install);
}
