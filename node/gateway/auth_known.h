/* node/gateway/auth_known.h: what the node has said of access keys, for as long as it may be used.
 * Within auth. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/auth.h"
#include "gateway/sigv4.h"

struct auth_known; /* opaque */
struct iam_policy;
struct Ctl__CredentialReply;

/* A policy, shared by the key and the requests that were signed with it. */
struct auth_policy {
    unsigned ref_count;
    char *text;
    struct iam_policy *policy; /* NULL: a text that this program cannot read: nothing is allowed */
};
struct auth_policy *auth_policy_ref(struct auth_policy *policy); /* accepts NULL: all is allowed */
void auth_policy_unref(struct auth_policy *policy);              /* accepts NULL */

/* One access key. At most AUTH_KEYS_MAX are kept beyond those in use, for their quotas. */
struct auth_credential {
    struct auth_credential *next;
    unsigned ref_count; /* signing keys that are remembered; those of callers */
    char id[SIGV4_KEY_ID_SIZE];
    char user_name[AUTH_USER_SIZE];
    struct auth_policy *policy; /* NULL: all is allowed */
    uint32_t requests_per_s;    /* 0: no quota */
    uint64_t tokens_m;          /* thousandths of a request that may be made now */
    uint64_t filled_mono_ms;
};
/* The key of one day, region and service. */
struct auth_key {
    struct auth_key *next;
    char scope[SIGV4_KEY_ID_SIZE + 9 + SIGV4_SCOPE_SIZE + SIGV4_SCOPE_SIZE];
    uint8_t signing_key[SIGV4_KEY_LEN];
    struct auth_credential *credential;
    uint64_t asked_mono_ms; /* what is known is no older than that */
    uint64_t used_mono_ms;
    bool is_asked; /* again, just now */
};

/* NULL: no memory. */
struct auth_known *auth_known_new(void);
void auth_known_free(struct auth_known *known); /* accepts NULL; forgets all */

/* The signing key for @claim, however old; NULL: never heard of, or forgotten. */
struct auth_key *auth_known_find(struct auth_known *known, const struct sigv4 *claim);
/* Note what the node said of a key; the caller owns a reference to the outcome. NULL: no memory. */
struct auth_credential *auth_known_take(struct auth_known *known,
                                        const struct Ctl__CredentialReply *reply,
                                        uint64_t now_mono_ms);
void auth_credential_unref(struct auth_credential *credential);
/* Remember the signing key of @claim, which was asked for at @asked_mono_ms. The least recently
 * used goes when there are AUTH_KEYS_MAX. Without memory nothing is remembered. */
void auth_known_put(struct auth_known *known, const struct sigv4 *claim,
                    struct auth_credential *credential, const uint8_t key[SIGV4_KEY_LEN],
                    uint64_t asked_mono_ms);
/* The node knows the access key no more: forget its signing keys. */
void auth_known_forget(struct auth_known *known, const char *access_key_id);
/* Take one request from the quota. false: it is used up. */
bool auth_credential_spend(struct auth_credential *credential, uint64_t now_mono_ms);
