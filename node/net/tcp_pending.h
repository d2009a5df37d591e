/* node/net/tcp_pending.h: replies that a socket did not take at once: libuv writes them when it
 * can. Loop thread. Internal to net/. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tcp_write;
struct uv_stream_s;

/* A part is gone (0), or could not be sent, or was given up with the socket (libuv's code). */
typedef void (*tcp_pending_cb)(void *user, int status);

struct tcp_pending { /* of one connection; zero but for the first two */
    tcp_pending_cb done;
    void *user;
    struct tcp_write *first, *last; /* that libuv has, in their order */
    size_t held_len;                /* memory, with overhead */
    uint64_t octets_sum;            /* octets ever added */
};

/* Copy and write @octets; done() runs later, once. ERR_NOMEM, ERR_IO: nothing was added. */
int tcp_pending_add(struct tcp_pending *pending, struct uv_stream_s *socket, const uint8_t *octets,
                    size_t len);
/* Free the octets at once; done() still runs for each part. Only with or before the close of the
 * socket in this turn of the loop: libuv does not touch octets once the handle is closing. */
void tcp_pending_drop(struct tcp_pending *pending);
