/* node/net/tcp.c: see tcp.h for the bounds. A connection reads, answers whole messages in rounds,
 * writes what the socket takes at once and leaves the rest to libuv; it pauses while too much of
 * that is unsent. Connections are slots that are allocated before the thread starts; tcp_table says
 * who may come and who is to go, and one coarse timer asks it. */
#include "net/tcp.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "dnstap/dnstap.h"
#include "net/env.h"
#include "net/latency_samples.h"
#include "net/net.h"
#include "net/tcp_answer.h"
#include "net/tcp_pending.h"
#include "net/tcp_stream.h"
#include "net/tcp_table.h"
#include "net/thread.h"
#include "query.h"
#include "querylog/querylog.h"
#include "zone/image.h"

#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
    TICK_MS = 100,             /* how often time limits are looked at */
    TRIM_OCTETS_MIN = 1 << 20, /* less is not worth a walk through the heap */
};

union client_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

struct tcp_connection {
    uv_tcp_t socket;
    struct tcp_server *server;
    struct tcp_connection *next_free;
    struct tcp_member member; /* of the table, from its admission to its close */
    struct tcp_stream stream;
    struct tcp_pending pending;
    uint64_t taken_len; /* octets of pending replies taken by the socket when last renewed */
    union client_address client;
    union client_address server_address; /* that the client asks; known where there is a tap */
    bool is_used;                        /* its handle is open or closing */
    bool is_paused;                      /* not reading: too much unsent */
    bool is_finishing; /* the client sends no more: close when all replies are gone */
    bool was_answered; /* a request got its reply since the last settle() */
    bool was_unsent;   /* replies were unsent at the last settle() */
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
    uv_timer_t tick; /* runs while connections are open */
    struct tcp_table table;
    struct latency_samples *latency; /* NULL: not wanted */
    struct ring *log;                /* NULL: nothing is logged */
    struct dnstap_tap *tap;          /* NULL: nobody is told of exchanges */
    uint64_t now_ms;                 /* since the start, by ticks: see on_tick() */
    uint64_t tick_ms;                /* the loop's time at the last tick */
    size_t held_peak;                /* of the table's held_len since memory was last given back */
    const struct net_env *env;
    struct net_thread_env own;
    struct tcp_listener listeners[NET_ADDRESSES_MAX];
    unsigned listener_count;
    unsigned slot_count;
    unsigned slots_used; /* those from here on were never used, and never touched */
    struct tcp_connection *slots;
    struct tcp_connection *first_free;
    bool is_stopping;
    uint8_t scratch[TCP_STREAM_SCRATCH_SIZE];
    uint8_t round[TCP_ROUND_SIZE];
};

static void accept_waiting(struct tcp_server *server);

static void count(struct tcp_server *server, enum net_counter counter)
{
    net_cell_add(&server->cells.events[counter], 1);
}

static struct tcp_connection *connection_of(struct tcp_member *member)
{
    return (struct tcp_connection *)((char *)member - offsetof(struct tcp_connection, member));
}

static uv_stream_t *stream_of(struct tcp_connection *connection)
{
    return (uv_stream_t *)&connection->socket;
}

static bool is_closing(const struct tcp_connection *connection)
{
    return uv_is_closing((const uv_handle_t *)&connection->socket);
}

/* ---- the end of a connection ---- */

static void on_closed(uv_handle_t *handle)
{
    struct tcp_connection *connection = handle->data;
    struct tcp_server *server = connection->server;
    ASSERT(connection->pending.first == NULL && connection->stream.octets == NULL);
    connection->is_used = false;
    connection->next_free = server->first_free;
    server->first_free = connection;
    if (!server->is_stopping)
        accept_waiting(server);
}

/* It no longer counts, and its memory is free at once: many may go in one turn of the loop. */
static void connection_leave(struct tcp_connection *connection)
{
    if (connection->member.list == NULL)
        return; /* was not let in */
    tcp_pending_drop(&connection->pending);
    tcp_stream_fini(&connection->stream);
    tcp_table_leave(&connection->server->table, &connection->member);
    count(connection->server, NET_TCP_CLOSED);
}

