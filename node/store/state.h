/* node/store/state.h: typed reads of the replicated state over the key-value port. Values are
 * copied into the caller's structs. Any thread for one call; a list sees one moment.
 *
 * Every function: 0; ERR_NOT_FOUND where one thing is asked for; ERR_CORRUPT, ERR_VERSION, ERR_IO,
 * ERR_NOMEM. Outputs are untouched on failure. List callbacks: 0 to go on, positive to stop,
 * negative to stop with that error; what they are given is borrowed until return. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/kv.h"
#include "store/state_certificate.h"
#include "store/state_set.h"

#define STATE_VERSION 1u
#define STATE_ID_SIZE 24u /* "Z" or "C" and 20 characters, and NUL */
#define STATE_NAME_MAX 255u
#define STATE_COMMENT_SIZE 257u
#define STATE_REFERENCE_SIZE 129u
#define STATE_ACTOR_SIZE 129u
#define STATE_CLUSTER_ID_LEN 16u
#define STATE_TOKEN_ID_LEN 8u
#define STATE_SHA256_LEN 32u
#define STATE_MEMBERS_MAX 64u
#define STATE_ADDRESS_SIZE 264u /* host:port */
#define STATE_DNS_ADDRESSES_MAX 8u
#define STATE_SETTING_NAME_SIZE 65u
#define STATE_SETTING_SIZE 1025u
#define STATE_SECRET_MAX 65536u
#define STATE_TOKENS_MAX 1024u
#define STATE_IMPORTS_MAX 16u

/* Settings that apply itself reads. */
#define STATE_SETTING_CHANGES_KEPT "changes.kept" /* entries in the journal; 100000 if not set */

struct state_hash {
    uint64_t high, low;
};
struct state_applied {
    uint64_t index, term;
    struct state_hash hash;
};
struct state_cluster {
    uint8_t id[STATE_CLUSTER_ID_LEN];
    char name[STATE_SETTING_NAME_SIZE];
    char domain[STATE_COMMENT_SIZE];
};
struct state_conf {
    struct {
        uint64_t id;
        uint32_t role; /* enum raft_member_role */
    } members[STATE_MEMBERS_MAX];
    uint32_t count;
};
struct state_zone {
    char id[STATE_ID_SIZE];
    uint8_t name[STATE_NAME_MAX]; /* wire octets, lower case */
    uint64_t content;
    uint64_t record_set_count;
    uint64_t created_index, changed_index;
    uint64_t created_wall_ms;
    char comment[STATE_COMMENT_SIZE];
    char caller_reference[STATE_REFERENCE_SIZE];
    char delegation_set_id[STATE_ID_SIZE]; /* of a reusable one; or empty */
    bool is_private;                       /* seen through views alone: it has a VPC */
    bool is_not_served;                    /* public, and another zone of the name is served */
    bool accelerated_recovery;
};
struct state_member {
    uint64_t id;
    char name[STATE_SETTING_NAME_SIZE];
    char peer_address[STATE_ADDRESS_SIZE];
    char admin_address[STATE_ADDRESS_SIZE];
    char snapshot_address[STATE_ADDRESS_SIZE];
    struct {
        uint8_t octets[16];
        uint8_t len; /* 4 or 16 */
    } dns_addresses[STATE_DNS_ADDRESSES_MAX];
    uint32_t dns_address_count;
    char region[STATE_SETTING_NAME_SIZE];
    uint8_t certificate_sha256[STATE_SHA256_LEN];
    char program_version[STATE_SETTING_NAME_SIZE];
    struct state_certificate certificate;
    uint32_t feature_level; /* the highest that its program knows; 0: not told */
};
struct state_token {
    uint8_t id[STATE_TOKEN_ID_LEN];
    uint8_t secret_sha256[STATE_SHA256_LEN];
    uint64_t expires_wall_ms, created_wall_ms;
    uint32_t uses_left;
    char comment[STATE_COMMENT_SIZE];
};
struct state_import {
    char change_id[STATE_ID_SIZE];
    char zone_id[STATE_ID_SIZE];
    uint64_t content, record_set_count, chunk_count, begun_wall_ms;
    char comment[STATE_COMMENT_SIZE];
    char actor[STATE_ACTOR_SIZE];
    uint8_t last_key[STATE_KEY_NAME_MAX]; /* greatest reversed name so far */
    size_t last_key_len;
};

