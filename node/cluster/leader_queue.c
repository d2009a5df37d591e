#include "cluster/leader_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/histogram.h"
#include "cluster/command.h"
#include "raft/core/raft.h"

struct item {
    struct item *next;
    size_t len;
    uint8_t data[];
};

struct leader_queue {
    leader_queue_propose_cb propose;
    void *user;
    struct item *first, **last;
    unsigned count;
    size_t len;
    struct {
        uint64_t index; /* ascending */
        uint64_t proposed_mono_us;
        unsigned commands;
    } flight[LEADER_QUEUE_FLIGHT_MAX];
    unsigned flight_count, flight_commands;
    struct histogram times;
    unsigned answered; /* commands of the last entries applied, less those that came since */
    uint64_t proposed_mono_us, applied_mono_us; /* when last */
    uint8_t storage[RAFT_ENTRY_LEN_MAX];        /* where an entry is packed */
};

_Static_assert(COMMAND_LEN_MAX + 64 <= RAFT_ENTRY_LEN_MAX, "any command fits an entry");

struct leader_queue *leader_queue_new(leader_queue_propose_cb propose, void *user)
{
    struct leader_queue *queue = calloc(1, sizeof(*queue));

    if (!queue)
        return NULL;
    queue->propose = propose;
    queue->user = user;
    queue->last = &queue->first;
    return queue;
}

static void drop_first(struct leader_queue *queue)
{
    struct item *item = queue->first;

    queue->first = item->next;
    if (!queue->first)
        queue->last = &queue->first;
    ASSERT(queue->count > 0 && queue->len >= item->len);
    queue->count--;
    queue->len -= item->len;
    free(item);
}

void leader_queue_clear(struct leader_queue *queue)
{
    while (queue->first)
        drop_first(queue);
    queue->flight_count = queue->flight_commands = queue->answered = 0;
}

void leader_queue_free(struct leader_queue *queue)
{
    if (!queue)
        return;
    leader_queue_clear(queue);
    free(queue);
}

int leader_queue_add(struct leader_queue *queue, const uint8_t *command, size_t len)
{
    ASSERT(len <= COMMAND_LEN_MAX);
    if (queue->count >= LEADER_QUEUE_COMMANDS_MAX || queue->len + len > LEADER_QUEUE_LEN_MAX)
        return ERR_BUSY;
    struct item *item = malloc(sizeof(*item) + len);
    if (!item)
        return ERR_NOMEM;
    item->next = NULL;
    item->len = len;
    memcpy(item->data, command, len);
    *queue->last = item;
    queue->last = &item->next;
    queue->count++;
    queue->len += len;
    queue->answered -= queue->answered > 0;
    return 0;
}

/* Pack from the front without removing; what is packed is counted in @batch. */
static void pack(struct leader_queue *queue, struct command_batch *batch)
{
    size_t capacity = LEADER_QUEUE_ENTRY_LEN;

    if (queue->first->len + 64 > capacity)
        capacity = sizeof(queue->storage);
    command_batch_init(batch, queue->storage, capacity);
    for (struct item *item = queue->first; item; item = item->next) {
        if (!command_batch_add(batch, item->data, item->len))
            break;
    }
    ASSERT(batch->count > 0);
}

/* Shall the next entry wait for more commands? See the head of leader_queue.h. */
static bool must_gather(const struct leader_queue *queue, uint64_t now_mono_us)
{
    if (queue->flight_commands + queue->answered + queue->count < LEADER_QUEUE_BUSY ||
        queue->count >= LEADER_QUEUE_LARGE || queue->len >= LEADER_QUEUE_LARGE_LEN)
        return false;
    if (queue->flight_count > 0)
        return now_mono_us - queue->proposed_mono_us < LEADER_QUEUE_OVERLAP_US;
    return queue->answered > queue->count / 4 &&
           now_mono_us - queue->applied_mono_us < LEADER_QUEUE_GATHER_US;
}

/* 1: the log does not take it now. */
static int propose_one(struct leader_queue *queue)
{
    struct command_batch batch;
    uint64_t index = 0;

    pack(queue, &batch);
    struct raft_buf *data = raft_buf_new(batch.data, batch.len);
    if (!data)
        return ERR_NOMEM;
    int rc = queue->propose(queue->user, data, &index);
    raft_buf_unref(data);
    if (rc != 0)
        return rc == RAFT_ENOMEM ? ERR_NOMEM : 1;
    for (unsigned i = 0; i < batch.count; i++)
        drop_first(queue);
    queue->flight[queue->flight_count].index = index;
    queue->flight[queue->flight_count++].commands = batch.count;
    queue->flight_commands += batch.count;
    return 0;
}

int leader_queue_pump(struct leader_queue *queue, uint64_t now_mono_us, bool *is_gathering)
{
    int rc = 0;

    *is_gathering = false;
    while (rc == 0 && queue->flight_count < LEADER_QUEUE_FLIGHT_MAX) {
        *is_gathering =
            (queue->first || queue->flight_count == 0) && must_gather(queue, now_mono_us);
        if (*is_gathering || !queue->first)
            return 0;
        rc = propose_one(queue);
        if (rc == 0) {
            queue->proposed_mono_us = now_mono_us;
            queue->flight[queue->flight_count - 1].proposed_mono_us = now_mono_us;
            queue->answered = 0;
        }
    }
    return rc == 1 ? 0 : rc;
}

void leader_queue_applied(struct leader_queue *queue, uint64_t index, uint64_t now_mono_us)
{
    unsigned done = 0;

    while (done < queue->flight_count && queue->flight[done].index <= index) {
        histogram_add(&queue->times, (now_mono_us - queue->flight[done].proposed_mono_us) * 1000);
        queue->flight_commands -= queue->flight[done].commands;
        queue->answered += queue->flight[done++].commands;
        queue->applied_mono_us = now_mono_us;
    }
    queue->flight_count -= done;
    memmove(queue->flight, queue->flight + done, queue->flight_count * sizeof(queue->flight[0]));
}

bool leader_queue_is_busy(const struct leader_queue *queue)
{
    return queue->flight_commands >= LEADER_QUEUE_BUSY;
}

unsigned leader_queue_count(const struct leader_queue *queue)
{
    return queue->count;
}

const struct histogram *leader_queue_times(const struct leader_queue *queue)
{
    return &queue->times;
}
