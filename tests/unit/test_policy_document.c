/* links: route53 */
/* Traffic policy documents: which are read, which are refused and with which words, and what each
 * kind of rule becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "route53/policy_document.h"
#include "zone/hidden.h"
#include "zone/record_text.h"

#define ID "00112233-4455-6677-8899-aabbccddeeff"
#define CHECK "11111111-2222-3333-4444-555555555555"
#define HEAD "{\"AWSPolicyFormatVersion\":\"2015-10-01\",\"RecordType\":\"A\","
#define TWO                                                                                        \
    "\"Endpoints\":{\"a\":{\"Type\":\"value\",\"Value\":\"192.0.2.1\"},"                           \
    "\"b\":{\"Type\":\"value\",\"Value\":\"192.0.2.2\"},"                                          \
    "\"lb\":{\"Type\":\"elastic-load-balancer\",\"Value\":\"X.elb.example\"}},"
#define START "\"StartRule\":\"r\","

/* ---- record sets in words ---- */

struct text {
    char octets[8192];
    size_t len;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text->octets + text->len, sizeof(text->octets) - text->len, format, args);
    va_end(args);
    assert_true(len >= 0 && text->len + (size_t)len < sizeof(text->octets));
    text->len += (size_t)len;
}

/* Hidden names as their number alone. */
static void add_name(struct text *text, const uint8_t *name)
{
    char shown[DNS_NAME_TEXT_SIZE];

    assert_true(dns_name_format(name, shown, sizeof(shown)) > 0);
    if (zone_hidden_is_of(name, ID))
        add(text, "#%ld",
            strtol((const char[]){(char)name[36], (char)name[37], (char)name[38], 0}, NULL, 10));
    else
        add(text, "%s", shown);
}

static void add_routing(struct text *text, const struct zone_routing *routing)
{
    static const char *const kinds[] = {"simple",       "weighted", "latency",    "geo",
                                        "geoproximity", "failover", "multivalue", "cidr"};

    add(text, " %s", kinds[routing->kind]);
    if (routing->kind == POLICY_WEIGHTED)
        add(text, " %u", routing->weight);
    if (routing->kind == POLICY_FAILOVER)
        add(text, routing->is_secondary ? " second" : " first");
    add(text, "%s%s%s%s%s", routing->region[0] ? " " : "", routing->region,
        routing->continent[0] || routing->country[0] ? " " : "", routing->continent,
        routing->country);
    if (routing->subdivision[0])
        add(text, "-%s", routing->subdivision);
    if (routing->has_coordinates)
        add(text, " %d,%d", routing->latitude_cdeg, routing->longitude_cdeg);
    if (routing->bias)
        add(text, " bias %d", routing->bias);
    if (routing->health_check_id[0])
        add(text, " check %.8s", routing->health_check_id);
    if (routing->is_alias) {
        add(text, " -> ");
        add_name(text, routing->alias_target);
        add(text, "%s", routing->evaluate_target_health ? " if healthy" : "");
    }
}

static void add_part(struct text *text, const struct policy_part *part)
{
    char rdata[512];
    size_t len;

    add_name(text, part->set.name);
    assert_int_equal(part->is_hidden, part->set.name[0] == ZONE_HIDDEN_LABEL_LEN);
    if (part->set.set_identifier_len)
        add(text, " %.*s", part->set.set_identifier_len, part->set.set_identifier);
    if (part->set.routing)
        add_routing(text, part->set.routing);
    for (unsigned i = 0; i < part->set.rdata_count; i++) {
        assert_int_equal(zone_rdata_format(part->set.type, part->set.rdatas[i].data,
                                           part->set.rdatas[i].len, rdata, sizeof(rdata), &len),
                         0);
        add(text, " = %s ttl %u", rdata, part->set.ttl_s);
    }
    add(text, "\n");
}

