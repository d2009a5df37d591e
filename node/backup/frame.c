#include "backup/frame.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "base/assert.h"
#include "base/err.h"

#define MAGIC "quartet-backup\n"
#define CHECKED_LEN 12u /* octets of a head that its check is over */

_Static_assert(sizeof(MAGIC) == FRAME_PRELUDE_LEN, "the version is in place of the NUL");
_Static_assert(FRAME_HASH_LEN == SHA256_DIGEST_SIZE, "the hash is SHA-256");

static void put_u32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* The hash over @chain and two pieces of the file; @out may be @chain. */
static void hash_over(const uint8_t *chain, const uint8_t *head, size_t head_len,
                      const uint8_t *data, size_t len, uint8_t out[FRAME_HASH_LEN])
{
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    sha256_update(&ctx, chain ? FRAME_HASH_LEN : 0, chain);
    sha256_update(&ctx, head_len, head);
    sha256_update(&ctx, len, data);
    sha256_digest(&ctx, FRAME_HASH_LEN, out);
}

/* Apart from the part's hash, so that a damaged length is told as such, and not as a missing end.
 */
static void check_of(const uint8_t *chain, const uint8_t *head, uint8_t out[4])
{
    uint8_t hash[FRAME_HASH_LEN];

    hash_over(chain, head, CHECKED_LEN, NULL, 0, hash);
    memcpy(out, hash, 4);
}

int frame_begin(struct frame_writer *writer, backup_sink_cb sink, void *user)
{
    uint8_t prelude[FRAME_PRELUDE_LEN] = MAGIC;

    prelude[FRAME_PRELUDE_LEN - 1] = BACKUP_VERSION;
    *writer = (struct frame_writer){.sink = sink, .user = user};
    hash_over(NULL, prelude, sizeof(prelude), NULL, 0, writer->hash);
    return sink(user, prelude, sizeof(prelude));
}

int frame_put(struct frame_writer *writer, enum frame_kind kind, uint8_t family, size_t plain_len,
              const uint8_t *stored, size_t stored_len)
{
    uint8_t head[FRAME_HEAD_LEN] = {(uint8_t)kind, family};

    ASSERT(plain_len <= FRAME_LEN_MAX && stored_len <= FRAME_LEN_MAX);
    put_u32(head + 4, (uint32_t)plain_len);
    put_u32(head + 8, (uint32_t)stored_len);
    check_of(writer->hash, head, head + CHECKED_LEN);
    hash_over(writer->hash, head, sizeof(head), stored, stored_len, writer->hash);
    int rc = writer->sink(writer->user, head, sizeof(head));
    if (rc == 0)
        rc = writer->sink(writer->user, writer->hash, sizeof(writer->hash));
    return rc != 0 ? rc : writer->sink(writer->user, stored, stored_len);
}

static int read_at(const struct frame_reader *reader, uint64_t offset, void *out, size_t len,
                   char *problem)
{
    int rc = reader->source.read(reader->source.user, offset, out, len);

    return rc == 0 ? 0
                   : backup_problem(problem, rc, "octet %" PRIu64 " on cannot be read: %s", offset,
                                    err_text(rc));
}

int frame_open(struct frame_reader *reader, const struct backup_source *source,
               char problem[BACKUP_PROBLEM_LEN])
{
    uint8_t prelude[FRAME_PRELUDE_LEN] = {0};
    struct frame_reader made = {.source = *source, .offset = FRAME_PRELUDE_LEN};
    size_t len = source->len < sizeof(prelude) ? (size_t)source->len : sizeof(prelude);
    int rc = len > 0 ? read_at(&made, 0, prelude, len, problem) : 0;

    if (rc != 0)
        return rc;
    size_t common = len < FRAME_PRELUDE_LEN - 1 ? len : FRAME_PRELUDE_LEN - 1;
    if (len == 0 || memcmp(prelude, MAGIC, common) != 0)
        return backup_problem(problem, ERR_INVALID, "this is no backup of Quartet%s",
                              len == 0 ? ": the file is empty" : "");
    if (len < sizeof(prelude))
        return backup_problem(problem, ERR_CORRUPT, "it was cut off after %zu octets", len);
    if (prelude[FRAME_PRELUDE_LEN - 1] > BACKUP_VERSION)
        return backup_problem(problem, ERR_VERSION,
                              "it has version %u of the form, this program (%s) knows up to %u: a "
                              "newer Quartet made it, use that or a later one",
                              prelude[FRAME_PRELUDE_LEN - 1], QUARTET_VERSION, BACKUP_VERSION);
    if (prelude[FRAME_PRELUDE_LEN - 1] == 0)
        return backup_problem(problem, ERR_CORRUPT, "octet 15 is damaged: there is no version 0");
    hash_over(NULL, prelude, sizeof(prelude), NULL, 0, made.hash);
    *reader = made;
    return 0;
}

