#include "zone/lookup.h"

#include "dns/name.h"
#include "dns/type.h"
#include "zone/node.h"
#include "zone/publisher.h"

#include <string.h>

/* A zone that holds a name, and the labels of its apex. */
struct place {
    const struct zone *zone;
    unsigned apex_labels;
};

/* The deepest zone at or above the name; @is_strict: above it. */
static struct place find_place(const struct zone_image *image, const struct zone_key *key,
                               bool is_strict)
{
    struct zone_trie_walk walk;

    zone__trie_walk(&image->zones, key, 0, &walk);
    if (walk.is_exact && !is_strict)
        return (struct place){walk.leaf->ref, key->label_count};
    if (walk.ancestor_count == 0)
        return (struct place){NULL, 0};
    const struct zone_trie_ancestor *deepest = &walk.ancestors[walk.ancestor_count - 1];
    return (struct place){deepest->leaf->ref, deepest->label_count};
}

/* DS is the one type whose authority is above the cut (RFC 4035 3.1.4.1). */
static struct place choose_place(const struct zone_image *image, const struct zone_key *key,
                                 uint16_t qtype)
{
    struct place place = find_place(image, key, false);

    if (qtype == DNS_TYPE_DS && place.zone && place.apex_labels == key->label_count) {
        struct place parent = find_place(image, key, true);
        if (parent.zone)
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
 * closest encloser, and only that one. */
static void answer_below(const struct place *place, const struct zone_key *key,
                         unsigned encloser_labels, uint16_t qtype, struct zone_match *out)
{
    const unsigned offset = key->offsets[encloser_labels];
    uint8_t wildcard[DNS_NAME_MAX] = {1, '*'};
    const unsigned suffix_len = key->offsets[0] - offset;
    struct zone_key wildcard_key;
    struct zone_trie_walk walk;

    out->encloser_offset = (uint8_t)offset;
    memcpy(wildcard + 2, key->name + offset, suffix_len);
    zone__key_init(&wildcard_key, wildcard, 2 + suffix_len);
    zone__trie_walk(&place->zone->names, &wildcard_key, place->apex_labels, &walk);
    if (walk.label_count < wildcard_key.label_count) {
        out->outcome = ZONE_OUTCOME_NXDOMAIN;
        return;
    }
    out->is_wildcard = true;
    if (walk.is_exact)
        answer_from(walk.leaf->ref, qtype, out);
    else /* an empty non-terminal is a wildcard too (RFC 4592 2.2.2) */
        out->outcome = ZONE_OUTCOME_NODATA;
}

void zone_lookup(const struct zone_image *image, const uint8_t *name, uint16_t qtype,
                 struct zone_match *out)
{
    struct zone_trie_walk walk;
    struct zone_key key;

    *out = (struct zone_match){.outcome = ZONE_OUTCOME_NONE};
    zone__key_init(&key, name, dns_name_len(name) - 1);
    struct place place = choose_place(image, &key, qtype);
    if (!place.zone)
        return;
    out->zone = place.zone;
    out->soa = place.zone->soa;
    out->negative_ttl_s = place.zone->negative_ttl_s;
    out->apex_offset = key.offsets[place.apex_labels];
    zone__trie_walk(&place.zone->names, &key, place.apex_labels, &walk);
    if (is_stopped(&walk, &key, qtype, out))
        return;
    if (walk.is_exact)
        answer_from(walk.leaf->ref, qtype, out);
    else if (walk.label_count == key.label_count) /* an empty non-terminal */
        out->outcome = ZONE_OUTCOME_NODATA;
    else
        answer_below(&place, &key, walk.label_count, qtype, out);
}

const struct zone_wire_set *zone_find_record_set(const struct zone_image *image,
                                                 const uint8_t *name, uint16_t type)
{
    struct zone_match match = {.set = NULL};
    struct zone_trie_walk walk;
    struct zone_key key;

    zone__key_init(&key, name, dns_name_len(name) - 1);
    struct place place = choose_place(image, &key, type);
    if (!place.zone)
        return NULL;
    zone__trie_walk(&place.zone->names, &key, place.apex_labels, &walk);
    if (!walk.is_exact || is_stopped(&walk, &key, type, &match))
        return NULL;
    return zone__node_find(walk.leaf->ref, type);
}

const struct zone_wire_set *zone_find_glue(const struct zone *zone, const uint8_t *name,
                                           uint16_t type)
{
    struct zone_trie_walk walk;
    struct zone_key key;

    if (!dns_name_is_within(name, zone->apex))
        return NULL;
    zone__key_init(&key, name, dns_name_len(name) - 1);
    zone__trie_walk(&zone->names, &key, dns_name_label_count(zone->apex), &walk);
    return walk.is_exact ? zone__node_find(walk.leaf->ref, type) : NULL;
}

const uint8_t *zone_apex(const struct zone *zone)
{
    return zone->apex;
}
