/* links: cluster store test_apply */
/* Health checks, verdicts and overrides in the state machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "policy/health.h"
#include "store/state_health.h"

#define UP(reason) ((reason) | POLICY_HEALTHY_BIT)
#define UNKNOWN POLICY_HEALTH_UNKNOWN
#define HEALTHY POLICY_HEALTH_HEALTHY
#define UNHEALTHY POLICY_HEALTH_UNHEALTHY

static int setup(void **state)
{
    struct test_apply *test = calloc(1, sizeof(*test));
    struct kv kv;

    assert_non_null(test);
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(test, kv);
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    test_apply_fini(*state);
    free(*state);
    return 0;
}

static char *id_of(struct test_apply *test, unsigned number)
{
    return test_apply_format(test, "%08x-0000-4000-8000-000000000000", number);
}

static Cmd__HealthCheckConfig *http(struct test_apply *test)
{
    Cmd__HealthCheckConfig *config = test_apply_alloc(test, sizeof(*config));

    cmd__health_check_config__init(config);
    config->type = test_apply_format(test, "HTTP");
    config->ip_address = test_apply_format(test, "10.0.0.1");
    config->port = 80;
    config->request_interval_s = 30;
    config->failure_threshold = 3;
    return config;
}

static Cmd__HealthCheckConfig *calculated(struct test_apply *test, unsigned threshold,
                                          unsigned first, unsigned count)
{
    Cmd__HealthCheckConfig *config = test_apply_alloc(test, sizeof(*config));

    cmd__health_check_config__init(config);
    config->type = test_apply_format(test, "CALCULATED");
    config->health_threshold = threshold;
    config->children = test_apply_alloc(test, count * sizeof(char *));
    config->n_children = count;
    for (unsigned i = 0; i < count; i++)
        config->children[i] = id_of(test, first + i);
    return config;
}

static Cmd__Command *create(struct test_apply *test, unsigned number,
                            Cmd__HealthCheckConfig *config)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_CREATE_HEALTH_CHECK;
    command->create_health_check = test_apply_alloc(test, sizeof(Cmd__CreateHealthCheck));
    cmd__create_health_check__init(command->create_health_check);
    command->create_health_check->health_check_id = id_of(test, number);
    command->create_health_check->caller_reference = test_apply_format(test, "r%u", number);
    command->create_health_check->config = config;
    return command;
}

static Cmd__Command *update(struct test_apply *test, unsigned number, uint64_t version,
                            Cmd__HealthCheckConfig *config)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_UPDATE_HEALTH_CHECK;
    command->update_health_check = test_apply_alloc(test, sizeof(Cmd__UpdateHealthCheck));
    cmd__update_health_check__init(command->update_health_check);
    command->update_health_check->health_check_id = id_of(test, number);
    command->update_health_check->version = version;
    command->update_health_check->config = config;
    return command;
}

static Cmd__Command *delete_check(struct test_apply *test, unsigned number)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_HEALTH_CHECK;
    command->delete_health_check = test_apply_alloc(test, sizeof(Cmd__DeleteHealthCheck));
    cmd__delete_health_check__init(command->delete_health_check);
    command->delete_health_check->health_check_id = id_of(test, number);
    return command;
}

/* One verdict of version @version of the check. */
static Cmd__Command *verdict(struct test_apply *test, unsigned number, uint64_t version,
                             Cmd__Verdict word)
{
    Cmd__Command *command = test_command(test);
    Cmd__VerdictOf *one = test_apply_alloc(test, sizeof(*one));

    cmd__verdict_of__init(one);
    one->health_check_id = id_of(test, number);
    one->version = version;
    one->verdict = word;
    one->checkers = 4;
    one->reason = test_apply_format(test, "Failure: number %u", number);
    command->kind_case = CMD__COMMAND__KIND_PUT_VERDICTS;
    command->put_verdicts = test_apply_alloc(test, sizeof(Cmd__PutVerdicts));
    cmd__put_verdicts__init(command->put_verdicts);
    command->put_verdicts->n_verdicts = 1;
    command->put_verdicts->verdicts = test_apply_alloc(test, sizeof(one));
    command->put_verdicts->verdicts[0] = one;
    return command;
}

