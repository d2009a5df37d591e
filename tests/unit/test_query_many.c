/* links: query test_image test_route */
/* Many requests side by side are answered as each would be by itself. */
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "query.h"
#include "zone/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT_MAX = 64, ROUNDS = 3000, REPLY_SIZE = 1232 };

static const char *const names[] = {
    ".",
    "example.",
    "www.example.",
    "WWW.Example.",
    "a.ent.example.",
    "ent.example.",
    "x.w.example.",
    "y.x.w.example.",
    "chain.example.",
    "far.example.",
    "d.example.",
    "x.d.example.",
    "child.example.",
    "a.child.example.",
    "sub.example.",
    "host.sub.example.",
    "no.sub.example.",
    "nothing.example.",
    "other.",
    "loop.example.",
    "many.example.",
    "routed.example.",
};
static const uint16_t types[] = {DNS_TYPE_A,   DNS_TYPE_NS,  DNS_TYPE_MX,   DNS_TYPE_DS,
                                 DNS_TYPE_ANY, DNS_TYPE_SOA, DNS_TYPE_AXFR, DNS_TYPE_CNAME};

static unsigned draw(unsigned limit)
{
    static uint64_t state = 11;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 11) % limit);
}

/* A question, at times with EDNS, at times spoilt. */
static uint16_t make_request(uint8_t *out)
{
    static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
    memset(out, 0, DNS_HEADER_LEN);
    dns_wire_put16(out, (uint16_t)draw(65536));
    dns_wire_put16(out + 4, 1);
    int name_len =
        dns_name_parse(names[draw(sizeof names / sizeof *names)], NULL, out + DNS_HEADER_LEN);
    assert_true(name_len > 0);
    uint16_t len = (uint16_t)(DNS_HEADER_LEN + (unsigned)name_len);
    dns_wire_put16(out + len, types[draw(sizeof types / sizeof *types)]);
    dns_wire_put16(out + len + 2, draw(20) == 0 ? DNS_CLASS_CH : DNS_CLASS_IN);
    len = (uint16_t)(len + 4);
    if (draw(2) == 0) {
        dns_wire_put16(out + 10, 1);
        memcpy(out + len, opt, sizeof opt);
        len = (uint16_t)(len + sizeof opt);
    }
    if (draw(8) == 0)
        out[draw(len)] ^= (uint8_t)(1u << draw(8));
    return draw(16) == 0 ? (uint16_t)draw(len) : len;
}

static void compare(const struct query_env *env, const struct query_item *item, unsigned index)
{
    struct query_env own = *env;
    uint8_t octets[REPLY_SIZE];
    struct dns_writer reply = {.octets = octets, .capacity = sizeof octets};
    own.draw = query_draw_at(env->draw, index);
    enum query_outcome outcome = query_answer(&own, item->request, item->request_len, &reply);
    assert_int_equal(outcome, item->outcome);
    if (outcome == QUERY_DROPPED)
        return;
    assert_int_equal(reply.rcode, item->reply.rcode);
    assert_int_equal(reply.len, item->reply.len);
    assert_memory_equal(octets, item->reply.octets, reply.len);
}

static void test_answer_many_gives_each_its_own_answer(void **state)
{
    static uint8_t requests[COUNT_MAX][512], replies[COUNT_MAX][REPLY_SIZE];
    static struct query_item items[COUNT_MAX];
    unsigned outcomes[QUERY_OUTCOME_COUNT] = {0};
    struct zone_publisher *publisher = test_image_new();
    (void)state;

    zone_reader_register();
    test_image_serve(publisher, "example.",
                     "@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
                     "www 60 A 192.0.2.2\na.ent 60 A 192.0.2.3\n*.w 60 A 192.0.2.4\n"
                     "chain 60 CNAME far\nfar 60 CNAME www.example.\nd 60 DNAME w\n"
                     "loop 60 CNAME loop\nmany 60 A 192.0.2.7\nmany 60 A 192.0.2.8\nmany 60 A "
                     "192.0.2.9\nsub 60 NS host.sub\nhost.sub 60 A 192.0.2.5\n");
    test_image_serve(publisher, "child.example.",
                     "@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 NS ns\na 60 A 192.0.2.6\n");
    test_route_put(publisher, "example.",
                   "routed 60 A a multi = 192.0.2.10\nrouted 60 A b multi = 192.0.2.11\n"
                   "routed 60 A c multi = 192.0.2.12; 192.0.2.13\n");
    struct query_scratch *scratch = query_scratch_new();
    assert_non_null(scratch);
    struct query_env env = {.image = zone_image_read_begin(publisher), .proto = QUERY_UDP};
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned count = 1 + draw(COUNT_MAX);
        for (unsigned i = 0; i < count; i++)
            items[i] = (struct query_item){
                .request = requests[i],
                .request_len = make_request(requests[i]),
                .reply = {.octets = replies[i], .capacity = REPLY_SIZE},
            };
        env.draw = round;
        query_answer_many(scratch, &env, items, count);
        for (unsigned i = 0; i < count; i++) {
            compare(&env, &items[i], i);
            outcomes[items[i].outcome]++;
        }
    }
    for (unsigned i = 0; i < QUERY_FAILED; i++)
        assert_true(outcomes[i] > 100); /* the requests were of all kinds */
    zone_image_read_end();
    query_scratch_free(scratch);
    zone_reader_unregister();
    test_image_free(publisher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_many_gives_each_its_own_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
