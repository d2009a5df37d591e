/* tests/sim/recovery.c: disasters, and what an operator does about them. */
#include "sim/recovery.h"

#include <inttypes.h>

#include "cluster/recover_plan.h"
#include "sim/alloc.h"
#include "sim/history.h"
#include "sim/lines.h"
#include "sim/members.h"
#include "sim/node.h"

#define DISASTER_LAST_US (34 * SIM_S) /* later, there is no time to recover before the healing */
#define UNSEEN_PM 150                 /* a survivor's admin port does not answer */
#define STOP_BETTER_PM 300            /* the operator stops a survivor that has more */

/* What `quartet cluster recover` has decided on; the copy is being made. */
struct attempt {
    struct recover_member members[RAFT_MEMBERS_MAX];
    unsigned count;
    struct recover_plan plan;
};

struct recovery {
    bool is_struck; /* a disaster that is not over */
};

static void on_disaster(struct world *world, const struct event *event);
static void on_operator(struct world *world, const struct event *event);

static void later(struct world *world, uint64_t delay_ms, event_cb run, uint64_t number)
{
    world_after(world, (struct event){.at_us = delay_ms * SIM_MS, .run = run, .number = number});
}

struct recovery *recovery_start(struct world *world)
{
    struct recovery *recovery = sim_new(sizeof *recovery);
    uint32_t mean_ms = world->profile.disaster_ms;
    world->recovery = recovery;
    if (mean_ms > 0)
        later(world, rng_between(&world->rng, 1000, 2 * mean_ms), on_disaster, 0);
    return recovery;
}

void recovery_free(struct recovery *recovery)
{
    sim_free(recovery);
}

bool recovery_is_due(const struct world *world)
{
    return world->recovery->is_struck;
}

static bool is_left(const struct node *node)
{
    return node != NULL && !node->is_gone && !node->is_lost && !node->is_apart;
}

/* Can it be recovered from, if nobody else can? */
static bool may_survive(const struct node *node)
{
    return is_left(node) && node_is_running(node) && lines_is_current(node) &&
           raft_conf_find(raft_conf_of(node->raft), node->id) != NULL;
}

static bool has_other_survivor(const struct world *world, const struct node *node)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i] != node && may_survive(world->nodes[i]))
            return true;
    }
    return false;
}

static uint32_t voters_left(struct world *world, const struct raft_conf *conf)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < conf->count; i++)
        left +=
            conf->members[i].role == RAFT_VOTER && is_left(world_find(world, conf->members[i].id));
    return left;
}

/* Its disk is gone; it is off; or it goes on, with the others that are, behind a wall. */
static void lose(struct node *node, bool is_wall)
{
    uint64_t dice = rng_below(&node->world->rng, 100);
    if (is_wall) {
        node->is_apart = true;
    } else {
        node_crash(node);
        node->is_gone = dice < 30;
        node->is_lost = !node->is_gone;
    }
    TRACE(node->world, "n%u is lost: %s", node->slot,
          is_wall         ? "behind the wall"
          : node->is_gone ? "wiped"
                          : "off");
}

static void on_return(struct world *world, const struct event *event)
{
    (void)event;
    TRACE(world, "the lost come back");
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[i];
        node->is_lost = node->is_apart = false;
        if (!node->is_retired)
            node_start(node);
    }
}

/* Lose voters in any order until no quorum is left, and some learners; somebody stays. */
static void strike(struct world *world, const struct raft_conf *conf)
{
    bool is_wall = rng_chance(&world->rng, 400);
    uint32_t start = (uint32_t)rng_below(&world->rng, conf->count);
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct raft_member *member = &conf->members[(start + i) % conf->count];
        struct node *node = world_find(world, member->id);
        bool is_enough = voters_left(world, conf) <= raft_conf_voters(conf) / 2;
        if (!is_left(node) || !has_other_survivor(world, node) ||
            (member->role == RAFT_VOTER ? is_enough : !rng_chance(&world->rng, 200)))
            continue;
        lose(node, is_wall);
    }
}

static void on_disaster(struct world *world, const struct event *event)
{
    struct recovery *recovery = world->recovery;
    const struct raft_conf *conf = members_committed(world);
    (void)event;
    if (world->now_us > DISASTER_LAST_US)
        return;
    later(world, rng_between(&world->rng, 1000, 4 * world->profile.disaster_ms), on_disaster, 0);
    if (recovery->is_struck || conf == NULL || conf->count < 2 || !lines_have_room(world))
        return;
    /* Copied, for what follows may change it. */
    struct raft_conf struck = *conf;
    strike(world, &struck);
    recovery->is_struck = true;
    if (rng_chance(&world->rng, 850))
        later(world, rng_between(&world->rng, 300, 12000), on_return, 0);
    later(world, rng_between(&world->rng, 100, 3000), on_operator, 0);
}

