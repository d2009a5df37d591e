/* One question in, one reply out, against zones written here: the table is the specification.
 * links: query test_exchange */
#include "lib/test_exchange.h"

#include "dns/type.h"
#include "lib/test_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char com_zone[] = "@ 3600 SOA ns1.quartet.test. host 1 7200 900 1209600 60\n"
                               "@ 3600 NS ns1.quartet.test.\n"
                               "@ 3600 NS ns2.quartet.test.\n"
                               "@ 300 A 192.0.2.10\n"
                               "@ 300 MX 10 mail\n"
                               "mail 300 A 192.0.2.25\n"
                               "www 200 CNAME @\n"
                               "two 300 A 192.0.2.1\n"
                               "two 300 A 192.0.2.2\n"
                               "two 300 TXT \"t\"\n"
                               "unknown 300 TYPE65280 \\# 2 cafe\n"
                               /* chains */
                               "c1 100 CNAME C2\n"
                               "c2 100 CNAME www\n"
                               "cross 100 CNAME host.example.org.\n"
                               "out 100 CNAME www.elsewhere.net.\n"
                               "gone 100 CNAME nowhere\n"
                               "nodata 100 CNAME two\n"
                               "la 100 CNAME lb\n"
                               "lb 100 CNAME la\n"
                               "self 100 CNAME self\n"
                               /* wildcards and empty non-terminals (RFC 4592 2.2.1) */
                               "*.wild 300 A 192.0.2.40\n"
                               "host1.wild 300 TXT \"no wildcard here\"\n"
                               "below.host2.wild 300 A 192.0.2.41\n"
                               "*.cw 100 CNAME www\n"
                               "a.b.ent 300 A 192.0.2.42\n"
                               "x.*.star 300 A 192.0.2.43\n"
                               /* delegations */
                               "sub 500 NS ns.sub\n"
                               "sub 500 NS ns.sib\n"
                               "sub 500 NS ns.elsewhere.net.\n"
                               "sub 500 DS 1 8 2 "
                               "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
                               "ns.sub 300 A 192.0.2.61\n"
                               "ns.sub 300 AAAA 2001:db8::61\n"
                               "sib 500 NS ns.sib\n"
                               "ns.sib 300 A 192.0.2.62\n"
                               "csub 100 CNAME x.sub\n"
                               "child 500 NS ns.child\n"
                               "child 500 DS 2 8 2 "
                               "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
                               /* DNAMEs */
                               "dn 50 DNAME target.example.org.\n"
                               "dn 50 TXT \"beside\"\n"
                               "dgone 50 DNAME nowhere\n"
                               "*.dw 50 DNAME a.b.dw.example.com.\n"
                               "half 100 CNAME x.half\n"
                               "cutw 300 NS ns.cutw\n*.cutw 300 A 192.0.2.77\n"
                               "dgrow 50 DNAME long-label-that-grows.dgrow\n"
                               "cdn 100 CNAME x.dn\n";
static const char org_zone[] = "@ 60 SOA ns1.quartet.test. host 1 7200 900 1209600 3600\n"
                               "@ 3600 NS ns1.quartet.test.\n"
                               "host 300 A 198.51.100.1\n"
                               "*.target 300 A 198.51.100.2\n"
                               "back 100 CNAME nowhere.example.com.\n";
static const char child_zone[] = "@ 3600 SOA ns.child.example.com. host 1 7200 900 1209600 60\n"
                                 "@ 3600 NS ns\n"
                                 "ns 300 A 192.0.2.70\n"
                                 "www 300 A 192.0.2.71\n";
static const char half_zone[] = "@ 3600 SOA ns.half.example.com. host 1 7200 900 1209600 60\n"
                                "@ 3600 NS ns1.quartet.test.\n"
                                "@ 50 DNAME target.example.org.\n";

#define COM_SOA "AU example.com. 60 SOA ns1.quartet.test. host.example.com. 1 7200 900 1209600 60\n"
#define ORG_SOA                                                                                    \
    "AU example.org. 60 SOA ns1.quartet.test. host.example.org. 1 7200 900 1209600 3600\n"
