/* raft/core/conf_codec.c: the octets of a RAFT_ENTRY_CONF. Big-endian:
 *   version 1 (u8) | change kind (u8) | change id (u64) | member count (u16)
 *   | count × (id (u64), role (u8)) | context (the rest) */
#include <string.h>

#include "raft/core/conf.h"

#define CODEC_VERSION 1
#define CODEC_HEAD_LEN 12u
#define CODEC_MEMBER_LEN 9u

static void put_u64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

struct raft_buf *raft_conf_entry_encode(const struct raft_conf *conf,
                                        const struct raft_conf_change *change)
{
    size_t context_len = change->context != NULL ? change->context->len : 0;
    size_t head_len = CODEC_HEAD_LEN + conf->count * CODEC_MEMBER_LEN;
    struct raft_buf *buf = raft_buf_new(NULL, head_len + context_len);

    if (buf == NULL)
        return NULL;
    buf->data[0] = CODEC_VERSION;
    buf->data[1] = (uint8_t)change->kind;
    put_u64(&buf->data[2], change->id);
    buf->data[10] = (uint8_t)(conf->count >> 8);
    buf->data[11] = (uint8_t)conf->count;
    for (uint32_t i = 0; i < conf->count; i++) {
        uint8_t *at = &buf->data[CODEC_HEAD_LEN + i * CODEC_MEMBER_LEN];
        put_u64(at, conf->members[i].id);
        at[8] = (uint8_t)conf->members[i].role;
    }
    if (context_len > 0)
        memcpy(&buf->data[head_len], change->context->data, context_len);
    return buf;
}

/* Does the change agree with the configuration that it is said to have led to? */
static bool change_fits(const struct raft_conf_change *change, const struct raft_conf *conf)
{
    const struct raft_member *member = raft_conf_find(conf, change->id);

    switch (change->kind) {
    case RAFT_CONF_ADD_LEARNER:
    case RAFT_CONF_DEMOTE: return member != NULL && member->role == RAFT_LEARNER;
    case RAFT_CONF_PROMOTE: return member != NULL && member->role == RAFT_VOTER;
    case RAFT_CONF_REMOVE: return member == NULL && change->id != 0;
    case RAFT_CONF_UPDATE: return member != NULL;
    case RAFT_CONF_RECOVER:
        return member != NULL && member->role == RAFT_VOTER && raft_conf_voters(conf) == 1;
    }
    return false;
}

int raft_conf_entry_decode(const struct raft_buf *data, struct raft_conf *conf,
                           struct raft_conf_change *change, const uint8_t **context,
                           size_t *context_len)
{
    struct raft_conf decoded = {0};

    if (data == NULL || data->len < CODEC_HEAD_LEN || data->data[0] != CODEC_VERSION)
        return RAFT_ECORRUPT;
    uint32_t count = (uint32_t)data->data[10] << 8 | data->data[11];
    size_t head_len = CODEC_HEAD_LEN + count * CODEC_MEMBER_LEN;
    if (count > RAFT_MEMBERS_MAX || head_len > data->len)
        return RAFT_ECORRUPT;
    decoded.count = count;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = &data->data[CODEC_HEAD_LEN + i * CODEC_MEMBER_LEN];
        decoded.members[i].id = get_u64(at);
        decoded.members[i].role = (enum raft_member_role)at[8];
    }
    struct raft_conf_change what = {.kind = (enum raft_conf_change_kind)data->data[1],
                                    .id = get_u64(&data->data[2])};
    if (!raft_conf_is_valid(&decoded) || !change_fits(&what, &decoded))
        return RAFT_ECORRUPT;
    *conf = decoded;
    *change = what;
    *context = &data->data[head_len];
    *context_len = data->len - head_len;
    return 0;
}
