/* raft/io/codec_internal.h: between codec*.c: one pair of functions per kind of body. */
#pragma once

#include "raft/io/codec.h"

struct Quartet__PeerRaft;
struct Quartet__PeerManifest;

/* Fill @out for packing. Arrays are allocated, all octets are borrowed from @message;
 * codec__raft_unbuild() frees. RAFT_ENOMEM, RAFT_ELIMIT. */
int codec__raft_build(const struct raft_message *message, struct Quartet__PeerRaft *out);
void codec__raft_unbuild(struct Quartet__PeerRaft *raft);
/* Check and convert what protobuf accepted; copies all. RAFT_ECORRUPT, RAFT_ENOMEM. */
int codec__raft_read(const struct Quartet__PeerRaft *raft, struct raft_message *out);
void codec__raft_release(struct raft_message *message);

/* The same for a snapshot's list of files. */
int codec__manifest_build(const struct snapshot_manifest *manifest,
                          struct Quartet__PeerManifest *out);
void codec__manifest_unbuild(struct Quartet__PeerManifest *manifest);
int codec__manifest_read(const struct Quartet__PeerManifest *manifest,
                         struct snapshot_manifest **out);

/* Memory of one decoding: freed at once, and bounded, so that a frame of many tiny parts cannot
 * make the protobuf decoder take a hundred times its size. */
struct codec__arena;
struct codec__arena *codec__arena_new(size_t len_max); /* NULL: no memory */
void codec__arena_free(struct codec__arena *arena);    /* accepts NULL */
/* NULL: over the bound or no memory. Aligned for any type. */
void *codec__arena_alloc(struct codec__arena *arena, size_t len);
