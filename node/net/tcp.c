/* node/net/tcp.c: see tcp.h for the bounds. A connection reads, answers whole messages in rounds,
 * writes what the socket takes at once and leaves the rest to libuv; it pauses while too much of
 * that is unsent. Connections are slots that are allocated before the thread starts. */
#include "net/tcp.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/answer.h"
#include "net/env.h"
#include "net/net.h"
#include "net/tcp_stream.h"
#include "net/thread.h"
#include "query.h"
#include "zone/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
    REPLY_MAX = TCP_STREAM_PREFIX_LEN + DNS_MESSAGE_MAX,
    ROUND_OCTETS = 2 * REPLY_MAX, /* replies gathered before they are written */
};

struct tcp_connection {
    uv_tcp_t socket;
    uv_timer_t idle;
    uv_shutdown_t shutdown;
    struct tcp_server *server;
    struct tcp_connection *next_free;
    struct tcp_stream stream;
    unsigned handles_open; /* of socket and idle */
    bool is_paused;        /* not reading: too much unsent */
};

struct tcp_listener {
    uv_tcp_t socket;
    struct tcp_server *server;
    bool is_waiting; /* a connection is to be accepted when a slot is free */
};

struct tcp_server {
    struct net_cells cells;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    uint32_t idle_ms;
    const struct net_env *env;
    struct dns_cookie_secrets secrets;
    struct tcp_listener listeners[NET_ADDRESSES_MAX];
    unsigned listener_count;
    struct tcp_connection *slots;
    unsigned slot_count;
    struct tcp_connection *first_free;
    bool is_stopping;
    uint8_t scratch[TCP_STREAM_SCRATCH_SIZE];
    uint8_t round[ROUND_OCTETS];
};

struct tcp_write { /* replies that the socket did not take at once */
    uv_write_t request;
    uint8_t octets[];
};

static void accept_waiting(struct tcp_server *server);

static void count(struct tcp_connection *connection, enum net_counter counter)
{
    net_cell_add(&connection->server->cells.events[counter], 1);
}

/* ---- the end of a connection ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct tcp_connection *connection = handle->data;
    struct tcp_server *server = connection->server;
    if (--connection->handles_open > 0)
        return;
    tcp_stream_fini(&connection->stream);
    connection->next_free = server->first_free;
    server->first_free = connection;
    if (!server->is_stopping)
        accept_waiting(server);
}

static void connection_close(struct tcp_connection *connection)
{
    if (uv_is_closing((uv_handle_t *)&connection->socket))
        return;
    uv_close((uv_handle_t *)&connection->socket, on_handle_closed);
    uv_close((uv_handle_t *)&connection->idle, on_handle_closed);
}

static void connection_break(struct tcp_connection *connection)
{
    count(connection, NET_TCP_BROKEN);
    connection_close(connection);
}

static void on_idle(uv_timer_t *timer)
{
    struct tcp_connection *connection = timer->data;
    count(connection, NET_TCP_IDLE_CLOSED);
    connection_close(connection);
}

static void restart_idle(struct tcp_connection *connection)
{
    uv_timer_start(&connection->idle, on_idle, connection->server->idle_ms, 0);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    (void)status;
    connection_close(request->data);
}

/* Nothing more will be read: close once all replies are sent. */
static void connection_finish(struct tcp_connection *connection)
{
    connection->shutdown.data = connection;
    if (uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->socket, on_shutdown) != 0)
        connection_close(connection);
}

/* ---- replies ---- */

static void serve(struct tcp_connection *connection);

/* To end each event of a connection with: the scratch area is for the next one. */
static void settle(struct tcp_connection *connection)
{
    if (!uv_is_closing((uv_handle_t *)&connection->socket) &&
        tcp_stream_keep(&connection->stream) != 0)
        connection_break(connection);
}

static void on_written(uv_write_t *request, int status)
{
    struct tcp_connection *connection = request->data;
    free(request);
    if (uv_is_closing((uv_handle_t *)&connection->socket))
        return;
    if (status != 0) {
        connection_break(connection);
        return;
    }
    restart_idle(connection);
    if (connection->is_paused)
        serve(connection);
    settle(connection);
}

/* False: the connection is broken. */
static bool write_later(struct tcp_connection *connection, const uint8_t *octets, size_t len)
{
    struct tcp_write *write = malloc(sizeof *write + len);
    if (write == NULL)
        return false;
    memcpy(write->octets, octets, len);
    write->request.data = connection;
    uv_buf_t buffer = uv_buf_init((char *)write->octets, (unsigned)len);
    if (uv_write(&write->request, (uv_stream_t *)&connection->socket, &buffer, 1, on_written) == 0)
        return true;
    free(write);
    return false;
}

