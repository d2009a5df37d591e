#include "cluster/init.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/random.h"
#include "cluster/apex.h"
#include "cluster/certificate.h"
#include "cluster/members.h"
#include "cluster/own_zone.h"
#include "cluster/proposer.h"
#include "cluster/restore.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "store/store.h"

#define RETRY_MS 500

struct init {
    cluster_done_cb cb; /* of cluster_init(); NULL when a restart goes on with it */
    void *user;
    bool is_running; /* a command is under way */
    uint64_t again_mono_ms;
    int failed; /* what cluster__start_member() returned, and why */
    char why[CLUSTER_ERROR_MAX];
};

struct init *init_new(void)
{
    return calloc(1, sizeof(struct init));
}

static void finish(struct init *init, int rc, const char *message)
{
    cluster_done_cb cb = init->cb;

    init->cb = NULL;
    if (cb)
        cb(init->user, rc, message);
}

void init_free(struct init *init, int rc)
{
    if (!init)
        return;
    if (init->failed != 0)
        finish(init, init->failed, init->why);
    finish(init, rc, err_text(rc));
    free(init);
}

int init_clear_state(const char *data_dir)
{
    static const char *const names[] = {"log", "checkpoint", "staging"};
    char path[PATH_MAX];
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", data_dir, names[i]);
        rc = file_remove_tree(path);
    }
    return rc == 0 ? store_remove(data_dir) : rc;
}

int init_clear_leftovers(const char *data_dir)
{
    int rc = restore_clear_leftovers(data_dir);

    return rc == 0 ? init_clear_state(data_dir) : rc;
}

/* identity/init: "<domain> <hex of the sealed CA key>". */
static int make_text(const struct secrets *secrets, const char *domain, const char *ca_key,
                     char **out)
{
    size_t len = strlen(ca_key), sealed_len = len + SECRETS_SEAL_EXTRA;
    size_t size = strlen(domain) + 2 * sealed_len + 2;
    uint8_t *sealed = malloc(sealed_len), nonce[12];
    char *text = malloc(size);

    if (!sealed || !text) {
        free(sealed);
        free(text);
        return ERR_NOMEM;
    }
    random_bytes(nonce, sizeof(nonce));
    secrets_seal(secrets, INIT_CA_KEY, nonce, (const uint8_t *)ca_key, len, sealed);
    int at = snprintf(text, size, "%s ", domain);
    hex_format(sealed, sealed_len, text + at);
    free(sealed);
    *out = text;
    return 0;
}

int init_make_identity(const char *domain, struct identity *identity, struct secrets *secrets,
                       uint8_t key_hash[32])
{
    char *ca_key = NULL, *request = NULL;
    uint64_t now_wall_ms = clock_wall_ms();

    struct certificate_ca ca = {.generation = 1};
    random_bytes(identity->cluster_id, sizeof(identity->cluster_id));
    memcpy(ca.cluster_id, identity->cluster_id, sizeof(ca.cluster_id));
    random_bytes(identity->cluster_key, sizeof(identity->cluster_key));
    identity->id = random_id();
    secrets_derive(identity->cluster_key, identity->cluster_id, secrets);
    int rc = certificate_make_key(&ca_key);
    if (rc == 0)
        rc = certificate_make_ca(ca_key, &ca, now_wall_ms, &identity->ca_pem);
    if (rc == 0)
        rc = certificate_make_key(&identity->key_pem);
    if (rc == 0)
        rc = certificate_make_request(identity->key_pem, identity->id, &request);
    if (rc == 0)
        rc = certificate_request_key(request, key_hash);
    if (rc == 0)
        rc = certificate_sign(identity->ca_pem, ca_key, request, identity->id, now_wall_ms,
                              &identity->cert_pem);
    if (rc == 0)
        rc = make_text(secrets, domain, ca_key, &identity->init_text);
    free(request);
    certificate_free_key(ca_key);
    return rc;
}

static int bootstrap(struct cluster *cluster, uint8_t key_hash[32],
                     char message[RAFT_DRIVER_MESSAGE_LEN])
{
    Cmd__MemberContext context;
    ProtobufCBinaryData dns[CLUSTER_ADDRESSES_MAX];

    members_describe_self(cluster, &context, dns);
    context.certificate_sha256 = (ProtobufCBinaryData){32, key_hash};
    struct raft_buf *packed = raft_buf_new(NULL, cmd__member_context__get_packed_size(&context));
    if (!packed)
        return ERR_NOMEM;
    cmd__member_context__pack(&context, packed->data);
    int rc = raft_driver_bootstrap(cluster->data_dir, cluster->identity.id, packed, message);
    raft_buf_unref(packed);
    return cluster__error(rc);
}

static int normalise_domain(const char *domain, char out[CLUSTER_TEXT_MAX])
{
    uint8_t name[DNS_NAME_MAX];
    struct apex apex;
    const char *const test[] = {"ns1"};

    if (dns_name_parse(domain, NULL, name) < 2)
        return ERR_INVALID;
    dns_name_lower(name, name);
    if (dns_name_format(name, out, CLUSTER_TEXT_MAX) < 0 || strchr(out, ' '))
        return ERR_INVALID;
    return apex_make(test, 1, out, &apex);
}

