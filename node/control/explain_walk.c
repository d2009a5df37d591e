#include "control/explain_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/prefix.h"
#include "cluster/alias.h"
#include "control/explain_set.h"
#include "control/explain_tree.h"
#include "control/place_text.h"
#include "geo/latency.h"
#include "geo/location.h"
#include "geo/view.h"
#include "policy/health.h"
#include "proto/control.pb-c.h"
#include "query_recorder.h"
#include "zone/group.h"
#include "zone/image.h"
#include "zone/lookup.h"
#include "zone/record_text.h"

enum {
    FRAMES_MAX = 17, /* groups below each other, and the name that a last alias leads to */
    EXTERNAL_TEXT_SIZE = 200,
    EXTERNALS_MAX = 16,     /* looked for in one question */
    UNTRIED_SHOWN_MAX = 20, /* of one group */
    SET_BITS = (POLICY_SETS_MAX + 7) / 8,
};

/* One group on the path. */
struct frame {
    struct explain_owner owner;
    const struct policy_group *group; /* NULL: none yet */
    struct policy_client client;
    uint8_t is_tried[SET_BITS]; /* by index */
    bool is_told;               /* what was not tried */
    /* A candidate that is an alias: its step stands before what lies below. */
    struct Ctl__ExplainStep *alias_step;
    unsigned alias_index; /* POLICY_INDEX_NONE: none is under way */
    bool is_external, is_missing;
    char external[EXTERNAL_TEXT_SIZE]; /* "": not known */
};
struct explain_walk {
    struct explain_walk_options options;
    struct frame frames[FRAMES_MAX];
    unsigned external_count;
    bool has_block; /* a collection was asked; told with the group, which knows its name */
    uint32_t block_hash;
    unsigned block_scope_bits;
};

struct explain_walk *explain_walk_new(const struct explain_walk_options *options)
{
    struct explain_walk *walk = calloc(1, sizeof(*walk));

    if (!walk)
        return NULL;
    walk->options = *options;
    for (unsigned i = 0; i < FRAMES_MAX; i++)
        walk->frames[i].alias_index = POLICY_INDEX_NONE;
    return walk;
}

void explain_walk_free(struct explain_walk *walk)
{
    free(walk);
}

/* ---- the client ---- */

static void on_client(struct explain_walk *walk, const struct query_event *event)
{
    struct explain_tree *tree = walk->options.tree;
    struct Ctl__ExplainStep *step = explain_tree_add_client(tree, 0, "client");
    struct prefix prefix = {.len = 0};
    char text[PREFIX_TEXT_SIZE];

    explain_tree_field(tree, step, "source", "%s", event->is_ecs ? "subnet" : "resolver");
    if (!event->address) {
        explain_tree_text(tree, step, "client: it asks not to be located");
        return;
    }
    prefix.is_ipv6 = event->address->is_ipv6;
    prefix.len = event->address->bits;
    memcpy(prefix.octets, event->address->octets, prefix.is_ipv6 ? 16 : 4);
    prefix_format(&prefix, text);
    if (!event->is_ecs)
        text[strcspn(text, "/")] = '\0'; /* one address */
    explain_tree_text(tree, step, "client: %s, %s", text,
                      event->is_ecs ? "as its resolver tells (EDNS client subnet)"
                                    : "who asks without an EDNS client subnet");
    explain_tree_field(tree, step, "address", "%s", text);
}

static void on_location(struct explain_walk *walk, const struct query_event *event)
{
    struct explain_tree *tree = walk->options.tree;
    struct Ctl__ExplainStep *step = explain_tree_add_client(tree, 1, "place");
    const char *path = walk->options.database_path;
    char text[PLACE_TEXT_SIZE];

    explain_tree_field(tree, step, "database", "%s", path);
    if (!path[0]) {
        explain_tree_text(tree, step,
                          "place: not known, as this node has no location database ('quartet geo "
                          "load FILE')");
        return;
    }
    explain_tree_field(tree, step, "scope_bits", "%u", event->scope_bits);
    if (!event->location) {
        explain_tree_text(tree, step, "place: not in %s", path);
        return;
    }
    place_text_format(event->location, text);
    explain_tree_text(tree, step, "place: %s; the same for its /%u, says %s", text,
                      event->scope_bits, path);
    explain_tree_field(tree, step, "location", "%s", text);
}

