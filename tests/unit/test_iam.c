/* links: route53 base
 * Policies that tools document, and each rule of the language, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "route53/iam.h"

#define ZONE "arn:aws:route53:::hostedzone/Z1"
#define CHANGE "route53:ChangeResourceRecordSets"
#define VALUES_MAX 4

struct row {
    const char *action, *resource;
    const char *names, *types, *actions; /* blanks between values; NULL: none */
    enum iam_verdict verdict;
};

static size_t split(char *text, const char *out[VALUES_MAX])
{
    size_t count = 0;
    for (char *rest = NULL, *word = strtok_r(text, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < VALUES_MAX);
        out[count++] = word;
    }
    return count;
}

static void check(const char *policy_text, const struct row *rows, size_t row_count)
{
    struct iam_policy *policy;
    char problem[IAM_PROBLEM_SIZE] = "";

    if (iam_policy_parse(policy_text, &policy, problem) != 0)
        fail_msg("%s", problem);
    for (size_t i = 0; i < row_count; i++) {
        const struct row *row = &rows[i];
        const char *const texts[] = {row->names, row->types, row->actions};
        static const char *const keys[] = {IAM_KEY_RECORD_NAMES, IAM_KEY_RECORD_TYPES,
                                           IAM_KEY_ACTIONS};
        const char *words[3][VALUES_MAX];
        char storage[3][256];
        struct iam_values values[3];
        for (unsigned k = 0; k < 3; k++) {
            snprintf(storage[k], sizeof(storage[k]), "%s", texts[k] ? texts[k] : "");
            values[k] = (struct iam_values){keys[k], words[k], split(storage[k], words[k])};
        }
        struct iam_request request = {row->action, row->resource, values, 3};
        enum iam_verdict verdict = iam_policy_decide(policy, &request);
        if (verdict != row->verdict)
            fail_msg("row %zu (%s, %s): %d, not %d", i, row->action, row->resource, verdict,
                     row->verdict);
    }
    iam_policy_free(policy);
}
#define CHECK(policy, rows) check(policy, rows, sizeof(rows) / sizeof(rows[0]))

/* ---- what tools document ---- */

static void test_iam_certbot_key_writes_challenges_alone(void **state)
{
    (void)state;
    static const char policy[] =
        "{\"Version\": \"2012-10-17\", \"Statement\": ["
        "{\"Effect\": \"Allow\", \"Action\": [\"route53:ListHostedZones\", \"route53:GetChange\"],"
        " \"Resource\": [\"*\"]},"
        "{\"Effect\": \"Allow\", \"Action\": [\"" CHANGE "\"], \"Resource\": [\"" ZONE "\"],"
        " \"Condition\": {\"ForAllValues:StringLike\":"
        " {\"" IAM_KEY_RECORD_NAMES "\": [\"_acme-challenge.example.com\","
        " \"_acme-challenge.*.example.com\"]},"
        " \"ForAllValues:StringEquals\": {\"" IAM_KEY_RECORD_TYPES "\": [\"TXT\"]}}}]}";
    static const struct row rows[] = {
        {"route53:ListHostedZones", "*", NULL, NULL, NULL, IAM_ALLOWED},
        {"route53:listhostedzones", "*", NULL, NULL, NULL, IAM_ALLOWED},
        {"route53:GetChange", "arn:aws:route53:::change/C1", NULL, NULL, NULL, IAM_ALLOWED},
        {CHANGE, ZONE, "_acme-challenge.example.com", "TXT", "UPSERT", IAM_ALLOWED},
        {CHANGE, ZONE, "_acme-challenge.www.example.com", "TXT", "DELETE", IAM_ALLOWED},
        {CHANGE, ZONE, "_acme-challenge.example.com _acme-challenge.a.example.com", "TXT TXT",
         "UPSERT DELETE", IAM_ALLOWED},
        {CHANGE, ZONE, "_acme-challenge.example.com", "A", "UPSERT", IAM_NOT_ALLOWED},
        {CHANGE, ZONE, "www.example.com", "TXT", "UPSERT", IAM_NOT_ALLOWED},
        {CHANGE, ZONE, "_acme-challenge.example.com www.example.com", "TXT TXT", "UPSERT UPSERT",
         IAM_NOT_ALLOWED},
        {CHANGE, ZONE, "_acme-challenge.example.com _acme-challenge.example.com", "TXT CNAME",
         "UPSERT UPSERT", IAM_NOT_ALLOWED},
        {CHANGE, ZONE, "x_acme-challenge.example.com", "TXT", "UPSERT", IAM_NOT_ALLOWED},
        {CHANGE, "arn:aws:route53:::hostedzone/Z2", "_acme-challenge.example.com", "TXT", "UPSERT",
         IAM_NOT_ALLOWED},
        {"route53:DeleteHostedZone", ZONE, NULL, NULL, NULL, IAM_NOT_ALLOWED},
        {"route53:ListResourceRecordSets", ZONE, NULL, NULL, NULL, IAM_NOT_ALLOWED},
    };
    CHECK(policy, rows);
}

