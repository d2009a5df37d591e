/* tests/sim/checks.h: what must hold after each step. The checkers see everything (all disks, all
 * nodes) and change nothing. checks_log.c: logs and commitment; checks_election.c: terms, votes,
 * leaders; checks_apply.c: state machines and clients; checks_flow.c: messages; checks_end.c: after
 * the healing. */
#pragma once

#include "sim/machine.h"
#include "sim/world.h"

struct checks; /* opaque: the records of all checkers */
struct checks *checks_new(void);
void checks_free(struct checks *checks);
void checks_start(struct world *world); /* puts the checks of the healing phase into the heap */

void checks_after_start(struct node *node);
void checks_before_write(struct node *node, const struct raft_update *update);
void checks_hard_state_durable(struct node *node, const struct raft_hard_state *hard_state);
void checks_before_send(struct node *node, const struct raft_message *message);
void checks_on_arrival(struct node *node, const struct raft_message *message);
void checks_conf_changed(struct node *node);
void checks_on_tick(struct node *node);
void checks_after_step(struct node *node);

void checks_before_apply(struct node *node, const struct raft_entry *entry);
void checks_after_apply(struct node *node, const struct raft_entry *entry,
                        const struct machine_result *results, uint32_t count);
void checks_after_install(struct node *node);

/* A client was told that its write is done; it asks for a read; the read's index is released; the
 * state that it saw. @floor is what checks_read_asked() returned. */
void checks_write_acknowledged(struct world *world, uint64_t client_id, uint64_t sequence);
/* A recovery takes back what clients were told of behind @forked_at. */
void checks_recovered(struct world *world, uint64_t forked_at);
uint64_t checks_read_asked(struct world *world);
void checks_read_released(struct node *node, uint64_t floor, uint64_t index);
void checks_read_served(struct node *node);

/* From here to the end a leader is healthy: no term may rise. */
void checks_quiet_begin(struct world *world);
void checks_quiet_end(struct world *world);
bool checks_is_quiet(const struct world *world);
void checks_at_end(struct world *world);
