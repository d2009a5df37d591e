/* tests/sim/checks_election.c: terms, votes and leaders. */
#include "sim/checks_part.h"

#include <inttypes.h>
#include <string.h>

#include "sim/history.h"
#include "sim/node.h"

void checks_hard_state_durable(struct node *node, const struct raft_hard_state *hard_state)
{
    if (hard_state->voted_for == 0)
        return;
    raft_id *vote = &checks__term(node->world, hard_state->term)->votes[node->slot];
    if (*vote != 0 && *vote != hard_state->voted_for)
        world_fail(node->world, "one vote in a term", "n%u votes twice in term %" PRIu64,
                   node->slot, hard_state->term);
    *vote = hard_state->voted_for;
}

/* Votes that a power loss now would not take back, of voters only. */
static void check_votes(struct node *node)
{
    const struct raft_conf *conf = raft_conf_of(node->raft);
    const struct term_record *record = checks__term(node->world, raft_term(node->raft));
    uint32_t votes = 0;
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct node *member = world_find(node->world, conf->members[i].id);
        if (member != NULL && conf->members[i].role == RAFT_VOTER &&
            record->votes[member->slot] == node->id)
            votes++;
    }
    if (votes <= raft_conf_voters(conf) / 2)
        world_fail(node->world, "a quorum of voters elects, durably",
                   "n%u leads term %" PRIu64 " by %u votes of %u voters", node->slot,
                   raft_term(node->raft), votes, raft_conf_voters(conf));
}

/* What was committed in earlier terms is in the new leader's log; by log matching it is enough to
 * look at the last of it. */
static void check_completeness(struct node *node)
{
    const struct history *history = node->history;
    uint64_t index = history_last(history);
    while (index > 0 && history_commit_term(history, index) >= raft_term(node->raft))
        index--;
    const struct log *view = &node->disk.view;
    if (index > view->base_index && log_term(view, index) != history_term(history, index))
        world_fail(node->world, "leader completeness",
                   "n%u leads term %" PRIu64 " without the committed %" PRIu64 "/%" PRIu64,
                   node->slot, raft_term(node->raft), index, history_term(history, index));
}

static bool is_voter_in(const struct raft_conf *conf, raft_id id)
{
    const struct raft_member *member = conf != NULL ? raft_conf_find(conf, id) : NULL;
    return member != NULL && member->role == RAFT_VOTER;
}

/* A voter goes on until it knows the entry that takes its vote away to be committed, thesis §4.2.2:
 * any membership from its commit index on may make it one. */
static bool is_voter(const struct node *node)
{
    uint64_t index =
        node->seen.commit > node->seen.applied ? node->seen.commit : node->seen.applied;
    const struct log *view = &node->disk.view;
    if (is_voter_in(raft_conf_of(node->raft), node->id) ||
        is_voter_in(history_conf_at(node->history, index), node->id))
        return true;
    while (index++ < log_last(view)) {
        const struct raft_entry *entry = log_find(view, index);
        struct raft_conf conf;
        struct raft_conf_change change;
        const uint8_t *context;
        size_t len;
        if (entry != NULL && entry->kind == RAFT_ENTRY_CONF &&
            raft_conf_entry_decode(entry->data, &conf, &change, &context, &len) == 0 &&
            is_voter_in(&conf, node->id))
            return true;
    }
    return false;
}

/* Other voters count from now on: a leader has from here to hear them. */
void checks_conf_changed(struct node *node)
{
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        node->seen.contact_mono_ms[i] = node_now_mono_ms(node);
}

static void on_elected(struct node *node)
{
    struct node_seen *seen = &node->seen;
    if (!is_voter(node))
        world_fail(node->world, "learners never lead", "n%u leads term %" PRIu64, node->slot,
                   raft_term(node->raft));
    check_votes(node);
    check_completeness(node);
    checks_conf_changed(node);
    memset(seen->appends_open, 0, sizeof seen->appends_open);
}

