/* node/cluster/proposer.h: this node's own commands on their way to being applied exactly once
 * (thesis §6.3). Each gets a sequence in this node's session and is kept, and sent to the leader
 * again and again, until the local apply tells its result or its time is over. Loop thread.
 *
 *     submit ─► kept in the window ─► flush: to the own log, or as Forward to the leader
 *                    ▲                         │
 *                    └── again: new leader, ───┘   result of the local apply ─► callback
 *                        or silence for a while
 *
 * Sequences live in a window of CLUSTER_PENDING_MAX, the one that state keeps per session, so a
 * full window is the bound on what waits: ERR_BUSY. */
#pragma once

#include "base/histogram.h"
#include "cluster/cluster.h"

struct proposer;

struct proposer_port {
    void *user;
    /* Hand commands (count, octets each) to the leader: queue them here, or send them on. 0; else
     * they are tried again later. */
    int (*deliver)(void *user, const uint8_t *const *commands, const size_t *lens, unsigned count);
    /* There is something to flush: call proposer_flush() before the loop sleeps. */
    void (*wake)(void *user);
};

#define PROPOSER_RESEND_MS 1000 /* without a result, doubled each time up to … */
#define PROPOSER_RESEND_MAX_MS 8000
#define PROPOSER_DELIVER_COMMANDS 1000    /* most in one deliver() … */
#define PROPOSER_DELIVER_LEN (256u << 10) /* … and their octets, if more than one */

/* NULL: no memory. */
struct proposer *proposer_new(const struct proposer_port *port);
/* Pending callbacks get @rc, then all is freed. */
void proposer_free(struct proposer *proposer, int rc);
/* As cluster_propose(). */
int proposer_submit(struct proposer *proposer, const struct Cmd__Command *command,
                    uint64_t now_mono_ms, uint32_t timeout_ms, cluster_result_cb cb, void *user);
/* As cluster_propose_bulk(). */
int proposer_submit_bulk(struct proposer *proposer, const struct Cmd__Command *command,
                         uint64_t now_mono_ms, cluster_result_cb cb, void *user);
/* A result of the local apply, of this or any other node's command. */
void proposer_result(struct proposer *proposer, const struct apply_result *result);
/* There is another leader (or one at all): send everything again. */
void proposer_leader_changed(struct proposer *proposer);
/* A snapshot took the place of entries that were not seen here: send everything again. A repetition
 * is told the result of the first, unless the session was given up meanwhile: then the outcome of
 * what was pending is unknown (ERR_TIMEOUT). */
void proposer_skipped(struct proposer *proposer);
/* Deliver what is due. */
void proposer_flush(struct proposer *proposer, uint64_t now_mono_ms);
/* Time-outs and repetitions; several times a second. */
void proposer_tick(struct proposer *proposer, uint64_t now_mono_ms);
unsigned proposer_count(const struct proposer *proposer);

struct proposer_figures {
    struct histogram times; /* from submit to the result here; of those that have one */
    uint64_t unknown;       /* ended without a result, by time or by a lost session */
};
const struct proposer_figures *proposer_figures(const struct proposer *proposer); /* borrowed */
