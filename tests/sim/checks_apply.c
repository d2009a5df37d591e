/* tests/sim/checks_apply.c: all state machines go the same way, and clients get what they were
 * promised. */
#include "sim/checks_part.h"

#include <inttypes.h>

#include "sim/history.h"
#include "sim/node.h"

void checks_before_apply(struct node *node, const struct raft_entry *entry)
{
    struct world *world = node->world;
    const struct log *synced = &node->disk.synced;
    if (entry->index != node->seen.applied + 1)
        world_fail(world, "entries are applied in order, each once",
                   "n%u applies %" PRIu64 " after %" PRIu64, node->slot, entry->index,
                   node->seen.applied);
    else if (history_term(node->history, entry->index) != entry->term)
        world_fail(world, "only what is committed is applied",
                   "n%u applies %" PRIu64 "/%" PRIu64 ", committed is term %" PRIu64, node->slot,
                   entry->index, entry->term, history_term(node->history, entry->index));
    else if (entry->index > synced->base_index && log_term(synced, entry->index) != entry->term)
        world_fail(world, "what is applied is durable here",
                   "n%u applies %" PRIu64 ", its disk ends at %" PRIu64, node->slot, entry->index,
                   log_last(synced));
}

static void check_hash(struct node *node)
{
    uint64_t index = machine_applied(node->machine);
    if (!history_hash(node->history, index, machine_hash(node->machine)))
        world_fail(node->world, "equal index, equal state",
                   "n%u has another state than others at %" PRIu64, node->slot, index);
}

void checks_after_apply(struct node *node, const struct raft_entry *entry,
                        const struct machine_result *results, uint32_t count)
{
    struct world *world = node->world;
    for (uint32_t i = 0; i < count; i++) {
        const struct machine_result *result = &results[i];
        if (result->outcome != MACHINE_APPLIED || result->sequence == 0)
            continue;
        uint64_t first =
            history_effect(node->history, result->client_id, result->sequence, entry->index);
        if (first != entry->index)
            world_fail(world, "a command is applied once",
                       "n%u applies sequence %" PRIu64 " of client %" PRIu64 " at %" PRIu64
                       " and at %" PRIu64,
                       node->slot, result->sequence, result->client_id, first, entry->index);
    }
    check_hash(node);
}

void checks_after_install(struct node *node)
{
    check_hash(node);
}

void checks_write_acknowledged(struct world *world, uint64_t client_id, uint64_t sequence)
{
    uint64_t index = history_effect_of(world->history, client_id, sequence);
    if (index == 0)
        world_fail(world, "acknowledged writes are not lost",
                   "client %" PRIu64 " was told of %" PRIu64 ", which never took effect", client_id,
                   sequence);
    if (index > world->checks->acknowledged_index)
        world->checks->acknowledged_index = index;
}

void checks_recovered(struct world *world, uint64_t forked_at)
{
    if (world->checks->acknowledged_index > forked_at)
        world->checks->acknowledged_index = forked_at;
}

uint64_t checks_read_asked(struct world *world)
{
    return world->checks->acknowledged_index;
}

void checks_read_released(struct node *node, uint64_t floor, uint64_t index)
{
    if (index < floor)
        world_fail(node->world, "reads are linearizable",
                   "n%u reads at %" PRIu64 ", but %" PRIu64 " was acknowledged before", node->slot,
                   index, floor);
}

void checks_read_served(struct node *node)
{
    struct checks *checks = node->world->checks;
    if (node->seen.applied > checks->acknowledged_index)
        checks->acknowledged_index = node->seen.applied;
}
