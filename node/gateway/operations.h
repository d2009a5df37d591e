/* node/gateway/operations.h: all operations of route53 2013-04-01, by what they are about: one file
 * ops_GROUP.c each. Arrays end with a NULL name. */
#pragma once

#include "gateway/request.h"

extern const struct gateway_operation gateway_zones_operations[];
extern const struct gateway_operation gateway_delegation_operations[];
extern const struct gateway_operation gateway_records_operations[];
extern const struct gateway_operation gateway_answers_operations[];
extern const struct gateway_operation gateway_health_operations[];
extern const struct gateway_operation gateway_cidr_operations[];
extern const struct gateway_operation gateway_tags_operations[];
extern const struct gateway_operation gateway_policies_operations[];
extern const struct gateway_operation gateway_instances_operations[];
extern const struct gateway_operation gateway_vpc_operations[];
extern const struct gateway_operation gateway_logging_operations[];
extern const struct gateway_operation gateway_dnssec_operations[];
