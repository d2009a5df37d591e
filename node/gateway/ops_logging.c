/* node/gateway/ops_logging.c: query logging configurations. Ids of zones stand without a prefix. */
#include "gateway/operations.h"

#include <stddef.h>
#include <string.h>

#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"

#define LISTED_DEFAULT 100u
#define LISTED_MAX 100u
#define ZONE_ID_MAX 32u
#define ID_MAX 36u

/* The id behind a prefix such as "/hostedzone/"; "" when there is none. */
static char *bare_id(const char *text)
{
    const char *slash = text ? strrchr(text, '/') : NULL;

    return (char *)(slash ? slash + 1 : text ? text : "");
}

static void check_text(struct gateway_call *call, const char *member, const char *text,
                       size_t len_max)
{
    if (!text)
        gateway_breach(call, member, NULL, "Member must not be null");
    else if (strlen(text) > len_max)
        gateway_breach(call, member, text, "Member must have length less than or equal to %zu",
                       len_max);
}

static void write_config(struct xml_writer *xml, const Ctl__QueryLoggingReply *config)
{
    xml_open(xml, "QueryLoggingConfig");
    xml_text(xml, "Id", config->id);
    xml_text(xml, "HostedZoneId", config->zone_id);
    xml_text(xml, "CloudWatchLogsLogGroupArn", config->log_group_arn);
    xml_close(xml);
}

static void on_config(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (!reply->query_logging) {
        gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
        return;
    }
    if (gateway_operation(call)->status == 201)
        gateway_location(call, "/queryloggingconfig/%s", reply->query_logging->id);
    write_config(gateway_xml(call), reply->query_logging);
    gateway_answer(call);
}

static void create_config(struct gateway_call *call)
{
    const struct xml_element *body = gateway_body(call);
    const char *zone = xml_child_text(body, "HostedZoneId");
    const char *arn = xml_child_text(body, "CloudWatchLogsLogGroupArn");
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__QueryLoggingCreate create = CTL__QUERY_LOGGING_CREATE__INIT;

    check_text(call, "hostedZoneId", zone ? bare_id(zone) : NULL, ZONE_ID_MAX);
    check_text(call, "cloudWatchLogsLogGroupArn", arn, 2048);
    if (!gateway_is_valid(call))
        return;
    create.zone = bare_id(zone);
    create.log_group_arn = (char *)arn;
    request.kind_case = CTL__REQUEST__KIND_QUERY_LOGGING_CREATE;
    request.query_logging_create = &create;
    gateway_ask(call, &request, on_config);
}

static void get_config(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__QueryLoggingGet get = CTL__QUERY_LOGGING_GET__INIT;

    check_text(call, "id", gateway_label(call, 0), ID_MAX);
    if (!gateway_is_valid(call))
        return;
    get.id = (char *)gateway_label(call, 0);
    request.kind_case = CTL__REQUEST__KIND_QUERY_LOGGING_GET;
    request.query_logging_get = &get;
    gateway_ask(call, &request, on_config);
}

static void on_deleted(struct gateway_call *call, const Ctl__Reply *reply)
{
    (void)reply;
    gateway_answer(call);
}

static void delete_config(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__QueryLoggingDelete deletion = CTL__QUERY_LOGGING_DELETE__INIT;

    check_text(call, "id", gateway_label(call, 0), ID_MAX);
    if (!gateway_is_valid(call))
        return;
    deletion.id = (char *)gateway_label(call, 0);
    request.kind_case = CTL__REQUEST__KIND_QUERY_LOGGING_DELETE;
    request.query_logging_delete = &deletion;
    gateway_ask(call, &request, on_deleted);
}

static void on_list(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__QueryLoggingListReply *list = reply->query_logging_list;
    struct xml_writer *xml = gateway_xml(call);

    if (!list) {
        gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
        return;
    }
    xml_open(xml, "QueryLoggingConfigs");
    for (size_t i = 0; i < list->n_configs; i++)
        write_config(xml, list->configs[i]);
    xml_close(xml);
    if (list->next_id[0])
        xml_text(xml, "NextToken", list->next_id);
    gateway_answer(call);
}

static void list_configs(struct gateway_call *call)
{
    const char *token = gateway_query(call, "nexttoken"),
               *zone = gateway_query(call, "hostedzoneid");
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__QueryLoggingList list = CTL__QUERY_LOGGING_LIST__INIT;

    if (!gateway_page_size(call, "maxresults", LISTED_DEFAULT, LISTED_MAX, &list.limit))
        return;
    list.zone = bare_id(zone);
    list.start_id = (char *)(token ? token : "");
    request.kind_case = CTL__REQUEST__KIND_QUERY_LOGGING_LIST;
    request.query_logging_list = &list;
    gateway_ask(call, &request, on_list);
}

const struct gateway_operation gateway_logging_operations[] = {
    {"CreateQueryLoggingConfig", "POST", "/queryloggingconfig", "CreateQueryLoggingConfigRequest",
     201, create_config},
    {"GetQueryLoggingConfig", "GET", "/queryloggingconfig/{Id}", NULL, 200, get_config},
    {"ListQueryLoggingConfigs", "GET", "/queryloggingconfig", NULL, 200, list_configs},
    {"DeleteQueryLoggingConfig", "DELETE", "/queryloggingconfig/{Id}", NULL, 200, delete_config},
    {0},
};
