/* node/cluster/apply_delegation.c: reusable delegation sets. Any node answers for all zones, so a
 * set's name servers are the cluster's, or those that a zone has; what a set keeps together is the
 * names that a registrar is given. */
#include "cluster/apply_zone.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/command.pb-c.h"
#include "store/state_delegation.h"
#include "store/state_limit.h"
#include "store/state_zone.h"

static int refuse_missing(struct apply *apply, const char *id)
{
    return apply__refuse_as(apply, ERR_NOT_FOUND, "NoSuchDelegationSet",
                            "No delegation set found with ID: %.32s", id);
}

static int add_server(struct apply *apply, struct state_delegation_set *set, const uint8_t *name,
                      size_t len)
{
    if (len == 0 || dns_name_check(name, len) != (int)len)
        return apply__refuse_as(apply, ERR_INVALID, "InvalidInput",
                                "a name server's name is not well formed");
    if (set->server_count == STATE_DELEGATION_SERVERS_MAX)
        return apply__refuse_as(apply, ERR_LIMIT, "InvalidArgument",
                                "a delegation set has at most %u name servers",
                                STATE_DELEGATION_SERVERS_MAX);
    dns_name_lower(name, set->servers[set->server_count++]);
    return 0;
}

static int check_new_set(struct apply *apply, const Cmd__CreateDelegationSet *command,
                         struct state_delegation_set *set)
{
    struct state_delegation_set other;
    bool is_used = false;
    int rc = apply__check_id(apply, "delegation set id", command->delegation_set_id, 'N');

    if (rc == 0 && command->caller_reference[0] == 0)
        rc = apply__refuse_as(apply, ERR_INVALID, "InvalidInput", "the caller reference is empty");
    if (rc == 0)
        rc = apply__check_text(apply, "caller reference", command->caller_reference,
                               STATE_REFERENCE_SIZE);
    if (rc == 0)
        rc = state_has_delegation_reference(apply__kv(apply), command->caller_reference, &is_used);
    if (rc == 0 && is_used)
        rc = apply__refuse_as(apply, ERR_EXISTS, "DelegationSetAlreadyCreated",
                              "A delegation set with the same owner and caller reference "
                              "combination has already been created.");
    if (rc == 0)
        rc = apply__check_limit(apply, STATE_LIMIT_DELEGATION_SETS,
                                apply->counters.delegation_set_count, "LimitsExceeded");
    if (rc != 0)
        return rc;
    rc = state_get_delegation_set(apply__kv(apply), command->delegation_set_id, &other);
    if (rc != ERR_NOT_FOUND)
        return rc != 0 ? rc : apply__refuse(apply, ERR_EXISTS, "the delegation set's id is taken");
    memcpy(set->id, command->delegation_set_id, strlen(command->delegation_set_id));
    memcpy(set->caller_reference, command->caller_reference, strlen(command->caller_reference));
    set->created_wall_ms = apply->command->time_wall_ms;
    return 0;
}

/* The name servers of a zone become reusable ones. */
static int adopt_zone(struct apply *apply, const char *zone_id, struct state_delegation_set *set)
{
    const struct state_record_set *servers = NULL;
    struct state_record_set which = {.type = DNS_TYPE_NS};
    struct state_zone zone;
    const uint8_t *rdata;
    uint16_t len;
    size_t offset = 0;
    int rc = state_get_zone(apply__kv(apply), zone_id, &zone);

    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, rc, "HostedZoneNotFound",
                                "The specified HostedZone can't be found.");
    if (rc == 0 && zone.is_private)
        rc = apply__refuse_as(apply, ERR_CONFLICT, "InvalidArgument",
                              "a private zone has no delegation set");
    if (rc == 0 && zone.delegation_set_id[0])
        rc = apply__refuse_as(apply, ERR_CONFLICT, "DelegationSetAlreadyReusable",
                              "The specified delegation set has already been marked as reusable.");
    which.name = zone.name;
    if (rc == 0)
        rc = apply__read_set(apply, zone.content, &which, &servers);
    while (rc == 0 && servers && state_set_next(servers, &offset, &rdata, &len))
        rc = add_server(apply, set, rdata, len);
    if (rc != 0)
        return rc;
    memcpy(zone.delegation_set_id, set->id, sizeof(set->id));
    apply__write_zone(apply, &zone);
    state_put_zone_of_set(apply->overlay, set->id, zone.id);
    set->zone_count = 1;
    return 0;
}

