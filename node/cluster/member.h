/* node/cluster/member.h: what a node knows of the members, itself among them. Loop thread;
 * members.h has what is done with it. */
#pragma once

#include "cluster/status.h"
#include "store/state.h"

/* What a member last said about itself to the leader. */
struct member_report {
    uint64_t heard_mono_ms; /* 0: never in this leader's time */
    uint64_t applied_index, image_index;
    uint64_t check_index;
    struct state_hash check_hash;
    char version[32];
    bool is_quarantined;
};
struct member {
    uint64_t id;
    enum cluster_role role;
    bool is_described; /* `about` is filled */
    struct state_member about;
    struct member_report report;
    uint64_t drained_until_wall_ms; /* drain.h; 0: not */
};
struct members {
    struct member list[CLUSTER_MEMBERS_MAX]; /* by name, then id */
    unsigned count;
};
