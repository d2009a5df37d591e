#include "gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/counts.h"
#include "gateway/internal.h"
#include "gateway/node_client.h"
#include "proto/control.pb-c.h"

#define DRAIN_STEP_MS 20u

/* A stop under way. */
struct stopping {
    struct gateway *gateway;
    uv_timer_t timer;
    uint64_t deadline_mono_ms;
    gateway_close_cb cb;
    void *user;
};

/* ---- the port that authentication asks by ---- */

struct question {
    auth_reply_cb done;
    void *user;
};

static void on_auth_reply(void *user, const Ctl__Reply *reply, int code)
{
    struct question *question = user;

    (void)code;
    question->done(question->user, reply);
    free(question);
}

static void ask_for_auth(void *user, struct Ctl__Request *request, auth_reply_cb done,
                         void *done_user)
{
    struct gateway *gateway = user;
    struct question *question = malloc(sizeof(*question));

    if (!question) {
        done(done_user, NULL);
        return;
    }
    *question = (struct question){done, done_user};
    node_client_ask(gateway->node, request, on_auth_reply, question);
}

/* ---- opening ---- */

static void set_standards(struct gateway_options *options)
{
    if (options->body_len_max == 0)
        options->body_len_max = GATEWAY_BODY_LEN_STANDARD;
    if (options->connections_max == 0)
        options->connections_max = GATEWAY_CONNECTIONS_STANDARD;
    if (options->connections_per_address_max == 0)
        options->connections_per_address_max = options->connections_max / 4 + 1;
    if (options->idle_ms == 0)
        options->idle_ms = GATEWAY_IDLE_MS_STANDARD;
    if (options->request_ms == 0)
        options->request_ms = GATEWAY_REQUEST_MS_STANDARD;
}

static void free_gateway(void *user)
{
    struct gateway *gateway = user;

    auth_free(gateway->auth);
    gateway_counts_free(gateway->counts);
    call_free_idle(gateway);
    free(gateway);
}

int gateway_open(const struct gateway_options *options, struct gateway **out,
                 char error[GATEWAY_ERROR_LEN])
{
    struct gateway *gateway = calloc(1, sizeof(*gateway));

    snprintf(error, GATEWAY_ERROR_LEN, "out of memory");
    if (!gateway)
        return ERR_NOMEM;
    gateway->options = *options;
    set_standards(&gateway->options);
    gateway->bodies.len_max = BODIES_LEN_MAX;
    gateway->bodies.share_len_max = BODIES_SHARE_MAX;
    if (gateway->bodies.share_len_max < gateway->options.body_len_max)
        gateway->bodies.share_len_max = gateway->options.body_len_max;
    const struct auth_options auth_options = {
        .port = {gateway, ask_for_auth},
        .may_v3_on_loopback = options->may_v3_on_loopback,
    };
    gateway->auth = auth_new(&auth_options);
    gateway->counts = gateway_counts_new();
    int rc = ERR_NOMEM;
    if (gateway->auth && gateway->counts)
        rc = node_client_open(options->loop, options->node_path, &gateway->node);
    if (rc == ERR_LIMIT)
        snprintf(error, GATEWAY_ERROR_LEN, "%.300s is too long for a socket", options->node_path);
    if (rc != 0) {
        free_gateway(gateway);
        return rc;
    }
    rc = http_open(gateway, error);
    if (rc != 0) {
        http_close(gateway);
        node_client_close(gateway->node, free_gateway, gateway);
        return rc;
    }
    *out = gateway;
    return 0;
}

/* ---- closing ---- */

static void free_stopping(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_released(void *user)
{
    struct stopping *stopping = user;

    free_gateway(stopping->gateway);
    stopping->cb(stopping->user);
    uv_close((uv_handle_t *)&stopping->timer, free_stopping);
}

/* Requests that are still under way fail with the connection to the node; their answers go out as
 * far as the sockets take them. */
static void on_drain(uv_timer_t *timer)
{
    struct stopping *stopping = timer->data;
    struct gateway *gateway = stopping->gateway;
    bool is_late = clock_mono_ms() >= stopping->deadline_mono_ms;

    if (http_is_busy(gateway) && !is_late)
        return;
    if (is_late)
        log_warn("gateway", "stop_late requests=%u", gateway->call_count);
    uv_timer_stop(timer);
    node_client_close(gateway->node, on_released, stopping);
    http_close(gateway);
}

void gateway_close(struct gateway *gateway, uint32_t grace_ms, gateway_close_cb cb, void *user)
{
    struct stopping *stopping = calloc(1, sizeof(*stopping));

    ASSERT(stopping != NULL);
    *stopping = (struct stopping){
        .gateway = gateway,
        .deadline_mono_ms = clock_mono_ms() + grace_ms,
        .cb = cb,
        .user = user,
    };
    gateway->is_stopping = true;
    ASSERT(uv_timer_init(gateway->options.loop, &stopping->timer) == 0);
    stopping->timer.data = stopping;
    http_quiesce(gateway);
    uv_timer_start(&stopping->timer, on_drain, DRAIN_STEP_MS, DRAIN_STEP_MS);
}
