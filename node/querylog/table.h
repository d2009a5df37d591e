/* node/querylog/table.h: which zones are logged and where to. The image carries a small number, a
 * slot, for each logged zone; the log's thread finds here what it stands for. The loop thread puts
 * and removes; any thread gets.
 *
 * A slot that was given up is given out again only after QUERYLOG_SLOT_REST_MS: until then records
 * of it may be under way. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "querylog/line.h"

#define QUERYLOG_ZONES_MAX 60000u
#define QUERYLOG_SLOT_REST_MS 10000u
#define QUERYLOG_GROUP_SIZE 513u /* Route 53's log groups have names of 512 octets at most */

struct querylog_table; /* opaque */

struct querylog_target {
    char zone_id[QUERYLOG_ID_SIZE];
    char group[QUERYLOG_GROUP_SIZE]; /* the last part of the log group's name; "": it has none */
};

/* NULL: no memory. querylog_table_free() accepts NULL. */
struct querylog_table *querylog_table_new(void);
void querylog_table_free(struct querylog_table *table);

/* The zone is logged, to log group @arn ("arn:aws:logs:…:log-group:NAME", maybe with ":*" behind).
 * Its slot, which is another after the group has changed; 0: there is no room. */
uint16_t querylog_table_put(struct querylog_table *table, const char *zone_id, const char *arn);
/* It is not, any more. */
void querylog_table_remove(struct querylog_table *table, const char *zone_id);
/* The zone's slot; 0: it is not logged. Loop thread; costs next to nothing while none is. */
uint16_t querylog_table_find(const struct querylog_table *table, const char *zone_id);
/* All zones are read again: put each between these two, and those that were not are removed. */
void querylog_table_begin(struct querylog_table *table);
void querylog_table_end(struct querylog_table *table);

/* What @slot stands for, or stood for. false: nothing ever. Any thread. */
bool querylog_table_get(struct querylog_table *table, uint16_t slot, struct querylog_target *out);
/* Grows whenever a slot's meaning may have changed. Any thread. */
uint64_t querylog_table_version(const struct querylog_table *table);
unsigned querylog_table_count(const struct querylog_table *table); /* logged zones; any thread */
