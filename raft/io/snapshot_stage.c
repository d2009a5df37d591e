/* raft/io/snapshot_stage.c: the staging directory of a fetch. */
#include "raft/io/snapshot_stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "raft/io/snapshot_fetch.h"

#define COMPLETE_TEMPORARY ".complete.tmp" /* no file of a snapshot starts with a dot */
#define COMPLETE_TEXT_LEN 160

struct snapshot_stage {
    const struct snapshot_manifest *manifest;
    int directory;
    uint8_t *buffer;     /* one chunk */
    uint64_t *found_len; /* of each file, before it was grown: beyond it nothing was ever written */
};

/* ---- COMPLETE ---- */

static void write_hex(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

/* The part of COMPLETE that names the snapshot. */
static int complete_head(const uint8_t *snapshot_id, char *out)
{
    char hex[2 * CODEC_SNAPSHOT_ID_LEN + 1];
    write_hex(snapshot_id, CODEC_SNAPSHOT_ID_LEN, hex);
    return snprintf(out, COMPLETE_TEXT_LEN, "quartet-snapshot 1\nid %s\n", hex);
}

int snapshot_fetch_is_complete(const char *directory, const uint8_t *snapshot_id)
{
    char path[4096];
    char found[COMPLETE_TEXT_LEN];
    char expected[COMPLETE_TEXT_LEN];
    int path_len = snprintf(path, sizeof(path), "%s/%s", directory, SNAPSHOT_COMPLETE_NAME);
    if (path_len < 0 || (size_t)path_len >= sizeof(path))
        return RAFT_EIO;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? RAFT_ENOENT : RAFT_EIO;
    int len = complete_head(snapshot_id, expected);
    ssize_t count = read(fd, found, sizeof(found));
    close(fd);
    if (count < 0)
        return RAFT_EIO;
    return count >= len && memcmp(found, expected, (size_t)len) == 0 ? 0 : RAFT_ENOENT;
}

static int write_text(int fd, const char *text)
{
    size_t len = strlen(text);
    int code = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0 ? 0 : RAFT_EIO;
    return close(fd) == 0 ? code : RAFT_EIO;
}

static int write_complete(struct snapshot_stage *stage)
{
    char text[COMPLETE_TEXT_LEN];
    char hex[2 * SNAPSHOT_HASH_LEN + 1];
    uint8_t hash[SNAPSHOT_HASH_LEN];
    int len = complete_head(stage->manifest->snapshot_id, text);
    snapshot_manifest_hash(stage->manifest, hash);
    write_hex(hash, sizeof(hash), hex);
    (void)snprintf(text + len, sizeof(text) - (size_t)len, "manifest %s\n", hex);
    int fd = openat(stage->directory, COMPLETE_TEMPORARY,
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write_text(fd, text) != 0 ||
        renameat(stage->directory, COMPLETE_TEMPORARY, stage->directory, SNAPSHOT_COMPLETE_NAME) !=
            0)
        return RAFT_EIO;
    return fsync(stage->directory) == 0 ? 0 : RAFT_EIO;
}

/* ---- opening ---- */

static bool is_in_manifest(const struct snapshot_manifest *manifest, const char *name)
{
    uint32_t first = 0;
    uint32_t end = manifest->file_count;
    while (first < end) { /* ascending by name */
        uint32_t middle = first + (end - first) / 2;
        int order = strcmp(name, manifest->files[middle].name);
        if (order == 0)
            return true;
        if (order < 0)
            end = middle;
        else
            first = middle + 1;
    }
    return false;
}

static int remove_strangers(struct snapshot_stage *stage)
{
    int fd = dup(stage->directory);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return RAFT_EIO;
    }
    int code = 0;
    const struct dirent *entry;
    rewinddir(stream); /* the offset is shared with stage->directory */
    while (code == 0 && (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            is_in_manifest(stage->manifest, entry->d_name))
            continue;
        if (unlinkat(stage->directory, entry->d_name, 0) != 0)
            code = RAFT_EIO;
    }
    closedir(stream);
    return code;
}

