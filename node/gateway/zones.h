/* node/gateway/zones.h: what the files about hosted zones and delegation sets share. As request.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dns/name.h"

struct gateway_call;
struct xml_element;
struct xml_writer;
struct Ctl__DelegationSetReply;
struct Ctl__Reply;
struct Ctl__ZoneReply;

/* ---- zone_names.c: checks ---- */

/* An id without a prefix such as "/hostedzone/"; NULL stays NULL. */
const char *zones_bare_id(const char *id);
/* Note a breach if @text has more than @most octets, or fewer than @least; NULL: only if @least. */
void zones_check_len(struct gateway_call *call, const char *member, const char *text, size_t least,
                     size_t most);
/* Where a page begins: the marker, "" for NULL. A longer one than any id is cut, which leaves it
 * between the same ids. */
const char *zones_marker(struct gateway_call *call, const char *marker);
/* The zone's id from the path's label @index; NULL: the call has been failed. The node knows zones
 * by name too, Route 53 by id alone. */
char *zones_label(struct gateway_call *call, unsigned index);
/* A zone's name to wire octets. false: the call has been failed (InvalidDomainName). */
bool zones_parse_name(struct gateway_call *call, const char *text, uint8_t out[DNS_NAME_MAX]);
/* Fail by a bad reply about the zone @id, in Route 53's words where it is not there. */
void zones_fail_reply(struct gateway_call *call, const struct Ctl__Reply *reply, const char *id);

/* ---- zone_write.c ---- */

/* <HostedZone>. */
void zones_write_zone(struct xml_writer *xml, const struct Ctl__ZoneReply *zone);
/* <DelegationSet> of a public zone. */
void zones_write_servers(struct xml_writer *xml, const struct Ctl__ZoneReply *zone);
/* <DelegationSet> of a reusable one. */
void zones_write_set(struct xml_writer *xml, const struct Ctl__DelegationSetReply *set);
/* <VPC> of a private zone, the first one; or all, in <VPCs>. */
void zones_write_vpc(struct xml_writer *xml, const struct Ctl__ZoneReply *zone);
void zones_write_vpcs(struct xml_writer *xml, const struct Ctl__ZoneReply *zone);

/* ---- handlers that are not in the file of their group ---- */

void zones_list(struct gateway_call *call);         /* zone_lists.c */
void zones_list_by_name(struct gateway_call *call); /* zone_lists.c */
void zones_count(struct gateway_call *call);        /* zone_limits.c */
void zones_account_limit(struct gateway_call *call);
void zones_zone_limit(struct gateway_call *call);
void zones_set_limit(struct gateway_call *call);
