/* node/control/logging_requests.c: query logging configurations. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state_logging.h"

#define LISTED_MAX 1000u
#define LISTED_DEFAULT 100u

static void fill(struct state_logging *logging, Ctl__QueryLoggingReply *out)
{
    ctl__query_logging_reply__init(out);
    out->id = logging->id;
    out->zone_id = logging->zone_id;
    out->log_group_arn = logging->log_group_arn;
}

/* true; false: the call has failed. */
static bool find(struct call *call, const char *id, struct state_logging *out)
{
    int rc = state_get_logging(call_state(call), id, out);

    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchQueryLoggingConfig",
                     "The query logging configuration with the ID %.40s does not exist", id);
    else if (rc != 0)
        call_fail_code(call, rc, "read the query logging configuration");
    return rc == 0;
}

static void reply_one(struct call *call, const char *id)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__QueryLoggingReply body;
    struct state_logging logging;

    if (!find(call, id, &logging))
        return;
    fill(&logging, &body);
    reply.kind_case = CTL__REPLY__KIND_QUERY_LOGGING;
    reply.query_logging = &body;
    call_reply(call, &reply);
}

static void on_written(struct call *call, const struct apply_result *result)
{
    reply_one(call, result->object_id);
}

static void create(struct call *call)
{
    const Ctl__QueryLoggingCreate *request = call->request->query_logging_create;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__PutQueryLogging put = CMD__PUT_QUERY_LOGGING__INIT;
    char id[RANDOM_UUID_SIZE];
    struct state_zone zone;

    if (!call_find_zone(call, request->zone, &zone))
        return;
    random_uuid(id);
    put.config_id = id;
    put.zone_id = zone.id;
    put.log_group_arn = request->log_group_arn;
    command.kind_case = CMD__COMMAND__KIND_PUT_QUERY_LOGGING;
    command.put_query_logging = &put;
    call_propose(call, &command, on_written);
}

void request_query_logging_create(struct call *call)
{
    call_read(call, create);
}

static void on_deleted(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "queries of the zone are no longer logged");
}

void request_query_logging_delete(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteQueryLogging deletion = CMD__DELETE_QUERY_LOGGING__INIT;

    deletion.config_id = call->request->query_logging_delete->id;
    command.kind_case = CMD__COMMAND__KIND_DELETE_QUERY_LOGGING;
    command.delete_query_logging = &deletion;
    call_propose(call, &command, on_deleted);
}

static void get(struct call *call)
{
    reply_one(call, call->request->query_logging_get->id);
}

void request_query_logging_get(struct call *call)
{
    call_read(call, get);
}

/* ---- lists ---- */

struct list {
    struct state_logging *stored; /* limit + 1 */
    Ctl__QueryLoggingReply *replies, **pointers;
    size_t count, limit;
};

static int on_logging(void *user, const struct state_logging *logging)
{
    struct list *list = user;

    list->stored[list->count++] = *logging;
    return list->count > list->limit;
}

static void reply_list(struct call *call, struct list *list)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__QueryLoggingListReply body = CTL__QUERY_LOGGING_LIST_REPLY__INIT;

    body.n_configs = list->count < list->limit ? list->count : list->limit;
    body.configs = list->pointers;
    for (size_t i = 0; i < body.n_configs; i++) {
        fill(&list->stored[i], &list->replies[i]);
        list->pointers[i] = &list->replies[i];
    }
    if (list->count > list->limit)
        body.next_id = list->stored[list->limit].id;
    reply.kind_case = CTL__REPLY__KIND_QUERY_LOGGING_LIST;
    reply.query_logging_list = &body;
    call_reply(call, &reply);
}

/* Of one zone: there is one at most. */
static int read_of_zone(const struct kv *kv, const char *zone_id, const char *start,
                        struct list *list)
{
    struct state_logging logging;
    int rc = state_get_logging_of_zone(kv, zone_id, &logging);

    if (rc == 0 && strcmp(logging.id, start) >= 0)
        (void)on_logging(list, &logging);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static void read_list(struct call *call, struct list *list)
{
    const Ctl__QueryLoggingList *request = call->request->query_logging_list;
    struct state_zone zone;
    int rc;

    if (strlen(request->start_id) >= STATE_UUID_SIZE) {
        call_fail_as(call, ERR_INVALID, "InvalidPaginationToken",
                     "The value that you specified to get the second or subsequent page of results "
                     "is invalid.");
        return;
    }
    if (request->zone[0]) {
        if (!call_find_zone(call, request->zone, &zone))
            return;
        rc = read_of_zone(call_state(call), zone.id, request->start_id, list);
    } else {
        rc = state_list_loggings(call_state(call), request->start_id, on_logging, list);
    }
    if (rc != 0)
        call_fail_code(call, rc, "list the query logging configurations");
    else
        reply_list(call, list);
}

static void list_loggings(struct call *call)
{
    const uint32_t limit = call->request->query_logging_list->limit;
    struct list list = {.limit = limit == 0 ? LISTED_DEFAULT : limit};

    if (list.limit > LISTED_MAX)
        list.limit = LISTED_MAX;
    list.stored = calloc(list.limit + 1, sizeof(*list.stored));
    list.replies = calloc(list.limit, sizeof(*list.replies));
    list.pointers = calloc(list.limit, sizeof(Ctl__QueryLoggingReply *));
    if (list.stored && list.replies && list.pointers)
        read_list(call, &list);
    else
        call_fail_code(call, ERR_NOMEM, "list the query logging configurations");
    free(list.stored);
    free(list.replies);
    free(list.pointers);
}

void request_query_logging_list(struct call *call)
{
    call_read(call, list_loggings);
}
