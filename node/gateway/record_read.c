#include "gateway/record_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "gateway/record_internal.h"
#include "proto/command.pb-c.h"

#define COMMENT_LEN_MAX 256u
#define VALUE_LEN_MAX 4000u
#define PROBLEM_LEN_MAX 8192u

void record__problem(struct record__problems *problems, const char *format, ...)
{
    char text[PROBLEM_LEN_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (problems->count == problems->capacity) {
        size_t capacity = problems->capacity * 2 + 16;
        const char **longer = arena_alloc(problems->arena, capacity * sizeof(*longer));
        if (longer && problems->count > 0)
            memcpy(longer, problems->list, problems->count * sizeof(*longer));
        if (!longer) {
            problems->is_out_of_memory = true;
            return;
        }
        problems->list = longer;
        problems->capacity = capacity;
    }
    char *copy = arena_copy(problems->arena, text, strlen(text));
    if (copy)
        problems->list[problems->count++] = copy;
    else
        problems->is_out_of_memory = true;
}

static bool fail_memory(struct gateway_call *call)
{
    gateway_fail(call, "InvalidInput", "The request is too long");
    return false;
}

/* InvalidChangeBatch with "[one, two]". */
static bool fail_problems(struct gateway_call *call, const struct record__problems *problems)
{
    size_t len = sizeof("[]");

    for (size_t i = 0; i < problems->count; i++)
        len += strlen(problems->list[i]) + 2;
    char *text = arena_alloc(problems->arena, len), *to = text;
    if (!text || problems->is_out_of_memory)
        return fail_memory(call);
    *to++ = '[';
    for (size_t i = 0; i < problems->count; i++) {
        to = stpcpy(to, i > 0 ? ", " : "");
        to = stpcpy(to, problems->list[i]);
    }
    memcpy(to, "]", 2);
    gateway_fail(call, "InvalidChangeBatch", "%s", text);
    return false;
}

/* ---- the limits of a request (route53.md 3.7) ---- */

struct sums {
    size_t records, characters;
};

/* Count one change; and hold its values against the model. */
static void add_change(struct record__reading *reading, struct sums *sums)
{
    const struct xml_element *records = reading->parts.records;
    bool is_delete = reading->change->action == CMD__ACTION__ACTION_DELETE;
    size_t times = reading->change->action == CMD__ACTION__ACTION_UPSERT ? 2 : 1;
    char path[96];
    unsigned number = 0;

    sums->records += times * (records ? records->child_count : 1);
    for (const struct xml_element *at = records ? records->child : NULL; at; at = at->next) {
        const char *value = xml_child_text(at, "Value");
        number++;
        snprintf(path, sizeof(path), "resourceRecordSet.resourceRecords.%u.member.value", number);
        if (!record__require(reading, path, value))
            continue;
        sums->characters += times * strlen(value);
        if (!is_delete) /* what was listed may be longer, and must be able to go */
            record__check_length(reading, path, value, 0, VALUE_LEN_MAX);
    }
}

static bool check_sums(struct gateway_call *call, const struct sums *sums)
{
    if (sums->records > RECORD_READ_RECORDS_MAX)
        gateway_fail(call, "InvalidChangeBatch", "[Number of records limit of %u exceeded.]",
                     RECORD_READ_RECORDS_MAX);
    else if (sums->characters > RECORD_READ_CHARACTERS_MAX)
        gateway_fail(call, "InvalidChangeBatch", "[Number of characters limit of %u exceeded.]",
                     RECORD_READ_CHARACTERS_MAX);
    else
        return true;
    return false;
}

/* ---- the batch ---- */

static bool check_lists(struct gateway_call *call, const struct xml_element *changes)
{
    bool is_empty = changes->child_count == 0;

    for (const struct xml_element *at = changes->child; at && !is_empty; at = at->next) {
        const struct xml_element *records =
            xml_child(xml_child(at, "ResourceRecordSet"), "ResourceRecords");
        is_empty = records && records->child_count == 0;
    }
    if (is_empty)
        gateway_fail(call, "MalformedInput", "Unexpected list element termination");
    return !is_empty;
}

/* All that needs no more than the model. */
static bool read_members(struct gateway_call *call, const struct xml_element *changes,
                         struct record__reading *readings, struct sums *sums)
{
    size_t i = 0;

    for (const struct xml_element *at = changes->child; at; at = at->next, i++) {
        struct record__reading *reading = &readings[i];
        memset(reading, 0, sizeof(*reading));
        reading->call = call;
        reading->arena = gateway_arena(call);
        reading->number = (unsigned)i + 1;
        if (!record__read_parts(reading, at))
            return fail_memory(call);
        add_change(reading, sums);
    }
    return gateway_is_valid(call);
}

static bool read_changes(struct gateway_call *call, struct record__reading *readings,
                         struct record_batch *out)
{
    struct record__problems problems = {.arena = gateway_arena(call)};

    for (size_t i = 0; i < out->count; i++) {
        if (!record__check_shape(&readings[i]))
            return false;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (!record__read_values(&readings[i], &problems))
            return fail_memory(call);
        out->changes[i] = readings[i].change;
    }
    return problems.count == 0 && !problems.is_out_of_memory ? true
                                                             : fail_problems(call, &problems);
}

static bool read_comment(struct gateway_call *call, const struct xml_element *batch,
                         struct record_batch *out)
{
    const char *comment = xml_child_text(batch, "Comment");
    size_t count = 0;

    for (const char *at = comment; at && *at; at++)
        count += ((uint8_t)*at & 0xc0) != 0x80;
    if (count > COMMENT_LEN_MAX)
        gateway_breach(call, "changeBatch.comment", comment,
                       "Member must have length less than or equal to %u", COMMENT_LEN_MAX);
    out->comment = comment ? comment : "";
    return count <= COMMENT_LEN_MAX;
}

bool record_read(struct gateway_call *call, struct record_batch *out)
{
    const struct xml_element *batch = xml_child(gateway_body(call), "ChangeBatch");
    const struct xml_element *changes = xml_child(batch, "Changes");
    struct arena *arena = gateway_arena(call);
    struct sums sums = {0, 0};

    if (!batch || !changes) {
        gateway_breach(call, batch ? "changeBatch.changes" : "changeBatch", NULL,
                       "Member must not be null");
        return gateway_is_valid(call);
    }
    if (!check_lists(call, changes))
        return false;
    out->count = changes->child_count;
    struct record__reading *readings = arena_alloc(arena, out->count * sizeof(*readings));
    out->changes = arena_alloc(arena, out->count * sizeof(*out->changes));
    if (!readings || !out->changes)
        return fail_memory(call);
    read_comment(call, batch, out);
    return read_members(call, changes, readings, &sums) && check_sums(call, &sums) &&
           read_changes(call, readings, out);
}
