/* raft/io/codec.c: the envelope: MAC, identity, and which body. */
#include "raft/io/codec.h"

#include <string.h>

#include "proto/peer.pb-c.h"
#include "raft/io/codec_internal.h"
#include "raft/io/mac.h"
#include "raft/io/snapshot_manifest.h"

_Static_assert(MAC_KEY_LEN == CODEC_MAC_KEY_LEN, "one key");

/* Storage of the body while it is packed. */
union body {
    Quartet__PeerRaft raft;
    Quartet__PeerPing ping;
    Quartet__PeerManifestRequest manifest_request;
    Quartet__PeerManifest manifest;
    Quartet__PeerChunkRequest chunk_request;
    Quartet__PeerChunk chunk;
    Quartet__PeerSnapshotRefusal refusal;
};

/* ---- out ---- */

static ProtobufCBinaryData borrowed(const uint8_t *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)data}; /* packing only reads */
}

static void build_chunk_request(const struct codec_chunk *chunk, Quartet__PeerChunkRequest *out)
{
    quartet__peer_chunk_request__init(out);
    out->snapshot_id = borrowed(chunk->snapshot_id, sizeof(chunk->snapshot_id));
    out->file = chunk->file_index;
    out->chunk = chunk->chunk_index;
}

static int build_chunk(const struct codec_frame *frame, Quartet__PeerChunk *out)
{
    quartet__peer_chunk__init(out);
    out->snapshot_id = borrowed(frame->chunk.snapshot_id, sizeof(frame->chunk.snapshot_id));
    out->file = frame->chunk.file_index;
    out->chunk = frame->chunk.chunk_index;
    out->data = borrowed(frame->data, frame->data_len);
    return frame->data_len > CODEC_CHUNK_LEN ? RAFT_ELIMIT : 0;
}

static int build_ping(const struct codec_frame *frame, Quartet__PeerPing *out)
{
    quartet__peer_ping__init(out);
    if (frame->address != NULL)
        out->address = (char *)frame->address;
    out->unheard_ms = frame->unheard_ms;
    return strlen(out->address) > CODEC_ADDRESS_LEN_MAX ? RAFT_ELIMIT : 0;
}

/* codec_kind and the oneof's cases have the same order. */
static int build_body(const struct codec_frame *frame, Quartet__PeerEnvelope *envelope,
                      union body *body)
{
    envelope->body_case = (Quartet__PeerEnvelope__BodyCase)(frame->kind - CODEC_RAFT +
                                                            QUARTET__PEER_ENVELOPE__BODY_RAFT);
    if (frame->kind != CODEC_APP)
        envelope->raft = &body->raft; /* any pointer of the oneof: they share their place */
    switch (frame->kind) {
    case CODEC_RAFT: return codec__raft_build(&frame->raft, &body->raft);
    case CODEC_APP:
        envelope->app = borrowed(frame->data, frame->data_len);
        return frame->data_len > CODEC_APP_LEN_MAX ? RAFT_ELIMIT : 0;
    case CODEC_PING: return build_ping(frame, &body->ping);
    case CODEC_MANIFEST_REQUEST:
        quartet__peer_manifest_request__init(&body->manifest_request);
        body->manifest_request.snapshot_id =
            borrowed(frame->chunk.snapshot_id, sizeof(frame->chunk.snapshot_id));
        return 0;
    case CODEC_MANIFEST: return codec__manifest_build(frame->manifest, &body->manifest);
    case CODEC_CHUNK_REQUEST: build_chunk_request(&frame->chunk, &body->chunk_request); return 0;
    case CODEC_CHUNK: return build_chunk(frame, &body->chunk);
    case CODEC_SNAPSHOT_REFUSAL:
        quartet__peer_snapshot_refusal__init(&body->refusal);
        body->refusal.error = frame->error;
        return 0;
    }
    return RAFT_ELIMIT;
}

static void unbuild_body(enum codec_kind kind, union body *body)
{
    if (kind == CODEC_RAFT)
        codec__raft_unbuild(&body->raft);
    else if (kind == CODEC_MANIFEST)
        codec__manifest_unbuild(&body->manifest);
}

