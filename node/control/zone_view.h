/* node/control/zone_view.h: a zone as replies show it. */
#pragma once

#include "dns/name.h"
#include "proto/control.pb-c.h"
#include "store/state.h"

#define ZONE_VIEW_SERVERS_MAX 64u

struct kv;

/* One zone, with the storage that its reply points into. */
struct zone_view {
    struct state_zone zone;
    Ctl__ZoneReply reply;
    uint8_t names[ZONE_VIEW_SERVERS_MAX][DNS_NAME_MAX];
    ProtobufCBinaryData servers[ZONE_VIEW_SERVERS_MAX];
};

/* Fill the reply from the zone, which stays where it is; without name servers. */
void zone_view_fill(struct zone_view *view);
/* Add the names of its apex NS set. 0, or ERR_* of reads. */
int zone_view_add_servers(struct zone_view *view, const struct kv *kv);
