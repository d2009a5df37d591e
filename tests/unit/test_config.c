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
    assert_string_equal(config->geo_database, "");
    config_free(config);
}

static void test_config_load_geo_database_is_a_whole_path(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];
    const char *text = "name: a\npeer_listen: 192.0.2.1\ngeo_database: /srv/geo.mmdb\n";

    assert_int_equal(load(text, &config, error), 0);
    assert_string_equal(config->geo_database, "/srv/geo.mmdb");
    config_free(config);
    text = "name: a\npeer_listen: 192.0.2.1\ngeo_database: geo.mmdb\n";
    assert_int_equal(load(text, &config, error), ERR_INVALID);
    assert_non_null(strstr(error, "geo_database: 'geo.mmdb' is no whole path"));
}

static void test_config_load_gateway_group_needs_a_socket_elsewhere(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];
    const char *text = "name: a\npeer_listen: 192.0.2.1\ndata_dir: /srv/q\n";

    assert_int_equal(load(text, &config, error), 0);
    assert_string_equal(config->gateway_socket, "/srv/q/gateway.sock");
    assert_string_equal(config->gateway_group, "");
    config_free(config);
    text = "name: a\npeer_listen: 192.0.2.1\ngateway_group: web\n";
    assert_int_equal(load(text, &config, error), ERR_INVALID);
    assert_non_null(strstr(error, "gateway_group needs gateway_socket"));
    text = "name: a\npeer_listen: 192.0.2.1\ngateway_socket: run/g.sock\n";
    assert_int_equal(load(text, &config, error), ERR_INVALID);
    assert_non_null(strstr(error, "gateway_socket: 'run/g.sock' is no whole path"));
    text = "name: a\npeer_listen: 192.0.2.1\ngateway_socket: /run/g.sock\ngateway_group: web\n";
    assert_int_equal(load(text, &config, error), 0);
    assert_string_equal(config->gateway_socket, "/run/g.sock");
    assert_string_equal(config->gateway_group, "web");
    config_free(config);
}

static void test_config_load_health_is_on_unless_off(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];

    assert_int_equal(load("name: a\npeer_address: 192.0.2.1\n", &config, error), 0);
    assert_null(config->health_checks);
    assert_int_equal(config->health_connections, 0);
    config_free(config);
    assert_int_equal(
        load("name: a\npeer_address: 192.0.2.1\nhealth_checks: off\nhealth_connections: 64\n",
             &config, error),
        0);
    assert_non_null(config->health_checks);
    assert_false(*config->health_checks);
    assert_int_equal(config->health_connections, 64);
    config_free(config);
    assert_int_equal(load("name: a\nhealth_checks: maybe\n", &config, error), ERR_INVALID);
    assert_int_equal(load("name: a\nhealth_connections: 16385\n", &config, error), ERR_INVALID);
    assert_non_null(strstr(error, "health_connections"));
}

static void test_config_load_resolvers_are_addresses(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];
    const char *text = "name: a\npeer_listen: 192.0.2.1\nalias_ttl_cap: 60\n"
                       "resolvers: [192.0.2.53, '[2001:db8::1]:5353', '2001:db8::2']\n";

    assert_int_equal(load(text, &config, error), 0);
    assert_int_equal(config->resolvers_count, 3);
    assert_string_equal(config->resolvers[0], "192.0.2.53:53");
    assert_string_equal(config->resolvers[1], "[2001:db8::1]:5353");
    assert_string_equal(config->resolvers[2], "[2001:db8::2]:53");
    assert_int_equal(config->alias_ttl_floor, CONFIG_ALIAS_TTL_FLOOR);
    assert_int_equal(config->alias_ttl_cap, 60);
    config_free(config);
    text = "name: a\npeer_listen: 192.0.2.1\nresolvers: [dns.example]\n";
    assert_int_equal(load(text, &config, error), ERR_INVALID);
    assert_non_null(strstr(error, "resolvers: 'dns.example' is not ADDRESS"));
    text = "name: a\npeer_listen: 192.0.2.1\nalias_ttl_floor: 301\n";
    assert_int_equal(load(text, &config, error), ERR_INVALID);
    assert_non_null(strstr(error, "alias_ttl_floor: 301 is over alias_ttl_cap, 300"));
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

