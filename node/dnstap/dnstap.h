/* node/dnstap/dnstap.h: dnstap (https://dnstap.info): every query and reply, whole, to a reader at
 * a Unix socket. Threads that answer note exchanges (record.h) in rings of their own; one thread
 * here reads these, makes frames (frame.h) and writes them (stream.h).
 *
 * Nothing waits for the reader but this thread. While there is none, or it is behind and a ring is
 * full, exchanges are dropped and counted. Memory: DNSTAP_RING_SIZE for each thread that answers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dnstap;     /* opaque */
struct dnstap_tap; /* of one thread that answers: record.h */

#define DNSTAP_TEXT_MAX 128u /* octets of identity and version */
#define DNSTAP_SAMPLE_MAX 1000000u
#define DNSTAP_RING_SIZE (UINT64_C(4) << 20) /* octets: about 10,000 exchanges */
#define DNSTAP_PASS_MS 20u                   /* between two readings of the rings */
#define DNSTAP_RETRY_MIN_MS 100u             /* after the reader is gone; doubled each time, to */
#define DNSTAP_RETRY_MAX_MS 5000u
#define DNSTAP_CLOSE_MS 500u /* dnstap_close() gives the reader this long for what is left */

enum dnstap_messages {
    DNSTAP_BOTH,
    DNSTAP_QUERIES,   /* AUTH_QUERY alone */
    DNSTAP_RESPONSES, /* AUTH_RESPONSE alone, with its query in it */
};

struct dnstap_options {
    const char *socket_path; /* that the reader listens at */
    enum dnstap_messages messages;
    uint32_t sample;      /* one in so many exchanges; 1 to DNSTAP_SAMPLE_MAX */
    const char *identity; /* what frames call this server; NULL or "": nothing */
    const char *version;
};

/* Start the thread; it connects when the reader is there. Strings are copied. ERR_INVALID (the path
 * or a text is too long, a sample of none), ERR_NOMEM. On 0 the caller owns *@out. */
int dnstap_open(const struct dnstap_options *options, struct dnstap **out);
/* Write what is left as far as the reader takes it, stop the thread, free all. All taps are closed.
 * Accepts NULL. */
void dnstap_close(struct dnstap *dnstap);

/* A tap for one thread that answers. NULL: no memory, or too many. Any thread. */
struct dnstap_tap *dnstap_tap_open(struct dnstap *dnstap);
/* Its thread notes no more; what was noted is still written. Accepts NULL for @tap. Any thread. */
void dnstap_tap_close(struct dnstap *dnstap, struct dnstap_tap *tap);

struct dnstap_counters { /* of exchanges: a query with its reply */
    uint64_t written;    /* that the reader's socket took */
    uint64_t dropped;    /* noted while there was no reader, or the ring was full */
    uint64_t lost;       /* under way when the reader went away */
    bool is_connected;
};
void dnstap_read_counters(struct dnstap *dnstap, struct dnstap_counters *out); /* any thread */
