/* links: query test_exchange test_world test_route test_image */
/* What clients of a view are answered: by the address that the question comes from, whatever its
 * client subnet says. */
#include "dns/type.h"
#include "dns/wire.h"
#include "lib/test_exchange.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "lib/test_world.h"
#include "zone/image.h"
#include "zone/view.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE "@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 NS ns\n"

static const struct sockaddr_in inside = {.sin_family = AF_INET, .sin_addr = {0x0900010a}};
static const struct sockaddr_in outside = {.sin_family = AF_INET, .sin_addr = {0x090200c0}};
static const struct sockaddr_in6 mapped = {
    .sin6_family = AF_INET6, .sin6_addr = {.s6_addr = {[10] = 0xff, [11] = 0xff, 10, 1, 0, 9}}};

static int set_up(void **state)
{
    const struct zone_view_network network = {.prefix = {.octets = {10, 1}, .len = 16}};
    static const uint8_t apex[] = "\7example\3com";

    if (test_exchange_set_up(state) != 0)
        return -1;
    struct zone_publisher *publisher = test_exchange_publisher;
    test_image_serve(publisher, "example.com.",
                     BASE "www 60 A 192.0.2.1\nonly 60 A 192.0.2.2\n"
                          "out 60 CNAME www\nmail 60 A 192.0.2.9\n");
    test_image_serve(publisher, "example.net.",
                     BASE "www 60 A 192.0.2.3\nto 60 CNAME www.example.com.\n"
                          "mx 60 MX 10 mail.example.com.\n");
    test_image_serve_private(publisher, "Z1", "example.com.",
                             BASE "www 60 A 10.0.0.1\nnet 60 CNAME www.example.net.\n"
                                  "mail 60 A 10.0.0.9\n");
    test_route_put_private(publisher, "Z1", "example.com.",
                           "alias 0 A - simple -> www.example.com.\n"
                           "pub 0 A - simple -> alias.example.net.\n"
                           "geo 60 A fr geo place=FR = 10.0.0.4\n"
                           "geo 60 A any geo place=* = 10.0.0.5\n");
    test_route_put(publisher, "example.net.", "alias 0 A - simple -> www.example.com.\n");
    assert_int_equal(zone_view_set_networks(publisher, &network, 1), 0);
    assert_int_equal(zone_view_link(publisher, 0, apex, "Z1"), 0);
    test_image_publish(publisher);
    return 0;
}

static void expect(const void *client, const char *name, uint16_t type, const char *expected)
{
    const struct query_env env = {.client = client};
    const struct ask ask = {.name = name, .type = type, .env = &env};

    test_exchange_expect(&ask, QUERY_ANSWERED, expected);
}

static void test_source_decides_what_is_seen(void **state)
{
    (void)state;
    expect(&outside, "www.example.com.", DNS_TYPE_A,
           "NOERROR aa\nAN www.example.com. 60 A 192.0.2.1\n");
    expect(&inside, "www.example.com.", DNS_TYPE_A,
           "NOERROR aa\nAN www.example.com. 60 A 10.0.0.1\n");
    expect(&mapped, "www.example.com.", DNS_TYPE_A,
           "NOERROR aa\nAN www.example.com. 60 A 10.0.0.1\n");
    expect(NULL, "www.example.com.", DNS_TYPE_A,
           "NOERROR aa\nAN www.example.com. 60 A 192.0.2.1\n");
    expect(&inside, "only.example.com.", DNS_TYPE_A,
           "NXDOMAIN aa\nAU example.com. 60 SOA ns.example.com. host.example.com. 1 7200 900 "
           "1209600 60\n");
}

static void test_client_subnet_has_no_say(void **state)
{
    static const char options[] = "\0\10\0\7\0\1\x18\0\12\1\0"; /* 10.1.0.0/24 */
    const struct query_env env = {.client = (const struct sockaddr *)&outside};
    const struct ask ask = {.name = "www.example.com.",
                            .type = DNS_TYPE_A,
                            .edns_size = 1232,
                            .options = options,
                            .options_len = sizeof(options) - 1,
                            .env = &env};
    (void)state;
    test_exchange_expect(&ask, QUERY_ANSWERED, "NOERROR aa\nAN www.example.com. 60 A 192.0.2.1\n");
}

