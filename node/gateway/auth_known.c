#include "gateway/auth_known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/random.h"
#include "base/siphash.h"
#include "proto/control.pb-c.h"
#include "route53/iam.h"

#define BUCKETS 1024u /* a power of two */
#define BURST_MS 1000u

struct auth_known {
    uint8_t hash_key[SIPHASH_KEY_LEN];
    struct auth_key *keys[BUCKETS];
    struct auth_credential *credentials[BUCKETS];
    unsigned key_count, credential_count;
};

/* ---- policies ---- */

struct auth_policy *auth_policy_ref(struct auth_policy *policy)
{
    if (policy)
        policy->ref_count++;
    return policy;
}

void auth_policy_unref(struct auth_policy *policy)
{
    if (!policy || --policy->ref_count > 0)
        return;
    iam_policy_free(policy->policy);
    free(policy->text);
    free(policy);
}

static struct auth_policy *new_policy(const char *text, const char *access_key_id)
{
    struct auth_policy *policy = calloc(1, sizeof(*policy));
    char problem[IAM_PROBLEM_SIZE] = "out of memory";

    if (policy)
        policy->text = strdup(text);
    if (!policy || !policy->text) {
        free(policy);
        return NULL;
    }
    policy->ref_count = 1;
    if (iam_policy_parse(text, &policy->policy, problem) != 0)
        log_warn("gateway",
                 "policy_not_understood access_key=%s why=\"%s\" effect=\"nothing is allowed\"",
                 access_key_id, problem);
    return policy;
}

/* ---- access keys ---- */

static unsigned bucket_of(const struct auth_known *known, const char *text)
{
    return siphash_24(known->hash_key, (const uint8_t *)text, strlen(text)) & (BUCKETS - 1);
}

static struct auth_credential *find_credential(const struct auth_known *known, const char *id)
{
    struct auth_credential *credential = known->credentials[bucket_of(known, id)];

    while (credential && strcmp(credential->id, id) != 0)
        credential = credential->next;
    return credential;
}

static void free_credential(struct auth_known *known, struct auth_credential **place)
{
    struct auth_credential *credential = *place;

    *place = credential->next;
    auth_policy_unref(credential->policy);
    free(credential);
    known->credential_count--;
}

/* Of those that no signing key is remembered for. */
static void drop_idle_credential(struct auth_known *known)
{
    struct auth_credential **oldest = NULL;

    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct auth_credential **at = &known->credentials[i]; *at; at = &(*at)->next) {
            if ((*at)->ref_count == 0 &&
                (!oldest || (*at)->filled_mono_ms < (*oldest)->filled_mono_ms))
                oldest = at;
        }
    }
    if (oldest)
        free_credential(known, oldest);
}

static struct auth_credential *new_credential(struct auth_known *known, const char *id,
                                              uint64_t now_mono_ms)
{
    if (known->credential_count >= AUTH_KEYS_MAX)
        drop_idle_credential(known);
    struct auth_credential *credential = calloc(1, sizeof(*credential));
    struct auth_credential **bucket = &known->credentials[bucket_of(known, id)];
    if (!credential)
        return NULL;
    snprintf(credential->id, sizeof(credential->id), "%s", id);
    credential->filled_mono_ms = now_mono_ms;
    credential->next = *bucket;
    *bucket = credential;
    known->credential_count++;
    return credential;
}

void auth_credential_unref(struct auth_credential *credential)
{
    ASSERT(credential->ref_count > 0);
    credential->ref_count--; /* it stays for its quota's sake */
}

/* false: no memory; it stays as it was. */
static bool set_policy(struct auth_credential *credential, const char *text)
{
    struct auth_policy *policy = NULL;

    if (strcmp(credential->policy ? credential->policy->text : "", text) == 0)
        return true;
    if (text[0]) {
        policy = new_policy(text, credential->id);
        if (!policy)
            return false;
    }
    auth_policy_unref(credential->policy);
    credential->policy = policy;
    return true;
}

static void set_quota(struct auth_credential *credential, uint32_t requests_per_s,
                      uint64_t now_mono_ms)
{
    if (credential->requests_per_s == requests_per_s)
        return;
    credential->requests_per_s = requests_per_s;
    credential->tokens_m = (uint64_t)requests_per_s * BURST_MS;
    credential->filled_mono_ms = now_mono_ms;
}

struct auth_credential *auth_known_take(struct auth_known *known,
                                        const struct Ctl__CredentialReply *reply,
                                        uint64_t now_mono_ms)
{
    struct auth_credential *credential = find_credential(known, reply->access_key_id);

    if (!credential)
        credential = new_credential(known, reply->access_key_id, now_mono_ms);
    if (!credential)
        return NULL;
    credential->ref_count++;
    snprintf(credential->user_name, sizeof(credential->user_name), "%s", reply->user_name);
    set_quota(credential, reply->requests_per_s, now_mono_ms);
    if (set_policy(credential, reply->policy))
        return credential;
    auth_credential_unref(credential);
    return NULL;
}

