/* node/cli/commands.h: the groups of commands. */
#pragma once

#include "cli/cli.h"

/* Each group's commands; ended by a zeroed one. */
extern const struct cli_command cli_node_commands[];
extern const struct cli_command cli_cluster_commands[];
extern const struct cli_command cli_recover_commands[];
extern const struct cli_command cli_drain_commands[];
extern const struct cli_command cli_token_commands[];
extern const struct cli_command cli_member_commands[];
extern const struct cli_command cli_backup_commands[];
extern const struct cli_command cli_cert_commands[];
extern const struct cli_command cli_upgrade_commands[];
extern const struct cli_command cli_zone_commands[];
extern const struct cli_command cli_delegation_commands[];
extern const struct cli_command cli_limit_commands[];
extern const struct cli_command cli_record_commands[];
extern const struct cli_command cli_change_commands[];
extern const struct cli_command cli_health_commands[];
extern const struct cli_command cli_cidr_commands[];
extern const struct cli_command cli_tag_commands[];
extern const struct cli_command cli_region_commands[];
extern const struct cli_command cli_view_commands[];
extern const struct cli_command cli_traffic_policy_commands[];
extern const struct cli_command cli_traffic_instance_commands[];
extern const struct cli_command cli_geo_commands[];
extern const struct cli_command cli_alias_commands[];
extern const struct cli_command cli_latency_commands[];
extern const struct cli_command cli_explain_commands[];
extern const struct cli_command cli_doctor_commands[];
extern const struct cli_command cli_credential_commands[];
extern const struct cli_command cli_query_log_commands[];
extern const struct cli_command cli_key_commands[];
