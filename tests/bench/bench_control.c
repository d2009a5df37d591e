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
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* One UPSERT of a TXT record that holds @value. 0 or an error. */
static int change(struct client *client, const char *zone, const uint8_t *name, const char *value)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordChange record_change = CTL__RECORD_CHANGE__INIT;
    Cmd__Change item = CMD__CHANGE__INIT, *items[] = {&item};
    Cmd__RecordSet set = CMD__RECORD_SET__INIT;
    struct Ctl__Reply *reply;
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
    int rc = client_send(client, 0, &request, TIMEOUT_MS);
    if (rc == 0)
        rc = client_wait(client, 0, &reply);
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

    if (client_open(socket_path, "", &client, error) != 0)
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
        if (change(client, zone, name, value) != 0)
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

struct worker {
    pthread_t thread;
    struct client *client;
    const char *zone;
    unsigned number;
    uint64_t end_mono_ns;
    uint64_t *samples; /* shared; each takes places by `next` */
    atomic_size_t *next;
    uint64_t failures;
};

static void *work(void *user)
{
    struct worker *worker = user;
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];
    char label[32], value[64];

    snprintf(label, sizeof(label), "client-%u", worker->number);
    if (dns_name_parse(worker->zone, NULL, apex) < 0 || dns_name_parse(label, apex, name) < 0)
        die("not a zone name", worker->zone);
    for (uint64_t i = 0;; i++) {
        uint64_t start = clock_mono_ns();
        if (start >= worker->end_mono_ns)
            return NULL;
        snprintf(value, sizeof(value), "%" PRIu64, i);
        if (change(worker->client, worker->zone, name, value) != 0) {
            worker->failures++;
            continue;
        }
        size_t at = atomic_fetch_add(worker->next, 1);
        if (at < SAMPLES_MAX)
            worker->samples[at] = clock_mono_ns() - start;
    }
}

static int changes(int argc, char **argv)
{
    static struct worker workers[CLIENTS_MAX];
    char *paths[NODES_MAX];
    unsigned path_count = 0;
    atomic_size_t done = 0;
    uint64_t failures = 0;

    if (argc != 4)
        die("wants SOCKET ZONE CLIENTS SECONDS", "");
    char *rest = argv[0];
    for (char *path; path_count < NODES_MAX && (path = strsep(&rest, ","));)
        paths[path_count++] = path;
    long count = number(argv[2]), seconds = number(argv[3]);
    if (count > CLIENTS_MAX)
        die("too many clients", argv[2]);
    uint64_t *samples = calloc(SAMPLES_MAX, sizeof(uint64_t));
    for (long i = 0; i < count; i++)
        workers[i] = (struct worker){.client = connect_to(paths[(unsigned long)i % path_count]),
                                     .zone = argv[1],
                                     .number = (unsigned)i,
                                     .samples = samples,
                                     .next = &done};
    uint64_t start = clock_mono_ns();
    for (long i = 0; i < count; i++) {
        workers[i].end_mono_ns = start + (uint64_t)seconds * 1000000000u;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            die("cannot start a thread", argv[2]);
    }
    for (long i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        failures += workers[i].failures;
    }
    double elapsed_s = (double)(clock_mono_ns() - start) / 1e9;
    size_t total = atomic_load(&done), kept = total < SAMPLES_MAX ? total : SAMPLES_MAX;
    qsort(samples, kept, sizeof(uint64_t), compare);
    printf("{\"clients\": %ld, \"seconds\": %.1f, \"changes\": %zu, \"failures\": %" PRIu64
           ", \"per_second\": %.0f, \"latency_ms\": {\"p50\": %.2f, \"p99\": %.2f}}\n",
           count, elapsed_s, total, failures, (double)total / elapsed_s,
           kept ? percentile_ms(samples, kept, .5) : 0,
           kept ? percentile_ms(samples, kept, .99) : 0);
    for (long i = 0; i < count; i++)
        client_close(workers[i].client);
    free(samples);
    return failures != 0;
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
