/* tests/sim/members.c: membership changes as an operator would ask for them, at any time, also at
 * the wrong one. */
#include "sim/members.h"

#include <inttypes.h>

#include "sim/alloc.h"
#include "sim/checks.h"
#include "sim/history.h"
#include "sim/lines.h"
#include "sim/node.h"
#include "sim/recovery.h"

#define LAG_MAX 50 /* entries that a learner may lack when it becomes a voter */

struct members {
    uint32_t wanted; /* voters and learners that the cluster is to grow to */
};

static void on_operator(struct world *world, const struct event *event);

static raft_id draw_id(struct world *world)
{
    return rng_next(&world->rng) | 1;
}

static struct raft_entry first_entry(const struct raft_conf *conf)
{
    struct raft_conf_change change = {.kind = RAFT_CONF_UPDATE, .id = conf->members[0].id};
    struct raft_entry entry = {.index = 1, .term = 1, .kind = RAFT_ENTRY_CONF};
    entry.data = raft_conf_entry_encode(conf, &change);
    SIM_ASSERT(entry.data != NULL);
    return entry;
}

static void draw_members(struct world *world, struct raft_conf *conf)
{
    const struct profile *profile = &world->profile;
    uint32_t voters = profile->grows ? 1 : profile->voters;
    uint32_t learners = profile->grows ? 0 : profile->learners;
    for (uint32_t i = 0; i < voters + learners; i++) {
        struct raft_member member = {draw_id(world), i < voters ? RAFT_VOTER : RAFT_LEARNER};
        uint32_t at = conf->count++;
        for (; at > 0 && conf->members[at - 1].id > member.id; at--)
            conf->members[at] = conf->members[at - 1];
        conf->members[at] = member;
    }
}

static void schedule(struct world *world)
{
    uint64_t gap_ms = world->profile.change_ms > 0 ? world->profile.change_ms : 1000;
    gap_ms = world_is_healing(world) ? 100 : rng_between(&world->rng, 1, 2 * gap_ms);
    world_after(world, (struct event){.at_us = gap_ms * SIM_MS, .run = on_operator});
}

struct members *members_start(struct world *world)
{
    struct members *members = sim_new(sizeof *members);
    members->wanted = world->profile.voters + world->profile.learners;
    struct raft_conf conf = {0};
    draw_members(world, &conf);
    struct raft_entry first = first_entry(&conf);
    for (uint32_t i = 0; i < conf.count; i++) {
        struct node *node = node_new(world, &first);
        node->id = conf.members[i].id;
        world_after(world, (struct event){.at_us = rng_below(&world->rng, 50 * SIM_MS),
                                          .run = members_start_node,
                                          .number = node->slot});
    }
    raft_buf_unref(first.data);
    schedule(world);
    return members;
}

void members_start_node(struct world *world, const struct event *event)
{
    struct node *node = world->nodes[event->number];
    if (!node->is_retired)
        node_start(node);
}

void members_free(struct members *members)
{
    sim_free(members);
}

const struct raft_conf *members_committed(const struct world *world)
{
    return history_conf_at(world->history, history_last(world->history));
}

bool members_has(const struct world *world, raft_id id)
{
    const struct raft_conf *conf = members_committed(world);
    return conf != NULL && raft_conf_find(conf, id) != NULL;
}

bool members_has_voter(const struct world *world, raft_id id)
{
    const struct raft_conf *conf = members_committed(world);
    const struct raft_member *member = conf != NULL ? raft_conf_find(conf, id) : NULL;
    return member != NULL && member->role == RAFT_VOTER;
}

static bool has_open_change(const struct log *log, uint64_t committed)
{
    for (uint64_t i = log_last(log); i > committed && i > log->base_index; i--) {
        if (log_find(log, i)->kind == RAFT_ENTRY_CONF)
            return true;
    }
    return false;
}

bool members_is_settled(const struct world *world)
{
    uint64_t committed = history_last(world->history);
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct disk *disk = &world->nodes[i]->disk;
        if (!lines_is_current(world->nodes[i]))
            continue;
        if (has_open_change(&disk->synced, committed) || has_open_change(&disk->view, committed))
            return false;
    }
    return true;
}

/* Nobody will start it again. One that was shut down after its removal is a member anew if a
 * recovery took the removal back. */
static bool is_off_for_good(const struct node *node)
{
    return node->is_gone || node->is_retired;
}

