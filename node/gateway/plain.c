/* node/gateway/plain.c: what is asked outside of the API's path: what this is, whether it works,
 * and the one operation of STS that clients begin with (route53.md 12.1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "gateway/internal.h"
#include "gateway/node_client.h"

#define STS_VERSION "2011-06-15"
#define TEXT_LEN_MAX 512u

static void get_caller_identity(struct gateway_call *call);

static const struct gateway_operation sts_operation = {"GetCallerIdentity", "POST", "", NULL, 200,
                                                       get_caller_identity};

static void answer_text(struct gateway_call *call, uint16_t status, const char *text)
{
    call->answer = strdup(text);
    call->answer_len = call->answer ? strlen(text) : 0;
    call->content_type = "text/plain; charset=utf-8";
    call->status = status;
    call_end(call);
}

static void get_caller_identity(struct gateway_call *call)
{
    const char *action = gateway_query(call, "Action");
    const char *form = call->body_len > 0 ? (const char *)call->body : "";

    if (!action && api_parse_query(form, call->arena, &call->match) == 0)
        action = gateway_query(call, "Action");
    if (!action || strcmp(action, sts_operation.name) != 0) {
        gateway_fail(call, "InvalidAction", "Could not find operation %.64s for version %s",
                     action ? action : "(none)", STS_VERSION);
        return;
    }
    struct xml_writer *xml = gateway_xml(call);
    xml_open(xml, "GetCallerIdentityResult");
    const char *user = auth_user_name(call->principal);
    xml_format(xml, "Arn", "arn:aws:iam::" GATEWAY_ACCOUNT ":user/%s",
               user[0] ? user : auth_access_key_id(call->principal));
    xml_text(xml, "UserId", auth_access_key_id(call->principal));
    xml_text(xml, "Account", GATEWAY_ACCOUNT);
    xml_close(xml);
    xml_open(xml, "ResponseMetadata");
    xml_text(xml, "RequestId", call->id);
    xml_close(xml);
    gateway_answer(call);
}

static void answer_about(struct gateway_call *call)
{
    char text[TEXT_LEN_MAX];

    snprintf(text, sizeof(text),
             "quartet-gateway " QUARTET_VERSION ": the Route 53 API (" API_VERSION
             ") of a Quartet cluster.\n"
             "Use it with any Route 53 client: AWS_ENDPOINT_URL_ROUTE_53=%s://%.256s\n",
             call->kind == HTTP_API_TLS ? "https" : "http", call->host);
    answer_text(call, 200, text);
}

bool plain_route(struct gateway_call *call)
{
    size_t path_len = strcspn(call->target, "?");
    bool is_get = strcmp(call->method, "GET") == 0;
    bool is_root = path_len == 1 && call->target[0] == '/';
    const char *query = call->target[path_len] == '?' ? call->target + path_len + 1 : "";

    if (is_get && path_len == 5 && memcmp(call->target, "/ping", 5) == 0) {
        bool is_up = node_client_is_connected(call->gateway->node);
        answer_text(call, is_up ? 200 : 503, is_up ? "ok\n" : "the node is away\n");
        return true;
    }
    if (!is_root || api_parse_query(query, call->arena, &call->match) != 0)
        return false;
    if (strcmp(call->method, "POST") == 0 || (is_get && gateway_query(call, "Action"))) {
        call->match.operation = &sts_operation;
        call->space = STS_SPACE;
        return true;
    }
    if (is_get)
        answer_about(call);
    return is_get;
}
