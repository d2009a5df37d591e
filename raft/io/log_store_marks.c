/* raft/io/log_store_marks.c: bookkeeping of log sizes. */
#include "raft/io/log_store_marks.h"

#include <stdlib.h>
#include <string.h>

void log_marks_fini(struct log_marks *marks)
{
    free(marks->items);
    *marks = (struct log_marks){0};
}

void log_marks_reset(struct log_marks *marks, uint64_t index)
{
    marks->count = 0;
    marks->base = (struct log_mark){.index = index, .total = marks->last.total};
    marks->last = marks->base;
}

static struct log_mark newest(const struct log_marks *marks)
{
    return marks->count > 0 ? marks->items[marks->count - 1] : marks->base;
}

void log_marks_add(struct log_marks *marks, uint64_t index, uint64_t len)
{
    marks->last.index = index;
    marks->last.total += len;
    struct log_mark before = newest(marks);
    if (index - before.index < LOG_MARK_ENTRIES && marks->last.total - before.total < LOG_MARK_LEN)
        return;
    if (marks->count == marks->capacity) {
        uint32_t capacity = marks->capacity > 0 ? marks->capacity * 2 : 64;
        struct log_mark *items = realloc(marks->items, capacity * sizeof(*items));
        if (items == NULL)
            return;
        marks->items = items;
        marks->capacity = capacity;
    }
    marks->items[marks->count++] = marks->last;
}

/* The total at @index, which lies between two known points. */
static uint64_t between(struct log_mark low, struct log_mark high, uint64_t index)
{
    if (index <= low.index || high.index <= low.index)
        return low.total;
    return low.total + (high.total - low.total) * (index - low.index) / (high.index - low.index);
}

void log_marks_cut(struct log_marks *marks, uint64_t index)
{
    struct log_mark high = marks->last;
    if (index >= high.index)
        return;
    while (marks->count > 0 && marks->items[marks->count - 1].index > index)
        high = marks->items[--marks->count];
    marks->last = (struct log_mark){.index = index, .total = between(newest(marks), high, index)};
}

void log_marks_trim(struct log_marks *marks, uint64_t index)
{
    uint32_t gone = 0;
    struct log_mark low = marks->base;
    while (gone < marks->count && marks->items[gone].index <= index)
        low = marks->items[gone++];
    struct log_mark high = gone < marks->count ? marks->items[gone] : marks->last;
    marks->base = (struct log_mark){.index = index, .total = between(low, high, index)};
    marks->count -= gone;
    if (gone > 0)
        memmove(marks->items, marks->items + gone, marks->count * sizeof(*marks->items));
}

uint64_t log_marks_len(const struct log_marks *marks)
{
    return marks->last.total - marks->base.total;
}

struct log_mark log_marks_before(const struct log_marks *marks, uint64_t len)
{
    for (uint32_t i = marks->count; i > 0; i--)
        if (marks->last.total - marks->items[i - 1].total >= len)
            return marks->items[i - 1];
    return marks->base;
}
