/* node/gateway/counts.h: what a gateway counts of its requests, and shows of itself. Operations and
 * statuses are bounded sets: what is none of them counts as "other". Loop thread. */
#pragma once

#include <stdint.h>

struct gateway;
struct gateway_call;
struct gateway_counts; /* opaque */
struct metrics;

struct gateway_counts *gateway_counts_new(void); /* NULL: no memory */
void gateway_counts_free(struct gateway_counts *counts);

/* @call has been answered, or its connection ended. */
void gateway_counts_add(struct gateway_counts *counts, const struct gateway_call *call);
/* The families of @gateway itself. */
void gateway_counts_write(const struct gateway *gateway, struct metrics *metrics);
