/* links: config base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "config.h"

static char path[] = "/tmp/quartet-config-XXXXXX";

static int load(const char *text, struct config **out, char error[CONFIG_ERROR_LEN])
{
    assert_int_equal(file_write(path, text, strlen(text), 0600), 0);
    return config_load(path, out, error);
}

static void test_config_load_one_key_fills_in_the_rest(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];

    assert_int_equal(load("name: ns1\npeer_address: 192.0.2.1\n", &config, error), 0);
    assert_string_equal(config->name, "ns1");
    assert_string_equal(config->data_dir, "/var/lib/quartet");
    assert_int_equal(config->dns_listen_count, 2);
    assert_string_equal(config->dns_listen[1], "[::]:53");
    assert_string_equal(config->peer_listen, "0.0.0.0:5301");
    assert_string_equal(config->admin_listen, "0.0.0.0:5302");
    assert_string_equal(config->snapshot_listen, "0.0.0.0:5303");
    assert_string_equal(config->peer_address, "192.0.2.1:5301");
    assert_string_equal(config->admin_address, "192.0.2.1:5302");
    assert_string_equal(config->snapshot_address, "192.0.2.1:5303");
    assert_string_equal(config->dns_identity, "");
    assert_string_equal(config->dns_version, "");
    config_free(config);
}

static void test_config_load_addresses_get_their_ports(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];
    const char *text = "name: a\n"
                       "peer_listen: '[2001:db8::1]:7000'\n"
                       "admin_listen: 192.0.2.9:7100\n"
                       "dns_listen: [192.0.2.1, '2001:db8::1', '[2001:db8::2]:5353']\n";

    assert_int_equal(load(text, &config, error), 0);
    assert_string_equal(config->peer_address, "[2001:db8::1]:7000");
    assert_string_equal(config->snapshot_address, "[2001:db8::1]:7002");
    assert_string_equal(config->admin_listen, "192.0.2.9:7100");
    assert_string_equal(config->admin_address, "[2001:db8::1]:7001");
    assert_string_equal(config->dns_listen[0], "192.0.2.1:53");
    assert_string_equal(config->dns_listen[1], "[2001:db8::1]:53");
    assert_string_equal(config->dns_listen[2], "[2001:db8::2]:5353");
    config_free(config);
}

static void test_config_load_mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"", "name"},
        {"name: ns1\n", "peer_address"},
        {"nam: ns1\n", "nam"},
        {"name: [a\n", "line"},
        {"name: Upper\npeer_listen: 192.0.2.1\n", "Upper"},
        {"name: -a\npeer_listen: 192.0.2.1\n", "-a"},
        {"name: a.b\npeer_listen: 192.0.2.1\n", "a.b"},
        {"name: a\npeer_listen: 192.0.2.1:0\n", "peer_listen"},
        {"name: a\npeer_listen: 192.0.2.1:65536\n", "peer_listen"},
        {"name: a\npeer_listen: 192.0.2.1:12x\n", "peer_listen"},
        {"name: a\npeer_listen: 192.0.2.1:65534\n", "65534"},
        {"name: a\npeer_listen: '[2001:db8::1'\n", "peer_listen"},
        {"name: a\npeer_listen: 192.0.2.1\nlog_level: loud\n", "loud"},
        {"name: a\npeer_listen: 192.0.2.1\ndns_threads: 65\n", "65"},
        {"name: a\npeer_listen: 192.0.2.1\ndns_threads: many\n", "dns_threads"},
        {"name: a\npeer_listen: 192.0.2.1\npublic_addresses: [ns1.example]\n", "ns1.example"},
        {"name: a\npeer_listen: 192.0.2.1\npublic_addresses: "
         "[::1,::1,::1,::1,::1,::1,::1,::1,::1]\n",
         "public_addresses"},
        {"name: a\npeer_listen: 192.0.2.1\ndns_listen: ['ns1.example:53']\n", "ns1.example"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = NULL;
        char error[CONFIG_ERROR_LEN];
        int rc = load(cases[i].text, &config, error);
        assert_int_equal(rc, ERR_INVALID);
        assert_null(config);
        if (!strstr(error, cases[i].word))
            fail_msg("'%s' does not speak of '%s'", error, cases[i].word);
    }
}

static void test_config_load_dns_texts_have_128_octets(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN], text[256], value[CONFIG_DNS_TEXT_MAX + 2];
    static const char *const keys[] = {"dns_identity", "dns_version"};

    memset(value, 'x', sizeof(value));
    value[CONFIG_DNS_TEXT_MAX + 1] = '\0';
    for (unsigned i = 0; i < 2; i++) {
        snprintf(text, sizeof(text), "name: a\npeer_address: 192.0.2.1\n%s: %s\n", keys[i], value);
        assert_int_equal(load(text, &config, error), ERR_INVALID);
        assert_non_null(strstr(error, keys[i]));
        text[strlen(text) - 2] = '\n';
        text[strlen(text) - 1] = '\0';
        assert_int_equal(load(text, &config, error), 0);
        assert_string_equal(i == 0 ? config->dns_identity : config->dns_version, value + 1);
        config_free(config);
        config = NULL;
    }
}

static void test_config_load_absent_file_is_not_found(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];

    assert_int_equal(config_load("/nonexistent/quartet.yaml", &config, error), ERR_NOT_FOUND);
    assert_non_null(strstr(error, "/nonexistent/quartet.yaml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_load_one_key_fills_in_the_rest),
        cmocka_unit_test(test_config_load_addresses_get_their_ports),
        cmocka_unit_test(test_config_load_mistakes_are_named),
        cmocka_unit_test(test_config_load_dns_texts_have_128_octets),
        cmocka_unit_test(test_config_load_absent_file_is_not_found),
    };
    int fd = mkstemp(path);

    if (fd < 0)
        return 1;
    close(fd);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failures;
}
