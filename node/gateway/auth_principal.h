/* node/gateway/auth_principal.h: who signed a request. Within auth. */
#pragma once

#include "gateway/auth.h"
#include "gateway/auth_known.h"

#define AUTH_ADDRESS_SIZE 46u

struct auth_principal {
    struct auth_policy *policy; /* NULL: all is allowed */
    char id[SIGV4_KEY_ID_SIZE];
    char user_name[AUTH_USER_SIZE];
    char actor[AUTH_ACTOR_SIZE];
    char client[AUTH_ADDRESS_SIZE]; /* address; "": not known */
    bool is_tls;
};

/* NULL: no memory. */
struct auth_principal *auth_principal_new(const struct auth_credential *credential,
                                          const char *client, bool is_tls);
