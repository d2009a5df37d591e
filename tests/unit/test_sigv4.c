/* links: gateway
 * The vectors were made with botocore; tests/e2e/test_sigv4.py compares with it at large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "gateway/auth.h"
#include "gateway/sigv4.h"

#define KEY_ID "AKIDEXAMPLEEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SCOPE "20260101/us-east-1/route53/aws4_request"
#define NOW_MS UINT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define MINUTE_MS UINT64_C(60000)
#define HOST "route53.amazonaws.com"
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define CHANGE                                                                                     \
    "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">"    \
    "<ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet>"                     \
    "<Name>a.example.com</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord>"       \
    "<Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"     \
    "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"

struct world {
    struct arena *arena;
    struct auth_header headers[8];
    struct auth_request request;
    struct sigv4 claim;
    struct auth_refusal refusal;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->arena = arena_new(8u << 20);
    assert_non_null(world->arena);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    arena_free(world->arena);
    free(world);
    return 0;
}

static void add_header(struct world *world, const char *name, const char *value)
{
    world->headers[world->request.header_count++] = (struct auth_header){name, value};
}

static char *authorization(struct world *world, const char *scope, const char *signed_headers,
                           const char *signature)
{
    char *text = arena_alloc(world->arena, 1024);
    assert_non_null(text);
    snprintf(text, 1024,
             "AWS4-HMAC-SHA256 Credential=" KEY_ID "/%s, SignedHeaders=%s, Signature=%s", scope,
             signed_headers, signature);
    return text;
}

static const char *const zero_signature =
    "0000000000000000000000000000000000000000000000000000000000000000";

/* A request with Host and X-Amz-Date, as boto3 sends it. */
static void begin(struct world *world, const char *method, const char *target)
{
    arena_reset(world->arena);
    world->request = (struct auth_request){
        .method = method, .target = target, .headers = world->headers, .now_wall_ms = NOW_MS};
    memset(&world->claim, 0, sizeof(world->claim));
    memset(&world->refusal, 0, sizeof(world->refusal));
    add_header(world, "Host", HOST);
    add_header(world, "X-Amz-Date", "20260101T000000Z");
}

static int read_claim(struct world *world)
{
    return sigv4_read(&world->request, world->arena, &world->claim, &world->refusal);
}

static bool is_signed(const struct sigv4 *claim)
{
    uint8_t key[SIGV4_KEY_LEN];
    sigv4_signing_key(SECRET, claim, key);
    return sigv4_is_signed(claim, key);
}

static void expect_refusal(struct world *world, const char *error, uint16_t status,
                           const char *words)
{
    assert_int_equal(read_claim(world), ERR_DENIED);
    assert_string_equal(world->refusal.error, error);
    assert_int_equal(world->refusal.status, status);
    if (!strstr(world->refusal.message, words))
        fail_msg("'%s' is not in '%s'", words, world->refusal.message);
}

/* ---- vectors ---- */

static void test_sigv4_read_vectors_match(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *method, *target, *body, *hash, *signature;
    } rows[] = {
        {"GET", "/2013-04-01/hostedzone/Z1/rrset?name=%2A.a%20b.example.com&type=A&maxitems=1", "",
         "07088437e319a71ebdab0b71088ac643536bbb1bb8864a4880eb65bc550802c4",
         "82960b67ad82645cda2dc65784d49a0e509a05dc75f56818249f998625b2f2e3"},
        {"POST", "/2013-04-01/keysigningkey/Z1/a%20b/activate", "",
         "f4be7527da9e3e9b5769d7424b736aa778c5038f46ca2e71be662494111e41af",
         "7a0da6312c60f92462162976366bfd1e35f0cfadd7a561a51fbcca2c7db3f5a7"},
        {"POST", "/2013-04-01/hostedzone/Z1/rrset/", CHANGE,
         "84064b403709d30362812b29959bc44d6a0f3d21e97eea5f91fc955f7c3e9df9",
         "a0cec5b5d891f4e6be785fb70b44218f3a05d03f0301628cbd35bd6e688dd9ed"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(world, rows[i].method, rows[i].target);
        world->request.body = (const uint8_t *)rows[i].body;
        world->request.body_len = strlen(rows[i].body);
        add_header(world, "Authorization",
                   authorization(world, SCOPE, "host;x-amz-date", rows[i].signature));
        assert_int_equal(read_claim(world), 0);
        assert_string_equal(world->claim.access_key_id, KEY_ID);
        assert_string_equal(world->claim.region, "us-east-1");
        assert_string_equal(strrchr(world->claim.to_sign, '\n') + 1, rows[i].hash);
        assert_true(is_signed(&world->claim));
        world->claim.signature[31] ^= 1;
        assert_false(is_signed(&world->claim));
    }
}