/* The kernel still sends what it has taken. */
static void connection_close(struct tcp_connection *connection)
{
    if (is_closing(connection))
        return;
    connection_leave(connection);
    uv_close((uv_handle_t *)&connection->socket, on_closed);
}

/* Reset, so that the kernel keeps nothing for a client that takes nothing. */
static void connection_abort(struct tcp_connection *connection, enum net_counter reason)
{
    if (is_closing(connection))
        return;
    count(connection->server, reason);
    connection_leave(connection);
    if (uv_tcp_close_reset(&connection->socket, on_closed) != 0)
        uv_close((uv_handle_t *)&connection->socket, on_closed);
}

static void connection_break(struct tcp_connection *connection)
{
    if (is_closing(connection))
        return;
    count(connection->server, NET_TCP_BROKEN);
    connection_close(connection);
}

/* ---- who is to go ---- */

/* Octets of replies that the socket has taken from libuv so far. */
static uint64_t taken_len(const struct tcp_connection *connection)
{
    return connection->pending.octets_sum -
           uv_stream_get_write_queue_size((const uv_stream_t *)&connection->socket);
}

static bool has_taken_enough(const struct tcp_connection *connection)
{
    return taken_len(connection) - connection->taken_len >= TCP_PROGRESS_MIN;
}

static void renew(struct tcp_connection *connection, bool is_busy)
{
    struct tcp_server *server = connection->server;
    connection->taken_len = taken_len(connection);
    tcp_table_renew(&server->table, &connection->member, is_busy, server->now_ms);
}

/* The busy one that has not moved on for the longest. libuv does not tell when a part of a reply is
 * taken, so that is looked up here; who has taken enough is renewed. NULL: none is busy. */
static struct tcp_connection *longest_stalled(struct tcp_server *server)
{
    while (server->table.busy.oldest != NULL) {
        struct tcp_connection *connection = connection_of(server->table.busy.oldest);
        if (!has_taken_enough(connection))
            return connection;
        renew(connection, true);
    }
    return NULL;
}

static struct tcp_connection *longest_idle(struct tcp_server *server)
{
    struct tcp_member *oldest = server->table.idle.oldest;
    return oldest != NULL ? connection_of(oldest) : NULL;
}

static bool has_waited(const struct tcp_connection *connection, uint32_t limit_ms)
{
    return connection != NULL &&
           connection->server->now_ms - connection->member.since_ms >= limit_ms;
}

static void close_idle(struct tcp_server *server)
{
    struct tcp_connection *connection = longest_idle(server);
    while (has_waited(connection, tcp_table_idle_limit_ms(&server->table))) {
        count(server, NET_TCP_IDLE_CLOSED);
        connection_close(connection);
        connection = longest_idle(server);
    }
}

static void close_slow(struct tcp_server *server)
{
    struct tcp_connection *connection = longest_stalled(server);
    while (has_waited(connection, tcp_table_stall_limit_ms(&server->table))) {
        connection_abort(connection, NET_TCP_SLOW_CLOSED);
        connection = longest_stalled(server);
    }
}

/* After a flood the allocator keeps what was freed between blocks in use; give it back. */
static void give_memory_back(struct tcp_server *server)
{
    size_t held_len = server->table.held_len;
    if (held_len > server->held_peak)
        server->held_peak = held_len;
    if (server->held_peak < TRIM_OCTETS_MIN || held_len > server->held_peak / 4)
        return;
    malloc_trim(0);
    server->held_peak = held_len;
}

/* Where a turn of the loop took long, what clients have sent meanwhile is not seen yet: the time by
 * which they are judged goes on by two ticks at most. */
