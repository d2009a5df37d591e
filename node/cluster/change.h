/* node/cluster/change.h: the leader changes the members, one step of Raft at a time (thesis §4.1):
 * what administrators ask, joins, and what the autopilot finds wise. Before a vote is moved, all
 * members are asked whether they live, and those who answer must be a quorum of the voters that
 * there would be; else it is refused. It is answered once its last step is committed. Loop thread.
 */
#pragma once

#include "cluster/autopilot.h"
#include "cluster/internal.h"

struct Clu__AskChange;
struct Cmd__MemberContext;
struct ask_call;

#define CHANGE_TIMEOUT_MS 15000           /* of one step or several on one leader */
#define CHANGE_POLL_MS AUTOPILOT_ALIVE_MS /* for members to answer before a vote is moved */

struct change *change_new(void); /* NULL: no memory */
void change_free(struct change *change);
void change_asked(struct cluster *cluster, struct ask_call *call,
                  const struct Clu__AskChange *asked);
void change_asked_add(struct cluster *cluster, struct ask_call *call,
                      const struct Cmd__MemberContext *context);
/* An entry was applied. */
void change_applied(struct cluster *cluster, uint64_t index, uint64_t term);
/* This node leads no longer, or anew: what was under way is asked again by its askers. */
void change_leader_changed(struct cluster *cluster);
/* Leader whose own state is in doubt: see change_plan_hand_over(). Nothing while another change is
 * under way; to be called again. */
void change_hand_over(struct cluster *cluster);
void change_tick(struct cluster *cluster, uint64_t now_mono_ms);
