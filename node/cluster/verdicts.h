/* node/cluster/verdicts.h: the leader's part of health checking: opinions of all nodes become
 * verdicts in the log (health/verdict.h has the rule). Loop thread. */
#pragma once

#include "cluster/internal.h"

struct Clu__Opinions;
struct ask_call;
struct verdicts;

struct verdicts *verdicts_new(void); /* NULL: no memory */
void verdicts_free(struct verdicts *verdicts);

/* This node leads from now on, or no longer. */
void verdicts_role_changed(struct cluster *cluster);
/* As in cluster/opinions.h. */
void verdicts_check_changed(struct cluster *cluster, const char *id);
void verdicts_members_changed(struct cluster *cluster);
/* What routing takes the check of @slot for is another octet now: look again what it is. */
void verdicts_octet(struct cluster *cluster, uint32_t slot);
/* Opinions from a member, or from this node itself. */
void verdicts_take(struct cluster *cluster, uint64_t from, const struct Clu__Opinions *opinions);
/* Before the loop sleeps: propose what changed. */
void verdicts_flush(struct cluster *cluster, uint64_t now_mono_ms);
/* Several times a second: opinions may have aged out. */
void verdicts_tick(struct cluster *cluster, uint64_t now_mono_ms);
/* The answer to AskOpinions. */
void verdicts_answer(struct cluster *cluster, struct ask_call *call, const char *id);