enum state_change_kind { /* stored: never renumber */
                         STATE_CHANGE_RECORD_SETS = 1,
                         STATE_CHANGE_ZONE_CREATED = 2,
                         STATE_CHANGE_ZONE_DELETED = 3,   /* without actions */
                         STATE_CHANGE_IMPORTED = 4,       /* without actions */
                         STATE_CHANGE_CIDR = 5,           /* without actions and a zone */
                         STATE_CHANGE_ZONE_ACTIVATED = 6, /* without actions */
                         STATE_CHANGE_VPC = 7,            /* (dis)associated; without actions */
                         STATE_CHANGE_SIGNING_KEY = 8,    /* without actions: one came, went, or
                                                           * became active or inactive */
};
struct state_change {
    char id[STATE_ID_SIZE];
    enum state_change_kind kind;
    uint64_t index;
    uint64_t time_wall_ms;
    char zone_id[STATE_ID_SIZE];
    uint8_t zone_name[STATE_NAME_MAX];
    char actor[STATE_ACTOR_SIZE];
    char comment[STATE_COMMENT_SIZE];
    uint32_t action_count;
};
/* @before NULL: was not there; @after NULL: was removed. */
typedef int (*state_action_cb)(void *user, const struct state_record_set *before,
                               const struct state_record_set *after);

/* All zero on empty state, with 0. ERR_VERSION: written by a newer program. */
int state_get_applied(const struct kv *kv, struct state_applied *out);
int state_get_cluster(const struct kv *kv, struct state_cluster *out);
int state_get_conf(const struct kv *kv, struct state_conf *out); /* empty when never set */
/* Zones there are, and a number that changes whenever one comes or goes. */
int state_get_zone_counts(const struct kv *kv, uint64_t *zones, uint64_t *generation);

typedef int (*state_zone_cb)(void *user, const struct state_zone *zone);
int state_get_zone(const struct kv *kv, const char *id, struct state_zone *out);
/* The zone of exactly this name (any case) that everybody is served from. */
int state_get_zone_by_name(const struct kv *kv, const uint8_t *name, struct state_zone *out);
/* From the first id ≥ @from_id on ("": all), by id. */
int state_list_zones(const struct kv *kv, const char *from_id, state_zone_cb cb, void *user);
/* From the first name ≥ @from_name on (NULL: all), in reversed-label order. */
int state_list_zones_by_name(const struct kv *kv, const uint8_t *from_name, state_zone_cb cb,
                             void *user);

struct state_set_start { /* first set wanted; a NULL name: the first of the content */
    const uint8_t *name;
    uint16_t type;              /* 0: the first of the name */
    const char *set_identifier; /* text; NULL: the first of the type */
    bool is_after;              /* that very set was the last one seen: begin behind it */
};
typedef int (*state_set_cb)(void *user, const struct state_record_set *set);
/* The set of @which's name, type and identifier. */
int state_get_record_set(const struct kv *kv, uint64_t content,
                         const struct state_record_set *which, state_set_cb cb, void *user);
/* All sets of one name and type, by identifier. */
int state_list_group(const struct kv *kv, uint64_t content, const uint8_t *name, uint16_t type,
                     state_set_cb cb, void *user);
/* In the order of Route 53; resumable from the last set seen. */
int state_list_record_sets(const struct kv *kv, uint64_t content,
                           const struct state_set_start *start, state_set_cb cb, void *user);

/* The sets that have routing, of one content, or (0) of all, those of imports under way included;
 * in the order of contents, each in the order of Route 53. */
typedef int (*state_routed_cb)(void *user, uint64_t content, const struct state_record_set *set);
int state_list_routed(const struct kv *kv, uint64_t content, state_routed_cb cb, void *user);
/* Is there such a set? @content 0: of any. */
int state_has_routed(const struct kv *kv, uint64_t content, bool *out);
/* The served zone that @name lies in: that of its closest ancestor, or of itself. */
int state_get_zone_of_name(const struct kv *kv, const uint8_t *name, struct state_zone *out);

typedef int (*state_change_cb)(void *user, const struct state_change *change);
/* @cb may be NULL; it is called with what the change did, in order. */
int state_get_change(const struct kv *kv, const char *id, struct state_change *out,
                     state_action_cb cb, void *user);
/* From the first change at @from_index or later on. */
int state_list_changes(const struct kv *kv, uint64_t from_index, state_change_cb cb, void *user);

int state_get_member(const struct kv *kv, uint64_t id, struct state_member *out);

typedef int (*state_token_cb)(void *user, const struct state_token *token);
int state_get_token(const struct kv *kv, const uint8_t id[STATE_TOKEN_ID_LEN],
                    struct state_token *out);
int state_list_tokens(const struct kv *kv, state_token_cb cb, void *user);

typedef int (*state_import_cb)(void *user, const struct state_import *import);
int state_get_import(const struct kv *kv, const char *change_id, struct state_import *out);
int state_list_imports(const struct kv *kv, state_import_cb cb, void *user);

int state_get_setting(const struct kv *kv, const char *name, char out[STATE_SETTING_SIZE]);
/* The ciphertext, into @out. */
int state_get_secret(const struct kv *kv, const char *name, struct kv_buffer *out);
