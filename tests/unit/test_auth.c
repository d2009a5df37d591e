/* links: gateway proto base
 * Authentication over a node that is a table: what is asked when, what is remembered for how long,
 * quotas; and authorization over XML bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hex.h"
#include "gateway/auth.h"
#include "gateway/auth_known.h"
#include "gateway/auth_principal.h"
#include "gateway/sigv4.h"
#include "gateway/xml_reader.h"
#include "proto/control.pb-c.h"
#include "route53/iam.h"

#define ID "AKIAABCDEFGH2345IJKL"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define WALL_MS UINT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define ASKED_MAX 64

struct asked { /* a question that the node has not answered yet */
    auth_reply_cb done;
    void *user;
    char id[SIGV4_KEY_ID_SIZE], region[SIGV4_SCOPE_SIZE], text[80];
    struct sigv4 scope;
    bool is_sha1;
};
struct world {
    struct auth *auth;
    struct arena *arena;
    struct asked asked[ASKED_MAX];
    unsigned asked_count, total_asked;
    bool answers_at_once, is_away;
    /* What the node knows. */
    bool is_revoked;
    const char *secret, *policy, *user_name;
    uint32_t requests_per_s;
    uint64_t now_mono_ms;
    /* The last outcome. */
    unsigned done_count;
    struct auth_principal *principal;
    char error[64], message[4096];
    uint16_t status;
};

/* ---- the node ---- */

static void sign_v3(const struct asked *asked, const char *secret, uint8_t *out, size_t *len)
{
    if (asked->is_sha1) {
        struct hmac_sha1_ctx mac;
        hmac_sha1_set_key(&mac, strlen(secret), (const uint8_t *)secret);
        hmac_sha1_update(&mac, strlen(asked->text), (const uint8_t *)asked->text);
        hmac_sha1_digest(&mac, *len = SHA1_DIGEST_SIZE, out);
    } else {
        struct hmac_sha256_ctx mac;
        hmac_sha256_set_key(&mac, strlen(secret), (const uint8_t *)secret);
        hmac_sha256_update(&mac, strlen(asked->text), (const uint8_t *)asked->text);
        hmac_sha256_digest(&mac, *len = SHA256_DIGEST_SIZE, out);
    }
}

static void answer_one(struct world *world, const struct asked *asked)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__CredentialReply body = CTL__CREDENTIAL_REPLY__INIT;
    uint8_t octets[32];
    size_t len = sizeof(octets);

    if (world->is_away) {
        asked->done(asked->user, NULL);
        return;
    }
    if (world->is_revoked || strcmp(asked->id, ID) != 0) {
        reply.code = ERR_DENIED;
        reply.error = "InvalidClientTokenId";
        reply.message = "The security token included in the request is invalid.";
        asked->done(asked->user, &reply);
        return;
    }
    body.access_key_id = ID;
    body.user_name = (char *)(uintptr_t)world->user_name;
    body.policy = (char *)(uintptr_t)world->policy;
    body.requests_per_s = world->requests_per_s;
    if (asked->text[0]) {
        sign_v3(asked, world->secret, octets, &len);
        body.v3_signature = (ProtobufCBinaryData){len, octets};
    } else {
        sigv4_signing_key(world->secret, &asked->scope, octets);
        body.signing_key = (ProtobufCBinaryData){len, octets};
    }
    reply.kind_case = CTL__REPLY__KIND_CREDENTIAL;
    reply.credential = &body;
    asked->done(asked->user, &reply);
}

static void answer_all(struct world *world)
{
    struct asked asked[ASKED_MAX];
    unsigned count = world->asked_count;

    memcpy(asked, world->asked, sizeof(asked));
    world->asked_count = 0;
    for (unsigned i = 0; i < count; i++)
        answer_one(world, &asked[i]);
}

