/* node/store/state_health.h: health checks, what is known of them, and overrides, as stored. As
 * store/state.h; writes as store/state_put.h.
 *
 * A check has a slot, under which the image knows it (policy/health.h), and a status beside it,
 * which changes far more often. What routing takes a check for is a part of the state, so that it
 * is the same on every node, also on one that has just started. */
#pragma once

#include "store/state.h"

struct overlay;

#define STATE_UUID_SIZE 37u /* 36 characters of lower-case hex and '-', and NUL */
#define STATE_CHECK_TEXT_SIZE 256u
#define STATE_CHECK_REFERENCE_SIZE 65u
#define STATE_CHECK_ADDRESS_SIZE 46u
#define STATE_CHECK_CHILDREN_MAX 256u
#define STATE_CHECK_REGIONS_MAX 64u
#define STATE_CHECKS_MAX 50000u
#define STATE_OVERRIDES_MAX 50000u

enum state_check_type { /* stored: never renumber */
                        STATE_CHECK_HTTP = 1,
                        STATE_CHECK_HTTPS = 2,
                        STATE_CHECK_HTTP_STR_MATCH = 3,
                        STATE_CHECK_HTTPS_STR_MATCH = 4,
                        STATE_CHECK_TCP = 5,
                        STATE_CHECK_CALCULATED = 6,
};
/* Route 53's word for it, static; NULL: there is no such type. */
const char *state_check_type_name(unsigned type);
unsigned state_check_type_find(const char *name); /* 0: there is none of that name */

struct state_check_config { /* cmd.HealthCheckConfig */
    enum state_check_type type;
    uint32_t request_interval_s, failure_threshold, health_threshold;
    uint16_t port;
    bool measure_latency, is_inverted, is_disabled, enable_sni, verify_certificate;
    char ip_address[STATE_CHECK_ADDRESS_SIZE]; /* empty: the name is resolved */
    char resource_path[STATE_CHECK_TEXT_SIZE];
    char fully_qualified_domain_name[STATE_CHECK_TEXT_SIZE];
    char search_string[STATE_CHECK_TEXT_SIZE];
    uint32_t child_count, region_count;
    char children[STATE_CHECK_CHILDREN_MAX][STATE_UUID_SIZE];
    char regions[STATE_CHECK_REGIONS_MAX][STATE_SETTING_NAME_SIZE];
};
struct state_check {
    char id[STATE_UUID_SIZE];
    char caller_reference[STATE_CHECK_REFERENCE_SIZE];
    uint64_t version;
    uint32_t slot;
    uint64_t created_index, created_wall_ms;
    struct state_check_config config;
};

enum state_verdict { /* cmd.Verdict: of the endpoint, before inversion */
                     STATE_VERDICT_UNKNOWN = 0,
                     STATE_VERDICT_HEALTHY = 1,
                     STATE_VERDICT_UNHEALTHY = 2,
};
struct state_check_status {
    enum state_verdict verdict;
    uint64_t judged_version; /* of the check, 0: never */
    uint32_t healthy_checkers, checkers;
    char reason[STATE_CHECK_TEXT_SIZE];  /* of the last failure */
    uint64_t since_index, since_wall_ms; /* of the verdict */
    uint8_t octet;                       /* what routing takes it for: policy/health.h */
    uint64_t octet_index;      /* when that last went from healthy to unhealthy or back; 0: never */
    uint32_t healthy_children; /* CALCULATED; a child that is gone counts as healthy */
};

enum state_override_mode { /* cmd.OverrideMode */
                           STATE_OVERRIDE_NONE = 0,
                           STATE_OVERRIDE_FORCE_UP = 1,
                           STATE_OVERRIDE_FORCE_DOWN = 2,
                           STATE_OVERRIDE_DRAIN = 3,
};
struct state_override {
    enum state_override_mode mode;
    char reason[STATE_CHECK_TEXT_SIZE];
    char actor[STATE_ACTOR_SIZE];
    uint64_t set_wall_ms;
    uint64_t expires_wall_ms; /* 0: never by itself */
    uint32_t slot;            /* 0: of a check, which has its own */
    uint64_t octet_index;     /* of a record set's: as in the status of a check */
};
/* What an override is of: a check, or one record set. */
struct state_override_key {
    const char *health_check_id;        /* empty or NULL: of a record set: */
    const char *zone_id;                /* 21 characters */
    const struct state_record_set *set; /* name, type and identifier count */
};

/* ---- reads ---- */

int state_get_check(const struct kv *kv, const char *id, struct state_check *out);
int state_get_check_status(const struct kv *kv, const char *id, struct state_check_status *out);
int state_get_check_by_reference(const struct kv *kv, const char *caller_reference,
                                 struct state_check *out);
/* From the first id ≥ @from_id on ("": all), by id. */
typedef int (*state_check_cb)(void *user, const struct state_check *check);
int state_list_checks(const struct kv *kv, const char *from_id, state_check_cb cb, void *user);
/* The calculated checks that have @id as a child, also one that is gone. */
typedef int (*state_parent_cb)(void *user, const char *parent_id);
int state_list_parents(const struct kv *kv, const char *id, state_parent_cb cb, void *user);

int state_get_override(const struct kv *kv, const struct state_override_key *key,
                       struct state_override *out);
/* @key is valid until return. Those of checks come first. */
typedef int (*state_override_cb)(void *user, const struct state_override_key *key,
                                 const struct state_override *override);
int state_list_overrides(const struct kv *kv, state_override_cb cb, void *user);
/* The same from a key on: as state_override_octets() makes it, or any octets. */
int state_list_overrides_from(const struct kv *kv, struct kv_slice from, state_override_cb cb,
                              void *user);
#define STATE_OVERRIDE_KEY_MAX (21u + STATE_KEY_SET_MAX)
/* @key as it is stored; 0: no override can have it. */
size_t state_override_octets(const struct state_override_key *key,
                             uint8_t out[STATE_OVERRIDE_KEY_MAX]);
int state_list_zone_overrides(const struct kv *kv, const char *zone_id, state_override_cb cb,
                              void *user);

/* ---- writes: apply only ---- */

/* With the entries by which children find their parents, and references their checks. @old: what
 * was stored of it, or NULL. */
void state_put_check(struct overlay *overlay, const struct state_check *check,
                     const struct state_check *old);
/* With its status. */
void state_delete_check(struct overlay *overlay, const struct state_check *check);
void state_put_check_status(struct overlay *overlay, const char *id,
                            const struct state_check_status *status);
void state_put_override(struct overlay *overlay, const struct state_override_key *key,
                        const struct state_override *override);
void state_delete_override(struct overlay *overlay, const struct state_override_key *key);
