/* node/geo/cidr.h: CIDR collections compiled for lookups: which location of a collection holds a
 * client. Immutable, reference-counted. */
#pragma once

#include "base/prefix.h"

#include <stddef.h>
#include <stdint.h>

#define GEO_CIDR_SLOTS_MAX (1u << 20)

struct geo_address;
struct geo_cidr;            /* all collections, by slot */
struct geo_cidr_collection; /* one, shared by the versions of geo_cidr that have it */

struct geo_cidr_block {
    struct prefix prefix;
    uint32_t location; /* geo_cidr_location_hash() of its name */
};

/* Never 0, which stands for "*". Part of stored rules: never changes. */
uint32_t geo_cidr_location_hash(const char *name);

/* Compile @count blocks (borrowed, any order; nested ones are fine, the longest counts; equal ones
 * are ERR_EXISTS). ERR_LIMIT, ERR_NOMEM. */
int geo_cidr_collection_new(const struct geo_cidr_block *blocks, size_t count,
                            struct geo_cidr_collection **out);
struct geo_cidr_collection *geo_cidr_collection_ref(struct geo_cidr_collection *collection);
void geo_cidr_collection_unref(struct geo_cidr_collection *collection); /* accepts NULL */

/* @old (borrowed; NULL: empty) with @collection (a reference is taken; NULL: none) at @slot, as a
 * new one. ERR_LIMIT: no such slot. ERR_NOMEM. */
int geo_cidr_with(const struct geo_cidr *old, uint32_t slot, struct geo_cidr_collection *collection,
                  struct geo_cidr **out);
struct geo_cidr *geo_cidr_ref(struct geo_cidr *cidr);
void geo_cidr_unref(struct geo_cidr *cidr); /* accepts NULL */

/* The location whose longest block holds the address; 0: none. A block longer than what is known of
 * the address does not match. *@scope_bits: as in geo/database.h; 0 if there is no collection. */
uint32_t geo_cidr_find(const struct geo_cidr *cidr, uint32_t slot,
                       const struct geo_address *address, unsigned *scope_bits);
struct geo_fetch geo_cidr_prefetch(const struct geo_cidr *cidr, uint32_t slot,
                                   const struct geo_address *address);