static bool write_round(struct tcp_connection *connection, size_t len)
{
    uint8_t *octets = connection->server->round;
    uv_buf_t buffer = uv_buf_init((char *)octets, (unsigned)len);
    int sent = uv_try_write((uv_stream_t *)&connection->socket, &buffer, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        return false;
    size_t done = sent < 0 ? 0 : (size_t)sent;
    return done == len || write_later(connection, octets + done, len - done);
}

/* Answer one message at @out; returns the octets written there, prefix included, 0 for no reply. */
static size_t answer_message(struct tcp_connection *connection, const struct query_env *env,
                             const uint8_t *message, uint16_t message_len, uint8_t *out)
{
    struct dns_writer reply = {.octets = out + TCP_STREAM_PREFIX_LEN, .capacity = DNS_MESSAGE_MAX};
    enum query_outcome outcome = query_answer(env, message, message_len, &reply);
    count(connection, NET_TCP_QUERIES);
    net_cells_count(&connection->server->cells, outcome,
                    outcome == QUERY_DROPPED ? 0 : reply.rcode);
    if (outcome == QUERY_DROPPED)
        return 0;
    dns_wire_put16(out, (uint16_t)reply.len);
    return TCP_STREAM_PREFIX_LEN + reply.len;
}

/* Answer whole messages until none is left or the round is full; *@len octets of replies. Returns
 * the stream's state: MESSAGE means that there may be more. */
static enum tcp_stream_state answer_round(struct tcp_connection *connection, size_t *len)
{
    struct tcp_server *server = connection->server;
    struct sockaddr_storage client = {0};
    int client_len = sizeof client;
    (void)uv_tcp_getpeername(&connection->socket, (struct sockaddr *)&client, &client_len);
    struct query_env env = net_env_begin(server->env, QUERY_TCP, &server->secrets);
    env.client = (struct sockaddr *)&client;
    env.image = zone_image_read_begin(server->env->publisher);
    enum tcp_stream_state state = TCP_STREAM_MESSAGE;
    *len = 0;
    while (ROUND_OCTETS - *len >= REPLY_MAX && state == TCP_STREAM_MESSAGE) {
        const uint8_t *message;
        uint16_t message_len;
        state = tcp_stream_next(&connection->stream, &message, &message_len);
        if (state == TCP_STREAM_MESSAGE)
            *len += answer_message(connection, &env, message, message_len, server->round + *len);
    }
    zone_image_read_end();
    return state;
}

static void read_start(struct tcp_connection *connection);

/* Answer what has arrived. Too much unsent: pause; on_written() comes back here. */
static void serve(struct tcp_connection *connection)
{
    enum tcp_stream_state state = TCP_STREAM_MESSAGE;
    while (state == TCP_STREAM_MESSAGE) {
        size_t len;
        if (uv_stream_get_write_queue_size((uv_stream_t *)&connection->socket) >= TCP_UNSENT_MAX) {
            if (!connection->is_paused)
                count(connection, NET_TCP_PAUSED);
            connection->is_paused = true;
            uv_read_stop((uv_stream_t *)&connection->socket);
            return;
        }
        state = answer_round(connection, &len);
        if (len > 0 && !write_round(connection, len)) {
            connection_break(connection);
            return;
        }
        if (len > 0)
            restart_idle(connection);
    }
    if (state == TCP_STREAM_BROKEN) {
        connection_break(connection);
    } else if (connection->is_paused) {
        connection->is_paused = false;
        read_start(connection);
    }
}

/* ---- requests ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct tcp_connection *connection = handle->data;
    uint8_t *octets;
    size_t room;
    (void)suggested;
    *buffer = uv_buf_init(NULL, 0); /* becomes UV_ENOBUFS in on_read */
    if (tcp_stream_reserve(&connection->stream, connection->server->scratch, &octets, &room) == 0)
        *buffer = uv_buf_init((char *)octets, (unsigned)room);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct tcp_connection *connection = stream->data;
    (void)buffer;
    if (len == UV_EOF) {
        uv_read_stop(stream);
        connection_finish(connection);
    } else if (len < 0) {
        connection_break(connection);
    } else if (len > 0) {
        tcp_stream_commit(&connection->stream, (size_t)len);
        serve(connection);
    }
    settle(connection);
}

static void read_start(struct tcp_connection *connection)
{
    if (uv_read_start((uv_stream_t *)&connection->socket, on_alloc, on_read) != 0)
        connection_break(connection);
}

/* ---- the start of a connection ---- */

static void connection_accept(struct tcp_listener *listener)
{
    struct tcp_server *server = listener->server;
    struct tcp_connection *connection = server->first_free;
    server->first_free = connection->next_free;
    memset(connection, 0, sizeof *connection);
    connection->server = server;
    connection->handles_open = 2;
    ASSERT(uv_tcp_init(&server->loop, &connection->socket) == 0);
    ASSERT(uv_timer_init(&server->loop, &connection->idle) == 0);
    connection->socket.data = connection;
    connection->idle.data = connection;
    listener->is_waiting = false;
    if (uv_accept((uv_stream_t *)&listener->socket, (uv_stream_t *)&connection->socket) != 0) {
        connection_break(connection);
        return;
    }
    count(connection, NET_TCP_ACCEPTED);
    (void)uv_tcp_nodelay(&connection->socket, 1);
    restart_idle(connection);
    read_start(connection);
}

