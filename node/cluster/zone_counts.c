#include "cluster/zone_counts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "store/state.h"
#include "zone/slots.h"

#define BUCKET_COUNT 4096u /* a power of two; a quarter is used at most */
_Static_assert(ZONE_COUNT_SLOTS * 4 <= BUCKET_COUNT, "few collisions");

struct slot {
    char zone_id[STATE_ID_SIZE]; /* "": nobody's */
    uint32_t uses;
    uint64_t freed; /* by the count of removals: when */
};

struct zone_counts {
    struct slot slots[ZONE_COUNT_SLOTS];
    uint16_t buckets[BUCKET_COUNT]; /* slots by their zone's id, probed in a row; 0: none */
    unsigned used;
    uint64_t removals;
};

struct zone_counts *zone_counts_new(void)
{
    return calloc(1, sizeof(struct zone_counts));
}

void zone_counts_free(struct zone_counts *counts)
{
    free(counts);
}

/* Ids are drawn by chance, so any mixing will do (FNV-1a). */
static unsigned hash(const char *zone_id)
{
    uint32_t mixed = 2166136261u;

    for (; *zone_id; zone_id++)
        mixed = (mixed ^ (uint8_t)*zone_id) * 16777619u;
    return (mixed ^ mixed >> 16) % BUCKET_COUNT;
}

/* The bucket that has the zone, or the one where it would be put. */
static unsigned find(const struct zone_counts *counts, const char *zone_id)
{
    unsigned at = hash(zone_id);

    while (counts->buckets[at] != 0 &&
           strcmp(counts->slots[counts->buckets[at]].zone_id, zone_id) != 0)
        at = (at + 1) % BUCKET_COUNT;
    return at;
}

/* One that nobody had yet, else the one that is unused for the longest; 0: none. */
static uint16_t choose(const struct zone_counts *counts)
{
    uint16_t best = 0;

    if (ZONE_COUNTS_FIRST + counts->used >= ZONE_COUNT_SLOTS)
        return 0;
    for (uint16_t i = ZONE_COUNTS_FIRST; i < ZONE_COUNT_SLOTS; i++) {
        const struct slot *slot = &counts->slots[i];
        if (slot->zone_id[0] == '\0' && (best == 0 || slot->freed < counts->slots[best].freed))
            best = i;
    }
    return best;
}

uint16_t zone_counts_put(struct zone_counts *counts, const char *zone_id)
{
    unsigned at = find(counts, zone_id);

    ASSERT(zone_id[0] != '\0' && strlen(zone_id) < STATE_ID_SIZE);
    if (counts->buckets[at] != 0)
        return counts->buckets[at];
    uint16_t chosen = choose(counts);
    if (chosen == 0)
        return ZONE_COUNTS_OTHERS;
    snprintf(counts->slots[chosen].zone_id, STATE_ID_SIZE, "%s", zone_id);
    counts->slots[chosen].uses++;
    counts->buckets[at] = chosen;
    counts->used++;
    return chosen;
}

void zone_counts_remove(struct zone_counts *counts, const char *zone_id)
{
    unsigned at = find(counts, zone_id);
    uint16_t slot = counts->buckets[at];

    if (slot == 0)
        return;
    counts->slots[slot].zone_id[0] = '\0';
    counts->slots[slot].freed = ++counts->removals;
    counts->buckets[at] = 0;
    counts->used--;
    /* Those behind it in the row may have been put there because it stood in their way. */
    for (at = (at + 1) % BUCKET_COUNT; counts->buckets[at] != 0; at = (at + 1) % BUCKET_COUNT) {
        uint16_t moved = counts->buckets[at];
        counts->buckets[at] = 0;
        counts->buckets[find(counts, counts->slots[moved].zone_id)] = moved;
    }
}

const char *zone_counts_get(const struct zone_counts *counts, uint16_t slot, uint32_t *before)
{
    ASSERT(slot < ZONE_COUNT_SLOTS);
    if (counts->slots[slot].zone_id[0] == '\0')
        return NULL;
    *before = counts->slots[slot].uses - 1;
    return counts->slots[slot].zone_id;
}
