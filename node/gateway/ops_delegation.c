/* node/gateway/ops_delegation.c: reusable delegation sets. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_delegation_operations[] = {
    {"CreateReusableDelegationSet", "POST", "/delegationset", "CreateReusableDelegationSetRequest",
     201, NULL},
    {"GetReusableDelegationSet", "GET", "/delegationset/{Id}", NULL, 200, NULL},
    {"ListReusableDelegationSets", "GET", "/delegationset", NULL, 200, NULL},
    {"DeleteReusableDelegationSet", "DELETE", "/delegationset/{Id}", NULL, 200, NULL},
    {"GetReusableDelegationSetLimit", "GET", "/reusabledelegationsetlimit/{Id}/{Type}", NULL, 200,
     NULL},
    {0},
};
