/* node/control/place_text.h: where a client is, in words. Pure; any thread. */
#pragma once

#include <stddef.h>

struct geo_location;

#define PLACE_TEXT_SIZE 256u

/* "US-WA (Washington), country US (United States of America), …, at 47.61, -122.33"; "" where
 * nothing is known. */
void place_text_format(const struct geo_location *location, char out[PLACE_TEXT_SIZE]);
