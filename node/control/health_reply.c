#include "control/health_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/health_status.h"
#include "cluster/status.h"
#include "control/call.h"
#include "control/checkers.h"
#include "dns/name.h"
#include "policy/health.h"
#include "proto/control.pb-c.h"
#include "store/state_use.h"
#include "store/state_zone.h"
#include "zone/routing.h"

#define USERS_MAX 100u
#define LOOKED_MAX 10000u /* routed record sets, to name those that use a check */

struct health_reply {
    struct state_check check;
    struct state_check_status status;
    struct state_override override; /* its mode: none */
    Ctl__HealthReply reply;
    Cmd__HealthCheckConfig config;
    Ctl__Override override_reply;
    char *children[STATE_CHECK_CHILDREN_MAX];
    char *regions[STATE_CHECK_REGIONS_MAX];
    Ctl__Opinion opinions[CLUSTER_MEMBERS_MAX];
    Ctl__Opinion *opinion_pointers[CLUSTER_MEMBERS_MAX];
};
struct health_key {
    Ctl__RecordSetKey key;
    char zone_id[STATE_ID_SIZE], set_identifier[STATE_SET_IDENTIFIER_MAX + 1];
    uint8_t name[DNS_NAME_MAX];
};
struct health_users {
    uint64_t count;       /* all; `list` has the first ones */
    unsigned named_count; /* in `list` */
    uint32_t ttl_max_s;   /* how long resolvers may keep answers with those that were looked at */
    struct health_key list[USERS_MAX];
    Ctl__RecordSetKey *pointers[USERS_MAX];
};

const char *health_reason_text(uint8_t octet)
{
    switch ((enum policy_health_reason)(octet & ~POLICY_HEALTHY_BIT)) {
    case POLICY_HEALTH_UNKNOWN: return "no opinion yet";
    case POLICY_HEALTH_HEALTHY: return "healthy";
    case POLICY_HEALTH_UNHEALTHY: return "unhealthy";
    case POLICY_HEALTH_DISABLED: return "disabled";
    case POLICY_HEALTH_FORCED_UP: return "forced up";
    case POLICY_HEALTH_FORCED_DOWN: return "forced down";
    case POLICY_HEALTH_DRAINING: return "draining";
    case POLICY_HEALTH_ASSUMED_UP: return "assumed up";
    case POLICY_HEALTH_ASSUMED_DOWN: return "assumed down";
    default: return "no check";
    }
}

void health_config_fill(const struct state_check_config *from, char **children, char **regions,
                        Cmd__HealthCheckConfig *config)
{
    cmd__health_check_config__init(config);
    config->type = (char *)(uintptr_t)state_check_type_name(from->type);
    config->ip_address = (char *)from->ip_address;
    config->port = from->port;
    config->resource_path = (char *)from->resource_path;
    config->fully_qualified_domain_name = (char *)from->fully_qualified_domain_name;
    config->search_string = (char *)from->search_string;
    config->request_interval_s = from->request_interval_s;
    config->failure_threshold = from->failure_threshold;
    config->measure_latency = from->measure_latency;
    config->is_inverted = from->is_inverted;
    config->is_disabled = from->is_disabled;
    config->health_threshold = from->health_threshold;
    config->enable_sni = from->enable_sni;
    config->verify_certificate = from->verify_certificate;
    for (uint32_t i = 0; i < from->child_count; i++)
        children[i] = (char *)from->children[i];
    for (uint32_t i = 0; i < from->region_count; i++)
        regions[i] = (char *)from->regions[i];
    config->children = children;
    config->n_children = from->child_count;
    config->regions = regions;
    config->n_regions = from->region_count;
}

void health_override_fill(const struct state_override *from, Ctl__Override *out)
{
    ctl__override__init(out);
    out->mode = (Cmd__OverrideMode)from->mode;
    out->reason = (char *)from->reason;
    out->actor = (char *)from->actor;
    out->set_wall_ms = from->set_wall_ms;
    out->expires_wall_ms = from->expires_wall_ms;
}

