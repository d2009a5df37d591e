/* node/policy/health.h: the health view: what routing knows about each health check and override,
 * one octet each in flat arrays, by slot number. Slots are given out by the replicated state and
 * never reused, so an octet is all that a verdict has to change (design: verdicts are one log
 * entry, so all nodes write the same octets in the same order).
 *
 * One writer (the loop); any thread reads, without a lock or a pause. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define POLICY_SLOT_NONE 0u        /* no check, no override: always healthy */
#define POLICY_SLOT_MAX (1u << 22) /* slots are 1 to this, exclusive */
#define POLICY_HEALTHY_BIT 0x80u   /* counts as healthy, whatever the reason is */

enum policy_health_reason {                         /* low bits of the octet: why */
                            POLICY_HEALTH_NONE = 0, /* no such check (any more), or no override */
                            POLICY_HEALTH_UNKNOWN = 1, /* no opinion yet */
                            POLICY_HEALTH_HEALTHY = 2, /* the checkers' verdict */
                            POLICY_HEALTH_UNHEALTHY = 3,
                            POLICY_HEALTH_DISABLED =
                                4, /* not checked: healthy, or unhealthy if inverted */
                            POLICY_HEALTH_FORCED_UP = 5, /* overrides */
                            POLICY_HEALTH_FORCED_DOWN = 6,
                            POLICY_HEALTH_DRAINING = 7,
                            POLICY_HEALTH_ASSUMED_UP = 8, /* only in explain */
                            POLICY_HEALTH_ASSUMED_DOWN = 9,
};

struct policy_health; /* the arrays */

/* ERR_NOMEM. On 0 the caller owns *@out; policy_health_free accepts NULL. */
int policy_health_new(struct policy_health **out);
void policy_health_free(struct policy_health *health);

/* The octet of @slot: enum policy_health_reason | POLICY_HEALTHY_BIT. Never written: healthy, NONE.
 * Any thread. */
uint8_t policy_health_get(const struct policy_health *health, uint32_t slot);
/* Log index at which the slot last went from healthy to unhealthy or back; 0: never. Any thread. */
uint64_t policy_health_since(const struct policy_health *health, uint32_t slot);
/* Write one octet, as of log @index. Writer. ERR_LIMIT (slot), ERR_NOMEM: nothing was written. */
int policy_health_set(struct policy_health *health, uint32_t slot, uint8_t octet, uint64_t index);
/* The same for a slot whose past is known: put it back as it was, with the index of its last flip.
 */
int policy_health_restore(struct policy_health *health, uint32_t slot, uint8_t octet,
                          uint64_t since_index);

static inline bool policy_is_healthy(uint8_t octet)
{
    return (octet & POLICY_HEALTHY_BIT) != 0;
}
