/* raft/io/snapshot_locator.c: version (1) | server (8, big-endian) | snapshot id (16) | address. */
#include "raft/io/snapshot_locator.h"

#include <string.h>

#define LOCATOR_VERSION 1
#define FIXED_LEN (1 + 8 + CODEC_SNAPSHOT_ID_LEN)

int snapshot_locator_encode(const struct snapshot_locator *locator, struct raft_snapshot *snapshot)
{
    size_t address_len = strnlen(locator->address, sizeof(locator->address));
    if (address_len > RAFT_SNAPSHOT_LOCATOR_MAX - FIXED_LEN)
        return RAFT_ELIMIT;
    uint8_t *out = snapshot->locator;
    out[0] = LOCATOR_VERSION;
    for (int i = 0; i < 8; i++)
        out[1 + i] = (uint8_t)(locator->server >> (56 - 8 * i));
    memcpy(out + 9, locator->snapshot_id, CODEC_SNAPSHOT_ID_LEN);
    memcpy(out + FIXED_LEN, locator->address, address_len);
    snapshot->locator_len = (uint32_t)(FIXED_LEN + address_len);
    return 0;
}

int snapshot_locator_decode(const struct raft_snapshot *snapshot, struct snapshot_locator *out)
{
    const uint8_t *in = snapshot->locator;
    size_t len = snapshot->locator_len;
    if (len <= FIXED_LEN || len > RAFT_SNAPSHOT_LOCATOR_MAX || in[0] != LOCATOR_VERSION ||
        memchr(in + FIXED_LEN, 0, len - FIXED_LEN) != NULL)
        return RAFT_ECORRUPT;
    struct snapshot_locator locator = {0};
    for (int i = 0; i < 8; i++)
        locator.server = locator.server << 8 | in[1 + i];
    if (locator.server == 0)
        return RAFT_ECORRUPT;
    memcpy(locator.snapshot_id, in + 9, CODEC_SNAPSHOT_ID_LEN);
    memcpy(locator.address, in + FIXED_LEN, len - FIXED_LEN);
    *out = locator;
    return 0;
}