void frame_reader_fini(struct frame_reader *reader)
{
    free(reader->buffer);
    memset(reader, 0, sizeof(*reader));
}

static int cut_off(const struct frame_reader *reader, uint64_t missing, char *problem)
{
    return backup_problem(problem, ERR_CORRUPT,
                          "it was cut off: it ends after %" PRIu64 " octets, %" PRIu64
                          " before the end of the part that begins at octet %" PRIu64,
                          reader->source.len, missing, reader->offset);
}

static int take_head(struct frame_reader *reader, const uint8_t *head, struct frame *out,
                     char *problem)
{
    uint8_t check[4];

    check_of(reader->hash, head, check);
    if (memcmp(check, head + CHECKED_LEN, sizeof(check)) != 0)
        return backup_problem(problem, ERR_CORRUPT,
                              "it is damaged: the head of the part at octet %" PRIu64
                              " does not match its check",
                              reader->offset);
    *out = (struct frame){.kind = head[0],
                          .family = head[1],
                          .plain_len = get_u32(head + 4),
                          .stored_len = get_u32(head + 8),
                          .offset = reader->offset};
    if (head[2] != 0 || head[3] != 0 || out->plain_len > FRAME_LEN_MAX ||
        out->stored_len > FRAME_LEN_MAX)
        return backup_problem(problem, ERR_CORRUPT,
                              "the head of the part at octet %" PRIu64 " is none that is written",
                              reader->offset);
    return 0;
}

static int take_content(struct frame_reader *reader, const uint8_t *head, struct frame *frame,
                        char *problem)
{
    uint8_t hash[FRAME_HASH_LEN];

    if (frame->stored_len > reader->capacity) {
        uint8_t *grown = realloc(reader->buffer, frame->stored_len);
        if (!grown)
            return backup_problem(problem, ERR_NOMEM, "out of memory");
        reader->buffer = grown;
        reader->capacity = frame->stored_len;
    }
    uint64_t at = frame->offset + FRAME_HEAD_LEN + FRAME_HASH_LEN;
    int rc =
        frame->stored_len > 0 ? read_at(reader, at, reader->buffer, frame->stored_len, problem) : 0;
    if (rc != 0)
        return rc;
    hash_over(reader->hash, head, FRAME_HEAD_LEN, reader->buffer, frame->stored_len, hash);
    if (memcmp(hash, head + FRAME_HEAD_LEN, sizeof(hash)) != 0)
        return backup_problem(problem, ERR_CORRUPT,
                              "it is damaged: the part from octet %" PRIu64 " to %" PRIu64
                              " does not match its hash",
                              frame->offset, at + frame->stored_len - 1);
    memcpy(reader->hash, hash, sizeof(hash));
    frame->stored = reader->buffer;
    return 0;
}

int frame_next(struct frame_reader *reader, struct frame *out, char problem[BACKUP_PROBLEM_LEN])
{
    uint8_t head[FRAME_HEAD_LEN + FRAME_HASH_LEN];
    struct frame frame;
    uint64_t left = reader->source.len - reader->offset;

    if (left == 0)
        return backup_problem(problem, ERR_CORRUPT,
                              "it was cut off: it ends after %" PRIu64
                              " octets, before the part that says that it is whole",
                              reader->source.len);
    if (left < sizeof(head))
        return cut_off(reader, sizeof(head) - left, problem);
    int rc = read_at(reader, reader->offset, head, sizeof(head), problem);
    if (rc == 0)
        rc = take_head(reader, head, &frame, problem);
    if (rc == 0 && left - sizeof(head) < frame.stored_len)
        rc = cut_off(reader, frame.stored_len - (left - sizeof(head)), problem);
    if (rc == 0)
        rc = take_content(reader, head, &frame, problem);
    if (rc != 0)
        return rc;
    reader->offset += sizeof(head) + frame.stored_len;
    *out = frame;
    return 0;
}
