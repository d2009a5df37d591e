/* tests/sim/checks.c: the order in which the checkers look at a node after a step. */
#include "sim/checks_part.h"

#include <inttypes.h>
#include <string.h>

#include "sim/alloc.h"
#include "sim/node.h"

struct checks *checks_new(void)
{
    return sim_new(sizeof(struct checks));
}

void checks_free(struct checks *checks)
{
    checks__logs_free(&checks->logs);
    sim_free(checks->terms);
    sim_free(checks);
}

struct term_record *checks__term(struct checks *checks, uint64_t term)
{
    SIM_ASSERT(term < 1000000);
    sim_grow((void **)&checks->terms, &checks->term_room, (size_t)term + 1, sizeof *checks->terms);
    if (checks->term_count <= term) {
        size_t fresh = (size_t)term + 1 - checks->term_count;
        memset(&checks->terms[checks->term_count], 0, fresh * sizeof *checks->terms);
        checks->term_count = (size_t)term + 1;
    }
    return &checks->terms[term];
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
