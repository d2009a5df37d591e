/* node/net/tcp_pending.c */
#include "net/tcp_pending.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct tcp_write {
    uv_write_t request;
    struct tcp_pending *pending;
    struct tcp_write *next;
    size_t held_len;
    uint8_t *octets; /* NULL: dropped */
};

static void write_free(struct tcp_write *write)
{
    free(write->octets);
    free(write);
}

static struct tcp_write *write_new(const uint8_t *octets, size_t len)
{
    struct tcp_write *write = calloc(1, sizeof *write);
    uint8_t *copy = malloc(len);
    if (write == NULL || copy == NULL) {
        free(write);
        free(copy);
        return NULL;
    }
    memcpy(copy, octets, len);
    write->held_len = sizeof *write + len;
    write->octets = copy;
    return write;
}

/* libuv completes writes in their order, also those that it gives up. */
static void on_written(uv_write_t *request, int status)
{
    struct tcp_write *write = request->data;
    struct tcp_pending *pending = write->pending;
    ASSERT(pending->first == write);
    pending->first = write->next;
    pending->held_len -= write->held_len;
    write_free(write);
    pending->done(pending->user, status);
}

int tcp_pending_add(struct tcp_pending *pending, struct uv_stream_s *socket, const uint8_t *octets,
                    size_t len)
{
    struct tcp_write *write = write_new(octets, len);
    if (write == NULL)
        return ERR_NOMEM;
    uv_buf_t buffer = uv_buf_init((char *)write->octets, (unsigned)len);
    write->request.data = write;
    write->pending = pending;
    if (uv_write(&write->request, socket, &buffer, 1, on_written) != 0) {
        write_free(write);
        return ERR_IO;
    }
    if (pending->first == NULL)
        pending->first = write;
    else
        pending->last->next = write;
    pending->last = write;
    pending->held_len += write->held_len;
    pending->octets_sum += len;
    return 0;
}

void tcp_pending_drop(struct tcp_pending *pending)
{
    for (struct tcp_write *write = pending->first; write != NULL; write = write->next) {
        free(write->octets);
        write->octets = NULL;
    }
}
