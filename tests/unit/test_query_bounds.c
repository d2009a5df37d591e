/* No zone can make a question expensive: lookups are counted, not timed. (Comparing records is
 * timed, roughly: it took hundreds of times as long as it may.)
 * links: query test_exchange test_route
 * wraps: zone_view_lookup zone_probe_begin zone_view_find_record_set zone_find_glue */
#include "dns/type.h"
#include "lib/test_exchange.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "zone/image.h"
#include "zone/probe.h"
#include "zone/record_set.h"
#include "zone/routing.h"
#include "zone/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* The linker sends the calls of node/query*.c here. */
void __real_zone_view_lookup(const struct zone_image *image, const struct zone_view *view,
                             const uint8_t *name, uint16_t qtype, struct zone_match *out);
void __wrap_zone_view_lookup(const struct zone_image *image, const struct zone_view *view,
                             const uint8_t *name, uint16_t qtype, struct zone_match *out);
void __real_zone_probe_begin(struct zone_probe *probe, const struct zone_image *image,
                             const uint8_t *name, unsigned name_len, uint16_t qtype);
void __wrap_zone_probe_begin(struct zone_probe *probe, const struct zone_image *image,
                             const uint8_t *name, unsigned name_len, uint16_t qtype);
const struct zone_wire_set *__real_zone_view_find_record_set(const struct zone_image *image,
                                                             const struct zone_view *view,
                                                             const uint8_t *name, uint16_t type,
                                                             const struct zone **zone);
const struct zone_wire_set *__wrap_zone_view_find_record_set(const struct zone_image *image,
                                                             const struct zone_view *view,
                                                             const uint8_t *name, uint16_t type,
                                                             const struct zone **zone);
const struct zone_wire_set *__real_zone_find_glue(const struct zone *zone, const uint8_t *name,
                                                  uint16_t type);
const struct zone_wire_set *__wrap_zone_find_glue(const struct zone *zone, const uint8_t *name,
                                                  uint16_t type);

static unsigned lookup_count, set_count, glue_count;

void __wrap_zone_view_lookup(const struct zone_image *image, const struct zone_view *view,
                             const uint8_t *name, uint16_t qtype, struct zone_match *out)
{
    lookup_count++;
    __real_zone_view_lookup(image, view, name, qtype, out);
}

void __wrap_zone_probe_begin(struct zone_probe *probe, const struct zone_image *image,
                             const uint8_t *name, unsigned name_len, uint16_t qtype)
{
    lookup_count++;
    __real_zone_probe_begin(probe, image, name, name_len, qtype);
}

const struct zone_wire_set *__wrap_zone_view_find_record_set(const struct zone_image *image,
                                                             const struct zone_view *view,
                                                             const uint8_t *name, uint16_t type,
                                                             const struct zone **zone)
{
    set_count++;
    return __real_zone_view_find_record_set(image, view, name, type, zone);
}

const struct zone_wire_set *__wrap_zone_find_glue(const struct zone *zone, const uint8_t *name,
                                                  uint16_t type)
{
    glue_count++;
    return __real_zone_find_glue(zone, name, type);
}

static void serve(const char *origin, unsigned count, const char *format)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fputs("@ 60 SOA ns host 1 7200 900 1209600 60\n", out);
    for (unsigned i = 0; i < count; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        fprintf(out, format, i, i + 1);
#pragma GCC diagnostic pop
    }
    fclose(out);
    test_image_serve(test_exchange_publisher, origin, text);
    free(text);
}

static knot_pkt_t *ask(const char *name, uint16_t type)
{
    const struct ask asked = {.name = name, .type = type, .proto = QUERY_TCP};
    enum query_outcome outcome;
    lookup_count = set_count = glue_count = 0;
    knot_pkt_t *packet = test_exchange_ask(&asked, &outcome);
    assert_int_equal(outcome, QUERY_ANSWERED);
    return packet;
}

static unsigned count_of(const knot_pkt_t *packet, knot_section_t section)
{
    return knot_pkt_section(packet, section)->count;
}

static void test_bounds_common_answers_take_one_lookup(void **state)
{
    (void)state;
    serve("one.", 1, "www 60 A 192.0.2.1\nwww 60 TXT \"t\"\n*.w 60 AAAA 2001:db8::1\n");
    static const struct {
        const char *name;
        uint16_t type;
    } cases[] = {{"www.one.", DNS_TYPE_A},      {"www.one.", DNS_TYPE_TXT},
                 {"x.w.one.", DNS_TYPE_AAAA},   {"www.one.", DNS_TYPE_MX},
                 {"nowhere.one.", DNS_TYPE_MX}, {"one.", DNS_TYPE_SOA}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        knot_pkt_free(ask(cases[i].name, cases[i].type));
        assert_int_equal(lookup_count, 1);
        assert_int_equal(set_count + glue_count, 0);
    }
}

static void test_bounds_cname_chain(void **state)
{
    (void)state;
    serve("chain.", 1000, "k%u 60 CNAME k%u\n");
    knot_pkt_t *packet = ask("k0.chain.", DNS_TYPE_A);
    assert_int_equal(count_of(packet, KNOT_ANSWER), QUERY_CHAIN_MAX);
    assert_int_equal(lookup_count, QUERY_CHAIN_MAX);
    assert_int_equal(set_count + glue_count, 0);
    knot_pkt_free(packet);
}