static void ask(void *user, struct Ctl__Request *request, auth_reply_cb done, void *done_user)
{
    struct world *world = user;
    const Ctl__CredentialUse *use = request->credential_use;
    struct asked *asked = &world->asked[world->asked_count++];

    assert_int_equal(request->kind_case, CTL__REQUEST__KIND_CREDENTIAL_USE);
    assert_true(world->asked_count < ASKED_MAX);
    *asked = (struct asked){.done = done, .user = done_user, .is_sha1 = use->v3_is_sha1};
    snprintf(asked->id, sizeof(asked->id), "%s", use->access_key_id);
    snprintf(asked->text, sizeof(asked->text), "%s", use->v3_text);
    snprintf(asked->scope.date, sizeof(asked->scope.date), "%s", use->date);
    snprintf(asked->scope.region, sizeof(asked->scope.region), "%s", use->region);
    snprintf(asked->scope.service, sizeof(asked->scope.service), "%s", use->service);
    world->total_asked++;
    if (world->answers_at_once)
        answer_all(world);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    const struct auth_options options = {.port = {world, ask}, .may_v3_on_loopback = true};
    world->auth = auth_new(&options);
    world->arena = arena_new(8u << 20);
    assert_non_null(world->auth);
    assert_non_null(world->arena);
    world->secret = SECRET;
    world->policy = world->user_name = "";
    world->answers_at_once = true;
    world->now_mono_ms = 100000;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    auth_principal_free(world->principal);
    auth_free(world->auth);
    arena_free(world->arena);
    free(world);
    return 0;
}

/* ---- the client ---- */

static void on_done(void *user, const struct auth_result *result)
{
    struct world *world = user;

    auth_principal_free(world->principal);
    world->principal = result->principal;
    world->done_count++;
    world->status = result->principal ? 200 : result->status;
    snprintf(world->error, sizeof(world->error), "%s", result->principal ? "" : result->error);
    snprintf(world->message, sizeof(world->message), "%s",
             result->principal ? "" : result->message);
}

static void send_headers(struct world *world, const struct auth_header *headers, size_t count,
                         bool is_tls)
{
    struct sockaddr_in client = {.sin_family = AF_INET};
    client.sin_addr.s_addr = htonl(0xc0000207); /* 192.0.2.7 */
    const struct auth_request request = {.method = "GET",
                                         .target = "/2013-04-01/hostedzonecount",
                                         .headers = headers,
                                         .header_count = count,
                                         .client = (const struct sockaddr *)(const void *)&client,
                                         .is_tls = is_tls,
                                         .now_wall_ms = WALL_MS,
                                         .now_mono_ms = world->now_mono_ms};
    auth_check(world->auth, &request, on_done, world);
}

/* A signed request; the canonical form is read off the claim itself, with a signature of zeros. */
static void send_signed(struct world *world, const char *id, const char *secret, const char *region)
{
    char text[512], hex[65] = "0000000000000000000000000000000000000000000000000000000000000000";
    struct auth_header headers[] = {
        {"Host", "h"}, {"X-Amz-Date", "20260101T000000Z"}, {"Authorization", text}};
    struct auth_request request = {.method = "GET",
                                   .target = "/2013-04-01/hostedzonecount",
                                   .headers = headers,
                                   .header_count = 3,
                                   .now_wall_ms = WALL_MS};
    struct auth_refusal refusal;
    struct sigv4 claim;
    uint8_t key[SIGV4_KEY_LEN], signature[SIGV4_KEY_LEN];
    struct hmac_sha256_ctx mac;

    for (unsigned round = 0; round < 2; round++) {
        snprintf(text, sizeof(text),
                 "AWS4-HMAC-SHA256 Credential=%s/20260101/%s/route53/aws4_request, "
                 "SignedHeaders=host;x-amz-date, Signature=%s",
                 id, region, hex);
        arena_reset(world->arena);
        assert_int_equal(sigv4_read(&request, world->arena, &claim, &refusal), 0);
        sigv4_signing_key(secret, &claim, key);
        hmac_sha256_set_key(&mac, sizeof(key), key);
        hmac_sha256_update(&mac, strlen(claim.to_sign), (const uint8_t *)claim.to_sign);
        hmac_sha256_digest(&mac, sizeof(signature), signature);
        hex_format(signature, sizeof(signature), hex);
    }
    send_headers(world, headers, 3, false);
}

static void expect(struct world *world, unsigned done_count, uint16_t status, const char *error)
{
    assert_int_equal(world->done_count, done_count);
    assert_string_equal(world->error, error);
    assert_int_equal(world->status, status);
}

/* ---- authentication ---- */

