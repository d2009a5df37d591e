/* node/gateway/auth.c: from a request to who signed it.
 *
 *   signing key known and young      decided at once
 *   known, half its life over        decided at once, and asked for again meanwhile
 *   not known, or too old            the node is asked; decided when it has answered
 */
#include "gateway/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/err.h"
#include "gateway/auth_known.h"
#include "gateway/auth_principal.h"
#include "gateway/sigv3.h"
#include "gateway/sigv4.h"
#include "proto/control.pb-c.h"

#define SCRATCH_LEN_MAX (4u << 20) /* of one request */

struct auth {
    struct auth_options options;
    struct auth_known *known;
    struct arena *scratch; /* of the request at hand */
    unsigned waiting_count;
};

/* A question to the node. */
struct waiter {
    struct auth *auth;
    bool is_refresh; /* nobody waits: `done` is NULL, and the claim has no texts */
    bool is_v3;
    struct sigv4 claim; /* its texts stand behind the waiter */
    struct sigv3 old;
    char client[AUTH_ADDRESS_SIZE];
    bool is_tls;
    uint64_t asked_mono_ms;
    auth_done_cb done;
    void *user;
};

struct auth *auth_new(const struct auth_options *options)
{
    struct auth *auth = calloc(1, sizeof(*auth));

    ASSERT(options->port.ask);
    if (!auth)
        return NULL;
    auth->options = *options;
    auth->known = auth_known_new();
    auth->scratch = arena_new(SCRATCH_LEN_MAX);
    if (auth->known && auth->scratch)
        return auth;
    auth_free(auth);
    return NULL;
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    ASSERT(auth->waiting_count == 0);
    auth_known_free(auth->known);
    arena_free(auth->scratch);
    free(auth);
}

/* ---- outcomes ---- */

static void refuse(auth_done_cb done, void *user, const struct auth_refusal *refusal,
                   const char *message)
{
    done(user, &(struct auth_result){.error = refusal->error,
                                     .status = refusal->status,
                                     .message = message ? message : refusal->message});
}

static void fail(auth_done_cb done, void *user, const char *error, uint16_t status,
                 const char *message)
{
    done(user, &(struct auth_result){.error = error, .status = status, .message = message});
}

static void fail_memory(auth_done_cb done, void *user)
{
    fail(done, user, "ServiceUnavailable", 503, "out of memory");
}

static void fail_unsigned(auth_done_cb done, void *user)
{
    fail(done, user, "MissingAuthenticationToken", 403, "Missing Authentication Token");
}

static void refuse_mismatch(struct auth *auth, const struct sigv4 *claim, auth_done_cb done,
                            void *user)
{
    const char *text = sigv4_mismatch_text(claim, auth->scratch);

    if (text)
        fail(done, user, "SignatureDoesNotMatch", 403, text);
    else
        fail_memory(done, user);
}

struct who { /* is at the other end */
    const char *client;
    bool is_tls;
    uint64_t now_mono_ms;
};

/* The signature is good. */
static void accept_key(struct auth_credential *credential, const struct who *who, auth_done_cb done,
                       void *user)
{
    struct auth_result result = {0};

    if (!auth_credential_spend(credential, who->now_mono_ms)) {
        fail(done, user, "Throttling", 400, "Rate exceeded");
        return;
    }
    result.principal = auth_principal_new(credential, who->client, who->is_tls);
    if (result.principal)
        done(user, &result);
    else
        fail_memory(done, user);
}

/* ---- the node's answer ---- */

static const char *waiting_id(const struct waiter *waiter)
{
    return waiter->is_v3 ? waiter->old.access_key_id : waiter->claim.access_key_id;
}

static bool is_sound(const struct waiter *waiter, const Ctl__CredentialReply *reply)
{
    return reply && strcmp(reply->access_key_id, waiting_id(waiter)) == 0 &&
           (waiter->is_v3 ? reply->v3_signature.len > 0 : reply->signing_key.len == SIGV4_KEY_LEN);
}

/* Only signatures that were good are remembered by: else anybody who knows an access key's id could
 * push out the others with regions that do not exist. */
static void judge(struct waiter *waiter, const Ctl__CredentialReply *reply,
                  struct auth_credential *credential)
{
    struct auth *auth = waiter->auth;
    const struct who who = {waiter->client, waiter->is_tls, waiter->asked_mono_ms};

