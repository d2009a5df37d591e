#include "control/server.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/log.h"

/* One request's way round: receive (NNG), queue, handle (loop), send (NNG), and receive again. */
struct slot {
    struct control_server *server;
    nng_ctx ctx;
    nng_aio *aio;
    nng_msg *request; /* owned between queue and answer */
    bool is_sending;
    struct slot *next; /* in the queue */
};

struct control_server {
    nng_socket socket;
    control_request_cb cb;
    void *user;
    uv_async_t wake;
    pthread_mutex_t lock; /* of the queue and is_closing */
    struct slot *queue_first, **queue_end;
    bool is_closing;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct slot slots[CONTROL_CALLS_MAX];
};

/* NNG thread: a receive or a send of this slot has ended. */
static void on_aio(void *user)
{
    struct slot *slot = user;
    struct control_server *server = slot->server;
    int rc = nng_aio_result(slot->aio);

    if (rc == NNG_ECLOSED || rc == NNG_ECANCELED)
        return; /* closing */
    if (slot->is_sending || rc != 0) {
        if (slot->is_sending && rc != 0)
            nng_msg_free(nng_aio_get_msg(slot->aio)); /* the asker has gone away */
        slot->is_sending = false;
        nng_ctx_recv(slot->ctx, slot->aio);
        return;
    }
    slot->request = nng_aio_get_msg(slot->aio);
    pthread_mutex_lock(&server->lock);
    slot->next = NULL;
    *server->queue_end = slot;
    server->queue_end = &slot->next;
    if (!server->is_closing)
        uv_async_send(&server->wake);
    pthread_mutex_unlock(&server->lock);
}

static void answer_slot(void *user, const uint8_t *reply, size_t len)
{
    struct slot *slot = user;
    nng_msg *message = slot->request; /* used again for the way back */

    slot->request = NULL;
    nng_msg_clear(message);
    if (nng_msg_append(message, reply, len) != 0)
        nng_msg_clear(message); /* no memory: an empty reply, which the asker reports */
    slot->is_sending = true;
    nng_aio_set_msg(slot->aio, message);
    nng_ctx_send(slot->ctx, slot->aio);
}

static void on_wake(uv_async_t *handle)
{
    struct control_server *server = handle->data;

    pthread_mutex_lock(&server->lock);
    struct slot *slot = server->queue_first;
    server->queue_first = NULL;
    server->queue_end = &server->queue_first;
    pthread_mutex_unlock(&server->lock);
    while (slot) {
        struct slot *next = slot->next;
        server->cb(server->user, nng_msg_body(slot->request), nng_msg_len(slot->request),
                   answer_slot, slot);
        slot = next;
    }
}

/* A socket file without a process behind it is a leftover of a crash. */
static int remove_dead_socket(const struct sockaddr_un *address, char *error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    int rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    int reason = errno;
    close(fd);
    if (rc == 0) {
        snprintf(error, CONTROL_ERROR_LEN, "another process answers on %s", address->sun_path);
        return ERR_EXISTS;
    }
    if (reason == ECONNREFUSED)
        unlink(address->sun_path);
    return 0;
}

static int listen_at(struct control_server *server, const char *path, char *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char url[sizeof(address.sun_path) + 8];

    if (strlen(path) >= sizeof(address.sun_path)) {
        snprintf(error, CONTROL_ERROR_LEN, "%s is too long for a socket (%zu octets at most)", path,
                 sizeof(address.sun_path) - 1);
        return ERR_LIMIT;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int rc = remove_dead_socket(&address, error);
    if (rc != 0)
        return rc;
    snprintf(url, sizeof(url), "ipc://%s", path);
    nng_listener listener;
    rc = nng_listener_create(&listener, server->socket, url);
    if (rc == 0)
        rc = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, S_IRUSR | S_IWUSR);
    if (rc == 0)
        rc = nng_listener_start(listener, 0);
    if (rc != 0) {
        snprintf(error, CONTROL_ERROR_LEN, "cannot listen on %s: %s", path, nng_strerror(rc));
        return ERR_IO;
    }
    memcpy(server->path, path, strlen(path) + 1);
    return 0;
}

static int open_slots(struct control_server *server)
{
    for (unsigned i = 0; i < CONTROL_CALLS_MAX; i++) {
        struct slot *slot = &server->slots[i];
        slot->server = server;
        if (nng_ctx_open(&slot->ctx, server->socket) != 0 ||
            nng_aio_alloc(&slot->aio, on_aio, slot) != 0)
            return ERR_NOMEM;
    }
    return 0;
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct control_server *server = handle->data;

    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* In NNG's order: aios, socket, then memory (notes on 1.5.2: closing first can deadlock). */
void control_server_close(struct control_server *server)
{
    if (!server)
        return;
    pthread_mutex_lock(&server->lock);
    server->is_closing = true;
    pthread_mutex_unlock(&server->lock);
    for (unsigned i = 0; i < CONTROL_CALLS_MAX; i++) {
        if (server->slots[i].aio)
            nng_aio_stop(server->slots[i].aio);
    }
    nng_close(server->socket);
    for (unsigned i = 0; i < CONTROL_CALLS_MAX; i++) {
        if (server->slots[i].request)
            nng_msg_free(server->slots[i].request);
        if (server->slots[i].aio)
            nng_aio_free(server->slots[i].aio);
    }
    if (server->path[0])
        unlink(server->path);
    uv_close((uv_handle_t *)&server->wake, on_wake_closed);
}

int control_server_open(struct uv_loop_s *loop, const char *path, control_request_cb cb, void *user,
                        struct control_server **out, char error[CONTROL_ERROR_LEN])
{
    struct control_server *server = calloc(1, sizeof(*server));

    snprintf(error, CONTROL_ERROR_LEN, "out of memory");
    if (!server)
        return ERR_NOMEM;
    server->cb = cb;
    server->user = user;
    server->queue_end = &server->queue_first;
    if (nng_rep0_open(&server->socket) != 0) {
        free(server);
        return ERR_NOMEM;
    }
    ASSERT(pthread_mutex_init(&server->lock, NULL) == 0);
    ASSERT(uv_async_init(loop, &server->wake, on_wake) == 0);
    server->wake.data = server;
    nng_socket_set_size(server->socket, NNG_OPT_RECVMAXSZ, CONTROL_REQUEST_LEN_MAX);
    int rc = open_slots(server);
    if (rc == 0)
        rc = listen_at(server, path, error);
    if (rc != 0) {
        control_server_close(server);
        return rc;
    }
    for (unsigned i = 0; i < CONTROL_CALLS_MAX; i++)
        nng_ctx_recv(server->slots[i].ctx, server->slots[i].aio);
    log_info("control", "listening socket=%s", path);
    *out = server;
    return 0;
}