static int open_file(const struct snapshot_stage *stage, uint32_t file_index, int flags)
{
    return openat(stage->directory, stage->manifest->files[file_index].name,
                  flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Octets of the disk that the file takes already are added to *@taken_len. */
static int size_file(struct snapshot_stage *stage, uint32_t file_index, uint64_t *taken_len)
{
    struct stat stat;
    int fd = open_file(stage, file_index, O_WRONLY | O_CREAT);
    if (fd < 0)
        return RAFT_EIO;
    int code = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) ? 0 : RAFT_EIO;
    if (code == 0) {
        stage->found_len[file_index] = (uint64_t)stat.st_size;
        if (ftruncate(fd, (off_t)stage->manifest->files[file_index].len) != 0 ||
            fstat(fd, &stat) != 0)
            code = RAFT_EIO;
        else
            *taken_len += (uint64_t)stat.st_blocks * 512;
    }
    close(fd);
    return code;
}

static int check_room(const struct snapshot_stage *stage, uint64_t taken_len)
{
    struct statvfs disk;
    if (fstatvfs(stage->directory, &disk) != 0)
        return RAFT_EIO;
    uint64_t free_len = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t total_len = stage->manifest->total_len;
    uint64_t missing_len = total_len > taken_len ? total_len - taken_len : 0;
    return free_len >= SNAPSHOT_FETCH_RESERVE_LEN &&
                   free_len - SNAPSHOT_FETCH_RESERVE_LEN >= missing_len
               ? 0
               : RAFT_ELIMIT;
}

static int stage_prepare(struct snapshot_stage *stage)
{
    uint64_t taken_len = 0;
    int code = remove_strangers(stage);
    for (uint32_t i = 0; i < stage->manifest->file_count && code == 0; i++)
        code = size_file(stage, i, &taken_len);
    return code == 0 ? check_room(stage, taken_len) : code;
}

int snapshot_stage_open(const char *directory, const struct snapshot_manifest *manifest,
                        struct snapshot_stage **out)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return RAFT_EIO;
    struct snapshot_stage *stage = calloc(1, sizeof(*stage));
    if (stage == NULL)
        return RAFT_ENOMEM;
    stage->manifest = manifest;
    stage->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    stage->buffer = malloc(CODEC_CHUNK_LEN);
    stage->found_len = calloc((size_t)manifest->file_count + 1, sizeof(*stage->found_len));
    int code = RAFT_EIO;
    if (stage->buffer == NULL || stage->found_len == NULL)
        code = RAFT_ENOMEM;
    else if (stage->directory >= 0)
        code = stage_prepare(stage);
    if (code != 0) {
        snapshot_stage_close(stage);
        return code;
    }
    *out = stage;
    return 0;
}

void snapshot_stage_close(struct snapshot_stage *stage)
{
    if (stage == NULL)
        return;
    if (stage->directory >= 0)
        close(stage->directory);
    free(stage->found_len);
    free(stage->buffer);
    free(stage);
}

/* ---- chunks ---- */

bool snapshot_stage_has(struct snapshot_stage *stage, const struct codec_chunk *chunk)
{
    const struct snapshot_file *file = &stage->manifest->files[chunk->file_index];
    uint64_t offset = (uint64_t)chunk->chunk_index * CODEC_CHUNK_LEN;
    uint32_t len = snapshot_chunk_len(file, chunk->chunk_index);
    if (stage->found_len[chunk->file_index] < offset + len)
        return false;
    int fd = open_file(stage, chunk->file_index, O_RDONLY);
    if (fd < 0)
        return false;
    int code = snapshot__read_at(fd, stage->buffer, len, offset);
    close(fd);
    return code == 0 && snapshot_chunk_is_valid(file, chunk->chunk_index, stage->buffer, len);
}

static int write_at(int fd, const uint8_t *data, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t count = pwrite(fd, data, len, (off_t)offset);
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

int snapshot_stage_write(struct snapshot_stage *stage, const struct codec_chunk *chunk,
                         const uint8_t *data, size_t len)
{
    int fd = open_file(stage, chunk->file_index, O_WRONLY);
    if (fd < 0)
        return RAFT_EIO;
    int code = write_at(fd, data, len, (uint64_t)chunk->chunk_index * CODEC_CHUNK_LEN);
    return close(fd) == 0 ? code : RAFT_EIO;
}

int snapshot_stage_finish(struct snapshot_stage *stage)
{
    for (uint32_t i = 0; i < stage->manifest->file_count; i++) {
        int fd = open_file(stage, i, O_WRONLY);
        if (fd < 0)
            return RAFT_EIO;
        int code = fsync(fd) == 0 ? 0 : RAFT_EIO;
        close(fd);
        if (code != 0)
            return code;
    }
    if (fsync(stage->directory) != 0)
        return RAFT_EIO;
    return write_complete(stage);
}
