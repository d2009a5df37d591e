/* raft/io/transport_inbox.c: the port: connections that come in, and one queue for what they bring.
 * A full queue stops their receiving, so that TCP slows the senders down instead of frames being
 * lost. */
#include "raft/io/transport_inbox.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdlib.h>
#include <uv.h>

#include "raft/io/transport_conn.h"
#include "raft/io/transport_gate.h"
#include "raft/io/transport_nng.h"

#define CONNS_MAX 256       /* members, strangers with a certificate, and who has yet to show one */
#define CONNS_CROWDED 192   /* from here on each that comes drives out the oldest that shows none */
#define ACCEPT_PAUSE_MS 100 /* after a failure: no descriptors, no memory */

struct slot {
    struct transport_conn *conn;
    uint32_t number; /* ascending as they came */
    bool is_greeted;
    bool is_driven_out;
    bool is_paused; /* to be resumed by the loop */
    bool has_ended; /* to be closed by the loop */
};

struct transport_inbox {
    nng_stream_listener *listener;
    nng_aio *accept;
    struct transport_gate gate; /* of `accept` */
    _Atomic bool is_pausing;    /* `accept` sleeps */
    bool is_kept;               /* NNG has not let go of something: it can never be freed */
    uv_async_t *wake;
    uint16_t port;
    _Atomic uint32_t accepts;
    _Atomic uint32_t hangups;
    _Atomic uint32_t pauses;
    uv_mutex_t mutex; /* guards what follows */
    struct slot slots[CONNS_MAX];
    uint32_t slot_count;
    uint32_t number;
    nng_msg *frames[TRANSPORT_RECV_FRAMES_MAX]; /* ring */
    uint32_t first, count;
    size_t len;                 /* octets in the ring */
    bool has_paused, has_ended; /* some slot */
    uint32_t turn;              /* of the slot that is resumed first */
};

/* ---- what connections tell ---- */

static struct slot *slot_of(struct transport_inbox *inbox, const struct transport_conn *conn)
{
    for (uint32_t i = 0; i < inbox->slot_count; i++) {
        if (inbox->slots[i].conn == conn)
            return &inbox->slots[i];
    }
    return NULL; /* never */
}

static void on_greeted(void *user, struct transport_conn *conn)
{
    struct transport_inbox *inbox = user;
    inbox->accepts++;
    uv_mutex_lock(&inbox->mutex);
    slot_of(inbox, conn)->is_greeted = true;
    uv_mutex_unlock(&inbox->mutex);
}

static bool has_room(const struct transport_inbox *inbox)
{
    return inbox->count < TRANSPORT_RECV_FRAMES_MAX && inbox->len < TRANSPORT_RECV_LEN_MAX;
}

static bool on_put(void *user, struct transport_conn *conn, struct nng_msg *message)
{
    struct transport_inbox *inbox = user;
    uv_mutex_lock(&inbox->mutex);
    bool is_taken = has_room(inbox);
    if (is_taken) {
        inbox->frames[(inbox->first + inbox->count++) % TRANSPORT_RECV_FRAMES_MAX] = message;
        inbox->len += nng_msg_len(message);
    } else {
        slot_of(inbox, conn)->is_paused = inbox->has_paused = true;
        inbox->pauses++;
    }
    uv_mutex_unlock(&inbox->mutex);
    return is_taken;
}

static void on_received(void *user)
{
    struct transport_inbox *inbox = user;
    uv_async_send(inbox->wake);
}

static void on_ended(void *user, struct transport_conn *conn, bool was_greeted)
{
    struct transport_inbox *inbox = user;
    inbox->hangups += was_greeted;
    uv_mutex_lock(&inbox->mutex);
    slot_of(inbox, conn)->has_ended = inbox->has_ended = true;
    uv_mutex_unlock(&inbox->mutex);
    uv_async_send(inbox->wake);
}

static const struct transport_conn_events events = {on_greeted, on_put, on_received, on_ended};

/* ---- connections that come ---- */

/* So that who takes connections and shows no certificate keeps no member out. Locked. */
static void drive_out(struct transport_inbox *inbox)
{
    struct slot *oldest = NULL;
    for (uint32_t i = 0; i < inbox->slot_count; i++) {
        struct slot *slot = &inbox->slots[i];
        if (!slot->is_greeted && !slot->is_driven_out && !slot->has_ended &&
            (oldest == NULL || slot->number - oldest->number > UINT32_MAX / 2))
            oldest = slot;
    }
    if (oldest == NULL)
        return;
    oldest->is_driven_out = true;
    transport_conn_hang_up(oldest->conn);
}

