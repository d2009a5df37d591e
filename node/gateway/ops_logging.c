/* node/gateway/ops_logging.c: query logging configurations. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_logging_operations[] = {
    {"CreateQueryLoggingConfig", "POST", "/queryloggingconfig", "CreateQueryLoggingConfigRequest",
     201, NULL},
    {"GetQueryLoggingConfig", "GET", "/queryloggingconfig/{Id}", NULL, 200, NULL},
    {"ListQueryLoggingConfigs", "GET", "/queryloggingconfig", NULL, 200, NULL},
    {"DeleteQueryLoggingConfig", "DELETE", "/queryloggingconfig/{Id}", NULL, 200, NULL},
    {0},
};
