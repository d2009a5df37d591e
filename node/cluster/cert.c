#include "cluster/cert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "cluster/authority_rule.h"
#include "cluster/certificate.h"
#include "cluster/internal.h"
#include "cluster/members.h"
#include "proto/command.pb-c.h"

#define MESSAGE_MAX 512

static void fill_ca(const struct state_authority *authority, uint32_t which,
                    struct cluster_cert_ca *out)
{
    const struct state_ca *ca = &authority->cas[which];
    struct certificate_facts facts = {.from_wall_ms = 0};

    out->generation = ca->generation;
    out->is_signing = ca == authority_signing(authority);
    (void)certificate_facts(ca->cert_pem, &facts);
    out->from_wall_ms = facts.from_wall_ms;
    out->until_wall_ms = facts.until_wall_ms;
    (void)certificate_hash(ca->cert_pem, out->sha256);
}

static void fill_member(struct cluster *cluster, const struct member *from,
                        struct cluster_cert_member *out)
{
    out->id = from->id;
    out->is_self = from->id == cluster->identity.id;
    (void)members_name(cluster, from->id, out->name);
    out->certificate = from->about.certificate;
    out->is_waited_for = !authority_is_done(&cluster->authority, &from->about.certificate);
    if (out->certificate.until_wall_ms == 0)
        return;
    out->made_wall_ms = out->certificate.from_wall_ms + CERTIFICATE_SKEW_MS;
    out->due_wall_ms = authority_renewal_due(out->made_wall_ms, out->certificate.until_wall_ms);
}

void cluster_cert_status(struct cluster *cluster, struct cluster_cert_status *out)
{
    const struct state_authority *authority = &cluster->authority;

    memset(out, 0, sizeof(*out));
    if (cluster->phase != CLUSTER_MEMBER)
        return;
    out->phase = authority->phase;
    out->begun_wall_ms = authority->begun_wall_ms;
    out->ca_count = authority->ca_count;
    for (uint32_t i = 0; i < authority->ca_count; i++)
        fill_ca(authority, i, &out->cas[i]);
    out->member_count = cluster->members.count;
    for (unsigned i = 0; i < cluster->members.count; i++)
        fill_member(cluster, &cluster->members.list[i], &out->members[i]);
}

struct cert_call {
    cluster_done_cb cb;
    void *user;
    char message[MESSAGE_MAX]; /* on success */
};

static void done(void *user, int rc, const struct apply_result *result)
{
    struct cert_call *call = user;

    if (rc != 0)
        call->cb(call->user, rc, err_text(rc));
    else if (result->code != 0)
        call->cb(call->user, result->code, result->message);
    else
        call->cb(call->user, 0, call->message);
    free(call);
}

static int propose(struct cluster *cluster, const Cmd__Command *command, struct cert_call *call)
{
    int rc = cluster_propose(cluster, command, 0, done, call);

    if (rc != 0)
        free(call);
    return rc;
}

static struct cert_call *call_new(cluster_done_cb cb, void *user)
{
    struct cert_call *call = calloc(1, sizeof(*call));

    if (call)
        *call = (struct cert_call){.cb = cb, .user = user};
    return call;
}

int cluster_cert_renew(struct cluster *cluster, uint64_t member, cluster_done_cb cb, void *user)
{
    Cmd__RenewCertificates renew = CMD__RENEW_CERTIFICATES__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    uint64_t ids[CLUSTER_MEMBERS_MAX];

    for (unsigned i = 0; i < cluster->members.count; i++) {
        if (member == 0 || cluster->members.list[i].id == member)
            ids[renew.n_members++] = cluster->members.list[i].id;
    }
    if (cluster->phase != CLUSTER_MEMBER)
        return ERR_UNAVAILABLE;
    if (renew.n_members == 0)
        return ERR_NOT_FOUND;
    struct cert_call *call = call_new(cb, user);
    if (!call)
        return ERR_NOMEM;
    snprintf(call->message, sizeof(call->message),
             "%zu %s for a new certificate; they take it one after the other, a node that is away "
             "when it is back. See: quartet cert status",
             renew.n_members, renew.n_members == 1 ? "node is asked" : "nodes are asked");
    renew.members = ids;
    command.kind_case = CMD__COMMAND__KIND_RENEW_CERTIFICATES;
    command.renew_certificates = &renew;
    return propose(cluster, &command, call);
}

/* A new CA: its certificate, and its key as state keeps it. The caller frees both. */
static int make_ca(struct cluster *cluster, uint32_t generation, char **cert_pem,
                   ProtobufCBinaryData *sealed)
{
    struct certificate_ca about = {.generation = generation};
    char name[AUTHORITY_KEY_NAME_SIZE], *key = NULL;
    uint8_t nonce[12];

    memcpy(about.cluster_id, cluster->identity.cluster_id, sizeof(about.cluster_id));
    authority_key_name(generation, name);
    int rc = certificate_make_key(&key);
    if (rc == 0)
        rc = certificate_make_ca(key, &about, clock_wall_ms(), cert_pem);
    if (rc == 0) {
        sealed->len = strlen(key) + SECRETS_SEAL_EXTRA;
        sealed->data = malloc(sealed->len);
        rc = sealed->data ? 0 : ERR_NOMEM;
    }
    if (rc == 0) {
        random_bytes(nonce, sizeof(nonce));
        secrets_seal(&cluster->secrets, name, nonce, (const uint8_t *)key, strlen(key),
                     sealed->data);
    }
    certificate_free_key(key);
    return rc;
}

static int begin(struct cluster *cluster, Cmd__Command *command, struct cert_call *call)
{
    Cmd__RotateAuthority *rotate = command->rotate_authority;
    uint32_t generation = cluster->authority.last + 1;
    char *cert_pem = NULL;

    rotate->step = CMD__AUTHORITY_STEP__AUTHORITY_BEGIN;
    rotate->generation = generation;
    rotate->old_cert_pem = cluster->authority.cas[0].cert_pem;
    int rc = make_ca(cluster, generation, &cert_pem, &rotate->sealed_key);
    rotate->cert_pem = cert_pem;
    snprintf(
        call->message, sizeof(call->message),
        "CA %" PRIu32 " is made. Every node trusts it beside the old one first, then takes a "
        "certificate by it; when all have one, the old CA is trusted no longer. A node that is "
        "away is waited for. When that is done, copy admin.conf anew to wherever "
        "administrators use a copy; join tokens made before are void. See: quartet cert "
        "status",
        generation);
    if (rc == 0)
        rc = propose(cluster, command, call);
    else
        free(call);
    free(cert_pem);
    free(rotate->sealed_key.data);
    return rc;
}

int cluster_ca_rotate(struct cluster *cluster, bool is_cancel, cluster_done_cb cb, void *user)
{
    const struct state_authority *authority = &cluster->authority;
    Cmd__RotateAuthority rotate = CMD__ROTATE_AUTHORITY__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    if (cluster->phase != CLUSTER_MEMBER)
        return ERR_UNAVAILABLE;
    struct cert_call *call = call_new(cb, user);
    if (!call)
        return ERR_NOMEM;
    command.kind_case = CMD__COMMAND__KIND_ROTATE_AUTHORITY;
    command.rotate_authority = &rotate;
    if (!is_cancel)
        return begin(cluster, &command, call);
    rotate.step = CMD__AUTHORITY_STEP__AUTHORITY_CANCEL;
    rotate.generation = authority->cas[authority->ca_count - 1].generation;
    snprintf(call->message, sizeof(call->message),
             "The rotation is given up; CA %" PRIu32 " stays the only one.", authority->signing);
    return propose(cluster, &command, call);
}
