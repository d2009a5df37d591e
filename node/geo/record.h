/* node/geo/record.h: one record of a location database, of whichever layout, as a location.
 * Internal to the room. */
#pragma once

#include "geo/location.h"

#include <stdbool.h>
#include <stdint.h>

struct mmdb_data;

/* Read the record at @at. *@is_somewhere: it says where; else *@out is all unknown. ERR_INVALID:
 * broken, or more than data->budget to read. Padding of *@out is 0. */
int geo__record_read(struct mmdb_data *data, uint32_t at, struct geo_location *out,
                     bool *is_somewhere);
