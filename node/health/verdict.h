/* node/health/verdict.h: from the opinions of all checkers to one verdict (the leader's part).
 * Pure: time comes in, and the same calls give the same verdicts.
 *
 * Route 53's rule: an endpoint is healthy iff more than 18 % of the checkers say so. Here only
 * checkers count that have an opinion which lives:
 *     opinion     repeated within 3 heartbeats of its node: 2 s, and 1 ms more for each opinion the
 *                 node has (verdict_heartbeat_ms)
 *     node        heard within 6 s, with whatever opinions
 *     version     that of the check as it is now
 * Without any there is no verdict: what was true stays true. And there is none while opinions that
 * are on their way could overturn it, so that nothing flips for want of news:
 *     who is waited for                    for how long
 *     all who should check                 VERDICT_SETTLE_MS from when this node leads
 *     a node that lives and should check   that, and until it can know: from when it was first
 * heard or the check was made, time for its results
 *
 *     opinions (h healthy, u not, ? waited for)     verdict
 *     none                                          none
 *     h1 u3, h4, h1                                 healthy  (25 %, 100 %, 100 %)
 *     h1 u5                                         unhealthy (16.7 %)
 *     u4                                            unhealthy
 *     u3 ?1                                         none: it could be 25 %
 *     h1 u3 ?1                                      healthy: 20 % at least
 *     u5 ?1                                         unhealthy: 16.7 % at most */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "health/checker.h"

#define VERDICT_MEMBERS_MAX 64u
#define VERDICT_HEARTBEAT_MS 2000u
#define VERDICT_HEARTBEATS 3u   /* missed until an opinion is dead */
#define VERDICT_SETTLE_MS 5000u /* two heartbeats, if one is lost, and an election */
#define VERDICT_RUN_MS 10000u   /* longest run of one check */
#define VERDICT_PATIENCE_MS_MAX 120000u
#define VERDICT_HEALTHY_PERCENT 18u

struct verdict_table;

/* In so many ms a node repeats each of its @count opinions. */
static inline uint64_t verdict_heartbeat_ms(size_t count)
{
    return VERDICT_HEARTBEAT_MS + count;
}

/* ERR_NOMEM. On 0 the caller owns *@out; verdict_free accepts NULL. */
int verdict_new(struct verdict_table **out);
void verdict_free(struct verdict_table *table);

/* This node leads from now on: nothing is known of what others think. */
void verdict_lead(struct verdict_table *table, uint64_t now_mono_ms);
/* The members, which have the bits 0… of `expected`. Opinions of those who stay are kept; checks
 * are to be set again. ERR_LIMIT, ERR_NOMEM. */
int verdict_set_members(struct verdict_table *table, const uint64_t *ids, unsigned count);

struct verdict_check {
    uint64_t version;
    uint64_t expected; /* bits of the members that should check it */
    uint32_t interval_s, failure_threshold;
};
/* A check that is there, new or changed. ERR_NOMEM. */
int verdict_set_check(struct verdict_table *table, const char *id,
                      const struct verdict_check *check, uint64_t now_mono_ms);
void verdict_remove_check(struct verdict_table *table, const char *id);
size_t verdict_check_count(const struct verdict_table *table);
/* The @index-th check's id, in their order; NULL: there are not so many. Borrowed. */
const char *verdict_check_at(const struct verdict_table *table, size_t index);

/* Any message with opinions came from @member, maybe without one. */
void verdict_heard(struct verdict_table *table, uint64_t member, uint64_t now_mono_ms);
struct verdict_opinion { /* strings are borrowed; never NULL */
    uint64_t member;
    uint64_t version;
    enum health_state state;
    const char *status, *last_failure;
    uint64_t checked_wall_ms, last_failure_wall_ms;
};
/* What @opinion->member thinks. *@is_news: the verdict may be another one now. ERR_NOT_FOUND: no
 * such check or member; ERR_NOMEM. */
int verdict_put(struct verdict_table *table, const char *id, const struct verdict_opinion *opinion,
                uint64_t now_mono_ms, bool *is_news);

struct verdict_outcome {
    enum health_state verdict;  /* HEALTH_NONE: no verdict, what was true stays true */
    uint32_t healthy, checkers; /* opinions that live */
    const char *reason; /* the latest failure of those that are unhealthy, or ""; borrowed */
};
/* ERR_NOT_FOUND: no such check. */
int verdict_judge(const struct verdict_table *table, const char *id, uint64_t now_mono_ms,
                  struct verdict_outcome *out);
/* Fill at most @count_max opinions that live about @id; returns how many there are. Borrowed. */
unsigned verdict_list(const struct verdict_table *table, const char *id, uint64_t now_mono_ms,
                      struct verdict_opinion *out, unsigned count_max);
