/* tests/lib/test_members.h: a cluster of two members, through apply. */
#pragma once

#include "lib/test_apply.h"

/* A command of @kind whose message is @body; its result. */
const struct apply_result *test_run(struct test_apply *test, Cmd__Command__KindCase kind,
                                    void *body);
/* What member @id, 1 or 2, says of itself; its certificate's hash is zeros. */
void test_member_context(Cmd__MemberContext *context, uint64_t id);
/* Make the cluster, and its members 1 (a voter) and 2 by entries of the log, as they come in. */
void test_two_members(struct test_apply *test);
