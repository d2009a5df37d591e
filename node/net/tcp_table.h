/* node/net/tcp_table.h: who is connected by TCP, for how long, and with how much memory: what is
 * needed to say who may come and who is to go. No socket and no clock: the time is an argument, so
 * tests make it up. One thread. Internal to net/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct tcp_quota;

#define TCP_IDLE_FULL_MS 200u   /* time limit with nothing under way, when the table is full */
#define TCP_STALL_FULL_MS 2000u /* time limit of a request or replies that do not move on */

struct tcp_limits {
    unsigned connections_max; /* not 0 */
    unsigned per_prefix;      /* not 0; see tcp_quota.h */
    uint32_t idle_ms;         /* both time limits when there is room */
    size_t memory_max;        /* octets that all hold together */
};

struct tcp_member_list { /* the one to which something happened last is the newest */
    struct tcp_member *oldest, *newest;
};

struct tcp_member { /* part of the caller's connection; all zero is not in the table */
    struct tcp_member *older, *newer;
    struct tcp_member_list *list; /* of the table; NULL: not in it */
    uint64_t since_ms;            /* when last renewed */
    size_t held_len;              /* octets of memory */
    uint32_t quota_ticket;
};

struct tcp_table {
    struct tcp_limits limits;
    struct tcp_quota *quota;
    struct tcp_member_list idle; /* nothing under way */
    struct tcp_member_list busy; /* a request or replies under way */
    unsigned open_count;         /* in both lists */
    size_t held_len;             /* the sum */
};

/* @seed: see tcp_quota_new(). ERR_NOMEM. */
int tcp_table_init(struct tcp_table *table, const struct tcp_limits *limits, uint64_t seed);
void tcp_table_fini(struct tcp_table *table); /* members may still be in it; all zero is legal */

/* May the network of @client have one more? */
bool tcp_table_has_share(const struct tcp_table *table, const struct sockaddr *client);
bool tcp_table_is_full(const struct tcp_table *table);
/* Let @member in, as the newest of the idle: its network has a share and the table is not full. */
void tcp_table_join(struct tcp_table *table, struct tcp_member *member,
                    const struct sockaddr *client, uint64_t now_ms);
/* Nothing happens when it is not in the table. */
void tcp_table_leave(struct tcp_table *table, struct tcp_member *member);

/* Something happened to @member: it is the newest of the idle or the busy. Times never fall. */
void tcp_table_renew(struct tcp_table *table, struct tcp_member *member, bool is_busy,
                     uint64_t now_ms);
/* It holds @held_len octets from now on. */
void tcp_table_hold(struct tcp_table *table, struct tcp_member *member, size_t held_len);
/* While all hold more than memory_max: the member that holds the most. Else NULL. Walks all. */
struct tcp_member *tcp_table_find_excess(const struct tcp_table *table);

/* How long a member of each list may now stay as it is. */
uint32_t tcp_table_idle_limit_ms(const struct tcp_table *table);
uint32_t tcp_table_stall_limit_ms(const struct tcp_table *table);
/* A time limit by how many are open (RFC 9210 4.2: time-outs fall with free resources):
 *
 *      calm_ms |-----------.
 *              |            `.
 *      full_ms |              `-----
 *              +-----------+---+----
 *              0        half   connections_max
 *
 * A @full_ms above @calm_ms counts as @calm_ms. Pure. */
uint32_t tcp_table_wait_ms(uint32_t calm_ms, uint32_t full_ms, unsigned open_count,
                           unsigned connections_max);
