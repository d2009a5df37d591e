/* tests/sim/adversary.c: draws faults and lets them end. */
#include "sim/adversary.h"

#include <inttypes.h>

#include "sim/alloc.h"
#include "sim/checks.h"
#include "sim/members.h"
#include "sim/net.h"
#include "sim/node.h"
#include "sim/workload.h"

struct adversary {
    uint32_t weight_sum;
};

static void on_fault(struct world *world, const struct event *event);

static void later(struct world *world, uint64_t delay_us, event_cb run, uint64_t number)
{
    world_after(world, (struct event){.at_us = delay_us, .run = run, .number = number});
}

static struct node *draw_node(struct world *world)
{
    uint32_t start = (uint32_t)rng_below(&world->rng, world->node_count);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[(start + i) % world->node_count];
        if (node_is_up(node))
            return node;
    }
    return NULL;
}

/* Down for a moment, or for so long that the others go on without it. */
static void crash(struct world *world, struct node *node)
{
    uint64_t down_ms = rng_chance(&world->rng, 500) ? rng_between(&world->rng, 0, 50)
                                                    : rng_between(&world->rng, 50, 4000);
    node_crash(node);
    later(world, down_ms * SIM_MS, members_start_node, node->slot);
}

static void power_loss(struct world *world)
{
    TRACE(world, "power loss");
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (node_is_up(world->nodes[i]))
            crash(world, world->nodes[i]);
    }
}

static void split(struct world *world)
{
    uint64_t side = rng_next(&world->rng);
    net_mend_all(world);
    TRACE(world, "the network splits: sides %" PRIx64,
          side & ((UINT64_C(1) << world->node_count) - 1));
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        for (uint32_t j = 0; j < SIM_NODES_MAX; j++) {
            if (((side >> i) & 1) != ((side >> j) & 1))
                net_cut(world, i, j);
        }
    }
}

/* @way 0: both directions; 1: nothing gets in; 2: nothing gets out. */
static void isolate(struct world *world, uint32_t slot, uint64_t way)
{
    static const char *const ways[] = {"cut off", "deaf", "mute"};
    TRACE(world, "n%u is %s", slot, ways[way]);
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        if (i != slot && way != 2)
            net_cut(world, i, slot);
        if (i != slot && way != 1)
            net_cut(world, slot, i);
    }
}

static void cut_some_links(struct world *world)
{
    uint64_t count = rng_between(&world->rng, 1, world->node_count * 2);
    TRACE(world, "%" PRIu64 " links fail, one way each", count);
    for (uint64_t i = 0; i < count; i++)
        net_cut(world, (uint32_t)rng_below(&world->rng, world->node_count),
                (uint32_t)rng_below(&world->rng, world->node_count));
}

static void on_mend_node(struct world *world, const struct event *event)
{
    net_mend_node(world, (uint32_t)event->number);
}

static void lag(struct world *world)
{
    struct node *node = draw_node(world);
    if (node == NULL || node == world_leader(world))
        return;
    isolate(world, node->slot, 0);
    later(world, rng_between(&world->rng, 500, 5000) * SIM_MS, on_mend_node, node->slot);
}

static void transfer(struct world *world, struct node *leader)
{
    const struct raft_conf *conf = raft_conf_of(leader->raft);
    raft_id to =
        rng_chance(&world->rng, 300) ? 0 : conf->members[rng_below(&world->rng, conf->count)].id;
    int code = node_step(leader, &(struct raft_event){.kind = RAFT_EVENT_TRANSFER, .peer = to});
    TRACE(world, "n%u is asked to hand over to %016" PRIx64 ": %s", leader->slot, to,
          code == 0 ? "begun" : raft_error_text(code));
}

static void hurt_node(struct world *world, enum fault fault, struct node *node)
{
    uint64_t long_ms = rng_between(&world->rng, 10, 2500);
    if (fault == FAULT_CRASH) {
        crash(world, node);
    } else if (fault == FAULT_ISOLATE) {
        isolate(world, node->slot, rng_below(&world->rng, 3));
    } else if (fault == FAULT_SLOW_DISK) {
        node->disk.slow_until_us = world->now_us + long_ms * SIM_MS;
        TRACE(world, "n%u has a slow disk for %" PRIu64 " ms", node->slot, long_ms);
    } else if (fault == FAULT_STALL) {
        node_stall(node, long_ms * SIM_MS);
    } else if (fault == FAULT_SKEW) {
        node_set_clock_rate(node, (uint32_t)rng_between(&world->rng, 900, 1100));
    } else if (fault == FAULT_QUARANTINE) {
        node_quarantine(node);
    }
}

static void hurt_leader(struct world *world, enum fault fault, struct node *leader)
{
    if (fault == FAULT_CRASH_LEADER)
        crash(world, leader);
    else if (fault == FAULT_ISOLATE_LEADER)
        isolate(world, leader->slot, rng_below(&world->rng, 3));
    else if (node_is_running(leader))
        transfer(world, leader);
}