/* Each DNAME leads to the next one's child, and the name asked is 255 octets long. */
static void test_bounds_dname_chain_of_the_longest_names(void **state)
{
    (void)state;
    char name[300] = "";
    serve("chains.", 1000, "d%03u 60 DNAME d%03u\n");
    for (unsigned i = 0; i < 121; i++)
        memcpy(name + 2 * i, "x.", 3);
    snprintf(name + strlen(name), sizeof name - strlen(name), "d000.chains.");
    uint8_t wire[DNS_NAME_MAX];
    assert_int_equal(dns_name_parse(name, NULL, wire), DNS_NAME_MAX);
    knot_pkt_t *packet = ask(name, DNS_TYPE_A);
    assert_int_equal(lookup_count, QUERY_CHAIN_MAX);
    assert_int_equal(count_of(packet, KNOT_ANSWER), 2 * QUERY_CHAIN_MAX);
    knot_pkt_free(packet);
}

static void test_bounds_a_thousand_targets(void **state)
{
    (void)state;
    serve("mx.", 1000, "@ 60 MX %1$u h%1$u\n");
    knot_pkt_t *packet = ask("mx.", DNS_TYPE_MX);
    assert_int_equal(count_of(packet, KNOT_ANSWER), 1000);
    assert_int_equal(lookup_count, 1);
    assert_int_equal(set_count, 2 * QUERY_ADDITIONAL_MAX);
    knot_pkt_free(packet);

    serve("alias.", 1000, "@ 60 HTTPS 0 h%u\n"); /* of aliases the next step as well */
    packet = ask("alias.", DNS_TYPE_HTTPS);
    assert_int_equal(set_count, 3 * QUERY_ADDITIONAL_MAX);
    knot_pkt_free(packet);

    serve("same.", 1000, "@ 60 SRV %u 0 1 host\n");
    packet = ask("same.", DNS_TYPE_SRV);
    assert_int_equal(set_count, 2);
    knot_pkt_free(packet);
}

static void test_bounds_a_thousand_name_servers_of_a_zone(void **state)
{
    (void)state;
    serve("ns.", 1000, "@ 60 NS ns%u\n");
    knot_pkt_t *packet = ask("ns.", DNS_TYPE_NS);
    assert_int_equal(count_of(packet, KNOT_ANSWER), 1000);
    assert_int_equal(set_count, 2 * QUERY_ADDITIONAL_MAX);
    assert_int_equal(glue_count, 2 * QUERY_ADDITIONAL_MAX);
    knot_pkt_free(packet);
}

static void test_bounds_a_thousand_name_servers_of_a_referral(void **state)
{
    (void)state;
    static const char *const lines[] = {"cut 60 NS ns%u.cut\n", "cut 60 NS ns%u.sib\n"};
    for (size_t i = 0; i < 2; i++) {
        serve("ref.", 1000, lines[i]);
        const struct ask asked = {.name = "x.cut.ref.", .type = DNS_TYPE_A, .proto = QUERY_TCP};
        enum query_outcome outcome;
        lookup_count = set_count = glue_count = 0;
        knot_pkt_t *packet = test_exchange_ask(&asked, &outcome);
        assert_int_equal(outcome, QUERY_REFERRED);
        assert_int_equal(count_of(packet, KNOT_AUTHORITY), 1000);
        assert_int_equal(lookup_count, 1);
        assert_int_equal(glue_count, 2 * QUERY_GLUE_MAX);
        knot_pkt_free(packet);
    }
}

enum { SETS = 15, RECORDS = 4060 }; /* as many as a message and the rules of a group take */

/* All of a set's records are in the sets before it, too. */
static void put_repeated_sets(void)
{
    static uint8_t octets[RECORDS][4];
    static struct zone_rdata rdatas[RECORDS];
    static const struct zone_routing routing = {.kind = POLICY_MULTIVALUE, .answers_max = SETS};
    static const uint8_t apex[] = "\4many", name[] = "\1a\4many";
    for (unsigned i = 0; i < RECORDS; i++) {
        octets[i][0] = 10;
        dns_wire_put16(octets[i] + 2, (uint16_t)i);
        rdatas[i] = (struct zone_rdata){octets[i], 4};
    }
    test_image_serve(test_exchange_publisher, "many.", "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\n");
    for (unsigned i = 0; i < SETS; i++) {
        const char identifier = (char)('a' + i);
        const struct zone_record_set set = {.name = name,
                                            .type = DNS_TYPE_A,
                                            .ttl_s = 60,
                                            .rdata_count = RECORDS,
                                            .rdatas = rdatas,
                                            .set_identifier = &identifier,
                                            .set_identifier_len = 1,
                                            .routing = &routing};
        assert_int_equal(zone_change_put(test_exchange_publisher, apex, &set), 0);
    }
    test_route_publish(test_exchange_publisher);
}

static void test_bounds_sets_that_repeat_each_other(void **state)
{
    (void)state;
    const struct ask asked = {.name = "a.many.", .type = DNS_TYPE_A, .proto = QUERY_TCP};
    enum query_outcome outcome;
    put_repeated_sets();
    const clock_t start = clock();
    for (unsigned i = 0; i < 10; i++) {
        knot_pkt_t *packet = test_exchange_ask(&asked, &outcome);
        assert_int_equal(outcome, QUERY_ANSWERED);
        assert_int_equal(knot_wire_get_ancount(packet->wire), RECORDS);
        knot_pkt_free(packet);
    }
    assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_common_answers_take_one_lookup),
        cmocka_unit_test(test_bounds_cname_chain),
        cmocka_unit_test(test_bounds_dname_chain_of_the_longest_names),
        cmocka_unit_test(test_bounds_a_thousand_targets),
        cmocka_unit_test(test_bounds_a_thousand_name_servers_of_a_zone),
        cmocka_unit_test(test_bounds_a_thousand_name_servers_of_a_referral),
        cmocka_unit_test(test_bounds_sets_that_repeat_each_other),
    };
    return cmocka_run_group_tests(tests, test_exchange_set_up, test_exchange_tear_down);
}
