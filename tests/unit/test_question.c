/* Requests to questions: every row of the table in question.h. links: dns */
#include "dns/question.h"

#include "dns/answer.h"
#include "dns/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Request octets, put together piece by piece. */
struct request {
    uint8_t octets[2048];
    uint16_t len;
};

static void put(struct request *request, const void *octets, size_t len)
{
    assert_true(request->len + len <= sizeof request->octets);
    memcpy(request->octets + request->len, octets, len);
    request->len = (uint16_t)(request->len + len);
}
#define PUT(request, literal) put(request, literal, sizeof(literal) - 1)

/* ID 0x1234, RD; one question WWW.Example. of @type and @class, and @arcount records to come. */
static struct request request_of(uint16_t type, uint16_t class, uint8_t additional_count)
{
    struct request request = {.len = 0};
    uint8_t tail[4] = {(uint8_t)(type >> 8), (uint8_t)type, (uint8_t)(class >> 8), (uint8_t) class};
    PUT(&request, "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00");
    put(&request, &additional_count, 1);
    PUT(&request, "\3WWW\7Example\0");
    put(&request, tail, sizeof tail);
    return request;
}

/* Parse from an exact heap copy, so that a sanitizer sees every read past the end. */
static enum dns_verdict parse(const struct request *request, struct dns_question *out)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(request->len + 1u);
    assert_non_null(copy);
    uint8_t *octets = copy + 1; /* so that the end is the block's end also for length 0 */
    memcpy(octets, request->octets, request->len);
    return dns_question_parse(octets, request->len, out);
}

static enum dns_verdict verdict_of(const struct request *request)
{
    struct dns_question question;
    return parse(request, &question);
}

#define OPT_PLAIN "\0\0\x29\x10\x00\0\0\0\0\0\0"

static void test_parse_plain_question_is_read(void **state)
{
    (void)state;
    struct dns_question question;
    struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 0);
    assert_int_equal(parse(&request, &question), DNS_VERDICT_OK);
    assert_int_equal(question.id, 0x1234);
    assert_int_equal(question.flags, DNS_FLAG_RD);
    assert_int_equal(question.type, DNS_TYPE_A);
    assert_int_equal(question.class, DNS_CLASS_IN);
    assert_int_equal(question.name_len, 13);
    assert_memory_equal(question.name, "\3WWW\7Example\0", 13);
    assert_memory_equal(question.name_lower, "\3www\7example\0", 13);
    assert_false(question.has_edns);
}

static void test_parse_edns_is_read(void **state)
{
    (void)state;
    struct dns_question question;
    struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 1);
    PUT(&request, "\0\0\x29\x04\xd0\0\0\x80\0\0\x0c\0\x0a\0\x08"
                  "cookie!!");
    assert_int_equal(parse(&request, &question), DNS_VERDICT_OK);
    assert_true(question.has_edns);
    assert_true(question.is_dnssec_ok);
    assert_int_equal(question.edns_size, 1232);
    assert_int_equal(question.options.has, DNS_HAS_COOKIE);
    assert_memory_equal(question.options.cookie, "cookie!!", 8);
}

static void test_parse_edns_size_is_at_least_512(void **state)
{
    (void)state;
    struct dns_question question;
    struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 1);
    PUT(&request, "\0\0\x29\0\x01\0\0\0\0\0\0");
    assert_int_equal(parse(&request, &question), DNS_VERDICT_OK);
    assert_int_equal(question.edns_size, 512);
    assert_false(question.is_dnssec_ok);
}

static void test_parse_short_or_reply_is_ignored(void **state)
{
    (void)state;
    struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 0);
    for (request.len = 0; request.len < DNS_HEADER_LEN; request.len++)
        assert_int_equal(verdict_of(&request), DNS_VERDICT_IGNORE);
    request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 0);
    request.octets[2] |= 0x80;
    assert_int_equal(verdict_of(&request), DNS_VERDICT_IGNORE);
}

static void test_parse_other_opcode_is_notimp_without_question(void **state)
{
    (void)state;
    struct dns_question question;
    for (unsigned opcode = 1; opcode < 16; opcode++) {
        struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 0);
        request.octets[2] = (uint8_t)(opcode << 3);
        assert_int_equal(parse(&request, &question), DNS_VERDICT_NOTIMP);
        assert_int_equal(question.name_len, 0);
        assert_int_equal(question.id, 0x1234);
    }
}

static void test_parse_question_count_must_be_one(void **state)
{
    (void)state;
    struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 0);
    request.octets[5] = 2;
    PUT(&request, "\1b\0\0\1\0\1");
    assert_int_equal(verdict_of(&request), DNS_VERDICT_FORMERR);
    request.octets[5] = 0;
    request.len = DNS_HEADER_LEN;
    assert_int_equal(verdict_of(&request), DNS_VERDICT_FORMERR);
}