static void on_latency(struct explain_walk *walk, const struct query_event *event)
{
    struct explain_tree *tree = walk->options.tree;
    struct Ctl__ExplainStep *step = explain_tree_add_client(tree, 1, "latency");
    char text[PREFIX_TEXT_SIZE];

    explain_tree_field(tree, step, "scope_bits", "%u", event->scope_bits);
    if (!event->latency) {
        explain_tree_text(tree, step, "round-trip times: none are known, so distance counts");
        return;
    }
    prefix_format(geo_latency_prefix(event->latency), text);
    explain_tree_text(tree, step, "round-trip times: those of %s", text);
    explain_tree_field(tree, step, "row", "%s", text);
}

static void tell_block(struct explain_walk *walk, const struct frame *frame)
{
    struct explain_tree *tree = walk->options.tree;
    struct Ctl__ExplainStep *step = explain_tree_add_client(tree, 1, "block");
    struct explain_block block;

    walk->has_block = false;
    explain_block_find(walk->options.kv, &frame->owner, frame->group, walk->block_hash, &block);
    explain_tree_field(tree, step, "collection", "%s", block.collection);
    explain_tree_field(tree, step, "scope_bits", "%u", walk->block_scope_bits);
    explain_tree_field(tree, step, "location", "%s", block.location);
    if (walk->block_hash == 0)
        explain_tree_text(tree, step, "block: in none of collection %s", block.collection);
    else if (block.location[0])
        explain_tree_text(tree, step,
                          "block: of location %s in collection %s; the same for its /%u",
                          block.location, block.collection, walk->block_scope_bits);
    else
        explain_tree_text(tree, step,
                          "block: of a location in collection %s that no record set here is for",
                          block.collection);
}

/* ---- candidates ---- */

static unsigned depth_of_group(unsigned level)
{
    return 1 + 2 * level;
}

static uint8_t octet_of(const struct explain_walk *walk, uint32_t slot)
{
    const struct policy_health *health = zone_image_health(walk->options.image);

    for (unsigned i = 0; i < walk->options.assumption_count; i++) {
        const struct query_assumption *assumption = &walk->options.assumptions[i];
        if (slot != POLICY_SLOT_NONE && assumption->slot == slot)
            return assumption->is_healthy ? POLICY_HEALTHY_BIT | POLICY_HEALTH_ASSUMED_UP
                                          : POLICY_HEALTH_ASSUMED_DOWN;
    }
    if (slot == POLICY_SLOT_NONE || !health)
        return POLICY_HEALTHY_BIT | POLICY_HEALTH_NONE;
    return policy_health_get(health, slot);
}

static void tell_untried(struct explain_walk *walk, unsigned level, unsigned index,
                         bool is_candidate)
{
    const struct frame *frame = &walk->frames[level];
    const struct policy_set *set = &frame->group->sets[index];
    struct explain_tree *tree = walk->options.tree;
    struct Ctl__ExplainStep *step = explain_tree_add(tree, depth_of_group(level) + 1, "candidate");
    struct explain_text text = {.len = 0};
    const struct explain_candidate candidate = {.owner = &frame->owner,
                                                .group = frame->group,
                                                .client = &frame->client,
                                                .index = index,
                                                .check_octet = octet_of(walk, set->check_slot),
                                                .override_octet =
                                                    octet_of(walk, set->override_slot),
                                                .is_brief = !is_candidate};

    explain_text_add(&text, "%s: ", is_candidate ? "not needed" : "other clients");
    explain_tree_field(tree, step, "verdict", "%s", is_candidate ? "not-needed" : "other-clients");
    explain_candidate_tell(walk->options.kv, &candidate, tree, step, &text);
    explain_tree_text(tree, step, "%s", text.octets);
}

struct leaving { /* what was not tried of a group, as it is told */
    struct explain_walk *walk;
    unsigned level, shown, left_out;
    uint8_t is_candidate[SET_BITS];
};

static void leave_one(struct leaving *leaving, unsigned index, bool is_candidate)
{
    const struct frame *frame = &leaving->walk->frames[leaving->level];

    if ((frame->is_tried[index / 8] & 1u << index % 8) != 0)
        return;
    if (leaving->shown++ < UNTRIED_SHOWN_MAX)
        tell_untried(leaving->walk, leaving->level, index, is_candidate);
    else
        leaving->left_out++;
}

/* First those that could have been tried, in the order of the ranking (where it goes by chance, in
 * another one than that of the answer), then those that are for other clients. */
