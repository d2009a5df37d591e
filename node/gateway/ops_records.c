/* node/gateway/ops_records.c: record sets and changes. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dns/name.h"
#include "gateway/operations.h"
#include "gateway/record_read.h"
#include "gateway/record_write.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"
#include "route53/value.h"
#include "zone/record_text.h"
#include "zone/routing.h"

#define PAGE_MAX 300u
#define CHANGE_ID_LEN_MAX 6500u
#define ZONE_ID_LEN_MAX 32u /* of any */
#define ZONE_ID_LEN 21u     /* of ours */

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* The {Id} of a hosted zone, held against the model; NULL: the call has been failed. */
static char *zone_label(struct gateway_call *call)
{
    const char *id = gateway_label(call, 0);

    if (strlen(id) > ZONE_ID_LEN_MAX)
        gateway_breach(call, "id", id, "Member must have length less than or equal to %u",
                       ZONE_ID_LEN_MAX);
    return gateway_is_valid(call) ? text_of(id) : NULL;
}

/* The node knows zones by name, too; Route 53 by their ids alone. */
static bool is_zone_id(const char *id)
{
    return strlen(id) == ZONE_ID_LEN && id[0] == 'Z' &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ZONE_ID_LEN;
}

static void fail_zone(struct gateway_call *call, const char *id)
{
    gateway_fail(call, "NoSuchHostedZone", "No hosted zone found with ID: %s", id);
}

/* A bad reply about the zone of the path. */
static void fail_reply(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (strcmp(reply->error, "NoSuchHostedZone") == 0)
        fail_zone(call, gateway_label(call, 0));
    else
        gateway_fail_reply(call, reply);
}

/* ---- ChangeResourceRecordSets ---- */

static void on_changed(struct gateway_call *call, const Ctl__Reply *reply)
{
    const struct record_batch *batch = gateway_state(call);

    if (reply->code != 0) {
        /* what apply refuses without a code of its own is wrong with the batch */
        if (!reply->error[0] && (reply->code == ERR_INVALID || reply->code == ERR_LIMIT ||
                                 reply->code == ERR_CONFLICT || reply->code == ERR_EXISTS))
            gateway_fail(call, "InvalidChangeBatch", "[%s]", reply->message);
        else
            fail_reply(call, reply);
        return;
    }
    gateway_write_change(call, reply, batch->comment);
    gateway_answer(call);
}

static void change_record_sets(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordChange change = CTL__RECORD_CHANGE__INIT;
    struct record_batch *batch = arena_alloc(gateway_arena(call), sizeof(*batch));
    uint8_t token[GATEWAY_TOKEN_LEN];

    change.zone = zone_label(call);
    if (!change.zone)
        return;
    if (!is_zone_id(change.zone)) {
        fail_zone(call, change.zone);
        return;
    }
    if (!batch) {
        gateway_fail(call, "ServiceUnavailable", "Out of memory");
        return;
    }
    if (!record_read(call, batch))
        return;
    gateway_set_state(call, batch);
    change.comment = text_of(batch->comment);
    change.changes = batch->changes;
    change.n_changes = batch->count;
    change.by_route53 = true;
    change.request_token = (ProtobufCBinaryData){gateway_request_token(call, token), token};
    request.kind_case = CTL__REQUEST__KIND_RECORD_CHANGE;
    request.record_change = &change;
    gateway_ask_any(call, &request, on_changed);
}

/* ---- ListResourceRecordSets ---- */

struct listing {
    uint32_t page_size;
};

static bool write_sets(struct xml_writer *xml, const Ctl__RecordListReply *list)
{
    char text[ROUTE53_VALUE_TEXT_SIZE]; /* of one value; mostly a few octets are touched */
    int rc = 0;

    xml_open(xml, "ResourceRecordSets");
    for (size_t i = 0; i < list->n_record_sets && rc == 0; i++)
        rc = record_write(xml, list->record_sets[i], text);
    if (rc == 0)
        xml_close(xml);
    return rc == 0;
}

static void write_page(struct gateway_call *call, const Ctl__RecordListReply *list)
{
    struct xml_writer *xml = gateway_xml(call);
    bool has_more = list->next_name.len > 0;
    char type[ZONE_TYPE_TEXT_LEN_MAX];

    xml_bool(xml, "IsTruncated", has_more);
    if (has_more) {
        zone_type_format((uint16_t)list->next_type, type);
        xml_name(xml, "NextRecordName", list->next_name.data);
        xml_text(xml, "NextRecordType", type);
        if (list->next_identifier[0])
            xml_text(xml, "NextRecordIdentifier", list->next_identifier);
    }
}

static bool is_name(const ProtobufCBinaryData *name)
{
    return name->len > 0 && dns_name_check(name->data, name->len) == (int)name->len;
}

