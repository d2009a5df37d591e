#include "cluster/apply.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/log.h"
#include "cluster/apply_internal.h"
#include "proto/command.pb-c.h"

#define SCRATCH_LEN_MAX (128u << 20)
#define GROUP_LEN_MAX (32u << 20) /* of one group, or one walk */
#define JOURNAL_TRIM_STEP 64u     /* trimmed at a time: seeking past deleted keys is not free */
#define JOURNAL_TRIM_MAX 1024u    /* after `changes.kept` was lowered */

static int refuse(struct apply *apply, int code, const char *format, va_list args)
{
    char text[APPLY_MESSAGE_MAX];

    ASSERT(code < 0);
    vsnprintf(text, sizeof(text), format, args);
    char *message = arena_copy(apply->scratch, text, strlen(text));
    if (!message)
        return ERR_NOMEM;
    apply->result->code = code;
    apply->result->message = message;
    return APPLY__REFUSED;
}

int apply__collect(struct apply *apply, int rc)
{
    struct apply_result *result = apply->result;

    if (rc != APPLY__REFUSED)
        return rc;
    if (result->error || result->code == ERR_BUSY) {
        /* the session keeps the code of the first problem, whatever is told */
        if (apply->problems.count > 0)
            result->code = apply->problems.code;
        return rc;
    }
    if (apply->problems.count == 0) {
        apply->problems.code = result->code;
        apply->problems.rewritten_len = apply->rewritten_len;
        apply->problems.walked = apply->walked;
    }
    if (apply->problems.count < APPLY__PROBLEMS_MAX)
        apply->problems.list[apply->problems.count++] = result->message;
    return 0;
}

int apply__refuse_collected(struct apply *apply)
{
    if (apply->problems.count == 0)
        return 0;
    size_t len = apply->problems.count * sizeof(apply->problems.list[0]);
    const char **messages = arena_alloc(apply->scratch, len);
    if (!messages)
        return ERR_NOMEM;
    memcpy(messages, apply->problems.list, len);
    apply->result->messages = messages;
    apply->result->message_count = apply->problems.count;
    apply->result->error = "InvalidChangeBatch";
    apply->result->code = apply->problems.code;
    apply->result->message = messages[0];
    return APPLY__REFUSED;
}

int apply__refuse(struct apply *apply, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int rc = refuse(apply, code, format, args);
    va_end(args);
    return rc;
}

int apply__refuse_as(struct apply *apply, int code, const char *error, const char *format, ...)
{
    va_list args;

    apply->result->error = error;
    va_start(args, format);
    int rc = refuse(apply, code, format, args);
    va_end(args);
    return rc;
}

int apply__tell(struct apply *apply, const struct apply_effect *effect)
{
    if (apply->effect_count == apply->effect_capacity) {
        size_t capacity = apply->effect_capacity == 0 ? 256 : apply->effect_capacity * 2;
        struct apply_effect *grown = realloc(apply->effects, capacity * sizeof(*grown));
        if (!grown)
            return ERR_NOMEM;
        apply->effects = grown;
        apply->effect_capacity = capacity;
    }
    apply->effects[apply->effect_count] = *effect;
    apply->effects[apply->effect_count++].index = apply->index;
    return 0;
}

const struct kv *apply__kv(const struct apply *apply)
{
    return overlay_kv(apply->overlay);
}

