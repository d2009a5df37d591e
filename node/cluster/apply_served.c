/* node/cluster/apply_served.c: which of the public zones of one name is served. Route 53 gives each
 * its own name servers; here every node answers for all zones, so one of them has the name: the
 * first, until it is deleted or another one is activated. */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/apply_zone.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "store/state_zone.h"

#define SAME_NAME_MAX 100u /* public zones */

bool apply__is_shown(const struct state_zone *zone)
{
    return !zone->is_not_served && !zone->is_private;
}

int apply__place_zone(struct apply *apply, struct state_zone *zone, bool may_repeat_name)
{
    struct state_name_zones zones;
    int rc = state_count_zones_of_name(apply__kv(apply), zone->name, &zones);

    if (rc != 0 || zone->is_private || zones.public_count == 0)
        return rc;
    ASSERT(zones.served[0]);
    if (!may_repeat_name)
        return apply__refuse(apply, ERR_EXISTS, "a zone of this name is there: %s", zones.served);
    if (zones.public_count >= SAME_NAME_MAX)
        return apply__refuse_as(apply, ERR_LIMIT, "DelegationSetNotAvailable",
                                "there are %u public zones of this name already: delete some",
                                SAME_NAME_MAX);
    zone->is_not_served = true;
    return 0;
}

static int tell_served(struct apply *apply, const struct state_zone *zone, uint64_t old_content)
{
    struct apply_effect effect = {
        .kind = APPLY_ZONE_SERVED, .content = zone->content, .old_content = old_content};

    effect.zone_id = arena_copy(apply->scratch, zone->id, strlen(zone->id));
    effect.name = arena_copy(apply->scratch, zone->name, dns_name_len(zone->name));
    return effect.zone_id && effect.name ? apply__tell(apply, &effect) : ERR_NOMEM;
}

static void set_served(struct apply *apply, struct state_zone *zone, bool is_served)
{
    zone->is_not_served = !is_served;
    apply__write_zone(apply, zone);
    state_put_zone_name(apply->overlay, zone);
}

static int keep_oldest(void *user, const struct state_zone *zone)
{
    struct state_zone *oldest = user;

    if (zone->is_private)
        return 0;
    if (!oldest->id[0] || zone->created_index < oldest->created_index)
        *oldest = *zone; /* of one entry's the first by id, in which order they come */
    return 0;
}

int apply__succeed_zone(struct apply *apply, const struct state_zone *gone, bool *has_successor)
{
    struct state_zone oldest = {.id = ""};
    int rc = 0;

    *has_successor = false;
    if (apply__is_shown(gone))
        rc = state_list_zones_of_name(apply__kv(apply), gone->name, keep_oldest, &oldest);
    if (rc == 0 && oldest.id[0]) {
        *has_successor = true;
        set_served(apply, &oldest, true);
        rc = tell_served(apply, &oldest, gone->content);
    }
    return rc != 0 ? rc : state_settle_zone_name(apply->overlay, gone->name);
}

/* Take the name from the zone that has it. */
static int take_name(struct apply *apply, struct state_zone *zone)
{
    struct state_zone other;
    int rc = state_get_zone_by_name(apply__kv(apply), zone->name, &other);

    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc; /* one of a name's public zones is served */
    set_served(apply, &other, false);
    set_served(apply, zone, true);
    rc = tell_served(apply, zone, other.content);
    return rc != 0 ? rc : state_settle_zone_name(apply->overlay, zone->name);
}

int apply__activate_zone(struct apply *apply, const struct Cmd__ActivateZone *command)
{
    struct state_zone zone;
    struct state_change change;
    int rc = apply__read_zone(apply, command->zone_id, &zone);

    if (rc == 0)
        rc = apply__check_new_change(apply, command->change_id);
    if (rc == 0 && zone.is_private)
        rc = apply__refuse_as(apply, ERR_CONFLICT, "InvalidInput",
                              "a private zone is not served to everybody");
    if (rc == 0 && zone.is_not_served)
        rc = take_name(apply, &zone);
    if (rc != 0)
        return rc;
    apply__start_change(apply, &zone, STATE_CHANGE_ZONE_ACTIVATED, command->change_id, &change);
    return apply__journal(apply, &change, NULL);
}
