#include "cluster/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/log.h"
#include "cluster/join.h"
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
    bool is_removed;
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
    if (admin_client_ask(known->address, known->ca_pem, &ask, REPLY_TIMEOUT_MS, &reply) != 0)
        return;
    known->is_removed =
        reply->code == 0 && reply->kind_case == ADM__REPLY__KIND_IS_KNOWN && !reply->is_known;
    adm__reply__free_unpacked(reply, NULL);
}

static void worked(uv_work_t *request, int status)
{
    struct known *known = request->data;

    (void)status;
    known->is_running = false;
    free(known->ca_pem);
    known->ca_pem = NULL;
    explicit_bzero(known->secret, sizeof(known->secret));
    if (known->is_removed && !known->cluster->is_closing && known->cluster->phase == CLUSTER_MEMBER)
        cluster__removed(known->cluster);
    cluster__wake(known->cluster); /* a close may wait for this */
}

static const char *next_address(struct known *known)
{
    struct cluster *cluster = known->cluster;

    for (unsigned tries = 0; tries < cluster->members.count; tries++) {
        const struct member *member =
            &cluster->members.list[known->next++ % cluster->members.count];
        if (member->id != cluster->identity.id && member->about.admin_address[0] != '\0')
            return member->about.admin_address;
    }
    return NULL;
}

void known_tick(struct known *known, uint64_t now_mono_ms)
{
    struct cluster *cluster = known->cluster;

    if (cluster->leader != 0)
        cluster->leader_heard_mono_ms = now_mono_ms;
    if (known->is_running || now_mono_ms - cluster->leader_heard_mono_ms < KNOWN_AFTER_MS ||
        now_mono_ms - known->asked_mono_ms < KNOWN_AFTER_MS)
        return;
    known->asked_mono_ms = now_mono_ms;
    const char *address = next_address(known);
    if (!address || !(known->ca_pem = strdup(cluster->identity.ca_pem)))
        return;
    snprintf(known->address, sizeof(known->address), "%s", address);
    memcpy(known->secret, cluster->secrets.admin_secret, sizeof(known->secret));
    known->id = cluster->identity.id;
    known->work.data = known;
    known->is_running = uv_queue_work(cluster->loop, &known->work, work, worked) == 0;
    log_debug("cluster", "no_leader action=\"asking whether this node is a member\" address=%s",
              address);
}
