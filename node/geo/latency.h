/* node/geo/latency.h: round-trip times from client prefixes to regions, compiled for lookups.
 * Immutable, reference-counted; built from the replicated state, so all nodes have the same. */
#pragma once

#include "base/prefix.h"

#include <stddef.h>
#include <stdint.h>

#define GEO_LATENCY_NONE UINT16_MAX
#define GEO_LATENCY_ENTRIES_MAX (1u << 24)

struct geo_address;
struct geo_latency;
struct geo_latency_row; /* what is known of the clients of one prefix; as long as its table */

enum geo_latency_source {
    GEO_LATENCY_IMPORTED = 1,
    GEO_LATENCY_MEASURED = 2,
    GEO_LATENCY_ROLLED_UP = 3
};

struct geo_latency_entry {
    struct prefix prefix;
    uint8_t region; /* number */
    uint8_t source; /* enum geo_latency_source: imported or measured */
    uint16_t ms;    /* below GEO_LATENCY_NONE */
};

/* Compile @count entries (borrowed, any order). An imported entry beats a measured one of the same
 * prefix and region; of two alike the later one counts. Measured /24 (IPv4) and /48 (IPv6) are
 * rolled up to /16 and /32 (the mean, rounded) for their neighbours, where nothing better is known
 * of those. ERR_LIMIT, ERR_NOMEM. */
int geo_latency_new(const struct geo_latency_entry *entries, size_t count, uint64_t version,
                    struct geo_latency **out);
struct geo_latency *geo_latency_ref(struct geo_latency *latency);
void geo_latency_unref(struct geo_latency *latency); /* accepts NULL */
uint64_t geo_latency_version(const struct geo_latency *latency);
size_t geo_latency_memory(const struct geo_latency *latency); /* octets */

/* The row of the longest prefix that holds the address, or NULL; *@scope_bits as in
 * geo/database.h. */
const struct geo_latency_row *geo_latency_find(const struct geo_latency *latency,
                                               const struct geo_address *address,
                                               unsigned *scope_bits);
struct geo_fetch geo_latency_prefetch(const struct geo_latency *latency,
                                      const struct geo_address *address);

/* Milliseconds to @region, or GEO_LATENCY_NONE. What the row's own prefix lacks is taken from the
 * next shorter prefix around it that has it. */
uint16_t geo_latency_ms(const struct geo_latency_row *row, unsigned region);
/* For show and explain: where that figure comes from, and (if @prefix is not NULL) the prefix that
 * it was given for. 0, with *@prefix untouched: there is none. */
enum geo_latency_source geo_latency_origin(const struct geo_latency_row *row, unsigned region,
                                           struct prefix *prefix);
/* The row's own prefix. */
const struct prefix *geo_latency_prefix(const struct geo_latency_row *row);
