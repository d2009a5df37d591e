/* links: dns base
 *
 * tests/e2e/e2e_queries.c: questions at a steady rate, whatever becomes of them, and what was not
 * answered when.
 *
 *   e2e_queries NAME RATE ADDRESS…
 *
 * asks each address (IPv4, port 53) RATE times a second for NAME A until standard input ends, then
 * prints one line of JSON: for each address what was sent and answered, how long the slowest answer
 * took, and the spans of time (monotonic seconds) whose questions were not answered within two
 * seconds, or not well. Nothing is asked twice, and a server that is away is asked as often as
 * the others. Needs root, for receive buffers that hold what comes while it does not run. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/name.h"
#include "dns/type.h"

#define SERVERS_MAX 16
#define SOCKETS 4u /* of one server, so that ids come round later than answers may be late */
#define IDS 65536u
#define RATE_MAX 60000u
#define BATCH 64u
#define BURST 256u /* after a pause of this process, so that replies find room */
#define SPANS_MAX 256u
#define SPAN_GAP_NS 200000000u /* unanswered questions closer than this are one span */
#define LATE_NS 2000000000u
#define TICK_NS 1000000
#define HEADER_LEN 12u
#define QUESTION_MAX (HEADER_LEN + DNS_NAME_MAX + 4u)
#define REPLY_MAX 1500u

struct span {
    uint64_t from_ns, to_ns, count;
};
struct server {
    const char *address;
    int sockets[SOCKETS];
    uint64_t *sent_ns;                           /* by socket and id; 0: nothing is under way */
    uint64_t sent, answered, slowest_ns, oldest; /* oldest: the next to be given up */
    struct span spans[SPANS_MAX];
    unsigned span_count;
};
struct load {
    uint8_t question[QUESTION_MAX];
    size_t question_len;
    unsigned rate, server_count;
    struct server servers[SERVERS_MAX];
};

static void die(const char *what)
{
    fprintf(stderr, "e2e_queries: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void open_server(struct server *server, const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};

    server->address = address;
    server->sent_ns = calloc(SOCKETS * IDS, sizeof(*server->sent_ns));
    if (!server->sent_ns)
        die("memory");
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        die(address);
    for (unsigned i = 0; i < SOCKETS; i++) {
        int size = 4 << 20;
        server->sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (server->sockets[i] < 0 ||
            setsockopt(server->sockets[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0 ||
            connect(server->sockets[i], (struct sockaddr *)&to, sizeof(to)) != 0)
            die(address);
    }
}

static void write_question(struct load *load, const char *text)
{
    uint8_t name[DNS_NAME_MAX];

    if (dns_name_parse(text, NULL, name) < 0)
        die(text);
    size_t name_len = dns_name_len(name);
    load->question[5] = 1; /* QDCOUNT */
    memcpy(load->question + HEADER_LEN, name, name_len);
    load->question_len = HEADER_LEN + name_len + 4;
    load->question[load->question_len - 3] = DNS_TYPE_A;
    load->question[load->question_len - 1] = 1; /* class IN */
}

/* ---- what was not answered ---- */

static void note_unanswered(struct server *server, uint64_t sent_ns)
{
    struct span *last = server->span_count > 0 ? &server->spans[server->span_count - 1] : NULL;

    if (last && (sent_ns < last->to_ns + SPAN_GAP_NS || server->span_count == SPANS_MAX)) {
        last->to_ns = sent_ns > last->to_ns ? sent_ns : last->to_ns;
        last->count++;
        return;
    }
    server->spans[server->span_count++] = (struct span){sent_ns, sent_ns, 1};
}

/* Of those sent up to @until_ns, in the order in which they were sent. */
static void give_up(struct server *server, uint64_t until_ns)
{
    for (; server->oldest < server->sent; server->oldest++) {
        uint64_t *slot = &server->sent_ns[server->oldest % (SOCKETS * IDS)];
        if (*slot > until_ns)
            return;
        if (*slot != 0)
            note_unanswered(server, *slot);
        *slot = 0;
    }
}

/* ---- asking and hearing ---- */

/* Question number N goes by socket N / IDS with the id N % IDS. */
static void ask(struct load *load, struct server *server, uint64_t now_ns)
{
    uint64_t number = server->sent++ % (SOCKETS * IDS);

    load->question[0] = (uint8_t)(number % IDS >> 8);
    load->question[1] = (uint8_t)number;
    server->sent_ns[number] = now_ns;
    /* What the kernel refuses is unanswered like what gets lost. */
    if (send(server->sockets[number / IDS], load->question, load->question_len, 0) < 0 &&
        errno == EBADF)
        die("send");
}

static void take(struct server *server, unsigned socket_index, const uint8_t *reply, size_t len,
                 uint64_t now_ns)
{
    if (len < HEADER_LEN)
        return;
    uint64_t *slot = &server->sent_ns[socket_index * IDS + ((unsigned)reply[0] << 8 | reply[1])];
    if (*slot == 0)
        return;
    if ((reply[3] & 15) != 0 || (reply[6] << 8 | reply[7]) == 0) {
        note_unanswered(server, *slot);
    } else {
        uint64_t took_ns = now_ns - *slot;
        server->answered++;
        server->slowest_ns = took_ns > server->slowest_ns ? took_ns : server->slowest_ns;
    }
    *slot = 0;
}

static void hear(struct server *server)
{
    uint8_t replies[BATCH][REPLY_MAX];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH] = {0};

    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){replies[i], REPLY_MAX};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    for (unsigned s = 0; s < SOCKETS; s++) {
        int count;
        do {
            count = recvmmsg(server->sockets[s], messages, BATCH, MSG_DONTWAIT, NULL);
            uint64_t now_ns = clock_mono_ns();
            for (int i = 0; i < count; i++)
                take(server, s, replies[i], messages[i].msg_len, now_ns);
        } while (count == (int)BATCH);
    }
}

static bool is_over(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char octet;

    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &octet, 1) <= 0;
}

