/* node/gateway/ops_tags.c: tags. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_tags_operations[] = {
    {"ChangeTagsForResource", "POST", "/tags/{ResourceType}/{ResourceId}",
     "ChangeTagsForResourceRequest", 200, NULL},
    {"ListTagsForResource", "GET", "/tags/{ResourceType}/{ResourceId}", NULL, 200, NULL},
    {"ListTagsForResources", "POST", "/tags/{ResourceType}", "ListTagsForResourcesRequest", 200,
     NULL},
    {0},
};
