/* links: net test_reply test_world */
/* wraps: clock_mono_ms geo_database_find geo_database_prefetch geo_database_unref */
/* The whole server with bytes as network. An input is a list of datagrams or of pieces of a TCP
 * stream. Three ways through it, chosen by the first octet:
 *   - a worker's batches with rate limits, on a clock of the input's own, from several clients;
 *   - true sockets on loopback, UDP: every datagram has its reply, in order;
 *   - true sockets, TCP: likewise, however the stream is cut.
 * A reply is never larger than allowed, and one sent back as a request is met with silence. */
#include "net/net.h"

#include "base/assert.h"
#include "dns/answer.h"
#include "dns/cookie.h"
#include "lib/test_reply.h"
#include "lib/test_world.h"
#include "net/batch.h"
#include "net/counters.h"
#include "net/env.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
uint64_t __wrap_clock_mono_ms(void);

enum {
    PIECES_MAX = 64,
    PIECE_LEN_MAX = 2047,
    CUT_LEN = 1280, /* of requests by UDP: udp.c reads no more */
    CLIENT_COUNT = 4,
    PREFIX_RATE_S = 20, /* low enough that an input gets there */
    CLASS_RATE_S = 10,
    BURST_MS = 500,
    REPLY_LIMIT_S = 20, /* a reply that is later than this is missing */
};

static struct zone_publisher *routed_image(void)
{
    static struct zone_publisher *publisher;
    if (publisher == NULL) {
        publisher = test_reply_image();
        test_world_put(publisher);
    }
    return publisher;
}

static const uint8_t cookie_key[DNS_COOKIE_KEY_LEN] = "a key of no use";

/* ---- input ---- */

struct piece {
    uint8_t kind;
    const uint8_t *octets;
    uint16_t len;
};

/* A piece: its kind, its length in two octets, octets; the last may be shorter than it says. */
static unsigned read_pieces(const uint8_t *data, size_t len, struct piece pieces[PIECES_MAX])
{
    unsigned count = 0;
    while (count < PIECES_MAX && len >= 3) {
        uint16_t wanted = dns_wire_get16(data + 1) & PIECE_LEN_MAX;
        uint16_t piece_len = wanted < len - 3 ? wanted : (uint16_t)(len - 3);
        pieces[count++] = (struct piece){data[0], data + 3, piece_len};
        data += 3 + piece_len;
        len -= 3u + piece_len;
    }
    return count;
}

/* ---- batches, limits and a clock ---- */

static uint64_t virtual_ms;

uint64_t __wrap_clock_mono_ms(void)
{
    return virtual_ms;
}

struct limited { /* one run; replies that were sent whole to each network */
    struct net_env env;
    struct net_cells cells;
    struct net_batch batch;
    struct sockaddr_in6 clients[CLIENT_COUNT];
    uint64_t start_ms;
    unsigned whole[CLIENT_COUNT];
    uint8_t replies[NET_BATCH_MAX][DNS_UDP_SIZE_MAX];
    const struct piece *pieces[NET_BATCH_MAX];
    unsigned count; /* in the batch */
};

/* Two of one network, an IPv6 one, and one that is exempt. */
static void set_clients(struct limited *run)
{
    static const uint8_t ipv4[3][4] = {{192, 0, 2, 1}, {192, 0, 2, 200}, {127, 0, 0, 1}};
    for (unsigned i = 0; i < 3; i++) {
        struct sockaddr_in *client = (struct sockaddr_in *)&run->clients[i];
        client->sin_family = AF_INET;
        memcpy(&client->sin_addr, ipv4[i], sizeof ipv4[i]);
    }
    run->clients[3].sin6_family = AF_INET6;
    memcpy(&run->clients[3].sin6_addr, "\x20\1\xd\xb8", 4);
}

