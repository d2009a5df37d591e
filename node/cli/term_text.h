/* node/cli/term_text.h: a term of the log for people: "7", and after a recovery "7 of recovery 1".
 */
#pragma once

#include <stdint.h>

/* In static storage until the next call. */
const char *term_text(uint64_t term);
