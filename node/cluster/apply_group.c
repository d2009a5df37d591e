/* node/cluster/apply_group.c: the record sets of one name and type together, once all changes of a
 * command are made. Only where there is routing: a plain set that replaces a plain one has no
 * others beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/apply_internal.h"
#include "dns/name.h"

/* As zone_rules_check_group() counts, which is shown no records. */
#define SET_OVERHEAD 64u
#define RECORD_OVERHEAD 10u /* 12, of which stored records have 2 for their length */
/* Octets of stored sets that one entry may read and write again: a bound for the scratch memory and
 * the overlay. An entry that breaks it would stop every node, each time it starts. */
#define REWRITTEN_LEN_MAX (32u << 20)
#define REWRITTEN_OVERHEAD 2048u

bool apply__is_deferred(const struct state_action *action)
{
    return (action->before && action->before->routing) || (action->after && action->after->routing);
}

/* A change that can matter to a group, in its place among the actions. */
struct touch {
    const struct state_record_set *set;
    size_t at;
};

static int compare_keys(const struct state_record_set *a, const struct state_record_set *b)
{
    unsigned a_len = dns_name_len(a->name), b_len = dns_name_len(b->name);

    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    int order = memcmp(a->name, b->name, a_len);
    return order != 0 ? order : (a->type > b->type) - (a->type < b->type);
}

static int compare_identifiers(const struct state_record_set *a, const struct state_record_set *b)
{
    size_t least = a->set_identifier_len < b->set_identifier_len ? a->set_identifier_len
                                                                 : b->set_identifier_len;
    int order = least > 0 ? memcmp(a->set_identifier, b->set_identifier, least) : 0;

    return order != 0 ? order
                      : (a->set_identifier_len > b->set_identifier_len) -
                            (a->set_identifier_len < b->set_identifier_len);
}

static int compare_touches(const void *a, const void *b)
{
    const struct touch *x = a, *y = b;
    int order = compare_keys(x->set, y->set);

    if (order == 0)
        order = compare_identifiers(x->set, y->set);
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

/* Does it stand alone for sure? A set that was there and is plain, and what it replaced too. */
static bool is_alone(const struct apply *apply, const struct state_action *action)
{
    if (apply__is_deferred(action))
        return false;
    return action->before || !apply->may_have_routed;
}

/* The changes that matter, those of one key beside each other, in scratch memory. */
static int collect(struct apply *apply, const struct apply__actions *actions, struct touch **out,
                   size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < actions->count; i++)
        *count += !is_alone(apply, &actions->list[i]);
    if (*count == 0)
        return 0;
    struct touch *touches = arena_alloc(apply->scratch, *count * sizeof(*touches));
    if (!touches)
        return ERR_NOMEM;
    *out = touches;
    for (size_t i = 0; i < actions->count; i++) {
        const struct state_action *action = &actions->list[i];
        if (!is_alone(apply, action))
            *touches++ = (struct touch){action->after ? action->after : action->before, i};
    }
    qsort(*out, *count, sizeof(**out), compare_touches);
    return 0;
}

/* The sets of one name and type as they are now, without their records; in group memory. */
struct group {
    struct apply *apply;
    struct zone_record_set *sets[POLICY_SETS_MAX];
    size_t count;
    size_t len;
};

static int add_member(void *user, const struct state_record_set *set)
{
    struct group *group = user;
    struct arena *arena = group->apply->group;
    struct zone_record_set *member = arena_alloc(arena, sizeof(*member));

    if (group->count == POLICY_SETS_MAX)
        return ERR_LIMIT;
    uint8_t *name = arena_copy(arena, set->name, dns_name_len(set->name));
    uint8_t *octets = arena_copy(arena, set->routing, set->routing_len);
    char *identifier = arena_copy(arena, set->set_identifier, set->set_identifier_len);
    struct zone_routing *routing = arena_alloc(arena, sizeof(*routing));
    if (!member || !name || !octets || !identifier || !routing)
        return ERR_NOMEM;
    *member = (struct zone_record_set){.name = name,
                                       .type = set->type,
                                       .ttl_s = set->ttl_s,
                                       .set_identifier = identifier,
                                       .set_identifier_len = (uint8_t)set->set_identifier_len};
    if (set->routing) {
        int rc = state_routing_decode(kv_slice(octets, set->routing_len), routing);
        if (rc != 0)
            return rc;
        member->routing = routing;
        if (routing->is_alias)
            group->len += dns_name_len(routing->alias_target);
    }
    group->len += SET_OVERHEAD + set->set_identifier_len + set->rdata_len +
                  (size_t)set->rdata_count * RECORD_OVERHEAD;
    group->sets[group->count++] = member;
    return 0;
}

