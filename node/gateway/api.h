/* node/gateway/api.h: which operation a request line names, with its labels and parameters. Every
 * octet of the line is hostile. Any thread. */
#pragma once

#include <stdbool.h>

#include "gateway/request.h"

#define API_QUERY_MAX 64u
#define API_SEGMENTS_MAX 16u
#define API_VERSION "2013-04-01"
#define API_SPACE "https://route53.amazonaws.com/doc/" API_VERSION "/"

struct api_parameter {
    const char *name, *value; /* decoded */
};
struct api_match {
    const struct gateway_operation *operation;
    const char *space; /* namespace of the answer: that of the version that the path names */
    const char *labels[GATEWAY_LABELS_MAX]; /* decoded, without a prefix such as "/hostedzone/" */
    unsigned label_count;
    struct api_parameter query[API_QUERY_MAX];
    unsigned query_count;
};

/* Older versions of the API, which old clients name (libcloud: 2012-02-29), are answered by the
 * operations of API_VERSION: what they knew has stayed as it was.
 *
 * Find the operation for @method and @target (path and query as on the wire); texts go to @arena.
 * ERR_NOT_FOUND: there is no such operation; ERR_INVALID: a wrong percent-encoding; ERR_LIMIT: more
 * parameters than API_QUERY_MAX; ERR_NOMEM. @out is undefined then. */
int api_route(const char *method, const char *target, struct arena *arena, struct api_match *out);
/* The value of the first parameter of that name; NULL: none. */
const char *api_parameter(const struct api_match *match, const char *name);
/* Parse "a=b&c=d" into @out, as the query; also for a form's body. Codes as above. */
int api_parse_query(const char *text, struct arena *arena, struct api_match *out);

/* Hold the labels against the model. Calls gateway_breach() for each that breaks it. */
void api_check_labels(struct gateway_call *call, const struct api_match *match);

/* All operations in the order of the groups; NULL behind the last. */
const struct gateway_operation *api_operation(unsigned index);
/* The @index of an operation above; of what is none of them (also NULL), how many there are. */
unsigned api_operation_index(const struct gateway_operation *operation);
