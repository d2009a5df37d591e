/* node/zone/view.h: private zones, which clients see by the network that they ask from. A view is
 * some networks and the private zones that are linked into it; views have small numbers. To a
 * client of a view the most specific of its private zones at or above a name has that name's whole
 * truth; names that are in none of them are looked up in the public zones, as everybody else's
 * are. A private zone has an id instead of a name of its own: several may have one apex, and one
 * may be in many views.
 *
 * image.h says what a generation is, lookup.h what a look-up finds. */
#pragma once

#include "base/prefix.h"
#include "zone/lookup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct geo_address;
struct zone_content;
struct zone_image;
struct zone_publisher;
struct zone_record_set;
struct zone_view; /* of one generation */

#define ZONE_VIEWS_MAX 1024u
#define ZONE_PRIVATE_ID_MAX 63u /* octets of an id */
#define ZONE_PRIVATE_ID_SIZE (ZONE_PRIVATE_ID_MAX + 1)

/* ---- readers: in a read section; answer path: nothing is allocated, nothing waits ---- */

bool zone_image_has_views(const struct zone_image *image);
/* The view whose longest network holds the address, which must be known in full; NULL: none. */
const struct zone_view *zone_view_find(const struct zone_image *image,
                                       const struct geo_address *client);

/* As their namesakes in lookup.h, as seen from @view; NULL: the public zones alone. */
void zone_view_lookup(const struct zone_image *image, const struct zone_view *view,
                      const uint8_t *name, uint16_t qtype, struct zone_match *out);
void zone_view_find_target(const struct zone_image *image, const struct zone_view *view,
                           const uint8_t *name, uint16_t type, struct zone_target *out);
/* *@zone: where the set is, or would be; may be NULL. */
const struct zone_wire_set *zone_view_find_record_set(const struct zone_image *image,
                                                      const struct zone_view *view,
                                                      const uint8_t *name, uint16_t type,
                                                      const struct zone **zone);

bool zone_is_private(const struct zone *zone);
/* The id of a private zone; "" of a public one. */
void zone_private_id(const struct zone *zone, char out[ZONE_PRIVATE_ID_SIZE]);

/* ---- the writer ---- */

/* As their namesakes in image.h, for the private zone @id (1 to ZONE_PRIVATE_ID_MAX octets).
 * zone_change_serve() takes a private content, too. */
int zone_private_content_new(struct zone_publisher *publisher, const uint8_t *apex, const char *id,
                             struct zone_content **out);
int zone_private_put(struct zone_publisher *publisher, const char *id,
                     const struct zone_record_set *set);
int zone_private_remove(struct zone_publisher *publisher, const char *id, const uint8_t *name,
                        uint16_t type, const char *identifier, size_t identifier_len);
int zone_private_drop(struct zone_publisher *publisher, const char *id);

struct zone_view_network {
    struct prefix prefix;
    uint32_t view; /* below ZONE_VIEWS_MAX */
};
/* Take @networks (borrowed, any order) for those of all views. ERR_EXISTS: two are equal.
 * ERR_LIMIT, ERR_NOMEM. */
int zone_view_set_networks(struct zone_publisher *publisher,
                           const struct zone_view_network *networks, size_t count);
/* Let the view see the private zone @id, or another one of that apex no longer. A zone that is not
 * served (yet) is passed over by look-ups. Unlinking what is not linked, or is another zone, is
 * ERR_NOT_FOUND. ERR_LIMIT: no such view. ERR_NOMEM. */
int zone_view_link(struct zone_publisher *publisher, uint32_t view, const uint8_t *apex,
                   const char *id);
int zone_view_unlink(struct zone_publisher *publisher, uint32_t view, const uint8_t *apex,
                     const char *id);
/* Unlink all zones. ERR_NOMEM. */
int zone_view_clear(struct zone_publisher *publisher, uint32_t view);
