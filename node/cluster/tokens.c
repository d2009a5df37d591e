/* Join tokens for administrators: create, list, revoke. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/random.h"
#include "cluster/authority_rule.h"
#include "cluster/certificate.h"
#include "cluster/internal.h"
#include "cluster/token.h"
#include "proto/command.pb-c.h"

#define TTL_MIN_MS 1000
#define TTL_MAX_MS (365ull * 24 * 3600 * 1000)
#define USES_MAX 1000

static void put_id(uint64_t id, uint8_t out[STATE_TOKEN_ID_LEN])
{
    for (unsigned i = 0; i < STATE_TOKEN_ID_LEN; i++)
        out[i] = (uint8_t)(id >> (56 - 8 * i));
}

struct token_call {
    cluster_token_cb cb;
    void *user;
    uint64_t expires_wall_ms;
    char text[TOKEN_TEXT_LEN + 1];
};

static void created(void *user, int rc, const struct apply_result *result)
{
    struct token_call *call = user;

    if (rc == 0)
        rc = result->code;
    call->cb(call->user, rc, rc == 0 ? call->text : NULL, call->expires_wall_ms);
    explicit_bzero(call, sizeof(*call));
    free(call);
}

static int propose_token(struct cluster *cluster, const struct token *token, uint32_t uses,
                         struct token_call *call)
{
    Cmd__TokenCreate create = CMD__TOKEN_CREATE__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    uint8_t id[STATE_TOKEN_ID_LEN], hash[TOKEN_HASH_LEN];

    put_id(token->id, id);
    token_hash(token->secret, hash);
    create.token_id = (ProtobufCBinaryData){sizeof(id), id};
    create.secret_sha256 = (ProtobufCBinaryData){sizeof(hash), hash};
    create.expires_wall_ms = call->expires_wall_ms;
    create.uses = uses;
    command.kind_case = CMD__COMMAND__KIND_TOKEN_CREATE;
    command.token_create = &create;
    return cluster_propose(cluster, &command, 0, created, call);
}

int cluster_token_create(struct cluster *cluster, uint64_t ttl_ms, uint32_t uses,
                         cluster_token_cb cb, void *user)
{
    struct token token;

    if (cluster->phase != CLUSTER_MEMBER)
        return ERR_UNAVAILABLE;
    if (ttl_ms < TTL_MIN_MS || ttl_ms > TTL_MAX_MS || uses < 1 || uses > USES_MAX)
        return ERR_INVALID;
    struct token_call *call = calloc(1, sizeof(*call));
    if (!call)
        return ERR_NOMEM;
    *call =
        (struct token_call){.cb = cb, .user = user, .expires_wall_ms = clock_wall_ms() + ttl_ms};
    memcpy(token.cluster_id, cluster->identity.cluster_id, sizeof(token.cluster_id));
    token.id = random_id();
    random_bytes(token.secret, sizeof(token.secret));
    /* Not the first of identity's: while the CA changes hands this node may be the last to turn. */
    int rc = certificate_hash(authority_signing(&cluster->authority)->cert_pem, token.ca_hash);
    if (rc == 0) {
        token_format(&token, call->text);
        rc = propose_token(cluster, &token, uses, call);
    }
    token_wipe(&token);
    if (rc != 0) {
        explicit_bzero(call, sizeof(*call));
        free(call);
    }
    return rc;
}

struct listing {
    struct cluster_token_info *out;
    unsigned count, count_max;
};

static int list_one(void *user, const struct state_token *token)
{
    struct listing *listing = user;

    if (listing->count < listing->count_max) {
        struct cluster_token_info *info = &listing->out[listing->count];
        hex_format(token->id, sizeof(token->id), info->id);
        info->expires_wall_ms = token->expires_wall_ms;
        info->uses_left = token->uses_left;
    }
    listing->count++;
    return 0;
}

unsigned cluster_token_list(struct cluster *cluster, struct cluster_token_info *out,
                            unsigned count_max)
{
    struct listing listing = {out, 0, count_max};

    if (cluster_state(cluster))
        (void)state_list_tokens(cluster_state(cluster), list_one, &listing);
    return listing.count;
}

struct revoke_call {
    cluster_done_cb cb;
    void *user;
};

static void revoked(void *user, int rc, const struct apply_result *result)
{
    struct revoke_call *call = user;

    if (rc == 0 && result->code != 0)
        call->cb(call->user, result->code, result->message);
    else
        call->cb(call->user, rc, rc == 0 ? "The token is revoked." : err_text(rc));
    free(call);
}

int cluster_token_revoke(struct cluster *cluster, const char *id, cluster_done_cb cb, void *user)
{
    Cmd__TokenRevoke revoke = CMD__TOKEN_REVOKE__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    uint8_t octets[STATE_TOKEN_ID_LEN];

    if (hex_parse(id, octets, sizeof(octets)) != 0)
        return ERR_INVALID;
    struct revoke_call *call = malloc(sizeof(*call));
    if (!call)
        return ERR_NOMEM;
    *call = (struct revoke_call){cb, user};
    revoke.token_id = (ProtobufCBinaryData){sizeof(octets), octets};
    command.kind_case = CMD__COMMAND__KIND_TOKEN_REVOKE;
    command.token_revoke = &revoke;
    int rc = cluster_propose(cluster, &command, 0, revoked, call);
    if (rc != 0)
        free(call);
    return rc;
}
