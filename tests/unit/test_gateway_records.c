/* links: test_call gateway
 * ChangeResourceRecordSets, ListResourceRecordSets and GetChange: bodies to changes for the node,
 * what is refused before it is asked and in which words (route53.md 4.2, 4.3, 5), and its answers
 * to XML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "gateway/operations.h"
#include "gateway/record_write.h"
#include "gateway/xml_writer.h"
#include "lib/fake_call.h"
#include "proto/control.pb-c.h"
#include "route53/value.h"

#define ZONE "Z00000000000000000001"
#define CHECK "0f9f3c4e-1111-2222-3333-444455556666"

static struct gateway_call *call;

static int stop(void **state)
{
    (void)state;
    if (call)
        fake_call_free(call);
    call = NULL;
    return 0;
}

static void start(const char *operation, const char *label, const char *body,
                  const struct fake_query *query)
{
    const struct gateway_operation *at = gateway_records_operations;

    stop(NULL);
    while (strcmp(at->name, operation) != 0)
        at++;
    call = fake_call_new(at, label, body, query);
    fake_call_run(call);
}

static void change(const char *changes)
{
    static char body[1u << 20];

    snprintf(body, sizeof(body),
             "<ChangeResourceRecordSetsRequest "
             "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>%s"
             "</ChangeBatch></ChangeResourceRecordSetsRequest>",
             changes);
    start("ChangeResourceRecordSets", ZONE, body, NULL);
}

/* ---- what is refused before the node is asked ---- */

#define CHANGE(action, set)                                                                        \
    "<Changes><Change><Action>" action "</Action><ResourceRecordSet>" set                          \
    "</ResourceRecordSet></Change></Changes>"
#define KEY(name, type) "<Name>" name "</Name><Type>" type "</Type>"
#define VALUE(value) "<ResourceRecord><Value>" value "</Value></ResourceRecord>"
#define RECORDS(values) "<TTL>60</TTL><ResourceRecords>" values "</ResourceRecords>"
#define ONE RECORDS(VALUE("192.0.2.1"))
#define A(name) KEY(name, "A")
#define ID "<SetIdentifier>a</SetIdentifier>"
#define ALIAS                                                                                      \
    "<AliasTarget><HostedZoneId>" ZONE "</HostedZoneId><DNSName>T.example.com</DNSName>"           \
    "<EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>"
#define SOURCES                                                                                    \
    "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], "   \
    "or TrafficPolicyInstanceId], but found "
#define POLICIES                                                                                   \
    "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, "            \
    "MultiValueAnswer, CidrRoutingConfig, or GeoProximityLocation], but found "
#define IN(action, identifier)                                                                     \
    " in Change with [Action=" action ", Name=x.example.com., Type=A, SetIdentifier=" identifier "]"
#define MEMBER "changeBatch.changes.1.member."

