/* node/gateway/ops_health.c: health checks. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_health_operations[] = {
    {"CreateHealthCheck", "POST", "/healthcheck", "CreateHealthCheckRequest", 201, NULL},
    {"GetHealthCheck", "GET", "/healthcheck/{HealthCheckId}", NULL, 200, NULL},
    {"ListHealthChecks", "GET", "/healthcheck", NULL, 200, NULL},
    {"UpdateHealthCheck", "POST", "/healthcheck/{HealthCheckId}", "UpdateHealthCheckRequest", 200,
     NULL},
    {"DeleteHealthCheck", "DELETE", "/healthcheck/{HealthCheckId}", NULL, 200, NULL},
    {"GetHealthCheckCount", "GET", "/healthcheckcount", NULL, 200, NULL},
    {"GetHealthCheckStatus", "GET", "/healthcheck/{HealthCheckId}/status", NULL, 200, NULL},
    {"GetHealthCheckLastFailureReason", "GET", "/healthcheck/{HealthCheckId}/lastfailurereason",
     NULL, 200, NULL},
    {"GetCheckerIpRanges", "GET", "/checkeripranges", NULL, 200, NULL},
    {0},
};
