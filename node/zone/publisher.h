/* node/zone/publisher.h: inside of image.h, for the files of this room that share it. */
#pragma once

#include "zone/image.h"
#include "zone/trie.h"

#include <stdatomic.h>
#include <stdbool.h>

struct zone_wire_set;

/* One zone in one generation; the item of the outer trie. */
struct zone {
    struct zone_trie_item item;      /* named by the apex without the root label */
    struct zone_trie_node names;     /* trie of struct zone_node by names relative to the apex */
    const struct zone_wire_set *soa; /* in the node of the apex, or NULL */
    struct zone *next_dead;          /* once no longer served: in a list to be freed */
    uint32_t negative_ttl_s;
    uint32_t name_count;
    uint8_t apex[]; /* with the root label */
};

struct zone_image {
    struct zone_trie_node zones;     /* trie of struct zone by apex */
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
    struct policy_health *health;
    struct zone_batch *batches; /* published, oldest first */
    struct zone_batch **batches_tail;
    struct zone *dead_zones; /* out of sight, being taken apart */
};
