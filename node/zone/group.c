/* zone/group.c: see group.h and group_build.h. A group is a header, its sets, for each set what it
 * answers (a rendered record set, or the name that an alias leads to) with its identifier right
 * behind, and the fallback's name. All begins at even offsets; padding is 0, so that equal groups
 * are equal octets. */
#include "zone/group_build.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "geo/cidr.h"
#include "geo/location.h"
#include "policy/health.h"
#include "zone/record_set.h"
#include "zone/routing.h"
#include "zone/wire.h"

#include <string.h>

_Static_assert(sizeof(struct policy_group) % 2 == 0 && sizeof(struct policy_set) % 2 == 0,
               "what follows them is on even offsets");

/* ---- readers ---- */

static const void *at_offset(const struct policy_group *group, uint32_t offset)
{
    return (const uint8_t *)group + offset;
}

const struct zone_wire_set *zone_group_records(const struct policy_group *group, unsigned index)
{
    const struct policy_set *set = &group->sets[index];
    return set->flags & POLICY_SET_ALIAS ? NULL : at_offset(group, set->body_at);
}

const uint8_t *zone_group_target(const struct policy_group *group, unsigned index)
{
    const struct policy_set *set = &group->sets[index];
    return set->flags & POLICY_SET_ALIAS ? at_offset(group, set->body_at) : NULL;
}

const char *zone_group_identifier(const struct policy_group *group, unsigned index, size_t *len)
{
    *len = group->sets[index].id_len;
    return at_offset(group, group->sets[index].id_at);
}

const uint8_t *zone_group_fallback(const struct policy_group *group)
{
    return group->fallback_at != 0 ? at_offset(group, group->fallback_at) : NULL;
}

/* ---- plans ---- */

bool zone__type_may_be_routed(uint16_t type)
{
    return type != DNS_TYPE_SOA && type != DNS_TYPE_NS && type != DNS_TYPE_DS &&
           type != DNS_TYPE_DNAME;
}

bool zone__set_is_grouped(const struct zone_record_set *set)
{
    const struct zone_routing *routing = set->routing;

    if (!routing)
        return false;
    if (routing->kind != POLICY_SIMPLE || routing->is_alias)
        return true;
    if (!zone__type_may_be_routed(set->type))
        return false;
    return routing->check_slot != POLICY_SLOT_NONE || routing->override_slot != POLICY_SLOT_NONE;
}

static uint32_t fnv_1a(uint32_t hash, const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ octets[i]) * 16777619u;
    return hash;
}

/* FNV-1a over name and identifier, its bits mixed (the last steps of MurmurHash3), as the policy
 * orders by it. */
static uint32_t hash_identifier(const struct zone_record_set *set)
{
    uint32_t hash = fnv_1a(2166136261u, set->name, dns_name_len(set->name));

    hash = fnv_1a(hash, (const uint8_t *)set->set_identifier, set->set_identifier_len);
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

/* ERR_INVALID: no such place. */
static int location_key(const struct zone_routing *routing, uint32_t *out)
{
    if (strcmp(routing->country, "*") == 0) {
        *out = GEO_KEY_NONE;
        return 0;
    }
    if (routing->continent[0] != '\0')
        *out = geo_continent_key(routing->continent);
    else if (routing->subdivision[0] != '\0')
        *out = geo_subdivision_key(routing->country, routing->subdivision);
    else
        *out = geo_country_key(routing->country);
    return *out != GEO_KEY_NONE ? 0 : ERR_INVALID;
}

static int key_of(const struct zone_routing *routing, uint32_t *out)
{
    switch (routing->kind) {
    case POLICY_SIMPLE:
    case POLICY_MULTIVALUE: *out = 0; return 0;
    case POLICY_WEIGHTED: *out = routing->weight; return 0;
    case POLICY_LATENCY:
    case POLICY_GEOPROXIMITY: *out = routing->region_number; return 0;
    case POLICY_GEOLOCATION: return location_key(routing, out);
    case POLICY_FAILOVER: *out = routing->is_secondary; return 0;
    case POLICY_IP_BASED:
        *out = strcmp(routing->cidr_location, "*") == 0
                   ? 0
                   : geo_cidr_location_hash(routing->cidr_location);
        return 0;
    default: return ERR_INVALID;
    }
}

/* What a set is in a group, but for the places of its octets. */
static int candidate_of(const struct zone_record_set *set, struct policy_set *out)
{
    const struct zone_routing *routing = set->routing;
    uint32_t key;

    if (key_of(routing, &key) != 0)
        return ERR_INVALID;
    unsigned flags = 0;
    if (routing->is_alias)
        flags |= POLICY_SET_ALIAS;
    if (routing->is_alias && routing->evaluate_target_health)
        flags |= POLICY_SET_EVALUATE_TARGET_HEALTH;
    if (routing->has_coordinates)
        flags |= POLICY_SET_HAS_COORDINATES;
    *out = (struct policy_set){
        .key = key,
        .check_slot = routing->check_slot,
        .override_slot = routing->override_slot,
        .id_hash = hash_identifier(set),
        .latitude_cdeg = routing->latitude_cdeg,
        .longitude_cdeg = routing->longitude_cdeg,
        .bias = routing->bias,
        .flags = (uint8_t)flags,
        .id_len = set->set_identifier_len,
    };
    return 0;
}

static int identifier_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const size_t shared = a_len < b_len ? a_len : b_len;
    const int order = shared > 0 ? memcmp(a, b, shared) : 0;

    return order != 0 ? order : (int)a_len - (int)b_len;
}

