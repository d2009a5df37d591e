/* node/gateway/ops_records.c: record sets and changes. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_records_operations[] = {
    {"ChangeResourceRecordSets", "POST", "/hostedzone/{Id}/rrset/",
     "ChangeResourceRecordSetsRequest", 200, NULL},
    {"ListResourceRecordSets", "GET", "/hostedzone/{Id}/rrset", NULL, 200, NULL},
    {"GetChange", "GET", "/change/{Id}", NULL, 200, NULL},
    {0},
};