static void test_auth_check_good_signature_is_who_it_is(void **state)
{
    struct world *world = *state;

    world->user_name = "deploy";
    send_signed(world, ID, SECRET, "eu-west-1");
    expect(world, 1, 200, "");
    assert_string_equal(auth_access_key_id(world->principal), ID);
    assert_string_equal(auth_user_name(world->principal), "deploy");
    assert_string_equal(auth_actor(world->principal), "deploy (" ID ")");
    assert_string_equal(world->principal->client, "192.0.2.7");
}

static void test_auth_check_refusals(void **state)
{
    struct world *world = *state;

    send_headers(world, NULL, 0, false);
    expect(world, 1, 403, "MissingAuthenticationToken");
    assert_string_equal(world->message, "Missing Authentication Token");
    send_signed(world, ID, "another secret", "us-east-1");
    expect(world, 2, 403, "SignatureDoesNotMatch");
    assert_non_null(strstr(world->message, "The Canonical String for this request should have "
                                           "been\n'GET\n/2013-04-01/hostedzonecount\n"));
    send_signed(world, "AKIANOBODYKNOWSIT234", SECRET, "us-east-1");
    expect(world, 3, 403, "InvalidClientTokenId");
    assert_string_equal(world->message, "The security token included in the request is invalid.");
    assert_int_equal(world->total_asked, 2);
    world->is_away = true;
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 4, 503, "ServiceUnavailable");
}

static void test_auth_check_key_is_remembered_and_asked_for_in_time(void **state)
{
    struct world *world = *state;
    static const struct {
        uint64_t after_ms;
        unsigned asked; /* in all */
    } rows[] = {{0, 1}, {0, 1}, {999, 1}, {1, 2}, {999, 2}, {500, 3}, {2000, 4}};

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world->now_mono_ms += rows[i].after_ms;
        send_signed(world, ID, SECRET, "us-east-1");
        expect(world, i + 1, 200, "");
        assert_int_equal(world->total_asked, rows[i].asked);
    }
    send_signed(world, ID, SECRET, "eu-west-1"); /* another key */
    expect(world, 8, 200, "");
    assert_int_equal(world->total_asked, 5);
}

static void test_auth_check_old_key_waits_for_the_node(void **state)
{
    struct world *world = *state;

    world->answers_at_once = false;
    send_signed(world, ID, SECRET, "us-east-1");
    send_signed(world, ID, SECRET, "us-east-1");
    assert_int_equal(world->done_count, 0);
    answer_all(world);
    expect(world, 2, 200, "");
    world->now_mono_ms += 1500; /* it is asked for again, but nobody waits */
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 3, 200, "");
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 4, 200, "");
    assert_int_equal(world->asked_count, 1);
    world->now_mono_ms += 500; /* too old by now */
    send_signed(world, ID, SECRET, "us-east-1");
    assert_int_equal(world->done_count, 4);
    assert_int_equal(world->asked_count, 2);
    answer_all(world);
    expect(world, 5, 200, "");
}

static void test_auth_check_revoked_key_is_refused_within_its_time(void **state)
{
    struct world *world = *state;

    send_signed(world, ID, SECRET, "us-east-1");
    send_signed(world, ID, SECRET, "eu-west-1");
    world->is_revoked = true;
    world->now_mono_ms += 999;
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 3, 200, "");
    world->now_mono_ms += 1; /* asked for again: the next one is refused, by any region's key */
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 4, 200, "");
    send_signed(world, ID, SECRET, "eu-west-1");
    expect(world, 5, 403, "InvalidClientTokenId");
}

static void test_auth_check_away_node_ends_what_is_known(void **state)
{
    struct world *world = *state;

    send_signed(world, ID, SECRET, "us-east-1");
    world->is_away = true;
    world->now_mono_ms += 1999;
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 2, 200, "");
    world->now_mono_ms += 1;
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 3, 503, "ServiceUnavailable");
    world->is_away = false;
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 4, 200, "");
}