/* Octets of what a new set answers. */
static size_t body_size(const struct zone_record_set *set)
{
    if (set->routing->is_alias)
        return zone__round_even(dns_name_len(set->routing->alias_target));
    return sizeof(struct zone_wire_set) + zone__round_even(zone__wire_len(set));
}

/* The same of an old one, with its identifier. */
static size_t payload_size(const struct policy_set *set)
{
    return set->id_at - set->body_at + zone__round_even(set->id_len);
}

static size_t fallback_size(const struct zone_group_plan *plan)
{
    const uint8_t *name = plan->set   ? plan->set->routing->fallback
                          : plan->old ? zone_group_fallback(plan->old)
                                      : NULL;
    return name ? zone__round_even(dns_name_len(name)) : 0;
}

/* Index of the set of an identifier, or POLICY_INDEX_NONE. */
static unsigned find_identifier(const struct policy_group *group, const char *identifier,
                                size_t identifier_len)
{
    for (unsigned i = 0; i < group->count; i++) {
        size_t len;
        const char *there = zone_group_identifier(group, i, &len);
        if (identifier_compare(there, len, identifier, identifier_len) == 0)
            return i;
    }
    return POLICY_INDEX_NONE;
}

/* Where the candidate belongs among the sets of plan->old. */
static unsigned find_place(const struct zone_group_plan *plan, const struct policy_set *candidate)
{
    const struct policy_group *old = plan->old;
    unsigned at = 0;

    for (; old && at < old->count; at++) {
        int order = policy_set_compare((enum policy_kind)old->kind, &old->sets[at], candidate);
        if (order == 0) { /* equal hashes */
            size_t len;
            const char *there = zone_group_identifier(old, at, &len);
            order = identifier_compare(there, len, plan->set->set_identifier,
                                       plan->set->set_identifier_len);
        }
        if (order >= 0)
            break;
    }
    return at;
}

/* Fill in plan->size. ERR_LIMIT. */
static int measure(struct zone_group_plan *plan)
{
    size_t size = sizeof(struct policy_group) + fallback_size(plan);
    unsigned count = 0;

    for (unsigned i = 0; plan->old && i < plan->old->count; i++) {
        if (i == plan->skip)
            continue;
        size += sizeof(struct policy_set) + payload_size(&plan->old->sets[i]);
        count++;
    }
    if (plan->set) {
        if (zone__wire_len(plan->set) > ZONE_WIRE_LEN_MAX)
            return ERR_LIMIT;
        size += sizeof(struct policy_set) + body_size(plan->set) +
                zone__round_even(plan->set->set_identifier_len);
        count++;
    }
    plan->size = count > 0 ? size : 0;
    return count > POLICY_SETS_MAX || size > ZONE_GROUP_SIZE_MAX ? ERR_LIMIT : 0;
}

/* What a group can hold at all; the rules say more. */
static bool is_fit(const struct zone_record_set *set)
{
    const struct zone_routing *routing = set->routing;

    if (!zone__type_may_be_routed(set->type))
        return false;
    if (set->set_identifier_len > ZONE_SET_IDENTIFIER_MAX ||
        (routing->kind == POLICY_SIMPLE) != (set->set_identifier_len == 0))
        return false;
    if ((routing->all_down == POLICY_ALL_DOWN_FALLBACK) != (routing->fallback != NULL))
        return false;
    return routing->is_alias ? routing->alias_target && set->rdata_count == 0
                             : set->rdata_count > 0;
}

int zone__group_plan_put(const struct policy_group *old, const struct zone_record_set *set,
                         struct zone_group_plan *out)
{
    const enum policy_kind kind = set->routing->kind;
    struct zone_group_plan plan = {.set = set, .skip = POLICY_INDEX_NONE};
    struct policy_set candidate;

    if (!is_fit(set) || candidate_of(set, &candidate) != 0)
        return ERR_INVALID;
    if (old && kind != POLICY_SIMPLE && old->kind == kind) {
        plan.old = old;
        plan.skip = find_identifier(old, set->set_identifier, set->set_identifier_len);
    }
    plan.at = find_place(&plan, &candidate);
    int err = measure(&plan);
    if (err == 0)
        *out = plan;
    return err;
}

