#include "control/dispatch.h"

#include "base/err.h"
#include "control/api.h"
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
    {CTL__REQUEST__KIND_METRICS, request_metrics},
    {CTL__REQUEST__KIND_READY, request_ready},
    {CTL__REQUEST__KIND_CLUSTER_INIT, request_cluster_init},
    {CTL__REQUEST__KIND_CLUSTER_JOIN, request_cluster_join},
    {CTL__REQUEST__KIND_CLUSTER_STATUS, request_cluster_status},
    {CTL__REQUEST__KIND_NODE_DRAIN, request_node_drain},
    {CTL__REQUEST__KIND_RECOVER_PLAN, request_recover_plan},
    {CTL__REQUEST__KIND_RECOVER, request_recover},
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
    {CTL__REQUEST__KIND_ZONE_UPDATE, request_zone_update},
    {CTL__REQUEST__KIND_ZONE_ACTIVATE, request_zone_activate},
    {CTL__REQUEST__KIND_DELEGATION_SET_CREATE, request_delegation_set_create},
    {CTL__REQUEST__KIND_DELEGATION_SET_DELETE, request_delegation_set_delete},
    {CTL__REQUEST__KIND_DELEGATION_SET_GET, request_delegation_set_get},
    {CTL__REQUEST__KIND_DELEGATION_SET_LIST, request_delegation_set_list},
    {CTL__REQUEST__KIND_LIMITS, request_limits},
    {CTL__REQUEST__KIND_RECORD_LIST, request_record_list},
    {CTL__REQUEST__KIND_RECORD_CHANGE, request_record_change},
    {CTL__REQUEST__KIND_IMPORT_BEGIN, request_import_begin},
    {CTL__REQUEST__KIND_IMPORT_CHUNK, request_import_chunk},
    {CTL__REQUEST__KIND_IMPORT_COMMIT, request_import_commit},
    {CTL__REQUEST__KIND_IMPORT_ABORT, request_import_abort},
    {CTL__REQUEST__KIND_QUERY_LOGGING_CREATE, request_query_logging_create},
    {CTL__REQUEST__KIND_QUERY_LOGGING_DELETE, request_query_logging_delete},
    {CTL__REQUEST__KIND_QUERY_LOGGING_GET, request_query_logging_get},
    {CTL__REQUEST__KIND_QUERY_LOGGING_LIST, request_query_logging_list},
    {CTL__REQUEST__KIND_KEY_CREATE, request_key_create},
    {CTL__REQUEST__KIND_KEY_UPDATE, request_key_update},
    {CTL__REQUEST__KIND_KEY_DELETE, request_key_delete},
    {CTL__REQUEST__KIND_KEY_LIST, request_key_list},
    {CTL__REQUEST__KIND_GEO_LOAD, request_geo_load},
    {CTL__REQUEST__KIND_GEO_STATUS, request_geo_status},
    {CTL__REQUEST__KIND_ALIAS_STATUS, request_alias_status},
    {CTL__REQUEST__KIND_LATENCY_IMPORT, request_latency_import},
    {CTL__REQUEST__KIND_LATENCY_SHOW, request_latency_show},
    {CTL__REQUEST__KIND_EXPLAIN, request_explain},
    {CTL__REQUEST__KIND_DOCTOR, request_doctor},
    {CTL__REQUEST__KIND_BACKUP_BEGIN, request_backup_begin},
    {CTL__REQUEST__KIND_BACKUP_READ, request_backup_read},
    {CTL__REQUEST__KIND_RESTORE_BEGIN, request_restore_begin},
    {CTL__REQUEST__KIND_RESTORE_DATA, request_restore_data},
    {CTL__REQUEST__KIND_RESTORE_RUN, request_restore_run},
    {CTL__REQUEST__KIND_HOST_REPORT, request_host_report},
    {CTL__REQUEST__KIND_HOST_DOCTOR, request_host_doctor},
    {CTL__REQUEST__KIND_CHANGE_GET, request_change_get},
    {CTL__REQUEST__KIND_CHANGE_LIST, request_change_list},
    {CTL__REQUEST__KIND_CHANGE_SHOW, request_change_show},
    {CTL__REQUEST__KIND_HEALTH_CREATE, request_health_create},
    {CTL__REQUEST__KIND_HEALTH_UPDATE, request_health_update},
    {CTL__REQUEST__KIND_HEALTH_DELETE, request_health_delete},
    {CTL__REQUEST__KIND_HEALTH_LIST, request_health_list},
    {CTL__REQUEST__KIND_HEALTH_GET, request_health_get},
    {CTL__REQUEST__KIND_HEALTH_CHECKERS, request_health_checkers},
    {CTL__REQUEST__KIND_OVERRIDE_SET, request_override_set},
    {CTL__REQUEST__KIND_OVERRIDE_CLEAR, request_override_clear},
    {CTL__REQUEST__KIND_OVERRIDE_LIST, request_override_list},
    {CTL__REQUEST__KIND_CIDR_CREATE, request_cidr_create},
    {CTL__REQUEST__KIND_CIDR_CHANGE, request_cidr_change},
    {CTL__REQUEST__KIND_CIDR_DELETE, request_cidr_delete},
    {CTL__REQUEST__KIND_CIDR_LIST, request_cidr_list},
    {CTL__REQUEST__KIND_CIDR_BLOCKS, request_cidr_blocks},
    {CTL__REQUEST__KIND_CIDR_LOCATIONS, request_cidr_locations},
    {CTL__REQUEST__KIND_TAGS_CHANGE, request_tags_change},
    {CTL__REQUEST__KIND_TAGS_GET, request_tags_get},
    {CTL__REQUEST__KIND_REGION_SET, request_region_set},
    {CTL__REQUEST__KIND_REGION_DELETE, request_region_delete},
    {CTL__REQUEST__KIND_REGION_LIST, request_region_list},
    {CTL__REQUEST__KIND_CREDENTIAL_CREATE, request_credential_create},
    {CTL__REQUEST__KIND_CREDENTIAL_UPDATE, request_credential_update},
    {CTL__REQUEST__KIND_CREDENTIAL_DELETE, request_credential_delete},
    {CTL__REQUEST__KIND_CREDENTIAL_LIST, request_credential_list},
    {CTL__REQUEST__KIND_CREDENTIAL_USE, request_credential_use},
    {CTL__REQUEST__KIND_VIEW_SET, request_view_set},
    {CTL__REQUEST__KIND_VIEW_DELETE, request_view_delete},
    {CTL__REQUEST__KIND_VIEW_LIST, request_view_list},
    {CTL__REQUEST__KIND_VPC_CHANGE, request_vpc_change},
    {CTL__REQUEST__KIND_VPC_AUTHORIZATIONS, request_vpc_authorizations},
    {CTL__REQUEST__KIND_TRAFFIC_POLICY_PUT, request_traffic_policy_put},
    {CTL__REQUEST__KIND_TRAFFIC_POLICY_UPDATE, request_traffic_policy_update},
    {CTL__REQUEST__KIND_TRAFFIC_POLICY_DELETE, request_traffic_policy_delete},
    {CTL__REQUEST__KIND_TRAFFIC_POLICY_GET, request_traffic_policy_get},
    {CTL__REQUEST__KIND_TRAFFIC_POLICY_LIST, request_traffic_policy_list},
    {CTL__REQUEST__KIND_TRAFFIC_INSTANCE_PUT, request_traffic_instance_put},
    {CTL__REQUEST__KIND_TRAFFIC_INSTANCE_DELETE, request_traffic_instance_delete},
    {CTL__REQUEST__KIND_TRAFFIC_INSTANCE_GET, request_traffic_instance_get},
    {CTL__REQUEST__KIND_TRAFFIC_INSTANCE_LIST, request_traffic_instance_list},
    {CTL__REQUEST__KIND_UPGRADE_FINALIZE, request_upgrade_finalize},
    {CTL__REQUEST__KIND_CERT_STATUS, request_cert_status},
    {CTL__REQUEST__KIND_CERT_ROTATE, request_cert_rotate},
};

void dispatch_call(struct call *call)
{
    if (call->is_gateway && !api_allows((int)call->request->kind_case)) {
        call_fail(call, ERR_DENIED, "a gateway may not ask that");
        return;
    }
    for (unsigned i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].kind == call->request->kind_case) {
            handlers[i].handler(call);
            return;
        }
    }
    call_fail(call, ERR_UNSUPPORTED,
              "this node does not know that request; it may be older than the asker");
}
