/* tests/sim/members.h: the operator: forms the cluster, changes its members, replaces lost nodes,
 * and at the end sees to an odd number of voters. */
#pragma once

#include "sim/world.h"

struct members;
struct members *members_start(struct world *world); /* makes and starts the first nodes */
/* An event: start the node in slot `number` again, unless it is out of service. */
void members_start_node(struct world *world, const struct event *event);
void members_free(struct members *members);
void members_on_update(struct node *node, const struct raft_update *update);

/* The committed members; NULL before there are any. */
const struct raft_conf *members_committed(const struct world *world);
bool members_has(const struct world *world, raft_id id);
bool members_has_voter(const struct world *world, raft_id id);
/* No log of a member, durable or not, holds a change that is not committed. */
bool members_is_settled(const struct world *world);
/* Is nothing left to do for the operator? */
bool members_is_healthy(const struct world *world);
