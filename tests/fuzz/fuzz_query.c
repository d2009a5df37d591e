/* links: query test_reply test_world */
/* wraps: geo_database_find geo_database_prefetch geo_database_unref */
/* Any request octets against an example image, by UDP and TCP: what is sent back must be a reply to
 * it that libknot can parse, and the same when others are answered beside it. The request's id says
 * what is healthy and what is drawn. */
#include "query.h"

#include "base/assert.h"
#include "dns/answer.h"
#include "dns/cookie.h"
#include "dns/type.h"
#include "lib/test_image.h"
#include "lib/test_reply.h"
#include "lib/test_route.h"
#include "lib/test_world.h"
#include "zone/image.h"
#include "zone/view.h"

#include <libknot/libknot.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_reply(const uint8_t *request, size_t len, const struct dns_writer *reply,
                        enum query_outcome outcome, enum query_proto proto)
{
    const uint8_t *octets = reply->octets;
    test_reply_check(request, len, octets, reply->len, proto == QUERY_UDP);
    ASSERT(test_reply_rcode(octets, reply->len) == reply->rcode);
    ASSERT(outcome != QUERY_REFERRED || !knot_wire_get_aa(octets));
    if (knot_wire_get_qdcount(octets) != 1) {
        ASSERT(outcome == QUERY_REJECTED || reply->rcode == DNS_RCODE_NOERROR);
        ASSERT(reply->len <= DNS_HEADER_LEN + DNS_OPT_LEN + DNS_OPTIONS_MAX);
    }
    ASSERT(reply->options_len <= DNS_OPTIONS_MAX);
}

/* One of several replies is what it would be alone, with the draw that it had. */
static void compare_with_alone(const struct query_env *env, const struct query_item *item,
                               unsigned index)
{
    static uint8_t octets[DNS_MESSAGE_MAX];
    struct dns_writer alone = {.octets = octets, .capacity = sizeof octets};
    struct query_env own = *env;
    own.draw = query_draw_at(env->draw, index);
    ASSERT(query_answer(&own, item->request, item->request_len, &alone) == item->outcome);
    if (item->outcome == QUERY_DROPPED)
        return;
    ASSERT(item->reply.len == alone.len);
    ASSERT(memcmp(item->reply.octets, alone.octets, alone.len) == 0);
    ASSERT(item->reply.rcode == alone.rcode);
    ASSERT(item->reply.has_valid_cookie == alone.has_valid_cookie);
}

/* The request twice, about a chain that goes on beside it. */
static void ask_side_by_side(const struct query_env *env, const uint8_t *request, uint16_t len)
{
    static const uint8_t chain[] = "\0\7\0\0\0\1\0\0\0\0\0\0\1c\1x\0\0\1\0\1";
    static uint8_t octets[3][DNS_MESSAGE_MAX];
    static struct query_scratch *scratch;
    struct query_item items[3];
    if (scratch == NULL)
        scratch = query_scratch_new();
    ASSERT(scratch != NULL);
    for (unsigned i = 0; i < 3; i++) {
        items[i] =
            (struct query_item){.client = env->client, .request = request, .request_len = len};
        items[i].reply.octets = octets[i];
        items[i].reply.capacity = sizeof octets[i];
    }
    items[1].request = chain;
    items[1].request_len = sizeof chain - 1;
    query_answer_many(scratch, env, items, 3);
    for (unsigned i = 0; i < 3; i++)
        compare_with_alone(env, &items[i], i);
}

/* Clients of 198.51.100.0/24 see private zones of their own: one in the place of the public
 * example.com, and one below it. */
static void add_view(struct zone_publisher *publisher)
{
    static const uint8_t apex[] = "\7example\3com", below[] = "\1d\7example\3com";
    const struct zone_view_network network = {.prefix = {.octets = {198, 51, 100}, .len = 24}};
    test_image_serve_private(publisher, "Z1", "example.com.",
                             "@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 NS ns\n"
                             "ns 60 A 10.0.0.1\n* 60 CNAME www.d\nout 60 CNAME www.example.org.\n"
                             "sub 60 NS ns.sub\nns.sub 60 A 10.0.0.2\nmx 60 MX 1 ns\n");
    test_image_serve_private(publisher, "Z2", "d.example.com.",
                             "@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 NS ns\n"
                             "www 60 A 10.0.0.3\nwww 60 A 10.0.0.4\n");
    test_route_put_private(publisher, "Z1", "example.com.",
                           "alias 0 A - simple -> www.d.example.com.\n"
                           "up 0 A - simple => alias.example.com.\n"
                           "w 60 A a weighted weight=1 check=1 = 10.0.0.5\n"
                           "w 0 A b weighted weight=1 => alias.example.com.\n");
    ASSERT(zone_view_set_networks(publisher, &network, 1) == 0);
    ASSERT(zone_view_link(publisher, 0, apex, "Z1") == 0);
    ASSERT(zone_view_link(publisher, 0, below, "Z2") == 0);
    test_image_publish(publisher);
}

static struct zone_publisher *routed_image(void)
{
    static struct zone_publisher *publisher;
    if (publisher == NULL) {
        publisher = test_reply_image();
        test_world_put(publisher);
        add_view(publisher);
    }
    return publisher;
}

static void set_health(unsigned bits)
{
    static uint64_t index;
    for (unsigned i = 0; i < 8; i++)
        test_route_set_health(routed_image(), 1 + i, (bits >> i & 1) == 0, ++index);
}

/* Odd ids come from within the view. */
static const struct sockaddr *client_of(uint16_t id)
{
    static const struct sockaddr_in clients[] = {
        {.sin_family = AF_INET, .sin_addr = {0x010200c0}},
        {.sin_family = AF_INET, .sin_addr = {0x016433c6}},
    };
    return (const struct sockaddr *)&clients[id % 2];
}

static void ask(const uint8_t *request, size_t len, enum query_proto proto)
{
    static uint8_t first[DNS_MESSAGE_MAX], second[DNS_MESSAGE_MAX];
    struct dns_writer reply = {.octets = first, .capacity = sizeof first};
    static const struct dns_cookie_secrets secrets = {.current = "0123456789abcde"};
    static const struct query_texts texts = {.identity = "n1", .version = "v"};
    const uint16_t id = len < 2 ? 0 : dns_wire_get16(request);
    set_health(id >> 8);
    struct query_env env = {.image = zone_image_read_begin(routed_image()),
                            .draw = id,
                            .client = client_of(id),
                            .proto = proto,
                            .tcp_idle_ds = 100,
                            .now_s = 1700000000,
                            .cookies = &secrets,
                            .texts = &texts};

    enum query_outcome outcome = query_answer(&env, request, (uint16_t)len, &reply);
    ask_side_by_side(&env, request, (uint16_t)len);
    zone_image_read_end();
    ASSERT((outcome == QUERY_DROPPED) == !test_reply_is_due(request, len));
    if (outcome == QUERY_DROPPED)
        return;
    ASSERT(outcome != QUERY_FAILED || reply.rcode == DNS_RCODE_SERVFAIL); /* a circle of aliases */
    check_reply(request, len, &reply, outcome, proto);
    /* Two servers never talk to each other. */
    struct dns_writer none = {.octets = second, .capacity = sizeof second};
    env.image = zone_image_read_begin(routed_image());
    ASSERT(query_answer(&env, first, (uint16_t)reply.len, &none) == QUERY_DROPPED);
    zone_image_read_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > UINT16_MAX)
        return 0;
    ask(data, len, QUERY_UDP);
    ask(data, len, QUERY_TCP);
    return 0;
}