static void limited_init(struct limited *run, bool is_log_only)
{
    struct rrl_options limits;
    rrl_options_default(&limits);
    for (unsigned i = 0; i < RRL_CLASS_COUNT; i++)
        limits.rates_s[i] = CLASS_RATE_S;
    limits.prefix_rate_s = PREFIX_RATE_S;
    limits.burst_ms = BURST_MS;
    limits.bucket_count = 1u << 14; /* no set of buckets overflows */
    const struct net_options options = {.publisher = routed_image(),
                                        .identity = "n1",
                                        .version = "v",
                                        .cookie_key = cookie_key,
                                        .rrl = &limits,
                                        .is_rrl_log_only = is_log_only};
    memset(run, 0, sizeof *run);
    ASSERT(net_env_init(&run->env, &options) == 0);
    ASSERT(net_batch_init(&run->batch, &run->env, &run->cells) == 0);
    set_clients(run);
    run->start_ms = virtual_ms = 1;
}

static void limited_fini(struct limited *run)
{
    net_batch_fini(&run->batch);
    net_env_fini(&run->env);
}

/* The networks of clients: 0 and 1 are one. */
static unsigned network_of(unsigned client)
{
    return client == 1 ? 0 : client;
}

static void check_limited_reply(struct limited *run, unsigned index)
{
    const struct piece *piece = run->pieces[index];
    const uint32_t len = net_batch_reply_len(&run->batch, index);
    const unsigned client = piece->kind % CLIENT_COUNT;
    if (len == 0)
        return;
    ASSERT(test_reply_is_due(piece->octets, piece->len));
    test_reply_check(piece->octets, piece->len, run->replies[index], len, true);
    run->whole[network_of(client)] += !run->batch.items[index].reply.has_valid_cookie &&
                                      (run->replies[index][2] & 0x02) == 0 &&
                                      run->batch.items[index].traits.kind != QUERY_KIND_ERROR;
}

/* Every reply as a request; nothing may come of it. */
static void feed_back(struct limited *run)
{
    static uint8_t silence[NET_BATCH_MAX][DNS_UDP_SIZE_MAX];
    uint32_t lens[NET_BATCH_MAX];
    for (unsigned i = 0; i < run->count; i++)
        lens[i] = net_batch_reply_len(&run->batch, i);
    for (unsigned i = 0; i < run->count; i++) {
        net_batch_set(&run->batch, i, (const struct sockaddr *)&run->clients[0], run->replies[i],
                      (uint16_t)lens[i]);
        net_batch_set_reply(&run->batch, i, silence[i], sizeof silence[i]);
    }
    net_batch_answer(&run->batch, run->count);
    for (unsigned i = 0; i < run->count; i++)
        ASSERT(net_batch_reply_len(&run->batch, i) == 0);
}

static void answer_limited(struct limited *run)
{
    net_batch_answer(&run->batch, run->count);
    for (unsigned i = 0; i < run->count; i++)
        check_limited_reply(run, i);
    feed_back(run);
    run->count = 0;
}

static void check_limited_counts(const struct limited *run, unsigned due_count, bool is_log_only)
{
    const uint64_t elapsed_ms = virtual_ms - run->start_ms;
    struct net_counters counters = {0};
    uint64_t replied = 0;
    net_cells_sum(&run->cells, &counters);
    for (unsigned i = 0; i < NET_RCODE_COUNT; i++)
        replied += counters.rcodes[i];
    if (is_log_only)
        ASSERT(replied == due_count);
    else
        ASSERT(replied + counters.events[NET_RRL_DROPPED] == due_count);
    for (unsigned i = 0; i < CLIENT_COUNT && !is_log_only; i++)
        ASSERT(i == 2 || run->whole[i] <= PREFIX_RATE_S * (elapsed_ms + BURST_MS) / 1000 + 1);
}