static const char *compile(const char *document, struct text *text)
{
    static const uint8_t apex[] = "\7example", name[] = "\3www\7example";
    const struct policy_place place = {
        .apex = apex, .zone_id = "Z1", .name = name, .instance_id = ID, .ttl_s = 30};
    char error[ROUTE53_ERROR_SIZE] = "";
    const struct policy_part *parts;
    struct policy_document *read;
    struct arena *arena = arena_new(1u << 20);
    size_t count;

    text->len = 0;
    text->octets[0] = '\0';
    int rc = policy_document_read(document, strlen(document), &read, error);
    if (rc != 0) {
        print_message("%s\n", error);
        fail();
    }
    assert_int_equal(policy_document_compile(read, &place, arena, &parts, &count), 0);
    for (size_t i = 0; i < count; i++)
        add_part(text, &parts[i]);
    arena_free(arena);
    policy_document_free(read);
    return text->octets;
}

/* ---- good documents ---- */

static const struct {
    const char *document, *sets;
} good[] = {
    {HEAD TWO "\"StartEndpoint\":\"a\"}", "www.example. = 192.0.2.1 ttl 30\n"},
    {HEAD TWO "\"StartEndpoint\":\"lb\",\"Rules\":null}",
     "www.example. simple -> x.elb.example.\n"},
    {HEAD TWO START "\"Rules\":{\"r\":{\"RuleType\":\"weighted\",\"Items\":["
                    "{\"EndpointReference\":\"a\",\"Weight\":\"10\",\"HealthCheck\":\"" CHECK "\"},"
                    "{\"EndpointReference\":\"b\",\"Weight\":0,\"EvaluateTargetHealth\":\"true\"},"
                    "{\"EndpointReference\":\"lb\",\"Weight\":255,"
                    "\"EvaluateTargetHealth\":true}]}}}",
     "www.example. simple -> #0 if healthy\n"
     "#0 1-a weighted 10 check 11111111 = 192.0.2.1 ttl 30\n"
     "#0 2-b weighted 0 = 192.0.2.2 ttl 30\n"
     "#0 3-lb weighted 255 -> x.elb.example. if healthy\n"},
    /* A primary that cannot be down stands in front of one that can. */
    {HEAD TWO START "\"Rules\":{\"r\":{\"RuleType\":\"failover\","
                    "\"Primary\":{\"EndpointReference\":\"a\"},"
                    "\"Secondary\":{\"EndpointReference\":\"b\"}}}}",
     "www.example. simple -> #0 if healthy\n"
     "#0 1-a failover first -> #1 if healthy\n"
     "#0 2-b failover second = 192.0.2.2 ttl 30\n"
     "#1 = 192.0.2.1 ttl 30\n"},
    {HEAD TWO START "\"Rules\":{\"r\":{\"RuleType\":\"failover\","
                    "\"Primary\":{\"EndpointReference\":\"a\",\"HealthCheck\":\"" CHECK "\"},"
                    "\"Secondary\":{\"RuleReference\":\"s\",\"EvaluateTargetHealth\":\"false\"}},"
                    "\"s\":{\"RuleType\":\"multivalue\",\"Items\":["
                    "{\"EndpointReference\":\"a\"},{\"EndpointReference\":\"b\"}]},"
                    "\"unused\":{\"RuleType\":\"multivalue\",\"Items\":["
                    "{\"EndpointReference\":\"b\"}]}}}",
     "www.example. simple -> #0 if healthy\n"
     "#0 1-a failover first check 11111111 = 192.0.2.1 ttl 30\n"
     "#0 2-s failover second -> #1\n"
     "#1 1-a multivalue = 192.0.2.1 ttl 30\n"
     "#1 2-b multivalue = 192.0.2.2 ttl 30\n"},
    {HEAD TWO START "\"Rules\":{\"r\":{\"RuleType\":\"geo\",\"Locations\":["
                    "{\"EndpointReference\":\"a\",\"IsDefault\":true},"
                    "{\"EndpointReference\":\"b\",\"IsDefault\":false,\"Continent\":\"EU\"},"
                    "{\"EndpointReference\":\"b\",\"Country\":\"US\",\"Subdivision\":\"CA\"}]}}}",
     "www.example. simple -> #0 if healthy\n"
     "#0 1-a geo * = 192.0.2.1 ttl 30\n"
     "#0 2-b geo EU = 192.0.2.2 ttl 30\n"
     "#0 3-b geo US-CA = 192.0.2.2 ttl 30\n"},
    {HEAD TWO START "\"Rules\":{\"r\":{\"RuleType\":\"latency\",\"Regions\":["
                    "{\"EndpointReference\":\"a\",\"Region\":\"us-east-1\"},"
                    "{\"RuleReference\":\"s\",\"Region\":\"eu-west-1\"}]},"
                    "\"s\":{\"RuleType\":\"weighted\",\"Items\":["
                    "{\"EndpointReference\":\"b\",\"Weight\":1.0}]}}}",
     "www.example. simple -> #0 if healthy\n"
     "#0 1-a latency us-east-1 = 192.0.2.1 ttl 30\n"
     "#0 2-s latency eu-west-1 -> #1\n"
     "#1 1-b weighted 1 = 192.0.2.2 ttl 30\n"},
    {"{\"AWSPolicyFormatVersion\":\"2023-05-09\",\"RecordType\":\"A\"," TWO START
     "\"Rules\":{\"r\":{\"RuleType\":\"geoproximity\",\"GeoproximityLocations\":["
     "{\"EndpointReference\":\"a\",\"Region\":\"aws:route53:us-east-1\",\"Bias\":\"10\"},"
     "{\"EndpointReference\":\"b\",\"Latitude\":\"-12.5\",\"Longitude\":7.25,\"Bias\":0},"
     "{\"EndpointReference\":\"b\",\"LocalZoneGroup\":\"us-west-2-lax-1\"}]}}}",
     "www.example. simple -> #0 if healthy\n"
     "#0 1-a geoproximity us-east-1 bias 10 = 192.0.2.1 ttl 30\n"
     "#0 2-b geoproximity -1250,725 = 192.0.2.2 ttl 30\n"
     "#0 3-b geoproximity us-west-2 = 192.0.2.2 ttl 30\n"},
    {"{\"AWSPolicyFormatVersion\":\"2015-10-01\",\"RecordType\":\"TXT\",\"StartRule\":\"\","
     "\"StartEndpoint\":\"t\",\"Endpoints\":{\"t\":{\"Type\":\"value\",\"Value\":\"\\\"a "
     "b\\\"\"}}}",
     "www.example. = \"a b\" ttl 30\n"},
    {"{\"AWSPolicyFormatVersion\":\"2015-10-01\",\"RecordType\":\"CNAME\",\"StartRule\":\"r\","
     "\"Endpoints\":{\"t\":{\"Type\":\"value\",\"Value\":\"target.example.net\"}},"
     "\"Rules\":{\"r\":{\"RuleType\":\"weighted\",\"Items\":["
     "{\"EndpointReference\":\"t\",\"Weight\":\"3\"}]}}}",
     "www.example. simple -> #0 if healthy\n"
     "#0 1-t weighted 3 = target.example.net. ttl 30\n"},
    {HEAD "\"StartEndpoint\":\"s\",\"Endpoints\":{\"s\":{\"Type\":\"s3-website\","
          "\"Region\":\"us-east-1\",\"Value\":\"www.example.com\"}}}",
     "www.example. simple -> s3-website-us-east-1.amazonaws.com.\n"},
    {HEAD "\"StartEndpoint\":\"s\",\"Endpoints\":{\"s\":{\"Type\":\"s3-website\","
          "\"Region\":\"eu-north-1\",\"Value\":\"www.example.com\"}}}",
     "www.example. simple -> s3-website.eu-north-1.amazonaws.com.\n"},
    {HEAD "\"StartEndpoint\":\"c\",\"Endpoints\":{\"c\":{\"Type\":\"cloudfront\","
          "\"Value\":\"d1.cloudfront.net\"}}}",
     "www.example. simple -> d1.cloudfront.net.\n"},
};

