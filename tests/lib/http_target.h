/* tests/lib/http_target.h: an HTTP endpoint on loopback that behaves as the path says; a thread for
 * each connection. Aborts when it cannot be made. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct http_target;

struct http_target_options {
    const char *cert_pem, *key_pem; /* NULL: no TLS */
    const char *sni;                /* refuse the handshake without this name; NULL: any */
    bool is_sni_hated;              /* refuse it with any name */
};

/* Paths: /status/CODE, /bare/CODE (no phrase), /flap (as http_target_set_status), /slow-header,
 * /slow-body, /slow-end (headers that do not end), /split (the word "needle" in two pieces),
 * /last (it ends at octet 5,120), /past (at 5,121), /gzip, /deflate, /long-headers, /bad-header,
 * /early (103 before 200), /not-http. Others: 200 and the request itself as body. */
struct http_target *http_target_open(const struct http_target_options *options);
void http_target_close(struct http_target *target);
uint16_t http_target_port(const struct http_target *target);
void http_target_set_status(struct http_target *target, unsigned status);
unsigned http_target_request_count(const struct http_target *target);
/* Take connections but do not read from them: nothing is accepted until the end. */
void http_target_deaf(uint16_t *port, int fds[4]);
