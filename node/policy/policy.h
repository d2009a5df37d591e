/* node/policy/policy.h: in which order the record sets of one name and type are tried for one
 * client. Pure: same arguments, same order. Whether a set is healthy, and what an alias leads to,
 * is for the caller (node/query_route.c), who takes candidates from a ranking until one serves.
 *
 *   policy        order of candidates
 *   simple        the only one
 *   weighted      by chance without repetition, chance by weight, among those above 0; then those
 *                 of weight 0, each as likely as the other. (So the first healthy one is as likely
 *                 as its share of the healthy weights.) sticky: the same by rendezvous hashing
 *                 of the client's prefix instead of by chance
 *   latency       least round-trip time first, by distance where none was measured; all within
 *                 max(10 ms, 10 %) of the least that is left are equal and ordered by rendezvous
 *                 hashing of the prefix that the client was found by. Last those of no known
 *                 time, equal too: when nothing is known of a client, all of them
 *   geolocation   subdivision, country, continent, default, as far as there are sets for them
 *   geoproximity  least biased distance first: d (1 - bias/100) for bias > 0, d / (1 + bias/100)
 *                 for bias < 0; equal ones, and last those of no known distance, by rendezvous
 *                 hashing of the client's prefix
 *   failover      primary, secondary
 *   multivalue    by chance without repetition
 *   IP-based      the set of the client's CIDR location, then that of location "*"
 *
 * How chance and hashes are spent, exactly, in unsigned 64-bit arithmetic modulo 2^64 (/ rounds
 * down; indexes count from 0 in the order of group->sets):
 *   hash(seed, n)    x = seed + n * 0x9e3779b97f4a7c15;
 *                    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
 *                    x = (x ^ x >> 27) * 0x94d049bb133111eb;  x ^ x >> 31
 *   part(draw, n)    draw * n / 2^64, from the 128-bit product: 0 to n - 1
 *   race(h, weight)  the less, the better. Weight 0: 2^53 + h / 2^11. Else missing(h) * 2^16 /
 *                    weight, so that races of evenly spread h are won in proportion to the weights
 *   missing(h)       64 * 2^31 less 2^31 log2(h) (h < 2 counts as 2), log2 by a parabola: with h =
 *                    (1 + (i + t / 2^32) / 256) * 2^e, whole i < 256 and t < 2^32 (t rounded down),
 *                    and L(i) = round(2^31 log2(1 + i / 256)), 2^31 log2(h) is
 *                    e * 2^31 + L(i) + ((L(i+1) - L(i)) * t / 2^32)
 *                    + (2 L(i+1) - L(i) - L(i+2)) * (t * (2^32 - t) / 2^32) / 2^33
 *   weighted         first: the least i whose weights 0 to i add up to more than part(draw, sum of
 *                    weights); if they are all 0, i = part(draw, count). The others: by
 *                    race(hash(draw, i + 1), weight)
 *   sticky           all by race(hash(client.hash, set.id_hash), weight)
 *   multivalue       sets stand in a row; the k-th candidate (from 0) is the one at place k +
 *                    part(d, count - k) of the row, d being draw for k = 0, else hash(draw, k); the
 *                    one at place k takes its place in the row
 *   latency          equal times: by hash(client.hash, region) / 2^17
 *   geoproximity     distances in whole metres (halves up), biased: d * (100 - bias) / 100, or
 *                    d * 100 / (100 + bias); equal: by hash(client.hash, set.id_hash) / 2^41
 * What is still equal then keeps the order of group->sets. 10 % of a time is time / 10.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct geo_latency_row;
struct geo_location;
struct geo_regions;

#define POLICY_SETS_MAX 1000u    /* of one name and type */
#define POLICY_MULTIVALUE_MAX 8u /* answers of a multivalue group */
#define POLICY_ANSWERS_MAX 16u   /* of the `answers` extension */
#define POLICY_INDEX_NONE 0xffffu

enum policy_kind { /* part of stored formats: never renumber */
                   POLICY_SIMPLE = 0,
                   POLICY_WEIGHTED = 1,
                   POLICY_LATENCY = 2,
                   POLICY_GEOLOCATION = 3,
                   POLICY_GEOPROXIMITY = 4,
                   POLICY_FAILOVER = 5,
                   POLICY_MULTIVALUE = 6,
                   POLICY_IP_BASED = 7,
                   POLICY_KIND_COUNT,
};
enum policy_all_down { /* when no candidate is healthy; stored: never renumber */
                       POLICY_ALL_DOWN_OPEN = 0,      /* as if all were healthy (Route 53) */
                       POLICY_ALL_DOWN_CLOSED = 1,    /* no answer (NODATA) */
                       POLICY_ALL_DOWN_LAST_GOOD = 2, /* the one that went down last */
                       POLICY_ALL_DOWN_FALLBACK = 3,  /* what another name has */
};
enum policy_set_flag {
    POLICY_SET_ALIAS = 1,
    POLICY_SET_EVALUATE_TARGET_HEALTH = 2,
    POLICY_SET_HAS_COORDINATES = 4, /* geoproximity: latitude and longitude, not a region */
};