int apply__create_delegation_set(struct apply *apply,
                                 const struct Cmd__CreateDelegationSet *command)
{
    struct state_delegation_set set = {.id = ""};
    int rc = check_new_set(apply, command, &set);

    for (size_t i = 0; i < command->n_name_servers && rc == 0; i++)
        rc = add_server(apply, &set, command->name_servers[i].data, command->name_servers[i].len);
    if (rc == 0 && command->zone_id[0])
        rc = command->n_name_servers == 0
                 ? adopt_zone(apply, command->zone_id, &set)
                 : apply__refuse(apply, ERR_INVALID, "name servers beside a zone");
    if (rc == 0 && set.server_count == 0)
        rc = apply__refuse_as(apply, ERR_INVALID, "InvalidArgument",
                              "a delegation set has at least one name server");
    if (rc != 0)
        return rc;
    state_put_delegation_set(apply->overlay, &set);
    apply->counters.delegation_set_count++;
    apply->has_new_counters = true;
    memcpy(apply->result->object_id, set.id, sizeof(set.id));
    return 0;
}

int apply__delete_delegation_set(struct apply *apply,
                                 const struct Cmd__DeleteDelegationSet *command)
{
    struct state_delegation_set set;
    int rc = state_get_delegation_set(apply__kv(apply), command->delegation_set_id, &set);

    if (rc == ERR_NOT_FOUND)
        return refuse_missing(apply, command->delegation_set_id);
    if (rc != 0)
        return rc;
    if (set.zone_count > 0)
        return apply__refuse_as(apply, ERR_CONFLICT, "DelegationSetInUse",
                                "The specified delegation set contains associated hosted zones "
                                "which must be deleted before the reusable delegation set can be "
                                "deleted.");
    state_delete_delegation_set(apply->overlay, set.id);
    ASSERT(apply->counters.delegation_set_count > 0);
    apply->counters.delegation_set_count--;
    apply->has_new_counters = true;
    return 0;
}

struct sharing {
    const char *set_id;
    bool is_found;
};

static int note_sharing(void *user, const struct state_zone *zone)
{
    struct sharing *sharing = user;

    sharing->is_found = strcmp(zone->delegation_set_id, sharing->set_id) == 0;
    return sharing->is_found;
}

int apply__join_delegation_set(struct apply *apply, struct state_zone *zone, const char *set_id)
{
    struct sharing sharing = {.set_id = set_id};
    struct state_delegation_set set;
    int rc;

    if (set_id[0] == 0)
        return 0;
    if (zone->is_private)
        return apply__refuse_as(apply, ERR_INVALID, "InvalidInput",
                                "a private zone has no delegation set");
    rc = state_get_delegation_set(apply__kv(apply), set_id, &set);
    if (rc == ERR_NOT_FOUND)
        return refuse_missing(apply, set_id);
    if (rc == 0)
        rc = apply__check_limit(apply, STATE_LIMIT_ZONES_OF_SET, set.zone_count,
                                "TooManyHostedZones");
    if (rc == 0)
        rc = state_list_zones_of_name(apply__kv(apply), zone->name, note_sharing, &sharing);
    if (rc == 0 && sharing.is_found) {
        char name[DNS_NAME_TEXT_SIZE];
        dns_name_format_octal(zone->name, name);
        rc = apply__refuse_as(apply, ERR_CONFLICT, "ConflictingDomainExists",
                              "Cannot create hosted zone with DelegationSetId "
                              "DelegationSetId:%s as the DNSName%.120s conflicts with existing "
                              "ones sharing the delegation set",
                              set.id, name);
    }
    if (rc != 0)
        return rc;
    set.zone_count++;
    state_put_delegation_set(apply->overlay, &set);
    state_put_zone_of_set(apply->overlay, set.id, zone->id);
    memcpy(zone->delegation_set_id, set.id, sizeof(set.id));
    return 0;
}

int apply__leave_delegation_set(struct apply *apply, const struct state_zone *zone)
{
    struct state_delegation_set set;

    if (zone->delegation_set_id[0] == 0)
        return 0;
    int rc = state_get_delegation_set(apply__kv(apply), zone->delegation_set_id, &set);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
    ASSERT(set.zone_count > 0);
    set.zone_count--;
    state_put_delegation_set(apply->overlay, &set);
    state_delete_zone_of_set(apply->overlay, set.id, zone->id);
    return 0;
}