static struct node *find_gone(const struct world *world)
{
    const struct raft_conf *conf = members_committed(world);
    for (uint32_t i = 0; conf != NULL && i < world->node_count; i++) {
        struct node *node = world->nodes[i];
        if (is_off_for_good(node) && raft_conf_find(conf, node->id) != NULL)
            return node;
    }
    return NULL;
}

static void change(struct node *leader, enum raft_conf_change_kind kind, raft_id id)
{
    static const char *const verbs[] = {"", "add", "promote", "demote", "remove", "update"};
    const struct node *node = world_find(leader->world, id);
    if (kind == RAFT_CONF_PROMOTE && is_off_for_good(node))
        return; /* it answered a moment ago, but is known to be gone: its vote would be missing */
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE_CONF, .change = {.kind = kind, .id = id}};
    event.change.context = machine_member_context(id);
    int code = node_step(leader, &event);
    raft_buf_unref(event.change.context);
    TRACE(leader->world, "operator: n%u is asked to %s %016" PRIx64 ": %s", leader->slot,
          verbs[kind], id, code == 0 ? "proposed" : raft_error_text(code));
}

static void add_node(struct world *world, struct node *leader)
{
    struct node *node = NULL;
    const struct raft_conf *conf = members_committed(world);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct node *other = world->nodes[i]; /* one that was made, but is not a member yet */
        if (!other->is_gone && !other->is_retired && !other->was_member &&
            raft_conf_find(conf, other->id) == NULL)
            node = other;
    }
    if (node == NULL) {
        if (world->node_count == SIM_NODES_MAX)
            return;
        node = node_new(world, NULL);
        node->id = draw_id(world);
        node_start(node);
    }
    change(leader, RAFT_CONF_ADD_LEARNER, node->id);
}

static bool is_caught_up(const struct node *leader, raft_id id)
{
    struct raft_progress progress;
    return raft_progress_of(leader->raft, id, &progress) == 0 && !progress.is_snapshotting &&
           progress.match_index + LAG_MAX >= raft_last_index(leader->raft);
}

static const struct raft_member *draw_member(struct world *world, const struct raft_conf *conf,
                                             enum raft_member_role role)
{
    uint32_t start = (uint32_t)rng_below(&world->rng, conf->count);
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct raft_member *member = &conf->members[(start + i) % conf->count];
        if (member->role == role)
            return member;
    }
    return NULL;
}

/* A voter's disk is lost. Only when the others have a quorum in every configuration that any log
 * holds, for nothing else can be survived. */
static void lose_disk(struct world *world, const struct raft_conf *conf)
{
    const struct raft_member *member = draw_member(world, conf, RAFT_VOTER);
    if (raft_conf_voters(conf) < 3 || !members_is_settled(world) || world_is_healing(world))
        return;
    struct node *node = world_find(world, member->id);
    TRACE(world, "n%u loses its disk for good", node->slot);
    node_crash(node);
    node->is_gone = true;
}

/* With a lost node, only what brings the cluster nearer to a quorum of the living. */
static void repair(struct world *world, struct node *leader, const struct node *gone)
{
    const struct raft_conf *conf = members_committed(world);
    const struct raft_member *learner = draw_member(world, conf, RAFT_LEARNER);
    if (raft_conf_voters(conf) < 5 && learner != NULL && rng_chance(&world->rng, 300) &&
        is_caught_up(leader, learner->id))
        change(leader, RAFT_CONF_PROMOTE, learner->id);
    else
        change(leader, RAFT_CONF_REMOVE, gone->id);
}

static void random_change(struct world *world, struct node *leader)
{
    const struct raft_conf *conf = members_committed(world);
    uint32_t voters = raft_conf_voters(conf);
    const struct raft_member *voter = draw_member(world, conf, RAFT_VOTER);
    const struct raft_member *learner = draw_member(world, conf, RAFT_LEARNER);
    uint64_t dice = rng_below(&world->rng, 100);
    if (find_gone(world) != NULL)
        return;
    if (conf->count < world->members->wanted || (dice < 20 && conf->count < 7)) {
        if (learner != NULL && dice % 2 == 0 && is_caught_up(leader, learner->id))
            change(leader, RAFT_CONF_PROMOTE, learner->id);
        else
            add_node(world, leader);
    } else if (dice < 50) {
        if (learner != NULL && (is_caught_up(leader, learner->id) || dice < 25))
            change(leader, RAFT_CONF_PROMOTE, learner->id);
    } else if (dice < 65) {
        if (voters > 1)
            change(leader, RAFT_CONF_DEMOTE, voter->id);
    } else if (dice < 80) {
        if (voters > 1)
            change(leader, RAFT_CONF_REMOVE, voter->id);
    } else if (dice < 90) {
        if (learner != NULL)
            change(leader, RAFT_CONF_REMOVE, learner->id);
    } else {
        lose_disk(world, conf);
    }
}

