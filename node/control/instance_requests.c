/* node/control/instance_requests.c: instances of traffic policies. What a document becomes is found
 * here, so that all replicas apply the same record sets whatever their program's version. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "cluster/cluster.h"
#include "cluster/status.h"
#include "control/call.h"
#include "control/instance_message.h"
#include "control/requests.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "route53/policy_document.h"
#include "store/state_traffic.h"
#include "zone/record_set.h"

#define LISTED_MAX 1000u
#define LISTED_DEFAULT 100u
#define ARENA_LEN_MAX (64u << 20)

/* ---- replies ---- */

static void fill(const struct state_traffic_instance *instance, bool is_insync,
                 Ctl__TrafficInstanceReply *out)
{
    bool is_new = instance->changed_index == instance->created_index;

    ctl__traffic_instance_reply__init(out);
    out->id = (char *)instance->id;
    out->zone_id = (char *)instance->zone_id;
    out->name = (ProtobufCBinaryData){dns_name_len(instance->name), (uint8_t *)instance->name};
    out->type = instance->type;
    out->ttl_s = instance->ttl_s;
    out->policy_id = (char *)instance->policy_id;
    out->policy_version = instance->policy_version;
    out->state = is_insync ? "Applied" : is_new ? "Creating" : "Updating";
}

static void reply_one(struct call *call, const struct state_traffic_instance *instance,
                      bool is_insync)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__TrafficInstanceReply body;

    fill(instance, is_insync, &body);
    reply.change_id = call->change_id;
    reply.kind_case = CTL__REPLY__KIND_TRAFFIC_INSTANCE;
    reply.traffic_instance = &body;
    call_reply(call, &reply);
}

/* true; false: the call has failed. */
static bool find_instance(struct call *call, const char *id, struct state_traffic_instance *out)
{
    int rc = state_get_traffic_instance(call_state(call), id, out);

    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchTrafficPolicyInstance",
                     "No traffic policy instance exists with ID %.100s", id);
    else if (rc != 0)
        call_fail_code(call, rc, "read the traffic policy instance");
    return rc == 0;
}

/* ---- making and changing ---- */

static void on_written(struct call *call, const struct apply_result *result)
{
    struct state_traffic_instance instance;

    memcpy(call->change_id, result->change_id, sizeof(result->change_id));
    if (find_instance(call, result->object_id, &instance))
        reply_one(call, &instance, false);
}

/* The document of a policy's version. true; false: the call has failed. */
static bool read_document(struct call *call, const char *policy_id, uint32_t version,
                          struct policy_document **out)
{
    char error[ROUTE53_ERROR_SIZE];
    struct kv_buffer text = {0};
    int rc = state_get_traffic_document(call_state(call), policy_id, version, &text);

    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchTrafficPolicy",
                     "A traffic policy with id %.100s and version %" PRIu32 " does not exist.",
                     policy_id, version);
    else if (rc != 0)
        call_fail_code(call, rc, "read the traffic policy");
    else {
        rc = policy_document_read((const char *)text.data, text.len, out, error);
        if (rc != 0)
            call_fail_as(call, rc, "InvalidTrafficPolicyDocument", "%s", error);
    }
    kv_buffer_fini(&text);
    return rc == 0;
}

/* Compile and propose. @command says where and what; the call ends here or later. */
static void propose(struct call *call, const struct state_zone *zone,
                    const struct policy_document *document, Cmd__PutTrafficInstance *put)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    const struct policy_place place = {.apex = zone->name,
                                       .zone_id = zone->id,
                                       .name = put->name.data,
                                       .instance_id = put->instance_id,
                                       .ttl_s = put->ttl_s};
    const struct policy_part *parts;
    struct arena *arena = arena_new(ARENA_LEN_MAX);
    char change_id[STATE_ID_SIZE];
    size_t count;
    int rc = arena ? policy_document_compile(document, &place, arena, &parts, &count) : ERR_NOMEM;

    if (rc == 0)
        rc = instance_message(parts, count, arena, put);
    if (rc == ERR_LIMIT)
        call_fail_as(call, rc, "InvalidInput",
                     "the zone's name is so long that there is no room for the policy's own names");
    else if (rc != 0)
        call_fail_code(call, rc, "make the record sets");
    else {
        call_draw_change_id(change_id);
        put->type = policy_document_type(document);
        put->change_id = change_id;
        command.kind_case = CMD__COMMAND__KIND_PUT_TRAFFIC_INSTANCE;
        command.put_traffic_instance = put;
        call_propose(call, &command, on_written);
    }
    arena_free(arena);
}

/* true; false: the call has failed. */
static bool check_ttl(struct call *call, uint32_t ttl_s)
{
    if (ttl_s <= ZONE_TTL_S_MAX)
        return true;
    call_fail_as(call, ERR_INVALID, "InvalidInput", "a TTL is a number from 0 to %u",
                 ZONE_TTL_S_MAX);
    return false;
}

