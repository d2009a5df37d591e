/* node/store/state_traffic.h: traffic policies with their versions, and their instances, as stored.
 * As store/state.h; writes as store/state_put.h. What an instance made are record sets of its zone
 * (store/state_set.h), which carry its id. */
#pragma once

#include "store/state_health.h"

struct overlay;

#define STATE_TRAFFIC_NAME_SIZE 513u
#define STATE_TRAFFIC_COMMENT_SIZE 1025u
#define STATE_TRAFFIC_DOCUMENT_MAX 102400u /* octets */
#define STATE_TRAFFIC_VERSIONS_MAX 1000u   /* that a policy ever had */

struct state_traffic_policy {
    char id[STATE_UUID_SIZE];
    char name[STATE_TRAFFIC_NAME_SIZE];
    uint16_t type;   /* of the latest version */
    uint64_t number; /* in order of creation */
    uint32_t latest_version;
    uint32_t version_count;
};
struct state_traffic_version {
    uint32_t version;
    uint16_t type; /* of the record sets that it makes */
    char comment[STATE_TRAFFIC_COMMENT_SIZE];
};
struct state_traffic_instance {
    char id[STATE_UUID_SIZE];
    char zone_id[STATE_ID_SIZE];
    uint8_t name[STATE_NAME_MAX]; /* wire octets, lower case */
    uint16_t type;
    uint32_t ttl_s;
    char policy_id[STATE_UUID_SIZE];
    uint32_t policy_version;
    uint64_t created_index, changed_index;
};
struct state_traffic_counters {
    uint64_t policy_count;
    uint64_t policy_number; /* last one given out */
    uint64_t instance_count;
};

/* ---- reads ---- */

/* All zero, with 0, when there are none yet. */
int state_get_traffic_counters(const struct kv *kv, struct state_traffic_counters *out);

int state_get_traffic_policy(const struct kv *kv, const char *id, struct state_traffic_policy *out);
int state_get_traffic_policy_by_name(const struct kv *kv, const char *name,
                                     struct state_traffic_policy *out);
/* In order of creation, from number @from on. */
typedef int (*state_traffic_policy_cb)(void *user, const struct state_traffic_policy *policy);
int state_list_traffic_policies(const struct kv *kv, uint64_t from, state_traffic_policy_cb cb,
                                void *user);

int state_get_traffic_version(const struct kv *kv, const char *id, uint32_t version,
                              struct state_traffic_version *out);
/* The document, into @out. */
int state_get_traffic_document(const struct kv *kv, const char *id, uint32_t version,
                               struct kv_buffer *out);
/* The versions of one policy by number, from @from on. */
typedef int (*state_traffic_version_cb)(void *user, const struct state_traffic_version *version);
int state_list_traffic_versions(const struct kv *kv, const char *id, uint32_t from,
                                state_traffic_version_cb cb, void *user);

int state_get_traffic_instance(const struct kv *kv, const char *id,
                               struct state_traffic_instance *out);
/* The instance at this zone, name and type. */
int state_find_traffic_instance(const struct kv *kv, const char *zone_id, const uint8_t *name,
                                uint16_t type, struct state_traffic_instance *out);
/* By zone id, name (in the order of Route 53's lists) and type. */
struct state_traffic_range {
    const char *policy_id; /* NULL: of all policies */
    uint32_t policy_version;
    const char *zone_id;      /* NULL: of all zones */
    const char *from_zone_id; /* first one wanted, with the two below; NULL: the first */
    const uint8_t *from_name; /* NULL: the first of the zone */
    uint16_t from_type;       /* 0: the first of the name */
};
typedef int (*state_traffic_instance_cb)(void *user, const struct state_traffic_instance *instance);
int state_list_traffic_instances(const struct kv *kv, const struct state_traffic_range *range,
                                 state_traffic_instance_cb cb, void *user);
/* How many instances one policy (@version 0: all its versions) has. */
int state_count_traffic_instances(const struct kv *kv, const char *policy_id, uint32_t version,
                                  uint32_t *out);
/* Does the zone have any? */
int state_has_traffic_instance(const struct kv *kv, const char *zone_id, bool *out);

/* ---- writes: apply only ---- */

void state_put_traffic_counters(struct overlay *overlay,
                                const struct state_traffic_counters *counters);
/* With its entries in the indexes. */
void state_put_traffic_policy(struct overlay *overlay, const struct state_traffic_policy *policy);
void state_delete_traffic_policy(struct overlay *overlay,
                                 const struct state_traffic_policy *policy);
void state_put_traffic_version(struct overlay *overlay, const char *id,
                               const struct state_traffic_version *version);
void state_put_traffic_document(struct overlay *overlay, const char *id, uint32_t version,
                                struct kv_slice document);
/* With its document. */
void state_delete_traffic_version(struct overlay *overlay, const char *id, uint32_t version);
/* @old: as it is stored, or NULL. */
void state_put_traffic_instance(struct overlay *overlay, const struct state_traffic_instance *old,
                                const struct state_traffic_instance *instance);
void state_delete_traffic_instance(struct overlay *overlay,
                                   const struct state_traffic_instance *instance);
