#include "backup/write.h"

#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "backup/about.h"
#include "backup/pairs.h"
#include "base/err.h"
#include "store/state_credential.h"
#include "store/state_object.h"

#define PART_LEN (1u << 20) /* a part is closed by the pair that reaches it */
#define LEVEL 1             /* of zstd: a node that makes a backup has other things to do */

struct writer {
    struct frame_writer out;
    struct backup_progress *progress; /* may be NULL */
    struct pairs_hash *hash;
    ZSTD_CCtx *zstd;
    enum kv_family family;
    uint8_t *plain, *packed;
    size_t plain_len, plain_capacity, packed_capacity;
    struct backup_end end;
};

/* ---- what it says about itself ---- */

static int on_zone(void *user, const struct state_zone *zone)
{
    struct backup_counts *counts = user;

    counts->zones++;
    counts->record_sets += zone->record_set_count;
    return 0;
}

static int on_counted(void *user, struct kv_slice key, struct kv_slice value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)user;
    return 0;
}

static int count(const struct kv *kv, enum kv_family family, const char *prefix, uint64_t *out)
{
    const struct kv_range range = {.family = family, .prefix = kv_slice(prefix, strlen(prefix))};

    return kv_scan(kv, &range, on_counted, out);
}

int backup_describe(const struct kv *kv, struct backup_about *about)
{
    static const char access_key[] = {STATE_OBJECT_ACCESS_KEY, 0};
    static const char signing_key[] = {STATE_OBJECT_SIGNING_KEY, 0};
    struct backup_counts counts = {0};
    struct state_cluster cluster;
    struct state_applied applied;
    int rc = state_get_cluster(kv, &cluster);

    if (rc == 0)
        rc = state_get_applied(kv, &applied);
    if (rc == 0)
        rc = state_list_zones(kv, "", on_zone, &counts);
    if (rc == 0)
        rc = count(kv, KV_HEALTH_CHECKS, "", &counts.health_checks);
    if (rc == 0)
        rc = count(kv, KV_OBJECTS, access_key, &counts.access_keys);
    if (rc == 0)
        rc = count(kv, KV_OBJECTS, signing_key, &counts.signing_keys);
    if (rc != 0)
        return rc;
    about->cluster = cluster;
    about->applied = applied;
    about->counts = counts;
    return 0;
}

/* ---- pairs ---- */

static int flush(struct writer *writer)
{
    if (writer->plain_len == 0)
        return 0;
    size_t len = ZSTD_compressCCtx(writer->zstd, writer->packed, writer->packed_capacity,
                                   writer->plain, writer->plain_len, LEVEL);
    if (ZSTD_isError(len))
        return ERR_NOMEM; /* the room is enough for the worst case: nothing else can be wrong */
    int rc = frame_put(&writer->out, FRAME_PAIRS, (uint8_t)writer->family, writer->plain_len,
                       writer->packed, len);
    writer->plain_len = 0;
    return rc;
}

static int make_room(struct writer *writer, size_t len)
{
    size_t wanted = writer->plain_len + len;

    if (wanted <= writer->plain_capacity)
        return 0;
    size_t bound = ZSTD_compressBound(wanted);
    uint8_t *plain = realloc(writer->plain, wanted);
    if (plain) {
        writer->plain = plain;
        writer->plain_capacity = wanted;
    }
    uint8_t *packed = realloc(writer->packed, bound);
    if (packed) {
        writer->packed = packed;
        writer->packed_capacity = bound;
    }
    return plain && packed ? 0 : ERR_NOMEM;
}

static int note_progress(struct backup_progress *progress, enum kv_family family)
{
    if (!progress)
        return 0;
    if (family == KV_RECORD_SETS)
        atomic_fetch_add_explicit(&progress->done, 1, memory_order_relaxed);
    return atomic_load_explicit(&progress->is_stopped, memory_order_relaxed) ? ERR_CLOSED : 0;
}

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    struct writer *writer = user;
    size_t len = pairs_len(key, value);
    int rc = len > 0 ? note_progress(writer->progress, writer->family) : ERR_LIMIT;

    if (rc == 0)
        rc = make_room(writer, len);
    if (rc != 0)
        return rc;
    pairs_encode(key, value, writer->plain + writer->plain_len);
    pairs_hash_add(writer->hash, writer->family, key, value);
    writer->plain_len += len;
    writer->end.pairs[writer->family]++;
    return writer->plain_len >= PART_LEN ? flush(writer) : 0;
}

static int put_about(struct writer *writer, const struct backup_about *about)
{
    uint8_t *octets = NULL;
    size_t len = 0;
    int rc = about_encode(about, &octets, &len);

    if (rc == 0)
        rc = frame_put(&writer->out, FRAME_HEADER, 0, len, octets, len);
    free(octets);
    return rc;
}

static int put_end(struct writer *writer)
{
    uint8_t *octets = NULL;
    size_t len = 0;

    pairs_hash_end(writer->hash, writer->end.content_sha256);
    int rc = about_encode_end(&writer->end, &octets, &len);
    if (rc == 0)
        rc = frame_put(&writer->out, FRAME_END, 0, len, octets, len);
    free(octets);
    return rc;
}

static int put_all(struct writer *writer, const struct kv *kv, const struct backup_about *about)
{
    int rc = put_about(writer, about);

    for (unsigned family = 0; family < KV_FAMILIES && rc == 0; family++) {
        writer->family = (enum kv_family)family;
        rc = kv_scan(kv, &(struct kv_range){.family = writer->family}, on_pair, writer);
        if (rc == 0)
            rc = flush(writer);
    }
    return rc != 0 ? rc : put_end(writer);
}

int backup_write(const struct kv *kv, const struct backup_about *about,
                 struct backup_progress *progress, backup_sink_cb sink, void *user)
{
    struct writer writer = {
        .progress = progress, .hash = pairs_hash_new(), .zstd = ZSTD_createCCtx()};

    if (progress)
        atomic_store(&progress->total, about->counts.record_sets);
    int rc = writer.hash && writer.zstd ? make_room(&writer, 2 * PART_LEN) : ERR_NOMEM;
    if (rc == 0)
        rc = frame_begin(&writer.out, sink, user);
    if (rc == 0)
        rc = put_all(&writer, kv, about);
    pairs_hash_free(writer.hash);
    ZSTD_freeCCtx(writer.zstd);
    free(writer.plain);
    free(writer.packed);
    return rc;
}

/* ---- the hash alone ---- */

struct hashing {
    struct pairs_hash *hash;
    struct backup_progress *progress;
    enum kv_family family;
};

static int on_hashed(void *user, struct kv_slice key, struct kv_slice value)
{
    struct hashing *hashing = user;

    pairs_hash_add(hashing->hash, hashing->family, key, value);
    return note_progress(hashing->progress, hashing->family);
}

int backup_content_hash(const struct kv *kv, struct backup_progress *progress, uint8_t out[32])
{
    struct hashing hashing = {.hash = pairs_hash_new(), .progress = progress};
    int rc = hashing.hash ? 0 : ERR_NOMEM;

    for (unsigned family = 0; family < KV_FAMILIES && rc == 0; family++) {
        hashing.family = (enum kv_family)family;
        rc = kv_scan(kv, &(struct kv_range){.family = hashing.family}, on_hashed, &hashing);
    }
    if (rc == 0)
        pairs_hash_end(hashing.hash, out);
    pairs_hash_free(hashing.hash);
    return rc;
}