/* Kinds: client, a step of time before, and whether the batch ends here. */
static void run_limited(const struct piece *pieces, unsigned count, bool is_log_only)
{
    static struct limited run;
    unsigned due_count = 0;
    limited_init(&run, is_log_only);
    for (unsigned i = 0; i < count; i++) {
        const struct piece *piece = &pieces[i];
        if ((piece->kind & 0x80) != 0 && run.count > 0) {
            answer_limited(&run);
            virtual_ms += 1u << (piece->kind >> 2 & 15);
        }
        due_count += test_reply_is_due(piece->octets, piece->len);
        run.pieces[run.count] = piece;
        net_batch_set_reply(&run.batch, run.count, run.replies[run.count], DNS_UDP_SIZE_MAX);
        net_batch_set(&run.batch, run.count++,
                      (const struct sockaddr *)&run.clients[piece->kind % CLIENT_COUNT],
                      piece->octets, piece->len);
    }
    answer_limited(&run);
    check_limited_counts(&run, due_count, is_log_only);
    limited_fini(&run);
}

/* ---- sockets ---- */

/* The server, started once; without limits, so that every request has its reply. */
static const struct sockaddr_storage *server_address(void)
{
    static struct sockaddr_storage address;
    static struct net *net;
    struct net_error error;
    if (net != NULL)
        return &address;
    ASSERT(net_address_parse("127.0.0.1:0", &address) == 0);
    const struct net_options options = {.addresses = &address,
                                        .address_count = 1,
                                        .udp_threads = 1,
                                        .publisher = routed_image(),
                                        .identity = "n1",
                                        .version = "v",
                                        .cookie_key = cookie_key};
    ASSERT(net_open(&options, &net, &error) == 0);
    net_get_address(net, 0, &address);
    return &address;
}

/* From one loopback address after the other: connections that are over keep their ports a while. */
static void bind_client(int fd)
{
    static uint32_t number;
    int one = 1;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001u + (number++ & 0xffff))};
    ASSERT(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) == 0);
    ASSERT(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
}

/* The fuzzer's own signals may come meanwhile. */
static bool is_connected(int fd)
{
    const struct sockaddr *address = (const struct sockaddr *)server_address();
    while (connect(fd, address, sizeof(struct sockaddr_in)) != 0)
        if (errno != EINTR && errno != EALREADY)
            return errno == EISCONN;
    return true;
}

static int connect_client(int type)
{
    struct timeval limit = {.tv_sec = REPLY_LIMIT_S};
    int one = 1;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0);
    ASSERT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    if (type == SOCK_STREAM)
        ASSERT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    bind_client(fd);
    ASSERT(is_connected(fd));
    return fd;
}

