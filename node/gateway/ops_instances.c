/* node/gateway/ops_instances.c: traffic policy instances. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_instances_operations[] = {
    {"CreateTrafficPolicyInstance", "POST", "/trafficpolicyinstance",
     "CreateTrafficPolicyInstanceRequest", 201, NULL},
    {"GetTrafficPolicyInstance", "GET", "/trafficpolicyinstance/{Id}", NULL, 200, NULL},
    {"UpdateTrafficPolicyInstance", "POST", "/trafficpolicyinstance/{Id}",
     "UpdateTrafficPolicyInstanceRequest", 200, NULL},
    {"DeleteTrafficPolicyInstance", "DELETE", "/trafficpolicyinstance/{Id}", NULL, 200, NULL},
    {"GetTrafficPolicyInstanceCount", "GET", "/trafficpolicyinstancecount", NULL, 200, NULL},
    {"ListTrafficPolicyInstances", "GET", "/trafficpolicyinstances", NULL, 200, NULL},
    {"ListTrafficPolicyInstancesByHostedZone", "GET", "/trafficpolicyinstances/hostedzone", NULL,
     200, NULL},
    {"ListTrafficPolicyInstancesByPolicy", "GET", "/trafficpolicyinstances/trafficpolicy", NULL,
     200, NULL},
    {0},
};
