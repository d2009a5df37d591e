/* links: cluster store test_apply */
/* Tags in the state machine. */
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
#include "store/state_tags.h"
#include "store/state_value.h"

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

/* @words: "key=value" adds, "-key" removes; separated by ';'. */
static Cmd__Command *change(struct test_apply *test, Cmd__TagResource resource, char *id,
                            const char *words)
{
    Cmd__Command *command = test_command(test);
    Cmd__ChangeTags *body = test_apply_alloc(test, sizeof(*body));
    char *copy = test_apply_format(test, "%s", words), *rest = NULL;

    cmd__change_tags__init(body);
    command->kind_case = CMD__COMMAND__KIND_CHANGE_TAGS;
    command->change_tags = body;
    body->resource = resource;
    body->resource_id = id;
    body->add = test_apply_alloc(test, 100 * sizeof(*body->add));
    body->remove = test_apply_alloc(test, 100 * sizeof(*body->remove));
    for (char *word = strtok_r(copy, ";", &rest); word; word = strtok_r(NULL, ";", &rest)) {
        if (*word == '-') {
            body->remove[body->n_remove++] = word + 1;
            continue;
        }
        Cmd__Tag *tag = test_apply_alloc(test, sizeof(*tag));
        cmd__tag__init(tag);
        tag->key = word;
        tag->value = strchr(word, '=') + 1;
        tag->value[-1] = '\0';
        body->add[body->n_add++] = tag;
    }
    return command;
}