#define SUB_NS                                                                                     \
    "AU sub.example.com. 500 NS ns.sub.example.com.\n"                                             \
    "AU sub.example.com. 500 NS ns.sib.example.com.\n"                                             \
    "AU sub.example.com. 500 NS ns.elsewhere.net.\n"
#define SUB_GLUE                                                                                   \
    "AD ns.sub.example.com. 300 A 192.0.2.61\n"                                                    \
    "AD ns.sub.example.com. 300 AAAA 2001:db8::61\n"                                               \
    "AD ns.sib.example.com. 300 A 192.0.2.62\n"

/* What the reply must be as text: "RCODE flags" and one line for each record; see render(). */
struct exchange_case {
    const char *name;
    uint16_t type;
    const char *reply;
};

static const struct exchange_case cases[] = {
    /* exact matches */
    {"example.com.", DNS_TYPE_A, "NOERROR aa\nAN example.com. 300 A 192.0.2.10\n"},
    {"example.com.", DNS_TYPE_MX,
     "NOERROR aa\nAN example.com. 300 MX 10 mail.example.com.\n"
     "AD mail.example.com. 300 A 192.0.2.25\n"},
    {"two.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN two.example.com. 300 A 192.0.2.1\nAN two.example.com. 300 A 192.0.2.2\n"},
    {"unknown.example.com.", 65280,
     "NOERROR aa\nAN unknown.example.com. 300 TYPE65280 \\# 2 CAFE\n"},
    {"TwO.eXample.COM.", DNS_TYPE_TXT, "NOERROR aa\nAN TwO.eXample.COM. 300 TXT \"t\"\n"},
    {"www.example.com.", DNS_TYPE_CNAME,
     "NOERROR aa\nAN www.example.com. 200 CNAME example.com.\n"},
    {"two.example.com.", DNS_TYPE_ANY,
     "NOERROR aa\nAN two.example.com. 300 A 192.0.2.1\nAN two.example.com. 300 A 192.0.2.2\n"},
    {"www.example.com.", DNS_TYPE_ANY, "NOERROR aa\nAN www.example.com. 200 CNAME example.com.\n"},
    /* nothing there */
    {"two.example.com.", DNS_TYPE_AAAA, "NOERROR aa\n" COM_SOA},
    {"nowhere.example.com.", DNS_TYPE_A, "NXDOMAIN aa\n" COM_SOA},
    {"a.b.nowhere.EXAMPLE.com.", DNS_TYPE_A,
     "NXDOMAIN aa\n"
     "AU EXAMPLE.com. 60 SOA ns1.quartet.test. host.example.com. 1 7200 900 1209600 60\n"},
    {"nowhere.example.org.", DNS_TYPE_A, "NXDOMAIN aa\n" ORG_SOA}, /* the SOA's own TTL is less */
    {"ent.example.com.", DNS_TYPE_A, "NOERROR aa\n" COM_SOA},
    {"b.ent.example.com.", DNS_TYPE_ANY, "NOERROR aa\n" COM_SOA},
    {"c.ent.example.com.", DNS_TYPE_A, "NXDOMAIN aa\n" COM_SOA},
    {"example.net.", DNS_TYPE_A, "REFUSED\n"},
    {"com.", DNS_TYPE_NS, "REFUSED\n"},
    {".", DNS_TYPE_NS, "REFUSED\n"},
    /* CNAME chains */
    {"www.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN www.example.com. 200 CNAME example.com.\nAN example.com. 300 A 192.0.2.10\n"},
    {"C1.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN C1.example.com. 100 CNAME C2.example.com.\n"
     "AN C2.example.com. 100 CNAME www.example.com.\n"
     "AN www.example.com. 200 CNAME example.com.\nAN example.com. 300 A 192.0.2.10\n"},
    {"cross.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN cross.example.com. 100 CNAME host.example.org.\n"
     "AN host.example.org. 300 A 198.51.100.1\n"},
    {"cross.example.com.", DNS_TYPE_AAAA,
     "NOERROR aa\nAN cross.example.com. 100 CNAME host.example.org.\n" ORG_SOA},
    {"back.example.org.", DNS_TYPE_A,
     "NXDOMAIN aa\nAN back.example.org. 100 CNAME nowhere.example.com.\n" COM_SOA},
    {"out.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN out.example.com. 100 CNAME www.elsewhere.net.\n"},
    {"gone.example.com.", DNS_TYPE_A,
     "NXDOMAIN aa\nAN gone.example.com. 100 CNAME nowhere.example.com.\n" COM_SOA},
    {"nodata.example.com.", DNS_TYPE_AAAA,
     "NOERROR aa\nAN nodata.example.com. 100 CNAME two.example.com.\n" COM_SOA},
    {"la.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN la.example.com. 100 CNAME lb.example.com.\n"
     "AN lb.example.com. 100 CNAME la.example.com.\n"},
    {"self.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN self.example.com. 100 CNAME self.example.com.\n"},
    /* wildcards */
    {"Any.wild.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN Any.wild.example.com. 300 A 192.0.2.40\n"},
    {"a.b.wild.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN a.b.wild.example.com. 300 A 192.0.2.40\n"},
    {"*.wild.example.com.", DNS_TYPE_A, "NOERROR aa\nAN *.wild.example.com. 300 A 192.0.2.40\n"},
    {"any.wild.example.com.", DNS_TYPE_TXT, "NOERROR aa\n" COM_SOA},
    {"host1.wild.example.com.", DNS_TYPE_A, "NOERROR aa\n" COM_SOA},
    {"x.host1.wild.example.com.", DNS_TYPE_A, "NXDOMAIN aa\n" COM_SOA},
    {"host2.wild.example.com.", DNS_TYPE_A, "NOERROR aa\n" COM_SOA},
    {"x.host2.wild.example.com.", DNS_TYPE_A, "NXDOMAIN aa\n" COM_SOA},
    {"x.cw.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN x.cw.example.com. 100 CNAME www.example.com.\n"
     "AN www.example.com. 200 CNAME example.com.\nAN example.com. 300 A 192.0.2.10\n"},
    {"q.star.example.com.", DNS_TYPE_A, "NOERROR aa\n" COM_SOA},
    /* delegations */
    {"sub.example.com.", DNS_TYPE_A, "NOERROR\n" SUB_NS SUB_GLUE},
    {"sub.example.com.", DNS_TYPE_NS, "NOERROR\n" SUB_NS SUB_GLUE},
    {"deep.x.sub.example.com.", DNS_TYPE_A, "NOERROR\n" SUB_NS SUB_GLUE},
    {"ns.sub.example.com.", DNS_TYPE_A, "NOERROR\n" SUB_NS SUB_GLUE},
    {"sub.example.com.", DNS_TYPE_DS,
     "NOERROR aa\nAN sub.example.com. 500 DS 1 8 2 "
     "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"},
    {"sib.example.com.", DNS_TYPE_DS, "NOERROR aa\n" COM_SOA},
    {"x.sub.example.com.", DNS_TYPE_DS, "NOERROR\n" SUB_NS SUB_GLUE},
    {"csub.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN csub.example.com. 100 CNAME x.sub.example.com.\n" SUB_NS SUB_GLUE},
    {"www.child.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN www.child.example.com. 300 A 192.0.2.71\n"},
    {"child.example.com.", DNS_TYPE_NS,
     "NOERROR aa\nAN child.example.com. 3600 NS ns.child.example.com.\n"
     "AD ns.child.example.com. 300 A 192.0.2.70\n"},
    {"child.example.com.", DNS_TYPE_DS,
     "NOERROR aa\nAN child.example.com. 500 DS 2 8 2 "
     "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"},
    /* a zone without its delegation: the one above answers for DS at its top alone, and the chain
     * from there begins anew in the zone that is nearest to the next name (RFC 1034 4.3.2 step 2)
     */
    {"half.example.com.", DNS_TYPE_DS,
     "NOERROR aa\nAN half.example.com. 100 CNAME x.half.example.com.\n"
     "AN half.example.com. 50 DNAME target.example.org.\n"
     "AN x.half.example.com. 50 CNAME x.target.example.org.\n" ORG_SOA},
    {"half.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAU half.example.com. 60 SOA ns.half.example.com. host.half.example.com. 1 7200 "
     "900 1209600 60\n"},
    /* DNAMEs */
    {"X.dn.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN dn.example.com. 50 DNAME target.example.org.\n"
     "AN X.dn.example.com. 50 CNAME X.target.example.org.\n"
     "AN X.target.example.org. 300 A 198.51.100.2\n"},
    {"dn.example.com.", DNS_TYPE_TXT, "NOERROR aa\nAN dn.example.com. 50 TXT \"beside\"\n"},
    {"dn.example.com.", DNS_TYPE_DNAME,
     "NOERROR aa\nAN dn.example.com. 50 DNAME target.example.org.\n"},
    {"dn.example.com.", DNS_TYPE_A, "NOERROR aa\n" COM_SOA},
    {"y.x.dgone.example.com.", DNS_TYPE_A,
     "NXDOMAIN aa\nAN dgone.example.com. 50 DNAME nowhere.example.com.\n"
     "AN y.x.dgone.example.com. 50 CNAME y.x.nowhere.example.com.\n" COM_SOA},
    {"cdn.example.com.", DNS_TYPE_A,
     "NOERROR aa\nAN cdn.example.com. 100 CNAME x.dn.example.com.\n"
     "AN dn.example.com. 50 DNAME target.example.org.\n"
     "AN x.dn.example.com. 50 CNAME x.target.example.org.\n"
     "AN x.target.example.org. 300 A 198.51.100.2\n"},
    /* the CNAME that a DNAME makes answers a question for it: it is not followed */
    {"y.x.dgone.example.com.", DNS_TYPE_CNAME,
     "NOERROR aa\nAN dgone.example.com. 50 DNAME nowhere.example.com.\n"
     "AN y.x.dgone.example.com. 50 CNAME y.x.nowhere.example.com.\n"},
    /* one set under two owners: its DNAME's, and a name that its wildcard stands for */
    {"x.*.dw.example.com.", DNS_TYPE_DNAME,
     "NOERROR aa\nAN *.dw.example.com. 50 DNAME a.b.dw.example.com.\n"
     "AN x.*.dw.example.com. 50 CNAME x.a.b.dw.example.com.\n"
     "AN x.a.b.dw.example.com. 50 DNAME a.b.dw.example.com.\n"},
    /* addresses of name servers may come from a wildcard */
    {"x.cutw.example.com.", DNS_TYPE_A,
     "NOERROR\nAU cutw.example.com. 300 NS ns.cutw.example.com.\n"
     "AD ns.cutw.example.com. 300 A 192.0.2.77\n"},
    /* types and classes that are not looked up */
    {"example.com.", DNS_TYPE_AXFR, "REFUSED\n"},
    {"example.com.", DNS_TYPE_MAILB, "NOERROR aa\n" COM_SOA},
    {"example.com.", 200, "NOERROR aa\n" COM_SOA},
    {"example.com.", DNS_TYPE_OPT, "FORMERR\n"},
};

