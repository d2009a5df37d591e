/* raft/io/transport_link.c: one PUSH socket for one connection. NNG's threads only set flags and
 * wake the loop.
 *
 * In NNG 1.5.2 a send that ends just after its connection was closed puts that connection back
 * among the ready ones of its PUSH socket, and there it stays when it is freed: the next send, or
 * the next connection, touches freed memory. So a socket has one connection in its life (later ones
 * are turned away before PUSH hears of them), nothing is sent on it once that one is gone, and the
 * caller opens another link. */
#include "raft/io/transport_link.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "raft/io/nng_socket.h"

#define RECONNECT_MIN_MS 50
#define RECONNECT_MAX_MS 2000

struct transport_link {
    nng_socket socket;
    nng_aio *aio;
    uv_async_t *wake;
    _Atomic bool is_idle;
    _Atomic bool is_awaited; /* the loop has more to send: wake it when this send ends */
    _Atomic bool is_used;    /* the one connection has been let in */
    _Atomic bool is_ready;   /* it is up, or was */
    pthread_mutex_t lock;    /* of is_gone: no send begins while it is being set */
    _Atomic bool is_gone;
};

/* NNG thread. A send that failed lost its message; the transport promises nothing. */
static void on_sent(void *user)
{
    struct transport_link *link = user;
    if (nng_aio_result(link->aio) != 0) {
        nng_msg *message = nng_aio_get_msg(link->aio);
        nng_aio_set_msg(link->aio, NULL);
        if (message != NULL)
            nng_msg_free(message);
    }
    link->is_idle = true;
    if (link->is_awaited)
        uv_async_send(link->wake);
}

/* NNG thread. REM_POST comes before the connection is freed, and waits here for a send that has
 * begun. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *user)
{
    struct transport_link *link = user;
    if (event == NNG_PIPE_EV_ADD_PRE) {
        if (atomic_exchange(&link->is_used, true))
            nng_pipe_close(pipe);
        return;
    }
    if (event == NNG_PIPE_EV_ADD_POST) {
        link->is_ready = true;
    } else {
        pthread_mutex_lock(&link->lock);
        link->is_gone = true;
        pthread_mutex_unlock(&link->lock);
    }
    uv_async_send(link->wake);
}

static int link_configure(struct transport_link *link)
{
    int error = nng_socket_set_ms(link->socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (error == 0)
        error = nng_socket_set_ms(link->socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if (error == 0)
        error = nng_socket_set_size(link->socket, NNG_OPT_RECVMAXSZ, TRANSPORT__RECV_LEN_MAX);
    if (error == 0)
        error = nng_pipe_notify(link->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, link);
    if (error == 0)
        error = nng_pipe_notify(link->socket, NNG_PIPE_EV_ADD_POST, on_pipe, link);
    if (error == 0)
        error = nng_pipe_notify(link->socket, NNG_PIPE_EV_REM_POST, on_pipe, link);
    if (error == 0)
        error = nng_aio_alloc(&link->aio, on_sent, link);
    return transport__error(error);
}

static int link_dial(struct transport_link *link, const char *url, nng_tls_config *config)
{
    nng_dialer dialer;
    int error = nng_dialer_create(&dialer, link->socket, url);
    if (error == 0)
        error = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
    if (error == 0)
        error = nng_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
    if (error == 0)
        error = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
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
    if (link == NULL || nng_push0_open(&link->socket) != 0) {
        nng_tls_config_free(config);
        free(link);
        return RAFT_ENOMEM;
    }
    (void)pthread_mutex_init(&link->lock, NULL); /* cannot fail on Linux without attributes */
    link->wake = wake;
    link->is_idle = true;
    code = link_configure(link);
    if (code == 0)
        code = link_dial(link, url, config);
    nng_tls_config_free(config); /* the dialer holds its own reference */
    if (code != 0) {
        transport_link_close(link);
        return code;
    }
    *out = link;
    return 0;
}

/* NNG 1.5.2 wants this order: stop, wait, close, free. */
void transport_link_close(struct transport_link *link)
{
    if (link->aio != NULL)
        nng_aio_stop(link->aio);
    (void)nng_pipe_notify(link->socket, NNG_PIPE_EV_ADD_PRE, NULL, NULL);
    (void)nng_pipe_notify(link->socket, NNG_PIPE_EV_ADD_POST, NULL, NULL);
    (void)nng_pipe_notify(link->socket, NNG_PIPE_EV_REM_POST, NULL, NULL);
    bool is_closed = nng_socket_close(link->socket.id);
    nng_aio_free(link->aio);
    if (is_closed) {
        pthread_mutex_destroy(&link->lock);
        free(link);
    }
}

bool transport_link_is_connected(const struct transport_link *link)
{
    return link->is_ready && !link->is_gone;
}

uint32_t transport_link_connects(const struct transport_link *link)
{
    return link->is_ready;
}

bool transport_link_is_gone(const struct transport_link *link)
{
    return link->is_gone;
}

/* The loop says that it waits before it looks again, and on_sent() is idle before it looks whether
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
    pthread_mutex_lock(&link->lock);
    bool is_gone = link->is_gone;
    if (!is_gone) {
        nng_aio_set_msg(link->aio, message);
        nng_send_aio(link->socket, link->aio);
    }
    pthread_mutex_unlock(&link->lock);
    if (is_gone) {
        nng_msg_free(message);
        link->is_idle = true;
    }
}