static void on_tick(uv_timer_t *timer)
{
    struct tcp_server *server = timer->data;
    uint64_t passed_ms = uv_now(&server->loop) - server->tick_ms;
    server->now_ms += passed_ms < 2 * TICK_MS ? passed_ms : 2 * TICK_MS;
    server->tick_ms = uv_now(&server->loop);
    close_idle(server);
    close_slow(server);
    give_memory_back(server);
    if (server->table.open_count == 0 && server->held_peak < TRIM_OCTETS_MIN)
        uv_timer_stop(timer);
}

static void start_ticking(struct tcp_server *server)
{
    if (uv_is_active((uv_handle_t *)&server->tick))
        return;
    server->tick_ms = uv_now(&server->loop);
    ASSERT(uv_timer_start(&server->tick, on_tick, TICK_MS, TICK_MS) == 0);
}

/* Make room for a new connection: at the cost of one that has nothing under way if there is any. */
static void evict(struct tcp_server *server)
{
    struct tcp_connection *connection = longest_idle(server);
    if (connection == NULL) {
        connection_abort(longest_stalled(server), NET_TCP_EVICTED);
        return;
    }
    count(server, NET_TCP_EVICTED);
    connection_close(connection);
}

/* The search for the largest is long, but it takes a client memory_max / connections_max octets and
 * more to cause one. */
static void account(struct tcp_connection *connection)
{
    struct tcp_server *server = connection->server;
    struct tcp_member *excess;
    size_t held_len = connection->stream.size + connection->pending.held_len;
    ASSERT(!connection->stream.is_lent && held_len <= TCP_HELD_MAX);
    tcp_table_hold(&server->table, &connection->member, held_len);
    while ((excess = tcp_table_find_excess(&server->table)) != NULL)
        connection_abort(connection_of(excess), NET_TCP_MEMORY_CLOSED);
}

/* To end each event of a connection with: what is under way now, and has it moved on? */
static void settle(struct tcp_connection *connection)
{
    if (is_closing(connection))
        return;
    bool is_unsent = uv_stream_get_write_queue_size(stream_of(connection)) > 0;
    if (connection->is_finishing && !is_unsent) {
        connection_close(connection);
        return;
    }
    if (tcp_stream_keep(&connection->stream) != 0) {
        connection_break(connection);
        return;
    }
    bool is_busy = is_unsent || connection->stream.octets != NULL;
    bool was_busy = connection->member.list == &connection->server->table.busy;
    bool is_ahead = is_unsent ? has_taken_enough(connection)
                              : connection->was_answered || connection->was_unsent;
    if (is_ahead || is_busy != was_busy)
        renew(connection, is_busy);
    connection->was_answered = false;
    connection->was_unsent = is_unsent;
    account(connection);
}

/* ---- replies ---- */

static void serve(struct tcp_connection *connection);

static void on_written(void *user, int status)
{
    struct tcp_connection *connection = user;
    if (status != 0)
        connection_break(connection);
    if (is_closing(connection))
        return;
    if (connection->is_paused)
        serve(connection);
    settle(connection);
}