static enum query_outcome outcome_of(const char *reply)
{
    if (strncmp(reply, "NOERROR\n", 8) == 0)
        return QUERY_REFERRED;
    bool is_answer = strstr(reply, " aa") != NULL;
    return is_answer ? QUERY_ANSWERED : QUERY_REJECTED;
}

static void test_answer_every_case_over_udp_and_tcp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned variant = 0; variant < 3; variant++) {
            struct ask asked = {.name = cases[i].name, .type = cases[i].type};
            asked.edns_size = variant == 1 ? 4096 : 0;
            asked.proto = variant == 2 ? QUERY_TCP : QUERY_UDP;
            test_exchange_expect(&asked, outcome_of(cases[i].reply), cases[i].reply);
        }
}

static void test_answer_class_any_is_in_and_others_are_refused(void **state)
{
    (void)state;
    struct ask asked = {.name = "mail.example.com.", .type = DNS_TYPE_A, .class = DNS_CLASS_ANY};
    test_exchange_expect(&asked, QUERY_ANSWERED,
                         "NOERROR aa\nAN mail.example.com. 300 A 192.0.2.25\n");
    asked.class = DNS_CLASS_CH;
    test_exchange_expect(&asked, QUERY_REJECTED, "REFUSED\n");
}

static void test_answer_edns_version_one_is_badvers(void **state)
{
    (void)state;
    struct ask asked = {
        .name = "example.com.", .type = DNS_TYPE_A, .edns_size = 1232, .edns_version = 1};
    test_exchange_expect(&asked, QUERY_REJECTED, "BADVERS\n");
}

