/* node/gateway/ops_policies.c: traffic policies. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_policies_operations[] = {
    {"CreateTrafficPolicy", "POST", "/trafficpolicy", "CreateTrafficPolicyRequest", 201, NULL},
    {"CreateTrafficPolicyVersion", "POST", "/trafficpolicy/{Id}",
     "CreateTrafficPolicyVersionRequest", 201, NULL},
    {"GetTrafficPolicy", "GET", "/trafficpolicy/{Id}/{Version}", NULL, 200, NULL},
    {"ListTrafficPolicies", "GET", "/trafficpolicies", NULL, 200, NULL},
    {"ListTrafficPolicyVersions", "GET", "/trafficpolicies/{Id}/versions", NULL, 200, NULL},
    {"UpdateTrafficPolicyComment", "POST", "/trafficpolicy/{Id}/{Version}",
     "UpdateTrafficPolicyCommentRequest", 200, NULL},
    {"DeleteTrafficPolicy", "DELETE", "/trafficpolicy/{Id}/{Version}", NULL, 200, NULL},
    {0},
};
