/* node/control/checkers.h: the nodes as health checks come from them, by state. Loop thread. */
#pragma once

#include <netinet/in.h>

#include "store/state.h"

#define CHECKER_ADDRESSES_MAX (STATE_DNS_ADDRESSES_MAX + 1)

struct checker { /* one node */
    char node[STATE_SETTING_NAME_SIZE], region[STATE_SETTING_NAME_SIZE];
    char addresses[CHECKER_ADDRESSES_MAX][INET6_ADDRSTRLEN]; /* where the others reach it, first */
    unsigned address_count;
};
struct checkers {
    struct checker list[STATE_MEMBERS_MAX];
    unsigned count;
};

/* All members. ERR_* of reads; @out is filled as far as it went. */
int checkers_read(const struct kv *kv, struct checkers *out);
/* The first address of the node of that name; "": none is known. Borrowed from @checkers. */
const char *checkers_address(const struct checkers *checkers, const char *node);
