#include "control/dispatch.h"

#include "base/err.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"

static const struct {
    Ctl__Request__KindCase kind;
    void (*handler)(struct call *call);
} handlers[] = {
    {CTL__REQUEST__KIND_NODE_STATUS, request_node_status},
    {CTL__REQUEST__KIND_NODE_MEMORY, request_node_memory},
    {CTL__REQUEST__KIND_STATE_VERIFY, request_state_verify},
    {CTL__REQUEST__KIND_CLUSTER_INIT, request_cluster_init},
    {CTL__REQUEST__KIND_CLUSTER_JOIN, request_cluster_join},
    {CTL__REQUEST__KIND_CLUSTER_STATUS, request_cluster_status},
    {CTL__REQUEST__KIND_SETTINGS_GET, request_settings_get},
    {CTL__REQUEST__KIND_SETTINGS_SET, request_settings_set},
    {CTL__REQUEST__KIND_TOKEN_CREATE, request_token_create},
    {CTL__REQUEST__KIND_TOKEN_LIST, request_token_list},
    {CTL__REQUEST__KIND_TOKEN_REVOKE, request_token_revoke},
    {CTL__REQUEST__KIND_MEMBER_CHANGE, request_member_change},
    {CTL__REQUEST__KIND_ZONE_CREATE, request_zone_create},
    {CTL__REQUEST__KIND_ZONE_LIST, request_zone_list},
    {CTL__REQUEST__KIND_ZONE_GET, request_zone_get},
    {CTL__REQUEST__KIND_ZONE_DELETE, request_zone_delete},
    {CTL__REQUEST__KIND_RECORD_LIST, request_record_list},
    {CTL__REQUEST__KIND_RECORD_CHANGE, request_record_change},
    {CTL__REQUEST__KIND_IMPORT_BEGIN, request_import_begin},
    {CTL__REQUEST__KIND_IMPORT_CHUNK, request_import_chunk},
    {CTL__REQUEST__KIND_IMPORT_COMMIT, request_import_commit},
    {CTL__REQUEST__KIND_IMPORT_ABORT, request_import_abort},
    {CTL__REQUEST__KIND_CHANGE_GET, request_change_get},
    {CTL__REQUEST__KIND_CHANGE_LIST, request_change_list},
};

void dispatch_call(struct call *call)
{
    for (unsigned i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].kind == call->request->kind_case) {
            handlers[i].handler(call);
            return;
        }
    }
    call_fail(call, ERR_UNSUPPORTED,
              "this node does not know that request; it may be older than the asker");
}
