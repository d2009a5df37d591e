/* node/gateway/call.c: a request's way: its operation, who asks, may they, what the body says. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/internal.h"
#include "gateway/xml_reader.h"

#define BODY_CAPACITY_MIN 4096u
#define BODY_KEPT_MAX (64u << 10)

/* ---- its memory ---- */

static struct gateway_call *take_idle(struct gateway *gateway)
{
    struct gateway_call *call = gateway->idle_calls;

    if (call) {
        gateway->idle_calls = call->next_idle;
        gateway->idle_call_count--;
        return call;
    }
    call = calloc(1, sizeof(*call));
    if (call)
        call->arena = arena_new(CALL_MEMORY_MAX);
    if (call && !call->arena) {
        free(call);
        return NULL;
    }
    return call;
}

struct gateway_call *call_new(struct gateway *gateway, const char *target)
{
    struct gateway_call *call = take_idle(gateway);

    if (!call)
        return NULL;
    gateway->call_count++;
    *call = (struct gateway_call){
        .gateway = gateway,
        .arena = call->arena,
        .body = call->body,
        .body_capacity = call->body_capacity,
        .space = API_SPACE,
        .content_type = "text/xml",
        .host = "localhost",
        .method = "",
        .began_mono_ns = clock_mono_ns(),
    };
    xml_writer_init(&call->xml, CALL_ANSWER_LEN_MAX);
    random_uuid(call->id);
    call->target = arena_copy(call->arena, target, strlen(target));
    if (!call->target) {
        call_free(call);
        return NULL;
    }
    return call;
}

static void free_memory(struct gateway_call *call)
{
    arena_free(call->arena);
    free(call->body);
    free(call);
}

void call_free(struct gateway_call *call)
{
    struct gateway *gateway = call->gateway;

    ASSERT(!call->next && !call->is_waiting);
    auth_principal_free(call->principal);
    call->principal = NULL;
    free(call->answer);
    xml_writer_fini(&call->xml);
    arena_reset(call->arena);
    body_budget_give(&gateway->bodies, &call->client.any, call->body_len);
    gateway->call_count--;
    /* What a long body filled the arena with would be kept, too. */
    if (call->body_capacity > BODY_KEPT_MAX || gateway->idle_call_count == CALLS_IDLE_MAX) {
        free_memory(call);
        return;
    }
    call->next_idle = gateway->idle_calls;
    gateway->idle_calls = call;
    gateway->idle_call_count++;
}

void call_free_idle(struct gateway *gateway)
{
    while (gateway->idle_calls) {
        struct gateway_call *call = gateway->idle_calls;
        gateway->idle_calls = call->next_idle;
        free_memory(call);
    }
    gateway->idle_call_count = 0;
}

/* ---- what came ---- */

static const char *header_value(const struct gateway_call *call, const char *name)
{
    for (size_t i = 0; i < call->header_count; i++) {
        if (strcasecmp(call->headers[i].name, name) == 0)
            return call->headers[i].value;
    }
    return NULL;
}

static void refuse_body(struct gateway_call *call)
{
    gateway_fail(call, call->refusal,
                 "The body is longer than %zu octets, or too many are on their way",
                 call->gateway->options.body_len_max);
}

void call_take_head(struct gateway_call *call, const char *method,
                    const struct auth_header *headers, size_t header_count)
{
    call->method = method;
    call->headers = headers;
    call->header_count = header_count;
    const char *host = header_value(call, "Host"), *len = header_value(call, "Content-Length");
    if (host)
        call->host = host;
    if (len && strtoull(len, NULL, 10) > call->gateway->options.body_len_max) {
        call->refusal = "RequestEntityTooLarge";
        refuse_body(call);
        return;
    }
    if (call->kind == HTTP_OPERATOR) {
        pages_route(call);
        return;
    }
    int rc = api_route(method, call->target, call->arena, &call->match);
    if (rc == 0)
        call->space = call->match.space;
    if (rc == 0 || (rc == ERR_NOT_FOUND && plain_route(call)))
        return;
    if (rc == ERR_NOT_FOUND)
        gateway_fail(call, "UnknownOperationException", "There is no operation %.16s %.256s",
                     method, call->target);
    else if (rc == ERR_NOMEM)
        gateway_fail(call, "ServiceUnavailable", "out of memory");
    else
        gateway_fail(call, "InvalidInput", "%s",
                     rc == ERR_LIMIT ? "There are too many parameters"
                                     : "The request line has a wrong percent-encoding");
}

/* What is too long is read to its end, so that the client sees the answer, but not kept. */
void call_take_body(struct gateway_call *call, const char *octets, size_t len)
{
    struct gateway *gateway = call->gateway;
    size_t wanted = call->body_len + len + 1;

    if (call->refusal || call->is_answered)
        return;
    if (call->body_len + len > gateway->options.body_len_max) {
        call->refusal = "RequestEntityTooLarge";
        return;
    }
    if (wanted > call->body_capacity) {
        size_t capacity = call->body_capacity ? call->body_capacity : BODY_CAPACITY_MIN;
        while (capacity < wanted)
            capacity *= 2;
        uint8_t *grown = realloc(call->body, capacity);
        if (!grown) {
            call->refusal = "ServiceUnavailable";
            return;
        }
        call->body = grown;
        call->body_capacity = capacity;
    }
    if (!body_budget_take(&gateway->bodies, &call->client.any, len)) {
        call->refusal = "ServiceUnavailable";
        return;
    }
    memcpy(call->body + call->body_len, octets, len);
    call->body_len += len;
    call->body[call->body_len] = '\0';
}