static void test_auth_check_wrong_signatures_are_not_remembered_by(void **state)
{
    struct world *world = *state;
    char region[32];

    send_signed(world, ID, SECRET, "us-east-1");
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(region, sizeof(region), "nowhere-%u", i);
        send_signed(world, ID, "guess", region);
        assert_string_equal(world->error, "SignatureDoesNotMatch");
    }
    unsigned asked = world->total_asked;
    send_signed(world, ID, SECRET, "us-east-1");
    assert_int_equal(world->status, 200);
    assert_int_equal(world->total_asked, asked);
    for (unsigned i = 0; i < 3000; i++) { /* its owner may: memory is bounded all the same */
        snprintf(region, sizeof(region), "mine-%u", i);
        send_signed(world, ID, SECRET, region);
        assert_int_equal(world->status, 200);
    }
}

static void test_auth_check_quota_is_a_bucket_of_one_second(void **state)
{
    struct world *world = *state;

    world->requests_per_s = 5;
    for (unsigned i = 0; i < 5; i++) {
        send_signed(world, ID, SECRET, "us-east-1");
        assert_int_equal(world->status, 200);
    }
    send_signed(world, ID, SECRET, "eu-west-1"); /* one bucket for the access key */
    expect(world, 6, 400, "Throttling");
    assert_string_equal(world->message, "Rate exceeded");
    world->now_mono_ms += 200;
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 7, 200, "");
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 8, 400, "Throttling");
    world->now_mono_ms += 60000;
    for (unsigned i = 0; i < 5; i++) {
        send_signed(world, ID, SECRET, "us-east-1");
        assert_int_equal(world->status, 200);
    }
    send_signed(world, ID, SECRET, "us-east-1");
    expect(world, 14, 400, "Throttling");
}

static void send_v3(struct world *world, const char *secret, bool is_sha1, bool is_tls)
{
    static const char date[] = "Thu, 01 Jan 2026 00:00:00 GMT";
    struct asked asked = {.is_sha1 = is_sha1};
    uint8_t octets[32];
    size_t len;
    char base64[64] = "", text[256];

    snprintf(asked.text, sizeof(asked.text), "%s", date);
    sign_v3(&asked, secret, octets, &len);
    base64_encode_raw(base64, len, octets);
    snprintf(text, sizeof(text), "AWS3-HTTPS AWSAccessKeyId=%s,Signature=%s,Algorithm=%s", ID,
             base64, is_sha1 ? "HmacSHA1" : "HmacSHA256");
    const struct auth_header headers[] = {
        {"Host", "h"}, {"Date", date}, {"X-Amzn-Authorization", text}};
    send_headers(world, headers, 3, is_tls);
}

static void test_auth_check_version_3_is_for_tls(void **state)
{
    struct world *world = *state;

    send_v3(world, SECRET, true, true);
    expect(world, 1, 200, "");
    send_v3(world, SECRET, false, true);
    expect(world, 2, 200, "");
    send_v3(world, "another secret", true, true);
    expect(world, 3, 403, "SignatureDoesNotMatch");
    send_v3(world, SECRET, true, false); /* not from this machine */
    expect(world, 4, 403, "AccessDenied");
    assert_int_equal(world->total_asked, 3);
}

static void test_auth_check_quota_holds_for_version_3_too(void **state)
{
    struct world *world = *state;

    world->requests_per_s = 1;
    send_v3(world, SECRET, true, true);
    expect(world, 1, 200, "");
    send_v3(world, SECRET, true, true);
    expect(world, 2, 400, "Throttling");
}

/* ---- authorization ---- */

#define CHANGES(changes)                                                                           \
    "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes>" changes                              \
    "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
#define ONE(action, name, type)                                                                    \
    "<Change><Action>" action "</Action><ResourceRecordSet><Name>" name "</Name><Type>" type       \
    "</Type></ResourceRecordSet></Change>"
#define ALLOW(action, resource)                                                                    \
    "{\"Effect\":\"Allow\",\"Action\":\"" action "\",\"Resource\":\"" resource "\"}"
#define POLICY(statements) "{\"Version\":\"2012-10-17\",\"Statement\":[" statements "]}"
#define ARN "arn:aws:route53:::"