static int read_group(struct apply *apply, const struct state_zone *zone,
                      const struct state_record_set *of, struct group *out)
{
    char name[DNS_NAME_TEXT_SIZE], type[APPLY__TYPE_TEXT_SIZE];

    arena_reset(apply->group);
    *out = (struct group){.apply = apply};
    int rc = state_list_group(apply__kv(apply), zone->content, of->name, of->type, add_member, out);
    if (rc == 0 && (out->count < 2 || out->len <= ZONE_GROUP_OCTETS_MAX))
        return 0;
    if (rc != 0 && rc != ERR_LIMIT)
        return rc;
    dns_name_format_octal(of->name, name);
    apply__type_text(of->type, type);
    return apply__refuse(apply, ERR_LIMIT,
                         "the record sets of %.100s type %s would be more than %u, or together "
                         "longer than %u octets",
                         name, type, POLICY_SETS_MAX, ZONE_GROUP_OCTETS_MAX);
}

static struct zone_record_set *find_member(const struct group *group,
                                           const struct state_record_set *set)
{
    for (size_t i = 0; i < group->count; i++) {
        struct zone_record_set *member = group->sets[i];
        if (member->set_identifier_len == set->set_identifier_len &&
            memcmp(member->set_identifier, set->set_identifier ? set->set_identifier : "",
                   set->set_identifier_len) == 0)
            return member;
    }
    return NULL;
}

static bool has_shared_ttl(const struct zone_record_set *member)
{
    return member->routing && member->routing->kind == POLICY_WEIGHTED &&
           !member->routing->is_alias;
}

/* A run of touches: those of one name and type. */
struct run {
    const struct touch *touches;
    size_t count;
};

/* The member that was written last decides the TTL of a weighted group (route53.md 4.4). */
static const struct zone_record_set *find_decider(const struct apply__actions *actions,
                                                  const struct run *run, const struct group *group)
{
    const struct zone_record_set *decider = NULL;
    size_t at = 0;

    for (size_t i = 0; i < run->count; i++) {
        const struct touch *touch = &run->touches[i];
        if (!actions->list[touch->at].after || (decider && touch->at < at))
            continue;
        const struct zone_record_set *member = find_member(group, touch->set);
        if (member && has_shared_ttl(member)) {
            decider = member;
            at = touch->at;
        }
    }
    return decider;
}

static int add_action(struct apply *apply, struct apply__actions *actions,
                      struct state_action action)
{
    if (actions->count == actions->capacity) {
        size_t capacity = actions->capacity * 2 + 16;
        struct state_action *longer = arena_alloc(apply->scratch, capacity * sizeof(*longer));
        if (!longer)
            return ERR_NOMEM;
        memcpy(longer, actions->list, actions->count * sizeof(*longer));
        actions->list = longer;
        actions->capacity = capacity;
    }
    actions->list[actions->count++] = action;
    return 0;
}

int apply__charge(struct apply *apply, const struct state_record_set *before)
{
    apply->rewritten_len += state_set_value_len(before) + REWRITTEN_OVERHEAD;
    if (apply->rewritten_len <= REWRITTEN_LEN_MAX)
        return 0;
    return apply__refuse(apply, ERR_BUSY,
                         "too many long record sets are changed at once: try again, with fewer "
                         "changes in a batch");
}

