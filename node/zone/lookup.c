#include "zone/lookup.h"

#include "dns/name.h"
#include "dns/type.h"
#include "zone/node.h"
#include "zone/probe.h"
#include "zone/publisher.h"
#include "zone/view.h"

#include <string.h>

/* A zone (or, in a view, its link) that holds a name, and the labels of its apex. */
struct place {
    const void *item;
    unsigned apex_labels;
};

/* The deepest zone at or above the name that a walk of the zones came to; @is_strict: above it. */
static struct place place_of(const struct zone_trie_walk *walk, const struct zone_key *key,
                             bool is_strict)
{
    if (walk->is_exact && !is_strict)
        return (struct place){walk->leaf->ref, key->label_count};
    if (walk->ancestor_count == 0)
        return (struct place){NULL, 0};
    const struct zone_trie_ancestor *deepest = &walk->ancestors[walk->ancestor_count - 1];
    return (struct place){deepest->leaf->ref, deepest->label_count};
}

/* DS is the one type whose authority is above the cut (RFC 4035 3.1.4.1). */
static struct place choose_place(const struct zone_trie_walk *walk, const struct zone_key *key,
                                 uint16_t qtype)
{
    struct place place = place_of(walk, key, false);

    if (qtype == DNS_TYPE_DS && walk->is_exact) {
        struct place parent = place_of(walk, key, true);
        if (parent.item)
            return parent;
    }
    return place;
}

static void point_to(struct zone_match *out, enum zone_outcome outcome,
                     const struct zone_node *node, uint16_t type)
{
    out->outcome = outcome;
    out->node = node;
    out->set = zone__node_find(node, type);
}

/* RFC 1034 4.3.2 step 3b, RFC 6672 3.2: the highest cut or DNAME on the way is where authority
 * ends. A cut is one at the name itself too, unless its DS is asked for. True: *@out is the answer.
 */
static bool is_stopped(const struct zone_trie_walk *walk, const struct zone_key *key,
                       uint16_t qtype, struct zone_match *out)
{
    if (walk->ancestor_count > 0) {
        const struct zone_trie_ancestor *highest = &walk->ancestors[0];
        const bool is_cut = zone__leaf_flags(highest->leaf) & ZONE_TRIE_CUT;
        out->owner_offset = key->offsets[highest->label_count];
        point_to(out, is_cut ? ZONE_OUTCOME_DELEGATION : ZONE_OUTCOME_DNAME, highest->leaf->ref,
                 is_cut ? DNS_TYPE_NS : DNS_TYPE_DNAME);
    }
    if (!out->set && walk->is_exact && qtype != DNS_TYPE_DS &&
        (zone__leaf_flags(walk->leaf) & ZONE_TRIE_CUT))
        point_to(out, ZONE_OUTCOME_DELEGATION, walk->leaf->ref, DNS_TYPE_NS);
    if (out->outcome == ZONE_OUTCOME_DELEGATION)
        out->ds = zone__node_find(out->node, DNS_TYPE_DS);
    return out->set != NULL;
}

/* RFC 1034 4.3.2 step 3a and the end of 3c: a node is there, the name's own or its wildcard. */
static void answer_from(const struct zone_node *node, uint16_t qtype, struct zone_match *out)
{
    const struct zone_wire_set *set =
        qtype == DNS_TYPE_ANY ? zone_node_next_set(node, NULL) : zone__node_find(node, qtype);

    out->node = node;
    out->set = set;
    out->outcome = set ? ZONE_OUTCOME_ANSWER : ZONE_OUTCOME_NODATA;
    if (set)
        return;
    out->set = zone__node_find(node, DNS_TYPE_CNAME);
    if (out->set)
        out->outcome = ZONE_OUTCOME_CNAME;
    else
        out->node = NULL;
}

/* RFC 4592 3.3.1: the name is not there; the source of synthesis is the wildcard right below the
 * closest encloser, and only that one. Its walk goes where the first one went, until the end. */
static void answer_below(struct zone_probe *probe, struct zone_match *out)
{
    const unsigned encloser_labels = probe->walk.label_count;
    struct zone_key *key = &probe->key;
    struct zone_trie_walk *walk = &probe->walk;
    uint8_t wildcard[DNS_NAME_MAX];

    out->encloser_offset = key->offsets[encloser_labels];
    zone__key_to_wildcard(key, encloser_labels, wildcard);
    zone__trie_walk(&probe->zone->names, key, probe->apex_labels, walk);
    if (walk->label_count < key->label_count) {
        out->outcome = ZONE_OUTCOME_NXDOMAIN;
        return;
    }
    out->is_wildcard = true;
    if (walk->is_exact)
        answer_from(walk->leaf->ref, probe->qtype, out);
    else /* an empty non-terminal is a wildcard too (RFC 4592 2.2.2) */
        out->outcome = ZONE_OUTCOME_NODATA;
}

