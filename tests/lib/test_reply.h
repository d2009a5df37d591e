/* tests/lib/test_reply.h: what holds for every reply to any octets, and an example image with all
 * kinds of names to ask; shared by fuzz targets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone_publisher;

/* Zones x. and y. with short names, so that random requests find them; names with "g" are routed,
 * by checks in slots 1 to 8. Made once, by a thread that becomes a reader. */
struct zone_publisher *test_reply_image(void);

/* Must the @len octets of a request be answered, whatever they are? Not those that are too short or
 * are replies themselves: two servers must never talk to each other. */
bool test_reply_is_due(const uint8_t *request, size_t len);
/* Abort unless libknot can parse @reply, it belongs to @request, and is not larger than the
 * request allows. */
void test_reply_check(const uint8_t *request, size_t len, const uint8_t *reply, size_t reply_len,
                      bool is_udp);
/* Its code, OPT included. */
uint16_t test_reply_rcode(const uint8_t *reply, size_t reply_len);
