#include "gateway/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/err.h"
#include "gateway/errors.h"
#include "gateway/internal.h"
#include "gateway/node_client.h"
#include "gateway/xml_reader.h"
#include "proto/control.pb-c.h"

#define BREACHES_MAX 10u      /* that are written out */
#define BREACH_VALUE_MAX 1024 /* octets of a value that are shown */
#define MESSAGES_LEN_MAX (1u << 20)

/* ---- what was asked ---- */

const struct gateway_operation *gateway_operation(const struct gateway_call *call)
{
    return call->match.operation;
}

const char *gateway_label(const struct gateway_call *call, unsigned index)
{
    ASSERT(index < call->match.label_count);
    return call->match.labels[index];
}

const char *gateway_query(const struct gateway_call *call, const char *name)
{
    return api_parameter(&call->match, name);
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

/* ---- checks ---- */

/* Text in the call's arena; NULL: no memory. */
__attribute__((format(printf, 2, 0))) static char *arena_vformat(struct arena *arena,
                                                                 const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, format, args);
    return text;
}

__attribute__((format(printf, 2, 3))) static char *arena_format(struct arena *arena,
                                                                const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = arena_vformat(arena, format, args);
    va_end(args);
    return text;
}

void gateway_breach(struct gateway_call *call, const char *member, const char *value,
                    const char *format, ...)
{
    const char *before = call->breaches ? call->breaches : "";
    const char *quote = value ? "'" : "";
    va_list args;

    call->breach_count++;
    if (call->breach_count > BREACHES_MAX)
        return;
    va_start(args, format);
    const char *rule = arena_vformat(call->arena, format, args);
    va_end(args);
    call->breaches =
        arena_format(call->arena, "%s%sValue %s%.*s%s at '%s' failed to satisfy constraint: %s",
                     before, *before ? "; " : "", quote, BREACH_VALUE_MAX, value ? value : "null",
                     quote, member, rule ? rule : "");
}

bool gateway_is_valid(struct gateway_call *call)
{
    if (call->breach_count == 0)
        return true;
    gateway_fail(call, "InvalidInput", "%u validation error%s detected: %s", call->breach_count,
                 call->breach_count == 1 ? "" : "s", call->breaches ? call->breaches : "");
    return false;
}

bool gateway_page_size(struct gateway_call *call, const char *name, uint32_t standard,
                       uint32_t most, uint32_t *out)
{
    const char *text = gateway_query(call, name);
    const char *member = strcmp(name, "maxresults") == 0 ? "maxResults" : "maxItems";
    int64_t number;

    if (!text) {
        *out = standard;
        return true;
    }
    if (!xml_read_number(text, INT32_MIN, INT32_MAX, &number)) {
        gateway_fail(call, "InvalidInput", "The value '%.*s' of %s is not a number",
                     BREACH_VALUE_MAX, text, member);
        return false;
    }
    if (number < 1) {
        gateway_breach(call, member, text, "Member must have value greater than or equal to 1");
        return gateway_is_valid(call);
    }
    *out = number > most ? most : (uint32_t)number;
    return true;
}

/* ---- asking the node ---- */

static void fail_code(struct gateway_call *call, int code)
{
    switch (code) {
    case ERR_TIMEOUT:
        gateway_fail(call, "ServiceUnavailable",
                     "The node did not answer in time; the request may still be carried out");
        return;
    case ERR_LIMIT:
        gateway_fail(call, "InvalidInput", "The request is too long for the node");
        return;
    case ERR_BUSY:
    case ERR_NOMEM:
        gateway_fail(call, "ServiceUnavailable", "Too much is being done at once; try again");
        return;
    case ERR_CORRUPT:
        gateway_fail(call, "InternalFailure", "The node's answer could not be read");
        return;
    default:
        gateway_fail(call, "ServiceUnavailable",
                     "This gateway's node cannot be reached; try again, or another gateway");
    }
}

static void on_reply(void *user, const Ctl__Reply *reply, int code)
{
    struct gateway_call *call = user;
    void (*next)(struct gateway_call *, const Ctl__Reply *) = call->next;

    call->next = NULL;
    if (!reply)
        fail_code(call, code);
    else if (reply->code != 0 && !call->takes_any)
        gateway_fail_reply(call, reply);
    else
        next(call, reply);
}

