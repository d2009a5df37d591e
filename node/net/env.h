/* node/net/env.h: what all queries of a node have in common. Internal to net/. Made before the
 * threads start and never written after, so that they read it without a lock. */
#pragma once

#include "dns/cookie.h"
#include "net/udp_limit.h"
#include "query.h"

#include <stdbool.h>
#include <stdint.h>

struct dnstap;
struct net_options;
struct querylog;
struct zone_publisher;

struct net_env {
    const struct zone_publisher *publisher;
    struct query_texts texts; /* point to the two buffers below */
    char identity[QUERY_TEXT_MAX + 1];
    char version[QUERY_TEXT_MAX + 1];
    bool has_cookies;
    uint8_t cookie_key[DNS_COOKIE_KEY_LEN];
    struct rrl *rrl; /* shared by the UDP workers; NULL: no limit */
    enum udp_limit_mode rrl_mode;
    struct querylog *log; /* NULL: queries of no zone are logged */
    struct dnstap *tap;   /* NULL: nobody is told of exchanges */
};

/* ERR_INVALID: a text is too long, or rate limits are out of bounds; ERR_NOMEM. @out stays where it
 * is while threads use it. */
int net_env_init(struct net_env *out, const struct net_options *options);
void net_env_fini(struct net_env *env); /* accepts one that is all zero; threads are gone */

struct net_thread_env { /* what each thread that answers has of its own; zeroed at its start */
    struct dns_cookie_secrets secrets;
    uint64_t chance;      /* state of the generator of draws; 0: not seeded yet */
    uint64_t now_wall_ms; /* of the batch, by the coarse clock */
};

/* The environment of one batch, but for its image, client and idle time-out: reads the wall clock
 * once. @own is the calling thread's. */
struct query_env net_env_begin(const struct net_env *env, enum query_proto proto,
                               struct net_thread_env *own);
