#include "cluster/renew.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/admin_port.h"
#include "cluster/certificate.h"
#include "cluster/init.h"
#include "raft/io/driver_net.h"

#define DAY_MS 86400000ull
#define REOPEN_MS 1000 /* between two tries to listen again */

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

bool renew_certificate(struct cluster *cluster)
{
    struct identity *identity = &cluster->identity;
    char *fresh = NULL;
    uint64_t expiry_wall_ms = 0;

    if (certificate_expiry(identity->cert_pem, &expiry_wall_ms) == 0 &&
        expiry_wall_ms > clock_wall_ms() + RENEW_BEFORE_DAYS * DAY_MS - DAY_MS)
        return false;
    int rc = renew(cluster, &fresh);
    if (rc != 0) {
        log_warn("cluster", "certificate_not_renewed why=\"%s\"", err_text(rc));
        free(fresh);
        return false;
    }
    free(identity->cert_pem);
    identity->cert_pem = fresh;
    log_info("cluster", "certificate_renewed");
    return true;
}

static void admin_closed(void *user)
{
    struct cluster *cluster = user;

    cluster->renew.is_admin_closing = false;
    cluster__wake(cluster); /* a close of the cluster may wait for this */
}

static void use_certificate(struct cluster *cluster)
{
    const struct identity *identity = &cluster->identity;
    struct transport_tls tls = {identity->ca_pem, identity->cert_pem, identity->key_pem};
    struct admin_port *port = cluster->admin_port;

    int rc = raft_net_set_certificate(cluster->net, &tls);
    if (rc != 0)
        log_warn("cluster", "certificate_not_used why=\"%s\" do=\"restart quartetd\"",
                 raft_error_text(rc));
    cluster->admin_port = NULL;
    if (!port)
        return;
    cluster->renew.is_admin_closing = true;
    admin_port_close(port, admin_closed, cluster);
}

void renew_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    if (now_mono_ms - cluster->renew.looked_mono_ms >= RENEW_LOOK_MS) {
        cluster->renew.looked_mono_ms = now_mono_ms;
        if (renew_certificate(cluster))
            use_certificate(cluster);
    }
    if (cluster->admin_port || cluster->renew.is_admin_closing ||
        now_mono_ms < cluster->renew.open_at_mono_ms)
        return;
    cluster->renew.open_at_mono_ms = now_mono_ms + REOPEN_MS;
    (void)admin_port_open(cluster, &cluster->admin_port); /* says so when it fails */
}