static void test_iam_cert_manager_and_external_dns_policies(void **state)
{
    (void)state;
    static const char cert_manager[] =
        "{\"Version\": \"2012-10-17\", \"Statement\": ["
        "{\"Effect\": \"Allow\", \"Action\": \"route53:GetChange\","
        " \"Resource\": \"arn:aws:route53:::change/*\"},"
        "{\"Effect\": \"Allow\", \"Action\": [\"" CHANGE "\", \"route53:ListResourceRecordSets\"],"
        " \"Resource\": \"arn:aws:route53:::hostedzone/*\", \"Condition\":"
        " {\"ForAllValues:StringEquals\": {\"" IAM_KEY_RECORD_TYPES "\": [\"TXT\"]}}},"
        "{\"Effect\": \"Allow\", \"Action\": \"route53:ListHostedZonesByName\","
        " \"Resource\": \"*\"}]}";
    static const struct row cert_manager_rows[] = {
        {"route53:GetChange", "arn:aws:route53:::change/C0123", NULL, NULL, NULL, IAM_ALLOWED},
        {CHANGE, ZONE, "a.example.com", "TXT", "UPSERT", IAM_ALLOWED},
        {CHANGE, ZONE, "a.example.com", "A", "UPSERT", IAM_NOT_ALLOWED},
        {"route53:ListResourceRecordSets", ZONE, NULL, NULL, NULL, IAM_ALLOWED},
        {"route53:ListHostedZonesByName", "*", NULL, NULL, NULL, IAM_ALLOWED},
        {"route53:ListHostedZones", "*", NULL, NULL, NULL, IAM_NOT_ALLOWED},
    };
    static const char external_dns[] =
        "{\"Version\": \"2012-10-17\", \"Statement\": ["
        "{\"Effect\": \"Allow\", \"Action\": [\"" CHANGE "\", \"route53:ListResourceRecordSets\","
        " \"route53:ListTagsForResources\"], \"Resource\": [\"arn:aws:route53:::hostedzone/*\"]},"
        "{\"Effect\": \"Allow\", \"Action\": [\"route53:ListHostedZones\"],"
        " \"Resource\": [\"*\"]}]}";
    static const struct row external_dns_rows[] = {
        {CHANGE, ZONE, "a.example.com", "A", "CREATE", IAM_ALLOWED},
        {"route53:ListTagsForResources", ZONE, NULL, NULL, NULL, IAM_ALLOWED},
        {"route53:ListHostedZones", "*", NULL, NULL, NULL, IAM_ALLOWED},
        {"route53:CreateHostedZone", "*", NULL, NULL, NULL, IAM_NOT_ALLOWED},
    };
    CHECK(cert_manager, cert_manager_rows);
    CHECK(external_dns, external_dns_rows);
}

/* ---- rules ---- */

