#include "cluster/own_zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "cluster/apex.h"
#include "cluster/create_zone.h"
#include "cluster/proposer.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/command.pb-c.h"

#define RETRY_MS 5000
#define NAMES_MAX (4 * CLUSTER_MEMBERS_MAX) /* of members that are and that were */
#define CHANGES_MAX (NAMES_MAX + 1)

struct own_zone {
    bool is_dirty, is_running;
    uint64_t again_mono_ms;
    char names[STATE_SETTING_SIZE]; /* of the change under way, for the setting */
};

struct own_zone *own_zone_new(void)
{
    struct own_zone *zone = calloc(1, sizeof(*zone));

    if (zone)
        zone->is_dirty = true;
    return zone;
}

void own_zone_free(struct own_zone *zone)
{
    free(zone);
}

void own_zone_members_changed(struct cluster *cluster)
{
    if (!cluster->own_zone)
        return;
    cluster->own_zone->is_dirty = true;
    cluster->own_zone->again_mono_ms = 0;
}

void own_zone_added(struct cluster *cluster, const uint8_t *name)
{
    uint8_t own[DNS_NAME_MAX];

    if (dns_name_parse(cluster->domain, NULL, own) > 0 && dns_name_is_equal(own, name))
        own_zone_members_changed(cluster);
}

/* Those whose addresses are known come first: of the others nobody could ask. */
static unsigned add_names(const struct cluster *cluster, bool has_addresses,
                          const char *names[APEX_NAMES_MAX], unsigned count)
{
    for (unsigned i = 0; i < cluster->members.count && count < APEX_NAMES_MAX; i++) {
        const struct state_member *about = &cluster->members.list[i].about;
        if (about->name[0] != '\0' && (about->dns_address_count > 0) == has_addresses)
            names[count++] = about->name;
    }
    return count;
}

static int make_apex(struct cluster *cluster, struct apex *out)
{
    const char *names[APEX_NAMES_MAX] = {cluster->name};
    unsigned count = add_names(cluster, true, names, 0);

    count = add_names(cluster, false, names, count);
    return apex_make(names, count ? count : 1, cluster->domain, out);
}

int cluster_name_servers(struct cluster *cluster, uint8_t out[CLUSTER_NAME_SERVERS_MAX][255])
{
    struct apex apex;

    if (cluster->phase != CLUSTER_MEMBER)
        return ERR_UNAVAILABLE;
    int rc = make_apex(cluster, &apex);
    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < apex.ns_count; i++)
        memcpy(out[i], apex.ns[i], apex.ns_len[i]);
    return (int)apex.ns_count;
}

static void fill_apex_sets(struct apex *apex, const uint8_t *name, Cmd__RecordSet sets[2],
                           ProtobufCBinaryData rdata[1 + APEX_SERVERS_MAX])
{
    ProtobufCBinaryData owner = {dns_name_len(name), (uint8_t *)(uintptr_t)name};

    rdata[0] = (ProtobufCBinaryData){apex->soa_len, apex->soa};
    for (unsigned i = 0; i < apex->ns_count; i++)
        rdata[1 + i] = (ProtobufCBinaryData){apex->ns_len[i], apex->ns[i]};
    sets[0] = (Cmd__RecordSet)CMD__RECORD_SET__INIT;
    sets[0].name = owner;
    sets[0].type = DNS_TYPE_SOA;
    sets[0].ttl_s = OWN_ZONE_SOA_TTL_S;
    sets[0].n_rdata = 1;
    sets[0].rdata = rdata;
    sets[1] = (Cmd__RecordSet)CMD__RECORD_SET__INIT;
    sets[1].name = owner;
    sets[1].type = DNS_TYPE_NS;
    sets[1].ttl_s = OWN_ZONE_NS_TTL_S;
    sets[1].n_rdata = apex->ns_count;
    sets[1].rdata = rdata + 1;
}

static void make_id(char first, char out[STATE_ID_SIZE])
{
    out[0] = first;
    random_text_at(clock_wall_ms(), out + 1, 20);
}

static char *text(const char *from) /* generated structs leave it alone */
{
    return (char *)(uintptr_t)(from ? from : "");
}

