/* node/gateway/ops_dnssec.c: key-signing keys. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_dnssec_operations[] = {
    {"CreateKeySigningKey", "POST", "/keysigningkey", "CreateKeySigningKeyRequest", 201, NULL},
    {"ActivateKeySigningKey", "POST", "/keysigningkey/{HostedZoneId}/{Name}/activate", NULL, 200,
     NULL},
    {"DeactivateKeySigningKey", "POST", "/keysigningkey/{HostedZoneId}/{Name}/deactivate", NULL,
     200, NULL},
    {"DeleteKeySigningKey", "DELETE", "/keysigningkey/{HostedZoneId}/{Name}", NULL, 200, NULL},
    {"EnableHostedZoneDNSSEC", "POST", "/hostedzone/{Id}/enable-dnssec", NULL, 200, NULL},
    {"DisableHostedZoneDNSSEC", "POST", "/hostedzone/{Id}/disable-dnssec", NULL, 200, NULL},
    {"GetDNSSEC", "GET", "/hostedzone/{Id}/dnssec", NULL, 200, NULL},
    {0},
};
