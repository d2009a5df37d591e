/* node/cluster/renew.h: a member's own certificate. It takes another one by itself after two thirds
 * of its life, when an administrator asks, and when the cluster has another CA; its ports trust the
 * CAs of the day. Every member holds the CA's key, sealed, in state. All nodes may have reason at
 * once, and a port that opens anew is deaf for a moment: each has a turn of its own, RENEW_TURN_MS
 * after the one before, so that a quorum always hears each other. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define RENEW_LOOK_MS 500
#define RENEW_TURN_MS 1000
#define RENEW_AGAIN_MS 30000 /* after a failure */

/* Before the ports are open: what is due, at once. Failure is logged and harmless until the old
 * one expires. */
void renew_start(struct cluster *cluster);
/* For a running member: its ports close and open again with the new one, one after the other. */
void renew_tick(struct cluster *cluster, uint64_t now_mono_ms);
/* Look at identity and authority again, and what is to be told of them: cluster->renew.own. */
void renew_note(struct cluster *cluster);
