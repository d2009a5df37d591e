/* node/store/state_delegation.h: reusable delegation sets (route53.md 9.3). Keys of KV_OBJECTS:
 * "DS" and the set's id; "DR" and the caller reference of one that is there or was; "DZ", a set's
 * id and the id of a zone that was made with it. */
#pragma once

#include "store/overlay.h"
#include "store/state.h"

#define STATE_DELEGATION_SERVERS_MAX 16u

struct state_delegation_set {
    char id[STATE_ID_SIZE]; /* "N" and 20 characters */
    char caller_reference[STATE_REFERENCE_SIZE];
    uint64_t zone_count;
    uint64_t created_wall_ms;
    uint32_t server_count;
    uint8_t servers[STATE_DELEGATION_SERVERS_MAX][STATE_NAME_MAX]; /* wire octets, lower case */
};
typedef int (*state_delegation_set_cb)(void *user, const struct state_delegation_set *set);

int state_get_delegation_set(const struct kv *kv, const char *id, struct state_delegation_set *out);
/* From @from_id on, by id. */
int state_list_delegation_sets(const struct kv *kv, const char *from_id, state_delegation_set_cb cb,
                               void *user);
/* The zones of a set from @from_id on, by id. */
int state_list_zones_of_set(const struct kv *kv, const char *set_id, const char *from_id,
                            state_zone_cb cb, void *user);
/* Was a set ever made with this caller reference? */
int state_has_delegation_reference(const struct kv *kv, const char *reference, bool *out);

/* ---- writes: only apply ---- */

/* With its caller reference. */
void state_put_delegation_set(struct overlay *overlay, const struct state_delegation_set *set);
/* Its reference stays. */
void state_delete_delegation_set(struct overlay *overlay, const char *id);
/* A zone is of a set from now on, or no longer. The set's own count is the caller's. */
void state_put_zone_of_set(struct overlay *overlay, const char *set_id, const char *zone_id);
void state_delete_zone_of_set(struct overlay *overlay, const char *set_id, const char *zone_id);
