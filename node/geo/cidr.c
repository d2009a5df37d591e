/* node/geo/cidr.c: a collection is a table of locations, which answers whenever enough is known of
 * the address, and the blocks in order, each with the one around it, for when less is known. */
#include "geo/cidr.h"

#include "base/assert.h"
#include "base/err.h"
#include "geo/table.h"
#include "geo/view.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_PER_PAGE 256u
#define NO_BLOCK UINT32_MAX
#define BLOCKS_MAX (1u << 24)

struct block {
    geo__number start;
    uint32_t location;
    uint32_t parent; /* the next longer one around it, or NO_BLOCK */
    uint8_t len;
    bool is_ipv6;
};

struct geo_cidr_collection {
    uint32_t references;
    uint32_t location_count;
    struct geo_table *table; /* index of `locations` */
    uint32_t *locations;
    uint8_t longest[2]; /* [is_ipv6]: no block is longer */
    uint32_t block_count;
    struct block blocks[]; /* by family, start and length */
};

struct geo_cidr {
    uint32_t references;
    uint32_t slot_count;
    struct geo_cidr_collection *slots[];
};

/* FNV-1a, as fixed for ever as a stored number has to be. */
uint32_t geo_cidr_location_hash(const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *at = name; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619u;
    return hash == 0 ? 1 : hash;
}

static int compare_blocks(const void *a, const void *b)
{
    const struct block *left = a, *right = b;
    if (left->is_ipv6 != right->is_ipv6)
        return left->is_ipv6 ? 1 : -1;
    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    return (int)left->len - (int)right->len;
}

static geo__number mask_of(unsigned len)
{
    return len == 0 ? 0 : ~(geo__number)0 << (128u - len);
}

static bool holds(const struct block *block, geo__number number, bool is_ipv6)
{
    return block->is_ipv6 == is_ipv6 && (number & mask_of(block->len)) == block->start;
}

static void find_parents(struct geo_cidr_collection *collection)
{
    for (uint32_t i = 0; i < collection->block_count; i++) {
        struct block *block = &collection->blocks[i];
        uint32_t parent = i > 0 ? i - 1 : NO_BLOCK;
        while (parent != NO_BLOCK &&
               !holds(&collection->blocks[parent], block->start, block->is_ipv6))
            parent = collection->blocks[parent].parent;
        block->parent = parent;
    }
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* The different locations, in order. */
static int list_locations(struct geo_cidr_collection *collection,
                          const struct geo_cidr_block *blocks, size_t count)
{
    uint32_t *locations = malloc((count + 1) * sizeof *locations);
    uint32_t kept = 0;
    if (locations == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        locations[i] = blocks[i].location;
    qsort(locations, count, sizeof *locations, compare_numbers);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || locations[kept - 1] != locations[i])
            locations[kept++] = locations[i];
    collection->locations = locations;
    collection->location_count = kept;
    return 0;
}

static uint32_t location_index(const struct geo_cidr_collection *collection, uint32_t location)
{
    const uint32_t *found = bsearch(&location, collection->locations, collection->location_count,
                                    sizeof collection->locations[0], compare_numbers);
    ASSERT(found != NULL);
    return (uint32_t)(found - collection->locations);
}

static int make_table(struct geo_cidr_collection *collection, const struct geo_cidr_block *blocks,
                      size_t count)
{
    struct geo_table_entry *entries = malloc((count + 1) * sizeof *entries);
    if (entries == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct geo_table_entry){
            .prefix = blocks[i].prefix,
            .value = location_index(collection, blocks[i].location),
        };
    int err = geo__table_new(entries, count, &collection->table);
    free(entries);
    return err;
}

static void fill_blocks(struct geo_cidr_collection *collection, const struct geo_cidr_block *blocks,
                        size_t count)
{
    collection->block_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        const struct prefix *prefix = &blocks[i].prefix;
        collection->blocks[i] = (struct block){
            .start = geo__number_of(prefix->octets, prefix->is_ipv6),
            .location = blocks[i].location,
            .len = prefix->len,
            .is_ipv6 = prefix->is_ipv6,
        };
        if (prefix->len > collection->longest[prefix->is_ipv6])
            collection->longest[prefix->is_ipv6] = prefix->len;
    }
    qsort(collection->blocks, count, sizeof collection->blocks[0], compare_blocks);
    find_parents(collection);
}

int geo_cidr_collection_new(const struct geo_cidr_block *blocks, size_t count,
                            struct geo_cidr_collection **out)
{
    if (count > BLOCKS_MAX)
        return ERR_LIMIT;
    struct geo_cidr_collection *collection =
        calloc(1, sizeof *collection + count * sizeof collection->blocks[0]);
    if (collection == NULL)
        return ERR_NOMEM;
    collection->references = 1;
    int err = list_locations(collection, blocks, count);
    if (err == 0)
        err = make_table(collection, blocks, count);
    if (err != 0) {
        geo_cidr_collection_unref(collection);
        return err;
    }
    fill_blocks(collection, blocks, count);
    *out = collection;
    return 0;
}

