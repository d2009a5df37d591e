#include "cluster/admin_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/memops.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/tls/tls.h>
#include <uv.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/ask.h"
#include "cluster/join.h"
#include "proto/admin.pb-c.h"
#include "proto/cluster.pb-c.h"
#include "raft/io/nng_socket.h"

#define ADMIN_VERSION 1

/* One of the requests that may be under way. NNG's threads own it while it receives or sends; from
 * the time it is in `arrived` until its reply is handed over it is the loop's. */
enum call_state { CALL_NETWORK, CALL_ARRIVED, CALL_LOOP };
struct admin_call {
    struct admin_port *port;
    nng_ctx ctx;
    nng_aio *aio;
    enum call_state state; /* under port->lock */
    bool is_sending;       /* NNG's side: which step the aio is in */
    nng_msg *request;
};
/* What the handler of cluster.h gets: the same thing by another name. */
struct cluster_admin_call {
    struct admin_call call;
};

struct admin_port {
    struct cluster *cluster;
    nng_socket socket;
    nng_listener listener;
    uv_async_t async;
    uv_mutex_t lock;
    bool is_closing;     /* set on the loop under lock, so the loop may read it without */
    bool is_gone;        /* closed; only calls that are still worked on keep the memory */
    unsigned loop_calls; /* in CALL_LOOP */
    uint64_t joins_since_mono_ms;
    unsigned joins;
    void (*close_cb)(void *user);
    void *close_user;
    uv_work_t close_work;
    struct cluster_admin_call calls[ADMIN_PORT_CALLS];
};

static void receive_next(struct admin_call *call)
{
    call->is_sending = false;
    nng_ctx_recv(call->ctx, call->aio);
}

/* NNG's thread. */
static void on_aio(void *user)
{
    struct admin_call *call = user;
    struct admin_port *port = call->port;
    int rc = nng_aio_result(call->aio);

    if (call->is_sending) {
        if (rc != 0)
            nng_msg_free(nng_aio_get_msg(call->aio));
        if (rc != NNG_ECLOSED && rc != NNG_ECANCELED)
            receive_next(call);
        return;
    }
    if (rc == NNG_ECLOSED || rc == NNG_ECANCELED)
        return;
    if (rc != 0) {
        receive_next(call);
        return;
    }
    uv_mutex_lock(&port->lock);
    call->request = nng_aio_get_msg(call->aio);
    call->state = CALL_ARRIVED;
    if (!port->is_closing)
        uv_async_send(&port->async);
    uv_mutex_unlock(&port->lock);
}

static void release(struct admin_port *port)
{
    if (port->is_gone && port->loop_calls == 0)
        free(port);
}

void admin_port_reply(struct admin_call *call, Adm__Reply *reply)
{
    nng_msg *message = NULL;

    ASSERT(call->state == CALL_LOOP);
    call->state = CALL_NETWORK;
    call->port->loop_calls--;
    if (call->port->is_closing) {
        release(call->port);
        return;
    }
    reply->version = ADMIN_VERSION;
    size_t len = adm__reply__get_packed_size(reply);
    if (nng_msg_alloc(&message, len) != 0) {
        receive_next(call); /* the asker's time runs out */
        return;
    }
    adm__reply__pack(reply, nng_msg_body(message));
    call->is_sending = true;
    nng_aio_set_msg(call->aio, message);
    nng_ctx_send(call->ctx, call->aio);
}

void admin_port_reply_text(struct admin_call *call, int code, const char *message)
{
    Adm__Reply reply = ADM__REPLY__INIT;

    reply.code = code;
    reply.message = (char *)(uintptr_t)message;
    admin_port_reply(call, &reply);
}

void cluster_admin_reply(struct cluster_admin_call *call, const uint8_t *reply, size_t len)
{
    Adm__Reply outer = ADM__REPLY__INIT;

    outer.kind_case = ADM__REPLY__KIND_CONTROL;
    outer.control = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)reply};
    admin_port_reply(&call->call, &outer);
}

void cluster_set_admin_handler(struct cluster *cluster, cluster_admin_cb cb, void *user)
{
    cluster->admin_handler = cb;
    cluster->admin_user = user;
}

static bool is_admin(const struct cluster *cluster, const ProtobufCBinaryData *secret)
{
    return secret->len == SECRETS_KEY_LEN &&
           memeql_sec(secret->data, cluster->secrets.admin_secret, SECRETS_KEY_LEN);
}

static void give_ca(struct cluster *cluster, struct admin_call *call)
{
    Adm__Reply reply = ADM__REPLY__INIT;

    reply.kind_case = ADM__REPLY__KIND_CA_PEM;
    reply.ca_pem = cluster->identity.ca_pem;
    admin_port_reply(call, &reply);
}

