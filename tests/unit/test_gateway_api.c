/* links: gateway
 *
 * From a request line to its operation, and what is said of labels that break the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "gateway/api.h"
#include "gateway/errors.h"
#include "gateway/internal.h"

#define OPERATION_COUNT 71u
#define MEMORY_MAX (4u << 20)

static struct arena *arena;
static struct api_match match;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(MEMORY_MAX);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const char *route(const char *method, const char *target)
{
    int rc = api_route(method, target, arena, &match);

    return rc == 0 ? match.operation->name : rc == ERR_NOT_FOUND ? "(none)" : "(wrong)";
}

/* A path that the template takes, with "L0", "L1" … for its labels. */
static void fill_template(const char *path, char *out)
{
    unsigned label = 0;

    out = stpcpy(out, "/2013-04-01");
    while (*path) {
        if (*path == '{') {
            *out++ = 'L';
            *out++ = (char)('0' + label++);
            path = strchr(path, '}') + 1;
        } else {
            *out++ = *path++;
        }
    }
    *out = '\0';
}

static void test_every_operation_has_a_handler_and_a_path_of_its_own(void **state)
{
    (void)state;
    char target[256];
    unsigned count = 0;

    for (const struct gateway_operation *operation; (operation = api_operation(count)); count++) {
        if (!operation->handler)
            fail_msg("%s has no handler", operation->name);
        fill_template(operation->path, target);
        assert_string_equal(route(operation->method, target), operation->name);
        for (unsigned i = 0; i < match.label_count; i++) {
            assert_int_equal(match.labels[i][0], 'L');
            assert_int_equal(match.labels[i][1], '0' + (int)i);
        }
        size_t len = strlen(target);
        snprintf(target + len, sizeof(target) - len, "%s", target[len - 1] == '/' ? "" : "/");
        assert_string_equal(route(operation->method, target), operation->name);
        assert_string_equal(route("PATCH", target), "(none)");
    }
    assert_int_equal(count, OPERATION_COUNT);
}

static void test_route_labels_are_decoded_and_lose_their_prefix(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/2013-04-01/hostedzone/Z1/rrset",
        "/2013-04-01/hostedzone/Z1/rrset/",
        "/2013-04-01/hostedzone//hostedzone/Z1/rrset",
        "/2013-04-01/hostedzone/%2Fhostedzone%2FZ1/rrset?name=x",
        "/2013-04-01/hostedzone/%5a%31/rrset",
        "//2013-04-01//hostedzone//Z1//rrset//",
    };

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        assert_string_equal(route("GET", targets[i]), "ListResourceRecordSets");
        assert_string_equal(match.labels[0], "Z1");
    }
    assert_string_equal(route("GET", "/2013-04-01/change//change/C1"), "GetChange");
    assert_string_equal(match.labels[0], "C1");
    assert_string_equal(route("GET", "/2013-04-01/hostedzone/hostedzone"), "GetHostedZone");
    assert_string_equal(match.labels[0], "hostedzone");
    assert_string_equal(route("POST", "/2013-04-01/keysigningkey/Z1/a%20b/activate"),
                        "ActivateKeySigningKey");
    assert_string_equal(match.labels[1], "a b");
}

static void test_route_unknown_lines_are_not_found(void **state)
{
    (void)state;
    static const char *const targets[] = {"",
                                          "/",
                                          "*",
                                          "/2013-04-01",
                                          "/2013-04-01/",
                                          "/2012-02-28/hostedzone",
                                          "/2013-04-01/hostedzones",
                                          "/2013-04-01/hostedzone/Z1/rrset/x",
                                          "http://x/2013-04-01/hostedzone",
                                          "/2013-04-01/hostedzone/Z1#/../Z2",
                                          "/2013-04-01/hostedzone/./rrset",
                                          "/2013-04-01/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"};

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        assert_string_equal(route("GET", targets[i]), "(none)");
    assert_string_equal(route("get", "/2013-04-01/hostedzone"), "(none)");
}

