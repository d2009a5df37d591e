/* node/cluster/apply_change.c: changes of a zone's record sets: one batch, all or nothing, in
 * order. All that is wrong with it is told (route53.md 4.3), not the first thing alone. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_batch.h"
#include "cluster/apply_guard.h"
#include "cluster/apply_routing.h"
#include "cluster/apply_traffic.h"
#include "cluster/apply_zone.h"
#include "dns/type.h"
#include "proto/command.pb-c.h"
#include "store/state_limit.h"

/* A batch at work. */
struct batch {
    struct apply *apply;
    const Cmd__ChangeRecordSets *command;
    struct state_zone zone;
    struct apply__actions actions; /* of the changes that are good by themselves */
};

static int refuse_missing(struct apply *apply, const struct state_record_set *set)
{
    char text[APPLY__SET_TEXT_SIZE];

    apply__set_text(set, text);
    return apply__refuse(apply, ERR_NOT_FOUND,
                         "Tried to delete resource record set %s but it was not found", text);
}

static int check_deleted(struct batch *batch, const struct apply__set *set,
                         const struct state_record_set *before)
{
    char text[APPLY__SET_TEXT_SIZE];

    if (!before)
        return refuse_missing(batch->apply, &set->state);
    if (state_set_is_equal(before, &set->state) ||
        (batch->command->by_route53 && apply__matches(before, set)))
        return 0;
    apply__set_text(&set->state, text);
    return apply__refuse(batch->apply, ERR_CONFLICT,
                         "Tried to delete resource record set %s but the values provided do not "
                         "match the current values",
                         text);
}

/* What must be there for a change, and what not. */
static int check_before(struct batch *batch, Cmd__Action action, const struct apply__set *set,
                        const struct state_record_set *before)
{
    char text[APPLY__SET_TEXT_SIZE];

    switch (action) {
    case CMD__ACTION__ACTION_CREATE:
        if (!before)
            return 0;
        apply__set_text(&set->state, text);
        return apply__refuse(batch->apply, ERR_EXISTS,
                             "Tried to create resource record set %s but it already exists", text);
    case CMD__ACTION__ACTION_DELETE: return check_deleted(batch, set, before);
    case CMD__ACTION__ACTION_UPSERT: return 0;
    default: return apply__refuse(batch->apply, ERR_INVALID, "a change has no action");
    }
}

/* Take the set of a change, check it by itself, and find what it takes the place of. */
static int take_change(struct batch *batch, const Cmd__Change *from, struct apply__set *set,
                       struct state_action *action)
{
    struct apply *apply = batch->apply;
    bool is_delete = from->action == CMD__ACTION__ACTION_DELETE;
    int rc = apply__copy_set(apply, from->record_set, set);

    if (rc == 0 && batch->command->by_route53 && !is_delete)
        rc = apply__keep_extensions(apply, batch->zone.content, set);
    /* What breaks the rules is not there to be deleted: it will not match. */
    if (rc == 0 && !(is_delete && batch->command->by_route53))
        rc = apply__check_set(apply, &batch->zone, set);
    /* A set whose health check is gone must be able to go, too. */
    if (rc == 0 && set->zone.routing && !is_delete)
        rc = apply__check_references(apply, set->zone.routing);
    if (rc == 0)
        rc = apply__read_set(apply, batch->zone.content, &set->state, &action->before);
    if (rc == 0 && action->before && batch->command->by_route53)
        rc = apply__charge(apply, action->before);
    if (rc == 0)
        rc = apply__check_by_hand(apply, &batch->zone, &set->state, action->before);
    return rc == 0 ? check_before(batch, from->action, set, action->before) : rc;
}

