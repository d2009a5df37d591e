/* raft/core/buf.c: shared immutable octets. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "raft/core/assert.h"
#include "raft/core/entry.h"

struct raft_buf *raft_buf_new(const void *data, size_t len)
{
    if (len > UINT32_MAX)
        return NULL;
    struct raft_buf *buf = malloc(sizeof(*buf) + len);
    if (buf == NULL)
        return NULL;
    atomic_init(&buf->refs, 1);
    buf->len = (uint32_t)len;
    if (data != NULL && len > 0)
        memcpy(buf->data, data, len);
    else
        memset(buf->data, 0, len);
    return buf;
}

struct raft_buf *raft_buf_ref(struct raft_buf *buf)
{
    if (buf != NULL)
        atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
    return buf;
}

void raft_buf_unref(struct raft_buf *buf)
{
    if (buf == NULL)
        return;
    uint32_t before = atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel);
    RAFT_ASSERT(before > 0);
    if (before == 1)
        free(buf);
}