static void test_answer_referral_with_do_has_ds(void **state)
{
    (void)state;
    struct ask asked = {
        .name = "x.sub.example.com.", .type = DNS_TYPE_A, .edns_size = 1232, .is_dnssec_ok = true};
    test_exchange_expect(
        &asked, QUERY_REFERRED,
        "NOERROR\n" SUB_NS "AU sub.example.com. 500 DS 1 8 2 "
        "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n" SUB_GLUE);
}

/* ---- bounds ---- */

/* Lines made by @format, which takes the number of the line, @count of them, behind SOA and NS. */
static void serve_lines(const char *origin, unsigned count, const char *format, const char *tail)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fputs("@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 NS ns.elsewhere.net.\n", out);
    for (unsigned i = 0; i < count; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        fprintf(out, format, i, i + 1);
#pragma GCC diagnostic pop
    }
    fputs(tail, out);
    fclose(out);
    test_image_serve(test_exchange_publisher, origin, text);
    free(text);
}

static knot_pkt_t *ask_for(const char *name, uint16_t type, uint16_t edns_size,
                           enum query_proto proto)
{
    struct ask asked = {.name = name, .type = type, .edns_size = edns_size, .proto = proto};
    enum query_outcome outcome;
    return test_exchange_ask(&asked, &outcome);
}

