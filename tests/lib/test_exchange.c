#include "lib/test_exchange.h"

#include "base/hex.h"
#include "dns/type.h"
#include "lib/test_image.h"
#include "zone/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct zone_publisher *test_exchange_publisher;
static uint8_t reply_octets[DNS_MESSAGE_MAX];

int test_exchange_set_up(void **state)
{
    (void)state;
    test_exchange_publisher = test_image_new();
    zone_reader_register();
    return 0;
}

int test_exchange_tear_down(void **state)
{
    (void)state;
    zone_reader_unregister();
    test_image_free(test_exchange_publisher);
    return 0;
}

uint16_t test_exchange_request(const struct ask *ask, uint8_t request[TEST_REQUEST_SIZE])
{
    uint16_t class = ask->class != 0 ? ask->class : DNS_CLASS_IN;
    memcpy(request, "\x5a\xa5\x01\0\0\1\0\0\0\0\0\0", DNS_HEADER_LEN);
    dns_wire_put16(request + 2, DNS_FLAG_RD | ask->header_flags);
    int name_len = dns_name_parse(ask->name, NULL, request + DNS_HEADER_LEN);
    assert_true(name_len > 0);
    uint16_t len = (uint16_t)(DNS_HEADER_LEN + (unsigned)name_len);
    dns_wire_put16(request + len, ask->type);
    dns_wire_put16(request + len + 2, class);
    len = (uint16_t)(len + 4);
    if (ask->edns_size == 0)
        return len;
    request[11] = 1;
    memcpy(request + len, "\0\0\x29\0\0\0\0\0\0\0\0", DNS_OPT_LEN);
    dns_wire_put16(request + len + 3, ask->edns_size);
    request[len + 6] = ask->edns_version;
    request[len + 7] = ask->is_dnssec_ok ? 0x80 : 0;
    dns_wire_put16(request + len + 9, ask->options_len);
    assert_true(len + DNS_OPT_LEN + ask->options_len <= TEST_REQUEST_SIZE);
    if (ask->options_len != 0)
        memcpy(request + len + DNS_OPT_LEN, ask->options, ask->options_len);
    return (uint16_t)(len + DNS_OPT_LEN + ask->options_len);
}

enum query_outcome test_exchange_send(const struct ask *ask, const uint8_t *request,
                                      uint16_t request_len, struct dns_writer *reply)
{
    struct query_env env = {.image = NULL};
    if (ask->env != NULL)
        env = *ask->env;
    env.proto = ask->proto;
    env.image = zone_image_read_begin(test_exchange_publisher);
    *reply = (struct dns_writer){.octets = reply_octets, .capacity = sizeof reply_octets};
    enum query_outcome outcome = query_answer(&env, request, request_len, reply);
    zone_image_read_end();
    return outcome;
}

knot_pkt_t *test_exchange_ask(const struct ask *ask, enum query_outcome *outcome)
{
    uint8_t request[TEST_REQUEST_SIZE];
    struct dns_writer reply;
    *outcome = test_exchange_send(ask, request, test_exchange_request(ask, request), &reply);
    assert_int_not_equal(*outcome, QUERY_DROPPED);

    knot_pkt_t *packet = knot_pkt_new(reply.octets, (uint16_t)reply.len, NULL);
    assert_non_null(packet);
    assert_int_equal(knot_pkt_parse(packet, KNOT_PF_NOCANON), KNOT_EOK);
    assert_int_equal(knot_wire_get_id(packet->wire), 0x5aa5);
    assert_true(knot_wire_get_qr(packet->wire) && knot_wire_get_rd(packet->wire));
    assert_false(knot_wire_get_ra(packet->wire));
    assert_memory_equal(reply.octets + DNS_HEADER_LEN, request + DNS_HEADER_LEN,
                        knot_dname_size(knot_pkt_qname(packet)) + 4);
    assert_int_equal(reply.rcode, knot_pkt_ext_rcode(packet));
    return packet;
}

static void render_records(const knot_pktsection_t *section, const char *label, FILE *out)
{
    for (uint16_t i = 0; i < section->count; i++) {
        const knot_rrset_t *rr = knot_pkt_rr(section, i);
        char data[4096], type[32];
        if (rr->type == KNOT_RRTYPE_OPT)
            continue;
        char *owner = knot_dname_to_str_alloc(rr->owner);
        assert_true(knot_rrtype_to_string(rr->type, type, sizeof type) > 0);
        assert_true(knot_rrset_txt_dump_data(rr, 0, data, sizeof data, &KNOT_DUMP_STYLE_DEFAULT) >=
                    0);
        fprintf(out, "%s %s %u %s%s %s\n", label, owner, rr->ttl,
                rr->rclass == KNOT_CLASS_CH ? "CH " : "", type, data);
        free(owner);
    }
}

static const char *rcode_text(uint16_t rcode)
{
    static const char *const codes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                        "NOTIMP",  "REFUSED", "YXDOMAIN"};
    if (rcode < sizeof codes / sizeof *codes)
        return codes[rcode];
    assert_true(rcode == KNOT_RCODE_BADVERS || rcode == KNOT_RCODE_BADCOOKIE);
    return rcode == KNOT_RCODE_BADVERS ? "BADVERS" : "BADCOOKIE";
}

char *test_exchange_render(const knot_pkt_t *packet)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fprintf(out, "%s%s%s\n", rcode_text(knot_pkt_ext_rcode(packet)),
            knot_wire_get_aa(packet->wire) ? " aa" : "",
            knot_wire_get_tc(packet->wire) ? " tc" : "");
    render_records(knot_pkt_section(packet, KNOT_ANSWER), "AN", out);
    render_records(knot_pkt_section(packet, KNOT_AUTHORITY), "AU", out);
    render_records(knot_pkt_section(packet, KNOT_ADDITIONAL), "AD", out);
    fclose(out);
    return text;
}

void test_exchange_expect(const struct ask *ask, enum query_outcome expected_outcome,
                          const char *expected)
{
    enum query_outcome outcome;
    knot_pkt_t *packet = test_exchange_ask(ask, &outcome);
    char *text = test_exchange_render(packet);
    if (strcmp(text, expected) != 0)
        fail_msg("%s type %u:\n%s--- expected:\n%s", ask->name, ask->type, text, expected);
    assert_int_equal(outcome, expected_outcome);
    assert_int_equal(packet->opt_rr != NULL, ask->edns_size != 0);
    free(text);
    knot_pkt_free(packet);
}

void test_exchange_expect_options(const struct ask *ask, uint16_t rcode, const char *expected)
{
    enum query_outcome outcome;
    char text[2048] = "-";
    size_t len = 0;
    knot_pkt_t *packet = test_exchange_ask(ask, &outcome);
    assert_int_equal(knot_pkt_ext_rcode(packet), rcode);
    if (packet->opt_rr != NULL)
        text[0] = '\0';
    for (uint16_t code = 0; packet->opt_rr != NULL && code < 128; code++)
        for (const uint8_t *option = NULL;
             (option = knot_edns_get_option(packet->opt_rr, code, option)) != NULL;) {
            const uint16_t option_len = knot_edns_opt_get_length(option);
            assert_true(len + 2u * option_len + 16 < sizeof text);
            len += (size_t)snprintf(text + len, sizeof text - len, "%u:", code);
            hex_format(option + 4, option_len, text + len);
            len += 2u * option_len;
            text[len++] = '\n';
            text[len] = '\0';
        }
    if (strcmp(text, expected) != 0)
        fail_msg("options for %s:\n%s--- expected:\n%s", ask->name, text, expected);
    knot_pkt_free(packet);
}