static const struct refusal {
    const char *changes, *outcome;
} refusals[] = {
    {"", "InvalidInput: null changeBatch.changes: Member must not be null"},
    {"<Changes/>", "MalformedInput: Unexpected list element termination"},
    {CHANGE("CREATE", A("x.example.com") "<TTL>1</TTL><ResourceRecords/>"),
     "MalformedInput: Unexpected list element termination"},
    {CHANGE("create", A("x.example.com") ONE),
     "InvalidInput: 'create' " MEMBER "action: Member must satisfy enum value set: [CREATE, "
     "DELETE, UPSERT]"},
    {CHANGE("CREATE", KEY("x.example.com", "LOC") ONE),
     "InvalidInput: 'LOC' " MEMBER "resourceRecordSet.type: Member must satisfy enum value set: "
     "[SOA, A, TXT, NS, CNAME, MX, NAPTR, PTR, SRV, SPF, AAAA, CAA, DS, TLSA, SSHFP, SVCB, "
     "HTTPS]"},
    {CHANGE("CREATE", "<Type>A</Type>" ONE),
     "InvalidInput: null " MEMBER "resourceRecordSet.name: Member must not be null"},
    {CHANGE("CREATE",
            A("x.") "<TTL>-1</TTL><ResourceRecords>" VALUE("192.0.2.1") "</ResourceRecords>"),
     "InvalidInput: '-1' " MEMBER "resourceRecordSet.tTL: Member must have value greater than or "
     "equal to 0"},
    {CHANGE("CREATE", A("x.") ONE ID "<Weight>256</Weight>"),
     "InvalidInput: '256' " MEMBER "resourceRecordSet.weight: Member must have value less than or "
     "equal to 255"},
    {CHANGE("CREATE", A("x.") ONE "<SetIdentifier></SetIdentifier><Weight>1</Weight>"),
     "InvalidInput: '' " MEMBER "resourceRecordSet.setIdentifier: Member must have length greater "
     "than or equal to 1"},
    {CHANGE("CREATE", A("x.") ONE ID "<Failover>FIRST</Failover>"),
     "InvalidInput: 'FIRST' " MEMBER "resourceRecordSet.failover: Member must satisfy enum value "
     "set: [PRIMARY, SECONDARY]"},
    {CHANGE("CREATE", A("x.") ONE ID "<CidrRoutingConfig><CollectionId>7</CollectionId>"
                                     "<LocationName>*</LocationName></CidrRoutingConfig>"),
     "InvalidInput: '7' " MEMBER "resourceRecordSet.cidrRoutingConfig.collectionId: Member must "
     "satisfy regular expression pattern: [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"},
    {CHANGE("CREATE", A("x.") ONE ID "<GeoProximityLocation><Coordinates><Latitude>91</Latitude>"
                                     "<Longitude>0</Longitude></Coordinates>"
                                     "</GeoProximityLocation>"),
     "InvalidInput: '91' " MEMBER "resourceRecordSet.geoProximityLocation.coordinates.latitude: "
     "Member must satisfy regular expression pattern: [-+]?[0-9]{1,2}(\\.[0-9]{0,2})?"},
    {CHANGE("CREATE", A("x.") "<AliasTarget><DNSName>t.</DNSName></AliasTarget>"),
     "InvalidInput: null " MEMBER "resourceRecordSet.aliasTarget.hostedZoneId: Member must not be "
     "null; null " MEMBER "resourceRecordSet.aliasTarget.evaluateTargetHealth: Member must not be "
     "null"},
    /* what goes together */
    {CHANGE("CREATE", A("x.example.com")), "InvalidInput: " SOURCES "none" IN("CREATE", "null")},
    {CHANGE("CREATE", A("X.example.com") "<TTL>60</TTL>"),
     "InvalidInput: " SOURCES "none" IN("CREATE", "null")},
    {CHANGE("UPSERT", A("x.example.com") ONE ALIAS),
     "InvalidInput: " SOURCES "more than one" IN("UPSERT", "null")},
    {CHANGE("UPSERT", A("x.example.com") ALIAS "<TTL>5</TTL>"),
     "InvalidInput: " SOURCES "more than one" IN("UPSERT", "null")},
    {CHANGE("UPSERT", A("x.example.com") ONE "<Weight>1</Weight>"),
     "InvalidInput: Invalid request: Missing field 'SetIdentifier'" IN("UPSERT", "null")},
    {CHANGE("UPSERT", A("x.example.com") ONE "<MultiValueAnswer>true</MultiValueAnswer>"),
     "InvalidInput: Invalid request: Missing field 'SetIdentifier'" IN("UPSERT", "null")},
    {CHANGE("UPSERT", A("x.example.com") ONE ID "<Weight>1</Weight><Region>eu-west-1</Region>"),
     "InvalidInput: " POLICIES "more than one" IN("UPSERT", "a")},
    {CHANGE("UPSERT", A("x.example.com") ONE ID),
     "InvalidInput: " POLICIES "none" IN("UPSERT", "a")},
    {CHANGE("UPSERT", A("x.example.com") ONE ID "<GeoLocation><ContinentCode>EU</ContinentCode>"
                                                "<CountryCode>FR</CountryCode></GeoLocation>"),
     "InvalidInput: Invalid request: Expected exactly one of [ContinentCode, or CountryCode], but "
     "found more than one" IN("UPSERT", "a")},
    {CHANGE("UPSERT", A("x.example.com") ONE ID "<GeoProximityLocation><Bias>1</Bias>"
                                                "</GeoProximityLocation>"),
     "InvalidInput: Invalid request: Expected exactly one of [AWSRegion, LocalZoneGroup, or "
     "Coordinates], but found none" IN("UPSERT", "a")},
    {CHANGE("CREATE", A("x.") ONE "<HealthCheckId>" CHECK "7</HealthCheckId>"),
     "NoSuchHealthCheck: A health check with id " CHECK "7 does not exist."},
    /* values and names, all at once */
    {CHANGE("CREATE", A("x.") RECORDS(VALUE("foo"))),
     "InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address "
     "(Value is not a valid IPv4 address) encountered with 'foo'']"},
    {CHANGE("CREATE", A("x.") RECORDS(VALUE("192.0.2.1") VALUE("bar") VALUE("192.0.2.1"))),
     "InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address "
     "(Value is not a valid IPv4 address) encountered with 'bar'', Duplicate Resource Record: "
     "'192.0.2.1']"},
    {CHANGE("CREATE", A("a b.example.com") ONE),
     "InvalidChangeBatch: [FATAL problem: UnsupportedCharacter (Value contains unsupported "
     "characters) encountered with ' ']"},
    {CHANGE("CREATE", KEY("x.", "CNAME") RECORDS(VALUE(""))),
     "InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: DomainNameEmpty (Domain name "
     "is empty) encountered with ''']"},
};

