/* raft/io/snapshot_manifest.c: list and hash a snapshot's files. */
#include "raft/io/snapshot_manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_STATIC_LINKING_ONLY /* the streaming state on the stack */
#include <xxhash.h>

struct snapshot_manifest *snapshot_manifest_new(uint32_t file_count)
{
    if (file_count > SNAPSHOT_FILES_MAX)
        return NULL;
    struct snapshot_manifest *manifest = calloc(1, sizeof(*manifest));
    if (manifest == NULL)
        return NULL;
    manifest->files = calloc(file_count == 0 ? 1 : file_count, sizeof(*manifest->files));
    if (manifest->files == NULL) {
        free(manifest);
        return NULL;
    }
    return manifest;
}

void snapshot_manifest_free(struct snapshot_manifest *manifest)
{
    if (manifest == NULL)
        return;
    for (uint32_t i = 0; i < manifest->file_count; i++)
        free(manifest->files[i].hashes);
    free(manifest->files);
    free(manifest);
}

bool snapshot_name_is_valid(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";
    size_t len = strnlen(name, SNAPSHOT_NAME_LEN_MAX + 1);
    return len > 0 && len <= SNAPSHOT_NAME_LEN_MAX && strspn(name, allowed) == len &&
           name[0] != '.' && strcmp(name, SNAPSHOT_COMPLETE_NAME) != 0;
}

int snapshot_manifest_add(struct snapshot_manifest *manifest, const char *name, uint64_t len)
{
    uint64_t chunks = len / CODEC_CHUNK_LEN + (len % CODEC_CHUNK_LEN != 0);
    if (!snapshot_name_is_valid(name) || manifest->file_count >= SNAPSHOT_FILES_MAX ||
        chunks > SNAPSHOT_CHUNKS_MAX - manifest->chunk_count)
        return RAFT_EINVALID;
    if (manifest->file_count > 0 &&
        strcmp(manifest->files[manifest->file_count - 1].name, name) >= 0)
        return RAFT_EINVALID;
    uint8_t *hashes = calloc(chunks == 0 ? 1 : chunks, SNAPSHOT_HASH_LEN);
    if (hashes == NULL)
        return RAFT_ENOMEM;
    struct snapshot_file *file = &manifest->files[manifest->file_count++];
    memcpy(file->name, name, strlen(name) + 1);
    file->len = len;
    file->chunk_count = (uint32_t)chunks;
    file->hashes = hashes;
    manifest->chunk_count += file->chunk_count;
    manifest->total_len += len;
    return 0;
}

uint32_t snapshot_chunk_len(const struct snapshot_file *file, uint32_t chunk_index)
{
    uint64_t left = file->len - (uint64_t)chunk_index * CODEC_CHUNK_LEN;
    return left < CODEC_CHUNK_LEN ? (uint32_t)left : CODEC_CHUNK_LEN;
}

void snapshot_chunk_hash(const uint8_t *data, size_t len, uint8_t *out)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, len));
    memcpy(out, canonical.digest, SNAPSHOT_HASH_LEN);
}

bool snapshot_chunk_is_valid(const struct snapshot_file *file, uint32_t chunk_index,
                             const uint8_t *data, size_t len)
{
    uint8_t hash[SNAPSHOT_HASH_LEN];
    if (len != snapshot_chunk_len(file, chunk_index))
        return false;
    snapshot_chunk_hash(data, len, hash);
    return memcmp(hash, file->hashes + (size_t)chunk_index * SNAPSHOT_HASH_LEN, sizeof(hash)) == 0;
}

void snapshot_manifest_hash(const struct snapshot_manifest *manifest, uint8_t *out)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, manifest->snapshot_id, sizeof(manifest->snapshot_id));
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        const struct snapshot_file *file = &manifest->files[i];
        uint8_t len[8];
        for (int octet = 0; octet < 8; octet++)
            len[octet] = (uint8_t)(file->len >> (56 - 8 * octet));
        XXH3_128bits_update(&state, file->name, strlen(file->name) + 1);
        XXH3_128bits_update(&state, len, sizeof(len));
        XXH3_128bits_update(&state, file->hashes, (size_t)file->chunk_count * SNAPSHOT_HASH_LEN);
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    memcpy(out, canonical.digest, SNAPSHOT_HASH_LEN);
}

int snapshot__read_at(int file, uint8_t *data, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t count = pread(file, data, len, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return RAFT_EIO;
        data += count;
        len -= (size_t)count;
        offset += (uint64_t)count;
    }
    return 0;
}

static int hash_file(int directory, struct snapshot_file *file, uint8_t *buffer)
{
    int fd = openat(directory, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return RAFT_EIO;
    int code = 0;
    for (uint32_t i = 0; i < file->chunk_count && code == 0; i++) {
        uint32_t len = snapshot_chunk_len(file, i);
        code = snapshot__read_at(fd, buffer, len, (uint64_t)i * CODEC_CHUNK_LEN);
        if (code == 0)
            snapshot_chunk_hash(buffer, len, file->hashes + (size_t)i * SNAPSHOT_HASH_LEN);
    }
    close(fd);
    return code;
}

static int hash_files(int directory, struct snapshot_manifest *manifest)
{
    uint8_t *buffer = malloc(CODEC_CHUNK_LEN);
    if (buffer == NULL)
        return RAFT_ENOMEM;
    int code = 0;
    for (uint32_t i = 0; i < manifest->file_count && code == 0; i++)
        code = hash_file(directory, &manifest->files[i], buffer);
    free(buffer);
    return code;
}

static int is_no_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_octets(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name); /* not alphasort(): that follows the locale */
}

static int add_files(int directory, struct dirent **entries, int count,
                     struct snapshot_manifest *manifest)
{
    for (int i = 0; i < count; i++) {
        struct stat stat;
        if (fstatat(directory, entries[i]->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
            return RAFT_EIO;
        if (!S_ISREG(stat.st_mode))
            return RAFT_EINVALID;
        int code = snapshot_manifest_add(manifest, entries[i]->d_name, (uint64_t)stat.st_size);
        if (code != 0)
            return code;
    }
    return hash_files(directory, manifest);
}

int snapshot_manifest_scan(const char *directory, struct snapshot_manifest **out)
{
    struct dirent **entries = NULL;
    struct snapshot_manifest *manifest = NULL;
    int count = 0;
    int code = RAFT_EIO;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return RAFT_EIO;
    count = scandirat(fd, ".", &entries, is_no_dots, by_octets);
    if (count < 0)
        goto out;
    code = count > SNAPSHOT_FILES_MAX ? RAFT_EINVALID : RAFT_ENOMEM;
    manifest = snapshot_manifest_new((uint32_t)count);
    if (manifest == NULL)
        goto out;
    code = add_files(fd, entries, count, manifest);
    if (code != 0)
        goto out;
    *out = manifest;
    manifest = NULL;
out:
    snapshot_manifest_free(manifest);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    close(fd);
    return code;
}

int snapshot__remove_directory(const char *directory)
{
    DIR *stream = opendir(directory);
    if (stream == NULL)
        return errno == ENOENT ? 0 : RAFT_EIO;
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (is_no_dots(entry))
            (void)unlinkat(dirfd(stream), entry->d_name, 0); /* rmdir() tells what is left */
    }
    closedir(stream);
    return rmdir(directory) == 0 ? 0 : RAFT_EIO;
}
