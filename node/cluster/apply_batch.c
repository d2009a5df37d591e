#include "cluster/apply_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/type.h"
#include "proto/command.pb-c.h"

/* ---- each set once ---- */

struct key {
    const Cmd__RecordSet *set;
    size_t at; /* place of the change */
};

static int compare_octets(const void *a, size_t a_len, const void *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    int order = common > 0 ? memcmp(a, b, common) : 0;

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Names may differ in case. */
static int compare_names(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    for (size_t i = 0; i < a->len; i++) {
        int order = dns_octet_lower(a->data[i]) - dns_octet_lower(b->data[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

static int compare_keys(const struct key *a, const struct key *b)
{
    int order = compare_names(&a->set->name, &b->set->name);

    if (order == 0)
        order = (a->set->type > b->set->type) - (a->set->type < b->set->type);
    return order != 0 ? order
                      : compare_octets(a->set->set_identifier, strlen(a->set->set_identifier),
                                       b->set->set_identifier, strlen(b->set->set_identifier));
}

static int compare_places(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int order = compare_keys(x, y);

    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static int refuse_twice(struct apply *apply, const Cmd__RecordSet *set)
{
    uint8_t name[DNS_NAME_MAX];
    char text[DNS_NAME_TEXT_SIZE], type[APPLY__TYPE_TEXT_SIZE];

    dns_name_lower(set->name.data, name);
    dns_name_format_octal(name, text);
    apply__type_text((uint16_t)set->type, type);
    return apply__refuse(apply, ERR_CONFLICT,
                         "The request contains an invalid set of changes for a resource record "
                         "set '%s %s'",
                         type, text);
}

/* @count changes of one set, in order. */
static bool is_legal(const Cmd__ChangeRecordSets *command, const struct key *keys, size_t count)
{
    return count == 1 ||
           (count == 2 && command->changes[keys[0].at]->action == CMD__ACTION__ACTION_DELETE &&
            command->changes[keys[1].at]->action != CMD__ACTION__ACTION_DELETE);
}

int apply__check_keys(struct apply *apply, const struct Cmd__ChangeRecordSets *command)
{
    size_t count = 0;
    int rc = 0;

    if (command->n_changes < 2)
        return 0;
    struct key *keys = arena_alloc(apply->scratch, command->n_changes * sizeof(*keys));
    if (!keys)
        return ERR_NOMEM;
    for (size_t i = 0; i < command->n_changes; i++) {
        const Cmd__RecordSet *set = command->changes[i]->record_set;
        if (set && set->name.len > 0 && set->type <= UINT16_MAX &&
            dns_name_check(set->name.data, set->name.len) == (int)set->name.len)
            keys[count++] = (struct key){set, i}; /* others are refused in their turn */
    }
    qsort(keys, count, sizeof(*keys), compare_places);
    for (size_t i = 0; i < count && rc == 0;) {
        size_t same = 1;
        while (i + same < count && compare_keys(&keys[i], &keys[i + same]) == 0)
            same++;
        if (!is_legal(command, &keys[i], same))
            rc = apply__collect(apply, refuse_twice(apply, keys[i].set));
        i += same;
    }
    return rc == 0 ? apply__refuse_collected(apply) : rc;
}

/* ---- what DELETE names ---- */

static bool are_records_equal(const struct state_record_set *before,
                              const struct state_record_set *wanted)
{
    struct state_record_set a = *before, b = *wanted;

    a.routing = b.routing = NULL;
    a.routing_len = b.routing_len = 0;
    return state_set_is_equal(&a, &b);
}

static bool is_alias_equal(const struct zone_routing *before, const struct zone_routing *wanted)
{
    if (before->is_alias != wanted->is_alias)
        return false;
    if (!before->is_alias)
        return true;
    return before->evaluate_target_health == wanted->evaluate_target_health &&
           dns_name_is_equal(before->alias_target, wanted->alias_target) &&
           (before->hosted_zone_id[0] == '\0' || wanted->hosted_zone_id[0] == '\0' ||
            strcmp(before->hosted_zone_id, wanted->hosted_zone_id) == 0);
}

static bool is_policy_equal(const struct zone_routing *before, const struct zone_routing *wanted)
{
    if (wanted->kind == POLICY_SIMPLE)
        return true; /* left out */
    return before->kind == wanted->kind && before->weight == wanted->weight &&
           strcmp(before->region, wanted->region) == 0 &&
           strcmp(before->continent, wanted->continent) == 0 &&
           strcmp(before->country, wanted->country) == 0 &&
           strcmp(before->subdivision, wanted->subdivision) == 0 &&
           before->has_coordinates == wanted->has_coordinates &&
           before->latitude_cdeg == wanted->latitude_cdeg &&
           before->longitude_cdeg == wanted->longitude_cdeg && before->bias == wanted->bias &&
           before->is_secondary == wanted->is_secondary &&
           strcmp(before->cidr_collection_id, wanted->cidr_collection_id) == 0 &&
           strcmp(before->cidr_location, wanted->cidr_location) == 0;
}

bool apply__matches(const struct state_record_set *before, const struct apply__set *wanted)
{
    static const struct zone_routing simple = {.kind = POLICY_SIMPLE};
    const struct zone_routing *named = wanted->zone.routing ? wanted->zone.routing : &simple;
    struct zone_routing stored = simple;

    if (before->routing &&
        state_routing_decode(kv_slice(before->routing, before->routing_len), &stored) != 0)
        return false;
    return are_records_equal(before, &wanted->state) && is_alias_equal(&stored, named) &&
           is_policy_equal(&stored, named) &&
           (named->health_check_id[0] == '\0' ||
            strcmp(stored.health_check_id, named->health_check_id) == 0);
}

/* ---- what Route 53 has no words for ---- */

struct found {
    struct apply *apply;
    const struct apply__set *set;
    struct zone_routing routing;
    bool is_there;
};

/* The set itself, or else the first of its group. */
static int on_member(void *user, const struct state_record_set *member)
{
    struct found *found = user;
    const struct state_record_set *set = &found->set->state;
    bool is_same = compare_octets(member->set_identifier, member->set_identifier_len,
                                  set->set_identifier, set->set_identifier_len) == 0;

    if (!member->routing || (found->is_there && !is_same))
        return 0;
    uint8_t *octets = arena_copy(found->apply->scratch, member->routing, member->routing_len);
    int rc = octets ? state_routing_decode(kv_slice(octets, member->routing_len), &found->routing)
                    : ERR_NOMEM;
    found->is_there = true;
    return rc != 0 ? rc : is_same;
}

static bool has_extensions(const struct zone_routing *routing)
{
    return routing->is_sticky || routing->answers_max > 0 ||
           routing->all_down != POLICY_ALL_DOWN_OPEN;
}

int apply__keep_extensions(struct apply *apply, uint64_t content, struct apply__set *set)
{
    struct found found = {.apply = apply, .set = set};

    if (!apply->may_have_routed || !set->zone.routing)
        return 0;
    int rc = state_list_group(apply__kv(apply), content, set->state.name, set->state.type,
                              on_member, &found);
    if (rc != 0 || !found.is_there || !has_extensions(&found.routing) ||
        found.routing.kind != set->zone.routing->kind)
        return rc;
    struct zone_routing *routing = arena_alloc(apply->scratch, sizeof(*routing));
    if (!routing)
        return ERR_NOMEM;
    *routing = *set->zone.routing;
    routing->is_sticky = found.routing.is_sticky;
    routing->answers_max = found.routing.answers_max;
    routing->all_down = found.routing.all_down;
    routing->fallback = found.routing.fallback;
    return apply__set_routing(apply, routing, set);
}
