/* tests/lib/test_image.h: an image made of zones that tests write down as text. Aborts on any
 * mistake in the text. */
#pragma once

#include <stdint.h>

struct zone_publisher;

struct zone_publisher *test_image_new(void);
/* Serve the zone @origin ("example.com."), in place of an older one, as one new generation. @lines:
 * "name ttl type data", each ended by a newline; names without final dot are relative; lines of one
 * record set stand together. */
void test_image_serve(struct zone_publisher *publisher, const char *origin, const char *lines);
void test_image_free(struct zone_publisher *publisher);
