/* Addresses that come along with an answer, and RFC 9471's glue at the edge of what fits.
 * links: query test_exchange */
#include "dns/type.h"
#include "lib/test_exchange.h"
#include "lib/test_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char com_zone[] = "@ 60 SOA ns host 1 7200 900 1209600 60\n"
                               "@ 60 NS ns\n"
                               "@ 60 NS ns.elsewhere.net.\n"
                               "@ 60 NS ns.example.org.\n"
                               "@ 60 MX 10 mail\n"
                               "@ 60 MX 20 Mail\n" /* the same host once more */
                               "ns 60 A 192.0.2.1\n"
                               "ns 60 AAAA 2001:db8::1\n"
                               "mail 60 A 192.0.2.25\n"
                               "_s._tcp 60 SRV 1 1 80 ns\n"
                               "_s._tcp 60 SRV 2 1 81 ns\n"
                               "_s._tcp 60 SRV 3 1 80 mail\n"
                               "_none._tcp 60 SRV 0 0 0 .\n"
                               "nullmx 60 MX 0 .\n"
                               /* targets without an address of their own */
                               "chain 60 MX 1 alias\n"
                               "alias 60 CNAME mail\n"
                               "wild 60 MX 1 x.w\n"
                               "*.w 60 A 192.0.2.40\n"
                               "below 60 MX 1 host.sub\n"
                               "sub 60 NS ns.sub\n"
                               "ns.sub 60 A 192.0.2.60\n"
                               "host.sub 60 A 192.0.2.61\n"
                               "occluded 60 MX 1 x.dn\n"
                               "dn 60 DNAME example.org.\n"
                               "gone 60 MX 1 nowhere\n"
                               /* answers that are not the question's own set */
                               "to 60 CNAME @\n"
                               "far 60 CNAME list.example.org.\n"
                               "*.any 60 MX 1 mail\n"
                               "*.svcb 60 HTTPS 1 .\n"
                               "*.svcb 60 A 192.0.2.50\n"
                               "real.svcb 60 A 192.0.2.51\n"
                               /* SVCB and HTTPS */
                               "web 60 A 192.0.2.80\n"
                               "web 60 AAAA 2001:db8::80\n"
                               "web 60 HTTPS 1 .\n"
                               "web 60 HTTPS 2 mail\n"
                               "apex 60 HTTPS 0 web\n"
                               "other 60 SVCB 0 web\n"
                               "off 60 HTTPS 0 .\n"
                               "off 60 A 192.0.2.81\n"
                               "self 60 HTTPS 0 self\n"
                               "self 60 A 192.0.2.82\n";
static const char org_zone[] = "@ 60 SOA ns host 1 7200 900 1209600 60\n"
                               "@ 60 NS ns\n"
                               "ns 60 A 198.51.100.1\n"
                               "list 60 MX 1 mail.example.com.\n";

#define NS_A "AD ns.example.com. 60 A 192.0.2.1\n"
#define NS_ADDRESSES NS_A "AD ns.example.com. 60 AAAA 2001:db8::1\n"
#define MAIL_A "AD mail.example.com. 60 A 192.0.2.25\n"
#define WEB_ADDRESSES                                                                              \
    "AD web.example.com. 60 A 192.0.2.80\nAD web.example.com. 60 AAAA 2001:db8::80\n"