static void test_iam_deny_wins_wherever_it_stands(void **state)
{
    (void)state;
    static const char policy[] =
        "{\"Statement\": ["
        "{\"Effect\": \"Deny\", \"Action\": \"route53:Delete*\", \"Resource\": \"*\"},"
        "{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"},"
        "{\"Effect\": \"Deny\", \"Action\": \"" CHANGE "\", \"Resource\": \"*\", \"Condition\":"
        " {\"ForAnyValue:StringEquals\": {\"" IAM_KEY_RECORD_TYPES "\": [\"NS\", \"SOA\"]}}}]}";
    static const struct row rows[] = {
        {"route53:DeleteHostedZone", ZONE, NULL, NULL, NULL, IAM_DENIED},
        {"route53:GetHostedZone", ZONE, NULL, NULL, NULL, IAM_ALLOWED},
        {CHANGE, ZONE, "a.example.com b.example.com", "A TXT", "UPSERT UPSERT", IAM_ALLOWED},
        {CHANGE, ZONE, "a.example.com b.example.com", "A NS", "UPSERT UPSERT", IAM_DENIED},
    };
    CHECK(policy, rows);
}

static void test_iam_not_action_and_not_resource(void **state)
{
    (void)state;
    static const char policy[] = "{\"Statement\": {\"Effect\": \"Allow\","
                                 " \"NotAction\": [\"route53:Delete*\", \"route53:Change?ags*\"],"
                                 " \"NotResource\": \"arn:aws:route53:::hostedzone/Z9*\"}}";
    static const struct row rows[] = {
        {"route53:GetHostedZone", ZONE, NULL, NULL, NULL, IAM_ALLOWED},
        {"route53:DeleteHostedZone", ZONE, NULL, NULL, NULL, IAM_NOT_ALLOWED},
        {"route53:ChangeTagsForResource", ZONE, NULL, NULL, NULL, IAM_NOT_ALLOWED},
        {"route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z91", NULL, NULL, NULL,
         IAM_NOT_ALLOWED},
        {"route53:GetHostedZone", "*", NULL, NULL, NULL, IAM_ALLOWED},
    };
    CHECK(policy, rows);
}

static void test_iam_resources_have_case_and_star_is_no_resource(void **state)
{
    (void)state;
    static const char policy[] = "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": "
                                 "\"route53:*\", \"Resource\": \"" ZONE "\"}]}";
    static const struct row rows[] = {
        {"route53:GetHostedZone", ZONE, NULL, NULL, NULL, IAM_ALLOWED},
        {"route53:GetHostedZone", "arn:aws:route53:::hostedzone/z1", NULL, NULL, NULL,
         IAM_NOT_ALLOWED},
        {"route53:GetHostedZone", ZONE "1", NULL, NULL, NULL, IAM_NOT_ALLOWED},
        {"route53:ListHostedZones", "*", NULL, NULL, NULL, IAM_NOT_ALLOWED},
        {"route53domains:ListDomains", ZONE, NULL, NULL, NULL, IAM_NOT_ALLOWED},
    };
    CHECK(policy, rows);
}

