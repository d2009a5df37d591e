/* Rate limiting of replies as the UDP workers do it. links: net dns base */
#include "net/udp_limit.h"

#include "dns/answer.h"
#include "dns/question.h"
#include "net/counters.h"
#include "net/rrl.h"
#include "query.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t REQUEST[] = "\x12\x34\1\0\0\1\0\0\0\0\0\1"
                                 "\003wWw\007example\003org\0\0\1\0\1"
                                 "\0\0\x29\x10\0\0\0\0\0\0\0";
static const uint8_t RECORD[] = "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1";
#define NAME_LEN 17
#define QUESTION_END (DNS_HEADER_LEN + NAME_LEN + 4)

struct fixture {
    struct rrl *rrl;
    struct net_cells cells;
    struct sockaddr_in client;
    struct rrl_key key;
    struct dns_writer reply;
    uint8_t octets[512];
};

static void setup(struct fixture *f, uint32_t rate_s, uint32_t address)
{
    struct rrl_options options;
    struct rrl_secret secret;
    memset(f, 0, sizeof *f);
    memset(&secret, 7, sizeof secret);
    rrl_options_default(&options);
    for (unsigned i = 0; i < RRL_CLASS_COUNT; i++)
        options.rates_s[i] = rate_s;
    assert_int_equal(rrl_new(&options, &secret, &f->rrl), 0);
    f->client = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    f->reply = (struct dns_writer){.octets = f->octets, .capacity = sizeof f->octets};
}

static void make_reply(struct fixture *f, enum dns_rcode rcode)
{
    struct dns_question question;
    assert_int_equal(dns_question_parse(REQUEST, sizeof REQUEST - 1, &question), DNS_VERDICT_OK);
    dns_answer_begin(&f->reply, &question, 512);
    struct dns_owner owner = dns_answer_question_owner(&question);
    const struct dns_rrset set = {.octets = RECORD, .octets_len = sizeof RECORD - 1, .count = 1};
    f->reply.rcode = (uint16_t)rcode;
    if (rcode == DNS_RCODE_NOERROR)
        assert_true(dns_answer_add(&f->reply, DNS_SECTION_ANSWER, &owner, &set));
    dns_answer_finish(&f->reply);
}

static bool prepare(struct fixture *f, const struct query_traits *traits)
{
    return udp_limit_prepare(f->rrl, (const struct sockaddr *)&f->client, traits, &f->reply,
                             &f->cells, &f->key);
}

static uint64_t count_of(const struct fixture *f, enum net_counter counter)
{
    return atomic_load(&f->cells.events[counter]);
}

static const struct query_traits ANSWER = {.kind = QUERY_KIND_ANSWER, .name_len = NAME_LEN};

static void test_udp_limit_settle_slip_leaves_question_and_opt(void **state)
{
    (void)state;
    struct fixture f;
    unsigned passed = 0, slipped = 0, dropped = 0;
    setup(&f, 5, 0xc0000201);
    for (unsigned i = 0; i < 105; i++) {
        make_reply(&f, DNS_RCODE_NOERROR);
        uint32_t whole_len = f.reply.len;
        assert_true(prepare(&f, &ANSWER));
        bool is_sent = udp_limit_settle(f.rrl, &f.key, 1, UDP_LIMIT_ACT, &f.reply, &f.cells);
        dropped += !is_sent;
        passed += is_sent && f.reply.len == whole_len;
        if (!is_sent || f.reply.len == whole_len)
            continue;
        slipped++;
        assert_int_equal(f.reply.len, QUESTION_END + DNS_OPT_LEN);
        assert_memory_equal(f.octets + DNS_HEADER_LEN, REQUEST + DNS_HEADER_LEN, NAME_LEN + 4);
        assert_memory_equal(f.octets, "\x12\x34\x83\0\0\1\0\0\0\0\0\1", DNS_HEADER_LEN);
        assert_memory_equal(f.octets + QUESTION_END, "\0\0\x29", 3);
    }
    assert_int_equal(passed, 5);
    assert_int_equal(slipped, 50);
    assert_int_equal(dropped, 50);
    assert_int_equal(count_of(&f, NET_RRL_SLIPPED), 50);
    assert_int_equal(count_of(&f, NET_RRL_DROPPED), 50);
    assert_int_equal(count_of(&f, NET_RRL_EXEMPT) + count_of(&f, NET_RRL_COOKIE), 0);
    rrl_free(f.rrl);
}

