/* tests/lib/raft_bench.c: see raft_bench.h. */
#include "lib/raft_bench.h"

#include <stdlib.h>
#include <string.h>

#include "raft/core/assert.h"

#define BENCH_ENTRIES_MAX 8192

static int bench_read(void *user, uint64_t first, size_t len_max, struct raft_entry *out,
                      uint32_t *count)
{
    struct bench_node *node = user;
    (void)len_max;
    if (first <= node->base.index)
        return RAFT_ECOMPACTED;
    for (uint32_t i = 0; i < *count; i++) {
        out[i] = node->entries[first - node->base.index - 1 + i];
        raft_buf_ref(out[i].data);
    }
    return 0;
}

static int bench_term(void *user, uint64_t index, uint64_t *out)
{
    struct bench_node *node = user;
    if (index < node->base.index)
        return RAFT_ECOMPACTED;
    *out = index == node->base.index ? node->base.term
                                     : node->entries[index - node->base.index - 1].term;
    return 0;
}

static void drop_entries(struct bench_node *node, uint64_t keep)
{
    while (node->count > keep)
        raft_buf_unref(node->entries[--node->count].data);
}

static void store(struct bench_node *node, const struct raft_update *update)
{
    if (update->hard_state != NULL)
        node->hard_state = *update->hard_state;
    if (update->entry_count > 0)
        drop_entries(node, update->entries[0].index - node->base.index - 1);
    for (uint32_t i = 0; i < update->entry_count; i++) {
        RAFT_ASSERT(node->count < BENCH_ENTRIES_MAX);
        node->entries[node->count] = update->entries[i];
        raft_buf_ref(update->entries[i].data);
        node->count++;
    }
}

static void enqueue(struct bench *bench, const struct raft_message *message)
{
    bench->sent[message->kind]++;
    bench->last[message->from - 1] = *message;
    bench->last[message->from - 1].entries = NULL;
    bench->last[message->from - 1].snapshot = NULL;
    if (message->to > bench->count || bench->cut[message->from - 1][message->to - 1])
        return;
    if (bench->queue_count == bench->queue_capacity) {
        bench->queue_capacity = bench->queue_capacity == 0 ? 64 : 2 * bench->queue_capacity;
        bench->queue = realloc(bench->queue, bench->queue_capacity * sizeof(*bench->queue));
        RAFT_ASSERT(bench->queue != NULL);
    }
    struct raft_message *copy = &bench->queue[bench->queue_count++];
    *copy = *message;
    if (message->entry_count > 0) {
        copy->entries = malloc(message->entry_count * sizeof(*copy->entries));
        RAFT_ASSERT(copy->entries != NULL);
        for (uint32_t i = 0; i < message->entry_count; i++) {
            copy->entries[i] = message->entries[i];
            raft_buf_ref(copy->entries[i].data);
        }
    }
    if (message->snapshot != NULL) {
        copy->snapshot = malloc(sizeof(*copy->snapshot));
        RAFT_ASSERT(copy->snapshot != NULL);
        *copy->snapshot = *message->snapshot;
    }
}

static void free_message(struct raft_message *message)
{
    for (uint32_t i = 0; i < message->entry_count; i++)
        raft_buf_unref(message->entries[i].data);
    free(message->entries);
    free(message->snapshot);
}

static void note_outcomes(struct bench_node *node, const struct raft_update *update)
{
    for (uint32_t i = 0; i < update->read_count; i++)
        node->reads[node->read_count++ % BENCH_READS_MAX] = update->reads[i];
    if (update->transfer != RAFT_TRANSFER_NONE)
        node->transfer = update->transfer;
    if (update->snapshot_wanted_count > 0)
        node->wanted = update->snapshot_wanted[0];
    if (update->install != NULL)
        node->install = *update->install;
    if (update->first_proposed != 0)
        node->proposed = update->first_proposed;
}

int bench_step(struct bench *bench, uint32_t i, struct raft_event event)
{
    struct bench_node *node = &bench->nodes[i];
    struct raft_update update;

    event.now_mono_ms = bench->now_mono_ms;
    event.holds_commit = bench->holds_commit && event.kind != RAFT_EVENT_TICK;
    int rc = raft_step(node->raft, &event, &update);
    if (rc != 0)
        return rc;
    store(node, &update);
    note_outcomes(node, &update);
    for (uint32_t m = 0; m < update.message_count; m++)
        enqueue(bench, &update.messages[m]);
    uint64_t applied = node->applied;
    for (uint32_t a = 0; a < update.apply_count; a++) {
        RAFT_ASSERT(update.apply[a].index == applied + 1); /* in order, each once */
        applied = update.apply[a].index;
    }
    bool has_applied = applied > node->applied;
    node->applied = applied;
    if (update.seq != 0)
        node->seq = update.seq;
    if (update.seq != 0 && !node->holds_disk)
        bench_persist(bench, i);
    if (has_applied)
        rc =
            bench_step(bench, i, (struct raft_event){.kind = RAFT_EVENT_APPLIED, .index = applied});
    RAFT_ASSERT(rc == 0);
    return 0;
}