int zone__group_plan_remove(const struct policy_group *old, const char *identifier,
                            size_t identifier_len, struct zone_group_plan *out)
{
    struct zone_group_plan plan = {
        .old = old,
        .skip = find_identifier(old, identifier, identifier_len),
        .at = POLICY_INDEX_NONE,
    };

    if (plan.skip == POLICY_INDEX_NONE)
        return ERR_NOT_FOUND;
    ASSERT(measure(&plan) == 0);
    *out = plan;
    return 0;
}

/* ---- building ---- */

struct builder {
    struct policy_group *group;
    uint32_t size; /* octets written */
};

/* Room for @len octets, padded with 0 to an even number; *@at tells where. */
static uint8_t *take(struct builder *builder, size_t len, uint32_t *at)
{
    uint8_t *octets = (uint8_t *)builder->group + builder->size;

    *at = builder->size;
    builder->size += (uint32_t)zone__round_even(len);
    if (len & 1)
        octets[len] = 0;
    return octets;
}

static struct policy_set *add(struct builder *builder, const struct policy_set *candidate)
{
    struct policy_group *group = builder->group;
    struct policy_set *set = &group->sets[group->count++];

    *set = *candidate;
    if (group->kind == POLICY_WEIGHTED)
        group->weight_sum += set->key;
    return set;
}

static void add_old(struct builder *builder, const struct policy_group *old, unsigned index)
{
    struct policy_set *set = add(builder, &old->sets[index]);
    const size_t body_len = set->id_at - set->body_at;
    const size_t len = payload_size(set);
    const void *octets = at_offset(old, set->body_at);
    uint32_t at;

    memcpy(take(builder, len, &at), octets, len);
    set->body_at = at;
    set->id_at = at + (uint32_t)body_len;
}

static void add_new(struct builder *builder, const struct zone_record_set *record_set)
{
    struct policy_set candidate;
    uint32_t at;

    ASSERT(candidate_of(record_set, &candidate) == 0);
    struct policy_set *set = add(builder, &candidate);
    if (record_set->routing->is_alias) {
        const uint8_t *target = record_set->routing->alias_target;
        const size_t len = dns_name_len(target);
        memcpy(take(builder, len, &at), target, len);
    } else {
        const size_t len = zone__wire_len(record_set);
        uint8_t *octets = take(builder, sizeof(struct zone_wire_set) + len, &at);
        zone__wire_render(record_set, len, (struct zone_wire_set *)octets);
    }
    set->body_at = at;
    uint8_t *identifier = take(builder, set->id_len, &at);
    if (set->id_len > 0)
        memcpy(identifier, record_set->set_identifier, set->id_len);
    set->id_at = at;
}

/* What is said of the group as a whole; counts and places come later. */
static void init_header(const struct zone_group_plan *plan, uint16_t type, struct policy_group *out)
{
    if (plan->set) {
        const struct zone_routing *routing = plan->set->routing;
        *out = (struct policy_group){
            .kind = (uint8_t)routing->kind,
            .is_sticky = routing->is_sticky,
            .answers_max = routing->answers_max,
            .all_down = (uint8_t)routing->all_down,
            .cidr_slot = routing->cidr_slot,
        };
    } else {
        memcpy(out, plan->old, sizeof(*out));
        out->count = 0;
        out->weight_sum = out->fallback_at = 0;
    }
    out->type = type;
    out->size = (uint32_t)plan->size;
}

void zone__group_build(const struct zone_group_plan *plan, uint16_t type, struct zone_wire_set *out)
{
    const unsigned old_count = plan->old ? plan->old->count : 0;
    const unsigned count = old_count - (plan->skip != POLICY_INDEX_NONE) + (plan->set != NULL);
    struct builder builder = {
        .group = (struct policy_group *)(void *)out->wire,
        .size = (uint32_t)(sizeof(struct policy_group) + count * sizeof(struct policy_set)),
    };

    *out = (struct zone_wire_set){.type = type};
    init_header(plan, type, builder.group);
    for (unsigned i = 0; i <= old_count; i++) {
        if (plan->set && i == plan->at)
            add_new(&builder, plan->set);
        if (i < old_count && i != plan->skip)
            add_old(&builder, plan->old, i);
    }
    const uint8_t *fallback =
        plan->set ? plan->set->routing->fallback : zone_group_fallback(plan->old);
    if (fallback) {
        const size_t len = dns_name_len(fallback);
        uint32_t at;
        memcpy(take(&builder, len, &at), fallback, len);
        builder.group->fallback_at = at;
    }
    ASSERT(builder.group->count == count && builder.size == plan->size);
}
