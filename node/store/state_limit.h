/* node/store/state_limit.h: how many of a thing there may be. The names are Route 53's
 * (GetAccountLimit and the like), the usual numbers our own; the setting "limit." and a name says
 * another one. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/kv.h"

#define STATE_LIMIT_SETTING "limit." /* in front of the name */
#define STATE_LIMIT_VALUE_MAX UINT64_C(1000000000000)

#define STATE_LIMIT_ZONES "MAX_HOSTED_ZONES_BY_OWNER"
#define STATE_LIMIT_HEALTH_CHECKS "MAX_HEALTH_CHECKS_BY_OWNER"
#define STATE_LIMIT_DELEGATION_SETS "MAX_REUSABLE_DELEGATION_SETS_BY_OWNER"
#define STATE_LIMIT_TRAFFIC_POLICIES "MAX_TRAFFIC_POLICIES_BY_OWNER"
#define STATE_LIMIT_TRAFFIC_INSTANCES "MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER"
#define STATE_LIMIT_RECORD_SETS "MAX_RRSETS_BY_ZONE"
#define STATE_LIMIT_VPCS "MAX_VPCS_ASSOCIATED_BY_ZONE"
#define STATE_LIMIT_ZONES_OF_SET "MAX_ZONES_BY_REUSABLE_DELEGATION_SET"

enum state_limit_scope { STATE_LIMIT_OF_OWNER, STATE_LIMIT_OF_ZONE, STATE_LIMIT_OF_SET };
struct state_limit {
    const char *type;
    enum state_limit_scope scope; /* what it is counted by */
    uint64_t usual;
};
extern const struct state_limit state_limits[]; /* ends with a NULL type */

/* NULL: there is no such type. */
const struct state_limit *state_find_limit(const char *type);
/* Decimal text of at most STATE_LIMIT_VALUE_MAX. */
bool state_limit_parse(const char *text, uint64_t *out);
/* The number in force. 0; ERR_NOT_FOUND (no such type), ERR_* of reads. */
int state_get_limit(const struct kv *kv, const char *type, uint64_t *out);