static Cmd__Command * override(struct test_apply *test, unsigned number, Cmd__OverrideMode mode)
{
    Cmd__Command *command = test_command(test);

    command->time_wall_ms = 1000;
    command->kind_case = CMD__COMMAND__KIND_PUT_OVERRIDE;
    command->put_override = test_apply_alloc(test, sizeof(Cmd__PutOverride));
    cmd__put_override__init(command->put_override);
    if (number > 0)
        command->put_override->health_check_id = id_of(test, number);
    command->put_override->mode = mode;
    command->put_override->reason = test_apply_format(test, "maintenance");
    return command;
}

static Cmd__Command *clear(struct test_apply *test, unsigned number, bool only_expired)
{
    Cmd__Command *command = test_command(test);

    command->time_wall_ms = 2000;
    command->kind_case = CMD__COMMAND__KIND_DELETE_OVERRIDE;
    command->delete_override = test_apply_alloc(test, sizeof(Cmd__DeleteOverride));
    cmd__delete_override__init(command->delete_override);
    if (number > 0)
        command->delete_override->health_check_id = id_of(test, number);
    command->delete_override->only_expired = only_expired;
    return command;
}

static void does(struct test_apply *test, Cmd__Command *command)
{
    const struct apply_result *result = test_apply_one(test, command);

    if (result->code != 0)
        print_message("%s\n", result->message);
    assert_int_equal(result->code, 0);
}

static void refuses(struct test_apply *test, Cmd__Command *command, int code, const char *word)
{
    const struct apply_result *result = test_apply_one(test, command);

    if (result->code != code || !strstr(result->message, word))
        print_message("%d: %s\n", result->code, result->message);
    assert_int_equal(result->code, code);
    assert_non_null(strstr(result->message, word));
}

static struct state_check_status status_of(struct test_apply *test, unsigned number)
{
    struct state_check_status status;

    assert_int_equal(state_get_check_status(&test->kv, id_of(test, number), &status), 0);
    return status;
}

static unsigned octet_of(struct test_apply *test, unsigned number)
{
    return status_of(test, number).octet;
}

static void test_create_twice_gives_the_same(void **state)
{
    struct test_apply *test = *state;
    struct state_check check;
    Cmd__Command *again = create(test, 2, http(test));

    does(test, create(test, 1, http(test)));
    again->create_health_check->caller_reference = test_apply_format(test, "r1");
    const struct apply_result *result = test_apply_one(test, again);
    assert_int_equal(result->code, 0);
    assert_string_equal(result->object_id, id_of(test, 1));
    assert_int_equal(test->effect_count, 0);
    assert_int_equal(state_get_check(&test->kv, id_of(test, 2), &check), ERR_NOT_FOUND);
    assert_int_equal(state_get_check(&test->kv, id_of(test, 1), &check), 0);
    assert_int_equal(check.version, 1);
    assert_int_equal(check.slot, 1);

    Cmd__Command *other = create(test, 3, http(test));
    other->create_health_check->caller_reference = test_apply_format(test, "r1");
    other->create_health_check->config->port = 81;
    refuses(test, other, ERR_EXISTS, id_of(test, 1));
}

static void test_slots_are_never_reused(void **state)
{
    struct test_apply *test = *state;
    struct state_check check;

    for (unsigned i = 1; i <= 3; i++) {
        does(test, create(test, i, http(test)));
        does(test, delete_check(test, i));
    }
    test_apply_restart(test);
    does(test, create(test, 4, http(test)));
    assert_int_equal(state_get_check(&test->kv, id_of(test, 4), &check), 0);
    assert_int_equal(check.slot, 4);
    refuses(test, delete_check(test, 1), ERR_NOT_FOUND, "does not exist");
}

struct bad {
    int code;
    const char *word;
    void (*spoil)(struct test_apply *test, Cmd__HealthCheckConfig *config);
};

static char *long_text(struct test_apply *test, char first)
{
    char *text = test_apply_alloc(test, 256);

    memset(text, 'x', 256);
    text[0] = first;
    return text;
}
#define SPOIL(name, statement)                                                                     \
    static void name(struct test_apply *test, Cmd__HealthCheckConfig *config)                      \
    {                                                                                              \
        (void)test;                                                                                \
        statement;                                                                                 \
    }