#define RRL "name: a\npeer_listen: 192.0.2.1\nrrl: {"

static void test_config_load_rrl_says_what_the_file_says(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];

    assert_int_equal(load("name: a\npeer_listen: 192.0.2.1\n", &config, error), 0);
    assert_null(config->rrl.enabled);
    assert_null(config->rrl.rate);
    assert_null(config->rrl.exempt);
    config_free(config);
    const char *text = "name: a\n"
                       "peer_listen: 192.0.2.1\n"
                       "rrl:\n"
                       "  enabled: off\n"
                       "  log_only: on\n"
                       "  rate: 0\n"
                       "  prefix_rate: 100000\n"
                       "  burst_ms: 60000\n"
                       "  slip: 10\n"
                       "  ipv4_prefix: 32\n"
                       "  ipv6_prefix: 1\n"
                       "  exempt: [192.0.2.0/24, '2001:db8::/32', '::1']\n";
    assert_int_equal(load(text, &config, error), 0);
    assert_false(*config->rrl.enabled);
    assert_true(*config->rrl.log_only);
    assert_int_equal(*config->rrl.rate, 0);
    assert_int_equal(*config->rrl.prefix_rate, 100000);
    assert_int_equal(*config->rrl.burst_ms, 60000);
    assert_int_equal(*config->rrl.slip, 10);
    assert_int_equal(*config->rrl.ipv4_prefix, 32);
    assert_int_equal(*config->rrl.ipv6_prefix, 1);
    assert_int_equal(config->rrl.exempt_count, 3);
    assert_string_equal(config->rrl.exempt[1], "2001:db8::/32");
    config_free(config);
}

static void test_config_load_tcp_limits_are_read(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];
    const char *text = "name: a\npeer_listen: 192.0.2.1\ntcp_connections_max: 500\n"
                       "tcp_connections_per_prefix: 7\ntcp_idle_ms: 3000\n";

    assert_int_equal(load(text, &config, error), 0);
    assert_int_equal(config->tcp_connections_max, 500);
    assert_int_equal(config->tcp_connections_per_prefix, 7);
    assert_int_equal(config->tcp_idle_ms, 3000);
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
        {"name: a\npeer_listen: 192.0.2.1\ntcp_connections_max: 1048577\n", "1048577"},
        {"name: a\npeer_listen: 192.0.2.1\ntcp_connections_per_prefix: -1\n",
         "tcp_connections_per_prefix"},
        {"name: a\npeer_listen: 192.0.2.1\ntcp_idle_ms: 99\n", "tcp_idle_ms: 99"},
        {"name: a\npeer_listen: 192.0.2.1\ntcp_idle_ms: 3600001\n", "3600001"},
        {"name: a\npeer_listen: 192.0.2.1\npublic_addresses: [ns1.example]\n", "ns1.example"},
        {"name: a\npeer_listen: 192.0.2.1\npublic_addresses: "
         "[::1,::1,::1,::1,::1,::1,::1,::1,::1]\n",
         "public_addresses"},
        {"name: a\npeer_listen: 192.0.2.1\ndns_listen: ['ns1.example:53']\n", "ns1.example"},
        {"name: a\npeer_listen: 192.0.2.1\ndns_listen: ['192.0.2.1:53', '[::1]:54']\n"
         "dns_xdp: [eth0]\n",
         "dns_xdp"},
        {RRL "rate: 100001}\n", "rate: 100001"},
        {RRL "rate: -1}\n", "rate"},
        {RRL "prefix_rate: 200000}\n", "prefix_rate"},
        {RRL "burst_ms: 60001}\n", "burst_ms"},
        {RRL "slip: 11}\n", "slip: 11"},
        {RRL "ipv4_prefix: 0}\n", "ipv4_prefix"},
        {RRL "ipv4_prefix: 33}\n", "ipv4_prefix"},
        {RRL "ipv6_prefix: 65}\n", "ipv6_prefix"},
        {RRL "enabled: perhaps}\n", "enabled"},
        {RRL "window: 15}\n", "window"},
        {RRL "exempt: [192.0.2.0/24, 192.0.2.1/24]}\n", "192.0.2.1/24"},
        {RRL "exempt: [ns1.example]}\n", "ns1.example"},
        {RRL "exempt: []}\n", "exempt"},

    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = NULL;
        char error[CONFIG_ERROR_LEN];
        int rc = load(cases[i].text, &config, error);
        if (rc != ERR_INVALID)
            fail_msg("'%s' gave %d", cases[i].text, rc);
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