    if (waiter->is_refresh) {
        auth_known_put(auth->known, &waiter->claim, credential, reply->signing_key.data,
                       waiter->asked_mono_ms);
    } else if (waiter->is_v3) {
        if (sigv3_is_signed(&waiter->old, reply->v3_signature.data, reply->v3_signature.len))
            accept_key(credential, &who, waiter->done, waiter->user);
        else
            fail(waiter->done, waiter->user, "SignatureDoesNotMatch", 403,
                 "The request signature we calculated does not match the signature you provided.");
    } else if (sigv4_is_signed(&waiter->claim, reply->signing_key.data)) {
        auth_known_put(auth->known, &waiter->claim, credential, reply->signing_key.data,
                       waiter->asked_mono_ms);
        accept_key(credential, &who, waiter->done, waiter->user);
    } else {
        refuse_mismatch(auth, &waiter->claim, waiter->done, waiter->user);
    }
}

static void tell_failure(struct waiter *waiter, const Ctl__Reply *reply)
{
    if (waiter->is_refresh)
        return;
    if (reply && strcmp(reply->error, "InvalidClientTokenId") == 0)
        fail(waiter->done, waiter->user, "InvalidClientTokenId", 403, reply->message);
    else
        fail(waiter->done, waiter->user, "ServiceUnavailable", 503,
             "The cluster could not be asked about the access key; try again");
}

static void take_reply(struct waiter *waiter, const Ctl__Reply *reply)
{
    struct auth *auth = waiter->auth;
    struct auth_credential *credential = NULL;

    if (reply && strcmp(reply->error, "InvalidClientTokenId") == 0)
        auth_known_forget(auth->known, waiting_id(waiter));
    if (reply && reply->code == 0 && is_sound(waiter, reply->credential))
        credential = auth_known_take(auth->known, reply->credential, waiter->asked_mono_ms);
    if (!credential) {
        tell_failure(waiter, reply);
        return;
    }
    judge(waiter, reply->credential, credential);
    auth_credential_unref(credential);
}

static void on_reply(void *user, const struct Ctl__Reply *reply)
{
    struct waiter *waiter = user;
    struct auth *auth = waiter->auth;

    auth->waiting_count--;
    arena_reset(auth->scratch);
    if (waiter->is_refresh) {
        struct auth_key *key = auth_known_find(auth->known, &waiter->claim);
        if (key)
            key->is_asked = false;
    }
    take_reply(waiter, reply);
    free(waiter);
}

/* ---- asking ---- */

static struct waiter *new_waiter(struct auth *auth, const struct sigv4 *claim, bool has_texts)
{
    size_t canonical_len = has_texts ? strlen(claim->canonical) + 1 : 0;
    size_t to_sign_len = has_texts ? strlen(claim->to_sign) + 1 : 0;

    if (auth->waiting_count == AUTH_WAITING_MAX)
        return NULL;
    struct waiter *waiter = calloc(1, sizeof(*waiter) + canonical_len + to_sign_len);
    if (!waiter)
        return NULL;
    waiter->auth = auth;
    if (claim)
        waiter->claim = *claim;
    if (has_texts) {
        char *texts = (char *)(waiter + 1);
        memcpy(texts, claim->canonical, canonical_len);
        memcpy(texts + canonical_len, claim->to_sign, to_sign_len);
        waiter->claim.canonical = texts;
        waiter->claim.to_sign = texts + canonical_len;
    }
    return waiter;
}

static void ask(struct waiter *waiter)
{
    struct auth *auth = waiter->auth;
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CredentialUse use = CTL__CREDENTIAL_USE__INIT;

    use.access_key_id = (char *)(uintptr_t)waiting_id(waiter);
    if (waiter->is_v3) {
        use.v3_text = waiter->old.text;
        use.v3_is_sha1 = waiter->old.is_sha1;
    } else {
        use.date = waiter->claim.date;
        use.region = waiter->claim.region;
        use.service = waiter->claim.service;
    }
    request.kind_case = CTL__REQUEST__KIND_CREDENTIAL_USE;
    request.credential_use = &use;
    auth->waiting_count++;
    auth->options.port.ask(auth->options.port.user, &request, on_reply, waiter);
}

static void ask_again(struct auth *auth, const struct sigv4 *claim, struct auth_key *key,
                      uint64_t now_mono_ms)
{
    struct waiter *waiter = new_waiter(auth, claim, false);

    if (!waiter)
        return; /* it is young enough still */
    waiter->is_refresh = true;
    waiter->asked_mono_ms = now_mono_ms;
    key->is_asked = true;
    ask(waiter);
}

/* Let @waiter (NULL: there is no room) wait for the node's word. */
static void ask_for(struct waiter *waiter, const struct who *who, auth_done_cb done, void *user)
{
    if (!waiter) {
        fail(done, user, "ServiceUnavailable", 503, "Too much is being done at once; try again");
        return;
    }
    snprintf(waiter->client, sizeof(waiter->client), "%s", who->client);
    waiter->is_tls = who->is_tls;
    waiter->asked_mono_ms = who->now_mono_ms;
    waiter->done = done;
    waiter->user = user;
    ask(waiter);
}

