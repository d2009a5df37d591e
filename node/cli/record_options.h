/* node/cli/record_options.h: the options that say how a record set takes part in routing. */
#pragma once

#include <stdint.h>

struct cli;
struct zone_record_set;
struct zone_routing;

struct record_options { /* what a set's routing points into */
    struct zone_routing *routing;
    uint8_t target[255], fallback[255];
};
/* Fill identifier and routing (in *@storage) of @set from the options. Names without a final dot
 * are within the zone @apex. May ask the node, for what was not named by its id. Returns an exit
 * status; failures have been told. */
int record_options_take(struct cli *cli, const uint8_t *apex, struct record_options *storage,
                        struct zone_record_set *set);