/* A time limit makes recv() end at the fuzzer's own signals. */
static ssize_t receive(int fd, uint8_t *out, size_t room)
{
    ssize_t got;
    do
        got = recv(fd, out, room, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Its reply shows that all datagrams before it are done: one worker reads one socket in order. */
static const uint8_t sentinel[] = "\xff\xff\0\0\0\1\0\0\0\0\0\0\1n\1x\0\0\1\0\1";

static void run_udp(const struct piece *pieces, unsigned count)
{
    static int fd = -1;
    static uint8_t replies[PIECES_MAX][DNS_UDP_SIZE_MAX + 1];
    ssize_t lens[PIECES_MAX];
    unsigned due_count = 0;
    if (fd < 0)
        fd = connect_client(SOCK_DGRAM);
    for (unsigned i = 0; i < count; i++)
        ASSERT(send(fd, pieces[i].octets, pieces[i].len, 0) == pieces[i].len);
    for (unsigned i = 0; i < count; i++) {
        const uint16_t len = pieces[i].len < CUT_LEN ? pieces[i].len : CUT_LEN;
        if (!test_reply_is_due(pieces[i].octets, len))
            continue;
        lens[due_count] = receive(fd, replies[due_count], sizeof *replies);
        ASSERT(lens[due_count] > 0);
        test_reply_check(pieces[i].octets, len, replies[due_count], (size_t)lens[due_count], true);
        due_count++;
    }
    for (unsigned i = 0; i < due_count; i++)
        ASSERT(send(fd, replies[i], (size_t)lens[i], 0) == lens[i]);
    ASSERT(send(fd, sentinel, sizeof sentinel - 1, 0) == sizeof sentinel - 1);
    lens[0] = receive(fd, replies[0], sizeof *replies);
    ASSERT(lens[0] > 0);
    test_reply_check(sentinel, sizeof sentinel - 1, replies[0], (size_t)lens[0], true);
    ASSERT(recv(fd, replies[0], sizeof *replies, MSG_DONTWAIT) < 0);
}

struct stream {
    uint8_t *octets;
    size_t len;
};

/* Send pieces over one connection; all that comes back until the server ends it. False: it was
 * reset, so that some of that may be lost. */
static bool exchange_tcp(const struct piece *pieces, unsigned count, struct stream *out)
{
    static uint8_t octets[PIECES_MAX * 1024 * 64];
    int fd = connect_client(SOCK_STREAM);
    ssize_t got = 1;
    *out = (struct stream){.octets = octets};
    for (unsigned i = 0; i < count; i++)
        if (send(fd, pieces[i].octets, pieces[i].len, MSG_NOSIGNAL) < 0)
            break;
    (void)shutdown(fd, SHUT_WR);
    while (got > 0) {
        ASSERT(out->len < sizeof octets);
        got = receive(fd, octets + out->len, sizeof octets - out->len);
        ASSERT(got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK));
        out->len += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return got == 0;
}

/* The next whole message at *@at, or NULL: none, or one of no octets. */
static const uint8_t *next_message(const struct stream *stream, size_t *at, uint16_t *len)
{
    if (stream->len - *at < 2)
        return NULL;
    *len = dns_wire_get16(stream->octets + *at);
    if (*len == 0 || stream->len - *at - 2 < *len)
        return NULL;
    const uint8_t *message = stream->octets + *at + 2;
    *at += 2u + *len;
    return message;
}

static void check_stream(const struct stream *requests, const struct stream *replies, bool is_whole)
{
    size_t request_at = 0, reply_at = 0;
    const uint8_t *request, *reply;
    uint16_t request_len, reply_len;
    while ((request = next_message(requests, &request_at, &request_len)) != NULL) {
        if (!test_reply_is_due(request, request_len))
            continue;
        reply = next_message(replies, &reply_at, &reply_len);
        ASSERT(reply != NULL || !is_whole);
        if (reply == NULL)
            return;
        test_reply_check(request, request_len, reply, reply_len, false);
    }
    ASSERT(reply_at == replies->len);
}

static void run_tcp(const struct piece *pieces, unsigned count)
{
    static uint8_t octets[PIECES_MAX * (PIECE_LEN_MAX + 1)];
    struct stream requests = {.octets = octets}, replies;
    for (unsigned i = 0; i < count; i++) {
        memcpy(octets + requests.len, pieces[i].octets, pieces[i].len);
        requests.len += pieces[i].len;
    }
    const bool is_whole = exchange_tcp(pieces, count, &replies);
    check_stream(&requests, &replies, is_whole);
    if (!is_whole || replies.len == 0)
        return;
    const struct piece back = {.octets = replies.octets, .len = (uint16_t)replies.len};
    if (replies.len <= UINT16_MAX)
        ASSERT(exchange_tcp(&back, 1, &replies) && replies.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct piece pieces[PIECES_MAX];
    if (len == 0)
        return 0;
    unsigned count = read_pieces(data + 1, len - 1, pieces);
    switch (data[0] % 8) {
    case 0:
    case 1:
    case 2: run_udp(pieces, count); break;
    case 3:
    case 4: run_tcp(pieces, count); break;
    default: run_limited(pieces, count, data[0] % 8 == 5); break;
    }
    return 0;
}
