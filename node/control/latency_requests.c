/* node/control/latency_requests.c: round-trip times: an operator's, and what routing takes for a
 * client. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply.h"
#include "cluster/cluster.h"
#include "control/call.h"
#include "control/requests.h"
#include "geo/latency.h"
#include "geo/region.h"
#include "geo/view.h"
#include "policy/policy.h"
#include "proto/control.pb-c.h"
#include "store/state_latency.h"
#include "zone/image.h"

#define PREFIX_LEN_MAX 17u

static void on_imported(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "%zu figures are imported", call->request->latency_import->n_entries);
}

void request_latency_import(struct call *call)
{
    const Ctl__LatencyImport *request = call->request->latency_import;
    Cmd__ImportLatency import = CMD__IMPORT_LATENCY__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    import.is_first = request->is_first;
    import.n_entries = request->n_entries;
    import.entries = request->entries;
    command.kind_case = CMD__COMMAND__KIND_IMPORT_LATENCY;
    command.import_latency = &import;
    call_propose(call, &command, on_imported);
}

struct figures {
    Ctl__LatencyReply reply;
    Ctl__LatencyFigure list[GEO_REGIONS_MAX], *pointers[GEO_REGIONS_MAX];
    uint8_t row[PREFIX_LEN_MAX];
};

static int compare(const void *a, const void *b)
{
    const Ctl__LatencyFigure *left = *(Ctl__LatencyFigure *const *)a;
    const Ctl__LatencyFigure *right = *(Ctl__LatencyFigure *const *)b;

    if (left->ms != right->ms)
        return left->ms < right->ms ? -1 : 1;
    return strcmp(left->region, right->region);
}

static void add(struct call *call, struct figures *figures, const struct geo_latency_row *row,
                unsigned number, const struct geo_region *region)
{
    static const char *const sources[] = {[GEO_LATENCY_IMPORTED] = "imported",
                                          [GEO_LATENCY_MEASURED] = "measured",
                                          [GEO_LATENCY_ROLLED_UP] = "rolled up"};
    Ctl__LatencyFigure *figure = &figures->list[figures->reply.n_figures];
    struct state_latency entry = {.source = STATE_LATENCY_MEASURED};
    const enum geo_latency_source source = geo_latency_origin(row, number, &entry.prefix);

    ctl__latency_figure__init(figure);
    figure->region = (char *)region->name;
    figure->ms = geo_latency_ms(row, number);
    figure->source = (char *)sources[source];
    memcpy(entry.region, region->name, sizeof(entry.region));
    if (source == GEO_LATENCY_MEASURED && state_get_latency(call_state(call), &entry, &entry) == 0)
        figure->measured_wall_s = entry.window_wall_s;
    figures->pointers[figures->reply.n_figures++] = figure;
}

static void add_row(struct call *call, struct figures *figures, const struct geo_view *view,
                    const struct geo_latency_row *row)
{
    const struct prefix *prefix = geo_latency_prefix(row);

    figures->row[0] = prefix->len;
    memcpy(figures->row + 1, prefix->octets, prefix->is_ipv6 ? 16 : 4);
    figures->reply.row.data = figures->row;
    figures->reply.row.len = prefix->is_ipv6 ? 17 : 5;
    for (unsigned number = 1; number < GEO_REGIONS_MAX; number++) {
        const struct geo_region *region = geo_regions_get(view->regions, number);
        if (region && geo_latency_ms(row, number) != GEO_LATENCY_NONE)
            add(call, figures, row, number, region);
    }
    qsort(figures->pointers, figures->reply.n_figures, sizeof(figures->pointers[0]), compare);
    for (size_t i = 0; i < figures->reply.n_figures; i++)
        figures->pointers[i]->is_tied =
            figures->pointers[i]->ms <= policy_latency_tie_ms(figures->pointers[0]->ms);
}

/* false: the call has failed. */
static bool take_address(struct call *call, const ProtobufCBinaryData *from,
                         struct geo_address *out)
{
    *out = (struct geo_address){.is_ipv6 = from->len == PREFIX_LEN_MAX};
    if ((from->len != 5 && from->len != PREFIX_LEN_MAX) || from->data[0] > (from->len - 1) * 8) {
        call_fail(call, ERR_INVALID, "a prefix is its length and 4 or 16 octets");
        return false;
    }
    out->bits = from->data[0];
    memcpy(out->octets, from->data + 1, from->len - 1);
    return true;
}

static void find_row(struct call *call, struct figures *figures, const struct geo_address *address)
{
    const struct geo_view *view =
        zone_image_geo(zone_image_read_begin(cluster_image(call->cluster)));
    const struct geo_latency_row *row = NULL;
    unsigned scope_bits;

    if (view && view->latency && view->regions)
        row = geo_latency_find(view->latency, address, &scope_bits);
    if (row)
        add_row(call, figures, view, row);
    zone_image_read_end();
}

/* The names in the figures are of the view, which the loop alone replaces: they hold. */
void request_latency_show(struct call *call)
{
    const ProtobufCBinaryData *prefix = &call->request->latency_show->prefix;
    struct state_latency_about about;
    struct geo_address address;
    Ctl__Reply reply = CTL__REPLY__INIT;

    if (!cluster_state(call->cluster)) {
        call_fail_code(call, ERR_UNAVAILABLE, "read the latencies");
        return;
    }
    if (prefix->len > 0 && !take_address(call, prefix, &address))
        return;
    struct figures *figures = calloc(1, sizeof(*figures));
    int rc = figures ? state_get_latency_about(call_state(call), &about) : ERR_NOMEM;
    if (rc != 0) {
        free(figures);
        call_fail_code(call, rc, "read the latencies");
        return;
    }
    ctl__latency_reply__init(&figures->reply);
    figures->reply.figures = figures->pointers;
    figures->reply.version = about.version;
    figures->reply.imported = about.imported_count;
    figures->reply.measured = about.measured_count;
    if (prefix->len > 0)
        find_row(call, figures, &address);
    reply.kind_case = CTL__REPLY__KIND_LATENCY;
    reply.latency = &figures->reply;
    call_reply(call, &reply);
    free(figures);
}