int apply__load_settings(struct apply *apply)
{
    char value[STATE_SETTING_SIZE];
    int rc = state_get_setting(apply__kv(apply), STATE_SETTING_CHANGES_KEPT, value);

    apply->changes_kept = APPLY__CHANGES_KEPT_DEFAULT;
    if (rc == 0)
        apply->changes_kept = strtoull(value, NULL, 10); /* checked when it was set */
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int apply__journal(struct apply *apply, struct state_change *change,
                   const struct state_action *actions)
{
    change->index = apply->index;
    change->time_wall_ms = apply->command->time_wall_ms;
    state_put_change(apply->overlay, change, apply->place, actions);
    apply->counters.change_count++;
    apply->has_new_counters = true;
    if (apply->counters.change_count < apply->changes_kept + JOURNAL_TRIM_STEP)
        return 0;
    uint64_t excess = apply->counters.change_count - apply->changes_kept;
    if (excess > JOURNAL_TRIM_MAX)
        excess = JOURNAL_TRIM_MAX;
    return state_trim_changes(apply->overlay, &apply->counters, excess);
}

/* Get ready for a batch: decode it, make room for the results, load what commands start from. */
static int open_batch(struct apply *apply, const struct raft_entry *entry,
                      const struct Cmd__Batch **out)
{
    if (!entry->data)
        return ERR_CORRUPT;
    int rc = command_batch_decode(apply->decoder, entry->data->data, entry->data->len, out);
    if (rc != 0)
        return rc;
    apply->results = arena_alloc(apply->scratch, (*out)->n_commands * sizeof(*apply->results) + 1);
    if (!apply->results)
        return ERR_NOMEM;
    rc = state_get_counters(apply__kv(apply), &apply->counters);
    return rc != 0 ? rc : apply__load_settings(apply);
}

static int apply_batch(struct apply *apply, const struct raft_entry *entry)
{
    const struct Cmd__Batch *batch;
    int rc = open_batch(apply, entry, &batch);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < batch->n_commands && rc == 0; i++) {
        apply->place = (uint32_t)i;
        apply->command = batch->commands[i];
        apply->result = &apply->results[apply->result_count++];
        apply->problems.count = 0;
        rc = apply__command(apply);
    }
    if (rc == 0 && apply->has_new_counters)
        state_put_counters(apply->overlay, &apply->counters);
    if (rc == 0)
        apply__save_session(apply);
    return rc;
}

/* What a member said of itself. Octets that are no such message change nothing: the membership
 * itself is in force already (thesis §4.1). */
static int apply_context(struct apply *apply, const uint8_t *context, size_t len)
{
    struct apply_result ignored = {0};
    Cmd__MemberContext *member = len > 0 ? cmd__member_context__unpack(NULL, len, context) : NULL;

    if (!member)
        return 0;
    int rc = member->base.n_unknown_fields > 0 ? ERR_VERSION : 0;
    apply->result = &ignored;
    if (rc == 0)
        rc = apply__put_member(apply, member);
    apply->result = NULL;
    cmd__member_context__free_unpacked(member, NULL);
    return rc == APPLY__REFUSED ? 0 : rc;
}

/* What state knows of members that @conf has no more. */
static int forget_lost(struct apply *apply, const struct raft_conf *conf)
{
    struct state_conf before;

    int rc = state_get_conf(apply__kv(apply), &before);
    for (uint32_t i = 0; rc == 0 && i < before.count; i++) {
        if (!raft_conf_find(conf, before.members[i].id))
            state_delete_member(apply->overlay, before.members[i].id);
    }
    return rc;
}

static int apply_conf(struct apply *apply, const struct raft_entry *entry)
{
    struct raft_conf conf;
    struct raft_conf_change change;
    struct state_conf stored = {0};
    const uint8_t *context;
    size_t context_len;
    int rc = 0;

    if (!entry->data || raft_conf_entry_decode(entry->data, &conf, &change, &context, &context_len))
        return ERR_CORRUPT;
    stored.count = conf.count;
    for (uint32_t i = 0; i < conf.count; i++) {
        stored.members[i].id = conf.members[i].id;
        stored.members[i].role = (uint32_t)conf.members[i].role;
    }
    if (change.kind == RAFT_CONF_REMOVE)
        state_delete_member(apply->overlay, change.id);
    else if (change.kind == RAFT_CONF_RECOVER)
        rc = forget_lost(apply, &conf);
    else
        rc = apply_context(apply, context, context_len);
    if (rc != 0)
        return rc;
    state_put_conf(apply->overlay, &stored);
    return apply__tell(
        apply, &(struct apply_effect){.kind = APPLY_MEMBERS_CHANGED, .member_id = change.id});
}

