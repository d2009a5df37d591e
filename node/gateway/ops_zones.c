/* node/gateway/ops_zones.c: hosted zones, and the limits of an account and a zone. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_zones_operations[] = {
    {"CreateHostedZone", "POST", "/hostedzone", "CreateHostedZoneRequest", 201, NULL},
    {"GetHostedZone", "GET", "/hostedzone/{Id}", NULL, 200, NULL},
    {"ListHostedZones", "GET", "/hostedzone", NULL, 200, NULL},
    {"ListHostedZonesByName", "GET", "/hostedzonesbyname", NULL, 200, NULL},
    {"DeleteHostedZone", "DELETE", "/hostedzone/{Id}", NULL, 200, NULL},
    {"UpdateHostedZoneComment", "POST", "/hostedzone/{Id}", "UpdateHostedZoneCommentRequest", 200,
     NULL},
    {"UpdateHostedZoneFeatures", "POST", "/hostedzone/{Id}/features",
     "UpdateHostedZoneFeaturesRequest", 200, NULL},
    {"GetHostedZoneCount", "GET", "/hostedzonecount", NULL, 200, NULL},
    {"GetHostedZoneLimit", "GET", "/hostedzonelimit/{Id}/{Type}", NULL, 200, NULL},
    {"GetAccountLimit", "GET", "/accountlimit/{Type}", NULL, 200, NULL},
    {0},
};