static void add_member(struct attempt *attempt, struct node *self, struct node *other)
{
    const struct raft_member *member = raft_conf_find(raft_conf_of(self->raft), other->id);
    bool answers = node_is_running(other) && is_left(other) &&
                   (other == self || !rng_chance(&self->world->rng, UNSEEN_PM));
    struct recover_member *out = &attempt->members[attempt->count++];
    *out = (struct recover_member){.id = other->id,
                                   .name = "a node",
                                   .admin_address = "its address",
                                   .is_self = other == self,
                                   .is_voter = member->role == RAFT_VOTER,
                                   .answers = answers};
    if (!answers)
        return;
    out->is_quarantined = other->is_quarantined;
    out->leader = raft_leader(other->raft);
    out->term = raft_term(other->raft);
    out->last_term = raft_last_term(other->raft);
    out->last_index = raft_last_index(other->raft);
    out->applied_index = other->seen.applied;
}

/* Ask all; the node itself comes first. */
static void survey(struct node *self, struct attempt *out)
{
    const struct raft_conf *conf = raft_conf_of(self->raft);
    add_member(out, self, self);
    for (uint32_t i = 0; i < conf->count; i++) {
        struct node *other = world_find(self->world, conf->members[i].id);
        if (other != self && other != NULL)
            add_member(out, self, other);
    }
}

/* What a plan permits loses nothing that any who answered has committed. */
static void check_plan(struct node *self, const struct attempt *attempt)
{
    const struct log *view = &self->disk.view;
    for (unsigned i = 0; i < attempt->count; i++) {
        const struct node *other = world_find(self->world, attempt->members[i].id);
        uint64_t commit = other->seen.commit;
        if (!attempt->members[i].answers)
            continue;
        if (commit > log_last(view) ||
            (commit > view->base_index &&
             log_term(view, commit) != history_term(other->history, commit)))
            world_fail(self->world, "a recovery loses nothing that a survivor has committed",
                       "n%u may recover without %" PRIu64 ", which n%u has committed", self->slot,
                       commit, other->slot);
    }
}

static void fill_conf(const struct attempt *attempt, struct raft_conf *out)
{
    *out = (struct raft_conf){0};
    for (unsigned i = 0; i < attempt->count; i++) {
        const struct recover_member *member = &attempt->members[i];
        uint32_t at = out->count;
        if (!member->answers)
            continue;
        for (; at > 0 && out->members[at - 1].id > member->id; at--)
            out->members[at] = out->members[at - 1];
        out->members[at] =
            (struct raft_member){member->id, member->is_self ? RAFT_VOTER : RAFT_LEARNER};
        out->count++;
    }
}

static int recover(struct node *node, uint64_t term, const struct raft_conf *conf)
{
    return node_step(node,
                     &(struct raft_event){.kind = RAFT_EVENT_RECOVER, .term = term, .conf = conf});
}

/* The copy is made: is the log still what it was? */
static void on_copied(struct world *world, const struct event *event)
{
    struct node *node = event->node;
    const struct attempt *attempt = event->data;
    struct raft_conf conf;
    if (raft_leader(node->raft) == 0 && lines_have_room(world) &&
        raft_last_term(node->raft) == attempt->members[0].last_term &&
        raft_last_index(node->raft) == attempt->members[0].last_index) {
        uint64_t term = raft_recovery_term(attempt->plan.generation, rng_next(&world->rng));
        fill_conf(attempt, &conf);
        lines_fork(node, term);
        int code = recover(node, term, &conf);
        TRACE(world, "n%u recovers in term %" PRIu64 " with %u members: %s", node->slot, term,
              conf.count, code == 0 ? "done" : raft_error_text(code));
    }
    sim_free(event->data);
}

/* "To do without what only X has, stop it first." */
static void stop_better(struct world *world, const struct attempt *attempt)
{
    const struct recover_member *self = &attempt->members[0];
    for (unsigned i = 1; i < attempt->count; i++) {
        const struct recover_member *member = &attempt->members[i];
        struct node *node = world_find(world, member->id);
        bool is_better = member->last_term != self->last_term
                             ? member->last_term > self->last_term
                             : member->last_index > self->last_index;
        if (!member->answers || !is_better)
            continue;
        TRACE(world, "n%u has more, and is stopped", node->slot);
        node_crash(node);
        node->is_lost = true;
    }
}

