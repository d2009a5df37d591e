/* raft/io/transport_nng.h: the transport over NNG and mutual TLS.
 *
 * One port that listens; per member one link that dials it and carries frames one way, as between
 * NNG's PULL and PUSH, over NNG's streams (transport_internal.h says why). NNG completes on its own
 * threads: there frames are only put into a bounded queue and the loop is woken; decoding, checking
 * and the handler run on the loop thread. Links are taken down on libuv's worker pool, so a slow
 * close inside NNG never holds up the loop. */
#pragma once

#include "raft/io/transport.h"
#include "raft/io/transport_tls.h"

#define TRANSPORT_SEND_FRAMES_MAX 1024     /* per peer, default */
#define TRANSPORT_SEND_LEN_MAX (32u << 20) /* octets per peer, default */
#define TRANSPORT_RECV_FRAMES_MAX 4096     /* in all; then reading pauses until the loop drained */
#define TRANSPORT_RECV_LEN_MAX (64u << 20)
#define TRANSPORT_PING_MS 500 /* a ping when nothing was sent for this long */
/* Nothing received for this long: dial anew. Twice as long each time that did not help, up to …,
 * for on a busy machine TLS may take longer, and would begin again for ever. */
#define TRANSPORT_SILENCE_MS 3000
#define TRANSPORT_SILENCE_MS_MAX 12000
/* A connection that is not up after this long is given up and dialled anew, each time after twice
 * as long: NNG 1.5.2 can wait for ever for a TLS handshake that the other end has dropped, and a
 * member that we hear by its own connection is not silent. */
#define TRANSPORT_DIAL_MS 6000
#define TRANSPORT_DIAL_MS_MAX 24000
/* A connection whose other end goes on telling for so long that it hears nothing of us is dialled
 * anew, each time after twice as long. Only the other end can know: what is sent into it looks sent
 * until the kernel's buffers are full, and the member is not silent. */
#define TRANSPORT_DEAF_MS 2000
#define TRANSPORT_DEAF_MS_MAX 24000
/* Our port is opened anew when nobody has been heard for this long, though a member takes our
 * connections; each time after twice as long, until one is heard. */
#define TRANSPORT_SHUT_OUT_MS 10000
#define TRANSPORT_SHUT_OUT_MS_MAX 80000

struct uv_loop_s;
struct transport_nng; /* opaque */

/* All borrowed for the call, except @loop. */
struct transport_nng_options {
    struct uv_loop_s *loop;
    struct codec_keys keys;
    struct transport_tls tls;
    const char *listen;       /* "host:port"; port 0 picks one: transport_nng_port() */
    const char *advertise;    /* "host:port" told to strangers; NULL: nothing */
    uint32_t send_frames_max; /* 0: TRANSPORT_SEND_FRAMES_MAX */
    uint32_t send_len_max;    /* 0: TRANSPORT_SEND_LEN_MAX */
};

struct transport_counters {
    uint64_t sent_frames, sent_octets;         /* handed to NNG; with pings */
    uint64_t received_frames, received_octets; /* accepted; with pings */
    uint64_t dropped_frames;                   /* left a send queue unsent */
    uint64_t refused[CODEC_REFUSAL_COUNT];     /* by reason */
    uint64_t refused_stranger;                 /* good frame, sender not in the member set */
    uint64_t refused_kind;                     /* a snapshot frame on the peer port */
    uint64_t paused;                           /* the receive queue was full */
    uint64_t connects, disconnects;            /* dialled links that came up, went down */
    uint64_t accepts, hangups; /* connections that finished TLS on our port; that ended again */
    uint64_t redials;          /* links replaced: silence, not heard there, not up in time */
    uint64_t relistens;        /* of our port, for it seemed to let nobody in */
};

/* Listen; receive at once (callbacks run only from the loop). RAFT_EADDR: cannot bind or parse;
 * RAFT_EINVALID: bad PEM; RAFT_ENOMEM. On 0 the caller owns *@out. Loop thread, like all below. */
int transport_nng_open(const struct transport_nng_options *options,
                       const struct transport_handler *handler, struct transport_nng **out);

/* Stop everything. @cb runs once, on the loop thread, after the last handler call; @t is freed just
 * before. Frames still queued are dropped. */
typedef void (*transport_close_cb)(void *user);
void transport_nng_close(struct transport_nng *t, transport_close_cb cb, void *user);

struct transport transport_nng_as_transport(struct transport_nng *t); /* valid until close */
uint16_t transport_nng_port(const struct transport_nng *t);           /* the TCP port listened on */
void transport_nng_counters(const struct transport_nng *t, struct transport_counters *out);
/* Is the link to @peer up (TLS done in our direction)? How long since a frame of it was accepted
 * (UINT64_MAX: never)? RAFT_ENOENT. */
int transport_nng_peer(const struct transport_nng *t, raft_id peer, bool *is_connected,
                       uint64_t *silent_ms);

/* Use another certificate from now on: links are dialled anew and the listener restarts within some
 * 100 ms (it tries again until the port is free). Frames under way may be lost. RAFT_EINVALID,
 * RAFT_ENOMEM: nothing changed. */
int transport_nng_set_certificate(struct transport_nng *t, const struct transport_tls *tls);
