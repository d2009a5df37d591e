/* The evaluation of route_reference.h. */
#include "lib/route_reference.h"

#include "base/assert.h"
#include "dns/type.h"

#include <string.h>

/* ---- names ---- */

static bool is_at_or_below(const char *name, const char *top)
{
    const size_t len = strlen(name), top_len = strlen(top);
    if (len < top_len || strcmp(name + len - top_len, top) != 0)
        return false;
    return len == top_len || name[len - top_len - 1] == '.';
}

static const struct reference_zone *find_zone(const struct reference_world *world, const char *name)
{
    const struct reference_zone *longest = NULL;
    for (size_t i = 0; i < world->zone_count; i++) {
        const struct reference_zone *zone = &world->zones[i];
        if (is_at_or_below(name, zone->apex) &&
            (longest == NULL || strlen(zone->apex) > strlen(longest->apex)))
            longest = zone;
    }
    return longest;
}

static bool is_delegated(const struct reference_zone *zone, const char *name)
{
    for (size_t i = 0; i < zone->delegation_count; i++)
        if (is_at_or_below(name, zone->delegations[i]))
            return true;
    return false;
}

static const struct reference_group *find_exactly(const struct reference_group *groups,
                                                  size_t count, const char *name, uint16_t type)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(groups[i].name, name) == 0 && groups[i].type == type)
            return &groups[i];
    return NULL;
}

/* Also of a name that has nothing itself, but something below. */
static bool has_name(const struct reference_zone *zone, const char *name)
{
    for (size_t i = 0; i < zone->group_count; i++)
        if (is_at_or_below(zone->groups[i].name, name))
            return true;
    for (size_t i = 0; i < zone->delegation_count; i++)
        if (is_at_or_below(zone->delegations[i], name))
            return true;
    return strcmp(zone->apex, name) == 0;
}

const struct reference_group *reference_find(const struct reference_world *world, const char *name,
                                             uint16_t type)
{
    const struct reference_zone *zone = find_zone(world, name);
    char wildcard[512] = "*.";
    if (zone == NULL || is_delegated(zone, name))
        return find_exactly(world->externals, world->external_count, name, type);
    if (has_name(zone, name))
        return find_exactly(zone->groups, zone->group_count, name, type);
    const char *encloser = name;
    while (!has_name(zone, encloser))
        encloser = strchr(encloser, '.') + 1;
    ASSERT(strlen(encloser) + 3 < sizeof wildcard);
    strncat(wildcard, encloser, sizeof wildcard - 3);
    return find_exactly(zone->groups, zone->group_count, wildcard, type);
}

/* ---- evaluation ---- */

struct walk {
    const struct reference_world *world;
    const struct reference_client *client;
    uint64_t draw;
    const struct reference_group *path[REFERENCE_DEPTH_MAX];
    unsigned depth;
    bool is_cut;
    struct reference_answer *answer;
};

enum found { FOUND, NOTHING, EMPTY };

static bool is_slot_healthy(const struct walk *walk, unsigned slot)
{
    return slot == 0 || slot >= walk->world->slot_count || walk->world->slots[slot].is_healthy;
}

static bool is_healthy(const struct walk *walk, const struct reference_group *group,
                       const struct reference_set *set)
{
    const unsigned override = set->override_slot;
    const bool is_known = override != 0 && override < walk->world->slot_count;
    if (group->kind == POLICY_SIMPLE)
        return true;
    if (is_known && walk->world->slots[override].is_forced_up)
        return true;
    return is_slot_healthy(walk, override) && is_slot_healthy(walk, set->check_slot);
}

