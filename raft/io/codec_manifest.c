/* raft/io/codec_manifest.c: struct snapshot_manifest ↔ PeerManifest. */
#include "raft/io/codec_internal.h"

#include <stdlib.h>
#include <string.h>

#include "proto/peer.pb-c.h"
#include "raft/io/snapshot_manifest.h"

int codec__manifest_build(const struct snapshot_manifest *manifest, Quartet__PeerManifest *out)
{
    quartet__peer_manifest__init(out);
    out->snapshot_id.data = (uint8_t *)manifest->snapshot_id; /* packing only reads */
    out->snapshot_id.len = sizeof(manifest->snapshot_id);
    uint32_t count = manifest->file_count;
    if (count == 0)
        return 0;
    out->files = calloc(count, sizeof(*out->files) + sizeof(**out->files));
    if (out->files == NULL)
        return RAFT_ENOMEM;
    Quartet__PeerFile *files = (void *)(out->files + count); /* same block */
    for (uint32_t i = 0; i < count; i++) {
        const struct snapshot_file *file = &manifest->files[i];
        quartet__peer_file__init(&files[i]);
        files[i].name = (char *)file->name;
        files[i].len = file->len;
        files[i].hashes.data = file->hashes;
        files[i].hashes.len = (size_t)file->chunk_count * SNAPSHOT_HASH_LEN;
        out->files[i] = &files[i];
    }
    out->n_files = count;
    return 0;
}

void codec__manifest_unbuild(Quartet__PeerManifest *manifest)
{
    free(manifest->files);
    manifest->files = NULL;
}

static int read_file(const Quartet__PeerFile *file, struct snapshot_manifest *manifest)
{
    int code = snapshot_manifest_add(manifest, file->name, file->len);
    if (code != 0)
        return code == RAFT_ENOMEM ? code : RAFT_ECORRUPT;
    const struct snapshot_file *added = &manifest->files[manifest->file_count - 1];
    if (file->hashes.len != (size_t)added->chunk_count * SNAPSHOT_HASH_LEN)
        return RAFT_ECORRUPT;
    if (file->hashes.len > 0)
        memcpy(added->hashes, file->hashes.data, file->hashes.len);
    return 0;
}

int codec__manifest_read(const Quartet__PeerManifest *manifest, struct snapshot_manifest **out)
{
    if (manifest->snapshot_id.len != CODEC_SNAPSHOT_ID_LEN ||
        manifest->n_files > SNAPSHOT_FILES_MAX)
        return RAFT_ECORRUPT;
    struct snapshot_manifest *copy = snapshot_manifest_new((uint32_t)manifest->n_files);
    if (copy == NULL)
        return RAFT_ENOMEM;
    memcpy(copy->snapshot_id, manifest->snapshot_id.data, CODEC_SNAPSHOT_ID_LEN);
    for (size_t i = 0; i < manifest->n_files; i++) {
        int code = read_file(manifest->files[i], copy);
        if (code != 0) {
            snapshot_manifest_free(copy);
            return code;
        }
    }
    *out = copy;
    return 0;
}
