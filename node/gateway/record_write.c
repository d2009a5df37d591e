#include "gateway/record_write.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "dns/name.h"
#include "gateway/xml_writer.h"
#include "proto/command.pb-c.h"
#include "route53/value.h"
#include "zone/record_text.h"

/* An element with text, if there is any. */
static void write_text(struct xml_writer *xml, const char *name, const char *text)
{
    if (text[0])
        xml_text(xml, name, text);
}

static void write_location(struct xml_writer *xml, const Cmd__Routing *routing)
{
    xml_open(xml, "GeoLocation");
    write_text(xml, "ContinentCode", routing->continent);
    write_text(xml, "CountryCode", routing->country);
    write_text(xml, "SubdivisionCode", routing->subdivision);
    xml_close(xml);
}

static void write_cidr(struct xml_writer *xml, const Cmd__Routing *routing)
{
    xml_open(xml, "CidrRoutingConfig");
    xml_text(xml, "CollectionId", routing->cidr_collection_id);
    xml_text(xml, "LocationName", routing->cidr_location);
    xml_close(xml);
}

static void write_coordinate(struct xml_writer *xml, const char *name, int cdeg)
{
    int magnitude = abs(cdeg);

    if (magnitude % 100 == 0)
        xml_format(xml, name, "%s%d", cdeg < 0 ? "-" : "", magnitude / 100);
    else
        xml_format(xml, name, magnitude % 10 == 0 ? "%s%d.%d" : "%s%d.%02d", cdeg < 0 ? "-" : "",
                   magnitude / 100, magnitude % 10 == 0 ? magnitude % 100 / 10 : magnitude % 100);
}

static void write_proximity(struct xml_writer *xml, const Cmd__Routing *routing)
{
    xml_open(xml, "GeoProximityLocation");
    if (routing->has_coordinates) {
        xml_open(xml, "Coordinates");
        write_coordinate(xml, "Latitude", routing->latitude_cdeg);
        write_coordinate(xml, "Longitude", routing->longitude_cdeg);
        xml_close(xml);
    } else {
        xml_text(xml, "AWSRegion", routing->region);
    }
    xml_signed(xml, "Bias", routing->bias);
    xml_close(xml);
}

/* The policies whose member stands before the records. */
static void write_policy(struct xml_writer *xml, const Cmd__Routing *routing)
{
    switch (routing->policy) {
    case CMD__POLICY__POLICY_WEIGHTED: xml_number(xml, "Weight", routing->weight); return;
    case CMD__POLICY__POLICY_LATENCY: xml_text(xml, "Region", routing->region); return;
    case CMD__POLICY__POLICY_GEOLOCATION: write_location(xml, routing); return;
    case CMD__POLICY__POLICY_FAILOVER:
        xml_text(xml, "Failover", routing->is_secondary ? "SECONDARY" : "PRIMARY");
        return;
    case CMD__POLICY__POLICY_MULTIVALUE: xml_bool(xml, "MultiValueAnswer", true); return;
    default: return;
    }
}

static int write_alias(struct xml_writer *xml, const Cmd__Alias *alias)
{
    if (alias->target.len == 0 ||
        dns_name_check(alias->target.data, alias->target.len) != (int)alias->target.len)
        return ERR_INVALID;
    xml_open(xml, "AliasTarget");
    xml_text(xml, "HostedZoneId", alias->hosted_zone_id);
    xml_name(xml, "DNSName", alias->target.data);
    xml_bool(xml, "EvaluateTargetHealth", alias->evaluate_target_health);
    xml_close(xml);
    return 0;
}

/* A value as it was given, or as it is written out. */
static int write_value(struct xml_writer *xml, const Cmd__RecordSet *set, size_t i, char *text)
{
    const ProtobufCBinaryData *rdata = &set->rdata[i];

    if (i < set->n_value_texts && set->value_texts[i][0]) {
        xml_text(xml, "Value", set->value_texts[i]);
        return 0;
    }
    if (rdata->len > UINT16_MAX)
        return ERR_INVALID;
    int len = route53_value_format((uint16_t)set->type, rdata->data, (uint16_t)rdata->len, text);
    if (len >= 0)
        xml_text_len(xml, "Value", text, (size_t)len);
    return len < 0 ? len : 0;
}

static int write_records(struct xml_writer *xml, const Cmd__RecordSet *set, char *text)
{
    int rc = 0;

    xml_number(xml, "TTL", set->ttl_s);
    xml_open(xml, "ResourceRecords");
    for (size_t i = 0; i < set->n_rdata && rc == 0; i++) {
        xml_open(xml, "ResourceRecord");
        rc = write_value(xml, set, i, text);
        xml_close(xml);
    }
    xml_close(xml);
    return rc;
}

int record_write(struct xml_writer *xml, const struct Cmd__RecordSet *set, char *text)
{
    const Cmd__Routing *routing = set->routing;
    char type[ZONE_TYPE_TEXT_LEN_MAX];

    if (set->name.len == 0 || set->type > UINT16_MAX ||
        dns_name_check(set->name.data, set->name.len) != (int)set->name.len)
        return ERR_INVALID;
    zone_type_format((uint16_t)set->type, type);
    xml_open(xml, "ResourceRecordSet");
    xml_name(xml, "Name", set->name.data);
    xml_text(xml, "Type", type);
    write_text(xml, "SetIdentifier", set->set_identifier);
    if (routing)
        write_policy(xml, routing);
    int rc = routing && routing->alias ? write_alias(xml, routing->alias)
                                       : write_records(xml, set, text);
    if (rc != 0)
        return rc;
    if (routing)
        write_text(xml, "HealthCheckId", routing->health_check_id);
    write_text(xml, "TrafficPolicyInstanceId", set->traffic_instance_id);
    if (routing && routing->policy == CMD__POLICY__POLICY_IP_BASED)
        write_cidr(xml, routing);
    if (routing && routing->policy == CMD__POLICY__POLICY_GEOPROXIMITY)
        write_proximity(xml, routing);
    xml_close(xml);
    return 0;
}
