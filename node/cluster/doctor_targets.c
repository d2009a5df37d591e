/* node/cluster/doctor_targets.c: following aliases through the state, as routing follows them
 * through the image. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cluster/doctor_internal.h"
#include "dns/name.h"
#include "dns/type.h"
#include "policy/health.h"

enum { DEPTH_MAX = 16, SETS_MAX = 4096 }; /* as routing has them */

static int note(void *user, const struct state_record_set *set)
{
    (void)set;
    *(bool *)user = true;
    return 1;
}

static int has_type(const struct kv *kv, const struct state_zone *zone, const uint8_t *name,
                    uint16_t type, bool *out)
{
    *out = false;
    return state_list_group(kv, zone->content, name, type, note, out);
}

struct existence {
    const uint8_t *name;
    bool exists;
};

static int note_within(void *user, const struct state_record_set *set)
{
    struct existence *existence = user;

    existence->exists = dns_name_is_within(set->name, existence->name);
    return 1;
}

/* Is there anything at @name or below it? */
static int exists(const struct kv *kv, const struct state_zone *zone, const uint8_t *name,
                  bool *out)
{
    const struct state_set_start start = {.name = name};
    struct existence existence = {.name = name};
    int rc = state_list_record_sets(kv, zone->content, &start, note_within, &existence);

    *out = existence.exists;
    return rc;
}

/* Is a name between @name and the apex a zone cut? */
static int is_delegated(const struct kv *kv, const struct state_zone *zone, const uint8_t *name,
                        bool *out)
{
    int rc = 0;

    *out = false;
    while (rc == 0 && !*out && !dns_name_is_equal(name, zone->name)) {
        rc = has_type(kv, zone, name, DNS_TYPE_NS, out);
        name = dns_name_skip(name, 1);
    }
    return rc;
}

/* RFC 4592 3.3.1: "*" below the closest encloser of @name, which does not exist. */
static int find_wildcard(const struct kv *kv, const uint8_t *name, uint16_t type,
                         struct doctor_target *out)
{
    static const uint8_t star[2] = {1, '*'};
    bool is_there = false;
    int rc = 0;

    while (rc == 0 && !is_there && !dns_name_is_equal(name, out->zone.name)) {
        name = dns_name_skip(name, 1);
        rc = exists(kv, &out->zone, name, &is_there);
    }
    out->kind = DOCTOR_TARGET_MISSING;
    if (rc != 0 || dns_name_join(star, sizeof(star), name, out->owner) < 0)
        return rc;
    rc = has_type(kv, &out->zone, out->owner, type, &is_there);
    if (is_there)
        out->kind = DOCTOR_TARGET_FOUND;
    return rc;
}

int doctor__target_find(const struct kv *kv, const struct state_zone *from, const uint8_t *name,
                        uint16_t type, struct doctor_target *out)
{
    bool is_so = false;
    int rc = 0;

    if (from->is_private && dns_name_is_within(name, from->name))
        out->zone = *from;
    else
        rc = state_get_zone_of_name(kv, name, &out->zone);

    dns_name_lower(name, out->owner);
    out->kind = DOCTOR_TARGET_OUTSIDE;
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    rc = is_delegated(kv, &out->zone, name, &is_so);
    if (rc != 0 || is_so)
        return rc;
    out->kind = DOCTOR_TARGET_FOUND;
    rc = has_type(kv, &out->zone, name, type, &is_so);
    if (rc != 0 || is_so)
        return rc;
    out->kind = DOCTOR_TARGET_MISSING;
    rc = exists(kv, &out->zone, name, &is_so);
    if (rc != 0 || is_so)
        return rc;
    return find_wildcard(kv, name, type, out);
}

/* ---- loops ---- */

struct trail {
    const struct kv *kv;
    const struct doctor_group *start;
    struct doctor_trail *out;
    const struct state_zone *zone; /* of the group that the way has come to */
    unsigned depth;                /* groups on the path, the start included */
    unsigned set_count;
};

static int follow(struct trail *trail, const uint8_t *name);

static int on_below(void *user, const struct state_record_set *set)
{
    struct trail *trail = user;
    struct zone_routing routing;

    if (!set->routing)
        return 1; /* records: the way ends */
    if (trail->depth > DEPTH_MAX || trail->set_count == SETS_MAX) {
        trail->out->is_too_deep = true;
        return 1;
    }
    trail->set_count++;
    int rc = state_routing_decode((struct kv_slice){set->routing, set->routing_len}, &routing);
    if (rc != 0 || !routing.is_alias)
        return rc;
    rc = follow(trail, routing.alias_target);
    return rc == 0 && trail->out->is_loop ? 1 : rc;
}