static void run(struct load *load)
{
    const struct timespec tick = {.tv_nsec = TICK_NS};
    uint64_t began_ns = clock_mono_ns();

    while (!is_over()) {
        uint64_t now_ns = clock_mono_ns();
        uint64_t due = (now_ns - began_ns) / 1000 * load->rate / 1000000;
        for (unsigned i = 0; i < load->server_count; i++) {
            struct server *server = &load->servers[i];
            hear(server);
            give_up(server, now_ns - LATE_NS);
            for (unsigned burst = 0; server->sent < due && burst < BURST; burst++)
                ask(load, server, clock_mono_ns());
        }
        nanosleep(&tick, NULL);
    }
}

/* The last ones have their time, too. */
static void finish(struct load *load)
{
    const struct timespec tick = {.tv_nsec = TICK_NS};
    uint64_t end_ns = clock_mono_ns() + LATE_NS;

    while (clock_mono_ns() < end_ns) {
        bool is_whole = true;
        for (unsigned i = 0; i < load->server_count; i++) {
            struct server *server = &load->servers[i];
            hear(server);
            give_up(server, 0);
            is_whole = is_whole && server->oldest == server->sent;
        }
        if (is_whole)
            break;
        nanosleep(&tick, NULL);
    }
    for (unsigned i = 0; i < load->server_count; i++)
        give_up(&load->servers[i], UINT64_MAX);
}

static void print_server(const struct server *server)
{
    printf("\"%s\": {\"sent\": %" PRIu64 ", \"answered\": %" PRIu64
           ", \"slowest_s\": %.4f, \"unanswered\": [",
           server->address, server->sent, server->answered, (double)server->slowest_ns / 1e9);
    for (unsigned i = 0; i < server->span_count; i++)
        printf("%s[%.4f, %.4f, %" PRIu64 "]", i > 0 ? ", " : "",
               (double)server->spans[i].from_ns / 1e9, (double)server->spans[i].to_ns / 1e9,
               server->spans[i].count);
    printf("]}");
}

int main(int argc, char **argv)
{
    static struct load load;
    char *end = argv[0];
    unsigned long rate = argc > 3 ? strtoul(argv[2], &end, 10) : 0;

    if (rate == 0 || rate > RATE_MAX || *end != '\0' || argc - 3 > SERVERS_MAX) {
        fprintf(stderr, "usage: e2e_queries NAME RATE ADDRESS...   (RATE 1 to %u, at most %d)\n",
                RATE_MAX, SERVERS_MAX);
        return 2;
    }
    load.rate = (unsigned)rate;
    write_question(&load, argv[1]);
    for (; load.server_count < (unsigned)argc - 3; load.server_count++)
        open_server(&load.servers[load.server_count], argv[3 + load.server_count]);
    run(&load);
    finish(&load);
    printf("{");
    for (unsigned i = 0; i < load.server_count; i++) {
        printf("%s", i > 0 ? ", " : "");
        print_server(&load.servers[i]);
    }
    printf("}\n");
    return 0;
}