/* ---- the canonical form ---- */

static const char *canonical(struct world *world, const char *signed_headers)
{
    add_header(world, "Authorization", authorization(world, SCOPE, signed_headers, zero_signature));
    int rc = read_claim(world);
    if (rc != 0)
        fail_msg("%s", world->refusal.message);
    return world->claim.canonical;
}

static void test_sigv4_read_paths_are_normalised_and_encoded_twice(void **state)
{
    struct world *world = *state;
    static const char *const rows[][2] = {
        {"/", "/"},
        {"/a", "/a"},
        {"/a/", "/a/"},
        {"//a///b", "/a/b"},
        {"/a/./b", "/a/b"},
        {"/a/b/..", "/a"},
        {"/a/b/../", "/a/"},
        {"/../..", "/"},
        {"/../../a", "/a"},
        {"/./", "/"},
        {"/a%20b", "/a%2520b"},
        {"/*:~-_.", "/%2A%3A~-_."},
        {"/%2e%2e/a", "/%252e%252e/a"},
        {"/\xc3\xa9", "/%C3%A9"},
        {"/a/..b/c..", "/a/..b/c.."},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[512];
        begin(world, "GET", rows[i][0]);
        snprintf(expected, sizeof(expected),
                 "GET\n%s\n\nhost:" HOST "\nx-amz-date:20260101T000000Z\n\nhost;x-amz-date\n%s",
                 rows[i][1], EMPTY_HASH);
        assert_string_equal(canonical(world, "host;x-amz-date"), expected);
    }
}

static void test_sigv4_read_query_is_sorted_and_not_decoded(void **state)
{
    struct world *world = *state;
    static const char *const rows[][2] = {
        {"/?", ""},
        {"/?b=2&a=1", "a=1&b=2"},
        {"/?a", "a="},
        {"/?a=2&a=1&a", "a=&a=1&a=2"},
        {"/?a=b=c", "a=b=c"},
        {"/?a-b=1&a=2", "a=2&a-b=1"},
        {"/?x=%2a+y", "x=%2a+y"},
        {"/?a&&b", "=&a=&b="},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[128];
        begin(world, "GET", rows[i][0]);
        int len = snprintf(expected, sizeof(expected), "GET\n/\n%s\nhost:", rows[i][1]);
        assert_memory_equal(canonical(world, "host;x-amz-date"), expected, (size_t)len);
    }
}

static void test_sigv4_read_headers_are_folded_and_joined(void **state)
{
    struct world *world = *state;

    begin(world, "GET", "/");
    add_header(world, "X-Many", "  one \t two  ");
    add_header(world, "x-many", "three");
    add_header(world, "X-Unsigned", "free");
    assert_string_equal(canonical(world, "host;x-amz-date;x-many;x-missing"),
                        "GET\n/\n\nhost:" HOST "\nx-amz-date:20260101T000000Z\n"
                        "x-many:one two,three\nx-missing:\n\n"
                        "host;x-amz-date;x-many;x-missing\n" EMPTY_HASH);
}

static void test_sigv4_read_date_header_is_taken_without_x_amz_date(void **state)
{
    struct world *world = *state;

    begin(world, "GET", "/");
    world->headers[1] = (struct auth_header){"Date", "Thu, 01 Jan 2026 00:00:07 GMT"};
    canonical(world, "date;host");
    assert_string_equal(world->claim.time, "20260101T000007Z");
}

