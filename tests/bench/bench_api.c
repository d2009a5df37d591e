/* links: gateway base
 *
 * tests/bench/bench_api.c: the Route 53 API of a gateway, over HTTP as tools ask it, timed.
 *
 *   bench_api change HOST:PORT[,HOST:PORT…] ZONE-ID NAME CLIENTS SECONDS
 *       CLIENTS keep-alive connections, each sending one ChangeResourceRecordSets of one UPSERT
 *       after the other for SECONDS.
 *   bench_api batch HOST:PORT ZONE-ID NAME COUNT ROUNDS
 *       ROUNDS batches of COUNT changes (CREATE: an UPSERT would count twice); for each the time to
 *       the answer, and to INSYNC.
 *   bench_api list HOST:PORT ZONE-ID NAME ROUNDS
 *       ListResourceRecordSets, 300 a page, through the whole zone, ROUNDS times.
 *
 * Every request is signed (Signature Version 4) by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
 * Ends in one JSON line. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <nettle/hmac.h>
#include <nettle/sha2.h>

#include "base/clock.h"

#define CLIENTS_MAX 1024u
#define HOSTS_MAX 8u
#define SAMPLES_MAX 4000000u
#define REQUEST_SIZE (2u << 20)
#define REPLY_SIZE (2u << 20)
#define TAIL_LEN 8192 /* of a page of a list: more than its last members take */
#define SPACE "https://route53.amazonaws.com/doc/2013-04-01/"

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "bench_api: %s: %s\n", what, detail);
    exit(1);
}

static unsigned long number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value == 0)
        die("not a number above 0", text);
    return value;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Sorts. */
static double percentile_ms(uint64_t *samples, size_t count, double share)
{
    size_t at = (size_t)(share * (double)count);

    if (count == 0)
        die("nothing was measured", "no answer came");
    qsort(samples, count, sizeof(*samples), compare);
    return (double)samples[at < count ? at : count - 1] / 1e6;
}

/* ---- signing ---- */

static struct {
    const char *access_key;
    uint8_t key[SHA256_DIGEST_SIZE];
    char date[9]; /* of the key */
} signer;

static void hmac(const uint8_t *key, size_t key_len, const char *text, size_t len, uint8_t *out)
{
    struct hmac_sha256_ctx context;

    hmac_sha256_set_key(&context, key_len, key);
    hmac_sha256_update(&context, len, (const uint8_t *)text);
    hmac_sha256_digest(&context, SHA256_DIGEST_SIZE, out);
}

