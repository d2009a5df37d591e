#include "cluster/renew.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/admin_port.h"
#include "cluster/authority.h"
#include "cluster/authority_rule.h"
#include "cluster/certificate.h"
#include "cluster/members.h"
#include "raft/io/driver_net.h"

#define REOPEN_MS 1000 /* between two tries to listen again */
#define BUNDLE_SIZE (STATE_CAS_MAX * STATE_CA_PEM_SIZE)

/* What is to be done, as bits. */
enum { NEED_CA = 1, NEED_CERTIFICATE = 2, NEED_USE = 4 };

static unsigned count_trusted(const struct cluster *cluster)
{
    unsigned count = 0;

    for (const char *at = cluster->identity.ca_pem; (at = strstr(at, "-----BEGIN ")); at++)
        count++;
    return count;
}

/* Of what is trusted, the CAs that state names. What it names no more is older than all of them. */
static void note_trusted(const struct cluster *cluster, struct state_certificate *own)
{
    const struct state_authority *authority = &cluster->authority;
    unsigned found = 0;

    for (uint32_t i = 0; i < authority->ca_count; i++) {
        const struct state_ca *ca = &authority->cas[i];
        if (!strstr(cluster->identity.ca_pem, ca->cert_pem))
            continue;
        own->trusted_generation = ca->generation;
        if (found++ == 0)
            own->oldest_trusted_generation = ca->generation;
    }
    if (found > 0 && found < count_trusted(cluster))
        own->oldest_trusted_generation--;
}

void renew_note(struct cluster *cluster)
{
    struct state_certificate *own = &cluster->renew.own;
    struct certificate_facts facts = {.until_wall_ms = 1}; /* unreadable: over for long */

    (void)certificate_facts(cluster->identity.cert_pem, &facts);
    memset(own, 0, sizeof(*own)); /* padding too: it is compared */
    memcpy(own->serial, facts.serial, sizeof(own->serial));
    own->from_wall_ms = facts.from_wall_ms;
    own->until_wall_ms = facts.until_wall_ms;
    own->generation = authority_of(cluster, cluster->identity.cert_pem);
    note_trusted(cluster, own);
    cluster->renew.due_wall_ms =
        authority_renewal_due(facts.from_wall_ms + CERTIFICATE_SKEW_MS, facts.until_wall_ms);
}

static bool is_asked_for(struct cluster *cluster)
{
    const struct member *self = members_find(cluster, cluster->identity.id);

    return self && self->about.certificate.is_renewal_due &&
           memcmp(self->about.certificate.serial, cluster->renew.own.serial,
                  sizeof(cluster->renew.own.serial)) == 0;
}

/* A joiner reads the log from its beginning, with CAs that are no more: what it was given counts
 * until the log has named it. No later rotation ends without it. */
static bool is_named(struct cluster *cluster)
{
    struct state_member self;

    return state_get_member(cluster_state(cluster), cluster->identity.id, &self) == 0;
}

static unsigned needs(struct cluster *cluster)
{
    char bundle[BUNDLE_SIZE];

    if (!is_named(cluster))
        return 0;
    unsigned needed = cluster->renew.is_unused ? NEED_USE : 0;
    authority_bundle(&cluster->authority, bundle);
    if (strcmp(bundle, cluster->identity.ca_pem) != 0)
        needed |= NEED_CA;
    if (clock_wall_ms() >= cluster->renew.due_wall_ms || is_asked_for(cluster) ||
        cluster->renew.own.generation != authority_signing(&cluster->authority)->generation)
        needed |= NEED_CERTIFICATE;
    return needed;
}

static int take_ca(struct cluster *cluster)
{
    char bundle[BUNDLE_SIZE];

    authority_bundle(&cluster->authority, bundle);
    char *copy = strdup(bundle);
    int rc = copy ? identity_store_ca(cluster->data_dir, copy) : ERR_NOMEM;
    if (rc != 0) {
        free(copy);
        return rc;
    }
    free(cluster->identity.ca_pem);
    cluster->identity.ca_pem = copy;
    log_info("cluster", "ca_trusted count=%u newest=%u", (unsigned)cluster->authority.ca_count,
             (unsigned)cluster->authority.cas[cluster->authority.ca_count - 1].generation);
    return 0;
}

