/* links: route53 */
/* Record sets in Route 53's JSON: what is read, what is refused and where, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "dns/name.h"
#include "route53/route53.h"

#define RECORDS "\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"}]"

static struct route53_file *read_text(const char *text)
{
    char error[ROUTE53_ERROR_SIZE] = "";
    struct route53_file *file = NULL;
    int rc = route53_read(text, strlen(text), &file, error);

    if (rc != 0)
        print_message("error: %s\n", error);
    assert_int_equal(rc, 0);
    return file;
}

/* The first set of a list with one. */
static const struct zone_record_set *first_of(const struct route53_file *file)
{
    size_t count;
    const struct route53_change *changes = route53_changes(file, &count);

    assert_true(count >= 1);
    return &changes[0].set;
}

static char *list_of(const char *members)
{
    char *text = NULL;

    assert_true(asprintf(&text, "{\"ResourceRecordSets\":[{%s}]}", members) > 0);
    return text;
}

static void refuses_text(const char *text, int code, const char *where)
{
    char error[ROUTE53_ERROR_SIZE] = "";
    struct route53_file *file = NULL;
    int rc = route53_read(text, strlen(text), &file, error);

    if (rc != code || strncmp(error, where, strlen(where)) != 0)
        print_message("%s\n%d %s\n", text, rc, error);
    assert_int_equal(rc, code);
    assert_null(file);
    assert_memory_equal(error, where, strlen(where));
}

/* A list with one set of these members is refused, with a message that begins so. */
static void refuses(const char *members, int code, const char *where)
{
    char *text = list_of(members), whole[256];

    snprintf(whole, sizeof(whole), "$.ResourceRecordSets[0]%s", where);
    refuses_text(text, code, whole);
    free(text);
}

/* Written again, it is the same JSON. */
static void comes_back(const char *members)
{
    char *text = list_of(members), *wanted = NULL;
    struct route53_file *file = read_text(text);
    json_t *written = route53_write_set(first_of(file));
    char *dumped = written ? json_dumps(written, JSON_COMPACT) : NULL;

    assert_non_null(dumped);
    assert_true(asprintf(&wanted, "{%s}", members) > 0);
    assert_string_equal(dumped, wanted);
    free(wanted);
    free(dumped);
    json_decref(written);
    route53_free(file);
    free(text);
}

static void test_change_batch_is_read(void **state)
{
    struct route53_file *file =
        read_text("{\"ChangeBatch\":{\"Comment\":\"c\",\"Changes\":["
                  "{\"Action\":\"DELETE\",\"ResourceRecordSet\":{\"Name\":\"A.example\",\"Type\":"
                  "\"A\"," RECORDS
                  "}},{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"\\\\052.example.\","
                  "\"Type\":\"A\"," RECORDS "}}]},\"HostedZoneId\":\"Z1\"}");
    size_t count;
    const struct route53_change *changes = route53_changes(file, &count);

    (void)state;
    assert_int_equal(count, 2);
    assert_int_equal(changes[0].action, ROUTE53_DELETE);
    assert_true(dns_name_is_equal(changes[0].set.name, (const uint8_t *)"\1a\7example"));
    assert_int_equal(changes[0].set.ttl_s, 60);
    assert_null(changes[0].set.routing);
    assert_int_equal(changes[1].action, ROUTE53_CREATE);
    assert_true(dns_name_is_wildcard(changes[1].set.name));
    assert_string_equal(route53_comment(file), "c");
    assert_false(route53_is_list(file));
    assert_null(route53_hosted_zone(file));
    route53_free(file);
}

