#include "cluster/alias_targets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "cluster/alias.h"
#include "cluster/alias_sets.h"
#include "cluster/apply.h"
#include "cluster/internal.h"
#include "cluster/publish.h"
#include "dns/name.h"
#include "dns/type.h"
#include "resolve/resolve.h"
#include "store/state.h"
#include "store/state_set_routing.h"
#include "store/state_zone.h"
#include "store/store.h"
#include "zone/image.h"
#include "zone/lookup.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#define READ_MS_MAX 3u    /* of the loop, in one tick */
#define LOOKUPS_MAX 2000u /* in one tick: about as long */
#define SWEEP_GAP_MS 500u /* zones came or went: look at all targets again, this often at most */
#define TRY_GAP_MS 5000u
#define SERVERS_TEXT_SIZE 1024u

enum reading { READ_NOTHING, READ_SETS, READ_SWEEP };

struct alias_targets {
    struct cluster *cluster;
    struct alias_sets *sets;
    struct resolve *resolve;
    enum reading reading;
    struct {
        uint8_t key[STATE_KEY_SET_MAX]; /* the one read last */
        size_t key_len;                 /* 0: from the start */
        uint64_t until_mono_ms;
        bool is_stopped;
    } read;
    bool is_incomplete;     /* something was lost for want of memory: read again */
    bool is_sweep_due;      /* zones or delegations have changed */
    bool is_changed;        /* the image has something to show */
    bool is_image_behind;   /* it refused something for want of memory */
    uint32_t sweep_left;    /* targets still to be looked at, from the end of the list */
    uint32_t refused_count; /* targets beyond RESOLVE_TARGETS_MAX */
    uint64_t swept_mono_ms, tried_mono_ms;
    alias_targets_close_cb close_cb;
    void *close_user;
};

/* ---- into the image ---- */

