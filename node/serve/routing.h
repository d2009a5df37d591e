/* node/serve/routing.h: routing for zone files: record sets from Route 53's JSON
 * (route53/route53.h) and what routing knows of clients (the location database, CIDR collections of
 * the same files). */
#pragma once

#include <stddef.h>

struct serve_options;
struct serve_routing;
struct zone_publisher;

/* Read and check all files of @options, told on standard error what is wrong in them. On 0 the
 * caller owns *@out. ERR_INVALID: errors were told. ERR_NOMEM. */
int serve_routing_load(const struct serve_options *options, struct serve_routing **out);
void serve_routing_free(struct serve_routing *routing); /* accepts NULL */
/* Into the image, for the next publish; in place of what zone files have under the same names and
 * types. A set that the image refuses is told and left out: *@failed_count. Caller is the
 * publisher's writer. ERR_NOMEM. */
int serve_routing_put(struct serve_routing *routing, struct zone_publisher *publisher,
                      size_t *failed_count);
size_t serve_routing_count(const struct serve_routing *routing);
