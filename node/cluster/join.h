/* node/cluster/join.h: how a node gets in.
 *
 *     joiner                                     any member (admin port)
 *     GetCa, not verified               ───►     its CA; compared with the hash in the token
 *     Join, over TLS verified by that CA ──►     token checked and consumed, request signed,
 *       token secret, signing request, names     learner added by the leader
 *     identity stored, member started   ◄───     certificate, cluster key, members
 *
 * The joiner's side blocks on the network and runs on a worker. Loop thread otherwise. */
#pragma once

#include "cluster/internal.h"

#define JOIN_TIMEOUT_MS 60000

struct Adm__Reply;
struct Adm__Request;

struct join *join_new(struct cluster *cluster); /* NULL: no memory */
/* Not while one runs: see join_is_running(). */
void join_free(struct join *join);
bool join_is_running(const struct cluster *cluster);
/* What it does now, for status; "" when none runs. Borrowed. */
const char *join_step(const struct cluster *cluster);
void join_tick(struct cluster *cluster, uint64_t now_mono_ms);

/* join_server.c: answer a Join, later, by admin_port_reply(). */
struct admin_call;
void join_asked(struct cluster *cluster, struct admin_call *call,
                const struct Adm__Request *request);

/* Leader: forget how a member joined once it has been heard; from time to time. */
void join_server_tick(struct cluster *cluster, uint64_t now_mono_ms);

/* admin_client.c: one request to an admin port; blocks, any thread. @ca_pem NULL: do not check whom
 * we talk to. On 0 the caller frees *@reply (adm__reply__free_unpacked). ERR_UNAVAILABLE,
 * ERR_TIMEOUT, ERR_DENIED (TLS refused), ERR_CORRUPT (no valid reply), ERR_INVALID (address). */
int admin_client_ask(const char *address, const char *ca_pem, const struct Adm__Request *request,
                     uint32_t timeout_ms, struct Adm__Reply **reply);
