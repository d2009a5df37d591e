/* Server cookies: the examples of RFC 9018 appendix A, the window of time, secrets that roll over,
 * and agreement with libknot's. links: dns base */
#include "dns/cookie.h"

#include "base/hex.h"

#include <arpa/inet.h>
#include <libknot/cookies.h>
#include <libknot/libknot.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct dns_cookie_client client_of(const char *text)
{
    struct dns_cookie_client client = {.address_len = strchr(text, ':') != NULL ? 16 : 4};
    assert_int_equal(inet_pton(client.address_len == 4 ? AF_INET : AF_INET6, text, client.address),
                     1);
    return client;
}

static void octets_of(const char *text, uint8_t *out)
{
    assert_int_equal(hex_parse(text, out, strlen(text) / 2), 0);
}

/* Request and reply of one example: the reply's cookie is made at @now_s with @secret. */
struct example {
    const char *secret, *client, *request, *reply;
    uint32_t now_s;
};

static const struct example examples[] = {
    {"e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100", "2464c4abcf10c957",
     "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985},
    {"e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100",
     "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
     "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", 1559734385},
    {"e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203",
     "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
     "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", 1559734700},
    {"445536bcd2513298075a5d379663c962", "2001:db8:220:1:59de:d0f4:8769:82b8",
     "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
     "22681ab97d52c298010000005cf7c609a6bb79d16625507a", 1559741961},
};

static void test_make_gives_the_cookies_of_rfc_9018(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct dns_cookie_client client = client_of(examples[i].client);
        uint8_t secret[DNS_COOKIE_KEY_LEN], reply[24], cookie[DNS_COOKIE_SERVER_LEN];
        octets_of(examples[i].secret, secret);
        octets_of(examples[i].reply, reply);
        dns_cookie_make(secret, reply, &client, examples[i].now_s, cookie);
        assert_memory_equal(cookie, reply + DNS_COOKIE_CLIENT_LEN, sizeof cookie);
    }
}

static enum dns_cookie_verdict check(const struct dns_cookie_secrets *secrets, const char *cookie,
                                     const char *address, uint32_t now_s)
{
    const struct dns_cookie_client client = client_of(address);
    uint8_t octets[40];
    octets_of(cookie, octets);
    return dns_cookie_check(secrets, octets, (unsigned)strlen(cookie) / 2 - DNS_COOKIE_CLIENT_LEN,
                            &client, now_s);
}

static void test_check_takes_the_cookies_of_rfc_9018(void **state)
{
    (void)state;
    struct dns_cookie_secrets secrets = {.is_set = true};
    octets_of(examples[0].secret, secrets.current);
    assert_int_equal(check(&secrets, examples[1].request, "198.51.100.100", 1559734385),
                     DNS_COOKIE_RIGHT_BUT_OLD);
    /* Reserved octets are part of the hash. (The example's reply comes after nearly two hours, when
     * we take the cookie no more.) */
    assert_int_equal(check(&secrets, examples[2].request, "203.0.113.203", 1559727985 + 60),
                     DNS_COOKIE_RIGHT);
    assert_int_equal(check(&secrets, examples[2].request, "203.0.113.203", 1559734700),
                     DNS_COOKIE_WRONG);
    octets_of(examples[3].secret, secrets.current);
    assert_int_equal(check(&secrets, examples[3].request, examples[3].client, 1559741961),
                     DNS_COOKIE_WRONG);
    octets_of("dd3bdf9344b678b185a6f5cb60fca715", secrets.previous);
    assert_int_equal(check(&secrets, examples[3].request, examples[3].client, 1559741961),
                     DNS_COOKIE_RIGHT_BUT_OLD);
}

/* A cookie of the time 0xffffff00, so that the window passes the end of the 32 bits. */
static void test_check_window_is_an_hour_back_and_five_minutes_on(void **state)
{
    (void)state;
    static const struct {
        uint32_t now_s; /* after the cookie's time; wraps */
        enum dns_cookie_verdict verdict;
    } cases[] = {
        {0, DNS_COOKIE_RIGHT},
        {1800, DNS_COOKIE_RIGHT},
        {1801, DNS_COOKIE_RIGHT_BUT_OLD},
        {3600, DNS_COOKIE_RIGHT_BUT_OLD},
        {3601, DNS_COOKIE_WRONG},
        {0u - 300, DNS_COOKIE_RIGHT},
        {0u - 301, DNS_COOKIE_WRONG},
        {1u << 31, DNS_COOKIE_WRONG},
    };
    const struct dns_cookie_secrets secrets = {.current = "0123456789abcde", .is_set = true};
    const struct dns_cookie_client client = client_of("192.0.2.1");
    uint8_t cookie[24] = "client..";
    dns_cookie_make(secrets.current, cookie, &client, 0xffffff00u, cookie + 8);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            dns_cookie_check(&secrets, cookie, 16, &client, 0xffffff00u + cases[i].now_s),
            cases[i].verdict);
}

