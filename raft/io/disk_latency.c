/* raft/io/disk_latency.c: percentiles of write times. */
#include "raft/io/disk_latency.h"

/* Steps 4k … 4k + 3 share the octave [2^k, 2^(k+1)). */
static uint32_t step_of(uint64_t us)
{
    if (us < 4)
        return us < 1 ? 0 : (uint32_t)(us < 2 ? 0 : 4 + (us - 2) * 2);
    uint32_t octave = 63 - (uint32_t)__builtin_clzll(us);
    uint32_t step = octave * 4 + (uint32_t)((us >> (octave - 2)) & 3);
    return step < DISK_LATENCY_STEPS ? step : DISK_LATENCY_STEPS - 1;
}

/* The first time that is beyond @step. */
static uint64_t end_of(uint32_t step)
{
    uint32_t octave = step / 4, quarter = step % 4;
    if (octave < 2)
        return (uint64_t)1 << (octave + 1);
    return ((uint64_t)4 + quarter + 1) << (octave - 2);
}

void disk_latency_add(struct disk_latency *latency, uint64_t us)
{
    if (us > latency->max_us)
        latency->max_us = us;
    latency->counts[step_of(us)]++;
    if (++latency->total < DISK_LATENCY_WINDOW)
        return;
    latency->total = 0;
    for (uint32_t i = 0; i < DISK_LATENCY_STEPS; i++) {
        latency->counts[i] /= 2;
        latency->total += latency->counts[i];
    }
}

uint64_t disk_latency_at(const struct disk_latency *latency, uint32_t permille)
{
    uint64_t wanted = ((uint64_t)latency->total * permille + 999) / 1000, seen = 0;
    for (uint32_t i = 0; i < DISK_LATENCY_STEPS && latency->total > 0; i++) {
        seen += latency->counts[i];
        if (seen >= wanted && seen > 0)
            return end_of(i);
    }
    return 0;
}
