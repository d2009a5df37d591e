/* tests/sim/world.c: virtual time. One thread takes the next event, runs it, and checks. */
#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "sim/adversary.h"
#include "sim/alloc.h"
#include "sim/checks.h"
#include "sim/history.h"
#include "sim/lines.h"
#include "sim/members.h"
#include "sim/net.h"
#include "sim/node.h"
#include "sim/recovery.h"
#include "sim/workload.h"

struct world *world_new(uint64_t seed, const char *profile, FILE *trace)
{
    struct world *world = sim_new(sizeof *world);
    world->seed = seed;
    world->trace = trace;
    world->holds_commit = seed % 2 == 0;
    rng_init(&world->rng, seed);
    if (profile == NULL && seed % 9 == 5)
        profile = "recover";
    SIM_ASSERT(profile_draw(&world->profile, profile, &world->rng) == 0);
    TRACE(world, "profile %s: %u voters, %u learners", world->profile.name, world->profile.voters,
          world->profile.learners);
    world->history = history_new();
    world->lines = lines_start(world);
    world->checks = checks_new();
    world->net = net_new();
    world->members = members_start(world);
    world->workload = workload_start(world);
    world->adversary = adversary_start(world);
    world->recovery = recovery_start(world);
    checks_start(world);
    return world;
}

void world_free(struct world *world)
{
    heap_fini(&world->heap);
    for (uint32_t i = 0; i < world->node_count; i++)
        node_free(world->nodes[i]);
    recovery_free(world->recovery);
    adversary_free(world->adversary);
    workload_free(world->workload);
    members_free(world->members);
    net_free(world->net);
    checks_free(world->checks);
    lines_free(world->lines);
    sim_free(world);
}

void world_after(struct world *world, struct event event)
{
    event.at_us += world->now_us;
    event.order = world->order++;
    if (event.node != NULL)
        event.incarnation = node_incarnation(event.node);
    heap_push(&world->heap, &event);
}

static void drop(const struct event *event)
{
    if (event->drop != NULL)
        event->drop(event->data);
}

/* A paused process finds everything that was meant for it in its queue, in order. */
static bool is_put_off(struct world *world, struct event *event)
{
    if (event->node == NULL || event->node->stalled_until_us <= world->now_us)
        return false;
    event->at_us = event->node->stalled_until_us;
    event->order = world->order++;
    heap_push(&world->heap, event);
    return true;
}

void world_run(struct world *world)
{
    struct event event;
    while (!world->has_failed && heap_pop(&world->heap, &event)) {
        if (event.at_us > SIM_END_US) {
            drop(&event);
            break;
        }
        world->now_us = event.at_us;
        if (event.node != NULL && event.incarnation != node_incarnation(event.node)) {
            drop(&event);
        } else if (!is_put_off(world, &event)) {
            world->events_run++;
            event.run(world, &event);
        }
    }
    if (!world->has_failed)
        checks_at_end(world);
}

void world_fail(struct world *world, const char *invariant, const char *format, ...)
{
    if (world->has_failed)
        return;
    world->has_failed = true;
    world->failed_us = world->now_us;
    (void)snprintf(world->invariant, sizeof world->invariant, "%s", invariant);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(world->detail, sizeof world->detail, format, args);
    va_end(args);
    TRACE(world, "VIOLATION %s: %s", world->invariant, world->detail);
}

void world_trace(struct world *world, const char *format, ...)
{
    (void)fprintf(world->trace, "%2" PRIu64 ".%06" PRIu64 " ", world->now_us / SIM_S,
                  world->now_us % SIM_S);
    va_list args;
    va_start(args, format);
    (void)vfprintf(world->trace, format, args);
    va_end(args);
    (void)fputc('\n', world->trace);
}

struct node *world_find(struct world *world, raft_id id)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i]->id == id)
            return world->nodes[i];
    }
    return NULL;
}

struct node *world_leader(struct world *world)
{
    struct node *best = NULL;
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[i];
        if (!node_is_up(node) || raft_role_of(node->raft) != RAFT_LEADER || !lines_is_current(node))
            continue;
        if (best == NULL || raft_term(node->raft) > raft_term(best->raft))
            best = node;
    }
    return best;
}

bool world_is_healing(const struct world *world)
{
    return world->now_us >= SIM_HEAL_US;
}