static void ask(struct gateway_call *call, Ctl__Request *request, bool takes_any,
                void (*next)(struct gateway_call *, const Ctl__Reply *))
{
    ASSERT(!call->next && !call->is_answered);
    call->next = next;
    call->takes_any = takes_any;
    request->actor = (char *)(uintptr_t)auth_actor(call->principal);
    node_client_ask(call->gateway->node, request, on_reply, call);
}

void gateway_ask(struct gateway_call *call, struct Ctl__Request *request,
                 void (*next)(struct gateway_call *call, const struct Ctl__Reply *reply))
{
    ask(call, request, false, next);
}

void gateway_ask_any(struct gateway_call *call, struct Ctl__Request *request,
                     void (*next)(struct gateway_call *call, const struct Ctl__Reply *reply))
{
    ask(call, request, true, next);
}

/* "[one, two]": how Route 53 tells all that is wrong with a batch. NULL: no memory. */
static const char *join_messages(struct gateway_call *call, const Ctl__Reply *reply)
{
    size_t len = sizeof("[]");

    for (size_t i = 0; i < reply->n_messages; i++)
        len += strlen(reply->messages[i]) + 2;
    if (len > MESSAGES_LEN_MAX)
        return reply->message;
    char *text = arena_alloc(call->arena, len);
    if (!text)
        return NULL;
    char *to = text;
    *to++ = '[';
    for (size_t i = 0; i < reply->n_messages; i++) {
        to = stpcpy(to, i > 0 ? ", " : "");
        to = stpcpy(to, reply->messages[i]);
    }
    memcpy(to, "]", 2);
    return text;
}

void gateway_fail_reply(struct gateway_call *call, const struct Ctl__Reply *reply)
{
    const char *error = reply->error[0] ? reply->error : error_of_code(reply->code);
    const char *message = reply->message[0] ? reply->message : err_text(reply->code);

    if (reply->n_messages > 0)
        message = join_messages(call, reply);
    gateway_fail(call, error, "%s", message ? message : "out of memory");
}

/* ---- the answer ---- */

struct xml_writer *gateway_xml(struct gateway_call *call)
{
    if (!call->has_root) {
        const char *root = arena_format(call->arena, "%sResponse", call->match.operation->name);
        xml_declaration(&call->xml);
        xml_open_in(&call->xml, root ? root : "Response", call->space);
        call->has_root = true;
    }
    return &call->xml;
}

void gateway_location(struct gateway_call *call, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const char *path = arena_vformat(call->arena, format, args);
    va_end(args);
    if (path)
        call->location =
            arena_format(call->arena, "%s://%s/" API_VERSION "%s",
                         call->kind == HTTP_API_TLS ? "https" : "http", call->host, path);
}

void gateway_answer(struct gateway_call *call)
{
    xml_close(gateway_xml(call));
    call->answer = xml_writer_take(&call->xml, &call->answer_len);
    if (!call->answer) {
        gateway_fail(call, "InternalFailure", "The answer is too long");
        return;
    }
    call->status = call->match.operation->status;
    call_end(call);
}

void call_fail(struct gateway_call *call, uint16_t status, const char *error, const char *message)
{
    struct xml_writer *xml = &call->xml;

    call->error = error;
    call->status = status;
    xml_writer_fini(xml); /* of what a handler had begun */
    xml_declaration(xml);
    xml_open_in(xml, "ErrorResponse", call->space);
    xml_open(xml, "Error");
    xml_text(xml, "Type", status < 500 ? "Sender" : "Receiver");
    xml_text(xml, "Code", error);
    xml_text(xml, "Message", message);
    xml_close(xml);
    xml_text(xml, "RequestId", call->id);
    xml_close(xml);
    call->answer = xml_writer_take(xml, &call->answer_len);
    call_end(call);
}

void gateway_fail(struct gateway_call *call, const char *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const char *message = arena_vformat(call->arena, format, args);
    va_end(args);
    const char *code = arena_format(call->arena, "%s", error);
    call_fail(call, error_status(error), code ? code : "InternalFailure",
              message ? message : "out of memory");
}

void gateway_write_change(struct gateway_call *call, const struct Ctl__Reply *reply,
                          const char *comment)
{
    struct xml_writer *xml = gateway_xml(call);

    xml_open(xml, "ChangeInfo");
    xml_format(xml, "Id", "/change/%s", reply->change_id);
    xml_text(xml, "Status", "PENDING");
    xml_time(xml, "SubmittedAt", reply->change_wall_ms);
    if (comment && comment[0])
        xml_text(xml, "Comment", comment);
    xml_close(xml);
}
