#include "backup/read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "backup/about.h"
#include "backup/frame.h"
#include "backup/pairs.h"
#include "base/err.h"

#define PAIRS_AT_ONCE 16384u /* to the callback */

struct reader {
    struct frame_reader in;
    struct backup_progress *progress; /* may be NULL */
    backup_pairs_cb cb;               /* NULL: pairs are not looked at */
    void *user;
    ZSTD_DCtx *zstd;
    struct pairs_hash *hash;
    uint8_t *plain;
    size_t plain_capacity;
    struct kv_write *pairs;
    size_t pairs_capacity;
    enum kv_family family; /* of the last pair */
    uint8_t *last_key;
    size_t last_key_len;
    struct backup_end end; /* as counted here */
    char *problem;
};

static int refuse(struct reader *reader, const struct frame *frame, const char *why)
{
    return backup_problem(reader->problem, ERR_CORRUPT, "the part at octet %" PRIu64 " %s",
                          frame->offset, why);
}

static int no_memory(struct reader *reader)
{
    return backup_problem(reader->problem, ERR_NOMEM, "out of memory");
}

static int take_header(struct reader *reader, struct backup_about *out)
{
    struct frame frame;
    int rc = frame_next(&reader->in, &frame, reader->problem);

    if (rc != 0)
        return rc;
    if (frame.kind != FRAME_HEADER || frame.stored_len != frame.plain_len)
        return refuse(reader, &frame, "should say what the backup is of, and does not");
    rc = about_decode(frame.stored, frame.stored_len, out);
    return rc == 0 ? 0 : refuse(reader, &frame, "does not say what the backup is of as it should");
}

static int unpack(struct reader *reader, const struct frame *frame)
{
    if (frame->plain_len > reader->plain_capacity) {
        uint8_t *grown = realloc(reader->plain, frame->plain_len);
        if (!grown)
            return no_memory(reader);
        reader->plain = grown;
        reader->plain_capacity = frame->plain_len;
    }
    size_t len = ZSTD_decompressDCtx(reader->zstd, reader->plain, frame->plain_len, frame->stored,
                                     frame->stored_len);
    return len == frame->plain_len ? 0 : refuse(reader, frame, "cannot be unpacked");
}

static bool is_behind(const struct reader *reader, struct kv_slice key)
{
    size_t common = key.len < reader->last_key_len ? key.len : reader->last_key_len;
    int order = memcmp(key.data, reader->last_key, common);

    return order > 0 || (order == 0 && key.len > reader->last_key_len);
}

static void remember_key(struct reader *reader, struct kv_slice key)
{
    memcpy(reader->last_key, key.data, key.len);
    reader->last_key_len = key.len;
}

static int add_pair(struct reader *reader, size_t at, struct kv_slice key, struct kv_slice value)
{
    if (at == reader->pairs_capacity) {
        size_t capacity = at > 0 ? 2 * at : 1024;
        struct kv_write *grown = realloc(reader->pairs, capacity * sizeof(*grown));
        if (!grown)
            return no_memory(reader);
        reader->pairs = grown;
        reader->pairs_capacity = capacity;
    }
    reader->pairs[at] = (struct kv_write){reader->family, KV_PUT, key, value};
    return 0;
}

static int give(struct reader *reader, size_t count)
{
    reader->end.pairs[reader->family] += count;
    if (reader->progress && reader->family == KV_RECORD_SETS)
        atomic_fetch_add_explicit(&reader->progress->done, count, memory_order_relaxed);
    return reader->cb(reader->user, reader->pairs, count);
}

/* The pairs of one unpacked part, to the callback; a part of the smallest pairs has millions. */
static int give_pairs(struct reader *reader, const struct frame *frame)
{
    size_t at = 0, count = 0;
    int rc = 0;

    while (rc == 0 && at < frame->plain_len) {
        struct kv_slice key, value;
        rc = pairs_decode(reader->plain, frame->plain_len, &at, &key, &value);
        if (rc != 0 || !is_behind(reader, key))
            return refuse(reader, frame, "has pairs that are cut, come twice or out of order");
        remember_key(reader, key);
        pairs_hash_add(reader->hash, reader->family, key, value);
        rc = add_pair(reader, count++, key, value);
        if (rc == 0 && count == PAIRS_AT_ONCE) {
            rc = give(reader, count);
            count = 0;
        }
    }
    return rc == 0 && count > 0 ? give(reader, count) : rc;
}