static void test_route_parameters_are_decoded(void **state)
{
    (void)state;
    assert_string_equal(route("GET", "/2013-04-01/hostedzone/Z1/"
                                     "rrset?name=%2A.a%20b+c&type=&&maxitems=1&flag&name=2"),
                        "ListResourceRecordSets");
    assert_string_equal(api_parameter(&match, "name"), "*.a b+c");
    assert_string_equal(api_parameter(&match, "type"), "");
    assert_string_equal(api_parameter(&match, "flag"), "");
    assert_string_equal(api_parameter(&match, "maxitems"), "1");
    assert_null(api_parameter(&match, "Name"));
    static const char *const wrong[] = {
        "/2013-04-01/hostedzone/%", "/2013-04-01/hostedzone/%4", "/2013-04-01/hostedzone/%zz",
        "/2013-04-01/hostedzone/a%00b", "/2013-04-01/hostedzone?a=%00"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_string_equal(route("GET", wrong[i]), "(wrong)");
}

static void test_route_parameters_are_bounded(void **state)
{
    (void)state;
    char target[1024] = "/2013-04-01/hostedzone?";

    for (unsigned i = 0; i < API_QUERY_MAX; i++)
        strncat(target, "a=b&", sizeof(target) - strlen(target) - 1);
    assert_int_equal(api_route("GET", target, arena, &match), 0);
    strncat(target, "a", sizeof(target) - strlen(target) - 1);
    assert_int_equal(api_route("GET", target, arena, &match), ERR_LIMIT);
}

/* ---- labels that break the model ---- */

static const char *breach_of(const char *method, const char *target)
{
    static char text[2048];
    struct gateway gateway = {.options = {.is_quiet = true}};
    struct gateway_call *call = call_new(&gateway, target);

    assert_int_equal(api_route(method, target, call->arena, &call->match), 0);
    api_check_labels(call, &call->match);
    snprintf(text, sizeof(text), "%s", call->breaches ? call->breaches : "");
    bool is_valid = gateway_is_valid(call);
    assert_int_equal(call->is_answered, !is_valid);
    if (call->is_answered) {
        assert_int_equal(call->status, 400);
        assert_non_null(strstr(call->answer, "<Code>InvalidInput</Code>"));
        assert_non_null(strstr(call->answer, "validation error"));
    }
    call_free(call);
    call_free_idle(&gateway);
    return text;
}

static void test_labels_are_held_against_the_model(void **state)
{
    (void)state;
    assert_string_equal(breach_of("GET", "/2013-04-01/hostedzone/Z1"), "");
    assert_string_equal(
        breach_of("GET", "/2013-04-01/hostedzone/Z23456789012345678901234567890123"),
        "Value 'Z23456789012345678901234567890123' at 'id' failed to satisfy constraint: Member "
        "must have length less than or equal to 32");
    assert_non_null(
        strstr(breach_of("GET", "/2013-04-01/hostedzone/Z23456789012345678901234567890123/rrset"),
               "at 'hostedZoneId'"));
    assert_string_equal(
        breach_of("GET", "/2013-04-01/tags/zone/Z1"),
        "Value 'zone' at 'resourceType' failed to satisfy constraint: Member must satisfy enum "
        "value set: [healthcheck, hostedzone]");
    assert_string_equal(breach_of("GET", "/2013-04-01/tags/hostedzone/Z1"), "");
    assert_non_null(strstr(breach_of("GET", "/2013-04-01/cidrcollection/x/cidrblocks"),
                           "at 'collectionId' failed to satisfy constraint: Member must satisfy "
                           "regular expression pattern: [0-9a-f]{8}-"));
    assert_string_equal(breach_of("GET", "/2013-04-01/cidrcollection/"
                                         "0f9f3c4e-1111-2222-3333-444455556666/cidrblocks"),
                        "");
    assert_non_null(strstr(breach_of("GET", "/2013-04-01/trafficpolicy/t/1001"),
                           "must have value less than or equal to 1000"));
    assert_non_null(strstr(breach_of("GET", "/2013-04-01/trafficpolicy/t/x"), "'version'"));
    assert_non_null(strstr(breach_of("DELETE", "/2013-04-01/keysigningkey/Z1/ab"),
                           "at 'name' failed to satisfy constraint: Member must have length "
                           "greater than or equal to 3"));
}

static void test_errors_have_the_models_status(void **state)
{
    (void)state;
    assert_int_equal(error_status("NoSuchHostedZone"), 404);
    assert_int_equal(error_status("NoSuchDelegationSet"), 400);
    assert_int_equal(error_status("InvalidChangeBatch"), 400);
    assert_int_equal(error_status("HostedZoneAlreadyExists"), 409);
    assert_int_equal(error_status("NotAuthorizedException"), 401);
    assert_int_equal(error_status("SignatureDoesNotMatch"), 403);
    assert_int_equal(error_status("Throttling"), 400);
    assert_int_equal(error_status("ServiceUnavailable"), 503);
    assert_int_equal(error_status("whatever"), 400);
    assert_string_equal(error_of_code(ERR_UNAVAILABLE), "ServiceUnavailable");
    assert_string_equal(error_of_code(ERR_CORRUPT), "InternalFailure");
    assert_string_equal(error_of_code(-5), "InternalFailure");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_operation_has_a_handler_and_a_path_of_its_own,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_labels_are_decoded_and_lose_their_prefix, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_route_unknown_lines_are_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_parameters_are_decoded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_parameters_are_bounded, setup, teardown),
        cmocka_unit_test(test_labels_are_held_against_the_model),
        cmocka_unit_test(test_errors_have_the_models_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
