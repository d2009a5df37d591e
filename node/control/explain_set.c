#include "control/explain_set.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/prefix.h"
#include "control/health_reply.h"
#include "dns/name.h"
#include "geo/cidr.h"
#include "geo/latency.h"
#include "geo/location.h"
#include "geo/region.h"
#include "policy/health.h"
#include "proto/control.pb-c.h"
#include "store/state_cidr.h"
#include "zone/group.h"
#include "zone/lookup.h"
#include "zone/record_text.h"
#include "zone/routing.h"
#include "zone/view.h"

enum { SHORT_ID_LEN = 8 }; /* of a health check, as much as people read */

static int read_zone(const struct kv *kv, const struct zone *seen, struct state_zone *out)
{
    char id[ZONE_PRIVATE_ID_SIZE];

    if (!zone_is_private(seen))
        return state_get_zone_by_name(kv, zone_apex(seen), out);
    zone_private_id(seen, id);
    return state_get_zone(kv, id, out);
}

void explain_owner_find(const struct kv *kv, const struct zone_image *image,
                        const struct zone_view *view, const uint8_t *asked, uint16_t type,
                        struct explain_owner *out)
{
    struct zone_match match;
    struct state_zone zone;

    dns_name_lower(asked, out->asked);
    dns_name_lower(asked, out->name);
    out->is_stored = false;
    out->is_private = false;
    zone_view_lookup(image, view, out->asked, type, &match);
    if (match.is_wildcard) {
        static const uint8_t star[2] = {1, '*'};
        (void)dns_name_join(star, sizeof(star), out->asked + match.encloser_offset, out->name);
    }
    if (!match.zone || !kv || read_zone(kv, match.zone, &zone) != 0)
        return;
    out->is_private = zone.is_private;
    memcpy(out->zone_id, zone.id, sizeof(out->zone_id));
    memcpy(out->apex, zone.name, sizeof(out->apex));
    out->content = zone.content;
    out->is_stored = true;
}

/* ---- the set as stored ---- */

struct stored {
    const struct kv *kv;
    const struct explain_owner *owner;
    struct state_record_set which;
    bool has_routing;
    struct zone_routing routing; /* without its names */
};

static int on_stored(void *user, const struct state_record_set *set)
{
    struct stored *stored = user;
    const struct kv_slice value = {set->routing, set->routing_len};

    if (!set->routing)
        return 0;
    int rc = state_routing_decode(value, &stored->routing);
    stored->has_routing = rc == 0;
    return rc;
}

static void find_stored(const struct kv *kv, const struct explain_owner *owner,
                        const struct policy_group *group, unsigned index, struct stored *out)
{
    *out = (struct stored){.kv = kv, .owner = owner};
    out->which.name = owner->name;
    out->which.type = group->type;
    out->which.set_identifier = zone_group_identifier(group, index, &out->which.set_identifier_len);
    if (owner->is_stored)
        (void)state_get_record_set(kv, owner->content, &out->which, on_stored, out);
}

void explain_block_find(const struct kv *kv, const struct explain_owner *owner,
                        const struct policy_group *group, uint32_t location_hash,
                        struct explain_block *out)
{
    struct state_cidr_collection collection;
    struct stored stored;

    *out = (struct explain_block){.collection = ""};
    for (unsigned i = 0; i < group->count && !out->location[0]; i++) {
        if (out->collection[0] && group->sets[i].key != location_hash)
            continue;
        find_stored(kv, owner, group, i, &stored);
        if (!stored.has_routing)
            continue;
        if (!out->collection[0] &&
            state_get_cidr(kv, stored.routing.cidr_collection_id, &collection) == 0)
            memcpy(out->collection, collection.name, sizeof(collection.name));
        if (group->sets[i].key == location_hash)
            memcpy(out->location, stored.routing.cidr_location,
                   sizeof(stored.routing.cidr_location));
    }
}

/* ---- what ranked it ---- */

struct telling { /* one candidate on its way into words */
    const struct explain_candidate *candidate;
    const struct policy_set *set;
    const struct stored *stored;
    struct explain_tree *tree;
    struct Ctl__ExplainStep *step;
    struct explain_text *text;
};

static void tell_weight(const struct telling *t)
{
    explain_text_add(t->text, ", weight %u of %u", t->set->key, t->candidate->group->weight_sum);
    explain_tree_field(t->tree, t->step, "weight", "%u", t->set->key);
}