bool auth_credential_spend(struct auth_credential *credential, uint64_t now_mono_ms)
{
    uint64_t most_m = (uint64_t)credential->requests_per_s * BURST_MS;

    if (credential->requests_per_s == 0)
        return true;
    if (now_mono_ms > credential->filled_mono_ms) {
        uint64_t elapsed_ms = now_mono_ms - credential->filled_mono_ms;
        if (elapsed_ms > BURST_MS)
            elapsed_ms = BURST_MS;
        credential->tokens_m += elapsed_ms * credential->requests_per_s;
        credential->filled_mono_ms = now_mono_ms;
    }
    if (credential->tokens_m > most_m)
        credential->tokens_m = most_m;
    if (credential->tokens_m < 1000)
        return false;
    credential->tokens_m -= 1000;
    return true;
}

/* ---- signing keys ---- */

static void format_scope(const struct sigv4 *claim, char *out, size_t size)
{
    int len = snprintf(out, size, "%s/%s/%s/%s", claim->access_key_id, claim->date, claim->region,
                       claim->service);
    ASSERT(len > 0 && (size_t)len < size);
}

static void drop_key(struct auth_known *known, struct auth_key **place)
{
    struct auth_key *key = *place;

    *place = key->next;
    auth_credential_unref(key->credential);
    explicit_bzero(key, sizeof(*key));
    free(key);
    known->key_count--;
}

static void drop_oldest(struct auth_known *known)
{
    struct auth_key **oldest = NULL;

    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct auth_key **place = &known->keys[i]; *place; place = &(*place)->next) {
            if (!oldest || (*place)->used_mono_ms < (*oldest)->used_mono_ms)
                oldest = place;
        }
    }
    ASSERT(oldest);
    drop_key(known, oldest);
}

static struct auth_key *find_scope(const struct auth_known *known, const char *scope)
{
    struct auth_key *key = known->keys[bucket_of(known, scope)];

    while (key && strcmp(key->scope, scope) != 0)
        key = key->next;
    return key;
}

struct auth_key *auth_known_find(struct auth_known *known, const struct sigv4 *claim)
{
    char scope[sizeof(((struct auth_key *)0)->scope)];

    format_scope(claim, scope, sizeof(scope));
    return find_scope(known, scope);
}

static struct auth_key *new_key(struct auth_known *known, const char *scope,
                                struct auth_credential *credential)
{
    if (known->key_count == AUTH_KEYS_MAX)
        drop_oldest(known);
    struct auth_key *key = calloc(1, sizeof(*key));
    struct auth_key **bucket = &known->keys[bucket_of(known, scope)];
    if (!key)
        return NULL;
    snprintf(key->scope, sizeof(key->scope), "%s", scope);
    key->credential = credential;
    credential->ref_count++;
    key->next = *bucket;
    *bucket = key;
    known->key_count++;
    return key;
}

void auth_known_put(struct auth_known *known, const struct sigv4 *claim,
                    struct auth_credential *credential, const uint8_t signing_key[SIGV4_KEY_LEN],
                    uint64_t asked_mono_ms)
{
    char scope[sizeof(((struct auth_key *)0)->scope)];

    format_scope(claim, scope, sizeof(scope));
    struct auth_key *key = find_scope(known, scope);
    if (!key)
        key = new_key(known, scope, credential);
    if (!key)
        return;
    memcpy(key->signing_key, signing_key, SIGV4_KEY_LEN);
    if (asked_mono_ms > key->asked_mono_ms)
        key->asked_mono_ms = asked_mono_ms;
    if (asked_mono_ms > key->used_mono_ms)
        key->used_mono_ms = asked_mono_ms;
}

void auth_known_forget(struct auth_known *known, const char *access_key_id)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct auth_key **place = &known->keys[i]; *place;) {
            if (strcmp((*place)->credential->id, access_key_id) == 0)
                drop_key(known, place);
            else
                place = &(*place)->next;
        }
    }
}

/* ---- all of it ---- */

struct auth_known *auth_known_new(void)
{
    struct auth_known *known = calloc(1, sizeof(*known));

    if (known)
        random_bytes(known->hash_key, sizeof(known->hash_key));
    return known;
}

void auth_known_free(struct auth_known *known)
{
    if (!known)
        return;
    for (unsigned i = 0; i < BUCKETS; i++) {
        while (known->keys[i])
            drop_key(known, &known->keys[i]);
    }
    for (unsigned i = 0; i < BUCKETS; i++) {
        while (known->credentials[i])
            free_credential(known, &known->credentials[i]);
    }
    free(known);
}