#define TEXT(text) test_apply_format(test, "%s", text)
SPOIL(bad_type, config->type = TEXT("CLOUDWATCH_METRIC"))
SPOIL(no_host, config->ip_address = TEXT(""))
SPOIL(bad_ip, config->ip_address = TEXT("10.0.0.256"))
SPOIL(prefix_ip, config->ip_address = TEXT("10.0.0.0/8"))
SPOIL(bad_octets, config->search_string = TEXT("\xc3("); config->type = TEXT("HTTP_STR_MATCH"))
SPOIL(new_line, config->resource_path = TEXT("/a\n"))
SPOIL(bad_name, config->fully_qualified_domain_name = TEXT("a..b"))
SPOIL(no_port, config->port = 0)
SPOIL(big_port, config->port = 65536)
SPOIL(no_interval, config->request_interval_s = 0)
SPOIL(big_interval, config->request_interval_s = 86401)
SPOIL(no_threshold, config->failure_threshold = 0)
SPOIL(big_threshold, config->failure_threshold = 11)
SPOIL(bare_path, config->resource_path = TEXT("x"))
SPOIL(long_path, config->resource_path = long_text(test, '/'))
SPOIL(stray_search, config->search_string = TEXT("ok"))
SPOIL(no_search, config->type = TEXT("HTTP_STR_MATCH"))
SPOIL(stray_sni, config->enable_sni = true)
SPOIL(stray_verify, config->verify_certificate = true)
SPOIL(stray_health_threshold, config->health_threshold = 1)
SPOIL(tcp_path, config->type = TEXT("TCP"); config->resource_path = TEXT("/"))

static void test_create_breaking_a_rule_refused(void **state)
{
    static const struct bad bads[] = {
        {ERR_INVALID, "is no type", bad_type},
        {ERR_INVALID, "needs an IP address", no_host},
        {ERR_INVALID, "10.0.0.256", bad_ip},
        {ERR_INVALID, "10.0.0.0/8", prefix_ip},
        {ERR_INVALID, "a..b", bad_name},
        {ERR_INVALID, "search string is not printable", bad_octets},
        {ERR_INVALID, "path is not printable", new_line},
        {ERR_INVALID, "port", no_port},
        {ERR_INVALID, "port", big_port},
        {ERR_INVALID, "interval", no_interval},
        {ERR_INVALID, "interval", big_interval},
        {ERR_INVALID, "failure threshold", no_threshold},
        {ERR_INVALID, "failure threshold", big_threshold},
        {ERR_INVALID, "'/'", bare_path},
        {ERR_LIMIT, "255", long_path},
        {ERR_INVALID, "HTTP_STR_MATCH", stray_search},
        {ERR_INVALID, "needs a search string", no_search},
        {ERR_INVALID, "SNI", stray_sni},
        {ERR_INVALID, "certificate", stray_verify},
        {ERR_INVALID, "CALCULATED", stray_health_threshold},
        {ERR_INVALID, "TCP", tcp_path},
    };
    struct test_apply *test = *state;

    for (unsigned i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        Cmd__HealthCheckConfig *config = http(test);
        bads[i].spoil(test, config);
        refuses(test, create(test, 1, config), bads[i].code, bads[i].word);
    }
    Cmd__Command *command = create(test, 1, http(test));
    command->create_health_check->health_check_id = TEXT("0000000A-0000-4000-8000-000000000000");
    refuses(test, command, ERR_INVALID, "UUID");
    command = create(test, 1, http(test));
    command->create_health_check->caller_reference = TEXT("");
    refuses(test, command, ERR_INVALID, "caller reference");
    command = create(test, 1, NULL);
    refuses(test, command, ERR_INVALID, "configuration");
    does(test, create(test, 1, http(test)));
}