static unsigned record_count(const knot_pkt_t *packet, knot_section_t section)
{
    return knot_pkt_section(packet, section)->count;
}

static void test_answer_chain_ends_after_the_limit(void **state)
{
    (void)state;
    serve_lines("chain.", 40, "k%u 60 CNAME k%u\n", "");
    knot_pkt_t *packet = ask_for("k0.chain.", DNS_TYPE_A, 0, QUERY_TCP);
    assert_int_equal(knot_wire_get_rcode(packet->wire), DNS_RCODE_NOERROR);
    assert_int_equal(record_count(packet, KNOT_ANSWER), QUERY_CHAIN_MAX);
    knot_pkt_free(packet);
}

static void test_answer_growing_dname_ends_in_yxdomain(void **state)
{
    (void)state;
    knot_pkt_t *packet = ask_for("x.dgrow.example.com.", DNS_TYPE_A, 0, QUERY_TCP);
    assert_int_equal(knot_wire_get_rcode(packet->wire), DNS_RCODE_YXDOMAIN);
    assert_true(knot_wire_get_aa(packet->wire));
    knot_pkt_free(packet);
}

/* Over UDP a set that does not fit is left out whole and TC is set; over TCP it comes. */
static void test_answer_large_set_is_truncated_by_the_clients_size(void **state)
{
    (void)state;
    serve_lines("large.", 40, "big 60 A 192.0.2.%u\n", "to 60 CNAME big\n");
    static const struct {
        uint16_t edns_size;
        enum query_proto proto;
        bool is_truncated;
    } sizes[] = {
        {0, QUERY_UDP, true},    {512, QUERY_UDP, true},   {660, QUERY_UDP, true},
        {700, QUERY_UDP, false}, {4096, QUERY_UDP, false}, {0, QUERY_TCP, false},
        {512, QUERY_TCP, false}, /* the EDNS size is about UDP */
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        knot_pkt_t *packet = ask_for("to.large.", DNS_TYPE_A, sizes[i].edns_size, sizes[i].proto);
        assert_int_equal(!!knot_wire_get_tc(packet->wire), sizes[i].is_truncated);
        assert_int_equal(record_count(packet, KNOT_ANSWER), sizes[i].is_truncated ? 1 : 41);
        assert_int_equal(packet->opt_rr != NULL, sizes[i].edns_size != 0);
        knot_pkt_free(packet);
    }
}

