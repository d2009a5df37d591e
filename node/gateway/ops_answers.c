/* node/gateway/ops_answers.c: what would be answered, and the locations there are. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dns/name.h"
#include "dns/type.h"
#include "gateway/dns_reply.h"
#include "gateway/operations.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "geo/place_list.h"
#include "proto/control.pb-c.h"
#include "route53/value.h"

#define PLACES_PAGE 100u
#define IPV4_MASK 24 /* bits of a client's subnet, if the request does not say */
#define IPV6_MASK 64
#define CODE_SIZE 4u

/* ---- TestDNSAnswer ---- */

/* What is asked, until the zone is known. */
struct testing {
    const char *zone, *name_text, *type_text;
    uint8_t name[DNS_NAME_MAX];
    size_t name_len;
    uint16_t type;
    uint8_t client[17], resolver[16]; /* the client led by its prefix in bits */
    size_t client_len, resolver_len;
    const char *nameserver;
};

/* An address, 4 or 16 octets to @out; 0: none. */
static size_t read_address(const char *text, uint8_t out[16])
{
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

/* The subnet that a resolver would tell of: its address without what is behind the mask. */
static bool read_client(struct gateway_call *call, struct testing *testing)
{
    const char *address = gateway_query(call, "edns0clientsubnetip");
    const char *mask = gateway_query(call, "edns0clientsubnetmask");
    int64_t bits;

    if (!address || !address[0])
        return true;
    size_t len = read_address(address, testing->client + 1);
    bits = len == 4 ? IPV4_MASK : IPV6_MASK;
    if (len == 0)
        gateway_breach(call, "eDNS0ClientSubnetIP", address, "Member must be an IP address");
    if (mask && mask[0] && !xml_read_number(mask, 0, (int64_t)len * 8, &bits))
        gateway_breach(call, "eDNS0ClientSubnetMask", mask,
                       "Member must be a number of bits of the address");
    if (!gateway_is_valid(call))
        return false;
    for (size_t i = (size_t)bits; i < len * 8; i++)
        testing->client[1 + i / 8] &= (uint8_t) ~(0x80u >> i % 8);
    testing->client[0] = (uint8_t)bits;
    testing->client_len = 1 + len;
    return true;
}

static bool require(struct gateway_call *call, const char *member, const char *value)
{
    if (!value)
        gateway_breach(call, member, NULL, "Member must not be null");
    return value != NULL;
}

static bool read_question(struct gateway_call *call, struct testing *testing)
{
    const char *resolver = gateway_query(call, "resolverip");
    char problem[ROUTE53_PROBLEM_SIZE];

    testing->zone = gateway_query(call, "hostedzoneid");
    testing->name_text = gateway_query(call, "recordname");
    testing->type_text = gateway_query(call, "recordtype");
    require(call, "hostedZoneId", testing->zone);
    require(call, "recordName", testing->name_text);
    if (require(call, "recordType", testing->type_text) &&
        !route53_type_parse(testing->type_text, &testing->type))
        gateway_breach(call, "recordType", testing->type_text,
                       "Member must satisfy enum value set: %s", route53_type_names);
    if (resolver && resolver[0]) {
        testing->resolver_len = read_address(resolver, testing->resolver);
        if (testing->resolver_len == 0)
            gateway_breach(call, "resolverIP", resolver, "Member must be an IP address");
    }
    if (!read_client(call, testing) || !gateway_is_valid(call))
        return false;
    int len = route53_name_parse(testing->name_text, testing->name, problem);
    if (len < 0) {
        gateway_fail(call, "InvalidInput", "FATAL problem: %s", problem);
        return false;
    }
    dns_name_lower_len(testing->name, (unsigned)len, testing->name);
    testing->name_len = (size_t)len;
    return true;
}

static bool write_records(struct xml_writer *xml, const struct dns_reply *reply)
{
    struct dns_reply_record record;
    struct dns_reply_place place = {0};
    char *text = malloc(ROUTE53_VALUE_TEXT_SIZE);
    int found = text ? 1 : -1;

    xml_open(xml, "RecordData");
    while (found > 0 && (found = dns_reply_next(reply, &place, &record)) > 0) {
        int len = record.type == DNS_TYPE_RRSIG
                      ? 0
                      : route53_value_format(record.type, record.data, record.len, text);
        if (len < 0)
            found = len;
        else if (len > 0)
            xml_text_len(xml, "RecordDataEntry", text, (size_t)len);
    }
    free(text);
    if (found == 0)
        xml_close(xml);
    return found == 0;
}

static void on_answer(struct gateway_call *call, const Ctl__Reply *reply)
{
    const struct testing *testing = gateway_state(call);
    struct xml_writer *xml = gateway_xml(call);
    struct dns_reply answer;

    if (reply->kind_case != CTL__REPLY__KIND_EXPLAIN ||
        dns_reply_open(&answer, reply->explain->reply.data, reply->explain->reply.len) != 0) {
        gateway_fail(call, "InternalFailure", "The node's answer could not be read");
        return;
    }
    xml_text(xml, "Nameserver", testing->nameserver ? testing->nameserver : reply->explain->node);
    xml_text(xml, "RecordName", testing->name_text);
    xml_text(xml, "RecordType", testing->type_text);
    if (!write_records(xml, &answer)) {
        gateway_fail(call, "InternalFailure", "The node's answer could not be read");
        return;
    }
    xml_text(xml, "ResponseCode", dns_reply_code_text(answer.code));
    xml_text(xml, "Protocol", "UDP");
    gateway_answer(call);
}

/* The first of the zone's name servers, without its last dot. */
static const char *name_server(struct gateway_call *call, const Ctl__ZoneReply *zone)
{
    char text[DNS_NAME_TEXT_SIZE];

    if (zone->n_name_servers == 0)
        return NULL;
    const ProtobufCBinaryData *name = &zone->name_servers[0];
    if (name->len == 0 || dns_name_check(name->data, name->len) != (int)name->len)
        return NULL;
    int len = dns_name_format(name->data, text, sizeof(text));
    return len < 2 ? NULL : arena_copy(gateway_arena(call), text, (size_t)len - 1);
}

static void on_zone(struct gateway_call *call, const Ctl__Reply *reply)
{
    struct testing *testing = gateway_state(call);
    const Ctl__ZoneReply *zone = reply->zone;
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__Explain explain = CTL__EXPLAIN__INIT;

    if (reply->code != 0 && strcmp(reply->error, "NoSuchHostedZone") == 0)
        gateway_fail(call, "NoSuchHostedZone", "No hosted zone found with ID: %s", testing->zone);
    else if (reply->code != 0)
        gateway_fail_reply(call, reply);
    else if (reply->kind_case != CTL__REPLY__KIND_ZONE || zone->name.len == 0 ||
             dns_name_check(zone->name.data, zone->name.len) != (int)zone->name.len)
        gateway_fail(call, "InternalFailure", "The node's answer could not be read");
    else if (zone->is_private)
        gateway_fail(call, "InvalidInput",
                     "TestDNSAnswer is not supported for private hosted zones.");
    else if (!dns_name_is_within(testing->name, zone->name.data))
        gateway_fail(call, "InvalidInput", "The record name %s is not in the hosted zone %s.",
                     testing->name_text, testing->zone);
    else {
        testing->nameserver = name_server(call, zone);
        explain.name = (ProtobufCBinaryData){testing->name_len, testing->name};
        explain.type = testing->type;
        explain.is_public = true;
        explain.client = (ProtobufCBinaryData){testing->client_len, testing->client};
        explain.resolver = (ProtobufCBinaryData){testing->resolver_len, testing->resolver};
        request.kind_case = CTL__REQUEST__KIND_EXPLAIN;
        request.explain = &explain;
        gateway_ask(call, &request, on_answer);
    }
}

static void test_dns_answer(struct gateway_call *call)
{
    struct testing *testing = arena_alloc(gateway_arena(call), sizeof(*testing));
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneGet get = CTL__ZONE_GET__INIT;

    if (!testing) {
        gateway_fail(call, "ServiceUnavailable", "Out of memory");
        return;
    }
    memset(testing, 0, sizeof(*testing));
    if (!read_question(call, testing))
        return;
    const char *slash = strrchr(testing->zone, '/'); /* "/hostedzone/Z…" */
    testing->zone = slash ? slash + 1 : testing->zone;
    gateway_set_state(call, testing);
    get.zone = (char *)(uintptr_t)testing->zone;
    request.kind_case = CTL__REQUEST__KIND_ZONE_GET;
    request.zone_get = &get;
    gateway_ask_any(call, &request, on_zone);
}

/* ---- geo locations ---- */

/* A code in capitals, or NULL; of @least to @most characters. */
static const char *read_code(struct gateway_call *call, const char *name, const size_t lens[2],
                             char out[CODE_SIZE])
{
    const char *text = gateway_query(call, name);
    size_t len = text ? strlen(text) : 0;

    if (!text || (len == 0 && strncmp(name, "start", 5) == 0))
        return NULL;
    if (len < lens[0] || len > lens[1]) {
        gateway_breach(call, name, text, "Member must have length between %zu and %zu", lens[0],
                       lens[1]);
        return NULL;
    }
    for (size_t i = 0; i <= len; i++)
        out[i] = (char)toupper((unsigned char)text[i]);
    return out;
}

struct codes {
    char texts[3][CODE_SIZE];
    const char *continent, *country, *subdivision;
};

/* The three codes of a place, as these parameters have them. false: the call has been failed. */
static bool read_codes(struct gateway_call *call, const char *const names[3], struct codes *out)
{
    static const size_t continent[] = {2, 2}, country[] = {1, 2}, subdivision[] = {1, 3};

    out->continent = read_code(call, names[0], continent, out->texts[0]);
    out->country = read_code(call, names[1], country, out->texts[1]);
    out->subdivision = read_code(call, names[2], subdivision, out->texts[2]);
    if (!gateway_is_valid(call))
        return false;
    if (out->subdivision && !out->country) {
        gateway_fail(call, "InvalidInput", "A subdivision code needs a country code.");
        return false;
    }
    if (out->continent && out->country) {
        gateway_fail(call, "InvalidInput",
                     "A continent code and a country code do not go together.");
        return false;
    }
    return true;
}

static void write_text(struct xml_writer *xml, const char *name, const char *text)
{
    if (text)
        xml_text(xml, name, text);
}

static void write_place(struct xml_writer *xml, const struct geo_place *place)
{
    xml_open(xml, "GeoLocationDetails");
    write_text(xml, "ContinentCode", place->continent);
    write_text(xml, "ContinentName", place->continent_name);
    write_text(xml, "CountryCode", place->country);
    write_text(xml, "CountryName", place->country_name);
    write_text(xml, "SubdivisionCode", place->subdivision);
    write_text(xml, "SubdivisionName", place->subdivision_name);
    xml_close(xml);
}

static void get_geo_location(struct gateway_call *call)
{
    static const char *const names[] = {"continentcode", "countrycode", "subdivisioncode"};
    struct geo_place place;
    struct codes codes;

    if (!read_codes(call, names, &codes))
        return;
    if (!codes.continent && !codes.country) {
        gateway_fail(call, "InvalidInput", "A continent code or a country code is needed.");
        return;
    }
    if (!geo_place_find(codes.continent, codes.country, codes.subdivision, &place)) {
        gateway_fail(call, "NoSuchGeoLocation",
                     "The specified geographic location is not supported.");
        return;
    }
    write_place(gateway_xml(call), &place);
    gateway_answer(call);
}

static void list_geo_locations(struct gateway_call *call)
{
    static const char *const names[] = {"startcontinentcode", "startcountrycode",
                                        "startsubdivisioncode"};
    struct geo_place place;
    struct codes codes;
    uint32_t page;

    if (!read_codes(call, names, &codes) ||
        !gateway_page_size(call, "maxitems", PLACES_PAGE, PLACES_PAGE, &page))
        return;
    struct xml_writer *xml = gateway_xml(call);
    size_t at = geo_place_from(codes.continent, codes.country, codes.subdivision);
    size_t end = geo_place_count() - at > page ? at + page : geo_place_count();
    xml_open(xml, "GeoLocationDetailsList");
    for (; at < end; at++) {
        geo_place_at(at, &place);
        write_place(xml, &place);
    }
    xml_close(xml);
    xml_bool(xml, "IsTruncated", end < geo_place_count());
    if (end < geo_place_count()) {
        geo_place_at(end, &place);
        write_text(xml, "NextContinentCode", place.continent);
        write_text(xml, "NextCountryCode", place.country);
        write_text(xml, "NextSubdivisionCode", place.subdivision);
    }
    xml_number(xml, "MaxItems", page);
    gateway_answer(call);
}

const struct gateway_operation gateway_answers_operations[] = {
    {"TestDNSAnswer", "GET", "/testdnsanswer", NULL, 200, test_dns_answer},
    {"GetGeoLocation", "GET", "/geolocation", NULL, 200, get_geo_location},
    {"ListGeoLocations", "GET", "/geolocations", NULL, 200, list_geo_locations},
    {0},
};
