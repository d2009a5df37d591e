/* node/cluster/geo_parts.h: what routing knows of clients, part by part: the location database is
 * this node's own, the others come from the state. Each change makes a new view (geo/view.h) of all
 * parts and hands it to the image. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct geo_cidr;
struct geo_database;
struct geo_latency;
struct geo_parts;
struct geo_regions;
struct geo_view;
struct publish;

/* Route 53's regions, and nothing else yet. @publish outlives it. ERR_NOMEM. */
int geo_parts_new(struct publish *publish, struct geo_parts **out);
void geo_parts_free(struct geo_parts *parts); /* accepts NULL; readers keep their view */

/* Route by this part (a reference, taken in any case; NULL: none) from the next generation of the
 * image on: that of the entry being applied, or what geo_parts_publish() makes. ERR_NOMEM: the old
 * one stays. */
int geo_parts_set_database(struct geo_parts *parts, struct geo_database *database_take);
int geo_parts_set_regions(struct geo_parts *parts, struct geo_regions *regions_take);
int geo_parts_set_latency(struct geo_parts *parts, struct geo_latency *latency_take);
int geo_parts_set_cidr(struct geo_parts *parts, struct geo_cidr *cidr_take);
/* geo_parts_set_cidr() for what became of the collection of @slot with log index @index; and: has
 * that been done? The other commands of the entry need not do it again. */
int geo_parts_set_cidr_at(struct geo_parts *parts, struct geo_cidr *cidr_take, uint32_t slot,
                          uint64_t index);
bool geo_parts_has_cidr_at(const struct geo_parts *parts, uint32_t slot, uint64_t index);
/* What was set outside of an entry becomes visible: publish_refresh(). */
void geo_parts_publish(struct geo_parts *parts);

/* The view as it is by now, for control and explain; borrowed until the next call. */
const struct geo_view *geo_parts_view(const struct geo_parts *parts);