static Cmd__Command *of_zone(struct test_apply *test, uint64_t number, const char *words)
{
    return change(test, CMD__TAG_RESOURCE__TAG_RESOURCE_ZONE, test_id(test, 'Z', number), words);
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

static int on_tag(void *user, const struct state_tag *tag)
{
    snprintf((char *)user + strlen(user), 4096 - strlen(user), "%s=%s;", tag->key, tag->value);
    return 0;
}

static const char *tags(struct test_apply *test, enum state_tag_resource resource, const char *id)
{
    static char out[4096];

    out[0] = 0;
    assert_int_equal(state_list_tags(&test->kv, resource, id, on_tag, out), 0);
    return out;
}

static const char *zone_tags(struct test_apply *test, uint64_t number)
{
    return tags(test, STATE_TAG_ZONE, test_id(test, 'Z', number));
}

static void test_change_adds_replaces_removes(void **state)
{
    struct test_apply *test = *state;

    does(test, test_create_zone(test, 1, "example"));
    does(test, of_zone(test, 1, "team=web;stage=;a/b:c=1=2"));
    assert_string_equal(zone_tags(test, 1), "a/b:c=1=2;stage=;team=web;");
    does(test, of_zone(test, 1, "team=dns;-stage;-never"));
    assert_string_equal(zone_tags(test, 1), "a/b:c=1=2;team=dns;");
    does(test, of_zone(test, 1, "team=x;-team")); /* what is added stays */
    assert_string_equal(zone_tags(test, 1), "a/b:c=1=2;team=x;");
    does(test, of_zone(test, 1, "-team;-a/b:c"));
    assert_string_equal(zone_tags(test, 1), "");
}

static void test_change_of_no_resource_refused(void **state)
{
    struct test_apply *test = *state;
    char *none = test_apply_format(test, "00000001-0000-4000-8000-000000000000");

    refuses(test, of_zone(test, 1, "a=b"), ERR_NOT_FOUND, "Z0");
    const struct apply_result *result = test_apply_one(
        test, change(test, CMD__TAG_RESOURCE__TAG_RESOURCE_HEALTH_CHECK, none, "a=b"));
    assert_int_equal(result->code, ERR_NOT_FOUND);
    assert_string_equal(result->error, "NoSuchHealthCheck");
    refuses(test, change(test, CMD__TAG_RESOURCE__TAG_RESOURCE_NONE, none, "a=b"), ERR_INVALID,
            "zones and health checks");
}

static void test_malformed_tags_refused(void **state)
{
    struct test_apply *test = *state;
    char text[300];

    does(test, test_create_zone(test, 1, "example"));
    refuses(test, of_zone(test, 1, ""), ERR_INVALID, "no tag");
    refuses(test, of_zone(test, 1, "=b"), ERR_INVALID, "empty");
    refuses(test, of_zone(test, 1, "a*=b"), ERR_INVALID, "'*'");
    refuses(test, of_zone(test, 1, "a=b\tc"), ERR_INVALID, "printable");
    refuses(test, of_zone(test, 1, "AWS:a=b"), ERR_INVALID, "reserved");
    refuses(test, of_zone(test, 1, "a=b;a=c"), ERR_INVALID, "twice");
    snprintf(text, sizeof(text), "%0129d=x", 0);
    refuses(test, of_zone(test, 1, text), ERR_INVALID, "128 characters");
    snprintf(text, sizeof(text), "a=%0257d", 0);
    refuses(test, of_zone(test, 1, text), ERR_INVALID, "256 characters");
    snprintf(text, sizeof(text), "%0128d=\xc3\xa4\xf0\x9f\x8d\xba", 0); /* characters, not octets */
    does(test, of_zone(test, 1, text));
    snprintf(text + 1, sizeof(text) - 1, "=%0256d", 0);
    does(test, of_zone(test, 1, text));
}

static void test_limit_counts_all_tags(void **state)
{
    struct test_apply *test = *state;
    char words[1024] = "";

    does(test, test_create_zone(test, 1, "example"));
    for (unsigned i = 0; i < 50; i++)
        snprintf(words + strlen(words), sizeof(words) - strlen(words), "k%u=v;", i);
    does(test, of_zone(test, 1, words));
    const struct apply_result *result = test_apply_one(test, of_zone(test, 1, "one=more"));
    assert_int_equal(result->code, ERR_LIMIT);
    assert_string_equal(result->error, "InvalidInput");
    does(test, of_zone(test, 1, "k7=w"));
    does(test, of_zone(test, 1, "one=more;-k7"));
}

static void test_tags_go_with_their_resource(void **state)
{
    struct test_apply *test = *state;
    Cmd__Command *command = test_command(test);
    Cmd__DeleteZone deletion = CMD__DELETE_ZONE__INIT;

    does(test, test_create_zone(test, 1, "example"));
    does(test, test_create_zone(test, 2, "other"));
    does(test, of_zone(test, 1, "a=1"));
    does(test, of_zone(test, 2, "a=2"));
    deletion.zone_id = test_id(test, 'Z', 1);
    deletion.change_id = test_id(test, 'C', 77);
    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = &deletion;
    does(test, command);
    assert_string_equal(zone_tags(test, 1), "");
    assert_string_equal(zone_tags(test, 2), "a=2;");
}

static void test_stored_tags_checked(void **state)
{
    static const uint8_t tag[] = {0x08, 1, 0x12, 6, 0x0a, 1, 'k', 0x12, 1, 'v'};
    static const uint8_t no_key[] = {0x08, 1, 0x12, 3, 0x12, 1, 'v'};
    static const uint8_t none[] = {0x08, 1}, newer[] = {0x08, 2};
    struct kv_slice key = kv_slice("THid", 4);

    (void)state;
    assert_int_equal(state_value_check(KV_OBJECTS, key, kv_slice(tag, sizeof(tag))), 0);
    assert_int_equal(state_value_check(KV_OBJECTS, key, kv_slice(no_key, sizeof(no_key))),
                     ERR_CORRUPT);
    assert_int_equal(state_value_check(KV_OBJECTS, key, kv_slice(none, sizeof(none))), ERR_CORRUPT);
    assert_int_equal(state_value_check(KV_OBJECTS, key, kv_slice(newer, sizeof(newer))),
                     ERR_VERSION);
    key = kv_slice("TXid", 4);
    assert_int_equal(state_value_check(KV_OBJECTS, key, kv_slice(tag, sizeof(tag))), ERR_CORRUPT);
    key = kv_slice("T", 1);
    assert_int_equal(state_value_check(KV_OBJECTS, key, kv_slice(tag, sizeof(tag))), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_change_adds_replaces_removes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_change_of_no_resource_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed_tags_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit_counts_all_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tags_go_with_their_resource, setup, teardown),
        cmocka_unit_test(test_stored_tags_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
