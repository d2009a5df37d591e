/* node/cli/record_apply.h: "quartet record apply": Route 53's JSON to a zone. */
#pragma once

struct cli;

/* Returns an exit status; failures have been told. */
int record_apply_run(struct cli *cli);
