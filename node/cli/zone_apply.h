/* node/cli/zone_apply.h: "quartet zone apply": a zone made equal to a file. */
#pragma once

struct cli;

/* Returns an exit status; failures have been told. */
int zone_apply_run(struct cli *cli);