static void mend_everything(struct world *world)
{
    net_mend_all(world);
    net_disturb(world, 0, 0, 0);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[i];
        node->disk.slow_until_us = 0;
        node->is_lost = node->is_apart = false;
        if (node->stalled_until_us > world->now_us)
            node->stalled_until_us = world->now_us;
        if (!node->is_retired)
            node_start(node);
    }
}

/* The quiet phase: settle; a minority goes away; it comes back; nothing may have happened. */
static void on_quiet_end(struct world *world, const struct event *event)
{
    (void)event;
    checks_quiet_end(world);
    later(world, 0, on_fault, 0);
}

static void on_quiet_return(struct world *world, const struct event *event)
{
    (void)event;
    TRACE(world, "the minority returns");
    net_mend_all(world);
    later(world, (rng_between(&world->rng, 0, 1000) + 4 * world->profile.election_ms) * SIM_MS,
          on_quiet_end, 0);
}

static bool is_settled(struct world *world, const struct node *leader)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i];
        if (node_is_up(node) && raft_leader(node->raft) != leader->id)
            return false;
    }
    return true;
}

static void on_quiet_begin(struct world *world, const struct event *event)
{
    (void)event;
    struct node *leader = world_leader(world);
    if (leader == NULL || !is_settled(world, leader) || world->now_us + 8 * SIM_S > SIM_HEAL_US) {
        later(world, 0, on_fault, 0);
        return;
    }
    checks_quiet_begin(world);
    uint32_t voters_away = 0, voters_max = (raft_conf_voters(raft_conf_of(leader->raft)) - 1) / 2;
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[i];
        bool is_voter = members_has_voter(world, node->id);
        if (node == leader || (is_voter && voters_away == voters_max))
            continue;
        voters_away += is_voter;
        isolate(world, i, rng_below(&world->rng, 3));
    }
    later(world, rng_between(&world->rng, 100, 4000) * SIM_MS, on_quiet_return, 0);
}

static void quiet(struct world *world)
{
    mend_everything(world);
    later(world, (2000 + 8 * world->profile.election_ms) * SIM_MS, on_quiet_begin, 0);
}

static enum fault draw_fault(struct world *world)
{
    uint64_t dice = rng_below(&world->rng, world->adversary->weight_sum);
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        if (dice < world->profile.weights[fault])
            return (enum fault)fault;
        dice -= world->profile.weights[fault];
    }
    return FAULT_MEND;
}

static void run_fault(struct world *world, enum fault fault)
{
    struct node *leader = world_leader(world);
    struct node *node = draw_node(world);
    switch (fault) {
    case FAULT_POWER: power_loss(world); break;
    case FAULT_SPLIT: split(world); break;
    case FAULT_ONE_WAY: cut_some_links(world); break;
    case FAULT_MEND: net_mend_all(world); break;
    case FAULT_LAG: lag(world); break;
    case FAULT_LOSS:
        net_disturb(world, world->now_us + rng_between(&world->rng, 50, 3000) * SIM_MS,
                    (uint32_t)rng_below(&world->rng, 400), (uint32_t)rng_below(&world->rng, 300));
        break;
    case FAULT_CRASH_LEADER:
    case FAULT_ISOLATE_LEADER:
    case FAULT_TRANSFER:
        if (leader != NULL)
            hurt_leader(world, fault, leader);
        break;
    default:
        if (node != NULL)
            hurt_node(world, fault, node);
    }
}

static void on_fault(struct world *world, const struct event *event)
{
    (void)event;
    if (world_is_healing(world))
        return;
    enum fault fault = draw_fault(world);
    if (fault == FAULT_QUIET) {
        quiet(world); /* goes on from there */
        return;
    }
    run_fault(world, fault);
    uint64_t gap_ms =
        rng_between(&world->rng, world->profile.gap_min_ms, world->profile.gap_max_ms);
    later(world, gap_ms * SIM_MS, on_fault, 0);
}

static void on_heal(struct world *world, const struct event *event)
{
    (void)event;
    TRACE(world, "healing begins");
    mend_everything(world);
}

/* Leadership changes once more when nothing is written any longer: the next leader has to commit
 * and to answer reads by its own doing. */
static void on_quiesce(struct world *world, const struct event *event)
{
    (void)event;
    struct node *leader = world_leader(world);
    if (leader == NULL)
        return;
    node_crash(leader);
    later(world, 200 * SIM_MS, members_start_node, leader->slot);
}

static void on_final_reads(struct world *world, const struct event *event)
{
    (void)event;
    workload_final_reads(world);
}

struct adversary *adversary_start(struct world *world)
{
    struct adversary *adversary = sim_new(sizeof *adversary);
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        adversary->weight_sum += world->profile.weights[fault];
    world->adversary = adversary;
    later(world, rng_between(&world->rng, 0, 2000) * SIM_MS, on_fault, 0);
    later(world, SIM_HEAL_US, on_heal, 0);
    later(world, SIM_QUIESCE_US + SIM_S / 2, on_quiesce, 0);
    later(world, SIM_QUIESCE_US + 2 * SIM_S, on_final_reads, 0);
    return adversary;
}

void adversary_free(struct adversary *adversary)
{
    sim_free(adversary);
}
