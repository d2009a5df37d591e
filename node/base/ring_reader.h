/* node/base/ring_reader.h: the rings (ring.h) of several threads and the one thread that reads them
 * all, in turns. Callbacks run on that thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ring;
struct ring_reader; /* opaque */

#define RING_READER_RINGS_MAX 256u

struct ring_reader_options {
    const char *name; /* of the thread, at most 15 characters */
    void (*record)(void *user, const void *record, size_t len); /* one; those of a ring in order */
    void (*end_pass)(void *user);    /* every ring had its turn; also when all were empty */
    uint32_t (*wait_ms)(void *user); /* until the next pass, unless there is more to do */
    void (*poked)(void *user);       /* after ring_reader_poke(); NULL: nobody pokes */
    void *user;
};

/* Start the thread. ERR_NOMEM. On 0 the caller owns *@out. */
int ring_reader_start(const struct ring_reader_options *options, struct ring_reader **out);
/* Read what is left, stop the thread, free all. All rings are closed. Accepts NULL. */
void ring_reader_stop(struct ring_reader *reader);

/* A ring of @size octets for one thread that writes. NULL: no memory, or too many. Any thread. */
struct ring *ring_reader_open(struct ring_reader *reader, uint64_t size);
/* Its thread writes no more; what is in it is still read. Accepts NULL for @ring. Any thread. */
void ring_reader_close(struct ring_reader *reader, struct ring *ring);

/* Let the thread call poked() soon. Any thread. */
void ring_reader_poke(struct ring_reader *reader);
/* Records that all rings dropped so far, those that are gone as well. Any thread. */
uint64_t ring_reader_dropped(struct ring_reader *reader);