/* One change: what must be there, what is there then. */
static int change_set(struct batch *batch, const Cmd__Change *from)
{
    struct apply *apply = batch->apply;
    struct state_zone *zone = &batch->zone;
    struct state_action *action = &batch->actions.list[batch->actions.count];
    struct apply__set *set = arena_alloc(apply->scratch, sizeof(*set));

    if (!set)
        return ERR_NOMEM;
    *action = (struct state_action){NULL, NULL};
    int rc = take_change(batch, from, set, action);
    if (rc != 0)
        return rc;
    batch->actions.count++;
    if (from->action == CMD__ACTION__ACTION_DELETE) {
        rc = state_delete_record_set(apply->overlay, zone->content, action->before);
        zone->record_set_count--;
        if (rc != 0 || apply__is_deferred(action))
            return rc;
        return apply__tell_set(apply, APPLY_RECORD_SET_REMOVED, zone, &set->state);
    }
    action->after = &set->state;
    zone->record_set_count += !action->before;
    rc = state_put_record_set(apply->overlay, zone->content, action->before, &set->state);
    if (rc != 0 || apply__is_deferred(action))
        return rc;
    return apply__tell_set(apply, APPLY_RECORD_SET_PUT, zone, &set->state);
}

/* ---- the types of a name ---- */

/* Which rule of zone_rules_check_name() is broken, in Route 53's words where it has some. */
static int refuse_name(struct apply *apply, const struct state_zone *zone,
                       const struct state_action *action, const struct apply__types *types,
                       const char *problem)
{
    const struct state_record_set *set = action->after ? action->after : action->before;
    char name[DNS_NAME_TEXT_SIZE], apex[DNS_NAME_TEXT_SIZE], type[APPLY__TYPE_TEXT_SIZE];

    if (dns_name_is_equal(set->name, zone->name) && !apply__has_type(types, DNS_TYPE_SOA))
        return apply__refuse(apply, ERR_INVALID,
                             "A HostedZone must contain exactly one SOA record.");
    if (dns_name_is_equal(set->name, zone->name) && !apply__has_type(types, DNS_TYPE_NS))
        return apply__refuse(apply, ERR_INVALID,
                             "A HostedZone must contain at least one NS record for the zone "
                             "itself.");
    if (!action->after || !apply__has_type(types, DNS_TYPE_CNAME))
        return apply__refuse(apply, ERR_INVALID, "%s", problem);
    dns_name_format_octal(set->name, name);
    dns_name_format_octal(zone->name, apex);
    apply__type_text(set->type, type);
    if (set->type == DNS_TYPE_CNAME)
        return apply__refuse(apply, ERR_INVALID,
                             "RRSet of type CNAME with DNS name %s is not permitted as it "
                             "conflicts with other records with the same DNS name in zone %s",
                             name, apex);
    return apply__refuse(apply, ERR_INVALID,
                         "RRSet of type %s with DNS name %s is not permitted because a "
                         "conflicting RRSet of type CNAME with the same DNS name already exists "
                         "in zone %s",
                         type, name, apex);
}

/* The rules about the types of one name, all changes done. What was not touched obeyed them. */
static int check_name(struct apply *apply, const struct state_zone *zone,
                      const struct state_action *action)
{
    const struct state_record_set *set = action->after ? action->after : action->before;
    struct apply__types types;
    struct zone_problem problem;
    int rc = apply__read_types(apply, zone->content, action->after, set->name, &types);

    if (rc != 0)
        return rc;
    if (action->after && dns_name_is_equal(set->name, zone->name))
        apply__assume_apex(&types); /* not all types were read; what removes these is checked too */
    rc = zone_rules_check_name(zone->name, set->name, types.types, types.count, &problem);
    return rc != 0 ? refuse_name(apply, zone, action, &types, problem.text) : 0;
}

static int check_names(struct apply *apply, const struct state_zone *zone,
                       const struct apply__actions *actions)
{
    int rc = 0;

    for (size_t i = 0; i < actions->count && rc == 0; i++) {
        const struct state_action *action = &actions->list[i];
        if (apply__types_matter(action->before, action->after))
            rc = apply__collect(apply, check_name(apply, zone, action));
    }
    return rc;
}

static int forget_overrides(struct apply *apply, const struct state_zone *zone,
                            const struct apply__actions *actions)
{
    int rc = 0;

    for (size_t i = 0; i < actions->count && rc == 0; i++) {
        if (!actions->list[i].after)
            rc = apply__forget_override(apply, zone, actions->list[i].before);
    }
    return rc;
}

