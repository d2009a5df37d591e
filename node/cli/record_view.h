/* node/cli/record_view.h: record sets of a reply as text and as zone's structs. */
#pragma once

#include <stdint.h>

#include "zone/record_set.h"
#include "zone/routing.h"

struct Cmd__RecordSet;
struct json_t;

#define RECORD_VIEW_RDATAS_MAX (ZONE_WIRE_LEN_MAX / 12) /* no set has more, by its rules */

/* What a view of a record set needs beside what it views. */
struct record_view {
    struct zone_rdata rdatas[RECORD_VIEW_RDATAS_MAX];
    struct zone_routing routing;
};
/* A view into @from, and @view. 0; ERR_INVALID: malformed. */
int record_view_fill(const struct Cmd__RecordSet *from, struct record_view *view,
                     struct zone_record_set *out);
/* Lines "name TTL IN type data" to standard output, with the routing behind "; ". ERR_INVALID. */
int record_view_print(const struct zone_record_set *set);
/* The same, each line behind @lead. */
int record_view_print_behind(const char *lead, const struct zone_record_set *set);
/* {"name", "type", "ttl", "values": […]}, or "alias" in place of the last two, and what there is
 * of set_identifier, policy and the policy's own members, health_check_id, sticky, answers,
 * all_down; NULL: malformed. */
struct json_t *record_view_json(const struct zone_record_set *set);