static const struct {
    const char *name;
    uint16_t type;
    const char *reply; /* behind "NOERROR aa\n" */
} cases[] = {
    {"example.com.", DNS_TYPE_NS,
     "AN example.com. 60 NS ns.example.com.\nAN example.com. 60 NS ns.elsewhere.net.\n"
     "AN example.com. 60 NS ns.example.org.\n" NS_ADDRESSES
     "AD ns.example.org. 60 A 198.51.100.1\n"},
    {"example.com.", DNS_TYPE_MX,
     "AN example.com. 60 MX 10 mail.example.com.\nAN example.com. 60 MX 20 "
     "Mail.example.com.\n" MAIL_A},
    {"_s._tcp.example.com.", DNS_TYPE_SRV,
     "AN _s._tcp.example.com. 60 SRV 1 1 80 ns.example.com.\n"
     "AN _s._tcp.example.com. 60 SRV 2 1 81 ns.example.com.\n"
     "AN _s._tcp.example.com. 60 SRV 3 1 80 mail.example.com.\n" NS_ADDRESSES MAIL_A},
    {"_none._tcp.example.com.", DNS_TYPE_SRV, "AN _none._tcp.example.com. 60 SRV 0 0 0 .\n"},
    {"nullmx.example.com.", DNS_TYPE_MX, "AN nullmx.example.com. 60 MX 0 .\n"},
    {"chain.example.com.", DNS_TYPE_MX, "AN chain.example.com. 60 MX 1 alias.example.com.\n"},
    {"wild.example.com.", DNS_TYPE_MX, "AN wild.example.com. 60 MX 1 x.w.example.com.\n"},
    {"below.example.com.", DNS_TYPE_MX, "AN below.example.com. 60 MX 1 host.sub.example.com.\n"},
    {"occluded.example.com.", DNS_TYPE_MX, "AN occluded.example.com. 60 MX 1 x.dn.example.com.\n"},
    {"gone.example.com.", DNS_TYPE_MX, "AN gone.example.com. 60 MX 1 nowhere.example.com.\n"},
    {"to.example.com.", DNS_TYPE_MX,
     "AN to.example.com. 60 CNAME example.com.\n"
     "AN example.com. 60 MX 20 Mail.example.com.\nAN example.com. 60 MX 10 mail.example.com.\n"
     "AD Mail.example.com. 60 A 192.0.2.25\n"}, /* the draw has turned them */
    {"far.example.com.", DNS_TYPE_MX,
     "AN far.example.com. 60 CNAME list.example.org.\n"
     "AN list.example.org. 60 MX 1 mail.example.com.\n" MAIL_A},
    {"x.any.example.com.", DNS_TYPE_MX, "AN x.any.example.com. 60 MX 1 mail.example.com.\n" MAIL_A},
    {"x.any.example.com.", DNS_TYPE_ANY,
     "AN x.any.example.com. 60 MX 1 mail.example.com.\n" MAIL_A},
    {"x.svcb.example.com.", DNS_TYPE_HTTPS, "AN x.svcb.example.com. 60 HTTPS 1 .\n"},
    {"Web.example.com.", DNS_TYPE_HTTPS,
     "AN Web.example.com. 60 HTTPS 1 .\nAN Web.example.com. 60 HTTPS 2 mail.example.com.\n"
     "AD Web.example.com. 60 A 192.0.2.80\nAD Web.example.com. 60 AAAA 2001:db8::80\n" MAIL_A},
    {"apex.example.com.", DNS_TYPE_HTTPS,
     "AN apex.example.com. 60 HTTPS 0 web.example.com.\n"
     "AD web.example.com. 60 HTTPS 1 .\nAD web.example.com. 60 HTTPS 2 "
     "mail.example.com.\n" WEB_ADDRESSES},
    {"other.example.com.", DNS_TYPE_SVCB,
     "AN other.example.com. 60 SVCB 0 web.example.com.\n" WEB_ADDRESSES},
    {"off.example.com.", DNS_TYPE_HTTPS, "AN off.example.com. 60 HTTPS 0 .\n"},
    {"self.example.com.", DNS_TYPE_HTTPS,
     "AN self.example.com. 60 HTTPS 0 self.example.com.\n"
     "AD self.example.com. 60 A 192.0.2.82\n"},
    /* types that name hosts but get nothing, and types that name none */
    {"to.example.com.", DNS_TYPE_CNAME, "AN to.example.com. 60 CNAME example.com.\n"},
    {"dn.example.com.", DNS_TYPE_DNAME, "AN dn.example.com. 60 DNAME example.org.\n"},
    {"mail.example.com.", DNS_TYPE_A, "AN mail.example.com. 60 A 192.0.2.25\n"},
};

static void test_additional_every_case_over_udp_and_tcp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned variant = 0; variant < 3; variant++) {
            const struct ask asked = {.name = cases[i].name,
                                      .type = cases[i].type,
                                      .edns_size = variant == 1 ? 1232 : 0,
                                      .proto = variant == 2 ? QUERY_TCP : QUERY_UDP};
            char reply[1024];
            snprintf(reply, sizeof reply, "NOERROR aa\n%s", cases[i].reply);
            test_exchange_expect(&asked, QUERY_ANSWERED, reply);
        }
}

/* ---- room ---- */

/* SOA, then @count lines of @format, which takes the line's number, and those of @more. */
static void serve(const char *origin, unsigned count, const char *format, const char *more)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fputs("@ 60 SOA ns host 1 7200 900 1209600 60\n", out);
    for (const char *line = format; line != NULL; line = line == format ? more : NULL)
        for (unsigned i = 0; i < count; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            fprintf(out, line, i, i % 256);
#pragma GCC diagnostic pop
        }
    fclose(out);
    test_image_serve(test_exchange_publisher, origin, text);
    free(text);
}

static knot_pkt_t *ask(const char *name, uint16_t type, uint16_t edns_size, enum query_proto proto)
{
    const struct ask asked = {.name = name, .type = type, .edns_size = edns_size, .proto = proto};
    enum query_outcome outcome;
    return test_exchange_ask(&asked, &outcome);
}

static unsigned count_of(const knot_pkt_t *packet, knot_section_t section)
{
    return knot_pkt_section(packet, section)->count;
}

