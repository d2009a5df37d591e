/* A member lets another node in; see join.h. Everything that can be refused is refused before the
 * token is used up. A joiner whose answer was lost comes again with the same id, key and token: for
 * that the hash of its token's secret is kept under join.<id> until the member has been heard. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/memops.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "cluster/admin_port.h"
#include "cluster/ask.h"
#include "cluster/authority.h"
#include "cluster/authority_rule.h"
#include "cluster/certificate.h"
#include "cluster/feature.h"
#include "cluster/join.h"
#include "cluster/join_check.h"
#include "cluster/members.h"
#include "cluster/token.h"
#include "proto/admin.pb-c.h"
#include "proto/cluster.pb-c.h"

#define NAME_SIZE (sizeof("join.") + 16)
#define FORGET_EVERY_MS 5000
#define ACTOR ((char *)(uintptr_t) "join")

struct join_call {
    struct cluster *cluster;
    struct admin_call *call;
    Adm__Join *join; /* own copy */
    char *cert_pem;
    uint8_t key_hash[CERTIFICATE_HASH_LEN];
    uint8_t secret_hash[TOKEN_HASH_LEN];
    char secret_name[NAME_SIZE];
};

static void finish(struct join_call *join, int code, const char *message)
{
    if (code != 0)
        log_warn("cluster", "join_refused id=%016" PRIx64 " name=%s why=\"%s\"", join->join->id,
                 join->join->name, message);
    admin_port_reply_text(join->call, code, message);
    explicit_bzero(join->join->secret.data, join->join->secret.len);
    adm__join__free_unpacked(join->join, NULL);
    free(join->cert_pem);
    free(join);
}

static int sign(struct join_call *join)
{
    free(join->cert_pem);
    join->cert_pem = NULL;
    return authority_sign(join->cluster, join->join->request_pem, join->join->id, &join->cert_pem);
}

/* The CA may have changed hands since the request was judged. */
static bool is_by_signing(const struct join_call *join)
{
    const struct cluster *cluster = join->cluster;

    return authority_of(cluster, join->cert_pem) ==
           authority_signing(&cluster->authority)->generation;
}

static void reply_joined(struct join_call *join)
{
    const struct cluster *cluster = join->cluster;
    Adm__Reply reply = ADM__REPLY__INIT;
    Adm__Joined joined = ADM__JOINED__INIT;
    Adm__Peer peers[CLUSTER_MEMBERS_MAX], *list[CLUSTER_MEMBERS_MAX];

    if (!is_by_signing(join) && sign(join) != 0) {
        finish(join, ERR_IO, "the cluster's CA key cannot be used");
        return;
    }
    for (unsigned i = 0; i < cluster->members.count; i++) {
        const struct state_member *about = &cluster->members.list[i].about;
        peers[i] = (Adm__Peer)ADM__PEER__INIT;
        peers[i].id = cluster->members.list[i].id;
        peers[i].peer_address = (char *)(uintptr_t)about->peer_address;
        peers[i].admin_address = (char *)(uintptr_t)about->admin_address;
        list[i] = &peers[i];
    }
    joined.n_peers = cluster->members.count;
    joined.peers = list;
    joined.cluster_id = join->join->cluster_id;
    joined.ca_pem = cluster->identity.ca_pem;
    joined.cert_pem = join->cert_pem;
    joined.cluster_key =
        (ProtobufCBinaryData){SECRETS_KEY_LEN, (uint8_t *)(uintptr_t)cluster->secrets.cluster_key};
    reply.kind_case = ADM__REPLY__KIND_JOINED;
    reply.joined = &joined;
    log_info("cluster", "joined id=%016" PRIx64 " name=%s", join->join->id, join->join->name);
    admin_port_reply(join->call, &reply);
    explicit_bzero(join->join->secret.data, join->join->secret.len);
    adm__join__free_unpacked(join->join, NULL);
    free(join->cert_pem);
    free(join);
}

static void added(void *user, int rc, const Clu__Answer *answer)
{
    struct join_call *join = user;

    if (rc != 0)
        finish(join, rc, "no leader added this node in time; join again with the same token");
    else if (answer->code != 0)
        finish(join, answer->code, answer->message);
    else
        reply_joined(join);
}

