/* The root zone, and zones in zones below it. links: query test_exchange */
#include "dns/type.h"
#include "lib/test_exchange.h"
#include "lib/test_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char root_zone[] = "@ 60 SOA a.root.net. host.root.net. 1 7200 900 1209600 60\n"
                                "@ 60 NS a.root.net.\n"
                                "@ 60 NS b.root.\n"
                                "com 60 NS ns.com.\n"
                                "net 60 NS ns.com.\n"
                                "org 60 NS ns.org.\n"
                                "ns.com 60 A 192.0.2.1\n"
                                "a.root.net 60 A 192.0.2.2\n" /* below the cut of net */
                                "a.root.net 60 AAAA 2001:db8::2\n"
                                "b.root 60 A 192.0.2.3\n"
                                "alias 60 CNAME www.example.com.\n"
                                "dn 60 DNAME .\n"
                                "mx 60 MX 1 a.root.net.\n"
                                "* 60 TXT \"any\"\n";
static const char com_zone[] = "@ 60 SOA ns.com. host.com. 1 7200 900 1209600 60\n"
                               "@ 60 NS ns.com.\n"
                               "ns 60 A 192.0.2.1\n"
                               "*.example 60 A 192.0.2.80\n";

#define ROOT_SOA "AU . 60 SOA a.root.net. host.root.net. 1 7200 900 1209600 60\n"
#define NET_REFERRAL "NOERROR\nAU net. 60 NS ns.com.\nAD ns.com. 60 A 192.0.2.1\n"

static const struct {
    const char *name;
    uint16_t type;
    enum query_outcome outcome;
    const char *reply;
} cases[] = {
    /* a priming query (RFC 9609) */
    {".", DNS_TYPE_NS, QUERY_ANSWERED,
     "NOERROR aa\nAN . 60 NS a.root.net.\nAN . 60 NS b.root.\n"
     "AD a.root.net. 60 A 192.0.2.2\nAD a.root.net. 60 AAAA 2001:db8::2\n"
     "AD b.root. 60 A 192.0.2.3\n"},
    {".", DNS_TYPE_SOA, QUERY_ANSWERED,
     "NOERROR aa\nAN . 60 SOA a.root.net. host.root.net. 1 7200 900 1209600 60\n"},
    {".", DNS_TYPE_A, QUERY_ANSWERED, "NOERROR aa\n" ROOT_SOA},
    {"a.root.net.", DNS_TYPE_A, QUERY_REFERRED, NET_REFERRAL},
    {"net.", DNS_TYPE_NS, QUERY_REFERRED, NET_REFERRAL},
    {"org.", DNS_TYPE_NS, QUERY_REFERRED, "NOERROR\nAU org. 60 NS ns.org.\n"},
    {"net.", DNS_TYPE_DS, QUERY_ANSWERED, "NOERROR aa\n" ROOT_SOA},
    /* only name servers take glue along */
    {"mx.", DNS_TYPE_MX, QUERY_ANSWERED, "NOERROR aa\nAN mx. 60 MX 1 a.root.net.\n"},
    {"any.thing.", DNS_TYPE_TXT, QUERY_ANSWERED, "NOERROR aa\nAN any.thing. 60 TXT \"any\"\n"},
    {"any.thing.", DNS_TYPE_A, QUERY_ANSWERED, "NOERROR aa\n" ROOT_SOA},
    {"x.root.", DNS_TYPE_A, QUERY_ANSWERED, "NXDOMAIN aa\n" ROOT_SOA},
    {"www.example.com.", DNS_TYPE_A, QUERY_ANSWERED,
     "NOERROR aa\nAN www.example.com. 60 A 192.0.2.80\n"},
    {"com.", DNS_TYPE_NS, QUERY_ANSWERED,
     "NOERROR aa\nAN com. 60 NS ns.com.\nAD ns.com. 60 A 192.0.2.1\n"},
    {"com.", DNS_TYPE_DS, QUERY_ANSWERED, "NOERROR aa\n" ROOT_SOA},
    {"alias.", DNS_TYPE_A, QUERY_ANSWERED,
     "NOERROR aa\nAN alias. 60 CNAME www.example.com.\nAN www.example.com. 60 A 192.0.2.80\n"},
    {"www.example.com.dn.", DNS_TYPE_A, QUERY_ANSWERED,
     "NOERROR aa\nAN dn. 60 DNAME .\nAN www.example.com.dn. 60 CNAME www.example.com.\n"
     "AN www.example.com. 60 A 192.0.2.80\n"},
    {"net.dn.", DNS_TYPE_A, QUERY_ANSWERED,
     "NOERROR aa\nAN dn. 60 DNAME .\nAN net.dn. 60 CNAME net.\n"
     "AU net. 60 NS ns.com.\nAD ns.com. 60 A 192.0.2.1\n"},
    /* a reply has a DNAME once, though the chain comes by again */
    {"dn.dn.", DNS_TYPE_DNAME, QUERY_ANSWERED,
     "NOERROR aa\nAN dn. 60 DNAME .\nAN dn.dn. 60 CNAME dn.\n"},
    {"x.dn.dn.", DNS_TYPE_TXT, QUERY_ANSWERED,
     "NOERROR aa\nAN dn. 60 DNAME .\nAN x.dn.dn. 60 CNAME x.dn.\n"
     "AN x.dn. 60 CNAME x.\nAN x. 60 TXT \"any\"\n"},
};

static void test_root_every_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned proto = QUERY_UDP; proto <= QUERY_TCP; proto++) {
            const struct ask asked = {
                .name = cases[i].name, .type = cases[i].type, .proto = (enum query_proto)proto};
            test_exchange_expect(&asked, cases[i].outcome, cases[i].reply);
        }
}

static int set_up(void **state)
{
    test_exchange_set_up(state);
    test_image_serve(test_exchange_publisher, ".", root_zone);
    test_image_serve(test_exchange_publisher, "com.", com_zone);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_every_case),
    };
    return cmocka_run_group_tests(tests, set_up, test_exchange_tear_down);
}
