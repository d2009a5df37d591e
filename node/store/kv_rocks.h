/* node/store/kv_rocks.h: the key-value port over one RocksDB instance. */
#pragma once

#include <stdbool.h>

#include "store/kv.h"

/* Open the instance in @folder; with @is_new made there if missing. On 0 the caller closes *@out.
 * ERR_NOT_FOUND, ERR_CORRUPT, ERR_BUSY (another process has it open), ERR_VERSION (a family that
 * this program does not know), ERR_IO, ERR_NOMEM; the reason is logged. */
int kv_rocks_open(const char *folder, bool is_new, struct kv *out);
/* Hand what was written so far to the operating system: the end of this process, however sudden,
 * loses none of it; a power failure may, until kv_flush(). One write(), or none. ERR_IO. */
int kv_rocks_write_out(const struct kv *kv);
/* When much is in memtables, begin to write them out in the background, so that a start after a
 * kill has little of the WAL to read. Failing to is harmless: the WAL has it. */
void kv_rocks_settle(const struct kv *kv);
/* Write all memtables out, and wait, before a close: the next start then reads no WAL. Not on a
 * disk that fails: RocksDB takes it for a bug there, and ends the process. */
void kv_rocks_write_memtables(const struct kv *kv);

struct kv_rocks_memory { /* octets */
    uint64_t block_cache, memtables, table_readers;
};
/* Any thread. */
void kv_rocks_memory(const struct kv *kv, struct kv_rocks_memory *out);