/* RFC 7873 5.4: the one reason to ask nothing. */
static void test_parse_no_question_asks_for_a_cookie(void **state)
{
    (void)state;
    struct dns_question question;
    struct request request = {.len = 0};
    PUT(&request, "\x12\x34\0\0\0\0\0\0\0\0\0\1");
    PUT(&request, "\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08"
                  "cookie!!");
    assert_int_equal(parse(&request, &question), DNS_VERDICT_COOKIE);
    assert_int_equal(question.name_len, 0);
    assert_null(question.name);
    assert_true(question.has_edns);
    while (--request.len >= DNS_HEADER_LEN)
        assert_int_equal(verdict_of(&request), DNS_VERDICT_FORMERR);
    struct request plain = {.len = 0};
    PUT(&plain, "\x12\x34\0\0\0\0\0\0\0\0\0\1" OPT_PLAIN);
    assert_int_equal(verdict_of(&plain), DNS_VERDICT_FORMERR);
    struct request version = {.len = 0};
    PUT(&version, "\x12\x34\0\0\0\0\0\0\0\0\0\1\0\0\x29\x10\x00\0\1\0\0\0\0");
    assert_int_equal(verdict_of(&version), DNS_VERDICT_BADVERS);
}

static void test_parse_every_cut_is_formerr(void **state)
{
    (void)state;
    struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 1);
    PUT(&request, "\0\0\x29\x10\x00\0\0\0\0\0\x0c\0\x0a\0\x08"
                  "cookie!!");
    assert_int_equal(verdict_of(&request), DNS_VERDICT_OK);
    while (--request.len >= DNS_HEADER_LEN)
        assert_int_equal(verdict_of(&request), DNS_VERDICT_FORMERR);
}

static void test_parse_bad_names_are_formerr(void **state)
{
    (void)state;
    struct request pointer = {.len = 0};
    PUT(&pointer, "\x12\x34\0\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1");
    assert_int_equal(verdict_of(&pointer), DNS_VERDICT_FORMERR);
    struct request label = {.len = 0};
    PUT(&label, "\x12\x34\0\0\0\1\0\0\0\0\0\0\x41");
    memset(label.octets + label.len, 'a', 100);
    label.len = (uint16_t)(label.len + 100);
    assert_int_equal(verdict_of(&label), DNS_VERDICT_FORMERR);
}

static void test_parse_trailing_octets_are_formerr(void **state)
{
    (void)state;
    struct dns_question question;
    struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 0);
    PUT(&request, "\0");
    assert_int_equal(parse(&request, &question), DNS_VERDICT_FORMERR);
    assert_int_equal(question.name_len, 13); /* still echoed */
}

static void test_parse_records_before_additional_are_formerr(void **state)
{
    (void)state;
    struct request answer = request_of(DNS_TYPE_A, DNS_CLASS_IN, 0);
    answer.octets[7] = 1;
    PUT(&answer, "\xc0\x0c\0\1\0\1\0\0\0\0\0\0");
    assert_int_equal(verdict_of(&answer), DNS_VERDICT_FORMERR);
    struct request authority = request_of(DNS_TYPE_A, DNS_CLASS_IN, 0);
    authority.octets[9] = 1;
    PUT(&authority, "\xc0\x0c\0\1\0\1\0\0\0\0\0\0");
    assert_int_equal(verdict_of(&authority), DNS_VERDICT_FORMERR);
}

static void test_parse_other_additional_records_are_skipped(void **state)
{
    (void)state;
    struct dns_question question;
    struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 3);
    PUT(&request, "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4");
    PUT(&request, OPT_PLAIN);
    PUT(&request, "\3key\xc0\x0c\0\xfa\0\xff\0\0\0\0\0\2xx"); /* TSIG: no key of ours */
    assert_int_equal(parse(&request, &question), DNS_VERDICT_OK);
    assert_true(question.has_edns);
}

static void test_parse_bad_opt_is_formerr(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t len;
        uint8_t count;
    } cases[] = {
#define CASE(literal, record_count) {literal, sizeof(literal) - 1, record_count}
        CASE(OPT_PLAIN OPT_PLAIN, 2),                            /* two of them */
        CASE("\1a\0\0\x29\x10\x00\0\0\0\0\0\0", 1),              /* owner is not the root */
        CASE("\0\0\x29\x10\x00\0\0\0\0\0\3\0\x0a\0", 1),         /* option header cut */
        CASE("\0\0\x29\x10\x00\0\0\0\0\0\6\0\x0a\0\x03\0\0", 1), /* option longer than data */
        CASE("\0\0\x29\x10\x00\0\0\0\0\0\6\0\x0a\0\x02ck", 1),   /* no length of a cookie */
        CASE("\0\0\x29\x10\x00\0\x01\0\0\0\0"
             "\1a\0\0\1",
             2),                                     /* bad version, then broken */
        CASE("\x80\0\0\x29\x10\x00\0\0\0\0\0\0", 1), /* owner of unknown form */
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, cases[i].count);
        put(&request, cases[i].octets, cases[i].len);
        assert_int_equal(verdict_of(&request), DNS_VERDICT_FORMERR);
    }
}

