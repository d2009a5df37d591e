/* The part of publish.h that is about logged zones: the image has their slots, and the table of the
 * log (querylog/table.h) what these stand for. */
#include "cluster/publish.h"

#include <inttypes.h>

#include "base/err.h"
#include "base/log.h"
#include "cluster/apply.h"
#include "cluster/publish_internal.h"
#include "cluster/zone_counts.h"
#include "querylog/table.h"
#include "store/state_logging.h"

void publish_set_log(struct publish *publish, struct querylog_table *table)
{
    publish->log = table;
}

void publish__mark_content(struct publish *publish, const char *zone_id,
                           struct zone_content *content)
{
    if (publish->log)
        zone_content_log(content, querylog_table_find(publish->log, zone_id));
    zone_content_count(content, zone_counts_put(publish->counts, zone_id));
}

static uint16_t put(struct publish *publish, const struct state_logging *logging)
{
    uint16_t slot = querylog_table_put(publish->log, logging->zone_id, logging->log_group_arn);

    if (slot == 0)
        log_warn("cluster", "queries_not_logged zone=%s reason=\"over %u zones are logged\"",
                 logging->zone_id, QUERYLOG_ZONES_MAX);
    return slot;
}

/* An import that fills another content gets the slot when it is served. */
static int show(struct publish *publish, const struct kv *kv, const char *zone_id, uint16_t slot)
{
    struct state_zone zone;
    int rc = state_get_zone(kv, zone_id, &zone);

    if (rc != 0) /* the zone went in the same entry */
        return rc == ERR_NOT_FOUND ? 0 : rc;
    const struct content_entry *entry = content_map_find(&publish->map, zone.content);
    if (!entry || entry->filling)
        return 0;
    rc = zone_change_log(publish->image, entry->apex, slot);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int publish__logging_changed(struct publish *publish, const struct kv *kv,
                             const struct apply_effect *effect)
{
    struct state_logging logging;
    uint16_t slot = 0;

    if (!publish->log)
        return 0;
    int rc = state_get_logging_of_zone(kv, effect->zone_id, &logging);
    if (rc == 0)
        slot = put(publish, &logging);
    else if (rc == ERR_NOT_FOUND)
        querylog_table_remove(publish->log, effect->zone_id);
    else
        return rc;
    return show(publish, kv, effect->zone_id, slot);
}

static int on_logging(void *user, const struct state_logging *logging)
{
    (void)put(user, logging);
    return 0;
}

int publish__load_logging(struct publish *publish, const struct kv *kv)
{
    if (!publish->log)
        return 0;
    querylog_table_begin(publish->log);
    int rc = state_list_loggings(kv, "", on_logging, publish);
    if (rc == 0)
        querylog_table_end(publish->log);
    return rc;
}
