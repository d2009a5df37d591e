#include "cli/term_text.h"

#include <inttypes.h>
#include <stdio.h>

/* As raft/core/entry.h and cluster/recover.c make them: generation, chance, count. */
#define GENERATION_SHIFT 48
#define COUNT_MASK ((UINT64_C(1) << 24) - 1)

const char *term_text(uint64_t term)
{
    static char text[48];

    if (term >> GENERATION_SHIFT == 0)
        snprintf(text, sizeof(text), "%" PRIu64, term);
    else
        snprintf(text, sizeof(text), "%" PRIu64 " of recovery %" PRIu64, term & COUNT_MASK,
                 term >> GENERATION_SHIFT);
    return text;
}