static void test_parse_edns_version_is_badvers(void **state)
{
    (void)state;
    struct dns_question question;
    struct request request = request_of(DNS_TYPE_A, DNS_CLASS_IN, 1);
    PUT(&request, "\0\0\x29\x10\x00\0\x01\0\0\0\0");
    assert_int_equal(parse(&request, &question), DNS_VERDICT_BADVERS);
    assert_true(question.has_edns);
    /* Then other reasons to refuse do not matter (RFC 6891 6.1.3). */
    struct request chaos = request_of(DNS_TYPE_TXT, DNS_CLASS_CH, 1);
    PUT(&chaos, "\0\0\x29\x10\x00\0\x01\0\0\0\0");
    assert_int_equal(parse(&chaos, &question), DNS_VERDICT_BADVERS);
}

static void test_parse_class_and_type_are_judged(void **state)
{
    (void)state;
    static const struct {
        uint16_t type, class;
        enum dns_verdict verdict;
    } cases[] = {
        {DNS_TYPE_A, DNS_CLASS_ANY, DNS_VERDICT_OK},
        {DNS_TYPE_TXT, DNS_CLASS_CH, DNS_VERDICT_CHAOS},
        {DNS_TYPE_AXFR, DNS_CLASS_CH, DNS_VERDICT_CHAOS},
        {DNS_TYPE_TXT, 4, DNS_VERDICT_REFUSED},
        {DNS_TYPE_A, DNS_CLASS_NONE, DNS_VERDICT_REFUSED},
        {DNS_TYPE_A, 0, DNS_VERDICT_REFUSED},
        {DNS_TYPE_ANY, DNS_CLASS_IN, DNS_VERDICT_OK},
        {DNS_TYPE_AXFR, DNS_CLASS_IN, DNS_VERDICT_REFUSED},
        {DNS_TYPE_IXFR, DNS_CLASS_IN, DNS_VERDICT_REFUSED},
        {DNS_TYPE_MAILA, DNS_CLASS_IN, DNS_VERDICT_OK},
        {DNS_TYPE_MAILB, DNS_CLASS_IN, DNS_VERDICT_OK},
        {0, DNS_CLASS_IN, DNS_VERDICT_FORMERR},
        {DNS_TYPE_OPT, DNS_CLASS_IN, DNS_VERDICT_FORMERR},
        {DNS_TYPE_NXNAME, DNS_CLASS_IN, DNS_VERDICT_FORMERR},
        {DNS_TYPE_TKEY, DNS_CLASS_IN, DNS_VERDICT_OK},
        {DNS_TYPE_TSIG, DNS_CLASS_IN, DNS_VERDICT_OK},
        {DNS_TYPE_CAA, DNS_CLASS_IN, DNS_VERDICT_OK},
        {127, DNS_CLASS_IN, DNS_VERDICT_OK},
        {65280, DNS_CLASS_IN, DNS_VERDICT_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct request request = request_of(cases[i].type, cases[i].class, 0);
        assert_int_equal(verdict_of(&request), cases[i].verdict);
    }
}

static void test_parse_ixfr_may_carry_its_soa(void **state)
{
    (void)state;
    struct request request = request_of(DNS_TYPE_IXFR, DNS_CLASS_IN, 0);
    request.octets[9] = 1;
    PUT(&request, "\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0");
    request.len = (uint16_t)(request.len + 20);
    assert_int_equal(verdict_of(&request), DNS_VERDICT_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_plain_question_is_read),
        cmocka_unit_test(test_parse_edns_is_read),
        cmocka_unit_test(test_parse_edns_size_is_at_least_512),
        cmocka_unit_test(test_parse_short_or_reply_is_ignored),
        cmocka_unit_test(test_parse_other_opcode_is_notimp_without_question),
        cmocka_unit_test(test_parse_question_count_must_be_one),
        cmocka_unit_test(test_parse_no_question_asks_for_a_cookie),
        cmocka_unit_test(test_parse_every_cut_is_formerr),
        cmocka_unit_test(test_parse_bad_names_are_formerr),
        cmocka_unit_test(test_parse_trailing_octets_are_formerr),
        cmocka_unit_test(test_parse_records_before_additional_are_formerr),
        cmocka_unit_test(test_parse_other_additional_records_are_skipped),
        cmocka_unit_test(test_parse_bad_opt_is_formerr),
        cmocka_unit_test(test_parse_edns_version_is_badvers),
        cmocka_unit_test(test_parse_class_and_type_are_judged),
        cmocka_unit_test(test_parse_ixfr_may_carry_its_soa),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
