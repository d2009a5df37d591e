/* node/zone/slab.h: memory of the image. A million small blocks live and die here, so each costs
 * its size rounded up to 8 and nothing else, and what is in use is known exactly. One thread (the
 * writer) allocates and frees; any thread may read blocks. Internal to the room. */
#pragma once

#include <stddef.h>

#define ZONE_SLAB_BLOCK_MAX 1024 /* octets; larger blocks come from malloc */
#define ZONE_SLAB_CLASS_COUNT (ZONE_SLAB_BLOCK_MAX / 8 + 1)

struct zone_slab_page;
struct zone_slab_large;
struct zone_slab_region;

struct zone_slab {
    struct zone_slab_page *partial[ZONE_SLAB_CLASS_COUNT]; /* pages with room, by block size / 8 */
    struct zone_slab_page *spare; /* pages of no class with their memory, at most SPARE_MAX */
    struct zone_slab_page *empty; /* pages of no class whose memory was given back */
    unsigned spare_count;
    struct zone_slab_region *regions;
    struct zone_slab_large *large;
    size_t used_octets;
    size_t reserved_octets;
};

void zone__slab_init(struct zone_slab *slab);
/* Frees all blocks at once. */
void zone__slab_fini(struct zone_slab *slab);
/* @size octets, at least 1, aligned to 8 and not cleared; NULL when there is no memory. */
void *zone__slab_alloc(struct zone_slab *slab, size_t size);
/* @size as it was asked for. */
void zone__slab_free(struct zone_slab *slab, void *block, size_t size);