static int take_certificate(struct cluster *cluster)
{
    struct identity *identity = &cluster->identity;
    char *request = NULL, *fresh = NULL;

    int rc = certificate_make_request(identity->key_pem, identity->id, &request);
    if (rc == 0)
        rc = authority_sign(cluster, request, identity->id, &fresh);
    if (rc == 0)
        rc = identity_store_certificate(cluster->data_dir, fresh);
    free(request);
    if (rc != 0) {
        free(fresh);
        return rc;
    }
    free(identity->cert_pem);
    identity->cert_pem = fresh;
    log_info("cluster", "certificate_renewed ca=%u",
             (unsigned)authority_signing(&cluster->authority)->generation);
    return 0;
}

/* First whom to trust, then what to show: a crash between the two leaves what works. What was done
 * of @needed. */
static unsigned take(struct cluster *cluster, unsigned needed)
{
    unsigned taken = 0;

    int rc = needed & NEED_CA ? take_ca(cluster) : 0;
    if (rc == 0)
        taken = needed & NEED_CA;
    if (rc == 0 && needed & NEED_CERTIFICATE && (rc = take_certificate(cluster)) == 0)
        taken |= NEED_CERTIFICATE;
    renew_note(cluster);
    if (rc != 0)
        log_warn("cluster", "certificate_not_renewed why=\"%s\"", err_text(rc));
    return taken;
}

void renew_start(struct cluster *cluster)
{
    authority_reload(cluster);
    renew_note(cluster);
    unsigned needed = needs(cluster);
    if (needed != 0)
        (void)take(cluster, needed);
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
    cluster->renew.is_unused = rc != 0;
    if (rc != 0)
        log_warn("cluster", "certificate_not_used why=\"%s\" do=\"restart quartetd\"",
                 raft_error_text(rc));
    members_write_admin(cluster);
    cluster->admin_port = NULL;
    if (!port)
        return;
    cluster->renew.is_admin_closing = true;
    admin_port_close(port, admin_closed, cluster);
}

/* This node's turn: members by id. */
static uint64_t turn_ms(const struct cluster *cluster)
{
    uint64_t turn = 0;

    for (unsigned i = 0; i < cluster->members.count; i++)
        turn += cluster->members.list[i].id < cluster->identity.id;
    return turn * RENEW_TURN_MS;
}

static void look(struct cluster *cluster, uint64_t now_mono_ms)
{
    unsigned needed = needs(cluster);

    if (needed == 0) {
        cluster->renew.turn_mono_ms = 0;
        return;
    }
    if (cluster->renew.turn_mono_ms == 0)
        cluster->renew.turn_mono_ms = now_mono_ms + turn_ms(cluster);
    if (now_mono_ms < cluster->renew.turn_mono_ms)
        return;
    unsigned taken = take(cluster, needed);
    if (taken != 0 || needed & NEED_USE)
        use_certificate(cluster);
    bool is_over = (needed & ~taken & ~(unsigned)NEED_USE) == 0 && !cluster->renew.is_unused;
    cluster->renew.turn_mono_ms = is_over ? 0 : now_mono_ms + RENEW_AGAIN_MS;
    cluster->renew.told_mono_ms = 0;
}

/* Until the log says of this node what is so; a proposal that is under way is not repeated. */
static void tell(struct cluster *cluster, uint64_t now_mono_ms)
{
    if (cluster->renew.told_mono_ms != 0 &&
        now_mono_ms - cluster->renew.told_mono_ms < CLUSTER_TIMEOUT_MS)
        return;
    if (members_update_self(cluster))
        cluster->renew.told_mono_ms = now_mono_ms;
}

void renew_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    if (now_mono_ms - cluster->renew.looked_mono_ms >= RENEW_LOOK_MS) {
        cluster->renew.looked_mono_ms = now_mono_ms;
        look(cluster, now_mono_ms);
        tell(cluster, now_mono_ms);
    }
    if (cluster->admin_port || cluster->renew.is_admin_closing ||
        now_mono_ms < cluster->renew.open_at_mono_ms)
        return;
    cluster->renew.open_at_mono_ms = now_mono_ms + REOPEN_MS;
    (void)admin_port_open(cluster, &cluster->admin_port); /* says so when it fails */
}
