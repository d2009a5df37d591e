/* node/cluster/apply_alias.c: where aliases lead. The walk goes through all zones of the cluster,
 * as answers do, and is bounded: what is refused here would be answered with SERVFAIL at best, and
 * a command must not cost more than it is worth. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_internal.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/hidden.h"

#define LEVELS_MAX 16u     /* groups on one path, as in an answer */
#define NODES_MAX 4096u    /* groups of one command's walk */
#define WALKED_MAX 200000u /* record sets looked at for one entry */
#define CHAIN_TEXT_SIZE 160u
#define SLOTS (NODES_MAX * 2) /* of the table, a power of two */

/* A group, or a lone set. */
struct node {
    uint64_t content;
    const uint8_t *name;
    uint16_t type;
    uint8_t height; /* groups on the longest path from here, this one too; 0: on the path now */
};

struct walk {
    struct apply *apply;
    const struct state_zone *zone; /* whose sets were written */
    bool by_route53;
    bool is_refused; /* there is a loop, or it is too long: looked for no further */
    struct node nodes[NODES_MAX];
    uint16_t slots[SLOTS]; /* 0, or 1 + the place in nodes */
    size_t node_count;
    const struct node *path[LEVELS_MAX + 1];
    unsigned path_count;
};

static uint32_t hash_name(uint64_t content, const uint8_t *name, uint16_t type)
{
    uint32_t hash = 2166136261u ^ type ^ (uint32_t)content; /* FNV-1a */

    for (unsigned i = 0, len = dns_name_len(name); i < len; i++)
        hash = (hash ^ name[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* The slot of a node, or the empty one where it would be. */
static uint16_t *find_slot(struct walk *walk, uint64_t content, const uint8_t *name, uint16_t type)
{
    uint32_t at = hash_name(content, name, type) % SLOTS;

    for (;; at = (at + 1) % SLOTS) {
        const struct node *node = walk->slots[at] ? &walk->nodes[walk->slots[at] - 1] : NULL;
        if (!node ||
            (node->content == content && node->type == type && dns_name_is_equal(node->name, name)))
            return &walk->slots[at];
    }
}

static int refuse_size(struct walk *walk, const char *what, unsigned most)
{
    return apply__refuse(walk->apply, ERR_LIMIT, "these aliases lead through more than %u %s", most,
                         what);
}

static int refuse_loop(struct walk *walk, const struct node *again)
{
    char chain[CHAIN_TEXT_SIZE] = "", name[DNS_NAME_TEXT_SIZE], type[APPLY__TYPE_TEXT_SIZE];
    unsigned at = 0;
    size_t len = 0;

    while (walk->path[at] != again)
        at++;
    for (; at <= walk->path_count && len < sizeof(chain) - 8; at++) {
        dns_name_format_octal(at < walk->path_count ? walk->path[at]->name : again->name, name);
        int more =
            snprintf(chain + len, sizeof(chain) - len, "%s%.64s", len > 0 ? " -> " : "", name);
        len += (size_t)more;
    }
    apply__type_text(again->type, type);
    return apply__refuse(walk->apply, ERR_INVALID,
                         "this alias would lead back to itself (type %s): %s%s", type, chain,
                         at <= walk->path_count || len >= sizeof(chain) ? "..." : "");
}

/* The zone that answers for @name, seen from a set of @content in the zone that was written or one
 * it leads to, even if that zone is not the one of its name that is served: it may be later. A
 * private zone sees itself; other private zones of its VPCs may come and go, and are passed over:
 * what goes in a circle by way of one is left to the answer. */
static int zone_of(const struct walk *walk, uint64_t content, const uint8_t *name,
                   struct state_zone *out)
{
    const bool is_own = dns_name_is_within(name, walk->zone->name);
    if (walk->zone->is_private && is_own && content == walk->zone->content) {
        *out = *walk->zone;
        return 0;
    }
    int rc = state_get_zone_of_name(apply__kv(walk->apply), name, out);

    if ((rc == 0 || rc == ERR_NOT_FOUND) && !walk->zone->is_private && is_own &&
        (rc != 0 || dns_name_is_within(walk->zone->name, out->name))) {
        *out = *walk->zone;
        return 0;
    }
    return rc;
}

/* ---- what an alias finds (zone_lookup(), on the stored state) ---- */

enum found { FOUND, MISSING, OUTSIDE };

static int note_set(void *user, const struct state_record_set *set)
{
    (void)set;
    *(bool *)user = true;
    return 1;
}

static int has_type(struct walk *walk, uint64_t content, const uint8_t *name, uint16_t type,
                    bool *out)
{
    walk->apply->walked++;
    *out = false;
    return state_list_group(apply__kv(walk->apply), content, name, type, note_set, out);
}

struct existence {
    const uint8_t *name;
    bool is_there;
};

static int note_below(void *user, const struct state_record_set *set)
{
    struct existence *existence = user;

    existence->is_there = dns_name_is_within(set->name, existence->name);
    return 1;
}

/* Is there anything at the name or below it? */
static int exists(struct walk *walk, uint64_t content, const uint8_t *name, bool *out)
{
    struct existence existence = {.name = name};
    struct state_set_start start = {.name = name};

    walk->apply->walked++;
    int rc =
        state_list_record_sets(apply__kv(walk->apply), content, &start, note_below, &existence);
    *out = existence.is_there;
    return rc;
}

/* Is the name at or below a delegation? */
static int is_delegated(struct walk *walk, const struct state_zone *zone, const uint8_t *name,
                        bool *out)
{
    int rc = 0;

    *out = false;
    for (; rc == 0 && !*out && !dns_name_is_equal(name, zone->name); name = dns_name_skip(name, 1))
        rc = has_type(walk, zone->content, name, DNS_TYPE_NS, out);
    return rc;
}

/* The wildcard that stands in for @name, which is not there (RFC 4592), to @owner. */
static int find_wildcard(struct walk *walk, const struct state_zone *zone, const uint8_t *name,
                         uint8_t owner[DNS_NAME_MAX])
{
    bool is_there = false;
    int rc = 0;

    while (rc == 0 && !is_there && !dns_name_is_equal(name, zone->name)) {
        name = dns_name_skip(name, 1);
        rc = exists(walk, zone->content, name, &is_there);
    }
    if (rc == 0 && dns_name_join((const uint8_t *)"\1*", 2, name, owner) < 0)
        rc = ERR_LIMIT;
    return rc;
}

/* Where the alias's question ends in @zone: *@owner is @name, or a wildcard. */
static int find_target(struct walk *walk, const struct state_zone *zone, const uint8_t *name,
                       uint16_t type, uint8_t owner[DNS_NAME_MAX], enum found *out)
{
    bool is_there;
    int rc = is_delegated(walk, zone, name, &is_there);

    *out = OUTSIDE;
    if (rc != 0 || is_there)
        return rc;
    *out = FOUND;
    dns_name_lower(name, owner);
    rc = has_type(walk, zone->content, owner, type, &is_there);
    if (rc != 0 || is_there)
        return rc;
    *out = MISSING;
    rc = exists(walk, zone->content, owner, &is_there);
    if (rc != 0 || is_there)
        return rc;
    rc = find_wildcard(walk, zone, name, owner);
    if (rc == ERR_LIMIT)
        return 0;
    if (rc == 0)
        rc = has_type(walk, zone->content, owner, type, &is_there);
    if (rc == 0 && is_there)
        *out = FOUND;
    return rc;
}

/* ---- the walk ---- */

static int visit(struct walk *walk, uint64_t content, const uint8_t *name, uint16_t type,
                 unsigned *height);

/* ERR_LIMIT, which is refused, where the walk's memory is at its bound. */
static int out_of_room(const struct walk *walk)
{
    return arena_is_full(walk->apply->group) ? ERR_LIMIT : ERR_NOMEM;
}

/* Follow one alias, or fallback, of a group of @type. */
static int follow(struct walk *walk, const struct node *from, const uint8_t *target,
                  unsigned *height)
{
    uint8_t owner[DNS_NAME_MAX];
    struct state_zone zone;
    enum found found;
    int rc = zone_of(walk, from->content, target, &zone);

    *height = 0;
    if (rc == ERR_NOT_FOUND)
        return 0; /* outside of all zones */
    if (rc == 0)
        rc = find_target(walk, &zone, target, from->type, owner, &found);
    if (rc != 0 || found != FOUND)
        return rc;
    uint8_t *copy = arena_copy(walk->apply->group, owner, dns_name_len(owner));
    return copy ? visit(walk, zone.content, copy, from->type, height) : out_of_room(walk);
}

/* The names that the sets of one group lead to, each once if it comes several times in a row. */
struct target {
    struct target *next;
    uint8_t name[];
};
struct targets {
    struct walk *walk;
    struct target *last; /* the others behind it */
};

static int add_target(struct targets *targets, const uint8_t *name)
{
    if (!name || (targets->last && dns_name_is_equal(targets->last->name, name)))
        return 0;
    unsigned len = dns_name_len(name);
    struct target *target = arena_alloc(targets->walk->apply->group, sizeof(*target) + len);
    if (!target)
        return out_of_room(targets->walk);
    target->next = targets->last;
    memcpy(target->name, name, len);
    targets->last = target;
    return 0;
}

static int add_targets(void *user, const struct state_record_set *set)
{
    struct targets *targets = user;
    struct zone_routing routing;

    targets->walk->apply->walked++;
    if (!set->routing)
        return 0;
    int rc = state_routing_decode(kv_slice(set->routing, set->routing_len), &routing);
    if (rc == 0)
        rc = add_target(targets, routing.alias_target);
    return rc != 0 ? rc : add_target(targets, routing.fallback);
}

static int follow_all(struct walk *walk, const struct node *node, unsigned *height)
{
    struct targets targets = {.walk = walk};
    int rc = state_list_group(apply__kv(walk->apply), node->content, node->name, node->type,
                              add_targets, &targets);

    *height = 1;
    for (const struct target *target = targets.last; target && rc == 0; target = target->next) {
        unsigned below;
        rc = follow(walk, node, target->name, &below);
        if (rc == 0 && below + 1 > *height)
            *height = below + 1;
    }
    return rc == ERR_LIMIT ? refuse_size(walk, "record sets", NODES_MAX) : rc;
}

static int visit(struct walk *walk, uint64_t content, const uint8_t *name, uint16_t type,
                 unsigned *height)
{
    uint16_t *slot = find_slot(walk, content, name, type);

    if (*slot != 0) {
        const struct node *known = &walk->nodes[*slot - 1];
        *height = known->height;
        return known->height == 0 ? refuse_loop(walk, known) : 0;
    }
    if (walk->path_count == LEVELS_MAX)
        return refuse_size(walk, "levels", LEVELS_MAX);
    if (walk->node_count == NODES_MAX)
        return refuse_size(walk, "record sets", NODES_MAX);
    if (walk->apply->walked > WALKED_MAX)
        return apply__refuse(walk->apply, ERR_BUSY,
                             "too many aliases are looked through at once: try again, with fewer "
                             "changes in a batch");
    struct node *node = &walk->nodes[walk->node_count++];
    *node = (struct node){.content = content, .name = name, .type = type};
    *slot = (uint16_t)walk->node_count;
    walk->path[walk->path_count++] = node;
    int rc = follow_all(walk, node, height);
    walk->path_count--;
    if (rc == 0 && *height > LEVELS_MAX)
        rc = refuse_size(walk, "levels", LEVELS_MAX);
    if (rc == 0)
        node->height = (uint8_t)*height;
    return rc;
}

/* The zone that must hold the target of an alias: the one that @set is in; or, by Route 53, the
 * zone of the cluster that the alias names. ERR_NOT_FOUND: none must. */
static int find_holder(const struct walk *walk, const struct zone_routing *routing,
                       struct state_zone *out)
{
    const struct kv *kv = apply__kv(walk->apply);

    if (walk->by_route53 && routing->hosted_zone_id[0] != '\0')
        return state_get_zone(kv, routing->hosted_zone_id, out);
    int rc = zone_of(walk, walk->zone->content, routing->alias_target, out);
    return rc == 0 && strcmp(out->id, walk->zone->id) != 0 ? ERR_NOT_FOUND : rc;
}

static int refuse_target(struct walk *walk, const uint8_t *target, uint16_t set_type,
                         const struct state_zone *zone, const char *what)
{
    char name[DNS_NAME_TEXT_SIZE], type[APPLY__TYPE_TEXT_SIZE];

    dns_name_format_octal(target, name);
    apply__type_text(set_type, type);
    return apply__refuse(walk->apply, ERR_NOT_FOUND,
                         "Tried to create an alias that targets %s, type %s in zone %s, but %s",
                         name, type, zone->id, what);
}

static int note_hidden(void *user, const struct state_record_set *set)
{
    *(bool *)user = set->is_hidden;
    return 1;
}

/* The inner sets of traffic policies are not there for aliases that people make. */
static int find_hidden(struct walk *walk, uint64_t content, const uint8_t *name, uint16_t type,
                       enum found *out)
{
    bool is_hidden = false;
    int rc = 0;

    if (name[0] == ZONE_HIDDEN_LABEL_LEN)
        rc = state_list_group(apply__kv(walk->apply), content, name, type, note_hidden, &is_hidden);
    if (is_hidden)
        *out = MISSING;
    return rc;
}

/* A target that some zone of the cluster must hold is there. */
static int check_target(struct walk *walk, const struct state_record_set *set)
{
    uint8_t owner[DNS_NAME_MAX];
    struct zone_routing routing;
    struct state_zone zone;
    enum found found = MISSING;
    int rc = state_routing_decode(kv_slice(set->routing, set->routing_len), &routing);

    if (rc != 0 || !routing.is_alias)
        return rc;
    rc = find_holder(walk, &routing, &zone);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    if (dns_name_is_within(routing.alias_target, zone.name))
        rc = find_target(walk, &zone, routing.alias_target, set->type, owner, &found);
    else
        rc = apply__collect(walk->apply,
                            refuse_target(walk, routing.alias_target, set->type, &zone,
                                          "the alias target name does not lie within the target "
                                          "zone"));
    if (rc == 0 && found == FOUND && !set->instance_id)
        rc = find_hidden(walk, zone.content, owner, set->type, &found);
    if (rc != 0 || found != MISSING)
        return rc;
    return refuse_target(walk, routing.alias_target, set->type, &zone, "that target was not found");
}

int apply__check_aliases(struct apply *apply, const struct state_zone *zone,
                         const struct state_record_set *const *sets, size_t count, bool by_route53)
{
    arena_reset(apply->group);
    struct walk *walk = arena_alloc(apply->group, sizeof(*walk));
    int rc = walk ? 0 : ERR_NOMEM;

    if (walk) {
        memset(walk, 0, sizeof(*walk));
        walk->apply = apply;
        walk->zone = zone;
        walk->by_route53 = by_route53;
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        unsigned height;
        rc = apply__collect(apply, check_target(walk, sets[i]));
        if (rc == 0 && !walk->is_refused)
            rc = visit(walk, zone->content, sets[i]->name, sets[i]->type, &height);
        walk->is_refused =
            walk->is_refused || rc == APPLY__REFUSED; /* its path is not the walk's */
        rc = apply__collect(apply, rc);
    }
    return rc;
}