int apply__finish_actions(struct apply *apply, const struct state_zone *zone,
                          struct apply__actions *actions, bool by_route53)
{
    int rc = check_names(apply, zone, actions);

    if (rc == 0)
        rc = forget_overrides(apply, zone, actions);
    if (rc == 0)
        rc = apply__finish_groups(apply, zone, actions, by_route53);
    return rc == 0 ? apply__refuse_collected(apply) : rc;
}

/* ---- the batch ---- */

/* A request that is sent again, after its first reply was lost, is told what the first was. */
static int find_done(struct batch *batch, bool *is_done)
{
    struct apply *apply = batch->apply;
    const Cmd__ChangeRecordSets *command = batch->command;
    struct state_change change;

    *is_done = false;
    if (!command->is_request)
        return apply__check_new_change(apply, command->change_id);
    int rc = apply__check_id(apply, "change id", command->change_id, 'C');
    if (rc == 0)
        rc = state_get_change(apply__kv(apply), command->change_id, &change, NULL, NULL);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc != 0)
        return rc;
    if (change.kind != STATE_CHANGE_RECORD_SETS || strcmp(change.zone_id, command->zone_id) != 0)
        return apply__refuse(apply, ERR_EXISTS, "change %s is there", command->change_id);
    *is_done = true;
    return 0;
}

/* What is to be known before the first change. */
static int open_batch(struct batch *batch, bool *is_done)
{
    struct apply *apply = batch->apply;
    const Cmd__ChangeRecordSets *command = batch->command;
    size_t len = command->n_changes * sizeof(*batch->actions.list);
    int rc = apply__read_zone(apply, command->zone_id, &batch->zone);

    batch->actions.list = arena_alloc(apply->scratch, len + sizeof(*batch->actions.list));
    batch->actions.capacity = command->n_changes;
    if (!batch->actions.list)
        return ERR_NOMEM;
    if (rc == 0)
        rc = find_done(batch, is_done);
    if (rc == 0)
        rc = apply__check_text(apply, "comment", command->comment, STATE_COMMENT_SIZE);
    if (rc == 0 && command->n_changes == 0)
        rc = apply__refuse(apply, ERR_INVALID, "there are no changes");
    if (rc == 0 && command->by_route53)
        rc = apply__check_keys(apply, command);
    return rc;
}

static int run_batch(struct batch *batch)
{
    struct apply *apply = batch->apply;
    uint64_t set_count = batch->zone.record_set_count;
    int rc = 0;

    for (size_t i = 0; i < batch->command->n_changes && rc == 0; i++)
        rc = apply__collect(apply, change_set(batch, batch->command->changes[i]));
    if (rc == 0 && batch->zone.record_set_count > set_count)
        rc = apply__collect(apply, apply__check_limit(apply, STATE_LIMIT_RECORD_SETS,
                                                      batch->zone.record_set_count - 1, NULL));
    if (rc != 0)
        return rc;
    rc = apply__finish_actions(apply, &batch->zone, &batch->actions, batch->command->by_route53);
    return rc == 0 ? apply__check_guard(apply, &batch->zone, set_count, &batch->actions) : rc;
}

int apply__change_record_sets(struct apply *apply, const struct Cmd__ChangeRecordSets *command)
{
    struct batch batch = {.apply = apply, .command = command};
    struct state_change change;
    bool is_done = false;
    int rc = open_batch(&batch, &is_done);

    if (rc == 0 && is_done) {
        apply->result->outcome = APPLY_REPEATED;
        memcpy(apply->result->zone_id, batch.zone.id, sizeof(batch.zone.id));
        memcpy(apply->result->change_id, command->change_id, strlen(command->change_id) + 1);
        return 0;
    }
    if (rc == 0)
        rc = run_batch(&batch);
    if (rc != 0)
        return rc;
    batch.zone.changed_index = apply->index;
    apply__write_zone(apply, &batch.zone);
    apply__start_change(apply, &batch.zone, STATE_CHANGE_RECORD_SETS, command->change_id, &change);
    memcpy(change.comment, command->comment, strlen(command->comment) + 1);
    change.action_count = (uint32_t)batch.actions.count;
    return apply__journal(apply, &change, batch.actions.list);
}