static void fill_create(const struct cluster_zone *zone, const char *zone_id, const char *change_id,
                        Cmd__CreateZone *create)
{
    *create = (Cmd__CreateZone)CMD__CREATE_ZONE__INIT;
    create->zone_id = text(zone_id);
    create->change_id = text(change_id);
    create->comment = text(zone->comment);
    /* Without a reference of the asker's own there is one that nobody has used, and that need not
     * be remembered for ever. */
    create->is_reference_unique = zone->caller_reference && zone->caller_reference[0];
    create->caller_reference = text(create->is_reference_unique ? zone->caller_reference : zone_id);
    create->may_repeat_name = zone->may_repeat_name;
    create->delegation_set_id = text(zone->delegation_set_id);
    create->vpc = (Cmd__Vpc *)(uintptr_t)zone->vpc;
}

int cluster_create_zone(struct cluster *cluster, const struct cluster_zone *zone,
                        cluster_result_cb cb, void *user)
{
    Cmd__CreateZone create;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__RecordSet sets[2], *list[2] = {&sets[0], &sets[1]};
    ProtobufCBinaryData rdata[1 + APEX_SERVERS_MAX];
    struct apex apex;
    char zone_id[STATE_ID_SIZE], change_id[STATE_ID_SIZE];

    if (cluster->phase != CLUSTER_MEMBER)
        return ERR_UNAVAILABLE;
    int rc = zone->server_count > 0
                 ? apex_make_of(zone->servers, zone->server_count, cluster->domain, &apex)
                 : make_apex(cluster, &apex);
    if (rc != 0)
        return rc;
    fill_apex_sets(&apex, zone->name, sets, rdata);
    make_id('Z', zone_id);
    make_id('C', change_id);
    fill_create(zone, zone_id, change_id, &create);
    create.name = sets[0].name;
    create.n_record_sets = 2;
    create.record_sets = list;
    command.kind_case = CMD__COMMAND__KIND_CREATE_ZONE;
    command.create_zone = &create;
    command.actor = text(zone->actor);
    return cluster_propose(cluster, &command, zone->timeout_ms, cb, user);
}

int own_zone_create(struct cluster *cluster, cluster_result_cb cb, void *user)
{
    uint8_t name[DNS_NAME_MAX];
    struct cluster_zone zone = {.name = name,
                                .comment = "the cluster's own zone",
                                .actor = "cluster init",
                                .timeout_ms = 0};

    if (dns_name_parse(cluster->domain, NULL, name) < 0)
        return ERR_INVALID;
    dns_name_lower(name, name);
    return cluster_create_zone(cluster, &zone, cb, user);
}

/* One update of the zone, gathered here until it is proposed. */
struct update {
    struct cluster *cluster;
    struct state_zone zone;
    struct apex apex;
    uint8_t names[NAMES_MAX][DNS_NAME_MAX];
    unsigned name_count;
    Cmd__Change changes[CHANGES_MAX], *list[CHANGES_MAX];
    Cmd__RecordSet sets[CHANGES_MAX];
    ProtobufCBinaryData rdata[CHANGES_MAX * CLUSTER_ADDRESSES_MAX];
    unsigned count, rdata_count;
    uint8_t packed[STATE_SET_VALUE_MAX]; /* of the set looked at, in state's form */
};

struct compared {
    const struct state_record_set *want;
    bool is_found, is_equal;
    uint32_t ttl_s;
};
static int compare(void *user, const struct state_record_set *set)
{
    struct compared *compared = user;

    compared->is_found = true;
    compared->ttl_s = set->ttl_s;
    compared->is_equal = compared->want && state_set_is_equal(set, compared->want);
    return 0;
}

/* The wanted records in state's form, to compare them. */
static void to_state(struct update *update, const Cmd__RecordSet *from,
                     struct state_record_set *out)
{
    size_t at = 0;

    for (size_t i = 0; i < from->n_rdata; i++) {
        update->packed[at++] = (uint8_t)(from->rdata[i].len >> 8);
        update->packed[at++] = (uint8_t)from->rdata[i].len;
        memcpy(update->packed + at, from->rdata[i].data, from->rdata[i].len);
        at += from->rdata[i].len;
    }
    *out = (struct state_record_set){.name = from->name.data,
                                     .type = (uint16_t)from->type,
                                     .rdata_count = (uint16_t)from->n_rdata,
                                     .ttl_s = from->ttl_s,
                                     .rdata = update->packed,
                                     .rdata_len = at};
}