/* Give the stored set @which (in scratch memory) another TTL: in state, journal and image. */
static int rewrite_ttl(struct apply *apply, const struct state_zone *zone,
                       const struct state_record_set *which, uint32_t ttl_s,
                       struct apply__actions *actions)
{
    const struct state_record_set *before;
    struct state_record_set *after = arena_alloc(apply->scratch, sizeof(*after));
    int rc = after ? apply__read_set(apply, zone->content, which, &before) : ERR_NOMEM;

    if (rc != 0)
        return rc;
    ASSERT(before);
    apply->rewritten_len += 3 * state_set_value_len(before) + REWRITTEN_OVERHEAD;
    if (apply->rewritten_len > REWRITTEN_LEN_MAX)
        return apply__refuse(apply, ERR_BUSY,
                             "too many weighted record sets get another TTL at once: try again, "
                             "with fewer changes in a batch");
    *after = *before;
    after->ttl_s = ttl_s;
    rc = state_put_record_set(apply->overlay, zone->content, before, after);
    if (rc == 0)
        rc = add_action(apply, actions, (struct state_action){before, after});
    return rc != 0 ? rc : apply__tell_set(apply, APPLY_RECORD_SET_PUT, zone, after);
}

static int share_ttl(struct apply *apply, const struct state_zone *zone, const struct run *run,
                     struct group *group, struct apply__actions *actions)
{
    const struct zone_record_set *decider = find_decider(actions, run, group);

    for (size_t i = 0; decider && i < group->count; i++) {
        struct zone_record_set *member = group->sets[i];
        if (!has_shared_ttl(member) || member->ttl_s == decider->ttl_s)
            continue;
        struct state_record_set which = {.name = run->touches[0].set->name,
                                         .type = member->type,
                                         .set_identifier_len = member->set_identifier_len};
        which.set_identifier =
            arena_copy(apply->scratch, member->set_identifier, member->set_identifier_len);
        if (!which.set_identifier)
            return ERR_NOMEM;
        int rc = rewrite_ttl(apply, zone, &which, decider->ttl_s, actions);
        if (rc != 0)
            return rc;
        member->ttl_s = decider->ttl_s;
    }
    return 0;
}

/* Is this the last change of its key? */
static bool is_last(const struct run *run, size_t i)
{
    return i + 1 == run->count ||
           compare_identifiers(run->touches[i].set, run->touches[i + 1].set) != 0;
}

/* What the image was not told yet: removals first, as a set of another policy would take the place
 * of all that is there (zone/image.h). */
static int tell_deferred(struct apply *apply, const struct state_zone *zone, const struct run *run,
                         const struct state_action *actions)
{
    int rc = 0;

    for (unsigned pass = 0; pass < 2; pass++) {
        bool is_deferred = false;
        for (size_t i = 0; i < run->count && rc == 0; i++) {
            const struct state_action *action = &actions[run->touches[i].at];
            is_deferred = is_deferred || apply__is_deferred(action);
            if (!is_last(run, i))
                continue;
            if (is_deferred && pass == 0 && !action->after)
                rc = apply__tell_set(apply, APPLY_RECORD_SET_REMOVED, zone, action->before);
            if (is_deferred && pass == 1 && action->after)
                rc = apply__tell_set(apply, APPLY_RECORD_SET_PUT, zone, action->after);
            is_deferred = false;
        }
    }
    return rc;
}

/* As Route 53 calls them where policies do not go together. */
static const char *kind_text(const struct zone_record_set *set)
{
    static const char *const texts[POLICY_KIND_COUNT] = {
        [POLICY_SIMPLE] = "simple",
        [POLICY_WEIGHTED] = "weighted",
        [POLICY_LATENCY] = "latency",
        [POLICY_GEOLOCATION] = "geolocation",
        [POLICY_GEOPROXIMITY] = "geoproximity",
        [POLICY_FAILOVER] = "failover",
        [POLICY_MULTIVALUE] = "multivalue answer",
        [POLICY_IP_BASED] = "IP-based",
    };

    return texts[set->routing ? set->routing->kind : POLICY_SIMPLE];
}