static void test_refused_before_the_node(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        change(refusals[i].changes);
        const char *outcome = fake_call_outcome(call);
        if (!outcome || strcmp(outcome, refusals[i].outcome) != 0)
            print_message("%s\n", refusals[i].changes);
        assert_non_null(outcome);
        assert_null(fake_call_asked(call));
        assert_string_equal(outcome, refusals[i].outcome);
    }
}

/* @count changes of one value each. */
static void change_many(unsigned count, const char *action, const char *value)
{
    static char changes[(1u << 20) - 512];
    size_t len = (size_t)snprintf(changes, sizeof(changes), "<Changes>");

    for (unsigned i = 0; i < count; i++)
        len += (size_t)snprintf(changes + len, sizeof(changes) - len,
                                "<Change><Action>%s</Action><ResourceRecordSet><Name>n%u.example."
                                "</Name><Type>TXT</Type><TTL>1</TTL><ResourceRecords>"
                                "<ResourceRecord><Value>%s</Value></ResourceRecord>"
                                "</ResourceRecords></ResourceRecordSet></Change>",
                                action, i, value);
    snprintf(changes + len, sizeof(changes) - len, "</Changes>");
    change(changes);
}

static void test_limits_of_a_request(void **state)
{
    static const char records[] = "InvalidChangeBatch: [Number of records limit of 1000 exceeded.]";
    static const char text[] = "\"123456789012345678901234567890\""; /* 32 characters */

    (void)state;
    change_many(1000, "CREATE", "\"\"");
    assert_int_equal(fake_call_asked(call)->record_change->n_changes, 1000);
    change_many(1001, "CREATE", "\"\"");
    assert_string_equal(fake_call_outcome(call), records);
    change_many(500, "UPSERT", "\"\"");
    assert_int_equal(fake_call_asked(call)->record_change->n_changes, 500);
    change_many(501, "UPSERT", "\"\"");
    assert_string_equal(fake_call_outcome(call), records);
    change_many(1000, "CREATE", text);
    assert_non_null(fake_call_asked(call));
    change_many(499, "UPSERT", text);
    assert_non_null(fake_call_asked(call));
    change_many(500, "UPSERT", "\"1234567890123456789012345678901\"");
    assert_string_equal(fake_call_outcome(call),
                        "InvalidChangeBatch: [Number of characters limit of 32000 exceeded.]");
}

/* ---- what the node is asked, and its answer ---- */

static const Cmd__RecordSet *asked_set(Cmd__Action action)
{
    const Ctl__Request *request = fake_call_asked(call);

    if (!request)
        print_message("%s\n", fake_call_outcome(call));
    assert_non_null(request);
    assert_int_equal(request->kind_case, CTL__REQUEST__KIND_RECORD_CHANGE);
    assert_string_equal(request->record_change->zone, ZONE);
    assert_true(request->record_change->by_route53);
    assert_int_equal(request->record_change->request_token.len, 32);
    assert_int_equal(request->record_change->n_changes, 1);
    assert_int_equal(request->record_change->changes[0]->action, action);
    return request->record_change->changes[0]->record_set;
}

