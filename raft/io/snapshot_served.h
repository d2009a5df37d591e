/* raft/io/snapshot_served.h: inside the snapshot server: the table of served directories. Loop and
 * NNG's threads use it together; all functions lock. */
#pragma once

#include "raft/io/snapshot_manifest.h"

struct snapshot_table; /* opaque */

struct snapshot_table *snapshot_table_new(void); /* NULL: no memory */
/* No request may be under way. Directories that are left are not removed. */
void snapshot_table_free(struct snapshot_table *table); /* accepts NULL */

/* Serve @directory (both pointers are taken on 0) by manifest->snapshot_id. RAFT_EBUSY: full. */
int snapshot_table_put_take(struct snapshot_table *table, struct snapshot_manifest *manifest,
                            char *directory, uint64_t now_mono_ms);
/* Serve it no longer. 0 or RAFT_ENOENT. */
int snapshot_table_withdraw(struct snapshot_table *table, const uint8_t *snapshot_id);
/* Withdraw what was not asked for since @before_mono_ms. Returns how many. */
uint32_t snapshot_table_expire(struct snapshot_table *table, uint64_t before_mono_ms);
/* Forget one that is withdrawn and that no request uses: its directory, the caller's to remove and
 * free; NULL: none. */
char *snapshot_table_take_garbage(struct snapshot_table *table);

/* A served snapshot for the time of one request; NULL: not served. Its manifest is immutable. */
struct snapshot_served;
struct snapshot_served *snapshot_table_ref(struct snapshot_table *table, const uint8_t *snapshot_id,
                                           uint64_t now_mono_ms);
void snapshot_table_unref(struct snapshot_table *table, struct snapshot_served *served);
const struct snapshot_manifest *snapshot_served_manifest(const struct snapshot_served *served);
/* Read a chunk into @out (CODEC_CHUNK_LEN octets). RAFT_EINVALID (no such chunk), RAFT_EIO (the
 * file is gone, or cut off). */
int snapshot_served_read(const struct snapshot_served *served, const struct codec_chunk *chunk,
                         uint8_t *out, size_t *len);
