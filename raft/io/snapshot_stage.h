/* raft/io/snapshot_stage.h: inside the fetcher: the directory that a snapshot is fetched into.
 * Blocking; one thread. */
#pragma once

#include "raft/io/snapshot_manifest.h"

struct snapshot_stage; /* opaque */

/* Make @directory ready for the files of @manifest (borrowed as long as the stage lives): made if
 * missing, strange files and an old COMPLETE removed, each file cut or grown to its length.
 * RAFT_ELIMIT (the disk lacks room), RAFT_EIO, RAFT_ENOMEM. */
int snapshot_stage_open(const char *directory, const struct snapshot_manifest *manifest,
                        struct snapshot_stage **out);
void snapshot_stage_close(struct snapshot_stage *stage); /* accepts NULL */

/* Is this chunk there and right? Reads it. */
bool snapshot_stage_has(struct snapshot_stage *stage, const struct codec_chunk *chunk);
/* Write a chunk that was checked. RAFT_EIO. */
int snapshot_stage_write(struct snapshot_stage *stage, const struct codec_chunk *chunk,
                         const uint8_t *data, size_t len);
/* All chunks are there: sync everything, then write COMPLETE and sync that. RAFT_EIO. */
int snapshot_stage_finish(struct snapshot_stage *stage);