struct copied {
    struct update *update;
    Cmd__RecordSet *set;
    uint8_t *data;
};
/* A set that goes must be named with its records: copy what is there. */
static int copy_records(void *user, const struct state_record_set *set)
{
    struct copied *copied = user;
    size_t offset = 0;
    const uint8_t *data;
    uint16_t len;

    if (set->routing)
        return ERR_CONFLICT; /* not of our making: leave it */
    copied->set->ttl_s = set->ttl_s;
    copied->set->rdata = &copied->update->rdata[copied->update->rdata_count];
    uint8_t *to = copied->data = malloc(set->rdata_len + 1);
    if (!to)
        return ERR_NOMEM;
    while (state_set_next(set, &offset, &data, &len)) {
        if (copied->set->n_rdata == CLUSTER_ADDRESSES_MAX)
            return ERR_LIMIT; /* not of our making: leave it */
        memcpy(to, data, len);
        copied->set->rdata[copied->set->n_rdata++] = (ProtobufCBinaryData){len, to};
        to += len;
    }
    return 0;
}

/* Make state's set as @set says; no records: it must not be there. */
static void want(struct update *update, Cmd__RecordSet *set, uint8_t **allocated)
{
    const struct kv *kv = cluster_state(update->cluster);
    struct state_record_set wanted;
    struct compared compared = {.want = set->n_rdata > 0 ? &wanted : NULL};

    to_state(update, set, &wanted);
    int rc = state_get_record_set(kv, update->zone.content, &wanted, compare, &compared);
    if ((rc != 0 && rc != ERR_NOT_FOUND) || compared.is_equal ||
        (!compared.is_found && set->n_rdata == 0))
        return;
    Cmd__Change *change = &update->changes[update->count];
    cmd__change__init(change);
    change->action = CMD__ACTION__ACTION_UPSERT;
    if (set->n_rdata == 0) {
        struct copied copied = {update, set, NULL};
        change->action = CMD__ACTION__ACTION_DELETE;
        rc = state_get_record_set(kv, update->zone.content, &wanted, copy_records, &copied);
        *allocated = copied.data;
        if (rc != 0)
            return;
    }
    change->record_set = set;
    update->rdata_count += (unsigned)set->n_rdata;
    update->list[update->count++] = change;
}

static void want_addresses(struct update *update, const char *name,
                           const struct state_member *about, uint16_t type, uint8_t **allocated)
{
    uint8_t *owner = update->names[update->name_count];
    Cmd__RecordSet *set = &update->sets[update->count];
    unsigned octets = type == DNS_TYPE_A ? 4 : 16;

    int len = apex_name(name, update->cluster->domain, owner);
    if (len < 0 || update->name_count + 1 == NAMES_MAX)
        return;
    cmd__record_set__init(set);
    set->name = (ProtobufCBinaryData){(size_t)len, owner};
    set->type = type;
    set->ttl_s = OWN_ZONE_ADDRESS_TTL_S;
    set->rdata = &update->rdata[update->rdata_count];
    for (uint32_t i = 0; about && i < about->dns_address_count; i++) {
        if (about->dns_addresses[i].len == octets)
            set->rdata[set->n_rdata++] =
                (ProtobufCBinaryData){octets, (uint8_t *)(uintptr_t)about->dns_addresses[i].octets};
    }
    update->name_count++;
    want(update, set, allocated);
}

static const struct state_member *member_named(const struct cluster *cluster, const char *name)
{
    for (unsigned i = 0; i < cluster->members.count; i++) {
        if (strcmp(cluster->members.list[i].about.name, name) == 0)
            return &cluster->members.list[i].about;
    }
    return NULL;
}

static void want_ns(struct update *update, uint8_t **allocated)
{
    Cmd__RecordSet sets[2];
    ProtobufCBinaryData rdata[1 + APEX_SERVERS_MAX];

    if (make_apex(update->cluster, &update->apex) != 0)
        return;
    fill_apex_sets(&update->apex, update->zone.name, sets, rdata);
    Cmd__RecordSet *set = &update->sets[update->count];
    *set = sets[1];
    set->rdata = &update->rdata[update->rdata_count];
    memcpy(set->rdata, rdata + 1, update->apex.ns_count * sizeof(rdata[0]));
    want(update, set, allocated);
}

static void update_done(void *user, int rc, const struct apply_result *result)
{
    struct cluster *cluster = user;
    struct own_zone *zone = cluster->own_zone;

    if (!zone)
        return; /* closing */
    zone->is_running = false;
    if (rc == 0 && result->code != 0)
        log_warn("cluster", "own_zone_not_updated why=\"%s\"", result->message);
    zone->is_dirty = true; /* looked at once more: it ends when nothing differs */
    zone->again_mono_ms = rc == 0 && result->code == 0 ? 0 : clock_mono_ms() + RETRY_MS;
}

