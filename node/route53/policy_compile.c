/* node/route53/policy_compile.c: a traffic policy document to record sets. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "route53/policy_internal.h"
#include "zone/hidden.h"

bool policy__needs_front(const struct policy__item *item)
{
    const struct zone_routing *routing = &item->routing;

    return routing->kind == POLICY_FAILOVER && !routing->is_secondary &&
           routing->health_check_id[0] == '\0' &&
           !(routing->is_alias && routing->evaluate_target_health);
}

struct compiling {
    const struct policy_document *document;
    const struct policy_place *place;
    struct arena *arena;
    const uint8_t **names; /* by number */
    struct policy_part *parts;
    size_t count;
    unsigned front_number; /* of the next set in front */
};

static int out_of_room(const struct compiling *to)
{
    return arena_is_full(to->arena) ? ERR_LIMIT : ERR_NOMEM;
}

static int make_names(struct compiling *to)
{
    uint8_t name[DNS_NAME_MAX];

    to->names = arena_alloc(to->arena, to->document->name_count * sizeof(*to->names) + 1);
    if (!to->names)
        return out_of_room(to);
    for (unsigned i = 0; i < to->document->name_count; i++) {
        int rc = zone_hidden_name(to->place->apex, to->place->instance_id, i, name);
        if (rc != 0)
            return rc;
        to->names[i] = arena_copy(to->arena, name, dns_name_len(name));
        if (!to->names[i])
            return out_of_room(to);
    }
    return 0;
}

static struct policy_part *add_part(struct compiling *to, const uint8_t *name, const char *rule)
{
    struct policy_part *part = &to->parts[to->count++];

    ASSERT(to->count <= to->document->part_count);
    *part = (struct policy_part){.is_hidden = name != to->place->name, .rule = rule};
    part->set.name = name;
    part->set.type = to->document->type;
    return part;
}

/* Give @set what @target has: records, or (@routing, which is the set's then) an alias. */
static void lead_to(const struct compiling *to, const struct policy__reference *target,
                    struct zone_routing *routing, struct zone_record_set *set)
{
    const char *zone_id = to->place->zone_id;

    if (target->endpoint && !target->endpoint->target) {
        set->rdatas = &target->endpoint->rdata;
        set->rdata_count = 1;
        set->ttl_s = to->place->ttl_s;
        routing->is_alias = routing->evaluate_target_health = false;
        return;
    }
    routing->is_alias = true;
    routing->alias_target =
        target->rule ? to->names[target->rule->number] : target->endpoint->target;
    if (!target->rule)
        zone_id = target->endpoint->hosted_zone_id;
    snprintf(routing->hosted_zone_id, sizeof(routing->hosted_zone_id), "%s", zone_id);
}

/* A simple set named @name. */
static int add_simple(struct compiling *to, const uint8_t *name, const char *rule,
                      const struct policy__reference *target, bool evaluate)
{
    struct policy_part *part = add_part(to, name, rule);
    struct zone_routing *routing = arena_alloc(to->arena, sizeof(*routing));

    if (!routing)
        return out_of_room(to);
    *routing = (struct zone_routing){.evaluate_target_health = evaluate};
    lead_to(to, target, routing, &part->set);
    part->set.routing = routing->is_alias ? routing : NULL;
    return 0;
}

/* "2-blue", for the second item, which leads to what the document calls blue. */
static int make_identifier(struct compiling *to, const struct policy__item *item, size_t number,
                           struct zone_record_set *set)
{
    const char *id = item->to.rule ? item->to.rule->id : item->to.endpoint->id;
    char text[ZONE_SET_IDENTIFIER_MAX + 1];
    int len = snprintf(text, sizeof(text), "%zu-%s", number, id);

    if (len > (int)ZONE_SET_IDENTIFIER_MAX) /* which may cut a character in two */
        len = snprintf(text, sizeof(text), "%zu", number);
    set->set_identifier = arena_copy(to->arena, text, (size_t)len);
    set->set_identifier_len = (uint8_t)len;
    return set->set_identifier ? 0 : out_of_room(to);
}

static int add_item(struct compiling *to, const struct policy__rule *rule,
                    const struct policy__item *item, size_t number)
{
    struct policy_part *part = add_part(to, to->names[rule->number], rule->id);
    struct zone_routing *routing = arena_alloc(to->arena, sizeof(*routing));

    if (!routing)
        return out_of_room(to);
    *routing = item->routing;
    part->set.routing = routing;
    if (policy__needs_front(item)) {
        routing->is_alias = routing->evaluate_target_health = true;
        routing->alias_target = to->names[to->front_number++];
        snprintf(routing->hosted_zone_id, sizeof(routing->hosted_zone_id), "%s",
                 to->place->zone_id);
    } else {
        lead_to(to, &item->to, routing, &part->set);
    }
    return make_identifier(to, item, number, &part->set);
}

static int add_rule(struct compiling *to, const struct policy__rule *rule)
{
    unsigned front_number = to->front_number;
    int rc = 0;

    for (size_t i = 0; i < rule->item_count && rc == 0; i++)
        rc = add_item(to, rule, &rule->items[i], i + 1);
    for (size_t i = 0; i < rule->item_count && rc == 0; i++) {
        if (policy__needs_front(&rule->items[i]))
            rc = add_simple(to, to->names[front_number++], rule->id, &rule->items[i].to, false);
    }
    return rc;
}

int policy_document_compile(const struct policy_document *document,
                            const struct policy_place *place, struct arena *arena,
                            const struct policy_part **out, size_t *count)
{
    struct compiling to = {.document = document, .place = place, .arena = arena};
    int rc = make_names(&to);

    if (rc != 0)
        return rc;
    to.parts = arena_alloc(arena, document->part_count * sizeof(*to.parts));
    if (!to.parts)
        return out_of_room(&to);
    for (size_t i = 0; i < document->rule_count; i++)
        to.front_number += document->rules[i].is_used;
    /* The health of all that is behind it is that of the name, for aliases that lead there; with
     * nothing healthy a question is answered as if all were (node/query_route.c). */
    rc = add_simple(&to, place->name, NULL, &document->start, document->start.rule != NULL);
    for (size_t i = 0; i < document->rule_count && rc == 0; i++) {
        if (document->rules[i].is_used)
            rc = add_rule(&to, &document->rules[i]);
    }
    if (rc != 0)
        return rc;
    ASSERT(to.count == document->part_count && to.front_number == document->name_count);
    *out = to.parts;
    *count = to.count;
    return 0;
}