/* The first member that the command wrote whose policy is not that of every other. */
static const struct zone_record_set *find_stranger(const struct run *run, const struct group *group,
                                                   const struct state_action *actions)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct touch *touch = &run->touches[i];
        const struct zone_record_set *member =
            actions[touch->at].after ? find_member(group, touch->set) : NULL;
        for (size_t j = 0; member && j < group->count; j++) {
            if (kind_text(group->sets[j]) != kind_text(member))
                return member;
        }
    }
    return NULL;
}

/* A rule about the group is broken: what Route 53 says of policies that do not go together. */
static int refuse_group(struct apply *apply, const struct run *run, const struct group *group,
                        const struct state_action *actions, int code, const char *problem)
{
    const struct zone_record_set *stranger = find_stranger(run, group, actions);
    char name[DNS_NAME_TEXT_SIZE], type[APPLY__TYPE_TEXT_SIZE];
    char identifier[STATE_SET_IDENTIFIER_MAX + 32] = "";

    if (!stranger)
        return apply__refuse(apply, code, "%s", problem);
    dns_name_format_octal(stranger->name, name);
    apply__type_text(stranger->type, type);
    if (stranger->set_identifier_len > 0)
        snprintf(identifier, sizeof(identifier), ", SetIdentifier \"%.*s\"",
                 (int)stranger->set_identifier_len, stranger->set_identifier);
    return apply__refuse(apply, code,
                         "RRSet with DNS name %s, type %s%s cannot be created because a non %s "
                         "rrset exists with the same name and type.",
                         name, type, identifier, kind_text(stranger));
}

static int finish_group(struct apply *apply, const struct state_zone *zone, const struct run *run,
                        struct apply__actions *actions)
{
    struct group group;
    struct zone_problem problem;
    int rc = read_group(apply, zone, run->touches[0].set, &group);

    if (rc == 0)
        rc = tell_deferred(apply, zone, run, actions->list);
    if (rc == 0)
        rc = share_ttl(apply, zone, run, &group, actions);
    if (rc != 0 || group.count == 0)
        return rc;
    rc = zone_rules_check_group((const struct zone_record_set *const *)group.sets, group.count,
                                &problem);
    return rc != 0 ? refuse_group(apply, run, &group, actions->list, rc, problem.text) : 0;
}

/* The aliases among what was written and is still there. */
static int check_aliases(struct apply *apply, const struct state_zone *zone, const struct run *all,
                         const struct state_action *actions, bool by_route53)
{
    const struct state_record_set **aliases =
        arena_alloc(apply->scratch, all->count * sizeof(*aliases));
    size_t count = 0;

    if (!aliases)
        return ERR_NOMEM;
    for (size_t i = 0; i < all->count; i++) {
        const struct state_record_set *set = actions[all->touches[i].at].after;
        struct zone_routing routing;
        bool is_final = i + 1 == all->count ||
                        compare_keys(all->touches[i].set, all->touches[i + 1].set) != 0 ||
                        is_last(all, i);
        if (!set || !set->routing || !is_final)
            continue;
        int rc = state_routing_decode(kv_slice(set->routing, set->routing_len), &routing);
        if (rc != 0)
            return rc;
        if (routing.is_alias || routing.fallback)
            aliases[count++] = set;
    }
    return count > 0 ? apply__check_aliases(apply, zone, aliases, count, by_route53) : 0;
}

int apply__finish_groups(struct apply *apply, const struct state_zone *zone,
                         struct apply__actions *actions, bool by_route53)
{
    struct run all = {.count = 0};
    struct touch *touches = NULL;
    int rc = 0;

    for (size_t i = 0; i < actions->count; i++) {
        if (apply__is_deferred(&actions->list[i]))
            apply->may_have_routed = true;
    }
    rc = collect(apply, actions, &touches, &all.count);
    all.touches = touches;
    for (size_t i = 0; i < all.count && rc == 0;) {
        struct run run = {.touches = touches + i, .count = 1};
        while (i + run.count < all.count &&
               compare_keys(touches[i].set, touches[i + run.count].set) == 0)
            run.count++;
        rc = apply__collect(apply, finish_group(apply, zone, &run, actions));
        i += run.count;
    }
    return rc == 0 && all.count > 0 ? check_aliases(apply, zone, &all, actions->list, by_route53)
                                    : rc;
}
