/* tests/sim/mutation.h: breaking the rules of the core on purpose, one at a time, to see that the
 * checks notice. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

bool mutation_is_built(void);
/* -1: no such rule, or not in this program. */
int mutation_choose(const char *rule);
/* Run seeds for every rule until a violation is found, at most @limit; print the table, with a
 * line of the Test Anything Protocol for each rule if @is_tap. Exit status: 0 when every rule was
 * found broken. */
int mutation_table(uint64_t limit, uint64_t first, bool is_tap);
