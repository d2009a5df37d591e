/* raft/io/log_store_record.c: encode and check the log store's records. */
#include "raft/io/log_store_record.h"

#include <string.h>
#include <xxhash.h>

#define ENTRY_VERSION 1
#define MEMBER_LEN 9
#define BASE_HEADER_LEN 24
#define CHECKSUM_LEN 8

const char log_record_version_key[] = "\0\0\0\0\0\0\0\0v";
const char log_record_hard_state_key[] = "\0\0\0\0\0\0\0\0h";
const char log_record_base_key[] = "\0\0\0\0\0\0\0\0b";

static void put32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint32_t get32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static uint64_t get64(const uint8_t *in)
{
    return (uint64_t)get32(in) << 32 | get32(in + 4);
}

void log_record_key(uint64_t index, uint8_t key[LOG_RECORD_KEY_LEN])
{
    put64(key, index);
}

uint64_t log_record_index(const uint8_t key[LOG_RECORD_KEY_LEN])
{
    return get64(key);
}

/* The data's hash is folded in as the seed, so that header and data need not lie side by side. */
static uint64_t entry_checksum(uint64_t index, const uint8_t *header, const uint8_t *data,
                               size_t len)
{
    uint8_t covered[8 + LOG_RECORD_HEADER_LEN - CHECKSUM_LEN];
    put64(covered, index);
    memcpy(covered + 8, header, LOG_RECORD_HEADER_LEN - CHECKSUM_LEN);
    return XXH3_64bits_withSeed(covered, sizeof(covered), XXH3_64bits(data, len));
}

void log_record_entry_header(const struct raft_entry *entry, uint8_t out[LOG_RECORD_HEADER_LEN])
{
    static const uint8_t nothing[1];
    uint32_t len = entry->data != NULL ? entry->data->len : 0;
    const uint8_t *data = entry->data != NULL ? entry->data->data : nothing;
    memset(out, 0, LOG_RECORD_HEADER_LEN);
    out[0] = ENTRY_VERSION;
    out[1] = (uint8_t)entry->kind;
    put32(out + 4, len);
    put64(out + 8, entry->term);
    put64(out + 16, entry_checksum(entry->index, out, data, len));
}

static const char *entry_fault(uint64_t index, const uint8_t *value, size_t len)
{
    if (len < LOG_RECORD_HEADER_LEN)
        return "the record is shorter than its header";
    if (get32(value + 4) != len - LOG_RECORD_HEADER_LEN)
        return "the record's length does not match its header";
    if (get64(value + 16) !=
        entry_checksum(index, value, value + LOG_RECORD_HEADER_LEN, len - LOG_RECORD_HEADER_LEN))
        return "the checksum does not match";
    return NULL;
}

int log_record_entry_decode(uint64_t index, const uint8_t *value, size_t len,
                            struct raft_entry *out, const char **why)
{
    *why = entry_fault(index, value, len);
    if (*why != NULL)
        return RAFT_ECORRUPT;
    if (value[0] != ENTRY_VERSION) {
        *why = "the record has a version that this program does not know";
        return RAFT_EVERSION;
    }
    if (value[1] < RAFT_ENTRY_NOOP || value[1] > RAFT_ENTRY_CONF || value[2] != 0 ||
        value[3] != 0) {
        *why = "the record's kind is unknown";
        return RAFT_ECORRUPT;
    }
    struct raft_buf *data = NULL;
    if (len > LOG_RECORD_HEADER_LEN) {
        data = raft_buf_new(value + LOG_RECORD_HEADER_LEN, len - LOG_RECORD_HEADER_LEN);
        if (data == NULL) {
            *why = "out of memory";
            return RAFT_ENOMEM;
        }
    }
    *out = (struct raft_entry){.index = index,
                               .term = get64(value + 8),
                               .kind = (enum raft_entry_kind)value[1],
                               .data = data};
    return 0;
}

int log_record_entry_term(const uint8_t *value, size_t len, uint64_t *out)
{
    if (len < LOG_RECORD_HEADER_LEN || value[0] != ENTRY_VERSION)
        return RAFT_ECORRUPT;
    *out = get64(value + 8);
    return 0;
}

void log_record_hard_state(const struct raft_hard_state *state,
                           uint8_t out[LOG_RECORD_HARD_STATE_LEN])
{
    put64(out, 0);
    put64(out + 8, state->term);
    put64(out + 16, state->voted_for);
    put64(out + 24, XXH3_64bits(out, 24));
}

int log_record_hard_state_decode(const uint8_t *value, size_t len, struct raft_hard_state *out)
{
    if (len != LOG_RECORD_HARD_STATE_LEN || get64(value) != 0 ||
        get64(value + 24) != XXH3_64bits(value, 24))
        return RAFT_ECORRUPT;
    *out = (struct raft_hard_state){.term = get64(value + 8), .voted_for = get64(value + 16)};
    return 0;
}

size_t log_record_base(const struct raft_snapshot *base, uint8_t out[LOG_RECORD_BASE_LEN_MAX])
{
    uint8_t *at = out + BASE_HEADER_LEN;
    put64(out, base->index);
    put64(out + 8, base->term);
    put32(out + 16, 0);
    put32(out + 20, base->conf.count);
    for (uint32_t i = 0; i < base->conf.count; i++, at += MEMBER_LEN) {
        put64(at, base->conf.members[i].id);
        at[8] = (uint8_t)base->conf.members[i].role;
    }
    put64(at, XXH3_64bits(out, (size_t)(at - out)));
    return (size_t)(at - out) + CHECKSUM_LEN;
}

int log_record_base_decode(const uint8_t *value, size_t len, struct raft_snapshot *out)
{
    if (len < BASE_HEADER_LEN + CHECKSUM_LEN || len > LOG_RECORD_BASE_LEN_MAX)
        return RAFT_ECORRUPT;
    uint32_t count = get32(value + 20);
    if (count > RAFT_MEMBERS_MAX || get32(value + 16) != 0 ||
        len != BASE_HEADER_LEN + count * MEMBER_LEN + CHECKSUM_LEN ||
        get64(value + len - CHECKSUM_LEN) != XXH3_64bits(value, len - CHECKSUM_LEN))
        return RAFT_ECORRUPT;
    struct raft_snapshot base = {.index = get64(value), .term = get64(value + 8)};
    const uint8_t *at = value + BASE_HEADER_LEN;
    for (uint32_t i = 0; i < count; i++, at += MEMBER_LEN) {
        if (at[8] != RAFT_VOTER && at[8] != RAFT_LEARNER)
            return RAFT_ECORRUPT;
        base.conf.members[i].id = get64(at);
        base.conf.members[i].role = (enum raft_member_role)at[8];
    }
    base.conf.count = count;
    *out = base;
    return 0;
}
