/* node/backup/frame.h: the form of a backup file. Within the room.
 *
 *     prelude   "quartet-backup\n" and an octet, the version
 *     parts     each a head of 16 octets, a hash of 32, and what it holds:
 *               kind, family, 0, 0, then big-endian the length of what it holds when unpacked, the
 *               length as it stands there, and a check of these twelve
 *
 * Part kinds: one 'H' (bak.Header), then 'P' (pairs of one family: key length in 2 octets, value
 * length in 4, key, value; compressed by zstd), one 'E' (bak.End), and nothing behind it. The hash
 * is SHA-256 over the hash before, the head, and what the part holds; the first stands on the
 * prelude. So each bit of the file is under a hash, no part can be left out or come twice, and the
 * last hash stands for the whole file. */
#pragma once

#include "backup/backup.h"

#define FRAME_PRELUDE_LEN 16u
#define FRAME_HEAD_LEN 16u
#define FRAME_HASH_LEN 32u
#define FRAME_LEN_MAX (80u << 20) /* of a part, as it stands there and unpacked */
#define FRAME_PAIR_HEAD_LEN 6u

enum frame_kind { FRAME_HEADER = 'H', FRAME_PAIRS = 'P', FRAME_END = 'E' };

struct frame_writer {
    backup_sink_cb sink;
    void *user;
    uint8_t hash[FRAME_HASH_LEN]; /* of what was written so far */
};
/* Write the prelude. ERR_IO. */
int frame_begin(struct frame_writer *writer, backup_sink_cb sink, void *user);
/* @plain_len: the length when unpacked. ERR_IO. */
int frame_put(struct frame_writer *writer, enum frame_kind kind, uint8_t family, size_t plain_len,
              const uint8_t *stored, size_t stored_len);

struct frame {
    enum frame_kind kind;
    uint8_t family;
    uint32_t plain_len, stored_len;
    uint64_t offset;       /* of its head in the file */
    const uint8_t *stored; /* borrowed until the next one */
};
struct frame_reader {
    struct backup_source source;
    uint64_t offset;
    uint8_t hash[FRAME_HASH_LEN];
    uint8_t *buffer;
    size_t capacity;
};
/* Read the prelude. On 0 release by frame_reader_fini(); else @problem says what is wrong and
 * where. ERR_INVALID (no backup at all), ERR_VERSION, ERR_CORRUPT (cut off), ERR_IO. */
int frame_open(struct frame_reader *reader, const struct backup_source *source,
               char problem[BACKUP_PROBLEM_LEN]);
void frame_reader_fini(struct frame_reader *reader); /* a zeroed one is legal */
/* The next part, whose hash is right. ERR_CORRUPT (cut off, or damaged), ERR_IO, ERR_NOMEM;
 * @problem says which, and where. */
int frame_next(struct frame_reader *reader, struct frame *out, char problem[BACKUP_PROBLEM_LEN]);