/* The location is the sender's, and the answer is good for all that the sender serves: scope 0. */
static void test_private_answer_ignores_the_client_subnet(void **state)
{
    static const char options[] = "\0\10\0\7\0\1\x18\0\12\2\0"; /* 10.2.0.0/24 */
    const struct query_env env = {.client = (const struct sockaddr *)&inside};
    struct ask ask = {.name = "geo.example.com.",
                      .type = DNS_TYPE_A,
                      .edns_size = 1232,
                      .options = options,
                      .options_len = sizeof(options) - 1,
                      .env = &env};
    (void)state;
    test_exchange_expect(&ask, QUERY_ANSWERED, "NOERROR aa\nAN geo.example.com. 60 A 10.0.0.5\n");
    test_exchange_expect_options(&ask, DNS_RCODE_NOERROR,
                                 "8:00011800"
                                 "0a0200\n");
}

static void test_chains_go_by_the_view_at_each_link(void **state)
{
    (void)state;
    expect(&inside, "net.example.com.", DNS_TYPE_A,
           "NOERROR aa\nAN net.example.com. 60 CNAME www.example.net.\n"
           "AN www.example.net. 60 A 192.0.2.3\n");
    expect(&inside, "to.example.net.", DNS_TYPE_A,
           "NOERROR aa\nAN to.example.net. 60 CNAME www.example.com.\n"
           "AN www.example.com. 60 A 10.0.0.1\n");
    expect(&inside, "mx.example.net.", DNS_TYPE_MX,
           "NOERROR aa\nAN mx.example.net. 60 MX 10 mail.example.com.\n"
           "AD mail.example.com. 60 A 10.0.0.9\n");
}

static void test_aliases_of_private_zones_see_the_view_those_of_public_ones_do_not(void **state)
{
    (void)state;
    expect(&inside, "alias.example.com.", DNS_TYPE_A,
           "NOERROR aa\nAN alias.example.com. 60 A 10.0.0.1\n");
    expect(&inside, "alias.example.net.", DNS_TYPE_A,
           "NOERROR aa\nAN alias.example.net. 60 A 192.0.2.1\n");
    expect(&inside, "pub.example.com.", DNS_TYPE_A,
           "NOERROR aa\nAN pub.example.com. 60 A 192.0.2.1\n");
}

static void test_many_answers_each_client_by_its_own_view(void **state)
{
    enum { COUNT = 40 };
    struct query_scratch *scratch = query_scratch_new();
    const struct query_env env = {.image = zone_image_read_begin(test_exchange_publisher)};
    const struct ask ask = {.name = "www.example.com.", .type = DNS_TYPE_A};
    static uint8_t replies[COUNT][512];
    struct query_item items[COUNT];
    uint8_t request[TEST_REQUEST_SIZE];
    const uint16_t len = test_exchange_request(&ask, request);

    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        items[i] = (struct query_item){
            .client = (const struct sockaddr *)(i % 3 == 0 ? &inside : &outside),
            .request = request,
            .request_len = len,
            .reply = {.octets = replies[i], .capacity = sizeof(replies[i])}};
    query_answer_many(scratch, &env, items, COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(replies[i][items[i].reply.len - 4], i % 3 == 0 ? 10 : 192);
    zone_image_read_end();
    query_scratch_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_decides_what_is_seen),
        cmocka_unit_test(test_client_subnet_has_no_say),
        cmocka_unit_test(test_private_answer_ignores_the_client_subnet),
        cmocka_unit_test(test_chains_go_by_the_view_at_each_link),
        cmocka_unit_test(test_aliases_of_private_zones_see_the_view_those_of_public_ones_do_not),
        cmocka_unit_test(test_many_answers_each_client_by_its_own_view),
    };
    return cmocka_run_group_tests(tests, set_up, test_exchange_tear_down);
}
