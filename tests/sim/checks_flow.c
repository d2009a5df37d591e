/* tests/sim/checks_flow.c: what a message may say, and how much may be under way. */
#include "sim/checks.h"

#include <inttypes.h>

#include "sim/lines.h"
#include "sim/node.h"

/* A member that a recovery left out wins no vote of those who went on. */
static void check_vote_line(struct node *node, const struct raft_message *message)
{
    if (lines_of_term(node->world, message->term) !=
        lines_of_term(node->world, raft_term(node->raft)))
        world_fail(node->world, "a vote is given within one recovery",
                   "n%u, in term %" PRIu64 ", votes in term %" PRIu64, node->slot,
                   raft_term(node->raft), message->term);
}

static void check_vote_reply(struct node *node, const struct raft_message *message)
{
    const struct raft_hard_state *durable = &node->disk.hard_state;
    if (durable->term != message->term || durable->voted_for != message->to)
        world_fail(node->world, "a vote is durable before it is given",
                   "n%u grants term %" PRIu64 ", its disk says term %" PRIu64, node->slot,
                   message->term, durable->term);
}

/* What an acknowledgement says is on this disk, and it is what the leader has there. */
static void check_append_reply(struct node *node, const struct raft_message *message)
{
    struct world *world = node->world;
    const struct log *synced = &node->disk.synced;
    uint64_t match = message->log_index;
    if (node->disk.hard_state.term < message->term || log_last(synced) < match) {
        world_fail(world, "an entry is durable before it is acknowledged",
                   "n%u acknowledges %" PRIu64 " in term %" PRIu64 ", its disk ends at %" PRIu64
                   " in term %" PRIu64,
                   node->slot, match, message->term, log_last(synced), node->disk.hard_state.term);
        return;
    }
    const struct node *leader = world_find(world, message->to);
    if (leader == NULL || !node_is_up(leader) || raft_role_of(leader->raft) != RAFT_LEADER ||
        raft_term(leader->raft) != message->term)
        return;
    uint64_t mine = log_term(synced, match);
    uint64_t theirs = log_term(&leader->disk.view, match);
    bool is_known = match >= leader->disk.view.base_index && match >= synced->base_index;
    if (is_known && mine != theirs)
        world_fail(world, "an acknowledgement names entries of the leader's log",
                   "n%u acknowledges %" PRIu64 ": term %" PRIu64 ", the leader n%u has %" PRIu64,
                   node->slot, match, mine, leader->slot, theirs);
}

/* Entries under way to one peer: the window, and one more for each heartbeat without an answer. */
static void check_append(struct node *node, const struct raft_message *message)
{
    struct world *world = node->world;
    const struct node *to = world_find(world, message->to);
    uint64_t len = 0;
    if (to == NULL || message->entry_count == 0)
        return;
    for (uint32_t i = 0; i < message->entry_count; i++)
        len += message->entries[i].data != NULL ? message->entries[i].data->len : 0;
    if (message->entry_count > RAFT_APPEND_ENTRIES_MAX ||
        (len > RAFT_APPEND_LEN_MAX && message->entry_count > 1))
        world_fail(world, "a message is bounded", "n%u sends %u entries of %" PRIu64 " octets",
                   node->slot, message->entry_count, len);
    struct node_seen *seen = &node->seen;
    uint64_t now_ms = node_now_mono_ms(node);
    if (seen->appends_open[to->slot]++ == 0)
        seen->appends_since_ms[to->slot] = now_ms;
    uint64_t waited_ms = now_ms - seen->appends_since_ms[to->slot];
    uint64_t allowed = RAFT_INFLIGHT_MAX + 1 + waited_ms / (world->profile.heartbeat_ms / 2);
    if (seen->appends_open[to->slot] > allowed)
        world_fail(world, "messages in flight to a peer are bounded",
                   "n%u sends the %uth append to n%u without an answer", node->slot,
                   seen->appends_open[to->slot], to->slot);
}

/* §3.10: who is told to take over has everything, so that the others vote for it at once. */
static void check_timeout_now(struct node *node, const struct raft_message *message)
{
    const struct node *to = world_find(node->world, message->to);
    if (to != NULL && log_last(&to->disk.view) < log_last(&node->disk.view))
        world_fail(node->world, "leadership is handed to a member that has everything",
                   "n%u hands over to n%u, whose log ends at %" PRIu64 " of %" PRIu64, node->slot,
                   to->slot, log_last(&to->disk.view), log_last(&node->disk.view));
}

void checks_before_send(struct node *node, const struct raft_message *message)
{
    bool is_vote = message->kind == RAFT_MSG_VOTE_REPLY || message->kind == RAFT_MSG_PRE_VOTE_REPLY;
    lines_address(node, message);
    if (is_vote && !message->rejected)
        check_vote_line(node, message);
    if (message->kind == RAFT_MSG_VOTE_REPLY && !message->rejected)
        check_vote_reply(node, message);
    else if (message->kind == RAFT_MSG_APPEND_REPLY && !message->rejected)
        check_append_reply(node, message);
    else if (message->kind == RAFT_MSG_TIMEOUT_NOW)
        check_timeout_now(node, message);
    else if (message->kind == RAFT_MSG_APPEND)
        check_append(node, message);
}

void checks_on_arrival(struct node *node, const struct raft_message *message)
{
    const struct node *from = world_find(node->world, message->from);
    if (from == NULL)
        return;
    node->seen.contact_mono_ms[from->slot] = node_now_mono_ms(node);
    if (message->kind == RAFT_MSG_APPEND_REPLY)
        node->seen.appends_open[from->slot] = 0;
}