static void control(struct cluster *cluster, struct admin_call *call, const Adm__Control *request)
{
    if (!is_admin(cluster, &request->secret))
        admin_port_reply_text(call, ERR_DENIED, "the admin secret is wrong");
    else if (!cluster->admin_handler)
        admin_port_reply_text(call, ERR_UNSUPPORTED, "this node takes no requests here");
    else
        cluster->admin_handler(cluster->admin_user, request->request.data, request->request.len,
                               (struct cluster_admin_call *)call);
}

static void known_answered(void *user, int rc, const Clu__Answer *answer)
{
    struct admin_call *call = user;
    Adm__Reply reply = ADM__REPLY__INIT;

    reply.code = rc != 0 ? rc : answer->code;
    reply.kind_case = ADM__REPLY__KIND_IS_KNOWN;
    reply.is_known = rc != 0 || answer->is_known;
    reply.generation = raft_generation(call->port->cluster->term);
    admin_port_reply(call, &reply);
}

static void known(struct cluster *cluster, struct admin_call *call, const Adm__Known *request)
{
    Clu__Ask ask = CLU__ASK__INIT;
    Clu__AskKnown known_ask = CLU__ASK_KNOWN__INIT;

    if (!is_admin(cluster, &request->secret)) {
        admin_port_reply_text(call, ERR_DENIED, "the admin secret is wrong");
        return;
    }
    known_ask.member = request->id;
    ask.kind_case = CLU__ASK__KIND_KNOWN;
    ask.known = &known_ask;
    int rc = ask_leader(cluster, &ask, CLUSTER_TIMEOUT_MS, known_answered, call);
    if (rc != 0)
        admin_port_reply_text(call, rc, err_text(rc));
}

/* Joins cost signatures and log entries, and guessing a token must be hopeless. */
static bool may_join(struct admin_port *port)
{
    uint64_t now_mono_ms = clock_mono_ms();

    if (now_mono_ms - port->joins_since_mono_ms >= 1000) {
        port->joins_since_mono_ms = now_mono_ms;
        port->joins = 0;
    }
    return port->joins++ < ADMIN_PORT_JOINS_PER_S;
}

static void handle(struct admin_call *call, const Adm__Request *request)
{
    struct cluster *cluster = call->port->cluster;

    if (cluster->phase != CLUSTER_MEMBER || cluster->is_closing) {
        admin_port_reply_text(call, ERR_UNAVAILABLE, "this node takes no part in a cluster");
        return;
    }
    if (request->version > ADMIN_VERSION) {
        admin_port_reply_text(call, ERR_VERSION, "this node runs an older program");
        return;
    }
    switch (request->kind_case) {
    case ADM__REQUEST__KIND_GET_CA: give_ca(cluster, call); break;
    case ADM__REQUEST__KIND_KNOWN: known(cluster, call, request->known); break;
    case ADM__REQUEST__KIND_CONTROL: control(cluster, call, request->control); break;
    case ADM__REQUEST__KIND_JOIN:
        if (may_join(call->port))
            join_asked(cluster, call, request);
        else
            admin_port_reply_text(call, ERR_BUSY, "too many nodes join at once; try again");
        break;
    default: admin_port_reply_text(call, ERR_UNSUPPORTED, "this node does not know that request");
    }
}

static void take(struct admin_call *call)
{
    nng_msg *message = call->request;
    size_t len = nng_msg_len(message);

    call->request = NULL;
    Adm__Request *request = adm__request__unpack(NULL, len, nng_msg_body(message));
    if (request)
        handle(call, request);
    else
        admin_port_reply_text(call, ERR_INVALID, "not a request");
    if (request && request->kind_case == ADM__REQUEST__KIND_JOIN)
        explicit_bzero(request->join->secret.data, request->join->secret.len);
    if (request)
        adm__request__free_unpacked(request, NULL);
    explicit_bzero(nng_msg_body(message), len);
    nng_msg_free(message);
}

static void on_async(uv_async_t *async)
{
    struct admin_port *port = async->data;

    for (unsigned i = 0; i < ADMIN_PORT_CALLS; i++) {
        struct admin_call *call = &port->calls[i].call;
        uv_mutex_lock(&port->lock);
        bool is_arrived = call->state == CALL_ARRIVED && !port->is_closing;
        if (is_arrived) {
            call->state = CALL_LOOP;
            port->loop_calls++;
        }
        uv_mutex_unlock(&port->lock);
        if (is_arrived)
            take(call);
    }
}