static void leave_all(struct leaving *leaving)
{
    const struct frame *frame = &leaving->walk->frames[leaving->level];
    struct policy_ranking ranking;
    unsigned index;

    policy_rank_begin(&ranking, frame->group, &frame->client, 0);
    while ((index = policy_rank_next(&ranking)) != POLICY_INDEX_NONE) {
        leaving->is_candidate[index / 8] |= (uint8_t)(1u << index % 8);
        leave_one(leaving, index, true);
    }
    for (unsigned i = 0; i < frame->group->count; i++) {
        if ((leaving->is_candidate[i / 8] & 1u << i % 8) == 0)
            leave_one(leaving, i, false);
    }
}

/* The group at @level is left. */
static void leave(struct explain_walk *walk, unsigned level)
{
    struct frame *frame = &walk->frames[level];
    struct leaving leaving = {.walk = walk, .level = level};

    if (!frame->group || frame->is_told)
        return;
    frame->is_told = true;
    leave_all(&leaving);
    if (leaving.left_out == 0)
        return;
    struct Ctl__ExplainStep *step =
        explain_tree_add(walk->options.tree, depth_of_group(level) + 1, "left-out");
    explain_tree_text(walk->options.tree, step, "and %u more that were not tried",
                      leaving.left_out);
    explain_tree_field(walk->options.tree, step, "count", "%u", leaving.left_out);
}

/* All groups from @level down are left, the deepest first. */
static void leave_from(struct explain_walk *walk, unsigned level)
{
    for (unsigned i = FRAMES_MAX; i-- > level;) {
        leave(walk, i);
        walk->frames[i].group = NULL;
    }
}

static void on_group(struct explain_walk *walk, const struct query_event *event)
{
    struct frame *frame = &walk->frames[event->depth];
    struct explain_tree *tree = walk->options.tree;
    struct explain_text text = {.len = 0};
    char name[DNS_NAME_TEXT_SIZE];

    leave_from(walk, event->depth);
    struct Ctl__ExplainStep *step = explain_tree_add(tree, depth_of_group(event->depth), "group");
    frame->group = event->group;
    frame->client = *event->client;
    frame->is_told = false;
    frame->alias_index = POLICY_INDEX_NONE;
    memset(frame->is_tried, 0, sizeof(frame->is_tried));
    explain_owner_find(walk->options.kv, walk->options.image, event->view, frame->owner.asked,
                       event->group->type, &frame->owner);
    zone_name_format(frame->owner.name, name);
    explain_text_add(&text, "%s: ", name);
    explain_tree_field(tree, step, "name", "%s", name);
    explain_group_tell(event->group, tree, step, &text);
    if (event->is_all_assumed)
        explain_text_add(&text, "; as if all were healthy");
    explain_tree_field(tree, step, "as_if_healthy", "%s", event->is_all_assumed ? "yes" : "no");
    explain_tree_text(tree, step, "%s", text.octets);
    if (walk->has_block && event->group->kind == POLICY_IP_BASED)
        tell_block(walk, frame);
}

static const char *verdict_text(enum query_verdict verdict)
{
    switch (verdict) {
    case QUERY_VERDICT_TAKEN: return "taken";
    case QUERY_VERDICT_CHECK_UNHEALTHY: return "passed over, as its check is unhealthy";
    case QUERY_VERDICT_OVERRIDDEN: return "passed over, as an override keeps it down";
    case QUERY_VERDICT_TARGET_UNHEALTHY: return "passed over, as nothing healthy is where it leads";
    case QUERY_VERDICT_TARGET_MISSING: return "passed over, as nothing is where it leads";
    case QUERY_VERDICT_TARGET_LOOP: return "passed over, as it leads in a circle or too far";
    default: return "passed over";
    }
}

static const char *verdict_word(enum query_verdict verdict)
{
    static const char *const words[] = {
        [QUERY_VERDICT_TAKEN] = "",
        [QUERY_VERDICT_CHECK_UNHEALTHY] = "check-unhealthy",
        [QUERY_VERDICT_OVERRIDDEN] = "overridden",
        [QUERY_VERDICT_TARGET_UNHEALTHY] = "target-unhealthy",
        [QUERY_VERDICT_TARGET_MISSING] = "target-missing",
        [QUERY_VERDICT_TARGET_LOOP] = "target-loop",
    };

    return words[verdict];
}

