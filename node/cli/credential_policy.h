/* node/cli/credential_policy.h: the policy of an access key, from a file or made for a purpose. */
#pragma once

#include <stdbool.h>

struct cli;

#define CREDENTIAL_POLICY_WORDS "acme:ZONE, zone:ZONE or read-only"

/* The policy that --policy or --preset gives, checked, to *@out, which the caller frees; NULL: none
 * was given. Exit status; what failed has been told. */
int credential_policy_take(struct cli *cli, char **out);