static void try_recover(struct node *node)
{
    struct world *world = node->world;
    struct attempt *attempt = sim_new(sizeof *attempt);
    survey(node, attempt);
    int code = recover_plan(attempt->members, attempt->count, &attempt->plan);
    TRACE(world, "operator: may n%u recover? %s", node->slot,
          code == 0 ? "yes" : attempt->plan.refusal);
    if (code == 0) {
        check_plan(node, attempt);
        uint64_t copy_ms = rng_chance(&world->rng, 500) ? 2000 : 200;
        world_after(world, (struct event){.at_us = rng_between(&world->rng, 1, copy_ms) * SIM_MS,
                                          .run = on_copied,
                                          .drop = sim_free,
                                          .node = node,
                                          .data = attempt});
        return;
    }
    if (rng_chance(&world->rng, STOP_BETTER_PM))
        stop_better(world, attempt);
    sim_free(attempt);
}

static struct node *draw_survivor(struct world *world)
{
    uint32_t start = (uint32_t)rng_below(&world->rng, world->node_count);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[(start + i) % world->node_count];
        if (may_survive(node))
            return node;
    }
    return NULL;
}

static void must_refuse(struct node *node, uint64_t term, const struct raft_conf *conf,
                        const char *why)
{
    if (node_is_up(node) && recover(node, term, conf) == 0)
        world_fail(node->world, "a recovery that is not safe is refused", "n%u, %s", node->slot,
                   why);
}

/* What no plan asks for, but an operator's tool might. */
static void give_wrong_orders(struct node *node)
{
    const struct raft_conf *now = raft_conf_of(node->raft);
    const struct raft_member *other = &now->members[now->members[0].id == node->id];
    uint64_t term = raft_recovery_term(raft_generation(raft_term(node->raft)) + 1, 0);
    struct raft_conf alone = {.count = 1, .members = {{node->id, RAFT_VOTER}}};
    struct raft_conf stranger = {.count = 2,
                                 .members = {{node->id, RAFT_VOTER}, {UINT64_MAX, RAFT_LEARNER}}};
    struct raft_conf two = {.count = 2};
    uint32_t at = node->id > other->id;
    if (raft_conf_find(now, node->id) == NULL)
        return;
    if (raft_role_of(node->raft) == RAFT_LEADER || node->is_quarantined)
        must_refuse(node, term, &alone, "which leads or is quarantined");
    must_refuse(node, raft_term(node->raft) + 1, &alone, "into its own generation");
    must_refuse(node, term, &stranger, "with a member that it did not have");
    if (now->count < 2)
        return;
    two.members[at] = (struct raft_member){node->id, RAFT_VOTER};
    two.members[1 - at] = (struct raft_member){other->id, RAFT_VOTER};
    must_refuse(node, term, &two, "with two voters");
}

static bool has_quorum_left(struct world *world, const struct raft_conf *conf)
{
    return voters_left(world, conf) > raft_conf_voters(conf) / 2;
}

static const struct node *newest_survivor(const struct world *world)
{
    const struct node *newest = NULL;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i];
        if (!may_survive(node))
            continue;
        uint64_t term = raft_last_term(node->raft);
        uint64_t best = newest != NULL ? raft_last_term(newest->raft) : 0;
        if (newest == NULL || term > best ||
            (term == best && raft_last_index(node->raft) > raft_last_index(newest->raft)))
            newest = node;
    }
    return newest;
}

/* A change of members that was begun is in force where it is in the log, committed or not, and may
 * need a voter that is gone. */
static bool is_over(struct world *world)
{
    const struct raft_conf *conf = members_committed(world);
    const struct node *newest = newest_survivor(world);
    return conf != NULL && newest != NULL && has_quorum_left(world, conf) &&
           has_quorum_left(world, raft_conf_of(newest->raft));
}

static void on_operator(struct world *world, const struct event *event)
{
    (void)event;
    if (is_over(world)) {
        TRACE(world, "operator: the disaster is over");
        world->recovery->is_struck = false;
        return;
    }
    struct node *leader = world_leader(world);
    if (leader != NULL && node_is_running(leader))
        give_wrong_orders(leader);
    struct node *node = draw_survivor(world);
    if (node != NULL) {
        give_wrong_orders(node);
        try_recover(node);
    }
    later(world, rng_between(&world->rng, 100, 900), on_operator, 0);
}
