/* links: route53
 * Values of Route 53's API (route53.md 5): what is taken, in which words the rest is refused, and
 * that what is listed is taken back to the same octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hex.h"
#include "dns/name.h"
#include "dns/type.h"
#include "route53/value.h"
#include "zone/record_set.h"
#include "zone/record_text.h"

static uint8_t octets[ZONE_RDATA_LEN_MAX];
static char text_out[ROUTE53_VALUE_TEXT_SIZE];

struct good {
    const char *type, *value;
    const char *listed; /* NULL: as the value */
};

static const struct good goods[] = {
    {"A", "192.0.2.1", NULL},
    {"AAAA", "2001:DB8:0:0::1", "2001:db8::1"},
    {"AAAA", "::ffff:192.0.2.1", NULL},
    {"CNAME", "Target.example.com", "Target.example.com."},
    {"CNAME", "a\\052b.example.com.", "a*b.example.com."},
    {"NS", "ns1.example.net.", NULL},
    {"PTR", "host.example.net.", NULL},
    {"MX", "10 mail.example.com.", NULL},
    {"MX", "0 .", NULL},
    {"MX", "10   mail.example.com", "10 mail.example.com."},
    {"SRV", "1 2 65535 sip.example.com.", NULL},
    {"SRV", "0 0 0 .", NULL},
    {"TXT", "\"one\"", NULL},
    {"TXT", "\"one\" \"two words\"", NULL},
    {"TXT", "\"one\"\"two\"", "\"one\" \"two\""},
    {"TXT", "\"a\\\"b\\\\c\\344\"", NULL},
    {"TXT", "\"\"", NULL},
    {"SPF", "\"v=spf1 -all\"", NULL},
    {"CAA", "0 issue \"ca.example.net; policy=ev\"", NULL},
    {"CAA", "128 iodef \"mailto:a@example.com\"", NULL},
    {"DS", "123 13 2 49FD46E6C4B45C55D4AC 49fd46e6", "123 13 2 49FD46E6C4B45C55D4AC49FD46E6"},
    {"NAPTR", "100 50 \"u\" \"E2U+sip\" \"!^.*$!sip:a@example.com!\" .", NULL},
    {"NAPTR", "100 10 \"S\" \"SIP+D2T\" \"\" _sip._tcp.example.com.", NULL},
    {"SOA", "ns.example.com. host.example.com. 1 7200 900 1209600 86400", NULL},
    {"SSHFP", "4 2 AB12", NULL},
    {"TLSA", "3 1 1 0C72AC70", NULL},
    {"HTTPS", "1 . alpn=\"h2,h3\" ipv4hint=192.0.2.1", "1 . alpn=h2,h3 ipv4hint=192.0.2.1"},
    {"SVCB", "0 svc.example.com.", NULL},
};

static void test_values_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        char problem[ROUTE53_PROBLEM_SIZE] = "";
        uint16_t type;
        size_t len;
        assert_true(route53_type_parse(goods[i].type, &type));
        int rc = route53_value_parse(type, goods[i].value, octets, &len, problem);
        if (rc != 0)
            print_message("%s %s: %s\n", goods[i].type, goods[i].value, problem);
        assert_int_equal(rc, 0);
        rc = route53_value_format(type, octets, (uint16_t)len, text_out);
        assert_int_equal(rc, strlen(text_out));
        assert_string_equal(text_out, goods[i].listed ? goods[i].listed : goods[i].value);
    }
}