static void test_update_keeps_what_is_settled(void **state)
{
    struct test_apply *test = *state;
    struct state_check check;
    Cmd__HealthCheckConfig *config = http(test);

    does(test, create(test, 1, http(test)));
    config->port = 8080;
    config->ip_address = TEXT("2001:db8::1");
    refuses(test, update(test, 1, 2, config), ERR_CONFLICT, "version 1");
    does(test, update(test, 1, 1, config));
    assert_int_equal(state_get_check(&test->kv, id_of(test, 1), &check), 0);
    assert_int_equal(check.version, 2);
    assert_int_equal(check.config.port, 8080);
    assert_int_equal(check.slot, 1);
    config->request_interval_s = 10;
    refuses(test, update(test, 1, 2, config), ERR_INVALID, "request interval");
    config = http(test);
    config->measure_latency = true;
    refuses(test, update(test, 1, 2, config), ERR_INVALID, "latency");
    config = http(test);
    config->type = TEXT("HTTPS");
    refuses(test, update(test, 1, 2, config), ERR_INVALID, "type");
    config = http(test);
    config->ip_address = TEXT("");
    config->fully_qualified_domain_name = TEXT("www.example.com");
    refuses(test, update(test, 1, 2, config), ERR_INVALID, "IP address");
}

/* Every line of the table above apply_octet.c, but for calculated checks. */
static void test_octet_of_endpoint(void **state)
{
    struct test_apply *test = *state;
    Cmd__HealthCheckConfig *inverted = http(test), *disabled = http(test), *both = http(test);

    inverted->is_inverted = disabled->is_disabled = both->is_inverted = both->is_disabled = true;
    does(test, create(test, 1, http(test)));
    does(test, create(test, 2, inverted));
    does(test, create(test, 3, disabled));
    does(test, create(test, 4, both));
    assert_int_equal(octet_of(test, 1), UP(UNKNOWN));
    assert_int_equal(octet_of(test, 2), UNKNOWN);
    assert_int_equal(octet_of(test, 3), UP(POLICY_HEALTH_DISABLED));
    assert_int_equal(octet_of(test, 4), POLICY_HEALTH_DISABLED);
    for (unsigned i = 1; i <= 4; i++)
        does(test, verdict(test, i, 1, CMD__VERDICT__VERDICT_UNHEALTHY));
    assert_int_equal(octet_of(test, 1), UNHEALTHY);
    assert_int_equal(octet_of(test, 2), UP(HEALTHY));
    assert_int_equal(octet_of(test, 3), UP(POLICY_HEALTH_DISABLED));
    assert_int_equal(octet_of(test, 4), POLICY_HEALTH_DISABLED);
    for (unsigned i = 1; i <= 2; i++)
        does(test, verdict(test, i, 1, CMD__VERDICT__VERDICT_HEALTHY));
    assert_int_equal(octet_of(test, 1), UP(HEALTHY));
    assert_int_equal(octet_of(test, 2), UNHEALTHY);
    does(test, override(test, 2, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_UP));
    assert_int_equal(octet_of(test, 2), UP(POLICY_HEALTH_FORCED_UP));
    does(test, override(test, 2, CMD__OVERRIDE_MODE__OVERRIDE_DRAIN));
    assert_int_equal(octet_of(test, 2), POLICY_HEALTH_DRAINING);
    does(test, override(test, 4, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN));
    assert_int_equal(octet_of(test, 4), POLICY_HEALTH_FORCED_DOWN);
    does(test, clear(test, 2, false));
    assert_int_equal(octet_of(test, 2), UNHEALTHY);
}

