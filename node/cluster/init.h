/* node/cluster/init.h: a new cluster of one node. Keys, certificate and a log with one voter are
 * made first; what belongs into state (cluster id and domain, the CA's sealed key, the own zone) is
 * kept in identity/init and proposed until it is applied, also after a crash. Loop thread. */
#pragma once

#include "cluster/internal.h"

#define INIT_CA_KEY "ca.key" /* the secret's name in state, and its label when sealed */

struct init *init_new(void); /* NULL: no memory */
void init_free(struct init *init, int rc);
void init_tick(struct cluster *cluster, uint64_t now_mono_ms);
/* Remove what an init or join that did not end has left: log and state without an identity. */
int init_clear_leftovers(const char *data_dir);