static void test_change_is_asked_and_answered(void **state)
{
    Ctl__Reply reply = CTL__REPLY__INIT;

    (void)state;
    change("<Comment>because</Comment>" CHANGE("CREATE", A("\\052.EXAMPLE.com") ONE));
    const Cmd__RecordSet *set = asked_set(CMD__ACTION__ACTION_CREATE);
    assert_memory_equal(set->name.data, "\1*\7example\3com", 15);
    assert_int_equal(set->type, 1);
    assert_int_equal(set->ttl_s, 60);
    assert_null(set->routing);
    assert_memory_equal(set->rdata[0].data, "\300\0\2\1", 4);
    assert_string_equal(fake_call_asked(call)->record_change->comment, "because");
    reply.change_id = (char *)"C1";
    fake_call_reply(call, &reply);
    assert_string_equal(fake_call_outcome(call),
                        "200 <Response><Change>C1 because</Change></Response>");
}

static void test_members_of_routing(void **state)
{
    const Cmd__RecordSet *set;

    (void)state;
    change(CHANGE("UPSERT", A("x.") ALIAS));
    set = asked_set(CMD__ACTION__ACTION_UPSERT);
    assert_string_equal(set->routing->alias->hosted_zone_id, ZONE);
    assert_true(set->routing->alias->evaluate_target_health);
    assert_memory_equal(set->routing->alias->target.data, "\1t\7example\3com", 15);
    change(CHANGE("UPSERT", A("x.") ONE ID "<Weight>0</Weight>"));
    set = asked_set(CMD__ACTION__ACTION_UPSERT);
    assert_int_equal(set->routing->policy, CMD__POLICY__POLICY_WEIGHTED);
    assert_string_equal(set->set_identifier, "a");
    change(CHANGE("UPSERT", A("x.") ONE ID "<GeoLocation><CountryCode>us</CountryCode>"
                                           "<SubdivisionCode>wa</SubdivisionCode></GeoLocation>"));
    set = asked_set(CMD__ACTION__ACTION_UPSERT);
    assert_string_equal(set->routing->country, "US");
    assert_string_equal(set->routing->subdivision, "WA");
    change(CHANGE("UPSERT", A("x.") ONE ID "<GeoProximityLocation><Coordinates>"
                                           "<Latitude>-1.5</Latitude>"
                                           "<Longitude>+179.99</Longitude></Coordinates>"
                                           "<Bias>-99</Bias></GeoProximityLocation>"));
    set = asked_set(CMD__ACTION__ACTION_UPSERT);
    assert_int_equal(set->routing->latitude_cdeg, -150);
    assert_int_equal(set->routing->longitude_cdeg, 17999);
    assert_int_equal(set->routing->bias, -99);
    change(CHANGE("UPSERT", A("x.") ONE ID "<Failover>SECONDARY</Failover><HealthCheckId>"
                                           "0F9F3C4E-1111-2222-3333-444455556666"
                                           "</HealthCheckId>"));
    set = asked_set(CMD__ACTION__ACTION_UPSERT);
    assert_true(set->routing->is_secondary);
    assert_string_equal(set->routing->health_check_id, CHECK);
    change(CHANGE("UPSERT", A("x.") ONE ID "<CidrRoutingConfig><CollectionId>" CHECK
                                           "</CollectionId><LocationName>*</LocationName>"
                                           "</CidrRoutingConfig>"));
    set = asked_set(CMD__ACTION__ACTION_UPSERT);
    assert_string_equal(set->routing->cidr_location, "*");
}

/* A key's policy looks at the first name and type, so these are what is changed. */
static void test_of_repeated_members_the_first_counts(void **state)
{
    (void)state;
    change(CHANGE("UPSERT", A("a.x.") "<Name>b.x.</Name><Type>CNAME</Type>" ONE "<TTL>7</TTL>"));
    const Cmd__RecordSet *set = asked_set(CMD__ACTION__ACTION_UPSERT);
    assert_memory_equal(set->name.data, "\1a\1x", 4);
    assert_int_equal(set->type, 1);
    assert_int_equal(set->ttl_s, 60);
}