static void test_config_load_dnstap_has_a_socket(void **state)
{
    (void)state;
    static const struct {
        const char *dnstap, *error; /* NULL: it is right */
    } cases[] = {
        {"  socket: /run/dnstap.sock\n", NULL},
        {"  socket: /run/dnstap.sock\n  messages: both\n  sample: 1\n", NULL},
        {"  socket: /run/dnstap.sock\n  messages: responses\n  sample: 1000000\n", NULL},
        {"  socket: run/dnstap.sock\n", "dnstap: socket: 'run/dnstap.sock' is no whole path"},
        {"  sample: 2\n", "socket"},
        {"  socket: /run/dnstap.sock\n  messages: some\n", "some"},
        {"  socket: /run/dnstap.sock\n  sample: 0\n", "dnstap: sample: 0 is not from 1 to"},
        {"  socket: /run/dnstap.sock\n  sample: 1000001\n", "is not from 1 to 1000000"},
    };
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN], text[512];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "name: a\npeer_listen: 192.0.2.1\ndnstap:\n%s",
                 cases[i].dnstap);
        error[0] = '\0';
        int rc = load(text, &config, error);
        assert_int_equal(rc, cases[i].error ? ERR_INVALID : 0);
        if (cases[i].error) {
            assert_non_null(strstr(error, cases[i].error));
            continue;
        }
        assert_string_equal(config->dnstap.socket, "/run/dnstap.sock");
        assert_int_equal(config->dnstap.messages,
                         i == 2 ? CONFIG_DNSTAP_RESPONSES : CONFIG_DNSTAP_BOTH);
        config_free(config);
    }
    assert_int_equal(load("name: a\npeer_listen: 192.0.2.1\n", &config, error), 0);
    assert_string_equal(config->dnstap.socket, "");
    config_free(config);
}

static void test_config_load_absent_file_is_not_found(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];

    assert_int_equal(config_load("/nonexistent/quartet.yaml", &config, error), ERR_NOT_FOUND);
    assert_non_null(strstr(error, "/nonexistent/quartet.yaml"));
}

static void test_config_load_gateway_says_what_it_may(void **state)
{
    (void)state;
    struct config *config = NULL;
    char error[CONFIG_ERROR_LEN];
    const char *text = "name: a\npeer_listen: 192.0.2.1\ngateway:\n  listen: 127.0.0.1:80\n"
                       "  listen_tls: \"[2001:db8::1]:443\"\n  certificate: /a\n  key: /b\n"
                       "  log_level: warn\n  quiet: off\n  body_max: 1024\n  connections: 7\n"
                       "  connections_per_address: 2\n  idle_ms: 100\n  request_ms: 200\n"
                       "  memory_max: 64\n  aws3_on_loopback: yes\n  listen_metrics: none\n";

    assert_int_equal(load(text, &config, error), 0);
    assert_string_equal(config->gateway.listen, "127.0.0.1:80");
    assert_string_equal(config->gateway.listen_tls, "[2001:db8::1]:443");
    assert_string_equal(config->gateway.listen_metrics, "none");
    assert_string_equal(config->gateway.certificate, "/a");
    assert_string_equal(config->gateway.key, "/b");
    assert_string_equal(config->gateway.log_level, "warn");
    assert_false(config->gateway.quiet);
    assert_true(config->gateway.aws3_on_loopback);
    assert_int_equal(config->gateway.body_max, 1024);
    assert_int_equal(config->gateway.connections, 7);
    assert_int_equal(config->gateway.connections_per_address, 2);
    assert_int_equal(config->gateway.idle_ms, 100);
    assert_int_equal(config->gateway.request_ms, 200);
    assert_int_equal(config->gateway.memory_max, 64);
    config_free(config);
}