static int listen_tls(struct admin_port *port)
{
    const struct identity *identity = &port->cluster->identity;
    nng_tls_config *tls = NULL;
    char url[CLUSTER_TEXT_MAX + 16];

    snprintf(url, sizeof(url), "tls+tcp://%s", port->cluster->listen.admin);
    int rc = nng_tls_config_alloc(&tls, NNG_TLS_MODE_SERVER);
    if (rc == 0)
        rc = nng_tls_config_own_cert(tls, identity->cert_pem, identity->key_pem, NULL);
    if (rc == 0)
        rc = nng_tls_config_auth_mode(tls, NNG_TLS_AUTH_MODE_NONE);
    if (rc == 0)
        rc = nng_listener_create(&port->listener, port->socket, url);
    if (rc == 0)
        rc = nng_listener_set_ptr(port->listener, NNG_OPT_TLS_CONFIG, tls);
    if (rc == 0)
        rc = nng_listener_start(port->listener, 0);
    if (tls)
        nng_tls_config_free(tls);
    if (rc != 0)
        log_error("cluster", "admin_port_not_open address=%s why=\"%s\"",
                  port->cluster->listen.admin, nng_strerror(rc));
    switch (rc) {
    case 0: return 0;
    case NNG_ENOMEM: return ERR_NOMEM;
    case NNG_EADDRINUSE:
    case NNG_EADDRINVAL:
    case NNG_EPERM: return ERR_EXISTS;
    default: return ERR_IO;
    }
}

static int open_calls(struct admin_port *port)
{
    for (unsigned i = 0; i < ADMIN_PORT_CALLS; i++) {
        struct admin_call *call = &port->calls[i].call;
        call->port = port;
        if (nng_ctx_open(&call->ctx, port->socket) != 0 ||
            nng_aio_alloc(&call->aio, on_aio, call) != 0)
            return ERR_NOMEM;
    }
    return 0;
}

/* A worker: NNG may take its time to stop. First no more callbacks, then the socket. */
static void close_network(uv_work_t *work)
{
    struct admin_port *port = work->data;

    for (unsigned i = 0; i < ADMIN_PORT_CALLS; i++) {
        if (port->calls[i].call.aio)
            nng_aio_stop(port->calls[i].call.aio);
    }
    (void)nng_socket_close(port->socket.id);
    for (unsigned i = 0; i < ADMIN_PORT_CALLS; i++) {
        struct admin_call *call = &port->calls[i].call;
        if (call->aio)
            nng_aio_free(call->aio);
        if (call->request)
            nng_msg_free(call->request);
    }
}

static void async_closed(uv_handle_t *handle)
{
    struct admin_port *port = handle->data;

    uv_mutex_destroy(&port->lock);
    if (port->close_cb)
        port->close_cb(port->close_user);
    port->is_gone = true;
    release(port);
}

static void network_closed(uv_work_t *work, int status)
{
    struct admin_port *port = work->data;

    (void)status;
    uv_close((uv_handle_t *)&port->async, async_closed);
}

void admin_port_close(struct admin_port *port, void (*cb)(void *user), void *user)
{
    uv_mutex_lock(&port->lock);
    port->is_closing = true;
    uv_mutex_unlock(&port->lock);
    port->close_cb = cb;
    port->close_user = user;
    port->close_work.data = port;
    int rc = uv_queue_work(port->cluster->loop, &port->close_work, close_network, network_closed);
    ASSERT(rc == 0);
}

int admin_port_open(struct cluster *cluster, struct admin_port **out)
{
    struct admin_port *port = calloc(1, sizeof(*port));

    if (!port)
        return ERR_NOMEM;
    port->cluster = cluster;
    port->async.data = port;
    if (nng_rep0_open(&port->socket) != 0) {
        free(port);
        return ERR_NOMEM;
    }
    if (uv_mutex_init(&port->lock) != 0 ||
        uv_async_init(cluster->loop, &port->async, on_async) != 0) {
        nng_close(port->socket);
        free(port);
        return ERR_NOMEM;
    }
    int rc = nng_socket_set_size(port->socket, NNG_OPT_RECVMAXSZ, ADMIN_PORT_REQUEST_MAX) == 0
                 ? open_calls(port)
                 : ERR_INVALID;
    if (rc == 0)
        rc = listen_tls(port);
    if (rc != 0) {
        admin_port_close(port, NULL, NULL);
        return rc;
    }
    for (unsigned i = 0; i < ADMIN_PORT_CALLS; i++)
        receive_next(&port->calls[i].call);
    *out = port;
    return 0;
}