static void test_answer_never_passes_1232_octets_of_udp(void **state)
{
    (void)state;
    serve_lines("larger.", 80, "big 60 A 192.0.2.%u\n", "");
    knot_pkt_t *packet = ask_for("big.larger.", DNS_TYPE_A, 65535, QUERY_UDP);
    assert_true(knot_wire_get_tc(packet->wire));
    assert_int_equal(record_count(packet, KNOT_ANSWER), 0);
    knot_pkt_free(packet);
}

static void test_answer_required_glue_that_does_not_fit_truncates(void **state)
{
    (void)state;
    serve_lines("glue.", 13, "cut 60 NS ns%u.cut\n", "");
    knot_pkt_t *packet = ask_for("x.cut.glue.", DNS_TYPE_A, 0, QUERY_UDP);
    assert_false(knot_wire_get_tc(packet->wire)); /* there is no glue to leave out */
    knot_pkt_free(packet);

    char tail[13 * 64] = "";
    for (unsigned i = 0; i < 13; i++)
        snprintf(tail + strlen(tail), sizeof tail - strlen(tail), "ns%u.cut 60 A 192.0.2.%u\n", i,
                 i);
    serve_lines("glue.", 13, "cut 60 NS ns%u.cut\n", tail);
    packet = ask_for("x.cut.glue.", DNS_TYPE_A, 0, QUERY_UDP);
    assert_true(knot_wire_get_tc(packet->wire));
    assert_int_equal(record_count(packet, KNOT_AUTHORITY), 13);
    knot_pkt_free(packet);
    packet = ask_for("x.cut.glue.", DNS_TYPE_A, 1232, QUERY_UDP);
    assert_false(knot_wire_get_tc(packet->wire));
    assert_int_equal(record_count(packet, KNOT_ADDITIONAL), 13 + 1);
    knot_pkt_free(packet);
}

static void test_answer_other_glue_that_does_not_fit_is_left_out(void **state)
{
    (void)state;
    char tail[13 * 64] = "";
    for (unsigned i = 0; i < 13; i++)
        snprintf(tail + strlen(tail), sizeof tail - strlen(tail), "ns%u.sib 60 A 192.0.2.%u\n", i,
                 i);
    serve_lines("glue.", 13, "cut 60 NS ns%u.sib\n", tail);
    knot_pkt_t *packet = ask_for("x.cut.glue.", DNS_TYPE_A, 0, QUERY_UDP);
    assert_false(knot_wire_get_tc(packet->wire));
    assert_int_equal(record_count(packet, KNOT_AUTHORITY), 13);
    assert_true(record_count(packet, KNOT_ADDITIONAL) < 13);
    knot_pkt_free(packet);
}

/* What is too large for the rest of the reply keeps out nothing that is smaller. */
static void test_answer_other_glue_after_what_does_not_fit_is_there(void **state)
{
    (void)state;
    serve_lines("glue.", 40, "big.sib 60 A 192.0.2.%u\n",
                "cut 60 NS big.sib\ncut 60 NS small.sib\n"
                "big.sib 60 AAAA 2001:db8::1\nsmall.sib 60 A 192.0.2.1\n");
    knot_pkt_t *packet = ask_for("x.cut.glue.", DNS_TYPE_A, 0, QUERY_UDP);
    assert_false(knot_wire_get_tc(packet->wire));
    assert_int_equal(record_count(packet, KNOT_AUTHORITY), 2);
    assert_int_equal(record_count(packet, KNOT_ADDITIONAL), 2);
    knot_pkt_free(packet);
    packet = ask_for("x.cut.glue.", DNS_TYPE_A, 0, QUERY_TCP);
    assert_int_equal(record_count(packet, KNOT_ADDITIONAL), 42);
    knot_pkt_free(packet);
}