static const struct bad {
    const char *type, *value, *problem;
} bads[] = {
    {"A", "foo",
     "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with "
     "'foo'"},
    {"A", "192.0.2.01",
     "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) "
     "encountered with '192.0.2.01'"},
    {"A", "192.0.2.1 ",
     "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) "
     "encountered with '192.0.2.1 '"},
    {"AAAA", "192.0.2.1",
     "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address) "
     "encountered with '192.0.2.1'"},
    {"CNAME", "", "DomainNameEmpty (Domain name is empty) encountered with ''"},
    {"CNAME", "a..b", "DomainLabelEmpty (Domain label is empty) encountered with 'a..b'"},
    {"CNAME", "a b",
     "UnsupportedCharacter (Value contains unsupported characters) encountered "
     "with ' '"},
    {"CNAME", "b\xc3\xa4r.example",
     "UnsupportedCharacter (Value contains unsupported characters) "
     "encountered with '\xc3\xa4'"},
    {"CNAME", "x23456789012345678901234567890123456789012345678901234567890123456.example",
     "DomainLabelTooLong (Domain label is too long) encountered with "
     "'x23456789012345678901234567890123456789012345678901234567890123456.example'"},
    {"MX", "mail.example.com",
     "MXRRDATANotTwoFields (MX record doesn't have 2 fields) "
     "encountered with 'mail.example.com'"},
    {"MX", "65536 mail",
     "MXRRDATAIllegalNumber (Value is not a valid MX) encountered with "
     "'65536'"},
    {"SRV", "1 2 3",
     "SRVRRDATANotFourFields (SRV record doesn't have 4 fields) encountered with "
     "'1 2 3'"},
    {"TXT", "one",
     "InvalidCharacterString (Value should be enclosed in quotation marks) "
     "encountered with 'one'"},
    {"TXT", "",
     "InvalidCharacterString (Value should be enclosed in quotation marks) "
     "encountered with ''"},
    {"TXT", "\"one",
     "InvalidCharacterString (Value should be enclosed in quotation marks) "
     "encountered with '\"one'"},
    {"TXT", "\"\xc3\xa4\"",
     "UnsupportedCharacter (Value contains unsupported characters) "
     "encountered with '\xc3\xa4'"},
    {"CAA", "0 issue ca.example.net",
     "InvalidCharacterString (Value should be enclosed in "
     "quotation marks) encountered with 'ca.example.net'"},
    {"DS", "1 2 3 xyz",
     "DSRRDATAIllegalHexString (Value is not a valid DS) encountered with "
     "'xyz'"},
    {"HTTPS", "1 . nonsense=1",
     "HTTPSRRDATAIllegalValue (Value is not a valid HTTPS) encountered "
     "with '1 . nonsense=1'"},
    {"HTTPS", "1 .\n. 0 A 192.0.2.1",
     "HTTPSRRDATAIllegalValue (Value is not a valid HTTPS) "
     "encountered with '1 .\n. 0 A 192.0.2.1'"},
};

static void test_values_are_refused_in_route_53s_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        char problem[ROUTE53_PROBLEM_SIZE] = "";
        uint16_t type;
        size_t len;
        assert_true(route53_type_parse(bads[i].type, &type));
        assert_int_equal(route53_value_parse(type, bads[i].value, octets, &len, problem),
                         ERR_INVALID);
        assert_string_equal(problem, bads[i].problem);
    }
}

static void test_long_strings(void **state)
{
    char value[600], problem[ROUTE53_PROBLEM_SIZE];
    size_t len;

    (void)state;
    memset(value, 'x', sizeof(value));
    value[0] = value[256] = '"';
    value[257] = 0;
    assert_int_equal(route53_value_parse(DNS_TYPE_TXT, value, octets, &len, problem), 0);
    assert_int_equal(len, 256);
    value[256] = 'x';
    value[257] = '"';
    value[258] = 0;
    assert_int_equal(route53_value_parse(DNS_TYPE_TXT, value, octets, &len, problem), ERR_INVALID);
    assert_memory_equal(problem, "CharacterStringTooLong (Value is too long) encountered with", 59);
}

static void test_type_names(void **state)
{
    uint16_t type;

    (void)state;
    assert_true(route53_type_parse("HTTPS", &type));
    assert_int_equal(type, 65);
    assert_false(route53_type_parse("a", &type));
    assert_false(route53_type_parse("LOC", &type));
    assert_false(route53_type_parse("", &type));
}

