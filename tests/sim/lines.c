/* tests/sim/lines.c: a fork of history for each recovery, and what must hold between them. */
#include "sim/lines.h"

#include <inttypes.h>

#include "sim/alloc.h"
#include "sim/checks.h"
#include "sim/history.h"
#include "sim/workload.h"

struct line {
    uint64_t origin;
    struct history *history;
    uint64_t forked_at; /* the last index that it has in common with the line before it */
};

struct lines {
    struct line items[LINES_MAX];
    uint32_t count;
    uint64_t current_origin;
};

struct lines *lines_start(struct world *world)
{
    struct lines *lines = sim_new(sizeof *lines);
    lines->items[lines->count++] = (struct line){.history = world->history};
    return lines;
}

void lines_free(struct lines *lines)
{
    for (uint32_t i = 0; i < lines->count; i++)
        history_free(lines->items[i].history);
    sim_free(lines);
}

int lines_of_term(const struct world *world, uint64_t term)
{
    const struct lines *lines = world->lines;
    for (uint32_t i = 0; i < lines->count; i++) {
        if (lines->items[i].origin == raft_recovery(term))
            return (int)i;
    }
    return -1;
}

static const struct line *find(const struct world *world, uint64_t term)
{
    int at = lines_of_term(world, term);
    return at >= 0 ? &world->lines->items[at] : NULL;
}

bool lines_have_room(const struct world *world)
{
    return world->lines->count < LINES_MAX;
}

void lines_fork(struct node *survivor, uint64_t term)
{
    struct world *world = survivor->world;
    struct lines *lines = world->lines;
    const struct log *view = &survivor->disk.view;
    const struct history *from = survivor->history;
    uint64_t last = history_last(from) < log_last(view) ? history_last(from) : log_last(view);
    SIM_ASSERT(lines->count < LINES_MAX);
    while (last > view->base_index && log_term(view, last) != history_term(from, last))
        last--;
    TRACE(world, "n%u takes the first %" PRIu64 " of %" PRIu64 " committed into term %" PRIu64,
          survivor->slot, last, history_last(from), term);
    lines->items[lines->count++] = (struct line){
        .origin = raft_recovery(term), .history = history_fork(from, last), .forked_at = last};
}

/* Does @history say the same as the node's own of all that the node has committed? */
static bool is_consistent(const struct node *node, const struct history *history)
{
    uint64_t index =
        node->seen.commit > node->seen.applied ? node->seen.commit : node->seen.applied;
    return index == 0 || history_term(history, index) == history_term(node->history, index);
}

/* What can bring its receiver into the sender's line. */
static bool is_of_leader(const struct raft_message *message)
{
    return message->kind == RAFT_MSG_APPEND || message->kind == RAFT_MSG_SNAPSHOT;
}

/* Only a recovery of its own, or a leader, brings a node into another line; and never back. That
 * the leader counted it as a member is seen when it speaks (lines_address): what it sent before a
 * removal, or before a crash that took the addition back, may arrive long after. */
static void check_entry(struct node *node, const struct raft_event *event)
{
    struct world *world = node->world;
    uint64_t was = raft_recovery(node->seen.term), now = raft_recovery(raft_term(node->raft));
    const struct raft_message *message = event->kind == RAFT_EVENT_MESSAGE ? event->message : NULL;
    if (now == was || event->kind == RAFT_EVENT_RECOVER)
        return;
    if (message == NULL || !is_of_leader(message) || now < was)
        world_fail(world, "only a leader brings a member into its recovered cluster",
                   "n%u goes to term %" PRIu64 " from %" PRIu64, node->slot, raft_term(node->raft),
                   node->seen.term);
}

void lines_address(struct node *node, const struct raft_message *message)
{
    if (is_of_leader(message) && raft_conf_find(raft_conf_of(node->raft), message->to) == NULL)
        world_fail(node->world, "who was left out stays out",
                   "n%u, in term %" PRIu64 ", sends its log to %016" PRIx64 ", which is no member",
                   node->slot, message->term, message->to);
}

void lines_follow(struct node *node, const struct raft_event *event)
{
    const struct line *line = find(node->world, raft_term(node->raft));
    if (line == NULL) {
        world_fail(node->world, "terms come from recoveries that took place",
                   "n%u is in term %" PRIu64, node->slot, raft_term(node->raft));
        return;
    }
    check_entry(node, event);
    if (line->history != node->history && is_consistent(node, line->history))
        node->history = line->history;
}

void lines_installed(struct node *node, const struct raft_snapshot *snapshot)
{
    const struct lines *lines = node->world->lines;
    for (uint32_t i = 0; i < lines->count; i++) {
        if (history_term(node->history, snapshot->index) == snapshot->term)
            return;
        node->history = lines->items[i].history;
    }
}

void lines_durable(struct node *node, uint64_t term)
{
    struct world *world = node->world;
    const struct line *line = find(world, term);
    if (line == NULL || line->origin <= world->lines->current_origin)
        return;
    TRACE(world, "the cluster is the one that n%u recovered at %" PRIu64, node->slot,
          line->forked_at);
    world->lines->current_origin = line->origin;
    world->history = line->history;
    checks_recovered(world, line->forked_at);
    workload_recovered(world, line->forked_at);
}

void lines_superseded(struct node *node)
{
    struct world *world = node->world;
    const struct line *own = find(world, node->seen.term);
    bool is_true = false;
    for (uint32_t i = 0; i < world->lines->count; i++) {
        const struct line *line = &world->lines->items[i];
        if (line->origin >= own->origin && line->history != node->history)
            is_true = is_true || !is_consistent(node, line->history);
    }
    if (!is_true)
        world_fail(world, "only what a recovery took back ends a member",
                   "n%u ends with %" PRIu64 " committed", node->slot, node->seen.commit);
}

bool lines_is_current(const struct node *node)
{
    return node->history == node->world->history;
}

struct history *lines_images(const struct world *world)
{
    return world->lines->items[0].history;
}
