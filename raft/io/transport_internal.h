/* raft/io/transport_internal.h: what the files of raft/io that speak NNG share. */
#pragma once

#include "raft/io/codec.h"
#include "raft/io/transport_tls.h"

struct nng_tls_config;
struct nng_msg;
struct nng_stream;

#define TRANSPORT__URL_LEN (CODEC_ADDRESS_LEN_MAX + 16)             /* "tls+tcp://", address, NUL */
#define TRANSPORT__RECV_LEN_MAX (CODEC_FRAME_LEN_MAX + (64u << 10)) /* hung up beyond it */

/* On the wire: NNG's own "tls+tcp" between its PUSH and PULL sockets, so that older members, which
 * use those, are understood. Both greet, then PUSH sends frames (transport_split.h). The sockets
 * themselves are left aside: in NNG 1.5.2 one connection that ends in the wrong moment, between two
 * parts of a message, keeps the thread that takes connections down waiting for ever; and a listener
 * may let nobody in any more after one that ended while it was negotiated (its issue 1518). */
#define TRANSPORT__GREETING_LEN 8
#define TRANSPORT__GREETING_PUSH                                                                   \
    {                                                                                              \
        0, 'S', 'P', 0, 0, 0x50, 0, 0                                                              \
    }
#define TRANSPORT__GREETING_PULL                                                                   \
    {                                                                                              \
        0, 'S', 'P', 0, 0, 0x51, 0, 0                                                              \
    }
/* A TLS stream of NNG 1.5.2 does not tell that the other end is gone when it learns it between two
 * operations: the next one waits for ever. Nor does a time-out end what TLS waits for, only closing
 * does. So the loop hangs up what makes no progress; members ping each TRANSPORT_PING_MS. */
#define TRANSPORT__GREETING_MS 10000 /* for TLS and the greetings */
#define TRANSPORT__RECV_MS 15000     /* without an octet */
#define TRANSPORT__SEND_MS 15000     /* without one that TCP takes: there time-outs work */

/* A dialer's configuration that accepts only @peer, or (peer 0) a listener's that demands a
 * certificate of the CA. On 0 the caller frees *@out by nng_tls_config_free(). RAFT_ENOMEM;
 * RAFT_EINVALID: not PEM of the right kind. */
int transport__tls_config(const struct transport_tls *tls, raft_id peer,
                          struct nng_tls_config **out);
/* Deep copy for a longer life; RAFT_ENOMEM. */
int transport__tls_copy(const struct transport_tls *tls, struct transport_tls *out);
void transport__tls_free(struct transport_tls *tls); /* wipes the key; accepts a zeroed struct */

/* Check "host:port" or "[v6]:port" and write "tls+tcp://…" to @out (TRANSPORT__URL_LEN octets).
 * RAFT_EADDR. */
int transport__url(const char *address, char *out);
/* Close, then free: else NNG 1.5.2 stops operations of its own that are just beginning, and waits
 * for them for ever. Accepts NULL. */
void transport__stream_free(struct nng_stream *stream);
/* NNG's error → enum raft_error; 0 stays 0. */
int transport__error(int nng_error);
/* Encode @frame as a message of NNG; on 0 the caller owns *@out. Codes of codec_encode(). */
int transport__encode(const struct codec_keys *keys, const struct codec_frame *frame,
                      struct nng_msg **out);
/* The same with its length before it, as it goes out on a stream. */
int transport__encode_prefixed(const struct codec_keys *keys, const struct codec_frame *frame,
                               struct nng_msg **out);
