/* node/net/xdp.c: frames in, a batch answered, frames out. A reply is written into its frame, so
 * nothing is copied. */
#include "net/xdp.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/answer.h"
#include "net/counters.h"
#include "net/local_addresses.h"
#include "net/net.h"
#include "net/socket.h"
#include "net/thread.h"
#include "net/xdp_program.h"
#include "zone/image.h"

#include <libknot/error.h>
#include <libknot/xdp/xdp.h>

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* The kernel sends this many frames in one call in copy mode (TX_BATCH_SIZE of net/xdp/xsk.c). */
#define XDP_BATCH 32u
_Static_assert(XDP_BATCH <= NET_BATCH_MAX, "a batch of frames is one batch of queries");

#define RESEND_MS 1
#define RELEASE_WAIT_MS 2000u
#define RELEASE_STEP_MS 50

enum { POLL_SOCKET, POLL_STOP, POLL_COUNT };

struct xdp_worker {
    struct net_cells cells;
    pthread_t thread;
    knot_xdp_socket_t *socket;
    int program_fd; /* of queue 0: holds the interface's program; else -1 */
    struct xdp_options options;
    struct local_addresses local;
    struct pollfd polls[POLL_COUNT];
    struct net_batch batch;
    knot_xdp_msg_t queries[XDP_BATCH];
    knot_xdp_msg_t replies[XDP_BATCH];
};

/* libknot puts an IPv4 address into the place of a sockaddr_in6. */
static struct in6_addr asked_address(const knot_xdp_msg_t *query)
{
    if (query->ip_to.sin6_family == AF_INET6)
        return query->ip_to.sin6_addr;
    return local_addresses_map(((const struct sockaddr_in *)&query->ip_to)->sin_addr);
}

static struct in6_addr listened_address(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return ((const struct sockaddr_in6 *)address)->sin6_addr;
    return local_addresses_map(((const struct sockaddr_in *)address)->sin_addr);
}

/* Can somebody be at the source of the frame? What the kernel drops for its source ("martians")
 * comes here: forged, and where it claims to be of the loopback networks, exempt from rate limits.
 */
static bool has_client(const knot_xdp_msg_t *query)
{
    if (query->ip_from.sin6_port == 0)
        return false;
    if (query->ip_from.sin6_family == AF_INET6) {
        const struct in6_addr *from = &query->ip_from.sin6_addr;
        return !IN6_IS_ADDR_UNSPECIFIED(from) && !IN6_IS_ADDR_LOOPBACK(from) &&
               !IN6_IS_ADDR_MULTICAST(from) && !IN6_IS_ADDR_V4MAPPED(from);
    }
    const uint32_t from = ntohl(((const struct sockaddr_in *)&query->ip_from)->sin_addr.s_addr);
    return from >> 24 != 0 && from >> 24 != IN_LOOPBACKNET && !IN_MULTICAST(from) &&
           from != INADDR_BROADCAST;
}

/* Does the frame ask one of our addresses? Frames for others pass here too, where this machine is a
 * router or on a network that floods them. */
static bool is_ours(struct xdp_worker *worker, const knot_xdp_msg_t *query)
{
    const struct in6_addr asked = asked_address(query);
    for (unsigned i = 0; i < worker->options.address_count; i++) {
        const struct sockaddr_storage *address = &worker->options.addresses[i];
        const struct in6_addr listened = listened_address(address);
        if (address->ss_family != query->ip_to.sin6_family)
            continue;
        if (socket_is_wildcard(address) ? local_addresses_has(&worker->local, &asked)
                                        : IN6_ARE_ADDR_EQUAL(&listened, &asked))
            return true;
    }
    return false;
}

/* A frame for each reply. Those that get none, because they are from nobody, not ours, or all
 * frames are on their way, are passed over; returns the number of requests in the batch. */
static unsigned prepare(struct xdp_worker *worker, unsigned query_count)
{
    unsigned count = 0;
    unsigned dropped = 0;
    for (unsigned i = 0; i < query_count; i++) {
        const knot_xdp_msg_t *query = &worker->queries[i];
        knot_xdp_msg_t *reply = &worker->replies[count];
        if (query->payload.iov_len == 0 || query->payload.iov_len > UINT16_MAX ||
            !has_client(query) || !is_ours(worker, query))
            continue;
        if (knot_xdp_reply_alloc(worker->socket, query, reply) != KNOT_EOK) {
            dropped++;
            continue;
        }
        ASSERT(reply->payload.iov_len >= DNS_UDP_SIZE_MIN);
        net_batch_set(&worker->batch, count, (const struct sockaddr *)&query->ip_from,
                      query->payload.iov_base, (uint16_t)query->payload.iov_len);
        net_batch_set_reply(&worker->batch, count, reply->payload.iov_base,
                            (uint32_t)reply->payload.iov_len);
        count++;
    }
    if (dropped > 0)
        net_cell_add(&worker->cells.events[NET_UDP_SEND_FAILED], dropped);
    return count;
}

