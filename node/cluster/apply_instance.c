/* node/cluster/apply_instance.c: instances of traffic policies: record sets that come and go as one
 * tree. The proposer made them of the policy's document; here they are checked as any others are,
 * and that they keep to the names of the instance. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/apply_batch.h"
#include "cluster/apply_routing.h"
#include "cluster/apply_traffic.h"
#include "cluster/apply_zone.h"
#include "proto/command.pb-c.h"
#include "store/state_limit.h"
#include "zone/hidden.h"

/* ---- what people may not touch ---- */

int apply__check_no_instance(struct apply *apply, const struct state_zone *zone, const char *error)
{
    bool has_instance;
    int rc = state_has_traffic_instance(apply__kv(apply), zone->id, &has_instance);

    if (rc != 0 || !has_instance)
        return rc;
    return apply__refuse_as(apply, ERR_CONFLICT, error,
                            "The zone has traffic policy instances: delete them first (quartet "
                            "traffic-instance list)");
}

static int note_hidden(void *user, const struct state_record_set *set)
{
    *(bool *)user = set->is_hidden;
    return 1;
}

int apply__check_by_hand(struct apply *apply, const struct state_zone *zone,
                         const struct state_record_set *set, const struct state_record_set *before)
{
    char text[APPLY__SET_TEXT_SIZE];
    bool is_hidden = false;
    int rc = 0;

    if (!before && set->name[0] == ZONE_HIDDEN_LABEL_LEN) /* it could join a hidden group */
        rc = state_list_group(apply__kv(apply), zone->content, set->name, set->type, note_hidden,
                              &is_hidden);
    if (rc != 0 || !(is_hidden || (before && before->instance_id)))
        return rc;
    apply__set_text(set, text);
    return apply__refuse(apply, ERR_CONFLICT,
                         "Resource record set %s belongs to a traffic policy instance: update or "
                         "delete the instance",
                         text);
}

/* ---- one tree in place of another ---- */

struct swap {
    struct apply *apply;
    struct state_zone zone;
    struct state_traffic_instance instance;
    const struct state_record_set **old; /* as they are stored, in scratch memory */
    size_t old_count, old_capacity;
    const struct state_record_set **new; /* as they come */
    size_t new_count;
    struct apply__actions actions;
};

static int add_old(struct swap *swap, const struct state_record_set *set)
{
    struct arena *arena = swap->apply->scratch;
    const struct state_record_set *stored = NULL;

    if (swap->old_count == swap->old_capacity) {
        size_t capacity = swap->old_capacity * 2 + 64;
        const struct state_record_set **longer = arena_alloc(arena, capacity * sizeof(*longer));
        if (!longer)
            return ERR_NOMEM;
        if (swap->old_count > 0)
            memcpy(longer, swap->old, swap->old_count * sizeof(*longer));
        swap->old = longer;
        swap->old_capacity = capacity;
    }
    struct state_record_set which = *set;
    which.name = arena_copy(arena, set->name, dns_name_len(set->name));
    which.set_identifier = arena_copy(arena, set->set_identifier, set->set_identifier_len);
    if (!which.name || !which.set_identifier)
        return ERR_NOMEM;
    int rc = apply__read_set(swap->apply, swap->zone.content, &which, &stored);
    if (rc == 0)
        rc = apply__charge(swap->apply, stored);
    if (rc == 0)
        swap->old[swap->old_count++] = stored;
    return rc;
}

static int on_hidden(void *user, const struct state_record_set *set)
{
    struct swap *swap = user;
    const uint8_t *at = set->name;

    while (!dns_name_is_root(at) && !zone_hidden_is_of(at, swap->instance.id))
        at = dns_name_skip(at, 1);
    if (dns_name_is_root(at))
        return 1; /* they are neighbours, but for what people put below them */
    return at == set->name && state_set_is_of(set, swap->instance.id) ? add_old(swap, set) : 0;
}

