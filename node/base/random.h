/* node/base/random.h: secure random octets. The pure rooms take chance as an argument instead. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Fill @out with @len octets from the kernel. Cannot fail on Linux once booted; a kernel that
 * refuses is a bug in the environment and aborts. Any thread. */
void random_bytes(void *out, size_t len);
/* One uniform 64-bit number that is not 0, as ids need. */
uint64_t random_id(void);
/* Fill @out with @len characters drawn evenly from [A-Z0-9] and a final NUL; @out holds len + 1. */
void random_text(char *out, size_t len);
