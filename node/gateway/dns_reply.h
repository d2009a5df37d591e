/* node/gateway/dns_reply.h: the answer section of a DNS reply, octets as the node gave them;
 * checked like foreign ones. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dns_reply {
    const uint8_t *octets; /* borrowed */
    size_t len;
    uint16_t answer_count;
    size_t answers; /* where they begin */
    uint8_t code;   /* RCODE */
};
struct dns_reply_record {
    uint16_t type, len;
    const uint8_t *data; /* as it stands: our answers compress no names in data */
};
struct dns_reply_place { /* zeroed: before the first record */
    size_t at;
    uint16_t count;
};

/* 0; ERR_INVALID: not a reply. */
int dns_reply_open(struct dns_reply *reply, const uint8_t *octets, size_t len);
/* 1 with the next record of the answer section; 0: that was all; ERR_INVALID. */
int dns_reply_next(const struct dns_reply *reply, struct dns_reply_place *place,
                   struct dns_reply_record *out);
/* "NOERROR", "NXDOMAIN"; static. */
const char *dns_reply_code_text(uint8_t code);