static void add(struct join_call *join)
{
    Clu__Ask ask = CLU__ASK__INIT;
    Cmd__MemberContext context = CMD__MEMBER_CONTEXT__INIT;

    context.id = join->join->id;
    context.name = join->join->name;
    context.region = join->join->region;
    context.peer_address = join->join->peer_address;
    context.admin_address = join->join->admin_address;
    context.snapshot_address = join->join->snapshot_address;
    context.n_dns_addresses = join->join->n_dns_addresses;
    context.dns_addresses = join->join->dns_addresses;
    context.version = join->join->version;
    context.feature_level = join->join->feature_level;
    /* The key, which stays, and not the certificate, which is renewed. */
    context.certificate_sha256 = (ProtobufCBinaryData){sizeof(join->key_hash), join->key_hash};
    ask.kind_case = CLU__ASK__KIND_ADD;
    ask.add = &context;
    int rc = ask_leader(join->cluster, &ask, JOIN_TIMEOUT_MS / 2, added, join);
    if (rc != 0)
        finish(join, rc, err_text(rc));
}

static void secret_name(uint64_t id, char out[NAME_SIZE])
{
    memcpy(out, "join.", 5);
    hex_format_id(id, out + 5);
}

static void remembered(void *user, int rc, const struct apply_result *result)
{
    struct join_call *join = user;

    if (rc == 0)
        rc = result->code;
    if (rc != 0)
        finish(join, rc, "the token was used, but the cluster did not answer; make a new one");
    else
        add(join);
}

static void consumed(void *user, int rc, const struct apply_result *result)
{
    struct join_call *join = user;
    Cmd__PutSecret secret = CMD__PUT_SECRET__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    if (rc != 0) {
        finish(join, rc, "no leader took the token in time; try again, or make a new token");
        return;
    }
    if (result->code != 0) {
        finish(join, ERR_DENIED, result->message);
        return;
    }
    secret.name = join->secret_name;
    secret.ciphertext = (ProtobufCBinaryData){sizeof(join->secret_hash), join->secret_hash};
    command.kind_case = CMD__COMMAND__KIND_PUT_SECRET;
    command.put_secret = &secret;
    command.actor = ACTOR;
    rc = cluster_propose(join->cluster, &command, 0, remembered, join);
    if (rc != 0)
        finish(join, rc, err_text(rc));
}

static void consume(struct join_call *join)
{
    Cmd__TokenConsume consume_token = CMD__TOKEN_CONSUME__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    consume_token.token_id = join->join->token_id;
    consume_token.secret_sha256 =
        (ProtobufCBinaryData){sizeof(join->secret_hash), join->secret_hash};
    command.kind_case = CMD__COMMAND__KIND_TOKEN_CONSUME;
    command.token_consume = &consume_token;
    command.actor = ACTOR;
    int rc = cluster_propose(join->cluster, &command, 0, consumed, join);
    if (rc != 0)
        finish(join, rc, err_text(rc));
}

/* Was this token's secret given by this id before, and taken? */
static bool is_repeated(struct join_call *join)
{
    struct kv_buffer kept = {0};

    bool is_same = state_get_secret(cluster_state(join->cluster), join->secret_name, &kept) == 0 &&
                   kept.len == TOKEN_HASH_LEN &&
                   memeql_sec(kept.data, join->secret_hash, TOKEN_HASH_LEN);
    kv_buffer_fini(&kept);
    return is_same;
}

/* NULL: the token is good. */
static const char *check_token(struct join_call *join)
{
    struct state_token token;

    if (state_get_token(cluster_state(join->cluster), join->join->token_id.data, &token) != 0)
        return "no such token: it was used up, revoked, or has expired; make a new one";
    if (!token_is_secret(join->join->secret.data, token.secret_sha256))
        return "the token's secret is wrong";
    if (clock_wall_ms() >= token.expires_wall_ms)
        return "the token has expired; make a new one";
    return NULL;
}

/* false: its program cannot take part, and it has been told. */
static bool check_feature_level(struct join_call *join)
{
    unsigned level = join->cluster->feature_level, known = feature_told(join->join->feature_level);
    char text[256];

    if (known >= level)
        return true;
    snprintf(
        text, sizeof(text),
        "the cluster runs at feature level %u, and this node's program (%.64s) knows levels up "
        "to %u: install %s or later on it",
        level, join->join->version, known, feature_version_of(level));
    finish(join, ERR_VERSION, text);
    return false;
}

