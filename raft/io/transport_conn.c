/* raft/io/transport_conn.c: one stream of NNG, read to its end. */
#include "raft/io/transport_conn.h"

#include <nng/nng.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "raft/io/transport_gate.h"
#include "raft/io/transport_internal.h"
#include "raft/io/transport_split.h"

#define BUFFER_LEN 32768 /* small frames are received many at once; larger ones in place */

struct transport_conn {
    struct nng_stream *stream;
    nng_aio *aio;
    struct transport_gate gate; /* held while it receives, not while it is stopped */
    const struct transport_conn_events *events;
    void *user;
    enum { SAYING, HEARING, RECEIVING } step;
    uint8_t greeting[TRANSPORT__GREETING_LEN]; /* theirs, as far as it has come */
    size_t greeted;                            /* octets of the one that is under way */
    _Atomic uint64_t due_mono_ns;              /* something must have come by then */
    struct transport_split split;
    struct nng_msg *refused; /* whole, and there was no room for it */
    bool is_in_place;        /* what is received goes to the frame itself */
    size_t start, end;       /* of what is left in the buffer */
    uint8_t buffer[BUFFER_LEN];
};

static void set_due(struct transport_conn *conn, uint64_t ms)
{
    conn->due_mono_ns = uv_hrtime() + ms * 1000000;
}

bool transport_conn_is_overdue(const struct transport_conn *conn, uint64_t now_mono_ns)
{
    return now_mono_ns > conn->due_mono_ns;
}

static void receive_to(struct transport_conn *conn, uint8_t *octets, size_t len)
{
    nng_iov iov = {.iov_buf = octets, .iov_len = len};
    (void)nng_aio_set_iov(conn->aio, 1, &iov); /* fails for many only */
    nng_stream_recv(conn->stream, conn->aio);
}

static void greet(struct transport_conn *conn)
{
    static const uint8_t ours[TRANSPORT__GREETING_LEN] = TRANSPORT__GREETING_PULL;
    nng_iov iov = {.iov_buf = (uint8_t *)ours + conn->greeted,
                   .iov_len = sizeof(ours) - conn->greeted};
    if (conn->step == HEARING) {
        receive_to(conn, conn->greeting + conn->greeted, sizeof(ours) - conn->greeted);
        return;
    }
    (void)nng_aio_set_iov(conn->aio, 1, &iov);
    nng_stream_send(conn->stream, conn->aio);
}

static void end(struct transport_conn *conn)
{
    nng_stream_close(conn->stream);
    conn->events->ended(conn->user, conn, conn->step == RECEIVING);
    transport_gate_leave(&conn->gate);
}

/* ---- frames ---- */

enum outcome { MORE, FULL, BAD };

/* FULL: @conn may be running elsewhere already. */
static enum outcome offer(struct transport_conn *conn, struct nng_msg *message)
{
    conn->refused = message;
    if (!conn->events->put(conn->user, conn, message))
        return FULL;
    conn->refused = NULL;
    return MORE;
}

static enum outcome split_buffer(struct transport_conn *conn)
{
    enum outcome outcome = MORE;
    while (outcome == MORE && conn->start < conn->end) {
        struct nng_msg *message;
        int64_t taken = transport_split_take(&conn->split, conn->buffer + conn->start,
                                             conn->end - conn->start, &message);
        if (taken < 0)
            return BAD;
        conn->start += (size_t)taken;
        if (message != NULL)
            outcome = offer(conn, message);
    }
    return outcome;
}

static void receive(struct transport_conn *conn)
{
    size_t len = 0;
    uint8_t *room = transport_split_room(&conn->split, &len);
    conn->is_in_place = room != NULL && len >= BUFFER_LEN;
    if (!conn->is_in_place)
        receive_to(conn, conn->buffer, BUFFER_LEN);
    else
        receive_to(conn, room, len);
}

static enum outcome take_octets(struct transport_conn *conn, size_t len)
{
    struct nng_msg *message = NULL;
    if (!conn->is_in_place) {
        conn->start = 0;
        conn->end = len;
        return split_buffer(conn);
    }
    transport_split_fill(&conn->split, len, &message);
    return message == NULL ? MORE : offer(conn, message);
}

