/* node/net/tcp_quota.h: how many TCP connections each client network has: an IPv4 /24 or an IPv6
 * /56, as in the rate limits of other nameservers; a smaller network costs an attacker nothing, a
 * larger one would count strangers together. One thread. Internal to net/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;
struct tcp_quota;

#define TCP_QUOTA_IPV4_BITS 24
#define TCP_QUOTA_IPV6_BITS 56

/* For up to @connections_max connections, @per_prefix (not 0) of each network. @seed is a random
 * number that clients do not know, so that nobody can choose networks that share a bucket.
 * ERR_NOMEM. On 0 the caller owns *@out. */
int tcp_quota_new(unsigned connections_max, unsigned per_prefix, uint64_t seed,
                  struct tcp_quota **out);
void tcp_quota_free(struct tcp_quota *quota); /* accepts NULL */

/* May the network of @client (IPv4 or IPv6) have one more connection? */
bool tcp_quota_has_room(const struct tcp_quota *quota, const struct sockaddr *client);
/* Count one more; there is room. Returns a ticket to be given back when the connection ends. */
uint32_t tcp_quota_take(struct tcp_quota *quota, const struct sockaddr *client);
void tcp_quota_give(struct tcp_quota *quota, uint32_t ticket);
