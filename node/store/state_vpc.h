/* node/store/state_vpc.h: private zones and who sees them. A VPC is a name for some clients: zones
 * are associated with it, and a view says which networks its clients are in. Both come in any
 * order: a VPC without a view is one that no client is in yet. Errors and threads as in state.h,
 * writes as in state_put.h. */
#pragma once

#include "store/state_put.h"

#define STATE_VPC_ID_SIZE 65u
#define STATE_VPC_REGION_SIZE 65u
#define STATE_VIEWS_MAX 1000u
#define STATE_VIEW_NETWORKS_MAX 1000u /* of one view */
#define STATE_NETWORKS_MAX 16384u     /* of all */
#define STATE_NETWORK_LEN_MAX 17u

struct state_vpc {
    char id[STATE_VPC_ID_SIZE]; /* [0-9A-Za-z_-] */
    char region[STATE_VPC_REGION_SIZE];
};
struct state_view {
    char vpc_id[STATE_VPC_ID_SIZE];
    uint32_t slot; /* below STATE_VIEWS_MAX */
    uint32_t network_count;
    struct state_network {
        uint8_t octets[STATE_NETWORK_LEN_MAX]; /* length in bits, then the address */
        uint8_t len;                           /* 5 or 17 */
    } networks[STATE_VIEW_NETWORKS_MAX];
};

int state_get_view(const struct kv *kv, const char *vpc_id, struct state_view *out);
typedef int (*state_view_cb)(void *user, const struct state_view *view); /* by VPC id */
int state_list_views(const struct kv *kv, state_view_cb cb, void *user);

int state_get_association(const struct kv *kv, const char *zone_id, const char *vpc_id,
                          struct state_vpc *out);
int state_get_authorization(const struct kv *kv, const char *zone_id, const char *vpc_id,
                            struct state_vpc *out);
/* By VPC id, from the first one ≥ @from_vpc_id on ("": all). */
typedef int (*state_vpc_cb)(void *user, const struct state_vpc *vpc);
int state_list_associations(const struct kv *kv, const char *zone_id, const char *from_vpc_id,
                            state_vpc_cb cb, void *user);
int state_list_authorizations(const struct kv *kv, const char *zone_id, const char *from_vpc_id,
                              state_vpc_cb cb, void *user);
/* The zones that a VPC is associated with, by id, from the first one ≥ @from_zone_id on. */
typedef int (*state_vpc_zone_cb)(void *user, const char *zone_id);
int state_list_vpc_zones(const struct kv *kv, const char *vpc_id, const char *from_zone_id,
                         state_vpc_zone_cb cb, void *user);
/* The one of exactly this name (any case): a VPC has no two of one name. */
int state_find_vpc_zone(const struct kv *kv, const char *vpc_id, const uint8_t *name,
                        char zone_id[STATE_ID_SIZE]);

void state_put_view(struct overlay *overlay, const struct state_view *view);
void state_delete_view(struct overlay *overlay, const char *vpc_id);
void state_put_association(struct overlay *overlay, const struct state_zone *zone,
                           const struct state_vpc *vpc);
void state_delete_association(struct overlay *overlay, const struct state_zone *zone,
                              const char *vpc_id);
void state_put_authorization(struct overlay *overlay, const char *zone_id,
                             const struct state_vpc *vpc);
void state_delete_authorization(struct overlay *overlay, const char *zone_id, const char *vpc_id);
