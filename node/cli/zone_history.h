/* node/cli/zone_history.h: what was changed in a zone, and taking it back. */
#pragma once

struct cli;

/* quartet zone log ZONE, zone diff ZONE CHANGE, zone revert ZONE CHANGE. Exit statuses. */
int zone_log_run(struct cli *cli);
int zone_diff_run(struct cli *cli);
int zone_revert_run(struct cli *cli);