static void test_texts_are_kept_where_they_differ(void **state)
{
    const Cmd__RecordSet *set;

    (void)state;
    change(CHANGE("UPSERT", KEY("x.", "CNAME") RECORDS(VALUE("T.example.com"))));
    set = asked_set(CMD__ACTION__ACTION_UPSERT);
    assert_int_equal(set->n_value_texts, 1);
    assert_string_equal(set->value_texts[0], "T.example.com");
    change(CHANGE("UPSERT", KEY("x.", "CNAME") RECORDS(VALUE("T.example.com."))));
    assert_int_equal(asked_set(CMD__ACTION__ACTION_UPSERT)->n_value_texts, 0);
    change(CHANGE("UPSERT", KEY("x.", "AAAA") RECORDS(VALUE("2001:DB8::1") VALUE("2001:db8::2"))));
    set = asked_set(CMD__ACTION__ACTION_UPSERT);
    assert_int_equal(set->n_value_texts, 2);
    assert_string_equal(set->value_texts[0], "2001:DB8::1");
    assert_string_equal(set->value_texts[1], "");
    change(CHANGE("DELETE", KEY("x.", "AAAA") RECORDS(VALUE("2001:DB8::1"))));
    assert_int_equal(asked_set(CMD__ACTION__ACTION_DELETE)->n_value_texts, 0);
}

static void test_lenience(void **state)
{
    (void)state;
    change(CHANGE("CREATE", A("x.") ONE "<MultiValueAnswer>false</MultiValueAnswer>"
                                        "<HealthCheckId></HealthCheckId>"));
    assert_null(asked_set(CMD__ACTION__ACTION_CREATE)->routing);
    change(CHANGE("DELETE", A("x.") ONE ID)); /* routing left out */
    assert_string_equal(asked_set(CMD__ACTION__ACTION_DELETE)->set_identifier, "a");
}

static void test_refusals_of_the_node(void **state)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    char *messages[] = {(char *)"one", (char *)"two"};

    (void)state;
    change(CHANGE("CREATE", A("x.") ONE));
    reply.code = ERR_EXISTS;
    reply.error = (char *)"InvalidChangeBatch";
    reply.message = messages[0];
    reply.messages = messages;
    reply.n_messages = 2;
    fake_call_reply(call, &reply);
    assert_string_equal(fake_call_outcome(call), "InvalidChangeBatch: [one, two]");
    change(CHANGE("CREATE", A("x.") ONE));
    reply = (Ctl__Reply)CTL__REPLY__INIT;
    reply.code = ERR_INVALID;
    reply.message = messages[0];
    fake_call_reply(call, &reply);
    assert_string_equal(fake_call_outcome(call), "InvalidChangeBatch: [one]");
    change(CHANGE("CREATE", A("x.") ONE));
    reply.code = ERR_NOT_FOUND;
    reply.error = (char *)"NoSuchHostedZone";
    fake_call_reply(call, &reply);
    assert_string_equal(fake_call_outcome(call),
                        "NoSuchHostedZone: No hosted zone found with ID: " ZONE);
    start("ListResourceRecordSets", "example.com", NULL, NULL);
    assert_string_equal(fake_call_outcome(call),
                        "NoSuchHostedZone: No hosted zone found with ID: example.com");
}

/* ---- lists ---- */

static void test_list_begins_where_it_is_told(void **state)
{
    (void)state;
    start("ListResourceRecordSets", ZONE, NULL, NULL);
    assert_int_equal(fake_call_asked(call)->record_list->limit, 300);
    start(
        "ListResourceRecordSets", ZONE, NULL,
        (struct fake_query[]){
            {"name", "*.Example"}, {"type", "A"}, {"identifier", "a"}, {"maxitems", "1000"}, {0}});
    const Ctl__RecordList *list = fake_call_asked(call)->record_list;
    assert_memory_equal(list->start_name.data, "\1*\7example", 11);
    assert_int_equal(list->start_type, 1);
    assert_string_equal(list->start_identifier, "a");
    assert_int_equal(list->limit, 300);
    start("ListResourceRecordSets", ZONE, NULL, (struct fake_query[]){{"type", "A"}, {0}});
    assert_memory_equal(fake_call_outcome(call), "InvalidInput: ", 14);
    start("ListResourceRecordSets", ZONE, NULL,
          (struct fake_query[]){{"name", "a."}, {"identifier", "x"}, {0}});
    assert_memory_equal(fake_call_outcome(call), "InvalidInput: ", 14);
    start("ListResourceRecordSets", ZONE, NULL, (struct fake_query[]){{"name", "a b"}, {0}});
    assert_string_equal(fake_call_outcome(call),
                        "InvalidInput: FATAL problem: UnsupportedCharacter (Value contains "
                        "unsupported characters) encountered with ' '");
}

