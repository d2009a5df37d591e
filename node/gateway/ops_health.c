/* node/gateway/ops_health.c: health checks. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "gateway/health_xml.h"
#include "gateway/members.h"
#include "gateway/operations.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"

#define LISTED_DEFAULT 100u
#define LISTED_MAX 1000u
#define ASKED_MAX 100u /* of the node at once: checks with many children are long */
#define CHECKS_LIMIT "MAX_HEALTH_CHECKS_BY_OWNER"

/* An answer that the node should not give. */
static void fail_reply(struct gateway_call *call)
{
    gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
}

/* ---- create ---- */

/* What only Amazon's own services could check. false: the call has been failed. */
static bool check_supported(struct gateway_call *call, const struct xml_element *config)
{
    const char *type = xml_child_text(config, "Type");

    if (!type)
        type = "";
    if (strcmp(type, "CLOUDWATCH_METRIC") == 0 || xml_child(config, "AlarmIdentifier") ||
        xml_child(config, "InsufficientDataHealthStatus"))
        gateway_fail(call, "InvalidInput",
                     "CLOUDWATCH_METRIC health checks are not supported: there is no CloudWatch "
                     "here whose alarms could be followed. Use an endpoint or CALCULATED check.");
    else if (strcmp(type, "RECOVERY_CONTROL") == 0 || xml_child(config, "RoutingControlArn"))
        gateway_fail(call, "InvalidInput",
                     "RECOVERY_CONTROL health checks are not supported: there is no Application "
                     "Recovery Controller here. Use Disabled and Inverted, or an override of the "
                     "check, as a switch.");
    else
        return true;
    return false;
}

static void on_created(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (!reply->health) {
        fail_reply(call);
        return;
    }
    gateway_location(call, "/healthcheck/%s", reply->health->id);
    health_write(gateway_xml(call), reply->health);
    gateway_answer(call);
}

static void create_check(struct gateway_call *call)
{
    const struct xml_element *body = gateway_body(call);
    const struct xml_element *element = xml_child(body, "HealthCheckConfig");
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthCreate create = CTL__HEALTH_CREATE__INIT;
    struct health_fields given = {0};
    Cmd__HealthCheckConfig config;

    create.caller_reference = (char *)member_text(call, "callerReference",
                                                  xml_child_text(body, "CallerReference"), 1, 64);
    if (!element)
        gateway_breach(call, "healthCheckConfig", NULL, "Member must not be null");
    else if (!xml_child(element, "Type"))
        gateway_breach(call, "healthCheckConfig.type", NULL, "Member must not be null");
    health_read_config(call, element, "healthCheckConfig.", &config, &given);
    if (!gateway_is_valid(call) || !check_supported(call, element))
        return;
    if (!xml_child(element, "EnableSNI"))
        config.enable_sni = strncmp(config.type, "HTTPS", 5) == 0;
    create.config = &config;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_CREATE;
    request.health_create = &create;
    gateway_ask(call, &request, on_created);
}

/* ---- one check ---- */

static void on_check(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (!reply->health) {
        fail_reply(call);
        return;
    }
    health_write(gateway_xml(call), reply->health);
    gateway_answer(call);
}

static void ask_check(struct gateway_call *call, bool with_opinions,
                      void (*next)(struct gateway_call *call, const Ctl__Reply *reply))
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthGet get = CTL__HEALTH_GET__INIT;

    get.id = (char *)gateway_label(call, 0);
    get.is_exact = true;
    get.with_opinions = with_opinions;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_GET;
    request.health_get = &get;
    gateway_ask(call, &request, next);
}

static void get_check(struct gateway_call *call)
{
    ask_check(call, false, on_check);
}

static void update_check(struct gateway_call *call)
{
    const struct xml_element *body = gateway_body(call);
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthUpdate update = CTL__HEALTH_UPDATE__INIT;
    struct health_fields given = {0};
    Cmd__HealthCheckConfig config;

    update.version = (uint64_t)member_number(
        call, "healthCheckVersion", xml_child_text(body, "HealthCheckVersion"), 1, INT64_MAX, 0);
    health_read_config(call, body, "", &config, &given);
    health_read_resets(call, xml_child(body, "ResetElements"), &config, &given);
    if (!gateway_is_valid(call) || !check_supported(call, body))
        return;
    update.id = (char *)gateway_label(call, 0);
    update.is_exact = true;
    update.config = &config;
    update.n_fields = given.count;
    update.fields = (char **)(uintptr_t)given.names;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_UPDATE;
    request.health_update = &update;
    gateway_ask(call, &request, on_check);
}