static int fill(const struct kv *kv, struct health_reply *view)
{
    struct state_override_key key = {.health_check_id = view->check.id};
    const struct state_check *check = &view->check;
    const struct state_check_status *status = &view->status;
    Ctl__HealthReply *reply = &view->reply;
    int rc = state_get_check_status(kv, check->id, &view->status);

    if (rc == 0)
        rc = state_get_override(kv, &key, &view->override);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    ctl__health_reply__init(reply);
    health_config_fill(&check->config, view->children, view->regions, &view->config);
    reply->id = (char *)check->id;
    reply->caller_reference = (char *)check->caller_reference;
    reply->version = check->version;
    reply->config = &view->config;
    reply->verdict = (Cmd__Verdict)status->verdict;
    reply->is_healthy = policy_is_healthy(status->octet);
    reply->reason = (char *)(uintptr_t)health_reason_text(status->octet);
    reply->since_wall_ms = status->since_wall_ms;
    reply->since_index = status->since_index;
    reply->healthy_checkers = status->healthy_checkers;
    reply->checkers = status->checkers;
    reply->last_failure = (char *)status->reason;
    if (check->config.type == STATE_CHECK_CALCULATED) {
        reply->healthy_checkers = status->healthy_children;
        reply->checkers = check->config.child_count;
    }
    if (rc == 0) {
        health_override_fill(&view->override, &view->override_reply);
        reply->override = &view->override_reply;
    }
    return 0;
}

static void fill_key(struct health_key *key, const char *zone_id,
                     const struct state_record_set *set)
{
    size_t name_len = dns_name_len(set->name);

    ctl__record_set_key__init(&key->key);
    snprintf(key->zone_id, STATE_ID_SIZE, "%s", zone_id);
    memcpy(key->name, set->name, name_len);
    if (set->set_identifier_len > 0)
        memcpy(key->set_identifier, set->set_identifier, set->set_identifier_len);
    key->set_identifier[set->set_identifier_len] = 0;
    key->key.zone_id = key->zone_id;
    key->key.name = (ProtobufCBinaryData){name_len, key->name};
    key->key.type = set->type;
    key->key.set_identifier = key->set_identifier;
}

struct finding {
    const struct kv *kv;
    const char *id;
    struct health_users *users;
    struct state_zone zone; /* of the last one found */
    unsigned looked_count;
};

static int on_routed(void *user, uint64_t content, const struct state_record_set *set)
{
    struct finding *finding = user;
    struct health_users *users = finding->users;
    struct zone_routing routing;
    int rc = state_routing_decode(kv_slice(set->routing, set->routing_len), &routing);

    if (++finding->looked_count > LOOKED_MAX)
        return 1;
    if (rc != 0 || strcmp(routing.health_check_id, finding->id) != 0)
        return rc;
    if (finding->zone.content != content)
        rc = state_get_zone_of_content(finding->kv, content, set->name, &finding->zone);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
    if (set->ttl_s > users->ttl_max_s)
        users->ttl_max_s = set->ttl_s;
    if (users->named_count < USERS_MAX) {
        fill_key(&users->list[users->named_count], finding->zone.id, set);
        users->pointers[users->named_count] = &users->list[users->named_count].key;
        users->named_count++;
    }
    return 0;
}

/* @content has some; which, as far as one may look. */
static int on_use(void *user, uint64_t content, uint64_t count)
{
    struct finding *finding = user;

    finding->users->count += count;
    if (finding->looked_count > LOOKED_MAX)
        return 0;
    return state_list_routed(finding->kv, content, on_routed, finding);
}

int health_users_new(const struct kv *kv, const char *id, struct health_users **out)
{
    struct health_users *users = calloc(1, sizeof(*users));
    struct finding finding = {.kv = kv, .id = id, .users = users};
    struct state_use use = {.kind = STATE_USE_CHECK, .id = id};
    int rc = users ? state_list_uses(kv, &use, on_use, &finding) : ERR_NOMEM;

    if (rc != 0)
        free(users);
    else
        *out = users;
    return rc;
}

void health_users_free(struct health_users *users)
{
    free(users);
}

uint64_t health_users_count(const struct health_users *users)
{
    return users->count;
}

const uint8_t *health_users_first(const struct health_users *users)
{
    return users->named_count > 0 ? users->list[0].name : NULL;
}

int health_reply_new(const struct kv *kv, const struct state_check *check,
                     struct health_reply **out)
{
    struct health_reply *view = calloc(1, sizeof(*view));
    int rc = ERR_NOMEM;

    if (view) {
        view->check = *check;
        rc = fill(kv, view);
    }
    if (rc != 0)
        free(view);
    else
        *out = view;
    return rc;
}

void health_reply_free(struct health_reply *view)
{
    free(view);
}

struct Ctl__HealthReply *health_reply_message(struct health_reply *view)
{
    return &view->reply;
}

struct health_key *health_key_new(const char *zone_id, const struct state_record_set *set)
{
    struct health_key *key = calloc(1, sizeof(*key));

    if (key)
        fill_key(key, zone_id, set);
    return key;
}

void health_key_free(struct health_key *key)
{
    free(key);
}

struct Ctl__RecordSetKey *health_key_message(struct health_key *key)
{
    return &key->key;
}

