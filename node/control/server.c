#include "control/server.h"

#include <errno.h>
#include <stdbool.h>
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
#include "base/frame.h"
#include "base/log.h"

#define READ_LEN_MIN 4096u
#define BACKLOG 128

struct control_server {
    uv_pipe_t listener;
    control_request_cb cb;
    void *user;
    struct connection *connections;
    unsigned connection_count;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* Freed when its handle is closed and the last request at work has been answered. */
struct connection {
    uv_pipe_t pipe;
    struct control_server *server; /* NULL once closing */
    struct connection *next, **link;
    uint8_t *input; /* a request being received, from its header on */
    size_t input_len, input_capacity;
    unsigned calls;
    bool is_closed, is_paused, is_taking;
};

struct pending {
    struct connection *connection;
    uint32_t number;
};

struct reply {
    uv_write_t write;
    uint8_t octets[];
};

static void release(struct connection *connection)
{
    if (!connection->is_closed || connection->is_taking || connection->calls > 0)
        return;
    free(connection->input);
    free(connection);
}

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;

    connection->is_closed = true;
    release(connection);
}

static void close_connection(struct connection *connection)
{
    if (!connection->server)
        return;
    connection->server->connection_count--;
    connection->server = NULL;
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    uv_close((uv_handle_t *)&connection->pipe, on_connection_closed);
}

static void on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->handle->data;

    free(write->data);
    if (status < 0)
        close_connection(connection);
}

/* Most replies fit into the socket at once; the rest is queued by libuv. */
static void send_reply(struct connection *connection, uint32_t number, const uint8_t *reply,
                       size_t len)
{
    uint8_t header[FRAME_HEADER_LEN];
    uv_stream_t *stream = (uv_stream_t *)&connection->pipe;

    frame_encode(header, (uint32_t)len, number);
    uv_buf_t parts[] = {uv_buf_init((char *)header, sizeof(header)),
                        uv_buf_init((char *)reply, (unsigned)len)};
    int sent = uv_try_write(stream, parts, 2);
    size_t total = sizeof(header) + len, done = sent > 0 ? (size_t)sent : 0;
    if (done == total)
        return;
    struct reply *rest = malloc(sizeof(*rest) + total);
    if (!rest || (sent < 0 && sent != UV_EAGAIN) ||
        uv_stream_get_write_queue_size(stream) > SERVER_UNSENT_LEN_MAX) {
        free(rest);
        close_connection(connection);
        return;
    }
    memcpy(rest->octets, header, sizeof(header));
    memcpy(rest->octets + sizeof(header), reply, len);
    rest->write.data = rest;
    uv_buf_t buffer = uv_buf_init((char *)rest->octets + done, (unsigned)(total - done));
    if (uv_write(&rest->write, stream, &buffer, 1, on_written) != 0) {
        free(rest);
        close_connection(connection);
    }
}

static void start_reading(struct connection *connection);

static void answer_pending(void *user, const uint8_t *reply, size_t len)
{
    struct pending *pending = user;
    struct connection *connection = pending->connection;

    connection->calls--;
    if (connection->server)
        send_reply(connection, pending->number, reply, len);
    free(pending);
    if (connection->server && connection->is_paused)
        start_reading(connection);
    release(connection);
}

/* Give the first whole request of the input to the handler. false: there is none, or no more may be
 * at work, or the connection has ended. */
static bool take_request(struct connection *connection, size_t *offset)
{
    uint32_t len, number;
    const uint8_t *at = connection->input + *offset;
    size_t have = connection->input_len - *offset;

    if (!connection->server || connection->calls >= SERVER_PIPELINE_MAX || have < FRAME_HEADER_LEN)
        return false;
    frame_decode(at, &len, &number);
    if (len > FRAME_REQUEST_LEN_MAX) {
        log_warn("control", "request_refused reason=\"too long\" octets=%u", len);
        close_connection(connection);
        return false;
    }
    if (have < FRAME_HEADER_LEN + len)
        return false;
    struct pending *pending = malloc(sizeof(*pending));
    if (!pending) {
        close_connection(connection);
        return false;
    }
    *pending = (struct pending){connection, number};
    connection->calls++;
    *offset += FRAME_HEADER_LEN + len;
    struct control_server *server = connection->server;
    server->cb(server->user, at + FRAME_HEADER_LEN, len, answer_pending, pending);
    return true;
}

