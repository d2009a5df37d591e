/* node/control/override_requests.c: overrides of health checks and of record sets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "cluster/apply.h"
#include "control/call.h"
#include "control/health_reply.h"
#include "control/requests.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"

#define LISTED_MAX 1000u
#define TTL_MAX_MS (366ull * 24 * 3600 * 1000)

static void on_check_written(struct call *call, const struct apply_result *result)
{
    (void)result;
    health_reply_one(call, call->object_id);
}

/* The key of a record set as requests have it; views. */
struct set_words {
    const char *zone, *set_identifier;
    const ProtobufCBinaryData *name;
    uint32_t type;
};

/* true; false: the call has failed. */
static bool find_set(struct call *call, const struct set_words *words, struct state_zone *zone)
{
    if (words->name->len == 0 ||
        dns_name_check(words->name->data, words->name->len) != (int)words->name->len) {
        call_fail(call, ERR_INVALID, "name a health check, or a record set by zone, name and type");
        return false;
    }
    if (!call_find_zone(call, words->zone, zone))
        return false;
    snprintf(call->zone_id, sizeof(call->zone_id), "%s", zone->id);
    return true;
}

/* ---- set ---- */

static int on_set(void *user, const struct state_record_set *set)
{
    *(uint32_t *)user = set->ttl_s;
    return 0;
}

/* How long resolvers may still give the old answer. */
static void on_set_written(struct call *call, const struct apply_result *result)
{
    const Ctl__OverrideSet *request = call->request->override_set;
    struct state_record_set which = {.type = (uint16_t)request->type};
    uint8_t name[DNS_NAME_MAX];
    struct state_zone zone;
    uint32_t ttl_s = 0;

    (void)result;
    dns_name_lower(request->name.data, name);
    which.name = name;
    which.set_identifier = request->set_identifier;
    which.set_identifier_len = strlen(request->set_identifier);
    int rc = state_get_zone(call_state(call), call->zone_id, &zone);
    if (rc == 0)
        rc = state_get_record_set(call_state(call), zone.content, &which, on_set, &ttl_s);
    if (rc == 0 && request->mode == CMD__OVERRIDE_MODE__OVERRIDE_DRAIN)
        call_done(call,
                  "the record set is draining: new answers leave it out, and cached ones have run "
                  "out in %u s",
                  ttl_s);
    else
        call_done(call, "the record set is forced %s",
                  request->mode == CMD__OVERRIDE_MODE__OVERRIDE_FORCE_UP     ? "up"
                  : request->mode == CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN ? "down"
                                                                             : "to drain");
}

static void set_override(struct call *call)
{
    const Ctl__OverrideSet *request = call->request->override_set;
    struct set_words words = {request->zone, request->set_identifier, &request->name,
                              request->type};
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__PutOverride put = CMD__PUT_OVERRIDE__INIT;
    struct state_check check;
    struct state_zone zone;
    bool is_check = request->health_check_id[0] != 0;

    if (is_check ? !health_find(call, request->health_check_id, &check)
                 : !find_set(call, &words, &zone))
        return;
    if (is_check) {
        put.health_check_id = check.id;
        snprintf(call->object_id, sizeof(call->object_id), "%s", check.id);
    } else {
        put.zone_id = zone.id;
        put.name = request->name;
        put.type = request->type;
        put.set_identifier = request->set_identifier;
    }
    put.mode = request->mode;
    put.reason = request->reason;
    put.is_limited = true;
    command.time_wall_ms = clock_wall_ms();
    if (request->ttl_ms > 0)
        put.expires_wall_ms = command.time_wall_ms + request->ttl_ms;
    command.kind_case = CMD__COMMAND__KIND_PUT_OVERRIDE;
    command.put_override = &put;
    call_propose(call, &command, is_check ? on_check_written : on_set_written);
}

void request_override_set(struct call *call)
{
    if (call->request->override_set->ttl_ms > TTL_MAX_MS)
        call_fail(call, ERR_LIMIT, "an override lasts at most 366 days, or until it is cleared");
    else
        call_read(call, set_override);
}

/* ---- clear ---- */

static void on_set_cleared(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "the override is cleared");
}

