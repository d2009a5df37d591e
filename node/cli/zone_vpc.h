/* node/cli/zone_vpc.h: private zones on the command line: "quartet zone associate" and the like. */
#pragma once

#include <stdbool.h>

struct cli;
struct Cmd__Vpc;

int zone_associate_run(struct cli *cli);
int zone_disassociate_run(struct cli *cli);
int zone_authorize_run(struct cli *cli);
int zone_deauthorize_run(struct cli *cli);
int zone_authorizations_run(struct cli *cli);
/* --vpc and --vpc-region; false: --vpc was not given. Texts are the command line's. */
bool zone_vpc_read(const struct cli *cli, struct Cmd__Vpc *out);
