/* node/net/latency_samples.h: how long the way to clients takes, by their networks, as TCP
 * handshakes tell: of each network (IPv4 /24, IPv6 /48) up to LATENCY_RESERVOIR round-trip times of
 * the current window, drawn fairly from all, whose median stands for it. The TCP thread adds, any
 * other takes; a lock is held for one addition or for a swap of two pointers.
 *
 * At most LATENCY_NETWORKS_MAX networks: further ones are counted and passed over until the window
 * ends. Memory: twice 4 MiB, of which only what was ever used is resident. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

struct latency_samples; /* opaque */
struct sockaddr;

#define LATENCY_NETWORKS_MAX 65536u
#define LATENCY_RESERVOIR 9u
#define LATENCY_MS_MAX 60000u

/* @with_private: also clients by loopback, link-local, private and shared addresses, which are not
 * measured else: they say nothing about the Internet. ERR_NOMEM. */
int latency_samples_new(bool with_private, struct latency_samples **out);
void latency_samples_free(struct latency_samples *samples); /* accepts NULL */

/* One round-trip time, which TCP has smoothed; 0 says nothing and is passed over. */
void latency_samples_add(struct latency_samples *samples, const struct sockaddr *client,
                         uint32_t rtt_us);

struct latency_sample {
    struct prefix prefix;
    uint32_t count; /* of round-trip times in the window */
    uint16_t ms;    /* the median, at least 1 */
};
/* End the window: up to @max of its networks, those with the most samples first, to @out; how many.
 * *@left_out: handshakes of networks that found no room. One taker at a time. */
size_t latency_samples_take(struct latency_samples *samples, struct latency_sample *out, size_t max,
                            uint64_t *left_out);
