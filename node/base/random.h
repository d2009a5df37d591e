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
/* The same, but the first RANDOM_TIME_LEN characters tell @now_wall_ms, so that texts sort by when
 * they were made: keys that are made one after the other then stand beside each other. */
#define RANDOM_TIME_LEN 9u
void random_text_at(uint64_t now_wall_ms, char *out, size_t len);
/* A random UUID (RFC 9562 5.4) in lower case, with its NUL. */
#define RANDOM_UUID_SIZE 37u
void random_uuid(char out[RANDOM_UUID_SIZE]);
