/* links: dns base
 *
 * tests/e2e/e2e_queries.c: questions at a steady rate, whatever becomes of them, and what was not
 * answered when.
 *
 *   e2e_queries NAME RATE ADDRESS…
 *
 * asks each address (IPv4, port 53) RATE times a second for NAME A until standard input ends, then
 * prints one line of JSON: for each address what was sent and answered, how long the slowest answer
 * took, the spans of time (monotonic seconds) whose questions were not answered within two seconds,
 * or not well, and for each tenth of a second from the beginning what was asked and what of that
 * was not answered. Nothing is asked twice, and a server that is away is asked as often as the
 * others. What is this program's own fault is counted, too: questions that the kernel did not take,
 * and replies that came while its receive buffers were full. Needs root, for large ones. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/sock_diag.h>
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
#define TALLY_NS 100000000u
#define TALLIES_MAX 36000u /* an hour; what comes later counts for the last one */
#define TICK_NS 1000000
#define ID_LEN 2u
#define HEADER_LEN 12u
#define QUESTION_MAX (HEADER_LEN + DNS_NAME_MAX + 4u)
#define REPLY_MAX 1500u

struct span {
    uint64_t from_ns, to_ns, count;
};
struct tally {
    uint32_t asked, unanswered;
};
struct server {
    const char *address;
    int sockets[SOCKETS];
    unsigned open[SOCKETS];                      /* questions under way by each */
    uint64_t *sent_ns;                           /* by socket and id; 0: nothing is under way */
    uint64_t sent, answered, slowest_ns, oldest; /* oldest: the next to be given up */
    uint64_t unsent;                             /* of those sent: not taken by the kernel */
    uint64_t began_ns;
    struct tally *tallies;
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
    server->tallies = calloc(TALLIES_MAX, sizeof(*server->tallies));
    if (!server->sent_ns || !server->tallies)
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

static struct tally *tally_of(struct server *server, uint64_t sent_ns)
{
    uint64_t index = (sent_ns - server->began_ns) / TALLY_NS;

    return &server->tallies[index < TALLIES_MAX ? index : TALLIES_MAX - 1];
}

static void note_unanswered(struct server *server, uint64_t sent_ns)
{
    struct span *last = server->span_count > 0 ? &server->spans[server->span_count - 1] : NULL;

    tally_of(server, sent_ns)->unanswered++;
    if (last && (sent_ns < last->to_ns + SPAN_GAP_NS || server->span_count == SPANS_MAX)) {
        /* Those that came back wrong are told at once, before older ones that are given up. */
        last->from_ns = sent_ns < last->from_ns ? sent_ns : last->from_ns;
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
        uint64_t number = server->oldest % (SOCKETS * IDS);
        uint64_t *slot = &server->sent_ns[number];
        if (*slot > until_ns)
            return;
        if (*slot != 0) {
            note_unanswered(server, *slot);
            server->open[number / IDS]--;
        }
        *slot = 0;
    }
}

/* ---- asking and hearing ---- */

/* Question number N goes by socket N / IDS with the id N % IDS. Asks @count at most, by one socket;
 * returns how many. */
static unsigned ask(struct load *load, struct server *server, unsigned count)
{
    uint64_t number = server->sent % (SOCKETS * IDS), now_ns = clock_mono_ns();
    uint8_t ids[BATCH][ID_LEN];
    struct iovec parts[BATCH][2];
    struct mmsghdr messages[BATCH] = {0};

    count = count < BATCH ? count : BATCH;
    if (number % IDS + count > IDS)
        count = (unsigned)(IDS - number % IDS);
    for (unsigned i = 0; i < count; i++) {
        ids[i][0] = (uint8_t)((number + i) % IDS >> 8);
        ids[i][1] = (uint8_t)(number + i);
        parts[i][0] = (struct iovec){ids[i], ID_LEN};
        parts[i][1] = (struct iovec){load->question + ID_LEN, load->question_len - ID_LEN};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = parts[i], .msg_iovlen = 2};
        server->sent_ns[number + i] = now_ns;
    }
    /* What the kernel refuses is unanswered like what gets lost, and counted. */
    int taken = sendmmsg(server->sockets[number / IDS], messages, count, 0);
    if (taken < 0 && errno == EBADF)
        die("sendmmsg");
    server->unsent += taken < 0 ? count : count - (unsigned)taken;
    server->open[number / IDS] += count;
    server->sent += count;
    tally_of(server, now_ns)->asked += count;
    return count;
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
    server->open[socket_index]--;
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
        int count = 0;
        if (server->open[s] == 0)
            continue;
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

    for (unsigned i = 0; i < load->server_count; i++)
        load->servers[i].began_ns = began_ns;
    while (!is_over()) {
        uint64_t now_ns = clock_mono_ns();
        uint64_t due = (now_ns - began_ns) / 1000 * load->rate / 1000000;
        for (unsigned i = 0; i < load->server_count; i++) {
            struct server *server = &load->servers[i];
            hear(server);
            give_up(server, now_ns - LATE_NS);
            for (unsigned asked = 0; server->sent < due && asked < BURST;)
                asked += ask(load, server, (unsigned)(due - server->sent));
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

/* Replies that found the receive buffers full. */
static uint64_t overflowed(const struct server *server)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < SOCKETS; i++) {
        uint32_t values[SK_MEMINFO_VARS] = {0};
        socklen_t len = sizeof(values);
        if (getsockopt(server->sockets[i], SOL_SOCKET, SO_MEMINFO, values, &len) != 0)
            die("SO_MEMINFO");
        sum += values[SK_MEMINFO_DROPS];
    }
    return sum;
}

static void print_tallies(const struct server *server)
{
    unsigned count = TALLIES_MAX;

    while (count > 0 && server->tallies[count - 1].asked == 0)
        count--;
    for (unsigned i = 0; i < count; i++)
        printf("%s[%" PRIu32 ", %" PRIu32 "]", i > 0 ? ", " : "", server->tallies[i].asked,
               server->tallies[i].unanswered);
}

static void print_server(const struct server *server)
{
    printf("\"%s\": {\"sent\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"unsent\": %" PRIu64
           ", \"overflowed\": %" PRIu64 ", \"slowest_s\": %.4f, \"unanswered\": [",
           server->address, server->sent, server->answered, server->unsent, overflowed(server),
           (double)server->slowest_ns / 1e9);
    for (unsigned i = 0; i < server->span_count; i++)
        printf("%s[%.4f, %.4f, %" PRIu64 "]", i > 0 ? ", " : "",
               (double)server->spans[i].from_ns / 1e9, (double)server->spans[i].to_ns / 1e9,
               server->spans[i].count);
    printf("], \"began_s\": %.4f, \"tallies\": [", (double)server->began_ns / 1e9);
    print_tallies(server);
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
