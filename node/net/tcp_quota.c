/* node/net/tcp_quota.c: a hash table with chains. There are never more networks than connections,
 * so entries come from an array; what was never used of it is never touched. */
#include "net/tcp_quota.h"

#include "base/assert.h"
#include "base/err.h"

#include <netinet/in.h>
#include <stdlib.h>

struct entry {
    uint64_t prefix;
    uint32_t next; /* in its chain, or among the free; an index + 1, 0 for none */
    uint32_t count;
};

struct tcp_quota {
    uint64_t seed;
    unsigned per_prefix;
    unsigned entry_count; /* of the array */
    unsigned entries_used;
    uint32_t first_free;   /* index + 1 */
    uint32_t bucket_mask;  /* buckets - 1: a power of two is what there are */
    uint32_t *buckets;     /* the first of each chain; index + 1 */
    struct entry *entries; /* as many as connections */
};

int tcp_quota_new(unsigned connections_max, unsigned per_prefix, uint64_t seed,
                  struct tcp_quota **out)
{
    ASSERT(connections_max > 0 && connections_max < UINT32_MAX / 4 && per_prefix > 0);
    uint32_t bucket_count = 1;
    while (bucket_count < connections_max)
        bucket_count *= 2;
    struct tcp_quota *quota = malloc(sizeof *quota);
    uint32_t *buckets = calloc(bucket_count, sizeof *buckets);
    struct entry *entries = calloc(connections_max, sizeof *entries);
    if (quota == NULL || buckets == NULL || entries == NULL) {
        free(quota);
        free(buckets);
        free(entries);
        return ERR_NOMEM;
    }
    *quota = (struct tcp_quota){.seed = seed,
                                .per_prefix = per_prefix,
                                .entry_count = connections_max,
                                .bucket_mask = bucket_count - 1,
                                .buckets = buckets,
                                .entries = entries};
    *out = quota;
    return 0;
}

void tcp_quota_free(struct tcp_quota *quota)
{
    if (quota == NULL)
        return;
    free(quota->buckets);
    free(quota->entries);
    free(quota);
}

/* One number for each network of either family. */
static uint64_t prefix_of(const struct sockaddr *client)
{
    uint64_t prefix = 0;
    if (client->sa_family == AF_INET) {
        uint32_t address = ntohl(((const struct sockaddr_in *)client)->sin_addr.s_addr);
        return UINT64_MAX << 32 | address >> (32 - TCP_QUOTA_IPV4_BITS);
    }
    ASSERT(client->sa_family == AF_INET6);
    const uint8_t *octets = ((const struct sockaddr_in6 *)client)->sin6_addr.s6_addr;
    for (unsigned i = 0; i < TCP_QUOTA_IPV6_BITS / 8; i++)
        prefix = prefix << 8 | octets[i];
    return prefix;
}

/* All bits of the prefix and the seed decide (finaliser of MurmurHash3, twice). */
static uint32_t *bucket_of(const struct tcp_quota *quota, uint64_t prefix)
{
    uint64_t mixed = prefix ^ quota->seed;
    for (unsigned round = 0; round < 2; round++) {
        mixed ^= mixed >> 33;
        mixed *= UINT64_C(0xff51afd7ed558ccd);
        mixed ^= mixed >> 33;
        mixed *= UINT64_C(0xc4ceb9fe1a85ec53);
        mixed += quota->seed;
    }
    return &quota->buckets[(mixed ^ mixed >> 32) & quota->bucket_mask];
}

/* The index + 1 of its entry, or 0. */
static uint32_t find(const struct tcp_quota *quota, uint64_t prefix)
{
    uint32_t place = *bucket_of(quota, prefix);
    while (place != 0 && quota->entries[place - 1].prefix != prefix)
        place = quota->entries[place - 1].next;
    return place;
}

static uint32_t entry_new(struct tcp_quota *quota, uint64_t prefix)
{
    uint32_t *bucket = bucket_of(quota, prefix);
    uint32_t place = quota->first_free;
    if (place != 0)
        quota->first_free = quota->entries[place - 1].next;
    else
        place = ++quota->entries_used;
    ASSERT(place <= quota->entry_count);
    quota->entries[place - 1] = (struct entry){.prefix = prefix, .next = *bucket};
    *bucket = place;
    return place;
}

bool tcp_quota_has_room(const struct tcp_quota *quota, const struct sockaddr *client)
{
    uint32_t place = find(quota, prefix_of(client));
    return place == 0 || quota->entries[place - 1].count < quota->per_prefix;
}

uint32_t tcp_quota_take(struct tcp_quota *quota, const struct sockaddr *client)
{
    uint64_t prefix = prefix_of(client);
    uint32_t place = find(quota, prefix);
    if (place == 0)
        place = entry_new(quota, prefix);
    struct entry *entry = &quota->entries[place - 1];
    ASSERT(entry->count < quota->per_prefix);
    entry->count++;
    return place - 1;
}

void tcp_quota_give(struct tcp_quota *quota, uint32_t ticket)
{
    ASSERT(ticket < quota->entries_used);
    struct entry *entry = &quota->entries[ticket];
    ASSERT(entry->count > 0);
    if (--entry->count > 0)
        return;
    uint32_t *link = bucket_of(quota, entry->prefix);
    while (*link != ticket + 1) {
        ASSERT(*link != 0);
        link = &quota->entries[*link - 1].next;
    }
    *link = entry->next;
    entry->next = quota->first_free;
    quota->first_free = ticket + 1;
}
