/* node/querylog/record.h: a logged query on its way through a ring (base/ring.h) from the thread
 * that answered it to the thread that writes it down. A record holds copies, so that a line can be
 * made when the packet and the zone are long gone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/name.h"

struct ring;
struct sockaddr;

struct querylog_record {
    uint64_t time_wall_ms;
    uint16_t slot; /* which zone: querylog/table.h */
    uint16_t type, rcode;
    bool is_tcp;
    uint8_t client_len; /* octets: 4, 16; 0: not known */
    uint8_t client[16];
    uint8_t subnet_len;  /* octets: 4, 16; 0: the client told none */
    uint8_t subnet_bits; /* how many of them count */
    uint8_t subnet[16];
    uint8_t name[DNS_NAME_MAX]; /* wire octets, lower case; what is behind its end is not there */
};

struct querylog_event {
    const struct sockaddr *client; /* NULL: not known */
    const uint8_t *request;        /* octets of a query that was answered from a zone of ours */
    uint16_t request_len;
    uint16_t slot;
    uint16_t rcode;
    bool is_tcp;
    uint64_t time_wall_ms;
};
/* Add a record of one query to @ring; seen by its reader after ring_commit(). All is copied. */
void querylog_record_note(struct ring *ring, const struct querylog_event *event);