/* One condition, and what it makes of values. */
static void test_iam_operators(void **state)
{
    (void)state;
    static const struct {
        const char *test, *values, *types; /* operator, JSON, of the request */
        enum iam_verdict verdict;
    } rows[] = {
        {"ForAllValues:StringEquals", "\"A\"", "A A", IAM_ALLOWED},
        {"ForAllValues:StringEquals", "\"A\"", "A B", IAM_NOT_ALLOWED},
        {"ForAllValues:StringEquals", "\"A\"", NULL, IAM_ALLOWED},
        {"ForAllValues:StringEquals", "[\"A\", \"B\"]", "B A", IAM_ALLOWED},
        {"ForAllValues:StringEquals", "\"a\"", "A", IAM_NOT_ALLOWED},
        {"ForAllValues:StringEqualsIgnoreCase", "\"a\"", "A", IAM_ALLOWED},
        {"ForAllValues:StringNotEquals", "\"A\"", "B C", IAM_ALLOWED},
        {"ForAllValues:StringNotEquals", "\"A\"", "B A", IAM_NOT_ALLOWED},
        {"ForAllValues:StringNotEqualsIgnoreCase", "\"a\"", "A", IAM_NOT_ALLOWED},
        {"ForAllValues:StringLike", "\"A*\"", "A AAAA", IAM_ALLOWED},
        {"ForAllValues:StringLike", "\"A?\"", "A", IAM_NOT_ALLOWED},
        {"ForAllValues:StringNotLike", "\"A*\"", "TXT", IAM_ALLOWED},
        {"ForAllValues:StringNotLike", "\"A*\"", "TXT AAAA", IAM_NOT_ALLOWED},
        {"ForAnyValue:StringEquals", "\"A\"", "B A", IAM_ALLOWED},
        {"ForAnyValue:StringEquals", "\"A\"", "B C", IAM_NOT_ALLOWED},
        {"ForAnyValue:StringEquals", "\"A\"", NULL, IAM_NOT_ALLOWED},
        {"ForAnyValue:StringEqualsIfExists", "\"A\"", NULL, IAM_ALLOWED},
        {"ForAnyValue:StringEqualsIfExists", "\"A\"", "B", IAM_NOT_ALLOWED},
        {"ForAnyValue:StringNotEquals", "\"A\"", "A A", IAM_NOT_ALLOWED},
        {"ForAnyValue:StringNotEquals", "\"A\"", "A B", IAM_ALLOWED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char policy[512];
        const struct row row = {CHANGE, ZONE, NULL, rows[i].types, NULL, rows[i].verdict};
        snprintf(policy, sizeof(policy),
                 "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\","
                 " \"Condition\": {\"%s\": {\"Route53:changeresourcerecordsetsRecordTypes\": %s}}"
                 "}]}",
                 rows[i].test, rows[i].values);
        check(policy, &row, 1);
    }
}

static void test_iam_conditions_about_the_client(void **state)
{
    (void)state;
    static const struct {
        const char *condition, *address, *user, *tls;
        enum iam_verdict verdict;
    } rows[] = {
        {"{\"IpAddress\": {\"aws:SourceIp\": [\"192.0.2.0/24\", \"2001:db8::/32\"]}}", "192.0.2.7",
         NULL, NULL, IAM_ALLOWED},
        {"{\"IpAddress\": {\"aws:SourceIp\": [\"192.0.2.0/24\", \"2001:db8::/32\"]}}",
         "2001:db8::7", NULL, NULL, IAM_ALLOWED},
        {"{\"IpAddress\": {\"aws:SourceIp\": \"192.0.2.0/24\"}}", "192.0.3.7", NULL, NULL,
         IAM_NOT_ALLOWED},
        {"{\"IpAddress\": {\"aws:SourceIp\": \"0.0.0.0/0\"}}", "::1", NULL, NULL, IAM_NOT_ALLOWED},
        {"{\"NotIpAddress\": {\"aws:SourceIp\": \"192.0.2.0/24\"}}", "192.0.3.7", NULL, NULL,
         IAM_ALLOWED},
        {"{\"NotIpAddress\": {\"aws:SourceIp\": \"192.0.2.7\"}}", "192.0.2.7", NULL, NULL,
         IAM_NOT_ALLOWED},
        {"{\"StringLike\": {\"aws:username\": \"ci-*\"}}", "::1", "ci-7", NULL, IAM_ALLOWED},
        {"{\"StringLike\": {\"aws:username\": \"ci-*\"}}", "::1", "me", NULL, IAM_NOT_ALLOWED},
        {"{\"StringEquals\": {\"aws:username\": \"me\"}}", "::1", NULL, NULL, IAM_NOT_ALLOWED},
        {"{\"StringNotEquals\": {\"aws:username\": \"me\"}}", "::1", NULL, NULL, IAM_ALLOWED},
        {"{\"Bool\": {\"aws:SecureTransport\": \"true\"}}", "::1", NULL, "true", IAM_ALLOWED},
        {"{\"Bool\": {\"aws:SecureTransport\": true}}", "::1", NULL, "false", IAM_NOT_ALLOWED},
        {"{\"Bool\": {\"aws:SecureTransport\": true},"
         " \"IpAddress\": {\"aws:SourceIp\": \"::1\"}}",
         "::2", NULL, "true", IAM_NOT_ALLOWED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512], problem[IAM_PROBLEM_SIZE] = "";
        struct iam_policy *policy;
        const struct iam_values values[] = {
            {IAM_KEY_SOURCE_IP, &rows[i].address, 1},
            {IAM_KEY_USER_NAME, &rows[i].user, rows[i].user ? 1 : 0},
            {IAM_KEY_SECURE_TRANSPORT, &rows[i].tls, rows[i].tls ? 1 : 0},
        };
        const struct iam_request request = {"route53:GetHostedZone", ZONE, values, 3};
        snprintf(text, sizeof(text),
                 "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\","
                 " \"Condition\": %s}]}",
                 rows[i].condition);
        if (iam_policy_parse(text, &policy, problem) != 0)
            fail_msg("row %zu: %s", i, problem);
        if (iam_policy_decide(policy, &request) != rows[i].verdict)
            fail_msg("row %zu: %s", i, text);
        iam_policy_free(policy);
    }
}

static void test_iam_matches(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool is_match;
    } rows[] = {
        {"", "", true},
        {"*", "", true},
        {"?", "", false},
        {"a", "a", true},
        {"a", "ab", false},
        {"a*", "ab", true},
        {"*b", "aab", true},
        {"a*b*c", "abbc", true},
        {"a*b*c", "acb", false},
        {"**", "x", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"*.", "a.b.", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (iam__matches(rows[i].pattern, rows[i].text, false) != rows[i].is_match)
            fail_msg("%s on %s", rows[i].pattern, rows[i].text);
    }
    assert_true(iam__matches("route53:get*", "Route53:GetChange", true));
}

/* ---- what is refused ---- */

#define STATEMENT(members) "{\"Statement\": [{" members "}]}"
#define ALLOW_ALL "\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\""

static void test_iam_policy_parse_refuses_what_it_would_not_act_upon(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "it is no JSON"},
        {"[]", "a policy is a JSON object"},
        {"{\"Statement\": []", "it is no JSON: line 1"},
        {"{\"Statement\": [], \"Statement\": []}", "duplicate"},
        {"{}", "a policy needs Statement"},
        {"{\"Statement\": []}", "would allow nothing"},
        {"{\"Version\": \"2013-01-01\", \"Statement\": []}", "Version must be"},
        {"{\"Statements\": []}", "'Statements' is not known in a policy"},
        {"{\"Statement\": [7]}", "statement 1: it is no object"},
        {STATEMENT("\"Effect\": \"allow\", \"Action\": \"*\", \"Resource\": \"*\""),
         "statement 1: Effect must be \"Allow\" or \"Deny\""},
        {STATEMENT("\"Sid\": \"Mine\", \"Effect\": \"Allow\", \"Resource\": \"*\""),
         "statement 1 (Mine): a statement needs Action or NotAction, and not both"},
        {STATEMENT(ALLOW_ALL ", \"NotAction\": \"*\""), "Action or NotAction, and not both"},
        {STATEMENT("\"Effect\": \"Allow\", \"Action\": \"*\""), "needs Resource or NotResource"},
        {STATEMENT("\"Effect\": \"Allow\", \"Action\": [], \"Resource\": \"*\""), "an empty list"},
        {STATEMENT("\"Effect\": \"Allow\", \"Action\": [7], \"Resource\": \"*\""), "list of texts"},
        {STATEMENT("\"Effect\": \"Allow\", \"Action\": \"GetChange\", \"Resource\": \"*\""),
         "'GetChange', which is neither"},
        {STATEMENT("\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"Z1\""),
         "\"arn:aws:route53:::hostedzone/Z1\""},
        {STATEMENT("\"Effect\": \"Allow\", \"Action\": \"*\","
                   " \"Resource\": \"arn:aws:route53:::hostedzone/${aws:username}\""),
         "variables are not known"},
        {STATEMENT(ALLOW_ALL ", \"Principal\": \"*\""), "Principal is not for a key's policy"},
        {STATEMENT(ALLOW_ALL ", \"Conditions\": {}"), "'Conditions' is not known in a statement"},
        {STATEMENT(ALLOW_ALL ", \"Condition\": []"), "Condition must be an object"},
        {STATEMENT(ALLOW_ALL ", \"Condition\": {\"DateLessThan\": {}}"),
         "the operator 'DateLessThan' is not known here"},
        {STATEMENT(ALLOW_ALL ", \"Condition\": {\"StringEqualsIfexists\": {}}"), "not known here"},
        {STATEMENT(ALLOW_ALL ", \"Condition\": {\"StringEquals\": []}"), "must be an object"},
        {STATEMENT(ALLOW_ALL ", \"Condition\": {\"StringEquals\": {\"aws:Day\": \"x\"}}"),
         "the condition key 'aws:Day' is not known here"},
        {STATEMENT(ALLOW_ALL ", \"Condition\": {\"StringEquals\": {\"aws:SourceIp\": \"::1\"}}"),
         "StringEquals is not for aws:SourceIp"},
        {STATEMENT(ALLOW_ALL
                   ", \"Condition\": {\"IpAddress\": {\"aws:SourceIp\": \"10.0.0.1/8\"}}"),
         "'10.0.0.1/8', which is no address or CIDR block"},
        {STATEMENT(ALLOW_ALL ", \"Condition\": {\"StringEquals\": {\"" IAM_KEY_RECORD_TYPES
                             "\": \"TXT\"}}"),
         "has many values: write \"ForAllValues:StringEquals\""},
        {STATEMENT(ALLOW_ALL
                   ", \"Condition\": {\"ForAllValues:StringEquals\": {\"" IAM_KEY_RECORD_TYPES
                   "\": []}}"),
         "an empty list of values"},
        {STATEMENT(ALLOW_ALL ", \"Condition\": {\"Bool\": {\"aws:SecureTransport\": \"yes\"}}"),
         "must be true or false"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct iam_policy *policy = NULL;
        char problem[IAM_PROBLEM_SIZE] = "";
        if (iam_policy_parse(rows[i][0], &policy, problem) != ERR_INVALID)
            fail_msg("taken: %s", rows[i][0]);
        assert_null(policy);
        if (!strstr(problem, rows[i][1]))
            fail_msg("'%s' is not in '%s'", rows[i][1], problem);
    }
}

