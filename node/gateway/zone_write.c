/* node/gateway/zone_write.c: hosted zones and delegation sets as XML. */
#include <string.h>

#include "gateway/xml_writer.h"
#include "gateway/zones.h"
#include "proto/control.pb-c.h"

static bool is_name(const ProtobufCBinaryData *name)
{
    return name->len > 0 && dns_name_check(name->data, name->len) == (int)name->len;
}

/* Name servers have no dot at their end, unlike all other names. */
static void write_server(struct xml_writer *xml, const ProtobufCBinaryData *name)
{
    char text[DNS_NAME_TEXT_SIZE];

    if (!is_name(name))
        return;
    dns_name_format_octal(name->data, text);
    size_t len = strlen(text);
    xml_text_len(xml, "NameServer", text, len > 1 && text[len - 1] == '.' ? len - 1 : len);
}

static void write_servers(struct xml_writer *xml, const ProtobufCBinaryData *names, size_t count)
{
    xml_open(xml, "NameServers");
    for (size_t i = 0; i < count; i++)
        write_server(xml, &names[i]);
    xml_close(xml);
}

void zones_write_zone(struct xml_writer *xml, const struct Ctl__ZoneReply *zone)
{
    xml_open(xml, "HostedZone");
    xml_format(xml, "Id", "/hostedzone/%s", zone->id);
    if (is_name(&zone->name))
        xml_name(xml, "Name", zone->name.data);
    xml_text(xml, "CallerReference", zone->caller_reference);
    xml_open(xml, "Config");
    if (zone->comment[0])
        xml_text(xml, "Comment", zone->comment);
    xml_bool(xml, "PrivateZone", zone->is_private);
    xml_close(xml);
    xml_number(xml, "ResourceRecordSetCount", zone->record_set_count);
    if (!zone->is_private) {
        xml_open(xml, "Features");
        xml_text(xml, "AcceleratedRecoveryStatus",
                 zone->accelerated_recovery ? "ENABLED" : "DISABLED");
        xml_close(xml);
    }
    xml_close(xml);
}

void zones_write_servers(struct xml_writer *xml, const struct Ctl__ZoneReply *zone)
{
    xml_open(xml, "DelegationSet");
    if (zone->delegation_set_id[0])
        xml_format(xml, "Id", "/delegationset/%s", zone->delegation_set_id);
    write_servers(xml, zone->name_servers, zone->n_name_servers);
    xml_close(xml);
}

void zones_write_set(struct xml_writer *xml, const struct Ctl__DelegationSetReply *set)
{
    xml_open(xml, "DelegationSet");
    xml_format(xml, "Id", "/delegationset/%s", set->id);
    xml_text(xml, "CallerReference", set->caller_reference);
    write_servers(xml, set->name_servers, set->n_name_servers);
    xml_close(xml);
}

static void write_vpc(struct xml_writer *xml, const Cmd__Vpc *vpc)
{
    xml_open(xml, "VPC");
    xml_text(xml, "VPCRegion", vpc->region);
    xml_text(xml, "VPCId", vpc->id);
    xml_close(xml);
}

void zones_write_vpc(struct xml_writer *xml, const struct Ctl__ZoneReply *zone)
{
    if (zone->n_vpcs > 0)
        write_vpc(xml, zone->vpcs[0]);
}

void zones_write_vpcs(struct xml_writer *xml, const struct Ctl__ZoneReply *zone)
{
    xml_open(xml, "VPCs");
    for (size_t i = 0; i < zone->n_vpcs; i++)
        write_vpc(xml, zone->vpcs[i]);
    xml_close(xml);
}
