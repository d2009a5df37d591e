/* links: cli zone dns proto base
 *
 * tests/bench/bench_control.c: changes through a node's control socket, timed.
 *
 *   bench_control propagate SOCKET ZONE COUNT ADDRESS:PORT…
 *       COUNT changes of one TXT record, one after the other; for each the time from sending it to
 *       the new answer on every one of the addresses (DNS over UDP, asked in turn without pause).
 *   bench_control changes SOCKET[,SOCKET…] ZONE CLIENTS SECONDS
 *       CLIENTS connections, each making one change after the other for SECONDS.
 *
 * Both end in one JSON line. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/client.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"

#define NODES_MAX 16
#define CLIENTS_MAX 1024
#define TIMEOUT_MS 20000
#define SAMPLES_MAX 4000000

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "bench_control: %s: %s\n", what, detail);
    exit(1);
}

static long number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value <= 0)
        die("not a number above 0", text);
    return value;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static double percentile_ms(const uint64_t *sorted, size_t count, double share)
{
    size_t at = (size_t)(share * (double)count);

    return (double)sorted[at < count ? at : count - 1] / 1e6;
}

/* Send one UPSERT of a TXT record that holds @value. 0 or an error. */
static int send_change(struct client *client, const char *zone, const uint8_t *name,
                       const char *value)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordChange record_change = CTL__RECORD_CHANGE__INIT;
    Cmd__Change item = CMD__CHANGE__INIT, *items[] = {&item};
    Cmd__RecordSet set = CMD__RECORD_SET__INIT;
    uint8_t text[256];
    size_t len = strlen(value);

    text[0] = (uint8_t)len;
    memcpy(text + 1, value, len);
    ProtobufCBinaryData rdata = {len + 1, text};
    set.name = (ProtobufCBinaryData){dns_name_len(name), (uint8_t *)name};
    set.type = DNS_TYPE_TXT;
    set.ttl_s = 1;
    set.n_rdata = 1;
    set.rdata = &rdata;
    item.action = CMD__ACTION__ACTION_UPSERT;
    item.record_set = &set;
    record_change.zone = (char *)zone;
    record_change.n_changes = 1;
    record_change.changes = items;
    request.kind_case = CTL__REQUEST__KIND_RECORD_CHANGE;
    request.record_change = &record_change;
    return client_send(client, 0, &request, TIMEOUT_MS);
}

static int await_change(struct client *client)
{
    struct Ctl__Reply *reply;

    int rc = client_wait(client, 0, &reply);
    if (rc != 0)
        return rc;
    rc = reply->code;
    if (rc != 0)
        fprintf(stderr, "bench_control: %s\n", reply->message);
    ctl__reply__free_unpacked(reply, NULL);
    return rc;
}

static struct client *connect_to(const char *socket_path)
{
    struct client *client;
    char error[CLIENT_ERROR_LEN];

    if (client_open(socket_path, "", 0, &client, error) != 0)
        die("cannot connect", error);
    return client;
}

/* ---- propagate ---- */

static int ask_socket(const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct timeval timeout = {.tv_sec = 1};

    if (!colon || (size_t)(colon - text) >= sizeof(host))
        die("not ADDRESS:PORT", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    address.sin_port = htons((uint16_t)number(colon + 1));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        die("not an IPv4 address", host);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("cannot reach", text);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    return fd;
}

/* Does the node answer with @value now? A lost answer counts as "not yet". */
static bool serves(int fd, const uint8_t *name, const char *value)
{
    uint8_t query[300] = {0x12, 0x34, 0, 0, 0, 1}, reply[2048];
    size_t name_len = dns_name_len(name), value_len = strlen(value);

    memcpy(query + 12, name, name_len);
    query[12 + name_len + 1] = DNS_TYPE_TXT;
    query[12 + name_len + 3] = DNS_CLASS_IN;
    if (send(fd, query, 12 + name_len + 4, 0) < 0)
        return false;
    ssize_t len = recv(fd, reply, sizeof(reply), 0);
    return len > (ssize_t)value_len &&
           memmem(reply, (size_t)len, value, value_len) == reply + len - value_len;
}

static int propagate(int argc, char **argv)
{
    const char *zone = argv[1];
    size_t count = (size_t)number(argv[2]);
    int sockets[NODES_MAX], node_count = argc - 3;
    uint64_t *acknowledged = calloc(count, sizeof(uint64_t));
    uint64_t *served = calloc(count, sizeof(uint64_t));
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];

    if (node_count < 1 || node_count > NODES_MAX)
        die("wants 1 to 16 addresses", "");
    if (dns_name_parse(zone, NULL, apex) < 0 || dns_name_parse("bench", apex, name) < 0)
        die("not a zone name", zone);
    for (int i = 0; i < node_count; i++)
        sockets[i] = ask_socket(argv[3 + i]);
    struct client *client = connect_to(argv[0]);
    for (size_t i = 0; i < count; i++) {
        char value[64];
        snprintf(value, sizeof(value), "%08zu-%" PRIx64, i, clock_mono_ns());
        uint64_t start = clock_mono_ns();
        if (send_change(client, zone, name, value) != 0 || await_change(client) != 0)
            die("a change failed", value);
        acknowledged[i] = clock_mono_ns() - start;
        for (int node = 0; node < node_count;)
            node += serves(sockets[node], name, value);
        served[i] = clock_mono_ns() - start;
    }
    qsort(acknowledged, count, sizeof(uint64_t), compare);
    qsort(served, count, sizeof(uint64_t), compare);
    printf("{\"changes\": %zu, \"nodes\": %d, \"acknowledged_ms\": {\"p50\": %.2f, \"p99\": %.2f}, "
           "\"served_by_all_ms\": {\"p50\": %.2f, \"p90\": %.2f, \"p99\": %.2f, \"max\": %.2f}}\n",
           count, node_count, percentile_ms(acknowledged, count, .5),
           percentile_ms(acknowledged, count, .99), percentile_ms(served, count, .5),
           percentile_ms(served, count, .9), percentile_ms(served, count, .99),
           percentile_ms(served, count, 1));
    client_close(client);
    free(acknowledged);
    free(served);
    return 0;
}

