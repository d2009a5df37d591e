/* node/store/state_credential.h: access keys of the Route 53 API, as stored. As store/state.h;
 * writes as store/state_put.h. */
#pragma once

#include "store/state.h"

struct overlay;

#define STATE_CREDENTIALS_MAX 1000u
#define STATE_CREDENTIAL_ID_MIN 16u
#define STATE_CREDENTIAL_ID_SIZE 129u
#define STATE_CREDENTIAL_SEALED_MAX 256u
#define STATE_CREDENTIAL_USER_SIZE 65u
#define STATE_CREDENTIAL_POLICY_SIZE 20481u
#define STATE_CREDENTIAL_RATE_MAX 1000000u

struct state_credential {
    char id[STATE_CREDENTIAL_ID_SIZE];
    uint8_t sealed[STATE_CREDENTIAL_SEALED_MAX]; /* the secret: cluster/credential.h */
    size_t sealed_len;
    char user_name[STATE_CREDENTIAL_USER_SIZE];
    char policy[STATE_CREDENTIAL_POLICY_SIZE]; /* IAM's JSON; "": everything is allowed */
    bool is_inactive;
    uint32_t requests_per_s; /* 0: no quota */
    uint64_t created_wall_ms;
};

/* [A-Z0-9] of STATE_CREDENTIAL_ID_MIN to STATE_CREDENTIAL_ID_SIZE - 1. */
bool state_credential_is_id(const char *text);
int state_get_credential(const struct kv *kv, const char *id, struct state_credential *out);
typedef int (*state_credential_cb)(void *user, const struct state_credential *credential);
int state_list_credentials(const struct kv *kv, state_credential_cb cb, void *user); /* by id */

/* ---- writes: apply only ---- */

void state_put_credential(struct overlay *overlay, const struct state_credential *credential);
void state_delete_credential(struct overlay *overlay, const char *id);
