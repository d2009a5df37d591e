/* node/control/policy_requests.c: traffic policies and their versions. Documents are read here,
 * before they are proposed; apply takes them as they are. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "route53/policy_document.h"
#include "store/state_traffic.h"
#include "zone/record_text.h"

#define LISTED_MAX 1000u
#define LISTED_DEFAULT 100u
#define DOCUMENTS_LEN_MAX (2u << 20) /* octets in one reply */

/* One version with the storage that its reply points into. */
struct view {
    struct state_traffic_policy policy;
    struct state_traffic_version version;
    struct kv_buffer document;
    char type[ZONE_TYPE_TEXT_LEN_MAX];
    Ctl__TrafficPolicyReply reply;
};

static int fill_common(const struct kv *kv, uint16_t type, struct view *view)
{
    ctl__traffic_policy_reply__init(&view->reply);
    zone_type_format(type, view->type);
    view->reply.id = view->policy.id;
    view->reply.name = view->policy.name;
    view->reply.type = view->type;
    view->reply.latest_version = view->policy.latest_version;
    view->reply.version_count = view->policy.version_count;
    return state_count_traffic_instances(kv, view->policy.id, 0, &view->reply.instance_count);
}

/* view->policy and view->version are there. */
static int fill_version(const struct kv *kv, struct view *view)
{
    int rc = fill_common(kv, view->version.type, view);

    if (rc == 0)
        rc =
            state_get_traffic_document(kv, view->policy.id, view->version.version, &view->document);
    if (rc == 0) {
        uint8_t *ended = realloc(view->document.data, view->document.len + 1);
        if (!ended)
            return ERR_NOMEM;
        ended[view->document.len] = '\0';
        view->document.data = ended;
        view->document.capacity = view->document.len + 1;
    }
    if (rc != 0)
        return rc;
    view->reply.version = view->version.version;
    view->reply.comment = view->version.comment;
    view->reply.document = (char *)view->document.data;
    return 0;
}

static void fail_missing(struct call *call, const char *id, uint32_t version)
{
    if (version > 0)
        call_fail_as(call, ERR_NOT_FOUND, "NoSuchTrafficPolicy",
                     "A traffic policy with id %.100s and version %" PRIu32 " does not exist.", id,
                     version);
    else
        call_fail_as(call, ERR_NOT_FOUND, "NoSuchTrafficPolicy",
                     "No traffic policy exists with the specified ID: %.100s", id);
}

/* @text: an id, or for people the name. true; false: the call has failed. */
static bool find_policy(struct call *call, const char *text, struct state_traffic_policy *out)
{
    int rc = state_get_traffic_policy(call_state(call), text, out);

    if (rc == ERR_NOT_FOUND && !call->is_gateway) /* a key's policy knows ids alone */
        rc = state_get_traffic_policy_by_name(call_state(call), text, out);
    if (rc == ERR_NOT_FOUND)
        fail_missing(call, text, 0);
    else if (rc != 0)
        call_fail_code(call, rc, "read the traffic policy");
    return rc == 0;
}

/* @version 0: the latest. */
static void reply_version(struct call *call, const char *id, uint32_t version)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    struct view *view = calloc(1, sizeof(*view));
    int rc = ERR_NOMEM;

    if (view && !find_policy(call, id, &view->policy)) {
        free(view);
        return;
    }
    if (view && version == 0)
        version = view->policy.latest_version;
    if (view)
        rc = state_get_traffic_version(call_state(call), view->policy.id, version, &view->version);
    if (rc == 0)
        rc = fill_version(call_state(call), view);
    if (rc == ERR_NOT_FOUND)
        fail_missing(call, id, version);
    else if (rc != 0)
        call_fail_code(call, rc, "read the traffic policy");
    else {
        reply.kind_case = CTL__REPLY__KIND_TRAFFIC_POLICY;
        reply.traffic_policy = &view->reply;
        call_reply(call, &reply);
    }
    if (view)
        kv_buffer_fini(&view->document);
    free(view);
}

