/* raft/io/transport_link.c: one stream of NNG to one member. Until it is up it is dialled again and
 * again; once it was up and is gone it is done for, and the caller opens another. NNG's threads run
 * the callbacks here; they touch what the operation that ended owns, set flags, and wake the loop.
 */
#include "raft/io/transport_link.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "raft/io/transport_gate.h"

#define REDIAL_MIN_MS 50
#define REDIAL_MAX_MS 2000

struct transport_link {
    nng_stream_dialer *dialer;
    uv_async_t *wake;
    nng_aio *dial; /* one after the other: dialling, and the pause before it is tried again; */
    nng_aio *send; /* our greeting, then frames; */
    nng_aio *recv; /* their greeting, then nothing until the end */
    _Atomic bool is_pausing;
    uint32_t pause_ms;
    uint8_t heard[TRANSPORT__GREETING_LEN];
    size_t done; /* octets of the greeting, or of `message`, that is under way */
    struct nng_msg *message;
    struct transport_gate gate; /* its mutex guards this one, too: */
    nng_stream *stream;         /* NULL: none yet, or the last one failed */
    _Atomic uint32_t parts;     /* of frames that go out in several */
    _Atomic bool is_idle;
    _Atomic bool is_awaited; /* the loop has more to send: wake it when this send ends */
    _Atomic bool is_ready;   /* it is up, or was */
    _Atomic bool is_gone;
};

static void transfer(void (*act)(nng_stream *, nng_aio *), nng_stream *stream, nng_aio *aio,
                     uint8_t *octets, size_t len)
{
    nng_iov iov = {.iov_buf = octets, .iov_len = len};
    (void)nng_aio_set_iov(aio, 1, &iov); /* fails for many only */
    act(stream, aio);
}

/* ---- until it is up ---- */

static void retry(struct transport_link *link)
{
    uint32_t pause_ms = link->pause_ms;
    link->is_pausing = true;
    link->pause_ms = pause_ms < REDIAL_MAX_MS / 2 ? 2 * pause_ms : REDIAL_MAX_MS;
    nng_sleep_aio((nng_duration)pause_ms, link->dial);
}

/* Nothing else is under way on a stream that has not come up. */
static void fail(struct transport_link *link)
{
    nng_stream *stream = NULL;
    uv_mutex_lock(&link->gate.mutex);
    if (!link->gate.is_closed) { /* else who closes has it */
        stream = link->stream;
        link->stream = NULL;
    }
    uv_mutex_unlock(&link->gate.mutex);
    if (stream == NULL) {
        transport_gate_leave(&link->gate);
        return;
    }
    transport__stream_free(stream);
    retry(link);
}

static void say(struct transport_link *link)
{
    static const uint8_t ours[TRANSPORT__GREETING_LEN] = TRANSPORT__GREETING_PUSH;
    transfer(nng_stream_send, link->stream, link->send, (uint8_t *)ours + link->done,
             sizeof(ours) - link->done);
}

static void hear(struct transport_link *link)
{
    transfer(nng_stream_recv, link->stream, link->recv, link->heard + link->done,
             sizeof(link->heard) - link->done);
}

static void greet(struct transport_link *link)
{
    link->done = 0;
    say(link);
}

/* NNG thread. */
static void on_dial(void *user)
{
    struct transport_link *link = user;
    int error = nng_aio_result(link->dial);
    bool was_pausing = link->is_pausing;
    uv_mutex_lock(&link->gate.mutex);
    bool is_closed = link->gate.is_closed;
    if (!was_pausing && error == 0)
        link->stream = nng_aio_get_output(link->dial, 0);
    uv_mutex_unlock(&link->gate.mutex);
    link->is_pausing = false;
    if (is_closed) {
        transport_gate_leave(&link->gate);
    } else if (was_pausing) {
        nng_stream_dialer_dial(link->dialer, link->dial);
    } else if (error != 0) {
        retry(link);
    } else {
        greet(link);
    }
}

static void on_said(struct transport_link *link)
{
    if (nng_aio_result(link->send) != 0) {
        fail(link);
        return;
    }
    link->done += nng_aio_count(link->send);
    if (link->done < TRANSPORT__GREETING_LEN) {
        say(link);
        return;
    }
    link->done = 0;
    hear(link);
}

static void await_end(struct transport_link *link)
{
    transfer(nng_stream_recv, link->stream, link->recv, link->heard, 1);
}

static void on_greeting(struct transport_link *link)
{
    static const uint8_t theirs[TRANSPORT__GREETING_LEN] = TRANSPORT__GREETING_PULL;
    link->done += nng_aio_count(link->recv);
    if (link->done < sizeof(theirs)) {
        hear(link);
        return;
    }
    if (memcmp(link->heard, theirs, sizeof(theirs)) != 0) {
        fail(link);
        return;
    }
    nng_aio_set_timeout(link->send, TRANSPORT__SEND_MS);
    link->is_ready = true;
    uv_async_send(link->wake);
    await_end(link);
}

/* ---- while it is up ---- */

static void send_on(struct transport_link *link)
{
    transfer(nng_stream_send, link->stream, link->send,
             (uint8_t *)nng_msg_body(link->message) + link->done,
             nng_msg_len(link->message) - link->done);
}

