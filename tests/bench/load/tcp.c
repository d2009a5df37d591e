/* tests/bench/load/tcp.c: queries pipelined over TCP connections (RFC 7766 6.2.1.1), the window
 * spread over them evenly. Every reply is checked; they may come in any order. */
#include "bench/load/run.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_MAX 131072u
#define OUT_MAX (LOAD_BATCH * (LOAD_QUERY_MAX + 2u))

struct connection {
    int fd;
    unsigned open; /* queries in flight */
    size_t in_len, out_at, out_len;
    uint8_t in[IN_MAX], out[OUT_MAX];
};
struct tcp {
    unsigned share; /* of the window, for each connection */
    unsigned next;
    struct connection connections[];
};

/* Send what is left; false: the peer takes no more for now. */
static bool flush(struct connection *connection)
{
    while (connection->out_at < connection->out_len) {
        ssize_t sent = send(connection->fd, connection->out + connection->out_at,
                            connection->out_len - connection->out_at, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return false;
        if (sent <= 0)
            load_die("TCP connection closed by the server");
        connection->out_at += (size_t)sent;
    }
    connection->out_at = connection->out_len = 0;
    return true;
}

/* Queries go to the connections in turn, as many to each as its share has room for. */
static void tcp_send(void *self, struct load_run *run, unsigned count)
{
    struct tcp *tcp = self;
    const unsigned connections = run->options->connections;

    for (unsigned turn = 0; turn < connections && count > 0; turn++) {
        struct connection *connection = &tcp->connections[tcp->next++ % connections];
        if (!flush(connection))
            continue;
        unsigned room =
            tcp->share - (connection->open < tcp->share ? connection->open : tcp->share);
        unsigned chosen = room < count ? room : count;
        for (unsigned i = 0; i < chosen; i++) {
            uint8_t *at = connection->out + connection->out_len;
            size_t len = load_next(run, i, at + 2);
            at[0] = (uint8_t)(len >> 8);
            at[1] = (uint8_t)len;
            connection->out_len += len + 2;
        }
        load_sent(run, chosen, load_now_ns());
        connection->open += chosen;
        count -= chosen;
        flush(connection);
    }
}

static void take(struct connection *connection, struct load_run *run, int64_t now_ns)
{
    size_t at = 0;
    while (connection->in_len - at >= 2) {
        size_t len = (size_t)connection->in[at] << 8 | connection->in[at + 1];
        if (connection->in_len - at - 2 < len)
            break;
        if (load_received(run, connection->in + at + 2, len, now_ns, false))
            connection->open -= connection->open > 0;
        at += len + 2;
    }
    connection->in_len -= at;
    memmove(connection->in, connection->in + at, connection->in_len);
}

static void tcp_receive(void *self, struct load_run *run)
{
    struct tcp *tcp = self;
    for (unsigned i = 0; i < run->options->connections; i++) {
        struct connection *connection = &tcp->connections[i];
        flush(connection);
        if (connection->open == 0)
            continue;
        ssize_t got = recv(connection->fd, connection->in + connection->in_len,
                           IN_MAX - connection->in_len, 0);
        if (got < 0 && errno == EAGAIN)
            continue;
        if (got <= 0)
            load_die("TCP connection closed by the server");
        connection->in_len += (size_t)got;
        take(connection, run, load_now_ns());
    }
}

void load_tcp_open(const struct load_run *run, struct load_port *out)
{
    const unsigned count = run->options->connections;
    struct tcp *tcp = calloc(1, sizeof(*tcp) + count * sizeof(struct connection));
    const int on = 1;

    if (!tcp)
        load_die("memory");
    tcp->share = run->options->window / count > 0 ? run->options->window / count : 1;
    for (unsigned i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const struct sockaddr_in *server = &run->options->server;
        if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof(*server)) != 0)
            load_die("TCP connection");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
            load_die("TCP connection");
        tcp->connections[i].fd = fd;
    }
    *out = (struct load_port){tcp, tcp_send, tcp_receive};
}
