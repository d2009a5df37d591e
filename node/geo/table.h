/* node/geo/table.h: from address to value, as the ranges of addresses that have the same one. Two
 * ranges next to each other never have equal values, so the longest prefix around an address with
 * one value is found from the ends of its range alone, and prefixes of different answers never
 * overlap (RFC 7871 7.2.1). Immutable once built. Internal to the room. */
#pragma once

#include "base/prefix.h"
#include "geo/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct geo_table;
struct geo_table_builder;

#define GEO_TABLE_NONE UINT32_MAX /* value of addresses that no prefix holds */
#define GEO_TABLE_VALUES_MAX 0x80000000u
#define GEO_TABLE_RANGES_MAX (1u << 26) /* of one family */

/* An address as a number, its first bit highest; IPv4 is in the 32 highest bits. */
typedef unsigned __int128 geo__number;

struct geo_table_entry {
    struct prefix prefix;
    uint32_t value; /* below GEO_TABLE_VALUES_MAX */
};

/* Compile @count entries (borrowed, any order; the longest prefix counts). ERR_EXISTS: two have the
 * same prefix. ERR_LIMIT: more than GEO_TABLE_RANGES_MAX ranges. ERR_NOMEM. */
int geo__table_new(const struct geo_table_entry *entries, size_t count, struct geo_table **out);
void geo__table_free(struct geo_table *table); /* accepts NULL */
size_t geo__table_memory(const struct geo_table *table);

/* The value at the address, and the length of the longest-known prefix around it all of whose
 * addresses have this value, as geo_database_find() gives it. No allocation. */
uint32_t geo__table_find(const struct geo_table *table, const struct geo_address *address,
                         unsigned *scope_bits);
struct geo_fetch geo__table_prefetch(const struct geo_table *table,
                                     const struct geo_address *address);

/* The same from ranges in order: each family's starts with address 0; a value counts from @start to
 * the next start. NULL: no memory. A failure is remembered until finish. */
struct geo_table_builder *geo__table_begin(void);
void geo__table_add(struct geo_table_builder *builder, bool is_ipv6, geo__number start,
                    uint32_t value);
/* Frees @builder_take in any case. */
int geo__table_finish(struct geo_table_builder *builder_take, struct geo_table **out);
void geo__table_abandon(struct geo_table_builder *builder); /* accepts NULL */
/* The failure so far: 0, ERR_NOMEM or ERR_LIMIT. */
int geo__table_failure(const struct geo_table_builder *builder);

geo__number geo__number_of(const uint8_t *octets, bool is_ipv6);

/* What a table is made of: for table.c and table_build.c. */
struct geo__range4 {
    uint32_t start;
    uint32_t value;
};

#define GEO__FANOUT 16u /* keys of a tree node: two cache lines */
#define GEO__LEVELS_MAX 8u
#define GEO__FINE_BIT 0x80000000u /* of a value: the /64 has several; the rest is its number */

/* Ranges within one /64, by the lower 64 bits. */
struct geo__fine {
    uint32_t first, count;
};

struct geo_table {
    /* IPv4: ranges by start, and (when there are many) where those of each /16 begin. */
    struct geo__range4 *ranges4;
    uint32_t *roots4; /* 65,537 of them, or NULL */
    uint32_t count4;
    /* IPv6: a static tree over the upper 64 bits: levels[0] are the starts, each further one has
     * every 16th of the one below. Padded with UINT64_MAX to whole nodes. */
    uint64_t *levels6[GEO__LEVELS_MAX];
    uint32_t *values6;                 /* of levels6[0] */
    uint32_t counts6[GEO__LEVELS_MAX]; /* keys of each level, without padding */
    uint32_t level_count6;
    struct geo__fine *fines;
    uint64_t *fine_starts;
    uint32_t *fine_values;
    size_t memory;
};
