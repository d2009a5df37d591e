/* tests/bench/load/udp.c: queries by UDP sockets, for any machine and without rights. Every reply
 * is checked. */
#include "bench/load/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SOCKETS 8u
#define REPLY_MAX 4096u

struct udp {
    int sockets[SOCKETS]; /* several source ports, for servers that spread clients by them */
    unsigned next;
    struct mmsghdr sends[LOAD_BATCH], receives[LOAD_BATCH];
    struct iovec send_parts[LOAD_BATCH], receive_parts[LOAD_BATCH];
    uint8_t queries[LOAD_BATCH][LOAD_QUERY_MAX], replies[LOAD_BATCH][REPLY_MAX];
};

static void udp_send(void *self, struct load_run *run, unsigned count)
{
    struct udp *udp = self;
    int64_t now_ns = load_now_ns();

    for (unsigned i = 0; i < count; i++)
        udp->send_parts[i].iov_len = load_next(run, i, udp->queries[i]);
    int sent = sendmmsg(udp->sockets[udp->next++ % SOCKETS], udp->sends, count, 0);
    if (sent > 0)
        load_sent(run, (unsigned)sent, now_ns);
    else if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
        load_die("sendmmsg");
}

static void udp_receive(void *self, struct load_run *run)
{
    struct udp *udp = self;
    for (unsigned s = 0; s < SOCKETS; s++) {
        int count = recvmmsg(udp->sockets[s], udp->receives, LOAD_BATCH, MSG_DONTWAIT, NULL);
        int64_t now_ns = load_now_ns();
        for (int i = 0; i < count; i++)
            load_received(run, udp->replies[i], udp->receives[i].msg_len, now_ns, false);
    }
}

void load_udp_open(const struct load_run *run, struct load_port *out)
{
    struct udp *udp = calloc(1, sizeof(*udp));
    const int size = 4 << 20;

    if (!udp)
        load_die("memory");
    for (unsigned i = 0; i < LOAD_BATCH; i++) {
        udp->send_parts[i].iov_base = udp->queries[i];
        udp->receive_parts[i] = (struct iovec){udp->replies[i], REPLY_MAX};
        udp->sends[i].msg_hdr.msg_iov = &udp->send_parts[i];
        udp->receives[i].msg_hdr.msg_iov = &udp->receive_parts[i];
        udp->sends[i].msg_hdr.msg_iovlen = udp->receives[i].msg_hdr.msg_iovlen = 1;
    }
    for (unsigned i = 0; i < SOCKETS; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const struct sockaddr_in *server = &run->options->server;
        if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof(*server)) != 0)
            load_die("UDP socket");
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* as much as may be had */
        udp->sockets[i] = fd;
    }
    *out = (struct load_port){udp, udp_send, udp_receive};
}