void bench_persist(struct bench *bench, uint32_t i)
{
    int rc = bench_step(
        bench, i, (struct raft_event){.kind = RAFT_EVENT_PERSISTED, .seq = bench->nodes[i].seq});
    RAFT_ASSERT(rc == 0);
}

int bench_receive(struct bench *bench, uint32_t node, struct raft_message message)
{
    return bench_step(bench, node,
                      (struct raft_event){.kind = RAFT_EVENT_MESSAGE, .message = &message});
}

int bench_propose(struct bench *bench, uint32_t node, const char *text)
{
    struct raft_buf *data = raft_buf_new(text, strlen(text));
    int rc =
        bench_step(bench, node,
                   (struct raft_event){.kind = RAFT_EVENT_PROPOSE, .data = &data, .data_count = 1});
    raft_buf_unref(data);
    return rc;
}

int bench_change(struct bench *bench, uint32_t node, enum raft_conf_change_kind kind, raft_id id)
{
    return bench_step(
        bench, node,
        (struct raft_event){.kind = RAFT_EVENT_PROPOSE_CONF, .change = {.kind = kind, .id = id}});
}

void bench_deliver(struct bench *bench)
{
    for (uint32_t round = 0; bench->queue_count > 0; round++) {
        RAFT_ASSERT(round < 10000); /* they must fall silent */
        struct raft_message message = bench->queue[0];
        bench->queue_count--;
        memmove(bench->queue, bench->queue + 1, bench->queue_count * sizeof(message));
        if (bench->nodes[message.to - 1].raft != NULL) {
            struct bench_node *node = &bench->nodes[message.to - 1];
            int rc = bench_receive(bench, (uint32_t)message.to - 1, message);
            node->is_superseded |= rc == RAFT_ESUPERSEDED;
            RAFT_ASSERT(rc == 0 || node->is_superseded);
        }
        free_message(&message);
    }
}

void bench_discard(struct bench *bench)
{
    for (uint32_t i = 0; i < bench->queue_count; i++)
        free_message(&bench->queue[i]);
    bench->queue_count = 0;
}

void bench_run(struct bench *bench, uint32_t ms)
{
    for (uint32_t t = 0; t < ms; t += 5) {
        bench->now_mono_ms += 5;
        for (uint32_t i = 0; i < bench->count; i++) {
            if (bench->nodes[i].raft != NULL)
                bench_step(bench, i, (struct raft_event){.kind = RAFT_EVENT_TICK});
        }
        bench_deliver(bench);
    }
}

void bench_elect(struct bench *bench, uint32_t node)
{
    for (uint32_t t = 0;
         t < 4 * BENCH_TIMEOUT_MS && raft_role_of(bench->nodes[node].raft) == RAFT_FOLLOWER;
         t += 5) {
        bench->now_mono_ms += 5;
        bench_step(bench, node, (struct raft_event){.kind = RAFT_EVENT_TICK});
    }
    bench_deliver(bench);
}

void bench_isolate(struct bench *bench, uint32_t node, bool is_cut)
{
    for (uint32_t i = 0; i < bench->count; i++)
        bench->cut[i][node] = bench->cut[node][i] = is_cut;
}

void bench_crash(struct bench *bench, uint32_t i)
{
    raft_free(bench->nodes[i].raft);
    bench->nodes[i].raft = NULL;
}

void bench_restart(struct bench *bench, uint32_t i)
{
    struct bench_node *node = &bench->nodes[i];
    struct raft_options options = {.id = i + 1,
                                   .seed = bench->now_mono_ms + 77 * i,
                                   .election_timeout_ms = BENCH_TIMEOUT_MS,
                                   .heartbeat_ms = BENCH_HEARTBEAT_MS,
                                   .now_mono_ms = bench->now_mono_ms,
                                   .reader = {node, bench_read, bench_term}};
    struct raft_start start = {.hard_state = node->hard_state,
                               .base = node->base,
                               .entries = node->entries,
                               .entry_count = node->count,
                               .applied = node->applied};
    node->seq = 0;
    int rc = raft_new(&options, &start, &node->raft);
    RAFT_ASSERT(rc == 0);
}

void bench_init(struct bench *bench, uint32_t voters, uint32_t learners)
{
    *bench = (struct bench){.count = voters + learners, .now_mono_ms = 1000};
    struct raft_snapshot base = {.index = 1, .term = 1, .conf.count = bench->count};
    for (uint32_t i = 0; i < bench->count; i++)
        base.conf.members[i] =
            (struct raft_member){.id = i + 1, .role = i < voters ? RAFT_VOTER : RAFT_LEARNER};
    for (uint32_t i = 0; i < bench->count; i++) {
        struct bench_node *node = &bench->nodes[i];
        node->entries = calloc(BENCH_ENTRIES_MAX, sizeof(*node->entries));
        RAFT_ASSERT(node->entries != NULL);
        node->base = base;
        node->hard_state.term = 1;
        node->applied = 1;
        bench_restart(bench, i);
    }
}

void bench_fini(struct bench *bench)
{
    for (uint32_t i = 0; i < bench->count; i++) {
        bench_crash(bench, i);
        drop_entries(&bench->nodes[i], 0);
        free(bench->nodes[i].entries);
    }
    bench_discard(bench);
    free(bench->queue);
}
