/* tests/sim/workload.c: sessions, retries of unknown outcomes, linearizable reads. */
#include "sim/workload.h"

#include <inttypes.h>

#include "sim/alloc.h"
#include "sim/checks.h"
#include "sim/lines.h"
#include "sim/members.h"
#include "sim/net.h"
#include "sim/node.h"

#define CLIENTS_MAX 16

enum operation { OP_NONE, OP_OPEN, OP_WRITE, OP_READ };

struct client {
    uint64_t id;       /* of its session */
    uint64_t sequence; /* of the last write begun */
    bool has_session;
    enum operation operation;
    uint32_t contact; /* slot of the node that it asked */
    uint64_t retry_us;
    uint64_t read_id;
    uint64_t floor;      /* the read must see this index */
    uint64_t read_index; /* released; 0: not yet */
};

struct workload {
    struct client clients[CLIENTS_MAX];
    uint32_t count;
    uint64_t done_count;
    uint64_t read_ids;
    bool is_final; /* only the last reads are left */
};

static void schedule(struct world *world, uint32_t client, uint64_t delay_us);

static void finish(struct world *world, struct client *client)
{
    struct workload *workload = world->workload;
    client->operation = OP_NONE;
    workload->done_count++;
    uint64_t think_us = rng_between(&world->rng, 0, 2 * world->profile.think_ms) * SIM_MS;
    schedule(world, (uint32_t)(client - workload->clients), think_us);
}

static struct raft_buf *command_of(const struct client *client)
{
    if (client->operation == OP_OPEN)
        return machine_open_command(client->id);
    return machine_write_command(client->id, client->sequence);
}

static void propose(struct node *node, const struct client *client)
{
    uint64_t index = 0;
    struct raft_buf *command = command_of(client);
    int code = node_propose(node, command, &index);
    TRACE(node->world, "n%u proposes client %" PRIu64 " sequence %" PRIu64 ": %s %" PRIu64,
          node->slot, client->id, client->sequence, code == 0 ? "at" : raft_error_text(code),
          index);
    raft_buf_unref(command);
}

/* A follower passed the command on; it may come late, twice, or after its client gave up. */
static void on_forwarded(struct world *world, const struct event *event)
{
    const struct client *client = &world->workload->clients[event->number % CLIENTS_MAX];
    if ((client->operation == OP_WRITE || client->operation == OP_OPEN) &&
        client->sequence == event->number / CLIENTS_MAX)
        propose(event->node, client);
}

static void write_at(struct node *node, struct client *client)
{
    struct world *world = node->world;
    struct node *leader = world_find(world, raft_leader(node->raft));
    if (leader == node) {
        propose(node, client);
        return;
    }
    if (leader == NULL || !node_is_up(leader))
        return;
    uint64_t delay_us = net_delay_us(world, node->slot, leader->slot);
    uint64_t number =
        client->sequence * CLIENTS_MAX + (uint64_t)(client - world->workload->clients);
    if (delay_us > 0)
        world_after(world,
                    (struct event){
                        .at_us = delay_us, .run = on_forwarded, .node = leader, .number = number});
}

static void read_at(struct node *node, struct client *client)
{
    struct raft_event event = {.kind = RAFT_EVENT_READ, .read_id = client->read_id};
    (void)node_step(node, &event);
}

static void on_asked(struct world *world, const struct event *event)
{
    struct client *client = &world->workload->clients[event->number % CLIENTS_MAX];
    struct node *node = event->node;
    if (client->contact != node->slot)
        return;
    if (client->operation == OP_READ && client->read_id == event->number / CLIENTS_MAX)
        read_at(node, client);
    else if (client->operation == OP_WRITE || client->operation == OP_OPEN)
        write_at(node, client);
}

/* A running node, in a third of the cases what the client takes for the leader. */
static struct node *choose_node(struct world *world)
{
    struct node *leader = world_leader(world);
    if (leader != NULL && rng_chance(&world->rng, 330))
        return leader;
    uint32_t start = (uint32_t)rng_below(&world->rng, world->node_count);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[(start + i) % world->node_count];
        bool is_out = world_is_healing(world) && !members_has(world, node->id);
        if (node_is_up(node) && !is_out && lines_is_current(node))
            return node;
    }
    return NULL;
}

static void ask(struct world *world, struct client *client)
{
    struct workload *workload = world->workload;
    uint64_t patience_us = rng_between(&world->rng, 50, 1000) * SIM_MS;
    schedule(world, (uint32_t)(client - workload->clients), patience_us);
    client->retry_us = world->now_us + patience_us;
    struct node *node = choose_node(world);
    if (node == NULL)
        return;
    TRACE(world, "client %" PRIu64 " asks n%u", client->id, node->slot);
    client->contact = node->slot;
    uint64_t number = (uint64_t)(client - workload->clients);
    if (client->operation == OP_READ) { /* a read that is asked again is a new one */
        client->read_id = ++workload->read_ids;
        client->read_index = 0;
        client->floor = checks_read_asked(world);
        number += client->read_id * CLIENTS_MAX;
    }
    world_after(world, (struct event){.run = on_asked, .node = node, .number = number});
}

