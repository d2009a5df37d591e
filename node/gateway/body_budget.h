/* node/gateway/body_budget.h: how many octets of bodies are kept that nobody has been authenticated
 * for yet: of all requests under way together, and of those from one address, so that one client
 * cannot take what the others need. An IPv6 client is the /64 that it is in. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define BODY_BUDGET_SLOTS 256u

struct body_share;
struct sockaddr;

/* Zeroed but for the two bounds: nothing is taken. */
struct body_budget {
    size_t len_max, share_len_max; /* of all; of one address */
    size_t len;
    struct body_share *slots[BODY_BUDGET_SLOTS]; /* of addresses that have some; chained */
};

/* Take @len octets for a client. false: there are too many, or no memory; nothing was taken. */
bool body_budget_take(struct body_budget *budget, const struct sockaddr *client, size_t len);
/* Give back @len octets that were taken for it. */
void body_budget_give(struct body_budget *budget, const struct sockaddr *client, size_t len);
