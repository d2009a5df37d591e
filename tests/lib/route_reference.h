/* tests/lib/route_reference.h: which record sets a question gets, as slowly and plainly as it can
 * be said: what the answer path (node/query_route.c) and the rankings (node/policy) are held
 * against. It shares no code with them: its data are plain fields and lists that are searched from
 * end to end, and chance is spent by the words of policy/policy.h.
 *
 * Names are lower-case text with the final dot and without escapes. Everything is borrowed. */
#pragma once

#include "policy/policy.h" /* the enums and limits, no function */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFERENCE_REGIONS_MAX 256u
#define REFERENCE_DEPTH_MAX 16u
#define REFERENCE_GROUPS_MAX 64u
#define REFERENCE_CANDIDATES_MAX 4096u

struct reference_set {
    const char *identifier;
    uint32_t id_hash;   /* of the identifier, as the image has it */
    uint32_t place_key; /* geolocation, IP-based: the image's number for the place or location */
    uint32_t weight;
    unsigned region;         /* latency, geoproximity without coordinates */
    const char *continent;   /* geolocation: one of "EU", */
    const char *country;     /* "FR" or "*" */
    const char *subdivision; /* and "US" with "WA"; NULL: none */
    bool has_coordinates;
    int latitude_cdeg, longitude_cdeg;
    int bias;
    bool is_secondary;
    const char *cidr_location; /* or "*" */
    unsigned check_slot, override_slot;
    const char *target; /* of an alias; NULL: records */
    bool evaluates_target;
    const void *records; /* what it answers with: for whoever made the set */
};

struct reference_group { /* all sets of one name and type */
    const char *name;
    uint16_t type;
    bool is_plain; /* one set, and routing has nothing to do with it */
    enum policy_kind kind;
    bool is_sticky;
    unsigned answers_max;
    enum policy_all_down all_down;
    const char *fallback;
    unsigned cidr_slot;
    const struct reference_set *sets;
    unsigned count;
};

struct reference_zone {
    const char *apex;
    const char *const *delegations;
    size_t delegation_count;
    const struct reference_group *groups;
    size_t group_count;
};

struct reference_slot { /* of a check or an override */
    bool is_healthy, is_forced_up;
    uint64_t since; /* log index of the last flip */
};

struct reference_place {
    bool is_known;
    int latitude_cdeg, longitude_cdeg;
};

struct reference_world {
    const struct reference_zone *zones;
    size_t zone_count;
    const struct reference_group *externals; /* plain ones, found by name and type */
    size_t external_count;
    const struct reference_slot *slots; /* by number; beyond: healthy, as is number 0 */
    size_t slot_count;
    const struct reference_place *regions; /* REFERENCE_REGIONS_MAX; NULL: none is known */
};

struct reference_client {
    bool has_address; /* else the group's draw stands in for the hashes */
    uint64_t sticky_hash, latency_hash, proximity_hash;
    const char *continent, *country, *subdivision; /* NULL: not known */
    struct reference_place place;
    const int *latency_ms;             /* by region, negative: not known; NULL */
    const char *const *cidr_locations; /* by slot of the collection, NULL: in no block */
    size_t cidr_location_count;
};

/* The indexes of group->sets in the order in which the image has them: by what the policy looks up,
 * by hash and by text of the identifier. */
void reference_sort(const struct reference_group *group, unsigned sorted[POLICY_SETS_MAX]);
/* All candidates of @group in the order in which they are tried, as indexes of group->sets in the
 * order in which these are given. Returns how many. */
unsigned reference_rank(const struct reference_world *world, const struct reference_group *group,
                        const struct reference_client *client, uint64_t draw,
                        unsigned order[POLICY_SETS_MAX]);

enum reference_outcome { REFERENCE_FOUND, REFERENCE_NODATA, REFERENCE_LOOP };

struct reference_answer {
    enum reference_outcome outcome;
    unsigned count; /* sets, in the order in which they were found */
    const struct reference_set *sets[POLICY_ANSWERS_MAX];
    unsigned group_count, candidate_count; /* spent */
};

/* What (name, type) leads to; NULL: nothing. An alias's target, or the name of a question that no
 * CNAME or DNAME redirects. */
const struct reference_group *reference_find(const struct reference_world *world, const char *name,
                                             uint16_t type);
/* What a question for @group gets. @draw: 64 random bits of the question; the n-th group that is
 * entered (from 1, in all passes) has mix(draw + (n + 1) * 0xd1342543de82ef95) of them, where mix
 * is the last steps of splitmix64. */
void reference_resolve(const struct reference_world *world, const struct reference_group *group,
                       const struct reference_client *client, uint64_t draw,
                       struct reference_answer *out);
