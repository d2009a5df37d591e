/* node/query_route.c: from a group of record sets to those that one client gets, through trees of
 * aliases. Candidates come in the order of the group's policy (policy/policy.h) until as many as
 * are wanted have been found:
 *
 *   candidate                               healthy       gives
 *   record set                              itself        its records
 *   alias that evaluates its target         itself        what is found at the target; nothing:
 *                                                         passed over, like one that is unhealthy
 *   alias that doesn't                      itself        what is found at the target; nothing: it
 *                                                         counts as found, without an answer
 * "Itself": by its check and its override; a simple set always.
 *
 * When none gives anything, a group below an alias that evaluates (strict) is unhealthy. Any other
 * one (the question's own, or the target of an alias that does not evaluate) does as it is told:
 *
 *   open       once more, as if all were healthy, here and below
 *   closed     nothing
 *   last good  the one that went unhealthy last, as if it were healthy
 *   fallback   what another name has
 *
 * Recursion is bounded: DEPTH_MAX groups deep, GROUPS_MAX groups and CANDIDATES_MAX candidates a
 * question. */
#include "query_internal.h"

#include "policy/health.h"
#include "zone/group.h"
#include "zone/image.h"

enum { DEPTH_MAX = 16, GROUPS_MAX = 64, CANDIDATES_MAX = 4096 };

enum result { /* of a candidate, a group or a name; from RESULT_UNHEALTHY on: nothing */
              RESULT_FOUND,
              RESULT_EMPTY,     /* nothing, and that is the answer */
              RESULT_UNHEALTHY, /* nothing that is healthy */
              RESULT_MISSING,   /* no such name or type */
              RESULT_LOOP,      /* the way there goes in a circle or too far */
};

struct mode {
    bool is_strict;  /* below an alias that evaluates its target */
    bool is_assumed; /* as if all were healthy */
};

struct route {
    struct exchange *x;
    struct query_found *found;
    uint16_t type;
    bool is_cut;    /* a branch gave nothing because of a limit */
    bool is_down;   /* of a group that stands for itself nothing was healthy */
    unsigned depth; /* groups on the path, from the question's own down */
    struct {
        const struct policy_group *group;
        const struct zone_view *view; /* that its aliases look into */
    } path[DEPTH_MAX];
};

static bool is_nothing(enum result result)
{
    return result >= RESULT_UNHEALTHY;
}

/* ---- health ---- */

static uint8_t octet_of(const struct exchange *x, uint32_t slot)
{
    const struct query_recorder *recorder = x->recorder;
    if (slot == POLICY_SLOT_NONE)
        return POLICY_HEALTHY_BIT | POLICY_HEALTH_NONE;
    for (unsigned i = 0; recorder != NULL && i < recorder->assumption_count; i++)
        if (recorder->assumptions[i].slot == slot)
            return recorder->assumptions[i].is_healthy
                       ? POLICY_HEALTHY_BIT | POLICY_HEALTH_ASSUMED_UP
                       : POLICY_HEALTH_ASSUMED_DOWN;
    return policy_health_get(zone_image_health(x->env->image), slot);
}

struct own_health { /* of a candidate by itself */
    uint8_t check, override;
    bool is_healthy;
};

static struct own_health own_health_of(const struct exchange *x, const struct policy_group *group,
                                       const struct policy_set *set)
{
    struct own_health own = {.check = octet_of(x, set->check_slot),
                             .override = octet_of(x, set->override_slot)};
    const bool is_forced_up = own.override == (POLICY_HEALTHY_BIT | POLICY_HEALTH_FORCED_UP);
    own.is_healthy =
        group->kind == POLICY_SIMPLE ||
        (policy_is_healthy(own.override) && (is_forced_up || policy_is_healthy(own.check)));
    return own;
}

static bool can_enter(const struct route *route, const struct policy_group *group)
{
    for (unsigned i = 0; i < route->depth; i++)
        if (route->path[i].group == group)
            return false;
    return route->depth < DEPTH_MAX && route->x->group_count < GROUPS_MAX;
}

