/* node/gateway/gateway.h: the whole gateway: HTTP in front, the node behind. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATEWAY_ERROR_LEN 512u
#define GATEWAY_BODY_LEN_STANDARD (1u << 20)
#define GATEWAY_BODY_LEN_MAX (3u << 20) /* more would not fit into a frame to the node */
#define GATEWAY_CONNECTIONS_STANDARD 4096u
#define GATEWAY_CONNECTIONS_MAX 65536u
#define GATEWAY_IDLE_MS_STANDARD 60000u
#define GATEWAY_REQUEST_MS_STANDARD 30000u

struct gateway; /* opaque */
struct uv_loop_s;

/* Texts are borrowed until the gateway is closed. */
struct gateway_options {
    struct uv_loop_s *loop;
    const char *node_path;         /* the node's gateway socket */
    const char *listen;            /* HTTP: ADDR:PORT; NULL: none */
    const char *listen_tls;        /* HTTPS: ADDR:PORT; NULL: none */
    const char *listen_metrics;    /* metrics and probes, HTTP: ADDR:PORT; NULL: none */
    bool may_miss_metrics;         /* if that cannot be listened on, go on without */
    const char *certificate, *key; /* PEM texts for HTTPS */
    size_t body_len_max;           /* of one request; 0 here and below: the standard */
    unsigned connections_max, connections_per_address_max;
    uint32_t idle_ms;    /* a connection without a request under way */
    uint32_t request_ms; /* from the first octet of a request to its last, and for the answer */
    bool is_quiet;       /* no line in the log for each request */
    bool may_v3_on_loopback;
};

typedef void (*gateway_close_cb)(void *user);

/* Listen. On failure @error says what and why. ERR_INVALID, ERR_IO, ERR_NOMEM, ERR_LIMIT. */
int gateway_open(const struct gateway_options *options, struct gateway **out,
                 char error[GATEWAY_ERROR_LEN]);
/* Take no more connections, finish what is under way (@grace_ms at most), then call @cb: the loop
 * has released everything. */
void gateway_close(struct gateway *gateway, uint32_t grace_ms, gateway_close_cb cb, void *user);
