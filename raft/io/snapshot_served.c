/* raft/io/snapshot_served.c: a small table with use counts, so that a directory is removed only
 * after the last read in it has ended. */
#include "raft/io/snapshot_served.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "raft/io/snapshot_server.h"

#define SLOTS (2 * SNAPSHOT_SERVED_MAX) /* withdrawn ones may linger in requests */
#define PATH_LEN_MAX 4096

struct snapshot_served {
    struct snapshot_manifest *manifest; /* NULL: the slot is free */
    char *directory;
    uint64_t used_mono_ms;
    uint32_t uses;
    bool is_withdrawn;
};
struct snapshot_table {
    uv_mutex_t mutex;
    struct snapshot_served slots[SLOTS];
};

struct snapshot_table *snapshot_table_new(void)
{
    struct snapshot_table *table = calloc(1, sizeof(*table));
    if (table != NULL && uv_mutex_init(&table->mutex) != 0) {
        free(table);
        table = NULL;
    }
    return table;
}

void snapshot_table_free(struct snapshot_table *table)
{
    if (table == NULL)
        return;
    for (int i = 0; i < SLOTS; i++) {
        snapshot_manifest_free(table->slots[i].manifest);
        free(table->slots[i].directory);
    }
    uv_mutex_destroy(&table->mutex);
    free(table);
}

int snapshot_table_put_take(struct snapshot_table *table, struct snapshot_manifest *manifest,
                            char *directory, uint64_t now_mono_ms)
{
    int code = RAFT_EBUSY;
    uv_mutex_lock(&table->mutex);
    for (int i = 0; i < SLOTS && code != 0; i++) {
        if (table->slots[i].manifest != NULL)
            continue;
        table->slots[i] = (struct snapshot_served){
            .manifest = manifest, .directory = directory, .used_mono_ms = now_mono_ms};
        code = 0;
    }
    uv_mutex_unlock(&table->mutex);
    return code;
}

/* Locked. NULL: not served. */
static struct snapshot_served *find(struct snapshot_table *table, const uint8_t *snapshot_id)
{
    for (int i = 0; i < SLOTS; i++) {
        struct snapshot_served *served = &table->slots[i];
        if (served->manifest != NULL && !served->is_withdrawn &&
            memcmp(served->manifest->snapshot_id, snapshot_id, CODEC_SNAPSHOT_ID_LEN) == 0)
            return served;
    }
    return NULL;
}

int snapshot_table_withdraw(struct snapshot_table *table, const uint8_t *snapshot_id)
{
    uv_mutex_lock(&table->mutex);
    struct snapshot_served *served = find(table, snapshot_id);
    if (served != NULL)
        served->is_withdrawn = true;
    uv_mutex_unlock(&table->mutex);
    return served == NULL ? RAFT_ENOENT : 0;
}

uint32_t snapshot_table_expire(struct snapshot_table *table, uint64_t before_mono_ms)
{
    uint32_t count = 0;
    uv_mutex_lock(&table->mutex);
    for (int i = 0; i < SLOTS; i++) {
        struct snapshot_served *served = &table->slots[i];
        if (served->manifest == NULL || served->is_withdrawn || served->uses > 0 ||
            served->used_mono_ms >= before_mono_ms)
            continue;
        served->is_withdrawn = true;
        count++;
    }
    uv_mutex_unlock(&table->mutex);
    return count;
}

char *snapshot_table_take_garbage(struct snapshot_table *table)
{
    char *directory = NULL;
    uv_mutex_lock(&table->mutex);
    for (int i = 0; i < SLOTS && directory == NULL; i++) {
        struct snapshot_served *served = &table->slots[i];
        if (!served->is_withdrawn || served->uses > 0)
            continue;
        directory = served->directory;
        snapshot_manifest_free(served->manifest);
        memset(served, 0, sizeof(*served));
    }
    uv_mutex_unlock(&table->mutex);
    return directory;
}

struct snapshot_served *snapshot_table_ref(struct snapshot_table *table, const uint8_t *snapshot_id,
                                           uint64_t now_mono_ms)
{
    uv_mutex_lock(&table->mutex);
    struct snapshot_served *served = find(table, snapshot_id);
    if (served != NULL) {
        served->uses++;
        served->used_mono_ms = now_mono_ms;
    }
    uv_mutex_unlock(&table->mutex);
    return served;
}

void snapshot_table_unref(struct snapshot_table *table, struct snapshot_served *served)
{
    uv_mutex_lock(&table->mutex);
    served->uses--;
    uv_mutex_unlock(&table->mutex);
}

const struct snapshot_manifest *snapshot_served_manifest(const struct snapshot_served *served)
{
    return served->manifest;
}

int snapshot_served_read(const struct snapshot_served *served, const struct codec_chunk *chunk,
                         uint8_t *out, size_t *len)
{
    char path[PATH_LEN_MAX];
    if (chunk->file_index >= served->manifest->file_count)
        return RAFT_EINVALID;
    const struct snapshot_file *file = &served->manifest->files[chunk->file_index];
    if (chunk->chunk_index >= file->chunk_count)
        return RAFT_EINVALID;
    int written = snprintf(path, sizeof(path), "%s/%s", served->directory, file->name);
    if (written < 0 || (size_t)written >= sizeof(path))
        return RAFT_EIO;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return RAFT_EIO;
    uint32_t chunk_len = snapshot_chunk_len(file, chunk->chunk_index);
    int code =
        snapshot__read_at(fd, out, chunk_len, (uint64_t)chunk->chunk_index * CODEC_CHUNK_LEN);
    close(fd);
    if (code == 0)
        *len = chunk_len;
    return code;
}
