/* node/control/control.h: administrators' requests (proto/control.proto) turned into cluster calls.
 * Served on the control socket DATADIR/control.sock, whose file mode is the permission, and, for
 * callers with the admin secret, on the cluster's admin port. A second socket is for gateways of
 * the Route 53 API: it takes only what that API is made of (api.h). Loop thread throughout. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cluster;
struct control;
struct uv_loop_s;

#define CONTROL_VERSION 1u
#define CONTROL_ERROR_LEN 512
#define CONTROL_NO_GROUP UINT32_MAX

/* Counters of rooms that this one does not know, for NodeStatus: call @add for each. */
typedef void (*control_counter_cb)(void *add_user, const char *name, uint64_t value);
typedef void (*control_counters_cb)(void *user, control_counter_cb add, void *add_user);

/* Their families, for Metrics. */
struct metrics;
typedef void (*control_metrics_cb)(void *user, struct metrics *metrics);
/* Does the node answer DNS? For Ready. */
typedef bool (*control_serving_cb)(void *user);

struct control_options {
    struct uv_loop_s *loop; /* these are borrowed while the control lives */
    struct cluster *cluster;
    control_counters_cb counters; /* may be NULL, as the next two */
    control_metrics_cb metrics;
    control_serving_cb is_serving;
    void *counters_user;      /* for all three */
    const char *socket_path;  /* borrowed for the call */
    const char *gateway_path; /* likewise; NULL: none */
    uint32_t gateway_group;   /* id of the group that may use it; CONTROL_NO_GROUP: none */
    const char *name;         /* the node's */
    const char *region;
};

/* Listen on the socket (mode 0600, replacing a dead one's file) and take the cluster's admin calls.
 * On 0 the caller owns *@out; else @error says what is wrong. ERR_LIMIT (path too long for a
 * socket), ERR_EXISTS (a process answers there), ERR_IO, ERR_NOMEM. */
int control_open(const struct control_options *options, struct control **out,
                 char error[CONTROL_ERROR_LEN]);
/* Answer every request from now on with ERR_CLOSED, and those that wait for nothing but time.
 * Before cluster_close(). */
void control_stop(struct control *control);
/* Free, at once. After cluster_close(): the cluster's callbacks end the calls at work. Accepts
 * NULL. */
void control_close(struct control *control);
