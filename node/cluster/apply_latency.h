/* node/cluster/apply_latency.h: round-trip times in the state machine.
 *
 * Imported figures are the operator's; the first command of an import replaces all from before.
 * Measured ones come by windows, and one changes only when it has changed for good. With the figure
 * that counts A, a candidate C seen in n windows (n = 0: none), and a new one M:
 *
 *     no A                                              A = M at once
 *     M is within tolerance of A                        n = 0; A is confirmed
 *     else, n > 0, M on the same side of A as C, and
 *       within tolerance of C                           C = M, n = n + 1; at n = 3: A = M, n = 0
 *     else                                              C = M, n = 1
 *
 * M is within tolerance of R when |M - R| <= max(10 ms, R / 10). Windows count by their end: a
 * figure of the window that was counted last for this prefix and region, or of one before, changes
 * nothing (two nodes of a region measure the same window: the first one counts). Windows without a
 * figure for the prefix do not break a row, unless more than a day lies between two of it.
 * A measured figure that was not confirmed for 30 days goes: each window has some looked at. */
#pragma once

#include "cluster/apply_internal.h"
#include "store/state_latency.h"

struct Cmd__Command;

#define APPLY__LATENCY_IMPORTED_MAX 1000000u /* more: refused, with the whole command */
#define APPLY__LATENCY_MEASURED_MAX 1000000u /* more: new ones are passed over until some go */
#define APPLY__LATENCY_ENTRIES_MAX 4096u     /* of one command */
#define APPLY__LATENCY_WINDOWS 3u
#define APPLY__LATENCY_ROW_GAP_S 86400u
#define APPLY__LATENCY_AGE_S (30u * 86400u)
#define APPLY__LATENCY_SWEEP 1024u /* entries looked at by one window */

/* A command about these; ERR_VERSION: it is of another kind. */
int apply__latency(struct apply *apply, const struct Cmd__Command *command);

/* Take one figure of the window that ended at @window_wall_s into @entry, which is measured and
 * there. Returns whether the figure that counts is another now; *@is_changed: @entry is to be
 * written. Pure. */
bool apply__latency_take(struct state_latency *entry, uint16_t ms, uint64_t window_wall_s,
                         bool *is_changed);