static void test_compile_good_document_becomes_these_sets(void **state)
{
    static struct text text;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_string_equal(compile(good[i].document, &text), good[i].sets);
}

/* ---- bad ones ---- */

#define RULE(text) HEAD TWO START "\"Rules\":{\"r\":{" text "}}}"
#define WEIGHTED(text) RULE("\"RuleType\":\"weighted\",\"Items\":[" text "]")

static const struct {
    const char *document, *error;
} bad[] = {
    {"", "$: no JSON: "},
    {"[]", "$: expected an object, found a list"},
    {"{}", "$.AWSPolicyFormatVersion: expected 2015-10-01 or 2023-05-09, found ''"},
    {"{\"AWSPolicyFormatVersion\":\"2015-10-01\",\"RecordType\":\"NS\"}",
     "$.RecordType: expected A, AAAA,"},
    {"{\"AWSPolicyFormatVersion\":\"2015-10-01\",\"RecordType\":\"A\",\"RecordType\":\"A\"}",
     "$: no JSON: duplicate object key"},
    {HEAD "\"Surprise\":1}", "$.Surprise: there is no such member here"},
    {HEAD TWO "\"Rules\":{}}", "$: expected one of StartEndpoint and StartRule"},
    {HEAD TWO "\"StartRule\":\"r\",\"StartEndpoint\":\"a\"}",
     "$: expected one of StartEndpoint and StartRule"},
    {HEAD TWO "\"StartEndpoint\":\"z\"}", "$.StartEndpoint: there is no endpoint 'z'"},
    {HEAD TWO "\"StartRule\":\"z\"}", "$.StartRule: there is no rule 'z'"},
    {HEAD "\"Endpoints\":[]}", "$.Endpoints: expected an object"},
    {HEAD "\"Endpoints\":{\"\":{}}}", "$.Endpoints: a name is of 1 to 512 octets"},
    {HEAD "\"Endpoints\":{\"a\":{\"Type\":\"value\"}}}", "$.Endpoints.a: expected a member Value"},
    {HEAD "\"Endpoints\":{\"a\":{\"Type\":\"value\",\"Value\":\"192.0.2\"}}}",
     "$.Endpoints.a.Value: 192.0.2: "},
    {HEAD "\"Endpoints\":{\"a\":{\"Type\":\"lambda\",\"Value\":\"x\"}}}",
     "$.Endpoints.a.Type: 'lambda' is no type of endpoint"},
    {HEAD "\"Endpoints\":{\"a\":{\"Type\":\"cloudfront\",\"Value\":\"a..b\"}}}",
     "$.Endpoints.a.Value: 'a..b' is no domain name"},
    {HEAD "\"Endpoints\":{\"a\":{\"Type\":\"s3-website\",\"Value\":\"bucket\"}}}",
     "$.Endpoints.a: expected a member Region"},
    {"{\"AWSPolicyFormatVersion\":\"2015-10-01\",\"RecordType\":\"TXT\",\"Endpoints\":"
     "{\"a\":{\"Type\":\"cloudfront\",\"Value\":\"a.b\"}}}",
     "$.Endpoints.a.Type: only policies of type A or AAAA"},
    {RULE("\"RuleType\":\"cidr\""), "$.Rules.r.RuleType: expected failover, geo"},
    {RULE("\"RuleType\":\"weighted\""), "$.Rules.r.Items: expected a list"},
    {RULE("\"RuleType\":\"weighted\",\"Locations\":[]"),
     "$.Rules.r.Locations: there is no such member here"},
    {WEIGHTED(""), "$.Rules.r.Items: expected a list of 1 to"},
    {WEIGHTED("{}"), "$.Rules.r.Items[0]: expected one of EndpointReference and RuleReference"},
    {WEIGHTED("{\"EndpointReference\":\"a\"}"), "$.Rules.r.Items[0]: expected a member Weight"},
    {WEIGHTED("{\"EndpointReference\":\"a\",\"Weight\":\"256\"}"),
     "$.Rules.r.Items[0].Weight: expected a number from 0 to 255"},
    {WEIGHTED("{\"EndpointReference\":\"a\",\"Weight\":\"1e1\"}"),
     "$.Rules.r.Items[0].Weight: expected a number"},
    {WEIGHTED("{\"EndpointReference\":\"a\",\"Weight\":1.5}"),
     "$.Rules.r.Items[0].Weight: expected a whole number"},
    {WEIGHTED("{\"EndpointReference\":\"a\",\"Weight\":1},{\"RuleReference\":\"q\",\"Weight\":1}"),
     "$.Rules.r.Items[1].RuleReference: there is no rule 'q'"},
    {WEIGHTED("{\"RuleReference\":\"r\",\"Weight\":1}"),
     "$.Rules.r: this rule leads back to itself"},
    {WEIGHTED("{\"EndpointReference\":\"a\",\"Weight\":1,\"EvaluateTargetHealth\":\"yes\"}"),
     "$.Rules.r.Items[0].EvaluateTargetHealth: expected true or false"},
    {HEAD TWO "\"StartEndpoint\":\"a\",\"Rules\":{"
              "\"p\":{\"RuleType\":\"multivalue\",\"Items\":[{\"RuleReference\":\"q\"}]},"
              "\"q\":{\"RuleType\":\"multivalue\",\"Items\":[{\"RuleReference\":\"p\"}]}}}",
     "$.Rules.p: this rule leads back to itself"},
    {RULE("\"RuleType\":\"multivalue\",\"Items\":[{\"EndpointReference\":\"lb\"}]"),
     "$.Rules.r: set '1-lb': an alias cannot be multivalue"},
    {RULE("\"RuleType\":\"failover\""), "$.Rules.r: expected Primary and Secondary"},
    {RULE("\"RuleType\":\"latency\",\"Regions\":[{\"EndpointReference\":\"a\"}]"),
     "$.Rules.r.Regions[0]: expected a member Region"},
    {RULE("\"RuleType\":\"latency\",\"Regions\":["
          "{\"EndpointReference\":\"a\",\"Region\":\"us-east-1\"},"
          "{\"EndpointReference\":\"b\",\"Region\":\"us-east-1\"}]"),
     "$.Rules.r: set "},
    {RULE(
         "\"RuleType\":\"geo\",\"Locations\":[{\"EndpointReference\":\"a\",\"Continent\":\"XX\"}]"),
     "$.Rules.r: set '1-a': there is no continent XX"},
    {RULE("\"RuleType\":\"geo\",\"Locations\":[{\"EndpointReference\":\"a\",\"Continent\":\"EU\","
          "\"IsDefault\":true}]"),
     "$.Rules.r.Locations[0].IsDefault: the default has no continent"},
    {RULE("\"RuleType\":\"geoproximity\",\"GeoproximityLocations\":[{\"EndpointReference\":\"a\","
          "\"Latitude\":\"1\"}]"),
     "$.Rules.r.GeoproximityLocations[0]: expected both Latitude and Longitude"},
    {RULE("\"RuleType\":\"geoproximity\",\"GeoproximityLocations\":[{\"EndpointReference\":\"a\","
          "\"LocalZoneGroup\":\"nowhere-lax-1\"}]"),
     "$.Rules.r.GeoproximityLocations[0].LocalZoneGroup: 'nowhere-lax-1' is no local zone group"},
    {RULE("\"RuleType\":\"geoproximity\",\"GeoproximityLocations\":[{\"EndpointReference\":\"a\","
          "\"Bias\":\"100\",\"Region\":\"us-east-1\"}]"),
     "$.Rules.r.GeoproximityLocations[0].Bias: expected a number from -99 to 99"},
};

