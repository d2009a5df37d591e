/* node/cluster/renew.h: a member renews its own certificate when it starts in the last half of its
 * year: every member holds the CA's key, sealed, in state. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define RENEW_BEFORE_DAYS 183

/* Failure is logged and harmless until the old certificate expires. */
void renew_certificate(struct cluster *cluster);
/* The CA's private key as PEM in @out (CERTIFICATE_PEM_MAX + 1 octets), to be wiped after use.
 * ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
int renew_ca_key(struct cluster *cluster, char *out);