/* A leader whose own state is not to be trusted can give nobody a snapshot: another has to lead. */
static void hand_over(struct world *world, struct node *leader)
{
    const struct raft_conf *conf = members_committed(world);
    const struct raft_member *learner = draw_member(world, conf, RAFT_LEARNER);
    if (raft_conf_voters(conf) > 1)
        (void)node_step(leader, &(struct raft_event){.kind = RAFT_EVENT_TRANSFER});
    else if (learner != NULL && is_caught_up(leader, learner->id))
        change(leader, RAFT_CONF_PROMOTE, learner->id);
}

/* After the healing: lost nodes out, an odd number of voters. */
static void tidy(struct world *world, struct node *leader)
{
    const struct raft_conf *conf = members_committed(world);
    const struct node *gone = find_gone(world);
    const struct raft_member *learner = draw_member(world, conf, RAFT_LEARNER);
    if (!raft_can_change_conf(leader->raft))
        return;
    if (gone != NULL)
        change(leader, RAFT_CONF_REMOVE, gone->id);
    else if (raft_conf_voters(conf) % 2 == 1)
        return;
    else if (learner != NULL && is_caught_up(leader, learner->id))
        change(leader, RAFT_CONF_PROMOTE, learner->id);
    else
        change(leader, RAFT_CONF_DEMOTE, draw_member(world, conf, RAFT_VOTER)->id);
}

/* A removed node is shut down some time after, or never; not while the quorum is lost, for then it
 * may have the only log that is left to recover from. */
static void retire_removed(struct world *world)
{
    const struct raft_conf *conf = members_committed(world);
    for (uint32_t i = 0; conf != NULL && i < world->node_count; i++) {
        struct node *node = world->nodes[i];
        if (raft_conf_find(conf, node->id) != NULL)
            node->was_member = true;
        else if (node->was_member && node_is_up(node) && lines_is_current(node) &&
                 rng_chance(&world->rng, 300) && !recovery_is_due(world)) {
            node_crash(node);
            node->is_retired = true;
        }
    }
}

static void on_operator(struct world *world, const struct event *event)
{
    struct node *leader = world_leader(world);
    (void)event;
    schedule(world);
    retire_removed(world);
    if (leader == NULL || !node_is_running(leader) || members_committed(world) == NULL ||
        checks_is_quiet(world))
        return;
    const struct node *gone = find_gone(world);
    if (leader->is_quarantined) {
        hand_over(world, leader);
    } else if (world_is_healing(world)) {
        tidy(world, leader);
    } else if (gone != NULL) {
        repair(world, leader, gone);
    } else if (world->profile.change_ms > 0) {
        random_change(world, leader);
        if (rng_chance(&world->rng, 200) && node_is_up(leader))
            random_change(world, leader); /* at once, although one is under way */
    }
}

static void on_new_leader(struct world *world, const struct event *event)
{
    if (!world_is_healing(world) && !checks_is_quiet(world) && members_committed(world) != NULL)
        random_change(world, event->node);
}

void members_on_update(struct node *node, const struct raft_update *update)
{
    struct world *world = node->world;
    if (update->conf != NULL)
        TRACE(world, "n%u uses %u members, %u voters", node->slot, update->conf->count,
              raft_conf_voters(update->conf));
    bool is_new = update->role_changed && raft_role_of(node->raft) == RAFT_LEADER;
    if (is_new && world->profile.change_ms > 0 && rng_chance(&world->rng, 300))
        world_after(world, (struct event){.at_us = rng_below(&world->rng, 10 * SIM_MS),
                                          .run = on_new_leader,
                                          .node = node});
}

bool members_is_healthy(const struct world *world)
{
    const struct raft_conf *conf = members_committed(world);
    return conf != NULL && raft_conf_voters(conf) % 2 == 1 && find_gone(world) == NULL;
}
