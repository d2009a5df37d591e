/* links: net test_image test_route */
/* bench_batch [ROUNDS [WORKLOAD [SOCKET]]]: batches of 64 requests as a UDP worker has them between
 * its system calls, with counting and without rate limits; nanoseconds a request. Under callgrind:
 * instructions, of which those for counting are to stay few. With a SOCKET, dnstap goes to the
 * reader there (fstrm_capture -t protobuf:dnstap.Dnstap -u SOCKET -w FILE), or to nobody if there
 * is none: what the thread that answers pays for it. WORKLOAD "all": all of them. */
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"
#include "dnstap/dnstap.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "net/batch.h"
#include "net/counters.h"
#include "net/net.h"
#include "zone/image.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COUNT = NET_BATCH_MAX, REPLY_SIZE = 1232, NAMES = 10, REQUEST_SIZE = 128 };

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* others may use the machine */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint16_t make_request(const char *name, uint8_t *out)
{
    memset(out, 0, DNS_HEADER_LEN);
    dns_wire_put16(out + 4, 1);
    int name_len = dns_name_parse(name, NULL, out + DNS_HEADER_LEN);
    if (name_len < 0)
        exit(1);
    dns_wire_put16(out + DNS_HEADER_LEN + name_len, DNS_TYPE_A);
    dns_wire_put16(out + DNS_HEADER_LEN + name_len + 2, DNS_CLASS_IN);
    return (uint16_t)(DNS_HEADER_LEN + (unsigned)name_len + 4);
}

static void run(struct net_batch *batch, const char *prefix, unsigned long rounds, const char *only)
{
    static const struct sockaddr_in client = {.sin_family = AF_INET, .sin_addr = {0x010200c0}};
    static uint8_t requests[COUNT][REQUEST_SIZE], replies[COUNT][REPLY_SIZE];
    struct net_tapped tapped[COUNT];
    uint16_t lens[COUNT];

    if (only != NULL && strcmp(only, "all") != 0 && strcmp(only, prefix) != 0)
        return;
    for (unsigned i = 0; i < COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%u.example.com.", prefix, i % NAMES);
        lens[i] = make_request(name, requests[i]);
        tapped[i] = (struct net_tapped){.server = (const struct sockaddr *)&client};
    }
    double start = now_s();
    for (unsigned long round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            net_batch_set_reply(batch, i, replies[i], REPLY_SIZE);
            net_batch_set(batch, i, (const struct sockaddr *)&client, requests[i], lens[i]);
        }
        if (batch->tap != NULL)
            net_batch_answer_tapped(batch, COUNT, tapped);
        else
            net_batch_answer(batch, COUNT);
    }
    printf("%s: %.1f ns a request, reply of %u octets\n", prefix,
           (now_s() - start) * 1e9 / (double)(rounds * COUNT), net_batch_reply_len(batch, 0));
}

static void put_names(struct zone_publisher *publisher)
{
    char text[1024] = "@ 60 SOA ns1 host 1 7200 900 1209600 60\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n";
    char routed[2048] = "";
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "h%1$u 60 A 192.0.2.%1$u\n", i);
        for (unsigned k = 0; k < 4; k++)
            snprintf(routed + strlen(routed), sizeof routed - strlen(routed),
                     "weight%1$u 60 A %2$u weighted weight=%3$u = 192.0.2.%2$u\n", i, k, 1 + k);
    }
    test_image_serve(publisher, "example.com.", text);
    test_route_put(publisher, "example.com.", routed);
    test_route_publish(publisher);
}

/* The reader has a moment to be there. */
static struct dnstap *open_tap(const char *socket_path)
{
    const struct dnstap_options options = {.socket_path = socket_path, .sample = 1};
    struct dnstap *tap;
    if (dnstap_open(&options, &tap) != 0)
        exit(1);
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    return tap;
}

static void close_tap(struct dnstap *tap)
{
    struct dnstap_counters counters;
    if (tap == NULL)
        return;
    dnstap_read_counters(tap, &counters);
    printf("dnstap: %" PRIu64 " written, %" PRIu64 " dropped, %" PRIu64 " lost\n", counters.written,
           counters.dropped, counters.lost);
    dnstap_close(tap);
}

int main(int argc, char **argv)
{
    static struct net_batch batch;
    static struct net_cells cells;
    struct zone_publisher *publisher = test_image_new();
    const unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    const char *only = argc > 2 ? argv[2] : NULL;
    struct dnstap *tap = argc > 3 ? open_tap(argv[3]) : NULL;
    const struct net_options options = {.publisher = publisher, .tap = tap};
    struct net_env env;

    if (net_env_init(&env, &options) != 0 || net_batch_init(&batch, &env, &cells) != 0)
        return 1;
    zone_reader_register();
    put_names(publisher);
    run(&batch, "h", rounds, only);
    run(&batch, "none", rounds, only);
    run(&batch, "weight", rounds, only);
    zone_reader_unregister();
    net_batch_fini(&batch);
    net_env_fini(&env);
    close_tap(tap);
    test_image_free(publisher);
    return 0;
}