static void choose_operation(struct world *world, struct client *client)
{
    if (!client->has_session && !world->workload->is_final) {
        client->operation = OP_OPEN;
    } else if (world->workload->is_final || rng_chance(&world->rng, world->profile.read_pm)) {
        client->operation = OP_READ;
    } else {
        client->operation = OP_WRITE;
        client->sequence++;
    }
}

static void on_client(struct world *world, const struct event *event)
{
    struct client *client = &world->workload->clients[event->number];
    if (client->operation != OP_NONE && client->retry_us > world->now_us)
        return;
    if (client->operation == OP_NONE) {
        if (world->now_us >= SIM_QUIESCE_US)
            return;
        choose_operation(world, client);
    }
    ask(world, client);
}

static void schedule(struct world *world, uint32_t client, uint64_t delay_us)
{
    world_after(world, (struct event){.at_us = delay_us, .run = on_client, .number = client});
}

struct workload *workload_start(struct world *world)
{
    struct workload *workload = sim_new(sizeof *workload);
    world->workload = workload;
    workload->count = world->profile.clients;
    SIM_ASSERT(workload->count <= CLIENTS_MAX);
    for (uint32_t i = 0; i < workload->count; i++) {
        workload->clients[i].id = i + 1;
        schedule(world, i, rng_below(&world->rng, SIM_S));
    }
    return workload;
}

void workload_free(struct workload *workload)
{
    sim_free(workload);
}

static void reopen(struct world *world, struct client *client)
{
    TRACE(world, "client %" PRIu64 " has lost its session", client->id);
    client->id += CLIENTS_MAX;
    client->sequence = 0;
    client->has_session = false;
    client->operation = OP_NONE;
}

void workload_applied(struct node *node, uint64_t index, const struct machine_result *result)
{
    struct world *world = node->world;
    struct client *client = &world->workload->clients[(result->client_id - 1) % CLIENTS_MAX];
    if (client->id != result->client_id || client->contact != node->slot || !lines_is_current(node))
        return;
    if (client->operation == OP_OPEN && result->sequence == 0) {
        client->has_session = true;
        finish(world, client);
    } else if (client->operation == OP_WRITE && client->sequence == result->sequence) {
        TRACE(world, "client %" PRIu64 " sequence %" PRIu64 " settled at n%u by %" PRIu64,
              client->id, client->sequence, node->slot, index);
        if (result->outcome == MACHINE_NO_SESSION) {
            reopen(world, client);
            return;
        }
        checks_write_acknowledged(world, client->id, client->sequence);
        finish(world, client);
    }
}

static void serve(struct node *node, struct client *client)
{
    if (client->read_index == 0 || node->seen.applied < client->read_index)
        return;
    checks_read_served(node);
    finish(node->world, client);
}

void workload_node_applied(struct node *node)
{
    struct workload *workload = node->world->workload;
    for (uint32_t i = 0; i < workload->count && lines_is_current(node); i++) {
        struct client *client = &workload->clients[i];
        if (client->operation == OP_READ && client->contact == node->slot)
            serve(node, client);
    }
}

void workload_read_released(struct node *node, const struct raft_read *read)
{
    struct world *world = node->world;
    for (uint32_t i = 0; i < world->workload->count && lines_is_current(node); i++) {
        struct client *client = &world->workload->clients[i];
        if (client->operation != OP_READ || client->read_id != read->read_id ||
            client->contact != node->slot)
            continue;
        if (read->outcome == RAFT_READ_OK) {
            TRACE(world, "n%u releases read %" PRIu64 " at %" PRIu64 ", at least %" PRIu64,
                  node->slot, read->read_id, read->index, client->floor);
            checks_read_released(node, client->floor, read->index);
            client->read_index = read->index;
            serve(node, client);
        }
        return;
    }
}

void workload_node_crashed(struct node *node)
{
    struct workload *workload = node->world->workload;
    for (uint32_t i = 0; i < workload->count; i++) {
        if (workload->clients[i].contact == node->slot)
            workload->clients[i].read_index = 0;
    }
}

/* What a read must see can be no more than what is left; and what an old line released is nothing.
 */
void workload_recovered(struct world *world, uint64_t forked_at)
{
    struct workload *workload = world->workload;
    for (uint32_t i = 0; i < workload->count; i++) {
        struct client *client = &workload->clients[i];
        client->read_index = 0;
        if (client->floor > forked_at)
            client->floor = forked_at;
    }
}

uint64_t workload_done_count(const struct workload *workload)
{
    return workload->done_count;
}

int workload_find_stuck(const struct workload *workload)
{
    for (uint32_t i = 0; i < workload->count; i++) {
        if (workload->clients[i].operation != OP_NONE)
            return (int)i;
    }
    return -1;
}

uint32_t workload_contact(const struct workload *workload, int client)
{
    return workload->clients[client].contact;
}

void workload_final_reads(struct world *world)
{
    struct workload *workload = world->workload;
    workload->is_final = true;
    for (uint32_t i = 0; i < workload->count; i++) {
        struct client *client = &workload->clients[i];
        if (client->operation != OP_NONE)
            continue;
        client->operation = OP_READ;
        ask(world, client);
    }
}