static void admit_take(struct transport_inbox *inbox, struct nng_stream *stream)
{
    struct transport_conn *conn = NULL;
    uv_mutex_lock(&inbox->mutex);
    bool is_admitted = inbox->slot_count < CONNS_MAX;
    if (inbox->slot_count >= CONNS_CROWDED)
        drive_out(inbox); /* before the new one is among them: it has not begun */
    if (is_admitted && transport_conn_open_take(stream, &events, inbox, &conn) == 0)
        inbox->slots[inbox->slot_count++] = (struct slot){.conn = conn, .number = inbox->number++};
    uv_mutex_unlock(&inbox->mutex);
    if (conn != NULL)
        transport_conn_begin(conn);
    else if (!is_admitted)
        transport__stream_free(stream);
}

/* NNG thread. */
static void on_accept(void *user)
{
    struct transport_inbox *inbox = user;
    int error = nng_aio_result(inbox->accept);
    bool was_pausing = inbox->is_pausing;
    inbox->is_pausing = false;
    nng_stream *stream = was_pausing || error != 0 ? NULL : nng_aio_get_output(inbox->accept, 0);
    if (transport_gate_is_closed(&inbox->gate)) {
        transport__stream_free(stream);
        transport_gate_leave(&inbox->gate);
        return;
    }
    if (stream != NULL)
        admit_take(inbox, stream);
    if (error != 0) {
        inbox->is_pausing = true;
        nng_sleep_aio(ACCEPT_PAUSE_MS, inbox->accept);
        return;
    }
    nng_stream_listener_accept(inbox->listener, inbox->accept);
}

/* ---- opening and closing ---- */

static int inbox_listen(struct transport_inbox *inbox, const char *url, nng_tls_config *config)
{
    int port = 0;
    int error = nng_aio_alloc(&inbox->accept, on_accept, inbox);
    if (error == 0)
        error = nng_stream_listener_alloc(&inbox->listener, url);
    if (error == 0)
        error = nng_stream_listener_set_ptr(inbox->listener, NNG_OPT_TLS_CONFIG, config);
    if (error == 0)
        error = nng_stream_listener_set_bool(inbox->listener, NNG_OPT_TCP_NODELAY, true);
    if (error == 0)
        error = nng_stream_listener_listen(inbox->listener);
    if (error == 0)
        error = nng_stream_listener_get_int(inbox->listener, NNG_OPT_TCP_BOUND_PORT, &port);
    inbox->port = (uint16_t)port;
    return transport__error(error);
}

static int inbox_init(struct transport_inbox *inbox, uv_async_t *wake)
{
    if (uv_mutex_init(&inbox->mutex) != 0)
        return RAFT_ENOMEM;
    int code = transport_gate_init(&inbox->gate);
    if (code != 0)
        uv_mutex_destroy(&inbox->mutex);
    inbox->wake = wake;
    return code;
}

int transport_inbox_open(const struct transport_tls *tls, const char *url, struct uv_async_s *wake,
                         struct transport_inbox **out)
{
    nng_tls_config *config = NULL;
    int code = transport__tls_config(tls, 0, &config);
    if (code != 0)
        return code;
    struct transport_inbox *inbox = calloc(1, sizeof(*inbox));
    code = inbox == NULL ? RAFT_ENOMEM : inbox_init(inbox, wake);
    if (code != 0) {
        nng_tls_config_free(config);
        free(inbox);
        return code;
    }
    code = inbox_listen(inbox, url, config);
    nng_tls_config_free(config); /* the listener holds its own reference */
    if (code != 0) {
        transport_inbox_close(inbox);
        return code;
    }
    (void)transport_gate_enter(&inbox->gate); /* it is open */
    nng_stream_listener_accept(inbox->listener, inbox->accept);
    *out = inbox;
    return 0;
}

static void inbox_free(struct transport_inbox *inbox)
{
    nng_aio_free(inbox->accept);
    nng_stream_listener_free(inbox->listener);
    for (uint32_t i = 0; i < inbox->count; i++)
        nng_msg_free(inbox->frames[(inbox->first + i) % TRANSPORT_RECV_FRAMES_MAX]);
    transport_gate_destroy(&inbox->gate);
    uv_mutex_destroy(&inbox->mutex);
    free(inbox);
}

