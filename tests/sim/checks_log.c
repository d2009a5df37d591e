/* tests/sim/checks_log.c: log matching by induction (every entry that shares index and term has the
 * same content and the same entry before it), and the one record of what was committed. */
#include "sim/checks_part.h"

#include <inttypes.h>
#include <string.h>

#include "sim/alloc.h"
#include "sim/history.h"
#include "sim/lines.h"
#include "sim/node.h"

struct log_record {
    uint64_t index, term, previous_term;
    enum raft_entry_kind kind;
    struct raft_buf *data;
};

static size_t hash_place(uint64_t index, uint64_t term, size_t room)
{
    uint64_t h = (index * 0x9e3779b97f4a7c15u) ^ (term * 0xc2b2ae3d27d4eb4fu);
    return (size_t)((h ^ (h >> 29)) * 0x9e3779b97f4a7c15u >> 20) & (room - 1);
}

static struct log_record *place_of(struct log_records *logs, uint64_t index, uint64_t term)
{
    size_t at = hash_place(index, term, logs->room);
    while (logs->slots[at].index != 0 &&
           (logs->slots[at].index != index || logs->slots[at].term != term))
        at = (at + 1) & (logs->room - 1);
    return &logs->slots[at];
}

static void make_room(struct log_records *logs)
{
    if (logs->room > 0 && logs->count * 2 < logs->room)
        return;
    struct log_records next = {.room = logs->room > 0 ? logs->room * 4 : 4096,
                               .count = logs->count};
    next.slots = sim_new(next.room * sizeof *next.slots);
    for (size_t i = 0; i < logs->room; i++) {
        if (logs->slots[i].index != 0)
            *place_of(&next, logs->slots[i].index, logs->slots[i].term) = logs->slots[i];
    }
    sim_free(logs->slots);
    *logs = next;
}

void checks__logs_free(struct log_records *logs)
{
    for (size_t i = 0; i < logs->room; i++)
        raft_buf_unref(logs->slots[i].data);
    sim_free(logs->slots);
}

static bool has_same_data(const struct raft_buf *a, const struct raft_buf *b)
{
    if (a == b)
        return true;
    return a != NULL && b != NULL && a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void check_matching(struct node *node, const struct raft_entry *entry,
                           uint64_t previous_term)
{
    struct log_records *logs = &node->world->checks->logs;
    make_room(logs);
    struct log_record *record = place_of(logs, entry->index, entry->term);
    if (record->index == 0) {
        *record = (struct log_record){.index = entry->index,
                                      .term = entry->term,
                                      .previous_term = previous_term,
                                      .kind = entry->kind,
                                      .data = raft_buf_ref(entry->data)};
        logs->count++;
        return;
    }
    if (record->previous_term != previous_term || record->kind != entry->kind ||
        !has_same_data(record->data, entry->data))
        world_fail(node->world, "log matching",
                   "n%u holds another %" PRIu64 "/%" PRIu64 " than was seen before, or other "
                   "entries before it",
                   node->slot, entry->index, entry->term);
}

/* §4.1 and the correction of 2015: a leader begins a change only when no other is under way and an
 * entry of its own term is committed; else two majorities could be without a common member. */
static void check_change(struct node *node, const struct raft_entry *entry)
{
    const struct log *view = &node->disk.view;
    uint64_t commit = node->seen.commit;
    if (entry->kind != RAFT_ENTRY_CONF || raft_role_of(node->raft) != RAFT_LEADER)
        return;
    if (log_term(view, commit) != entry->term)
        world_fail(node->world, "members change after an entry of the leader's term is committed",
                   "n%u changes members at %" PRIu64 "/%" PRIu64 ", committed is %" PRIu64,
                   node->slot, entry->index, entry->term, commit);
    for (uint64_t i = entry->index - 1; i > commit && i > view->base_index; i--) {
        const struct raft_entry *other = log_find(view, i);
        if (other != NULL && other->kind == RAFT_ENTRY_CONF)
            world_fail(node->world, "one membership change at a time",
                       "n%u changes members at %" PRIu64 " and %" PRIu64 ", committed is %" PRIu64,
                       node->slot, i, entry->index, commit);
    }
}

void checks__log_write(struct node *node, const struct raft_update *update)
{
    if (update->entry_count == 0)
        return;
    const struct log *view = &node->disk.view;
    const struct raft_entry *first = &update->entries[0];
    uint64_t last = first->index + update->entry_count - 1;
    uint64_t held = log_term(view, first->index);
    if (first->index <= view->base_index)
        world_fail(node->world, "a committed entry is never replaced",
                   "n%u writes %" PRIu64 ", its log begins behind %" PRIu64, node->slot,
                   first->index, view->base_index);
    else if (held != 0 && held != first->term && first->index <= node->seen.commit)
        world_fail(node->world, "a committed entry is never replaced",
                   "n%u replaces %" PRIu64 "/%" PRIu64 " by term %" PRIu64, node->slot,
                   first->index, held, first->term);
    else if (held == first->term && last < log_last(view))
        world_fail(node->world, "a log is cut only at a conflict",
                   "n%u cuts at %" PRIu64 " although it holds it from term %" PRIu64, node->slot,
                   last, held);
    uint64_t previous_term = log_term(view, first->index - 1);
    for (uint32_t i = 0; i < update->entry_count && !node->world->has_failed; i++) {
        check_matching(node, &update->entries[i], previous_term);
        check_change(node, &update->entries[i]);
        previous_term = update->entries[i].term;
    }
}

/* How many of the leader's voters would still have @index after a power loss now? */
static void check_durable_quorum(struct node *leader, const struct raft_entry *entry)
{
    const struct raft_conf *conf = raft_conf_of(leader->raft);
    uint32_t durable = 0;
    for (uint32_t i = 0; i < conf->count; i++) {
        struct node *member = world_find(leader->world, conf->members[i].id);
        if (member == NULL || conf->members[i].role != RAFT_VOTER)
            continue;
        const struct log *log = &member->disk.synced;
        if (entry->index <= log->base_index || log_term(log, entry->index) == entry->term)
            durable++;
    }
    if (durable <= raft_conf_voters(conf) / 2)
        world_fail(leader->world, "what is committed is durable on a quorum",
                   "n%u commits %" PRIu64 "/%" PRIu64 " that %u of %u voters have", leader->slot,
                   entry->index, entry->term, durable, raft_conf_voters(conf));
}

/* Votes are asked for and given within one line only. */
static bool is_of_one_recovery(const struct node *a, const struct node *b)
{
    return lines_of_term(a->world, a->disk.view_hard_state.term) ==
           lines_of_term(b->world, b->disk.view_hard_state.term);
}

/* §3.6.1: would @voter take @candidate's log for new enough? */
static bool would_vote(const struct node *voter, const struct node *candidate)
{
    const struct log *own = &voter->disk.view, *other = &candidate->disk.view;
    if (!is_of_one_recovery(voter, candidate))
        return false;
    uint64_t own_term = log_term(own, log_last(own));
    uint64_t other_term = log_term(other, log_last(other));
    if (own_term != other_term)
        return other_term > own_term;
    return log_last(other) >= log_last(own);
}

static bool could_win(struct node *leader, const struct node *candidate)
{
    const struct raft_conf *conf = raft_conf_of(leader->raft);
    uint32_t votes = 0;
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct node *voter = world_find(leader->world, conf->members[i].id);
        votes +=
            voter != NULL && conf->members[i].role == RAFT_VOTER && would_vote(voter, candidate);
    }
    return votes > raft_conf_voters(conf) / 2;
}