static void tell_region(const struct telling *t)
{
    const struct geo_regions *regions = t->candidate->client->regions;
    const struct geo_region *region = regions ? geo_regions_get(regions, t->set->key) : NULL;
    const char *name = region                   ? region->name
                       : t->stored->has_routing ? t->stored->routing.region
                                                : "unknown";

    explain_text_add(t->text, ", region %s", name);
    explain_tree_field(t->tree, t->step, "region", "%s", name);
}

static const char *source_name(enum geo_latency_source source)
{
    switch (source) {
    case GEO_LATENCY_IMPORTED: return "imported";
    case GEO_LATENCY_MEASURED: return "measured";
    case GEO_LATENCY_ROLLED_UP: return "rolled up";
    default: return "distance";
    }
}

static void tell_latency(const struct telling *t)
{
    const struct policy_client *client = t->candidate->client;
    struct prefix prefix;
    char prefix_text[PREFIX_TEXT_SIZE];
    bool is_measured = false;
    const int ms = policy_latency_ms(t->set, client, &is_measured);
    const double km = policy_distance_km(t->set, client, false);

    tell_region(t);
    if (ms < 0) {
        explain_text_add(t->text, ": its round-trip time is not known");
        return;
    }
    explain_tree_field(t->tree, t->step, "ms", "%d", ms);
    if (!is_measured) {
        explain_text_add(t->text, ": %d ms by the distance of %.0f km", ms, km);
        explain_tree_field(t->tree, t->step, "source", "distance");
        return;
    }
    const enum geo_latency_source source =
        geo_latency_origin(client->latency, t->set->key, &prefix);
    explain_tree_field(t->tree, t->step, "source", "%s", source_name(source));
    explain_text_add(t->text, ": %d ms, %s", ms, source_name(source));
    if (source == 0)
        return;
    prefix_format(&prefix, prefix_text);
    explain_text_add(t->text, " for %s", prefix_text);
    explain_tree_field(t->tree, t->step, "prefix", "%s", prefix_text);
}

static void tell_place(const struct telling *t)
{
    char key[GEO_KEY_TEXT_SIZE];

    geo_key_format(t->set->key, key);
    explain_text_add(t->text, ", for %s", t->set->key == GEO_KEY_NONE ? "everywhere else" : key);
    explain_tree_field(t->tree, t->step, "place", "%s", key);
}

static void tell_nearness(const struct telling *t)
{
    const struct policy_client *client = t->candidate->client;
    const double km = policy_distance_km(t->set, client, false);

    if ((t->set->flags & POLICY_SET_HAS_COORDINATES) != 0)
        explain_text_add(t->text, ", at %.2f, %.2f", t->set->latitude_cdeg / 100.0,
                         t->set->longitude_cdeg / 100.0);
    else
        tell_region(t);
    if (km < 0) {
        explain_text_add(t->text, ": its distance is not known");
        return;
    }
    explain_text_add(t->text, ": %.0f km", km);
    explain_tree_field(t->tree, t->step, "km", "%.3f", km);
    if (t->set->bias == 0)
        return;
    const double biased_km = policy_distance_km(t->set, client, true);
    explain_text_add(t->text, ", by bias %d taken for %.0f km", t->set->bias, biased_km);
    explain_tree_field(t->tree, t->step, "bias", "%d", t->set->bias);
    explain_tree_field(t->tree, t->step, "biased_km", "%.3f", biased_km);
}

static void tell_block(const struct telling *t)
{
    const char *location = t->set->key == 0         ? "*"
                           : t->stored->has_routing ? t->stored->routing.cidr_location
                                                    : "unknown";

    if (t->set->key == 0)
        explain_text_add(t->text, ", for all other addresses");
    else
        explain_text_add(t->text, ", for CIDR location %s", location);
    explain_tree_field(t->tree, t->step, "cidr_location", "%s", location);
}

static void tell_rank(const struct telling *t)
{
    switch ((enum policy_kind)t->candidate->group->kind) {
    case POLICY_WEIGHTED: tell_weight(t); break;
    case POLICY_LATENCY: tell_latency(t); break;
    case POLICY_GEOLOCATION: tell_place(t); break;
    case POLICY_GEOPROXIMITY: tell_nearness(t); break;
    case POLICY_FAILOVER:
        explain_text_add(t->text, ", %s", t->set->key == 0 ? "primary" : "secondary");
        explain_tree_field(t->tree, t->step, "role", "%s",
                           t->set->key == 0 ? "primary" : "secondary");
        break;
    case POLICY_IP_BASED: tell_block(t); break;
    default: break;
    }
}

