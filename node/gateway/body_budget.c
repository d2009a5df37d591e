#include "gateway/body_budget.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define KEY_LEN 8u /* the network of an IPv6 address; an IPv4 address and zeroes */

struct body_share {
    struct body_share *next;
    uint8_t key[KEY_LEN];
    size_t len;
};

static void key_of(const struct sockaddr *client, uint8_t out[KEY_LEN])
{
    memset(out, 0, KEY_LEN);
    if (client->sa_family != AF_INET6) {
        memcpy(out, &((const struct sockaddr_in *)(const void *)client)->sin_addr, 4);
        return;
    }
    const struct in6_addr *address =
        &((const struct sockaddr_in6 *)(const void *)client)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(address)) /* a listener at [::] sees all of IPv4 so */
        memcpy(out, address->s6_addr + 12, 4);
    else
        memcpy(out, address, KEY_LEN);
}

/* Where the share of @key is, or would be put. There are no more shares than connections. */
static struct body_share **find(struct body_budget *budget, const uint8_t key[KEY_LEN])
{
    unsigned slot = 0;

    for (unsigned i = 0; i < KEY_LEN; i++)
        slot = slot * 31 + key[i];
    struct body_share **at = &budget->slots[slot % BODY_BUDGET_SLOTS];
    while (*at && memcmp((*at)->key, key, KEY_LEN) != 0)
        at = &(*at)->next;
    return at;
}

bool body_budget_take(struct body_budget *budget, const struct sockaddr *client, size_t len)
{
    uint8_t key[KEY_LEN];

    key_of(client, key);
    struct body_share **at = find(budget, key);
    size_t share_len = *at ? (*at)->len : 0;
    if (len > budget->len_max - budget->len || len > budget->share_len_max - share_len)
        return false;
    if (len == 0)
        return true;
    if (!*at) {
        struct body_share *share = calloc(1, sizeof(*share));
        if (!share)
            return false;
        memcpy(share->key, key, KEY_LEN);
        *at = share;
    }
    (*at)->len += len;
    budget->len += len;
    return true;
}

void body_budget_give(struct body_budget *budget, const struct sockaddr *client, size_t len)
{
    uint8_t key[KEY_LEN];

    if (len == 0)
        return;
    key_of(client, key);
    struct body_share **at = find(budget, key);
    struct body_share *share = *at;
    ASSERT(share && share->len >= len && budget->len >= len);
    share->len -= len;
    budget->len -= len;
    if (share->len > 0)
        return;
    *at = share->next;
    free(share);
}
