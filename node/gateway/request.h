/* node/gateway/request.h: one API request at work, as an operation's handler sees it. The handler
 * asks the node as often as it needs and ends the call exactly once: by gateway_answer() or
 * gateway_fail(). Nothing of the call may be used after that. Loop thread; no call blocks. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct gateway_call; /* opaque */
struct xml_element;
struct xml_writer;
struct Ctl__Reply;
struct Ctl__Request;

#define GATEWAY_LABELS_MAX 3u
#define GATEWAY_ACCOUNT "000000000000" /* wherever Route 53 names one: a cluster is one account */

struct gateway_operation {
    const char *name;   /* "CreateHostedZone"; the IAM action is this behind "route53:" */
    const char *method; /* "GET" */
    const char *path;   /* behind "/2013-04-01": "/hostedzone/{Id}/rrset" */
    const char *body;   /* its root element; NULL: none is read */
    uint16_t status;    /* of success: 200 or 201 */
    void (*handler)(struct gateway_call *call);
};

/* ---- what was asked; all of it lives as long as the call ---- */

const struct gateway_operation *gateway_operation(const struct gateway_call *call);
/* The path's @index-th label, decoded, without a prefix such as "/hostedzone/"; never NULL. */
const char *gateway_label(const struct gateway_call *call, unsigned index);
/* A query parameter, decoded; NULL: not there. "" stands for itself. */
const char *gateway_query(const struct gateway_call *call, const char *name);
/* The body's root element; NULL for operations without one. */
const struct xml_element *gateway_body(const struct gateway_call *call);
/* Memory that is gone with the call; bounded. */
struct arena *gateway_arena(struct gateway_call *call);
/* A handler's own state between its steps; NULL at first. Give it memory of the arena. */
void gateway_set_state(struct gateway_call *call, void *state);
void *gateway_state(const struct gateway_call *call);

/* What the request shares with its repetitions alone: SDKs send one again, when its reply did not
 * come, under the same amz-sdk-invocation-id. A hash of that, the key, what is asked and the body.
 * Its length; 0: the client does not say. */
#define GATEWAY_TOKEN_LEN 32u
size_t gateway_request_token(const struct gateway_call *call, uint8_t out[GATEWAY_TOKEN_LEN]);

/* ---- checks that many operations share; false: the call has been failed (InvalidInput) ---- */

/* The page size: "maxitems" or "maxresults" (@name), @standard when there is none, at most @most. A
 * page of 0 items, and what is no number, is refused. */
bool gateway_page_size(struct gateway_call *call, const char *name, uint32_t standard,
                       uint32_t most, uint32_t *out);
/* Note a breach of the model, in botocore's words: "Value 'X' at 'resourceId' failed to satisfy
 * constraint: Member must have length less than or equal to 32". Breaches are collected … */
void gateway_breach(struct gateway_call *call, const char *member, const char *value,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* … and this fails the call for them: "2 validation errors detected: …; …". true: there were none.
 */
bool gateway_is_valid(struct gateway_call *call);

/* ---- asking the node ---- */

/* Send @request (borrowed; version, timeout_ms and actor are filled in) and go on with @next once a
 * good reply has come (borrowed for the call of @next). A bad one fails the call: by its `error`,
 * else by what Route 53 answers to its code. */
void gateway_ask(struct gateway_call *call, struct Ctl__Request *request,
                 void (*next)(struct gateway_call *call, const struct Ctl__Reply *reply));
/* The same, but @next gets bad replies too (the node's; no connection still fails the call). */
void gateway_ask_any(struct gateway_call *call, struct Ctl__Request *request,
                     void (*next)(struct gateway_call *call, const struct Ctl__Reply *reply));
/* Fail the call by a bad reply. */
void gateway_fail_reply(struct gateway_call *call, const struct Ctl__Reply *reply);

/* ---- the answer ---- */

/* The body under way: inside the root "<OPERATION>Response". */
struct xml_writer *gateway_xml(struct gateway_call *call);
/* Set the Location header: what stands behind "…/2013-04-01". */
void gateway_location(struct gateway_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Close the root and send, with the operation's status. */
void gateway_answer(struct gateway_call *call);
/* Send an error instead: @error is Route 53's code, which decides the status (errors.h). */
void gateway_fail(struct gateway_call *call, const char *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* <ChangeInfo> of the change that @reply names, PENDING, with @comment unless it is NULL or "". */
void gateway_write_change(struct gateway_call *call, const struct Ctl__Reply *reply,
                          const char *comment);
