/* node/gateway/ops_vpc.c: private zones and who sees them. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_vpc_operations[] = {
    {"AssociateVPCWithHostedZone", "POST", "/hostedzone/{Id}/associatevpc",
     "AssociateVPCWithHostedZoneRequest", 200, NULL},
    {"DisassociateVPCFromHostedZone", "POST", "/hostedzone/{Id}/disassociatevpc",
     "DisassociateVPCFromHostedZoneRequest", 200, NULL},
    {"CreateVPCAssociationAuthorization", "POST", "/hostedzone/{Id}/authorizevpcassociation",
     "CreateVPCAssociationAuthorizationRequest", 200, NULL},
    {"DeleteVPCAssociationAuthorization", "POST", "/hostedzone/{Id}/deauthorizevpcassociation",
     "DeleteVPCAssociationAuthorizationRequest", 200, NULL},
    {"ListVPCAssociationAuthorizations", "GET", "/hostedzone/{Id}/authorizevpcassociation", NULL,
     200, NULL},
    {"ListHostedZonesByVPC", "GET", "/hostedzonesbyvpc", NULL, 200, NULL},
    {0},
};