static int pack(const struct codec_keys *keys, const Quartet__PeerEnvelope *envelope,
                codec_reserve_cb reserve, void *user)
{
    size_t len = quartet__peer_envelope__get_packed_size(envelope);
    if (len > CODEC_FRAME_LEN_MAX - MAC_LEN)
        return RAFT_ELIMIT;
    uint8_t *out = reserve(user, MAC_LEN + len);
    if (out == NULL)
        return RAFT_ENOMEM;
    quartet__peer_envelope__pack(envelope, out + MAC_LEN);
    mac_compute(keys->mac_key, out + MAC_LEN, len, out);
    return 0;
}

int codec_encode(const struct codec_keys *keys, const struct codec_frame *frame,
                 codec_reserve_cb reserve, void *user)
{
    Quartet__PeerEnvelope envelope = QUARTET__PEER_ENVELOPE__INIT;
    union body body;
    envelope.version = CODEC_VERSION;
    envelope.cluster_id = borrowed(keys->cluster_id, sizeof(keys->cluster_id));
    envelope.from = keys->self;
    envelope.to = frame->to;
    int code = build_body(frame, &envelope, &body);
    if (code != 0)
        return code;
    code = pack(keys, &envelope, reserve, user);
    unbuild_body(frame->kind, &body);
    return code;
}

/* ---- in ---- */

static void *unpack_alloc(void *arena, size_t len)
{
    return codec__arena_alloc(arena, len);
}

static void unpack_free(void *arena, void *pointer)
{
    (void)arena; /* all at once at the end */
    (void)pointer;
}

static bool read_snapshot_id(const ProtobufCBinaryData *id, struct codec_chunk *out)
{
    if (id->len != sizeof(out->snapshot_id))
        return false;
    memcpy(out->snapshot_id, id->data, sizeof(out->snapshot_id));
    return true;
}

static int read_ping(const Quartet__PeerPing *ping, struct codec_frame *out)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789.:[]_-";
    size_t len = strlen(ping->address);
    if (len > CODEC_ADDRESS_LEN_MAX || strspn(ping->address, allowed) != len)
        return RAFT_ECORRUPT;
    out->address = ping->address;
    out->unheard_ms = ping->unheard_ms;
    return 0;
}

static int read_chunk(const Quartet__PeerChunk *chunk, struct codec_frame *out)
{
    if (!read_snapshot_id(&chunk->snapshot_id, &out->chunk) || chunk->data.len > CODEC_CHUNK_LEN)
        return RAFT_ECORRUPT;
    out->chunk.file_index = chunk->file;
    out->chunk.chunk_index = chunk->chunk;
    out->data = chunk->data.data;
    out->data_len = chunk->data.len;
    return 0;
}

static int read_chunk_request(const Quartet__PeerChunkRequest *request, struct codec_frame *out)
{
    out->chunk.file_index = request->file;
    out->chunk.chunk_index = request->chunk;
    return read_snapshot_id(&request->snapshot_id, &out->chunk) ? 0 : RAFT_ECORRUPT;
}

static int read_app(const ProtobufCBinaryData *app, struct codec_frame *out)
{
    out->data = app->data;
    out->data_len = app->len;
    return app->len > CODEC_APP_LEN_MAX ? RAFT_ECORRUPT : 0;
}

static int read_refusal(const Quartet__PeerSnapshotRefusal *refusal, struct codec_frame *out)
{
    out->error = refusal->error;
    return refusal->error < 0 ? 0 : RAFT_ECORRUPT;
}

static int read_body(const Quartet__PeerEnvelope *envelope, struct codec_frame *out)
{
    switch (out->kind) {
    case CODEC_RAFT: return codec__raft_read(envelope->raft, &out->raft);
    case CODEC_APP: return read_app(&envelope->app, out);
    case CODEC_PING: return read_ping(envelope->ping, out);
    case CODEC_MANIFEST_REQUEST:
        return read_snapshot_id(&envelope->manifest_request->snapshot_id, &out->chunk)
                   ? 0
                   : RAFT_ECORRUPT;
    case CODEC_MANIFEST: return codec__manifest_read(envelope->manifest, &out->manifest);
    case CODEC_CHUNK_REQUEST: return read_chunk_request(envelope->chunk_request, out);
    case CODEC_CHUNK: return read_chunk(envelope->chunk, out);
    case CODEC_SNAPSHOT_REFUSAL: return read_refusal(envelope->snapshot_refusal, out);
    }
    return RAFT_ECORRUPT;
}