/* A set of nearly 64 KiB goes by TCP; behind a chain that makes it too long there is no answer. */
static void test_answer_beyond_64_kib_is_servfail(void **state)
{
    (void)state;
    char text[600] = "";
    while (strlen(text) < 240)
        strncat(text, "0123456789.", 12);
    char tail[4096] = "";
    for (unsigned i = 0; i < 4; i++)
        snprintf(tail + strlen(tail), sizeof tail - strlen(tail), "%s%u 60 CNAME %s%u\n", text, i,
                 text, i + 1);
    snprintf(tail + strlen(tail), sizeof tail - strlen(tail), "%s4 60 CNAME huge\n", text);
    serve_lines("h.", 298,
                "huge 60 TXT "
                "\"%03u-%03u-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-"
                "0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-"
                "0123456789-0123456789-0123456789-0123456789-0123456789\"\n",
                tail);
    knot_pkt_t *packet = ask_for("huge.h.", DNS_TYPE_TXT, 0, QUERY_TCP);
    assert_int_equal(record_count(packet, KNOT_ANSWER), 298);
    knot_pkt_free(packet);

    char name[300];
    snprintf(name, sizeof name, "%s0.h.", text);
    struct ask asked = {.name = name, .type = DNS_TYPE_TXT, .edns_size = 1232, .proto = QUERY_TCP};
    test_exchange_expect(&asked, QUERY_FAILED, "SERVFAIL\n");
}

static void test_answer_from_a_zone_without_soa_is_servfail(void **state)
{
    (void)state;
    test_image_serve(test_exchange_publisher, "half.", "www 60 A 192.0.2.1\n");
    struct ask asked = {.name = "nowhere.half.", .type = DNS_TYPE_A};
    test_exchange_expect(&asked, QUERY_FAILED, "SERVFAIL\n");
}

static void test_answer_hostile_requests_are_dropped_or_rejected(void **state)
{
    (void)state;
    uint8_t request[TEST_REQUEST_SIZE];
    struct ask asked = {.name = "example.com.", .type = DNS_TYPE_A};
    uint16_t len = test_exchange_request(&asked, request);
    struct dns_writer reply;
    assert_int_equal(test_exchange_send(&asked, request, 11, &reply), QUERY_DROPPED);
    assert_int_equal(test_exchange_send(&asked, request, (uint16_t)(len - 1), &reply),
                     QUERY_REJECTED);
    assert_int_equal(reply.rcode, DNS_RCODE_FORMERR);
    assert_int_equal(reply.len, DNS_HEADER_LEN);
    request[2] |= DNS_OPCODE_NOTIFY << 3;
    assert_int_equal(test_exchange_send(&asked, request, len, &reply), QUERY_REJECTED);
    assert_int_equal(reply.rcode, DNS_RCODE_NOTIMP);
    request[2] = 0x80;
    assert_int_equal(test_exchange_send(&asked, request, len, &reply), QUERY_DROPPED);
}

static int set_up(void **state)
{
    test_exchange_set_up(state);
    test_image_serve(test_exchange_publisher, "example.com.", com_zone);
    test_image_serve(test_exchange_publisher, "example.org.", org_zone);
    test_image_serve(test_exchange_publisher, "child.example.com.", child_zone);
    test_image_serve(test_exchange_publisher, "half.example.com.", half_zone);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_every_case_over_udp_and_tcp),
        cmocka_unit_test(test_answer_class_any_is_in_and_others_are_refused),
        cmocka_unit_test(test_answer_edns_version_one_is_badvers),
        cmocka_unit_test(test_answer_referral_with_do_has_ds),
        cmocka_unit_test(test_answer_chain_ends_after_the_limit),
        cmocka_unit_test(test_answer_growing_dname_ends_in_yxdomain),
        cmocka_unit_test(test_answer_large_set_is_truncated_by_the_clients_size),
        cmocka_unit_test(test_answer_never_passes_1232_octets_of_udp),
        cmocka_unit_test(test_answer_required_glue_that_does_not_fit_truncates),
        cmocka_unit_test(test_answer_other_glue_that_does_not_fit_is_left_out),
        cmocka_unit_test(test_answer_other_glue_after_what_does_not_fit_is_there),
        cmocka_unit_test(test_answer_beyond_64_kib_is_servfail),
        cmocka_unit_test(test_answer_from_a_zone_without_soa_is_servfail),
        cmocka_unit_test(test_answer_hostile_requests_are_dropped_or_rejected),
    };
    return cmocka_run_group_tests(tests, set_up, test_exchange_tear_down);
}