static void test_every_policy_comes_back(void **state)
{
#define KEY "\"Name\":\"w.example.\",\"Type\":\"A\",\"SetIdentifier\":\"a b\","
    (void)state;
    comes_back("\"Name\":\"w.example.\",\"Type\":\"A\"," RECORDS);
    comes_back(KEY "\"Weight\":0," RECORDS ",\"HealthCheckId\":\"0f9f3c4e\"");
    comes_back(KEY "\"Region\":\"us-east-1\"," RECORDS);
    comes_back(KEY "\"GeoLocation\":{\"ContinentCode\":\"EU\"}," RECORDS);
    comes_back(KEY "\"GeoLocation\":{\"CountryCode\":\"US\",\"SubdivisionCode\":\"WA\"}," RECORDS);
    comes_back(KEY "\"GeoLocation\":{\"CountryCode\":\"*\"}," RECORDS);
    comes_back(KEY "\"GeoProximityLocation\":{\"AWSRegion\":\"us-east-1\",\"Bias\":0}," RECORDS);
    comes_back(KEY "\"GeoProximityLocation\":{\"Coordinates\":{\"Latitude\":\"-0.50\","
                   "\"Longitude\":\"179.05\"},\"Bias\":-99}," RECORDS);
    comes_back(KEY "\"Failover\":\"SECONDARY\"," RECORDS);
    comes_back(KEY "\"MultiValueAnswer\":true," RECORDS);
    comes_back(KEY
               "\"CidrRoutingConfig\":{\"CollectionId\":\"c\",\"LocationName\":\"*\"}," RECORDS);
    comes_back(KEY "\"Weight\":9,\"AliasTarget\":{\"HostedZoneId\":\"Z1\",\"DNSName\":"
                   "\"\\\\052.example.\",\"EvaluateTargetHealth\":false}");
    comes_back(KEY "\"Weight\":9," RECORDS ",\"Quartet\":{\"Sticky\":true,\"Answers\":16,"
                   "\"AllDown\":\"last-good\"}");
    comes_back(KEY "\"Weight\":9," RECORDS ",\"Quartet\":{\"Fallback\":\"f.example.\"}");
}

static void test_values_have_octal_escapes(void **state)
{
    char *text = list_of("\"Name\":\"t.example.\",\"Type\":\"TXT\",\"TTL\":0,\"ResourceRecords\":"
                         "[{\"Value\":\"\\\"a\\\\052\\\\\\\"\\\\\\\\\\\\377;\\\"\"}]");
    struct route53_file *file = read_text(text);
    const struct zone_rdata *rdata = first_of(file)->rdatas;

    (void)state;
    assert_int_equal(rdata->len, 7);
    assert_memory_equal(rdata->data, "\6a*\"\\\377;", 7);
    route53_free(file);
    free(text);
    comes_back("\"Name\":\"t.example.\",\"Type\":\"TXT\",\"TTL\":0,\"ResourceRecords\":"
               "[{\"Value\":\"\\\"a\\\\377\\\\\\\"\\\\\\\\\\\"\"}]");
    comes_back("\"Name\":\"c.example.\",\"Type\":\"CNAME\",\"TTL\":0,\"ResourceRecords\":"
               "[{\"Value\":\"a\\\\056b\\\\000.example.\"}]");
}

static void test_lenient_where_clients_are(void **state)
{
    char *text = list_of("\"Name\":\"m.example\",\"Type\":\"A\",\"MultiValueAnswer\":false,"
                         "\"HealthCheckId\":null," RECORDS);
    struct route53_file *file = read_text(text);

    (void)state;
    assert_null(first_of(file)->routing);
    route53_free(file);
    free(text);
    text = list_of("\"Name\":\"g.example\",\"Type\":\"A\",\"SetIdentifier\":\"x\","
                   "\"GeoLocation\":{\"CountryCode\":\"fr\"},"
                   "\"HealthCheckId\":\"ABCDEF01-2345-6789-ABCD-EF0123456789\"," RECORDS);
    file = read_text(text);
    assert_string_equal(first_of(file)->routing->country, "FR");
    assert_string_equal(first_of(file)->routing->health_check_id,
                        "abcdef01-2345-6789-abcd-ef0123456789");
    route53_free(file);
    free(text);
    text = list_of("\"Name\":\"c.example\",\"Type\":\"A\",\"HealthCheckId\":\"Web-1\"," RECORDS);
    file = read_text(text);
    assert_string_equal(first_of(file)->routing->health_check_id, "Web-1"); /* a name, no id */
    route53_free(file);
    free(text);
    text = list_of("\"Name\":\"g.example\",\"Type\":\"A\",\"AliasTarget\":{\"HostedZoneId\":"
                   "\"/hostedzone/Z2\",\"DNSName\":\"X.example\"}");
    file = read_text(text);
    assert_string_equal(first_of(file)->routing->hosted_zone_id, "Z2");
    assert_false(first_of(file)->routing->evaluate_target_health);
    route53_free(file);
    free(text);
}