/* ---- any data that zones can hold is listed as a value that is taken back ---- */

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static uint8_t *put_random(uint8_t *at, size_t len)
{
    while (len-- > 0)
        *at++ = (uint8_t)draw(256);
    return at;
}

static uint8_t *put_random_name(uint8_t *at)
{
    for (uint32_t labels = draw(4); labels > 0; labels--) {
        *at = (uint8_t)(1 + draw(20));
        at = put_random(at + 1, *at);
    }
    *at++ = 0;
    return at;
}

static uint8_t *put_random_string(uint8_t *at)
{
    *at = (uint8_t)draw(256);
    return put_random(at + 1, *at);
}

static size_t make_random(uint16_t type, uint8_t *out)
{
    uint8_t *at = out;

    switch (type) {
    case DNS_TYPE_A: return (size_t)(put_random(at, 4) - out);
    case DNS_TYPE_AAAA: return (size_t)(put_random(at, 16) - out);
    case DNS_TYPE_MX: return (size_t)(put_random_name(put_random(at, 2)) - out);
    case DNS_TYPE_SRV: return (size_t)(put_random_name(put_random(at, 6)) - out);
    case DNS_TYPE_SOA: return (size_t)(put_random(put_random_name(put_random_name(at)), 20) - out);
    case DNS_TYPE_TXT:
    case DNS_TYPE_SPF:
        for (uint32_t count = 1 + draw(3); count > 0; count--)
            at = put_random_string(at);
        return (size_t)(at - out);
    case DNS_TYPE_NAPTR:
        at = put_random(at, 4);
        for (unsigned i = 0; i < 3; i++)
            at = put_random_string(at);
        return (size_t)(put_random_name(at) - out);
    case DNS_TYPE_CAA:
        memcpy(at, "\x80\x05issue", 7);
        return (size_t)(put_random(at + 7, draw(400)) - out);
    case DNS_TYPE_DS: return (size_t)(put_random(at, 5 + draw(40)) - out);
    case DNS_TYPE_SSHFP: return (size_t)(put_random(at, 3 + draw(40)) - out);
    case DNS_TYPE_TLSA: return (size_t)(put_random(at, 4 + draw(400)) - out);
    case DNS_TYPE_SVCB:
    case DNS_TYPE_HTTPS:
        at = put_random_name(put_random(at, 2));
        if (draw(2)) {
            memcpy(at, "\0\1\0\3\2h2\0\3\0\2\1\273", 13);
            at += 13;
        }
        return (size_t)(at - out);
    default: return (size_t)(put_random_name(at) - out);
    }
}

static void test_what_is_listed_is_taken_back(void **state)
{
    static const uint16_t types[] = {1,  28, 2,   5,  12, 15, 33, 6, 16,
                                     99, 35, 257, 43, 44, 52, 64, 65};
    static uint8_t data[ZONE_RDATA_LEN_MAX];

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        uint16_t type = types[draw(sizeof(types) / sizeof(types[0]))];
        char problem[ROUTE53_PROBLEM_SIZE] = "";
        size_t len = make_random(type, data), again;
        assert_true(zone_rdata_is_valid(type, data, len));
        int rc = route53_value_format(type, data, (uint16_t)len, text_out);
        assert_int_equal(rc, strlen(text_out));
        rc = route53_value_parse(type, text_out, octets, &again, problem);
        if (rc != 0 || again != len || memcmp(octets, data, len) != 0)
            print_message("type %u: %.200s: %s\n", type, text_out, problem);
        assert_int_equal(rc, 0);
        assert_int_equal(again, len);
        assert_memory_equal(octets, data, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_taken),
        cmocka_unit_test(test_values_are_refused_in_route_53s_words),
        cmocka_unit_test(test_long_strings),
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_what_is_listed_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
