/* A node gets in; see join.h. The exchange runs on a worker with copies of all it needs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/certificate.h"
#include "cluster/feature.h"
#include "cluster/init.h"
#include "cluster/join.h"
#include "cluster/members.h"
#include "cluster/token.h"
#include "proto/admin.pb-c.h"

#define CA_TIMEOUT_MS 10000
#define MESSAGE_MAX 512
#define STEP_CA "checking the cluster's CA"
#define STEP_JOIN "asking to be let in"
#define STEP_CATCH_UP "catching up with the log"

struct join {
    struct cluster *cluster;
    bool is_running;  /* the worker runs */
    bool is_waiting;  /* member already; waits until the log says so */
    bool is_answered; /* a callback is due at the next tick: rc, message */
    uint64_t deadline_mono_ms;
    cluster_done_cb cb;
    cluster_progress_cb progress;
    void *user;
    uv_work_t work;
    /* the worker's, until it is done */
    char address[CLUSTER_TEXT_MAX];
    struct token token;
    uint64_t id;
    char *key_pem, *request_pem, *ca_pem;
    ProtobufCBinaryData dns[CLUSTER_ADDRESSES_MAX];
    Adm__Reply *reply;
    int rc;
    char message[MESSAGE_MAX];
    _Atomic(const char *) step; /* read on the loop meanwhile */
    const char *told_step;      /* the last one told to progress */
};

struct join *join_new(struct cluster *cluster)
{
    struct join *join = calloc(1, sizeof(*join));

    if (join) {
        join->cluster = cluster;
        join->step = "";
        join->told_step = "";
    }
    return join;
}

static void forget(struct join *join)
{
    if (join->reply && join->reply->kind_case == ADM__REPLY__KIND_JOINED)
        explicit_bzero(join->reply->joined->cluster_key.data, join->reply->joined->cluster_key.len);
    if (join->reply)
        adm__reply__free_unpacked(join->reply, NULL);
    certificate_free_key(join->key_pem);
    free(join->request_pem);
    free(join->ca_pem);
    token_wipe(&join->token);
    join->reply = NULL;
    join->key_pem = join->request_pem = join->ca_pem = NULL;
    join->step = "";
}

void join_free(struct join *join)
{
    if (!join)
        return;
    ASSERT(!join->is_running);
    if (join->cb)
        join->cb(join->user, ERR_CLOSED, err_text(ERR_CLOSED));
    forget(join);
    free(join);
}

bool join_is_running(const struct cluster *cluster)
{
    return cluster->join && cluster->join->is_running;
}

const char *join_step(const struct cluster *cluster)
{
    return cluster->join ? cluster->join->step : "";
}

static int fail(struct join *join, int rc, const char *message)
{
    snprintf(join->message, sizeof(join->message), "%s", message);
    return rc;
}

/* Worker. Nothing secret is sent before the CA is known to be the one that the token names. */
static int ask_ca(struct join *join)
{
    Adm__Request request = ADM__REQUEST__INIT;
    Adm__GetCa get_ca = ADM__GET_CA__INIT;
    Adm__Reply *reply = NULL;

    join->step = STEP_CA;
    request.version = 1;
    request.kind_case = ADM__REQUEST__KIND_GET_CA;
    request.get_ca = &get_ca;
    int rc = admin_client_ask(join->address, NULL, &request, CA_TIMEOUT_MS, &reply);
    if (rc != 0)
        return fail(join, rc,
                    "the address does not answer as the admin port of a member: is it "
                    "right, and is the port (5302) open?");
    if (reply->kind_case != ADM__REPLY__KIND_CA_PEM || reply->code != 0)
        rc = fail(join, reply->code ? reply->code : ERR_CORRUPT,
                  reply->message[0] ? reply->message : "the answer makes no sense");
    else if (certificate_pick(reply->ca_pem, join->token.ca_hash, &join->ca_pem) != 0)
        rc = fail(join, ERR_DENIED,
                  "the node at this address is of another cluster than the token, or someone is in "
                  "between, or the cluster's CA was rotated since the token was made (then make "
                  "another one: quartet token create); nothing was sent");
    adm__reply__free_unpacked(reply, NULL);
    return rc;
}

