/* node/net/udp.c: poll, receive a batch, answer it under one read section, send a batch. */
#include "net/udp.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/answer.h"
#include "net/batch.h"
#include "net/counters.h"
#include "net/net.h"
#include "net/thread.h"
#include "zone/image.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    REQUEST_MAX = 1280, /* over what our OPT announces; longer ones are cut, then refused */
    /* With REQUEST_MAX an odd number of cache lines, so that the starts of all slots fall into
     * different sets of the cache. */
    REPLY_MAX = 1344,
    TURN_BATCHES_MAX = 16, /* batches from one socket before the others get their turn */
};
_Static_assert(REQUEST_MAX > DNS_UDP_SIZE_MAX && REPLY_MAX >= DNS_UDP_SIZE_MAX,
               "what our OPT announces fits, both ways");

/* What a datagram needs besides its header, all in one cache line. */
struct udp_slot {
    _Alignas(64) struct iovec request_vector;
    struct iovec reply_vector;
    struct sockaddr_in6 client; /* or a sockaddr_in */
};

struct udp_octets { /* of one datagram and its reply */
    uint8_t request[REQUEST_MAX];
    uint8_t reply[REPLY_MAX];
};

/* What arrives with a datagram and is sent back with its reply: the address that was asked. */
struct udp_ancillary {
    _Alignas(struct cmsghdr) uint8_t octets[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp_worker {
    struct net_cells cells;
    pthread_t thread;
    unsigned fd_count; /* sockets; polls[fd_count] is the stop event */
    struct pollfd polls[NET_ADDRESSES_MAX + 1];
    struct sockaddr_in6 listened[NET_ADDRESSES_MAX]; /* or sockaddr_in: of the sockets, for a tap */
    struct net_batch batch;
    struct mmsghdr messages[UDP_BATCH]; /* received, then those of the replies */
    struct udp_slot slots[UDP_BATCH];
    struct udp_ancillary ancillaries[UDP_BATCH];
    struct udp_octets octets[UDP_BATCH];
};

/* The first @count headers, for receiving: all but the length of a message. They are written field
 * by field, where they are: a copy of a whole header made just before would have to wait for it. */
static void prepare_headers(struct udp_worker *worker, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct msghdr *header = &worker->messages[i].msg_hdr;
        header->msg_name = &worker->slots[i].client;
        header->msg_namelen = sizeof worker->slots[i].client;
        header->msg_iov = &worker->slots[i].request_vector;
        header->msg_iovlen = 1;
        header->msg_control = worker->ancillaries[i].octets;
        header->msg_controllen = sizeof worker->ancillaries[i].octets;
    }
}

/* Everything that stays the same from batch to batch, and the headers of the first. */
static void prepare_slots(struct udp_worker *worker)
{
    for (unsigned i = 0; i < UDP_BATCH; i++) {
        struct udp_octets *octets = &worker->octets[i];
        worker->slots[i].request_vector = (struct iovec){octets->request, sizeof octets->request};
        worker->slots[i].reply_vector.iov_base = octets->reply;
        net_batch_set_reply(&worker->batch, i, octets->reply, sizeof octets->reply);
    }
    prepare_headers(worker, UDP_BATCH);
}

/* Keep the address that was asked as the reply's source, but let routing choose the way out, except
 * for link-local addresses, which mean nothing without their interface. */
static void turn_ancillary(struct msghdr *header)
{
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
    if (cmsg == NULL) {
        header->msg_control = NULL;
        header->msg_controllen = 0;
    } else if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
        ((struct in_pktinfo *)CMSG_DATA(cmsg))->ipi_ifindex = 0;
    } else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(cmsg);
        if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
            info->ipi6_ifindex = 0;
    }
}

/* The address that was asked: the socket's, or which of the host's where that is a wildcard. */
static struct sockaddr_in6 asked_address(const struct sockaddr_in6 *listened,
                                         const struct msghdr *header)
{
    struct sockaddr_in6 asked = *listened;
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
    if (cmsg != NULL && cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO)
        ((struct sockaddr_in *)&asked)->sin_addr = ((struct in_pktinfo *)CMSG_DATA(cmsg))->ipi_addr;
    else if (cmsg != NULL && cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO)
        asked.sin6_addr = ((struct in6_pktinfo *)CMSG_DATA(cmsg))->ipi6_addr;
    return asked;
}

static void answer_tapped(struct udp_worker *worker, unsigned socket, unsigned count)
{
    struct sockaddr_in6 servers[UDP_BATCH];
    struct net_tapped requests[UDP_BATCH];
    for (unsigned i = 0; i < count; i++) {
        const struct msghdr *header = &worker->messages[i].msg_hdr;
        servers[i] = asked_address(&worker->listened[socket], header);
        requests[i] = (struct net_tapped){.server = (struct sockaddr *)&servers[i],
                                          .is_cut = (header->msg_flags & MSG_TRUNC) != 0};
    }
    net_batch_answer_tapped(&worker->batch, count, requests);
}

