/* node/cli/drain_text.h: until when a node is drained, for people. */
#pragma once

#include <stdint.h>

/* "until 2026-01-31T12:00:00.000Z", or "until 'quartet node undrain'" for 0; in static storage. */
const char *drain_text(uint64_t until_wall_ms);