static int show_once(struct alias_targets *targets, const struct zone_record_set *set)
{
    struct zone_publisher *image = publish_image(targets->cluster->publish);

    if (set->rdata_count > 0)
        return zone_change_external_put(image, set);
    int rc = zone_change_external_remove(image, set->name, set->type);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static void show(struct alias_targets *targets, const struct zone_record_set *set)
{
    int rc = show_once(targets, set);

    if (rc == ERR_NOMEM && publish_reclaim(targets->cluster->publish))
        rc = show_once(targets, set);
    if (rc != 0) {
        log_warn("cluster", "alias_target_not_shown why=\"%s\"", err_text(rc));
        targets->is_image_behind = true;
    }
    targets->is_changed = true;
}

static void on_changed(void *user, const struct zone_record_set *set)
{
    show(user, set);
}

static void show_again(struct alias_targets *targets, const struct alias_target *target)
{
    struct zone_rdata rdatas[UINT8_MAX];
    struct zone_record_set set = {.name = target->name, .type = target->type, .rdatas = rdatas};
    struct resolve_target about;

    if (target->is_kept && resolve_get(targets->resolve, target->name, target->type, &about) == 0) {
        ASSERT(about.address_count <= UINT8_MAX);
        for (unsigned i = 0; i < about.address_count; i++)
            rdatas[i] =
                (struct zone_rdata){about.addresses[i], target->type == DNS_TYPE_A ? 4 : 16};
        set.rdata_count = (uint16_t)about.address_count;
        set.ttl_s = about.ttl_s;
    }
    show(targets, &set);
}

/* ---- which names ---- */

static bool is_resolvable(uint16_t type)
{
    return type == DNS_TYPE_A || type == DNS_TYPE_AAAA;
}

static bool lies_outside(struct alias_targets *targets, const struct alias_target *target)
{
    const struct zone_publisher *image = publish_image(targets->cluster->publish);
    struct zone_target found;

    zone_find_target(zone_image_read_begin(image), target->name, target->type, &found);
    zone_image_read_end();
    return found.is_external;
}

static void keep(struct alias_targets *targets, struct alias_target *target)
{
    int rc = resolve_add(targets->resolve, target->name, target->type);

    if (target->is_refused)
        targets->refused_count--;
    target->is_kept = rc == 0;
    target->is_refused = rc != 0;
    if (rc == 0)
        return;
    if (targets->refused_count++ == 0)
        log_error("cluster", "alias_target_not_resolved limit=%u why=\"%s\"", RESOLVE_TARGETS_MAX,
                  err_text(rc));
}

static void let_go(struct alias_targets *targets, struct alias_target *target)
{
    if (target->is_refused)
        targets->refused_count--;
    target->is_refused = false;
    if (!target->is_kept)
        return;
    (void)resolve_remove(targets->resolve, target->name, target->type);
    target->is_kept = false;
    show_again(targets, target);
}

/* Decide anew; @target is gone after that if nobody uses it. */
static void look_at(struct alias_targets *targets, struct alias_target *target)
{
    target->is_outside =
        target->used_by_count > 0 && is_resolvable(target->type) && lies_outside(targets, target);
    if (!target->is_outside)
        let_go(targets, target);
    else if (!target->is_kept)
        keep(targets, target);
    if (target->used_by_count == 0 && !target->is_changed)
        alias_sets_settle(targets->sets, target);
}

/* From the end of the list, where a target that goes away is replaced by one that was seen. */
static void sweep(struct alias_targets *targets, unsigned lookups_max)
{
    while (targets->sweep_left > 0 && lookups_max-- > 0) {
        const uint32_t count = alias_sets_target_count(targets->sets);
        if (targets->sweep_left > count)
            targets->sweep_left = count;
        if (targets->sweep_left > 0)
            look_at(targets, alias_sets_target(targets->sets, --targets->sweep_left));
    }
}

/* ---- what the record sets lead to ---- */

static bool is_within(const uint8_t *name, const struct state_zone *zone)
{
    return !name || dns_name_is_within(name, zone->name);
}

/* Does a set of a private zone lead to nothing but names of that zone? It has the whole truth about
 * them, also where no public zone of ours knows them. */
static bool leads_home(struct alias_targets *targets, uint64_t content,
                       const struct state_record_set *set)
{
    struct zone_routing routing;
    struct state_zone zone;

    if (!set->routing ||
        state_routing_decode(kv_slice(set->routing, set->routing_len), &routing) != 0 ||
        (!routing.alias_target && !routing.fallback))
        return false;
    return state_get_zone_of_content(store_kv(targets->cluster->store), content, set->name,
                                     &zone) == 0 &&
           zone.is_private && is_within(routing.alias_target, &zone) &&
           is_within(routing.fallback, &zone);
}

static void note(struct alias_targets *targets, uint64_t content,
                 const struct state_record_set *set)
{
    int rc = 0;

    if (leads_home(targets, content, set))
        alias_sets_remove(targets->sets, content, set);
    else
        rc = alias_sets_put(targets->sets, content, set);

    if (rc == 0)
        return;
    if (rc == ERR_NOMEM)
        targets->is_incomplete = true;
    log_error("cluster", "alias_not_noted why=\"%s\"", err_text(rc));
}

void alias_targets_effect(struct alias_targets *targets, const struct apply_effect *effect)
{
    switch (effect->kind) {
    case APPLY_RECORD_SET_PUT: note(targets, effect->content, &effect->record_set); break;
    case APPLY_RECORD_SET_REMOVED:
        alias_sets_remove(targets->sets, effect->content, &effect->record_set);
        break;
    case APPLY_ZONE_REMOVED:
    case APPLY_CONTENT_DROPPED: alias_sets_drop(targets->sets, effect->content); break;
    case APPLY_CONTENT_SWITCHED: alias_sets_drop(targets->sets, effect->old_content); break;
    default: break;
    }
    if (effect->kind == APPLY_ZONE_ADDED || effect->kind == APPLY_ZONE_REMOVED ||
        effect->kind == APPLY_CONTENT_SWITCHED || effect->kind == APPLY_ZONE_SERVED ||
        ((effect->kind == APPLY_RECORD_SET_PUT || effect->kind == APPLY_RECORD_SET_REMOVED) &&
         effect->record_set.type == DNS_TYPE_NS))
        targets->is_sweep_due = true;
}

void alias_targets_zones_changed(struct alias_targets *targets)
{
    targets->is_sweep_due = true;
}

void alias_targets_read(struct alias_targets *targets)
{
    targets->reading = READ_SETS;
    targets->read.key_len = 0;
    targets->is_incomplete = false;
    targets->is_sweep_due = true;
    alias_sets_begin(targets->sets);
}

struct reader {
    struct alias_targets *targets;
    uint64_t content;
};

static int on_set(void *user, const struct state_record_set *set)
{
    struct reader *reader = user;

    note(reader->targets, reader->content, set);
    return 0;
}

static int on_key(void *user, struct kv_slice key, struct kv_slice value)
{
    struct alias_targets *targets = user;
    struct reader reader = {targets, 0};
    struct state_record_set which = {0};
    uint8_t name[DNS_NAME_MAX];
    int rc = state_set_key_decode(key, name, &which);

    (void)value;
    ASSERT(key.len <= sizeof(targets->read.key));
    if (rc == 0) {
        reader.content = state_key_u64_decode(key.data);
        rc = state_get_record_set(store_kv(targets->cluster->store), reader.content, &which, on_set,
                                  &reader);
    }
    memcpy(targets->read.key, key.data, key.len);
    targets->read.key_len = key.len;
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    targets->read.is_stopped = clock_mono_ms() >= targets->read.until_mono_ms;
    return targets->read.is_stopped;
}

/* Go on behind the key that was read last. */
static void read_sets(struct alias_targets *targets, uint64_t now_mono_ms)
{
    struct kv_range range = {.family = KV_ROUTED};
    uint8_t from[STATE_KEY_SET_MAX + 1];

    if (targets->read.key_len > 0) {
        memcpy(from, targets->read.key, targets->read.key_len);
        from[targets->read.key_len] = 0;
        range.from = kv_slice(from, targets->read.key_len + 1);
    }
    targets->read.until_mono_ms = now_mono_ms + READ_MS_MAX;
    targets->read.is_stopped = false;
    int rc = kv_scan(store_kv(targets->cluster->store), &range, on_key, targets);
    if (rc != 0) {
        log_error("cluster", "aliases_not_read why=\"%s\"", err_text(rc));
        targets->reading = READ_NOTHING; /* what was known before stays */
        targets->is_incomplete = true;
    } else if (!targets->read.is_stopped) {
        targets->reading = READ_SWEEP;
    }
}

static void read_on(struct alias_targets *targets, uint64_t now_mono_ms)
{
    if (targets->reading == READ_SETS)
        read_sets(targets, now_mono_ms);
    else if (targets->reading == READ_SWEEP && !alias_sets_sweep(targets->sets))
        targets->reading = READ_NOTHING;
}

/* ---- from outside ---- */

/* What failed for want of memory. */
static void try_again(struct alias_targets *targets, uint64_t now_mono_ms)
{
    if (now_mono_ms - targets->tried_mono_ms < TRY_GAP_MS)
        return;
    targets->tried_mono_ms = now_mono_ms;
    if (targets->is_incomplete && targets->reading == READ_NOTHING)
        alias_targets_read(targets);
    if (!targets->is_image_behind)
        return;
    targets->is_image_behind = false;
    for (uint32_t i = 0; i < alias_sets_target_count(targets->sets); i++) {
        const struct alias_target *target = alias_sets_target(targets->sets, i);
        if (is_resolvable(target->type))
            show_again(targets, target);
    }
}

void alias_targets_tick(struct alias_targets *targets, uint64_t now_mono_ms)
{
    struct alias_target *target;
    unsigned lookups_left = LOOKUPS_MAX;

    read_on(targets, now_mono_ms);
    while (lookups_left > 0 && (target = alias_sets_next_changed(targets->sets))) {
        look_at(targets, target);
        lookups_left--;
    }
    if (targets->is_sweep_due && targets->sweep_left == 0 &&
        now_mono_ms - targets->swept_mono_ms >= SWEEP_GAP_MS) {
        targets->is_sweep_due = false;
        targets->swept_mono_ms = now_mono_ms;
        targets->sweep_left = alias_sets_target_count(targets->sets);
    }
    sweep(targets, lookups_left);
    try_again(targets, now_mono_ms);
    if (targets->is_changed) {
        targets->is_changed = false;
        publish_refresh(targets->cluster->publish);
    }
}

static int compare(const void *a, const void *b)
{
    const struct alias_target *left = *(struct alias_target *const *)a;
    const struct alias_target *right = *(struct alias_target *const *)b;
    const int order = dns_name_compare(left->name, right->name);

    return order != 0 ? order : (left->type > right->type) - (left->type < right->type);
}

/* Those that are kept, and as many again of the others. */
static uint32_t collect(const struct alias_targets *targets, struct alias_target **list)
{
    uint32_t count = 0, refused_left = RESOLVE_TARGETS_MAX;

    for (uint32_t i = 0; i < alias_sets_target_count(targets->sets); i++) {
        struct alias_target *target = alias_sets_target(targets->sets, i);
        if (target->is_kept || (target->is_refused && refused_left > 0)) {
            list[count++] = target;
            refused_left -= !target->is_kept;
        }
    }
    qsort(list, count, sizeof(struct alias_target *), compare);
    return count;
}

static void describe(const struct alias_targets *targets, const struct alias_target *target,
                     struct cluster_alias *out)
{
    static const char *const states[] = {[RESOLVE_RESOLVING] = "resolving",
                                         [RESOLVE_GOOD] = "good",
                                         [RESOLVE_STALE] = "stale",
                                         [RESOLVE_FAILED] = "failed"};
    struct resolve_target about = {.state = RESOLVE_FAILED,
                                   .problem = "there are more outside names than 10,000"};

    (void)resolve_get(targets->resolve, target->name, target->type, &about);
    *out = (struct cluster_alias){.name = target->name,
                                  .type = target->type,
                                  .used_by_count = target->used_by_count,
                                  .state = states[about.state],
                                  .problem = about.problem,
                                  .addresses = about.addresses,
                                  .address_count = about.address_count,
                                  .ttl_s = about.ttl_s,
                                  .resolved_wall_ms = about.resolved_wall_ms,
                                  .next_wall_ms = about.next_wall_ms};
}

int cluster_alias_list(struct cluster *cluster, cluster_alias_cb cb, void *user)
{
    struct alias_targets *targets = cluster->alias_targets;
    struct alias_target **list = calloc(2 * RESOLVE_TARGETS_MAX, sizeof(struct alias_target *));
    int rc = 0;

    if (!list)
        return ERR_NOMEM;
    const uint32_t count = collect(targets, list);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct cluster_alias alias;
        describe(targets, list[i], &alias);
        rc = cb(user, &alias);
    }
    free(list);
    return rc;
}

