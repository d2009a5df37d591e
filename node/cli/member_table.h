/* node/cli/member_table.h: the members of a status, as cluster status and member list show them. */
#pragma once

struct Ctl__ClusterStatusReply;
struct json_t;

void member_table_print(const struct Ctl__ClusterStatusReply *status);
struct json_t *member_table_json(const struct Ctl__ClusterStatusReply *status);