/* The sets that the instance made. */
static int read_old(struct swap *swap)
{
    const struct kv *kv = apply__kv(swap->apply);
    uint8_t first[DNS_NAME_MAX];
    const struct state_record_set *root = NULL;
    struct state_record_set which = {.name = swap->instance.name, .type = swap->instance.type};
    struct state_set_start start = {.name = first};
    int rc = apply__read_set(swap->apply, swap->zone.content, &which, &root);

    if (rc == 0 && root && state_set_is_of(root, swap->instance.id))
        rc = add_old(swap, root);
    if (rc != 0 || zone_hidden_name(swap->zone.name, swap->instance.id, 0, first) != 0)
        return rc;
    return state_list_record_sets(kv, swap->zone.content, &start, on_hidden, swap);
}

/* Is the set one that this instance may make? */
static int check_place(struct swap *swap, const Cmd__RecordSet *from,
                       const struct state_record_set *set)
{
    const struct state_traffic_instance *instance = &swap->instance;
    unsigned label_len = 1 + ZONE_HIDDEN_LABEL_LEN;
    bool is_good =
        strcmp(from->traffic_instance_id, instance->id) == 0 && set->type == instance->type;

    if (is_good && from->is_hidden)
        is_good = zone_hidden_is_of(set->name, instance->id) &&
                  dns_name_is_equal(set->name + label_len, swap->zone.name);
    else if (is_good)
        is_good = dns_name_is_equal(set->name, instance->name) && set->set_identifier_len == 0;
    if (is_good)
        return 0;
    return apply__refuse(swap->apply, ERR_INVALID,
                         "a record set of the traffic policy instance has no place in it");
}

static int refuse_taken(struct apply *apply, const struct state_record_set *set)
{
    char text[APPLY__SET_TEXT_SIZE];

    apply__set_text(set, text);
    return apply__refuse_as(apply, ERR_EXISTS, "InvalidInput",
                            "Tried to create resource record set %s but it already exists", text);
}

static int act(struct swap *swap, const struct state_record_set *before,
               const struct state_record_set *after)
{
    struct apply *apply = swap->apply;
    struct state_action *action = &swap->actions.list[swap->actions.count++];
    const struct state_record_set *set = after ? after : before;
    int rc;

    ASSERT(swap->actions.count <= swap->actions.capacity);
    *action = (struct state_action){before, after};
    if (!set->is_hidden)
        swap->zone.record_set_count += (uint64_t)((after != NULL) - (before != NULL));
    if (after)
        rc = state_put_record_set(apply->overlay, swap->zone.content, before, after);
    else
        rc = state_delete_record_set(apply->overlay, swap->zone.content, before);
    if (rc != 0 || apply__is_deferred(action))
        return rc;
    return apply__tell_set(apply, after ? APPLY_RECORD_SET_PUT : APPLY_RECORD_SET_REMOVED,
                           &swap->zone, set);
}

static int put_new(struct swap *swap, const Cmd__RecordSet *from)
{
    struct apply *apply = swap->apply;
    const struct state_record_set *before = NULL;
    struct apply__set *set = arena_alloc(apply->scratch, sizeof(*set));
    int rc = set ? apply__take_set(apply, &swap->zone, from, set) : ERR_NOMEM;

    if (rc == 0)
        rc = check_place(swap, from, &set->state);
    if (rc == 0 && set->zone.routing)
        rc = apply__check_references(apply, set->zone.routing);
    if (rc == 0)
        rc = apply__read_set(apply, swap->zone.content, &set->state, &before);
    if (rc == 0 && before && !state_set_is_of(before, swap->instance.id))
        rc = refuse_taken(apply, before);
    if (rc != 0)
        return rc;
    set->state.instance_id = arena_copy(apply->scratch, swap->instance.id, STATE_SET_INSTANCE_LEN);
    set->state.is_hidden = from->is_hidden;
    if (!set->state.instance_id)
        return ERR_NOMEM;
    swap->new[swap->new_count++] = &set->state;
    return before && state_set_is_equal(before, &set->state) ? 0 : act(swap, before, &set->state);
}

static bool is_same_key(const struct state_record_set *a, const struct state_record_set *b)
{
    return a->type == b->type && a->set_identifier_len == b->set_identifier_len &&
           (a->set_identifier_len == 0 ||
            memcmp(a->set_identifier, b->set_identifier, a->set_identifier_len) == 0) &&
           dns_name_is_equal(a->name, b->name);
}

