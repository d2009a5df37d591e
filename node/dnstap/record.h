/* node/dnstap/record.h: an exchange, a query with its reply, on its way through a ring
 * (base/ring.h) from the thread that answered to the thread that writes frames. A record holds
 * copies of all octets. Noting takes no lock, waits for nothing and allocates nothing. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnstap/dnstap.h"

struct ring;
struct sockaddr;

struct dnstap_endpoint {
    uint8_t address_len; /* octets: 4, 16; 0: not known */
    uint8_t address[16];
    uint16_t port;
};

struct dnstap_record {
    uint64_t query_wall_ns, response_wall_ns;
    struct dnstap_endpoint client, server;
    uint16_t query_len, response_len; /* a response of 0: none went out, or it is not wanted */
    bool is_tcp;
    bool is_cut;      /* the query was longer than the room for it */
    uint8_t octets[]; /* of the query, then of the response */
};

struct dnstap_tap {
    struct ring *ring;
    const _Atomic bool *is_heard; /* is a reader connected? */
    enum dnstap_messages messages;
    uint32_t sample, left; /* exchanges before one is noted */
};

struct dnstap_event {
    const struct sockaddr *client,
        *server; /* who asked, at which address of ours; NULL: not known */
    const uint8_t *query;
    const uint8_t *response;
    uint16_t query_len, response_len; /* a response of 0: none went out */
    uint64_t query_wall_ns, response_wall_ns;
    bool is_tcp, is_cut;
};

/* Note one exchange, if it is its turn. The writer's thread; what is noted is seen after
 * dnstap_commit(). */
void dnstap_note(struct dnstap_tap *tap, const struct dnstap_event *event);
/* Hand over what was noted. */
void dnstap_commit(struct dnstap_tap *tap);
