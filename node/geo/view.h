/* node/geo/view.h: all that routing knows about clients, in one immutable, reference-counted view
 * that is swapped whole (zone_change_geo) and read under the image's read section: the location
 * database, the regions, the latency table and the CIDR collections. Each part may be NULL. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct geo__range4;  /* geo/table.h */
struct geo_cidr;     /* geo/cidr.h: collections by slot */
struct geo_database; /* geo/database.h */
struct geo_latency;  /* geo/latency.h */
struct geo_regions;  /* geo/region.h */

struct geo_view {
    struct geo_database *database;
    struct geo_regions *regions;
    struct geo_latency *latency;
    struct geo_cidr *cidr;
    uint32_t references; /* atomic; the room's own */
};

/* A view of these parts (a reference of each is taken over; NULL: has none). NULL: no memory, and
 * nothing was taken. Starts with one reference. */
struct geo_view *geo_view_new(const struct geo_view *parts_take);
struct geo_view *geo_view_ref(struct geo_view *view);
void geo_view_unref(struct geo_view *view); /* accepts NULL; any thread */

/* A client's address as routing sees it. */
struct geo_address {
    uint8_t octets[16]; /* network order; bits past `bits` are 0 */
    uint8_t bits;       /* known of it: 32 or 128 for a resolver's, the source prefix of ECS */
    bool is_ipv6;       /* IPv4 mapped into IPv6 was turned into IPv4 */
};

/* Memory that a look-up will read. The processor is asked for it in two steps, with other work
 * between them: a geo_…_prefetch() asks for the root, geo_fetch_more() for what it points to. */
struct geo_fetch {
    const uint32_t *root; /* NULL: there is no more to fetch */
    const struct geo__range4 *ranges;
};

void geo_fetch_more(const struct geo_fetch *fetch);
