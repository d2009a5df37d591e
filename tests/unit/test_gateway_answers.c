/* links: test_call gateway
 * TestDNSAnswer, GetGeoLocation and ListGeoLocations: what they ask the node, and what they answer
 * (route53.md 9.7, 9.8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "gateway/dns_reply.h"
#include "gateway/operations.h"
#include "lib/fake_call.h"
#include "proto/control.pb-c.h"

#define ZONE "Z00000000000000000001"

static struct gateway_call *call;

static int stop(void **state)
{
    (void)state;
    if (call)
        fake_call_free(call);
    call = NULL;
    return 0;
}

static void start(const char *operation, const struct fake_query *query)
{
    const struct gateway_operation *at = gateway_answers_operations;

    stop(NULL);
    while (strcmp(at->name, operation) != 0)
        at++;
    call = fake_call_new(at, "", NULL, query);
    fake_call_run(call);
}
#define START(operation, ...) start(operation, (struct fake_query[]){__VA_ARGS__, {0}})

static void outcome_is(const char *outcome)
{
    assert_non_null(fake_call_outcome(call));
    assert_string_equal(fake_call_outcome(call), outcome);
}

static void outcome_begins(const char *outcome)
{
    assert_non_null(fake_call_outcome(call));
    assert_memory_equal(fake_call_outcome(call), outcome, strlen(outcome));
}

/* ---- geo locations ---- */

static void test_get_geo_location(void **state)
{
    (void)state;
    START("GetGeoLocation", {"continentcode", "eu"});
    outcome_is("200 <Response><GeoLocationDetails><ContinentCode>EU</ContinentCode>"
               "<ContinentName>Europe</ContinentName></GeoLocationDetails></Response>");
    START("GetGeoLocation", {"countrycode", "FR"});
    outcome_is("200 <Response><GeoLocationDetails><CountryCode>FR</CountryCode><CountryName>France"
               "</CountryName></GeoLocationDetails></Response>");
    START("GetGeoLocation", {"countrycode", "US"}, {"subdivisioncode", "WA"});
    outcome_is("200 <Response><GeoLocationDetails><CountryCode>US</CountryCode><CountryName>United "
               "States of America</CountryName><SubdivisionCode>WA</SubdivisionCode>"
               "<SubdivisionName>Washington</SubdivisionName></GeoLocationDetails></Response>");
    START("GetGeoLocation", {"countrycode", "*"});
    outcome_is("200 <Response><GeoLocationDetails><CountryCode>*</CountryCode><CountryName>Default"
               "</CountryName></GeoLocationDetails></Response>");
    START("GetGeoLocation", {"countrycode", "QQ"});
    outcome_begins("NoSuchGeoLocation: ");
    START("GetGeoLocation", {"continentcode", "EUR"});
    outcome_begins("InvalidInput: ");
    START("GetGeoLocation", {"subdivisioncode", "WA"});
    outcome_begins("InvalidInput: ");
    start("GetGeoLocation", NULL);
    outcome_begins("InvalidInput: ");
}

static void test_list_geo_locations(void **state)
{
    (void)state;
    START("ListGeoLocations", {"maxitems", "1"});
    outcome_is("200 <Response><GeoLocationDetailsList><GeoLocationDetails><CountryCode>*"
               "</CountryCode><CountryName>Default</CountryName></GeoLocationDetails>"
               "</GeoLocationDetailsList><IsTruncated>true</IsTruncated><NextCountryCode>AD"
               "</NextCountryCode><MaxItems>1</MaxItems></Response>");
    START("ListGeoLocations", {"maxitems", "1"}, {"startcountrycode", "US"});
    assert_non_null(strstr(fake_call_outcome(call),
                           "<NextCountryCode>US</NextCountryCode><NextSubdivisionCode>AK"
                           "</NextSubdivisionCode>"));
    START("ListGeoLocations", {"startcontinentcode", "SA"});
    outcome_is("200 <Response><GeoLocationDetailsList><GeoLocationDetails><ContinentCode>SA"
               "</ContinentCode><ContinentName>South America</ContinentName></GeoLocationDetails>"
               "</GeoLocationDetailsList><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems>"
               "</Response>");
}

/* ---- TestDNSAnswer ---- */

static void give_zone(bool is_private)
{
    static uint8_t name[] = "\7example", server[] = "\3ns1\7example";
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ZoneReply zone = CTL__ZONE_REPLY__INIT;
    ProtobufCBinaryData servers = {sizeof(server), server};

    assert_string_equal(fake_call_asked(call)->zone_get->zone, ZONE);
    zone.name = (ProtobufCBinaryData){sizeof(name), name};
    zone.n_name_servers = 1;
    zone.name_servers = &servers;
    zone.is_private = is_private;
    reply.kind_case = CTL__REPLY__KIND_ZONE;
    reply.zone = &zone;
    fake_call_reply(call, &reply);
}

static void give_answer(const char *octets, size_t len)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ExplainReply explain = CTL__EXPLAIN_REPLY__INIT;

    explain.reply = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)octets};
    explain.node = (char *)(uintptr_t) "n1";
    reply.kind_case = CTL__REPLY__KIND_EXPLAIN;
    reply.explain = &explain;
    fake_call_reply(call, &reply);
}

