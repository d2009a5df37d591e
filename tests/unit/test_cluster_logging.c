/* links: cluster test_apply
 * Query logging configurations and signing keys in the state machine, and how logged zones reach
 * the image and the table of the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "cluster/publish.h"
#include "dns/name.h"
#include "dns/type.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "querylog/table.h"
#include "store/overlay.h"
#include "store/state_put.h"
#include "store/state_signing.h"
#include "zone/image.h"
#include "zone/lookup.h"

#define ARN "arn:aws:logs:us-east-1:123456789012:log-group:"
#define KMS "arn:aws:kms:us-east-1:123456789012:key/"

static struct test_apply test;
static struct publish *publish;
static struct querylog_table *table;
static struct apply_result last;
static char last_message[APPLY_MESSAGE_MAX];

static void on_effect(void *user, const struct apply_effect *effect)
{
    (void)user;
    publish_effect(publish, &test.kv, effect);
}

static void on_result(void *user, const struct apply_result *result)
{
    (void)user;
    last = *result;
    snprintf(last_message, sizeof(last_message), "%s", result->message);
}

static int start(void **state)
{
    const struct apply_sink sink = {NULL, on_effect, on_result};
    struct kv kv;

    (void)state;
    if (kv_memory_new(&kv) != 0 || publish_new(&publish) != 0)
        return -1;
    table = querylog_table_new();
    if (!table)
        return -1;
    publish_set_log(publish, table);
    test_apply_init(&test, kv);
    apply_free(test.apply);
    return apply_new(&test.kv, &sink, &test.apply);
}

static int stop(void **state)
{
    (void)state;
    publish_free(publish);
    querylog_table_free(table);
    test_apply_fini(&test);
    return 0;
}

static void run(Cmd__Command *command)
{
    assert_int_equal(test_apply_batch(&test, &command, 1), 0);
    publish_commit(publish, test.index);
}

static void does(Cmd__Command *command)
{
    run(command);
    if (last.code != 0)
        fail_msg("%s", last_message);
}

static void refused(Cmd__Command *command, int code, const char *error)
{
    run(command);
    assert_int_equal(last.code, code);
    if (error)
        assert_string_equal(last.error, error);
    else
        assert_null(last.error);
}

/* The slot that readers of the image find for the zone of a name. */
static unsigned slot_of(const char *text)
{
    uint8_t name[DNS_NAME_MAX];
    struct zone_match match;

    assert_true(dns_name_parse(text, NULL, name) > 0);
    zone_reader_register();
    zone_lookup(zone_image_read_begin(publish_image(publish)), name, DNS_TYPE_A, &match);
    const unsigned slot = match.slots.log;
    zone_image_read_end();
    zone_reader_unregister();
    return slot;
}

static char *config_id(unsigned number)
{
    return test_apply_format(&test, "%08x-0000-4000-8000-000000000000", number);
}

static Cmd__Command *put_logging(unsigned number, uint64_t zone, const char *arn)
{
    Cmd__Command *command = test_command(&test);
    Cmd__PutQueryLogging *put = test_apply_alloc(&test, sizeof(*put));

    cmd__put_query_logging__init(put);
    put->config_id = config_id(number);
    put->zone_id = test_id(&test, 'Z', zone);
    put->log_group_arn = test_apply_format(&test, "%s", arn);
    command->kind_case = CMD__COMMAND__KIND_PUT_QUERY_LOGGING;
    command->put_query_logging = put;
    return command;
}

static Cmd__Command *delete_logging(unsigned number)
{
    Cmd__Command *command = test_command(&test);
    Cmd__DeleteQueryLogging *deletion = test_apply_alloc(&test, sizeof(*deletion));

    cmd__delete_query_logging__init(deletion);
    deletion->config_id = config_id(number);
    command->kind_case = CMD__COMMAND__KIND_DELETE_QUERY_LOGGING;
    command->delete_query_logging = deletion;
    return command;
}

static Cmd__Command *delete_zone(uint64_t zone, uint64_t change)
{
    Cmd__Command *command = test_command(&test);
    Cmd__DeleteZone *deletion = test_apply_alloc(&test, sizeof(*deletion));

    cmd__delete_zone__init(deletion);
    deletion->zone_id = test_id(&test, 'Z', zone);
    deletion->change_id = test_id(&test, 'C', change);
    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = deletion;
    return command;
}

