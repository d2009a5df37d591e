/* links: query test_image */
/* bench_query [ROUNDS]: answer batches of 64 questions for a few names on one thread, as a UDP
 * worker does between its system calls; nanoseconds a question. Under callgrind: instructions. */
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"
#include "lib/test_image.h"
#include "query.h"
#include "zone/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COUNT = 64, REPLY_SIZE = 1232, NAMES = 10 };

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint16_t make_request(unsigned index, const char *prefix, uint8_t *out)
{
    char text[64];
    memset(out, 0, DNS_HEADER_LEN);
    dns_wire_put16(out, (uint16_t)index);
    dns_wire_put16(out + 4, 1);
    snprintf(text, sizeof text, "%s%u.example.com.", prefix, index % NAMES);
    int name_len = dns_name_parse(text, NULL, out + DNS_HEADER_LEN);
    if (name_len < 0)
        exit(1);
    uint8_t *end = out + DNS_HEADER_LEN + name_len;
    dns_wire_put16(end, DNS_TYPE_A);
    dns_wire_put16(end + 2, DNS_CLASS_IN);
    return (uint16_t)(DNS_HEADER_LEN + (unsigned)name_len + 4);
}

static void run(const struct zone_publisher *publisher, struct query_scratch *scratch,
                const char *prefix, unsigned long rounds)
{
    static uint8_t requests[COUNT][64], replies[COUNT][REPLY_SIZE];
    static struct query_item items[COUNT];
    struct query_env env = {.proto = QUERY_UDP};
    for (unsigned i = 0; i < COUNT; i++)
        items[i] = (struct query_item){
            .request = requests[i],
            .request_len = make_request(i, prefix, requests[i]),
            .reply = {.octets = replies[i], .capacity = REPLY_SIZE},
        };
    double start = now_s();
    for (unsigned long round = 0; round < rounds; round++) {
        env.image = zone_image_read_begin(publisher);
        query_answer_many(scratch, &env, items, COUNT);
        zone_image_read_end();
    }
    double taken = now_s() - start;
    printf("%s: %.1f ns a question, reply of %u octets, code %u\n", prefix,
           taken * 1e9 / (double)(rounds * COUNT), items[0].reply.len, items[0].reply.rcode);
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    struct zone_publisher *publisher = test_image_new();
    struct query_scratch *scratch = query_scratch_new();
    char text[1024] = "@ 60 SOA ns1 host 1 7200 900 1209600 60\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n";
    for (unsigned i = 0; i < NAMES; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "h%u 60 A 192.0.2.%u\n", i, i);
    if (scratch == NULL)
        return 1;
    zone_reader_register();
    test_image_serve(publisher, "example.com.", text);
    run(publisher, scratch, "h", rounds);
    run(publisher, scratch, "none", rounds);
    zone_reader_unregister();
    query_scratch_free(scratch);
    test_image_free(publisher);
    return 0;
}
