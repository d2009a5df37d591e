/* tests/lib/fake_call.h: a call of the gateway that a test makes by hand: what gateway/request.h
 * declares, without HTTP, authentication and node. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/request.h"

struct fake_query {
    const char *name, *value;
};

/* A call of @operation; @body may be NULL; @query ends with a NULL name. All are borrowed. */
struct gateway_call *fake_call_new(const struct gateway_operation *operation, const char *label,
                                   const char *body, const struct fake_query *query);
void fake_call_free(struct gateway_call *call);
/* Another of the path's labels; @label is borrowed. */
void fake_call_set_label(struct gateway_call *call, unsigned index, const char *label);
/* Run its handler. */
void fake_call_run(struct gateway_call *call);
/* What it asked the node, decoded; NULL: nothing (more). */
const struct Ctl__Request *fake_call_asked(const struct gateway_call *call);
/* Hand it the node's reply. */
void fake_call_reply(struct gateway_call *call, const struct Ctl__Reply *reply);
/* "200 <…>", or "CODE: message"; NULL: it has not ended. */
const char *fake_call_outcome(const struct gateway_call *call);