/* The private zone that a link leads to; NULL: it is not served. */
static const struct zone *find_private(const struct zone_image *image, const struct zone_link *link)
{
    struct zone_trie_walk walk;
    struct zone_key key;

    zone__key_init(&key, link->octets, link->octets[0] + 1u);
    zone__trie_walk(&image->privates, &key, 0, &walk);
    return walk.is_exact ? walk.leaf->ref : NULL;
}

enum { STAGE_VIEW, STAGE_VIEW_PLACE, STAGE_ZONES, STAGE_PLACE, STAGE_NAMES, STAGE_OVER };

static void begin_zones(struct zone_probe *probe)
{
    probe->stage = STAGE_ZONES;
    zone__trie_walk_begin(&probe->walk, &probe->image->zones, &probe->key, 0);
}

void zone_probe_begin(struct zone_probe *probe, const struct zone_image *image, const uint8_t *name,
                      unsigned name_len, uint16_t qtype)
{
    zone__key_init(&probe->key, name, name_len - 1);
    probe->image = image;
    probe->zone = NULL;
    probe->has_views = image->views != NULL;
    probe->qtype = qtype;
    begin_zones(probe);
}

void zone_probe_enter(struct zone_probe *probe, const struct zone_view *view)
{
    probe->stage = STAGE_VIEW;
    zone__trie_walk_begin(&probe->walk, &view->links, &probe->key, 0);
}

static void begin_names(struct zone_probe *probe, const struct zone *zone, unsigned apex_labels)
{
    probe->zone = zone;
    probe->apex_labels = (uint8_t)apex_labels;
    probe->stage = STAGE_NAMES;
    zone__trie_walk_begin(&probe->walk, &zone->names, &probe->key, apex_labels);
    __builtin_prefetch(&zone->names);
}

/* The zones are walked: go on in the deepest that holds the name. */
static bool enter_zone(struct zone_probe *probe)
{
    zone__trie_walk_end(&probe->walk, &probe->key);
    struct place place = choose_place(&probe->walk, &probe->key, probe->qtype);
    probe->stage = STAGE_OVER;
    if (!place.item)
        return false;
    begin_names(probe, place.item, place.apex_labels);
    return true;
}

/* Likewise those of a view; where none holds the name, the public ones come next. */
static void enter_private(struct zone_probe *probe)
{
    const struct zone *zone = NULL;

    zone__trie_walk_end(&probe->walk, &probe->key);
    struct place place = choose_place(&probe->walk, &probe->key, probe->qtype);
    if (place.item)
        zone = find_private(probe->image, place.item);
    if (zone)
        begin_names(probe, zone, place.apex_labels);
    else
        begin_zones(probe);
}

bool zone_probe_step(struct zone_probe *probe)
{
    switch (probe->stage) {
    case STAGE_VIEW:
        if (!zone__trie_walk_step(&probe->walk, &probe->key))
            probe->stage = STAGE_VIEW_PLACE;
        return true;
    case STAGE_VIEW_PLACE: enter_private(probe); return true;
    case STAGE_ZONES:
        if (!zone__trie_walk_step(&probe->walk, &probe->key))
            probe->stage = STAGE_PLACE;
        return true;
    case STAGE_PLACE: return enter_zone(probe);
    case STAGE_NAMES:
        if (zone__trie_walk_step(&probe->walk, &probe->key))
            return true;
        probe->stage = STAGE_OVER;
        return true; /* the leaf's item is on its way */
    default: return false;
    }
}

void zone_probe_end(struct zone_probe *probe, struct zone_match *out)
{
    const struct zone_key *key = &probe->key;
    struct zone_trie_walk *walk = &probe->walk;

    *out = (struct zone_match){.outcome = ZONE_OUTCOME_NONE};
    if (!probe->zone)
        return;
    out->zone = probe->zone;
    out->soa = probe->zone->soa;
    out->negative_ttl_s = probe->zone->negative_ttl_s;
    out->slots = probe->zone->slots;
    out->apex_offset = key->offsets[probe->apex_labels];
    zone__trie_walk_end(walk, key);
    if (is_stopped(walk, key, probe->qtype, out))
        return;
    if (walk->is_exact)
        answer_from(walk->leaf->ref, probe->qtype, out);
    else if (walk->label_count == key->label_count) /* an empty non-terminal */
        out->outcome = ZONE_OUTCOME_NODATA;
    else
        answer_below(probe, out);
}