static int propose_changes(struct cluster *cluster, struct update *update)
{
    Cmd__ChangeRecordSets sets = CMD__CHANGE_RECORD_SETS__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    char change_id[STATE_ID_SIZE];

    make_id('C', change_id);
    sets.zone_id = update->zone.id;
    sets.change_id = change_id;
    sets.comment = (char *)(uintptr_t) "the members changed";
    sets.n_changes = update->count;
    sets.changes = update->list;
    command.kind_case = CMD__COMMAND__KIND_CHANGE_RECORD_SETS;
    command.change_record_sets = &sets;
    command.actor = (char *)(uintptr_t) "cluster";
    return cluster_propose(cluster, &command, 0, update_done, cluster);
}

static int propose_names(struct cluster *cluster, char *names)
{
    Cmd__PutSetting setting = CMD__PUT_SETTING__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    setting.name = (char *)(uintptr_t)OWN_ZONE_SETTING;
    setting.value = names;
    command.kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command.put_setting = &setting;
    command.actor = (char *)(uintptr_t) "cluster";
    return cluster_propose(cluster, &command, 0, update_done, cluster);
}

/* Names that were ours and are no longer, then the members that are. Names are noted before they
 * are put into the zone, so that a crash leaves none behind that nobody would remove. */
static int update_zone(struct cluster *cluster, struct update *update)
{
    char were[STATE_SETTING_SIZE] = "", are[STATE_SETTING_SIZE] = "", all[STATE_SETTING_SIZE],
         *rest;
    uint8_t *allocated[CHANGES_MAX] = {0};
    size_t at = 0;

    (void)state_get_setting(cluster_state(cluster), OWN_ZONE_SETTING, were);
    snprintf(all, sizeof(all), "%s", were);
    unsigned next = 0;
    for (char *name = strtok_r(were, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        if (member_named(cluster, name) || next + 2 >= CHANGES_MAX)
            continue;
        want_addresses(update, name, NULL, DNS_TYPE_A, &allocated[next++]);
        want_addresses(update, name, NULL, DNS_TYPE_AAAA, &allocated[next++]);
    }
    bool is_gone = update->count > 0;
    for (unsigned i = 0; i < cluster->members.count; i++) {
        const struct state_member *about = &cluster->members.list[i].about;
        int wrote = snprintf(are + at, sizeof(are) - at, "%s%s", at ? " " : "", about->name);
        if (wrote < 0 || (size_t)wrote >= sizeof(are) - at)
            break;
        at += (size_t)wrote;
    }
    int rc;
    if (!is_gone && strcmp(all, are) != 0) {
        rc = propose_names(cluster, are);
    } else {
        for (unsigned i = 0; i < cluster->members.count && next + 2 < CHANGES_MAX; i++) {
            const struct state_member *about = &cluster->members.list[i].about;
            want_addresses(update, about->name, about, DNS_TYPE_A, &allocated[next++]);
            want_addresses(update, about->name, about, DNS_TYPE_AAAA, &allocated[next++]);
        }
        want_ns(update, &allocated[next]);
        rc = update->count > 0 ? propose_changes(cluster, update) : ERR_NOT_FOUND;
    }
    for (unsigned i = 0; i < CHANGES_MAX; i++)
        free(allocated[i]);
    return rc;
}

void own_zone_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    struct own_zone *zone = cluster->own_zone;
    uint8_t name[DNS_NAME_MAX];

    if (!zone->is_dirty || zone->is_running || !cluster__leads(cluster) ||
        now_mono_ms < zone->again_mono_ms || cluster->domain[0] == '\0' ||
        dns_name_parse(cluster->domain, NULL, name) < 0)
        return;
    struct update *update = calloc(1, sizeof(*update));
    if (!update)
        return;
    update->cluster = cluster;
    zone->is_dirty = false;
    if (state_get_zone_by_name(cluster_state(cluster), name, &update->zone) == 0) {
        int rc = update_zone(cluster, update);
        zone->is_running = rc == 0;
        if (rc != 0 && rc != ERR_NOT_FOUND) {
            zone->is_dirty = true;
            zone->again_mono_ms = now_mono_ms + RETRY_MS;
        }
    } else {
        zone->is_dirty = true; /* init has not come so far, or an administrator deleted it */
        zone->again_mono_ms = now_mono_ms + RETRY_MS;
    }
    free(update);
}