static void accept_waiting(struct tcp_server *server)
{
    for (unsigned i = 0; i < server->listener_count && server->first_free != NULL; i++)
        if (server->listeners[i].is_waiting)
            connection_accept(&server->listeners[i]);
}

/* Where no slot is free the connection is not accepted, which stops the listener until it is. */
static void on_connection(uv_stream_t *stream, int status)
{
    struct tcp_listener *listener = stream->data;
    if (status != 0)
        return; /* it was gone before we saw it, or descriptors ran out: libuv tries again */
    if (listener->server->first_free == NULL) {
        listener->is_waiting = true;
        net_cell_add(&listener->server->cells.events[NET_TCP_FULL], 1);
        return;
    }
    connection_accept(listener);
}

/* ---- the server ---- */

static void server_shut(struct tcp_server *server)
{
    server->is_stopping = true;
    uv_close((uv_handle_t *)&server->stop, NULL);
    for (unsigned i = 0; i < server->listener_count; i++)
        uv_close((uv_handle_t *)&server->listeners[i].socket, NULL);
    for (unsigned i = 0; i < server->slot_count; i++)
        if (server->slots[i].handles_open > 0)
            connection_close(&server->slots[i]);
}

static void on_stop(uv_async_t *async)
{
    server_shut(async->data);
}

static void *server_main(void *argument)
{
    struct tcp_server *server = argument;
    zone_reader_register();
    ASSERT(uv_run(&server->loop, UV_RUN_DEFAULT) == 0);
    zone_reader_unregister();
    return NULL;
}

static int listener_open(struct tcp_server *server, int fd_take)
{
    struct tcp_listener *listener = &server->listeners[server->listener_count++];
    ASSERT(uv_tcp_init(&server->loop, &listener->socket) == 0);
    listener->server = server;
    listener->socket.data = listener;
    int code = uv_tcp_open(&listener->socket, fd_take);
    if (code != 0) {
        close(fd_take);
        return code;
    }
    return uv_listen((uv_stream_t *)&listener->socket, TCP_BACKLOG, on_connection);
}

static void close_all(const struct tcp_options *options)
{
    for (unsigned i = 0; i < options->fd_count; i++)
        close(options->fds_take[i]);
}

/* The loop with its handles, and the thread; 0 or libuv's code with nothing left but @server. */
static int server_start(struct tcp_server *server, const struct tcp_options *options)
{
    int code = uv_loop_init(&server->loop);
    if (code == 0 && (code = uv_async_init(&server->loop, &server->stop, on_stop)) != 0)
        uv_loop_close(&server->loop);
    if (code != 0) {
        close_all(options);
        return code;
    }
    server->stop.data = server;
    for (unsigned i = 0; i < options->fd_count; i++) {
        int listener_code = listener_open(server, options->fds_take[i]);
        code = code != 0 ? code : listener_code;
    }
    if (code == 0)
        code = -thread_start(&server->thread, "dns-tcp", server_main, server);
    if (code != 0) {
        server_shut(server);
        uv_run(&server->loop, UV_RUN_DEFAULT);
        uv_loop_close(&server->loop);
    }
    return code;
}

static struct tcp_server *server_new(const struct tcp_options *options)
{
    struct tcp_server *server = aligned_alloc(_Alignof(struct tcp_server), sizeof *server);
    struct tcp_connection *slots = calloc(options->connections_max, sizeof *slots);
    if (server == NULL || slots == NULL) {
        free(server);
        free(slots);
        return NULL;
    }
    memset(server, 0, sizeof *server);
    server->idle_ms = options->idle_ms;
    server->env = options->env;
    server->slots = slots;
    server->slot_count = options->connections_max;
    for (unsigned i = server->slot_count; i-- > 0;) {
        slots[i].next_free = server->first_free;
        server->first_free = &slots[i];
    }
    return server;
}

static void server_free(struct tcp_server *server)
{
    free(server->slots);
    free(server);
}

int tcp_server_start(const struct tcp_options *options, struct tcp_server **out,
                     struct net_error *error)
{
    ASSERT(options->fd_count > 0 && options->fd_count <= NET_ADDRESSES_MAX);
    ASSERT(options->connections_max > 0);
    struct tcp_server *server = server_new(options);
    int code = UV_ENOMEM;
    if (server != NULL)
        code = server_start(server, options);
    else
        close_all(options);
    if (code == 0) {
        *out = server;
        return 0;
    }
    snprintf(error->text, sizeof error->text, "cannot start the DNS TCP thread: %s",
             uv_strerror(code));
    if (server != NULL)
        server_free(server);
    return code == UV_ENOMEM ? ERR_NOMEM : ERR_IO;
}

void tcp_server_stop(struct tcp_server *server)
{
    if (server == NULL)
        return;
    ASSERT(uv_async_send(&server->stop) == 0);
    ASSERT(pthread_join(server->thread, NULL) == 0);
    ASSERT(uv_loop_close(&server->loop) == 0);
    server_free(server);
}

const struct net_cells *tcp_server_cells(const struct tcp_server *server)
{
    return &server->cells;
}
