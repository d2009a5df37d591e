#include "cluster/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "cluster/feature.h"
#include "cluster/opinions.h"
#include "cluster/own_zone.h"
#include "cluster/proposer.h"
#include "cluster/verdicts.h"
#include "proto/command.pb-c.h"
#include "store/store.h"

struct member *members_find(struct cluster *cluster, uint64_t id)
{
    for (unsigned i = 0; i < cluster->members.count; i++) {
        if (cluster->members.list[i].id == id)
            return &cluster->members.list[i];
    }
    return NULL;
}

const char *members_name(struct cluster *cluster, uint64_t id, char out[65])
{
    const struct member *member = members_find(cluster, id);

    if (member && member->about.name[0] != '\0')
        snprintf(out, 65, "%s", member->about.name);
    else
        hex_format_id(id, out);
    return out;
}

uint64_t members_silent_ms(const struct cluster *cluster, const struct member *member,
                           uint64_t now_mono_ms)
{
    if (member->id == cluster->identity.id)
        return 0;
    if (member->report.heard_mono_ms == 0)
        return UINT64_MAX;
    return now_mono_ms - member->report.heard_mono_ms;
}

static int by_name(const void *a, const void *b)
{
    const struct member *one = a, *two = b;

    int order = strcmp(one->about.name, two->about.name);
    if (order != 0)
        return order;
    return one->id < two->id ? -1 : one->id > two->id;
}

static void add_address(struct raft_driver_address *list, unsigned *count, uint64_t id,
                        const char *peer)
{
    if (*count == RAFT_MEMBERS_MAX || *peer == '\0')
        return;
    for (unsigned i = 0; i < *count; i++) {
        if (list[i].id == id)
            return;
    }
    struct raft_driver_address *to = &list[(*count)++];
    to->id = id;
    snprintf(to->peer, sizeof(to->peer), "%s", peer);
}

/* Until the log has told this node that it is a member, it also talks to those whom it met when it
 * joined: without them it could not acknowledge the log that will name them. */
static void set_addresses(struct cluster *cluster)
{
    struct raft_driver_address *list = calloc(RAFT_MEMBERS_MAX, sizeof(*list));
    unsigned count = 0;

    if (!list || !cluster->driver) {
        free(list);
        return;
    }
    for (unsigned i = 0; i < cluster->members.count; i++) {
        const struct member *member = &cluster->members.list[i];
        add_address(list, &count, member->id, member->about.peer_address);
    }
    if (!members_find(cluster, cluster->identity.id)) {
        for (unsigned i = 0; i < cluster->identity.peer_count; i++) {
            const struct identity_peer *peer = &cluster->identity.peers[i];
            add_address(list, &count, peer->id, peer->peer);
        }
    }
    int rc = raft_driver_set_addresses(cluster->driver, list, count);
    if (rc != 0)
        log_warn("cluster", "addresses_not_set why=\"%s\"", raft_error_text(rc));
    free(list);
}

void members_write_admin(struct cluster *cluster)
{
    char text[CLUSTER_MEMBERS_MAX * STATE_ADDRESS_SIZE] = "";
    size_t at = 0;

    if (cluster->members.count == 0)
        return;
    for (unsigned i = 0; i < cluster->members.count; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\n",
                               cluster->members.list[i].about.admin_address);
    if (identity_store_admin(cluster->data_dir, cluster->identity.ca_pem, &cluster->secrets,
                             text) != 0)
        log_warn("cluster", "admin_file_not_written folder=%s", cluster->data_dir);
}

static bool is_same_public(const struct members *a, const struct members *b)
{
    if (a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++) {
        if (a->list[i].id != b->list[i].id || a->list[i].role != b->list[i].role ||
            memcmp(&a->list[i].about, &b->list[i].about, sizeof(a->list[i].about)) != 0)
            return false;
    }
    return true;
}

static void read_table(struct cluster *cluster, const struct state_conf *conf, struct members *out)
{
    for (uint32_t i = 0; i < conf->count; i++) {
        struct member *member = &out->list[out->count++];
        const struct member *old = members_find(cluster, conf->members[i].id);
        member->id = conf->members[i].id;
        member->role =
            conf->members[i].role == RAFT_VOTER ? CLUSTER_ROLE_VOTER : CLUSTER_ROLE_REPLICA;
        struct state_member about;
        memset(&about, 0, sizeof(about));
        member->is_described = state_get_member(cluster_state(cluster), member->id, &about) == 0;
        if (member->is_described)
            member->about = about;
        if (old)
            member->report = old->report;
    }
    qsort(out->list, out->count, sizeof(out->list[0]), by_name);
}

void members_reload(struct cluster *cluster)
{
    struct state_conf conf;
    struct members *fresh = calloc(1, sizeof(*fresh));

    if (!fresh || state_get_conf(cluster_state(cluster), &conf) != 0) {
        log_error("cluster", "members_not_read");
        free(fresh);
        return;
    }
    bool was_member = members_find(cluster, cluster->identity.id) != NULL;
    read_table(cluster, &conf, fresh);
    bool is_changed = !is_same_public(&cluster->members, fresh);
    cluster->members = *fresh;
    free(fresh);
    set_addresses(cluster);
    if (is_changed) {
        members_write_admin(cluster);
        own_zone_members_changed(cluster);
        opinions_members_changed(cluster);
        verdicts_members_changed(cluster);
    }
    if (was_member && !members_find(cluster, cluster->identity.id))
        cluster__removed(cluster, CLUSTER_PARTING_REMOVED);
    else
        (void)members_update_self(cluster);
}

