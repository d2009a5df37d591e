/* node/net/rrl.h: response rate limiting: how many equal replies one network gets by UDP, so that a
 * forged source address cannot turn this server against somebody.
 *
 * What is limited. Replies are equal when they go to one client network (IPv4 /24, IPv6 /56), are
 * of one class, and have one key name:
 *
 *   class         key name                      so that …
 *   RRL_ANSWER    owner of the answer           one hot name cannot be reflected
 *   RRL_WILDCARD  closest encloser              random names under a wildcard count as one
 *   RRL_NODATA    apex of the zone              all that a zone does not hold counts as one
 *   RRL_NXDOMAIN  apex of the zone              likewise
 *   RRL_REFERRAL  the zone cut                  random names below a delegation count as one
 *   RRL_ERROR     none                          REFUSED, FORMERR, SERVFAIL … of a network are one
 *
 * Each has a rate of its own. Besides, all replies to a network share `prefix_rate_s`: without
 * that, whoever knows many names of a zone could stay under the rate with each of them.
 *
 * How. A leaky bucket each (the "theoretical arrival time" of GCRA, ITU-T I.371 A), one 64-bit
 * word, in a table of fixed size that all workers share. A reply costs one cache line and one
 * compare-and-swap a bucket; nothing allocates, locks, reads a clock or logs. A cache line holds 8
 * buckets, of which a new key takes the emptiest: heavy hitters stay, and whoever is pushed out is
 * limited less, never more. A bucket is empty again within burst_ms, so the table is far from full:
 * at a rate of 200 a reply occupies one for 5 ms, hence a million different replies a second occupy
 * 5,000 of 131,072.
 *
 * Who shares. Two keys are taken for one another with a chance of about 2^-16 x 8 x the table's
 * fill. Buckets are chosen by a keyed universal hash (NH, RFC 4418 5.2), so nobody can aim at
 * somebody's bucket. Who does share one with an attacker, by that chance or by being in the same
 * network, still gets one in `slip` of the limited replies, truncated, and goes on by TCP: exactly
 * one out of each `slip` in a row, at a place that cannot be foreseen, so that no rhythm of queries
 * starves another one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefix;
struct rrl;
struct sockaddr;

#define RRL_RATE_MAX 100000u
#define RRL_BURST_MAX_MS 60000u
#define RRL_SLIP_MAX 10u
#define RRL_IPV4_LEN_MAX 32u
#define RRL_IPV6_LEN_MAX 64u
#define RRL_BUCKETS_MIN (1u << 10)
#define RRL_BUCKETS_MAX (1u << 24)
#define RRL_SECRET_WORDS 36u

enum rrl_class {
    RRL_ANSWER,
    RRL_WILDCARD,
    RRL_NODATA,
    RRL_NXDOMAIN,
    RRL_REFERRAL,
    RRL_ERROR,
    RRL_CLASS_COUNT,
};

enum rrl_verdict {
    RRL_PASS, /* send the reply */
    RRL_SLIP, /* send it truncated (TC), so that a true client asks again by TCP */
    RRL_DROP, /* send nothing */
};

struct rrl_options {
    uint32_t rates_s[RRL_CLASS_COUNT]; /* replies a second; 0: no limit */
    uint32_t prefix_rate_s;            /* of all classes and names together; 0: no limit */
    uint32_t burst_ms;                 /* how many seconds' worth may go at once; 1 reply always */
    uint32_t slip;                     /* truncate one in so many limited replies; 0: drop all */
    uint32_t ipv4_len, ipv6_len;       /* bits of an address that make a network, from 1 */
    uint32_t bucket_count;             /* power of two; 8 octets each */
    const struct prefix *exempt;       /* never limited; borrowed during rrl_new() */
    size_t exempt_count;
};

/* Chosen at random by each process, and told to nobody. */
struct rrl_secret {
    uint64_t words[RRL_SECRET_WORDS];
};

/* What one reply is accounted under. */
struct rrl_key {
    uint64_t name_hash;   /* network, class and name */
    uint64_t prefix_hash; /* network alone */
    enum rrl_class class;
};

/* 200 a second for each class (as NSD and the older Knot), 5,000 a second for a network, bursts of
 * one second's worth, slip 2, /24 and /56, 131,072 buckets (1 MiB), loopback exempt. */
void rrl_options_default(struct rrl_options *out);

/* ERR_INVALID for options out of bounds, ERR_NOMEM. On 0 the caller owns *@out. */
int rrl_new(const struct rrl_options *options, const struct rrl_secret *secret, struct rrl **out);
void rrl_free(struct rrl *rrl); /* accepts NULL; no thread may still use it */

/* Is @client (AF_INET or AF_INET6) in an exempt prefix? Any thread. */
bool rrl_is_exempt(const struct rrl *rrl, const struct sockaddr *client);
/* Fill @out for a reply to @client. @name is in wire form, in any case, @name_len octets (0 to 255)
 * of it count. Any thread. */
void rrl_key_make(const struct rrl *rrl, const struct sockaddr *client, enum rrl_class class,
                  const uint8_t *name, unsigned name_len, struct rrl_key *out);
/* Have the memory that rrl_account() needs on its way. Any thread. */
void rrl_prefetch(const struct rrl *rrl, const struct rrl_key *key);
/* Account one reply at @now_ms of a monotonic clock, which need not be the same to the millisecond
 * in all threads. Any thread. */
enum rrl_verdict rrl_account(struct rrl *rrl, const struct rrl_key *key, uint64_t now_ms);
