#include "lib/fake_call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "gateway/errors.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"

#define OUTCOME_SIZE (4u << 20)
#define BREACHES_SIZE 16384u

typedef void (*next_cb)(struct gateway_call *call, const struct Ctl__Reply *reply);

struct gateway_call {
    const struct gateway_operation *operation;
    const char *labels[GATEWAY_LABELS_MAX];
    const struct fake_query *query;
    const struct xml_element *root;
    struct arena *arena;
    struct xml_writer xml;
    bool has_root, takes_any;
    void *state;
    next_cb next;
    Ctl__Request *asked;
    char breaches[BREACHES_SIZE];
    unsigned breach_count;
    char *outcome;
};

struct gateway_call *fake_call_new(const struct gateway_operation *operation, const char *label,
                                   const char *body, const struct fake_query *query)
{
    struct gateway_call *call = calloc(1, sizeof(*call));
    const char *problem;

    ASSERT(call);
    call->operation = operation;
    call->labels[0] = label;
    call->query = query;
    call->arena = arena_new(24u << 20);
    call->outcome = malloc(OUTCOME_SIZE);
    ASSERT(call->arena && call->outcome);
    call->outcome[0] = '\0';
    xml_writer_init(&call->xml, OUTCOME_SIZE);
    if (body)
        ASSERT(xml_read(call->arena, body, strlen(body), &call->root, &problem) == 0);
    return call;
}

void fake_call_free(struct gateway_call *call)
{
    xml_writer_fini(&call->xml);
    arena_free(call->arena);
    if (call->asked)
        ctl__request__free_unpacked(call->asked, NULL);
    free(call->outcome);
    free(call);
}

void fake_call_set_label(struct gateway_call *call, unsigned index, const char *label)
{
    ASSERT(index < GATEWAY_LABELS_MAX);
    call->labels[index] = label;
}

void fake_call_run(struct gateway_call *call)
{
    call->operation->handler(call);
}

const struct Ctl__Request *fake_call_asked(const struct gateway_call *call)
{
    return call->next ? call->asked : NULL;
}

const char *fake_call_outcome(const struct gateway_call *call)
{
    return call->outcome[0] ? call->outcome : NULL;
}

/* ---- request.h ---- */

const struct gateway_operation *gateway_operation(const struct gateway_call *call)
{
    return call->operation;
}

const char *gateway_label(const struct gateway_call *call, unsigned index)
{
    ASSERT(index < GATEWAY_LABELS_MAX && call->labels[index]);
    return call->labels[index];
}

const char *gateway_query(const struct gateway_call *call, const char *name)
{
    for (const struct fake_query *at = call->query; at && at->name; at++) {
        if (strcmp(at->name, name) == 0)
            return at->value;
    }
    return NULL;
}

const struct xml_element *gateway_body(const struct gateway_call *call)
{
    return call->root;
}

struct arena *gateway_arena(struct gateway_call *call)
{
    return call->arena;
}

void gateway_set_state(struct gateway_call *call, void *state)
{
    call->state = state;
}

void *gateway_state(const struct gateway_call *call)
{
    return call->state;
}

size_t gateway_request_token(const struct gateway_call *call, uint8_t out[GATEWAY_TOKEN_LEN])
{
    (void)call;
    memset(out, 7, GATEWAY_TOKEN_LEN);
    return GATEWAY_TOKEN_LEN;
}

void gateway_breach(struct gateway_call *call, const char *member, const char *value,
                    const char *format, ...)
{
    size_t len = strlen(call->breaches);
    const char *quote = value ? "'" : "";
    char rule[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(rule, sizeof(rule), format, args);
    va_end(args);
    call->breach_count++;
    snprintf(call->breaches + len, BREACHES_SIZE - len, "%s%s%s%s %s: %s", len > 0 ? "; " : "",
             quote, value ? value : "null", quote, member, rule);
}

bool gateway_is_valid(struct gateway_call *call)
{
    if (call->breach_count > 0)
        gateway_fail(call, "InvalidInput", "%s", call->breaches);
    return call->breach_count == 0;
}

bool gateway_page_size(struct gateway_call *call, const char *name, uint32_t standard,
                       uint32_t most, uint32_t *out)
{
    const char *text = gateway_query(call, name);
    int64_t number = standard;

    if (text && !xml_read_number(text, 1, INT32_MAX, &number)) {
        gateway_fail(call, "InvalidInput", "%s", name);
        return false;
    }
    *out = number > most ? most : (uint32_t)number;
    return true;
}

static void ask(struct gateway_call *call, const Ctl__Request *request, bool takes_any,
                next_cb next)
{
    size_t len = ctl__request__get_packed_size(request);
    uint8_t *packed = malloc(len + 1);

    ASSERT(packed && !call->next && !call->outcome[0]);
    ctl__request__pack(request, packed);
    if (call->asked)
        ctl__request__free_unpacked(call->asked, NULL);
    call->asked = ctl__request__unpack(NULL, len, packed);
    free(packed);
    call->next = next;
    call->takes_any = takes_any;
}

void gateway_ask(struct gateway_call *call, struct Ctl__Request *request, next_cb next)
{
    ask(call, request, false, next);
}

void gateway_ask_any(struct gateway_call *call, struct Ctl__Request *request, next_cb next)
{
    ask(call, request, true, next);
}

void gateway_fail_reply(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    const char *error = reply->error[0] ? reply->error : error_of_code(reply->code);
    char messages[8192] = "[";

    for (size_t i = 0; i < reply->n_messages; i++) {
        size_t len = strlen(messages);
        snprintf(messages + len, sizeof(messages) - len, "%s%s", i > 0 ? ", " : "",
                 reply->messages[i]);
    }
    if (reply->n_messages > 0)
        gateway_fail(call, error, "%s]", messages);
    else
        gateway_fail(call, error, "%s", reply->message);
}

void fake_call_reply(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    next_cb next = call->next;

    ASSERT(next);
    call->next = NULL;
    if (reply->code != 0 && !call->takes_any)
        gateway_fail_reply(call, reply);
    else
        next(call, reply);
}

struct xml_writer *gateway_xml(struct gateway_call *call)
{
    if (!call->has_root)
        xml_open(&call->xml, "Response");
    call->has_root = true;
    return &call->xml;
}

void gateway_location(struct gateway_call *call, const char *format, ...)
{
    (void)call, (void)format;
}

void gateway_answer(struct gateway_call *call)
{
    size_t len;

    ASSERT(!call->outcome[0] && !call->next);
    xml_close(gateway_xml(call));
    char *text = xml_writer_take(&call->xml, &len);
    ASSERT(text);
    snprintf(call->outcome, OUTCOME_SIZE, "%u %s", call->operation->status, text);
    free(text);
}

void gateway_fail(struct gateway_call *call, const char *error, const char *format, ...)
{
    va_list args;

    ASSERT(!call->outcome[0] && !call->next);
    int len = snprintf(call->outcome, OUTCOME_SIZE, "%s: ", error);
    va_start(args, format);
    vsnprintf(call->outcome + len, OUTCOME_SIZE - (size_t)len, format, args);
    va_end(args);
}

void gateway_write_change(struct gateway_call *call, const struct Ctl__Reply *reply,
                          const char *comment)
{
    struct xml_writer *xml = gateway_xml(call);

    xml_format(xml, "Change", "%s %s", reply->change_id, comment);
}
