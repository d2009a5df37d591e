/* node/cli/zone_import.h: zone files in and out. */
#pragma once

struct cli;

/* quartet zone import ZONE FILE: the whole file is checked first; then its record sets travel in
 * chunks into a content that nobody is served, and one commit switches the zone to it. */
int zone_import_run(struct cli *cli);
/* quartet zone export ZONE. */
int zone_export_run(struct cli *cli);
