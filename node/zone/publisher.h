/* node/zone/publisher.h: inside of image.h, for the files of this room that share it. */
#pragma once

#include "zone/image.h"
#include "zone/slots.h"
#include "zone/trie.h"

#include <stdatomic.h>
#include <stdbool.h>

struct geo_cidr;
struct zone_wire_set;

/* One zone in one generation; the item of an outer trie: a public one by its apex without the root
 * label, a private one by its id as a label, as several may have one apex. */
struct zone {
    struct zone_trie_item item;
    struct zone_trie_node names;     /* trie of struct zone_node by names relative to the apex */
    const struct zone_wire_set *soa; /* in the node of the apex, or NULL */
    struct zone *next_dead;          /* once no longer served: in a list to be freed */
    uint32_t negative_ttl_s;
    uint32_t name_count;
    struct zone_slots slots; /* zone_content_log(), zone_content_count() */
    uint8_t apex_at;         /* 0: a public zone */
    uint8_t octets[];        /* of a private zone the label; the apex with the root label */
};

static inline const uint8_t *zone__apex(const struct zone *zone)
{
    return zone->octets + zone->apex_at;
}

/* A private zone in a view's trie, named by the zone's apex without the root label. */
struct zone_link {
    struct zone_trie_item item;
    uint8_t octets[]; /* the private zone's label; the apex without the root label */
};

struct zone_view {
    struct zone_trie_node links; /* trie of struct zone_link; by item.name_at the apex */
};

/* All views, one block for the generations in a row that have the same ones. */
struct zone_views {
    struct geo_cidr *networks; /* a reference; slot 0: location = number of a view + 1 */
    uint32_t count;
    struct zone_view views[]; /* by number; those without networks are seen by nobody */
};

struct zone_image {
    struct zone_trie_node zones;     /* trie of public struct zone by apex */
    struct zone_trie_node privates;  /* trie of private struct zone by id */
    struct zone_views *views;        /* NULL: there are none */
    struct zone_trie_node externals; /* trie of struct zone_node by whole name: alias targets */
    const struct policy_health *health;
    struct geo_view *geo; /* one reference, for all generations in a row that have it */
    uint64_t index;
    size_t zone_count;
    size_t name_count; /* of all zones */
};

struct zone_content {
    struct zone *zone;
    uint64_t owner; /* of its blocks, until it is served */
};

/* What one publish replaced: to be freed when the readers of older generations are gone. */
struct zone_batch;

struct zone_publisher {
    _Atomic(struct zone_image *) current; /* readers take it in a read section */
    struct zone_image next;               /* the change being prepared */
    uint64_t owner;                       /* of the blocks that it made */
    uint64_t owner_last;                  /* highest number given out */
    struct zone_slab slab;
    struct zone_retired_list retired; /* blocks that it replaced */
    struct zone *retired_zones;       /* whole zones that it replaced */
    struct geo_view *retired_geo;     /* the view of published generations that it replaced */
    bool is_geo_changed;
    struct zone_views *retired_views; /* likewise */
    bool are_views_changed;           /* next.views is nobody's but the change's */
    struct policy_health *health;
    struct zone_batch *batches; /* published, oldest first */
    struct zone_batch **batches_tail;
    struct zone *dead_zones; /* out of sight, being taken apart */
};

/* ---- change.c, view.c ---- */

/* Have the trie at @root, which goes out of the next generation, taken apart once no reader is
 * left. ERR_NOMEM. */
int zone__retire_trie(struct zone_publisher *publisher, const struct zone_trie_node *root);
void zone__views_free(struct zone_views *views); /* accepts NULL */
