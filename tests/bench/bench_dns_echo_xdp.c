/* links: dns base
 *
 * bench_dns_echo_xdp INTERFACE PORT: as bench_dns_echo, by an AF_XDP socket of libknot on the first
 * queue of the interface. */
#include <libknot/xdp/xdp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64

static void die(const char *what, int err)
{
    fprintf(stderr, "bench_dns_echo_xdp: %s: error %d\n", what, err);
    exit(1);
}

static uint32_t make_replies(knot_xdp_socket_t *xdp, const knot_xdp_msg_t *queries, uint32_t count,
                             knot_xdp_msg_t *replies)
{
    uint32_t made = 0;

    knot_xdp_send_prepare(xdp);
    for (uint32_t i = 0; i < count; i++) {
        const struct iovec *query = &queries[i].payload;
        if (query->iov_len < 3 || knot_xdp_reply_alloc(xdp, &queries[i], &replies[made]) != 0)
            continue;
        struct iovec *reply = &replies[made].payload;
        if (reply->iov_len > query->iov_len)
            reply->iov_len = query->iov_len;
        memcpy(reply->iov_base, query->iov_base, reply->iov_len);
        ((uint8_t *)reply->iov_base)[2] |= 0x80;
        made++;
    }
    return made;
}

static void turn(knot_xdp_socket_t *xdp)
{
    knot_xdp_msg_t queries[BATCH], replies[BATCH];
    uint32_t got = 0, sent = 0;
    struct pollfd ready = {.fd = knot_xdp_socket_fd(xdp), .events = POLLIN};

    if (poll(&ready, 1, -1) < 0)
        die("poll", -1);
    int err = knot_xdp_recv(xdp, queries, BATCH, &got, NULL);
    if (err != 0)
        die("receiving", err);
    uint32_t made = make_replies(xdp, queries, got, replies);
    if (made > 0)
        knot_xdp_send(xdp, replies, made, &sent); /* what cannot be sent is lost */
    knot_xdp_send_finish(xdp);
    knot_xdp_recv_finish(xdp, queries, got);
}

int main(int argc, char **argv)
{
    knot_xdp_socket_t *xdp;
    char *end = NULL;
    unsigned long port = argc == 3 ? strtoul(argv[2], &end, 10) : 0;

    if (port == 0 || port > 65535 || *end != '\0') {
        fprintf(stderr, "usage: bench_dns_echo_xdp INTERFACE PORT\n");
        return 2;
    }
    int err = knot_xdp_init(&xdp, argv[1], 0, KNOT_XDP_FILTER_ON | KNOT_XDP_FILTER_UDP,
                            (uint16_t)port, 0, KNOT_XDP_LOAD_BPF_ALWAYS, NULL);
    if (err != 0)
        die("AF_XDP socket", err);
    for (;;)
        turn(xdp);
}