/* Whose it is and for whom. 0, or the code that belongs to *@why. */
static int check_identity(const struct codec_keys *keys, const Quartet__PeerEnvelope *envelope,
                          enum codec_refusal *why)
{
    if (envelope->version != CODEC_VERSION) {
        *why = CODEC_REFUSED_VERSION;
        return RAFT_EVERSION;
    }
    *why = CODEC_REFUSED_CLUSTER;
    if (envelope->cluster_id.len != CODEC_CLUSTER_ID_LEN ||
        memcmp(envelope->cluster_id.data, keys->cluster_id, CODEC_CLUSTER_ID_LEN) != 0)
        return RAFT_EDENIED;
    *why = CODEC_REFUSED_TO;
    if (envelope->to != keys->self)
        return RAFT_EDENIED;
    *why = CODEC_REFUSED_FROM;
    return envelope->from == keys->self || envelope->from == 0 ? RAFT_EDENIED : 0;
}

static int read_envelope(const struct codec_keys *keys, const Quartet__PeerEnvelope *envelope,
                         struct codec_frame *out, enum codec_refusal *why)
{
    int code = check_identity(keys, envelope, why);
    if (code != 0)
        return code;
    *why = CODEC_REFUSED_FORMAT;
    if (envelope->body_case == QUARTET__PEER_ENVELOPE__BODY__NOT_SET)
        return RAFT_ECORRUPT; /* also a body that only a later version knows */
    out->kind =
        (enum codec_kind)(envelope->body_case - QUARTET__PEER_ENVELOPE__BODY_RAFT + CODEC_RAFT);
    out->from = envelope->from;
    out->to = envelope->to;
    code = read_body(envelope, out);
    out->raft.from = envelope->from;
    out->raft.to = envelope->to;
    return code;
}

static int unpack(const struct codec_keys *keys, const uint8_t *data, size_t len,
                  struct codec_frame *out, enum codec_refusal *why)
{
    struct codec_frame frame = {.memory = codec__arena_new(2 * len + (1u << 20))};
    if (frame.memory == NULL)
        return RAFT_ENOMEM;
    ProtobufCAllocator allocator = {unpack_alloc, unpack_free, frame.memory};
    Quartet__PeerEnvelope *envelope = quartet__peer_envelope__unpack(&allocator, len, data);
    *why = CODEC_REFUSED_FORMAT;
    int code = envelope == NULL ? RAFT_ECORRUPT : read_envelope(keys, envelope, &frame, why);
    if (code != 0) {
        codec_frame_release(&frame);
        return code;
    }
    *out = frame;
    return 0;
}

int codec_decode(const struct codec_keys *keys, const uint8_t *data, size_t len,
                 struct codec_frame *out, enum codec_refusal *why)
{
    if (len <= MAC_LEN || len > CODEC_FRAME_LEN_MAX) {
        *why = CODEC_REFUSED_LENGTH;
        return RAFT_ECORRUPT;
    }
    if (!mac_is_valid(keys->mac_key, data + MAC_LEN, len - MAC_LEN, data)) {
        *why = CODEC_REFUSED_MAC;
        return RAFT_EDENIED;
    }
    return unpack(keys, data + MAC_LEN, len - MAC_LEN, out, why);
}

void codec_frame_release(struct codec_frame *frame)
{
    if (frame->kind == CODEC_RAFT)
        codec__raft_release(&frame->raft);
    snapshot_manifest_free(frame->manifest);
    codec__arena_free(frame->memory);
    memset(frame, 0, sizeof(*frame));
}

const char *codec_refusal_text(enum codec_refusal why)
{
    static const char *const texts[CODEC_REFUSAL_COUNT] = {
        [CODEC_REFUSED_LENGTH] = "length",   [CODEC_REFUSED_MAC] = "mac",
        [CODEC_REFUSED_FORMAT] = "format",   [CODEC_REFUSED_VERSION] = "version",
        [CODEC_REFUSED_CLUSTER] = "cluster", [CODEC_REFUSED_TO] = "to",
        [CODEC_REFUSED_FROM] = "from",
    };
    return (unsigned)why < CODEC_REFUSAL_COUNT ? texts[why] : "unknown";
}