/* Figure 3.7 (d) of the thesis, seen before it happens: nobody who lacks a committed entry has a
 * log that a quorum would vote for. */
static void check_election_safe(struct node *leader, const struct raft_entry *entry)
{
    const struct raft_conf *conf = raft_conf_of(leader->raft);
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct node *member = world_find(leader->world, conf->members[i].id);
        if (member == NULL || conf->members[i].role != RAFT_VOTER)
            continue;
        const struct log *view = &member->disk.view;
        bool lacks = entry->index > view->base_index && log_term(view, entry->index) != entry->term;
        if (lacks && could_win(leader, member))
            world_fail(leader->world, "no election can lose what is committed",
                       "n%u commits %" PRIu64 "/%" PRIu64 ", which n%u lacks and can win without",
                       leader->slot, entry->index, entry->term, member->slot);
    }
}

static void note_committed(struct node *node, const struct raft_entry *entry, bool is_last)
{
    struct world *world = node->world;
    if (entry->index <= history_last(node->history)) {
        uint64_t term = history_term(node->history, entry->index);
        if (term != entry->term)
            world_fail(world, "one entry is committed at an index",
                       "n%u commits %" PRIu64 "/%" PRIu64 ", before it was term %" PRIu64,
                       node->slot, entry->index, entry->term, term);
        return;
    }
    bool led = node->seen.role == RAFT_LEADER; /* it may have stepped down by what it committed */
    if (!led && raft_role_of(node->raft) != RAFT_LEADER)
        world_fail(world, "the leader commits first", "n%u, a %s, takes %" PRIu64 " for committed",
                   node->slot, node_role_name(raft_role_of(node->raft)), entry->index);
    else if (is_last) {
        check_durable_quorum(node, entry);
        check_election_safe(node, entry);
    }
    history_commit(node->history, entry, raft_term(node->raft));
}

void checks__commit(struct node *node)
{
    struct node_seen *seen = &node->seen;
    uint64_t commit = raft_commit_index(node->raft);
    if (commit < seen->commit || commit > raft_last_index(node->raft))
        world_fail(node->world, "the commit index grows within the log",
                   "n%u goes from %" PRIu64 " to %" PRIu64 ", its log ends at %" PRIu64, node->slot,
                   seen->commit, commit, raft_last_index(node->raft));
    const struct log *view = &node->disk.view;
    bool has_counted = seen->role == RAFT_LEADER && seen->term == raft_term(node->raft);
    if (has_counted && commit > seen->commit && log_term(view, commit) != seen->term)
        world_fail(node->world, "only entries of the own term are committed by counting",
                   "n%u leads term %" PRIu64 " and commits %" PRIu64 "/%" PRIu64, node->slot,
                   seen->term, commit, log_term(view, commit));
    uint64_t index = seen->commit > view->base_index ? seen->commit : view->base_index;
    while (index < commit && !node->world->has_failed) {
        const struct raft_entry *entry = log_find(view, ++index);
        SIM_ASSERT(entry != NULL);
        note_committed(node, entry, index == commit);
    }
    seen->commit = commit;
}
