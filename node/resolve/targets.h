/* node/resolve/targets.h: the names that are kept resolved: when each is asked for next, and what
 * is served meanwhile. Time and chance are arguments, so tests need neither. Loop thread.
 *
 *     answer                  state   next question after             served
 *     none yet, none failed   resolving   at once                     nothing
 *     none yet, failed        failed  1 s, 2 s, 4 s … 60 s            nothing
 *     good, not expired       good    75 to 90 % of its TTL,          it
 *                                     after a failure as above
 *     good, expired, failed   stale   as above                        it, for 30 s (RFC 8767)
 *
 * An answer that says "there is nothing" is a good one: the set goes. Its TTL counts likewise. */
#pragma once

#include "resolve/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESOLVE_STALE_TTL_S 30u
#define RESOLVE_RETRY_MS 1000u
#define RESOLVE_RETRY_MS_MAX 60000u
#define RESOLVE_PROBLEM_SIZE 128u

struct resolve__target {
    uint64_t due_mono_ms;     /* of the next question */
    uint64_t expires_mono_ms; /* of the answer */
    uint64_t resolved_wall_ms;
    uint32_t place;    /* in the queue; only if not is_asking */
    uint32_t failures; /* since the last answer */
    uint16_t type;
    bool is_asking;
    bool is_dropped; /* while asking: nobody wants it any more */
    bool has_answer, is_stale;
    uint32_t served_ttl_s;
    struct resolve_addresses *addresses; /* NULL: none */
    char problem[RESOLVE_PROBLEM_SIZE];  /* of the last failure; "" after an answer */
    uint8_t name[];                      /* wire form, lower case */
};
struct resolve__targets {
    uint32_t ttl_floor_s, ttl_cap_s;
    struct resolve__target **list;  /* by name, then type */
    struct resolve__target **queue; /* a heap by due_mono_ms, of those that are not asked for */
    uint32_t count, queue_count, capacity;
};

/* A zeroed one with its two bounds is empty. Those being asked for are the asker's to settle. */
void resolve__targets_fini(struct resolve__targets *targets);
/* NULL: not there. */
struct resolve__target *resolve__find(const struct resolve__targets *targets, const uint8_t *name,
                                      uint16_t type);
/* To be asked for at once. ERR_EXISTS, ERR_NOMEM. */
int resolve__add(struct resolve__targets *targets, const uint8_t *name, uint16_t type,
                 uint64_t now_mono_ms);
void resolve__remove(struct resolve__targets *targets, struct resolve__target *target);

/* When there is something to ask next; UINT64_MAX: never. */
uint64_t resolve__next_ms(const struct resolve__targets *targets);
/* The one that is due by @now_mono_ms, which counts as asking from here on; NULL: none. */
struct resolve__target *resolve__take_due(struct resolve__targets *targets, uint64_t now_mono_ms);

struct resolve__moment {
    uint64_t mono_ms, wall_ms;
    uint32_t draw; /* by chance */
};
/* The end of asking, by one of these. true: what is served has changed. false, and gone, if it was
 * dropped. */
bool resolve__answered(struct resolve__targets *targets, struct resolve__target *target,
                       const struct resolve_addresses *answer, const struct resolve__moment *now);
bool resolve__failed(struct resolve__targets *targets, struct resolve__target *target,
                     const char *problem, const struct resolve__moment *now);