struct geo_cidr_collection *geo_cidr_collection_ref(struct geo_cidr_collection *collection)
{
    const uint32_t before = __atomic_fetch_add(&collection->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0 && before < UINT32_MAX);
    return collection;
}

void geo_cidr_collection_unref(struct geo_cidr_collection *collection)
{
    if (collection == NULL || __atomic_sub_fetch(&collection->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    geo__table_free(collection->table);
    free(collection->locations);
    free(collection);
}

int geo_cidr_with(const struct geo_cidr *old, uint32_t slot, struct geo_cidr_collection *collection,
                  struct geo_cidr **out)
{
    const uint32_t old_count = old == NULL ? 0 : old->slot_count;
    uint32_t count = old_count;

    if (slot >= GEO_CIDR_SLOTS_MAX)
        return ERR_LIMIT;
    if (slot >= count)
        count = (slot / SLOTS_PER_PAGE + 1) * SLOTS_PER_PAGE;
    struct geo_cidr *cidr = calloc(1, sizeof *cidr + count * sizeof cidr->slots[0]);
    if (cidr == NULL)
        return ERR_NOMEM;
    cidr->references = 1;
    cidr->slot_count = count;
    for (uint32_t i = 0; i < old_count; i++)
        if (i != slot && old->slots[i] != NULL)
            cidr->slots[i] = geo_cidr_collection_ref(old->slots[i]);
    if (collection != NULL)
        cidr->slots[slot] = geo_cidr_collection_ref(collection);
    *out = cidr;
    return 0;
}

struct geo_cidr *geo_cidr_ref(struct geo_cidr *cidr)
{
    const uint32_t before = __atomic_fetch_add(&cidr->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0 && before < UINT32_MAX);
    return cidr;
}

void geo_cidr_unref(struct geo_cidr *cidr)
{
    if (cidr == NULL || __atomic_sub_fetch(&cidr->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (uint32_t i = 0; i < cidr->slot_count; i++)
        geo_cidr_collection_unref(cidr->slots[i]);
    free(cidr);
}

/* The last block that starts at or before @number, or NO_BLOCK. It or one around it is the longest
 * that holds the address. */
static uint32_t last_block(const struct geo_cidr_collection *collection, const struct block *number)
{
    uint32_t low = 0, high = collection->block_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare_blocks(&collection->blocks[middle], number) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? NO_BLOCK : low - 1;
}

/* Less is known of the address than the longest blocks ask for: those that are too long for it do
 * not match. If one of them would change the answer, the scope says how much has to be known. */
static uint32_t find_short(const struct geo_cidr_collection *collection,
                           const struct geo_address *address, unsigned *scope_bits)
{
    const struct block number = {.start = geo__number_of(address->octets, address->is_ipv6),
                                 .len = UINT8_MAX,
                                 .is_ipv6 = address->is_ipv6};
    uint32_t at = last_block(collection, &number), location = 0;
    const struct block *innermost = NULL;

    for (; at != NO_BLOCK; at = collection->blocks[at].parent) {
        const struct block *block = &collection->blocks[at];
        if (!holds(block, number.start, number.is_ipv6))
            continue;
        if (innermost == NULL)
            innermost = block;
        if (block->len <= address->bits) {
            location = block->location;
            break;
        }
    }
    if (innermost != NULL && innermost->location != location && innermost->len > *scope_bits)
        *scope_bits = innermost->len;
    return location;
}

static const struct geo_cidr_collection *collection_at(const struct geo_cidr *cidr, uint32_t slot)
{
    return slot < cidr->slot_count ? cidr->slots[slot] : NULL;
}

uint32_t geo_cidr_find(const struct geo_cidr *cidr, uint32_t slot,
                       const struct geo_address *address, unsigned *scope_bits)
{
    const struct geo_cidr_collection *collection = collection_at(cidr, slot);
    *scope_bits = 0;
    if (collection == NULL)
        return 0;
    const uint32_t index = geo__table_find(collection->table, address, scope_bits);
    if (address->bits < collection->longest[address->is_ipv6])
        return find_short(collection, address, scope_bits);
    return index == GEO_TABLE_NONE ? 0 : collection->locations[index];
}

struct geo_fetch geo_cidr_prefetch(const struct geo_cidr *cidr, uint32_t slot,
                                   const struct geo_address *address)
{
    const struct geo_cidr_collection *collection = collection_at(cidr, slot);
    if (collection == NULL)
        return (struct geo_fetch){.root = NULL};
    return geo__table_prefetch(collection->table, address);
}