static void test_list_is_written(void **state)
{
    static uint8_t name[] = "\1*\7example", target[] = "\2eu\7example", address[] = {192, 0, 2, 1};
    Cmd__RecordSet sets[2] = {CMD__RECORD_SET__INIT, CMD__RECORD_SET__INIT};
    Cmd__RecordSet *pointers[] = {&sets[0], &sets[1]};
    Cmd__Routing routing[2] = {CMD__ROUTING__INIT, CMD__ROUTING__INIT};
    Cmd__Alias alias = CMD__ALIAS__INIT;
    ProtobufCBinaryData rdata = {4, address};
    Ctl__RecordListReply list = CTL__RECORD_LIST_REPLY__INIT;
    Ctl__Reply reply = CTL__REPLY__INIT;

    (void)state;
    sets[0].name = sets[1].name = (ProtobufCBinaryData){sizeof(name), name};
    sets[0].type = sets[1].type = 1;
    sets[0].set_identifier = (char *)"eu";
    sets[0].routing = &routing[0];
    routing[0].policy = CMD__POLICY__POLICY_GEOLOCATION;
    routing[0].continent = (char *)"EU";
    routing[0].alias = &alias;
    alias.hosted_zone_id = (char *)"Z1";
    alias.target = (ProtobufCBinaryData){sizeof(target), target};
    alias.evaluate_target_health = true;
    sets[1].set_identifier = (char *)"a";
    sets[1].routing = &routing[1];
    sets[1].ttl_s = 60;
    sets[1].n_rdata = 1;
    sets[1].rdata = &rdata;
    routing[1].policy = CMD__POLICY__POLICY_WEIGHTED;
    routing[1].health_check_id = (char *)CHECK;
    list.record_sets = pointers;
    list.n_record_sets = 2;
    list.next_name = sets[0].name;
    list.next_type = 1;
    list.next_identifier = (char *)"b";
    reply.kind_case = CTL__REPLY__KIND_RECORD_LIST;
    reply.record_list = &list;
    start("ListResourceRecordSets", ZONE, NULL, (struct fake_query[]){{"maxitems", "2"}, {0}});
    fake_call_reply(call, &reply);
    assert_string_equal(
        fake_call_outcome(call),
        "200 <Response><ResourceRecordSets><ResourceRecordSet><Name>\\052.example.</Name>"
        "<Type>A</Type><SetIdentifier>eu</SetIdentifier><GeoLocation><ContinentCode>EU"
        "</ContinentCode></GeoLocation><AliasTarget><HostedZoneId>Z1</HostedZoneId><DNSName>"
        "eu.example.</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>"
        "</ResourceRecordSet><ResourceRecordSet><Name>\\052.example.</Name><Type>A</Type>"
        "<SetIdentifier>a</SetIdentifier><Weight>0</Weight><TTL>60</TTL><ResourceRecords>"
        "<ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>"
        "<HealthCheckId>" CHECK "</HealthCheckId></ResourceRecordSet></ResourceRecordSets>"
        "<IsTruncated>true</IsTruncated><NextRecordName>\\052.example.</NextRecordName>"
        "<NextRecordType>A</NextRecordType><NextRecordIdentifier>b</NextRecordIdentifier>"
        "<MaxItems>2</MaxItems></Response>");
}

/* ---- what is listed can be deleted: members, values, names ---- */

