/* node/cluster/known.h: a member that has heard no leader for KNOWN_AFTER_MS asks the others' admin
 * ports whether it is a member still: one that was removed while it was away is refused by every
 * peer and would otherwise never learn why. A leader asks those that it does not hear, for they may
 * have gone on without it (recover.h). Loop thread; asks on a worker. */
#pragma once

#include "cluster/internal.h"

#define KNOWN_AFTER_MS 5000

struct known;
struct known *known_new(struct cluster *cluster); /* NULL: no memory */
void known_free(struct known *known);             /* not while one runs */
bool known_is_running(const struct known *known);
void known_tick(struct known *known, uint64_t now_mono_ms);
