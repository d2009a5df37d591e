#include "cluster/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/log.h"
#include "cluster/join.h"
#include "cluster/members.h"
#include "proto/admin.pb-c.h"

#define REPLY_TIMEOUT_MS 12000

struct known {
    struct cluster *cluster;
    uint64_t asked_mono_ms;
    unsigned next; /* member to ask */
    bool is_running;
    uv_work_t work;
    /* the worker's */
    char address[CLUSTER_TEXT_MAX + 16];
    char *ca_pem;
    uint8_t secret[SECRETS_KEY_LEN];
    uint64_t id;
    int rc;
    bool is_removed;
    uint32_t generation; /* of who answered */
};

struct known *known_new(struct cluster *cluster)
{
    struct known *known = calloc(1, sizeof(*known));

    if (known)
        known->cluster = cluster;
    return known;
}

void known_free(struct known *known)
{
    if (!known)
        return;
    free(known->ca_pem);
    explicit_bzero(known, sizeof(*known));
    free(known);
}

bool known_is_running(const struct known *known)
{
    return known && known->is_running;
}

static void work(uv_work_t *request)
{
    struct known *known = request->data;
    Adm__Request ask = ADM__REQUEST__INIT;
    Adm__Known body = ADM__KNOWN__INIT;
    Adm__Reply *reply = NULL;

    body.secret = (ProtobufCBinaryData){sizeof(known->secret), known->secret};
    body.id = known->id;
    ask.version = 1;
    ask.kind_case = ADM__REQUEST__KIND_KNOWN;
    ask.known = &body;
    known->is_removed = false;
    known->rc = admin_client_ask(known->address, known->ca_pem, &ask, REPLY_TIMEOUT_MS, &reply);
    if (known->rc != 0)
        return;
    known->is_removed =
        reply->code == 0 && reply->kind_case == ADM__REPLY__KIND_IS_KNOWN && !reply->is_known;
    known->generation = reply->generation;
    adm__reply__free_unpacked(reply, NULL);
}

/* Who hears a leader is removed by its log; only a recovery may have gone on without him. */
static void take_answer(struct known *known)
{
    struct cluster *cluster = known->cluster;
    bool is_superseded = known->generation > raft_generation(cluster->term);

    if (known->is_removed && !cluster->is_closing && cluster->phase == CLUSTER_MEMBER &&
        (is_superseded || cluster->leader == 0))
        cluster__removed(cluster,
                         is_superseded ? CLUSTER_PARTING_SUPERSEDED : CLUSTER_PARTING_REMOVED);
}

/* A rotation of the CA waits for every member: this node is none any more. */
static void tell_unknown_ca(const struct known *known)
{
    log_error("cluster",
              "ca_unknown address=%s action=\"the member there has a certificate by a CA that this "
              "node does not know: the CA was rotated after this node was removed, or the address "
              "is another cluster's; DNS is answered from what is known; to use this node again, "
              "clear its data folder and join anew\"",
              known->address);
}

static void worked(uv_work_t *request, int status)
{
    struct known *known = request->data;

    (void)status;
    known->is_running = false;
    free(known->ca_pem);
    known->ca_pem = NULL;
    explicit_bzero(known->secret, sizeof(known->secret));
    take_answer(known);
    if (known->rc == ERR_DENIED && known->cluster->leader == 0)
        tell_unknown_ca(known);
    cluster__wake(known->cluster); /* a close may wait for this */
}

/* A leader asks those whom it does not hear: a cluster whose lost majority comes back would else
 * never learn that the rest has gone on without it. */
static bool is_worth_asking(const struct cluster *cluster, const struct member *member,
                            uint64_t now_mono_ms)
{
    return member->id != cluster->identity.id && member->about.admin_address[0] != '\0' &&
           (cluster->leader == 0 ||
            members_silent_ms(cluster, member, now_mono_ms) >= KNOWN_AFTER_MS);
}

static const char *next_address(struct known *known, uint64_t now_mono_ms)
{
    struct cluster *cluster = known->cluster;

    for (unsigned tries = 0; tries < cluster->members.count; tries++) {
        const struct member *member =
            &cluster->members.list[known->next++ % cluster->members.count];
        if (is_worth_asking(cluster, member, now_mono_ms))
            return member->about.admin_address;
    }
    return NULL;
}

void known_tick(struct known *known, uint64_t now_mono_ms)
{
    struct cluster *cluster = known->cluster;

    if (cluster->leader != 0)
        cluster->leader_heard_mono_ms = now_mono_ms;
    bool is_due = cluster__leads(cluster)
                      ? now_mono_ms - cluster->leading_since_mono_ms >= KNOWN_AFTER_MS
                      : now_mono_ms - cluster->leader_heard_mono_ms >= KNOWN_AFTER_MS;
    if (known->is_running || !is_due || now_mono_ms - known->asked_mono_ms < KNOWN_AFTER_MS)
        return;
    known->asked_mono_ms = now_mono_ms;
    const char *address = next_address(known, now_mono_ms);
    if (!address || !(known->ca_pem = strdup(cluster->identity.ca_pem)))
        return;
    snprintf(known->address, sizeof(known->address), "%s", address);
    memcpy(known->secret, cluster->secrets.admin_secret, sizeof(known->secret));
    known->id = cluster->identity.id;
    known->work.data = known;
    known->is_running = uv_queue_work(cluster->loop, &known->work, work, worked) == 0;
    log_debug("cluster", "asking whether=\"this node is a member\" address=%s", address);
}
