/* links: control dns */
/* The parts of an explanation that stand by themselves: the question that is asked, and the bounds
 * of the tree of steps. That the steps are true is for tests/e2e/test_explain.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "control/explain_question.h"
#include "control/explain_tree.h"
#include "dns/question.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"

static uint8_t name[] = {3, 'w', 'w', 'w', 2, 'e', 'x', 0};

static Ctl__Explain explain_of(uint8_t *client, size_t client_len)
{
    Ctl__Explain explain = CTL__EXPLAIN__INIT;

    explain.name = (ProtobufCBinaryData){sizeof(name), name};
    explain.type = DNS_TYPE_AAAA;
    explain.client = (ProtobufCBinaryData){client_len, client};
    return explain;
}

static void test_build_client_goes_into_a_subnet(void **state)
{
    uint8_t client[] = {25, 192, 0, 2, 128};
    const Ctl__Explain explain = explain_of(client, sizeof(client));
    struct explain_question question;
    struct dns_question parsed;
    const char *problem;

    (void)state;
    assert_int_equal(explain_question_build(&explain, &question, &problem), 0);
    assert_int_equal(dns_question_parse(question.octets, question.len, &parsed), DNS_VERDICT_OK);
    assert_int_equal(parsed.type, DNS_TYPE_AAAA);
    assert_memory_equal(parsed.name, name, sizeof(name));
    assert_int_equal(parsed.options.has, DNS_HAS_ECS);
    assert_int_equal(parsed.options.ecs.family, DNS_ECS_IPV4);
    assert_int_equal(parsed.options.ecs.source_bits, 25);
    assert_memory_equal(parsed.options.ecs.address, client + 1, 4);
    assert_int_equal(question.sender.ipv4.sin_family, AF_INET);
    assert_int_equal(ntohl(question.sender.ipv4.sin_addr.s_addr), INADDR_LOOPBACK);
}

static void test_build_resolver_is_who_sends(void **state)
{
    uint8_t resolver[16] = {0x20, 1, 0xd, 0xb8, [15] = 9};
    Ctl__Explain explain = explain_of(NULL, 0);
    struct explain_question question;
    struct dns_question parsed;
    const char *problem;

    (void)state;
    explain.resolver = (ProtobufCBinaryData){sizeof(resolver), resolver};
    assert_int_equal(explain_question_build(&explain, &question, &problem), 0);
    assert_int_equal(dns_question_parse(question.octets, question.len, &parsed), DNS_VERDICT_OK);
    assert_int_equal(parsed.options.has, 0);
    assert_int_equal(question.sender.ipv6.sin6_family, AF_INET6);
    assert_memory_equal(&question.sender.ipv6.sin6_addr, resolver, sizeof(resolver));
}

static void test_build_longest_question_fits(void **state)
{
    uint8_t longest[255] = {0}, client[17] = {128, 0xff};
    Ctl__Explain explain = explain_of(client, sizeof(client));
    struct explain_question question;
    struct dns_question parsed;
    const char *problem;

    (void)state;
    for (unsigned at = 0; at < 254; at += longest[at] + 1u) {
        longest[at] = at < 192 ? 63 : 61;
        memset(longest + at + 1, 'a', longest[at]);
    }
    explain.name = (ProtobufCBinaryData){sizeof(longest), longest};
    assert_int_equal(explain_question_build(&explain, &question, &problem), 0);
    assert_int_equal(question.len, EXPLAIN_QUESTION_MAX);
    assert_int_equal(dns_question_parse(question.octets, question.len, &parsed), DNS_VERDICT_OK);
}

static void assert_refused(const Ctl__Explain *explain)
{
    struct explain_question question;
    const char *problem = NULL;

    assert_int_equal(explain_question_build(explain, &question, &problem), ERR_INVALID);
    assert_non_null(problem);
}

static void test_build_nonsense_is_refused(void **state)
{
    uint8_t past[] = {33, 1, 2, 3, 4}, behind[] = {8, 10, 0, 0, 1}, odd[] = {8, 10, 0};
    uint8_t cut[] = {3, 'w', 'w'};
    Ctl__Explain explain = explain_of(past, sizeof(past));

    (void)state;
    assert_refused(&explain);
    explain = explain_of(behind, sizeof(behind));
    assert_refused(&explain);
    explain = explain_of(odd, sizeof(odd));
    assert_refused(&explain);
    explain = explain_of(NULL, 0);
    explain.type = 0;
    assert_refused(&explain);
    explain.type = 65536;
    assert_refused(&explain);
    explain = explain_of(NULL, 0);
    explain.name = (ProtobufCBinaryData){sizeof(cut), cut};
    assert_refused(&explain);
    explain.name.len = 0;
    assert_refused(&explain);
    explain = explain_of(NULL, 0);
    explain.resolver = (ProtobufCBinaryData){sizeof(odd), odd};
    assert_refused(&explain);
}

static void test_tree_is_bounded_and_keeps_room_for_the_answer(void **state)
{
    struct explain_tree *tree = explain_tree_new();
    Ctl__ExplainReply reply = CTL__EXPLAIN_REPLY__INIT;

    (void)state;
    assert_non_null(tree);
    for (unsigned i = 0; i < EXPLAIN_STEPS_MAX + 7; i++) {
        struct Ctl__ExplainStep *step = explain_tree_add(tree, 1, "candidate");
        assert_int_equal(step != NULL, i < EXPLAIN_STEPS_MAX);
        explain_tree_text(tree, step, "%u", i);
        explain_tree_field(tree, step, "number", "%u", i);
    }
    explain_tree_text(tree, explain_tree_add_client(tree, 0, "client"), "late");
    explain_tree_begin_answer(tree);
    explain_tree_text(tree, explain_tree_add(tree, 0, "answer"), "it");
    assert_int_equal(explain_tree_fill(tree, &reply), 0);
    assert_int_equal(reply.n_steps, EXPLAIN_STEPS_MAX + 3);
    assert_string_equal(reply.steps[0]->text, "late");
    assert_string_equal(reply.steps[1]->fields[0]->value, "0");
    assert_string_equal(reply.steps[EXPLAIN_STEPS_MAX + 1]->text,
                        "7 more steps, which are left out here");
    assert_string_equal(reply.steps[EXPLAIN_STEPS_MAX + 2]->kind, "answer");
    explain_tree_free(tree);
}

static void test_text_too_long_is_cut(void **state)
{
    struct explain_text text = {.len = 0};

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        explain_text_add(&text, "%s", "0123456789");
    assert_int_equal(text.len, EXPLAIN_TEXT_SIZE - 1);
    assert_int_equal(strlen(text.octets), EXPLAIN_TEXT_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build_client_goes_into_a_subnet),
        cmocka_unit_test(test_build_resolver_is_who_sends),
        cmocka_unit_test(test_build_longest_question_fits),
        cmocka_unit_test(test_build_nonsense_is_refused),
        cmocka_unit_test(test_tree_is_bounded_and_keeps_room_for_the_answer),
        cmocka_unit_test(test_text_too_long_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