static void test_config_load_gateway_refuses_what_it_may_not(void **state)
{
    (void)state;
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"listen: 127.0.0.1", "gateway: listen: '127.0.0.1' is not ADDRESS:PORT"},
        {"listen: localhost:80", "gateway: listen: 'localhost:80' is not ADDRESS:PORT"},
        {"listen_metrics: 5381", "gateway: listen_metrics: '5381' is not ADDRESS:PORT"},
        {"listen_tls: 127.0.0.1:443", "gateway: listen_tls needs certificate and key"},
        {"certificate: /a", "gateway: certificate and key go with listen_tls"},
        {"certificate: a", "gateway: certificate: 'a' is no whole path"},
        {"key: b", "gateway: key: 'b' is no whole path"},
        {"log_level: loud", "gateway: log_level: 'loud' is none of"},
        {"quiet: maybe", "maybe"},
        {"body_max: 3145729", "gateway: body_max: 3145729 is not from 1024 to 3145728"},
        {"connections: 65537", "gateway: connections: 65537 is not from 1 to 65536"},
        {"idle_ms: 99", "gateway: idle_ms: 99 is not from 100 to 3600000"},
        {"memory_max: 63", "gateway: memory_max: 63 is not from 64 to 1048576"},
        {"speed: 1", "speed"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = NULL;
        char error[CONFIG_ERROR_LEN], text[256];
        snprintf(text, sizeof(text), "name: a\npeer_listen: 192.0.2.1\ngateway:\n  %s\n",
                 cases[i].line);
        assert_int_equal(load(text, &config, error), ERR_INVALID);
        if (strstr(error, cases[i].error) == NULL)
            fail_msg("%s: %s", cases[i].line, error);
    }
}

static void test_config_load_backup_has_a_folder_and_a_time(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        uint64_t every_ms; /* 0: refused, with … */
        const char *error;
    } cases[] = {
        {"  folder: /a\n", 6 * UINT64_C(3600000), NULL},
        {"  folder: /a\n  every: 90s\n  keep: 1\n  key_file: /k\n", 90000, NULL},
        {"  folder: /a\n  every: 7d\n", 7 * UINT64_C(86400000), NULL},
        {"  every: 6h\n", 0, "folder"},
        {"  folder: a\n", 0, "'a' is no whole path"},
        {"  folder: /a\n  key_file: k\n", 0, "'k' is no whole path"},
        {"  folder: /a\n  every: 6\n", 0, "'6' is no time"},
        {"  folder: /a\n  every: 0s\n", 0, "'0s' is no time"},
        {"  folder: /a\n  every: 367d\n", 0, "'367d' is no time"},
        {"  folder: /a\n  keep: 0\n", 0, "keep: 0 is not from 1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = NULL;
        char error[CONFIG_ERROR_LEN], text[256];
        snprintf(text, sizeof(text), "name: a\npeer_listen: 192.0.2.1\nbackup:\n%s",
                 cases[i].lines);
        int rc = load(text, &config, error);
        if (rc != (cases[i].every_ms ? 0 : ERR_INVALID) ||
            (rc != 0 && !strstr(error, cases[i].error)))
            fail_msg("%s: %s", cases[i].lines, error);
        if (rc == 0)
            assert_int_equal(config->backup.every_ms, cases[i].every_ms);
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_load_one_key_fills_in_the_rest),
        cmocka_unit_test(test_config_load_geo_database_is_a_whole_path),
        cmocka_unit_test(test_config_load_resolvers_are_addresses),
        cmocka_unit_test(test_config_load_gateway_group_needs_a_socket_elsewhere),
        cmocka_unit_test(test_config_load_health_is_on_unless_off),
        cmocka_unit_test(test_config_load_addresses_get_their_ports),
        cmocka_unit_test(test_config_load_rrl_says_what_the_file_says),
        cmocka_unit_test(test_config_load_tcp_limits_are_read),
        cmocka_unit_test(test_config_load_mistakes_are_named),
        cmocka_unit_test(test_config_load_dns_texts_have_128_octets),
        cmocka_unit_test(test_config_load_gateway_says_what_it_may),
        cmocka_unit_test(test_config_load_gateway_refuses_what_it_may_not),
        cmocka_unit_test(test_config_load_backup_has_a_folder_and_a_time),
        cmocka_unit_test(test_config_load_dnstap_has_a_socket),
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
