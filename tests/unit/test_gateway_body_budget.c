/* links: gateway base */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/body_budget.h"

static union {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
} client;

static const struct sockaddr *at(const char *text)
{
    memset(&client, 0, sizeof(client));
    client.any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET;
    void *address = strchr(text, ':') ? (void *)&client.ip6.sin6_addr : &client.ip4.sin_addr;
    assert_int_equal(inet_pton(client.any.sa_family, text, address), 1);
    return &client.any;
}

static void test_take_over_the_share_of_one_leaves_the_others(void **state)
{
    struct body_budget budget = {.len_max = 100, .share_len_max = 30};

    (void)state;
    assert_true(body_budget_take(&budget, at("192.0.2.1"), 30));
    assert_false(body_budget_take(&budget, at("192.0.2.1"), 1));
    assert_true(body_budget_take(&budget, at("192.0.2.2"), 30));
    body_budget_give(&budget, at("192.0.2.1"), 10);
    assert_true(body_budget_take(&budget, at("192.0.2.1"), 10));
    assert_int_equal(budget.len, 60);
    body_budget_give(&budget, at("192.0.2.1"), 30);
    body_budget_give(&budget, at("192.0.2.2"), 30);
    assert_int_equal(budget.len, 0);
}

static void test_take_over_all_is_refused(void **state)
{
    struct body_budget budget = {.len_max = 50, .share_len_max = 30};

    (void)state;
    assert_true(body_budget_take(&budget, at("192.0.2.1"), 30));
    assert_false(body_budget_take(&budget, at("192.0.2.2"), 21));
    assert_true(body_budget_take(&budget, at("192.0.2.2"), 20));
    assert_false(body_budget_take(&budget, at("192.0.2.3"), SIZE_MAX));
    body_budget_give(&budget, at("192.0.2.1"), 30);
    body_budget_give(&budget, at("192.0.2.2"), 20);
}

static void test_take_of_one_ip6_network_is_one_share(void **state)
{
    struct body_budget budget = {.len_max = 100, .share_len_max = 30};

    (void)state;
    assert_true(body_budget_take(&budget, at("2001:db8::1"), 20));
    assert_false(body_budget_take(&budget, at("2001:db8::2"), 20));
    assert_true(body_budget_take(&budget, at("2001:db8:0:1::1"), 20));
    body_budget_give(&budget, at("2001:db8::9"), 20);
    body_budget_give(&budget, at("2001:db8:0:1::1"), 20);
}

static void test_take_of_mapped_ip4_addresses_is_a_share_each(void **state)
{
    struct body_budget budget = {.len_max = 100, .share_len_max = 30};

    (void)state;
    assert_true(body_budget_take(&budget, at("::ffff:192.0.2.1"), 30));
    assert_true(body_budget_take(&budget, at("::ffff:192.0.2.2"), 30));
    assert_false(body_budget_take(&budget, at("::ffff:192.0.2.1"), 1));
    assert_false(body_budget_take(&budget, at("192.0.2.1"), 1)); /* the same client */
    body_budget_give(&budget, at("::ffff:192.0.2.1"), 30);
    body_budget_give(&budget, at("::ffff:192.0.2.2"), 30);
    assert_int_equal(budget.len, 0);
}

static void test_many_addresses_are_kept_apart(void **state)
{
    struct body_budget budget = {.len_max = 100000, .share_len_max = 2};
    char text[32];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            snprintf(text, sizeof(text), "10.0.%u.%u", i / 250, i % 250);
            if (round == 0)
                assert_true(body_budget_take(&budget, at(text), 1 + i % 2));
            else
                body_budget_give(&budget, at(text), 1 + i % 2);
        }
    }
    assert_int_equal(budget.len, 0);
    for (unsigned i = 0; i < BODY_BUDGET_SLOTS; i++)
        assert_null(budget.slots[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take_over_the_share_of_one_leaves_the_others),
        cmocka_unit_test(test_take_over_all_is_refused),
        cmocka_unit_test(test_take_of_one_ip6_network_is_one_share),
        cmocka_unit_test(test_take_of_mapped_ip4_addresses_is_a_share_each),
        cmocka_unit_test(test_many_addresses_are_kept_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
