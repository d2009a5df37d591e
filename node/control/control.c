#include "control/control.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "cluster/cluster.h"
#include "control/internal.h"
#include "control/requests.h"
#include "control/server.h"

static void on_socket_request(void *user, const uint8_t *request, size_t len, call_answer_cb answer,
                              void *answer_user)
{
    call_start(user, request, len, answer, answer_user);
}

static void on_gateway_request(void *user, const uint8_t *request, size_t len,
                               call_answer_cb answer, void *answer_user)
{
    call_start_gateway(user, request, len, answer, answer_user);
}

static void answer_admin(void *user, const uint8_t *reply, size_t len)
{
    cluster_admin_reply(user, reply, len);
}

static void on_admin_request(void *user, const uint8_t *request, size_t len,
                             struct cluster_admin_call *admin_call)
{
    call_start(user, request, len, answer_admin, admin_call);
}

static int open_sockets(struct control *control, const struct control_options *options,
                        char error[CONTROL_ERROR_LEN])
{
    int rc = control_server_open(options->loop, options->socket_path, on_socket_request, control,
                                 &control->server, error);
    if (rc == 0 && options->gateway_path)
        rc = control_server_open(options->loop, options->gateway_path, on_gateway_request, control,
                                 &control->gateway, error);
    if (rc == 0 && options->gateway_group != CONTROL_NO_GROUP)
        rc = control_server_share(control->gateway, options->gateway_group, error);
    return rc;
}

int control_open(const struct control_options *options, struct control **out,
                 char error[CONTROL_ERROR_LEN])
{
    struct control *control = calloc(1, sizeof(*control));

    if (!control) {
        snprintf(error, CONTROL_ERROR_LEN, "out of memory");
        return ERR_NOMEM;
    }
    control->cluster = options->cluster;
    control->counters = options->counters;
    control->metrics = options->metrics;
    control->is_serving = options->is_serving;
    control->counters_user = options->counters_user;
    control->loop = options->loop;
    control->started_mono_ms = clock_mono_ms();
    snprintf(control->name, sizeof(control->name), "%s", options->name);
    snprintf(control->region, sizeof(control->region), "%s", options->region);
    int rc = open_sockets(control, options, error);
    if (rc != 0) {
        control_close(control);
        return rc;
    }
    cluster_set_admin_handler(control->cluster, on_admin_request, control);
    *out = control;
    return 0;
}

void control_stop(struct control *control)
{
    control->is_stopping = true;
    request_change_stop(control);
}

void control_close(struct control *control)
{
    if (!control)
        return;
    control_server_close(control->server);
    control_server_close(control->gateway);
    free(control);
}