static int ask_join(struct join *join)
{
    struct cluster *cluster = join->cluster; /* its options do not change */
    Adm__Request request = ADM__REQUEST__INIT;
    Adm__Join body = ADM__JOIN__INIT;
    uint8_t token_id[8];

    join->step = STEP_JOIN;
    for (unsigned i = 0; i < 8; i++)
        token_id[i] = (uint8_t)(join->token.id >> (56 - 8 * i));
    body.cluster_id = (ProtobufCBinaryData){TOKEN_CLUSTER_ID_LEN, join->token.cluster_id};
    body.token_id = (ProtobufCBinaryData){sizeof(token_id), token_id};
    body.secret = (ProtobufCBinaryData){TOKEN_SECRET_LEN, join->token.secret};
    body.id = join->id;
    body.request_pem = join->request_pem;
    body.name = cluster->name;
    body.region = cluster->region;
    body.peer_address = cluster->advertised.peer;
    body.admin_address = cluster->advertised.admin;
    body.snapshot_address = cluster->advertised.snapshot;
    body.n_dns_addresses = cluster->public_address_count;
    body.dns_addresses = join->dns;
    body.version = (char *)(uintptr_t)feature_program_version;
    body.feature_level = feature_known();
    request.version = 1;
    request.kind_case = ADM__REQUEST__KIND_JOIN;
    request.join = &body;
    int rc = admin_client_ask(join->address, join->ca_pem, &request, JOIN_TIMEOUT_MS, &join->reply);
    if (rc == ERR_TIMEOUT)
        return fail(join, rc, "no answer in time; run the same join again");
    if (rc != 0)
        return fail(join, rc, "the connection failed; run the same join again");
    if (join->reply->code != 0)
        return fail(join, join->reply->code, join->reply->message);
    return join->reply->kind_case == ADM__REPLY__KIND_JOINED
               ? 0
               : fail(join, ERR_CORRUPT, "the answer makes no sense");
}

static int check_joined(struct join *join)
{
    const Adm__Joined *joined = join->reply->joined;
    const char *why = NULL;
    char *known = NULL;

    if (joined->cluster_key.len != SECRETS_KEY_LEN || joined->n_peers == 0 ||
        joined->n_peers > IDENTITY_PEERS_MAX)
        return fail(join, ERR_CORRUPT, "the answer makes no sense");
    int rc = certificate_pick(joined->ca_pem, join->token.ca_hash, &known);
    free(known);
    if (rc != 0)
        return fail(join, ERR_DENIED, "the CA in the answer is not the one that the token names");
    if (certificate_check(joined->ca_pem, joined->cert_pem, join->key_pem, join->id,
                          clock_wall_ms(), &why) == 0)
        return 0;
    snprintf(join->message, sizeof(join->message), "the certificate received is not good: %s", why);
    return ERR_DENIED;
}

static void work(uv_work_t *request)
{
    struct join *join = request->data;

    join->rc = ask_ca(join);
    if (join->rc == 0)
        join->rc = ask_join(join);
    if (join->rc == 0)
        join->rc = check_joined(join);
}

static void finish(struct join *join, int rc, const char *message)
{
    cluster_done_cb cb = join->cb;
    char text[MESSAGE_MAX];

    snprintf(text, sizeof(text), "%s", message);
    join->cb = NULL;
    join->is_waiting = join->is_answered = false;
    forget(join);
    if (rc != 0 && join->cluster->phase == CLUSTER_JOINING)
        join->cluster->phase = CLUSTER_UNJOINED;
    if (cb)
        cb(join->user, rc, text);
}

/* What was received becomes this node's identity. */
static int take_identity(struct join *join)
{
    struct identity *identity = &join->cluster->identity;
    Adm__Joined *joined = join->reply->joined;

    memcpy(identity->cluster_id, join->token.cluster_id, sizeof(identity->cluster_id));
    memcpy(identity->cluster_key, joined->cluster_key.data, SECRETS_KEY_LEN);
    identity->id = join->id;
    identity->ca_pem = strdup(joined->ca_pem); /* maybe two: one is being rotated */
    identity->cert_pem = strdup(joined->cert_pem);
    identity->key_pem = join->key_pem;
    join->key_pem = NULL;
    identity->peers = calloc(joined->n_peers, sizeof(*identity->peers));
    if (!identity->ca_pem || !identity->cert_pem || !identity->peers)
        return ERR_NOMEM;
    for (size_t i = 0; i < joined->n_peers; i++) {
        struct identity_peer *peer = &identity->peers[identity->peer_count];
        if (joined->peers[i]->id == join->id || strpbrk(joined->peers[i]->peer_address, " \n"))
            continue;
        peer->id = joined->peers[i]->id;
        snprintf(peer->peer, sizeof(peer->peer), "%s", joined->peers[i]->peer_address);
        identity->peer_count++;
    }
    secrets_derive(identity->cluster_key, identity->cluster_id, &join->cluster->secrets);
    return identity_store(join->cluster->data_dir, identity);
}

