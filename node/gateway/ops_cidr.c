/* node/gateway/ops_cidr.c: CIDR collections. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_cidr_operations[] = {
    {"CreateCidrCollection", "POST", "/cidrcollection", "CreateCidrCollectionRequest", 201, NULL},
    {"ChangeCidrCollection", "POST", "/cidrcollection/{CidrCollectionId}",
     "ChangeCidrCollectionRequest", 200, NULL},
    {"DeleteCidrCollection", "DELETE", "/cidrcollection/{CidrCollectionId}", NULL, 200, NULL},
    {"ListCidrCollections", "GET", "/cidrcollection", NULL, 200, NULL},
    {"ListCidrLocations", "GET", "/cidrcollection/{CidrCollectionId}", NULL, 200, NULL},
    {"ListCidrBlocks", "GET", "/cidrcollection/{CidrCollectionId}/cidrblocks", NULL, 200, NULL},
    {0},
};
