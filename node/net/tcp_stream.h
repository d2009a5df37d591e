/* node/net/tcp_stream.h: the octets of one TCP connection as messages (RFC 1035 4.2.2: each led by
 * its length in two octets). No socket: tests feed it as they like. Internal to net/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_STREAM_PREFIX_LEN 2u
#define TCP_STREAM_MAX (TCP_STREAM_PREFIX_LEN + 65535u)
#define TCP_STREAM_START_SIZE 2048u /* holds many questions; grows only for a longer message */

struct tcp_stream { /* all zero is an empty one */
    uint8_t *octets;
    size_t size; /* allocated */
    size_t from; /* consumed up to here */
    size_t len;  /* received up to here */
};

enum tcp_stream_state {
    TCP_STREAM_PARTIAL, /* more octets are needed */
    TCP_STREAM_MESSAGE, /* *@message is the next one */
    TCP_STREAM_BROKEN,  /* a message of length 0: not DNS */
};

void tcp_stream_fini(struct tcp_stream *stream);

/* Room for more octets at *@out, at least one, for the message under way: what it still needs or
 * the rest of the start size. Messages taken earlier are gone. ERR_NOMEM. Only when the next
 * message is partial. */
int tcp_stream_reserve(struct tcp_stream *stream, uint8_t **out, size_t *room);
/* @len octets were put there. */
void tcp_stream_commit(struct tcp_stream *stream, size_t len);
/* Take the next message; a view that lives until the next reserve or fini. */
enum tcp_stream_state tcp_stream_next(struct tcp_stream *stream, const uint8_t **message,
                                      uint16_t *message_len);