void members_describe_self(struct cluster *cluster, Cmd__MemberContext *out,
                           ProtobufCBinaryData *dns)
{
    cmd__member_context__init(out);
    out->id = cluster->identity.id;
    out->name = cluster->name;
    out->region = cluster->region;
    out->peer_address = cluster->advertised.peer;
    out->admin_address = cluster->advertised.admin;
    out->snapshot_address = cluster->advertised.snapshot;
    out->version = (char *)(uintptr_t)feature_program_version;
    out->feature_level = feature_known();
    for (unsigned i = 0; i < cluster->public_address_count; i++)
        dns[i] = (ProtobufCBinaryData){cluster->public_addresses[i].len,
                                       cluster->public_addresses[i].octets};
    out->n_dns_addresses = cluster->public_address_count;
    out->dns_addresses = dns;
}

static bool is_described_right(const struct cluster *cluster, const struct state_member *about)
{
    bool is_same = strcmp(about->name, cluster->name) == 0 &&
                   strcmp(about->region, cluster->region) == 0 &&
                   strcmp(about->peer_address, cluster->advertised.peer) == 0 &&
                   strcmp(about->admin_address, cluster->advertised.admin) == 0 &&
                   strcmp(about->snapshot_address, cluster->advertised.snapshot) == 0 &&
                   strcmp(about->program_version, feature_program_version) == 0 &&
                   feature_told(about->feature_level) == feature_known() &&
                   about->dns_address_count == cluster->public_address_count;
    for (unsigned i = 0; is_same && i < cluster->public_address_count; i++)
        is_same = about->dns_addresses[i].len == cluster->public_addresses[i].len &&
                  memcmp(about->dns_addresses[i].octets, cluster->public_addresses[i].octets,
                         about->dns_addresses[i].len) == 0;
    return is_same;
}

static bool is_told(const struct cluster *cluster, const struct state_member *about)
{
    const struct state_certificate *own = &cluster->renew.own, *told = &about->certificate;

    return memcmp(told->serial, own->serial, sizeof(own->serial)) == 0 &&
           told->generation == own->generation &&
           told->trusted_generation == own->trusted_generation &&
           told->oldest_trusted_generation == own->oldest_trusted_generation;
}

static void describe_certificate(const struct cluster *cluster, Cmd__Certificate *out)
{
    const struct state_certificate *own = &cluster->renew.own;

    cmd__certificate__init(out);
    out->serial = (ProtobufCBinaryData){sizeof(own->serial), (uint8_t *)(uintptr_t)own->serial};
    out->from_wall_ms = own->from_wall_ms;
    out->until_wall_ms = own->until_wall_ms;
    out->generation = own->generation;
    out->trusted_generation = own->trusted_generation;
    out->oldest_trusted_generation = own->oldest_trusted_generation;
}

bool members_update_self(struct cluster *cluster)
{
    const struct member *self = members_find(cluster, cluster->identity.id);
    Cmd__MemberContext context;
    Cmd__UpdateMember update = CMD__UPDATE_MEMBER__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    ProtobufCBinaryData dns[CLUSTER_ADDRESSES_MAX];
    Cmd__Certificate certificate;

    if (!self || !self->is_described || !cluster->driver || cluster->renew.is_unused ||
        (is_described_right(cluster, &self->about) && is_told(cluster, &self->about)))
        return false;
    members_describe_self(cluster, &context, dns);
    context.certificate_sha256 =
        (ProtobufCBinaryData){sizeof(self->about.certificate_sha256),
                              (uint8_t *)(uintptr_t)self->about.certificate_sha256};
    describe_certificate(cluster, &certificate);
    context.certificate = &certificate;
    update.member = &context;
    command.kind_case = CMD__COMMAND__KIND_UPDATE_MEMBER;
    command.update_member = &update;
    command.actor = cluster->name;
    return proposer_submit(cluster->proposer, &command, clock_mono_ms(), 0, NULL, NULL) == 0;
}

int cluster_member_find(struct cluster *cluster, const char *text, uint64_t *out)
{
    uint64_t found = 0;
    size_t len = strlen(text);

    for (unsigned i = 0; i < cluster->members.count; i++) {
        if (strcmp(cluster->members.list[i].about.name, text) == 0) {
            *out = cluster->members.list[i].id;
            return 0;
        }
    }
    for (unsigned i = 0; len >= 4 && i < cluster->members.count; i++) {
        char id[HEX_ID_LEN];
        hex_format_id(cluster->members.list[i].id, id);
        if (strncasecmp(id, text, len) != 0)
            continue;
        if (found != 0)
            return ERR_EXISTS;
        found = cluster->members.list[i].id;
    }
    if (found == 0)
        return ERR_NOT_FOUND;
    *out = found;
    return 0;
}