static int follow(struct trail *trail, const uint8_t *name)
{
    struct doctor_target target;
    const struct state_zone *zone = trail->zone;
    int rc = doctor__target_find(trail->kv, zone, name, trail->start->type, &target);

    if (rc != 0 || target.kind != DOCTOR_TARGET_FOUND || trail->out->is_too_deep)
        return rc;
    if (dns_name_is_equal(target.owner, trail->start->name) &&
        target.zone.content == trail->start->zone->content) {
        trail->out->is_loop = true;
        return 0;
    }
    trail->depth++;
    trail->zone = &target.zone;
    rc = state_list_group(trail->kv, target.zone.content, target.owner, trail->start->type,
                          on_below, trail);
    trail->depth--;
    trail->zone = zone;
    return rc;
}

int doctor__trail(const struct kv *kv, const struct doctor_group *group, struct doctor_trail *out)
{
    struct trail trail = {.kv = kv, .start = group, .out = out, .zone = group->zone, .depth = 1};
    int rc = 0;

    *out = (struct doctor_trail){.is_loop = false};
    for (unsigned i = 0; rc == 0 && i < group->count && !out->is_loop; i++) {
        if (group->sets[i].routing.is_alias)
            rc = follow(&trail, group->sets[i].target);
    }
    return rc;
}

/* ---- health ---- */

struct standing { /* of a group below an alias */
    const struct kv *kv;
    const struct state_zone *zone;
    uint16_t type;
    unsigned depth;
    unsigned *set_count;
    bool is_up;
};

static int is_set_up(const struct standing *standing, const struct state_record_set *set,
                     const struct zone_routing *routing, bool *out);

static int on_standing(void *user, const struct state_record_set *set)
{
    struct standing *standing = user;
    struct zone_routing routing;

    if (!set->routing || ++*standing->set_count > SETS_MAX) {
        standing->is_up = true;
        return 1;
    }
    int rc = state_routing_decode((struct kv_slice){set->routing, set->routing_len}, &routing);
    if (rc == 0)
        rc = is_set_up(standing, set, &routing, &standing->is_up);
    return rc == 0 && standing->is_up ? 1 : rc;
}

static int is_target_up(const struct standing *above, const uint8_t *name, bool *out)
{
    struct doctor_target target;
    struct standing standing = *above;
    int rc = doctor__target_find(above->kv, above->zone, name, above->type, &target);

    *out = rc == 0 && target.kind == DOCTOR_TARGET_OUTSIDE; /* the resolver's to say */
    if (rc != 0 || target.kind != DOCTOR_TARGET_FOUND || above->depth == DEPTH_MAX)
        return rc;
    standing.depth++;
    standing.zone = &target.zone;
    standing.is_up = false;
    rc = state_list_group(above->kv, target.zone.content, target.owner, above->type, on_standing,
                          &standing);
    *out = standing.is_up;
    return rc;
}

static int is_check_up(const struct kv *kv, const char *id, bool *out)
{
    struct state_check_status status;

    *out = true;
    if (!id[0])
        return 0;
    int rc = state_get_check_status(kv, id, &status);
    if (rc == 0)
        *out = policy_is_healthy(status.octet);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int is_set_up(const struct standing *standing, const struct state_record_set *set,
                     const struct zone_routing *routing, bool *out)
{
    const struct state_override_key key = {.zone_id = standing->zone->id, .set = set};
    struct state_override override;
    int rc = state_get_override(standing->kv, &key, &override);

    *out = true;
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    if (rc == 0 && override.mode != STATE_OVERRIDE_FORCE_UP) {
        *out = false;
        return 0;
    }
    if (rc == ERR_NOT_FOUND && routing->kind != POLICY_SIMPLE) {
        rc = is_check_up(standing->kv, routing->health_check_id, out);
        if (rc != 0 || !*out)
            return rc;
    }
    if (routing->is_alias && routing->evaluate_target_health)
        return is_target_up(standing, routing->alias_target, out);
    return 0;
}

int doctor__is_up(const struct kv *kv, const struct doctor_group *group, bool *out)
{
    unsigned set_count = 0;
    const struct standing standing = {
        .kv = kv, .zone = group->zone, .type = group->type, .depth = 1, .set_count = &set_count};
    int rc = 0;

    *out = false;
    for (unsigned i = 0; rc == 0 && !*out && i < group->count; i++) {
        const struct doctor_set *set = &group->sets[i];
        const struct state_record_set which = {.name = group->name,
                                               .type = group->type,
                                               .set_identifier = set->identifier,
                                               .set_identifier_len = strlen(set->identifier)};
        rc = is_set_up(&standing, &which, &set->routing, out);
    }
    return rc;
}