/* Answer what a socket has received; returns the number of replies to send. */
static unsigned answer_batch(struct udp_worker *worker, unsigned socket, unsigned received_count)
{
    unsigned reply_count = 0;
    for (unsigned i = 0; i < received_count; i++)
        net_batch_set(&worker->batch, i, (struct sockaddr *)&worker->slots[i].client,
                      worker->octets[i].request, (uint16_t)worker->messages[i].msg_len);
    if (__builtin_expect(worker->batch.tap != NULL, 0))
        answer_tapped(worker, socket, received_count);
    else
        net_batch_answer(&worker->batch, received_count);
    for (unsigned i = 0; i < received_count; i++) {
        struct udp_slot *slot = &worker->slots[i];
        slot->reply_vector.iov_len = net_batch_reply_len(&worker->batch, i);
        if (slot->reply_vector.iov_len == 0)
            continue;
        struct msghdr *header = &worker->messages[reply_count].msg_hdr;
        if (i != reply_count)
            *header = worker->messages[i].msg_hdr;
        header->msg_iov = &slot->reply_vector;
        header->msg_flags = 0;
        turn_ancillary(header);
        reply_count++;
    }
    return reply_count;
}

/* A reply that the kernel refuses is dropped, as the network might have: the client asks again.
 * When its buffer is full the rest of the batch goes the same way, so that receiving never waits.
 */
static void send_batch(struct udp_worker *worker, int fd, unsigned reply_count)
{
    unsigned next = 0;
    while (next < reply_count) {
        int sent = sendmmsg(fd, worker->messages + next, reply_count - next, MSG_DONTWAIT);
        if (sent > 0) {
            next += (unsigned)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        unsigned dropped = errno == EAGAIN ? reply_count - next : 1;
        net_cell_add(&worker->cells.events[NET_UDP_SEND_FAILED], dropped);
        next += dropped;
    }
}

/* One turn of a readable socket. Errors that a socket reports (an ICMP message about an earlier
 * reply) are thereby cleared and mean nothing here. */
static void serve_socket(struct udp_worker *worker, unsigned socket)
{
    const int fd = worker->polls[socket].fd;
    for (unsigned turn = 0; turn < TURN_BATCHES_MAX; turn++) {
        int received = recvmmsg(fd, worker->messages, UDP_BATCH, MSG_DONTWAIT, NULL);
        if (received <= 0)
            return;
        send_batch(worker, fd, answer_batch(worker, socket, (unsigned)received));
        prepare_headers(worker, (unsigned)received);
        if ((unsigned)received < UDP_BATCH)
            return;
    }
}

static void *worker_main(void *argument)
{
    struct udp_worker *worker = argument;
    const struct pollfd *stop = &worker->polls[worker->fd_count];
    zone_reader_register();
    while (stop->revents == 0) {
        int ready = poll(worker->polls, worker->fd_count + 1, -1);
        ASSERT(ready > 0 || errno == EINTR || errno == ENOMEM);
        for (unsigned i = 0; ready > 0 && i < worker->fd_count; i++)
            if (worker->polls[i].revents != 0)
                serve_socket(worker, i);
    }
    zone_reader_unregister();
    return NULL;
}

static struct udp_worker *worker_new(const int *fds, unsigned fd_count, const struct net_env *env)
{
    struct udp_worker *worker = aligned_alloc(_Alignof(struct udp_worker), sizeof *worker);
    if (worker == NULL)
        return NULL;
    memset(worker, 0, sizeof *worker);
    if (net_batch_init(&worker->batch, env, &worker->cells) != 0) {
        free(worker);
        return NULL;
    }
    worker->fd_count = fd_count;
    for (unsigned i = 0; i < fd_count; i++) {
        socklen_t len = sizeof worker->listened[i];
        worker->polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        ASSERT(getsockname(fds[i], (struct sockaddr *)&worker->listened[i], &len) == 0);
    }
    worker->polls[fd_count] = (struct pollfd){.fd = -1, .events = POLLIN};
    prepare_slots(worker);
    return worker;
}

static void worker_free(struct udp_worker *worker)
{
    for (unsigned i = 0; i <= worker->fd_count; i++)
        if (worker->polls[i].fd >= 0)
            close(worker->polls[i].fd);
    net_batch_fini(&worker->batch);
    free(worker);
}

int udp_worker_start(const int *fds_take, unsigned fd_count, const struct net_env *env,
                     struct udp_worker **out, struct net_error *error)
{
    ASSERT(fd_count > 0 && fd_count <= NET_ADDRESSES_MAX);
    struct udp_worker *worker = worker_new(fds_take, fd_count, env);
    int system_errno = ENOMEM;
    if (worker == NULL) {
        for (unsigned i = 0; i < fd_count; i++)
            close(fds_take[i]);
    } else {
        worker->polls[fd_count].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        system_errno = worker->polls[fd_count].fd < 0
                           ? errno
                           : thread_start(&worker->thread, "dns-udp", worker_main, worker);
    }
    if (system_errno == 0) {
        *out = worker;
        return 0;
    }
    snprintf(error->text, sizeof error->text, "cannot start a DNS worker thread: %s",
             strerror(system_errno));
    if (worker != NULL)
        worker_free(worker);
    return system_errno == ENOMEM ? ERR_NOMEM : ERR_IO;
}

void udp_worker_pin(struct udp_worker *worker, unsigned cpu_index)
{
    thread_pin(worker->thread, cpu_index);
}

void udp_worker_stop(struct udp_worker *worker)
{
    if (worker == NULL)
        return;
    ASSERT(eventfd_write(worker->polls[worker->fd_count].fd, 1) == 0);
    ASSERT(pthread_join(worker->thread, NULL) == 0);
    worker_free(worker);
}

const struct net_cells *udp_worker_cells(const struct udp_worker *worker)
{
    return &worker->cells;
}
