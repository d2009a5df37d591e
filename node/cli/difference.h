/* node/cli/difference.h: what makes one list of record sets another: for people to read, and as
 * change batches. A set that changes is deleted as it was and created anew, so that a change by
 * somebody else meanwhile is noticed and refused by the node; SOA and NS of the apex, which a zone
 * is never without, are replaced at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/record_set.h"

struct cli;

struct difference_step { /* one of the two is NULL, or both are there: replaced */
    struct zone_record_set *before, *after;
};
struct difference {
    struct difference_step *steps;
    size_t count, capacity;
};

/* Add a step with copies of the two. ERR_NOMEM. */
int difference_add(struct difference *difference, const struct zone_record_set *before,
                   const struct zone_record_set *after);
void difference_fini(struct difference *difference);

/* Lines "- name TTL IN type data" and "+ …" to standard output. An exit status. */
int difference_print(struct cli *cli, const struct difference *difference);
/* [{"before": …, "after": …}], each a record set or null. */
struct json_t *difference_json(const struct difference *difference);

/* Send it to @zone, whose apex is @apex, in as few batches as it takes; aliases follow what they
 * may lead to. @is_forced: whatever is there by now is replaced. With --wait until all nodes serve
 * it. *@batches is how many were made. An exit status; failures have been told. */
struct difference_target {
    const char *zone;
    const uint8_t *apex;
    const char *comment;
    bool is_forced;
};
int difference_send(struct cli *cli, const struct difference *difference,
                    const struct difference_target *target, unsigned *batches);