static void begin(struct apply *apply, uint64_t index)
{
    overlay_reset(apply->overlay, apply->kv);
    arena_reset(apply->scratch);
    apply->rewritten_len = 0;
    apply->walked = 0;
    apply->effect_count = apply->result_count = 0;
    apply->results = NULL;
    apply->has_new_counters = apply->has_zone = false;
    apply->session_state = APPLY__SESSION_NONE;
    apply->index = index;
}

static void tell_all(struct apply *apply)
{
    for (size_t i = 0; i < apply->effect_count; i++)
        apply->sink.effect(apply->sink.user, &apply->effects[i]);
    for (size_t i = 0; i < apply->result_count; i++)
        apply->sink.result(apply->sink.user, &apply->results[i]);
}

static void remember_hash(struct apply *apply)
{
    size_t place = apply->point.index % APPLY_HASHES_MAX;

    apply->hashes[place].index = apply->point.index;
    apply->hashes[place].hash = apply->point.hash;
}

static int apply_contents(struct apply *apply, const struct raft_entry *entry)
{
    switch (entry->kind) {
    case RAFT_ENTRY_NOOP: return 0;
    case RAFT_ENTRY_NORMAL: return apply_batch(apply, entry);
    case RAFT_ENTRY_CONF: return apply_conf(apply, entry);
    default: return ERR_VERSION;
    }
}

int apply_entry(struct apply *apply, const struct raft_entry *entry)
{
    struct state_applied point = {entry->index, entry->term, apply->point.hash};

    if (entry->index <= apply->point.index)
        return 0;
    ASSERT(entry->index == apply->point.index + 1);
    begin(apply, entry->index);
    int rc = apply_contents(apply, entry);
    if (rc == 0)
        rc = state_commit(apply->overlay, apply->kv, &point);
    if (rc != 0) {
        log_error("apply", "entry_not_applied index=%" PRIu64 " error=\"%s\"%s", entry->index,
                  err_text(rc),
                  rc == ERR_VERSION ? " do=\"update quartetd on this node and start it again\""
                                    : "");
        return rc;
    }
    apply->point = point;
    remember_hash(apply);
    tell_all(apply);
    return 0;
}

int apply_reload(struct apply *apply, const struct kv *kv)
{
    struct state_applied point;
    bool has_routed;
    int rc = state_get_applied(kv, &point);

    if (rc == 0)
        rc = state_has_routed(kv, 0, &has_routed);
    if (rc != 0)
        return rc;
    apply->kv = kv;
    apply->may_have_routed = has_routed;
    apply->point = point;
    memset(apply->hashes, 0, sizeof(apply->hashes));
    remember_hash(apply);
    return apply__load_imports(apply);
}

int apply_new(const struct kv *kv, const struct apply_sink *sink, struct apply **out)
{
    struct apply *apply = calloc(1, sizeof(*apply));
    int rc = ERR_NOMEM;

    ASSERT(sink->effect && sink->result);
    if (!apply)
        return ERR_NOMEM;
    apply->sink = *sink;
    apply->overlay = overlay_new(kv);
    apply->decoder = command_arena_new();
    apply->scratch = arena_new(SCRATCH_LEN_MAX);
    apply->group = arena_new(GROUP_LEN_MAX);
    if (apply->overlay && apply->decoder && apply->scratch && apply->group)
        rc = apply_reload(apply, kv);
    if (rc != 0) {
        apply_free(apply);
        return rc;
    }
    *out = apply;
    return 0;
}

void apply_free(struct apply *apply)
{
    if (!apply)
        return;
    overlay_free(apply->overlay);
    command_arena_free(apply->decoder);
    arena_free(apply->scratch);
    arena_free(apply->group);
    free(apply->effects);
    free(apply);
}

void apply_point(const struct apply *apply, struct state_applied *out)
{
    *out = apply->point;
}

bool apply_hash_at(const struct apply *apply, uint64_t index, struct state_hash *out)
{
    size_t place = index % APPLY_HASHES_MAX;

    if (index == 0 || apply->hashes[place].index != index)
        return false;
    *out = apply->hashes[place].hash;
    return true;
}