/* The candidate's own step, which stands there already if it is an alias that was followed. */
static struct Ctl__ExplainStep *step_of_candidate(struct explain_walk *walk, struct frame *frame,
                                                  const struct query_event *event)
{
    if (frame->alias_index == event->index)
        return frame->alias_step;
    frame->is_external = false;
    frame->is_missing = false;
    frame->external[0] = '\0';
    return explain_tree_add(walk->options.tree, depth_of_group(event->depth) + 1, "candidate");
}

static void on_candidate(struct explain_walk *walk, const struct query_event *event)
{
    struct frame *frame = &walk->frames[event->depth];
    struct explain_tree *tree = walk->options.tree;
    struct explain_text text = {.len = 0};
    const bool is_taken = event->verdict == QUERY_VERDICT_TAKEN;

    leave_from(walk, event->depth + 1);
    ASSERT(frame->group == event->group);
    struct Ctl__ExplainStep *step = step_of_candidate(walk, frame, event);
    const struct explain_candidate candidate = {.owner = &frame->owner,
                                                .group = event->group,
                                                .client = event->client,
                                                .index = event->index,
                                                .check_octet = event->check_octet,
                                                .override_octet = event->override_octet,
                                                .is_external = frame->is_external,
                                                .is_missing = frame->is_missing,
                                                .external =
                                                    frame->external[0] ? frame->external : NULL};
    frame->alias_index = POLICY_INDEX_NONE;
    frame->is_tried[event->index / 8] |= (uint8_t)(1u << event->index % 8);
    explain_text_add(&text, "%s%s: ", verdict_text(event->verdict),
                     is_taken && event->is_all_assumed ? ", as if it were healthy" : "");
    explain_tree_field(tree, step, "verdict", "%s", is_taken ? "taken" : "passed-over");
    if (!is_taken)
        explain_tree_field(tree, step, "why", "%s", verdict_word(event->verdict));
    explain_candidate_tell(walk->options.kv, &candidate, tree, step, &text);
    explain_tree_text(tree, step, "%s", text.octets);
}

/* ---- aliases, and what happens when all are down ---- */

struct finding { /* an outside name among those that are resolved */
    const uint8_t *name;
    uint16_t type;
    char *out;
};

static int on_external(void *user, const struct cluster_alias *alias)
{
    const struct finding *finding = user;

    if (alias->type != finding->type || !dns_name_is_equal(alias->name, finding->name))
        return 0;
    snprintf(finding->out, EXTERNAL_TEXT_SIZE, "%s%s%s", alias->state,
             alias->problem[0] ? ": " : "", alias->problem);
    return 1;
}

static void find_external(struct explain_walk *walk, struct frame *frame, const uint8_t *name)
{
    struct finding finding = {.name = name, .type = frame->group->type, .out = frame->external};

    (void)cluster_alias_list(walk->options.cluster, on_external, &finding);
}

static void on_alias(struct explain_walk *walk, const struct query_event *event)
{
    struct frame *frame = &walk->frames[event->depth], *below = frame + 1;
    struct explain_tree *tree = walk->options.tree;
    char name[DNS_NAME_TEXT_SIZE];

    ASSERT(event->depth + 1 < FRAMES_MAX);
    leave_from(walk, event->depth + 1);
    dns_name_lower(event->name, below->owner.asked);
    if (event->index != POLICY_INDEX_NONE) {
        frame->alias_step = explain_tree_add(tree, depth_of_group(event->depth) + 1, "candidate");
        frame->alias_index = event->index;
        frame->is_external = event->is_external;
        frame->is_missing = event->is_missing;
        frame->external[0] = '\0';
        if (event->is_external && walk->external_count++ < EXTERNALS_MAX)
            find_external(walk, frame, event->name);
        return;
    }
    struct Ctl__ExplainStep *step =
        explain_tree_add(tree, depth_of_group(event->depth) + 1, "fallback");
    zone_name_format(event->name, name);
    explain_tree_text(tree, step, "fallback: what %s has%s%s", name,
                      event->is_missing ? "; it has no such records" : "",
                      event->is_loop ? "; it leads in a circle" : "");
    explain_tree_field(tree, step, "name", "%s", name);
    explain_tree_field(tree, step, "missing", "%s", event->is_missing ? "yes" : "no");
}

