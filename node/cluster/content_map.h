/* node/cluster/content_map.h: content number → the zone it belongs to, for hundreds of thousands of
 * zones. A hash table with open addressing. Loop thread. */
#pragma once

#include <stdint.h>

struct publish_fill;
struct zone_content;
struct content_entry {
    uint64_t content;             /* 0: empty slot */
    struct zone_content *filling; /* not served yet; NULL: served */
    struct publish_fill *fill;    /* reads it from the state; NULL: an import fills it, or served */
    uint8_t *apex;                /* wire octets, owned by the map */
    const char *private_id;       /* behind the apex: of a private zone; NULL: a public one */
};
struct content_map {
    struct content_entry *slots; /* NULL while empty */
    uint64_t capacity;           /* a power of two, or 0 */
    uint64_t count;
};

/* A zeroed map is empty. Contents that are still filling are the caller's to drop. */
void content_map_fini(struct content_map *map);
/* NULL: not there. Valid until the next put or remove. */
struct content_entry *content_map_find(struct content_map *map, uint64_t content);
/* Add or replace; copies @apex and @private_id (NULL: of a public zone). ERR_NOMEM. */
int content_map_put(struct content_map *map, uint64_t content, const uint8_t *apex,
                    const char *private_id, struct zone_content *filling);
void content_map_remove(struct content_map *map, uint64_t content);
