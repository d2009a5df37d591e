#include "policy/internal.h"

#include "base/assert.h"

/* Most often one or two more candidates are wanted, and looking through the keys for each is
 * quicker than making a heap of them; with more the heap pays. */
#define SCANS_MAX 4u

/* Let the key at @at sink to where no key below it is less, among the first @count. */
static void sink(uint64_t *keys, unsigned count, unsigned at)
{
    const uint64_t key = keys[at];
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && keys[child + 1] < keys[child])
            child++;
        if (key < keys[child])
            break;
        keys[at] = keys[child];
        at = child;
    }
    keys[at] = key;
}

static void heap_make(uint64_t *keys, unsigned count)
{
    for (unsigned at = count / 2; at-- > 0;)
        sink(keys, count, at);
}

/* Where the least key is: one comparison each, and no branch to be guessed wrong. */
static unsigned scan(const uint64_t *keys, unsigned count)
{
    unsigned least = 0;
    for (unsigned at = 1; at < count; at++)
        least = keys[at] < keys[least] ? at : least;
    return least;
}

void policy__keys_begin(struct policy_ranking *ranking, unsigned count)
{
    ASSERT(count <= POLICY_SETS_MAX);
    ranking->left = (uint16_t)count;
    ranking->step = 0;
}

uint64_t policy__keys_take(struct policy_ranking *ranking)
{
    uint64_t *keys = ranking->order;
    unsigned at = 0;
    ASSERT(ranking->left > 0);
    if (ranking->step < SCANS_MAX)
        at = scan(keys, ranking->left);
    else if (ranking->step == SCANS_MAX)
        heap_make(keys, ranking->left);
    const uint64_t least = keys[at];
    ranking->left--;
    keys[at] = keys[ranking->left];
    if (ranking->step >= SCANS_MAX && ranking->left > 1)
        sink(keys, ranking->left, 0);
    if (ranking->step <= SCANS_MAX)
        ranking->step++;
    return least;
}

void policy__keys_sort(struct policy_ranking *ranking, unsigned count)
{
    uint64_t *keys = ranking->order;
    /* Turned round, the least sink and the greatest go to the place that leaving the heap frees. */
    for (unsigned i = 0; i < count; i++)
        keys[i] = ~keys[i];
    heap_make(keys, count);
    for (unsigned left = count; left > 1;) {
        const uint64_t greatest = keys[0];
        keys[0] = keys[--left];
        keys[left] = greatest;
        sink(keys, left, 0);
    }
    for (unsigned i = 0; i < count; i++)
        keys[i] = ~keys[i];
}