static void test_verdict_of_another_version_passed_over(void **state)
{
    struct test_apply *test = *state;
    Cmd__HealthCheckConfig *config = http(test);

    does(test, create(test, 1, http(test)));
    does(test, verdict(test, 1, 1, CMD__VERDICT__VERDICT_UNHEALTHY));
    struct state_check_status before = status_of(test, 1);
    assert_int_equal(before.since_index, test->index);
    assert_int_equal(before.octet_index, test->index);
    assert_string_equal(before.reason, "Failure: number 1");
    config->port = 81;
    does(test, update(test, 1, 1, config));
    does(test, verdict(test, 1, 1, CMD__VERDICT__VERDICT_HEALTHY));
    assert_int_equal(test->effect_count, 0);
    assert_int_equal(octet_of(test, 1), UNHEALTHY);
    does(test, verdict(test, 9, 1, CMD__VERDICT__VERDICT_HEALTHY));
    does(test, verdict(test, 1, 2, CMD__VERDICT__VERDICT_UNHEALTHY)); /* the same: no flip */
    assert_int_equal(status_of(test, 1).since_index, before.since_index);
    assert_int_equal(status_of(test, 1).judged_version, 2);
    assert_int_equal(test->effect_count, 0);
    does(test, verdict(test, 1, 2, CMD__VERDICT__VERDICT_HEALTHY));
    assert_int_equal(test->effect_count, 1);
    assert_int_equal(test->effects[0], APPLY_OCTET);
    assert_int_equal(test->last_effect.slot, 1);
    assert_int_equal(test->last_effect.octet, UP(HEALTHY));
    Cmd__Command *hostile = verdict(test, 1, 2, CMD__VERDICT__VERDICT_UNHEALTHY);
    char *reason = test_apply_alloc(test, 400);
    memset(reason, 'x', 400);
    memcpy(reason, "a\x1b\xff", 3);
    hostile->put_verdicts->verdicts[0]->reason = reason;
    does(test, hostile);
    before = status_of(test, 1);
    assert_int_equal(strlen(before.reason), 255);
    assert_memory_equal(before.reason, "a??x", 4);
    Cmd__Command *bad = verdict(test, 1, 2, (Cmd__Verdict)3);
    refuses(test, bad, ERR_INVALID, "no verdict");
}

static void test_calculated_follows_its_children(void **state)
{
    struct test_apply *test = *state;
    Cmd__HealthCheckConfig *disabled = http(test);

    for (unsigned i = 1; i <= 3; i++)
        does(test, create(test, i, http(test)));
    does(test, create(test, 10, calculated(test, 2, 1, 3)));
    does(test, create(test, 11, calculated(test, 0, 1, 3)));
    does(test, create(test, 12, calculated(test, 4, 1, 3)));
    assert_int_equal(octet_of(test, 10), UP(HEALTHY));
    assert_int_equal(octet_of(test, 11), UP(HEALTHY));
    assert_int_equal(octet_of(test, 12), UNHEALTHY);
    does(test, verdict(test, 1, 1, CMD__VERDICT__VERDICT_UNHEALTHY));
    assert_int_equal(octet_of(test, 10), UP(HEALTHY));
    does(test, verdict(test, 2, 1, CMD__VERDICT__VERDICT_UNHEALTHY));
    assert_int_equal(octet_of(test, 10), UNHEALTHY);
    assert_int_equal(octet_of(test, 11), UP(HEALTHY));
    assert_int_equal(test->effect_count, 2); /* the child, then the parent */
    assert_int_equal(test->last_effect.slot, 4);
    assert_int_equal(status_of(test, 10).octet_index, test->index);
    disabled->is_disabled = true;
    does(test, update(test, 2, 1, disabled)); /* counts as healthy */
    assert_int_equal(octet_of(test, 10), UP(HEALTHY));
    disabled->is_inverted = true; /* unhealthy itself, and still no vote against */
    does(test, update(test, 2, 2, disabled));
    assert_int_equal(octet_of(test, 2), POLICY_HEALTH_DISABLED);
    assert_int_equal(octet_of(test, 10), UP(HEALTHY));
    does(test, override(test, 3, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN));
    assert_int_equal(octet_of(test, 10), UNHEALTHY);
    does(test, delete_check(test, 3)); /* gone: counts as healthy */
    assert_int_equal(octet_of(test, 10), UP(HEALTHY));
    Cmd__HealthCheckConfig *fewer = calculated(test, 1, 1, 1);
    fewer->is_inverted = true;
    does(test, update(test, 10, 1, fewer));
    assert_int_equal(octet_of(test, 10), UP(HEALTHY));
    does(test, verdict(test, 1, 1, CMD__VERDICT__VERDICT_HEALTHY));
    assert_int_equal(octet_of(test, 10), UNHEALTHY);
}

