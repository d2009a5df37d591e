/* Resolvers' replies: addresses by way of CNAMEs, TTLs, what counts as "there is nothing", and
 * broken octets. links: resolve dns base */
#include "resolve/reply.h"

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define QUESTION_AT 0xc00c

struct reply {
    uint8_t octets[4096];
    size_t len;
};

static const uint8_t asked[] = "\3www\7example";

static void put16(struct reply *reply, unsigned value)
{
    dns_wire_put16(reply->octets + reply->len, (uint16_t)value);
    reply->len += 2;
}

static void put(struct reply *reply, const void *octets, size_t len)
{
    memcpy(reply->octets + reply->len, octets, len);
    reply->len += len;
}

static void begin(struct reply *reply, unsigned flags, uint16_t type)
{
    reply->len = 0;
    put16(reply, 0x1234);
    put16(reply, DNS_FLAG_QR | flags);
    put16(reply, 1);
    for (unsigned i = 0; i < 3; i++)
        put16(reply, 0);
    put(reply, asked, sizeof asked);
    put16(reply, type);
    put16(reply, DNS_CLASS_IN);
}

/* @section: 6 answer, 8 authority. @owner NULL: the question's. */
static void add(struct reply *reply, unsigned section, const char *owner, uint16_t type,
                uint32_t ttl_s)
{
    uint8_t name[DNS_NAME_MAX];

    dns_wire_put16(reply->octets + section,
                   (uint16_t)(dns_wire_get16(reply->octets + section) + 1));
    if (owner)
        put(reply, name, (size_t)dns_name_parse(owner, NULL, name));
    else
        put16(reply, QUESTION_AT);
    put16(reply, type);
    put16(reply, DNS_CLASS_IN);
    put16(reply, ttl_s >> 16);
    put16(reply, ttl_s & 0xffff);
}

static void add_a(struct reply *reply, const char *owner, uint32_t ttl_s, uint8_t last)
{
    add(reply, 6, owner, DNS_TYPE_A, ttl_s);
    put16(reply, 4);
    put(reply, (uint8_t[]){192, 0, 2, last}, 4);
}

static void add_cname(struct reply *reply, const char *owner, uint32_t ttl_s, const char *target)
{
    uint8_t name[DNS_NAME_MAX];
    const int len = dns_name_parse(target, NULL, name);

    add(reply, 6, owner, DNS_TYPE_CNAME, ttl_s);
    put16(reply, (unsigned)len);
    put(reply, name, (size_t)len);
}

static void add_soa(struct reply *reply, const char *owner, uint32_t ttl_s, uint32_t minimum_s)
{
    add(reply, 8, owner, DNS_TYPE_SOA, ttl_s);
    put16(reply, 22);
    put(reply, (uint8_t[18]){0}, 18);
    put16(reply, minimum_s >> 16);
    put16(reply, minimum_s & 0xffff);
}

static int read_it(const struct reply *reply, uint16_t type, struct resolve_addresses *out,
                   const char **problem)
{
    *problem = "";
    return resolve_reply_read(reply->octets, reply->len, asked, type, out, problem);
}

static void test_read_addresses_are_sorted_and_single(void **state)
{
    struct resolve_addresses found;
    const char *problem;
    struct reply reply;

    (void)state;
    begin(&reply, 0, DNS_TYPE_A);
    add_a(&reply, NULL, 60, 9);
    add_a(&reply, NULL, 60, 1);
    add_a(&reply, NULL, 50, 9);
    add_a(&reply, "other.example.", 1, 200);
    assert_int_equal(read_it(&reply, DNS_TYPE_A, &found, &problem), 0);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.octets[0][3], 1);
    assert_int_equal(found.octets[1][3], 9);
    assert_int_equal(found.ttl_s, 50);
}

static void test_read_aaaa_takes_sixteen_octets_only(void **state)
{
    struct resolve_addresses found;
    const char *problem;
    struct reply reply;

    (void)state;
    begin(&reply, DNS_FLAG_AA, DNS_TYPE_AAAA);
    add(&reply, 6, NULL, DNS_TYPE_AAAA, 30);
    put16(&reply, 16);
    put(&reply, (uint8_t[16]){0x20, 1, 0xd, 0xb8}, 16);
    add(&reply, 6, NULL, DNS_TYPE_AAAA, 30);
    put16(&reply, 4);
    put(&reply, (uint8_t[4]){0}, 4);
    assert_int_equal(read_it(&reply, DNS_TYPE_AAAA, &found, &problem), 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.octets[0][0], 0x20);
}

static void test_read_cnames_in_any_order_give_the_least_ttl(void **state)
{
    struct resolve_addresses found;
    const char *problem;
    struct reply reply;

    (void)state;
    begin(&reply, 0, DNS_TYPE_A);
    add_a(&reply, "c.net.", 300, 7);
    add_cname(&reply, "B.net.", 20, "C.net.");
    add_cname(&reply, NULL, 100, "b.NET.");
    assert_int_equal(read_it(&reply, DNS_TYPE_A, &found, &problem), 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.ttl_s, 20);
}

static void test_read_cname_loop_is_refused(void **state)
{
    struct resolve_addresses found;
    const char *problem;
    struct reply reply;

    (void)state;
    begin(&reply, 0, DNS_TYPE_A);
    add_cname(&reply, NULL, 100, "b.net.");
    add_cname(&reply, "b.net.", 100, "www.example.");
    assert_int_equal(read_it(&reply, DNS_TYPE_A, &found, &problem), ERR_INVALID);
    assert_non_null(strstr(problem, "16 CNAMEs"));
}

