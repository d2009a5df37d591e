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
/* The same for a private zone, which no view has yet. @id NULL: a public one. */
void test_image_serve_private(struct zone_publisher *publisher, const char *id, const char *origin,
                              const char *lines);
/* Make what was changed visible as the next generation. */
void test_image_publish(struct zone_publisher *publisher);
/* Records of that name and type that readers see now; -1: no zone of ours. */
int test_image_count(struct zone_publisher *publisher, const char *name, uint16_t type);
void test_image_free(struct zone_publisher *publisher);