static void to_hex(const uint8_t digest[SHA256_DIGEST_SIZE], char out[65])
{
    for (unsigned i = 0; i < SHA256_DIGEST_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void sha256_hex(const char *text, size_t len, char out[65])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx context;

    sha256_init(&context);
    sha256_update(&context, len, (const uint8_t *)text);
    sha256_digest(&context, sizeof(digest), digest);
    to_hex(digest, out);
}

static void derive_key(const char *date)
{
    const char *secret = getenv("AWS_SECRET_ACCESS_KEY");
    char first[128];

    signer.access_key = getenv("AWS_ACCESS_KEY_ID");
    if (!secret || !signer.access_key)
        die("no key", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    int len = snprintf(first, sizeof(first), "AWS4%s", secret);
    hmac((const uint8_t *)first, (size_t)len, date, 8, signer.key);
    hmac(signer.key, sizeof(signer.key), "us-east-1", 9, signer.key);
    hmac(signer.key, sizeof(signer.key), "route53", 7, signer.key);
    hmac(signer.key, sizeof(signer.key), "aws4_request", 12, signer.key);
    memcpy(signer.date, date, 9);
}

struct ask {
    const char *method, *path, *query; /* in canonical form */
    const char *body;
    size_t body_len;
};

/* The whole request, signed, to @out (REQUEST_SIZE); returns its length. */
static size_t build_request(const char *host, const struct ask *ask, char *out)
{
    static uint64_t number_of;
    char time_text[20], date[9], body_hash[65], hash[65], signature[65], text[4096];
    uint8_t digest[SHA256_DIGEST_SIZE];
    time_t now = time(NULL);
    struct tm parts;

    gmtime_r(&now, &parts);
    strftime(time_text, sizeof(time_text), "%Y%m%dT%H%M%SZ", &parts);
    snprintf(date, sizeof(date), "%.8s", time_text);
    if (strcmp(date, signer.date) != 0)
        derive_key(date);
    sha256_hex(ask->body, ask->body_len, body_hash);
    int len =
        snprintf(text, sizeof(text), "%s\n%s\n%s\nhost:%s\nx-amz-date:%s\n\nhost;x-amz-date\n%s",
                 ask->method, ask->path, ask->query, host, time_text, body_hash);
    sha256_hex(text, (size_t)len, hash);
    len =
        snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s/us-east-1/route53/aws4_request\n%s",
                 time_text, date, hash);
    hmac(signer.key, sizeof(signer.key), text, (size_t)len, digest);
    to_hex(digest, signature);
    len = snprintf(
        out, REQUEST_SIZE,
        "%s %s%s%s HTTP/1.1\r\nHost: %s\r\nX-Amz-Date: %s\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s/us-east-1/route53/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=%s\r\n"
        "amz-sdk-invocation-id: %08x-0000-4000-8000-%012" PRIx64 "\r\n"
        "Content-Length: %zu\r\n\r\n",
        ask->method, ask->path, *ask->query ? "?" : "", ask->query, host, time_text,
        signer.access_key, date, signature, (unsigned)getpid(), ++number_of, ask->body_len);
    if ((size_t)len + ask->body_len > REQUEST_SIZE)
        die("a request is too long", ask->path);
    memcpy(out + len, ask->body, ask->body_len);
    return (size_t)len + ask->body_len;
}

/* ---- connections ---- */

struct client {
    int fd;
    const char *host;
    char *input; /* REPLY_SIZE */
    size_t input_len;
    uint64_t sent_ns;
    uint64_t count; /* requests so far */
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void client_open(struct client *client, const char *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char ip[64];
    const char *colon = strchr(host, ':');
    int on = 1;

    if (!colon || (size_t)(colon - host) >= sizeof(ip))
        die("not HOST:PORT", host);
    snprintf(ip, sizeof(ip), "%.*s", (int)(colon - host), host);
    address.sin_port = htons((uint16_t)number(colon + 1));
    if (inet_pton(AF_INET, ip, &address.sin_addr) != 1)
        die("not an IPv4 address", ip);
    client->host = host;
    client->input = malloc(REPLY_SIZE + 1);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!client->input || client->fd < 0 ||
        connect(client->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die(host, strerror(errno));
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void client_send(struct client *client, const struct ask *ask)
{
    static char request[REQUEST_SIZE];
    size_t len = build_request(client->host, ask, request);

    client->input_len = 0;
    client->sent_ns = now_ns();
    for (size_t done = 0; done < len;) {
        ssize_t sent = send(client->fd, request + done, len - done, MSG_NOSIGNAL);
        if (sent <= 0)
            die("the connection ended", client->host);
        done += (size_t)sent;
    }
}

/* Read what is there. The reply's body once it is whole, ended by NUL; else NULL. */
static const char *client_take(struct client *client)
{
    ssize_t got =
        recv(client->fd, client->input + client->input_len, REPLY_SIZE - client->input_len, 0);

    if (got <= 0)
        die("the connection ended", client->host);
    client->input_len += (size_t)got;
    client->input[client->input_len] = '\0';
    char *end = strstr(client->input, "\r\n\r\n");
    if (!end)
        return NULL;
    char *length = strcasestr(client->input, "content-length:");
    if (!length || length > end)
        die("a reply without Content-Length", client->input);
    size_t body_len = strtoul(length + 15, NULL, 10);
    size_t head_len = (size_t)(end + 4 - client->input);
    if (head_len + body_len > REPLY_SIZE)
        die("a reply is too long", client->host);
    if (client->input_len < head_len + body_len)
        return NULL;
    if (strncmp(client->input, "HTTP/1.1 20", 11) != 0)
        die("refused", end + 4);
    return end + 4;
}

static const char *client_ask(struct client *client, const struct ask *ask)
{
    const char *body;

    client_send(client, ask);
    while ((body = client_take(client)) == NULL)
        ;
    return body;
}

/* ---- bodies ---- */

struct text {
    char *data;
    size_t len, size;
};

static void text_add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void text_add(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text->data + text->len, text->size - text->len, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= text->size - text->len)
        die("a body is too long", "ask for less");
    text->len += (size_t)len;
}

struct changes {
    const char *action, *zone_name;
    uint64_t first, count; /* numbers in the names */
    unsigned value;        /* of the addresses */
};

static void build_changes(struct text *text, const struct changes *changes)
{
    unsigned value = changes->value;

    text->len = 0;
    text_add(text, "<ChangeResourceRecordSetsRequest xmlns=\"" SPACE "\"><ChangeBatch><Changes>");
    for (uint64_t i = changes->first; i < changes->first + changes->count; i++)
        text_add(text,
                 "<Change><Action>%s</Action><ResourceRecordSet><Name>b%" PRIu64
                 ".%s</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>"
                 "10.%u.%u.%u</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
                 "</Change>",
                 changes->action, i, changes->zone_name, value >> 16 & 255, value >> 8 & 255,
                 value & 255);
    text_add(text, "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>");
}

static const char *change_path(const char *zone_id)
{
    static char path[128];

    snprintf(path, sizeof(path), "/2013-04-01/hostedzone/%s/rrset/", zone_id);
    return path;
}

/* ---- change ---- */

struct run {
    struct client clients[CLIENTS_MAX];
    unsigned client_count;
    uint64_t *samples;
    size_t sample_count;
    const char *path, *zone_name;
    struct text body;
};

static void send_next(struct run *run, struct client *client)
{
    unsigned at = (unsigned)(client - run->clients);

    struct changes changes = {"UPSERT", run->zone_name, at, 1,
                              (unsigned)(client->count++ << 8 | at)};
    build_changes(&run->body, &changes);
    struct ask ask = {"POST", run->path, "", run->body.data, run->body.len};
    client_send(client, &ask);
}

static double serve_until(struct run *run, int epoll, uint64_t end_ns)
{
    struct epoll_event events[64];
    unsigned busy = run->client_count;
    uint64_t started_ns = now_ns();

    while (busy > 0) {
        int count = epoll_wait(epoll, events, 64, 30000);
        if (count <= 0)
            die("no answer", "in 30 s");
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (!client_take(client))
                continue;
            uint64_t now = now_ns();
            if (run->sample_count < SAMPLES_MAX)
                run->samples[run->sample_count++] = now - client->sent_ns;
            if (now < end_ns)
                send_next(run, client);
            else
                busy--;
        }
    }
    return (double)(now_ns() - started_ns) / 1e9;
}

static int run_change(char **words)
{
    static struct run run;
    char *hosts[HOSTS_MAX], *rest = words[0];
    unsigned host_count = 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    for (char *host; host_count < HOSTS_MAX && (host = strsep(&rest, ",")) != NULL;)
        hosts[host_count++] = host;
    run.client_count = (unsigned)number(words[3]);
    if (run.client_count > CLIENTS_MAX)
        die("too many clients", words[3]);
    run.path = change_path(words[1]);
    run.zone_name = words[2];
    run.body = (struct text){malloc(4096), 0, 4096};
    run.samples = malloc(SAMPLES_MAX * sizeof(*run.samples));
    if (!run.samples || !run.body.data)
        die("out of memory", "samples");
    for (unsigned i = 0; i < run.client_count; i++) {
        client_open(&run.clients[i], hosts[i % host_count]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &run.clients[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, run.clients[i].fd, &event);
    }
    uint64_t end_ns = now_ns() + number(words[4]) * 1000000000u;
    for (unsigned i = 0; i < run.client_count; i++)
        send_next(&run, &run.clients[i]);
    double seconds = serve_until(&run, epoll, end_ns);
    double p50_ms = percentile_ms(run.samples, run.sample_count, 0.5);
    printf("{\"requests\": %zu, \"per_s\": %.0f, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"max_ms\": "
           "%.2f}\n",
           run.sample_count, (double)run.sample_count / seconds, p50_ms,
           percentile_ms(run.samples, run.sample_count, 0.99),
           percentile_ms(run.samples, run.sample_count, 1));
    return 0;
}

/* ---- batch ---- */

static void wait_insync(struct client *client, const char *body)
{
    char path[128];
    const char *id = strstr(body, "<Id>/change/");

    if (!id)
        die("no change in", body);
    snprintf(path, sizeof(path), "/2013-04-01/change/%.*s", (int)strcspn(id + 12, "<"), id + 12);
    struct ask ask = {"GET", path, "", "", 0};
    while (!strstr(client_ask(client, &ask), "<Status>INSYNC"))
        ;
}

static int run_batch(char **words)
{
    static struct client client;
    uint64_t count = number(words[3]), rounds = number(words[4]);
    uint64_t *acknowledged = calloc(rounds, sizeof(uint64_t));
    uint64_t *insync = calloc(rounds, sizeof(uint64_t));
    struct text body = {malloc(REQUEST_SIZE), 0, REQUEST_SIZE};

    if (!acknowledged || !insync || !body.data)
        die("out of memory", "samples");
    client_open(&client, words[0]);
    for (uint64_t i = 0; i < rounds; i++) {
        struct changes changes = {"CREATE", words[2], now_ns(), count, (unsigned)i};
        build_changes(&body, &changes);
        struct ask ask = {"POST", change_path(words[1]), "", body.data, body.len};
        const char *reply = client_ask(&client, &ask);
        uint64_t sent_ns = client.sent_ns;
        acknowledged[i] = now_ns() - sent_ns;
        wait_insync(&client, reply);
        insync[i] = now_ns() - sent_ns;
    }
    double p50_ms = percentile_ms(acknowledged, rounds, 0.5);
    printf("{\"batches\": %" PRIu64 ", \"changes\": %" PRIu64
           ", \"acknowledged_p50_ms\": %.1f, \"acknowledged_max_ms\": %.1f, \"insync_p50_ms\": "
           "%.1f, \"insync_max_ms\": %.1f}\n",
           rounds, count, p50_ms, percentile_ms(acknowledged, rounds, 1),
           percentile_ms(insync, rounds, 0.5), percentile_ms(insync, rounds, 1));
    return 0;
}

/* ---- list ---- */

/* The text of <@element> in @body, encoded as a query's value. "" : there is none. */
static void take_next(const char *body, const char *element, char out[1100])
{
    const char *at = strstr(body, element);
    size_t len = 0;

    for (at = at ? at + strlen(element) : ""; *at && *at != '<' && len < 1096; at++) {
        if (isalnum((unsigned char)*at) || strchr("-_.~", *at))
            out[len++] = *at;
        else
            len += (size_t)snprintf(out + len, 4, "%%%02X", (unsigned char)*at);
    }
    out[len] = '\0';
}

static const char *tail_of(const struct client *client, const char *body)
{
    const char *end = client->input + client->input_len;

    return end - body > TAIL_LEN ? end - TAIL_LEN : body;
}

static size_t count_sets(const char *body)
{
    size_t count = 0;

    while ((body = strstr(body, "<ResourceRecordSet>")) != NULL) {
        count++;
        body += sizeof("<ResourceRecordSet>") - 1;
    }
    return count;
}

static int run_list(char **words)
{
    static struct client client;
    uint64_t rounds = number(words[3]);
    size_t sets = 0, pages = 0;
    char path[128];

    client_open(&client, words[0]);
    snprintf(path, sizeof(path), "/2013-04-01/hostedzone/%s/rrset", words[1]);
    uint64_t started_ns = now_ns();
    for (uint64_t i = 0; i < rounds; i++) {
        char query[4096] = "maxitems=300", name[1100], type[1100], identifier[1100];
        do {
            struct ask ask = {"GET", path, query, "", 0};
            const char *body = client_ask(&client, &ask);
            sets += count_sets(body);
            pages++;
            const char *tail = tail_of(&client, body); /* those below stand there */
            take_next(tail, "<NextRecordName>", name);
            take_next(tail, "<NextRecordType>", type);
            take_next(tail, "<NextRecordIdentifier>", identifier);
            snprintf(query, sizeof(query), "%s%s%smaxitems=300&name=%s&type=%s",
                     *identifier ? "identifier=" : "", identifier, *identifier ? "&" : "", name,
                     type);
        } while (*name);
    }
    double seconds = (double)(now_ns() - started_ns) / 1e9;
    printf("{\"sets\": %zu, \"pages\": %zu, \"sets_per_s\": %.0f, \"page_ms\": %.2f}\n", sets,
           pages, (double)sets / seconds, seconds * 1000 / (double)pages);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int words;
        int (*run)(char **words);
    } modes[] = {{"change", 5, run_change}, {"batch", 5, run_batch}, {"list", 4, run_list}};

    for (unsigned i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argv[1], modes[i].name) == 0 && argc == 2 + modes[i].words)
            return modes[i].run(argv + 2);
    }
    fprintf(stderr, "usage: bench_api change HOST:PORT[,HOST:PORT…] ZONE-ID NAME CLIENTS SECONDS\n"
                    "       bench_api batch HOST:PORT ZONE-ID NAME COUNT ROUNDS\n"
                    "       bench_api list HOST:PORT ZONE-ID NAME ROUNDS\n");
    return 2;
}