struct negative {
    const char *what;
    unsigned flags;
    const char *soa; /* owner; NULL: none */
    bool is_taken;
    uint32_t ttl_s;
};
static const struct negative negatives[] = {
    {"NODATA with SOA", 0, "example.", true, 40},
    {"NXDOMAIN with SOA", DNS_RCODE_NXDOMAIN, "example.", true, 40},
    {"NXDOMAIN, authoritative", DNS_RCODE_NXDOMAIN | DNS_FLAG_AA, NULL, true, 0},
    {"NODATA, authoritative", DNS_FLAG_AA, NULL, true, 0},
    {"NODATA, nobody says so", 0, NULL, false, 0},
    {"NXDOMAIN, nobody says so", DNS_RCODE_NXDOMAIN, NULL, false, 0},
    {"SOA of another zone", 0, "other.", false, 0},
    {"SERVFAIL", DNS_RCODE_SERVFAIL, "example.", false, 0},
    {"REFUSED", DNS_RCODE_REFUSED | DNS_FLAG_AA, NULL, false, 0},
    {"truncated", DNS_FLAG_TC, "example.", false, 0},
};

static void test_read_nothing_counts_only_from_who_knows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof negatives / sizeof *negatives; i++) {
        const struct negative *negative = &negatives[i];
        struct resolve_addresses found = {.count = 99};
        const char *problem;
        struct reply reply;

        begin(&reply, negative->flags, DNS_TYPE_A);
        if (negative->soa)
            add_soa(&reply, negative->soa, 3600, 40);
        const int rc = read_it(&reply, DNS_TYPE_A, &found, &problem);
        if ((rc == 0) != negative->is_taken)
            fail_msg("%s: %d %s", negative->what, rc, problem);
        assert_int_equal(found.count, rc == 0 ? 0 : 99);
        if (rc == 0)
            assert_int_equal(found.ttl_s, negative->ttl_s);
    }
}

static void test_read_more_than_the_bound_keeps_the_first(void **state)
{
    struct resolve_addresses found;
    const char *problem;
    struct reply reply;

    (void)state;
    begin(&reply, 0, DNS_TYPE_A);
    for (unsigned i = 0; i < 100; i++)
        add_a(&reply, NULL, 60, (uint8_t)(200 - i));
    assert_int_equal(read_it(&reply, DNS_TYPE_A, &found, &problem), 0);
    assert_int_equal(found.count, RESOLVE_ADDRESSES_MAX);
    assert_int_equal(found.octets[0][3], 200 - RESOLVE_ADDRESSES_MAX + 1);
    assert_int_equal(found.octets[RESOLVE_ADDRESSES_MAX - 1][3], 200);
}

static void test_read_cut_off_anywhere_is_refused(void **state)
{
    struct resolve_addresses found;
    const char *problem;
    struct reply reply;

    (void)state;
    begin(&reply, 0, DNS_TYPE_A);
    add_cname(&reply, NULL, 100, "b.net.");
    add_a(&reply, "b.net.", 300, 7);
    const size_t whole = reply.len;
    assert_int_equal(read_it(&reply, DNS_TYPE_A, &found, &problem), 0);
    for (reply.len = 0; reply.len < whole; reply.len++)
        assert_int_equal(read_it(&reply, DNS_TYPE_A, &found, &problem), ERR_INVALID);
}

static void test_read_another_question_or_a_query_is_refused(void **state)
{
    struct resolve_addresses found;
    const char *problem;
    struct reply reply;

    (void)state;
    begin(&reply, 0, DNS_TYPE_A);
    add_a(&reply, NULL, 60, 1);
    assert_int_equal(read_it(&reply, DNS_TYPE_AAAA, &found, &problem), ERR_INVALID);
    reply.octets[DNS_HEADER_LEN + 1] ^= 1;
    assert_int_equal(read_it(&reply, DNS_TYPE_A, &found, &problem), ERR_INVALID);
    reply.octets[DNS_HEADER_LEN + 1] ^= 1;
    reply.octets[2] &= 0x7f;
    assert_int_equal(read_it(&reply, DNS_TYPE_A, &found, &problem), ERR_INVALID);
}

static void test_read_pointer_loop_is_refused(void **state)
{
    struct resolve_addresses found;
    const char *problem;
    struct reply reply;

    (void)state;
    begin(&reply, 0, DNS_TYPE_A);
    const unsigned at = (unsigned)reply.len;
    add_a(&reply, NULL, 60, 1);
    dns_wire_put16(reply.octets + at, (uint16_t)(0xc000 | at));
    assert_int_equal(read_it(&reply, DNS_TYPE_A, &found, &problem), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_addresses_are_sorted_and_single),
        cmocka_unit_test(test_read_aaaa_takes_sixteen_octets_only),
        cmocka_unit_test(test_read_cnames_in_any_order_give_the_least_ttl),
        cmocka_unit_test(test_read_cname_loop_is_refused),
        cmocka_unit_test(test_read_nothing_counts_only_from_who_knows),
        cmocka_unit_test(test_read_more_than_the_bound_keeps_the_first),
        cmocka_unit_test(test_read_cut_off_anywhere_is_refused),
        cmocka_unit_test(test_read_another_question_or_a_query_is_refused),
        cmocka_unit_test(test_read_pointer_loop_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
