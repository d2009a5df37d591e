/* node/store/state_zone.h: the zones of one name, of which at most one is served to everybody, and
 * the orders that zones are listed in (the rest is in state.h). Keys of KV_ZONE_NAMES: reversed
 * name, zone id; the value is empty for the zone that is served, else one octet of flags. Keys of
 * KV_OBJECTS: "Zn" and a reversed name, where it has zones with flags: the id of the one that is
 * served, if any is; "Zp" and the id of a private zone; "Rz" and a caller reference that a zone was
 * made with, for ever. */
#pragma once

#include "store/overlay.h"
#include "store/state.h"

#define STATE_ZONE_NOT_SERVED 1u
#define STATE_ZONE_PRIVATE 2u

/* From the first one of @from_name on whose id is ≥ @from_id (NULL: any), in the order of names in
 * reversed labels, then ids. */
int state_list_zones_from(const struct kv *kv, const uint8_t *from_name, const char *from_id,
                          state_zone_cb cb, void *user);
/* Private ones from @from_id on, by id. */
int state_list_private_zones(const struct kv *kv, const char *from_id, state_zone_cb cb,
                             void *user);
/* All of one name, by id. */
int state_list_zones_of_name(const struct kv *kv, const uint8_t *name, state_zone_cb cb,
                             void *user);
/* The zone of @content that @name lies in, whether it is served or not. */
int state_get_zone_of_content(const struct kv *kv, uint64_t content, const uint8_t *name,
                              struct state_zone *out);

struct state_name_zones {
    uint64_t public_count, private_count;
    char served[STATE_ID_SIZE]; /* empty: none */
};
int state_count_zones_of_name(const struct kv *kv, const uint8_t *name,
                              struct state_name_zones *out);

/* Was a zone ever made with this caller reference? */
int state_has_zone_reference(const struct kv *kv, const char *reference, bool *out);

/* ---- writes: only apply ---- */

/* The zone's entry in the index by name, as its flags are now. */
void state_put_zone_name(struct overlay *overlay, const struct state_zone *zone);
/* Zones of @name came, went or changed places: note which one is served. ERR_* of reads. */
int state_settle_zone_name(struct overlay *overlay, const uint8_t *name);
void state_put_zone_reference(struct overlay *overlay, const char *reference);