int cluster_init(struct cluster *cluster, const char *domain, cluster_done_cb cb, void *user)
{
    char message[RAFT_DRIVER_MESSAGE_LEN] = "";
    char text[CLUSTER_TEXT_MAX];
    uint8_t key_hash[32];

    if (cluster->phase != CLUSTER_UNJOINED || cluster->is_closing || cluster->is_fatal)
        return ERR_CONFLICT;
    if (normalise_domain(domain, text) != 0)
        return ERR_INVALID;
    int rc = init_clear_leftovers(cluster->data_dir);
    if (rc == 0)
        rc = init_make_identity(text, &cluster->identity, &cluster->secrets, key_hash);
    if (rc == 0)
        rc = bootstrap(cluster, key_hash, message);
    if (rc == 0)
        rc = identity_store(cluster->data_dir, &cluster->identity);
    if (rc != 0) {
        identity_fini(&cluster->identity);
        secrets_wipe(&cluster->secrets);
        log_error("cluster", "init_failed why=\"%s %s\"", err_text(rc), message);
        return rc;
    }
    init_start(cluster, cb, user);
    return 0;
}

void init_start(struct cluster *cluster, cluster_done_cb cb, void *user)
{
    struct init *init = cluster->init;

    init->cb = cb;
    init->user = user;
    init->failed = cluster__start_member(cluster, init->why);
    if (init->failed != 0)
        cluster__not_started(cluster, init->why); /* @cb hears of it as the cluster closes */
}

static void step_done(void *user, int rc, const struct apply_result *result)
{
    struct cluster *cluster = user;

    if (!cluster->init)
        return;
    cluster->init->is_running = false;
    cluster->init->again_mono_ms = 0;
    if (rc == 0 && result->code != 0 && result->code != ERR_EXISTS) {
        log_error("cluster", "init_refused why=\"%s\"", result->message);
        finish(cluster->init, result->code, result->message);
        cluster->init->again_mono_ms = clock_mono_ms() + 60 * RETRY_MS;
    } else if (rc != 0) {
        cluster->init->again_mono_ms = clock_mono_ms() + RETRY_MS;
    }
    cluster__wake(cluster);
}

static int propose_cluster(struct cluster *cluster, char *domain)
{
    Cmd__InitCluster about = CMD__INIT_CLUSTER__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    about.cluster_id =
        (ProtobufCBinaryData){sizeof(cluster->identity.cluster_id), cluster->identity.cluster_id};
    about.domain = domain;
    command.kind_case = CMD__COMMAND__KIND_INIT_CLUSTER;
    command.init_cluster = &about;
    command.actor = (char *)(uintptr_t) "cluster init";
    return cluster_propose(cluster, &command, 0, step_done, cluster);
}

static int propose_key(struct cluster *cluster, const char *hex)
{
    Cmd__PutSecret secret = CMD__PUT_SECRET__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    uint8_t sealed[CERTIFICATE_PEM_MAX];
    size_t len = strlen(hex) / 2;

    if (len > sizeof(sealed) || hex_parse(hex, sealed, len) != 0)
        return ERR_CORRUPT;
    secret.name = (char *)(uintptr_t)INIT_CA_KEY;
    secret.ciphertext = (ProtobufCBinaryData){len, sealed};
    secret.only_new = true;
    command.kind_case = CMD__COMMAND__KIND_PUT_SECRET;
    command.put_secret = &secret;
    command.actor = (char *)(uintptr_t) "cluster init";
    return cluster_propose(cluster, &command, 0, step_done, cluster);
}

/* What state does not hold yet is proposed, one thing at a time. */
static int next_step(struct cluster *cluster, char *domain, const char *hex, bool *is_done)
{
    const struct kv *kv = cluster_state(cluster);
    struct kv_buffer secret = {0};
    struct state_zone zone;
    uint8_t name[DNS_NAME_MAX];

    if (cluster->domain[0] == '\0')
        return propose_cluster(cluster, domain);
    int rc = state_get_secret(kv, INIT_CA_KEY, &secret);
    kv_buffer_fini(&secret);
    if (rc == ERR_NOT_FOUND)
        return propose_key(cluster, hex);
    if (dns_name_parse(cluster->domain, NULL, name) < 0)
        return ERR_CORRUPT;
    dns_name_lower(name, name);
    if (state_get_zone_by_name(kv, name, &zone) == ERR_NOT_FOUND)
        return own_zone_create(cluster, step_done, cluster);
    *is_done = true;
    return 0;
}

static void complete(struct cluster *cluster)
{
    char text[CLUSTER_TEXT_MAX + 160];

    if (identity_init_done(cluster->data_dir) != 0)
        log_warn("cluster", "init_file_not_removed folder=%s", cluster->data_dir);
    free(cluster->identity.init_text);
    cluster->identity.init_text = NULL;
    log_info("cluster", "cluster_made domain=%s", cluster->domain);
    snprintf(text, sizeof(text),
             "The cluster %s is made; this node is its only voter. Add nodes with: quartet token "
             "create",
             cluster->domain);
    finish(cluster->init, 0, text);
}

void init_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    struct init *init = cluster->init;
    char domain[CLUSTER_TEXT_MAX];
    bool is_done = false;

    if (!cluster->identity.init_text || !cluster__leads(cluster) || init->is_running ||
        now_mono_ms < init->again_mono_ms)
        return;
    const char *blank = strchr(cluster->identity.init_text, ' ');
    if (!blank || blank - cluster->identity.init_text >= (ptrdiff_t)sizeof(domain))
        return;
    size_t len = (size_t)(blank - cluster->identity.init_text);
    memcpy(domain, cluster->identity.init_text, len);
    domain[len] = '\0';
    int rc = next_step(cluster, domain, blank + 1, &is_done);
    init->is_running = rc == 0 && !is_done;
    if (rc != 0)
        init->again_mono_ms = now_mono_ms + RETRY_MS;
    else if (is_done)
        complete(cluster);
}
