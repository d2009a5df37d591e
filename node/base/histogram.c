#include "base/histogram.h"

#include "base/assert.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

/* A millisecond is what users of an API see, a few microseconds what an answer takes: 1, 2.5 and 5
 * of each power of ten tell both apart well enough. */
static const uint64_t bounds_ns[HISTOGRAM_BOUND_COUNT] = {
    5 * US,   10 * US,   25 * US,   50 * US,   100 * US,  250 * US,   500 * US,
    1 * MS,   2500 * US, 5 * MS,    10 * MS,   25 * MS,   50 * MS,    100 * MS,
    250 * MS, 500 * MS,  1000 * MS, 2500 * MS, 5000 * MS, 10000 * MS,
};

uint64_t histogram_bound_ns(unsigned index)
{
    ASSERT(index < HISTOGRAM_BOUND_COUNT);
    return bounds_ns[index];
}

static void add(_Atomic uint64_t *cell, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, value + amount, memory_order_relaxed);
}

void histogram_add(struct histogram *histogram, uint64_t took_ns)
{
    unsigned index = 0;

    while (index < HISTOGRAM_BOUND_COUNT && took_ns > bounds_ns[index])
        index++;
    add(&histogram->cells[index], 1);
    add(&histogram->sum_ns, took_ns);
}

void histogram_read(const struct histogram *histogram, struct histogram_reading *sum)
{
    for (unsigned i = 0; i < HISTOGRAM_CELL_COUNT; i++)
        sum->cells[i] += atomic_load_explicit(&histogram->cells[i], memory_order_relaxed);
    sum->sum_ns += atomic_load_explicit(&histogram->sum_ns, memory_order_relaxed);
}