static void clear_override(struct call *call)
{
    const Ctl__OverrideClear *request = call->request->override_clear;
    struct set_words words = {request->zone, request->set_identifier, &request->name,
                              request->type};
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteOverride clear = CMD__DELETE_OVERRIDE__INIT;
    struct state_check check;
    struct state_zone zone;
    bool is_check = request->health_check_id[0] != 0;

    if (is_check ? !health_find(call, request->health_check_id, &check)
                 : !find_set(call, &words, &zone))
        return;
    if (is_check) {
        clear.health_check_id = check.id;
        snprintf(call->object_id, sizeof(call->object_id), "%s", check.id);
    } else {
        clear.zone_id = zone.id;
        clear.name = request->name;
        clear.type = request->type;
        clear.set_identifier = request->set_identifier;
    }
    command.kind_case = CMD__COMMAND__KIND_DELETE_OVERRIDE;
    command.delete_override = &clear;
    call_propose(call, &command, is_check ? on_check_written : on_set_cleared);
}

void request_override_clear(struct call *call)
{
    call_read(call, clear_override);
}

/* ---- list ---- */

struct listed {
    Ctl__OverrideOf of;
    Ctl__Override override;
    struct state_override stored;
    struct health_key *key; /* NULL: of a check */
    char health_check_id[STATE_UUID_SIZE];
};
struct listing {
    const struct kv *kv;
    struct listed **list;
    Ctl__OverrideOf **pointers;
    size_t count, limit;
    uint8_t next[STATE_OVERRIDE_KEY_MAX];
    size_t next_len;
};

static int on_ttl(void *user, const struct state_record_set *set)
{
    struct listed *listed = user;

    listed->override.drained_wall_ms = listed->stored.set_wall_ms + (uint64_t)set->ttl_s * 1000;
    return 0;
}

static int add_drain(const struct kv *kv, const struct state_override_key *key,
                     struct listed *listed)
{
    struct state_zone zone;
    int rc = state_get_zone(kv, key->zone_id, &zone);

    if (rc == 0)
        rc = state_get_record_set(kv, zone.content, key->set, on_ttl, listed);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int on_override(void *user, const struct state_override_key *key,
                       const struct state_override *override)
{
    struct listing *listing = user;

    if (listing->count == listing->limit) {
        listing->next_len = state_override_octets(key, listing->next);
        return 1;
    }
    struct listed *listed = calloc(1, sizeof(*listed));
    if (!listed)
        return ERR_NOMEM;
    listing->list[listing->count] = listed;
    listing->pointers[listing->count++] = &listed->of;
    ctl__override_of__init(&listed->of);
    listed->stored = *override;
    health_override_fill(&listed->stored, &listed->override);
    listed->of.override = &listed->override;
    if (key->health_check_id) {
        memcpy(listed->health_check_id, key->health_check_id, STATE_UUID_SIZE);
        listed->of.health_check_id = listed->health_check_id;
        return 0;
    }
    listed->key = health_key_new(key->zone_id, key->set);
    if (!listed->key)
        return ERR_NOMEM;
    listed->of.record_set = health_key_message(listed->key);
    return override->mode == STATE_OVERRIDE_DRAIN ? add_drain(listing->kv, key, listed) : 0;
}

static void list_overrides(struct call *call)
{
    const Ctl__OverrideList *request = call->request->override_list;
    struct kv_slice start = kv_slice(request->start.data, request->start.len);
    struct listing listing = {.kv = call_state(call), .limit = LISTED_MAX};
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__OverrideListReply list = CTL__OVERRIDE_LIST_REPLY__INIT;
    int rc = ERR_NOMEM;

    if (request->limit > 0 && request->limit < LISTED_MAX)
        listing.limit = request->limit;
    listing.list = calloc(LISTED_MAX, sizeof(*listing.list));
    listing.pointers = calloc(LISTED_MAX, sizeof(*listing.pointers));
    if (listing.list && listing.pointers)
        rc = state_list_overrides_from(listing.kv, start, on_override, &listing);
    if (rc != 0)
        call_fail_code(call, rc, "list the overrides");
    else {
        list.n_overrides = listing.count;
        list.overrides = listing.pointers;
        list.next = (ProtobufCBinaryData){listing.next_len, listing.next};
        reply.kind_case = CTL__REPLY__KIND_OVERRIDE_LIST;
        reply.override_list = &list;
        call_reply(call, &reply);
    }
    for (size_t i = 0; i < listing.count; i++) {
        health_key_free(listing.list[i]->key);
        free(listing.list[i]);
    }
    free(listing.list);
    free(listing.pointers);
}

void request_override_list(struct call *call)
{
    call_read(call, list_overrides);
}