/* ---- health ---- */

static void tell_override(const struct telling *t, const char *subject,
                          const struct state_override_key *key)
{
    struct state_override override;
    char time[CLOCK_TEXT_LEN];

    if (!t->stored->kv || state_get_override(t->stored->kv, key, &override) != 0)
        return;
    explain_text_add(t->text, ", %s by %s: \"%s\"", subject, override.actor, override.reason);
    explain_tree_field(t->tree, t->step, "override_reason", "%s", override.reason);
    explain_tree_field(t->tree, t->step, "override_actor", "%s", override.actor);
    if (override.expires_wall_ms == 0)
        return;
    clock_format(override.expires_wall_ms, time);
    explain_text_add(t->text, " until %s", time);
    explain_tree_field(t->tree, t->step, "override_until", "%s", time);
}

/* How many say so. */
static void tell_voices(const struct telling *t, const char *id,
                        const struct state_check_status *status)
{
    struct state_check check;

    if (status->checkers > 0) {
        explain_text_add(t->text, ", for %u of %u checkers", status->healthy_checkers,
                         status->checkers);
        explain_tree_field(t->tree, t->step, "healthy_checkers", "%u", status->healthy_checkers);
        explain_tree_field(t->tree, t->step, "checkers", "%u", status->checkers);
        return;
    }
    if (state_get_check(t->stored->kv, id, &check) != 0 ||
        check.config.type != STATE_CHECK_CALCULATED)
        return;
    explain_text_add(t->text, ", with %u of %u children healthy", status->healthy_children,
                     check.config.child_count);
    explain_tree_field(t->tree, t->step, "healthy_children", "%u", status->healthy_children);
    explain_tree_field(t->tree, t->step, "children", "%u", check.config.child_count);
}

/* Since when, and what the checkers say; only where a verdict is what counts. */
static void tell_verdict(const struct telling *t, const char *id)
{
    struct state_check_status status;
    char time[CLOCK_TEXT_LEN];

    if (state_get_check_status(t->stored->kv, id, &status) != 0)
        return;
    if (status.since_wall_ms > 0) {
        clock_format(status.since_wall_ms, time);
        explain_text_add(t->text, " since %s", time);
        explain_tree_field(t->tree, t->step, "check_since", "%s", time);
    }
    tell_voices(t, id, &status);
    if (status.reason[0] && !policy_is_healthy(t->candidate->check_octet)) {
        explain_text_add(t->text, ": \"%s\"", status.reason);
        explain_tree_field(t->tree, t->step, "check_failure", "%s", status.reason);
    }
}

static void tell_check(const struct telling *t)
{
    const uint8_t octet = t->candidate->check_octet;
    const char *id = t->stored->has_routing ? t->stored->routing.health_check_id : "";

    if (t->set->check_slot == POLICY_SLOT_NONE) {
        explain_text_add(t->text, ", no health check");
        return;
    }
    explain_text_add(t->text, ", check %.*s %s", SHORT_ID_LEN, id[0] ? id : "unknown",
                     policy_is_healthy(octet) ? "healthy" : "unhealthy");
    explain_tree_field(t->tree, t->step, "check", "%s", id);
    explain_tree_field(t->tree, t->step, "check_healthy", "%s",
                       policy_is_healthy(octet) ? "yes" : "no");
    explain_tree_field(t->tree, t->step, "check_state", "%s", health_reason_text(octet));
    switch ((enum policy_health_reason)(octet & ~POLICY_HEALTHY_BIT)) {
    case POLICY_HEALTH_HEALTHY:
    case POLICY_HEALTH_UNHEALTHY: tell_verdict(t, id); break;
    case POLICY_HEALTH_FORCED_UP:
    case POLICY_HEALTH_FORCED_DOWN:
    case POLICY_HEALTH_DRAINING:
        tell_override(t, health_reason_text(octet),
                      &(struct state_override_key){.health_check_id = id});
        break;
    default: explain_text_add(t->text, " (%s)", health_reason_text(octet)); break;
    }
}

