#include "control/zone_view.h"

#include <string.h>

#include "base/err.h"
#include "dns/type.h"

void zone_view_fill(struct zone_view *view)
{
    struct state_zone *zone = &view->zone;

    view->reply = (Ctl__ZoneReply)CTL__ZONE_REPLY__INIT;
    view->reply.id = zone->id;
    view->reply.name = (ProtobufCBinaryData){dns_name_len(zone->name), zone->name};
    view->reply.record_set_count = zone->record_set_count;
    view->reply.comment = zone->comment;
    view->reply.caller_reference = zone->caller_reference;
    view->reply.created_wall_ms = zone->created_wall_ms;
    view->reply.name_servers = view->servers;
    view->reply.is_private = zone->is_private;
    view->reply.is_not_served = zone->is_not_served;
    view->reply.delegation_set_id = zone->delegation_set_id;
    view->reply.accelerated_recovery = zone->accelerated_recovery;
}

static int add_name_servers(void *user, const struct state_record_set *set)
{
    struct zone_view *view = user;
    const uint8_t *rdata;
    uint16_t len;
    size_t offset = 0;

    while (view->reply.n_name_servers < ZONE_VIEW_SERVERS_MAX &&
           state_set_next(set, &offset, &rdata, &len)) {
        if (len > DNS_NAME_MAX)
            return ERR_CORRUPT;
        size_t i = view->reply.n_name_servers++;
        memcpy(view->names[i], rdata, len);
        view->servers[i] = (ProtobufCBinaryData){len, view->names[i]};
    }
    return 0;
}

int zone_view_add_servers(struct zone_view *view, const struct kv *kv)
{
    struct state_record_set which = {.name = view->zone.name, .type = DNS_TYPE_NS};
    int rc = state_get_record_set(kv, view->zone.content, &which, add_name_servers, view);

    return rc == ERR_NOT_FOUND ? 0 : rc;
}
