/* node/cluster/geo_compile.h: CIDR collections and regions of the state, compiled for lookups
 * (geo/cidr.h, geo/region.h). Loop thread. */
#pragma once

struct geo_cidr;
struct geo_regions;
struct kv;

/* All: ERR_NOMEM, and what reading gives; on 0 the caller owns a reference of *@out. */

/* All collections of @kv. */
int geo_compile_cidr(const struct kv *kv, struct geo_cidr **out);
/* @old (borrowed; NULL: empty) with the collection @id as @kv has it by now, at @slot; the effect
 * APPLY_CIDR_CHANGED names both. */
int geo_compile_collection(const struct kv *kv, const char *id, unsigned slot,
                           const struct geo_cidr *old, struct geo_cidr **out);
/* Route 53's regions and those of @kv. */
int geo_compile_regions(const struct kv *kv, struct geo_regions **out);