static void worked(uv_work_t *request, int status)
{
    struct join *join = request->data;
    struct cluster *cluster = join->cluster;
    char error[CLUSTER_ERROR_MAX] = "";

    (void)status;
    join->is_running = false;
    if (cluster->is_closing || join->rc != 0) {
        finish(join, join->rc != 0 ? join->rc : ERR_CLOSED, join->message);
        cluster__wake(cluster); /* a close may wait for this */
        return;
    }
    int rc = init_clear_leftovers(cluster->data_dir);
    if (rc == 0)
        rc = take_identity(join);
    if (rc != 0) {
        identity_fini(&cluster->identity);
        secrets_wipe(&cluster->secrets);
        finish(join, rc,
               "the identity cannot be stored in the data folder; run the same join again");
        return;
    }
    rc = cluster__start_member(cluster, error);
    if (rc != 0) {
        cluster__not_started(cluster, error);
        finish(join, rc, error);
        return;
    }
    join->step = STEP_CATCH_UP;
    join->is_waiting = true;
    join->deadline_mono_ms = clock_mono_ms() + JOIN_TIMEOUT_MS;
}

void join_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    struct join *join = cluster->join;
    const char *step = join->step;

    if (step != join->told_step) {
        join->told_step = step;
        if (join->progress && join->cb && *step)
            join->progress(join->user, step);
    }
    if (join->is_answered)
        finish(join, join->rc, join->message);
    else if (join->is_waiting && members_find(cluster, cluster->identity.id))
        finish(join, 0,
               "This node is a member: it answers DNS and follows the log. It becomes a "
               "voter by itself when one is wanted.");
    else if (join->is_waiting && now_mono_ms >= join->deadline_mono_ms)
        finish(join, 0,
               "This node is a member, and still catching up; see: quartet cluster status");
}

static int join_again(struct cluster *cluster, const struct token *token)
{
    struct join *join = cluster->join;

    if (cluster->phase == CLUSTER_REMOVED ||
        memcmp(token->cluster_id, cluster->identity.cluster_id, sizeof(token->cluster_id)) != 0)
        return ERR_CONFLICT;
    join->rc = 0;
    snprintf(join->message, sizeof(join->message), "This node is already a member.");
    join->is_answered = true;
    return 0;
}

static int prepare(struct join *join, const char *address)
{
    struct cluster *cluster = join->cluster;

    snprintf(join->address, sizeof(join->address), "%s", address);
    for (unsigned i = 0; i < cluster->public_address_count; i++)
        join->dns[i] = (ProtobufCBinaryData){cluster->public_addresses[i].len,
                                             cluster->public_addresses[i].octets};
    int rc = identity_draft(cluster->data_dir, &join->id, &join->key_pem);
    if (rc == 0)
        rc = certificate_make_request(join->key_pem, join->id, &join->request_pem);
    return rc;
}

int cluster_join(struct cluster *cluster, const char *address, const char *token_text,
                 cluster_progress_cb progress, cluster_done_cb cb, void *user)
{
    struct join *join = cluster->join;
    struct token token;

    if (join->is_running || join->cb || cluster->is_closing || cluster->is_fatal)
        return ERR_CONFLICT;
    int rc = token_parse(token_text, &token);
    if (rc != 0 || strlen(address) >= CLUSTER_TEXT_MAX || !strchr(address, ':'))
        return rc != 0 ? rc : ERR_INVALID;
    if (cluster->phase != CLUSTER_UNJOINED) {
        rc = join_again(cluster, &token);
        token_wipe(&token);
    } else {
        join->token = token;
        token_wipe(&token);
        rc = prepare(join, address);
        join->work.data = join;
        if (rc == 0 && uv_queue_work(cluster->loop, &join->work, work, worked) != 0)
            rc = ERR_NOMEM;
        join->is_running = rc == 0;
        if (rc == 0)
            cluster->phase = CLUSTER_JOINING;
        else
            forget(join);
    }
    if (rc != 0)
        return rc;
    join->cb = cb;
    join->progress = progress;
    join->user = user;
    return 0;
}