/* ---- changes ---- */

struct asker { /* one connection with one change under way */
    struct client *client;
    uint8_t name[DNS_NAME_MAX];
    uint64_t started_mono_ns;
    uint64_t count;
};

struct run {
    struct asker askers[CLIENTS_MAX];
    const char *zone;
    uint64_t *samples;
    size_t done;
    uint64_t failures;
};

static void begin(struct run *run, struct asker *asker)
{
    char value[64];

    snprintf(value, sizeof(value), "%" PRIu64, asker->count++);
    asker->started_mono_ns = clock_mono_ns();
    if (send_change(asker->client, run->zone, asker->name, value) != 0)
        die("cannot send a change", run->zone);
}

static void finish(struct run *run, struct asker *asker)
{
    if (await_change(asker->client) != 0) {
        run->failures++;
        return;
    }
    if (run->done < SAMPLES_MAX)
        run->samples[run->done++] = clock_mono_ns() - asker->started_mono_ns;
}

static void open_askers(struct run *run, char *paths, unsigned count, int epoll_fd)
{
    char *list[NODES_MAX], *path;
    unsigned path_count = 0;
    uint8_t apex[DNS_NAME_MAX];

    while (path_count < NODES_MAX && (path = strsep(&paths, ",")))
        list[path_count++] = path;
    if (dns_name_parse(run->zone, NULL, apex) < 0)
        die("not a zone name", run->zone);
    for (unsigned i = 0; i < count; i++) {
        struct asker *asker = &run->askers[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = asker};
        char label[32];
        snprintf(label, sizeof(label), "client-%u", i);
        dns_name_parse(label, apex, asker->name);
        asker->client = connect_to(list[i % path_count]);
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client_fd(asker->client), &event) != 0)
            die("cannot watch", list[i % path_count]);
    }
}

/* Every connection makes its next change as soon as the last one is acknowledged. */
static void drive(struct run *run, unsigned count, int epoll_fd, uint64_t end_mono_ns)
{
    unsigned underway = count;

    for (unsigned i = 0; i < count; i++)
        begin(run, &run->askers[i]);
    while (underway > 0) {
        struct epoll_event events[CLIENTS_MAX];
        int ready = epoll_wait(epoll_fd, events, CLIENTS_MAX, TIMEOUT_MS);
        if (ready <= 0)
            die("no answer in time", run->zone);
        for (int i = 0; i < ready; i++) {
            finish(run, events[i].data.ptr);
            if (clock_mono_ns() < end_mono_ns)
                begin(run, events[i].data.ptr);
            else
                underway--;
        }
    }
}

static int changes(int argc, char **argv)
{
    static struct run run;

    if (argc != 4)
        die("wants SOCKET ZONE CLIENTS SECONDS", "");
    unsigned count = (unsigned)number(argv[2]), seconds = (unsigned)number(argv[3]);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (count > CLIENTS_MAX)
        die("too many clients", argv[2]);
    run.zone = argv[1];
    run.samples = calloc(SAMPLES_MAX, sizeof(uint64_t));
    open_askers(&run, argv[0], count, epoll_fd);
    uint64_t start = clock_mono_ns();
    drive(&run, count, epoll_fd, start + seconds * UINT64_C(1000000000));
    double elapsed_s = (double)(clock_mono_ns() - start) / 1e9;
    qsort(run.samples, run.done, sizeof(uint64_t), compare);
    printf("{\"clients\": %u, \"seconds\": %.1f, \"changes\": %zu, \"failures\": %" PRIu64
           ", \"per_second\": %.0f, \"latency_ms\": {\"p50\": %.2f, \"p99\": %.2f}}\n",
           count, elapsed_s, run.done, run.failures, (double)run.done / elapsed_s,
           run.done ? percentile_ms(run.samples, run.done, .5) : 0,
           run.done ? percentile_ms(run.samples, run.done, .99) : 0);
    for (unsigned i = 0; i < count; i++)
        client_close(run.askers[i].client);
    free(run.samples);
    close(epoll_fd);
    return run.failures != 0;
}

int main(int argc, char **argv)
{
    if (argc >= 6 && strcmp(argv[1], "propagate") == 0)
        return propagate(argc - 2, argv + 2);
    if (argc == 6 && strcmp(argv[1], "changes") == 0)
        return changes(argc - 2, argv + 2);
    fprintf(stderr, "usage: bench_control propagate SOCKET ZONE COUNT ADDRESS:PORT...\n"
                    "       bench_control changes SOCKET[,SOCKET...] ZONE CLIENTS SECONDS\n");
    return 2;
}
