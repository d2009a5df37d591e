/* node/base/clock.h: the two clocks. Monotonic for intervals, wall for what people and commands
 * see; names say which. Only this file reads clocks, besides event loops. Any thread. */
#pragma once

#include <stdint.h>

uint64_t clock_mono_ns(void);
uint64_t clock_mono_ms(void);
/* Nanoseconds since 1970-01-01 UTC; may jump. */
uint64_t clock_wall_ns(void);
/* Milliseconds since then. */
uint64_t clock_wall_ms(void);
/* Seconds since then, up to one kernel tick late: for hot paths, about a quarter of the cost. */
uint64_t clock_wall_s(void);
/* Milliseconds since then, by the same clock: in steps of a tick. */
uint64_t clock_wall_coarse_ms(void);
/* Format @wall_ms as 2026-01-31T12:00:00.000Z; @out holds at least 25 octets. */
#define CLOCK_TEXT_LEN 25
void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_LEN]);