static const char acme[] = POLICY(ALLOW("route53:List*", "*") "," ALLOW(
    "route53:GetChange",
    ARN "change/*") ","
                    "{\"Effect\":\"Allow\",\"Action\":\"route53:ChangeResourceRecordSets\","
                    "\"Resource\":\"" ARN "hostedzone/Z1\",\"Condition\":{"
                    "\"ForAllValues:StringEquals\":{"
                    "\"" IAM_KEY_RECORD_NAMES "\":[\"_acme-challenge.example.com\","
                    "\"_acme-challenge.\\\\052.example.com\"],"
                    "\"" IAM_KEY_RECORD_TYPES "\":[\"TXT\"],"
                    "\"" IAM_KEY_ACTIONS "\":[\"UPSERT\",\"DELETE\"]}}}");

struct question {
    const char *policy, *operation, *path, *labels[3], *body;
    const char *parameter, *value; /* of the query */
    const char *words;             /* NULL: allowed */
};

static const char *query_of(const void *user, const char *name)
{
    const struct question *question = user;

    return question->parameter && strcmp(question->parameter, name) == 0 ? question->value : NULL;
}

/* A principal with that policy, as the node would make one. */
static struct auth_principal *with_policy(struct world *world, const char *policy)
{
    world->policy = policy;
    world->user_name = "ci";
    world->now_mono_ms += 10000;
    send_signed(world, ID, SECRET, "us-east-1");
    assert_int_equal(world->status, 200);
    return world->principal;
}

static void check_question(struct world *world, const struct question *question)
{
    const struct auth_principal *principal = with_policy(world, question->policy);
    char message[AUTH_MESSAGE_SIZE] = "";
    const char *problem = "";
    struct auth_asked asked = {
        question->operation, question->path, question->labels, NULL, query_of, question};

    arena_reset(world->arena);
    if (question->body &&
        xml_read(world->arena, question->body, strlen(question->body), &asked.body, &problem) != 0)
        fail_msg("%s", problem);
    int rc = auth_authorize_asked(principal, &asked, world->arena, message);
    if (rc != (question->words ? ERR_DENIED : 0))
        fail_msg("%s %s %s: %d %s", question->operation, question->labels[0], question->body, rc,
                 message);
    if (question->words && !strstr(message, question->words))
        fail_msg("'%s' is not in '%s'", question->words, message);
}

static void check_questions(struct world *world, const struct question *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_question(world, &rows[i]);
}
#define CHECK(world, rows) check_questions(world, rows, sizeof(rows) / sizeof(rows[0]))

#define CHANGE "ChangeResourceRecordSets", "/hostedzone/{Id}/rrset/"
#define DENIED_CHANGE                                                                              \
    "User: arn:aws:iam::000000000000:user/ci is not authorized to perform: "                       \
    "route53:ChangeResourceRecordSets on resource: " ARN "hostedzone/Z1 because no "               \
    "identity-based policy allows the route53:ChangeResourceRecordSets action"

static const struct question acme_rows[] = {
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("UPSERT", "_acme-challenge.example.com", "TXT")),
     .words = NULL},
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("DELETE", "_ACME-Challenge.EXAMPLE.com.", "TXT")),
     .words = NULL},
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("UPSERT", "\\137acme-challenge.example.com", "txt")),
     .words = NULL},
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("UPSERT", "_acme-challenge.*.example.com", "TXT")),
     .words = NULL},
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("UPSERT", "_acme-challenge.example.com", "TXT")
                 ONE("DELETE", "_acme-challenge.*.example.com", "TXT")),
     .words = NULL},
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("UPSERT", "www.example.com", "TXT")),
     .words = DENIED_CHANGE},
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("UPSERT", "_acme-challenge.example.com", "TXT")
                 ONE("UPSERT", "www.example.com", "TXT")),
     .words = DENIED_CHANGE},
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("UPSERT", "_acme-challenge.example.com", "A")),
     .words = DENIED_CHANGE},
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("CREATE", "_acme-challenge.example.com", "TXT")),
     .words = DENIED_CHANGE},
    {acme,
     CHANGE,
     {"Z1"},
     CHANGES(ONE("UPSERT", "_acme-challenge..example.com", "TXT")),
     .words = DENIED_CHANGE},
    {acme, CHANGE, {"Z1"}, CHANGES("<Change/>"), .words = DENIED_CHANGE},
    {acme,
     CHANGE,
     {"Z2"},
     CHANGES(ONE("UPSERT", "_acme-challenge.example.com", "TXT")),
     .words = "on resource: " ARN "hostedzone/Z2 because"},
    {acme, "GetChange", "/change/{Id}", {"C1"}, NULL, .words = NULL},
    {acme, "ListHostedZonesByName", "/hostedzonesbyname", {0}, NULL, .words = NULL},
    {acme,
     "DeleteHostedZone",
     "/hostedzone/{Id}",
     {"Z1"},
     NULL,
     .words = "route53:DeleteHostedZone on resource"},
    {acme,
     "GetHostedZoneCount",
     "/hostedzonecount",
     {0},
     NULL,
     .words = "to perform: route53:GetHostedZoneCount because no identity-based"},
};

