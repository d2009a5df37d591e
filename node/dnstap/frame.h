/* node/dnstap/frame.h: one query or reply as a Dnstap message (proto/dnstap.proto). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dnstap_record;

/* All but the messages: two texts of DNSTAP_TEXT_MAX, addresses, times, tags and lengths. */
#define DNSTAP_FRAME_EXTRA_MAX 512u
#define DNSTAP_FRAME_MAX (DNSTAP_FRAME_EXTRA_MAX + 2u * UINT16_MAX)

enum dnstap_frame_kind {
    DNSTAP_FRAME_QUERY,               /* AUTH_QUERY */
    DNSTAP_FRAME_RESPONSE,            /* AUTH_RESPONSE; the record has a response */
    DNSTAP_FRAME_RESPONSE_WITH_QUERY, /* the same, and the query in it */
};

struct dnstap_source { /* what frames say of this server; "": nothing */
    const char *identity, *version;
};

/* Encode @record at @out, which has room for DNSTAP_FRAME_EXTRA_MAX octets and both messages.
 * Returns how many there are. A query that was cut has "query cut" as its `extra`. */
size_t dnstap_frame_encode(const struct dnstap_record *record, enum dnstap_frame_kind kind,
                           const struct dnstap_source *source, uint8_t *out);
