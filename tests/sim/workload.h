/* tests/sim/workload.h: clients of the cluster. A client sends one operation at a time to a node of
 * its choice; a write whose outcome it does not know it sends again, with the same sequence, until
 * some node has applied it. */
#pragma once

#include "sim/machine.h"
#include "sim/world.h"

struct workload;
struct workload *workload_start(struct world *world);
void workload_free(struct workload *workload);

void workload_applied(struct node *node, uint64_t index, const struct machine_result *result);
void workload_node_applied(struct node *node); /* reads that waited for this index */
void workload_read_released(struct node *node, const struct raft_read *read);
void workload_node_crashed(struct node *node);

/* The newest line has changed, and begins at @forked_at. */
void workload_recovered(struct world *world, uint64_t forked_at);

uint64_t workload_done_count(const struct workload *workload); /* operations with a known outcome */
/* A client with an operation under way at the end, or -1. */
int workload_find_stuck(const struct workload *workload);
uint32_t workload_contact(const struct workload *workload, int client); /* slot that it asked */
/* One last read by every client, after the writes have stopped. */
void workload_final_reads(struct world *world);