/* ---- telling ---- */

static void tell_group(const struct route *route, const struct policy_group *group,
                       const struct policy_client *client, bool is_assumed)
{
    if (query__is_watched(route->x))
        query__tell(route->x, &(struct query_event){.kind = QUERY_EVENT_GROUP,
                                                    .depth = route->depth - 1,
                                                    .view = route->depth > 1
                                                                ? route->path[route->depth - 2].view
                                                                : route->x->view,
                                                    .group = group,
                                                    .client = client,
                                                    .is_all_assumed = is_assumed});
}

static void tell_all_down(const struct route *route, const struct policy_group *group)
{
    if (query__is_watched(route->x))
        query__tell(route->x, &(struct query_event){.kind = QUERY_EVENT_ALL_DOWN,
                                                    .depth = route->depth - 1,
                                                    .group = group});
}

/* @index leads to @name; POLICY_INDEX_NONE: the group's fallback does. */
static void tell_alias(const struct route *route, unsigned index, const uint8_t *name,
                       const struct zone_target *target)
{
    const struct zone_wire_set *set = target->set;
    const bool is_group = set != NULL && zone_set_is_group(set);
    query__tell(route->x, &(struct query_event){.kind = QUERY_EVENT_ALIAS,
                                                .depth = route->depth - 1,
                                                .index = index,
                                                .name = name,
                                                .is_external = target->is_external,
                                                .is_missing = set == NULL,
                                                .is_loop = is_group &&
                                                           !can_enter(route, zone_set_group(set))});
}

static enum query_verdict verdict_of(const struct own_health *own, bool is_passed_over,
                                     enum result result)
{
    if (is_passed_over)
        return policy_is_healthy(own->override) ? QUERY_VERDICT_CHECK_UNHEALTHY
                                                : QUERY_VERDICT_OVERRIDDEN;
    switch (result) {
    case RESULT_UNHEALTHY: return QUERY_VERDICT_TARGET_UNHEALTHY;
    case RESULT_MISSING: return QUERY_VERDICT_TARGET_MISSING;
    case RESULT_LOOP: return QUERY_VERDICT_TARGET_LOOP;
    default: return QUERY_VERDICT_TAKEN;
    }
}

struct attempt { /* a candidate under way */
    const struct policy_group *group;
    const struct policy_client *client;
    unsigned index;
    struct mode mode; /* of the group */
};

static void tell_candidate(const struct route *route, const struct attempt *attempt,
                           const struct own_health *own, enum query_verdict verdict)
{
    if (query__is_watched(route->x))
        query__tell(route->x, &(struct query_event){.kind = QUERY_EVENT_CANDIDATE,
                                                    .depth = route->depth - 1,
                                                    .group = attempt->group,
                                                    .client = attempt->client,
                                                    .is_all_assumed = attempt->mode.is_assumed,
                                                    .index = attempt->index,
                                                    .verdict = verdict,
                                                    .check_octet = own->check,
                                                    .override_octet = own->override});
}

/* ---- the walk ---- */

static enum result resolve_name(struct route *route, const uint8_t *name, unsigned index,
                                struct mode mode);

/* Step into @group. False: it is on the path already, or there is a limit in the way. */
static bool enter(struct route *route, const struct policy_group *group,
                  const struct zone_view *view)
{
    if (!can_enter(route, group)) {
        route->is_cut = true;
        return false;
    }
    route->path[route->depth].group = group;
    route->path[route->depth++].view = view;
    route->x->group_count++;
    return true;
}

/* What an alias of the group that is entered last leads to. */
static void find_target(const struct route *route, const uint8_t *name, struct zone_target *out)
{
    zone_view_find_target(route->x->env->image, route->path[route->depth - 1].view, name,
                          route->type, out);
}