static void test_check_refuses_every_changed_bit_and_other_clients(void **state)
{
    (void)state;
    const struct dns_cookie_secrets secrets = {.current = "0123456789abcde", .is_set = true};
    const struct dns_cookie_client client = client_of("2001:db8::1");
    const struct dns_cookie_client other = client_of("2001:db8::2");
    uint8_t cookie[40] = "client..";
    dns_cookie_make(secrets.current, cookie, &client, 1000, cookie + 8);
    assert_int_equal(dns_cookie_check(&secrets, cookie, 16, &client, 1000), DNS_COOKIE_RIGHT);
    assert_int_equal(dns_cookie_check(&secrets, cookie, 16, &other, 1000), DNS_COOKIE_WRONG);
    for (unsigned len = 8; len <= 32; len++)
        if (len != 16)
            assert_int_equal(dns_cookie_check(&secrets, cookie, len, &client, 1000),
                             DNS_COOKIE_WRONG);
    for (unsigned bit = 0; bit < 24 * 8; bit++) {
        cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(dns_cookie_check(&secrets, cookie, 16, &client, 1000), DNS_COOKIE_WRONG);
        cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_secrets_roll_over_with_the_day(void **state)
{
    (void)state;
    static const uint8_t key[DNS_COOKIE_KEY_LEN] = "key of a cluster";
    const uint32_t noon = 20000 * DNS_COOKIE_SECRET_S + 43200;
    struct dns_cookie_secrets today = {0}, again = {0}, tomorrow = {0};
    dns_cookie_secrets_update(&today, key, noon);
    dns_cookie_secrets_update(&again, key, noon + 43199);
    assert_memory_equal(today.current, again.current, DNS_COOKIE_KEY_LEN);
    assert_memory_equal(today.previous, again.previous, DNS_COOKIE_KEY_LEN);
    assert_memory_not_equal(today.current, today.previous, DNS_COOKIE_KEY_LEN);
    assert_memory_not_equal(today.current, today.current + 8, 8);
    dns_cookie_secrets_update(&tomorrow, key, noon + 43200);
    assert_memory_equal(tomorrow.previous, today.current, DNS_COOKIE_KEY_LEN);
    dns_cookie_secrets_update(&again, key, noon + 43200); /* the same as from scratch */
    assert_memory_equal(tomorrow.current, again.current, DNS_COOKIE_KEY_LEN);
    /* While the day lasts nothing is computed: the key is not even looked at. */
    dns_cookie_secrets_update(&again, NULL, noon + 43201);

    /* A cookie of the last minute before the change is good for its hour. */
    const struct dns_cookie_client client = client_of("192.0.2.1");
    uint8_t cookie[24] = "client..";
    dns_cookie_make(today.current, cookie, &client, noon + 43199, cookie + 8);
    assert_int_equal(dns_cookie_check(&tomorrow, cookie, 16, &client, noon + 43200),
                     DNS_COOKIE_RIGHT_BUT_OLD);
}

static void test_make_and_check_agree_with_libknot(void **state)
{
    (void)state;
    struct sockaddr_storage address = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&address;
    in->sin_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, "198.51.100.7", &in->sin_addr), 1);
    const struct dns_cookie_client client = client_of("198.51.100.7");
    struct dns_cookie_secrets secrets = {.current = "abcdefghijklmno", .is_set = true};
    knot_edns_cookie_params_t params = {.version = 1,
                                        .timestamp = 1700000000,
                                        .lifetime_before = DNS_COOKIE_PAST_S,
                                        .lifetime_after = DNS_COOKIE_FUTURE_S,
                                        .client_addr = &address};
    memcpy(params.secret, secrets.current, sizeof params.secret);
    knot_edns_cookie_t client_part = {.len = 8, .data = "01234567"}, theirs = {0}, ours = {0};
    assert_int_equal(knot_edns_cookie_server_generate(&theirs, &client_part, &params), KNOT_EOK);
    ours.len = DNS_COOKIE_SERVER_LEN;
    dns_cookie_make(secrets.current, client_part.data, &client, 1700000000, ours.data);
    assert_int_equal(theirs.len, ours.len);
    assert_memory_equal(theirs.data, ours.data, ours.len);
    assert_int_equal(knot_edns_cookie_server_check(&ours, &client_part, &params), KNOT_EOK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_gives_the_cookies_of_rfc_9018),
        cmocka_unit_test(test_check_takes_the_cookies_of_rfc_9018),
        cmocka_unit_test(test_check_window_is_an_hour_back_and_five_minutes_on),
        cmocka_unit_test(test_check_refuses_every_changed_bit_and_other_clients),
        cmocka_unit_test(test_secrets_roll_over_with_the_day),
        cmocka_unit_test(test_make_and_check_agree_with_libknot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