static uint64_t draw_of(const struct walk *walk)
{
    uint64_t x = walk->draw + (walk->answer->group_count + 1) * UINT64_C(0xd1342543de82ef95);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static bool enter(struct walk *walk, const struct reference_group *group)
{
    bool is_possible =
        walk->depth < REFERENCE_DEPTH_MAX && walk->answer->group_count < REFERENCE_GROUPS_MAX;
    for (unsigned i = 0; i < walk->depth; i++)
        is_possible = is_possible && walk->path[i] != group;
    if (!is_possible) {
        walk->is_cut = true;
        return false;
    }
    walk->path[walk->depth++] = group;
    walk->answer->group_count++;
    return true;
}

static bool spend_candidate(struct walk *walk)
{
    if (walk->answer->candidate_count == REFERENCE_CANDIDATES_MAX) {
        walk->is_cut = true;
        return false;
    }
    walk->answer->candidate_count++;
    return true;
}

static enum found resolve_name(struct walk *walk, const char *name, uint16_t type, bool assume,
                               bool is_strict);

static enum found take(struct walk *walk, const struct reference_set *set)
{
    if (walk->answer->count < POLICY_ANSWERS_MAX)
        walk->answer->sets[walk->answer->count++] = set;
    return FOUND;
}

static enum found try_candidate(struct walk *walk, const struct reference_group *group,
                                const struct reference_set *set, bool assume)
{
    if (!assume && !is_healthy(walk, group, set))
        return NOTHING;
    if (set->target == NULL)
        return take(walk, set);
    if (set->evaluates_target)
        return resolve_name(walk, set->target, group->type, assume, true);
    const enum found found = resolve_name(walk, set->target, group->type, assume, false);
    return found == FOUND ? FOUND : EMPTY;
}

static unsigned wanted_of(const struct reference_group *group)
{
    if (group->type == DNS_TYPE_CNAME)
        return 1;
    if (group->answers_max != 0)
        return group->answers_max;
    return group->kind == POLICY_MULTIVALUE ? 8 : 1;
}

static enum found try_candidates(struct walk *walk, const struct reference_group *group,
                                 uint64_t draw, bool assume)
{
    unsigned order[POLICY_SETS_MAX], taken = 0, empty = 0;
    const unsigned count = reference_rank(walk->world, group, walk->client, draw, order);
    for (unsigned i = 0; i < count; i++) {
        if (taken + empty == wanted_of(group) || walk->answer->count == POLICY_ANSWERS_MAX)
            break;
        if (!spend_candidate(walk))
            break;
        const enum found found = try_candidate(walk, group, &group->sets[order[i]], assume);
        taken += found == FOUND;
        empty += found == EMPTY;
    }
    if (taken > 0)
        return FOUND;
    return empty > 0 ? EMPTY : NOTHING;
}

/* ---- last good ---- */

static uint64_t slot_down_since(const struct walk *walk, unsigned slot)
{
    return is_slot_healthy(walk, slot) ? 0 : walk->world->slots[slot].since;
}

/* Of records: the later of check and override. Of an alias: the latest below it. */
static uint64_t down_since(struct walk *walk, uint16_t type, const struct reference_set *set)
{
    const uint64_t check = slot_down_since(walk, set->check_slot),
                   override = slot_down_since(walk, set->override_slot);
    uint64_t latest = 0;
    unsigned sorted[POLICY_SETS_MAX];
    if (set->target == NULL)
        return check > override ? check : override;
    const struct reference_group *group = reference_find(walk->world, set->target, type);
    if (group == NULL || group->is_plain || !enter(walk, group))
        return 0;
    reference_sort(group, sorted);
    for (unsigned i = 0; i < group->count && spend_candidate(walk); i++) {
        const uint64_t since = down_since(walk, type, &group->sets[sorted[i]]);
        latest = since > latest ? since : latest;
    }
    walk->depth--;
    return latest;
}

static enum found resolve_last_good(struct walk *walk, const struct reference_group *group,
                                    uint64_t draw)
{
    unsigned order[POLICY_SETS_MAX];
    const unsigned count = reference_rank(walk->world, group, walk->client, draw, order);
    const struct reference_set *best = NULL;
    uint64_t best_since = 0;
    for (unsigned i = 0; i < count && spend_candidate(walk); i++) {
        const uint64_t since = down_since(walk, group->type, &group->sets[order[i]]);
        if (best == NULL || since > best_since) {
            best = &group->sets[order[i]];
            best_since = since;
        }
    }
    return best != NULL ? try_candidate(walk, group, best, true) : NOTHING;
}

static enum found resolve_all_down(struct walk *walk, const struct reference_group *group,
                                   uint64_t draw, bool assume)
{
    switch (group->all_down) {
    case POLICY_ALL_DOWN_OPEN: return assume ? NOTHING : try_candidates(walk, group, draw, true);
    case POLICY_ALL_DOWN_CLOSED: return NOTHING;
    case POLICY_ALL_DOWN_LAST_GOOD: return resolve_last_good(walk, group, draw);
    default: return resolve_name(walk, group->fallback, group->type, assume, false);
    }
}

static enum found resolve_group(struct walk *walk, const struct reference_group *group, bool assume,
                                bool is_strict)
{
    if (group->is_plain)
        return take(walk, &group->sets[0]);
    if (!enter(walk, group))
        return NOTHING;
    const uint64_t draw = draw_of(walk);
    enum found found = try_candidates(walk, group, draw, assume);
    if (found == NOTHING && !is_strict)
        found = resolve_all_down(walk, group, draw, assume);
    walk->depth--;
    return found;
}

static enum found resolve_name(struct walk *walk, const char *name, uint16_t type, bool assume,
                               bool is_strict)
{
    const struct reference_group *group = reference_find(walk->world, name, type);
    return group != NULL ? resolve_group(walk, group, assume, is_strict) : NOTHING;
}

void reference_resolve(const struct reference_world *world, const struct reference_group *group,
                       const struct reference_client *client, uint64_t draw,
                       struct reference_answer *out)
{
    struct walk walk = {.world = world, .client = client, .draw = draw, .answer = out};
    memset(out, 0, sizeof *out);
    if (resolve_group(&walk, group, false, false) == FOUND)
        out->outcome = REFERENCE_FOUND;
    else
        out->outcome = walk.is_cut ? REFERENCE_LOOP : REFERENCE_NODATA;
}