static void test_sigv4_read_content_hash_must_be_the_bodys(void **state)
{
    struct world *world = *state;
    static const char *const wrong[] = {"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                                        "", zero_signature, EMPTY_HASH "0"};

    begin(world, "GET", "/");
    add_header(world, "X-Amz-Content-Sha256", EMPTY_HASH);
    assert_non_null(strstr(canonical(world, "host;x-amz-content-sha256;x-amz-date"),
                           "\nx-amz-content-sha256:" EMPTY_HASH "\n"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(world, "GET", "/");
        add_header(world, "x-amz-content-sha256", wrong[i]);
        add_header(world, "Authorization",
                   authorization(world, SCOPE, "host;x-amz-date", zero_signature));
        expect_refusal(world, "SignatureDoesNotMatch", 403, "header does not match");
    }
}

/* ---- refusals ---- */

static void test_sigv4_read_malformed_header_is_incomplete(void **state)
{
    struct world *world = *state;
    static const char *const rows[][2] = {
        {"Basic dTpw", "must begin with 'AWS4-HMAC-SHA256"},
        {"AWS4-HMAC-SHA256", "must begin with"},
        {"AWS4-HMAC-SHA256X Credential=a", "must begin with"},
        {"AWS4-HMAC-SHA256 ", "requires 'Credential' parameter. Authorization header requires "
                              "'Signature'"},
        {"AWS4-HMAC-SHA256 Credential=a, Signature=b", "requires 'SignedHeaders' parameter."},
        {"AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b", "got 'a'"},
        {"AWS4-HMAC-SHA256 Credential=" KEY_ID "/" SCOPE "/x, SignedHeaders=host, Signature=b",
         "5 slash-delimited"},
        {"AWS4-HMAC-SHA256 Credential=" KEY_ID "/20260101//route53/aws4_request, "
         "SignedHeaders=host, Signature=b",
         "5 slash-delimited"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(world, "GET", "/");
        add_header(world, "Authorization", rows[i][0]);
        expect_refusal(world, "IncompleteSignature", 400, rows[i][1]);
    }
    begin(world, "GET", "/");
    world->request.header_count = 1;
    add_header(world, "Authorization", authorization(world, SCOPE, "host", zero_signature));
    expect_refusal(world, "IncompleteSignature", 400, "either a 'X-Amz-Date' or a 'Date' header.");
    begin(world, "GET", "/");
    world->headers[1].value = "20261301T000000Z";
    add_header(world, "Authorization", authorization(world, SCOPE, "host", zero_signature));
    expect_refusal(world, "IncompleteSignature", 400, "ISO-8601 'basic format'. Got '20261301");
}

static void test_sigv4_read_wrong_scope_is_told(void **state)
{
    struct world *world = *state;
    static const char *const rows[][2] = {
        {"20260101/us-east-1/s3/aws4_request", "correct service: 'route53'"},
        {"20260101/us-east-1/route53/aws5", "valid terminator: 'aws4_request', not 'aws5'"},
        {"20260102/us-east-1/route53/aws4_request", "'20260102' != '20260101'"},
        {"2026/us-east-1/route53/aws4_request", "'2026' != '20260101'"},
        {"20260101/us east/route53/aws4_request", "valid region"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(world, "GET", "/");
        add_header(world, "Authorization",
                   authorization(world, rows[i][0], "host;x-amz-date", zero_signature));
        expect_refusal(world, "SignatureDoesNotMatch", 403, rows[i][1]);
    }
    begin(world, "GET", "/");
    add_header(world, "Authorization",
               "AWS4-HMAC-SHA256 Credential=akid/" SCOPE ", SignedHeaders=host, Signature=b");
    expect_refusal(world, "InvalidClientTokenId", 403, "token included in the request is invalid");
    begin(world, "GET", "/");
    add_header(world, "Authorization", authorization(world, SCOPE, "x-amz-date", zero_signature));
    expect_refusal(world, "SignatureDoesNotMatch", 403, "'Host' or ':authority' must be");
    begin(world, "GET", "/");
    add_header(world, "Authorization", authorization(world, SCOPE, "host", "abc"));
    expect_refusal(world, "SignatureDoesNotMatch", 403, "does not match the signature you");
}

static void test_sigv4_read_clock_may_be_off_by_five_minutes(void **state)
{
    struct world *world = *state;
    static const struct {
        uint64_t now_ms;
        const char *words; /* NULL: good */
    } rows[] = {
        {NOW_MS + 5 * MINUTE_MS, NULL},
        {NOW_MS - 5 * MINUTE_MS, NULL},
        {NOW_MS + 5 * MINUTE_MS + 1000,
         "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z "
         "(20260101T000501Z - 5 min.)"},
        {NOW_MS - 5 * MINUTE_MS - 1000,
         "Signature not yet current: 20260101T000000Z is still later than 20251231T235959Z "
         "(20251231T235459Z + 5 min.)"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(world, "GET", "/");
        world->request.now_wall_ms = rows[i].now_ms;
        add_header(world, "Authorization",
                   authorization(world, SCOPE, "host;x-amz-date", zero_signature));
        if (rows[i].words)
            expect_refusal(world, "SignatureDoesNotMatch", 403, rows[i].words);
        else
            assert_int_equal(read_claim(world), 0);
    }
}

static void test_sigv4_read_floods_are_bounded(void **state)
{
    struct world *world = *state;
    enum { LEN = 200000 };
    char *text = malloc(LEN + 1);
    assert_non_null(text);

    memset(text, '&', LEN);
    text[0] = '/';
    text[1] = '?';
    text[LEN] = '\0';
    begin(world, "GET", text);
    add_header(world, "Authorization", authorization(world, SCOPE, "host", zero_signature));
    expect_refusal(world, "IncompleteSignature", 400, "too large");
    memset(text, 'a', LEN);
    begin(world, "GET", "/");
    add_header(world, "x-long", text);
    add_header(world, "Authorization", authorization(world, SCOPE, "host;x-long", zero_signature));
    expect_refusal(world, "IncompleteSignature", 400, "too large");
    memset(text, ';', LEN);
    text[400] = '\0';
    begin(world, "GET", "/");
    add_header(world, "Authorization", authorization(world, SCOPE, text, zero_signature));
    expect_refusal(world, "IncompleteSignature", 400, "too many headers");
    free(text);
}

/* ---- presigned ---- */

#define PRESIGNED                                                                                  \
    "/2013-04-01/hostedzonecount?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY_ID        \
    "%2F20260101%2Fus-east-1%2Froute53%2Faws4_request&X-Amz-Date=20260101T000000Z"                 \
    "&X-Amz-Expires=600&X-Amz-SignedHeaders=host"

static void test_sigv4_read_presigned_query(void **state)
{
    struct world *world = *state;
    char target[1024];

    snprintf(target, sizeof(target), "%s&X-Amz-Signature=%s", PRESIGNED, zero_signature);
    begin(world, "GET", target);
    world->request.header_count = 1;
    assert_int_equal(read_claim(world), 0);
    assert_true(sigv4_is_claimed(&world->request));
    assert_string_equal(
        world->claim.canonical,
        "GET\n/2013-04-01/"
        "hostedzonecount\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY_ID
        "%2F20260101%2Fus-east-1%2Froute53%2Faws4_request&X-Amz-Date=20260101T000000Z"
        "&X-Amz-Expires=600&X-Amz-SignedHeaders=host\nhost:" HOST "\n\nhost\n" EMPTY_HASH);
    world->request.now_wall_ms = NOW_MS + 600 * 1000;
    assert_int_equal(read_claim(world), 0);
    world->request.now_wall_ms += 1000;
    expect_refusal(world, "SignatureDoesNotMatch", 403, "Signature expired: 20260101T000000Z");
}

static void test_sigv4_read_presigned_query_must_be_whole(void **state)
{
    struct world *world = *state;
    static const char *const rows[][3] = {
        {"X-Amz-Algorithm", "x", "must include 'X-Amz-Algorithm'"},
        {"X-Amz-Signature", "x", "must include 'X-Amz-Signature'"},
        {"600", "604801", "from 1 to 604800"},
        {"600", "0", "from 1 to 604800"},
        {"600", "6e2", "from 1 to 604800"},
        {"=AWS4-HMAC-SHA256", "=AWS4-HMAC-SHA512", "only supports"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char target[1024], changed[1024];
        snprintf(target, sizeof(target), "%s&X-Amz-Signature=%s", PRESIGNED, zero_signature);
        char *at = strstr(target, rows[i][0]);
        assert_non_null(at);
        snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - target), target, rows[i][1],
                 at + strlen(rows[i][0]));
        begin(world, "GET", changed);
        world->request.header_count = 1;
        expect_refusal(world, "IncompleteSignature", 400, rows[i][2]);
    }
}

static void test_sigv4_mismatch_text_shows_what_should_have_been_signed(void **state)
{
    struct world *world = *state;

    begin(world, "GET", "/a");
    canonical(world, "host;x-amz-date");
    const char *text = sigv4_mismatch_text(&world->claim, world->arena);
    assert_non_null(text);
    assert_non_null(strstr(text, "does not match the signature you provided. Check your AWS"));
    assert_non_null(strstr(text, "for details.\n\nThe Canonical String for this request should "
                                 "have been\n'GET\n/a\n\nhost:" HOST "\n"));
    assert_non_null(strstr(text, EMPTY_HASH "'\n\nThe String-to-Sign should have been\n"
                                            "'AWS4-HMAC-SHA256\n20260101T000000Z\n" SCOPE "\n"));
}

/* ---- times ---- */

static void test_auth_time_parse_only_such_times(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "20260101T000000",
                                      "20260101T000000z",
                                      "20260101T0000000Z",
                                      "20260431T000000Z",
                                      "20260101T240000Z",
                                      "20260101T006000Z",
                                      "19691231T235959Z",
                                      "2026-1-1T000000Z",
                                      "20260101 000000Z"};
    uint64_t wall_ms = 7;
    char text[AUTH_TIME_SIZE];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(auth_time_parse(bad[i], &wall_ms));
    assert_int_equal(wall_ms, 7);
    assert_true(auth_time_parse("20240229T235958Z", &wall_ms));
    auth_time_format(wall_ms, text);
    assert_string_equal(text, "20240229T235958Z");
    assert_true(auth_time_parse_http("Fri, 27 Nov 2026 01:02:03 GMT", &wall_ms));
    auth_time_format(wall_ms, text);
    assert_string_equal(text, "20261127T010203Z");
    assert_false(auth_time_parse_http("Fri, 27 Nov 2026 01:02:03", &wall_ms));
    assert_false(auth_time_parse_http("Fri, 27 Nov 2026 01:02:03 GMT+1", &wall_ms));
    assert_false(auth_time_parse_http("", &wall_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sigv4_read_vectors_match),
        cmocka_unit_test(test_sigv4_read_paths_are_normalised_and_encoded_twice),
        cmocka_unit_test(test_sigv4_read_query_is_sorted_and_not_decoded),
        cmocka_unit_test(test_sigv4_read_headers_are_folded_and_joined),
        cmocka_unit_test(test_sigv4_read_date_header_is_taken_without_x_amz_date),
        cmocka_unit_test(test_sigv4_read_content_hash_must_be_the_bodys),
        cmocka_unit_test(test_sigv4_read_malformed_header_is_incomplete),
        cmocka_unit_test(test_sigv4_read_wrong_scope_is_told),
        cmocka_unit_test(test_sigv4_read_clock_may_be_off_by_five_minutes),
        cmocka_unit_test(test_sigv4_read_floods_are_bounded),
        cmocka_unit_test(test_sigv4_read_presigned_query),
        cmocka_unit_test(test_sigv4_read_presigned_query_must_be_whole),
        cmocka_unit_test(test_sigv4_mismatch_text_shows_what_should_have_been_signed),
        cmocka_unit_test(test_auth_time_parse_only_such_times),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
