/* The probes of RFC 8906 section 8, one by one, with what it says to expect.
 * links: query test_exchange */
#include "dns/cookie.h"
#include "dns/type.h"
#include "lib/test_exchange.h"
#include "lib/test_image.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    FLAG_RD = DNS_FLAG_RD,
    FLAG_Z = 0x0040, /* the reserved bit of the header */
    OPCODE_15 = 15 << DNS_OPCODE_SHIFT,
    EDNS_DO = 0x8000,
    EDNS_40 = 0x0040, /* a flag that nothing has defined */
};

struct probe {
    const char *section;
    /* the request: header word, type, OPT (size 0: none), its flags and options */
    uint16_t header;
    uint16_t type;
    uint16_t edns_size;
    uint8_t edns_version;
    uint16_t edns_flags;
    const char *options;
    uint16_t options_len;
    enum query_proto proto;
    /* the reply */
    uint16_t rcode;
    bool has_soa;
    uint16_t header_set; /* of RD, CD, AA; the other flags are never set */
};
#define OPTIONS(literal) .options = literal, .options_len = sizeof(literal) - 1
#define UNKNOWN_OPTION OPTIONS("\0\144\0\0")
/* +nsid +cookie +expire +subnet=0.0.0.0/0 */
#define DEFINED_OPTIONS OPTIONS("\0\3\0\0\0\12\0\10client..\0\11\0\0\0\10\0\4\0\1\0\0")

static const struct probe probes[] = {
    {"8.1.1 is the server configured", .type = DNS_TYPE_SOA, .has_soa = true,
     .header_set = DNS_FLAG_AA},
    {"8.1.2 unknown type", .type = 1000, .header_set = DNS_FLAG_AA},
    {"8.1.3.1 CD", .header = DNS_FLAG_CD, .type = DNS_TYPE_SOA, .has_soa = true,
     .header_set = DNS_FLAG_AA},
    {"8.1.3.2 AD", .header = DNS_FLAG_AD, .type = DNS_TYPE_SOA, .has_soa = true,
     .header_set = DNS_FLAG_AA},
    {"8.1.3.3 reserved bit", .header = FLAG_Z, .type = DNS_TYPE_SOA, .has_soa = true,
     .header_set = DNS_FLAG_AA},
    {"8.1.3.4 recursive", .header = FLAG_RD, .type = DNS_TYPE_SOA, .has_soa = true,
     .header_set = DNS_FLAG_AA | DNS_FLAG_RD},
    {"8.1.5 TCP", .type = DNS_TYPE_SOA, .proto = QUERY_TCP, .has_soa = true,
     .header_set = DNS_FLAG_AA},
    {"8.2.1 minimal EDNS", .type = DNS_TYPE_SOA, .edns_size = 1232, .has_soa = true,
     .header_set = DNS_FLAG_AA},
    {"8.2.2 EDNS version", .type = DNS_TYPE_SOA, .edns_size = 1232, .edns_version = 1,
     .rcode = DNS_RCODE_BADVERS},
    {"8.2.3 unknown option", .type = DNS_TYPE_SOA, .edns_size = 1232, UNKNOWN_OPTION,
     .has_soa = true, .header_set = DNS_FLAG_AA},
    {"8.2.4 unknown flag", .type = DNS_TYPE_SOA, .edns_size = 1232, .edns_flags = EDNS_40,
     .has_soa = true, .header_set = DNS_FLAG_AA},
    {"8.2.5 version and unknown flag", .type = DNS_TYPE_SOA, .edns_size = 1232, .edns_version = 1,
     .edns_flags = EDNS_40, .rcode = DNS_RCODE_BADVERS},
    {"8.2.6 version and unknown option", .type = DNS_TYPE_SOA, .edns_size = 1232, .edns_version = 1,
     UNKNOWN_OPTION, .rcode = DNS_RCODE_BADVERS},
    {"8.2.8 DO", .type = DNS_TYPE_SOA, .edns_size = 1232, .edns_flags = EDNS_DO, .has_soa = true,
     .header_set = DNS_FLAG_AA},
    {"8.2.9 version and DO", .type = DNS_TYPE_SOA, .edns_size = 1232, .edns_version = 1,
     .edns_flags = EDNS_DO, .rcode = DNS_RCODE_BADVERS},
    {"8.2.10 defined options", .type = DNS_TYPE_SOA, .edns_size = 1232, DEFINED_OPTIONS,
     .has_soa = true, .header_set = DNS_FLAG_AA},
};

static knot_pkt_t *send_probe(const struct probe *probe)
{
    const struct ask asked = {.name = "example.com.",
                              .type = probe->type,
                              .edns_size = probe->edns_size,
                              .edns_version = probe->edns_version,
                              .proto = probe->proto,
                              .options = probe->options,
                              .options_len = probe->options_len};
    uint8_t request[TEST_REQUEST_SIZE];
    struct dns_writer reply;
    const uint16_t len = test_exchange_request(&asked, request);
    dns_wire_put16(request + 2, probe->header);
    if (probe->edns_size != 0)
        dns_wire_put16(request + len - probe->options_len - 4, probe->edns_flags);
    assert_int_not_equal(test_exchange_send(&asked, request, len, &reply), QUERY_DROPPED);
    knot_pkt_t *packet = knot_pkt_new(reply.octets, (uint16_t)reply.len, NULL);
    assert_non_null(packet);
    assert_int_equal(knot_pkt_parse(packet, 0), KNOT_EOK);
    return packet;
}

