/* raft/io/transport_conn.h: inside the NNG transport: one connection that came in on our port. It
 * greets, then hands over frame after frame. One operation is under way at a time, so nothing of it
 * is locked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct nng_msg;
struct nng_stream;
struct transport_conn; /* opaque */

/* On NNG's threads, or within transport_conn_resume(). */
struct transport_conn_events {
    /* TLS is done and both have greeted. */
    void (*greeted)(void *user, struct transport_conn *conn);
    /* A frame, the owner's from now on. False: there is no room for it; then @conn has stopped and
     * may be resumed at any time from then on, even before this returns. */
    bool (*put)(void *user, struct transport_conn *conn, struct nng_msg *message);
    /* Frames were put: once for each that is received. */
    void (*received)(void *user);
    /* It is over: to be closed, from anywhere else. */
    void (*ended)(void *user, struct transport_conn *conn, bool was_greeted);
};

/* @stream is the connection's from now on, also on failure (RAFT_ENOMEM). */
int transport_conn_open_take(struct nng_stream *stream, const struct transport_conn_events *events,
                             void *user, struct transport_conn **out);
/* Once; from then on there are events. */
void transport_conn_begin(struct transport_conn *conn);
/* Has it made no progress for too long? Not for one that is stopped. Any thread. */
bool transport_conn_is_overdue(const struct transport_conn *conn, uint64_t now_mono_ns);
/* As if the other end had hung up. An operation that is begun just then misses it: call it again
 * until the connection has ended. Any thread, but not after transport_conn_close(). */
void transport_conn_hang_up(struct transport_conn *conn);
/* After put() refused a frame: offer it again, then go on. */
void transport_conn_resume(struct transport_conn *conn);
/* Waits for an event that is being told, then frees @conn. False: NNG did not let go within
 * seconds; then it and what its events touch have to stay for the life of the process. */
bool transport_conn_close(struct transport_conn *conn);
