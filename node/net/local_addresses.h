/* node/net/local_addresses.h: the addresses that this machine has at the moment, for who listens on
 * a wildcard without the kernel's help. Internal to net/. One thread's. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#define LOCAL_ADDRESSES_MAX 1024u /* further ones are not known */

struct local_addresses {
    int events_fd; /* readable when an address came or went */
    bool is_stale; /* that happened, and they could not be read since */
    unsigned count;
    unsigned last;                                  /* found; mostly the next one, too */
    struct in6_addr addresses[LOCAL_ADDRESSES_MAX]; /* IPv4 as ::ffff:a.b.c.d */
};

/* Read the addresses of all interfaces and watch them. ERR_IO, with nothing open. */
int local_addresses_open(struct local_addresses *out);
void local_addresses_close(struct local_addresses *local);
/* Can packets from outside be for @address? Not those of the loopback networks, nor broadcast and
 * multicast. Reads all addresses anew only when @address is unknown and something has changed. */
bool local_addresses_has(struct local_addresses *local, const struct in6_addr *address);
/* An IPv4 address in the form that is looked for. */
struct in6_addr local_addresses_map(struct in_addr address);
