/* node/cluster/apply_import.c: a new content for a zone, filled chunk by chunk and switched to at
 * once. Nobody is served from it before, so an import that fails or stops changes nothing. */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/apply_routing.h"
#include "cluster/apply_traffic.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/command.pb-c.h"

static int tell_content(struct apply *apply, enum apply_effect_kind kind,
                        const struct state_import *import)
{
    struct apply_effect effect = {.kind = kind, .content = import->content};

    effect.zone_id = arena_copy(apply->scratch, import->zone_id, strlen(import->zone_id));
    return effect.zone_id ? apply__tell(apply, &effect) : ERR_NOMEM;
}

static int note_import(void *user, const struct state_import *import)
{
    struct apply *apply = user;

    if (apply->import_count == STATE_IMPORTS_MAX)
        return ERR_CORRUPT;
    memcpy(apply->import_ids[apply->import_count++], import->change_id, STATE_ID_SIZE);
    return 0;
}

int apply__load_imports(struct apply *apply)
{
    apply->import_count = 0;
    return state_list_imports(apply->kv, note_import, apply);
}

/* After list_imports() counted less than STATE_IMPORTS_MAX. Should the command be refused after
 * all, there is an id too many until the next list. */
static void add_import_id(struct apply *apply, const char *id)
{
    unsigned at = 0;

    ASSERT(apply->import_count < STATE_IMPORTS_MAX);
    while (at < apply->import_count && strcmp(apply->import_ids[at], id) < 0)
        at++;
    memmove(apply->import_ids[at + 1], apply->import_ids[at],
            (apply->import_count++ - at) * sizeof(apply->import_ids[0]));
    memcpy(apply->import_ids[at], id, strlen(id) + 1);
}

/* All imports in the order of their ids. Only before the command deletes any: an id that is gone is
 * forgotten here, and a refused command would bring it back. */
static int list_imports(struct apply *apply, state_import_cb cb, void *user)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < apply->import_count; i++) {
        struct state_import import;
        int rc = state_get_import(apply__kv(apply), apply->import_ids[i], &import);
        if (rc == ERR_NOT_FOUND)
            continue;
        if (rc == 0)
            rc = cb(user, &import);
        if (rc != 0)
            return rc;
        memmove(apply->import_ids[kept++], apply->import_ids[i], STATE_ID_SIZE);
    }
    apply->import_count = kept;
    return 0;
}

static int on_import(void *user, const struct state_import *import)
{
    (void)import;
    ++*(unsigned *)user;
    return 0;
}

int apply__import_begin(struct apply *apply, const struct Cmd__ImportBegin *command)
{
    struct state_import import = {0}, other;
    struct state_change change;
    struct state_zone zone;
    unsigned count = 0;
    int rc = apply__read_zone(apply, command->zone_id, &zone);

    if (rc == 0)
        rc = apply__check_id(apply, "change id", command->change_id, 'C');
    if (rc == 0)
        rc = apply__check_text(apply, "comment", command->comment, STATE_COMMENT_SIZE);
    if (rc == 0)
        rc = apply__check_no_instance(apply, &zone, "InvalidInput");
    if (rc == 0)
        rc = list_imports(apply, on_import, &count);
    if (rc != 0)
        return rc;
    if (count >= STATE_IMPORTS_MAX)
        return apply__refuse(apply, ERR_BUSY, "%u imports are under way", count);
    rc = state_get_import(apply__kv(apply), command->change_id, &other);
    if (rc == ERR_NOT_FOUND)
        rc = state_get_change(apply__kv(apply), command->change_id, &change, NULL, NULL);
    if (rc == 0)
        return apply__refuse(apply, ERR_EXISTS, "change %s is there", command->change_id);
    if (rc != ERR_NOT_FOUND)
        return rc;
    memcpy(import.change_id, command->change_id, strlen(command->change_id));
    memcpy(import.zone_id, zone.id, sizeof(zone.id));
    memcpy(import.comment, command->comment, strlen(command->comment));
    memcpy(import.actor, apply->command->actor, strlen(apply->command->actor));
    memcpy(apply->result->zone_id, zone.id, sizeof(zone.id));
    memcpy(apply->result->change_id, import.change_id, sizeof(import.change_id));
    import.begun_wall_ms = apply->command->time_wall_ms;
    import.content = ++apply->counters.content;
    apply->has_new_counters = true;
    state_put_import(apply->overlay, &import);
    add_import_id(apply, import.change_id);
    return tell_content(apply, APPLY_CONTENT_STARTED, &import);
}

