#include "cluster/authority.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/authority_rule.h"
#include "cluster/certificate.h"
#include "proto/command.pb-c.h"

#define STEP_EVERY_MS 500

void authority_reload(struct cluster *cluster)
{
    const struct identity *identity = &cluster->identity;
    struct state_authority *authority = &cluster->authority;
    struct state_authority stored;

    int rc = cluster->store ? state_get_authority(cluster_state(cluster), &stored) : ERR_NOT_FOUND;
    if (rc == 0 &&
        memcmp(stored.cluster_id, identity->cluster_id, sizeof(stored.cluster_id)) == 0) {
        *authority = stored;
        return;
    }
    if (rc != 0 && rc != ERR_NOT_FOUND) {
        log_error("cluster", "authority_not_read why=\"%s\"", err_text(rc));
        if (authority->ca_count > 0)
            return; /* what was known before */
    }
    *authority = (struct state_authority){.signing = 1, .last = 1, .ca_count = 1};
    memcpy(authority->cluster_id, identity->cluster_id, sizeof(authority->cluster_id));
    authority->cas[0].generation = 1;
    snprintf(authority->cas[0].cert_pem, STATE_CA_PEM_SIZE, "%s", identity->ca_pem);
}

uint32_t authority_of(const struct cluster *cluster, const char *cert_pem)
{
    const struct state_authority *authority = &cluster->authority;

    for (uint32_t i = authority->ca_count; i > 0; i--) {
        if (certificate_is_by(authority->cas[i - 1].cert_pem, cert_pem))
            return authority->cas[i - 1].generation;
    }
    return 0;
}

/* The CA's private key as PEM in @out (CERTIFICATE_PEM_MAX + 1 octets), to be wiped after use. */
static int read_key(struct cluster *cluster, uint32_t generation, char *out)
{
    struct kv_buffer sealed = {0};
    char name[AUTHORITY_KEY_NAME_SIZE];

    authority_key_name(generation, name);
    int rc = state_get_secret(cluster_state(cluster), name, &sealed);
    if (rc == 0 && (sealed.len < SECRETS_SEAL_EXTRA || sealed.len > CERTIFICATE_PEM_MAX))
        rc = ERR_CORRUPT;
    if (rc == 0)
        rc = secrets_open(&cluster->secrets, name, sealed.data, sealed.len, (uint8_t *)out);
    if (rc == 0)
        out[sealed.len - SECRETS_SEAL_EXTRA] = '\0';
    kv_buffer_fini(&sealed);
    return rc;
}

int authority_sign(struct cluster *cluster, const char *request_pem, uint64_t id, char **cert_pem)
{
    const struct state_ca *ca = authority_signing(&cluster->authority);
    char key[CERTIFICATE_PEM_MAX + 1];

    int rc = read_key(cluster, ca->generation, key);
    if (rc == 0)
        rc = certificate_sign(ca->cert_pem, key, request_pem, id, clock_wall_ms(), cert_pem);
    explicit_bzero(key, sizeof(key));
    return rc;
}

static bool is_done_everywhere(const struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->members.count; i++) {
        if (!authority_is_done(&cluster->authority, &cluster->members.list[i].about.certificate))
            return false;
    }
    return cluster->members.count > 0;
}

void authority_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    const struct state_authority *authority = &cluster->authority;
    Cmd__RotateAuthority rotate = CMD__ROTATE_AUTHORITY__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    if (authority->phase == STATE_AUTHORITY_STEADY || !cluster__leads(cluster) ||
        now_mono_ms - cluster->renew.stepped_mono_ms < STEP_EVERY_MS ||
        !is_done_everywhere(cluster))
        return;
    cluster->renew.stepped_mono_ms = now_mono_ms;
    rotate.step = authority->phase == STATE_AUTHORITY_TRUST ? CMD__AUTHORITY_STEP__AUTHORITY_USE
                                                            : CMD__AUTHORITY_STEP__AUTHORITY_RETIRE;
    rotate.generation = authority->cas[1].generation;
    command.kind_case = CMD__COMMAND__KIND_ROTATE_AUTHORITY;
    command.rotate_authority = &rotate;
    command.actor = cluster->name;
    (void)cluster_propose(cluster, &command, 0, NULL, NULL); /* looked at again later */
}
