/* node/store/state_signing.h: key-signing keys of zones. As store/state.h; writes as
 * store/state_put.h. */
#pragma once

#include "store/state_logging.h"

#define STATE_SIGNING_KEYS_MAX 2u /* of a zone */
#define STATE_SIGNING_NAME_SIZE 129u
#define STATE_SIGNING_REFERENCE_SIZE 129u
#define STATE_DNSKEY_MAX 512u /* octets of RDATA */
#define STATE_SEALED_KEY_MAX 4096u

struct state_signing_key {
    char zone_id[STATE_ID_SIZE];
    char name[STATE_SIGNING_NAME_SIZE];
    char caller_reference[STATE_SIGNING_REFERENCE_SIZE];
    char kms_arn[STATE_ARN_SIZE];
    bool is_active;
    uint8_t dnskey[STATE_DNSKEY_MAX];
    size_t dnskey_len;
    uint8_t sealed[STATE_SEALED_KEY_MAX]; /* the private key */
    size_t sealed_len;
    uint64_t created_wall_ms, modified_wall_ms;
};

typedef int (*state_signing_key_cb)(void *user, const struct state_signing_key *key);
int state_get_signing_key(const struct kv *kv, const char *zone_id, const char *name,
                          struct state_signing_key *out);
/* Those of one zone (NULL: of all), by name. */
int state_list_signing_keys(const struct kv *kv, const char *zone_id, state_signing_key_cb cb,
                            void *user);

void state_put_signing_key(struct overlay *overlay, const struct state_signing_key *key);
void state_delete_signing_key(struct overlay *overlay, const char *zone_id, const char *name);