static int read_import(struct apply *apply, const char *change_id, struct state_import *out)
{
    int rc = apply__check_id(apply, "change id", change_id, 'C');

    if (rc == 0)
        rc = state_get_import(apply__kv(apply), change_id, out);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND, "there is no import %s", change_id);
    return rc;
}

/* Sets of a chunk that stand beside each other and have one name. */
struct run {
    struct apply__set *sets;
    size_t count;
    bool is_new; /* nothing is stored under the name: no need to look */
};

static bool has_type_twice(const struct run *run)
{
    for (size_t i = 1; i < run->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (run->sets[i].state.type == run->sets[j].state.type)
                return true;
        }
    }
    return false;
}

/* The union of @stored and @set, with the lesser TTL, so that the order of chunks does not matter.
 */
static int merge_set(struct apply *apply, const struct state_record_set *stored,
                     struct state_record_set *set)
{
    size_t len = stored->rdata_len, offset = 0;
    uint8_t *merged = arena_alloc(apply->scratch, stored->rdata_len + set->rdata_len + 1);
    uint16_t count = stored->rdata_count, rdata_len;
    const uint8_t *rdata;

    if (!merged)
        return ERR_NOMEM;
    memcpy(merged, stored->rdata, stored->rdata_len);
    while (state_set_next(set, &offset, &rdata, &rdata_len)) {
        if (state_set_has(stored, rdata, rdata_len))
            continue;
        memcpy(merged + len, rdata - 2, 2u + rdata_len); /* its length stands before it */
        len += 2u + rdata_len;
        count++;
    }
    if (len > STATE_SET_RDATA_MAX)
        return apply__refuse(apply, ERR_LIMIT, "a record set is longer than %u octets",
                             STATE_SET_RDATA_MAX);
    set->rdata = merged;
    set->rdata_len = len;
    set->rdata_count = count;
    if (stored->ttl_s < set->ttl_s)
        set->ttl_s = stored->ttl_s;
    return 0;
}

static bool is_single(uint16_t type)
{
    return type == DNS_TYPE_CNAME || type == DNS_TYPE_SOA || type == DNS_TYPE_DNAME;
}

static int put_set(struct apply *apply, struct state_import *import, struct state_record_set *set,
                   bool is_new)
{
    const struct state_record_set *stored = NULL;
    struct apply_effect effect = {.kind = APPLY_RECORD_SET_PUT, .content = import->content};
    int rc = is_new ? 0 : apply__read_set(apply, import->content, set, &stored);

    if (rc == 0 && stored)
        rc = merge_set(apply, stored, set);
    if (rc != 0)
        return rc;
    if (stored && set->rdata_count > 1 && is_single(set->type)) {
        char text[DNS_NAME_TEXT_SIZE];
        dns_name_format(set->name, text, sizeof(text));
        return apply__refuse(apply, ERR_INVALID, "%.128s type %u: only one record is possible",
                             text, set->type);
    }
    import->record_set_count += !stored;
    rc = state_put_record_set(apply->overlay, import->content, stored, set);
    if (rc != 0)
        return rc;
    effect.record_set = *set;
    effect.zone_id = apply->result->zone_id; /* as long-lived as the effects */
    return apply__tell(apply, &effect);
}

/* The rules that later chunks cannot mend: what may still come is taken as there. */
static int check_run(struct apply *apply, const struct state_zone *zone, uint64_t content,
                     const struct run *run)
{
    const uint8_t *name = run->sets[0].state.name;
    struct apply__types types;
    struct zone_problem problem;

    if (run->is_new) {
        types.count = 0;
        for (size_t i = 0; i < run->count && i < APPLY__TYPES_MAX; i++)
            types.types[types.count++] = run->sets[i].state.type;
    } else {
        const struct state_record_set *added = run->count == 1 ? &run->sets[0].state : NULL;
        int rc = apply__read_types(apply, content, added, name, &types);
        if (rc != 0)
            return rc;
    }
    if (dns_name_is_equal(name, zone->name))
        apply__assume_apex(&types);
    else
        apply__assume_delegation(&types);
    int rc = zone_rules_check_name(zone->name, name, types.types, types.count, &problem);
    return rc != 0 ? apply__refuse(apply, rc, "%s", problem.text) : 0;
}