static void test_calculated_breaking_a_rule_refused(void **state)
{
    struct test_apply *test = *state;

    does(test, create(test, 1, http(test)));
    does(test, create(test, 2, calculated(test, 1, 1, 1)));
    refuses(test, create(test, 3, calculated(test, 1, 2, 1)), ERR_INVALID, "cannot be a child");
    refuses(test, create(test, 3, calculated(test, 1, 3, 1)), ERR_NOT_FOUND, id_of(test, 3));
    refuses(test, create(test, 3, calculated(test, 257, 1, 1)), ERR_INVALID, "0 to 256");
    refuses(test, create(test, 3, calculated(test, 1, 1, 257)), ERR_LIMIT, "256 children");
    Cmd__HealthCheckConfig *config = calculated(test, 1, 1, 2);
    config->children[1] = config->children[0];
    refuses(test, create(test, 3, config), ERR_INVALID, "twice");
    config = calculated(test, 1, 1, 1);
    config->port = 80;
    refuses(test, create(test, 3, config), ERR_INVALID, "no endpoint");
    refuses(test, update(test, 2, 1, calculated(test, 1, 2, 1)), ERR_INVALID, "cannot be a child");
    does(test, delete_check(test, 1)); /* a child that was there may stay when it is gone */
    does(test, update(test, 2, 1, calculated(test, 0, 1, 1)));
}

static void put_zone(struct test_apply *test)
{
    does(test, test_create_zone(test, 1, "example.com."));
    does(test, test_change(test, 1, 2, 1, CMD__ACTION__ACTION_CREATE,
                           test_set(test, "www.example.com.", 1, 60, "c0000201")));
}

static void of_set(struct test_apply *test, Cmd__Command *command)
{
    static uint8_t name[] = "\3wWw\7example\3com";

    if (command->kind_case == CMD__COMMAND__KIND_PUT_OVERRIDE) {
        command->put_override->zone_id = test_id(test, 'Z', 1);
        command->put_override->name = (ProtobufCBinaryData){sizeof(name), name};
        command->put_override->type = 1;
    } else {
        command->delete_override->zone_id = test_id(test, 'Z', 1);
        command->delete_override->name = (ProtobufCBinaryData){sizeof(name), name};
        command->delete_override->type = 1;
    }
}

static int read_of_set(struct test_apply *test, struct state_override *out)
{
    struct state_record_set set = {.name = (const uint8_t *)"\3www\7example\3com", .type = 1};
    struct state_override_key key = {.zone_id = test_id(test, 'Z', 1), .set = &set};

    return state_get_override(&test->kv, &key, out);
}

static void test_override_of_record_set(void **state)
{
    struct test_apply *test = *state;
    struct state_override stored;
    Cmd__Command *command = override(test, 0, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_UP);

    put_zone(test);
    of_set(test, command);
    command->put_override->type = 28;
    refuses(test, command, ERR_NOT_FOUND, "no such record set");
    command = override(test, 0, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_UP);
    of_set(test, command);
    does(test, command);
    assert_int_equal(test->effects[0], APPLY_OCTET);
    assert_int_equal(test->effects[1], APPLY_OVERRIDE_CHANGED);
    assert_int_equal(read_of_set(test, &stored), 0);
    assert_int_equal(stored.slot, 1);
    assert_int_equal(stored.octet_index, 0);
    command = override(test, 0, CMD__OVERRIDE_MODE__OVERRIDE_DRAIN);
    of_set(test, command);
    does(test, command);
    assert_int_equal(read_of_set(test, &stored), 0);
    assert_int_equal(stored.slot, 1);
    assert_int_equal(stored.octet_index, test->index);
    command = clear(test, 0, false);
    of_set(test, command);
    does(test, command);
    assert_int_equal(read_of_set(test, &stored), ERR_NOT_FOUND);
    command = override(test, 0, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN);
    of_set(test, command);
    does(test, command);
    assert_int_equal(read_of_set(test, &stored), 0);
    assert_int_equal(stored.slot, 2);
}

static void does_override(struct test_apply *test, Cmd__OverrideMode mode)
{
    Cmd__Command *command = override(test, 0, mode);

    of_set(test, command);
    does(test, command);
}

