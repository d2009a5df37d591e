/* node/cli/record_view.h: record sets of a reply as text and as zone's structs. */
#pragma once

#include <stdint.h>

#include "zone/record_set.h"

struct Cmd__RecordSet;
struct json_t;

#define RECORD_VIEW_RDATAS_MAX (ZONE_WIRE_LEN_MAX / 12) /* no set has more, by its rules */

/* A view into @from; @rdatas has room for RECORD_VIEW_RDATAS_MAX. 0; ERR_INVALID: malformed. */
int record_view_fill(const struct Cmd__RecordSet *from, struct zone_rdata *rdatas,
                     struct zone_record_set *out);
/* Lines "name TTL IN type data" to standard output. ERR_INVALID. */
int record_view_print(const struct zone_record_set *set);
/* {"name", "type", "ttl", "values": […]}; NULL: malformed. */
struct json_t *record_view_json(const struct zone_record_set *set);