/* ---- what is done with it ---- */

/* SDKs send no body at all when none of its members is given: a root without children. */
static int read_nothing(struct gateway_call *call, const char *expected)
{
    struct xml_element *root = arena_alloc(call->arena, sizeof(*root));

    if (!root)
        return ERR_NOMEM;
    *root = (struct xml_element){.name = expected, .text = ""};
    call->root = root;
    return 0;
}

/* false: the call has been failed. */
static bool read_body(struct gateway_call *call)
{
    const char *expected = call->match.operation->body, *problem = NULL;

    if (!expected)
        return true;
    int rc = call->body_len == 0 ? read_nothing(call, expected)
                                 : xml_read(call->arena, (const char *)call->body, call->body_len,
                                            &call->root, &problem);
    if (rc == ERR_NOMEM)
        gateway_fail(call, "ServiceUnavailable", "out of memory");
    else if (rc != 0)
        gateway_fail(call, "MalformedInput", "The body is not valid XML: %s", problem);
    else if (strcmp(call->root->name, expected) != 0)
        gateway_fail(call, "MalformedInput", "%.256s is not valid, expected %s", call->root->name,
                     expected);
    return !call->is_answered;
}

static bool is_authorized(struct gateway_call *call)
{
    char message[AUTH_MESSAGE_SIZE];
    int rc = auth_authorize(call->principal, call, message);

    if (rc == ERR_DENIED)
        gateway_fail(call, "AccessDenied", "%s", message);
    else if (rc != 0)
        gateway_fail(call, "ServiceUnavailable", "out of memory");
    return rc == 0;
}

static void on_authenticated(void *user, const struct auth_result *result)
{
    struct gateway_call *call = user;

    if (!result->principal) {
        const char *error = arena_copy(call->arena, result->error, strlen(result->error));
        const char *message = arena_copy(call->arena, result->message, strlen(result->message));
        call_fail(call, result->status, error ? error : "InternalFailure", message ? message : "");
        return;
    }
    call->principal = result->principal;
    if (call->match.operation->path[0] == '\0') { /* plain.c: whoever is known may ask */
        call->match.operation->handler(call);
        return;
    }
    if (!read_body(call) || !is_authorized(call))
        return;
    api_check_labels(call, &call->match);
    if (gateway_is_valid(call))
        call->match.operation->handler(call);
}

void call_run(struct gateway_call *call)
{
    const struct auth_request request = {
        .method = call->method,
        .target = call->target,
        .headers = call->headers,
        .header_count = call->header_count,
        .body = call->body_len > 0 ? call->body : (const uint8_t *)"",
        .body_len = call->body_len,
        .client = &call->client.any,
        .is_tls = call->kind == HTTP_API_TLS,
        .now_wall_ms = clock_wall_ms(),
        .now_mono_ms = clock_mono_ms(),
    };

    if (call->refusal) {
        refuse_body(call);
        return;
    }
    if (call->page) {
        call->page(call);
        return;
    }
    auth_check(call->gateway->auth, &request, on_authenticated, call);
}

void call_end(struct gateway_call *call)
{
    ASSERT(!call->is_answered);
    call->is_answered = true;
    if (call->is_waiting)
        call->wake(call);
}

/* ---- the log ---- */

void call_format_client(const struct gateway_call *call, char out[CALL_CLIENT_SIZE])
{
    char address[INET6_ADDRSTRLEN] = "?";
    bool is_ip6 = call->client.any.sa_family == AF_INET6;
    const void *from = is_ip6 ? (const void *)&call->client.ip6.sin6_addr
                              : (const void *)&call->client.ip4.sin_addr;
    uint16_t port = is_ip6 ? call->client.ip6.sin6_port : call->client.ip4.sin_port;

    inet_ntop(call->client.any.sa_family, from, address, sizeof(address));
    snprintf(out, CALL_CLIENT_SIZE, is_ip6 ? "[%s]:%u" : "%s:%u", address, ntohs(port));
}

void call_log(const struct gateway_call *call)
{
    char client[CALL_CLIENT_SIZE];
    const struct gateway_operation *operation = call->match.operation;

    if (call->gateway->options.is_quiet || call->kind == HTTP_OPERATOR)
        return;
    call_format_client(call, client);
    log_info("gateway",
             "request id=%s client=%s key=%s operation=%s status=%u error=%s octets=%zu "
             "ms=%" PRIu64,
             call->id, client, call->principal ? auth_access_key_id(call->principal) : "-",
             operation ? operation->name : "-", call->status, call->error ? call->error : "-",
             call->answer_len, (clock_mono_ns() - call->began_mono_ns) / 1000000);
}