static void test_override_goes_with_its_record_set(void **state)
{
    struct test_apply *test = *state;
    struct state_override stored;
    Cmd__RecordSet *set = test_set(test, "www.example.com.", 1, 60, "c0000201");

    put_zone(test);
    does_override(test, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN);
    /* As Terraform replaces a set: it must not come up again by that. */
    does(test, test_change(test, 1, 3, 2, CMD__ACTION__ACTION_DELETE, set,
                           CMD__ACTION__ACTION_CREATE, set));
    assert_int_equal(read_of_set(test, &stored), 0);
    does(test, test_import_begin(test, 1, 4));
    does(test, test_import_chunk(test, 4, 3, test_set(test, "example.com.", 6, 60, test_soa),
                                 test_set(test, "example.com.", 2, 60, test_ns), set));
    does(test, test_import_commit(test, 4, 1));
    assert_int_equal(read_of_set(test, &stored), 0);
    does(test, test_change(test, 1, 5, 1, CMD__ACTION__ACTION_DELETE, set));
    assert_int_equal(read_of_set(test, &stored), ERR_NOT_FOUND);
    assert_int_equal(test->last_effect.kind, APPLY_OVERRIDE_CHANGED);

    does(test, test_change(test, 1, 6, 1, CMD__ACTION__ACTION_CREATE, set));
    does_override(test, CMD__OVERRIDE_MODE__OVERRIDE_DRAIN);
    does(test, test_import_begin(test, 1, 7));
    does(test, test_import_chunk(test, 7, 2, test_set(test, "example.com.", 6, 60, test_soa),
                                 test_set(test, "example.com.", 2, 60, test_ns)));
    does(test, test_import_commit(test, 7, 1));
    assert_int_equal(read_of_set(test, &stored), ERR_NOT_FOUND);

    does(test, test_change(test, 1, 8, 1, CMD__ACTION__ACTION_CREATE, set));
    does_override(test, CMD__OVERRIDE_MODE__OVERRIDE_DRAIN);
    Cmd__Command *command = test_command(test);
    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = test_apply_alloc(test, sizeof(Cmd__DeleteZone));
    cmd__delete_zone__init(command->delete_zone);
    command->delete_zone->zone_id = test_id(test, 'Z', 1);
    command->delete_zone->change_id = test_id(test, 'C', 9);
    command->delete_zone->with_contents = true;
    does(test, command);
    assert_int_equal(read_of_set(test, &stored), ERR_NOT_FOUND);
}

static void test_override_expires_only_when_due(void **state)
{
    struct test_apply *test = *state;
    Cmd__Command *command = override(test, 1, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN);

    does(test, create(test, 1, http(test)));
    command->put_override->expires_wall_ms = 1000;
    refuses(test, command, ERR_INVALID, "expired already");
    command = override(test, 1, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN);
    does(test, command);
    refuses(test, clear(test, 1, true), ERR_CONFLICT, "not expired"); /* it never does */
    command = override(test, 1, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN);
    command->put_override->expires_wall_ms = 2001;
    does(test, command);
    refuses(test, clear(test, 1, true), ERR_CONFLICT, "not expired");
    command = override(test, 1, CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN);
    command->put_override->expires_wall_ms = 2000;
    does(test, command);
    does(test, clear(test, 1, true));
    assert_int_equal(octet_of(test, 1), UP(UNKNOWN));
    refuses(test, clear(test, 1, false), ERR_NOT_FOUND, "no override");
    command = override(test, 1, CMD__OVERRIDE_MODE__OVERRIDE_NONE);
    refuses(test, command, ERR_INVALID, "drain");
    command = override(test, 1, CMD__OVERRIDE_MODE__OVERRIDE_DRAIN);
    command->put_override->reason = TEXT("");
    refuses(test, command, ERR_INVALID, "reason");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_create_twice_gives_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slots_are_never_reused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_breaking_a_rule_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_update_keeps_what_is_settled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_octet_of_endpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_verdict_of_another_version_passed_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_calculated_follows_its_children, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calculated_breaking_a_rule_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_override_of_record_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_override_goes_with_its_record_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_override_expires_only_when_due, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
