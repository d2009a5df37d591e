/* node/gateway/http.c: libmicrohttpd on our loop. It has no thread of its own: its epoll descriptor
 * is one more that libuv watches. A connection whose request waits for the node is suspended. */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/counts.h"
#include "gateway/internal.h"

#define CONNECTION_MEMORY_LEN (20u << 10) /* the request's head, and the answer's */
#define BACKLOG 1024
#define OPERATORS_MAX 64u /* connections for metrics and probes */
#define SWEEP_MS 500u
#define FLOOD_PEERS_MIN 512u
#define HOST_SIZE 256u
#define RETRY_AFTER_S "1"
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

enum peer_phase {
    PEER_IDLE,      /* between requests */
    PEER_RECEIVING, /* a request's line has come */
    PEER_WORKING,   /* it is being carried out */
    PEER_SENDING,   /* the answer is on its way */
};

/* One connection. */
struct peer {
    struct peer *next, **link;
    struct http_listener *listener;
    struct MHD_Connection *connection;
    int fd;
    enum peer_phase phase;
    bool was_served; /* one request at least */
    uint64_t since_mono_ms;
};

struct http_listener {
    struct http_listener *next;
    struct gateway *gateway;
    struct MHD_Daemon *daemon;
    struct peer *peers;
    unsigned peer_count, peer_peak; /* peak: since memory was given back */
    int fd;
    enum http_kind kind;
    unsigned open_handles;
    uv_poll_t poll;
    uv_timer_t timer, sweep;
};

/* ---- running ---- */

static void run(struct http_listener *listener);

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void run(struct http_listener *listener)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;

    MHD_run(listener->daemon);
    if (MHD_get_timeout(listener->daemon, &timeout_ms) == MHD_YES)
        uv_timer_start(&listener->timer, on_timer, timeout_ms, 0);
    else
        uv_timer_stop(&listener->timer);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    run(poll->data);
}

/* ---- connections ---- */

static void set_phase(struct peer *peer, enum peer_phase phase)
{
    peer->phase = phase;
    peer->since_mono_ms = clock_mono_ms();
}

static void on_connection(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_listener *listener = user;
    struct peer *peer = *context;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (!peer)
            return;
        listener->peer_count--;
        *peer->link = peer->next;
        if (peer->next)
            peer->next->link = peer->link;
        free(peer);
        *context = NULL;
        return;
    }
    peer = calloc(1, sizeof(*peer));
    *context = peer;
    if (!peer)
        return; /* take_request() refuses what comes */
    peer->listener = listener;
    peer->connection = connection;
    peer->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    peer->next = listener->peers;
    peer->link = &listener->peers;
    if (peer->next)
        peer->next->link = &peer->next;
    listener->peers = peer;
    if (++listener->peer_count > listener->peer_peak)
        listener->peer_peak = listener->peer_count;
    set_phase(peer, PEER_IDLE);
}

/* What one octet a second would keep alive forever is cut off: libmicrohttpd itself only counts the
 * time without any. */
static bool is_too_slow(const struct peer *peer, const struct gateway_options *options,
                        uint64_t now_mono_ms)
{
    uint64_t age_ms = now_mono_ms - peer->since_mono_ms;

    if (peer->phase == PEER_WORKING)
        return false; /* the node has a time limit of its own */
    if (peer->phase == PEER_IDLE && peer->was_served)
        return age_ms > options->idle_ms;
    return age_ms > options->request_ms;
}

/* After a flood of connections its memory goes back to the system. */
static void give_back_memory(struct http_listener *listener)
{
    if (listener->peer_peak < FLOOD_PEERS_MIN || listener->peer_count > listener->peer_peak / 4)
        return;
    malloc_trim(0);
    listener->peer_peak = listener->peer_count;
}