void checks__election(struct node *node)
{
    struct world *world = node->world;
    struct checks *checks = world->checks;
    enum raft_role role = raft_role_of(node->raft);
    uint64_t term = raft_term(node->raft);
    if (checks->is_quiet && term > checks->quiet_term)
        world_fail(world, "a returning node does not depose a healthy leader",
                   "n%u raises the term from %" PRIu64 " to %" PRIu64, node->slot,
                   checks->quiet_term, term);
    if (role == RAFT_FOLLOWER || (role == node->seen.role && term == node->seen.term))
        return;
    if (role != RAFT_LEADER) {
        if (!is_voter(node))
            world_fail(world, "learners never campaign", "n%u in term %" PRIu64, node->slot, term);
        return;
    }
    struct term_record *record = checks__term(world, term);
    if (record->leader != 0 && record->leader != node->id)
        world_fail(world, "one leader in a term", "n%u and %016" PRIx64 " lead term %" PRIu64,
                   node->slot, record->leader, term);
    record->leader = node->id;
    on_elected(node);
}

/* When did a quorum, this leader included, last say something? */
static uint64_t quorum_contact_ms(const struct node *node)
{
    const struct raft_conf *conf = raft_conf_of(node->raft);
    uint32_t need = raft_conf_voters(conf) / 2 + 1;
    uint64_t newest = UINT64_MAX;
    for (uint32_t found = 0; found < need;) {
        uint64_t best = 0;
        uint32_t at_best = 0;
        for (uint32_t i = 0; i < conf->count; i++) {
            const struct node *member = world_find(node->world, conf->members[i].id);
            if (member == NULL || conf->members[i].role != RAFT_VOTER)
                continue;
            uint64_t heard =
                member == node ? node_now_mono_ms(node) : node->seen.contact_mono_ms[member->slot];
            if (heard < newest && heard > best) {
                best = heard;
                at_best = 0;
            }
            at_best += heard == best;
        }
        if (at_best == 0)
            break;
        found += at_best;
        newest = best;
    }
    return newest;
}

/* A leader has begun a change of members: those who vote after it can commit it. */
void checks__change(struct node *node, const struct raft_update *update)
{
    uint64_t term = raft_term(node->raft), now_ms = node_now_mono_ms(node);
    bool is_begun = false;
    for (uint32_t i = 0; i < update->entry_count; i++)
        is_begun |= update->entries[i].kind == RAFT_ENTRY_CONF && update->entries[i].term == term;
    if (!is_begun || raft_role_of(node->raft) != RAFT_LEADER)
        return;
    uint64_t heard_ms = quorum_contact_ms(node);
    if (now_ms - heard_ms > node->world->profile.election_ms)
        world_fail(node->world, "a change leaves a quorum that answers",
                   "n%u begins one in term %" PRIu64 " and has not heard a quorum for %" PRIu64
                   " ms",
                   node->slot, term, now_ms - heard_ms);
}

void checks_on_tick(struct node *node)
{
    struct world *world = node->world;
    if (raft_role_of(node->raft) != RAFT_LEADER)
        return;
    uint64_t limit_ms = 3 * world->profile.election_ms;
    uint64_t now_ms = node_now_mono_ms(node);
    bool was_paused = world->now_us < node->stalled_until_us + limit_ms * SIM_MS * 2;
    uint64_t heard_ms = quorum_contact_ms(node);
    if (!was_paused && now_ms > heard_ms && now_ms - heard_ms > limit_ms)
        world_fail(world, "a leader without a quorum steps down",
                   "n%u leads term %" PRIu64 " and has not heard a quorum for %" PRIu64 " ms",
                   node->slot, raft_term(node->raft), now_ms - heard_ms);
}

void checks_quiet_begin(struct world *world)
{
    world->checks->is_quiet = true;
    world->checks->quiet_term = 0;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i];
        if (node_is_up(node) && raft_term(node->raft) > world->checks->quiet_term)
            world->checks->quiet_term = raft_term(node->raft);
    }
    TRACE(world, "quiet: term %" PRIu64 " must not rise", world->checks->quiet_term);
}

void checks_quiet_end(struct world *world)
{
    world->checks->is_quiet = false;
}

bool checks_is_quiet(const struct world *world)
{
    return world->checks->is_quiet;
}
