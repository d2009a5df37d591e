#include "lib/test_world.h"

#include "base/assert.h"
#include "geo/cidr.h"
#include "geo/database.h"
#include "geo/latency.h"
#include "geo/location.h"
#include "geo/region.h"
#include "geo/view.h"
#include "lib/test_route.h"
#include "zone/image.h"

#include <string.h>

const struct geo_location *__wrap_geo_database_find(const struct geo_database *database,
                                                    const struct geo_address *address,
                                                    unsigned *scope_bits);
struct geo_fetch __wrap_geo_database_prefetch(const struct geo_database *database,
                                              const struct geo_address *address);
void __wrap_geo_database_unref(struct geo_database *database);

static int no_database; /* its address stands for one */

static struct geo_location place(const char *continent, const char *country,
                                 const char *subdivision, int longitude_deg)
{
    return (struct geo_location){
        .continent_key = geo_continent_key(continent),
        .country_key = geo_country_key(country),
        .subdivision_key =
            subdivision != NULL ? geo_subdivision_key(country, subdivision) : GEO_KEY_NONE,
        .latitude_cdeg = 0,
        .longitude_cdeg = (int16_t)(100 * longitude_deg),
    };
}

/* Which row of the table; -1: nowhere. */
static int row_of(const struct geo_address *address)
{
    static const struct {
        uint8_t octets[2];
        uint8_t len;
        bool is_ipv6;
    } rows[] = {{{10, 1}, 2, false}, {{10, 2}, 2, false}, {{20, 1}, 2, false}, {{20, 2}, 2, false},
                {{30}, 1, false},    {{40}, 1, false},    {{0x20, 1}, 2, true}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (address->is_ipv6 == rows[i].is_ipv6 &&
            memcmp(address->octets, rows[i].octets, rows[i].len) == 0)
            return (int)i;
    return -1;
}

const struct geo_location *__wrap_geo_database_find(const struct geo_database *database,
                                                    const struct geo_address *address,
                                                    unsigned *scope_bits)
{
    static struct geo_location locations[7];
    const int row = row_of(address);
    ASSERT(database == (const void *)&no_database);
    if (locations[0].country_key == 0) {
        locations[0] = place("EU", "FR", NULL, 10);
        locations[1] = place("EU", "DE", NULL, 20);
        locations[2] = locations[3] = place("NA", "US", "WA", 80);
        locations[4] = place("NA", "US", NULL, 0);
        locations[4].latitude_cdeg = locations[4].longitude_cdeg = GEO_COORDINATE_NONE;
        locations[5] = locations[6] = place("AS", "JP", NULL, -80);
    }
    *scope_bits = row < 0 ? 8 : 16;
    return row < 0 ? NULL : &locations[row];
}

struct geo_fetch __wrap_geo_database_prefetch(const struct geo_database *database,
                                              const struct geo_address *address)
{
    ASSERT(database == (const void *)&no_database && address->bits > 0);
    return (struct geo_fetch){.root = NULL};
}

void __wrap_geo_database_unref(struct geo_database *database)
{
    ASSERT(database == NULL || database == (const void *)&no_database);
}

static struct prefix prefix_of(const char *text)
{
    struct prefix prefix;
    const char *reason;
    ASSERT(prefix_parse(text, &prefix, &reason) == 0);
    return prefix;
}

static struct geo_cidr *make_cidr(void)
{
    const struct geo_cidr_block blocks[] = {
        {prefix_of("10.1.0.0/16"), geo_cidr_location_hash("a")},
        {prefix_of("10.1.2.0/24"), geo_cidr_location_hash("b")},
        {prefix_of("20.0.0.0/8"), geo_cidr_location_hash("c")},
        {prefix_of("2001:db8::/32"), geo_cidr_location_hash("six")},
    };
    struct geo_cidr_collection *collection;
    struct geo_cidr *cidr;
    ASSERT(geo_cidr_collection_new(blocks, sizeof blocks / sizeof *blocks, &collection) == 0);
    ASSERT(geo_cidr_with(NULL, 7, collection, &cidr) == 0);
    geo_cidr_collection_unref(collection);
    return cidr;
}

static struct geo_latency *make_latency(void)
{
    const struct prefix one = prefix_of("20.1.0.0/16"), two = prefix_of("20.2.0.0/16");
    const struct geo_latency_entry entries[] = {
        {one, 128, GEO_LATENCY_IMPORTED, 20}, {one, 129, GEO_LATENCY_IMPORTED, 25},
        {one, 130, GEO_LATENCY_IMPORTED, 90}, {two, 128, GEO_LATENCY_IMPORTED, 50},
        {two, 129, GEO_LATENCY_IMPORTED, 20},
    };
    struct geo_latency *latency;
    ASSERT(geo_latency_new(entries, sizeof entries / sizeof *entries, 1, &latency) == 0);
    return latency;
}

static struct geo_regions *make_regions(void)
{
    static const struct geo_region own[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST] = {
        {"zero", 0, 0}, {"east", 0, 9000}, {"west", 0, -9000}};
    struct geo_regions *regions;
    ASSERT(geo_regions_new(own, &regions) == 0);
    return regions;
}

void test_world_put(struct zone_publisher *publisher)
{
    const struct geo_view parts = {.database = (struct geo_database *)(void *)&no_database,
                                   .regions = make_regions(),
                                   .latency = make_latency(),
                                   .cidr = make_cidr()};
    struct geo_view *view = geo_view_new(&parts);
    ASSERT(view != NULL);
    zone_change_geo(publisher, view);
    test_route_publish(publisher);
}