static void on_sweep(uv_timer_t *timer)
{
    struct http_listener *listener = timer->data;
    uint64_t now = clock_mono_ms();

    for (struct peer *peer = listener->peers; peer; peer = peer->next) {
        if (is_too_slow(peer, &listener->gateway->options, now))
            shutdown(peer->fd, SHUT_RDWR);
    }
    give_back_memory(listener);
}

/* ---- requests ---- */

static struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void wake(struct gateway_call *call)
{
    struct peer *peer = call->holder;

    call->is_waiting = false;
    MHD_resume_connection(peer->connection);
    uv_timer_start(&peer->listener->timer, on_timer, 0, 0);
}

/* The request's line is there; @target as it came, before libmicrohttpd decodes it. The outcome is
 * what the callbacks below get as *context. */
static void *on_line(void *user, const char *target, struct MHD_Connection *connection)
{
    struct http_listener *listener = user;
    struct peer *peer = peer_of(connection);

    if (!peer)
        return NULL;
    set_phase(peer, PEER_RECEIVING);
    struct gateway_call *call = call_new(listener->gateway, target);
    if (!call)
        return NULL;
    const struct sockaddr *client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    bool is_ip6 = client->sa_family == AF_INET6;
    memcpy(&call->client, client,
           is_ip6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    call->kind = listener->kind;
    call->holder = peer;
    call->wake = wake;
    return call;
}

struct header_list {
    struct auth_header *headers;
    size_t count;
};

static enum MHD_Result add_header(void *user, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct header_list *list = user;

    (void)kind;
    if (list->count == AUTH_HEADERS_MAX)
        return MHD_NO;
    list->headers[list->count++] = (struct auth_header){name, value ? value : ""};
    return MHD_YES;
}

static void take_head(struct gateway_call *call, struct MHD_Connection *connection,
                      const char *method)
{
    struct header_list list = {.count = 0};
    int count = MHD_get_connection_values(connection, MHD_HEADER_KIND, NULL, NULL);

    if (count > 0 && count <= (int)AUTH_HEADERS_MAX)
        list.headers = arena_alloc(call->arena, (size_t)count * sizeof(*list.headers));
    if (count > 0 && !list.headers) {
        call->method = method;
        gateway_fail(call, "InvalidInput", "There are too many headers");
        return;
    }
    if (count > 0)
        MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &list);
    call_take_head(call, method, list.headers, list.count);
}

