/* tests/sim/net.h: the network: directed links that lose, double, delay, reorder, and can be cut.
 */
#pragma once

#include "sim/world.h"

struct net *net_new(void);
void net_free(struct net *net);

void net_send(struct node *from, const struct raft_message *message);
/* A small application message (a forwarded command) would take this long; 0: it gets lost. */
uint64_t net_delay_us(struct world *world, uint32_t from, uint32_t to);

void net_cut(struct world *world, uint32_t from, uint32_t to); /* this direction only */
void net_mend_all(struct world *world);
void net_mend_node(struct world *world, uint32_t slot);
bool net_is_cut(const struct world *world, uint32_t from, uint32_t to);
/* All links are bad until then. */
void net_disturb(struct world *world, uint64_t until_us, uint32_t loss_pm, uint32_t spike_pm);
