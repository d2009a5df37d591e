/* node/cluster/authority.h: the cluster's CAs as this node knows them, and what they sign. Rules:
 * authority_rule.h. Loop thread. */
#pragma once

#include "cluster/internal.h"

/* Read cluster->authority from state; the CA on disk where state says nothing of this cluster. */
void authority_reload(struct cluster *cluster);
/* Sign a request for the certificate of node @id by the CA that makes certificates. On 0 the caller
 * owns *@cert_pem. ERR_INVALID (the request), ERR_NOT_FOUND, ERR_CORRUPT (the CA's key), ERR_IO,
 * ERR_NOMEM. */
int authority_sign(struct cluster *cluster, const char *request_pem, uint64_t id, char **cert_pem);
/* Generation of the trusted CA that signed it; 0: none of them. */
uint32_t authority_of(const struct cluster *cluster, const char *cert_pem);

/* Leader: the next step of a rotation, once every member has told that it is that far. */
void authority_tick(struct cluster *cluster, uint64_t now_mono_ms);