/* ---- requests ---- */

static void check_v4(struct auth *auth, const struct auth_request *request, const struct who *who,
                     auth_done_cb done, void *user)
{
    struct auth_refusal refusal;
    struct sigv4 claim;
    int rc = sigv4_read(request, auth->scratch, &claim, &refusal);

    if (rc == ERR_DENIED) {
        refuse(done, user, &refusal, NULL);
        return;
    }
    if (rc != 0) {
        fail_memory(done, user);
        return;
    }
    struct auth_key *key = auth_known_find(auth->known, &claim);
    uint64_t age_ms = key ? who->now_mono_ms - key->asked_mono_ms : 0;
    if (!key || age_ms >= AUTH_KNOWN_MS) {
        ask_for(new_waiter(auth, &claim, true), who, done, user);
        return;
    }
    if (!sigv4_is_signed(&claim, key->signing_key)) {
        refuse_mismatch(auth, &claim, done, user);
        return;
    }
    struct auth_credential *credential = key->credential;
    key->used_mono_ms = who->now_mono_ms;
    credential->ref_count++; /* the node's answer may come from within, and forget it */
    if (age_ms >= AUTH_KNOWN_MS / 2 && !key->is_asked)
        ask_again(auth, &claim, key, who->now_mono_ms);
    accept_key(credential, who, done, user);
    auth_credential_unref(credential);
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
           strncmp(address, "::ffff:127.", 11) == 0;
}

static void check_v3(struct auth *auth, const struct auth_request *request, const struct who *who,
                     auth_done_cb done, void *user)
{
    struct auth_refusal refusal;
    struct sigv3 claim;

    if (!request->is_tls && !(auth->options.may_v3_on_loopback && is_loopback(who->client))) {
        fail(done, user, "AccessDenied", 403,
             "AWS3-HTTPS signs the date alone: it is accepted over TLS only");
        return;
    }
    if (sigv3_read(request, &claim, &refusal) != 0) {
        refuse(done, user, &refusal, NULL);
        return;
    }
    struct waiter *waiter = new_waiter(auth, NULL, false);
    if (waiter) {
        waiter->is_v3 = true;
        waiter->old = claim;
    }
    ask_for(waiter, who, done, user);
}

static void format_client(const struct sockaddr *client, char out[AUTH_ADDRESS_SIZE])
{
    const void *address = NULL;

    out[0] = '\0';
    if (client && client->sa_family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)client)->sin_addr;
    else if (client && client->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)client)->sin6_addr;
    if (address)
        inet_ntop(client->sa_family, address, out, AUTH_ADDRESS_SIZE);
}

void auth_check(struct auth *auth, const struct auth_request *request, auth_done_cb done,
                void *user)
{
    char client[AUTH_ADDRESS_SIZE];

    arena_reset(auth->scratch);
    format_client(request->client, client);
    const struct who who = {client, request->is_tls, request->now_mono_ms};
    if (sigv3_is_claimed(request))
        check_v3(auth, request, &who, done, user);
    else if (sigv4_is_claimed(request))
        check_v4(auth, request, &who, done, user);
    else
        fail_unsigned(done, user);
}

/* ---- who it is ---- */

struct auth_principal *auth_principal_new(const struct auth_credential *credential,
                                          const char *client, bool is_tls)
{
    struct auth_principal *principal = calloc(1, sizeof(*principal));

    if (!principal)
        return NULL;
    principal->policy = auth_policy_ref(credential->policy);
    principal->is_tls = is_tls;
    snprintf(principal->client, sizeof(principal->client), "%s", client);
    snprintf(principal->id, sizeof(principal->id), "%s", credential->id);
    snprintf(principal->user_name, sizeof(principal->user_name), "%s", credential->user_name);
    int len = snprintf(principal->actor, sizeof(principal->actor), "%s (%s)", credential->user_name,
                       credential->id);
    if (!credential->user_name[0] || len >= (int)sizeof(principal->actor))
        snprintf(principal->actor, sizeof(principal->actor), "%s", credential->id);
    return principal;
}

void auth_principal_free(struct auth_principal *principal)
{
    if (!principal)
        return;
    auth_policy_unref(principal->policy);
    free(principal);
}

const char *auth_access_key_id(const struct auth_principal *principal)
{
    return principal->id;
}

const char *auth_user_name(const struct auth_principal *principal)
{
    return principal->user_name;
}

const char *auth_actor(const struct auth_principal *principal)
{
    return principal->actor;
}