void zone_view_lookup(const struct zone_image *image, const struct zone_view *view,
                      const uint8_t *name, uint16_t qtype, struct zone_match *out)
{
    struct zone_probe probe;

    zone_probe_begin(&probe, image, name, dns_name_len(name), qtype);
    if (view)
        zone_probe_enter(&probe, view);
    while (zone_probe_step(&probe))
        ;
    zone_probe_end(&probe, out);
}

void zone_lookup(const struct zone_image *image, const uint8_t *name, uint16_t qtype,
                 struct zone_match *out)
{
    zone_view_lookup(image, NULL, name, qtype, out);
}

/* The zone that speaks for the name, as a look-up finds it. */
static const struct zone *find_zone(const struct zone_image *image, const struct zone_view *view,
                                    const struct zone_key *key, uint16_t type,
                                    unsigned *apex_labels)
{
    struct zone_trie_walk walk;
    struct place place;

    if (view) {
        zone__trie_walk(&view->links, key, 0, &walk);
        place = choose_place(&walk, key, type);
        const struct zone *zone = place.item ? find_private(image, place.item) : NULL;
        *apex_labels = place.apex_labels;
        if (zone)
            return zone;
    }
    zone__trie_walk(&image->zones, key, 0, &walk);
    place = choose_place(&walk, key, type);
    *apex_labels = place.apex_labels;
    return place.item;
}

const struct zone_wire_set *zone_view_find_record_set(const struct zone_image *image,
                                                      const struct zone_view *view,
                                                      const uint8_t *name, uint16_t type,
                                                      const struct zone **out)
{
    struct zone_match match = {.set = NULL};
    struct zone_trie_walk walk;
    struct zone_key key;
    unsigned apex_labels;

    zone__key_init(&key, name, dns_name_len(name) - 1);
    const struct zone *zone = find_zone(image, view, &key, type, &apex_labels);
    if (out)
        *out = zone;
    if (!zone)
        return NULL;
    zone__trie_walk(&zone->names, &key, apex_labels, &walk);
    if (!walk.is_exact || is_stopped(&walk, &key, type, &match))
        return NULL;
    return zone__node_find(walk.leaf->ref, type);
}

const struct zone_wire_set *zone_find_record_set(const struct zone_image *image,
                                                 const uint8_t *name, uint16_t type)
{
    return zone_view_find_record_set(image, NULL, name, type, NULL);
}

const struct zone_wire_set *zone_find_glue(const struct zone *zone, const uint8_t *name,
                                           uint16_t type)
{
    const unsigned apex_labels = dns_name_label_count(zone__apex(zone));
    uint8_t wildcard[DNS_NAME_MAX];
    struct zone_trie_walk walk;
    struct zone_key key;

    if (!dns_name_is_within(name, zone__apex(zone)))
        return NULL;
    zone__key_init(&key, name, dns_name_len(name) - 1);
    zone__trie_walk(&zone->names, &key, apex_labels, &walk);
    if (!walk.is_exact && walk.label_count < key.label_count) {
        zone__key_to_wildcard(&key, walk.label_count, wildcard);
        zone__trie_walk(&zone->names, &key, apex_labels, &walk);
    }
    return walk.is_exact ? zone__node_find(walk.leaf->ref, type) : NULL;
}

const struct zone_wire_set *zone_find_external(const struct zone_image *image, const uint8_t *name,
                                               uint16_t type)
{
    struct zone_trie_walk walk;
    struct zone_key key;

    zone__key_init(&key, name, dns_name_len(name) - 1);
    zone__trie_walk(&image->externals, &key, 0, &walk);
    return walk.is_exact ? zone__node_find(walk.leaf->ref, type) : NULL;
}

void zone_view_find_target(const struct zone_image *image, const struct zone_view *view,
                           const uint8_t *name, uint16_t type, struct zone_target *out)
{
    struct zone_match match;

    zone_view_lookup(image, view, name, type, &match);
    if (match.outcome == ZONE_OUTCOME_NONE || match.outcome == ZONE_OUTCOME_DELEGATION)
        *out =
            (struct zone_target){.set = zone_find_external(image, name, type), .is_external = true};
    else
        *out = (struct zone_target){.set = match.outcome == ZONE_OUTCOME_ANSWER ? match.set : NULL,
                                    .zone = match.zone};
}

void zone_find_target(const struct zone_image *image, const uint8_t *name, uint16_t type,
                      struct zone_target *out)
{
    zone_view_find_target(image, NULL, name, type, out);
}

const uint8_t *zone_apex(const struct zone *zone)
{
    return zone__apex(zone);
}
