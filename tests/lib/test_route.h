/* tests/lib/test_route.h: routed record sets that tests write down as text, and their world: health
 * by slot, tables of places. Aborts on any mistake in the text. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct zone_publisher;

/* Put record sets into the served zone @origin and publish. @lines, each ended by a newline:
 *   NAME TTL TYPE IDENTIFIER POLICY [WORD…] = DATA [; DATA]…
 *   NAME 0 TYPE IDENTIFIER POLICY [WORD…] -> TARGET      an alias
 *   NAME 0 TYPE IDENTIFIER POLICY [WORD…] => TARGET      an alias that evaluates its target's
 * health IDENTIFIER "-": none. POLICY: simple weighted latency geo near failover multi cidr. WORD:
 *   weight=N region=NUMBER place=EU|FR|US-WA|* at=LAT,LON bias=N secondary cidr=SLOT/LOCATION
 *   check=SLOT override=SLOT sticky answers=N closed last-good fallback=NAME
 * Names without final dot are relative to the zone. */
void test_route_put(struct zone_publisher *publisher, const char *origin, const char *lines);
/* The same for the private zone @id. */
void test_route_put_private(struct zone_publisher *publisher, const char *id, const char *origin,
                            const char *lines);
/* Publish what was changed, as of the same log index as before. This thread is a reader. */
void test_route_publish(struct zone_publisher *publisher);
/* Write the octet of a slot as of log @index. */
void test_route_set_health(struct zone_publisher *publisher, uint32_t slot, bool is_healthy,
                           uint64_t index);