/* As if the zone had a VPC. */
static void make_private(uint64_t zone_number)
{
    struct overlay *overlay = overlay_new(&test.kv);
    struct state_applied point;
    struct state_zone zone;

    assert_int_equal(state_get_zone(&test.kv, test_id(&test, 'Z', zone_number), &zone), 0);
    assert_int_equal(state_get_applied(&test.kv, &point), 0);
    zone.is_private = true;
    state_put_zone(overlay, &zone);
    assert_int_equal(state_commit(overlay, &test.kv, &point), 0);
    overlay_free(overlay);
}

static void test_logged_zone_has_slot_until_deleted(void **state)
{
    struct querylog_target target;

    (void)state;
    does(test_create_zone(&test, 1, "one.example."));
    does(test_create_zone(&test, 2, "two.example."));
    assert_int_equal(slot_of("www.one.example."), 0);
    does(put_logging(1, 1, ARN "/aws/route53/one.example"));
    assert_string_equal(last.object_id, config_id(1));
    const unsigned slot = slot_of("www.one.example.");
    assert_true(slot != 0);
    assert_int_equal(slot_of("one.example."), slot);
    assert_int_equal(slot_of("two.example."), 0);
    assert_int_equal(slot_of("elsewhere."), 0);
    assert_true(querylog_table_get(table, (uint16_t)slot, &target));
    assert_string_equal(target.zone_id, test_id(&test, 'Z', 1));
    assert_string_equal(target.group, "one.example");
    does(test_change(&test, 1, 1, 1, CMD__ACTION__ACTION_CREATE,
                     test_set(&test, "a.one.example.", DNS_TYPE_A, 60, "c0000201")));
    assert_int_equal(slot_of("a.one.example."), slot); /* a zone that is copied keeps it */
    does(delete_logging(1));
    assert_int_equal(slot_of("a.one.example."), 0);
    assert_int_equal(querylog_table_count(table), 0);
    refused(delete_logging(1), ERR_NOT_FOUND, "NoSuchQueryLoggingConfig");
}

static void test_logging_outlives_imports_and_rebuilds_but_not_its_zone(void **state)
{
    struct state_logging logging;

    (void)state;
    does(test_create_zone(&test, 1, "one.example."));
    does(test_import_begin(&test, 1, 7));
    does(put_logging(1, 1, ARN "g"));
    const unsigned slot = slot_of("one.example.");
    does(test_import_chunk(&test, 7, 2, test_set(&test, "one.example.", DNS_TYPE_SOA, 60, test_soa),
                           test_set(&test, "one.example.", DNS_TYPE_NS, 60, test_ns)));
    does(test_import_commit(&test, 7, 1));
    assert_int_equal(slot_of("one.example."), slot); /* though it began unlogged */
    assert_int_equal(publish_rebuild_all(publish, &test.kv), 0);
    assert_int_equal(slot_of("one.example."), slot);
    does(delete_zone(1, 9));
    assert_int_equal(querylog_table_count(table), 0);
    assert_int_equal(state_get_logging(&test.kv, config_id(1), &logging), ERR_NOT_FOUND);
    assert_int_equal(state_get_logging_of_zone(&test.kv, test_id(&test, 'Z', 1), &logging),
                     ERR_NOT_FOUND);
    does(test_create_zone(&test, 2, "one.example."));
    assert_int_equal(slot_of("one.example."), 0);
}

static void test_rebuild_forgets_what_state_does_not_have(void **state)
{
    (void)state;
    does(test_create_zone(&test, 1, "one.example."));
    (void)querylog_table_put(table, "Zgone", ARN "x");
    assert_int_equal(publish_rebuild_all(publish, &test.kv), 0);
    assert_int_equal(querylog_table_count(table), 0);
}