static void add_headers(const struct gateway_call *call, struct MHD_Response *response)
{
    MHD_add_response_header(response, "x-amzn-RequestId", call->id);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, call->content_type);
    if (call->location)
        MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, call->location);
    if (call->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
    if (call->gateway->is_stopping)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static enum MHD_Result send_answer(struct gateway_call *call, struct MHD_Connection *connection)
{
    struct peer *peer = call->holder;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        call->answer ? call->answer_len : 0, call->answer,
        call->answer ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

    if (!response)
        return MHD_NO;
    call->answer = NULL; /* the response's now */
    add_headers(call, response);
    set_phase(peer, PEER_SENDING);
    enum MHD_Result result = MHD_queue_response(connection, call->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The body's end: work, and let the connection rest if the answer takes time. */
static enum MHD_Result work(struct gateway_call *call, struct MHD_Connection *connection)
{
    set_phase(call->holder, PEER_WORKING);
    call_run(call);
    if (call->is_answered)
        return send_answer(call, connection);
    call->is_waiting = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

/* Called when the head is there, for each piece of the body, at its end, and after a rest. An
 * answer before the end closes the connection, so only what is far too long gets one. */
static enum MHD_Result take_request(void *user, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *octets,
                                    size_t *len, void **context)
{
    struct gateway_call *call = *context;

    (void)user, (void)url, (void)version;
    if (!call)
        return MHD_NO;
    if (!call->has_head) {
        call->has_head = true;
        take_head(call, connection, method);
        return call->refusal ? send_answer(call, connection) : MHD_YES;
    }
    if (*len > 0) {
        call_take_body(call, octets, *len);
        *len = 0;
        return MHD_YES;
    }
    return call->is_answered ? send_answer(call, connection) : work(call, connection);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct gateway_call *call = *context;
    struct peer *peer = peer_of(connection);

    (void)user, (void)code;
    if (peer) {
        peer->was_served = true;
        set_phase(peer, PEER_IDLE);
    }
    if (!call)
        return;
    call_log(call);
    if (call->kind != HTTP_OPERATOR)
        gateway_counts_add(call->gateway->counts, call);
    call_free(call);
    *context = NULL;
}

static void on_message(void *user, const char *format, va_list args)
{
    char text[256];

    (void)user;
    vsnprintf(text, sizeof(text), format, args);
    log_debug("gateway", "http message=\"%s\"", text);
}

/* ---- opening ---- */

__attribute__((format(printf, 3, 4))) static int refuse(char *error, int code, const char *format,
                                                        ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, GATEWAY_ERROR_LEN, format, args);
    va_end(args);
    return code;
}

/* ADDR:PORT or [ADDR]:PORT, numeric. */
static int parse_address(const char *text, struct addrinfo **out, char *error)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    char host[HOST_SIZE];
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool is_bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';

    if (len == 0 || len >= sizeof(host))
        return refuse(error, ERR_INVALID, "'%.300s' is not ADDR:PORT", text);
    snprintf(host, sizeof(host), "%.*s", (int)(is_bracketed ? len - 2 : len), text + is_bracketed);
    if (getaddrinfo(host, colon + 1, &hints, out) != 0)
        return refuse(error, ERR_INVALID, "'%.300s' is not ADDR:PORT", text);
    return 0;
}

static int listen_at(const char *text, int *out, char *error)
{
    struct addrinfo *address;
    const int on = 1;

    int rc = parse_address(text, &address, error);
    if (rc != 0)
        return rc;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_listening = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                        bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
                        listen(fd, BACKLOG) == 0;
    if (!is_listening) {
        rc = refuse(error, ERR_IO, "cannot listen on %.300s: %s", text, strerror(errno));
        if (fd >= 0)
            close(fd);
    } else {
        *out = fd;
    }
    freeaddrinfo(address);
    return rc;
}

static struct MHD_Daemon *start_daemon(struct http_listener *listener)
{
    const struct gateway_options *options = &listener->gateway->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (char *)(uintptr_t)options->key},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (char *)(uintptr_t)options->certificate},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (char *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };

    bool is_tls = listener->kind == HTTP_API_TLS, is_operator = listener->kind == HTTP_OPERATOR;
    if (is_tls)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(flags, 0, NULL, NULL, take_request, listener, /* */
                            MHD_OPTION_EXTERNAL_LOGGER, on_message,
                            NULL, /* first: the others may have something to say */
                            MHD_OPTION_LISTEN_SOCKET, listener->fd, /* */
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_LEN,
                            MHD_OPTION_CONNECTION_LIMIT,
                            is_operator ? OPERATORS_MAX : options->connections_max,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            is_operator ? OPERATORS_MAX : options->connections_per_address_max,
                            MHD_OPTION_CONNECTION_TIMEOUT, options->idle_ms / 1000 + 1, /* */
                            MHD_OPTION_URI_LOG_CALLBACK, on_line, listener,             /* */
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,      /* */
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener,        /* */
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,                            /* */
                            is_tls ? MHD_OPTION_ARRAY : MHD_OPTION_END, tls, MHD_OPTION_END);
}