static void test_auth_authorize_acme_key(void **state)
{
    CHECK(*state, acme_rows);
}

static const char mixed[] = POLICY(
    ALLOW("*", "*") ","
                    "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":[\"" ARN "hostedzone/Z9\","
                    "\"" ARN "trafficpolicy/99999999-0000-4000-8000-000000000000\","
                    "\"" ARN "healthcheck/99999999-0000-4000-8000-000000000000\","
                    "\"" ARN "delegationset/N9\",\"" ARN "cidrcollection/9\"]},"
                    "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{"
                    "\"ForAnyValue:StringLike\":{\"" IAM_KEY_VPCS "\":\"VPCId=vpc-9,*\"}}}");
#define EXPLICIT "with an explicit deny in an identity-based policy"

static const struct question mixed_rows[] = {
    {mixed, "GetHostedZone", "/hostedzone/{Id}", {"Z1"}, NULL, .words = NULL},
    {mixed, "GetHostedZone", "/hostedzone/{Id}", {"Z9"}, NULL, .words = EXPLICIT},
    {mixed,
     "GetHostedZone",
     "/hostedzone/{Id}",
     {"example.com"},
     NULL,
     .words = "hostedzone/example.com because no identity-based policy"},
    {mixed, "GetHostedZone", "/hostedzone/{Id}", {"z9"}, NULL, .words = "because no"},
    {mixed, "GetHostedZone", "/hostedzone/{Id}", {""}, NULL, .words = "because no"},
    {mixed,
     "GetHostedZoneLimit",
     "/hostedzonelimit/{Id}/{Type}",
     {"Z9", "x"},
     NULL,
     .words = EXPLICIT},
    {mixed,
     "ActivateKeySigningKey",
     "/keysigningkey/{HostedZoneId}/{Name}/activate",
     {"Z9", "k"},
     NULL,
     .words = EXPLICIT},
    {mixed,
     "CreateKeySigningKey",
     "/keysigningkey",
     {0},
     "<CreateKeySigningKeyRequest><HostedZoneId>Z9</HostedZoneId></CreateKeySigningKeyRequest>",
     .words = EXPLICIT},
    {mixed,
     "CreateTrafficPolicyInstance",
     "/trafficpolicyinstance",
     {0},
     "<r><HostedZoneId>/hostedzone/Z9</HostedZoneId><TrafficPolicyId>"
     "11111111-0000-4000-8000-000000000000</TrafficPolicyId></r>",
     .words = EXPLICIT},
    {mixed,
     "CreateTrafficPolicyInstance",
     "/trafficpolicyinstance",
     {0},
     "<r><HostedZoneId>Z1</HostedZoneId><TrafficPolicyId>"
     "99999999-0000-4000-8000-000000000000</TrafficPolicyId></r>",
     .words = EXPLICIT},
    {mixed,
     "CreateTrafficPolicyInstance",
     "/trafficpolicyinstance",
     {0},
     "<r><HostedZoneId>Z1</HostedZoneId><TrafficPolicyId>"
     "11111111-0000-4000-8000-000000000000</TrafficPolicyId></r>",
     .words = NULL},
    {mixed,
     "ListTagsForResource",
     "/tags/{ResourceType}/{ResourceId}",
     {"hostedzone", "Z9"},
     NULL,
     .words = EXPLICIT},
    {mixed,
     "ListTagsForResources",
     "/tags/{ResourceType}",
     {"hostedzone"},
     "<r><ResourceIds><ResourceId>Z1</ResourceId><ResourceId>Z9</ResourceId></ResourceIds></r>",
     .words = EXPLICIT},
    {mixed,
     "GetHealthCheck",
     "/healthcheck/{HealthCheckId}",
     {"99999999-0000-4000-8000-000000000000"},
     NULL,
     .words = EXPLICIT},
    {mixed, "GetReusableDelegationSet", "/delegationset/{Id}", {"N9"}, NULL, .words = EXPLICIT},
    {mixed,
     "ListCidrBlocks",
     "/cidrcollection/{CidrCollectionId}/cidrblocks",
     {"9"},
     NULL,
     .words = EXPLICIT},
    {mixed,
     "ListTrafficPolicyInstancesByHostedZone",
     "/trafficpolicyinstances/hostedzone",
     {0},
     NULL,
     "id",
     "Z9",
     .words = EXPLICIT},
    {mixed,
     "ListQueryLoggingConfigs",
     "/queryloggingconfig",
     {0},
     NULL,
     "hostedzoneid",
     "Z9",
     .words = EXPLICIT},
    {mixed, "ListQueryLoggingConfigs", "/queryloggingconfig", {0}, NULL, .words = NULL},
    {mixed,
     "CreateHostedZone",
     "/hostedzone",
     {0},
     "<r><VPC><VPCRegion>here</VPCRegion><VPCId>vpc-9</VPCId></VPC></r>",
     .words = EXPLICIT},
    {mixed,
     "CreateHostedZone",
     "/hostedzone",
     {0},
     "<r><VPC><VPCRegion>here</VPCRegion><VPCId>vpc-1</VPCId></VPC></r>",
     .words = NULL},
    {mixed,
     "ListHostedZonesByVPC",
     "/hostedzonesbyvpc",
     {0},
     NULL,
     "vpcid",
     "vpc-9",
     .words = EXPLICIT},
};

static void test_auth_authorize_finds_resources_everywhere(void **state)
{
    CHECK(*state, mixed_rows);
}

static void test_auth_authorize_where_the_client_is(void **state)
{
    static const struct question rows[] = {
        {POLICY("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{"
                "\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"},"
                "\"StringEquals\":{\"aws:username\":\"ci\"}}}"),
         "GetHostedZoneCount",
         "/hostedzonecount",
         {0},
         NULL,
         .words = NULL},
        {POLICY("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{"
                "\"IpAddress\":{\"aws:SourceIp\":\"192.0.3.0/24\"}}}"),
         "GetHostedZoneCount",
         "/hostedzonecount",
         {0},
         NULL,
         .words = "not authorized"},
        {POLICY("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{"
                "\"Bool\":{\"aws:SecureTransport\":\"true\"}}}"),
         "GetHostedZoneCount",
         "/hostedzonecount",
         {0},
         NULL,
         .words = "not authorized"},
    };

    CHECK(*state, rows);
}

