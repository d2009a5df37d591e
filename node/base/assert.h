/* node/base/assert.h: assertions for bugs, on in every build. Never for outside octets, which are
 * checked and answered with an error. raft/core has a macro of its own. */
#pragma once

/* Print to standard error and abort. Any thread. */
_Noreturn void assert_failed(const char *expression, const char *file, int line);

#define ASSERT(expression) ((expression) ? (void)0 : assert_failed(#expression, __FILE__, __LINE__))