#define QUESTION "\1a\7example\0\0\1\0\1"
#define HEADER(flags, answers) "\0\0" flags "\0\1\0" answers "\0\0\0\0"
static const char two[] =
    HEADER("\204\0", "\2") QUESTION "\300\14\0\1\0\1\0\0\0\74\0\4\300\0\2\1" /* a. A 192.0.2.1 */
                                    "\300\14\0\1\0\1\0\0\0\74\0\4\300\0\2\2";
static const char none[] = HEADER("\204\3", "\0") QUESTION;

static void test_answer_is_told(void **state)
{
    (void)state;
    START("TestDNSAnswer", {"hostedzoneid", ZONE}, {"recordname", "A.example"}, {"recordtype", "A"},
          {"resolverip", "192.0.2.53"}, {"edns0clientsubnetip", "198.51.100.77"});
    give_zone(false);
    const Ctl__Explain *explain = fake_call_asked(call)->explain;
    assert_memory_equal(explain->name.data, "\1a\7example", 11);
    assert_int_equal(explain->type, 1);
    assert_int_equal(explain->client.len, 5);
    assert_memory_equal(explain->client.data, "\30\306\63\144\0", 5);
    assert_memory_equal(explain->resolver.data, "\300\0\2\65", 4);
    give_answer(two, sizeof(two) - 1);
    outcome_is("200 <Response><Nameserver>ns1.example</Nameserver><RecordName>A.example"
               "</RecordName><RecordType>A</RecordType><RecordData><RecordDataEntry>192.0.2.1"
               "</RecordDataEntry><RecordDataEntry>192.0.2.2</RecordDataEntry></RecordData>"
               "<ResponseCode>NOERROR</ResponseCode><Protocol>UDP</Protocol></Response>");
    START("TestDNSAnswer", {"hostedzoneid", "/hostedzone/" ZONE}, {"recordname", "b.example."},
          {"recordtype", "TXT"}, {"edns0clientsubnetip", "2001:db8::ff"},
          {"edns0clientsubnetmask", "127"});
    give_zone(false);
    explain = fake_call_asked(call)->explain;
    assert_int_equal(explain->client.len, 17);
    assert_int_equal(explain->client.data[0], 127);
    assert_int_equal(explain->client.data[16], 0xfe);
    assert_int_equal(explain->resolver.len, 0);
    give_answer(none, sizeof(none) - 1);
    outcome_is("200 <Response><Nameserver>ns1.example</Nameserver><RecordName>b.example."
               "</RecordName><RecordType>TXT</RecordType><RecordData></RecordData><ResponseCode>"
               "NXDOMAIN</ResponseCode><Protocol>UDP</Protocol></Response>");
}

static void test_bad_questions(void **state)
{
    Ctl__Reply reply = CTL__REPLY__INIT;

    (void)state;
    START("TestDNSAnswer", {"hostedzoneid", ZONE});
    outcome_is("InvalidInput: null recordName: Member must not be null; null recordType: Member "
               "must not be null");
    START("TestDNSAnswer", {"hostedzoneid", ZONE}, {"recordname", "a."}, {"recordtype", "A"},
          {"resolverip", "x"});
    outcome_begins("InvalidInput: 'x' resolverIP");
    START("TestDNSAnswer", {"hostedzoneid", ZONE}, {"recordname", "a."}, {"recordtype", "A"},
          {"edns0clientsubnetip", "192.0.2.1"}, {"edns0clientsubnetmask", "33"});
    outcome_begins("InvalidInput: '33' eDNS0ClientSubnetMask");
    START("TestDNSAnswer", {"hostedzoneid", ZONE}, {"recordname", "a.other"}, {"recordtype", "A"});
    give_zone(false);
    outcome_begins("InvalidInput: ");
    START("TestDNSAnswer", {"hostedzoneid", ZONE}, {"recordname", "a.example"},
          {"recordtype", "A"});
    give_zone(true);
    outcome_begins("InvalidInput: ");
    START("TestDNSAnswer", {"hostedzoneid", ZONE}, {"recordname", "a.example"},
          {"recordtype", "A"});
    reply.code = ERR_NOT_FOUND;
    reply.error = (char *)(uintptr_t) "NoSuchHostedZone";
    fake_call_reply(call, &reply);
    outcome_is("NoSuchHostedZone: No hosted zone found with ID: " ZONE);
}

static void test_broken_answers(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(two) - 1; len++) { /* cut off anywhere */
        struct dns_reply reply;
        struct dns_reply_place place = {0};
        struct dns_reply_record record;
        int rc = dns_reply_open(&reply, (const uint8_t *)two, len);
        while (rc == 0 && (rc = dns_reply_next(&reply, &place, &record)) == 1)
            rc = 0;
        assert_int_equal(rc, ERR_INVALID);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        CASE(test_get_geo_location), CASE(test_list_geo_locations), CASE(test_answer_is_told),
        CASE(test_bad_questions),    CASE(test_broken_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
