/* raft/core/assert.h: assertions that stay on in every build; a broken invariant stops the node. */
#pragma once

void raft__assert_failed(const char *what, const char *file, int line)
    __attribute__((noreturn, cold));

#define RAFT_ASSERT(condition)                                                                     \
    ((condition) ? (void)0 : raft__assert_failed(#condition, __FILE__, __LINE__))