static int put_run(struct apply *apply, const struct state_zone *zone, struct state_import *import,
                   struct run *run)
{
    uint8_t key[STATE_KEY_NAME_MAX];
    size_t key_len = state_key_name(run->sets[0].state.name, key);
    size_t common = key_len < import->last_key_len ? key_len : import->last_key_len;
    int order = common > 0 ? memcmp(key, import->last_key, common) : 1;

    if (order > 0) { /* no reversed name is the beginning of another one: they end in zero */
        memcpy(import->last_key, key, key_len);
        import->last_key_len = key_len;
        run->is_new = run->count <= APPLY__TYPES_MAX && !has_type_twice(run);
    }
    for (size_t i = 0; i < run->count; i++) {
        int rc = put_set(apply, import, &run->sets[i].state, run->is_new);
        if (rc != 0)
            return rc;
    }
    return check_run(apply, zone, import->content, run);
}

static int put_chunk(struct apply *apply, const struct state_zone *zone,
                     struct state_import *import, const struct Cmd__ImportChunk *command)
{
    struct apply__set *sets =
        arena_alloc(apply->scratch, command->n_record_sets * sizeof(*sets) + 1);
    int rc = sets ? 0 : ERR_NOMEM;

    for (size_t i = 0; i < command->n_record_sets && rc == 0; i++)
        rc = apply__take_set(apply, zone, command->record_sets[i], &sets[i]);
    for (size_t i = 0; i < command->n_record_sets && rc == 0; i++) {
        if (sets[i].state.routing)
            rc = apply__refuse(apply, ERR_UNSUPPORTED, "an import has no record sets with routing");
    }
    for (size_t i = 0; i < command->n_record_sets && rc == 0;) {
        struct run run = {.sets = &sets[i], .count = 1};
        while (i + run.count < command->n_record_sets &&
               dns_name_is_equal(sets[i].state.name, sets[i + run.count].state.name))
            run.count++;
        rc = put_run(apply, zone, import, &run);
        i += run.count;
    }
    return rc;
}

int apply__import_chunk(struct apply *apply, const struct Cmd__ImportChunk *command)
{
    struct state_import import;
    struct state_zone zone;
    int rc = read_import(apply, command->change_id, &import);

    if (rc == 0)
        rc = apply__read_zone(apply, import.zone_id, &zone);
    if (rc != 0)
        return rc;
    memcpy(apply->result->zone_id, import.zone_id, sizeof(import.zone_id));
    memcpy(apply->result->change_id, import.change_id, sizeof(import.change_id));
    rc = put_chunk(apply, &zone, &import, command);
    if (rc != 0)
        return rc;
    import.chunk_count++;
    state_put_import(apply->overlay, &import);
    return 0;
}

/* Complete, and a zone in itself? */
static int check_complete(struct apply *apply, const struct state_zone *zone,
                          const struct state_import *import,
                          const struct Cmd__ImportCommit *command)
{
    struct apply__types types;
    struct zone_problem problem;

    if (import->chunk_count != command->chunk_count)
        return apply__refuse(apply, ERR_CONFLICT, "%" PRIu64 " of %" PRIu64 " chunks are there",
                             import->chunk_count, command->chunk_count);
    int rc = apply__read_types(apply, import->content, NULL, zone->name, &types);
    if (rc != 0)
        return rc;
    if (types.count == 0)
        return apply__refuse(apply, ERR_INVALID, "the zone has no SOA");
    rc = zone_rules_check_name(zone->name, zone->name, types.types, types.count, &problem);
    return rc != 0 ? apply__refuse(apply, rc, "%s", problem.text) : 0;
}

static int tell_switch(struct apply *apply, const struct state_zone *zone, uint64_t old_content)
{
    struct apply_effect effect = {
        .kind = APPLY_CONTENT_SWITCHED,
        .content = zone->content,
        .old_content = old_content,
        .is_not_served = zone->is_not_served,
        .is_private = zone->is_private,
    };

    effect.zone_id = arena_copy(apply->scratch, zone->id, strlen(zone->id));
    effect.name = arena_copy(apply->scratch, zone->name, dns_name_len(zone->name));
    return effect.zone_id && effect.name ? apply__tell(apply, &effect) : ERR_NOMEM;
}

