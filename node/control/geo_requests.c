/* node/control/geo_requests.c: this node's location database. Needs no quorum. */
#include <string.h>

#include "base/err.h"
#include "cluster/geo.h"
#include "control/call.h"
#include "control/place_text.h"
#include "control/requests.h"
#include "geo/location.h"
#include "geo/view.h"
#include "proto/control.pb-c.h"

static void on_loaded(void *user, int rc, const char *message)
{
    struct call *call = user;

    if (rc != 0)
        call_fail(call, rc, "%s; what was loaded before stays", message);
    else
        call_done(call, "%s", message);
}

void request_geo_load(struct call *call)
{
    const char *path = call->request->geo_load->path;
    int rc = cluster_geo_load(call->cluster, path, on_loaded, call);

    if (rc == ERR_INVALID)
        call_fail(call, rc,
                  "'%.200s': give the file's whole path on this node, from / on, of less "
                  "than 1,024 octets",
                  path);
    else if (rc == ERR_BUSY)
        call_fail(call, rc,
                  "a location database is being loaded: try again when 'quartet geo "
                  "status' shows it");
    else if (rc != 0)
        call_fail_code(call, rc, "load the location database");
}

/* true; false: the call has failed. */
static bool locate(struct call *call, const ProtobufCBinaryData *octets, Ctl__GeoReply *body,
                   char text[PLACE_TEXT_SIZE])
{
    static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct geo_address address = {.bits = (uint8_t)(octets->len * 8), .is_ipv6 = octets->len == 16};
    struct geo_location location;
    unsigned scope_bits = 0;

    if (octets->len != 4 && octets->len != 16) {
        call_fail(call, ERR_INVALID, "an address has 4 or 16 octets, not %zu", octets->len);
        return false;
    }
    memcpy(address.octets, octets->data, octets->len);
    if (address.is_ipv6 && memcmp(address.octets, MAPPED, sizeof(MAPPED)) == 0) {
        address = (struct geo_address){.bits = 32};
        memcpy(address.octets, octets->data + sizeof(MAPPED), 4);
    }
    if (cluster_geo_locate(call->cluster, &address, &location, &scope_bits))
        place_text_format(&location, text);
    body->location = text;
    body->scope_bits = scope_bits;
    return true;
}

void request_geo_status(struct call *call)
{
    const ProtobufCBinaryData *address = &call->request->geo_status->address;
    char text[PLACE_TEXT_SIZE] = "";
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__GeoReply body = CTL__GEO_REPLY__INIT;
    struct cluster_geo geo;

    cluster_geo_status(call->cluster, &geo);
    if (geo.about) {
        body.path = (char *)geo.about->path;
        body.type = (char *)geo.about->type;
        body.description = (char *)geo.about->description;
        body.built_wall_s = geo.about->built_wall_s;
        body.loaded_wall_s = geo.about->loaded_wall_s;
        body.prefixes = geo.about->prefixes;
        body.locations = geo.about->locations;
        body.memory_octets = geo.about->memory_octets;
        body.load_ms = geo.load_ms;
    }
    body.problem = geo.problem;
    if (geo.is_loading)
        reply.message = "a database is being loaded";
    if (address->len > 0 && !locate(call, address, &body, text))
        return;
    reply.kind_case = CTL__REPLY__KIND_GEO;
    reply.geo = &body;
    call_reply(call, &reply);
}
