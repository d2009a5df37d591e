/* node/control/internal.h: what the files of this room share about the control itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"

struct control_server;
struct waiter;

struct control {
    struct cluster *cluster;
    control_counters_cb counters;
    control_metrics_cb metrics;
    control_serving_cb is_serving;
    void *counters_user;
    struct uv_loop_s *loop;
    struct control_server *server, *gateway; /* gateway: NULL, or what API gateways ask by */
    uint64_t started_mono_ms;
    struct waiter *waiters; /* change_requests.c: calls that wait for a change to be in sync */
    size_t early_len;       /* octets of replies that wait for their read barrier */
    unsigned early_pause;   /* reads to come of which none is made early */
    bool is_stopping;
    char name[64];
    char region[64];
};
