/* node/store/state_authority.h: the cluster's certificate authorities as state has them: one, or
 * two while one takes the other's place. Conventions as in state.h and state_put.h. Their private
 * keys are secrets. */
#pragma once

#include "store/overlay.h"
#include "store/state.h"

#define STATE_CA_PEM_SIZE 4096u
#define STATE_CAS_MAX 2u

enum state_authority_phase {                             /* stored: never renumber */
                             STATE_AUTHORITY_STEADY = 0, /* one CA */
                             STATE_AUTHORITY_TRUST = 1, /* a new one is being trusted beside it, and
                                                           makes nothing yet */
                             STATE_AUTHORITY_USE = 2, /* the new one makes certificates; the old one
                                                         is still trusted */
};
struct state_ca {
    uint32_t generation;
    char cert_pem[STATE_CA_PEM_SIZE];
};
struct state_authority {
    uint8_t cluster_id[STATE_CLUSTER_ID_LEN];
    enum state_authority_phase phase;
    uint32_t signing; /* generation that makes certificates */
    uint32_t last;    /* greatest that there ever was */
    uint64_t begun_wall_ms;
    struct state_ca cas[STATE_CAS_MAX]; /* ascending */
    uint32_t ca_count;                  /* 2 unless STEADY */
};

/* ERR_NOT_FOUND: the CA was never rotated. */
int state_get_authority(const struct kv *kv, struct state_authority *out);
void state_put_authority(struct overlay *overlay, const struct state_authority *authority);