/* At every size: the answer is whole, no TC, and as many addresses as fit behind it. */
static void test_additional_is_left_out_set_by_set_without_tc(void **state)
{
    (void)state;
    serve("mx.", 12, "@ 60 MX %1$u h%1$u\n", "h%u 60 A 192.0.2.%u\n");
    unsigned full_count = 0;
    for (uint16_t size = 512; size <= 700; size++) {
        knot_pkt_t *packet = ask("mx.", DNS_TYPE_MX, size, QUERY_UDP);
        assert_true(packet->size <= size);
        assert_false(knot_wire_get_tc(packet->wire));
        assert_int_equal(count_of(packet, KNOT_ANSWER), 12);
        /* header and question 20; ten records with names of 7 octets and two of 8; OPT */
        const unsigned room = size - 20u - 10 * (12 + 2 + 7) - 2 * (12 + 2 + 8) - DNS_OPT_LEN;
        const unsigned expected = room / 16 < 12 ? room / 16 : 12;
        assert_int_equal(count_of(packet, KNOT_ADDITIONAL), expected + 1);
        full_count += expected == 12;
        knot_pkt_free(packet);
    }
    assert_int_not_equal(full_count, 0);
}

static void test_additional_a_large_set_does_not_stop_the_next(void **state)
{
    (void)state;
    char text[4096] = "@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 MX 1 big\n@ 60 MX 2 small\n"
                      "small 60 A 192.0.2.1\n";
    for (unsigned i = 0; i < 40; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "big 60 A 192.0.2.%u\n", i);
    test_image_serve(test_exchange_publisher, "mx.", text);
    const struct ask asked = {.name = "mx.", .type = DNS_TYPE_MX};
    test_exchange_expect(&asked, QUERY_ANSWERED,
                         "NOERROR aa\nAN mx. 60 MX 1 big.mx.\nAN mx. 60 MX 2 small.mx.\n"
                         "AD small.mx. 60 A 192.0.2.1\n");
}

/* RFC 9471 3.1: at every size, either all glue of servers in the child zone, or TC. */
static void test_referral_has_its_glue_or_tc(void **state)
{
    (void)state;
    serve("glue.", 13, "cut 60 NS ns%u.cut\n", "ns%u.cut 60 A 192.0.2.%u\n");
    unsigned truncated_count = 0;
    for (uint16_t size = 512; size <= 800; size++) {
        knot_pkt_t *packet = ask("x.cut.glue.", DNS_TYPE_A, size, QUERY_UDP);
        assert_true(packet->size <= size);
        assert_int_equal(count_of(packet, KNOT_AUTHORITY), 13);
        const bool is_whole = count_of(packet, KNOT_ADDITIONAL) == 13 + 1;
        assert_int_equal(!knot_wire_get_tc(packet->wire), is_whole);
        truncated_count += !is_whole;
        knot_pkt_free(packet);
    }
    assert_in_range(truncated_count, 1, 288);
}

/* Beyond 16 KiB no pointer reaches: owners are written in full, and still are the right names. */
static void test_additional_behind_16_kib_has_whole_owners(void **state)
{
    (void)state;
    serve("mx.", 1100, "@ 60 MX %1$u h%1$u\n", "h%u 60 A 192.0.2.%u\n");
    knot_pkt_t *packet = ask("mx.", DNS_TYPE_MX, 0, QUERY_TCP);
    assert_int_equal(count_of(packet, KNOT_ANSWER), 1100);
    assert_true(packet->size > 16384);
    const knot_pktsection_t *answer = knot_pkt_section(packet, KNOT_ANSWER);
    const knot_pktsection_t *additional = knot_pkt_section(packet, KNOT_ADDITIONAL);
    assert_int_equal(additional->count, QUERY_ADDITIONAL_MAX);
    for (uint16_t i = 0; i < additional->count; i++) {
        const uint8_t *target = knot_rdataset_at(&knot_pkt_rr(answer, i)->rrs, 0)->data + 2;
        assert_true(knot_dname_is_equal(knot_pkt_rr(additional, i)->owner, target));
    }
    knot_pkt_free(packet);
}

static int set_up(void **state)
{
    test_exchange_set_up(state);
    test_image_serve(test_exchange_publisher, "example.com.", com_zone);
    test_image_serve(test_exchange_publisher, "example.org.", org_zone);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_additional_every_case_over_udp_and_tcp),
        cmocka_unit_test(test_additional_is_left_out_set_by_set_without_tc),
        cmocka_unit_test(test_additional_a_large_set_does_not_stop_the_next),
        cmocka_unit_test(test_referral_has_its_glue_or_tc),
        cmocka_unit_test(test_additional_behind_16_kib_has_whole_owners),
    };
    return cmocka_run_group_tests(tests, set_up, test_exchange_tear_down);
}
