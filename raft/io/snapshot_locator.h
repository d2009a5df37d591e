/* raft/io/snapshot_locator.h: the locator of struct raft_snapshot: where its data can be fetched.
 */
#pragma once

#include "raft/io/codec.h"

struct snapshot_locator {
    raft_id server; /* the member that holds the data; the TLS name dialled */
    uint8_t snapshot_id[CODEC_SNAPSHOT_ID_LEN];
    char address[CODEC_ADDRESS_LEN_MAX + 1]; /* its snapshot port, "host:port" */
};

/* Write to snapshot->locator and locator_len. RAFT_ELIMIT: the address does not fit. */
int snapshot_locator_encode(const struct snapshot_locator *locator, struct raft_snapshot *snapshot);
/* Read hostile octets. RAFT_ECORRUPT: *@out untouched. */
int snapshot_locator_decode(const struct raft_snapshot *snapshot, struct snapshot_locator *out);