/* A send that failed lost its message; the transport promises nothing. */
static void on_part(struct transport_link *link)
{
    int error = nng_aio_result(link->send);
    link->done += error == 0 ? nng_aio_count(link->send) : 0;
    if (error == 0 && link->done < nng_msg_len(link->message)) {
        link->parts++;
        send_on(link);
        return;
    }
    nng_msg_free(link->message);
    link->message = NULL;
    if (error != 0)
        link->is_gone = true;
    link->is_idle = true;
    if (link->is_awaited || error != 0)
        uv_async_send(link->wake);
    transport_gate_leave(&link->gate);
}

/* NNG thread. */
static void on_sent(void *user)
{
    struct transport_link *link = user;
    if (transport_gate_is_closed(&link->gate))
        transport_gate_leave(&link->gate);
    else if (link->is_ready)
        on_part(link);
    else
        on_said(link);
}

/* NNG thread. PULL has nothing to say after its greeting. */
static void on_heard(void *user)
{
    struct transport_link *link = user;
    int error = nng_aio_result(link->recv);
    if (transport_gate_is_closed(&link->gate)) {
        transport_gate_leave(&link->gate);
    } else if (link->is_ready) {
        link->is_gone = true;
        uv_async_send(link->wake);
        transport_gate_leave(&link->gate);
    } else if (error != 0) {
        fail(link);
    } else {
        on_greeting(link);
    }
}

/* ---- its life ---- */

static int link_configure(struct transport_link *link, const char *url, nng_tls_config *config)
{
    int error = nng_aio_alloc(&link->dial, on_dial, link);
    if (error == 0)
        error = nng_aio_alloc(&link->send, on_sent, link);
    if (error == 0)
        error = nng_aio_alloc(&link->recv, on_heard, link);
    if (error == 0)
        error = nng_stream_dialer_alloc(&link->dialer, url);
    if (error == 0)
        error = nng_stream_dialer_set_ptr(link->dialer, NNG_OPT_TLS_CONFIG, config);
    if (error == 0)
        error = nng_stream_dialer_set_bool(link->dialer, NNG_OPT_TCP_NODELAY, true);
    return transport__error(error);
}

int transport_link_open(const struct transport_tls *tls, raft_id peer, const char *url,
                        struct uv_async_s *wake, struct transport_link **out)
{
    nng_tls_config *config = NULL;
    int code = transport__tls_config(tls, peer, &config);
    if (code != 0)
        return code;
    struct transport_link *link = calloc(1, sizeof(*link));
    if (link == NULL || transport_gate_init(&link->gate) != 0) {
        nng_tls_config_free(config);
        free(link);
        return RAFT_ENOMEM;
    }
    link->wake = wake;
    link->is_idle = true;
    link->pause_ms = REDIAL_MIN_MS;
    code = link_configure(link, url, config);
    nng_tls_config_free(config); /* the dialer holds its own reference */
    if (code != 0) {
        transport_link_close(link);
        return code;
    }
    (void)transport_gate_enter(&link->gate); /* until it is gone; it is open */
    nng_stream_dialer_dial(link->dialer, link->dial);
    *out = link;
    return 0;
}

static void link_free(struct transport_link *link)
{
    nng_aio_free(link->dial); /* first: it waits for a time-out that is being told to the stream */
    nng_aio_free(link->send);
    nng_aio_free(link->recv);
    transport__stream_free(link->stream);
    nng_stream_dialer_free(link->dialer);
    if (link->message != NULL)
        nng_msg_free(link->message);
    transport_gate_destroy(&link->gate);
    free(link);
}

static void link_nudge(void *user, bool is_late)
{
    struct transport_link *link = user;
    if (link->is_pausing)
        nng_aio_cancel(link->dial);
    uv_mutex_lock(&link->gate.mutex);
    nng_stream *stream = link->stream; /* on_dial() may have brought it since */
    uv_mutex_unlock(&link->gate.mutex);
    if (stream != NULL)
        nng_stream_close(stream);
    if (is_late)
        nng_aio_cancel(link->dial);
}

void transport_link_close(struct transport_link *link)
{
    transport_gate_close(&link->gate);
    if (link->dialer != NULL)
        nng_stream_dialer_close(link->dialer);
    if (transport_gate_wait(&link->gate, link_nudge, link))
        link_free(link);
}

bool transport_link_is_connected(const struct transport_link *link)
{
    return link->is_ready && !link->is_gone;
}

uint32_t transport_link_connects(const struct transport_link *link)
{
    return link->is_ready;
}

uint32_t transport_link_parts(const struct transport_link *link)
{
    return link->parts;
}

bool transport_link_is_gone(const struct transport_link *link)
{
    return link->is_gone;
}

/* The loop says that it waits before it looks again, and on_part() is idle before it looks whether
 * anybody waits: one of the two sees the other. */
bool transport_link_is_idle(struct transport_link *link)
{
    if (link->is_idle)
        return true;
    link->is_awaited = true;
    return link->is_idle;
}

void transport_link_send_take(struct transport_link *link, struct nng_msg *message)
{
    link->is_idle = link->is_awaited = false;
    link->message = message;
    link->done = 0;
    (void)transport_gate_enter(&link->gate); /* who sends is the one who closes: it is open */
    send_on(link);
}