/* Who uses the check, and when the last cached answer with it has run out. */
static void add_users(struct health_reply *view, struct health_users *users)
{
    view->reply.used_by_count = users->count < UINT32_MAX ? (uint32_t)users->count : UINT32_MAX;
    view->reply.used_by = users->pointers;
    view->reply.n_used_by = users->named_count;
    if (view->override.mode == STATE_OVERRIDE_DRAIN)
        view->override_reply.drained_wall_ms =
            view->override.set_wall_ms + (uint64_t)users->ttl_max_s * 1000;
}

struct beginning {
    const char *text;
    struct state_check *check;
    unsigned count;
};

static int on_beginning(void *user, const struct state_check *check)
{
    struct beginning *beginning = user;

    if (strncmp(check->id, beginning->text, strlen(beginning->text)) != 0 || beginning->count++ > 0)
        return 1;
    *beginning->check = *check;
    return 0;
}

/* By its whole id, or by its caller's reference. */
static int find_named(const struct kv *kv, const char *text, struct state_check *out)
{
    int rc = state_get_check(kv, text, out);

    if (rc == ERR_NOT_FOUND && strlen(text) < STATE_CHECK_REFERENCE_SIZE)
        rc = state_get_check_by_reference(kv, text, out);
    return rc;
}

bool health_find(struct call *call, const char *text, struct state_check *out)
{
    struct beginning beginning = {.text = text, .check = out};
    int rc = text[0] ? find_named(call_state(call), text, out) : 0;

    if (text[0] && rc == 0)
        return true;
    if (rc == ERR_NOT_FOUND)
        rc = state_list_checks(call_state(call), text, on_beginning, &beginning);

    if (rc != 0)
        call_fail_code(call, rc, "read the health check");
    else if (beginning.count == 0)
        call_fail_as(call, ERR_NOT_FOUND, "NoSuchHealthCheck",
                     "A health check with id %.100s does not exist, nor one with that reference. "
                     "'quartet health list' shows all.",
                     text);
    else if (beginning.count > 1)
        call_fail(call, ERR_EXISTS,
                  "more than one health check's id begins with '%.100s': write more of it", text);
    return rc == 0 && beginning.count == 1;
}

bool health_find_exact(struct call *call, const char *id, struct state_check *out)
{
    int rc = state_get_check(call_state(call), id, out);

    if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchHealthCheck", "A health check with id %.100s does not exist.",
                     id);
    else if (rc != 0)
        call_fail_code(call, rc, "read the health check");
    return rc == 0;
}

/* One without an opinion says nothing yet. */
static void add_opinions(struct health_reply *view, const struct cluster_opinion *from,
                         unsigned count, const struct checkers *checkers)
{
    Ctl__HealthReply *reply = &view->reply;

    for (unsigned i = 0; i < count && i < CLUSTER_MEMBERS_MAX; i++) {
        Ctl__Opinion *opinion = &view->opinions[i];
        ctl__opinion__init(opinion);
        opinion->node = (char *)from[i].node;
        opinion->region = (char *)from[i].region;
        opinion->address = (char *)(uintptr_t)checkers_address(checkers, from[i].node);
        opinion->status = (char *)from[i].status;
        opinion->checked_wall_ms = from[i].checked_wall_ms;
        opinion->is_healthy = from[i].is_healthy || !from[i].is_known; /* healthy until it fails */
        opinion->last_failure = (char *)from[i].last_failure;
        opinion->last_failure_wall_ms = from[i].last_failure_wall_ms;
        view->opinion_pointers[reply->n_opinions++] = opinion;
    }
    reply->opinions = view->opinion_pointers;
}

void health_reply_one(struct call *call, const char *id)
{
    health_reply_with(call, id, NULL, 0);
}

void health_reply_with(struct call *call, const char *id, const struct cluster_opinion *opinions,
                       unsigned count)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    struct health_reply *view = NULL;
    struct health_users *users = NULL;
    struct checkers *checkers = calloc(1, sizeof(*checkers));
    struct state_check check;
    int rc = checkers ? state_get_check(call_state(call), id, &check) : ERR_NOMEM;

    if (rc == 0)
        rc = health_reply_new(call_state(call), &check, &view);
    if (rc == 0)
        rc = health_users_new(call_state(call), id, &users);
    if (rc == 0 && count > 0)
        rc = checkers_read(call_state(call), checkers);
    if (rc != 0)
        call_fail_code(call, rc, "read the health check");
    else {
        add_users(view, users);
        add_opinions(view, opinions, count, checkers);
        reply.kind_case = CTL__REPLY__KIND_HEALTH;
        reply.health = &view->reply;
        call_reply(call, &reply);
    }
    health_users_free(users);
    health_reply_free(view);
    free(checkers);
}
