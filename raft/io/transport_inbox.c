/* raft/io/transport_inbox.c: one PULL socket and its queue. One receive at a time keeps the order;
 * a full queue stops receiving, so that TCP slows the senders down instead of frames being lost. */
#include "raft/io/transport_inbox.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/supplemental/tls/tls.h>
#include <stdlib.h>
#include <uv.h>

#include "raft/io/nng_socket.h"
#include "raft/io/transport_nng.h"

struct transport_inbox {
    nng_socket socket;
    nng_listener listener;
    nng_aio *aio;
    uv_async_t *wake;
    uint16_t port;
    _Atomic uint32_t accepts;
    _Atomic uint32_t hangups;
    _Atomic uint32_t pauses;
    uv_mutex_t mutex;                           /* guards what follows */
    nng_msg *frames[TRANSPORT_RECV_FRAMES_MAX]; /* ring */
    uint32_t first, count;
    size_t len;     /* octets in the ring */
    bool is_paused; /* no receive is under way: the loop starts the next */
};

/* Is there room for one more? */
static bool inbox_put(struct transport_inbox *inbox, nng_msg *message)
{
    uv_mutex_lock(&inbox->mutex);
    inbox->frames[(inbox->first + inbox->count) % TRANSPORT_RECV_FRAMES_MAX] = message;
    inbox->count++;
    inbox->len += nng_msg_len(message);
    bool is_full =
        inbox->count == TRANSPORT_RECV_FRAMES_MAX || inbox->len >= TRANSPORT_RECV_LEN_MAX;
    inbox->is_paused = is_full;
    if (is_full)
        inbox->pauses++;
    uv_mutex_unlock(&inbox->mutex);
    return !is_full;
}

/* NNG thread. */
static void on_received(void *user)
{
    struct transport_inbox *inbox = user;
    int error = nng_aio_result(inbox->aio);
    bool goes_on = false;
    if (error == NNG_ECLOSED || error == NNG_ECANCELED)
        return;
    if (error == 0) {
        nng_msg *message = nng_aio_get_msg(inbox->aio);
        nng_aio_set_msg(inbox->aio, NULL);
        goes_on = inbox_put(inbox, message);
    } else {
        uv_mutex_lock(&inbox->mutex);
        inbox->is_paused = true; /* no memory: the loop tries again */
        uv_mutex_unlock(&inbox->mutex);
    }
    if (goes_on)
        nng_recv_aio(inbox->socket, inbox->aio);
    uv_async_send(inbox->wake);
}

/* NNG thread. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *user)
{
    struct transport_inbox *inbox = user;
    (void)pipe;
    if (event == NNG_PIPE_EV_ADD_POST)
        inbox->accepts++;
    else
        inbox->hangups++;
}

static int inbox_configure(struct transport_inbox *inbox)
{
    int error = nng_socket_set_size(inbox->socket, NNG_OPT_RECVMAXSZ, TRANSPORT__RECV_LEN_MAX);
    if (error == 0)
        error = nng_pipe_notify(inbox->socket, NNG_PIPE_EV_ADD_POST, on_pipe, inbox);
    if (error == 0)
        error = nng_pipe_notify(inbox->socket, NNG_PIPE_EV_REM_POST, on_pipe, inbox);
    if (error == 0)
        error = nng_aio_alloc(&inbox->aio, on_received, inbox);
    return transport__error(error);
}

static int inbox_listen(struct transport_inbox *inbox, const char *url, nng_tls_config *config)
{
    int port = 0;
    int error = nng_listener_create(&inbox->listener, inbox->socket, url);
    if (error == 0)
        error = nng_listener_set_ptr(inbox->listener, NNG_OPT_TLS_CONFIG, config);
    if (error == 0)
        error = nng_listener_set_bool(inbox->listener, NNG_OPT_TCP_NODELAY, true);
    if (error == 0)
        error = nng_listener_start(inbox->listener, 0);
    if (error == 0)
        error = nng_listener_get_int(inbox->listener, NNG_OPT_TCP_BOUND_PORT, &port);
    inbox->port = (uint16_t)port;
    return transport__error(error);
}

static int inbox_new(uv_async_t *wake, struct transport_inbox **out)
{
    struct transport_inbox *inbox = calloc(1, sizeof(*inbox));
    if (inbox == NULL)
        return RAFT_ENOMEM;
    if (uv_mutex_init(&inbox->mutex) != 0) {
        free(inbox);
        return RAFT_ENOMEM;
    }
    if (nng_pull0_open(&inbox->socket) != 0) {
        uv_mutex_destroy(&inbox->mutex);
        free(inbox);
        return RAFT_ENOMEM;
    }
    inbox->wake = wake;
    *out = inbox;
    return 0;
}

int transport_inbox_open(const struct transport_tls *tls, const char *url, struct uv_async_s *wake,
                         struct transport_inbox **out)
{
    struct transport_inbox *inbox = NULL;
    nng_tls_config *config = NULL;
    int code = transport__tls_config(tls, 0, &config);
    if (code != 0)
        return code;
    code = inbox_new(wake, &inbox);
    if (code == 0)
        code = inbox_configure(inbox);
    if (code == 0)
        code = inbox_listen(inbox, url, config);
    nng_tls_config_free(config);
    if (code != 0) {
        transport_inbox_close(inbox);
        return code;
    }
    nng_recv_aio(inbox->socket, inbox->aio);
    *out = inbox;
    return 0;
}

/* NNG 1.5.2 wants this order: stop, wait, close, free. */
void transport_inbox_close(struct transport_inbox *inbox)
{
    if (inbox == NULL)
        return;
    if (inbox->aio != NULL)
        nng_aio_stop(inbox->aio);
    (void)nng_pipe_notify(inbox->socket, NNG_PIPE_EV_ADD_POST, NULL, NULL);
    (void)nng_pipe_notify(inbox->socket, NNG_PIPE_EV_REM_POST, NULL, NULL);
    bool is_closed = nng_socket_close(inbox->socket.id);
    nng_aio_free(inbox->aio);
    for (uint32_t i = 0; i < inbox->count; i++)
        nng_msg_free(inbox->frames[(inbox->first + i) % TRANSPORT_RECV_FRAMES_MAX]);
    uv_mutex_destroy(&inbox->mutex);
    if (is_closed)
        free(inbox);
}

uint16_t transport_inbox_port(const struct transport_inbox *inbox)
{
    return inbox->port;
}

struct nng_msg *transport_inbox_take(struct transport_inbox *inbox)
{
    nng_msg *message = NULL;
    bool is_paused = false;
    uv_mutex_lock(&inbox->mutex);
    if (inbox->count > 0) {
        message = inbox->frames[inbox->first];
        inbox->first = (inbox->first + 1) % TRANSPORT_RECV_FRAMES_MAX;
        inbox->count--;
        inbox->len -= nng_msg_len(message);
    } else {
        is_paused = inbox->is_paused;
        inbox->is_paused = false;
    }
    uv_mutex_unlock(&inbox->mutex);
    if (is_paused)
        nng_recv_aio(inbox->socket, inbox->aio);
    return message;
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
