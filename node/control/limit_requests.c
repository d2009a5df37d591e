/* node/control/limit_requests.c: how many of a thing there may be, and are. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state_delegation.h"
#include "store/state_limit.h"
#include "store/state_put.h"
#include "store/state_traffic.h"
#include "store/state_vpc.h"

#define LIMITS_MAX 16u

struct limit_list {
    const struct kv *kv;
    Ctl__Limit limits[LIMITS_MAX], *pointers[LIMITS_MAX];
    size_t count;
};

static int add_limit(struct limit_list *list, const char *type, uint64_t count)
{
    Ctl__Limit *limit = &list->limits[list->count];
    uint64_t value;
    int rc = state_get_limit(list->kv, type, &value);

    if (rc != 0)
        return rc;
    *limit = (Ctl__Limit)CTL__LIMIT__INIT;
    limit->type = (char *)(uintptr_t)type;
    limit->value = value;
    limit->count = count;
    list->pointers[list->count++] = limit;
    return 0;
}

static int add_owner(struct limit_list *list)
{
    struct state_counters counters;
    struct state_traffic_counters traffic;
    int rc = state_get_counters(list->kv, &counters);

    if (rc == 0)
        rc = state_get_traffic_counters(list->kv, &traffic);
    if (rc == 0)
        rc = add_limit(list, STATE_LIMIT_ZONES, counters.zone_count);
    if (rc == 0)
        rc = add_limit(list, STATE_LIMIT_HEALTH_CHECKS, counters.health_check_count);
    if (rc == 0)
        rc = add_limit(list, STATE_LIMIT_DELEGATION_SETS, counters.delegation_set_count);
    if (rc == 0)
        rc = add_limit(list, STATE_LIMIT_TRAFFIC_POLICIES, traffic.policy_count);
    if (rc == 0)
        rc = add_limit(list, STATE_LIMIT_TRAFFIC_INSTANCES, traffic.instance_count);
    return rc;
}

static int count_vpc(void *user, const struct state_vpc *vpc)
{
    (void)vpc;
    ++*(uint64_t *)user;
    return 0;
}

static int add_zone(struct limit_list *list, const struct state_zone *zone)
{
    uint64_t vpcs = 0;
    int rc = add_limit(list, STATE_LIMIT_RECORD_SETS, zone->record_set_count);

    if (rc == 0 && zone->is_private)
        rc = state_list_associations(list->kv, zone->id, "", count_vpc, &vpcs);
    return rc == 0 && zone->is_private ? add_limit(list, STATE_LIMIT_VPCS, vpcs) : rc;
}

static void reply_limits(struct call *call, struct limit_list *list)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__LimitsReply limits = CTL__LIMITS_REPLY__INIT;

    limits.n_limits = list->count;
    limits.limits = list->pointers;
    reply.kind_case = CTL__REPLY__KIND_LIMITS;
    reply.limits = &limits;
    call_reply(call, &reply);
}

static void show_limits(struct call *call)
{
    const Ctl__Limits *request = call->request->limits;
    struct limit_list list = {.kv = call_state(call)};
    struct state_delegation_set set;
    struct state_zone zone;
    int rc;

    if (request->zone[0]) {
        if (!call_find_zone(call, request->zone, &zone))
            return;
        rc = add_zone(&list, &zone);
    } else if (request->delegation_set_id[0]) {
        rc = state_get_delegation_set(list.kv, request->delegation_set_id, &set);
        if (rc == ERR_NOT_FOUND) {
            call_fail_as(call, rc, "NoSuchDelegationSet", "No delegation set found with ID: %.32s",
                         request->delegation_set_id);
            return;
        }
        if (rc == 0)
            rc = add_limit(&list, STATE_LIMIT_ZONES_OF_SET, set.zone_count);
    } else {
        rc = add_owner(&list);
    }
    if (rc != 0)
        call_fail_code(call, rc, "read the limits");
    else
        reply_limits(call, &list);
}

static void on_set(struct call *call, const struct apply_result *result)
{
    (void)result;
    show_limits(call);
}

static void set_limit(struct call *call)
{
    const Ctl__Limits *request = call->request->limits;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__PutSetting setting = CMD__PUT_SETTING__INIT;
    char name[STATE_SETTING_NAME_SIZE];

    int len = snprintf(name, sizeof(name), STATE_LIMIT_SETTING "%s", request->set_type);
    if (len < 0 || (size_t)len >= sizeof(name)) {
        call_fail_as(call, ERR_INVALID, "InvalidInput", "there is no limit %.64s",
                     request->set_type);
        return;
    }
    setting.name = name;
    setting.value = request->set_value;
    command.kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command.put_setting = &setting;
    call_propose(call, &command, on_set);
}

void request_limits(struct call *call)
{
    if (call->request->limits->set_type[0])
        set_limit(call);
    else
        call_read(call, show_limits);
}