/* False: the connection is broken. */
static bool write_round(struct tcp_connection *connection, size_t len)
{
    uint8_t *octets = connection->server->round;
    uv_buf_t buffer = uv_buf_init((char *)octets, (unsigned)len);
    int sent = uv_try_write(stream_of(connection), &buffer, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        return false;
    size_t done = sent < 0 ? 0 : (size_t)sent;
    return done == len || tcp_pending_add(&connection->pending, stream_of(connection),
                                          octets + done, len - done) == 0;
}

/* As clients are told (RFC 7828): the limit of now, as it may be less when they next ask. */
static uint16_t idle_limit_ds(const struct tcp_server *server)
{
    uint32_t limit_ds = tcp_table_idle_limit_ms(&server->table) / 100;
    return limit_ds < UINT16_MAX ? (uint16_t)limit_ds : UINT16_MAX;
}

/* One round of replies to what has arrived: *@len octets in the server's buffer. */
static enum tcp_stream_state answer(struct tcp_connection *connection, size_t *len)
{
    struct tcp_server *server = connection->server;
    struct query_env env = net_env_begin(server->env, QUERY_TCP, &server->own);
    env.client = &connection->client.any;
    env.tcp_idle_ds = idle_limit_ds(server);
    env.image = zone_image_read_begin(server->env->publisher);
    const struct tcp_teller teller = {.cells = &server->cells,
                                      .log = server->log,
                                      .now_wall_ms = server->own.now_wall_ms,
                                      .tap = server->tap,
                                      .server = &connection->server_address.any,
                                      .came_wall_ns = server->tap != NULL ? clock_wall_ns() : 0};
    enum tcp_stream_state state =
        tcp_answer_round(&connection->stream, &env, &teller, server->round, len);
    zone_image_read_end();
    connection->was_answered |= *len > 0;
    return state;
}

static void read_start(struct tcp_connection *connection);

static void read_pause(struct tcp_connection *connection)
{
    if (!connection->is_paused)
        count(connection->server, NET_TCP_PAUSED);
    connection->is_paused = true;
    uv_read_stop(stream_of(connection));
}

/* Answer what has arrived. Too much unsent: pause; on_written() comes back here. */
static void serve(struct tcp_connection *connection)
{
    enum tcp_stream_state state = TCP_STREAM_MESSAGE;
    while (state == TCP_STREAM_MESSAGE) {
        size_t len;
        if (connection->pending.held_len >= TCP_UNSENT_MAX) {
            read_pause(connection);
            return;
        }
        state = answer(connection, &len);
        if (len > 0 && !write_round(connection, len)) {
            connection_break(connection);
            return;
        }
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
        connection->is_finishing = true;
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
    if (uv_read_start(stream_of(connection), on_alloc, on_read) != 0)
        connection_break(connection);
}

/* ---- the start of a connection ---- */

static struct tcp_connection *slot_take(struct tcp_server *server)
{
    struct tcp_connection *connection = server->first_free;
    if (connection != NULL)
        server->first_free = connection->next_free;
    else if (server->slots_used < server->slot_count)
        connection = &server->slots[server->slots_used++];
    else
        return NULL;
    memset(connection, 0, sizeof *connection);
    connection->server = server;
    connection->pending.done = on_written;
    connection->pending.user = connection;
    connection->is_used = true;
    ASSERT(uv_tcp_init(&server->loop, &connection->socket) == 0);
    connection->socket.data = connection;
    return connection;
}

static bool learn_client(struct tcp_connection *connection)
{
    int len = sizeof connection->client;
    int code = uv_tcp_getpeername(&connection->socket, &connection->client.any, &len);
    len = sizeof connection->server_address;
    if (code == 0 && connection->server->tap != NULL)
        code = uv_tcp_getsockname(&connection->socket, &connection->server_address.any, &len);
    return code == 0; /* else it is gone already */
}

/* The handshake was one round trip, and the kernel has smoothed nothing else into it yet. */
static void measure(const struct tcp_connection *connection)
{
    struct latency_samples *latency = connection->server->latency;
    struct tcp_info info;
    socklen_t len = sizeof info;
    uv_os_fd_t fd;
    if (latency != NULL && uv_fileno((const uv_handle_t *)&connection->socket, &fd) == 0 &&
        getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
        latency_samples_add(latency, &connection->client.any, info.tcpi_rtt);
}

/* Where the table is full another has to go; a network that has its share gets nobody out. */
static void connection_admit(struct tcp_connection *connection)
{
    struct tcp_server *server = connection->server;
    struct sockaddr *client = &connection->client.any;
    if (!tcp_table_has_share(&server->table, client)) {
        connection_abort(connection, NET_TCP_REFUSED);
        return;
    }
    if (tcp_table_is_full(&server->table))
        evict(server);
    start_ticking(server);
    tcp_table_join(&server->table, &connection->member, client, server->now_ms);
    count(server, NET_TCP_ACCEPTED);
    measure(connection);
    read_start(connection);
}

static void connection_accept(struct tcp_listener *listener, struct tcp_connection *connection)
{
    listener->is_waiting = false;
    if (uv_accept((uv_stream_t *)&listener->socket, stream_of(connection)) != 0 ||
        !learn_client(connection))
        connection_break(connection);
    else
        connection_admit(connection);
}

static void accept_waiting(struct tcp_server *server)
{
    for (unsigned i = 0; i < server->listener_count; i++) {
        struct tcp_listener *listener = &server->listeners[i];
        struct tcp_connection *slot = listener->is_waiting ? slot_take(server) : NULL;
        if (slot != NULL)
            connection_accept(listener, slot);
    }
}

/* Slots are short only while many are closing, which ends with this turn of the loop: until then
 * the connection is not accepted, which stops the listener. */
static void on_connection(uv_stream_t *stream, int status)
{
    struct tcp_listener *listener = stream->data;
    if (status != 0)
        return; /* it was gone before we saw it, or descriptors ran out: libuv tries again */
    struct tcp_connection *slot = slot_take(listener->server);
    if (slot != NULL)
        connection_accept(listener, slot);
    else
        listener->is_waiting = true;
}

/* ---- the server ---- */

static void server_shut(struct tcp_server *server)
{
    server->is_stopping = true;
    uv_close((uv_handle_t *)&server->stop, NULL);
    uv_close((uv_handle_t *)&server->tick, NULL);
    for (unsigned i = 0; i < server->listener_count; i++)
        uv_close((uv_handle_t *)&server->listeners[i].socket, NULL);
    for (unsigned i = 0; i < server->slots_used; i++)
        if (server->slots[i].is_used)
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

/* Connections inherit these: no reply waits for another to be acknowledged, and what the kernel
 * keeps for a client that takes nothing is bounded too. */
static void set_options(int fd)
{
    int nodelay = 1, send_octets = TCP_KERNEL_UNSENT_MAX;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_octets, sizeof send_octets);
}

static int listener_open(struct tcp_server *server, int fd_take)
{
    struct tcp_listener *listener = &server->listeners[server->listener_count++];
    ASSERT(uv_tcp_init(&server->loop, &listener->socket) == 0);
    listener->server = server;
    listener->socket.data = listener;
    set_options(fd_take);
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
    ASSERT(uv_timer_init(&server->loop, &server->tick) == 0);
    server->stop.data = server->tick.data = server;
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

static void server_free(struct tcp_server *server)
{
    if (server == NULL)
        return;
    if (server->log != NULL)
        querylog_ring_close(server->env->log, server->log);
    if (server->tap != NULL)
        dnstap_tap_close(server->env->tap, server->tap);
    tcp_table_fini(&server->table);
    free(server->slots);
    free(server);
}

static struct tcp_server *server_new(const struct tcp_options *options)
{
    struct tcp_server *server = aligned_alloc(_Alignof(struct tcp_server), sizeof *server);
    uint64_t seed;
    if (server == NULL)
        return NULL;
    memset(server, 0, sizeof *server);
    random_bytes(&seed, sizeof seed);
    server->env = options->env;
    server->latency = options->latency;
    server->slot_count = options->limits.connections_max + TCP_SPARE_SLOTS;
    server->slots = calloc(server->slot_count, sizeof *server->slots);
    if (server->env->log != NULL)
        server->log = querylog_ring_open(server->env->log);
    if (server->env->tap != NULL)
        server->tap = dnstap_tap_open(server->env->tap);
    if ((server->log == NULL && server->env->log != NULL) ||
        (server->tap == NULL && server->env->tap != NULL) || server->slots == NULL ||
        tcp_table_init(&server->table, &options->limits, seed) != 0) {
        server_free(server);
        return NULL;
    }
    return server;
}

int tcp_server_start(const struct tcp_options *options, struct tcp_server **out,
                     struct net_error *error)
{
    ASSERT(options->fd_count > 0 && options->fd_count <= NET_ADDRESSES_MAX);
    ASSERT(options->limits.connections_max > 0 && options->limits.per_prefix > 0);
    ASSERT(options->limits.connections_max <= NET_TCP_CONNECTIONS_MAX);
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