static void test_put_logging_refusals(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "arn:aws:logs:us-east-1:123456789012:log-group:",
        "arn:aws:logs:us-east-1:12345678901:log-group:g",
        "arn:aws:logs:us-east-1:1234567890123:log-group:g",
        "arn:aws:logs::123456789012:log-group:g",
        "arn:aws:logs:us-east-1:123456789012:log-stream:g",
        "arn:aws:logs:us-east-1:123456789012:log-group:a b",
        "arn:aws:logs:us-east-1:123456789012:log-group:g:x",
        "arn:aws:logs:us-east-1:123456789012:log-group:g:**",
        "arn:aws:iam:logs:us-east-1:123456789012:log-group:g",
    };

    (void)state;
    does(test_create_zone(&test, 1, "one.example."));
    does(test_create_zone(&test, 2, "two.example."));
    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        refused(put_logging(1, 1, bad[i]), ERR_INVALID, "InvalidInput");
    refused(put_logging(1, 9, ARN "g"), ERR_NOT_FOUND, NULL);
    does(put_logging(1, 1, "arn:aws-cn:logs:cn-north-1:123456789012:log-group:g/h#i.j_k-l:*"));
    refused(put_logging(2, 1, ARN "g"), ERR_EXISTS, "QueryLoggingConfigAlreadyExists");
    refused(put_logging(1, 2, ARN "g"), ERR_EXISTS, NULL); /* the id is taken */
    make_private(2);
    refused(put_logging(2, 2, ARN "g"), ERR_INVALID, "InvalidInput");
}

/* ---- keys ---- */

static Cmd__Command *create_key(uint64_t zone, uint64_t change, const char *name, const char *arn)
{
    Cmd__Command *command = test_command(&test);
    Cmd__CreateKey *create = test_apply_alloc(&test, sizeof(*create));

    cmd__create_key__init(create);
    create->zone_id = test_id(&test, 'Z', zone);
    create->name = test_apply_format(&test, "%s", name);
    create->kms_arn = test_apply_format(&test, "%s", arn);
    create->caller_reference = test_apply_format(&test, "r");
    create->change_id = test_id(&test, 'C', change);
    create->is_active = true;
    create->dnskey.len = create->sealed_private_key.len = 3;
    create->dnskey.data = (uint8_t *)test_apply_format(&test, "key");
    create->sealed_private_key.data = (uint8_t *)test_apply_format(&test, "sea");
    command->kind_case = CMD__COMMAND__KIND_CREATE_KEY;
    command->create_key = create;
    return command;
}

static Cmd__Command *update_key(uint64_t zone, uint64_t change, const char *name, bool is_active)
{
    Cmd__Command *command = test_command(&test);
    Cmd__UpdateKey *update = test_apply_alloc(&test, sizeof(*update));

    cmd__update_key__init(update);
    update->zone_id = test_id(&test, 'Z', zone);
    update->name = test_apply_format(&test, "%s", name);
    update->change_id = test_id(&test, 'C', change);
    update->is_active = is_active;
    command->kind_case = CMD__COMMAND__KIND_UPDATE_KEY;
    command->update_key = update;
    return command;
}

static Cmd__Command *delete_key(uint64_t zone, uint64_t change, const char *name)
{
    Cmd__Command *command = test_command(&test);
    Cmd__DeleteKey *deletion = test_apply_alloc(&test, sizeof(*deletion));

    cmd__delete_key__init(deletion);
    deletion->zone_id = test_id(&test, 'Z', zone);
    deletion->name = test_apply_format(&test, "%s", name);
    deletion->change_id = test_id(&test, 'C', change);
    command->kind_case = CMD__COMMAND__KIND_DELETE_KEY;
    command->delete_key = deletion;
    return command;
}

