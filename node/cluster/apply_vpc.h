/* node/cluster/apply_vpc.h: private zones and the VPCs that see them, for the files of apply. */
#pragma once

#include "cluster/apply_internal.h"

struct Cmd__Command;
struct Cmd__Vpc;

/* Run a command of these kinds; ERR_VERSION: it is of another kind. */
int apply__vpc(struct apply *apply, const struct Cmd__Command *command);
/* Associate a new private zone, which is told already, with its first VPC, or refuse. */
int apply__join_vpc(struct apply *apply, const struct state_zone *zone, const struct Cmd__Vpc *vpc);
/* The zone goes: take it out of all VPCs. Before it is told. */
int apply__leave_vpcs(struct apply *apply, const struct state_zone *zone);
