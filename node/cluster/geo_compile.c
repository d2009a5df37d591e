#include "cluster/geo_compile.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "geo/cidr.h"
#include "geo/region.h"
#include "store/state_cidr.h"

struct blocks {
    struct geo_cidr_block *list;
    size_t count, capacity;
};

static int on_block(void *user, const struct state_cidr_block *block)
{
    struct blocks *blocks = user;

    if (blocks->count == blocks->capacity)
        return ERR_CORRUPT; /* more than the collection says that it has */
    struct geo_cidr_block *out = &blocks->list[blocks->count++];
    *out = (struct geo_cidr_block){.location = geo_cidr_location_hash(block->location)};
    out->prefix.len = block->octets[0];
    out->prefix.is_ipv6 = block->len == STATE_CIDR_BLOCK_MAX;
    memcpy(out->prefix.octets, block->octets + 1, block->len - 1);
    return 0;
}

static int compile(const struct kv *kv, const struct state_cidr_collection *collection,
                   struct geo_cidr_collection **out)
{
    struct blocks blocks = {.capacity = collection->block_count};

    if (collection->block_count > STATE_CIDR_BLOCKS_MAX)
        return ERR_CORRUPT;
    blocks.list = malloc(blocks.capacity * sizeof(*blocks.list) + 1);
    int rc = blocks.list ? state_list_cidr_blocks(kv, collection->id, NULL, on_block, &blocks)
                         : ERR_NOMEM;
    if (rc == 0)
        rc = geo_cidr_collection_new(blocks.list, blocks.count, out);
    free(blocks.list);
    return rc == ERR_EXISTS ? ERR_CORRUPT : rc;
}

int geo_compile_collection(const struct kv *kv, const char *id, unsigned slot,
                           const struct geo_cidr *old, struct geo_cidr **out)
{
    struct state_cidr_collection stored;
    struct geo_cidr_collection *collection = NULL;
    int rc = state_get_cidr(kv, id, &stored);

    if (rc == 0)
        rc = compile(kv, &stored, &collection);
    if (rc == 0 || rc == ERR_NOT_FOUND)
        rc = geo_cidr_with(old, slot, collection, out);
    geo_cidr_collection_unref(collection);
    return rc;
}

struct all {
    const struct kv *kv;
    struct geo_cidr *cidr;
};

static int on_collection(void *user, const struct state_cidr_collection *stored)
{
    struct all *all = user;
    struct geo_cidr *larger;
    int rc = geo_compile_collection(all->kv, stored->id, stored->slot, all->cidr, &larger);

    if (rc != 0)
        return rc;
    geo_cidr_unref(all->cidr);
    all->cidr = larger;
    return 0;
}

int geo_compile_cidr(const struct kv *kv, struct geo_cidr **out)
{
    struct all all = {.kv = kv};
    int rc = geo_cidr_with(NULL, 0, NULL, &all.cidr);

    if (rc == 0)
        rc = state_list_cidrs(kv, "", on_collection, &all);
    if (rc != 0)
        geo_cidr_unref(all.cidr);
    else
        *out = all.cidr;
    return rc;
}

static int on_region(void *user, const struct state_region *region)
{
    struct geo_region *own = user, *out = &own[region->number - STATE_OWN_REGION_FIRST];

    _Static_assert(sizeof(out->name) >= sizeof(region->name), "as long as state's");
    memcpy(out->name, region->name, sizeof(region->name));
    out->latitude_cdeg = region->latitude_cdeg;
    out->longitude_cdeg = region->longitude_cdeg;
    return 0;
}

int geo_compile_regions(const struct kv *kv, struct geo_regions **out)
{
    struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST] = {0};
    int rc = state_list_regions(kv, on_region, own);

    return rc != 0 ? rc : geo_regions_new(own, out);
}
