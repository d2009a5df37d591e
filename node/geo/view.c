#include "geo/view.h"

#include "base/assert.h"
#include "geo/cidr.h"
#include "geo/database.h"
#include "geo/latency.h"
#include "geo/region.h"

#include <stdlib.h>

struct geo_view *geo_view_new(const struct geo_view *parts_take)
{
    struct geo_view *view = malloc(sizeof *view);
    if (view == NULL)
        return NULL;
    *view = *parts_take;
    view->references = 1;
    return view;
}

struct geo_view *geo_view_ref(struct geo_view *view)
{
    const uint32_t before = __atomic_fetch_add(&view->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0 && before < UINT32_MAX);
    return view;
}

void geo_view_unref(struct geo_view *view)
{
    if (view == NULL || __atomic_sub_fetch(&view->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    geo_database_unref(view->database);
    geo_regions_unref(view->regions);
    geo_latency_unref(view->latency);
    geo_cidr_unref(view->cidr);
    free(view);
}
