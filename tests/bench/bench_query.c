/* links: query test_image test_route geo */
/* bench_query [ROUNDS [DATABASE.mmdb [WORKLOAD]]]: answer batches of 64 questions for a few names
 * on one thread, as a UDP worker does between its system calls; nanoseconds a question. Under
 * callgrind: instructions. The routed ones: by weight; by client subnet, 57,088 /16 and a random
 * /24 in each question; by country, likewise, with a database. */
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"
#include "geo/cidr.h"
#include "geo/database.h"
#include "geo/view.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "query.h"
#include "zone/image.h"
#include "zone/view.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COUNT = 64, REPLY_SIZE = 1232, NAMES = 10, REQUEST_SIZE = 128, LOCATIONS = 10 };
enum { BLOCKS = 223 * 256, VIEWS = 1000 };

struct bench {
    struct zone_publisher *publisher;
    struct query_scratch *scratch;
    unsigned long rounds;
    const char *only;  /* this workload; NULL: all */
    const char *where; /* what follows a workload's name */
    const struct sockaddr *client;
    uint8_t *subnets[COUNT]; /* the three octets of each question's; NULL: none */
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* others may use the machine */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t chance(void)
{
    static uint64_t state = 1;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Returns its length; *@subnet: where the address of its ECS is. */
static uint16_t make_request(const char *name, bool has_ecs, uint8_t *out, uint8_t **subnet)
{
    static const uint8_t ecs[] =
        "\0\0\x29\x10\0\0\0\0\0\0\xb\0\10\0\7\0\1\x18\0\0\0"; /* and a NUL */
    memset(out, 0, DNS_HEADER_LEN);
    dns_wire_put16(out + 4, 1);
    int name_len = dns_name_parse(name, NULL, out + DNS_HEADER_LEN);
    if (name_len < 0)
        exit(1);
    uint8_t *end = out + DNS_HEADER_LEN + name_len;
    dns_wire_put16(end, DNS_TYPE_A);
    dns_wire_put16(end + 2, DNS_CLASS_IN);
    *subnet = NULL;
    if (!has_ecs)
        return (uint16_t)(DNS_HEADER_LEN + (unsigned)name_len + 4);
    dns_wire_put16(out + 10, 1);
    memcpy(end + 4, ecs, sizeof ecs);
    *subnet = end + 4 + sizeof ecs - 3;
    return (uint16_t)(DNS_HEADER_LEN + (unsigned)name_len + 4 + sizeof ecs);
}

static void draw_subnets(struct bench *bench)
{
    for (unsigned i = 0; i < COUNT && bench->subnets[i] != NULL; i++) {
        const uint64_t bits = chance();
        bench->subnets[i][0] = (uint8_t)(1 + (bits & 0xffff) * 223 / 65536);
        bench->subnets[i][1] = (uint8_t)(bits >> 16);
        bench->subnets[i][2] = (uint8_t)(bits >> 24);
    }
}

static void run(struct bench *bench, const char *prefix, bool has_ecs)
{
    static uint8_t requests[COUNT][REQUEST_SIZE], replies[COUNT][REPLY_SIZE];
    static struct query_item items[COUNT];
    struct query_env env = {.proto = QUERY_UDP};
    unsigned answers = 0;
    if (bench->only != NULL && strcmp(bench->only, prefix) != 0)
        return;
    for (unsigned i = 0; i < COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%u.example.com.", prefix, i % NAMES);
        items[i] = (struct query_item){
            .client = bench->client,
            .request = requests[i],
            .request_len = make_request(name, has_ecs, requests[i], &bench->subnets[i]),
            .reply = {.octets = replies[i], .capacity = REPLY_SIZE},
        };
    }
    double start = now_s();
    for (unsigned long round = 0; round < bench->rounds; round++) {
        draw_subnets(bench);
        env.draw = chance();
        env.image = zone_image_read_begin(bench->publisher);
        query_answer_many(bench->scratch, &env, items, COUNT);
        zone_image_read_end();
        answers += items[0].reply.counts[DNS_SECTION_ANSWER];
    }
    double taken = now_s() - start;
    printf("%s%s%s: %.1f ns a question, reply of %u octets, code %u, %.2f records\n", prefix,
           has_ecs ? " with ECS" : "", bench->where, taken * 1e9 / (double)(bench->rounds * COUNT),
           items[0].reply.len, items[0].reply.rcode, answers / (double)bench->rounds);
}

/* ---- what is asked for ---- */

static void put_plain(struct zone_publisher *publisher)
{
    char text[2048] = "@ 60 SOA ns1 host 1 7200 900 1209600 60\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n";
    for (unsigned i = 0; i < NAMES; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "h%1$u 60 A 192.0.2.%1$u\nfour%1$u 60 A 192.0.2.1\nfour%1$u 60 A 192.0.2.2\n"
                 "four%1$u 60 A 192.0.2.3\nfour%1$u 60 A 192.0.2.4\n",
                 i);
    test_image_serve(publisher, "example.com.", text);
}

static void put_routed(struct zone_publisher *publisher)
{
    static const char *const places[] = {"FR", "DE", "US", "GB", "JP", "BR", "IN", "EU", "NA", "*"};
    char text[2048];
    for (unsigned i = 0; i < NAMES; i++) {
        text[0] = '\0';
        for (unsigned k = 0; k < LOCATIONS; k++)
            snprintf(text + strlen(text), sizeof text - strlen(text),
                     "subnet%1$u 60 A %2$c cidr cidr=1/%2$c = 192.0.2.%3$u\n"
                     "country%1$u 60 A %2$c geo place=%4$s check=%3$u = 192.0.2.%3$u\n",
                     i, (char)('a' + k), k + 1, places[k]);
        for (unsigned k = 0; k < 4; k++)
            snprintf(text + strlen(text), sizeof text - strlen(text),
                     "weight%1$u 60 A %2$u weighted weight=%3$u = 192.0.2.%2$u\n"
                     "multi%1$u 60 A %2$u multi = 192.0.2.%2$u\n",
                     i, k, 1 + k);
        test_route_put(publisher, "example.com.", text);
    }
}

static struct geo_cidr *make_cidr(void)
{
    struct geo_cidr_block *blocks = calloc(BLOCKS, sizeof *blocks);
    struct geo_cidr_collection *collection;
    struct geo_cidr *cidr;
    if (blocks == NULL)
        exit(1);
    for (unsigned i = 0; i < BLOCKS; i++) {
        const char name[2] = {(char)('a' + chance() % LOCATIONS)};
        blocks[i].prefix.len = 16;
        blocks[i].prefix.octets[0] = (uint8_t)(1 + i / 256);
        blocks[i].prefix.octets[1] = (uint8_t)i;
        blocks[i].location = geo_cidr_location_hash(name);
    }
    if (geo_cidr_collection_new(blocks, BLOCKS, &collection) != 0 ||
        geo_cidr_with(NULL, 1, collection, &cidr) != 0)
        exit(1);
    geo_cidr_collection_unref(collection);
    free(blocks);
    return cidr;
}

static void put_places(struct zone_publisher *publisher, const char *database_path)
{
    struct geo_view parts = {.cidr = make_cidr()};
    char error[GEO_ERROR_SIZE];
    if (database_path != NULL && geo_database_load(database_path, 0, &parts.database, error) != 0) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    struct geo_view *view = geo_view_new(&parts);
    if (view == NULL)
        exit(1);
    zone_change_geo(publisher, view);
    test_route_publish(publisher);
}

/* A thousand views of a /24 each, all of which see one private zone. */
static void put_views(struct zone_publisher *publisher)
{
    static struct zone_view_network networks[VIEWS];
    static const uint8_t apex[] = "\7example\3com";
    char text[1024] = "@ 60 SOA ns1 host 1 7200 900 1209600 60\n@ 60 NS ns1\nns1 60 A 10.0.0.1\n";
    for (unsigned i = 0; i < NAMES; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "h%1$u 60 A 10.0.0.%1$u\n", i);
    test_image_serve_private(publisher, "Z0123456789ABCDEFGHIJ", "example.com.", text);
    for (unsigned i = 0; i < VIEWS; i++) {
        networks[i] = (struct zone_view_network){
            .prefix = {.octets = {10, (uint8_t)(i / 256), (uint8_t)i}, .len = 24}, .view = i};
        if (zone_view_link(publisher, i, apex, "Z0123456789ABCDEFGHIJ") != 0)
            exit(1);
    }
    if (zone_view_set_networks(publisher, networks, VIEWS) != 0)
        exit(1);
    test_image_publish(publisher);
}

static void run_views(struct bench *bench)
{
    static const struct sockaddr_in outside = {.sin_family = AF_INET, .sin_addr = {0x090200c0}};
    static const struct sockaddr_in inside = {.sin_family = AF_INET, .sin_addr = {0x0902010a}};
    put_views(bench->publisher);
    bench->client = (const struct sockaddr *)&outside;
    bench->where = " beside views";
    run(bench, "h", false);
    bench->client = (const struct sockaddr *)&inside;
    bench->where = " in a view";
    run(bench, "h", false);
    run(bench, "none", false);
}

int main(int argc, char **argv)
{
    struct bench bench = {.publisher = test_image_new(),
                          .scratch = query_scratch_new(),
                          .where = "",
                          .rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000,
                          .only = argc > 3 ? argv[3] : NULL};
    if (bench.scratch == NULL)
        return 1;
    zone_reader_register();
    put_plain(bench.publisher);
    put_routed(bench.publisher);
    put_places(bench.publisher, argc > 2 ? argv[2] : NULL);
    run(&bench, "h", false);
    run(&bench, "none", false);
    run(&bench, "four", false);
    run(&bench, "h", true);
    run(&bench, "weight", false);
    run(&bench, "multi", false);
    run(&bench, "subnet", true);
    run(&bench, "country", true);
    run_views(&bench);
    zone_reader_unregister();
    query_scratch_free(bench.scratch);
    test_image_free(bench.publisher);
    return 0;
}
