#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "BUG %s:%d: assertion failed: %s\n", file, line, expression);
    abort();
}
