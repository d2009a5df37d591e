/* tests/sim/net.c: messages as deep copies on virtual links. */
#include "sim/net.h"

#include <inttypes.h>
#include <string.h>

#include "sim/alloc.h"
#include "sim/checks.h"
#include "sim/node.h"

#define LATE_OFFER_PM 300
#define LATE_OFFER_MS 2000

struct net {
    bool is_cut[SIM_NODES_MAX][SIM_NODES_MAX];
    uint64_t last_arrival_us[SIM_NODES_MAX][SIM_NODES_MAX];
    uint64_t disturbed_until_us;
    uint32_t disturbed_loss_pm, disturbed_spike_pm;
};

struct packet {
    uint32_t from, to;
    struct raft_message message;
    struct raft_snapshot *snapshot;
    struct raft_entry entries[];
};

struct net *net_new(void)
{
    return sim_new(sizeof(struct net));
}

void net_free(struct net *net)
{
    sim_free(net);
}

static void packet_free(void *data)
{
    struct packet *packet = data;
    for (uint32_t i = 0; i < packet->message.entry_count; i++)
        raft_buf_unref(packet->entries[i].data);
    sim_free(packet->snapshot);
    sim_free(packet);
}

static struct packet *packet_new(const struct raft_message *message, uint32_t from, uint32_t to)
{
    size_t entries_len = message->entry_count * sizeof(struct raft_entry);
    struct packet *packet = sim_new(sizeof *packet + entries_len);
    packet->from = from;
    packet->to = to;
    packet->message = *message;
    packet->message.entries = packet->entries;
    for (uint32_t i = 0; i < message->entry_count; i++) {
        packet->entries[i] = message->entries[i];
        (void)raft_buf_ref(packet->entries[i].data);
    }
    if (message->snapshot != NULL) {
        packet->snapshot = sim_copy(message->snapshot, sizeof *message->snapshot);
        packet->message.snapshot = packet->snapshot;
    }
    return packet;
}

static const char *kind_name(enum raft_message_kind kind)
{
    static const char *const names[] = {"?",           "pre-vote", "pre-vote-reply", "vote",
                                        "vote-reply",  "append",   "append-reply",   "snapshot",
                                        "timeout-now", "read",     "read-reply"};
    return names[kind];
}

static void trace_message(struct world *world, const char *verb, const struct packet *packet)
{
    const struct raft_message *m = &packet->message;
    TRACE(world,
          "n%u %s n%u %s term %" PRIu64 " at %" PRIu64 "/%" PRIu64 " commit %" PRIu64
          " entries %u hint %" PRIu64 " round %" PRIu64 "%s",
          packet->from, verb, packet->to, kind_name(m->kind), m->term, m->log_index, m->log_term,
          m->commit, m->entry_count, m->hint, m->round, m->rejected ? " rejected" : "");
}

static void on_arrival(struct world *world, const struct event *event)
{
    struct packet *packet = event->data;
    struct node *to = world->nodes[packet->to];
    if (node_is_up(to) && to->stalled_until_us > world->now_us) {
        struct event again = *event; /* it waits in the paused process's queue */
        again.at_us = to->stalled_until_us - world->now_us;
        world_after(world, again);
        return;
    }
    if (node_is_up(to) && !net_is_cut(world, packet->from, packet->to)) {
        trace_message(world, "->", packet);
        checks_on_arrival(to, &packet->message);
        (void)node_step(
            to, &(struct raft_event){.kind = RAFT_EVENT_MESSAGE, .message = &packet->message});
    }
    packet_free(packet);
}