static void on_deleted(struct gateway_call *call, const Ctl__Reply *reply)
{
    (void)reply;
    gateway_answer(call);
}

static void delete_check(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthDelete deletion = CTL__HEALTH_DELETE__INIT;

    deletion.id = (char *)gateway_label(call, 0);
    deletion.is_exact = true;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_DELETE;
    request.health_delete = &deletion;
    gateway_ask(call, &request, on_deleted);
}

/* ---- list, in as many questions to the node as it takes ---- */

struct list {
    uint32_t left;
    char start_id[65];
};

static void ask_page(struct gateway_call *call);

static void end_list(struct gateway_call *call, const struct list *list)
{
    struct xml_writer *xml = gateway_xml(call);
    const char *marker = gateway_query(call, "marker"), *items = gateway_query(call, "maxitems");

    xml_close(xml);
    xml_text(xml, "Marker", marker ? marker : "");
    xml_bool(xml, "IsTruncated", list->start_id[0] != '\0');
    if (list->start_id[0])
        xml_text(xml, "NextMarker", list->start_id);
    if (items)
        xml_text(xml, "MaxItems", items);
    else
        xml_number(xml, "MaxItems", LISTED_DEFAULT);
    gateway_answer(call);
}

static void on_page(struct gateway_call *call, const Ctl__Reply *reply)
{
    struct list *list = gateway_state(call);
    const Ctl__HealthListReply *page = reply->health_list;

    if (!page || page->n_checks > list->left || strlen(page->next_id) >= sizeof(list->start_id)) {
        fail_reply(call);
        return;
    }
    for (size_t i = 0; i < page->n_checks; i++)
        health_write(gateway_xml(call), page->checks[i]);
    list->left -= (uint32_t)page->n_checks;
    memcpy(list->start_id, page->next_id, strlen(page->next_id) + 1);
    if (list->left > 0 && list->start_id[0] && page->n_checks > 0)
        ask_page(call);
    else
        end_list(call, list);
}

static void ask_page(struct gateway_call *call)
{
    struct list *list = gateway_state(call);
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthList ask = CTL__HEALTH_LIST__INIT;

    ask.start_id = list->start_id;
    ask.limit = list->left < ASKED_MAX ? list->left : ASKED_MAX;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_LIST;
    request.health_list = &ask;
    gateway_ask(call, &request, on_page);
}

static void list_checks(struct gateway_call *call)
{
    struct list *list = arena_alloc(gateway_arena(call), sizeof(*list));
    const char *marker = gateway_query(call, "marker");

    if (!list) {
        gateway_fail(call, "ServiceUnavailable", "out of memory");
        return;
    }
    (void)member_text(call, "marker", marker, 0, sizeof(list->start_id) - 1);
    if (!gateway_is_valid(call) ||
        !gateway_page_size(call, "maxitems", LISTED_DEFAULT, LISTED_MAX, &list->left))
        return;
    snprintf(list->start_id, sizeof(list->start_id), "%s", marker ? marker : "");
    gateway_set_state(call, list);
    xml_open(gateway_xml(call), "HealthChecks");
    ask_page(call);
}

static void on_limits(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__LimitsReply *limits = reply->limits;

    for (size_t i = 0; limits && i < limits->n_limits; i++) {
        if (strcmp(limits->limits[i]->type, CHECKS_LIMIT) != 0)
            continue;
        xml_number(gateway_xml(call), "HealthCheckCount", limits->limits[i]->count);
        gateway_answer(call);
        return;
    }
    fail_reply(call);
}

static void count_checks(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__Limits limits = CTL__LIMITS__INIT;

    request.kind_case = CTL__REQUEST__KIND_LIMITS;
    request.limits = &limits;
    gateway_ask(call, &request, on_limits);
}

/* ---- what the checkers found ---- */

static void write_observation(struct xml_writer *xml, const Ctl__Opinion *opinion,
                              const char *status, uint64_t wall_ms)
{
    xml_open(xml, "HealthCheckObservation");
    if (opinion->region[0])
        xml_text(xml, "Region", opinion->region);
    if (opinion->address[0])
        xml_text(xml, "IPAddress", opinion->address);
    xml_open(xml, "StatusReport");
    xml_text(xml, "Status", status);
    xml_time(xml, "CheckedTime", wall_ms);
    xml_close(xml);
    xml_close(xml);
}