static void tell_set_override(const struct telling *t)
{
    const struct explain_owner *owner = t->candidate->owner;
    const uint8_t octet = t->candidate->override_octet;

    if ((octet & ~POLICY_HEALTHY_BIT) == POLICY_HEALTH_NONE)
        return;
    explain_tree_field(t->tree, t->step, "override", "%s", health_reason_text(octet));
    if (owner->is_stored)
        tell_override(
            t, health_reason_text(octet),
            &(struct state_override_key){.zone_id = owner->zone_id, .set = &t->stored->which});
}

static void tell_alias(const struct telling *t)
{
    const uint8_t *target = zone_group_target(t->candidate->group, t->candidate->index);
    const bool evaluates = (t->set->flags & POLICY_SET_EVALUATE_TARGET_HEALTH) != 0;
    char name[DNS_NAME_TEXT_SIZE];

    if (!target)
        return;
    zone_name_format(target, name);
    explain_text_add(t->text, ", alias to %s (%s%s%s%s%s)", name,
                     evaluates ? "its health counts" : "its health does not count",
                     t->candidate->is_external ? "; not a name of ours" : "",
                     t->candidate->external ? ", its resolving: " : "",
                     t->candidate->external ? t->candidate->external : "",
                     t->candidate->is_missing ? "; it has no such records" : "");
    explain_tree_field(t->tree, t->step, "alias", "%s", name);
    explain_tree_field(t->tree, t->step, "evaluates", "%s", evaluates ? "yes" : "no");
    explain_tree_field(t->tree, t->step, "external", "%s",
                       t->candidate->is_external ? "yes" : "no");
    if (t->candidate->external)
        explain_tree_field(t->tree, t->step, "external_state", "%s", t->candidate->external);
}

static void tell_health(const struct telling *t)
{
    struct explain_text unseen = {.len = 0};
    struct telling in_fields = *t;

    if (t->candidate->is_brief)
        in_fields.text = &unseen;
    tell_check(&in_fields);
    tell_set_override(&in_fields);
}

void explain_candidate_tell(const struct kv *kv, const struct explain_candidate *candidate,
                            struct explain_tree *tree, struct Ctl__ExplainStep *step,
                            struct explain_text *text)
{
    struct stored stored;
    const struct telling t = {.candidate = candidate,
                              .set = &candidate->group->sets[candidate->index],
                              .stored = &stored,
                              .tree = tree,
                              .step = step,
                              .text = text};

    if (!step)
        return;
    find_stored(kv, candidate->owner, candidate->group, candidate->index, &stored);
    const int len = (int)stored.which.set_identifier_len;
    if (len > 0)
        explain_text_add(text, "%.*s", len, stored.which.set_identifier);
    else
        explain_text_add(text, "the record set");
    explain_tree_field(tree, step, "set_identifier", "%.*s", len,
                       len > 0 ? stored.which.set_identifier : "");
    tell_rank(&t);
    tell_alias(&t);
    tell_health(&t);
}

/* ---- the group ---- */

static const char *policy_name(enum policy_kind kind)
{
    static const char *const names[POLICY_KIND_COUNT] = {
        "simple",       "weighted", "latency",    "geolocation",
        "geoproximity", "failover", "multivalue", "IP-based",
    };

    return kind < POLICY_KIND_COUNT ? names[kind] : "unknown";
}

void explain_group_tell(const struct policy_group *group, struct explain_tree *tree,
                        struct Ctl__ExplainStep *step, struct explain_text *text)
{
    const char *policy = policy_name((enum policy_kind)group->kind);
    char type[ZONE_TYPE_TEXT_LEN_MAX];

    zone_type_format(group->type, type);
    explain_text_add(text, "%u %s record set%s, %s", group->count, type,
                     group->count == 1 ? "" : "s", policy);
    if (group->is_sticky)
        explain_text_add(text, ", sticky");
    if (policy_answers_wanted(group) > 1)
        explain_text_add(text, ", up to %u are taken", policy_answers_wanted(group));
    explain_tree_field(tree, step, "policy", "%s", policy);
    explain_tree_field(tree, step, "type", "%s", type);
    explain_tree_field(tree, step, "sets", "%u", group->count);
    explain_tree_field(tree, step, "sticky", "%s", group->is_sticky ? "yes" : "no");
}