/* libknot has put the address that was asked into the reply, where it comes from. */
static void answer_tapped(struct xdp_worker *worker, unsigned count)
{
    struct net_tapped requests[XDP_BATCH];
    for (unsigned i = 0; i < count; i++)
        requests[i] =
            (struct net_tapped){.server = (const struct sockaddr *)&worker->replies[i].ip_from};
    net_batch_answer_tapped(&worker->batch, count, requests);
}

/* Answer frames 0 to @query_count - 1 and send the replies. A reply of no octets gives its frame
 * back. */
static void answer(struct xdp_worker *worker, unsigned query_count)
{
    uint32_t sent = 0;
    unsigned count = prepare(worker, query_count);
    if (__builtin_expect(worker->batch.tap != NULL, 0))
        answer_tapped(worker, count);
    else
        net_batch_answer(&worker->batch, count);
    for (unsigned i = 0; i < count; i++)
        worker->replies[i].payload.iov_len = net_batch_reply_len(&worker->batch, i);
    net_cell_add(&worker->cells.events[NET_XDP_QUERIES], count);
    (void)knot_xdp_send(worker->socket, worker->replies, count, &sent);
    (void)knot_xdp_send_finish(worker->socket);
    knot_xdp_recv_finish(worker->socket, worker->queries, query_count);
    /* libknot writes a tag only where a frame has one: the next would be answered into its VLAN. */
    for (unsigned i = 0; i < query_count; i++)
        worker->queries[i].vlan_tci = 0;
}

static void *worker_main(void *argument)
{
    struct xdp_worker *worker = argument;
    zone_reader_register();
    while (worker->polls[POLL_STOP].revents == 0) {
        uint32_t count = 0;
        knot_xdp_send_prepare(worker->socket); /* frames that were sent can be used again */
        if (knot_xdp_recv(worker->socket, worker->queries, XDP_BATCH, &count, NULL) == KNOT_EOK &&
            count > 0) {
            answer(worker, count);
            continue;
        }
        /* What the last call left behind; the kernel may be too busy to take it yet. */
        bool is_sent = knot_xdp_send_finish(worker->socket) == KNOT_EOK;
        int ready = poll(worker->polls, POLL_COUNT, is_sent ? -1 : RESEND_MS);
        ASSERT(ready >= 0 || errno == EINTR || errno == ENOMEM);
    }
    zone_reader_unregister();
    return NULL;
}

/* Say what failed; returns the ERR_* for libknot's code, which says little of what the kernel said.
 */
static int fail(struct net_error *error, const char *interface, int knot_code)
{
    const char *reason = knot_strerror(knot_code);
    int code = ERR_IO;
    switch (knot_code) {
    case -EACCES:
    case -EPERM:
    case KNOT_EPROGRAM:
        reason = "its program was not loaded (needs root, or CAP_SYS_ADMIN, CAP_NET_ADMIN "
                 "and CAP_NET_RAW)";
        code = ERR_DENIED;
        break;
    case KNOT_EFD:
        reason = "its program was not attached; maybe another one is";
        code = ERR_EXISTS;
        break;
    case KNOT_ENOMEM: code = ERR_NOMEM; break;
    case KNOT_ENOTSUP: code = ERR_UNSUPPORTED; break;
    default: break;
    }
    snprintf(error->text, sizeof error->text, "cannot use AF_XDP on %s: %s", interface, reason);
    return code;
}

/* libknot's own count leaves out queues that only receive. */
static int count_channels(const char *interface)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = {.ifr_data = (char *)&channels};
    strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_known = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0;
    if (fd >= 0)
        close(fd);
    const uint32_t count = is_known ? channels.combined_count + channels.rx_count : 1;
    return count < 1 ? 1 : count < XDP_QUEUES_MAX ? (int)count : (int)XDP_QUEUES_MAX;
}