static void test_key_lives_from_creation_to_deletion(void **state)
{
    struct state_signing_key key;
    struct state_change change;
    const char *zone = NULL;

    (void)state;
    does(test_create_zone(&test, 1, "one.example."));
    zone = test_id(&test, 'Z', 1);
    does(create_key(1, 1, "first", KMS "1"));
    assert_string_equal(last.change_id, test_id(&test, 'C', 1));
    assert_string_equal(last.zone_id, zone);
    assert_int_equal(state_get_change(&test.kv, last.change_id, &change, NULL, NULL), 0);
    assert_int_equal(change.kind, STATE_CHANGE_SIGNING_KEY);
    assert_string_equal(change.comment, "key-signing key created: first");
    assert_int_equal(state_get_signing_key(&test.kv, zone, "first", &key), 0);
    assert_true(key.is_active && key.dnskey_len == 3 && memcmp(key.sealed, "sea", 3) == 0);
    refused(delete_key(1, 2, "first"), ERR_CONFLICT, "InvalidKeySigningKeyStatus");
    does(update_key(1, 3, "first", false));
    assert_int_equal(state_get_signing_key(&test.kv, zone, "first", &key), 0);
    assert_false(key.is_active);
    does(update_key(1, 4, "first", false)); /* again: nothing to do, but a change to wait for */
    refused(update_key(1, 4, "first", true), ERR_EXISTS, NULL); /* a change id names one change */
    does(delete_key(1, 5, "first"));
    refused(delete_key(1, 6, "first"), ERR_NOT_FOUND, "NoSuchKeySigningKey");
    refused(update_key(1, 7, "first", true), ERR_NOT_FOUND, "NoSuchKeySigningKey");
}

static void test_create_key_refusals(void **state)
{
    char name[200];

    (void)state;
    does(test_create_zone(&test, 1, "one.example."));
    does(test_create_zone(&test, 2, "two.example."));
    memset(name, 'x', sizeof(name));
    name[129] = '\0';
    refused(create_key(1, 1, name, KMS "1"), ERR_INVALID, "InvalidKeySigningKeyName");
    refused(create_key(1, 1, "ab", KMS "1"), ERR_INVALID, "InvalidKeySigningKeyName");
    refused(create_key(1, 1, "a-b", KMS "1"), ERR_INVALID, "InvalidKeySigningKeyName");
    refused(create_key(1, 1, "abc", "my key"), ERR_INVALID, "InvalidKMSArn");
    refused(create_key(1, 1, "abc", "arn:aws:s3:::b"), ERR_INVALID, "InvalidKMSArn");
    refused(create_key(9, 1, "abc", KMS "1"), ERR_NOT_FOUND, NULL);
    name[128] = '\0';
    does(create_key(1, 1, name, KMS "1"));
    refused(create_key(1, 2, name, KMS "2"), ERR_EXISTS, "KeySigningKeyAlreadyExists");
    refused(create_key(1, 2, "abc", KMS "1"), ERR_EXISTS, "KeySigningKeyAlreadyExists");
    does(create_key(1, 2, "abc", KMS "2"));
    refused(create_key(1, 3, "def", KMS "3"), ERR_LIMIT, "TooManyKeySigningKeys");
    does(create_key(2, 4, "abc", KMS "1")); /* of another zone */
    make_private(2);
    refused(create_key(2, 5, "def", KMS "5"), ERR_INVALID, "InvalidArgument");
    assert_non_null(strstr(last_message, "Operation is unsupported for private"));
}

static int count_key(void *user, const struct state_signing_key *key)
{
    (void)key;
    ++*(unsigned *)user;
    return 0;
}

static void test_keys_go_with_their_zone(void **state)
{
    unsigned count = 0;

    (void)state;
    does(test_create_zone(&test, 1, "one.example."));
    does(test_create_zone(&test, 2, "two.example."));
    does(create_key(1, 1, "abc", KMS "1"));
    does(create_key(1, 2, "def", KMS "2"));
    does(create_key(2, 3, "abc", KMS "1"));
    does(delete_zone(1, 4));
    assert_int_equal(state_list_signing_keys(&test.kv, test_id(&test, 'Z', 1), count_key, &count),
                     0);
    assert_int_equal(count, 0);
    assert_int_equal(state_list_signing_keys(&test.kv, test_id(&test, 'Z', 2), count_key, &count),
                     0);
    assert_int_equal(count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_logged_zone_has_slot_until_deleted, start, stop),
        cmocka_unit_test_setup_teardown(test_logging_outlives_imports_and_rebuilds_but_not_its_zone,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_rebuild_forgets_what_state_does_not_have, start, stop),
        cmocka_unit_test_setup_teardown(test_put_logging_refusals, start, stop),
        cmocka_unit_test_setup_teardown(test_key_lives_from_creation_to_deletion, start, stop),
        cmocka_unit_test_setup_teardown(test_create_key_refusals, start, stop),
        cmocka_unit_test_setup_teardown(test_keys_go_with_their_zone, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
