/* node/cli/record_list.h: all record sets of a zone, page by page. */
#pragma once

#include <stdint.h>

struct cli;
struct zone_record_set;

/* 0: go on; positive: enough; negative: the set is malformed. @set is borrowed until return. */
typedef int (*record_list_cb)(void *user, const struct zone_record_set *set);

/* Call @cb for the sets of @zone (id or name) in the order of names, from @start_name (NULL: the
 * first) on. Returns an exit status; failures have been told. When an import replaces the zone
 * between two pages that is a failure, too: the list would mix two zones. */
int record_list_each(struct cli *cli, const char *zone, const uint8_t *start_name,
                     record_list_cb cb, void *user);
