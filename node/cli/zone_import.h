/* node/cli/zone_import.h: zone files in and out. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct Ctl__ImportChunk;
struct cli;
struct zone_record_set;

#define ZONE_IMPORT_TTL_S 3600u       /* of records before any $TTL */
#define ZONE_IMPORT_TIMEOUT_MS 60000u /* for one request of an import */
#define ZONE_IMPORT_PROGRESS_MS 500u  /* between two lines that say how far it is */

/* quartet zone import ZONE FILE: the whole file is checked first; then its record sets travel in
 * chunks into a content that nobody is served, and one commit switches the zone to it. */
int zone_import_run(struct cli *cli);
/* quartet zone import --list FILE: many zones, several at a time; each is imported or not as if by
 * a command of its own. */
int zone_import_list_run(struct cli *cli);
/* quartet zone export ZONE. */
int zone_export_run(struct cli *cli);

/* Put as many of @sets into @chunk as fit, at least one of those that there are; returns how many.
 * A set that is larger than a chunk travels alone. Views, until the next call. */
size_t zone_import__fill(const struct zone_record_set *sets, size_t set_count,
                         struct Ctl__ImportChunk *chunk);
/* Tell what is wrong in a zone file; @line 0: with the file as a whole. @kind: "" or "warning: ".
 */
void zone_import__show(const char *file, uint64_t line, const char *kind, const char *text);
