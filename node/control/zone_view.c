#include "control/zone_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"
#include "store/state.h"

#define SERVERS_MAX 64u

struct server_names { /* of one zone, if they are wanted */
    uint8_t names[SERVERS_MAX][DNS_NAME_MAX];
    ProtobufCBinaryData list[SERVERS_MAX];
};
/* One zone, with the storage that its reply points into. */
struct view {
    struct state_zone zone;
    Ctl__ZoneReply reply;
    struct server_names *servers;
};
struct zone_views {
    size_t count, limit;
    Ctl__ZoneReply **replies;
    struct view views[];
};

struct zone_views *zone_views_new(size_t limit)
{
    struct zone_views *views = calloc(1, sizeof(*views) + limit * sizeof(views->views[0]));

    if (!views)
        return NULL;
    views->limit = limit;
    views->replies = calloc(limit, sizeof(views->replies[0]));
    if (views->replies)
        return views;
    free(views);
    return NULL;
}

void zone_views_free(struct zone_views *views)
{
    if (!views)
        return;
    for (size_t i = 0; i < views->count; i++)
        free(views->views[i].servers);
    free(views->replies);
    free(views);
}

static void fill(struct view *view)
{
    struct state_zone *zone = &view->zone;

    view->reply = (Ctl__ZoneReply)CTL__ZONE_REPLY__INIT;
    view->reply.id = zone->id;
    view->reply.name = (ProtobufCBinaryData){dns_name_len(zone->name), zone->name};
    view->reply.record_set_count = zone->record_set_count;
    view->reply.comment = zone->comment;
    view->reply.caller_reference = zone->caller_reference;
    view->reply.created_wall_ms = zone->created_wall_ms;
    view->reply.is_private = zone->is_private;
    view->reply.is_not_served = zone->is_not_served;
    view->reply.delegation_set_id = zone->delegation_set_id;
    view->reply.accelerated_recovery = zone->accelerated_recovery;
}

static int add_servers(void *user, const struct state_record_set *set)
{
    struct view *view = user;
    const uint8_t *rdata;
    uint16_t len;
    size_t offset = 0;

    while (view->reply.n_name_servers < SERVERS_MAX && state_set_next(set, &offset, &rdata, &len)) {
        if (len > DNS_NAME_MAX)
            return ERR_CORRUPT;
        size_t i = view->reply.n_name_servers++;
        memcpy(view->servers->names[i], rdata, len);
        view->servers->list[i] = (ProtobufCBinaryData){len, view->servers->names[i]};
    }
    return 0;
}

static int read_servers(struct view *view, const struct kv *kv)
{
    struct state_record_set which = {.name = view->zone.name, .type = DNS_TYPE_NS};

    view->servers = malloc(sizeof(*view->servers));
    if (!view->servers)
        return ERR_NOMEM;
    view->reply.name_servers = view->servers->list;
    int rc = state_get_record_set(kv, view->zone.content, &which, add_servers, view);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int zone_views_add(struct zone_views *views, const struct kv *kv, const struct state_zone *zone,
                   bool with_servers)
{
    if (views->count == views->limit)
        return ERR_LIMIT;
    struct view *view = &views->views[views->count];
    view->zone = *zone;
    fill(view);
    views->replies[views->count++] = &view->reply;
    return with_servers ? read_servers(view, kv) : 0;
}

size_t zone_views_get(const struct zone_views *views, struct Ctl__ZoneReply ***out)
{
    *out = views->replies;
    return views->count;
}
