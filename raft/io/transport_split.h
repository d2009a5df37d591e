/* raft/io/transport_split.h: inside the NNG transport: a stream of octets → frames. Each follows
 * its length in 8 octets, big-endian (the framing of NNG's own "tls+tcp"). Pure; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct nng_msg;

#define TRANSPORT__PREFIX_LEN 8

/* What has come of a frame that is not whole yet. Zeroed: nothing. */
struct transport_split {
    uint8_t prefix[TRANSPORT__PREFIX_LEN];
    size_t prefix_len;
    struct nng_msg *message; /* NULL until its length is known */
    size_t filled;
};

void transport_prefix_write(uint8_t *out, uint64_t len);

/* Take octets until one frame is whole: *@out, the caller's to free; else NULL, and all @len were
 * taken. Returns how many were. RAFT_ELIMIT: longer than TRANSPORT__RECV_LEN_MAX; RAFT_ENOMEM:
 * after either the stream is of no more use. */
int64_t transport_split_take(struct transport_split *split, const uint8_t *octets, size_t len,
                             struct nng_msg **out);
/* Where the rest of the frame that has begun belongs, to be received in place: *@len octets. NULL:
 * none has begun. */
uint8_t *transport_split_room(struct transport_split *split, size_t *len);
/* @len octets were received there. Is the frame whole? Then it is *@out. */
void transport_split_fill(struct transport_split *split, size_t len, struct nng_msg **out);
void transport_split_clear(struct transport_split *split);
