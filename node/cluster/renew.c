#include "cluster/renew.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/certificate.h"
#include "cluster/init.h"

#define DAY_MS 86400000ull

int renew_ca_key(struct cluster *cluster, char *out)
{
    struct kv_buffer sealed = {0};

    int rc = state_get_secret(cluster_state(cluster), INIT_CA_KEY, &sealed);
    if (rc == 0 && (sealed.len < SECRETS_SEAL_EXTRA || sealed.len > CERTIFICATE_PEM_MAX))
        rc = ERR_CORRUPT;
    if (rc == 0)
        rc = secrets_open(&cluster->secrets, INIT_CA_KEY, sealed.data, sealed.len, (uint8_t *)out);
    if (rc == 0)
        out[sealed.len - SECRETS_SEAL_EXTRA] = '\0';
    kv_buffer_fini(&sealed);
    return rc;
}

static int renew(struct cluster *cluster, char **cert_pem)
{
    struct identity *identity = &cluster->identity;
    char ca_key[CERTIFICATE_PEM_MAX + 1], *request = NULL;

    int rc = renew_ca_key(cluster, ca_key);
    if (rc == 0)
        rc = certificate_make_request(identity->key_pem, identity->id, &request);
    if (rc == 0)
        rc = certificate_sign(identity->ca_pem, ca_key, request, identity->id, clock_wall_ms(),
                              cert_pem);
    explicit_bzero(ca_key, sizeof(ca_key));
    free(request);
    if (rc == 0)
        rc = identity_store_certificate(cluster->data_dir, *cert_pem);
    return rc;
}

void renew_certificate(struct cluster *cluster)
{
    struct identity *identity = &cluster->identity;
    char *fresh = NULL;
    uint64_t expiry_wall_ms = 0;

    if (certificate_expiry(identity->cert_pem, &expiry_wall_ms) == 0 &&
        expiry_wall_ms > clock_wall_ms() + RENEW_BEFORE_DAYS * DAY_MS - DAY_MS)
        return;
    int rc = renew(cluster, &fresh);
    if (rc != 0) {
        log_warn("cluster", "certificate_not_renewed why=\"%s\"", err_text(rc));
        free(fresh);
        return;
    }
    free(identity->cert_pem);
    identity->cert_pem = fresh;
    log_info("cluster", "certificate_renewed");
}
