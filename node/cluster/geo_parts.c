#include "cluster/geo_parts.h"

#include <stdlib.h>

#include "base/err.h"
#include "cluster/publish.h"
#include "geo/cidr.h"
#include "geo/database.h"
#include "geo/latency.h"
#include "geo/region.h"
#include "geo/view.h"
#include "zone/image.h"

#define TAKEN 64u

struct geo_parts {
    struct publish *publish;
    struct geo_view *view; /* one reference is ours, one the image's */
    struct {
        uint32_t slot;
        uint64_t index;
    } taken[TAKEN]; /* of collections, by slot; what has no place is taken over again */
};

/* A view of @parts, each of which gets a reference more; NULL: no memory. */
static struct geo_view *view_of(const struct geo_view *parts)
{
    struct geo_view *view = geo_view_new(parts);

    if (!view)
        return NULL;
    if (view->database)
        geo_database_ref(view->database);
    if (view->regions)
        geo_regions_ref(view->regions);
    if (view->latency)
        geo_latency_ref(view->latency);
    if (view->cidr)
        geo_cidr_ref(view->cidr);
    return view;
}

static int show(struct geo_parts *parts, const struct geo_view *wanted)
{
    struct geo_view *view = view_of(wanted);

    if (!view)
        return ERR_NOMEM;
    geo_view_unref(parts->view);
    parts->view = view;
    zone_change_geo(publish_image(parts->publish), geo_view_ref(view));
    return 0;
}

int geo_parts_new(struct publish *publish, struct geo_parts **out)
{
    struct geo_parts *parts = calloc(1, sizeof(*parts));
    struct geo_view wanted = {0};

    if (!parts)
        return ERR_NOMEM;
    parts->publish = publish;
    int rc = geo_regions_new(NULL, &wanted.regions);
    if (rc == 0)
        rc = show(parts, &wanted);
    geo_regions_unref(wanted.regions);
    if (rc == 0)
        *out = parts;
    else
        free(parts);
    return rc;
}

void geo_parts_free(struct geo_parts *parts)
{
    if (!parts)
        return;
    geo_view_unref(parts->view);
    free(parts);
}

int geo_parts_set_database(struct geo_parts *parts, struct geo_database *database_take)
{
    struct geo_view wanted = *parts->view;

    wanted.database = database_take;
    int rc = show(parts, &wanted);
    geo_database_unref(database_take);
    return rc;
}

int geo_parts_set_regions(struct geo_parts *parts, struct geo_regions *regions_take)
{
    struct geo_view wanted = *parts->view;

    wanted.regions = regions_take;
    int rc = show(parts, &wanted);
    geo_regions_unref(regions_take);
    return rc;
}

int geo_parts_set_latency(struct geo_parts *parts, struct geo_latency *latency_take)
{
    struct geo_view wanted = *parts->view;

    wanted.latency = latency_take;
    int rc = show(parts, &wanted);
    geo_latency_unref(latency_take);
    return rc;
}

int geo_parts_set_cidr(struct geo_parts *parts, struct geo_cidr *cidr_take)
{
    struct geo_view wanted = *parts->view;

    wanted.cidr = cidr_take;
    int rc = show(parts, &wanted);
    geo_cidr_unref(cidr_take);
    return rc;
}

int geo_parts_set_cidr_at(struct geo_parts *parts, struct geo_cidr *cidr_take, uint32_t slot,
                          uint64_t index)
{
    int rc = geo_parts_set_cidr(parts, cidr_take);

    if (rc == 0) {
        parts->taken[slot % TAKEN].slot = slot;
        parts->taken[slot % TAKEN].index = index;
    }
    return rc;
}

bool geo_parts_has_cidr_at(const struct geo_parts *parts, uint32_t slot, uint64_t index)
{
    return parts->taken[slot % TAKEN].slot == slot && parts->taken[slot % TAKEN].index == index;
}

void geo_parts_publish(struct geo_parts *parts)
{
    publish_refresh(parts->publish);
}

const struct geo_view *geo_parts_view(const struct geo_parts *parts)
{
    return parts->view;
}
