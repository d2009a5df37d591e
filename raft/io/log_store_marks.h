/* raft/io/log_store_marks.h: how many octets the log holds behind an index, from marks every few
 * hundred entries, so that trimming by size needs no scan. Exact at a mark, an estimate between. */
#pragma once

#include <stdint.h>

#define LOG_MARK_ENTRIES 256      /* a mark at least every so many entries … */
#define LOG_MARK_LEN (256u << 10) /* … and every so many octets */

struct log_mark {
    uint64_t index;
    uint64_t total; /* octets of all entries ever added, up to and including index */
};
/* Zeroed is empty. The marks are the ones after the log's base; ascending. */
struct log_marks {
    struct log_mark base; /* what the log stands on */
    struct log_mark last; /* the newest entry */
    struct log_mark *items;
    uint32_t count, capacity;
};

void log_marks_fini(struct log_marks *marks);
/* Forget all; the log is empty and stands on @index. */
void log_marks_reset(struct log_marks *marks, uint64_t index);
/* @index is last.index + 1, of @len octets. Without memory the mark is left out: a coarser
 * estimate. */
void log_marks_add(struct log_marks *marks, uint64_t index, uint64_t len);
/* Entries behind @index are gone (a conflicting tail). */
void log_marks_cut(struct log_marks *marks, uint64_t index);
/* Entries up to and including @index are gone (trimmed). */
void log_marks_trim(struct log_marks *marks, uint64_t index);
/* Octets of the entries that are there. */
uint64_t log_marks_len(const struct log_marks *marks);
/* The newest mark with at least @len octets behind it; the base if there is none. */
struct log_mark log_marks_before(const struct log_marks *marks, uint64_t len);