static void create(struct call *call)
{
    const Ctl__TrafficInstancePut *request = call->request->traffic_instance_put;
    Cmd__PutTrafficInstance put = CMD__PUT_TRAFFIC_INSTANCE__INIT;
    struct policy_document *document;
    struct state_zone zone;
    uint8_t name[DNS_NAME_MAX];
    char id[RANDOM_UUID_SIZE];

    if (!check_ttl(call, request->ttl_s) || !call_find_zone(call, request->zone, &zone))
        return;
    if (request->name.len == 0 ||
        dns_name_check(request->name.data, request->name.len) != (int)request->name.len ||
        !dns_name_is_within(request->name.data, zone.name)) {
        call_fail_as(call, ERR_INVALID, "InvalidInput",
                     "the name of a traffic policy instance is within its zone");
        return;
    }
    if (!read_document(call, request->policy_id, request->policy_version, &document))
        return;
    random_uuid(id);
    dns_name_lower(request->name.data, name);
    put.instance_id = id;
    put.is_new = true;
    put.zone_id = zone.id;
    put.name = (ProtobufCBinaryData){dns_name_len(name), name};
    put.ttl_s = request->ttl_s;
    put.policy_id = request->policy_id;
    put.policy_version = request->policy_version;
    propose(call, &zone, document, &put);
    policy_document_free(document);
}

static void update(struct call *call)
{
    const Ctl__TrafficInstancePut *request = call->request->traffic_instance_put;
    Cmd__PutTrafficInstance put = CMD__PUT_TRAFFIC_INSTANCE__INIT;
    struct policy_document *document;
    struct state_traffic_instance instance;
    struct state_zone zone;

    if (!check_ttl(call, request->ttl_s) || !find_instance(call, request->id, &instance) ||
        !call_find_zone(call, instance.zone_id, &zone) ||
        !read_document(call, request->policy_id, request->policy_version, &document))
        return;
    put.instance_id = instance.id;
    put.zone_id = zone.id;
    put.name = (ProtobufCBinaryData){dns_name_len(instance.name), instance.name};
    put.ttl_s = request->ttl_s;
    put.policy_id = request->policy_id;
    put.policy_version = request->policy_version;
    propose(call, &zone, document, &put);
    policy_document_free(document);
}

void request_traffic_instance_put(struct call *call)
{
    call_read(call, call->request->traffic_instance_put->id[0] != '\0' ? update : create);
}

static void on_deleted(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "the traffic policy instance is deleted, with its record sets");
}

static void delete_instance(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteTrafficInstance body = CMD__DELETE_TRAFFIC_INSTANCE__INIT;
    struct state_traffic_instance instance;
    char change_id[STATE_ID_SIZE];

    if (!find_instance(call, call->request->traffic_instance_delete->id, &instance))
        return;
    call_draw_change_id(change_id);
    body.instance_id = instance.id;
    body.change_id = change_id;
    command.kind_case = CMD__COMMAND__KIND_DELETE_TRAFFIC_INSTANCE;
    command.delete_traffic_instance = &body;
    call_propose(call, &command, on_deleted);
}

void request_traffic_instance_delete(struct call *call)
{
    call_read(call, delete_instance);
}

/* ---- reading: what is not served by every live node yet is not applied yet ---- */

struct page {
    struct call *call;
    struct state_traffic_instance *instances;
    size_t count, limit;
    struct state_traffic_instance next;
    bool has_next, is_list;
    uint64_t total_count;
    uint64_t newest_index; /* of the last change to any of them */
};

static void free_page(struct page *page)
{
    free(page->instances);
    free(page);
}

static int add_instance(void *user, const struct state_traffic_instance *instance)
{
    struct page *page = user;

    if (page->count == page->limit) {
        page->next = *instance;
        page->has_next = true;
        return 1;
    }
    page->instances[page->count++] = *instance;
    if (instance->changed_index > page->newest_index)
        page->newest_index = instance->changed_index;
    return 0;
}

static struct page *new_page(struct call *call, size_t limit)
{
    struct page *page = calloc(1, sizeof(*page));

    if (!page)
        return NULL;
    page->call = call;
    page->limit = limit;
    page->instances = calloc(limit, sizeof(*page->instances));
    if (page->instances)
        return page;
    free(page);
    return NULL;
}

