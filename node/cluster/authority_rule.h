/* node/cluster/authority_rule.h: how far a rotation of the cluster's CA is: what apply judges by
 * and the leader decides from. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/state_authority.h"

#define AUTHORITY_KEY_NAME_SIZE 24u

/* The secret that is the private key of that CA. */
void authority_key_name(uint32_t generation, char out[AUTHORITY_KEY_NAME_SIZE]);
/* Has a member done what the phase asks of it: trust the new CA, or have a certificate by it? True
 * when no rotation is under way. */
bool authority_is_done(const struct state_authority *authority,
                       const struct state_certificate *certificate);
/* The CA that makes certificates. */
const struct state_ca *authority_signing(const struct state_authority *authority);
/* All that are trusted, as one PEM text, the signing one first. @out holds
 * STATE_CAS_MAX * STATE_CA_PEM_SIZE octets. */
void authority_bundle(const struct state_authority *authority, char *out);

/* When is a certificate that was made at @made_wall_ms and ends at @until_wall_ms due for another
 * one: after two thirds of its life. */
uint64_t authority_renewal_due(uint64_t made_wall_ms, uint64_t until_wall_ms);
