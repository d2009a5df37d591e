/* node/cluster/zone_counts.h: by which slots of the image zones are counted. There are few, so that
 * what is counted stays bounded: the first ones to be served get one each, all others share
 * ZONE_COUNTS_OTHERS. A slot that was given up is given out again, the longest unused first. Loop
 * thread. */
#pragma once

#include <stdint.h>

#define ZONE_COUNTS_OTHERS 1u
#define ZONE_COUNTS_FIRST 2u /* slots from here on are one zone's */

struct zone_counts; /* opaque */

/* NULL: no memory. zone_counts_free() accepts NULL. */
struct zone_counts *zone_counts_new(void);
void zone_counts_free(struct zone_counts *counts);

/* The slot of the zone of that id, which it keeps until it is removed. */
uint16_t zone_counts_put(struct zone_counts *counts, const char *zone_id);
/* The zone is gone; one that has no slot is fine. */
void zone_counts_remove(struct zone_counts *counts, const char *zone_id);
/* Whose @slot is, and how many had it before; NULL: nobody's now. Borrowed until the next call that
 * changes something. */
const char *zone_counts_get(const struct zone_counts *counts, uint16_t slot, uint32_t *before);
