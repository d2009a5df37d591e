/* raft/io/rocks.h: opens the RocksDB instance of the log with its tuning, and turns RocksDB's error
 * texts into ours. Only raft/io/log_store*.c include it. */
#pragma once

#include <stddef.h>

typedef struct rocksdb_t rocksdb_t;
typedef struct rocksdb_options_t rocksdb_options_t;

/* Tuned for a log that is written in order, read rarely and trimmed from its front: bounded
 * memory (3 × 16 MiB of write buffers, an 8 MiB cache), two background threads at most, small
 * information logs. Never NULL. Free with rocksdb_options_destroy(). */
rocksdb_options_t *rocks_log_options(void);

/* Open @dir, making it when absent. On 0 the caller owns *@out. RAFT_EBUSY when another process
 * holds it, RAFT_ECORRUPT, RAFT_EIO; @error (≥ @error_len octets) then holds RocksDB's text. */
int rocks_open(const rocksdb_options_t *options, const char *dir, rocksdb_t **out, char *error,
               size_t error_len);

/* Copy RocksDB's *@text to @error, free it, and say which code it is. */
int rocks_error_take(char *text, char *error, size_t error_len);
