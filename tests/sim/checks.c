/* tests/sim/checks.c: the order in which the checkers look at a node after a step. */
#include "sim/checks_part.h"

#include <inttypes.h>

#include "sim/alloc.h"
#include "sim/node.h"

struct checks *checks_new(void)
{
    return sim_new(sizeof(struct checks));
}

void checks_free(struct checks *checks)
{
    checks__logs_free(&checks->logs);
    for (uint32_t i = 0; i < LINES_MAX; i++)
        sim_free(checks->terms[i].items);
    sim_free(checks);
}

struct term_record *checks__term(struct world *world, uint64_t term)
{
    int line = lines_of_term(world, term);
    uint64_t at = term & ((UINT64_C(1) << RAFT_CHANCE_SHIFT) - 1);
    SIM_ASSERT(line >= 0 && at < 1000000);
    struct term_records *terms = &world->checks->terms[line];
    sim_grow((void **)&terms->items, &terms->room, (size_t)at + 1, sizeof *terms->items);
    while (terms->count <= at)
        terms->items[terms->count++] = (struct term_record){0};
    return &terms->items[at];
}

void checks_before_write(struct node *node, const struct raft_update *update)
{
    const struct raft_hard_state *old = &node->disk.view_hard_state;
    const struct raft_hard_state *new = update->hard_state;
    if (new != NULL &&new->term < old->term)
        world_fail(node->world, "the hard state never goes backwards",
                   "n%u writes term %" PRIu64 " after %" PRIu64, node->slot, new->term, old->term);
    if (new != NULL &&new->term == old->term && old->voted_for != 0 &&
        new->voted_for != old->voted_for)
        world_fail(node->world, "one vote in a term", "n%u takes back its vote in term %" PRIu64,
                   node->slot, new->term);
    checks__log_write(node, update);
    checks__change(node, update);
}

void checks_after_step(struct node *node)
{
    struct world *world = node->world;
    struct node_seen *seen = &node->seen;
    uint64_t term = raft_term(node->raft);
    if (term < seen->term)
        world_fail(world, "a node's term never falls", "n%u goes from %" PRIu64 " to %" PRIu64,
                   node->slot, seen->term, term);
    bool is_swapping = node->install.step == INSTALL_SWAPPED; /* the core is told at the end */
    if (!is_swapping && raft_last_index(node->raft) != log_last(&node->disk.view))
        world_fail(world, "the core and its log agree",
                   "n%u: the core ends at %" PRIu64 ", the log at %" PRIu64, node->slot,
                   raft_last_index(node->raft), log_last(&node->disk.view));
    checks__election(node);
    checks__commit(node);
    seen->role = raft_role_of(node->raft);
    seen->term = term;
}

void checks_after_start(struct node *node)
{
    checks_after_step(node);
}
