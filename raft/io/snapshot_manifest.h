/* raft/io/snapshot_manifest.h: the files of a snapshot and the hashes of their chunks. Any thread.
 */
#pragma once

#include "raft/io/codec.h"

#define SNAPSHOT_FILES_MAX 4096
#define SNAPSHOT_NAME_LEN_MAX 64
#define SNAPSHOT_CHUNKS_MAX 196608        /* 192 GiB; their hashes fit a frame */
#define SNAPSHOT_HASH_LEN 16              /* XXH3-128, canonical */
#define SNAPSHOT_COMPLETE_NAME "COMPLETE" /* the fetcher's; no file of a snapshot has this name */

struct snapshot_file {
    char name[SNAPSHOT_NAME_LEN_MAX + 1];
    uint64_t len;
    uint32_t chunk_count;
    uint8_t *hashes; /* chunk_count × SNAPSHOT_HASH_LEN */
};
struct snapshot_manifest {
    uint8_t snapshot_id[CODEC_SNAPSHOT_ID_LEN];
    uint64_t total_len;
    uint32_t file_count;
    uint32_t chunk_count;        /* of all files */
    struct snapshot_file *files; /* ascending by name */
};

/* Empty, with room for @file_count files. NULL: no memory. */
struct snapshot_manifest *snapshot_manifest_new(uint32_t file_count);
void snapshot_manifest_free(struct snapshot_manifest *manifest); /* accepts NULL */

/* Append a file, which must sort after the last; room for its hashes is zeroed. RAFT_EINVALID:
 * name, order or a bound; RAFT_ENOMEM. */
int snapshot_manifest_add(struct snapshot_manifest *manifest, const char *name, uint64_t len);

/* List and hash the regular files of @directory; snapshot_id stays zero. Reads every octet.
 * RAFT_EINVALID (not flat, a bound), RAFT_EIO, RAFT_ENOMEM. */
int snapshot_manifest_scan(const char *directory, struct snapshot_manifest **out);

/* [A-Za-z0-9._-], no leading dot, 1 to SNAPSHOT_NAME_LEN_MAX octets, not SNAPSHOT_COMPLETE_NAME. */
bool snapshot_name_is_valid(const char *name);
uint32_t snapshot_chunk_len(const struct snapshot_file *file, uint32_t chunk_index);
void snapshot_chunk_hash(const uint8_t *data, size_t len, uint8_t *out); /* SNAPSHOT_HASH_LEN */
bool snapshot_chunk_is_valid(const struct snapshot_file *file, uint32_t chunk_index,
                             const uint8_t *data, size_t len);
/* One hash over id, names, lengths and hashes. */
void snapshot_manifest_hash(const struct snapshot_manifest *manifest, uint8_t *out);

/* pread() until @len octets are there. RAFT_EIO also when the file is shorter. */
int snapshot__read_at(int file, uint8_t *data, size_t len, uint64_t offset);
/* Remove @directory and the regular files in it; goes on after failures. 0 or RAFT_EIO. */
int snapshot__remove_directory(const char *directory);
