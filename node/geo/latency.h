/* node/geo/latency.h: round-trip times from client prefixes to regions, compiled for lookups.
 * Immutable, reference-counted; built from the replicated state, so all nodes have the same. */
#pragma once

#include "base/prefix.h"

#include <stddef.h>
#include <stdint.h>

#define GEO_LATENCY_NONE UINT16_MAX

struct geo_address;
struct geo_latency;

enum geo_latency_source {
    GEO_LATENCY_IMPORTED = 1,
    GEO_LATENCY_MEASURED = 2,
    GEO_LATENCY_ROLLED_UP = 3
};

struct geo_latency_entry {
    struct prefix prefix;
    uint8_t region; /* number */
    uint8_t source; /* enum geo_latency_source */
    uint16_t ms;
};

/* Compile @count entries (borrowed, any order). An imported entry beats a measured one of the same
 * prefix and region. Measured /24 (IPv4) and /48 (IPv6) are rolled up to /16 and /32 (the mean)
 * for their neighbours. ERR_LIMIT, ERR_NOMEM. */
int geo_latency_new(const struct geo_latency_entry *entries, size_t count, uint64_t version,
                    struct geo_latency **out);
struct geo_latency *geo_latency_ref(struct geo_latency *latency);
void geo_latency_unref(struct geo_latency *latency); /* accepts NULL */
uint64_t geo_latency_version(const struct geo_latency *latency);

/* Milliseconds by region number (GEO_REGIONS_MAX of them) of the longest prefix that holds the
 * address, or NULL; *@scope_bits as in geo/database.h. */
const uint16_t *geo_latency_find(const struct geo_latency *latency,
                                 const struct geo_address *address, unsigned *scope_bits);
/* For show: where the figure of a row and region comes from, and the row's prefix. */
enum geo_latency_source geo_latency_source(const struct geo_latency *latency, const uint16_t *row,
                                           unsigned region);