static void on_listed(struct gateway_call *call, const Ctl__Reply *reply)
{
    struct listing *listing = gateway_state(call);
    const Ctl__RecordListReply *list = reply->record_list;

    if (reply->code != 0) {
        fail_reply(call, reply);
        return;
    }
    if (reply->kind_case != CTL__REPLY__KIND_RECORD_LIST || list->next_type > UINT16_MAX ||
        (list->next_name.len > 0 && !is_name(&list->next_name)) ||
        !write_sets(gateway_xml(call), list)) {
        gateway_fail(call, "InternalFailure", "The node's answer could not be read");
        return;
    }
    write_page(call, list);
    xml_number(gateway_xml(call), "MaxItems", listing->page_size);
    gateway_answer(call);
}

/* Where the page begins: name, type, identifier, each only with those before it. false: the call
 * has been failed. */
static bool read_start(struct gateway_call *call, Ctl__RecordList *out, uint8_t name[DNS_NAME_MAX])
{
    const char *name_text = gateway_query(call, "name"), *type = gateway_query(call, "type");
    const char *identifier = gateway_query(call, "identifier");
    char problem[ROUTE53_PROBLEM_SIZE];
    uint16_t number = 0;

    if ((type && !name_text) || (identifier && !type)) {
        gateway_fail(call, "InvalidInput", "The input is not valid: %s",
                     type && !name_text ? "a type needs a name" : "an identifier needs a type");
        return false;
    }
    if (type && !route53_type_parse(type, &number))
        gateway_breach(call, "type", type, "Member must satisfy enum value set: %s",
                       route53_type_names);
    if (identifier && (!identifier[0] || strlen(identifier) > ZONE_SET_IDENTIFIER_MAX))
        gateway_breach(call, "identifier", identifier, "Member must have length between 1 and %u",
                       ZONE_SET_IDENTIFIER_MAX);
    if (!gateway_is_valid(call))
        return false;
    if (!name_text)
        return true;
    int len = route53_name_parse(name_text, name, problem);
    if (len < 0) {
        gateway_fail(call, "InvalidInput", "FATAL problem: %s", problem);
        return false;
    }
    dns_name_lower_len(name, (unsigned)len, name);
    out->start_name = (ProtobufCBinaryData){(size_t)len, name};
    out->start_type = number;
    if (identifier)
        out->start_identifier = text_of(identifier);
    return true;
}

static void list_record_sets(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordList list = CTL__RECORD_LIST__INIT;
    struct listing *listing = arena_alloc(gateway_arena(call), sizeof(*listing));
    uint8_t name[DNS_NAME_MAX];

    if (!listing) {
        gateway_fail(call, "ServiceUnavailable", "Out of memory");
        return;
    }
    list.zone = zone_label(call);
    if (!list.zone)
        return;
    if (!is_zone_id(list.zone)) {
        fail_zone(call, list.zone);
        return;
    }
    if (!gateway_page_size(call, "maxitems", PAGE_MAX, PAGE_MAX, &listing->page_size) ||
        !read_start(call, &list, name))
        return;
    gateway_set_state(call, listing);
    list.limit = listing->page_size;
    request.kind_case = CTL__REQUEST__KIND_RECORD_LIST;
    request.record_list = &list;
    gateway_ask_any(call, &request, on_listed);
}

/* ---- GetChange ---- */

static void on_change(struct gateway_call *call, const Ctl__Reply *reply)
{
    struct xml_writer *xml;

    if (reply->code == ERR_NOT_FOUND) {
        gateway_fail(call, "NoSuchChange", "Could not find resource with ID: %s",
                     gateway_label(call, 0));
        return;
    }
    if (reply->code != 0 || reply->kind_case != CTL__REPLY__KIND_CHANGE) {
        gateway_fail_reply(call, reply);
        return;
    }
    xml = gateway_xml(call);
    xml_open(xml, "ChangeInfo");
    xml_format(xml, "Id", "/change/%s", reply->change->change_id);
    xml_text(xml, "Status", reply->change->status);
    xml_time(xml, "SubmittedAt", reply->change->time_wall_ms);
    if (reply->change->comment[0])
        xml_text(xml, "Comment", reply->change->comment);
    xml_close(xml);
    gateway_answer(call);
}

static void get_change(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ChangeGet get = CTL__CHANGE_GET__INIT;
    const char *id = gateway_label(call, 0);

    if (!id[0])
        gateway_breach(call, "id", id, "Member must have length greater than or equal to 1");
    if (strlen(id) > CHANGE_ID_LEN_MAX)
        gateway_breach(call, "id", id, "Member must have length less than or equal to %u",
                       CHANGE_ID_LEN_MAX);
    if (!gateway_is_valid(call))
        return;
    get.change_id = text_of(id);
    request.kind_case = CTL__REQUEST__KIND_CHANGE_GET;
    request.change_get = &get;
    gateway_ask_any(call, &request, on_change);
}

const struct gateway_operation gateway_records_operations[] = {
    {"ChangeResourceRecordSets", "POST", "/hostedzone/{Id}/rrset/",
     "ChangeResourceRecordSetsRequest", 200, change_record_sets},
    {"ListResourceRecordSets", "GET", "/hostedzone/{Id}/rrset", NULL, 200, list_record_sets},
    {"GetChange", "GET", "/change/{Id}", NULL, 200, get_change},
    {0},
};
