/* node/gateway/record_read.h: the body of ChangeResourceRecordSets to changes for the node, with
 * the checks that need no state (route53.md 4.2, 5): of the model, of shapes, of values, and the
 * limits of a request. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct gateway_call;
struct Cmd__Change;

#define RECORD_READ_RECORDS_MAX 1000u     /* values and aliases of a request, of UPSERT twice */
#define RECORD_READ_CHARACTERS_MAX 32000u /* of all values, of UPSERT twice */
#define RECORD_READ_VALUES_MAX 400u       /* of one set */

struct record_batch {
    const char *comment; /* "": none */
    struct Cmd__Change **changes;
    size_t count;
};

/* Read the call's body into its arena. false: the call has been failed: MalformedInput,
 * InvalidInput (what stops alone), InvalidChangeBatch (with all that is wrong). */
bool record_read(struct gateway_call *call, struct record_batch *out);