static void test_read_bad_document_refused_with_place(void **state)
{
    char error[ROUTE53_ERROR_SIZE];
    struct policy_document *document;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error[0] = '\0';
        int rc = policy_document_read(bad[i].document, strlen(bad[i].document), &document, error);
        if (rc != ERR_INVALID || strncmp(error, bad[i].error, strlen(bad[i].error)) != 0)
            print_message("%zu: %d \"%s\", not \"%s\"\n", i, rc, error, bad[i].error);
        assert_int_equal(rc, ERR_INVALID);
        assert_memory_equal(error, bad[i].error, strlen(bad[i].error));
    }
}

/* ---- bounds ---- */

/* @count rules, each of which leads to the next by @items items. */
static char *chain(unsigned count, unsigned items)
{
    size_t size = 4096 + (size_t)count * (128 + 64 * (size_t)items);
    char *text = malloc(size);
    size_t len = (size_t)snprintf(text, size, HEAD TWO "\"StartRule\":\"r0\",\"Rules\":{");

    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, size - len,
                                "\"r%u\":{\"RuleType\":\"weighted\",\"Items\":[", i);
        for (unsigned k = 0; k < items; k++) {
            if (i + 1 < count)
                len += (size_t)snprintf(text + len, size - len,
                                        "{\"RuleReference\":\"r%u\",\"Weight\":1},", i + 1);
            else
                len += (size_t)snprintf(text + len, size - len,
                                        "{\"EndpointReference\":\"a\",\"Weight\":1},");
        }
        len--;
        len += (size_t)snprintf(text + len, size - len, "]},");
    }
    len--;
    snprintf(text + len, size - len, "}}");
    return text;
}

