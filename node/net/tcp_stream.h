/* node/net/tcp_stream.h: the octets of one TCP connection as messages (RFC 1035 4.2.2: each led by
 * its length in two octets). No socket: tests feed it as they like. Internal to net/.
 *
 * A stream with nothing under way has no memory: its octets are received into a scratch area that
 * all streams of a thread share, and only those of an unfinished message, or of messages that wait
 * to be answered, are copied to a buffer of its own, which grows with what really arrives and not
 * with the length that a client announces. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_STREAM_PREFIX_LEN 2u
#define TCP_STREAM_MAX (TCP_STREAM_PREFIX_LEN + 65535u)
#define TCP_STREAM_START_SIZE 512u    /* of an own buffer, which doubles as need be */
#define TCP_STREAM_SCRATCH_SIZE 4096u /* a hundred questions in one call */

struct tcp_stream { /* all zero is an empty one */
    uint8_t *octets;
    size_t size;  /* of that area */
    size_t from;  /* consumed up to here */
    size_t len;   /* received up to here */
    bool is_lent; /* octets is the scratch area */
};

enum tcp_stream_state {
    TCP_STREAM_PARTIAL, /* more octets are needed */
    TCP_STREAM_MESSAGE, /* *@message is the next one */
    TCP_STREAM_BROKEN,  /* a message of length 0: not DNS */
};

void tcp_stream_fini(struct tcp_stream *stream);

/* Room for more octets at *@out, at least one. Messages taken earlier are gone. An empty stream
 * gets all of @scratch (of TCP_STREAM_SCRATCH_SIZE octets), which is its own until
 * tcp_stream_keep(). ERR_NOMEM. Only when the next message is partial. */
int tcp_stream_reserve(struct tcp_stream *stream, uint8_t *scratch, uint8_t **out, size_t *room);
/* @len octets were put there. */
void tcp_stream_commit(struct tcp_stream *stream, size_t len);
/* Take the next message; a view that lives until the next reserve, keep or fini. */
enum tcp_stream_state tcp_stream_next(struct tcp_stream *stream, const uint8_t **message,
                                      uint16_t *message_len);
/* Give the scratch area back, with what is not consumed kept; free what is not needed. Afterwards
 * the stream owns stream->size octets: 0 where nothing is left. ERR_NOMEM: as before. */
int tcp_stream_keep(struct tcp_stream *stream);