/* One more candidate, if the question may have one. */
static bool spend_candidate(struct route *route)
{
    if (route->x->candidate_count == CANDIDATES_MAX) {
        route->is_cut = true;
        return false;
    }
    route->x->candidate_count++;
    return true;
}

static enum result take(struct route *route, const struct zone_wire_set *set)
{
    struct query_found *found = route->found;
    if (found->count < POLICY_ANSWERS_MAX)
        found->sets[found->count++] = set;
    return RESULT_FOUND;
}

static enum result try_candidate(struct route *route, const struct attempt *attempt)
{
    const struct policy_group *group = attempt->group;
    const struct policy_set *set = &group->sets[attempt->index];
    const struct own_health own = own_health_of(route->x, group, set);
    const bool is_passed_over = !own.is_healthy && !attempt->mode.is_assumed;
    enum result result = RESULT_UNHEALTHY;
    if (!is_passed_over && (set->flags & POLICY_SET_ALIAS) == 0)
        result = take(route, zone_group_records(group, attempt->index));
    if (!is_passed_over && (set->flags & POLICY_SET_ALIAS) != 0) {
        const bool evaluates = (set->flags & POLICY_SET_EVALUATE_TARGET_HEALTH) != 0;
        const struct mode below = {.is_strict = evaluates, .is_assumed = attempt->mode.is_assumed};
        result =
            resolve_name(route, zone_group_target(group, attempt->index), attempt->index, below);
        if (!evaluates && is_nothing(result))
            result = RESULT_EMPTY;
    }
    tell_candidate(route, attempt, &own, verdict_of(&own, is_passed_over, result));
    return result;
}

/* CNAMEs stand alone (RFC 1034 3.6.2). */
static unsigned wanted_of(const struct policy_group *group)
{
    return group->type == DNS_TYPE_CNAME ? 1 : policy_answers_wanted(group);
}

static enum result try_candidates(struct route *route, const struct policy_group *group,
                                  uint64_t draw, struct mode mode)
{
    struct exchange *x = route->x;
    struct policy_ranking ranking;
    struct policy_client client;
    struct attempt attempt = {.group = group, .client = &client, .mode = mode};
    const unsigned wanted = wanted_of(group);
    const unsigned found_before = route->found->count;
    unsigned taken = 0;
    query__locate(x, group, draw, &client);
    tell_group(route, group, &client, mode.is_assumed);
    policy_rank_begin(&ranking, group, &client, draw);
    while (taken < wanted && route->found->count < POLICY_ANSWERS_MAX) {
        attempt.index = policy_rank_next(&ranking);
        if (attempt.index == POLICY_INDEX_NONE)
            break;
        if (!spend_candidate(route))
            break;
        const enum result result = try_candidate(route, &attempt);
        taken += !is_nothing(result);
    }
    if (taken == 0)
        return RESULT_UNHEALTHY;
    return route->found->count > found_before ? RESULT_FOUND : RESULT_EMPTY;
}

/* ---- nothing was found ---- */

/* The log index at which the candidate went unhealthy: the last of its octets; of an alias, the
 * last of those below it. 0: it never did. */
static uint64_t down_since(struct route *route, const struct policy_group *group, unsigned index);

static uint64_t down_since_below(struct route *route, const uint8_t *name)
{
    struct zone_target target;
    uint64_t last = 0;
    find_target(route, name, &target);
    if (target.set == NULL || !zone_set_is_group(target.set))
        return 0;
    const struct policy_group *group = zone_set_group(target.set);
    if (!enter(route, group, query__view_of(route->x, target.zone)))
        return 0;
    for (unsigned i = 0; i < group->count && spend_candidate(route); i++) {
        const uint64_t since = down_since(route, group, i);
        last = since > last ? since : last;
    }
    route->depth--;
    return last;
}

static uint64_t octet_down_since(const struct exchange *x, uint32_t slot)
{
    if (policy_is_healthy(octet_of(x, slot)))
        return 0;
    return policy_health_since(zone_image_health(x->env->image), slot);
}