static void test_iam_policy_parse_is_bounded(void **state)
{
    (void)state;
    struct iam_policy *policy = NULL;
    char problem[IAM_PROBLEM_SIZE] = "", *text = calloc(1, IAM_POLICY_LEN_MAX + 2);

    assert_non_null(text);
    memset(text, ' ', IAM_POLICY_LEN_MAX + 1);
    assert_int_equal(iam_policy_parse(text, &policy, problem), ERR_LIMIT);
    memset(text, '[', IAM_POLICY_LEN_MAX);
    text[IAM_POLICY_LEN_MAX] = '\0';
    assert_int_equal(iam_policy_parse(text, &policy, problem), ERR_INVALID);
    size_t len = (size_t)snprintf(text, IAM_POLICY_LEN_MAX, "{\"Statement\": [{" ALLOW_ALL "}");
    for (unsigned i = 0; i < IAM_STATEMENTS_MAX; i++)
        len += (size_t)snprintf(text + len, IAM_POLICY_LEN_MAX - len, ",{" ALLOW_ALL "}");
    snprintf(text + len, IAM_POLICY_LEN_MAX - len, "]}");
    assert_int_equal(iam_policy_parse(text, &policy, problem), ERR_LIMIT);
    assert_non_null(strstr(problem, "at most 100 statements"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iam_certbot_key_writes_challenges_alone),
        cmocka_unit_test(test_iam_cert_manager_and_external_dns_policies),
        cmocka_unit_test(test_iam_deny_wins_wherever_it_stands),
        cmocka_unit_test(test_iam_not_action_and_not_resource),
        cmocka_unit_test(test_iam_resources_have_case_and_star_is_no_resource),
        cmocka_unit_test(test_iam_operators),
        cmocka_unit_test(test_iam_conditions_about_the_client),
        cmocka_unit_test(test_iam_matches),
        cmocka_unit_test(test_iam_policy_parse_refuses_what_it_would_not_act_upon),
        cmocka_unit_test(test_iam_policy_parse_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
