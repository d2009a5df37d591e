/* node/store/state_cidr.h: CIDR collections with their blocks, and the operator's regions, as
 * stored. As store/state.h; writes as store/state_put.h. */
#pragma once

#include "store/state_health.h"

struct overlay;

#define STATE_CIDR_NAME_SIZE 65u
#define STATE_CIDR_LOCATION_SIZE 17u
#define STATE_CIDR_BLOCK_MAX 17u /* octets: length in bits, then 4 or 16 octets of address */
#define STATE_CIDR_COLLECTIONS_MAX 1000u
#define STATE_CIDR_BLOCKS_MAX 10000u /* of one collection */
#define STATE_OWN_REGION_FIRST 128u  /* numbers of the operator's regions, as in geo/region.h */
#define STATE_OWN_REGION_LAST 255u

struct state_cidr_collection {
    char id[STATE_UUID_SIZE];
    char name[STATE_CIDR_NAME_SIZE];
    char caller_reference[STATE_CHECK_REFERENCE_SIZE];
    uint64_t version;
    uint32_t slot;
    uint64_t block_count;
};
struct state_cidr_block {
    uint8_t octets[STATE_CIDR_BLOCK_MAX]; /* as in cmd.CidrChange */
    size_t len;                           /* 5 or 17 */
    char location[STATE_CIDR_LOCATION_SIZE];
};
struct state_region {
    char name[STATE_SETTING_NAME_SIZE];
    uint8_t number;
    int16_t latitude_cdeg, longitude_cdeg;
};

/* ---- reads ---- */

typedef int (*state_cidr_cb)(void *user, const struct state_cidr_collection *collection);
int state_get_cidr(const struct kv *kv, const char *id, struct state_cidr_collection *out);
int state_get_cidr_by_name(const struct kv *kv, const char *name,
                           struct state_cidr_collection *out);
/* By id, from the first one ≥ @from_id on ("": all). */
int state_list_cidrs(const struct kv *kv, const char *from_id, state_cidr_cb cb, void *user);

/* IPv4 first, by address. @from: the first block wanted, or NULL. */
typedef int (*state_cidr_block_cb)(void *user, const struct state_cidr_block *block);
int state_list_cidr_blocks(const struct kv *kv, const char *id, const struct state_cidr_block *from,
                           state_cidr_block_cb cb, void *user);
/* Fills @block->location. */
int state_get_cidr_block(const struct kv *kv, const char *id, struct state_cidr_block *block);
/* Blocks of one location; 0 when there is no such location. */
int state_get_cidr_location(const struct kv *kv, const char *id, const char *location,
                            uint64_t *block_count);
typedef int (*state_cidr_location_cb)(void *user, const char *location, uint64_t block_count);
/* By name, from the first one ≥ @from on ("": all). */
int state_list_cidr_locations(const struct kv *kv, const char *id, const char *from,
                              state_cidr_location_cb cb, void *user);

typedef int (*state_region_cb)(void *user, const struct state_region *region);
int state_get_region(const struct kv *kv, const char *name, struct state_region *out);
int state_list_regions(const struct kv *kv, state_region_cb cb, void *user); /* by name */

/* ---- writes: apply only ---- */

void state_put_cidr(struct overlay *overlay, const struct state_cidr_collection *collection);
void state_delete_cidr(struct overlay *overlay, const struct state_cidr_collection *collection);
void state_put_cidr_block(struct overlay *overlay, const char *id,
                          const struct state_cidr_block *block);
void state_delete_cidr_block(struct overlay *overlay, const char *id,
                             const struct state_cidr_block *block);
/* @block_count 0: the location is gone. */
void state_put_cidr_location(struct overlay *overlay, const char *id, const char *location,
                             uint64_t block_count);
void state_put_region(struct overlay *overlay, const struct state_region *region);
void state_delete_region(struct overlay *overlay, const char *name);