/* Geolocation key of a set: 0 is the default ("*"); see geo/location.h for the others.
 * Failover: 0 primary, 1 secondary. CIDR: hash of the location's name, 0 for "*". Latency and
 * geoproximity: the region's number. Weighted: the weight. */
struct policy_set { /* one candidate, as the image holds it: no alignment above 2 */
    uint32_t key;
    uint32_t check_slot;    /* POLICY_SLOT_NONE: no health check */
    uint32_t override_slot; /* POLICY_SLOT_NONE: none */
    uint32_t body_at;       /* octets from the group's start to what it answers (zone/group.h) */
    uint32_t id_hash;       /* of owner's name and set identifier: rendezvous hashing. (The name, so
                               that sticky groups below each other choose apart; not the type, so
                               that A and AAAA choose alike) */
    int16_t latitude_cdeg, longitude_cdeg; /* hundredths of a degree */
    int8_t bias;
    uint8_t flags; /* enum policy_set_flag */
    uint8_t id_len;
    uint8_t reserved;
    uint32_t id_at; /* octets from the group's start to the set identifier */
} __attribute__((packed, aligned(2)));

struct policy_group {    /* all sets of one name and type */
    uint8_t kind;        /* enum policy_kind */
    uint8_t is_sticky;   /* weighted */
    uint8_t answers_max; /* 0: the policy's own number: 8 for multivalue, else 1 */
    uint8_t all_down;    /* enum policy_all_down */
    uint16_t count;      /* 1 to POLICY_SETS_MAX */
    uint16_t type;       /* of the record sets */
    uint32_t cidr_slot;  /* IP-based: the collection's number */
    uint32_t weight_sum;
    uint32_t fallback_at;     /* octets to the fallback's name, 0: none */
    uint32_t size;            /* octets of the group with all its bodies */
    struct policy_set sets[]; /* in order of policy_set_compare() */
} __attribute__((packed, aligned(2)));

/* Order of sets in a group of @kind: by what the policy looks up (weights: the greatest first),
 * then by identifier hash; 0 leaves it to the caller to go on by the identifiers' texts, which only
 * he has. policy_rank_begin() relies on it. <0, 0, >0. */
int policy_set_compare(enum policy_kind kind, const struct policy_set *a,
                       const struct policy_set *b);

struct policy_client { /* what a ranking may know; borrowed */
    uint64_t hash; /* sticky, geoproximity: of the client's /24 or /48; latency: of the prefix it
                      was found by. All 64 bits well mixed */
    const struct geo_location
        *location; /* NULL: nowhere known (geolocation, -proximity, latency) */
    const struct geo_latency_row *latency; /* geo_latency_ms() of each region; NULL: not known */
    const struct geo_regions *regions;     /* their coordinates; NULL: not known */
    uint32_t cidr_location;                /* IP-based: hash of its name; 0: in no block */
};

/* Does this policy look at the client's location, or at its CIDR location? */
bool policy_needs_location(enum policy_kind kind);
/* Answers wanted of @group. */
unsigned policy_answers_wanted(const struct policy_group *group);

struct policy_ranking { /* caller's storage; fields are the room's own */
    const struct policy_group *group;
    const struct policy_client *client;
    uint64_t draw;
    uint16_t taken; /* candidates given out */
    uint16_t left;  /* keys in order */
    uint16_t first; /* candidate */
    uint8_t step;   /* of looking keys up, or of taking them out */
    bool is_ordered;
    uint64_t order[POLICY_SETS_MAX]; /* only as far as needed; never cleared */
};

/* Begin to rank @group for @client, spending @draw (64 random bits) on what goes by chance. Cheap
 * until the second candidate is asked for. */
void policy_rank_begin(struct policy_ranking *ranking, const struct policy_group *group,
                       const struct policy_client *client, uint64_t draw);
/* The next candidate: an index of group->sets, or POLICY_INDEX_NONE when there is no other. */
unsigned policy_rank_next(struct policy_ranking *ranking);

/* Figures for explain: what the ranking compared. */
double policy_distance_km(const struct policy_set *set, const struct policy_client *client,
                          bool is_biased); /* negative: not known */
/* Milliseconds taken for the region of @set; *@is_measured: from the table, else by distance;
 * negative: not known. */
int policy_latency_ms(const struct policy_set *set, const struct policy_client *client,
                      bool *is_measured);
/* The greatest time that counts as equal to @least_ms. GEO_LATENCY_NONE is equal only to itself. */
unsigned policy_latency_tie_ms(unsigned least_ms);