static void test_auth_authorize_no_policy_allows_and_a_broken_one_nothing(void **state)
{
    static const struct question rows[] = {
        {"", "DeleteHostedZone", "/hostedzone/{Id}", {"Z1"}, NULL, .words = NULL},
        {"", CHANGE, {"example.com"}, CHANGES("<Change/>"), .words = NULL},
        {"{\"Statement\": 7}",
         "GetHostedZoneCount",
         "/hostedzonecount",
         {0},
         NULL,
         .words = "not authorized"},
    };

    CHECK(*state, rows);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_auth_check_good_signature_is_who_it_is),
        TEST(test_auth_check_refusals),
        TEST(test_auth_check_key_is_remembered_and_asked_for_in_time),
        TEST(test_auth_check_old_key_waits_for_the_node),
        TEST(test_auth_check_revoked_key_is_refused_within_its_time),
        TEST(test_auth_check_away_node_ends_what_is_known),
        TEST(test_auth_check_wrong_signatures_are_not_remembered_by),
        TEST(test_auth_check_quota_is_a_bucket_of_one_second),
        TEST(test_auth_check_version_3_is_for_tls),
        TEST(test_auth_check_quota_holds_for_version_3_too),
        TEST(test_auth_authorize_acme_key),
        TEST(test_auth_authorize_finds_resources_everywhere),
        TEST(test_auth_authorize_where_the_client_is),
        TEST(test_auth_authorize_no_policy_allows_and_a_broken_one_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