static uint64_t down_since(struct route *route, const struct policy_group *group, unsigned index)
{
    const struct policy_set *set = &group->sets[index];
    if ((set->flags & POLICY_SET_ALIAS) != 0)
        return down_since_below(route, zone_group_target(group, index));
    const uint64_t check = octet_down_since(route->x, set->check_slot);
    const uint64_t override = octet_down_since(route->x, set->override_slot);
    return check > override ? check : override;
}

static enum result resolve_last_good(struct route *route, const struct policy_group *group,
                                     uint64_t draw)
{
    struct policy_ranking ranking;
    struct policy_client client;
    unsigned best = POLICY_INDEX_NONE, index;
    uint64_t best_since = 0;
    query__locate(route->x, group, draw, &client);
    policy_rank_begin(&ranking, group, &client, draw);
    while ((index = policy_rank_next(&ranking)) != POLICY_INDEX_NONE && spend_candidate(route)) {
        const uint64_t since = down_since(route, group, index);
        if (best == POLICY_INDEX_NONE || since > best_since) {
            best = index;
            best_since = since;
        }
    }
    if (best == POLICY_INDEX_NONE)
        return RESULT_UNHEALTHY;
    const struct attempt attempt = {
        .group = group, .client = &client, .index = best, .mode = {.is_assumed = true}};
    return try_candidate(route, &attempt);
}

/* What @group, which stands for itself, says then. */
static enum result resolve_all_down(struct route *route, const struct policy_group *group,
                                    uint64_t draw, struct mode mode)
{
    tell_all_down(route, group);
    route->is_down = true;
    switch (group->all_down) {
    case POLICY_ALL_DOWN_CLOSED: return RESULT_UNHEALTHY;
    case POLICY_ALL_DOWN_LAST_GOOD: return resolve_last_good(route, group, draw);
    case POLICY_ALL_DOWN_FALLBACK:
        return resolve_name(route, zone_group_fallback(group), POLICY_INDEX_NONE, mode);
    default: break;
    }
    if (mode.is_assumed)
        return RESULT_UNHEALTHY;
    mode.is_assumed = true;
    return try_candidates(route, group, draw, mode);
}

static enum result resolve_group(struct route *route, const struct policy_group *group,
                                 const struct zone_view *view, struct mode mode)
{
    if (!enter(route, group, view))
        return RESULT_LOOP;
    const uint64_t draw = query__draw(route->x, route->x->group_count);
    enum result result = try_candidates(route, group, draw, mode);
    if (is_nothing(result) && !mode.is_strict)
        result = resolve_all_down(route, group, draw, mode);
    route->depth--;
    return result;
}

static enum result resolve_name(struct route *route, const uint8_t *name, unsigned index,
                                struct mode mode)
{
    struct zone_target target;
    find_target(route, name, &target);
    if (query__is_watched(route->x))
        tell_alias(route, index, name, &target);
    if (target.set == NULL)
        return RESULT_MISSING;
    if (!zone_set_is_group(target.set))
        return take(route, target.set);
    return resolve_group(route, zone_set_group(target.set), query__view_of(route->x, target.zone),
                         mode);
}

/* ---- the room's own ---- */

enum query_route query__route(struct exchange *x, const struct policy_group *group,
                              const struct zone_view *view, struct query_found *found)
{
    struct route route; /* not cleared: the path is long */
    route.x = x;
    route.found = found;
    route.type = group->type;
    route.is_cut = route.is_down = false;
    route.depth = 0;
    found->count = 0;
    const enum result result =
        resolve_group(&route, group, view, (struct mode){.is_strict = false});
    found->is_all_down = route.is_down;
    if (result == RESULT_FOUND)
        return QUERY_ROUTE_FOUND;
    return route.is_cut ? QUERY_ROUTE_LOOP : QUERY_ROUTE_NODATA;
}