static int read_chain(unsigned count, unsigned items, char error[ROUTE53_ERROR_SIZE])
{
    struct policy_document *document;
    char *text = chain(count, items);
    int rc = policy_document_read(text, strlen(text), &document, error);

    if (rc == 0)
        policy_document_free(document);
    free(text);
    return rc;
}

static void test_read_bounds_are_kept(void **state)
{
    char error[ROUTE53_ERROR_SIZE] = "", *spaces = malloc(POLICY_DOCUMENT_LEN_MAX + 1);
    struct policy_document *document;

    (void)state;
    /* A rule that many items lead to is one group: no doubling from level to level. */
    assert_int_equal(read_chain(15, 30, error), 0);
    assert_int_equal(read_chain(16, 1, error), ERR_LIMIT);
    assert_int_equal(read_chain(500, 1, error), ERR_LIMIT);
    assert_non_null(strstr(error, "too many"));
    assert_int_equal(read_chain(1, 511, error), 0);
    assert_int_equal(read_chain(2, 256, error), ERR_LIMIT);
    assert_string_equal(error, "$: this would become 513 record sets: at most 512 are made");
    memset(spaces, ' ', POLICY_DOCUMENT_LEN_MAX + 1);
    assert_int_equal(policy_document_read(spaces, POLICY_DOCUMENT_LEN_MAX + 1, &document, error),
                     ERR_LIMIT);
    memset(spaces, '[', POLICY_DOCUMENT_LEN_MAX);
    assert_int_equal(policy_document_read(spaces, POLICY_DOCUMENT_LEN_MAX, &document, error),
                     ERR_INVALID);
    free(spaces);
}

static void test_compile_name_too_long_refused(void **state)
{
    uint8_t apex[DNS_NAME_MAX] = {0};
    struct policy_place place = {
        .apex = apex, .zone_id = "Z1", .name = apex, .instance_id = ID, .ttl_s = 30};
    char error[ROUTE53_ERROR_SIZE], *text = chain(1, 1);
    const struct policy_part *parts;
    struct policy_document *document;
    struct arena *arena = arena_new(1u << 20);
    size_t count;

    (void)state;
    for (unsigned at = 0; at < 220; at += 2) { /* "x." 110 times */
        apex[at] = 1;
        apex[at + 1] = 'x';
    }
    assert_int_equal(policy_document_read(text, strlen(text), &document, error), 0);
    assert_int_equal(policy_document_type(document), DNS_TYPE_A);
    assert_int_equal(policy_document_compile(document, &place, arena, &parts, &count), ERR_LIMIT);
    policy_document_free(document);
    policy_document_free(NULL);
    arena_free(arena);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compile_good_document_becomes_these_sets),
        cmocka_unit_test(test_read_bad_document_refused_with_place),
        cmocka_unit_test(test_read_bounds_are_kept),
        cmocka_unit_test(test_compile_name_too_long_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
