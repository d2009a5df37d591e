/* node/cluster/renew.h: a member renews its own certificate in the last half of its year: when it
 * starts, and looked at every RENEW_LOOK_MS while it runs. Every member holds the CA's key, sealed,
 * in state. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define RENEW_BEFORE_DAYS 183
#define RENEW_LOOK_MS 3600000

/* Renew it if it is time; is it another one now? Failure is logged and harmless until the old one
 * expires. Before the ports are open. */
bool renew_certificate(struct cluster *cluster);
/* The same for a running member: its ports close and open again with the new one, one after the
 * other. */
void renew_tick(struct cluster *cluster, uint64_t now_mono_ms);
/* The CA's private key as PEM in @out (CERTIFICATE_PEM_MAX + 1 octets), to be wiped after use.
 * ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
int renew_ca_key(struct cluster *cluster, char *out);