static void on_written(struct call *call, const struct apply_result *result)
{
    reply_version(call, result->object_id, (uint32_t)call->subject_index);
}

/* ---- writing ---- */

/* true; false: the call has failed. */
static bool check_document(struct call *call, const char *text, uint16_t *type)
{
    char error[ROUTE53_ERROR_SIZE];
    struct policy_document *document;
    int rc = policy_document_read(text, strlen(text), &document, error);

    if (rc != 0) {
        call_fail_as(call, rc, "InvalidTrafficPolicyDocument", "%s", error);
        return false;
    }
    *type = policy_document_type(document);
    policy_document_free(document);
    return true;
}

static void propose(struct call *call, const char *id, uint32_t version)
{
    const Ctl__TrafficPolicyPut *request = call->request->traffic_policy_put;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__PutTrafficPolicy put = CMD__PUT_TRAFFIC_POLICY__INIT;
    uint16_t type;

    if (!check_document(call, request->document, &type))
        return;
    put.policy_id = (char *)id;
    put.policy_version = version;
    put.name = version == 1 ? request->name : put.name;
    put.type = type;
    put.document = request->document;
    put.comment = request->comment;
    call->subject_index = version;
    command.kind_case = CMD__COMMAND__KIND_PUT_TRAFFIC_POLICY;
    command.put_traffic_policy = &put;
    call_propose(call, &command, on_written);
}

static void put_next(struct call *call)
{
    struct state_traffic_policy policy;

    if (!find_policy(call, call->request->traffic_policy_put->id, &policy))
        return;
    if (policy.latest_version >= STATE_TRAFFIC_VERSIONS_MAX)
        call_fail_as(call, ERR_LIMIT, "TooManyTrafficPolicyVersionsForCurrentPolicy",
                     "This traffic policy has had %u versions, the most there may be: create "
                     "another policy",
                     STATE_TRAFFIC_VERSIONS_MAX);
    else
        propose(call, policy.id, policy.latest_version + 1);
}

void request_traffic_policy_put(struct call *call)
{
    char id[RANDOM_UUID_SIZE];

    if (call->request->traffic_policy_put->id[0] != '\0') {
        call_read(call, put_next);
        return;
    }
    random_uuid(id);
    propose(call, id, 1);
}

static void update(struct call *call)
{
    const Ctl__TrafficPolicyUpdate *request = call->request->traffic_policy_update;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__UpdateTrafficPolicy body = CMD__UPDATE_TRAFFIC_POLICY__INIT;
    struct state_traffic_policy policy;

    if (!find_policy(call, request->id, &policy))
        return;
    body.policy_id = policy.id;
    body.policy_version = request->version;
    body.comment = request->comment;
    call->subject_index = request->version;
    command.kind_case = CMD__COMMAND__KIND_UPDATE_TRAFFIC_POLICY;
    command.update_traffic_policy = &body;
    call_propose(call, &command, on_written);
}

void request_traffic_policy_update(struct call *call)
{
    call_read(call, update);
}

static void on_deleted(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "the traffic policy's version is deleted");
}

static void delete_version(struct call *call)
{
    const Ctl__TrafficPolicyDelete *request = call->request->traffic_policy_delete;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteTrafficPolicy body = CMD__DELETE_TRAFFIC_POLICY__INIT;
    struct state_traffic_policy policy;

    if (!find_policy(call, request->id, &policy))
        return;
    body.policy_id = policy.id;
    body.policy_version = request->version;
    command.kind_case = CMD__COMMAND__KIND_DELETE_TRAFFIC_POLICY;
    command.delete_traffic_policy = &body;
    call_propose(call, &command, on_deleted);
}

void request_traffic_policy_delete(struct call *call)
{
    call_read(call, delete_version);
}

/* ---- reading ---- */

static void get(struct call *call)
{
    const Ctl__TrafficPolicyGet *request = call->request->traffic_policy_get;

    reply_version(call, request->id, request->version);
}

