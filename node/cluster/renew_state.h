/* node/cluster/renew_state.h: what renew.c and authority.c remember, in struct cluster. */
#pragma once

#include "store/state_authority.h"

struct renew_state {
    uint64_t looked_mono_ms, open_at_mono_ms, told_mono_ms;
    uint64_t turn_mono_ms; /* when this node may do what is due; 0: nothing is */
    uint64_t due_wall_ms;
    uint64_t stepped_mono_ms;     /* leader: the last try of a rotation's next step */
    struct state_certificate own; /* as it is to be told */
    bool is_admin_closing;
    bool is_unused; /* the ports have not taken it */
};
