/* raft/io/disk_latency.h: a histogram of write times, four steps an octave, that forgets. */
#pragma once

#include <stdint.h>

#define DISK_LATENCY_STEPS 96    /* up to 2^24 us; slower counts as that */
#define DISK_LATENCY_WINDOW 4096 /* samples after which all counts are halved */

/* Zeroed is empty. */
struct disk_latency {
    uint32_t counts[DISK_LATENCY_STEPS];
    uint32_t total;
    uint64_t max_us; /* of all samples ever */
};
void disk_latency_add(struct disk_latency *latency, uint64_t us);
/* The time that @permille of the samples stay within, rounded up to a step; 0 without samples. */
uint64_t disk_latency_at(const struct disk_latency *latency, uint32_t permille);