void request_traffic_policy_get(struct call *call)
{
    call_read(call, get);
}

struct list {
    const struct kv *kv;
    struct view **views;
    Ctl__TrafficPolicyReply **pointers;
    size_t count, limit, len;
    struct state_traffic_policy policy; /* whose versions these are */
    char next_id[STATE_UUID_SIZE];
    uint32_t next_version;
};

static struct view *add_view(struct list *list)
{
    struct view *view = calloc(1, sizeof(*view));

    if (!view)
        return NULL;
    list->views[list->count] = view;
    list->pointers[list->count++] = &view->reply;
    return view;
}

static int on_policy(void *user, const struct state_traffic_policy *policy)
{
    struct list *list = user;

    if (list->count == list->limit) {
        memcpy(list->next_id, policy->id, sizeof(list->next_id));
        return 1;
    }
    struct view *view = add_view(list);
    if (!view)
        return ERR_NOMEM;
    view->policy = *policy;
    return fill_common(list->kv, policy->type, view);
}

static int on_version(void *user, const struct state_traffic_version *version)
{
    struct list *list = user;

    if (list->count == list->limit || list->len >= DOCUMENTS_LEN_MAX) {
        list->next_version = version->version;
        return 1;
    }
    struct view *view = add_view(list);
    if (!view)
        return ERR_NOMEM;
    view->policy = list->policy;
    view->version = *version;
    int rc = fill_version(list->kv, view);
    list->len += view->document.len;
    return rc;
}

static void reply_list(struct call *call, const struct list *list)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__TrafficPolicyListReply body = CTL__TRAFFIC_POLICY_LIST_REPLY__INIT;

    body.n_policies = list->count;
    body.policies = list->pointers;
    body.next_id = (char *)list->next_id;
    body.next_version = list->next_version;
    reply.kind_case = CTL__REPLY__KIND_TRAFFIC_POLICY_LIST;
    reply.traffic_policy_list = &body;
    call_reply(call, &reply);
}

/* Where the list of policies starts. true; false: the call has failed. */
static bool find_start(struct call *call, uint64_t *from)
{
    const char *id = call->request->traffic_policy_list->start_id;
    struct state_traffic_policy policy;

    *from = 0;
    if (id[0] == '\0')
        return true;
    int rc = state_get_traffic_policy(call_state(call), id, &policy);
    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, ERR_INVALID, "InvalidInput",
                     "The traffic policy id marker is not that of a traffic policy: %.100s", id);
    else if (rc != 0)
        call_fail_code(call, rc, "read the traffic policy");
    *from = rc == 0 ? policy.number : 0;
    return rc == 0;
}

static void free_list(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        kv_buffer_fini(&list->views[i]->document);
        free(list->views[i]);
    }
    free(list->views);
    free(list->pointers);
}

static void list_policies(struct call *call)
{
    const Ctl__TrafficPolicyList *request = call->request->traffic_policy_list;
    struct list list = {.kv = call_state(call), .limit = request->limit};
    uint64_t from = 0;
    int rc = ERR_NOMEM;

    if (request->id[0] ? !find_policy(call, request->id, &list.policy) : !find_start(call, &from))
        return;
    if (list.limit == 0 || list.limit > LISTED_MAX)
        list.limit = list.limit == 0 ? LISTED_DEFAULT : LISTED_MAX;
    list.views = calloc(list.limit, sizeof(*list.views));
    list.pointers = calloc(list.limit, sizeof(*list.pointers));
    if (list.views && list.pointers && request->id[0])
        rc = state_list_traffic_versions(list.kv, list.policy.id, request->start_version,
                                         on_version, &list);
    else if (list.views && list.pointers)
        rc = state_list_traffic_policies(list.kv, from, on_policy, &list);
    if (rc != 0)
        call_fail_code(call, rc, "list the traffic policies");
    else
        reply_list(call, &list);
    free_list(&list);
}

void request_traffic_policy_list(struct call *call)
{
    call_read(call, list_policies);
}