static void test_wrong_member_refused_with_its_path(void **state)
{
#define NAME "\"Name\":\"w.example.\",\"Type\":\"A\","
    (void)state;
    refuses("\"Type\":\"A\"," RECORDS, ERR_INVALID, ": expected a member Name");
    refuses("\"Name\":\"w.example.\"," RECORDS, ERR_INVALID, ": expected a member Type");
    refuses("\"Name\":\"a..b\",\"Type\":\"A\"," RECORDS, ERR_INVALID, ".Name: 'a..b' is no");
    refuses("\"Name\":\"w.example.\",\"Type\":\"X\"," RECORDS, ERR_INVALID, ".Type: 'X' is no");
    refuses(NAME "\"Ttl\":1," RECORDS, ERR_INVALID, ".Ttl: there is no such member");
    refuses(NAME "\"TTL\":60", ERR_INVALID, ": expected exactly one of [AliasTarget");
    refuses(NAME RECORDS ",\"AliasTarget\":{\"DNSName\":\"x.\"}", ERR_INVALID,
            ": expected exactly one of [AliasTarget");
    refuses(NAME "\"TTL\":-1,\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"}]", ERR_INVALID,
            ".TTL: expected a number from 0 to 2147483647, found -1");
    refuses(NAME "\"TTL\":\"60\",\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"}]", ERR_INVALID,
            ".TTL: expected a number from 0 to 2147483647, found a text");
    refuses(NAME "\"TTL\":1,\"ResourceRecords\":[]", ERR_INVALID,
            ".ResourceRecords: expected a list");
    refuses(NAME "\"TTL\":1,\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"},{\"Value\":\"x\"}]",
            ERR_INVALID, ".ResourceRecords[1].Value: x: ");
    refuses(NAME "\"TTL\":1,\"ResourceRecords\":[7]", ERR_INVALID,
            ".ResourceRecords[0]: expected an object, found a number");
    refuses(NAME "\"Weight\":1," RECORDS, ERR_INVALID, ": Missing field 'SetIdentifier'");
#define SET NAME "\"SetIdentifier\":\"a\","
    refuses(SET "\"Weight\":256," RECORDS, ERR_INVALID, ".Weight: expected a number from 0 to 255");
    refuses(SET "\"Weight\":1,\"Region\":\"r\"," RECORDS, ERR_INVALID,
            ": expected at most one policy, found Weight and Region");
    refuses(SET "\"Failover\":\"primary\"," RECORDS, ERR_INVALID, ".Failover: expected PRIMARY or");
    refuses(SET "\"GeoLocation\":{\"ContinentCode\":\"EUR\"}," RECORDS, ERR_INVALID,
            ".GeoLocation.ContinentCode: expected a text of 1 to 2 octets, found 3");
    refuses(SET "\"GeoProximityLocation\":{\"Bias\":1}," RECORDS, ERR_INVALID,
            ".GeoProximityLocation: expected one of AWSRegion and Coordinates");
    refuses(SET "\"GeoProximityLocation\":{\"LocalZoneGroup\":\"x\"}," RECORDS, ERR_UNSUPPORTED,
            ".GeoProximityLocation.LocalZoneGroup: ");
    refuses(SET "\"GeoProximityLocation\":{\"Coordinates\":{\"Latitude\":\"90.01\","
                "\"Longitude\":\"0\"}}," RECORDS,
            ERR_INVALID, ".GeoProximityLocation.Coordinates.Latitude: expected degrees");
    refuses(SET "\"CidrRoutingConfig\":{\"CollectionId\":\"c\"}," RECORDS, ERR_INVALID,
            ".CidrRoutingConfig: expected CollectionId and LocationName");
    refuses(NAME "\"AliasTarget\":{}", ERR_INVALID, ".AliasTarget: expected a member DNSName");
    refuses(NAME "\"AliasTarget\":[]", ERR_INVALID,
            ".AliasTarget: expected an object, found a list");
    refuses(NAME "\"TrafficPolicyInstanceId\":\"x\"," RECORDS, ERR_UNSUPPORTED,
            ".TrafficPolicyInstanceId: ");
    refuses(NAME RECORDS ",\"Quartet\":{\"AllDown\":\"no\"}", ERR_INVALID, ".Quartet.AllDown: ");
    refuses(NAME RECORDS ",\"Quartet\":{\"Answers\":17}", ERR_INVALID, ".Quartet.Answers: ");
}