/* Both trees are small (COMMAND_INSTANCE_SETS_MAX): no table is needed. */
static int delete_old(struct swap *swap)
{
    int rc = 0;

    for (size_t i = 0; i < swap->old_count && rc == 0; i++) {
        size_t k = 0;
        while (k < swap->new_count && !is_same_key(swap->old[i], swap->new[k]))
            k++;
        if (k == swap->new_count)
            rc = act(swap, swap->old[i], NULL);
    }
    return rc;
}

static int make_room(struct swap *swap, size_t new_count)
{
    struct arena *arena = swap->apply->scratch;

    swap->actions.capacity = swap->old_count + new_count;
    swap->actions.list =
        arena_alloc(arena, (swap->actions.capacity + 1) * sizeof(*swap->actions.list));
    swap->new = arena_alloc(arena, (new_count + 1) * sizeof(*swap->new));
    return swap->actions.list && swap->new ? 0 : ERR_NOMEM;
}

/* Put @sets in place of what the instance made, as one change of the zone. */
static int swap_sets(struct swap *swap, Cmd__RecordSet *const *sets, size_t count,
                     const char *change_id)
{
    struct apply *apply = swap->apply;
    struct state_change change;
    int rc = apply__check_new_change(apply, change_id);

    if (rc == 0)
        rc = read_old(swap);
    if (rc == 0)
        rc = make_room(swap, count);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = put_new(swap, sets[i]);
    if (rc == 0)
        rc = delete_old(swap);
    if (rc == 0)
        rc = apply__finish_actions(apply, &swap->zone, &swap->actions, false);
    if (rc != 0)
        return rc;
    swap->zone.changed_index = apply->index;
    apply__write_zone(apply, &swap->zone);
    apply__start_change(apply, &swap->zone, STATE_CHANGE_RECORD_SETS, change_id, &change);
    snprintf(change.comment, sizeof(change.comment), "traffic policy instance %s",
             swap->instance.id);
    change.action_count = (uint32_t)swap->actions.count;
    apply__name_result(apply, swap->instance.id);
    return apply__journal(apply, &change, swap->actions.list);
}

/* ---- the commands ---- */

static int count_instances(struct apply *apply, int change)
{
    struct state_traffic_counters counters;
    int rc = state_get_traffic_counters(apply__kv(apply), &counters);

    if (rc == 0 && change > 0)
        rc = apply__check_limit(apply, STATE_LIMIT_TRAFFIC_INSTANCES, counters.instance_count,
                                "TooManyTrafficPolicyInstances");
    if (rc != 0)
        return rc;
    ASSERT(change > 0 || counters.instance_count > 0);
    counters.instance_count += (uint64_t)(int64_t)change;
    state_put_traffic_counters(apply->overlay, &counters);
    return 0;
}

static int read_instance(struct apply *apply, const char *id, struct state_traffic_instance *out)
{
    int rc = apply__check_uuid(apply, "the traffic policy instance's id", id);

    if (rc == 0)
        rc = state_get_traffic_instance(apply__kv(apply), id, out);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, ERR_NOT_FOUND, "NoSuchTrafficPolicyInstance",
                                "No traffic policy instance exists with ID %.36s", id);
    return rc;
}