int xdp_count_queues(const char *interface, struct net_error *error)
{
    if (if_nametoindex(interface) != 0)
        return count_channels(interface);
    snprintf(error->text, sizeof error->text, "cannot use AF_XDP on %s: %s", interface,
             strerror(errno));
    return ERR_NOT_FOUND;
}

/* Frames are locked memory; what the limit allows is what we get. */
static void raise_memory_limit(void)
{
    const struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    (void)setrlimit(RLIMIT_MEMLOCK, &none);
}

/* KNOT_EFD: the interface has a program that is not ours. */
static int try_socket(struct xdp_worker *worker, unsigned queue)
{
    const struct xdp_options *options = &worker->options;
    const int interface = (int)if_nametoindex(options->interface);
    const bool is_first = queue == 0;
    if (is_first && xdp_program_is_there(interface))
        return KNOT_EFD;
    int code = knot_xdp_init(&worker->socket, options->interface, (int)queue, KNOT_XDP_FILTER_UDP,
                             socket_get_port(&options->addresses[0]), 0,
                             is_first ? KNOT_XDP_LOAD_BPF_ALWAYS : KNOT_XDP_LOAD_BPF_NEVER, NULL);
    if (code != KNOT_EOK && is_first)
        xdp_program_drop(interface);
    return code;
}

static int open_socket(struct xdp_worker *worker, unsigned queue, struct net_error *error)
{
    const struct xdp_options *options = &worker->options;
    int code;
    raise_memory_limit();
    xdp_program_hush();
    /* The program and the queues of a server that just ended go a moment after it. */
    for (unsigned waited_ms = 0;; waited_ms += RELEASE_STEP_MS) {
        code = try_socket(worker, queue);
        if ((code != KNOT_EFD && code != KNOT_EBUSY) || waited_ms >= RELEASE_WAIT_MS)
            break;
        (void)poll(NULL, 0, RELEASE_STEP_MS);
    }
    if (code == KNOT_EOK && queue == 0)
        code = worker->program_fd = xdp_program_hold((int)if_nametoindex(options->interface));
    if (code < 0)
        return fail(error, options->interface, code);
    worker->polls[POLL_SOCKET] =
        (struct pollfd){.fd = knot_xdp_socket_fd(worker->socket), .events = POLLIN};
    return 0;
}

static void worker_free(struct xdp_worker *worker)
{
    if (worker->polls[POLL_STOP].fd >= 0)
        close(worker->polls[POLL_STOP].fd);
    if (worker->local.events_fd >= 0)
        local_addresses_close(&worker->local);
    if (worker->program_fd >= 0)
        close(worker->program_fd);
    if (worker->socket != NULL)
        knot_xdp_deinit(worker->socket);
    net_batch_fini(&worker->batch);
    free(worker);
}

int xdp_worker_start(const struct xdp_options *options, unsigned queue, struct xdp_worker **out,
                     struct net_error *error)
{
    ASSERT(options->address_count > 0);
    struct xdp_worker *worker = aligned_alloc(_Alignof(struct xdp_worker), sizeof *worker);
    if (worker == NULL)
        return fail(error, options->interface, KNOT_ENOMEM);
    memset(worker, 0, sizeof *worker);
    worker->options = *options;
    worker->program_fd = worker->local.events_fd = -1;
    worker->polls[POLL_STOP] =
        (struct pollfd){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = POLLIN};
    int code = net_batch_init(&worker->batch, options->env, &worker->cells);
    if (code != 0 || worker->polls[POLL_STOP].fd < 0)
        code = fail(error, options->interface, KNOT_ENOMEM);
    if (code == 0 && local_addresses_open(&worker->local) != 0)
        code = fail(error, options->interface, -errno);
    if (code == 0)
        code = open_socket(worker, queue, error);
    if (code == 0 && thread_start(&worker->thread, "dns-xdp", worker_main, worker) != 0)
        code = fail(error, options->interface, KNOT_ENOMEM);
    if (code == 0)
        *out = worker;
    else
        worker_free(worker);
    return code;
}

void xdp_worker_stop(struct xdp_worker *worker)
{
    if (worker == NULL)
        return;
    ASSERT(eventfd_write(worker->polls[POLL_STOP].fd, 1) == 0);
    ASSERT(pthread_join(worker->thread, NULL) == 0);
    worker_free(worker);
}

const struct net_cells *xdp_worker_cells(const struct xdp_worker *worker)
{
    return &worker->cells;
}
