/* node/zone/zone_scratch.h: a scanner and a buffer that one small file after another goes through.
 * Internal to the room. */
#pragma once

#include <stdint.h>

struct zone_file_scratch;
struct zs_scanner;

/* Read all of @path and have the scanner begin with it, as a new one would with @origin (text with
 * a final dot) and @ttl_s. The scanner stays the scratch's. NULL, and nothing is reported: the file
 * is long, cannot be read, or may include others; then a scanner of its own is what it takes. */
struct zs_scanner *zone__scratch_open(struct zone_file_scratch *scratch, const char *path,
                                      const char *origin, uint32_t ttl_s);
