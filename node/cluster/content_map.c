#include "cluster/content_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"

#define CAPACITY_MIN 64

void content_map_fini(struct content_map *map)
{
    for (uint64_t i = 0; i < map->capacity; i++)
        free(map->slots[i].apex);
    free(map->slots);
    *map = (struct content_map){0};
}

/* Content numbers are counted up, so a multiplication spreads them well (Knuth 6.4). */
static uint64_t home_of(const struct content_map *map, uint64_t content)
{
    return (content * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (map->capacity - 1);
}

/* The slot of @content, or the empty one where it would go. At most half of the slots are used. */
static struct content_entry *slot_of(const struct content_map *map, uint64_t content)
{
    uint64_t at = home_of(map, content);

    while (map->slots[at].content != 0 && map->slots[at].content != content)
        at = (at + 1) & (map->capacity - 1);
    return &map->slots[at];
}

struct content_entry *content_map_find(struct content_map *map, uint64_t content)
{
    if (map->capacity == 0)
        return NULL;
    struct content_entry *slot = slot_of(map, content);
    return slot->content == content ? slot : NULL;
}

static int grow(struct content_map *map)
{
    struct content_map larger = {.capacity = map->capacity ? map->capacity * 2 : CAPACITY_MIN,
                                 .count = map->count};

    larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
    if (!larger.slots)
        return ERR_NOMEM;
    for (uint64_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].content != 0)
            *slot_of(&larger, map->slots[i].content) = map->slots[i];
    }
    free(map->slots);
    *map = larger;
    return 0;
}

int content_map_put(struct content_map *map, uint64_t content, const uint8_t *apex,
                    const char *private_id, struct zone_content *filling)
{
    ASSERT(content != 0);
    if ((map->count + 1) * 2 > map->capacity && grow(map) != 0)
        return ERR_NOMEM;
    const size_t len = dns_name_len(apex), id_size = private_id ? strlen(private_id) + 1 : 0;
    uint8_t *copy = malloc(len + id_size);
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, apex, len);
    if (private_id)
        memcpy(copy + len, private_id, id_size);
    struct content_entry *slot = slot_of(map, content);
    map->count += slot->content == 0;
    free(slot->apex);
    *slot = (struct content_entry){.content = content,
                                   .filling = filling,
                                   .apex = copy,
                                   .private_id = private_id ? (const char *)copy + len : NULL};
    return 0;
}

void content_map_remove(struct content_map *map, uint64_t content)
{
    struct content_entry *slot = content_map_find(map, content);

    if (!slot)
        return;
    free(slot->apex);
    *slot = (struct content_entry){0};
    map->count--;
    /* Close the gap: what probed past it must be found again (Knuth 6.4, algorithm R). */
    uint64_t gap = (uint64_t)(slot - map->slots);
    for (uint64_t at = (gap + 1) & (map->capacity - 1); map->slots[at].content != 0;
         at = (at + 1) & (map->capacity - 1)) {
        uint64_t home = home_of(map, map->slots[at].content);
        uint64_t from_home = (at - home) & (map->capacity - 1);
        uint64_t from_gap = (at - gap) & (map->capacity - 1);
        if (from_home < from_gap)
            continue;
        map->slots[gap] = map->slots[at];
        map->slots[at] = (struct content_entry){0};
        gap = at;
    }
}