/* "ADDRESS:PORT,…" for the resolver. */
static int join_servers(const struct cluster_options *options, char out[SERVERS_TEXT_SIZE])
{
    size_t len = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < options->resolver_count; i++) {
        int added = snprintf(out + len, SERVERS_TEXT_SIZE - len, "%s%s", i > 0 ? "," : "",
                             options->resolvers[i]);
        if (added < 0 || (size_t)added >= SERVERS_TEXT_SIZE - len)
            return ERR_INVALID;
        len += (size_t)added;
    }
    return 0;
}

int alias_targets_new(struct cluster *cluster, const struct cluster_options *options,
                      struct alias_targets **out)
{
    char servers[SERVERS_TEXT_SIZE];
    struct alias_targets *targets = calloc(1, sizeof(*targets));
    struct resolve_options resolve = {.loop = options->loop,
                                      .servers = servers,
                                      .ttl_floor_s = options->alias_ttl_floor_s,
                                      .ttl_cap_s = options->alias_ttl_cap_s,
                                      .changed = on_changed,
                                      .user = targets};

    if (!targets)
        return ERR_NOMEM;
    targets->cluster = cluster;
    targets->sets = alias_sets_new();
    int rc = targets->sets ? join_servers(options, servers) : ERR_NOMEM;
    if (rc == 0)
        rc = resolve_open(&resolve, &targets->resolve);
    if (rc == 0) {
        *out = targets;
        return 0;
    }
    alias_sets_free(targets->sets);
    free(targets);
    return rc;
}

static void on_closed(void *user)
{
    struct alias_targets *targets = user;
    alias_targets_close_cb cb = targets->close_cb;
    void *close_user = targets->close_user;

    alias_sets_free(targets->sets);
    free(targets);
    cb(close_user);
}

void alias_targets_close(struct alias_targets *targets, alias_targets_close_cb cb, void *user)
{
    targets->close_cb = cb;
    targets->close_user = user;
    resolve_close(targets->resolve, on_closed, targets);
}