static void test_file_that_is_no_batch_refused(void **state)
{
    (void)state;
    refuses_text("", ERR_INVALID, "$: not JSON");
    refuses_text("{\"Changes\":[}", ERR_INVALID, "$: not JSON: line 1");
    refuses_text("{\"Comment\":\"a\\u0000b\"}", ERR_INVALID, "$: not JSON");
    refuses_text("[]", ERR_INVALID, "$: expected an object, found a list");
    refuses_text("{}", ERR_INVALID, "$: expected one of Changes");
    refuses_text("{\"Changes\":{}}", ERR_INVALID, "$.Changes: expected a list");
    refuses_text("{\"Changes\":[],\"ResourceRecordSets\":[]}", ERR_INVALID, "$: expected one of");
    refuses_text("{\"Changes\":[],\"Changes\":[]}", ERR_INVALID, "$: not JSON");
    refuses_text("{\"Changes\":[{\"Action\":\"PUT\"}]}", ERR_INVALID,
                 "$.Changes[0].Action: expected CREATE, DELETE or UPSERT, found 'PUT'");
    refuses_text("{\"Changes\":[{\"Action\":\"\\u001b[2J\"}]}", ERR_INVALID,
                 "$.Changes[0].Action: expected CREATE, DELETE or UPSERT, found '?[2J'");
    refuses_text("{\"Changes\":[{\"Action\":\"UPSERT\"}]}", ERR_INVALID,
                 "$.Changes[0]: expected a member ResourceRecordSet");
    refuses_text("{\"ResourceRecordSets\":[],\"IsTruncated\":true}", ERR_INVALID,
                 "$: the list was cut off");
    refuses_text("{\"ResourceRecordSets\":[],\"NextToken\":\"x\"}", ERR_INVALID,
                 "$: the list was cut off");
}

static void test_collections_are_read(void **state)
{
    struct route53_file *file = read_text(
        "{\"HostedZone\":\"Example\",\"ResourceRecordSets\":[],\"CidrCollections\":[{\"Id\":\"c\","
        "\"Name\":\"n\",\"Locations\":{\"a\":[\"192.0.2.0/24\",\"2001:db8::/48\"],\"b\":[]}}]}");
    size_t count;
    const struct route53_collection *collections = route53_collections(file, &count);

    (void)state;
    assert_int_equal(count, 1);
    assert_string_equal(collections[0].id, "c");
    assert_int_equal(collections[0].block_count, 2);
    assert_string_equal(collections[0].blocks[1].location, "a");
    assert_int_equal(collections[0].blocks[0].prefix.len, 24);
    assert_true(dns_name_is_equal(route53_hosted_zone(file), (const uint8_t *)"\7example"));
    route53_free(file);
    refuses_text("{\"ResourceRecordSets\":[],\"CidrCollections\":[{\"Id\":\"c\",\"Locations\":"
                 "{\"a\":[\"192.0.2.1/24\"]}}]}",
                 ERR_INVALID, "$.CidrCollections[0].Locations.a[0]: expected a block");
    refuses_text("{\"ResourceRecordSets\":[],\"CidrCollections\":[{\"Id\":\"c\",\"Locations\":"
                 "{\"*\":[]}}]}",
                 ERR_INVALID, "$.CidrCollections[0].Locations.*: expected a location");
    refuses_text("{\"ResourceRecordSets\":[],\"CidrCollections\":[{\"Id\":\"c\",\"Locations\":"
                 "{\"a\":[\"192.0.2.0/24\",\"192.0.2.0/25\"]}}]}",
                 ERR_INVALID, "$.CidrCollections[0].Locations.a[1]: a block of /25");
    refuses_text("{\"ResourceRecordSets\":[],\"CidrCollections\":[{\"Id\":\"c\",\"Locations\":"
                 "{\"a\":[\"::/0\"]}}]}",
                 ERR_INVALID, "$.CidrCollections[0].Locations.a[0]: a block of /0");
    refuses_text("{\"ResourceRecordSets\":[],\"CidrCollections\":[{\"Name\":\"c\"}]}", ERR_INVALID,
                 "$.CidrCollections[0]: expected a member Id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_change_batch_is_read),
        cmocka_unit_test(test_every_policy_comes_back),
        cmocka_unit_test(test_values_have_octal_escapes),
        cmocka_unit_test(test_lenient_where_clients_are),
        cmocka_unit_test(test_wrong_member_refused_with_its_path),
        cmocka_unit_test(test_file_that_is_no_batch_refused),
        cmocka_unit_test(test_collections_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