static void inbox_nudge(void *user, bool is_late)
{
    struct transport_inbox *inbox = user;
    if (inbox->is_pausing || is_late)
        nng_aio_cancel(inbox->accept);
}

void transport_inbox_close(struct transport_inbox *inbox)
{
    if (inbox == NULL)
        return;
    transport_gate_close(&inbox->gate);
    if (inbox->listener != NULL)
        nng_stream_listener_close(inbox->listener);
    inbox->is_kept |= !transport_gate_wait(&inbox->gate, inbox_nudge, inbox);
    for (uint32_t i = 0; i < inbox->slot_count; i++) /* nobody comes any more */
        inbox->is_kept |= !transport_conn_close(inbox->slots[i].conn);
    if (!inbox->is_kept)
        inbox_free(inbox);
}

uint16_t transport_inbox_port(const struct transport_inbox *inbox)
{
    return inbox->port;
}

/* ---- the loop's side ---- */

static nng_msg *inbox_pop(struct transport_inbox *inbox)
{
    nng_msg *message = NULL;
    uv_mutex_lock(&inbox->mutex);
    if (inbox->count > 0) {
        message = inbox->frames[inbox->first];
        inbox->first = (inbox->first + 1) % TRANSPORT_RECV_FRAMES_MAX;
        inbox->count--;
        inbox->len -= nng_msg_len(message);
    }
    uv_mutex_unlock(&inbox->mutex);
    return message;
}

/* One connection that has ended, or is paused while there is room: what is done with it calls back,
 * and so is done without the lock. */
static struct transport_conn *next_due(struct transport_inbox *inbox, bool *has_ended)
{
    struct transport_conn *conn = NULL;
    bool is_any_paused = false;
    uv_mutex_lock(&inbox->mutex);
    bool is_any = inbox->has_paused || inbox->has_ended;
    for (uint32_t i = 0; is_any && conn == NULL && i < inbox->slot_count; i++) {
        uint32_t at = (inbox->turn + i) % inbox->slot_count;
        struct slot *slot = &inbox->slots[at];
        is_any_paused |= slot->is_paused;
        if (!slot->has_ended && !(slot->is_paused && has_room(inbox)))
            continue;
        conn = slot->conn;
        *has_ended = slot->has_ended;
        slot->is_paused = false;
        inbox->turn = at + 1;
        if (slot->has_ended)
            *slot = inbox->slots[--inbox->slot_count];
    }
    if (conn == NULL) {
        inbox->has_ended = false;
        inbox->has_paused = is_any_paused;
    }
    uv_mutex_unlock(&inbox->mutex);
    return conn;
}

static void tend(struct transport_inbox *inbox)
{
    bool has_ended = false;
    for (uint32_t i = 0; i < 2 * CONNS_MAX; i++) { /* each may be resumed, and end */
        struct transport_conn *conn = next_due(inbox, &has_ended);
        if (conn == NULL)
            return;
        if (has_ended)
            inbox->is_kept |= !transport_conn_close(conn);
        else
            transport_conn_resume(conn);
    }
}

void transport_inbox_tick(struct transport_inbox *inbox)
{
    uint64_t now_mono_ns = uv_hrtime();
    uv_mutex_lock(&inbox->mutex);
    for (uint32_t i = 0; i < inbox->slot_count; i++) {
        const struct slot *slot = &inbox->slots[i];
        if (!slot->has_ended && !slot->is_paused &&
            (slot->is_driven_out || transport_conn_is_overdue(slot->conn, now_mono_ns)))
            transport_conn_hang_up(slot->conn);
    }
    uv_mutex_unlock(&inbox->mutex);
}

struct nng_msg *transport_inbox_take(struct transport_inbox *inbox)
{
    nng_msg *message = inbox_pop(inbox);
    if (message != NULL)
        return message;
    tend(inbox);
    return inbox_pop(inbox);
}

uint32_t transport_inbox_accepts(const struct transport_inbox *inbox)
{
    return inbox->accepts;
}

uint32_t transport_inbox_hangups(const struct transport_inbox *inbox)
{
    return inbox->hangups;
}

uint32_t transport_inbox_pauses(const struct transport_inbox *inbox)
{
    return inbox->pauses;
}