/* Handlers may answer at once, so the connection is held while they run. */
static void take_requests(struct connection *connection)
{
    size_t offset = 0;

    if (connection->input_len == 0)
        return;
    connection->is_taking = true;
    while (take_request(connection, &offset))
        continue;
    connection->input_len -= offset;
    memmove(connection->input, connection->input + offset, connection->input_len);
    if (connection->server && connection->calls >= SERVER_PIPELINE_MAX) {
        uv_read_stop((uv_stream_t *)&connection->pipe);
        connection->is_paused = true;
    }
    connection->is_taking = false;
    release(connection);
}

/* Room for the rest of the request that is coming in, as far as its length is known. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    size_t wanted = connection->input_len + READ_LEN_MIN;

    (void)suggested;
    if (connection->input_len >= FRAME_HEADER_LEN) {
        uint32_t len, number;
        frame_decode(connection->input, &len, &number);
        if (len <= FRAME_REQUEST_LEN_MAX && wanted < FRAME_HEADER_LEN + len)
            wanted = FRAME_HEADER_LEN + len;
    }
    if (wanted > connection->input_capacity) {
        uint8_t *grown = realloc(connection->input, wanted);
        if (grown) {
            connection->input = grown;
            connection->input_capacity = wanted;
        }
    }
    *buffer = uv_buf_init((char *)connection->input + connection->input_len,
                          (unsigned)(connection->input_capacity - connection->input_len));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;

    (void)buffer;
    if (len < 0) { /* closed by the asker, or no memory for more */
        close_connection(connection);
        return;
    }
    connection->input_len += (size_t)len;
    take_requests(connection);
}

static void start_reading(struct connection *connection)
{
    connection->is_paused = false;
    if (uv_read_start((uv_stream_t *)&connection->pipe, on_alloc, on_read) != 0) {
        close_connection(connection);
        return;
    }
    take_requests(connection); /* what came in before the pause */
}

static void on_connect(uv_stream_t *listener, int status)
{
    struct control_server *server = listener->data;
    struct connection *connection = status == 0 ? calloc(1, sizeof(*connection)) : NULL;

    if (!connection)
        return;
    connection->pipe.data = connection;
    ASSERT(uv_pipe_init(listener->loop, &connection->pipe, 0) == 0);
    int rc = uv_accept(listener, (uv_stream_t *)&connection->pipe);
    if (rc != 0 || server->connection_count == SERVER_CONNECTIONS_MAX) {
        log_warn("control", "connection_refused count=%u", server->connection_count);
        uv_close((uv_handle_t *)&connection->pipe, on_connection_closed);
        return;
    }
    connection->server = server;
    connection->link = &server->connections;
    connection->next = server->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    server->connections = connection;
    server->connection_count++;
    start_reading(connection);
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

    if (strlen(path) >= sizeof(address.sun_path)) {
        snprintf(error, CONTROL_ERROR_LEN, "%s is too long for a socket (%zu octets at most)", path,
                 sizeof(address.sun_path) - 1);
        return ERR_LIMIT;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int rc = remove_dead_socket(&address, error);
    if (rc != 0)
        return rc;
    mode_t mask = umask(S_IXUSR | S_IRWXG | S_IRWXO); /* 0600 from the first moment */
    rc = uv_pipe_bind(&server->listener, path);
    umask(mask);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connect);
    if (rc != 0) {
        snprintf(error, CONTROL_ERROR_LEN, "cannot listen on %s: %s", path, uv_strerror(rc));
        return ERR_IO;
    }
    memcpy(server->path, path, strlen(path) + 1);
    return 0;
}

int control_server_share(struct control_server *server, uint32_t group,
                         char error[CONTROL_ERROR_LEN])
{
    if (chown(server->path, (uid_t)-1, group) == 0 &&
        chmod(server->path, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) == 0)
        return 0;
    snprintf(error, CONTROL_ERROR_LEN, "cannot give %s to group %u: %s", server->path, group,
             strerror(errno));
    return ERR_IO;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void control_server_close(struct control_server *server)
{
    if (!server)
        return;
    while (server->connections)
        close_connection(server->connections);
    if (server->path[0])
        unlink(server->path);
    uv_close((uv_handle_t *)&server->listener, on_listener_closed);
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
    ASSERT(uv_pipe_init(loop, &server->listener, 0) == 0);
    server->listener.data = server;
    int rc = listen_at(server, path, error);
    if (rc != 0) {
        control_server_close(server);
        return rc;
    }
    log_info("control", "listening socket=%s", path);
    *out = server;
    return 0;
}
