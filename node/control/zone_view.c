#include "control/zone_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state.h"
#include "store/state_vpc.h"

#define SERVERS_MAX 64u

struct server_names { /* of one zone, if they are wanted */
    uint8_t names[SERVERS_MAX][DNS_NAME_MAX];
    ProtobufCBinaryData list[SERVERS_MAX];
};
struct vpcs {
    size_t count, room;
    Cmd__Vpc **pointers; /* into what follows */
    struct {
        struct state_vpc stored;
        Cmd__Vpc shown;
    } list[];
};
/* One zone, with the storage that its reply points into. */
struct view {
    struct state_zone zone;
    Ctl__ZoneReply reply;
    struct server_names *servers;
    struct vpcs *vpcs; /* of a private zone, likewise */
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
    for (size_t i = 0; i < views->count; i++) {
        free(views->views[i].servers);
        if (views->views[i].vpcs)
            free(views->views[i].vpcs->pointers);
        free(views->views[i].vpcs);
    }
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

static int count_vpc(void *user, const struct state_vpc *vpc)
{
    (void)vpc;
    ++*(size_t *)user;
    return 0;
}

static int add_vpc(void *user, const struct state_vpc *vpc)
{
    struct vpcs *vpcs = user;
    const size_t i = vpcs->count++;

    ASSERT(i < vpcs->room); /* counted in this turn of the loop */
    vpcs->list[i].stored = *vpc;
    cmd__vpc__init(&vpcs->list[i].shown);
    vpcs->list[i].shown.id = vpcs->list[i].stored.id;
    vpcs->list[i].shown.region = vpcs->list[i].stored.region;
    vpcs->pointers[i] = &vpcs->list[i].shown;
    return 0;
}

static int read_vpcs(struct view *view, const struct kv *kv)
{
    size_t count = 0;
    int rc = state_list_associations(kv, view->zone.id, "", count_vpc, &count);

    if (rc != 0)
        return rc;
    struct vpcs *vpcs = view->vpcs = calloc(1, sizeof(*vpcs) + count * sizeof(vpcs->list[0]));
    if (!vpcs)
        return ERR_NOMEM;
    vpcs->room = count;
    vpcs->pointers = calloc(count + 1, sizeof(Cmd__Vpc *));
    if (!vpcs->pointers)
        return ERR_NOMEM;
    rc = state_list_associations(kv, view->zone.id, "", add_vpc, vpcs);
    view->reply.vpcs = vpcs->pointers;
    view->reply.n_vpcs = vpcs->count;
    return rc;
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
    if (!with_servers)
        return 0;
    int rc = read_servers(view, kv);
    return rc == 0 && zone->is_private ? read_vpcs(view, kv) : rc;
}

size_t zone_views_get(const struct zone_views *views, struct Ctl__ZoneReply ***out)
{
    *out = views->replies;
    return views->count;
}
