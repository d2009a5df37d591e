/* tests/sim/adversary.h: what goes wrong. One fault after another at drawn times, by the weights of
 * the profile, until the healing phase; then everything is mended. */
#pragma once

#include "sim/world.h"

struct adversary;
struct adversary *adversary_start(struct world *world);
void adversary_free(struct adversary *adversary);