static void test_probes_get_what_the_rfc_expects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        const struct probe *probe = &probes[i];
        knot_pkt_t *packet = send_probe(probe);
        const knot_pktsection_t *answer = knot_pkt_section(packet, KNOT_ANSWER);
        const bool has_soa = answer->count == 1 && knot_pkt_rr(answer, 0)->type == DNS_TYPE_SOA;
        const unsigned flags = dns_wire_get16(packet->wire + 2) & 0xfff0u;
        if (knot_pkt_ext_rcode(packet) != probe->rcode || has_soa != probe->has_soa ||
            flags != (DNS_FLAG_QR | (unsigned)probe->header_set))
            fail_msg("%s: rcode %u, flags %04x", probe->section, knot_pkt_ext_rcode(packet), flags);
        assert_int_equal(answer->count, probe->has_soa);
        assert_int_equal(packet->opt_rr != NULL, probe->edns_size != 0);
        if (packet->opt_rr != NULL) {
            assert_int_equal(knot_edns_get_version(packet->opt_rr), 0);
            assert_int_equal(packet->opt_rr->ttl & 0xffff, probe->edns_flags & EDNS_DO);
            assert_null(knot_edns_get_option(packet->opt_rr, 100, NULL));
        }
        knot_pkt_free(packet);
    }
}

/* 8.1.2: no data, so a SOA in the authority section (RFC 2308 2.2). */
static void test_probe_unknown_type_has_soa_in_authority(void **state)
{
    (void)state;
    knot_pkt_t *packet = send_probe(&probes[1]);
    const knot_pktsection_t *authority = knot_pkt_section(packet, KNOT_AUTHORITY);
    assert_int_equal(authority->count, 1);
    assert_int_equal(knot_pkt_rr(authority, 0)->type, DNS_TYPE_SOA);
    knot_pkt_free(packet);
}

/* 8.1.4: a header alone; NOTIMP and nothing in any section. */
static void test_probe_unknown_opcode(void **state)
{
    (void)state;
    const struct ask asked = {.name = "."};
    uint8_t request[DNS_HEADER_LEN] = "\x12\x34";
    struct dns_writer reply;
    dns_wire_put16(request + 2, OPCODE_15);
    assert_int_equal(test_exchange_send(&asked, request, sizeof request, &reply), QUERY_REJECTED);
    static const uint8_t expected[DNS_HEADER_LEN] = "\x12\x34\xf8\x04";
    assert_int_equal(reply.len, sizeof expected);
    assert_memory_equal(reply.octets, expected, sizeof expected);
}

/* 8.2.7: DNSKEY with DO in 512 octets; the OPT is there though the records are not. */
static void test_probe_truncated_reply_keeps_opt(void **state)
{
    (void)state;
    const struct probe probe = {"8.2.7", .type = DNS_TYPE_DNSKEY, .edns_size = 512,
                                .edns_flags = EDNS_DO};
    knot_pkt_t *packet = send_probe(&probe);
    assert_int_equal(knot_pkt_ext_rcode(packet), DNS_RCODE_NOERROR);
    assert_true(knot_wire_get_tc(packet->wire));
    assert_true(packet->size <= 512);
    assert_non_null(packet->opt_rr);
    assert_int_equal(knot_edns_get_version(packet->opt_rr), 0);
    assert_true(knot_edns_do(packet->opt_rr));
    knot_pkt_free(packet);
}

/* 8.2.10 in full: options that the server has an answer for come back, EXPIRE does not. */
static void test_probe_defined_options_are_answered(void **state)
{
    (void)state;
    static struct sockaddr_in client = {.sin_family = AF_INET};
    static const struct dns_cookie_secrets secrets = {.current = "0123456789abcde"};
    static const struct query_texts texts = {.identity = "ns1"};
    const struct query_env env = {
        .client = (struct sockaddr *)&client, .cookies = &secrets, .texts = &texts, .now_s = 1};
    const struct ask asked = {.name = "example.com.",
                              .type = DNS_TYPE_SOA,
                              .edns_size = 1232,
                              .env = &env,
                              .options = probes[15].options,
                              .options_len = probes[15].options_len};
    enum query_outcome outcome;
    knot_pkt_t *packet = test_exchange_ask(&asked, &outcome);
    static const uint16_t codes[] = {DNS_OPTION_NSID, DNS_OPTION_COOKIE, DNS_OPTION_ECS};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        assert_non_null(knot_edns_get_option(packet->opt_rr, codes[i], NULL));
    assert_null(knot_edns_get_option(packet->opt_rr, 9, NULL));
    knot_pkt_free(packet);
}

#define KEY_60 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz01234567"

static int set_up(void **state)
{
    test_exchange_set_up(state);
    char zone[8192] = "@ 3600 SOA ns host 1 7200 900 1209600 60\n@ 3600 NS ns\n";
    for (unsigned i = 0; i < 8; i++)
        snprintf(zone + strlen(zone), sizeof zone - strlen(zone),
                 "@ 3600 DNSKEY 256 3 8 AwEAAQ%uA" KEY_60 KEY_60 "\n", i);
    test_image_serve(test_exchange_publisher, "example.com.", zone);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probes_get_what_the_rfc_expects),
        cmocka_unit_test(test_probe_unknown_type_has_soa_in_authority),
        cmocka_unit_test(test_probe_unknown_opcode),
        cmocka_unit_test(test_probe_truncated_reply_keeps_opt),
        cmocka_unit_test(test_probe_defined_options_are_answered),
    };
    return cmocka_run_group_tests(tests, set_up, test_exchange_tear_down);
}
