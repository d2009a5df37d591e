/* links: raft_io raft_core proto
 * Peer frames behind a good MAC and identity: the input is the body. What is accepted must encode
 * again and then decode to the same octets. */
#include "raft/io/codec.h"

#include <stdlib.h>
#include <string.h>

#include "raft/io/mac.h"

#define FROM 0x11
#define TO 0x22

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct octets {
    uint8_t *data;
    size_t len;
};

static uint8_t *reserve(void *user, size_t len)
{
    struct octets *out = user;
    out->data = malloc(len);
    out->len = len;
    return out->data;
}

/* PeerEnvelope fields may be concatenated: version, cluster id, from, to; then the input. */
static struct octets frame_of(const struct codec_keys *keys, const uint8_t *data, size_t size)
{
    uint8_t head[2 + 2 + CODEC_CLUSTER_ID_LEN + 9 + 9] = {0x08, CODEC_VERSION, 0x12,
                                                          CODEC_CLUSTER_ID_LEN};
    uint8_t *ids = head + 4 + CODEC_CLUSTER_ID_LEN;
    ids[0] = 0x19;
    ids[1] = FROM;
    ids[9] = 0x21;
    ids[10] = TO;
    struct octets out;
    if (reserve(&out, MAC_LEN + sizeof(head) + size) == NULL)
        abort();
    memcpy(out.data + MAC_LEN, head, sizeof(head));
    if (size > 0)
        memcpy(out.data + MAC_LEN + sizeof(head), data, size);
    mac_compute(keys->mac_key, out.data + MAC_LEN, out.len - MAC_LEN, out.data);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_keys receiver = {.self = TO};
    struct codec_keys sender = {0};
    struct codec_frame frame;
    struct codec_frame again;
    enum codec_refusal why;
    struct octets first = frame_of(&receiver, data, size);
    int code = codec_decode(&receiver, first.data, first.len, &frame, &why);
    free(first.data);
    if (code != 0)
        return 0;
    struct octets second = {NULL, 0};
    struct octets third = {NULL, 0};
    sender.self = frame.from; /* the input may name another one */
    if (codec_encode(&sender, &frame, reserve, &second) != 0)
        abort();
    codec_frame_release(&frame);
    if (codec_decode(&receiver, second.data, second.len, &again, &why) != 0 ||
        codec_encode(&sender, &again, reserve, &third) != 0 || second.len != third.len ||
        memcmp(second.data, third.data, third.len) != 0)
        abort();
    codec_frame_release(&again);
    free(second.data);
    free(third.data);
    return 0;
}
