/* node/cluster/report.h: members tell the leader how far they are; from that the leader answers who
 * lives, who lags and what is in sync. Loop thread. */
#pragma once

#include "cluster/internal.h"

struct Clu__Status;
struct ask_call;

/* Send this node's report to the leader, or note it when this node leads. */
void report_send(struct cluster *cluster);
void report_received(struct cluster *cluster, uint64_t from, const struct Clu__Status *status);
/* Several times a second, and whenever the loop is about to sleep: reports that are due. News go
 * out at once, but not more often than every REPORT_GAP_MS. */
#define REPORT_GAP_MS 10
void report_tick(struct cluster *cluster, uint64_t now_mono_ms);
/* This node leads from now on: what it knew of others is old. */
void report_reset(struct cluster *cluster);

/* The leader's answers. */
void report_answer_members(struct cluster *cluster, struct ask_call *call);
void report_answer_sync(struct cluster *cluster, struct ask_call *call, uint64_t index);
void report_answer_known(struct cluster *cluster, struct ask_call *call, uint64_t id);