/* The observations of an endpoint's check; a checker without one has not looked yet. */
static void write_observations(struct gateway_call *call, const Ctl__HealthReply *check,
                               bool of_failures)
{
    if (!check || !check->config) {
        fail_reply(call);
        return;
    }
    if (strcmp(check->config->type, "CALCULATED") == 0) {
        gateway_fail(
            call, "InvalidInput",
            "A CALCULATED health check has no checkers: ask about its child health checks");
        return;
    }
    struct xml_writer *xml = gateway_xml(call);
    xml_open(xml, "HealthCheckObservations");
    for (size_t i = 0; i < check->n_opinions; i++) {
        const Ctl__Opinion *opinion = check->opinions[i];
        const char *status = of_failures ? opinion->last_failure : opinion->status;
        if (status[0])
            write_observation(xml, opinion, status,
                              of_failures ? opinion->last_failure_wall_ms
                                          : opinion->checked_wall_ms);
    }
    xml_close(xml);
    gateway_answer(call);
}

static void on_status(struct gateway_call *call, const Ctl__Reply *reply)
{
    write_observations(call, reply->health, false);
}

static void get_status(struct gateway_call *call)
{
    ask_check(call, true, on_status);
}

static void on_failures(struct gateway_call *call, const Ctl__Reply *reply)
{
    write_observations(call, reply->health, true);
}

static void get_last_failure(struct gateway_call *call)
{
    ask_check(call, true, on_failures);
}

/* ---- where checks come from ---- */

/* Did an earlier one, or an earlier address of the same one, have it? */
static bool is_known(const Ctl__HealthCheckersReply *list, size_t checker, size_t address)
{
    const char *text = list->checkers[checker]->addresses[address];

    for (size_t i = 0; i <= checker; i++) {
        size_t count = i < checker ? list->checkers[i]->n_addresses : address;
        for (size_t j = 0; j < count; j++) {
            if (strcmp(list->checkers[i]->addresses[j], text) == 0)
                return true;
        }
    }
    return false;
}

static void on_checkers(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__HealthCheckersReply *list = reply->health_checkers;
    struct xml_writer *xml = gateway_xml(call);

    if (!list) {
        fail_reply(call);
        return;
    }
    xml_open(xml, "CheckerIpRanges");
    for (size_t i = 0; i < list->n_checkers; i++) {
        for (size_t j = 0; j < list->checkers[i]->n_addresses; j++) {
            const char *text = list->checkers[i]->addresses[j];
            if (!is_known(list, i, j))
                xml_format(xml, "member", "%s/%u", text, strchr(text, ':') ? 128u : 32u);
        }
    }
    xml_close(xml);
    gateway_answer(call);
}

static void get_checkers(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthCheckers checkers = CTL__HEALTH_CHECKERS__INIT;

    request.kind_case = CTL__REQUEST__KIND_HEALTH_CHECKERS;
    request.health_checkers = &checkers;
    gateway_ask(call, &request, on_checkers);
}

const struct gateway_operation gateway_health_operations[] = {
    {"CreateHealthCheck", "POST", "/healthcheck", "CreateHealthCheckRequest", 201, create_check},
    {"GetHealthCheck", "GET", "/healthcheck/{HealthCheckId}", NULL, 200, get_check},
    {"ListHealthChecks", "GET", "/healthcheck", NULL, 200, list_checks},
    {"UpdateHealthCheck", "POST", "/healthcheck/{HealthCheckId}", "UpdateHealthCheckRequest", 200,
     update_check},
    {"DeleteHealthCheck", "DELETE", "/healthcheck/{HealthCheckId}", NULL, 200, delete_check},
    {"GetHealthCheckCount", "GET", "/healthcheckcount", NULL, 200, count_checks},
    {"GetHealthCheckStatus", "GET", "/healthcheck/{HealthCheckId}/status", NULL, 200, get_status},
    {"GetHealthCheckLastFailureReason", "GET", "/healthcheck/{HealthCheckId}/lastfailurereason",
     NULL, 200, get_last_failure},
    {"GetCheckerIpRanges", "GET", "/checkeripranges", NULL, 200, get_checkers},
    {0},
};