static const char *check_name(struct join_call *join)
{
    for (unsigned i = 0; i < join->cluster->members.count; i++) {
        const struct member *member = &join->cluster->members.list[i];
        if (member->id != join->join->id && strcmp(member->about.name, join->join->name) == 0)
            return "a member has this name: choose another, or remove that one first";
    }
    return NULL;
}

/* State is as new as this request: judge, then act. */
static void judged(void *user, int rc, bool was_current)
{
    struct join_call *join = user;
    struct state_member member;

    (void)was_current;
    if (rc != 0) {
        finish(join, ERR_UNAVAILABLE, "the cluster has no leader now; try again");
        return;
    }
    if (!check_feature_level(join))
        return;
    bool is_member = state_get_member(cluster_state(join->cluster), join->join->id, &member) == 0;
    bool is_again = is_repeated(join);
    const char *why = is_again ? NULL : check_token(join);
    if (!why && is_member && memcmp(member.certificate_sha256, join->key_hash, 32) != 0)
        why = "a member has this id and another key";
    if (why) {
        finish(join, ERR_DENIED, why);
        return;
    }
    why = check_name(join);
    if (why) {
        finish(join, ERR_EXISTS, why);
        return;
    }
    rc = sign(join);
    if (rc != 0)
        finish(join, rc,
               rc == ERR_INVALID ? "the signing request is not acceptable"
                                 : "the cluster's CA key cannot be used");
    else if (is_again && is_member)
        reply_joined(join);
    else if (is_again)
        add(join);
    else
        consume(join);
}

static Adm__Join *copy_join(const Adm__Join *from)
{
    size_t len = adm__join__get_packed_size(from);
    uint8_t *packed = malloc(len);

    if (!packed)
        return NULL;
    adm__join__pack(from, packed);
    Adm__Join *copy = adm__join__unpack(NULL, len, packed);
    explicit_bzero(packed, len);
    free(packed);
    return copy;
}

void join_asked(struct cluster *cluster, struct admin_call *call, const Adm__Request *request)
{
    const Adm__Join *from = request->join;
    struct join_call *join;
    const char *why = NULL;

    if (join_check(from, &why) != 0) {
        admin_port_reply_text(call, ERR_INVALID, why);
        return;
    }
    if (memcmp(from->cluster_id.data, cluster->identity.cluster_id, SECRETS_CLUSTER_ID_LEN) != 0) {
        admin_port_reply_text(call, ERR_DENIED, "the token is of another cluster");
        return;
    }
    join = calloc(1, sizeof(*join));
    if (!join || !(join->join = copy_join(from))) {
        free(join);
        admin_port_reply_text(call, ERR_NOMEM, err_text(ERR_NOMEM));
        return;
    }
    join->cluster = cluster;
    join->call = call;
    token_hash(from->secret.data, join->secret_hash);
    secret_name(from->id, join->secret_name);
    int rc = certificate_request_key(from->request_pem, join->key_hash);
    if (rc == 0)
        rc = cluster_read_barrier(cluster, 0, judged, join);
    if (rc != 0)
        finish(join, rc,
               rc == ERR_INVALID ? "the signing request is not acceptable" : err_text(rc));
}

void join_server_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    Cmd__DeleteSecret forget = CMD__DELETE_SECRET__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    char name[NAME_SIZE];

    if (!cluster__leads(cluster) || now_mono_ms - cluster->forgot_mono_ms < FORGET_EVERY_MS)
        return;
    cluster->forgot_mono_ms = now_mono_ms;
    for (unsigned i = 0; i < cluster->members.count; i++) {
        struct kv_buffer kept = {0};
        if (cluster->members.list[i].report.heard_mono_ms == 0)
            continue;
        secret_name(cluster->members.list[i].id, name);
        int rc = state_get_secret(cluster_state(cluster), name, &kept);
        kv_buffer_fini(&kept);
        if (rc != 0)
            continue;
        forget.name = name;
        command.kind_case = CMD__COMMAND__KIND_DELETE_SECRET;
        command.delete_secret = &forget;
        command.actor = ACTOR;
        (void)cluster_propose(cluster, &command, 0, NULL, NULL); /* looked at again later */
    }
}