static void reply_page(struct page *page, bool is_insync)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__TrafficInstanceListReply body = CTL__TRAFFIC_INSTANCE_LIST_REPLY__INIT;
    Ctl__TrafficInstanceReply *list = calloc(page->count + 1, sizeof(*list));
    Ctl__TrafficInstanceReply **pointers = calloc(page->count + 1, sizeof(*pointers));

    for (size_t i = 0; list && pointers && i < page->count; i++) {
        const struct state_traffic_instance *instance = &page->instances[i];
        fill(instance, is_insync || instance->changed_index < page->newest_index, &list[i]);
        pointers[i] = &list[i];
    }
    body.n_instances = page->count;
    body.instances = pointers;
    body.total_count = page->total_count;
    if (page->has_next) {
        body.next_zone_id = page->next.zone_id;
        body.next_name = (ProtobufCBinaryData){dns_name_len(page->next.name), page->next.name};
        body.next_type = page->next.type;
    }
    reply.kind_case = CTL__REPLY__KIND_TRAFFIC_INSTANCE_LIST;
    reply.traffic_instance_list = &body;
    if (list && pointers)
        call_reply(page->call, &reply);
    else
        call_fail_code(page->call, ERR_NOMEM, "list the traffic policy instances");
    free(list);
    free(pointers);
}

static void on_sync(void *user, const struct cluster_sync *sync)
{
    struct page *page = user;

    if (page->is_list)
        reply_page(page, sync->is_insync);
    else
        reply_one(page->call, &page->instances[0], sync->is_insync);
    free_page(page);
}

/* Only the newest change is asked about: others of a page are older, and mostly long in sync. */
static void ask(struct page *page)
{
    if (page->count == 0) {
        on_sync(page, &(struct cluster_sync){.is_insync = true});
        return;
    }
    int rc = cluster_change_status(page->call->cluster, page->newest_index, on_sync, page);
    if (rc == 0)
        return;
    call_fail_code(page->call, rc, "ask who serves the traffic policy instance");
    free_page(page);
}

static void get(struct call *call)
{
    struct state_traffic_instance instance;

    if (!find_instance(call, call->request->traffic_instance_get->id, &instance))
        return;
    struct page *page = new_page(call, 1);
    if (!page) {
        call_fail_code(call, ERR_NOMEM, "read the traffic policy instance");
        return;
    }
    (void)add_instance(page, &instance);
    ask(page);
}

void request_traffic_instance_get(struct call *call)
{
    call_read(call, get);
}

/* Which instances are asked for. true; false: the call has failed. */
static bool read_range(struct call *call, struct state_zone *zone, struct state_traffic_range *out)
{
    const Ctl__TrafficInstanceList *request = call->request->traffic_instance_list;
    const ProtobufCBinaryData *name = &request->start_name;
    struct state_traffic_version version;
    int rc = 0;

    if (request->zone[0] && !call_find_zone(call, request->zone, zone))
        return false;
    if (request->policy_id[0])
        rc = state_get_traffic_version(call_state(call), request->policy_id,
                                       request->policy_version, &version);
    if (rc != 0) {
        call_fail_as(call, rc, "NoSuchTrafficPolicy",
                     "A traffic policy with id %.100s and version %" PRIu32 " does not exist.",
                     request->policy_id, request->policy_version);
        return false;
    }
    if ((name->len > 0 && dns_name_check(name->data, name->len) != (int)name->len) ||
        request->start_type > UINT16_MAX) {
        call_fail_as(call, ERR_INVALID, "InvalidInput", "the marker is malformed");
        return false;
    }
    out->policy_id = request->policy_id[0] ? request->policy_id : NULL;
    out->policy_version = request->policy_version;
    out->zone_id = request->zone[0] ? zone->id : NULL;
    out->from_zone_id = request->start_zone_id[0] ? request->start_zone_id : NULL;
    if (out->zone_id && name->len > 0)
        out->from_zone_id = out->zone_id;
    out->from_name = out->from_zone_id && name->len > 0 ? name->data : NULL;
    out->from_type = out->from_name ? (uint16_t)request->start_type : 0;
    return true;
}

static void list_instances(struct call *call)
{
    size_t limit = call->request->traffic_instance_list->limit;
    struct state_traffic_range range = {0};
    struct state_traffic_counters counters = {0};
    struct state_zone zone;

    if (!read_range(call, &zone, &range))
        return;
    if (limit == 0 || limit > LISTED_MAX)
        limit = limit == 0 ? LISTED_DEFAULT : LISTED_MAX;
    struct page *page = new_page(call, limit);
    int rc = page ? state_get_traffic_counters(call_state(call), &counters) : ERR_NOMEM;
    if (rc == 0)
        rc = state_list_traffic_instances(call_state(call), &range, add_instance, page);
    if (rc != 0) {
        call_fail_code(call, rc, "list the traffic policy instances");
        if (page)
            free_page(page);
        return;
    }
    page->total_count = counters.instance_count;
    page->is_list = true;
    ask(page);
}

void request_traffic_instance_list(struct call *call)
{
    call_read(call, list_instances);
}