/* Fill what makes a new instance, or refuse. */
static int begin_new(struct swap *swap, const Cmd__PutTrafficInstance *command)
{
    struct apply *apply = swap->apply;
    struct state_traffic_instance *instance = &swap->instance, other;
    int rc = apply__check_uuid(apply, "the traffic policy instance's id", command->instance_id);

    if (rc == 0 &&
        (command->name.len == 0 ||
         dns_name_check(command->name.data, command->name.len) != (int)command->name.len))
        rc = apply__refuse(apply, ERR_INVALID, "the name is not well formed");
    if (rc != 0)
        return rc;
    memcpy(instance->id, command->instance_id, sizeof(instance->id));
    dns_name_lower(command->name.data, instance->name);
    memcpy(instance->zone_id, swap->zone.id, sizeof(instance->zone_id));
    instance->type = (uint16_t)command->type;
    instance->created_index = apply->index;
    if (swap->zone.is_private)
        return apply__refuse_as(apply, ERR_INVALID, "InvalidInput",
                                "Traffic policy instances are for public hosted zones");
    rc = state_find_traffic_instance(apply__kv(apply), swap->zone.id, instance->name,
                                     instance->type, &other);
    if (rc == ERR_NOT_FOUND)
        rc = state_get_traffic_instance(apply__kv(apply), instance->id, &other);
    if (rc == 0)
        return apply__refuse_as(apply, ERR_EXISTS, "TrafficPolicyInstanceAlreadyExists",
                                "There is already a traffic policy instance with this name and "
                                "type: %s",
                                other.id);
    return rc == ERR_NOT_FOUND ? count_instances(apply, 1) : rc;
}

static int check_same_place(struct swap *swap, const Cmd__PutTrafficInstance *command)
{
    const struct state_traffic_instance *instance = &swap->instance;

    if (command->type != instance->type)
        return apply__refuse_as(swap->apply, ERR_CONFLICT, "ConflictingTypes",
                                "You tried to update a traffic policy instance by using a traffic "
                                "policy version that has a different DNS type than the current "
                                "type for the instance.");
    if (command->name.len == dns_name_len(instance->name) &&
        dns_name_check(command->name.data, command->name.len) == (int)command->name.len &&
        dns_name_is_equal(command->name.data, instance->name) &&
        strcmp(command->zone_id, instance->zone_id) == 0)
        return 0;
    return apply__refuse(swap->apply, ERR_CONFLICT, "the instance is at another place");
}

static int check_policy(struct apply *apply, const Cmd__PutTrafficInstance *command)
{
    struct state_traffic_policy policy;
    struct state_traffic_version version;
    int rc =
        apply__read_policy(apply, command->policy_id, command->policy_version, &policy, &version);

    if (rc == 0 && (version.type != command->type || command->n_record_sets == 0))
        rc = apply__refuse(apply, ERR_INVALID, "these are no record sets of this policy");
    if (rc == 0 && command->ttl_s > ZONE_TTL_S_MAX)
        rc = apply__refuse(apply, ERR_INVALID, "a TTL is 0 to %u", ZONE_TTL_S_MAX);
    return rc;
}

int apply__put_instance(struct apply *apply, const struct Cmd__PutTrafficInstance *command)
{
    struct swap swap = {.apply = apply};
    struct state_traffic_instance old;
    int rc = check_policy(apply, command);

    if (rc == 0 && !command->is_new)
        rc = read_instance(apply, command->instance_id, &old);
    if (rc == 0)
        rc = apply__read_zone(apply, command->zone_id, &swap.zone);
    if (rc == 0 && command->is_new) {
        rc = begin_new(&swap, command);
    } else if (rc == 0) {
        swap.instance = old;
        rc = check_same_place(&swap, command);
    }
    if (rc != 0)
        return rc;
    swap.instance.ttl_s = command->ttl_s;
    swap.instance.policy_version = command->policy_version;
    memcpy(swap.instance.policy_id, command->policy_id, sizeof(swap.instance.policy_id));
    swap.instance.changed_index = apply->index;
    rc = swap_sets(&swap, command->record_sets, command->n_record_sets, command->change_id);
    if (rc == 0)
        state_put_traffic_instance(apply->overlay, command->is_new ? NULL : &old, &swap.instance);
    return rc;
}

int apply__delete_instance(struct apply *apply, const struct Cmd__DeleteTrafficInstance *command)
{
    struct swap swap = {.apply = apply};
    int rc = read_instance(apply, command->instance_id, &swap.instance);

    if (rc == 0)
        rc = apply__read_zone(apply, swap.instance.zone_id, &swap.zone);
    if (rc == 0)
        rc = swap_sets(&swap, NULL, 0, command->change_id);
    if (rc == 0)
        rc = count_instances(apply, -1);
    if (rc == 0)
        state_delete_traffic_instance(apply->overlay, &swap.instance);
    return rc;
}