static int take_pairs(struct reader *reader, const struct frame *frame)
{
    if (frame->family >= KV_FAMILIES)
        return backup_problem(reader->problem, ERR_VERSION,
                              "it holds things that this program (%s) does not know: a newer "
                              "Quartet made it, use that or a later one",
                              QUARTET_VERSION);
    if (frame->family < reader->family)
        return refuse(reader, frame, "is out of order");
    if (frame->family != reader->family)
        reader->last_key_len = 0;
    reader->family = (enum kv_family)frame->family;
    if (!reader->cb)
        return 0;
    int rc = unpack(reader, frame);
    return rc != 0 ? rc : give_pairs(reader, frame);
}

/* The end says what came before. */
static int take_end(struct reader *reader, const struct frame *frame, uint8_t *content_sha256)
{
    struct backup_end end;
    int rc = frame->stored_len == frame->plain_len
                 ? about_decode_end(frame->stored, frame->stored_len, &end)
                 : ERR_CORRUPT;

    if (rc == ERR_NOMEM)
        return no_memory(reader);
    if (rc != 0)
        return refuse(reader, frame, "is no end of a backup");
    if (reader->cb) {
        pairs_hash_end(reader->hash, reader->end.content_sha256);
        if (memcmp(&end, &reader->end, sizeof(end)) != 0)
            return refuse(reader, frame, "says that there are other pairs than there are");
    }
    if (reader->in.offset != reader->in.source.len)
        return backup_problem(reader->problem, ERR_CORRUPT,
                              "%" PRIu64 " octets follow behind its end, at octet %" PRIu64,
                              reader->in.source.len - reader->in.offset, reader->in.offset);
    memcpy(content_sha256, end.content_sha256, sizeof(end.content_sha256));
    return 0;
}

static int take_parts(struct reader *reader, uint8_t *content_sha256)
{
    for (;;) {
        struct frame frame;
        int rc = frame_next(&reader->in, &frame, reader->problem);
        if (rc != 0)
            return rc;
        if (frame.kind == FRAME_END)
            return take_end(reader, &frame, content_sha256);
        if (frame.kind != FRAME_PAIRS)
            return refuse(reader, &frame, "is of no kind that is known");
        rc = take_pairs(reader, &frame);
        if (rc != 0)
            return rc;
        if (reader->progress && atomic_load(&reader->progress->is_stopped))
            return backup_problem(reader->problem, ERR_CLOSED, "stopped");
    }
}

int backup_read_about(const struct backup_source *source, struct backup_about *out,
                      char problem[BACKUP_PROBLEM_LEN])
{
    struct reader reader = {.problem = problem};
    int rc = frame_open(&reader.in, source, problem);

    if (rc == 0)
        rc = take_header(&reader, out);
    frame_reader_fini(&reader.in);
    return rc;
}

int backup_read(const struct backup_source *source, struct backup_progress *progress,
                backup_pairs_cb cb, void *user, struct backup_found *out,
                char problem[BACKUP_PROBLEM_LEN])
{
    struct reader reader = {.progress = progress, .cb = cb, .user = user, .problem = problem};
    struct backup_found found;

    problem[0] = '\0';
    int rc = frame_open(&reader.in, source, problem);
    if (rc != 0)
        return rc;
    reader.zstd = ZSTD_createDCtx();
    reader.hash = pairs_hash_new();
    reader.last_key = malloc(PAIRS_KEY_MAX);
    rc = reader.zstd && reader.hash && reader.last_key ? take_header(&reader, &found.about)
                                                       : no_memory(&reader);
    if (rc == 0 && progress)
        atomic_store(&progress->total, found.about.counts.record_sets);
    if (rc == 0)
        rc = take_parts(&reader, found.content_sha256);
    if (rc == 0)
        *out = found;
    frame_reader_fini(&reader.in);
    ZSTD_freeDCtx(reader.zstd);
    pairs_hash_free(reader.hash);
    free(reader.last_key);
    free(reader.plain);
    free(reader.pairs);
    return rc;
}
