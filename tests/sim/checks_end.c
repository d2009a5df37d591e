/* tests/sim/checks_end.c: what must hold once the faults have ended. */
#include "sim/checks_part.h"

#include <inttypes.h>

#include "sim/history.h"
#include "sim/members.h"
#include "sim/node.h"
#include "sim/workload.h"

#define PROGRESS_US (6 * SIM_S) /* after the healing, an operation of any client must be done */

static void on_progress_due(struct world *world, const struct event *event)
{
    if (workload_done_count(world->workload) <= event->number)
        world_fail(world, "progress after the healing",
                   "no operation was done for %" PRIu64 " virtual seconds", PROGRESS_US / SIM_S);
}

static void on_healing(struct world *world, const struct event *event)
{
    (void)event;
    world_after(world, (struct event){.at_us = PROGRESS_US,
                                      .run = on_progress_due,
                                      .number = workload_done_count(world->workload)});
}

void checks_start(struct world *world)
{
    world_after(world, (struct event){.at_us = SIM_HEAL_US, .run = on_healing});
}

static void check_member(struct world *world, const struct node *node)
{
    uint64_t last = history_last(world->history);
    if (node == NULL || !node_is_up(node)) {
        world_fail(world, "all members agree after the healing", "a member is down");
        return;
    }
    if (raft_last_index(node->raft) != last || node->seen.applied != last)
        world_fail(world, "all members agree after the healing",
                   "n%u: log to %" PRIu64 ", applied to %" PRIu64 ", committed is %" PRIu64,
                   node->slot, raft_last_index(node->raft), node->seen.applied, last);
}

void checks_at_end(struct world *world)
{
    const struct raft_conf *conf = members_committed(world);
    struct node *leader = world_leader(world);
    int stuck = workload_find_stuck(world->workload);
    if (leader == NULL || conf == NULL) {
        world_fail(world, "a leader after the healing", "nobody leads");
        return;
    }
    if (raft_commit_index(leader->raft) != raft_last_index(leader->raft))
        world_fail(world, "a leader commits what it has", "n%u has %" PRIu64 ", committed %" PRIu64,
                   leader->slot, raft_last_index(leader->raft), raft_commit_index(leader->raft));
    if (!members_is_healthy(world))
        world_fail(world, "no stuck membership", "%u voters of %u members", raft_conf_voters(conf),
                   conf->count);
    for (uint32_t i = 0; i < conf->count; i++)
        check_member(world, world_find(world, conf->members[i].id));
    if (stuck >= 0)
        world_fail(world, "every operation is done after the healing",
                   "client %d still waits; it asked n%u", stuck,
                   workload_contact(world->workload, stuck));
}
