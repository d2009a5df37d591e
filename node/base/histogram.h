/* node/base/histogram.h: how long things took, as counts of those that took no longer than each of
 * a few bounds. Counts only grow. One thread adds, without a lock; any thread reads. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BOUND_COUNT 20u
#define HISTOGRAM_CELL_COUNT (HISTOGRAM_BOUND_COUNT + 1u) /* the last: longer than any bound */

struct histogram { /* zeroed is empty */
    _Atomic uint64_t cells[HISTOGRAM_CELL_COUNT];
    _Atomic uint64_t sum_ns;
};

struct histogram_reading {
    uint64_t cells[HISTOGRAM_CELL_COUNT]; /* each by itself, not added up */
    uint64_t sum_ns;
};

/* Up to where cell @index < HISTOGRAM_BOUND_COUNT counts, ns: 5 us to 10 s. */
uint64_t histogram_bound_ns(unsigned index);
/* One more, of @took_ns. The thread that owns the histogram. */
void histogram_add(struct histogram *histogram, uint64_t took_ns);
/* Add what was counted so far to @sum. Any thread. */
void histogram_read(const struct histogram *histogram, struct histogram_reading *sum);