static void test_udp_limit_settle_errors_go_whole_or_not_at_all(void **state)
{
    (void)state;
    struct fixture f;
    unsigned sent = 0;
    const struct query_traits error = {.kind = QUERY_KIND_ERROR};
    setup(&f, 5, 0xc0000201);
    for (unsigned i = 0; i < 105; i++) {
        make_reply(&f, DNS_RCODE_REFUSED);
        assert_true(prepare(&f, &error));
        if (!udp_limit_settle(f.rrl, &f.key, 1, UDP_LIMIT_ACT, &f.reply, &f.cells))
            continue;
        sent++;
        assert_int_equal(f.octets[2] & 2, 0); /* TC */
        assert_int_equal(f.octets[3] & 0xf, DNS_RCODE_REFUSED);
    }
    assert_int_equal(sent, 55);
    rrl_free(f.rrl);
}

static void test_udp_limit_settle_log_only_sends_all_and_counts(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 5, 0xc0000201);
    for (unsigned i = 0; i < 105; i++) {
        make_reply(&f, DNS_RCODE_NOERROR);
        uint32_t whole_len = f.reply.len;
        assert_true(prepare(&f, &ANSWER));
        assert_true(udp_limit_settle(f.rrl, &f.key, 1, UDP_LIMIT_LOG_ONLY, &f.reply, &f.cells));
        assert_int_equal(f.reply.len, whole_len);
        assert_int_equal(f.octets[2] & 2, 0);
    }
    assert_int_equal(count_of(&f, NET_RRL_SLIPPED), 50);
    assert_int_equal(count_of(&f, NET_RRL_DROPPED), 50);
    rrl_free(f.rrl);
}

static void test_udp_limit_prepare_cookie_exempt_and_off_are_not_limited(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 5, 0xc0000201);
    make_reply(&f, DNS_RCODE_NOERROR);
    f.reply.has_valid_cookie = true;
    for (unsigned i = 0; i < 100; i++)
        assert_false(prepare(&f, &ANSWER));
    assert_int_equal(count_of(&f, NET_RRL_COOKIE), 100);
    f.reply.has_valid_cookie = false;
    /* They took nothing out of the bucket of those without a cookie. */
    for (unsigned i = 0; i < 5; i++) {
        assert_true(prepare(&f, &ANSWER));
        assert_int_equal(rrl_account(f.rrl, &f.key, 1), RRL_PASS);
    }
    assert_int_not_equal(rrl_account(f.rrl, &f.key, 1), RRL_PASS);
    f.client.sin_addr.s_addr = htonl(0x7f000001);
    assert_false(prepare(&f, &ANSWER));
    assert_int_equal(count_of(&f, NET_RRL_EXEMPT), 1);
    assert_false(udp_limit_prepare(NULL, (const struct sockaddr *)&f.client, &ANSWER, &f.reply,
                                   &f.cells, &f.key));
    rrl_free(f.rrl);
}

/* The key name is the suffix that the traits name, in any case, and each kind stands for itself. */
static void test_udp_limit_prepare_kinds_and_names_make_keys(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t hashes[QUERY_KIND_ERROR + 1];
    setup(&f, 5, 0xc0000201);
    make_reply(&f, DNS_RCODE_NXDOMAIN);
    for (unsigned kind = 0; kind <= QUERY_KIND_ERROR; kind++) {
        bool is_error = kind == QUERY_KIND_ERROR;
        const struct query_traits traits = {
            .kind = kind, .name_offset = is_error ? 0 : 4, .name_len = is_error ? 0 : NAME_LEN - 4};
        assert_true(prepare(&f, &traits));
        hashes[kind] = f.key.name_hash;
        for (unsigned other = 0; other < kind; other++)
            assert_true(hashes[other] != hashes[kind]);
    }
    struct rrl_key expected;
    static const uint8_t apex[] = "\007EXAMPLE\003ORG";
    rrl_key_make(f.rrl, (const struct sockaddr *)&f.client, RRL_NXDOMAIN, apex, sizeof apex,
                 &expected);
    assert_true(hashes[QUERY_KIND_NXDOMAIN] == expected.name_hash);
    rrl_free(f.rrl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp_limit_settle_slip_leaves_question_and_opt),
        cmocka_unit_test(test_udp_limit_settle_errors_go_whole_or_not_at_all),
        cmocka_unit_test(test_udp_limit_settle_log_only_sends_all_and_counts),
        cmocka_unit_test(test_udp_limit_prepare_cookie_exempt_and_off_are_not_limited),
        cmocka_unit_test(test_udp_limit_prepare_kinds_and_names_make_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