static void go_on(struct transport_conn *conn, enum outcome outcome)
{
    if (outcome == BAD)
        end(conn);
    else if (outcome == MORE)
        receive(conn);
    else
        transport_gate_leave(&conn->gate);
}

static void on_octets(struct transport_conn *conn)
{
    set_due(conn, TRANSPORT__RECV_MS); /* not after take_octets(): it may run elsewhere then */
    enum outcome outcome = take_octets(conn, nng_aio_count(conn->aio));
    conn->events->received(conn->user);
    go_on(conn, outcome);
}

void transport_conn_hang_up(struct transport_conn *conn)
{
    nng_stream_close(conn->stream);
}

void transport_conn_resume(struct transport_conn *conn)
{
    (void)transport_gate_enter(&conn->gate); /* who resumes is the one who closes: it is open */
    set_due(conn, TRANSPORT__RECV_MS);
    enum outcome outcome = offer(conn, conn->refused);
    if (outcome == MORE)
        outcome = split_buffer(conn);
    go_on(conn, outcome);
}

/* ---- the greeting ---- */

static void on_greeting(struct transport_conn *conn)
{
    static const uint8_t theirs[TRANSPORT__GREETING_LEN] = TRANSPORT__GREETING_PUSH;
    conn->greeted += nng_aio_count(conn->aio);
    if (conn->greeted < TRANSPORT__GREETING_LEN) {
        greet(conn);
    } else if (conn->step == SAYING) {
        conn->step = HEARING;
        conn->greeted = 0;
        greet(conn);
    } else if (memcmp(conn->greeting, theirs, sizeof(theirs)) != 0) {
        end(conn);
    } else {
        conn->step = RECEIVING;
        conn->events->greeted(conn->user, conn);
        set_due(conn, TRANSPORT__RECV_MS);
        receive(conn);
    }
}

/* NNG thread. */
static void on_done(void *user)
{
    struct transport_conn *conn = user;
    if (transport_gate_is_closed(&conn->gate))
        transport_gate_leave(&conn->gate);
    else if (nng_aio_result(conn->aio) != 0)
        end(conn);
    else if (conn->step == RECEIVING)
        on_octets(conn);
    else
        on_greeting(conn);
}

/* ---- its life ---- */

int transport_conn_open_take(struct nng_stream *stream, const struct transport_conn_events *events,
                             void *user, struct transport_conn **out)
{
    struct transport_conn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL || transport_gate_init(&conn->gate) != 0) {
        transport__stream_free(stream);
        free(conn);
        return RAFT_ENOMEM;
    }
    if (nng_aio_alloc(&conn->aio, on_done, conn) != 0) {
        transport__stream_free(stream);
        transport_gate_destroy(&conn->gate);
        free(conn);
        return RAFT_ENOMEM;
    }
    conn->stream = stream;
    conn->events = events;
    conn->user = user;
    *out = conn;
    conn->due_mono_ns = UINT64_MAX;
    return 0;
}

void transport_conn_begin(struct transport_conn *conn)
{
    (void)transport_gate_enter(&conn->gate); /* it is open */
    set_due(conn, TRANSPORT__GREETING_MS);
    greet(conn);
}

static void conn_nudge(void *user, bool is_late)
{
    struct transport_conn *conn = user;
    (void)is_late;
    nng_stream_close(conn->stream); /* again: what was begun just after the last time never ends */
}

bool transport_conn_close(struct transport_conn *conn)
{
    transport_gate_close(&conn->gate);
    nng_stream_close(conn->stream);
    if (!transport_gate_wait(&conn->gate, conn_nudge, conn))
        return false;
    nng_aio_free(conn->aio);
    transport__stream_free(conn->stream);
    transport_split_clear(&conn->split);
    if (conn->refused != NULL)
        nng_msg_free(conn->refused);
    transport_gate_destroy(&conn->gate);
    free(conn);
    return true;
}
