/* node/control/requests.h: a handler for each request kind; each ends its call (control/call.h). */
#pragma once

struct call;
struct control;

/* node_requests.c */
void request_node_status(struct call *call);
void request_node_memory(struct call *call);
void request_state_verify(struct call *call);
/* metrics_requests.c, ready_requests.c */
void request_metrics(struct call *call);
void request_ready(struct call *call);
/* cluster_requests.c */
void request_cluster_init(struct call *call);
void request_cluster_join(struct call *call);
void request_cluster_status(struct call *call);
void request_node_drain(struct call *call);
void request_host_report(struct call *call); /* host_requests.c */
void request_host_doctor(struct call *call);
void request_recover_plan(struct call *call); /* recover_requests.c */
void request_recover(struct call *call);
void request_upgrade_finalize(struct call *call);
void request_settings_get(struct call *call);
void request_settings_set(struct call *call);
void request_token_create(struct call *call);
void request_token_list(struct call *call);
void request_token_revoke(struct call *call);
void request_member_change(struct call *call);
/* cert_requests.c */
void request_cert_status(struct call *call);
void request_cert_rotate(struct call *call);
/* zone_requests.c, zone_list_requests.c */
void request_zone_create(struct call *call);
void request_zone_list(struct call *call);
void request_zone_get(struct call *call);
void request_zone_delete(struct call *call);
void request_zone_update(struct call *call);
void request_zone_activate(struct call *call);
/* delegation_requests.c, limit_requests.c */
void request_delegation_set_create(struct call *call);
void request_delegation_set_delete(struct call *call);
void request_delegation_set_get(struct call *call);
void request_delegation_set_list(struct call *call);
void request_limits(struct call *call);
/* record_requests.c */
void request_record_list(struct call *call);
void request_record_change(struct call *call);
/* history_requests.c */
void request_change_show(struct call *call);
/* import_requests.c */
void request_import_begin(struct call *call);
void request_import_chunk(struct call *call);
void request_import_commit(struct call *call);
void request_import_abort(struct call *call);
/* health_requests.c, health_change_requests.c */
void request_health_list(struct call *call);
void request_health_get(struct call *call);
void request_health_create(struct call *call);
void request_health_update(struct call *call);
void request_health_delete(struct call *call);
void request_health_checkers(struct call *call);
/* override_requests.c */
void request_override_set(struct call *call);
void request_override_clear(struct call *call);
void request_override_list(struct call *call);
/* cidr_requests.c, region_requests.c */
void request_cidr_create(struct call *call);
void request_cidr_change(struct call *call);
void request_cidr_delete(struct call *call);
void request_cidr_list(struct call *call);
void request_cidr_blocks(struct call *call);
void request_cidr_locations(struct call *call);
void request_region_set(struct call *call);
void request_region_delete(struct call *call);
void request_region_list(struct call *call);
/* vpc_requests.c */
void request_view_set(struct call *call);
void request_view_delete(struct call *call);
void request_view_list(struct call *call);
void request_vpc_change(struct call *call);
void request_vpc_authorizations(struct call *call);
/* logging_requests.c, signing_requests.c */
void request_query_logging_create(struct call *call);
void request_query_logging_delete(struct call *call);
void request_query_logging_get(struct call *call);
void request_query_logging_list(struct call *call);
void request_key_create(struct call *call);
void request_key_update(struct call *call);
void request_key_delete(struct call *call);
void request_key_list(struct call *call);
/* policy_requests.c, instance_requests.c */
void request_traffic_policy_put(struct call *call);
void request_traffic_policy_update(struct call *call);
void request_traffic_policy_delete(struct call *call);
void request_traffic_policy_get(struct call *call);
void request_traffic_policy_list(struct call *call);
void request_traffic_instance_put(struct call *call);
void request_traffic_instance_delete(struct call *call);
void request_traffic_instance_get(struct call *call);
void request_traffic_instance_list(struct call *call);
/* tags_requests.c */
void request_tags_change(struct call *call);
void request_tags_get(struct call *call);
/* geo_requests.c */
void request_geo_load(struct call *call);
void request_geo_status(struct call *call);
/* credential_requests.c */
void request_credential_create(struct call *call);
void request_credential_update(struct call *call);
void request_credential_delete(struct call *call);
void request_credential_list(struct call *call);
void request_credential_use(struct call *call);
/* alias_requests.c */
void request_alias_status(struct call *call);
/* latency_requests.c */
void request_latency_import(struct call *call);
void request_latency_show(struct call *call);
/* explain_requests.c, doctor_requests.c */
void request_explain(struct call *call);
void request_doctor(struct call *call);
/* backup_requests.c */
void request_backup_begin(struct call *call);
void request_backup_read(struct call *call);
void request_restore_begin(struct call *call);
void request_restore_data(struct call *call);
void request_restore_run(struct call *call);
/* change_requests.c */
void request_change_get(struct call *call);
void request_change_list(struct call *call);
/* End the calls that wait for a change, with ERR_CLOSED; once control->is_stopping is set. */
void request_change_stop(struct control *control);
