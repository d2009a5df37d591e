#include "cluster/each.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/clock.h"
#include "cluster/internal.h"
#include "cluster/join.h"
#include "proto/admin.pb-c.h"

struct each {
    struct cluster *cluster;
    uv_work_t work;
    cluster_each_cb cb;
    void *user;
    uint8_t *request; /* owned */
    size_t request_len;
    uint32_t timeout_ms;
    char *ca_pem; /* owned */
    uint8_t secret[SECRETS_KEY_LEN];
    struct cluster_each replies[CLUSTER_MEMBERS_MAX];
    unsigned count;
};
/* One thread's part. */
struct part {
    const struct each *each;
    struct cluster_each *reply;
    uv_thread_t thread;
    bool is_started;
};

static void each_free(struct each *each)
{
    for (unsigned i = 0; i < each->count; i++)
        free(each->replies[i].octets);
    free(each->request);
    free(each->ca_pem);
    explicit_bzero(each->secret, sizeof(each->secret));
    free(each);
}

static int take(const Adm__Reply *reply, struct cluster_each *out)
{
    if (reply->code != 0)
        return reply->code;
    if (reply->kind_case != ADM__REPLY__KIND_CONTROL)
        return ERR_CORRUPT;
    out->octets = malloc(reply->control.len + 1);
    if (!out->octets)
        return ERR_NOMEM;
    memcpy(out->octets, reply->control.data, reply->control.len);
    out->len = reply->control.len;
    return 0;
}

static void ask_one(void *argument)
{
    struct part *part = argument;
    const struct each *each = part->each;
    struct cluster_each *out = part->reply;
    Adm__Request request = ADM__REQUEST__INIT;
    Adm__Control control = ADM__CONTROL__INIT;
    Adm__Reply *reply = NULL;

    control.secret =
        (ProtobufCBinaryData){sizeof(each->secret), (uint8_t *)(uintptr_t)each->secret};
    control.request = (ProtobufCBinaryData){each->request_len, each->request};
    request.version = 1;
    request.kind_case = ADM__REQUEST__KIND_CONTROL;
    request.control = &control;
    out->begun_wall_ms = clock_wall_ms();
    out->rc =
        admin_client_ask(out->admin_address, each->ca_pem, &request, each->timeout_ms, &reply);
    out->ended_wall_ms = clock_wall_ms();
    if (out->rc != 0)
        return;
    out->rc = take(reply, out);
    adm__reply__free_unpacked(reply, NULL);
}

/* A worker of libuv that starts a thread for each member: a silent one must hold up neither the
 * others nor the workers that storage needs. */
static void ask_all(uv_work_t *work)
{
    struct each *each = work->data;
    struct part parts[CLUSTER_MEMBERS_MAX];

    for (unsigned i = 0; i < each->count; i++) {
        parts[i] = (struct part){.each = each, .reply = &each->replies[i]};
        parts[i].is_started = uv_thread_create(&parts[i].thread, ask_one, &parts[i]) == 0;
        if (!parts[i].is_started)
            each->replies[i].rc = ERR_NOMEM;
    }
    for (unsigned i = 0; i < each->count; i++) {
        if (parts[i].is_started)
            uv_thread_join(&parts[i].thread);
    }
}

static void all_asked(uv_work_t *work, int status)
{
    struct each *each = work->data;
    struct cluster *cluster = each->cluster;

    cluster->each_count--;
    if (status != 0 || cluster->is_closing)
        each->cb(each->user, ERR_CLOSED, NULL, 0);
    else
        each->cb(each->user, 0, each->replies, each->count);
    each_free(each);
    cluster__wake(cluster); /* a close may wait for this */
}

static void fill(struct each *each)
{
    const struct members *members = &each->cluster->members;

    for (unsigned i = 0; i < members->count; i++) {
        const struct member *member = &members->list[i];
        /* One place is the asker's own, who may not be in the list yet: he reads an old log. */
        if (member->id == each->cluster->identity.id || each->count == CLUSTER_MEMBERS_MAX - 1)
            continue;
        struct cluster_each *reply = &each->replies[each->count++];
        reply->id = member->id;
        snprintf(reply->name, sizeof(reply->name), "%.63s", member->about.name);
        snprintf(reply->admin_address, sizeof(reply->admin_address), "%.255s",
                 member->about.admin_address);
    }
}

int cluster_ask_each(struct cluster *cluster, const uint8_t *request, size_t len,
                     uint32_t timeout_ms, cluster_each_cb cb, void *user)
{
    if (cluster->phase != CLUSTER_MEMBER || cluster->stop != CLUSTER_STOP_NONE)
        return ERR_UNAVAILABLE;
    if (cluster->each_count == CLUSTER_EACH_AT_ONCE)
        return ERR_BUSY;
    struct each *each = calloc(1, sizeof(*each));
    if (!each)
        return ERR_NOMEM;
    *each = (struct each){.cluster = cluster, .cb = cb, .user = user, .request_len = len};
    each->timeout_ms = timeout_ms < CLUSTER_EACH_TIMEOUT_MS ? timeout_ms : CLUSTER_EACH_TIMEOUT_MS;
    each->request = malloc(len + 1);
    each->ca_pem = strdup(cluster->identity.ca_pem);
    if (each->request && each->ca_pem) {
        memcpy(each->request, request, len);
        memcpy(each->secret, cluster->secrets.admin_secret, sizeof(each->secret));
        fill(each);
        each->work.data = each;
        if (uv_queue_work(cluster->loop, &each->work, ask_all, all_asked) == 0) {
            cluster->each_count++;
            return 0;
        }
    }
    each_free(each);
    return ERR_NOMEM;
}
