/* node/control/region_requests.c: regions, Route 53's and the operator's. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "control/call.h"
#include "control/requests.h"
#include "geo/region.h"
#include "proto/control.pb-c.h"
#include "store/state_cidr.h"

static void on_set(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "region %s is set", call->request->region_set->name);
}

void request_region_set(struct call *call)
{
    const Ctl__RegionSet *request = call->request->region_set;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__PutRegion put = CMD__PUT_REGION__INIT;

    put.name = request->name;
    put.latitude_cdeg = request->latitude_cdeg;
    put.longitude_cdeg = request->longitude_cdeg;
    command.kind_case = CMD__COMMAND__KIND_PUT_REGION;
    command.put_region = &put;
    call_propose(call, &command, on_set);
}

static void on_deleted(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "region %s is deleted", call->request->region_delete->name);
}

void request_region_delete(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteRegion deletion = CMD__DELETE_REGION__INIT;

    deletion.name = call->request->region_delete->name;
    command.kind_case = CMD__COMMAND__KIND_DELETE_REGION;
    command.delete_region = &deletion;
    call_propose(call, &command, on_deleted);
}

struct regions {
    struct state_region own[GEO_REGIONS_MAX];
    Ctl__Region list[GEO_REGIONS_MAX], *pointers[GEO_REGIONS_MAX];
    size_t own_count, count;
};

static void add(struct regions *regions, const char *name, int latitude_cdeg, int longitude_cdeg)
{
    Ctl__Region *out = &regions->list[regions->count];

    ctl__region__init(out);
    out->name = (char *)(uintptr_t)name;
    out->latitude_cdeg = latitude_cdeg;
    out->longitude_cdeg = longitude_cdeg;
    regions->pointers[regions->count++] = out;
}

static int on_region(void *user, const struct state_region *region)
{
    struct regions *regions = user;

    if (regions->own_count > STATE_OWN_REGION_LAST - STATE_OWN_REGION_FIRST)
        return ERR_CORRUPT;
    struct state_region *own = &regions->own[regions->own_count++];
    *own = *region;
    add(regions, own->name, own->latitude_cdeg, own->longitude_cdeg);
    regions->list[regions->count - 1].is_own = true;
    return 0;
}

/* The operator's first. */
static void list_regions(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__RegionListReply body = CTL__REGION_LIST_REPLY__INIT;
    struct regions *regions = calloc(1, sizeof(*regions));
    int rc = regions ? state_list_regions(call_state(call), on_region, regions) : ERR_NOMEM;

    if (rc != 0) {
        call_fail_code(call, rc, "list the regions");
    } else {
        for (unsigned number = 1; number < GEO_REGION_OWN_FIRST; number++) {
            const struct geo_region *region = geo_region_builtin_at(number);
            if (region)
                add(regions, region->name, region->latitude_cdeg, region->longitude_cdeg);
        }
        body.n_regions = regions->count;
        body.regions = regions->pointers;
        reply.kind_case = CTL__REPLY__KIND_REGION_LIST;
        reply.region_list = &body;
        call_reply(call, &reply);
    }
    free(regions);
}

void request_region_list(struct call *call)
{
    call_read(call, list_regions);
}