static void watch(struct http_listener *listener)
{
    uv_loop_t *loop = listener->gateway->options.loop;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    ASSERT(info && info->listen_fd >= 0);
    ASSERT(uv_poll_init(loop, &listener->poll, info->listen_fd) == 0);
    ASSERT(uv_timer_init(loop, &listener->timer) == 0);
    ASSERT(uv_timer_init(loop, &listener->sweep) == 0);
    listener->poll.data = listener->timer.data = listener->sweep.data = listener;
    listener->open_handles = 3;
    uv_poll_start(&listener->poll, UV_READABLE, on_poll);
    uv_timer_start(&listener->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static int open_listener(struct gateway *gateway, const char *address, enum http_kind kind,
                         char *error)
{
    struct http_listener *listener = calloc(1, sizeof(*listener));

    if (!listener)
        return refuse(error, ERR_NOMEM, "out of memory");
    listener->gateway = gateway;
    listener->kind = kind;
    int rc = listen_at(address, &listener->fd, error);
    if (rc == 0) {
        listener->daemon = start_daemon(listener);
        if (!listener->daemon) {
            close(listener->fd);
            rc = refuse(error, ERR_INVALID, "cannot serve %.300s%s", address,
                        kind == HTTP_API_TLS ? ": is it the key of that certificate?" : "");
        }
    }
    if (rc != 0) {
        free(listener);
        return rc;
    }
    watch(listener);
    listener->next = gateway->listeners;
    gateway->listeners = listener;
    log_info("gateway", "listening address=%s scheme=%s", address,
             kind == HTTP_API_TLS ? "https"
             : kind == HTTP_API   ? "http"
                                  : "metrics");
    return 0;
}

/* By default on an address that is the same for all gateways of a machine. */
static int open_operators(struct gateway *gateway, char *error)
{
    int rc = open_listener(gateway, gateway->options.listen_metrics, HTTP_OPERATOR, error);

    if (rc != ERR_IO || !gateway->options.may_miss_metrics)
        return rc;
    log_warn("gateway", "metrics_not_served reason=\"%s\"", error);
    return 0;
}

unsigned http_connections(const struct gateway *gateway, enum http_kind kind)
{
    unsigned count = 0;

    for (struct http_listener *listener = gateway->listeners; listener; listener = listener->next)
        count += listener->kind == kind ? listener->peer_count : 0;
    return count;
}

int http_open(struct gateway *gateway, char error[GATEWAY_ERROR_LEN])
{
    int rc = 0;

    if (gateway->options.listen)
        rc = open_listener(gateway, gateway->options.listen, HTTP_API, error);
    if (rc == 0 && gateway->options.listen_tls)
        rc = open_listener(gateway, gateway->options.listen_tls, HTTP_API_TLS, error);
    if (rc == 0 && gateway->options.listen_metrics)
        rc = open_operators(gateway, error);
    return rc;
}

/* ---- closing ---- */

void http_quiesce(struct gateway *gateway)
{
    for (struct http_listener *listener = gateway->listeners; listener; listener = listener->next) {
        int fd = MHD_quiesce_daemon(listener->daemon);
        if (fd >= 0)
            close(fd);
        for (struct peer *peer = listener->peers; peer; peer = peer->next) {
            if (peer->phase == PEER_IDLE)
                shutdown(peer->fd, SHUT_RDWR);
        }
        uv_timer_start(&listener->timer, on_timer, 0, 0);
    }
}

bool http_is_busy(const struct gateway *gateway)
{
    for (struct http_listener *listener = gateway->listeners; listener; listener = listener->next) {
        for (struct peer *peer = listener->peers; peer; peer = peer->next) {
            if (peer->phase != PEER_IDLE)
                return true;
        }
    }
    return false;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_listener *listener = handle->data;

    if (--listener->open_handles == 0)
        free(listener);
}

void http_close(struct gateway *gateway)
{
    while (gateway->listeners) {
        struct http_listener *listener = gateway->listeners;
        gateway->listeners = listener->next;
        uv_poll_stop(&listener->poll);
        MHD_run(listener->daemon); /* what was resumed */
        MHD_stop_daemon(listener->daemon);
        uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
        uv_close((uv_handle_t *)&listener->timer, on_handle_closed);
        uv_close((uv_handle_t *)&listener->sweep, on_handle_closed);
    }
}