uint64_t net_delay_us(struct world *world, uint32_t from, uint32_t to)
{
    struct net *net = world->net;
    const struct profile *profile = &world->profile;
    bool is_disturbed = world->now_us < net->disturbed_until_us;
    uint32_t loss_pm = profile->loss_pm + (is_disturbed ? net->disturbed_loss_pm : 0);
    uint32_t spike_pm = profile->spike_pm + (is_disturbed ? net->disturbed_spike_pm : 0);
    if (world_is_healing(world))
        loss_pm = spike_pm = 0;
    if (net_is_cut(world, from, to) || rng_chance(&world->rng, loss_pm))
        return 0;
    uint64_t delay_us = rng_between(&world->rng, profile->delay_min_us, profile->delay_max_us);
    if (rng_chance(&world->rng, spike_pm))
        delay_us += rng_between(&world->rng, 1, profile->spike_ms) * SIM_MS;
    return delay_us;
}

static void post(struct world *world, struct packet *packet, uint64_t delay_us)
{
    uint64_t *last_us = &world->net->last_arrival_us[packet->from][packet->to];
    uint64_t at_us = world->now_us + delay_us;
    if (world->profile.keeps_order && at_us < *last_us)
        at_us = *last_us;
    *last_us = at_us;
    world_after(world, (struct event){.at_us = at_us - world->now_us,
                                      .run = on_arrival,
                                      .drop = packet_free,
                                      .data = packet});
}

/* The transport tells its core now and then that a peer's queue overflows. */
static void on_unreachable(struct world *world, const struct event *event)
{
    (void)world;
    (void)node_step(event->node,
                    &(struct raft_event){.kind = RAFT_EVENT_UNREACHABLE, .peer = event->number});
}

/* An offer of a snapshot that comes again when its receiver has long gone on. */
static void repeat_late(struct world *world, const struct packet *packet, uint64_t delay_us)
{
    if (world_is_healing(world) || world->profile.keeps_order ||
        !rng_chance(&world->rng, LATE_OFFER_PM))
        return;
    delay_us += rng_between(&world->rng, 1, LATE_OFFER_MS) * SIM_MS;
    post(world, packet_new(&packet->message, packet->from, packet->to), delay_us);
}

void net_send(struct node *from, const struct raft_message *message)
{
    struct world *world = from->world;
    struct node *to = world_find(world, message->to);
    if (to == NULL || message->from != from->id || to == from) {
        world_fail(world, "messages name their sender and a member",
                   "n%u sends %s from %016" PRIx64 " to %016" PRIx64, from->slot,
                   kind_name(message->kind), message->from, message->to);
        return;
    }
    uint64_t delay_us = net_delay_us(world, from->slot, to->slot);
    struct packet *packet = packet_new(message, from->slot, to->slot);
    if (delay_us == 0) {
        trace_message(world, "-x", packet);
        packet_free(packet);
        if (rng_chance(&world->rng, 50))
            world_after(
                world, (struct event){
                           .at_us = SIM_MS, .run = on_unreachable, .node = from, .number = to->id});
        return;
    }
    if (!world_is_healing(world) && rng_chance(&world->rng, world->profile.duplicate_pm))
        post(world, packet_new(message, from->slot, to->slot), delay_us * 2);
    if (message->kind == RAFT_MSG_SNAPSHOT)
        repeat_late(world, packet, delay_us);
    post(world, packet, delay_us);
}

bool net_is_cut(const struct world *world, uint32_t from, uint32_t to)
{
    return world->net->is_cut[from][to] ||
           world->nodes[from]->is_apart != world->nodes[to]->is_apart;
}

void net_cut(struct world *world, uint32_t from, uint32_t to)
{
    world->net->is_cut[from][to] = true;
}

void net_mend_all(struct world *world)
{
    memset(world->net->is_cut, 0, sizeof world->net->is_cut);
}

void net_mend_node(struct world *world, uint32_t slot)
{
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        world->net->is_cut[i][slot] = world->net->is_cut[slot][i] = false;
}

void net_disturb(struct world *world, uint64_t until_us, uint32_t loss_pm, uint32_t spike_pm)
{
    world->net->disturbed_until_us = until_us;
    world->net->disturbed_loss_pm = loss_pm;
    world->net->disturbed_spike_pm = spike_pm;
}
