/* node/control/instance_message.h: what a traffic policy document became, as record sets of a
 * command. */
#pragma once

#include <stddef.h>

struct arena;
struct policy_part;
struct Cmd__PutTrafficInstance;

/* Fill put->record_sets; put->instance_id is set. All memory is @arena's or borrowed from @parts.
 * ERR_NOMEM. */
int instance_message(const struct policy_part *parts, size_t count, struct arena *arena,
                     struct Cmd__PutTrafficInstance *put);