int apply__import_commit(struct apply *apply, const struct Cmd__ImportCommit *command)
{
    struct state_import import;
    struct state_zone zone;
    struct state_change change = {.kind = STATE_CHANGE_IMPORTED};
    int rc = read_import(apply, command->change_id, &import);

    if (rc == 0)
        rc = apply__read_zone(apply, import.zone_id, &zone);
    if (rc == 0)
        rc = apply__check_no_instance(apply, &zone, "InvalidInput");
    if (rc == 0)
        rc = check_complete(apply, &zone, &import, command);
    if (rc != 0)
        return rc;
    uint64_t old_content = zone.content;
    zone.content = import.content;
    zone.record_set_count = import.record_set_count;
    zone.changed_index = apply->index;
    rc = state_delete_content(apply->overlay, old_content);
    if (rc != 0)
        return rc;
    apply__write_zone(apply, &zone);
    state_delete_import(apply->overlay, import.change_id);
    memcpy(change.id, import.change_id, sizeof(change.id));
    memcpy(change.zone_id, zone.id, sizeof(change.zone_id));
    memcpy(change.zone_name, zone.name, sizeof(change.zone_name));
    memcpy(change.actor, import.actor, sizeof(change.actor));
    memcpy(change.comment, import.comment, sizeof(change.comment));
    memcpy(apply->result->zone_id, zone.id, sizeof(zone.id));
    memcpy(apply->result->change_id, change.id, sizeof(change.id));
    rc = tell_switch(apply, &zone, old_content);
    if (rc == 0)
        rc = apply__sweep_overrides(apply, &zone);
    return rc != 0 ? rc : apply__journal(apply, &change, NULL);
}

static int drop_import(struct apply *apply, const struct state_import *import)
{
    int rc = state_delete_content(apply->overlay, import->content);
    if (rc != 0)
        return rc;
    state_delete_import(apply->overlay, import->change_id);
    return tell_content(apply, APPLY_CONTENT_DROPPED, import);
}

int apply__import_abort(struct apply *apply, const struct Cmd__ImportAbort *command)
{
    struct state_import import;
    int rc = read_import(apply, command->change_id, &import);

    return rc != 0 ? rc : drop_import(apply, &import);
}

struct dropping {
    const char *zone_id;     /* of this zone, or (NULL) */
    uint64_t before_wall_ms; /* begun before */
    struct state_import found[STATE_IMPORTS_MAX];
    size_t count;
};

static int on_droppable(void *user, const struct state_import *import)
{
    struct dropping *dropping = user;
    bool is_wanted = dropping->zone_id ? strcmp(import->zone_id, dropping->zone_id) == 0
                                       : import->begun_wall_ms < dropping->before_wall_ms;

    if (is_wanted && dropping->count < STATE_IMPORTS_MAX)
        dropping->found[dropping->count++] = *import;
    return 0;
}

static int drop_found(struct apply *apply, struct dropping *dropping)
{
    int rc = list_imports(apply, on_droppable, dropping);

    for (size_t i = 0; i < dropping->count && rc == 0; i++)
        rc = drop_import(apply, &dropping->found[i]);
    return rc;
}

bool apply_oldest_import(const struct apply *apply, uint64_t *begun_wall_ms)
{
    struct state_import import;
    bool is_any = false;

    for (unsigned i = 0; i < apply->import_count; i++) {
        if (state_get_import(apply->kv, apply->import_ids[i], &import) != 0)
            continue; /* over, or told when it is applied to */
        if (!is_any || import.begun_wall_ms < *begun_wall_ms)
            *begun_wall_ms = import.begun_wall_ms;
        is_any = true;
    }
    return is_any;
}

int apply__import_expire(struct apply *apply, const struct Cmd__ImportExpire *command)
{
    struct dropping dropping = {.before_wall_ms = command->before_wall_ms};
    return drop_found(apply, &dropping);
}

int apply__import_drop_all(struct apply *apply, const char *zone_id)
{
    struct dropping dropping = {.zone_id = zone_id};
    return drop_found(apply, &dropping);
}