static const char *const listed[] = {
    CHANGE("DELETE",
           KEY("\\052.example.", "TXT") RECORDS(VALUE("&quot;a\\344&quot; &quot;b&quot;"))),
    CHANGE("DELETE", A("a\\100b.example.") ONE "<HealthCheckId>" CHECK "</HealthCheckId>"),
    CHANGE("DELETE", A("x.example.") ID "<Weight>0</Weight>" ALIAS),
    CHANGE("DELETE", A("x.example.") ID "<Region>eu-west-1</Region>" ONE),
    CHANGE("DELETE", A("x.example.") ID "<Failover>PRIMARY</Failover>" ONE),
    CHANGE("DELETE", A("x.example.") ID "<MultiValueAnswer>true</MultiValueAnswer>" ONE),
    CHANGE("DELETE",
           A("x.example.") ID "<GeoLocation><CountryCode>*</CountryCode></GeoLocation>" ONE),
    CHANGE("DELETE", A("x.example.") ID ONE "<CidrRoutingConfig><CollectionId>" CHECK
                                            "</CollectionId><LocationName>*</LocationName>"
                                            "</CidrRoutingConfig>"),
    CHANGE("DELETE", A("x.example.") ID ONE "<GeoProximityLocation><AWSRegion>eu-west-1"
                                            "</AWSRegion><Bias>0</Bias></GeoProximityLocation>"),
    CHANGE("DELETE", A("x.example.") ID ONE
           "<GeoProximityLocation><Coordinates><Latitude>-1.5</Latitude><Longitude>179.99"
           "</Longitude></Coordinates><Bias>7</Bias></GeoProximityLocation>"),
};

static void test_listed_is_as_it_was_given(void **state)
{
    char *text = malloc(ROUTE53_VALUE_TEXT_SIZE);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        struct xml_writer xml;
        size_t len;
        change(listed[i]);
        xml_writer_init(&xml, 1u << 20);
        assert_int_equal(record_write(&xml, asked_set(CMD__ACTION__ACTION_DELETE), text), 0);
        char *written = xml_writer_take(&xml, &len);
        assert_non_null(written);
        /* the set is what stands between the action and the end of the change */
        const char *begin = strstr(listed[i], "<ResourceRecordSet>");
        size_t set_len = (size_t)(strstr(listed[i], "</Change>") - begin);
        char *wanted = strndup(begin, set_len);
        char *alias = strstr(wanted, "T.example.com</DNSName>");
        if (alias) { /* lower case, with its dot */
            char *again;
            assert_true(asprintf(&again, "%.*st.example.com.%s", (int)(alias - wanted), wanted,
                                 alias + strlen("T.example.com")) > 0);
            free(wanted);
            wanted = again;
        }
        assert_string_equal(written, wanted);
        free(wanted);
        free(written);
    }
    free(text);
}

/* ---- GetChange ---- */

static void test_change_is_shown(void **state)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ChangeReply shown = CTL__CHANGE_REPLY__INIT;

    (void)state;
    start("GetChange", "C1", NULL, NULL);
    assert_string_equal(fake_call_asked(call)->change_get->change_id, "C1");
    reply.kind_case = CTL__REPLY__KIND_CHANGE;
    reply.change = &shown;
    shown.change_id = (char *)"C1";
    shown.status = (char *)"INSYNC";
    shown.time_wall_ms = 1490633328123;
    shown.comment = (char *)"why";
    fake_call_reply(call, &reply);
    assert_string_equal(fake_call_outcome(call),
                        "200 <Response><ChangeInfo><Id>/change/C1</Id><Status>INSYNC</Status>"
                        "<SubmittedAt>2017-03-27T16:48:48.123Z</SubmittedAt><Comment>why</Comment>"
                        "</ChangeInfo></Response>");
    start("GetChange", "C2", NULL, NULL);
    reply = (Ctl__Reply)CTL__REPLY__INIT;
    reply.code = ERR_NOT_FOUND;
    fake_call_reply(call, &reply);
    assert_string_equal(fake_call_outcome(call),
                        "NoSuchChange: Could not find resource with ID: C2");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        CASE(test_refused_before_the_node),
        CASE(test_limits_of_a_request),
        CASE(test_change_is_asked_and_answered),
        CASE(test_of_repeated_members_the_first_counts),
        CASE(test_members_of_routing),
        CASE(test_texts_are_kept_where_they_differ),
        CASE(test_lenience),
        CASE(test_refusals_of_the_node),
        CASE(test_list_begins_where_it_is_told),
        CASE(test_list_is_written),
        CASE(test_listed_is_as_it_was_given),
        CASE(test_change_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