static void on_all_down(struct explain_walk *walk, const struct query_event *event)
{
    static const struct {
        const char *word, *text;
    } rules[] = {
        [POLICY_ALL_DOWN_OPEN] = {"open", "so all count as healthy"},
        [POLICY_ALL_DOWN_CLOSED] = {"closed", "and the group is closed then: there is no answer"},
        [POLICY_ALL_DOWN_LAST_GOOD] = {"last-good", "so the one that went down last stands in"},
        [POLICY_ALL_DOWN_FALLBACK] = {"fallback", "so another name stands in"},
    };
    struct explain_tree *tree = walk->options.tree;
    const unsigned rule = event->group->all_down % (sizeof(rules) / sizeof(rules[0]));

    leave_from(walk, event->depth + 1);
    leave(walk, event->depth);
    struct Ctl__ExplainStep *step =
        explain_tree_add(tree, depth_of_group(event->depth) + 1, "all-down");
    explain_tree_text(tree, step, "no candidate gives an answer, %s", rules[rule].text);
    explain_tree_field(tree, step, "rule", "%s", rules[rule].word);
}

/* ---- names of the chain ---- */

static const char *outcome_text(unsigned outcome)
{
    static const char *const texts[] = {
        [ZONE_OUTCOME_NONE] = "in no zone of this cluster",
        [ZONE_OUTCOME_ANSWER] = "there are such records",
        [ZONE_OUTCOME_CNAME] = "a CNAME stands there",
        [ZONE_OUTCOME_DNAME] = "a DNAME above it stands for it",
        [ZONE_OUTCOME_DELEGATION] = "delegated to other name servers",
        [ZONE_OUTCOME_NODATA] = "the name exists, without that type",
        [ZONE_OUTCOME_NXDOMAIN] = "there is no such name",
    };

    return outcome < sizeof(texts) / sizeof(texts[0]) ? texts[outcome] : "unknown";
}

static void on_lookup(struct explain_walk *walk, const struct query_event *event)
{
    struct frame *frame = &walk->frames[0];
    struct explain_tree *tree = walk->options.tree;
    struct Ctl__ExplainStep *step;
    struct explain_text text = {.len = 0};
    char name[DNS_NAME_TEXT_SIZE], zone[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];

    leave_from(walk, 0);
    explain_owner_find(walk->options.kv, walk->options.image, event->view, event->name,
                       walk->options.type, &frame->owner);
    zone_name_format(frame->owner.asked, name);
    zone_type_format(walk->options.type, type);
    step = explain_tree_add(tree, 0, "lookup");
    explain_text_add(&text, "%s %s: %s", name, type, outcome_text(event->outcome));
    explain_tree_field(tree, step, "name", "%s", name);
    explain_tree_field(tree, step, "outcome", "%s", outcome_text(event->outcome));
    if (frame->owner.is_stored) {
        zone_name_format(frame->owner.apex, zone);
        if (frame->owner.is_private)
            explain_text_add(&text, ", in the private zone %s (%s)", zone, frame->owner.zone_id);
        else
            explain_text_add(&text, ", in zone %s", zone);
        explain_tree_field(tree, step, "zone", "%s", zone);
        if (frame->owner.is_private)
            explain_tree_field(tree, step, "zone_id", "%s", frame->owner.zone_id);
    }
    if (!dns_name_is_equal(frame->owner.asked, frame->owner.name)) {
        zone_name_format(frame->owner.name, name);
        explain_text_add(&text, ", by the wildcard %s", name);
        explain_tree_field(tree, step, "wildcard", "%s", name);
    }
    explain_tree_text(tree, step, "%s", text.octets);
}

void explain_walk_event(void *user, const struct query_event *event)
{
    struct explain_walk *walk = user;

    ASSERT(event->depth < FRAMES_MAX);
    switch (event->kind) {
    case QUERY_EVENT_CLIENT: on_client(walk, event); break;
    case QUERY_EVENT_LOCATION: on_location(walk, event); break;
    case QUERY_EVENT_LATENCY: on_latency(walk, event); break;
    case QUERY_EVENT_CIDR:
        walk->has_block = true;
        walk->block_hash = event->cidr_location;
        walk->block_scope_bits = event->scope_bits;
        break;
    case QUERY_EVENT_LOOKUP: on_lookup(walk, event); break;
    case QUERY_EVENT_GROUP: on_group(walk, event); break;
    case QUERY_EVENT_CANDIDATE: on_candidate(walk, event); break;
    case QUERY_EVENT_ALIAS: on_alias(walk, event); break;
    case QUERY_EVENT_ALL_DOWN: on_all_down(walk, event); break;
    case QUERY_EVENT_CHOSEN: break; /* the answer shows it */
    }
}

void explain_walk_end(struct explain_walk *walk)
{
    leave_from(walk, 0);
}
