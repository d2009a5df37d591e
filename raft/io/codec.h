/* raft/io/codec.h: frames between members ↔ structs; the octets are in proto/peer.proto. Pure: no
 * socket, clock or global, so tests and fuzzers call what production calls. Any thread.
 *
 * frame = HMAC-SHA256 (32 octets) over all that follows | PeerEnvelope. The MAC is looked at before
 * anything else, so only members of the cluster reach the protobuf decoder; what they send is
 * bounded and checked all the same. */
#pragma once

#include "raft/core/raft.h"

#define CODEC_VERSION 1
#define CODEC_FRAME_LEN_MAX (4u << 20)
#define CODEC_APP_LEN_MAX (3u << 20) /* octets of one application message */
#define CODEC_CLUSTER_ID_LEN 16
#define CODEC_MAC_KEY_LEN 32
#define CODEC_ADDRESS_LEN_MAX 255 /* "host:port" or "[v6]:port", without the final NUL */
#define CODEC_SNAPSHOT_ID_LEN 16
#define CODEC_CHUNK_LEN (1u << 20) /* octets of a snapshot chunk; a file's last may be shorter */

/* Who this node is and what proves that a frame comes from a member of its cluster. */
struct codec_keys {
    raft_id self;
    uint8_t cluster_id[CODEC_CLUSTER_ID_LEN];
    uint8_t mac_key[CODEC_MAC_KEY_LEN];
};

enum codec_kind {
    CODEC_RAFT = 1,
    CODEC_APP,
    CODEC_PING,
    CODEC_MANIFEST_REQUEST,
    CODEC_MANIFEST,
    CODEC_CHUNK_REQUEST,
    CODEC_CHUNK,
    CODEC_SNAPSHOT_REFUSAL,
};
/* Names a chunk in CODEC_CHUNK_REQUEST and CODEC_CHUNK; only `snapshot_id` in MANIFEST_REQUEST. */
struct codec_chunk {
    uint8_t snapshot_id[CODEC_SNAPSHOT_ID_LEN];
    uint32_t file_index;
    uint32_t chunk_index;
};
struct snapshot_manifest; /* raft/io/snapshot_manifest.h */

/* One frame's contents. When decoded it owns what it points to: codec_frame_release(). When given
 * to codec_encode() everything is borrowed, and `from` and `raft`'s from and to are not read. */
struct codec_frame {
    enum codec_kind kind;
    raft_id from, to;
    struct raft_message raft; /* CODEC_RAFT; from and to as above */
    const uint8_t *data;      /* CODEC_APP, CODEC_CHUNK: octets */
    size_t data_len;
    const char *address;      /* CODEC_PING: the sender's, may be empty */
    uint32_t unheard_ms;      /* CODEC_PING: that the sender has accepted nothing from `to` */
    struct codec_chunk chunk; /* MANIFEST_REQUEST, CHUNK_REQUEST, CHUNK */
    struct snapshot_manifest *manifest; /* CODEC_MANIFEST */
    int error;                          /* CODEC_SNAPSHOT_REFUSAL: a negative enum raft_error */
    void *memory;                       /* decoder's; backs the pointers above */
};

/* Why a frame was refused; one counter each. */
enum codec_refusal {
    CODEC_REFUSED_LENGTH,  /* shorter than a MAC, or over CODEC_FRAME_LEN_MAX */
    CODEC_REFUSED_MAC,     /* not from a member of this cluster */
    CODEC_REFUSED_FORMAT,  /* not protobuf, a bound broken, an unknown value */
    CODEC_REFUSED_VERSION, /* from a version that this program does not know */
    CODEC_REFUSED_CLUSTER, /* another cluster's id under our key */
    CODEC_REFUSED_TO,      /* meant for another member */
    CODEC_REFUSED_FROM,    /* claims to be from us, or from nobody */
    CODEC_REFUSAL_COUNT,
};

/* Where a frame is written: returns room for exactly @len octets, or NULL (no memory). Called once
 * per encoding, so a transport encodes straight into its own message. */
typedef uint8_t *(*codec_reserve_cb)(void *user, size_t len);

/* Encode @frame with its MAC. Entries' data is copied once, into the reserved room.
 * RAFT_ENOMEM; RAFT_ELIMIT (over CODEC_FRAME_LEN_MAX, CODEC_APP_LEN_MAX or a RAFT_* bound). */
int codec_encode(const struct codec_keys *keys, const struct codec_frame *frame,
                 codec_reserve_cb reserve, void *user);

/* Check and decode hostile octets. On 0 *@out is the caller's, entries hold references of their own
 * and nothing points into @data. Else *@out is untouched, *@why says why (not for RAFT_ENOMEM):
 * RAFT_ECORRUPT (length, format), RAFT_EDENIED (MAC, cluster, to, from), RAFT_EVERSION. */
int codec_decode(const struct codec_keys *keys, const uint8_t *data, size_t len,
                 struct codec_frame *out, enum codec_refusal *why);

/* Release what a decoded frame owns and empty it. */
void codec_frame_release(struct codec_frame *frame);

/* A short static name of a refusal, for logs and metrics ("mac", "version" …). */
const char *codec_refusal_text(enum codec_refusal why);
